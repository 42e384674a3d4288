//===- PaintGraph.h - The painting, on a graph of indices -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which vertices, each an (op, type group), become 16-bit, and why. Works on
// indices alone, so that it can be tested and fuzzed without IR. The rules are
// numbered R1.. in docs/Algorithm.md and follow TensorFlow's Grappler pass
// auto_mixed_precision.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_PAINTGRAPH_H
#define AMP_ANALYSIS_PAINTGRAPH_H

#include "amp/Policy/Policy.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace amp {

using VertexId = uint32_t;
inline constexpr VertexId kNoVertex = ~VertexId(0);

/// A user's pin of one node.
enum class Pin : uint8_t { None, Float32, Target, OtherLow };

/// One (op, type group). Four bytes: there are as many as ops.
struct PaintVertex {
  ListKind list = ListKind::Keep;
  Pin pin = Pin::None;
  /// The group's element type is float32: only such a vertex is ever lowered.
  bool isFloat32 : 1;
  /// The op's definition lets the group have the target type.
  bool allowsTarget : 1;
  /// The target type can also be executed (TensorFlow: a kernel exists).
  bool supportsTarget : 1;
  /// The node may be changed (not preserved, on the right device, no loss).
  bool processable : 1;
  /// Reads a variable by reference: R7 does not enter it (TensorFlow's
  /// Identity of a VariableV2).
  bool readsVariable : 1;
  /// Lowered whatever its list, without a question whether it can have the type.
  bool forced : 1;
  /// Its elements are reached in ways that the function does not show: it stays
  /// float32, and so does what is tied to it.
  bool escapes : 1;
  /// Of another type than float32, and hands on what its neighbours hold: the
  /// handle of a list, on whose way from who writes elements to who reads them
  /// it stands. Never painted itself.
  bool isConduit : 1;
  /// An existing cast to float32 that may produce the target type instead.
  bool retargetable : 1;

  PaintVertex()
      : isFloat32(true), allowsTarget(true), supportsTarget(true),
        processable(true), readsVariable(false), forced(false), escapes(false),
        isConduit(false), retargetable(false) {}
};
static_assert(sizeof(PaintVertex) == 4);

/// Vertices in the order in which sweeps visit them, and edges from the vertex
/// that makes a value to each vertex that uses it in its group.
class PaintGraph {
public:
  /// Room for so many, so that none is moved.
  void reserve(size_t vertexCount, size_t edgeCount);
  VertexId addVertex(const PaintVertex &vertex) {
    vertices.push_back(vertex);
    return static_cast<VertexId>(vertices.size() - 1);
  }
  void addEdge(VertexId from, VertexId to) {
    inOrder = inOrder && (edges.empty() || edges.back().second <= to);
    edges.emplace_back(from, to);
  }
  /// Two vertices of one cluster take one colour (values tied through regions,
  /// calls and lists).
  void tie(VertexId a, VertexId b);
  /// A value of loop iteration n+1: `next` hands it to `merge`. All merges of
  /// one `next` are lowered with it or not at all.
  void addRecurrence(VertexId next, VertexId merge);
  /// Sorts and de-duplicates the edges; no more may be added.
  void finish();

  size_t size() const { return vertices.size(); }
  const PaintVertex &operator[](VertexId v) const { return vertices[v]; }
  PaintVertex &operator[](VertexId v) { return vertices[v]; }

  struct Range {
    const VertexId *first, *last;
    const VertexId *begin() const { return first; }
    const VertexId *end() const { return last; }
    size_t size() const { return last - first; }
  };
  Range fanIn(VertexId v) const;
  Range fanOut(VertexId v) const;
  /// Ties as added.
  const std::vector<std::pair<VertexId, VertexId>> &ties() const {
    return tied;
  }
  /// Recurrences as added, sorted by `next` once finished.
  const std::vector<std::pair<VertexId, VertexId>> &recurrences() const {
    return recurrent;
  }

private:
  std::vector<PaintVertex> vertices;
  std::vector<std::pair<VertexId, VertexId>> edges, tied, recurrent;
  std::vector<uint32_t> inStart, outStart;
  std::vector<VertexId> in, out;
  /// The edges were added in the order of their ends.
  bool inOrder = true;
};

enum class Colour : uint8_t { Unpainted, Allow, Deny };

/// The rules by their numbers in docs/Algorithm.md. Up to R10 they paint; the
/// others say why a vertex was left as it is.
enum class Rule : uint8_t {
  None = 0,
  AllowList = 1,       ///< on the allow list
  DenyList = 2,        ///< on the deny list
  DenySpreads = 3,     ///< between a deny op and a deny or infer op
  Tied = 4,            ///< shares its value with another vertex
  Between = 5,         ///< infer or clear between two allow ops
  Follows = 6,         ///< infer behind a lowered vertex
  ClearNeighbour = 7,  ///< clear next to a lowered vertex
  NotAllowed = 8,      ///< allow list, but the op cannot have the type
  Recurrence = 9,      ///< a loop's value, lowered with its merge or not
  CastRetargeted = 10, ///< a cast to float32 all of whose users are lowered
  PinTarget = 11,      ///< pinned to the target type
  PinFloat32 = 12,     ///< pinned to float32
  PinOther = 13,       ///< pinned to the other 16-bit type
  NotFloat32 = 14,     ///< nothing to lower
  Loss = 15,           ///< a loss
  Preserved = 16,      ///< must not change: an output's node, another device
  KeepList = 17,       ///< on the keep list
  NotSupported = 18,   ///< infer or clear, but the op cannot have the type
  NoAllowBefore = 19,  ///< infer, no allow op before it
  NoAllowBehind = 20,  ///< infer, an allow op before it but none behind it
  InputDenied = 21,    ///< infer, follows a lowered vertex and a denied one
  NoNeighbour = 22,    ///< clear, next to nothing lowered
  CastStays = 23,      ///< a cast some of whose users are float32
  UnknownOp = 24,      ///< an op that no model describes
  Forced = 25,         ///< lowered by force, whatever its list
};
/// "R3".
std::string ruleLabel(Rule rule);

/// The rule that decided, with up to two vertices that bear witness: the deny
/// op, the two allow ops, the lowered neighbour.
struct PaintReason {
  Rule rule = Rule::None;
  VertexId because[2] = {kNoVertex, kNoVertex};
};

struct PaintResult {
  std::vector<Colour> colours;      ///< Allow means: becomes the target type
  std::vector<PaintReason> reasons; ///< parallel to colours
};

/// Paints the graph. Linear in vertices and edges.
PaintResult paint(const PaintGraph &graph, InferRule inferRule);

} // namespace amp

#endif // AMP_ANALYSIS_PAINTGRAPH_H

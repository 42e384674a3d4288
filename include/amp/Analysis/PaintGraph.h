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
#include <vector>

namespace amp {

using VertexId = uint32_t;
inline constexpr VertexId kNoVertex = ~VertexId(0);

/// A user's pin of one node.
enum class Pin : uint8_t { None, Float32, Target, OtherLow };

/// One (op, type group).
struct PaintVertex {
  ListKind list = ListKind::Keep;
  Pin pin = Pin::None;
  /// The group's element type is float32: only such a vertex is ever lowered.
  bool isFloat32 = true;
  /// The op says that it can have the target type.
  bool supportsTarget = true;
  /// The node may be changed (not preserved, on the right device, no loss).
  bool processable = true;
};

/// Vertices in the order in which sweeps visit them, and edges from the vertex
/// that makes a value to each vertex that uses it in its group.
class PaintGraph {
public:
  VertexId addVertex(const PaintVertex &vertex);
  void addEdge(VertexId from, VertexId to);
  /// Two vertices of one cluster take one colour (values tied through regions,
  /// calls and lists).
  void tie(VertexId a, VertexId b);
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

private:
  std::vector<PaintVertex> vertices;
  std::vector<std::pair<VertexId, VertexId>> edges, tied;
  std::vector<uint32_t> inStart, outStart;
  std::vector<VertexId> in, out;
};

enum class Colour : uint8_t { Unpainted, Allow, Deny };

/// The rule that decided, by its label in docs/Algorithm.md ("R3"), with up to
/// two vertices that bear witness: the deny op, the two allow ops, the pin.
struct PaintReason {
  uint8_t rule = 0;
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

//===- TrainingSteps.h - The parts of a training graph ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Finds, in a graph or in the body of a function, where gradients begin, where
// they leave the backward part, and what of the graph is a step: all that a
// step which is skipped must not do.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHDEF_TRAININGSTEPS_H
#define AMP_LIB_GRAPHDEF_TRAININGSTEPS_H

#include "GraphNodes.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace amp::graphdef {

/// What is wrong, or nothing.
using Problem = std::optional<std::string>;

/// The nodes that compute the gradients of one loss.
struct BackwardPart {
  /// "gradients/", or the scope of GradientTape.
  std::string scope;
  /// What they begin with.
  std::vector<int> seeds;
  /// The node of the loss; empty where the names do not tell.
  std::string loss;
  /// Where the loss stands, as far as the names tell: a scope or the loss.
  std::string near;

  bool holds(std::string_view name) const;
};

/// Whether names speak of gradients: a graph without any need not be looked at.
bool mayTrain(
    const google::protobuf::RepeatedPtrField<tensorflow::NodeDef> &nodes);

/// In the order of their scopes.
std::vector<BackwardPart> findBackwardParts(const GraphNodes &nodes);

/// Writes to a variable, or calls one of the functions that do.
bool isUpdate(const tensorflow::NodeDef &node,
              const std::set<std::string> &updatingFunctions);

class TrainingStep {
public:
  TrainingStep(const GraphNodes &nodes, const BackwardPart &part,
               const std::set<std::string> &updatingFunctions)
      : nodes(nodes), part(part), updatingFunctions(updatingFunctions) {}

  /// Outputs of the backward part, depending on its seeds, that others read.
  Problem findGradients();
  /// What a skipped step leaves out. `wanted` are nodes that others run or read
  /// by name.
  Problem findUpdates(const std::set<std::string> &wanted);
  /// Whether anything updates a variable by the gradients.
  bool hasUpdates() const { return !writersOfGradients().empty(); }

  std::vector<GraphNodes::Port> gradients;
  /// The nodes of the backward part that carry the seed's factor.
  std::set<int> carriers;
  /// Run where all gradients are finite.
  std::set<int> inner;
  /// They are those that an optimizer of TensorFlow 1 names.
  bool isNamed = false;
  /// Those of them by whose names the step is run.
  std::vector<int> trainOps;
  /// Of `inner`, values that others read, behind the step: what to read
  /// instead. A reference to a variable, or a resource.
  std::vector<std::pair<GraphNodes::Port, GraphNodes::Port>> reads;

private:
  bool updates(int node) const {
    return isUpdate(nodes[node], updatingFunctions);
  }
  std::set<int> writersOfGradients() const;
  void findNamed(const std::set<int> &writers);
  void findOthers(std::set<int> writers);
  void addCounters(std::set<int> &writers) const;
  std::set<int> reachable(std::set<int> from, bool forwards) const;
  Problem findReads(const std::set<std::string> &wanted);
  bool isWrittenBehind(int read, const GraphNodes::Port &variable) const;

  const GraphNodes &nodes;
  const BackwardPart &part;
  const std::set<std::string> &updatingFunctions;
};

} // namespace amp::graphdef

#endif // AMP_LIB_GRAPHDEF_TRAININGSTEPS_H

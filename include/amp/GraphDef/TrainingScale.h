//===- TrainingScale.h - Loss scaling in a training graph -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Adds to a training graph the nodes that TensorFlow's wrapped optimizer makes:
// the seed of the gradients times the scale, gradients divided by it, a check
// that all are finite, an update that happens only then, and the scale's own
// update on TensorFlow's two variables.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHDEF_TRAININGSCALE_H
#define AMP_GRAPHDEF_TRAININGSCALE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace amp::tensorflow {
class GraphDef;
} // namespace amp::tensorflow

namespace amp::graphdef {

struct TrainingScale {
  /// The node of the loss, in the graph or in functions of its library, or
  /// "FUNCTION:NODE"; empty: the one whose gradients the graph computes, and
  /// that of each function that updates variables by gradients.
  std::string loss;
  /// Nodes and tensors of the graph that others run or read by name.
  std::vector<std::string> wanted;
  /// A constant scale, with neither check nor variables, as FixedLossScale.
  bool isFixed = false;
  /// The fixed scale, or the first one.
  float scale = 32768.0f;
  int64_t growthSteps = 2000;
  float growth = 2.0f, backoff = 0.5f, min = 1.0f;
};

struct TrainingScaleResult {
  /// What was found and done, for the user.
  std::vector<std::string> notes;
  /// The nodes that were added, which stay as they are, with the functions that
  /// they are in; the graph's is "".
  std::vector<std::pair<std::string, std::string>> nodes;
  /// Of the graph's new variables: the ops that initialize them, and the nodes
  /// that now run these. Variables of functions are initialized by the first
  /// step.
  std::vector<std::string> initializers, initializedBy;
  /// What went wrong is only that there is nothing to scale.
  bool isMissing = false;
};

/// Whether the graph, or a function of its library, trains, and has no loss
/// scale yet.
bool lacksTrainingScale(const tensorflow::GraphDef &graph);

/// Returns what is wrong, and then has not changed the graph, or nothing. A
/// graph that has a loss scale already stays as it is, with a note.
std::optional<std::string> addTrainingScale(tensorflow::GraphDef &graph,
                                            const TrainingScale &settings,
                                            TrainingScaleResult &result);

} // namespace amp::graphdef

#endif // AMP_GRAPHDEF_TRAININGSCALE_H

//===- LossScaler.h - Loss scaling of one loss ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Adds the ops of TensorFlow's loss scale to a graph, or to the body of a
// function, whose step is understood.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHDEF_LOSSSCALER_H
#define AMP_LIB_GRAPHDEF_LOSSSCALER_H

#include "FunctionGraph.h"
#include "TrainingSteps.h"
#include "amp/GraphDef/TrainingScale.h"

namespace amp::graphdef {

inline constexpr std::string_view kScaleVariable = "current_loss_scale",
                                  kStepsVariable = "good_steps";

/// Scales one loss: that of a graph, or of a function of its library.
class Scaler {
public:
  /// `function` is null for the graph itself. `state` goes before the shared
  /// names of a function's variables.
  Scaler(tensorflow::GraphDef &graph, FunctionGraph *function, std::string name,
         const TrainingScale &settings, std::string state,
         const std::set<std::string> &updatingFunctions)
      : nodes(graph, added), function(function), name(std::move(name)),
        settings(settings), state(std::move(state)),
        updatingFunctions(updatingFunctions) {
    if (!function)
      wanted.insert(settings.wanted.begin(), settings.wanted.end());
    parts = findBackwardParts(nodes);
  }

  bool has(const std::string &node) const { return nodes.find(node) >= 0; }
  bool hasParts() const { return !parts.empty(); }
  /// Leaves the parts that update variables.
  bool hasUpdates();
  /// Understands the graph, which it does not change.
  Problem prepare(const std::string &lossName);
  void apply(TrainingScaleResult &result);

private:
  std::string where() const {
    return function ? "function '" + name + "'" : "the graph";
  }
  Problem checkWanted();

  std::string readScale();
  void scaleSeeds();
  void unscaleGradients();
  void unscaleWanted(const std::string &reciprocal);
  std::string checkFinite();
  std::string updateScale(const std::string &finite);
  void growScale(const std::string &scope, Conditional &finite,
                 const std::string &good);
  void applyConditionally(const std::string &finite, const std::string &update);
  std::string addRead(const std::string &name, const GraphNodes::Port &port,
                      const GraphNodes::Port &variable, const std::string &end,
                      bool exactly);
  void addStateOfGraph(TrainingScaleResult &result);
  void addStateOfFunction();
  void note(TrainingScaleResult &result) const;

  std::vector<std::string> added;
  GraphNodes nodes;
  FunctionGraph *function;
  std::string name;
  const TrainingScale &settings;
  std::string state;
  const std::set<std::string> &updatingFunctions;
  std::set<std::string> wanted;

  std::vector<BackwardPart> parts;
  BackwardPart part;
  std::string loss;
  bool isLossGiven = false;
  std::optional<TrainingStep> step;
  /// Backward nodes whose values others take by name.
  std::vector<int> wantedGradients;
  std::vector<std::string> unscaled;
  std::string constantScale;
  /// The variables, and what their first readers wait for.
  std::string scaleVariable, stepsVariable;
  GraphNodes::Inputs ready;
};


} // namespace amp::graphdef

#endif // AMP_LIB_GRAPHDEF_LOSSSCALER_H

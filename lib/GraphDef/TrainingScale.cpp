//===- TrainingScale.cpp - Loss scaling in a training graph ------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which losses of a graph and of its functions are scaled. All that is to be is
// first understood, then changed.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/TrainingScale.h"

#include "LossScaler.h"

#include <algorithm>
#include <cstdio>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <memory>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

/// TensorFlow's, or that of Keras 3.
static bool isScaleVariable(const pb::NodeDef &node) {
  std::string_view name = node.name(),
                   last = name.substr(name.rfind('/') + 1);
  return (last == kScaleVariable || last == "dynamic_scale") &&
         (node.op() == "VarHandleOp" || node.op() == "VariableV2" ||
          node.op() == "Variable");
}

/// The functions that update variables, or call functions that do.
static std::set<std::string> findUpdatingFunctions(const pb::GraphDef &graph) {
  std::set<std::string> found;
  // Callers of what was found last are found next.
  for (bool isNew = true; isNew;) {
    isNew = false;
    for (const pb::FunctionDef &function : graph.library().function())
      if (!found.count(function.signature().name()) &&
          std::any_of(
              function.node_def().begin(), function.node_def().end(),
              [&](const pb::NodeDef &node) { return isUpdate(node, found); })) {
        found.insert(function.signature().name());
        isNew = true;
      }
  }
  return found;
}

/// Before the names of a function's variables: other models of the process have
/// others.
static std::string stateOf(const pb::GraphDef &graph) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    graph.SerializeToCodedStream(&coded);
  }
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char text[24];
  std::snprintf(text, sizeof(text), "amp_%016llx/",
                static_cast<unsigned long long>(hash));
  return text;
}

/// What TensorFlow runs as a graph: not a template, and not compiled by XLA.
static Problem checkFunction(const pb::FunctionDef &function) {
  auto mark = function.attr().find("_XlaMustCompile");
  if (mark != function.attr().end() && mark->second.b())
    return "function '" + function.signature().name() +
           "' trains and is compiled by XLA (_XlaMustCompile), which has no "
           "variables of its own: build it without jit_compile";
  return std::nullopt;
}

namespace {
/// One that trains, or may: the graph itself where `function` is negative.
struct Candidate {
  int function = -1;
  std::unique_ptr<FunctionGraph> body;
  std::unique_ptr<Scaler> scaler;
};
} // namespace

static bool isTemplate(const pb::FunctionDef &function) {
  if (function.signature().attr_size() != 0)
    return true;
  const auto &arguments = function.signature().input_arg();
  return std::any_of(arguments.begin(), arguments.end(), [](const auto &arg) {
    return !arg.type_attr().empty() || !arg.number_attr().empty() ||
           !arg.type_list_attr().empty();
  });
}

static std::vector<Candidate>
findCandidates(pb::GraphDef &graph, const TrainingScale &settings,
               const std::set<std::string> &updating) {
  std::vector<Candidate> candidates;
  if (!settings.loss.empty() || mayTrain(graph.node())) {
    candidates.emplace_back();
    candidates.back().scaler =
        std::make_unique<Scaler>(graph, nullptr, "", settings, "", updating);
  }
  std::string state;
  for (int i = 0; i < graph.library().function_size(); ++i) {
    const pb::FunctionDef &function = graph.library().function(i);
    if (isTemplate(function) || !mayTrain(function.node_def()))
      continue;
    Candidate candidate;
    candidate.function = i;
    candidate.body = std::make_unique<FunctionGraph>(function);
    if (state.empty())
      state = stateOf(graph);
    candidate.scaler = std::make_unique<Scaler>(
        candidate.body->graph, candidate.body.get(),
        function.signature().name(), settings, state, updating);
    if (candidate.scaler->hasParts())
      candidates.push_back(std::move(candidate));
  }
  return candidates;
}

bool amp::graphdef::lacksTrainingScale(const pb::GraphDef &graph) {
  for (const pb::NodeDef &node : graph.node())
    if (isScaleVariable(node))
      return false;
  std::set<std::string> updating = findUpdatingFunctions(graph);
  TrainingScale settings;
  // A graph is not changed by looking at it.
  for (Candidate &candidate :
       findCandidates(const_cast<pb::GraphDef &>(graph), settings, updating))
    if (candidate.function < 0 ? candidate.scaler->hasParts()
                               : candidate.scaler->hasUpdates())
      return true;
  return false;
}

/// Leaves the candidates that the loss is of, or, where none is named, those
/// that train.
static Problem choose(const pb::GraphDef &graph, std::string &loss,
                      std::vector<Candidate> &candidates) {
  auto isElsewhere = [&](Candidate &candidate) {
    if (loss.empty())
      return candidate.function < 0 ? !candidate.scaler->hasParts()
                                    : !candidate.scaler->hasUpdates();
    return !candidate.scaler->has(loss);
  };
  auto keep = [&](auto &&isOut) {
    candidates.erase(
        std::remove_if(candidates.begin(), candidates.end(), isOut),
        candidates.end());
  };
  std::string text = loss;
  // "FUNCTION:NODE", or a tensor, "NODE:0".
  if (size_t colon = text.find(':'); colon != text.npos) {
    std::string front = text.substr(0, colon), back = text.substr(colon + 1);
    bool isFunction = false;
    for (const pb::FunctionDef &function : graph.library().function())
      isFunction |= function.signature().name() == front;
    loss = isFunction ? back.substr(0, back.find(':')) : front;
    if (isFunction)
      keep([&](const Candidate &candidate) {
        return candidate.function < 0 || graph.library()
                                                 .function(candidate.function)
                                                 .signature()
                                                 .name() != front;
      });
  }
  keep(isElsewhere);
  if (candidates.empty() && !loss.empty())
    return "--loss: no node '" + text + "'";
  keep(
      [](const Candidate &candidate) { return !candidate.scaler->hasParts(); });
  if (!candidates.empty())
    return std::nullopt;
  return "no gradients to scale: no node 'gradients/grad_ys_0' starts any, and "
         "no function of the library updates variables by a GradientTape's";
}

Problem amp::graphdef::addTrainingScale(pb::GraphDef &graph,
                                        const TrainingScale &settings,
                                        TrainingScaleResult &result) {
  for (const pb::NodeDef &node : graph.node())
    if (isScaleVariable(node)) {
      result.notes.push_back("the graph has a loss scale already, '" +
                             node.name() + "': nothing is added");
      return std::nullopt;
    }
  std::set<std::string> updating = findUpdatingFunctions(graph);
  std::vector<Candidate> candidates = findCandidates(graph, settings, updating);
  std::string loss = settings.loss;
  if (Problem problem = choose(graph, loss, candidates)) {
    result.isMissing = true;
    return problem;
  }
  for (Candidate &candidate : candidates) {
    if (candidate.function < 0) {
      for (std::string_view name : {kScaleVariable, kStepsVariable})
        if (candidate.scaler->has(std::string(name)))
          return "the graph has a node '" + std::string(name) +
                 "' that is no loss scale of TensorFlow's";
    } else if (Problem problem = checkFunction(
                   graph.library().function(candidate.function))) {
      return problem;
    }
    if (Problem problem = candidate.scaler->prepare(loss))
      return problem;
  }
  for (Candidate &candidate : candidates) {
    candidate.scaler->apply(result);
    if (candidate.body)
      candidate.body->store(
          *graph.mutable_library()->mutable_function(candidate.function));
  }
  return std::nullopt;
}

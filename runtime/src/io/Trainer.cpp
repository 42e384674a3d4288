//===- Trainer.cpp - Epochs of batches through a training function --------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header. The order of the examples depends on the seed and the epoch
// alone, so that runs in different precisions see the same batches.
//===----------------------------------------------------------------------===//

#include "amprt/io/Trainer.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace amprt::io {

using amp::graphfile::CheckedFile;
using amp::graphfile::Function;

namespace {

using Clock = std::chrono::steady_clock;

Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The number of a function that must exist.
size_t indexOf(const CheckedFile &file, const Function *function) {
  return size_t(function - file.file.functions.data());
}

bool updatesVariables(const Function &function) {
  return std::any_of(function.nodes.begin(), function.nodes.end(),
                     [](const auto &node) {
                       const amp::OpDef *op = amp::findOp(node.op);
                       return op && op->isUpdate;
                     });
}

/// The output to report: `loss`, else the first floating scalar.
std::optional<size_t> findLoss(const CheckedFile &file, size_t functionIndex) {
  const Function &function = file.file.functions[functionIndex];
  const amp::graphfile::NameTable names(file.file, function);
  std::optional<size_t> found;
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    const amp::TensorType *type =
        typeOf(file, functionIndex, names, function.outputs[i].value);
    if (!type || !type->shape.empty() || !amp::isFloating(type->dtype))
      continue;
    if (function.outputs[i].name == "loss")
      return i;
    if (!found)
      found = i;
  }
  return found;
}

/// The scores of --eval are the first output of two dimensions.
Status checkScores(const CheckedFile &file, size_t functionIndex) {
  const Function &function = file.file.functions[functionIndex];
  const amp::graphfile::NameTable names(file.file, function);
  for (const auto &output : function.outputs) {
    const amp::TensorType *type =
        typeOf(file, functionIndex, names, output.value);
    if (!type || type->shape.size() != 2)
      continue;
    if (!amp::isFloating(type->dtype))
      return invalid("--eval needs scores, but output '" +
                     std::string(output.name) + "' of function '" +
                     std::string(function.name) + "' is " +
                     amp::toString(*type));
    return okStatus();
  }
  return invalid("function '" + std::string(function.name) +
                 "' has no output of scores [batch, classes] for --eval");
}

std::vector<NamedTensor> named(const std::vector<Binding> &bindings,
                               const std::vector<Tensor> &tensors) {
  std::vector<NamedTensor> inputs;
  for (size_t i = 0; i < bindings.size(); ++i)
    inputs.push_back({bindings[i].input, &tensors[i]});
  return inputs;
}

} // namespace

int64_t Trainer::stepsPerEpoch() const {
  // Not rounded up by a sum: a batch may be as large as a number can be.
  const bool hasRest = !options.dropLast && examples % options.batch != 0;
  return examples / options.batch + hasRest;
}

Result<Trainer> Trainer::create(Session &session, const Dataset &data,
                                const TrainOptions &options) {
  Trainer trainer(session, data, options);
  const CheckedFile &file = session.file();
  const Function *function = session.findFunction(options.function);
  if (!function)
    return Status(Code::NotFound,
                  "there is no function '" + options.function + "'");
  if (!updatesVariables(*function))
    return invalid("function '" + options.function +
                   "' updates no variable, so there is nothing to train");
  const size_t index = indexOf(file, function);
  const std::optional<size_t> loss = findLoss(file, index);
  if (!loss)
    return invalid("function '" + options.function +
                   "' has no floating scalar among its outputs to report as "
                   "its loss");
  trainer.lossOutput = *loss;
  AMPRT_ASSIGN_OR_RETURN(trainer.trainBindings,
                         bindInputs(*function, data, options.bind));
  AMPRT_RETURN_IF_ERROR(
      checkLabels(file, index, trainer.trainBindings, data.train));

  const int64_t all = data.train.examples();
  trainer.examples = all - int64_t(double(all) * options.validationSplit);
  if (trainer.examples == 0 ||
      (options.dropLast && trainer.examples < options.batch))
    return invalid("the data has " + std::to_string(trainer.examples) +
                   " examples to train on, too few for a batch of " +
                   std::to_string(options.batch));
  // A batch larger than the data is the one batch of the epoch.
  const int64_t rest = trainer.examples % options.batch;
  AMPRT_RETURN_IF_ERROR(
      checkBatchSize(*function, options.batch,
                     options.dropLast || !rest ? options.batch : rest));
  if (!options.evalFunction.empty()) {
    const Function *eval = session.findFunction(options.evalFunction);
    if (!eval)
      return Status(Code::NotFound,
                    "there is no function '" + options.evalFunction + "'");
    AMPRT_RETURN_IF_ERROR(trainer.prepareEval(indexOf(file, eval)));
  }
  AMPRT_RETURN_IF_ERROR(
      trainer.plan(options.function, trainer.trainBindings,
                   std::min(options.batch, trainer.examples)));
  trainer.at.function = options.function;
  trainer.at.seed = options.seed;
  trainer.at.batch = options.batch;
  trainer.at.examples = trainer.examples;
  trainer.at.dropLast = options.dropLast;
  return trainer;
}

Status Trainer::plan(const std::string &function,
                     const std::vector<Binding> &bindings, int64_t count) {
  std::vector<NamedSize> sizes;
  const Function &planned = *session.findFunction(function);
  for (size_t i = 0; i < bindings.size(); ++i)
    for (size_t d = 0; d < planned.inputs[i].type.shape.size(); ++d)
      if (const amp::Dim &dim = planned.inputs[i].type.shape[d]; dim.isNamed())
        sizes.push_back({dim.name(), d ? bindings[i].example[d - 1] : count});
  return session.plan(function, sizes).status();
}

Status Trainer::prepareEval(size_t functionIndex) {
  const CheckedFile &file = session.file();
  const Function &eval = file.file.functions[functionIndex];
  AMPRT_ASSIGN_OR_RETURN(evalBindings, bindInputs(eval, data, options.bind));
  // The labels are what the training function reads as integers.
  for (const Binding &binding : trainBindings)
    if (labelField.empty() && amp::isInteger(binding.dtype))
      labelField = binding.field;
  if (labelField.empty() && data.train.find("labels"))
    labelField = "labels";
  if (labelField.empty())
    return invalid(
        "--eval needs labels, but no integer array feeds function '" +
        options.function + "'");
  const bool hasTest = !data.test.fields.empty();
  if (!hasTest && examples == data.train.examples())
    return invalid("the data '" + data.name +
                   "' has no test set for --eval; set a part aside with "
                   "--validation-split=0.1");
  const Split &split = hasTest ? data.test : data.train;
  AMPRT_RETURN_IF_ERROR(checkScores(file, functionIndex));
  if (!split.find(labelField))
    return invalid("the test set has no array '" + labelField + "'");
  AMPRT_RETURN_IF_ERROR(checkLabels(file, functionIndex, evalBindings, split));
  const int64_t count =
      hasTest ? split.examples() : split.examples() - examples;
  const int64_t rest = count % options.batch;
  AMPRT_RETURN_IF_ERROR(
      checkBatchSize(eval, options.batch, rest ? rest : options.batch));
  return plan(options.evalFunction, evalBindings,
              std::min(options.batch, count));
}

Result<double> Trainer::measure(const Split &split, int64_t first) {
  const Field *labels = split.find(labelField);
  std::vector<int64_t> order(size_t(split.examples() - first));
  std::iota(order.begin(), order.end(), first);
  std::vector<Tensor> batch;
  int64_t correct = 0;
  const int64_t total = int64_t(order.size());
  for (int64_t at = 0; at < total; at += options.batch) {
    const int64_t count = std::min(options.batch, total - at);
    AMPRT_RETURN_IF_ERROR(
        gatherBatch(split, evalBindings, order.data() + at, count, batch));
    AMPRT_ASSIGN_OR_RETURN(
        std::vector<Tensor> outputs,
        session.run(options.evalFunction, named(evalBindings, batch)));
    // The scores are the first output of two dimensions.
    const auto scores =
        std::find_if(outputs.begin(), outputs.end(),
                     [](const Tensor &t) { return t.dims().size() == 2; });
    if (scores == outputs.end())
      return Status(Code::Internal, "the scores are not two-dimensional");
    AMPRT_ASSIGN_OR_RETURN(int64_t right,
                           countCorrect(*scores, *labels, order.data() + at));
    correct += right;
  }
  return total ? double(correct) / double(total) : 0.;
}

Status Trainer::resume(const TrainPosition &position) {
  std::string differs;
  auto compare = [&](bool same, const std::string &there,
                     const std::string &here) {
    if (!same)
      differs += (differs.empty() ? "" : ", ") + there + " and not " + here;
  };
  auto number = [&](const char *what, auto there, auto here) {
    compare(there == here, what + std::to_string(there), std::to_string(here));
  };
  compare(position.function == at.function,
          "function '" + position.function + "'", "'" + at.function + "'");
  number("--seed=", position.seed, at.seed);
  number("--batch=", position.batch, at.batch);
  compare(position.dropLast == at.dropLast,
          position.dropLast ? "--drop-last" : "no --drop-last",
          at.dropLast ? "with it" : "without it");
  number("examples to train on: ", position.examples, at.examples);
  if (!differs.empty())
    return invalid("that training had " + differs);
  if (position.epochStep > stepsPerEpoch())
    return invalid("it stands at step " + std::to_string(position.epochStep) +
                   " of an epoch, which has " +
                   std::to_string(stepsPerEpoch()));
  at = position;
  return okStatus();
}

Status Trainer::runStep(const std::vector<int64_t> &order,
                        const TrainCallbacks &callbacks) {
  const int64_t first = at.epochStep * options.batch;
  const int64_t count = std::min(options.batch, examples - first);
  AMPRT_RETURN_IF_ERROR(gatherBatch(data.train, trainBindings,
                                    order.data() + first, count, batch));
  AMPRT_RETURN_IF_ERROR(
      session.submit(options.function, named(trainBindings, batch)));
  started.push_back(count);
  ++at.step;
  ++at.epochStep;
  const bool pauses =
      started.size() >= session.callsAhead() ||
      at.epochStep == stepsPerEpoch() || at.step == options.maxSteps ||
      (options.pauseEvery && at.step % options.pauseEvery == 0);
  return pauses ? report(callbacks) : okStatus();
}

Status Trainer::report(const TrainCallbacks &callbacks) {
  const std::vector<int64_t> counts = std::exchange(started, {});
  AMPRT_ASSIGN_OR_RETURN(std::vector<CallResult> results, session.collect());
  std::vector<StepMetrics> all;
  // The position is behind all of them before the first callback: the
  // variables are.
  for (size_t i = 0; i < results.size(); ++i) {
    const CallReport &call = results[i].report;
    StepMetrics metrics;
    metrics.step = at.step - int64_t(results.size() - 1 - i);
    metrics.loss = results[i].outputs[lossOutput].at(0);
    metrics.lossScale = call.lossScale;
    metrics.skipped = call.skipped;
    metrics.finite = call.finite && std::isfinite(metrics.loss);
    at.lossSum += metrics.loss * double(counts[i]);
    at.seen += counts[i];
    at.skipped += metrics.skipped;
    all.push_back(metrics);
  }
  int64_t total = 0;
  if (__builtin_mul_overflow(stepsPerEpoch(), options.epochs, &total))
    total = std::numeric_limits<int64_t>::max();
  if (options.maxSteps)
    total = std::min(total, options.maxSteps);
  for (const StepMetrics &metrics : all)
    if (callbacks.step)
      AMPRT_RETURN_IF_ERROR(callbacks.step(metrics, total));
  return okStatus();
}

Status Trainer::run(const TrainCallbacks &callbacks) {
  while (at.epoch < options.epochs) {
    const Clock::time_point start = Clock::now();
    const std::vector<int64_t> order =
        shuffledOrder(examples, options.seed, uint32_t(at.epoch));
    const int64_t perEpoch = stepsPerEpoch();
    while (at.epochStep < perEpoch) {
      if (options.maxSteps && at.step >= options.maxSteps)
        return okStatus();
      AMPRT_RETURN_IF_ERROR(runStep(order, callbacks));
    }
    EpochReport report;
    report.epoch = at.epoch + 1;
    report.steps = at.epochStep;
    report.skipped = at.skipped;
    report.loss = at.seen ? at.lossSum / double(at.seen) : 0;
    report.seconds = secondsSince(start);
    if (!options.evalFunction.empty()) {
      const bool hasTest = !data.test.fields.empty();
      if (examples < data.train.examples()) {
        AMPRT_ASSIGN_OR_RETURN(double value, measure(data.train, examples));
        (hasTest ? report.validationAccuracy : report.accuracy) = value;
      }
      if (hasTest) {
        AMPRT_ASSIGN_OR_RETURN(double value, measure(data.test, 0));
        report.accuracy = value;
      }
    }
    ++at.epoch;
    at.epochStep = at.seen = at.skipped = 0;
    at.lossSum = 0;
    if (callbacks.epoch)
      AMPRT_RETURN_IF_ERROR(callbacks.epoch(report));
  }
  return okStatus();
}

} // namespace amprt::io

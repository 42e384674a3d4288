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
#include <numeric>

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
  return trainer;
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
  AMPRT_RETURN_IF_ERROR(checkLabels(file, functionIndex, evalBindings, split));
  const int64_t count =
      hasTest ? split.examples() : split.examples() - examples;
  const int64_t rest = count % options.batch;
  return checkBatchSize(eval, options.batch, rest ? rest : options.batch);
}

Result<double> Trainer::measure(const Split &split, int64_t first) {
  const Field *labels = split.find(labelField);
  if (!labels)
    return invalid("the test set has no array '" + labelField + "'");
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
      return invalid("function '" + options.evalFunction +
                     "' has no output of scores [batch, classes]");
    AMPRT_ASSIGN_OR_RETURN(int64_t right,
                           countCorrect(*scores, *labels, order.data() + at));
    correct += right;
  }
  return total ? double(correct) / double(total) : 0.;
}

Status Trainer::run(const TrainCallbacks &callbacks) {
  std::vector<Tensor> batch;
  int64_t step = 0;
  const int64_t perEpoch = stepsPerEpoch();
  for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    EpochReport report;
    report.epoch = epoch;
    const Clock::time_point start = Clock::now();
    const std::vector<int64_t> order =
        shuffledOrder(examples, options.seed, uint32_t(epoch - 1));
    double lossSum = 0;
    int64_t seen = 0;
    for (int64_t i = 0; i < perEpoch; ++i) {
      const int64_t at = i * options.batch;
      const int64_t count = std::min(options.batch, examples - at);
      AMPRT_RETURN_IF_ERROR(gatherBatch(data.train, trainBindings,
                                        order.data() + at, count, batch));
      CallReport call;
      AMPRT_ASSIGN_OR_RETURN(
          std::vector<Tensor> outputs,
          session.run(options.function, named(trainBindings, batch), &call));
      StepMetrics metrics;
      metrics.step = ++step;
      metrics.loss = outputs[lossOutput].at(0);
      metrics.lossScale = call.lossScale;
      metrics.skipped = call.skipped;
      metrics.finite = call.finite && std::isfinite(metrics.loss);
      lossSum += metrics.loss * double(count);
      seen += count;
      ++report.steps;
      report.skipped += metrics.skipped;
      if (callbacks.step)
        AMPRT_RETURN_IF_ERROR(
            callbacks.step(metrics, perEpoch * options.epochs));
    }
    report.loss = seen ? lossSum / double(seen) : 0;
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
    if (callbacks.epoch)
      AMPRT_RETURN_IF_ERROR(callbacks.epoch(report));
  }
  return okStatus();
}

} // namespace amprt::io

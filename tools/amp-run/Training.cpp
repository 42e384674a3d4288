//===- Training.cpp - Trains, and writes what is asked for on the way -----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The loop is the runtime's; here are its settings, the lines it prints, and
// the checkpoints.
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "Messages.h"
#include "Progress.h"

#include <algorithm>
#include <csignal>

namespace amprun {

namespace gf = amp::graphfile;
using amprt::Code;
using amprt::Status;

int Driver::checkBindings() {
  std::vector<std::string_view> names;
  for (const gf::Function *used :
       {function, session->findFunction(options.eval)})
    if (used)
      for (const gf::Input &input : used->inputs)
        if (std::find(names.begin(), names.end(), input.name) == names.end())
          names.push_back(input.name);
  for (const amprt::io::BindRequest &request : options.bind)
    if (std::find(names.begin(), names.end(), request.input) == names.end())
      return fail(kBadInput, unknownName("--bind names an unknown input",
                                         request.input, names));
  return kOk;
}

/// Tensor cores take eight numbers of 16 bits at a time.
static constexpr int64_t kBatchMultiple = 8;

void Driver::adviseOnBatch(int64_t batch) const {
  if (options.quiet || batch % kBatchMultiple == 0)
    return;
  const bool named = std::any_of(
      function->inputs.begin(), function->inputs.end(), [](const auto &input) {
        return !input.type.shape.empty() && input.type.shape[0].isNamed();
      });
  const gf::CheckedFile &file = session->file();
  const gf::NameTable names(file.file, *function);
  const auto isProduct = [&](const gf::Node &node) {
    constexpr std::string_view ops[] = {"matmul", "conv2d", "depthwise_conv2d",
                                        "conv2d_transpose"};
    if (std::find(std::begin(ops), std::end(ops), node.op) == std::end(ops))
      return false;
    const amp::TensorType *type = amprt::io::typeOf(
        file, size_t(function - file.file.functions.data()), names,
        gf::ValueName{node.name, 0, {}});
    return type && (type->dtype == amp::DType::Float16 ||
                    type->dtype == amp::DType::BFloat16);
  };
  if (!named || std::none_of(function->nodes.begin(), function->nodes.end(),
                             isProduct))
    return;
  int64_t fits = batch / kBatchMultiple * kBatchMultiple, above;
  if (!__builtin_add_overflow(fits, kBatchMultiple, &above))
    fits = above;
  note("--batch=" + std::to_string(batch) + " is no multiple of " +
       std::to_string(kBatchMultiple) +
       ", as tensor cores want it of 16-bit products; --batch=" +
       std::to_string(fits) + " fits");
}

namespace {

/// The signal that asked for an end, or 0. The step that runs is finished and
/// saved; a second signal ends the program at once.
volatile std::sig_atomic_t stopSignal = 0;

void askToStop(int signal) {
  stopSignal = signal;
  std::signal(signal, SIG_DFL);
}

} // namespace

int Driver::resume(amprt::io::Trainer &trainer) {
  if (!loaded)
    return kOk;
  if (Status s = trainer.resume(*loaded); !s.ok())
    return fail(Status(s.code(), "cannot go on from '" + options.load +
                                     "': " + s.message() +
                                     "; --restart takes its variables only "
                                     "and counts from the beginning"));
  const bool ended = loaded->epoch >= options.epochs ||
                     (options.maxSteps && loaded->step >= options.maxSteps);
  if (ended)
    warn("nothing to do: '" + options.load + "' stands behind step " +
         std::to_string(loaded->step) + " and " +
         std::to_string(loaded->epoch) +
         " epochs; --epochs and --max-steps count from the beginning, and "
         "--restart takes the variables only");
  return kOk;
}

int Driver::train() {
  if (int code = checkBindings())
    return code;
  auto data = amprt::io::loadDataset(options.data);
  if (!data.ok())
    return fail(data.status());
  if (options.batch)
    adviseOnBatch(*options.batch);
  amprt::io::TrainOptions settings;
  settings.function = std::string(function->name);
  settings.evalFunction = options.eval;
  settings.batch = options.batch.value_or(loaded ? loaded->batch : 128);
  settings.epochs = options.epochs;
  settings.maxSteps = options.maxSteps;
  settings.pauseEvery = options.saveEvery;
  settings.seed = options.seed.value_or(loaded ? loaded->seed : 0);
  settings.validationSplit = options.validationSplit;
  settings.dropLast = options.dropLast;
  settings.bind = options.bind;
  auto trainer = amprt::io::Trainer::create(*session, *data, settings);
  if (!trainer.ok())
    return fail(trainer.status());
  if (int code = resume(*trainer))
    return code;
  std::optional<amprt::io::MetricsWriter> metrics;
  if (!options.metrics.empty()) {
    auto opened = amprt::io::MetricsWriter::open(options.metrics,
                                                 trainer->position().step);
    if (!opened.ok())
      return fail(opened.status());
    metrics = *std::move(opened);
  }

  Progress progress(options.quiet);
  // A callback ends the training with a status; one that has printed its
  // message leaves its exit code here.
  int code = kOk;
  // The step and the finished epochs of the last checkpoint.
  std::pair<int64_t, int64_t> saved = {-1, -1};
  auto savePosition = [&] {
    const amprt::io::TrainPosition &position = trainer->position();
    if (saved != std::pair(position.step, position.epoch))
      code = save(&position);
    saved = {position.step, position.epoch};
    return code ? Status(Code::IoError, "stopped") : amprt::okStatus();
  };
  amprt::io::TrainCallbacks callbacks;
  callbacks.step = [&](const amprt::io::StepMetrics &step, int64_t total) {
    if (metrics)
      AMPRT_RETURN_IF_ERROR(metrics->write(step));
    if ((code = reportNumerics(step.skipped)))
      return Status(Code::InvalidArgument, "stopped");
    progress.step(step.step, total, step.loss);
    if (stopSignal) {
      progress.clear();
      AMPRT_RETURN_IF_ERROR(savePosition());
      warn("stopped behind step " + std::to_string(step.step) +
           (options.save.empty() ? ""
                                 : "; --load=" + options.save + " goes on"));
      code = 128 + int(stopSignal);
      return Status(Code::Unavailable, "stopped");
    }
    if (options.saveEvery && step.step % options.saveEvery == 0)
      return savePosition();
    return amprt::okStatus();
  };
  callbacks.epoch = [&](const amprt::io::EpochReport &epoch) {
    progress.clear();
    if (!options.quiet)
      printEpoch(epoch, options.epochs);
    return savePosition();
  };
  std::signal(SIGINT, askToStop);
  std::signal(SIGTERM, askToStop);
  Status status = trainer->run(callbacks);
  progress.clear();
  if (status.ok())
    status = savePosition();
  if (code)
    return code;
  return status.ok() ? int(kOk) : fail(status);
}

} // namespace amprun

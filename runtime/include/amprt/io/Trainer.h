//===- Trainer.h - Epochs of batches through a training function -*- C++
//-*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The training loop: shuffles, gathers, calls the function, and measures the
// accuracy of another function after each epoch. All arithmetic is in the
// graph; the loop only moves data and counts.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_TRAINER_H
#define AMPRT_IO_TRAINER_H

#include "amprt/Session.h"
#include "amprt/io/Batches.h"
#include "amprt/io/Checkpoint.h"
#include "amprt/io/Metrics.h"

namespace amprt::io {

struct TrainOptions {
  std::string function;
  /// The function whose scores give the accuracy; empty: none is measured.
  std::string evalFunction;
  int64_t batch = 128, epochs = 1;
  /// Ends the training behind this step, also inside an epoch; 0 does not.
  int64_t maxSteps = 0;
  /// The caller looks at the session's variables in the callback of every so
  /// many steps: no further step has started then. 0: only between epochs. A
  /// device that runs behind the host reports several steps at once otherwise.
  int64_t pauseEvery = 0;
  uint64_t seed = 0;
  /// This part of the training data, at its end, is not trained on.
  double validationSplit = 0;
  bool dropLast = false;
  std::vector<BindRequest> bind;
};

/// What happened in one epoch.
struct EpochReport {
  int64_t epoch = 0; ///< from 1
  int64_t steps = 0, skipped = 0;
  double loss = 0; ///< mean over the examples
  /// On the test set, or on the validation part when there is no test set.
  std::optional<double> accuracy;
  /// On the validation part, when there is a test set too.
  std::optional<double> validationAccuracy;
  double seconds = 0; ///< of training, without the measuring
};

/// What the caller is told while it runs. A failure ends the training.
struct TrainCallbacks {
  std::function<Status(const StepMetrics &, int64_t totalSteps)> step;
  std::function<Status(const EpochReport &)> epoch;
};

class Trainer {
public:
  /// Binds the data to the inputs and checks what can be checked before the
  /// first step. Session and data must outlive the trainer.
  static Result<Trainer> create(Session &session, const Dataset &data,
                                const TrainOptions &options);

  /// Goes on behind `position`, which a trainer with the same settings gave,
  /// in a session with the variables of then: the steps that follow are those
  /// of a training that was not interrupted. Other settings are an error that
  /// names them.
  Status resume(const TrainPosition &position);

  Status run(const TrainCallbacks &callbacks);
  /// Where it stands; in a callback, behind the step or epoch it is told of.
  const TrainPosition &position() const { return at; }

  int64_t stepsPerEpoch() const;

private:
  Trainer(Session &session, const Dataset &data, const TrainOptions &options)
      : session(session), data(data), options(options) {}
  Status prepareEval(size_t functionIndex);
  /// Plans a function for batches of `count` examples, so that what cannot run
  /// is found before the first step.
  Status plan(const std::string &function, const std::vector<Binding> &bindings,
              int64_t count);
  Status runStep(const std::vector<int64_t> &order,
                 const TrainCallbacks &callbacks);
  /// Waits for the steps that have started, and reports them.
  Status report(const TrainCallbacks &callbacks);
  /// Accuracy over the examples from `first` to the end of the split.
  Result<double> measure(const Split &split, int64_t first);

  Session &session;
  const Dataset &data;
  TrainOptions options;
  std::vector<Binding> trainBindings, evalBindings;
  std::string labelField;
  size_t lossOutput = 0;
  int64_t examples = 0;
  TrainPosition at;
  std::vector<Tensor> batch;
  /// Examples of each step that has started and is not reported.
  std::vector<int64_t> started;
};

} // namespace amprt::io

#endif // AMPRT_IO_TRAINER_H

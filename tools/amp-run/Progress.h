//===- Progress.h - What a person sees of a training ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A line per epoch on standard output, and a running line on standard error
// where that is a terminal and the training takes more than two seconds.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_PROGRESS_H
#define AMP_TOOLS_AMP_RUN_PROGRESS_H

#include "amprt/io/Trainer.h"

#include <chrono>

namespace amprun {

/// `epoch 1/5  loss 1.2345  accuracy 0.9312  8 steps  35.2 s`.
void printEpoch(const amprt::io::EpochReport &epoch, int64_t epochs);

/// The running line. Does nothing where nobody watches.
class Progress {
public:
  explicit Progress(bool quiet);
  void step(int64_t step, int64_t total, double loss);
  /// Removes the line.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  bool active, shown = false;
  Clock::time_point start, last;
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_PROGRESS_H

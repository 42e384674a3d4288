//===- Checkpoint.h - The variables of a session in a file ------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A checkpoint is a safetensors file with one entry per variable of the graph
// file, optimizer and loss-scale state included, under the variable's name. Its
// metadata tell how often each function has run, which is what random numbers
// are drawn from, and where in its epochs a training stands, so that a training
// that goes on from a checkpoint makes the very steps that it would have made.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_CHECKPOINT_H
#define AMPRT_IO_CHECKPOINT_H

#include "amprt/Session.h"

namespace amprt::io {

/// Where a training stands: behind step `epochStep` of epoch number `epoch`
/// (from 0), and the settings that the order of its examples follows from.
struct TrainPosition {
  std::string function;
  int64_t epoch = 0, epochStep = 0;
  /// Steps since the beginning.
  int64_t step = 0;
  /// Of this epoch: examples, sum of their losses, skipped steps.
  int64_t seen = 0, skipped = 0;
  double lossSum = 0;

  uint64_t seed = 0;
  int64_t batch = 0, examples = 0;
  bool dropLast = false;
};

/// Writes all variables; the file is replaced as a whole or not at all.
Status saveCheckpoint(const Session &session, const std::string &path,
                      const TrainPosition *position = nullptr);

/// Where the training of a checkpoint stands; nothing when none wrote it.
Result<std::optional<TrainPosition>> readPosition(const std::string &path);

/// Sets all variables and the counts of calls. Nothing is set unless every
/// entry fits: a checkpoint of another model is an error that lists what
/// differs.
Status loadCheckpoint(Session &session, const std::string &path);

} // namespace amprt::io

#endif // AMPRT_IO_CHECKPOINT_H

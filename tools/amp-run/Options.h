//===- Options.h - The command line of amp-run ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The flags and what they may hold. Parsed by hand: amp-run runs on machines
// without LLVM.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_OPTIONS_H
#define AMP_TOOLS_AMP_RUN_OPTIONS_H

#include "amprt/io/Batches.h"

namespace amprun {

/// Exit codes, the same as amp-opt's.
enum Exit : int {
  kOk = 0,
  kBadInput = 1,
  kUsage = 2,
  kDifferent = 3,
  kIo = 4,
  kDevice = 5,
  kInternal = 70
};

struct NamedPath {
  std::string name, path;
};

struct NamedNumber {
  std::string name;
  int64_t value;
};

struct Options {
  std::string model;
  std::string function;
  std::string device = "cpu";
  int threads = 0;
  std::vector<NamedPath> inputs, outputs;

  std::string data, eval;
  int64_t epochs = 1;
  /// Not given: those of the checkpoint, else 128 and 0.
  std::optional<int64_t> batch;
  std::optional<uint64_t> seed;
  double validationSplit = 0;
  bool dropLast = false;
  std::vector<amprt::io::BindRequest> bind;

  std::string metrics, save, load;
  /// 0: only at the end of an epoch; no end but that of the epochs.
  int64_t saveEvery = 0, maxSteps = 0;
  /// Of a checkpoint, the variables alone.
  bool restart = false;
  bool checkNumerics = false, dumpProgram = false, quiet = false;
  bool profile = false;
  std::string profileFile;
  std::string assumeDevice;
  /// Lists the GPUs of this machine and runs nothing.
  bool listDevices = false;
  /// Products of float32 run in TF32, on a GPU.
  bool tf32 = false;
  bool deterministic = false;
  amprt::CudnnUse cudnn = amprt::CudnnUse::Auto;
  /// Another graph file, and the relative error that is an exit code.
  std::string compare;
  std::optional<double> compareLimit;
  std::vector<NamedNumber> sizes;
  /// Bytes to write with a language model; 0 samples nothing.
  int64_t sample = 0;
  std::optional<std::string> prompt;
  std::optional<double> temperature;
  std::optional<int64_t> topK;

  bool help = false, version = false;
};

/// Reads the arguments; on a mistake, says what it is in `error` and returns
/// false.
bool parseOptions(int argc, const char *const *argv, Options &options,
                  std::string &error);

/// The text of --help.
const char *helpText();

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_OPTIONS_H

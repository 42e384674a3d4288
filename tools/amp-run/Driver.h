//===- Driver.h - What amp-run does with its options ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One object per run. Every step returns an exit code and has printed its
// message when that is not 0.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_DRIVER_H
#define AMP_TOOLS_AMP_RUN_DRIVER_H

#include "Numerics.h"
#include "Options.h"
#include "Profile.h"
#include "amprt/io/Trainer.h"

namespace amprun {

class Driver {
public:
  explicit Driver(const Options &options) : options(options) {}
  int run();

private:
  int readModel();
  int chooseFunction();
  int openSession();
  int printProgram();
  int listDevices();
  int callOnce();
  /// The arrays of --input, converted, in `tensors`.
  int readInputs(std::vector<amprt::Tensor> &tensors,
                 std::vector<amprt::NamedTensor> &inputs);
  /// The first examples of --data in the order of the first epoch.
  int firstBatch(std::vector<amprt::Tensor> &tensors,
                 std::vector<amprt::NamedTensor> &inputs);
  int compare();
  /// Writes --sample bytes behind --prompt.
  int sample();
  int checkBindings();
  int train();
  /// Notes a size of the batch that 16-bit products would like padded.
  void adviseOnBatch(int64_t batch) const;
  /// Puts the trainer where the checkpoint stands.
  int resume(amprt::io::Trainer &trainer);
  int finish();
  void describeGpu();
  void watchSteps();
  /// Opens what is written at the end and finds out that it cannot be.
  int checkFiles();
  /// After a call: what --check-numerics found. `skipped` calls are reported
  /// but are no failure: that is what the loss scale is for.
  int reportNumerics(bool skipped);
  int save(const amprt::io::TrainPosition *position = nullptr);

  const Options &options;
  std::unique_ptr<amp::graphfile::SourceText> source;
  std::optional<amp::graphfile::CheckedFile> checked;
  const amp::graphfile::Function *function = nullptr;
  std::unique_ptr<amprt::Session> session;
  NumericsCheck numerics;
  Profile profile;
  /// Where the checkpoint of --load stands.
  std::optional<amprt::io::TrainPosition> loaded;
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_DRIVER_H

//===- Session.h - Runs the functions of a graph file -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The runtime's front door. A Session holds the variables of a graph file on a
// device, plans each function once per set of sizes, and runs it.
//
//   auto session = Session::create(std::move(checkedFile), options);
//   auto outputs = (*session)->run("predict", {{"images", &images}});
//===----------------------------------------------------------------------===//

#ifndef AMPRT_SESSION_H
#define AMPRT_SESSION_H

#include "amp/GraphFile/Reader.h"
#include "amprt/Device.h"

#include <functional>

namespace amprt {

struct SessionOptions {
  /// "cpu", "null" or "cuda".
  std::string device = "cpu";
  /// 0: as many as there are cores.
  int threads = 0;
  /// cuda: products of float32 run in TF32.
  bool tf32 = false;
  /// cuda: the same algorithms in every run, see DeviceOptions.
  bool deterministic = false;
  CudnnUse cudnn = CudnnUse::Auto;
  /// Told what the user should know of the device: that it lacks cuDNN, say.
  std::function<void(const std::string &)> onNote;
  /// Changes every random initial value; 0 gives those of the file's seeds.
  uint64_t seed = 0;
  /// Where the file's `weights` path starts: the folder of the graph file.
  std::string folder = ".";
  /// Plan with the traits of this device instead of the session's own
  /// ("h200"), and execute the result here.
  std::string planFor = "";
  /// Opens the device in place of `device`: one that the runtime does not know
  /// by name.
  std::function<Result<std::unique_ptr<Device>>()> openWith;
  /// False plans one step per node: every value is stored as the graph says,
  /// and an observer sees all of them. For inspection; slower.
  bool fuse = true;
};

/// An input by name; the caller keeps the tensor alive during the call.
struct NamedTensor {
  std::string_view name;
  const Tensor *tensor;
};

/// A named size, "batch" = 128.
struct NamedSize {
  std::string_view name;
  int64_t size;
};

/// What a caller may want to know of one call.
struct CallReport {
  /// The function scales its loss.
  bool hasLossScale = false;
  /// The scale that this call used; 1 without loss scaling.
  double lossScale = 1;
  /// What `all_finite` found; true when the function has none.
  bool finite = true;
  /// The updates were skipped: there is an `all_finite` and it was false.
  bool skipped = false;
};

/// What a call gives.
struct CallResult {
  std::vector<Tensor> outputs;
  CallReport report;
};

/// One executed step, for profiles and numerics checks. Pointers are valid
/// during the callback only.
struct StepEvent {
  const Program *program;
  uint32_t step; ///< index into Program::steps
  double seconds;
  /// A value as the device holds it: rows of `pitch` elements; null where the
  /// host cannot read it.
  struct Value {
    uint32_t buffer; ///< index into Program::buffers
    const void *data;
  };
  /// The operands, after the step has run: a variable that it changed holds
  /// its new value.
  std::vector<Value> operands;
  std::vector<Value> results; ///< scratch memory is none
};
using StepObserver = std::function<void(const StepEvent &)>;

class Session {
public:
  /// Takes the file, opens the device, sets the variables to their initial
  /// values.
  static Result<std::unique_ptr<Session>>
  create(amp::graphfile::CheckedFile file, const SessionOptions &options = {});
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const amp::graphfile::CheckedFile &file() const;
  /// Null when there is no function of that name.
  const amp::graphfile::Function *findFunction(std::string_view name) const;

  /// Runs a function: one tensor per output, in the file's order. Named sizes
  /// take their numbers from the inputs. A function whose training is not
  /// expanded is refused with the command that expands it.
  Result<std::vector<Tensor>> run(std::string_view function,
                                  const std::vector<NamedTensor> &inputs,
                                  CallReport *report = nullptr);

  /// Starts a call; its results come from collect(). A device that runs behind
  /// the host has not finished it when this returns, and so the host can prepare
  /// the next one. The inputs are the caller's again at once.
  Status submit(std::string_view function,
                const std::vector<NamedTensor> &inputs);
  /// Waits for the calls that submit() started since the last collect(): their
  /// results, in order.
  Result<std::vector<CallResult>> collect();
  /// How many calls are worth starting before a collect(); 1 with an observer.
  size_t callsAhead() const;

  /// Plans a function for these sizes without running it (and keeps the
  /// plan). The Program lives as long as the session.
  Result<const Program *> plan(std::string_view function,
                               const std::vector<NamedSize> &sizes);
  /// The text of the plan; it ends in a newline.
  Result<std::string> dumpProgram(std::string_view function,
                                  const std::vector<NamedSize> &sizes);

  /// A copy of a variable's value.
  Result<Tensor> variable(std::string_view name) const;
  /// Sets a variable; type and shape must be the variable's.
  Status setVariable(std::string_view name, const Tensor &value);
  /// Sets all variables to their initial values, and all counts of calls to 0.
  Status initialise();

  /// How often a function has run. Its random numbers are drawn from this
  /// count, so a checkpoint keeps it.
  Result<uint64_t> calls(std::string_view function) const;
  Status setCalls(std::string_view function, uint64_t count);

  /// Called after each step of every run; an empty function ends it. Steps are
  /// timed one by one, so a run is slower with an observer.
  void setObserver(StepObserver observer);

private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace amprt

#endif // AMPRT_SESSION_H

//===- CudaExecutable.cpp - A program on the GPU --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The first call with new addresses puts the steps into the stream one by one;
// the second one captures them as a graph, which later calls replay. Nothing
// here waits for the device: what the host wants to know is read by whoever
// wants it.
//===----------------------------------------------------------------------===//

#include "CudaDevice.h"
#include "StepCode.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

namespace {

class CudaExecutable : public Executable {
public:
  CudaExecutable(Context &context, const Program &program)
      : context(context), api(context.api()), program(program) {}

  Status prepare();
  Status run(const Bindings &bindings, const StepHook &hook) override;
  Status checkRuns() override;

private:
  /// Addresses, and which steps are left out: what a graph holds for good.
  struct Key {
    std::vector<const void *> addresses;
    std::vector<bool> cacheValid;
    bool operator==(const Key &other) const {
      return addresses == other.addresses && cacheValid == other.cacheValid;
    }
  };
  static Key keyOf(const Bindings &bindings);
  StepCall callOf(uint32_t step, const Bindings &bindings) const;
  bool isLeftOut(const Step &step, const Bindings &bindings) const;
  Status bind(const Bindings &bindings);
  Status enqueue(const Bindings &bindings);
  Status runTimed(const Bindings &bindings, const StepHook &hook);
  Status capture(const Bindings &bindings, GraphExec &graph);
  Status setState(const Bindings &bindings);

  Context &context;
  const Api &api;
  const Program &program;
  std::vector<std::unique_ptr<StepCode>> codes;
  std::vector<int> faultOf; ///< by step: its place among the faults, or -1
  Memory scratch, state, faults;
  int faultCount = 0;
  cudaKernel_t advance = nullptr;
  /// What the device's state is, as far as the host knows.
  uint64_t knownCall = 0, knownSeed = 0;
  bool stateIsKnown = false;

  std::vector<const void *> bound; ///< addresses of the last bind()
  struct Captured {
    Key key;
    GraphExec graph; ///< null after the first call with this key
  };
  std::vector<Captured> graphs;
  static constexpr size_t kMostGraphs = 8;
};

} // namespace

Status CudaExecutable::prepare() {
  size_t scratchBytes = 0;
  for (const Step &step : program.steps) {
    StepContext made{context, program, step};
    AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<StepCode> code, makeStep(made));
    scratchBytes = std::max(scratchBytes, code->scratchBytes());
    codes.push_back(std::move(code));
    bool gathers =
        step.kernel == Kernel::Gather || step.kernel == Kernel::GatherGrad;
    faultOf.push_back(gathers ? faultCount++ : -1);
  }
  AMPRT_ASSIGN_OR_RETURN(scratch, allocateDevice(api, scratchBytes));
  AMPRT_ASSIGN_OR_RETURN(state, allocateDevice(api, 2 * sizeof(uint64_t)));
  AMPRT_ASSIGN_OR_RETURN(
      faults, allocateDevice(api, size_t(faultCount) * 2 * sizeof(uint64_t)));
  if (faultCount)
    AMPRT_CUDA(api, cudaMemsetAsync,
               (faults.get(), 0xff, size_t(faultCount) * 2 * sizeof(uint64_t),
                context.stream()));
  AMPRT_ASSIGN_OR_RETURN(advance, context.kernel("State", "advance_state"));
  return okStatus();
}

CudaExecutable::Key CudaExecutable::keyOf(const Bindings &bindings) {
  Key key;
  key.addresses.push_back(bindings.arena);
  for (const auto *list : {&bindings.inputs, &bindings.outputs,
                           &bindings.variables, &bindings.constants,
                           &bindings.cache})
    key.addresses.insert(key.addresses.end(), list->begin(), list->end());
  key.cacheValid = bindings.cacheValid;
  return key;
}

StepCall CudaExecutable::callOf(uint32_t step, const Bindings &bindings) const {
  StepCall call{program,
                program.steps[step],
                bindings,
                context.stream(),
                scratch.get(),
                static_cast<const uint64_t *>(state.get()),
                nullptr};
  if (faultOf[step] >= 0)
    call.fault = static_cast<uint64_t *>(faults.get()) + 2 * faultOf[step];
  return call;
}

bool CudaExecutable::isLeftOut(const Step &step,
                               const Bindings &bindings) const {
  return step.cached &&
         bindings.cacheValid[program.buffers[step.results[0]].index];
}

Status CudaExecutable::bind(const Bindings &bindings) {
  for (uint32_t i = 0; i < codes.size(); ++i)
    AMPRT_RETURN_IF_ERROR(codes[i]->bind(callOf(i, bindings)));
  return okStatus();
}

Status CudaExecutable::enqueue(const Bindings &bindings) {
  for (uint32_t i = 0; i < codes.size(); ++i)
    if (!isLeftOut(program.steps[i], bindings))
      AMPRT_RETURN_IF_ERROR(codes[i]->enqueue(callOf(i, bindings)));
  k::StateArgs args = {static_cast<k::u64 *>(state.get())};
  Launch one;
  one.blockX = 1;
  return launch(context, advance, one, context.stream(), args);
}

/// One step at a time, each between two events.
Status CudaExecutable::runTimed(const Bindings &bindings,
                                const StepHook &hook) {
  AMPRT_ASSIGN_OR_RETURN(Event before, makeEvent(api, true));
  AMPRT_ASSIGN_OR_RETURN(Event after, makeEvent(api, true));
  for (uint32_t i = 0; i < codes.size(); ++i) {
    if (isLeftOut(program.steps[i], bindings))
      continue;
    AMPRT_CUDA(api, cudaEventRecord, (before.get(), context.stream()));
    AMPRT_RETURN_IF_ERROR(codes[i]->enqueue(callOf(i, bindings)));
    AMPRT_CUDA(api, cudaEventRecord, (after.get(), context.stream()));
    AMPRT_CUDA(api, cudaEventSynchronize, (after.get()));
    float milliseconds = 0;
    AMPRT_CUDA(api, cudaEventElapsedTime,
               (&milliseconds, before.get(), after.get()));
    hook(i, double(milliseconds) / 1000);
  }
  stateIsKnown = false;
  return okStatus();
}

Status CudaExecutable::setState(const Bindings &bindings) {
  if (stateIsKnown && knownCall == bindings.call && knownSeed == bindings.seed)
    return okStatus();
  const uint64_t values[2] = {bindings.call, bindings.seed};
  AMPRT_CUDA(api, cudaMemcpyAsync,
             (state.get(), values, sizeof values, cudaMemcpyHostToDevice,
              context.stream()));
  knownCall = bindings.call;
  knownSeed = bindings.seed;
  stateIsKnown = true;
  return okStatus();
}

Status CudaExecutable::capture(const Bindings &bindings, GraphExec &graph) {
  AMPRT_CUDA(api, cudaStreamBeginCapture,
             (context.stream(), cudaStreamCaptureModeThreadLocal));
  Status status = enqueue(bindings);
  cudaGraph_t made = nullptr;
  // Ended also after an error: the stream must not stay in capture.
  cudaError_t ended = api.cudaStreamEndCapture(context.stream(), &made);
  Graph steps(api, made, [](const Api &api, cudaGraph_t g) {
    (void)api.cudaGraphDestroy(g);
  });
  AMPRT_RETURN_IF_ERROR(status);
  AMPRT_RETURN_IF_ERROR(check(api, ended, "cudaStreamEndCapture"));
  cudaGraphExec_t ready = nullptr;
  AMPRT_CUDA(api, cudaGraphInstantiate, (&ready, made, 0));
  graph = GraphExec(api, ready, [](const Api &api, cudaGraphExec_t g) {
    (void)api.cudaGraphExecDestroy(g);
  });
  return okStatus();
}

Status CudaExecutable::run(const Bindings &bindings, const StepHook &hook) {
  AMPRT_RETURN_IF_ERROR(setState(bindings));
  Key key = keyOf(bindings);
  if (key.addresses != bound) {
    AMPRT_RETURN_IF_ERROR(bind(bindings));
    bound = key.addresses;
    graphs.clear(); // they hold what bind() set
  }
  if (hook)
    return runTimed(bindings, hook);
  auto found =
      std::find_if(graphs.begin(), graphs.end(),
                   [&](const Captured &c) { return c.key == key; });
  if (found == graphs.end()) {
    if (graphs.size() == kMostGraphs)
      graphs.erase(graphs.begin());
    AMPRT_RETURN_IF_ERROR(enqueue(bindings));
    graphs.push_back({std::move(key), GraphExec()});
  } else {
    if (!found->graph)
      AMPRT_RETURN_IF_ERROR(capture(bindings, found->graph));
    AMPRT_CUDA(api, cudaGraphLaunch, (found->graph.get(), context.stream()));
  }
  ++knownCall;
  return okStatus();
}

Status CudaExecutable::checkRuns() {
  if (!faultCount)
    return okStatus();
  std::vector<uint64_t> found(size_t(faultCount) * 2);
  const size_t bytes = found.size() * sizeof(uint64_t);
  AMPRT_CUDA(api, cudaMemcpyAsync,
             (found.data(), faults.get(), bytes, cudaMemcpyDeviceToHost,
              context.stream()));
  AMPRT_CUDA(api, cudaStreamSynchronize, (context.stream()));
  for (uint32_t i = 0; i < codes.size(); ++i) {
    if (faultOf[i] < 0 || found[size_t(faultOf[i]) * 2] == ~uint64_t(0))
      continue;
    AMPRT_CUDA(api, cudaMemsetAsync,
               (faults.get(), 0xff, bytes, context.stream()));
    const Step &step = program.steps[i];
    const int64_t size = step.params.size;
    return Status(Code::InvalidArgument,
                  "node '" + step.name + "': element " +
                      std::to_string(found[size_t(faultOf[i]) * 2]) +
                      " of the indices is " +
                      std::to_string(int64_t(found[size_t(faultOf[i]) * 2 + 1])) +
                      (size ? ", expected 0 to " + std::to_string(size - 1)
                            : ", but the axis has no elements"));
  }
  return okStatus();
}

Result<std::unique_ptr<Executable>>
amprt::cuda::loadProgram(Context &context, const Program &program) {
  auto executable = std::make_unique<CudaExecutable>(context, program);
  AMPRT_RETURN_IF_ERROR(executable->prepare());
  return std::unique_ptr<Executable>(std::move(executable));
}

//===- Calls.cpp - Calls of functions -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Binds a call's inputs and outputs, runs it, and brings the results to the
// host: at once, or behind further calls where the device runs behind the host.
//===----------------------------------------------------------------------===//

#include "SessionState.h"

#include <cstring>

using namespace amprt;
namespace gf = amp::graphfile;

namespace {

/// Variables that a run changed, or may have changed.
std::vector<uint32_t> changedVariables(const Program &program, bool finite) {
  std::vector<uint32_t> changed;
  for (const Step &step : program.steps) {
    if (step.condition != kNoBuffer && step.condition == program.finite &&
        !finite)
      continue;
    for (uint32_t result : step.results)
      if (program.buffers[result].space == Space::Variable)
        changed.push_back(program.buffers[result].index);
  }
  return changed;
}

/// Cache entries that the updates of a run wrote.
std::vector<uint32_t> refreshedEntries(const Program &program, bool finite) {
  std::vector<uint32_t> refreshed;
  for (const Step &step : program.steps) {
    if (step.cached || (step.condition != kNoBuffer &&
                        step.condition == program.finite && !finite))
      continue;
    for (uint32_t result : step.results)
      if (program.buffers[result].space == Space::Cache)
        refreshed.push_back(program.buffers[result].index);
  }
  return refreshed;
}

} // namespace

Result<HostMemory> HostMemory::allocate(Device &device, size_t bytes) {
  HostMemory result;
  result.device = &device;
  result.memory = static_cast<std::byte *>(device.allocateHost(bytes));
  result.size = bytes;
  if (!result.memory)
    return Status(Code::ResourceExhausted, "the host has no memory for " +
                                               std::to_string(bytes) +
                                               " bytes");
  return result;
}

/// Memory of the plan, at the same address in every call.
Result<void *> Session::Impl::ioMemory(Plan &plan, size_t number,
                                       size_t bytes) {
  if (number == plan.io.size()) {
    AMPRT_ASSIGN_OR_RETURN(DeviceMemory memory,
                           DeviceMemory::allocate(*device, bytes));
    plan.io.push_back(std::move(memory));
  }
  return plan.io[number].get();
}

/// Room for what a call brings to the host.
Result<HostMemory> Session::Impl::staging(size_t bytes) {
  for (size_t i = 0; i < freeStaging.size(); ++i)
    if (freeStaging[i].bytes() >= bytes) {
      HostMemory memory = std::move(freeStaging[i]);
      freeStaging.erase(freeStaging.begin() + long(i));
      return memory;
    }
  return HostMemory::allocate(*device, bytes);
}

Status Session::Impl::start(size_t function, const std::vector<NamedTensor> &inputs,
                            Call &call) {
  std::vector<const Tensor *> ordered;
  AMPRT_ASSIGN_OR_RETURN(
      SizeBindings sizes,
      bindInputs(file.file.functions[function], inputs, ordered));
  AMPRT_ASSIGN_OR_RETURN(call.plan, plan(function, sizes));
  Plan &plan = *call.plan;
  AMPRT_RETURN_IF_ERROR(makeReady(plan));
  const Program &program = *plan.program;
  AMPRT_ASSIGN_OR_RETURN(Bindings bindings, bind(plan));
  const bool hostVisible = device->hostAddress(bindings.arena) != nullptr;
  size_t io = 0;
  for (const Tensor *input : ordered) {
    void *place = const_cast<void *>(input->data());
    if (!hostVisible) {
      AMPRT_ASSIGN_OR_RETURN(place, ioMemory(plan, io++, input->bytes()));
      AMPRT_RETURN_IF_ERROR(
          device->uploadInTurn(place, input->data(), input->bytes()));
    }
    bindings.inputs.push_back(place);
  }
  for (uint32_t output : program.outputs) {
    const Buffer &buffer = program.buffers[output];
    AMPRT_ASSIGN_OR_RETURN(Tensor tensor,
                           Tensor::create(buffer.dtype, buffer.dims));
    call.result.outputs.push_back(std::move(tensor));
  }
  for (Tensor &output : call.result.outputs) {
    void *place = output.data();
    if (!hostVisible) {
      AMPRT_ASSIGN_OR_RETURN(place, ioMemory(plan, io++, output.bytes()));
    }
    bindings.outputs.push_back(place);
  }
  if (!hostVisible)
    AMPRT_RETURN_IF_ERROR(stage(program, bindings, call));
  CallReport &report = call.result.report;
  if (program.lossScale != kNoBuffer) {
    report.hasLossScale = true;
    if (hostVisible) {
      AMPRT_ASSIGN_OR_RETURN(report.lossScale, readScale(program));
    } else if (void *scale = reportAddress(program, bindings,
                                           program.lossScale)) {
      AMPRT_RETURN_IF_ERROR(device->downloadInTurn(
          call.staging.get() + call.scaleAt, scale, sizeof(float)));
      call.hasScale = true;
    }
  }

  StepHook hook;
  if (observer)
    hook = [&](uint32_t step, double seconds) {
      StepEvent event{&program, step, seconds, {}, {}};
      auto value = [&](uint32_t buffer) -> StepEvent::Value {
        return {buffer,
                device->hostAddress(addressOf(bindings, program, buffer))};
      };
      for (uint32_t operand : program.steps[step].operands)
        event.operands.push_back(value(operand));
      const Step &done = program.steps[step];
      for (size_t i = 0; i + done.params.hasScratch < done.results.size(); ++i)
        event.results.push_back(value(done.results[i]));
      observer(event);
    };
  bindings.call = calls[function];
  bindings.seed = options.seed;
  Status status = plan.executable->run(bindings, hook);
  // Where the host does not wait for the device, the updates count as made:
  // their copies in the cache are those of the variables either way.
  bool finite = true;
  if (hostVisible && status.ok() && program.finite != kNoBuffer) {
    AMPRT_ASSIGN_OR_RETURN(finite, readFinite(program));
  }
  for (const Program::CacheEntry &entry : program.cache)
    cache[entry.key].versions =
        status.ok() ? versionsOf(entry) : std::vector<uint64_t>();
  for (uint32_t variable : changedVariables(program, finite || !status.ok()))
    ++variables[variable].version;
  AMPRT_RETURN_IF_ERROR(status);
  for (uint32_t index : refreshedEntries(program, finite)) {
    const Program::CacheEntry &entry = program.cache[index];
    cache[entry.key].versions = versionsOf(entry);
  }
  if (!hostVisible)
    AMPRT_RETURN_IF_ERROR(bringBack(program, bindings, call));
  ++calls[function];
  report.finite = finite;
  report.skipped = !finite;
  return okStatus();
}

/// Where the device keeps a scalar that a report tells of, or null.
void *Session::Impl::reportAddress(const Program &program,
                                   const Bindings &bindings,
                                   uint32_t buffer) const {
  switch (program.buffers[buffer].space) {
  case Space::Arena:
  case Space::Variable:
  case Space::Constant:
    return addressOf(bindings, program, buffer);
  default:
    return nullptr;
  }
}

/// Room on the host for the outputs, the loss scale and the finite flag.
Status Session::Impl::stage(const Program &program, const Bindings &bindings,
                            Call &call) {
  size_t bytes = 0;
  auto place = [&](size_t size) {
    const size_t at = bytes;
    bytes += (size + 15) / 16 * 16;
    return at;
  };
  call.scaleAt = place(sizeof(float));
  call.finiteAt = place(1);
  for (const Tensor &output : call.result.outputs)
    call.outputsAt.push_back(place(output.bytes()));
  AMPRT_ASSIGN_OR_RETURN(call.staging, staging(bytes));
  return okStatus();
}

Status Session::Impl::bringBack(const Program &program,
                                const Bindings &bindings, Call &call) {
  if (program.finite != kNoBuffer)
    if (void *flag = reportAddress(program, bindings, program.finite)) {
      AMPRT_RETURN_IF_ERROR(device->downloadInTurn(
          call.staging.get() + call.finiteAt, flag, 1));
      call.hasFinite = true;
    }
  for (size_t i = 0; i < call.outputsAt.size(); ++i)
    AMPRT_RETURN_IF_ERROR(device->downloadInTurn(
        call.staging.get() + call.outputsAt[i], bindings.outputs[i],
        call.result.outputs[i].bytes()));
  return okStatus();
}

/// What the device has brought to the host becomes the result.
CallResult Session::Impl::finishCall(Call &call) {
  for (size_t i = 0; i < call.outputsAt.size(); ++i)
    if (Tensor &output = call.result.outputs[i]; output.bytes())
      std::memcpy(output.data(), call.staging.get() + call.outputsAt[i],
                  output.bytes());
  CallReport &report = call.result.report;
  if (call.hasScale) {
    float scale;
    std::memcpy(&scale, call.staging.get() + call.scaleAt, sizeof scale);
    report.lossScale = scale;
  }
  if (call.hasFinite) {
    report.finite = call.staging.get()[call.finiteAt] != std::byte(0);
    report.skipped = !report.finite;
  }
  if (call.staging.get())
    freeStaging.push_back(std::move(call.staging));
  return std::move(call.result);
}

Status Session::submit(std::string_view function,
                       const std::vector<NamedTensor> &inputs) {
  AMPRT_ASSIGN_OR_RETURN(size_t index, impl->functionIndex(function));
  Call call;
  AMPRT_RETURN_IF_ERROR(impl->start(index, inputs, call));
  impl->pending.push_back(std::move(call));
  return okStatus();
}

Result<std::vector<CallResult>> Session::collect() {
  std::vector<Call> pending = std::move(impl->pending);
  impl->pending.clear();
  AMPRT_RETURN_IF_ERROR(impl->device->finish());
  std::vector<CallResult> results;
  for (Call &call : pending)
    AMPRT_RETURN_IF_ERROR(call.plan->executable->checkRuns());
  for (Call &call : pending)
    results.push_back(impl->finishCall(call));
  return results;
}

size_t Session::callsAhead() const {
  return impl->observer ? 1 : impl->device->runsAhead();
}

Result<std::vector<Tensor>> Session::run(std::string_view function,
                                         const std::vector<NamedTensor> &inputs,
                                         CallReport *report) {
  AMPRT_ASSIGN_OR_RETURN(size_t index, impl->functionIndex(function));
  Call call;
  AMPRT_RETURN_IF_ERROR(impl->start(index, inputs, call));
  AMPRT_RETURN_IF_ERROR(impl->device->finish());
  AMPRT_RETURN_IF_ERROR(call.plan->executable->checkRuns());
  CallResult result = impl->finishCall(call);
  if (report)
    *report = result.report;
  return std::move(result.outputs);
}

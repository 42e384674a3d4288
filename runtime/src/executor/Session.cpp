//===- Session.cpp - Runs the functions of a graph file -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Holds variables on a device, plans each function once per set of sizes, binds
// memory and runs.
//===----------------------------------------------------------------------===//

#include "amprt/Session.h"
#include "Initialise.h"
#include "SessionState.h"
#include "amp/OpSet/Words.h"

#include <algorithm>

using namespace amprt;
namespace gf = amp::graphfile;

Result<DeviceMemory> DeviceMemory::allocate(Device &device, size_t bytes) {
  DeviceMemory result;
  result.device = &device;
  result.memory = device.allocate(bytes);
  result.size = bytes;
  if (!result.memory)
    return Status(Code::ResourceExhausted, "the device has no memory for " +
                                               std::to_string(bytes) +
                                               " bytes");
  return result;
}

Result<size_t> Session::Impl::functionIndex(std::string_view name) const {
  const auto &functions = file.file.functions;
  for (size_t i = 0; i < functions.size(); ++i)
    if (functions[i].name == name)
      return i;
  std::string known;
  for (const gf::Function &function : functions)
    known += (known.empty() ? "" : ", ") + std::string(function.name);
  return Status(Code::NotFound, "the file has no function " +
                                    amp::quoted(name) + "; it has " +
                                    (known.empty() ? "none" : known));
}

Result<uint32_t> Session::Impl::findVariable(std::string_view name) const {
  auto found = variableIndex.find(std::string(name));
  if (found == variableIndex.end())
    return Status(Code::NotFound,
                  "the file has no variable " + amp::quoted(name));
  return found->second;
}

Status Session::Impl::upload(uint32_t index, const Tensor &value) {
  VariableState &variable = variables[index];
  if (value.dtype() != variable.dtype || value.dims() != variable.dims)
    return Status(Code::InvalidArgument,
                  "variable " + amp::quoted(file.file.variables[index].name) +
                      " is " + describe(variable.dtype, variable.dims) +
                      ", not " + describe(value.dtype(), value.dims()));
  ++variable.version;
  return device->upload(variable.memory.get(), value.data(), value.bytes());
}

Status Session::Impl::initialise() {
  for (uint32_t i = 0; i < variables.size(); ++i) {
    const gf::Variable &variable = file.file.variables[i];
    if (variable.init && !device->keepsData())
      continue;
    Result<Tensor> value =
        variable.init ? initialValue(variable, options.seed)
        : weights     ? weights(variable.weights)
                      : Status(Code::FailedPrecondition,
                               "variable " + amp::quoted(variable.name) +
                                   " takes its value from a weights file, and "
                                       "none is open");
    if (!value.ok())
      return value.status();
    AMPRT_RETURN_IF_ERROR(upload(i, *value));
  }
  return okStatus();
}

Result<Plan *> Session::Impl::plan(size_t function, const SizeBindings &sizes) {
  std::string key(file.file.functions[function].name);
  key += '\0';
  for (const auto &[name, size] : sizes)
    key += name + '=' + std::to_string(size) + '\0';
  auto found = plans.find(key);
  if (found != plans.end())
    return &found->second;
  AMPRT_ASSIGN_OR_RETURN(Program program,
                         planFunction(file, function, sizes, traits, weights));
  std::string missing;
  for (const Step &step : program.steps)
    if (!device->supports(step, program))
      missing += (missing.empty() ? "" : ", ") +
                 std::string(kernelName(step.kernel)) + " (" +
                 amp::quoted(step.name) + ")";
  if (!missing.empty())
    return Status(Code::Unimplemented, "the device " +
                                           amp::quoted(device->traits().name) +
                                           " has no kernel for: " + missing);
  Plan plan;
  plan.program = std::make_unique<Program>(std::move(program));
  return &plans.emplace(std::move(key), std::move(plan)).first->second;
}

/// Builds the executable and uploads the constants at the first run.
Status Session::Impl::makeReady(Plan &plan) {
  if (plan.executable)
    return okStatus();
  plan.constants.clear();
  for (const Tensor &constant : plan.program->constants) {
    AMPRT_ASSIGN_OR_RETURN(DeviceMemory memory,
                           DeviceMemory::allocate(*device, constant.bytes()));
    AMPRT_RETURN_IF_ERROR(
        device->upload(memory.get(), constant.data(), constant.bytes()));
    plan.constants.push_back(std::move(memory));
  }
  AMPRT_ASSIGN_OR_RETURN(plan.executable, device->load(*plan.program));
  for (const std::string &note : device->takeNotes())
    if (options.onNote)
      options.onNote(note);
  return okStatus();
}

std::vector<uint64_t>
Session::Impl::versionsOf(const Program::CacheEntry &entry) const {
  std::vector<uint64_t> versions;
  for (uint32_t variable : entry.variables)
    versions.push_back(variables[variable].version);
  return versions;
}

Result<Bindings> Session::Impl::bind(const Plan &plan) {
  const Program &program = *plan.program;
  if (arena.bytes() < program.totals.arenaBytes || !arena.get()) {
    arena = DeviceMemory(); // give the old one back first
    AMPRT_ASSIGN_OR_RETURN(
        arena, DeviceMemory::allocate(*device, program.totals.arenaBytes));
  }
  Bindings bindings;
  bindings.arena = arena.get();
  for (const VariableState &variable : variables)
    bindings.variables.push_back(variable.memory.get());
  for (const DeviceMemory &constant : plan.constants)
    bindings.constants.push_back(constant.get());
  for (const Program::CacheEntry &entry : program.cache) {
    CachedValue &value = cache[entry.key];
    if (!value.memory.get()) {
      AMPRT_ASSIGN_OR_RETURN(value.memory,
                             DeviceMemory::allocate(*device, entry.bytes));
    }
    bindings.cache.push_back(value.memory.get());
    bindings.cacheValid.push_back(value.versions == versionsOf(entry));
  }
  return bindings;
}

Result<float> Session::Impl::readScale(const Program &program) const {
  const Buffer &buffer = program.buffers[program.lossScale];
  float scale = 1;
  if (buffer.dtype != DType::Float32)
    return scale;
  if (buffer.space == Space::Variable)
    AMPRT_RETURN_IF_ERROR(device->download(
        &scale, variables[buffer.index].memory.get(), sizeof(scale)));
  else if (buffer.space == Space::Constant)
    scale = program.constants[buffer.index].as<float>()[0];
  return scale;
}

Result<bool> Session::Impl::readFinite(const Program &program) const {
  const Buffer &buffer = program.buffers[program.finite];
  uint8_t finite = 1;
  if (buffer.space == Space::Arena)
    AMPRT_RETURN_IF_ERROR(device->download(
        &finite, static_cast<std::byte *>(arena.get()) + buffer.offset, 1));
  return finite != 0;
}

Session::Session(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>>
Session::create(gf::CheckedFile file, const SessionOptions &options) {
  auto impl = std::make_unique<Impl>();
  impl->file = std::move(file);
  impl->options = options;
  AMPRT_ASSIGN_OR_RETURN(
      impl->device, options.openWith
                        ? options.openWith()
                        : openDevice(options.device,
                                     {options.threads, options.tf32,
                                      options.deterministic, options.cudnn}));
  impl->traits = impl->device->traits();
  if (!options.planFor.empty()) {
    auto traits = DeviceTraits::find(options.planFor);
    if (!traits)
      return Status(Code::InvalidArgument, "no device " +
                                               amp::quoted(options.planFor) +
                                               " to plan for");
    impl->traits = *traits;
  }
  impl->traits.fuse &= options.fuse;
  impl->calls.resize(impl->file.file.functions.size());
  AMPRT_ASSIGN_OR_RETURN(impl->weights,
                         openWeights(impl->file.file, options.folder));
  for (const gf::Variable &variable : impl->file.file.variables) {
    VariableState state;
    state.dtype = variable.type.dtype;
    for (const amp::Dim &dim : variable.type.shape) {
      if (!dim.isFixed())
        return Status(Code::InvalidArgument,
                      "variable " + amp::quoted(variable.name) +
                          " has a size that is not a number");
      state.dims.push_back(dim.size());
    }
    AMPRT_ASSIGN_OR_RETURN(
        state.memory,
        DeviceMemory::allocate(*impl->device, size_t(elementCount(state.dims)) *
                                                  amp::dtypeSize(state.dtype)));
    impl->variableIndex.emplace(variable.name, impl->variables.size());
    impl->variables.push_back(std::move(state));
  }
  AMPRT_RETURN_IF_ERROR(impl->initialise());
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

const gf::CheckedFile &Session::file() const { return impl->file; }

const gf::Function *Session::findFunction(std::string_view name) const {
  Result<size_t> index = impl->functionIndex(name);
  return index.ok() ? &impl->file.file.functions[*index] : nullptr;
}

Result<const Program *> Session::plan(std::string_view function,
                                      const std::vector<NamedSize> &sizes) {
  AMPRT_ASSIGN_OR_RETURN(size_t index, impl->functionIndex(function));
  SizeBindings bindings;
  // Sizes that this function does not have would only make more plans.
  for (const gf::Input &input : impl->file.file.functions[index].inputs)
    for (const amp::Dim &dim : input.type.shape)
      for (const NamedSize &size : sizes)
        if (dim.isNamed() && dim.name() == size.name)
          bindings[std::string(size.name)] = size.size;
  AMPRT_ASSIGN_OR_RETURN(Plan * plan, impl->plan(index, bindings));
  return static_cast<const Program *>(plan->program.get());
}

Result<std::string> Session::dumpProgram(std::string_view function,
                                         const std::vector<NamedSize> &sizes) {
  AMPRT_ASSIGN_OR_RETURN(const Program *program, plan(function, sizes));
  return toString(*program);
}

Result<Tensor> Session::variable(std::string_view name) const {
  AMPRT_ASSIGN_OR_RETURN(uint32_t index, impl->findVariable(name));
  const VariableState &variable = impl->variables[index];
  AMPRT_ASSIGN_OR_RETURN(Tensor value,
                         Tensor::create(variable.dtype, variable.dims));
  AMPRT_RETURN_IF_ERROR(impl->device->download(
      value.data(), variable.memory.get(), value.bytes()));
  return value;
}

Status Session::setVariable(std::string_view name, const Tensor &value) {
  AMPRT_ASSIGN_OR_RETURN(uint32_t index, impl->findVariable(name));
  return impl->upload(index, value);
}

Status Session::initialise() {
  std::fill(impl->calls.begin(), impl->calls.end(), 0);
  return impl->initialise();
}

Result<uint64_t> Session::calls(std::string_view function) const {
  AMPRT_ASSIGN_OR_RETURN(size_t index, impl->functionIndex(function));
  return impl->calls[index];
}

Status Session::setCalls(std::string_view function, uint64_t count) {
  AMPRT_ASSIGN_OR_RETURN(size_t index, impl->functionIndex(function));
  impl->calls[index] = count;
  return okStatus();
}

void Session::setObserver(StepObserver observer) {
  impl->observer = std::move(observer);
}

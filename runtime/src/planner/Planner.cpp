//===- Planner.cpp - From a graph function to a Program -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Binds the named sizes, infers every type again with numbers, lowers the
// nodes, then runs the stages.
//===----------------------------------------------------------------------===//

#include "amprt/Planner.h"
#include "Stages.h"
#include "amp/OpSet/Words.h"

#include <algorithm>
#include <set>

using namespace amprt;
using namespace amprt::planner;
namespace gf = amp::graphfile;

namespace {

class FunctionPlanner {
public:
  FunctionPlanner(const gf::CheckedFile &checked, size_t index,
                  const SizeBindings &sizes, const DeviceTraits &traits)
      : file(checked.file), function(file.functions[index]),
        types(checked.types[index]), sizes(sizes), traits(traits),
        names(file, function), variables(file.variables.size(), kNoBuffer),
        values(function.nodes.size()) {}

  Status lower(const WeightsReader &weights);
  Status addOutputs();

  Builder builder;

private:
  Status bind(amp::Shape &shape, std::string_view where) const;
  Result<uint32_t> valueOf(const gf::ValueName &name);
  Status lowerNode(uint32_t index);
  uint32_t variable(uint32_t index);
  /// Notes an op that cannot run.
  void reject(const gf::Node &node);
  Status unsupportedStatus() const;

  const gf::GraphFile &file;
  const gf::Function &function;
  const gf::FunctionTypes &types;
  const SizeBindings &sizes;
  const DeviceTraits &traits;
  gf::NameTable names;
  std::vector<uint32_t> inputs, variables;
  std::vector<std::vector<uint32_t>> values;
  std::string unsupported;
  std::set<std::string_view> unsupportedOps;
};

} // namespace

/// Replaces named sizes by their numbers.
Status FunctionPlanner::bind(amp::Shape &shape, std::string_view where) const {
  for (amp::Dim &dim : shape) {
    if (!dim.isNamed())
      continue;
    auto found = sizes.find(dim.name());
    if (found == sizes.end())
      return Status(Code::InvalidArgument,
                    "size " + amp::quoted(dim.name()) + " of " +
                        amp::quoted(where) +
                        " has no number: no input of function " +
                        amp::quoted(function.name) + " has it");
    dim = amp::Dim::fixed(found->second);
  }
  return okStatus();
}

uint32_t FunctionPlanner::variable(uint32_t index) {
  if (variables[index] == kNoBuffer) {
    const gf::Variable &v = file.variables[index];
    Dims dims;
    for (const amp::Dim &dim : v.type.shape)
      dims.push_back(dim.size());
    variables[index] = builder.addBuffer(std::string(v.name), v.type.dtype,
                                         dims, Space::Variable, index);
  }
  return variables[index];
}

Result<uint32_t> FunctionPlanner::valueOf(const gf::ValueName &name) {
  gf::ValueTarget target = names.find(name.name);
  switch (target.kind) {
  case gf::ValueTarget::Input:
    return inputs[target.index];
  case gf::ValueTarget::Variable:
    return variable(target.index);
  case gf::ValueTarget::Node:
    if (name.result < values[target.index].size())
      return values[target.index][name.result];
    break;
  case gf::ValueTarget::Missing:
    break;
  }
  return Status(Code::Internal, "no value " + amp::quoted(gf::toString(name)));
}

Status FunctionPlanner::lowerNode(uint32_t index) {
  const gf::Node &node = function.nodes[index];
  const amp::OpDef *def = amp::findOp(node.op);
  if (!def || !loweringTable().count(node.op)) {
    reject(node);
    return okStatus();
  }
  std::vector<uint32_t> operands;
  std::vector<amp::TensorType> operandTypes;
  for (const gf::ValueName &input : node.inputs) {
    AMPRT_ASSIGN_OR_RETURN(uint32_t buffer, valueOf(input));
    operands.push_back(buffer);
    amp::TensorType type{builder.dtype(buffer), {}};
    for (int64_t size : builder.dims(buffer))
      type.shape.push_back(amp::Dim::fixed(size));
    operandTypes.push_back(std::move(type));
  }
  std::vector<amp::Attr> attrs = node.attrs;
  for (amp::Attr &attr : attrs)
    if (auto *shape = std::get_if<amp::Shape>(&attr.value))
      AMPRT_RETURN_IF_ERROR(bind(*shape, node.name));
  std::vector<amp::TensorType> results;
  if (auto error = amp::inferTypes(*def, operandTypes, attrs, results))
    return Status(Code::InvalidArgument,
                  "node " + amp::quoted(node.name) +
                      " does not fit these sizes: " + error->message);
  for (const amp::TensorType &type : results)
    for (const amp::Dim &dim : type.shape)
      if (!dim.isFixed())
        return Status(Code::Unimplemented,
                      "node " + amp::quoted(node.name) +
                          " has a size that follows from the data");

  NodeLowering lowering{
      builder, node, {*def, operandTypes, attrs}, operands, results};
  size_t firstStep = builder.program.steps.size();
  if (!loweringTable().at(node.op)(lowering)) {
    // Go on with buffers that nothing writes, to find all such ops.
    reject(node);
    builder.program.steps.resize(firstStep);
    lowering.results.clear();
    while (lowering.results.size() < results.size())
      lowering.addResult();
  }
  AMPRT_RETURN_IF_ERROR(lowering.failure);
  values[index] = std::move(lowering.results);
  if (node.op == "scale_loss")
    builder.program.lossScale = operands[1];
  return okStatus();
}

void FunctionPlanner::reject(const gf::Node &node) {
  if (unsupportedOps.insert(node.op).second)
    unsupported += (unsupported.empty() ? "" : ", ") + std::string(node.op) +
                   " (node " + amp::quoted(node.name) + ")";
}

Status FunctionPlanner::unsupportedStatus() const {
  if (unsupported.empty())
    return okStatus();
  return Status(Code::Unimplemented, "function " + amp::quoted(function.name) +
                                         " has ops that the device '" +
                                         traits.name +
                                         "' does not run: " + unsupported);
}

Status FunctionPlanner::lower(const WeightsReader &weights) {
  if (function.training)
    return Status(Code::FailedPrecondition,
                  "the training of function " + amp::quoted(function.name) +
                      " is not expanded; run 'amp-opt MODEL.json -o OUT.json' "
                      "first, or 'amp-opt --policy=none MODEL.json -o "
                      "OUT.json' to train in float32");
  builder.weights = weights;
  builder.program.function = function.name;
  builder.program.device = traits.name;
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    const gf::Input &input = function.inputs[i];
    amp::Shape shape = input.type.shape;
    for (const amp::Dim &dim : shape) {
      if (!dim.isNamed())
        continue;
      auto known = std::find_if(
          builder.program.sizes.begin(), builder.program.sizes.end(),
          [&](const auto &entry) { return entry.first == dim.name(); });
      auto size = sizes.find(dim.name());
      if (known == builder.program.sizes.end() && size != sizes.end())
        builder.program.sizes.emplace_back(dim.name(), size->second);
    }
    AMPRT_RETURN_IF_ERROR(bind(shape, input.name));
    Dims dims;
    for (const amp::Dim &dim : shape)
      dims.push_back(dim.size());
    inputs.push_back(builder.addBuffer(std::string(input.name),
                                       input.type.dtype, dims, Space::Input,
                                       uint32_t(i)));
  }
  builder.program.inputs = inputs;
  // An op without any lowering has no types to go on with: first these.
  for (const gf::Node &node : function.nodes)
    if (!amp::findOp(node.op) || !loweringTable().count(node.op))
      reject(node);
  AMPRT_RETURN_IF_ERROR(unsupportedStatus());
  for (uint32_t node : types.order)
    AMPRT_RETURN_IF_ERROR(lowerNode(node));
  return unsupportedStatus();
}

/// An output takes the memory of the value it names, when that is the
/// program's own and not an output already; else it is a copy.
Status FunctionPlanner::addOutputs() {
  Program &program = builder.program;
  for (size_t i = 0; i < function.outputs.size(); ++i) {
    const gf::Output &output = function.outputs[i];
    AMPRT_ASSIGN_OR_RETURN(uint32_t value, valueOf(output.value));
    Buffer &memory = builder.buffer(builder.base[value]);
    if (memory.space == Space::Arena) {
      memory.space = Space::Output;
      memory.index = uint32_t(i);
      program.outputs.push_back(value);
      continue;
    }
    uint32_t copy =
        builder.addBuffer(std::string(output.name), builder.dtype(value),
                          builder.dims(value), Space::Output, uint32_t(i));
    ExpressionBuilder e(builder);
    e.load(value);
    e.finish(builder.addStep(Kernel::Elementwise, output.name, "copy"), copy);
    program.outputs.push_back(copy);
  }
  return okStatus();
}

Result<Program> amprt::planFunction(const gf::CheckedFile &file,
                                    size_t function, const SizeBindings &sizes,
                                    const DeviceTraits &traits,
                                    const WeightsReader &weights) {
  FunctionPlanner planner(file, function, sizes, traits);
  AMPRT_RETURN_IF_ERROR(planner.lower(weights));
  AMPRT_RETURN_IF_ERROR(planner.addOutputs());
  if (!traits.hasBFloat16)
    for (const Buffer &buffer : planner.builder.program.buffers)
      if (buffer.dtype == DType::BFloat16)
        return Status(Code::Unimplemented,
                      "'" + buffer.name +
                          "' is bfloat16, which a GPU has from compute "
                          "capability 8.0 on, and '" +
                          traits.name +
                          "' is older; rewrite with --target=float16");
  fuse(planner.builder, traits);
  fuseUpdates(planner.builder, traits);
  recompute(planner.builder, traits);
  layOutConvolutions(planner.builder, traits);
  order(planner.builder);
  setLayouts(planner.builder, traits);
  double bytes = 0;
  for (const Buffer &buffer : planner.builder.program.buffers)
    bytes += double(buffer.bytes());
  if (bytes > 9e18)
    return Status(Code::ResourceExhausted,
                  "the values of function " +
                      amp::quoted(planner.builder.program.function) +
                      " do not fit 64 bits of memory");
  place(planner.builder, traits);
  addLimit(planner.builder, traits);
  return std::move(planner.builder.program);
}

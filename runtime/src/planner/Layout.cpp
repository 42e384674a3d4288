//===- Layout.cpp - Padding, scratch memory and loop nests ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How buffers lie in memory, and how element-wise steps walk over them.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

namespace {

class Layouts {
public:
  Layouts(Builder &builder, const DeviceTraits &traits)
      : builder(builder), traits(traits) {
    findUnpaddable();
  }
  void padProducts();
  void addScratch();
  void setLoops(Step &step);

private:
  void findUnpaddable();
  bool needsPadding(uint32_t buffer) const;
  bool pad(uint32_t buffer);
  int64_t paddedPitch(uint32_t buffer) const {
    int64_t size = builder.program.buffers[buffer].dims.back();
    return (size + traits.padProducts - 1) / traits.padProducts *
           traits.padProducts;
  }
  Step copyStep(uint32_t from, uint32_t to);

  Builder &builder;
  const DeviceTraits &traits;
  std::vector<bool> unpaddable;
};

} // namespace

LossPlaces amprt::planner::lossPlaces(const Step &step) {
  switch (step.kernel) {
  case Kernel::SparseLoss:
  case Kernel::DenseLoss:
    return {0, ~size_t(0)};
  case Kernel::SparseLossGrad:
  case Kernel::DenseLossGrad:
    return {1, 0};
  case Kernel::SparseLossBoth:
  case Kernel::DenseLossBoth:
    return {1, 1};
  default:
    return {};
  }
}

/// Element-wise steps and products can walk over padded rows, and losses over
/// those of their logits and gradients.
void Layouts::findUnpaddable() {
  const Program &program = builder.program;
  unpaddable.assign(program.buffers.size(), false);
  for (uint32_t i = 0; i < builder.base.size(); ++i)
    if (builder.base[i] != i)
      unpaddable[builder.base[i]] = unpaddable[i] = true;
  for (const Step &step : program.steps) {
    if (step.kernel == Kernel::Elementwise || step.kernel == Kernel::Matmul)
      continue;
    const LossPlaces loss = lossPlaces(step);
    for (size_t i = 0; i < step.operands.size(); ++i)
      if (i != loss.logits)
        unpaddable[step.operands[i]] = true;
    for (size_t i = 0; i < step.results.size(); ++i)
      if (i != loss.gradient)
        unpaddable[step.results[i]] = true;
  }
}

bool Layouts::needsPadding(uint32_t index) const {
  const Buffer &buffer = builder.program.buffers[index];
  return amp::isLow(buffer.dtype) && buffer.dims.back() > 0 &&
         buffer.pitch % traits.padProducts != 0;
}

/// Gives the buffer longer rows, where it can have them.
bool Layouts::pad(uint32_t index) {
  Buffer &buffer = builder.buffer(index);
  if (unpaddable[index] ||
      (buffer.space != Space::Arena && buffer.space != Space::Cache))
    return false;
  buffer.pitch = paddedPitch(index);
  if (buffer.space == Space::Cache)
    builder.program.cache[buffer.index].key +=
        " pitch " + std::to_string(buffer.pitch);
  return true;
}

Step Layouts::copyStep(uint32_t from, uint32_t to) {
  Step step;
  step.kernel = Kernel::Elementwise;
  step.name = builder.buffer(from).name;
  step.nodes = {"copy"};
  ExpressionBuilder e(builder);
  e.load(from);
  e.finish(step, to);
  return step;
}

void Layouts::padProducts() {
  if (traits.padProducts <= 1)
    return;
  std::vector<Step> steps;
  std::unordered_map<uint32_t, uint32_t> copies;
  for (Step &step : builder.program.steps) {
    if (step.kernel != Kernel::Matmul) {
      steps.push_back(std::move(step));
      continue;
    }
    for (size_t side : {0, 1}) {
      uint32_t operand = step.operands[side];
      if (!needsPadding(operand) || pad(operand))
        continue;
      auto [entry, isNew] = copies.try_emplace(operand, 0);
      if (isNew) {
        entry->second =
            builder.addBuffer(builder.buffer(operand).name,
                              builder.dtype(operand), builder.dims(operand));
        builder.buffer(entry->second).pitch = paddedPitch(operand);
        steps.push_back(copyStep(operand, entry->second));
      }
      step.operands[side] = entry->second;
    }
    uint32_t result = step.results[0];
    if (!needsPadding(result) || pad(result)) {
      steps.push_back(std::move(step));
      continue;
    }
    uint32_t padded =
        builder.addBuffer(builder.buffer(result).name, builder.dtype(result),
                          builder.dims(result));
    builder.buffer(padded).pitch = paddedPitch(result);
    step.results[0] = padded;
    steps.push_back(std::move(step));
    steps.push_back(copyStep(padded, result));
  }
  builder.program.steps = std::move(steps);
}

void Layouts::addScratch() {
  for (Step &step : builder.program.steps) {
    if (step.kernel != Kernel::Matmul)
      continue;
    step.params.fewRows =
        traits.vectorProducts && isVectorProduct(builder.program, step);
    // An operand that is rounded on the way is converted in any case.
    DType dtype = builder.dtype(step.operands[0]);
    bool multiplies = !step.params.castA && !step.params.castB &&
                      (dtype == DType::Float16 ? traits.multipliesFloat16
                                               : traits.multipliesBFloat16);
    MatmulScratch scratch = matmulScratch(builder.program, step, multiplies, traits.cutsSums);
    if (!scratch.bytes)
      continue;
    step.params.hasScratch = true;
    step.results.push_back(builder.addBuffer(
        step.name, DType::Float32, {int64_t(scratch.bytes / sizeof(float))}));
  }
}

void Layouts::setLoops(Step &step) {
  StepParams &p = step.params;
  Dims dims = builder.dims(step.results[0]);
  std::vector<Dims> full;
  auto add = [&](const Buffer &buffer) {
    full.push_back(broadcastStrides(buffer.dims, dims.size(), buffer.pitch));
  };
  for (uint32_t operand : step.operands)
    add(builder.buffer(operand));
  add(builder.buffer(step.results[0]));
  p.loops.clear();
  p.strides.assign(full.size(), {});
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1)
      continue;
    bool continues = !p.loops.empty();
    for (size_t j = 0; j < full.size() && continues; ++j)
      continues = p.strides[j].back() == full[j][i] * dims[i];
    if (continues) {
      p.loops.back() *= dims[i];
      for (size_t j = 0; j < full.size(); ++j)
        p.strides[j].back() = full[j][i];
      continue;
    }
    p.loops.push_back(dims[i]);
    for (size_t j = 0; j < full.size(); ++j)
      p.strides[j].push_back(full[j][i]);
  }
}

void amprt::planner::setLayouts(Builder &builder, const DeviceTraits &traits) {
  Layouts layouts(builder, traits);
  layouts.padProducts();
  layouts.addScratch();
  for (Step &step : builder.program.steps)
    if (step.kernel == Kernel::Elementwise)
      layouts.setLoops(step);
}

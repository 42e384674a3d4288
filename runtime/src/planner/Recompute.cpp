//===- Recompute.cpp - Makes large values twice in place of keeping them --===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A cast of the images or the sum of two embeddings is read where it is made
// and then, a whole step later, by a gradient. It follows from inputs and
// variables alone, so that making it again costs one pass over it, and memory
// need not hold it when most is in use.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

namespace {

class Recomputer {
public:
  explicit Recomputer(Builder &builder)
      : builder(builder), steps(builder.program.steps) {}
  void run();

private:
  /// What is smaller is not worth a kernel.
  static constexpr size_t kLeastBytes = size_t(64) << 20;
  /// A chain of more steps costs too much.
  static constexpr int kLongestChain = 3;

  bool isCheap(uint32_t value, int depth) const;
  /// The step behind which no reader is for long; nothing where there is none.
  std::optional<uint32_t> lastEarlyReader(uint32_t value) const;
  uint32_t again(uint32_t value, uint32_t before);

  Builder &builder;
  std::vector<Step> &steps;
  std::vector<uint32_t> makers;
  std::vector<std::vector<uint32_t>> readers;
  std::vector<bool> hasViews;
  std::unordered_map<uint32_t, uint32_t> copies;
  std::vector<std::pair<uint32_t, Step>> added; ///< and the step they precede
};

} // namespace

/// Whether it follows from inputs, constants and variables in a few steps.
bool Recomputer::isCheap(uint32_t value, int depth) const {
  const Space space = builder.buffer(builder.base[value]).space;
  if (space == Space::Input || space == Space::Constant ||
      space == Space::Variable)
    return true;
  if (depth == 0 || space != Space::Arena || builder.base[value] != value ||
      hasViews[value] || makers[value] == kNoBuffer)
    return false;
  const Step &step = steps[makers[value]];
  if ((step.kernel != Kernel::Elementwise && step.kernel != Kernel::Gather) ||
      step.cached || step.condition != kNoBuffer || step.results.size() != 1)
    return false;
  for (const Instr &instr : step.expression)
    if (instr.op == ScalarOp::Random)
      return false;
  return std::all_of(step.operands.begin(), step.operands.end(),
                     [&](uint32_t operand) {
                       return isCheap(operand, depth - 1);
                     });
}

std::optional<uint32_t> Recomputer::lastEarlyReader(uint32_t value) const {
  const std::vector<uint32_t> &list = readers[value];
  for (size_t i = 0; i + 1 < list.size(); ++i)
    if (list[i + 1] - list[i] >= steps.size() / 4)
      return list[i];
  return std::nullopt;
}

uint32_t Recomputer::again(uint32_t value, uint32_t before) {
  if (builder.buffer(builder.base[value]).space != Space::Arena)
    return value;
  if (auto found = copies.find(value); found != copies.end())
    return found->second;
  Step step = steps[makers[value]];
  for (uint32_t &operand : step.operands)
    operand = again(operand, before);
  const uint32_t copy = builder.addBuffer(
      builder.buffer(value).name, builder.dtype(value), builder.dims(value));
  step.results = {copy};
  added.emplace_back(before, std::move(step));
  copies[value] = copy;
  return copy;
}

void Recomputer::run() {
  const size_t values = builder.base.size();
  makers.assign(values, kNoBuffer);
  readers.resize(values);
  hasViews.assign(values, false);
  for (uint32_t i = 0; i < values; ++i)
    if (builder.base[i] != i)
      hasViews[builder.base[i]] = true;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    for (uint32_t operand : steps[i].operands)
      if (auto &list = readers[operand]; list.empty() || list.back() != i)
        list.push_back(i);
    for (uint32_t result : steps[i].results)
      makers[result] = i;
  }
  for (uint32_t value = 0; value < values; ++value) {
    const Buffer &buffer = builder.buffer(value);
    if (buffer.space != Space::Arena || makers[value] == kNoBuffer ||
        buffer.bytes() < kLeastBytes || !isCheap(value, kLongestChain))
      continue;
    const std::optional<uint32_t> early = lastEarlyReader(value);
    if (!early)
      continue;
    const std::vector<uint32_t> &list = readers[value];
    const auto late = std::upper_bound(list.begin(), list.end(), *early);
    const uint32_t copy = again(value, *late);
    for (auto reader = late; reader != list.end(); ++reader)
      std::replace(steps[*reader].operands.begin(),
                   steps[*reader].operands.end(), value, copy);
  }
  if (added.empty())
    return;
  std::stable_sort(
      added.begin(), added.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
  std::vector<Step> all;
  auto next = added.begin();
  for (uint32_t i = 0; i < steps.size(); ++i) {
    for (; next != added.end() && next->first == i; ++next)
      all.push_back(std::move(next->second));
    all.push_back(std::move(steps[i]));
  }
  steps = std::move(all);
}

void amprt::planner::recompute(Builder &builder, const DeviceTraits &traits) {
  if (traits.fuse)
    Recomputer(builder).run();
}

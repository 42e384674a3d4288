//===- FuseUpdates.cpp - One optimizer step for all variables -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A gradient is often a 16-bit number that is made wide and divided by the loss
// scale. Stored in between, it would be written once and read twice at twice
// its size; computed where it is read, it costs nothing.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>
#include <set>

using namespace amprt;
using namespace amprt::planner;

namespace {

class UpdateFuser {
public:
  UpdateFuser(Builder &builder, const DeviceTraits &traits)
      : builder(builder), steps(builder.program.steps), traits(traits) {}

  void squareInPlace();
  bool computeGradientsInPlace();
  void joinOptimizers();
  void joinSquares();
  void writeCopies();

private:
  bool isGradient(const Step &step) const;
  bool readsAsGradient(const Step &reader, uint32_t value) const;
  void substitute(Step &reader, uint32_t value, const Step &producer);
  std::vector<bool> pinnedValues() const;
  void dropEmpty();
  bool canJoin(const Step &into, const Step &step) const;
  void join(Step &into, Step &step);

  Builder &builder;
  std::vector<Step> &steps;
  const DeviceTraits &traits;
};

bool isOptimizer(const Step &step) {
  return step.kernel == Kernel::ApplySgd ||
         step.kernel == Kernel::ApplyMomentum ||
         step.kernel == Kernel::ApplyRmsprop ||
         step.kernel == Kernel::ApplyAdam;
}

/// Operands in front of those of the gradients.
size_t leadingOperands(const Step &step) {
  if (step.kernel == Kernel::AllFinite || step.kernel == Kernel::SumSquares)
    return 0;
  return step.kernel == Kernel::ApplyAdam ? 2 : 1;
}

bool sameSettings(const StepParams &a, const StepParams &b) {
  return a.rho == b.rho && a.momentum == b.momentum &&
         a.epsilon == b.epsilon && a.beta1 == b.beta1 && a.beta2 == b.beta2 &&
         a.weightDecay == b.weightDecay && a.nesterov == b.nesterov &&
         a.centered == b.centered;
}

} // namespace

/// A short chain of float arithmetic on tensors of one size and on scalars.
bool UpdateFuser::isGradient(const Step &step) const {
  if (step.kernel != Kernel::Elementwise || step.results.empty() ||
      step.cached || step.condition != kNoBuffer)
    return false;
  constexpr size_t longest = 8;
  uint32_t result = step.results[0];
  if (builder.buffer(result).space != Space::Arena ||
      builder.base[result] != result ||
      builder.dtype(result) != DType::Float32 ||
      step.expression.size() > longest)
    return false;
  for (const Instr &instr : step.expression)
    if (!amp::isFloating(instr.dtype) || instr.dtype == DType::Float64)
      return false;
  // What it reads must not change before the last of its readers runs, and
  // must not cost more to read twice than the result.
  size_t tensors = 0;
  for (uint32_t operand : step.operands) {
    if (elementCount(builder.dims(operand)) == 1)
      continue;
    if (builder.buffer(builder.base[operand]).space == Space::Variable ||
        builder.dims(operand) != builder.dims(result))
      return false;
    ++tensors;
  }
  return tensors == 1 && elementCount(builder.dims(result)) != 1;
}

bool UpdateFuser::readsAsGradient(const Step &reader, uint32_t value) const {
  if (!isOptimizer(reader) && reader.kernel != Kernel::AllFinite &&
      reader.kernel != Kernel::SumSquares)
    return false;
  size_t leading = leadingOperands(reader);
  return std::find(reader.operands.begin(),
                   reader.operands.begin() + long(leading),
                   value) == reader.operands.begin() + long(leading);
}

/// Puts the producer's expression where a part loads its value.
void UpdateFuser::substitute(Step &reader, uint32_t value,
                             const Step &producer) {
  auto operandNumber = [&](uint32_t operand) {
    auto found = std::find(reader.operands.begin(), reader.operands.end(),
                           operand);
    if (found == reader.operands.end())
      found = reader.operands.insert(reader.operands.end(), operand);
    return int32_t(found - reader.operands.begin());
  };
  for (Part &part : reader.parts) {
    Expression merged;
    std::vector<int32_t> number;
    for (const Instr &old : part.gradient) {
      if (old.op == ScalarOp::Load && reader.operands[old.a] == value) {
        int32_t first = int32_t(merged.size());
        for (Instr instr : producer.expression) {
          if (instr.op == ScalarOp::Load)
            instr.a = operandNumber(producer.operands[instr.a]);
          else
            for (int32_t *at : {&instr.a, &instr.b, &instr.c})
              if (*at >= 0)
                *at += first;
          merged.push_back(instr);
        }
      } else {
        Instr instr = old;
        if (instr.op != ScalarOp::Load)
          for (int32_t *at : {&instr.a, &instr.b, &instr.c})
            if (*at >= 0)
              *at = number[size_t(*at)];
        merged.push_back(instr);
      }
      number.push_back(int32_t(merged.size()) - 1);
    }
    part.gradient = std::move(merged);
  }
  // The value itself is an operand no longer.
  for (size_t at = reader.operands.size(); at-- > 0;) {
    if (reader.operands[at] != value)
      continue;
    reader.operands.erase(reader.operands.begin() + long(at));
    for (Part &part : reader.parts)
      for (Instr &instr : part.gradient)
        if (instr.op == ScalarOp::Load && instr.a > int32_t(at))
          --instr.a;
  }
}

/// Values that are read as others, or as conditions.
std::vector<bool> UpdateFuser::pinnedValues() const {
  std::vector<bool> pinned(builder.base.size(), false);
  for (uint32_t i = 0; i < builder.base.size(); ++i)
    if (builder.base[i] != i)
      pinned[builder.base[i]] = true;
  for (const Step &step : steps)
    if (step.condition != kNoBuffer)
      pinned[builder.base[step.condition]] = true;
  return pinned;
}

void UpdateFuser::dropEmpty() {
  steps.erase(std::remove_if(
                  steps.begin(), steps.end(),
                  [](const Step &step) { return step.results.empty(); }),
              steps.end());
}

/// The sum of a gradient's squares, for the norm that clips it, reads the
/// gradient itself.
void UpdateFuser::squareInPlace() {
  std::vector<uint32_t> readers(builder.base.size(), 0);
  for (const Step &step : steps)
    for (uint32_t operand : step.operands)
      ++readers[builder.base[operand]];
  std::vector<bool> pinned = pinnedValues();
  std::vector<uint32_t> makers(builder.base.size(), kNoBuffer);
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].results.empty())
      makers[steps[i].results[0]] = i;
    Step &sum = steps[i];
    if (sum.kernel != Kernel::Reduce || sum.params.reduce != ReduceOp::Sum ||
        builder.dtype(sum.results[0]) != DType::Float32 ||
        elementCount(builder.dims(sum.results[0])) != 1)
      continue;
    const uint32_t squares = sum.operands[0];
    if (makers[squares] == kNoBuffer || readers[squares] != 1 ||
        pinned[squares])
      continue;
    Step &step = steps[makers[squares]];
    const Expression &code = step.expression;
    if (!isGradient(step) || code.size() < 2)
      continue;
    const Instr &last = code.back();
    const bool isSquare =
        last.dtype == DType::Float32 &&
        last.a == int32_t(code.size()) - 2 &&
        (last.op == ScalarOp::Square ||
         (last.op == ScalarOp::Mul && last.b == last.a));
    if (!isSquare || code[code.size() - 2].dtype != DType::Float32)
      continue;
    sum.kernel = Kernel::SumSquares;
    sum.params = StepParams();
    sum.operands = step.operands;
    sum.parts.push_back({Expression(code.begin(), code.end() - 1), 0, 1});
    sum.nodes.insert(sum.nodes.begin(), step.nodes.begin(), step.nodes.end());
    step = Step();
    makers[squares] = kNoBuffer;
  }
  dropEmpty();
}

/// Whether there was one. What is computed in place may be the only reader,
/// beside others of these, of what comes before it.
bool UpdateFuser::computeGradientsInPlace() {
  bool changed = false;
  std::vector<std::vector<uint32_t>> readers(builder.base.size());
  std::vector<bool> pinned = pinnedValues();
  for (uint32_t i = 0; i < steps.size(); ++i) {
    for (uint32_t operand : steps[i].operands) {
      auto &list = readers[builder.base[operand]];
      if (list.empty() || list.back() != i)
        list.push_back(i);
    }
  }
  for (Step &step : steps) {
    if (!isGradient(step) || pinned[step.results[0]])
      continue;
    uint32_t value = step.results[0];
    auto &list = readers[value];
    if (list.empty() ||
        !std::all_of(list.begin(), list.end(), [&](uint32_t reader) {
          return readsAsGradient(steps[reader], value);
        }))
      continue;
    for (uint32_t reader : list)
      substitute(steps[reader], value, step);
    // Its nodes are counted once.
    std::vector<std::string> &nodes = steps[list.back()].nodes;
    nodes.insert(nodes.begin(), step.nodes.begin(), step.nodes.end());
    step = Step();
    changed = true;
  }
  dropEmpty();
  return changed;
}

bool UpdateFuser::canJoin(const Step &into, const Step &step) const {
  size_t leading = leadingOperands(into);
  if (into.kernel != step.kernel || into.condition != step.condition ||
      !sameSettings(into.params, step.params) ||
      !std::equal(into.operands.begin(),
                  into.operands.begin() + long(leading),
                  step.operands.begin()))
    return false;
  // Neither may read what the other changes.
  auto reads = [&](const Step &reader, const Step &writer) {
    for (uint32_t operand : reader.operands)
      for (uint32_t result : writer.results)
        if (builder.base[operand] == builder.base[result])
          return true;
    return false;
  };
  return !reads(into, step) && !reads(step, into);
}

void UpdateFuser::join(Step &into, Step &step) {
  size_t leading = leadingOperands(into);
  std::vector<int32_t> number(step.operands.size());
  for (size_t i = 0; i < step.operands.size(); ++i) {
    auto found = i < leading ? into.operands.begin() + long(i)
                             : std::find(into.operands.begin(),
                                         into.operands.end(),
                                         step.operands[i]);
    number[i] = int32_t(found - into.operands.begin());
    if (found == into.operands.end())
      into.operands.push_back(step.operands[i]);
  }
  for (Part &part : step.parts) {
    part.firstResult += uint32_t(into.results.size());
    for (Instr &instr : part.gradient)
      if (instr.op == ScalarOp::Load)
        instr.a = number[size_t(instr.a)];
    into.parts.push_back(std::move(part));
  }
  into.results.insert(into.results.end(), step.results.begin(),
                      step.results.end());
  into.nodes.insert(into.nodes.end(), step.nodes.begin(), step.nodes.end());
}

/// The joined step stands where its last part stood.
void UpdateFuser::joinOptimizers() {
  std::vector<uint32_t> groups; // their last steps
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (!isOptimizer(steps[i]))
      continue;
    auto found =
        std::find_if(groups.begin(), groups.end(), [&](uint32_t group) {
          return canJoin(steps[group], steps[i]);
        });
    if (found == groups.end()) {
      groups.push_back(i);
      continue;
    }
    join(steps[*found], steps[i]);
    steps[i] = std::move(steps[*found]);
    steps[*found] = Step();
    *found = i;
  }
  dropEmpty();
}

/// The same for sums of squares, as long as nothing in between reads one.
void UpdateFuser::joinSquares() {
  uint32_t group = kNoBuffer;
  std::set<uint32_t> sums;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    Step &step = steps[i];
    for (uint32_t operand : step.operands)
      if (sums.count(builder.base[operand]))
        group = kNoBuffer;
    if (step.kernel != Kernel::SumSquares)
      continue;
    if (group == kNoBuffer) {
      sums.clear();
    } else {
      join(steps[group], step);
      step = std::move(steps[group]);
      steps[group] = Step();
    }
    group = i;
    for (uint32_t result : steps[i].results)
      sums.insert(builder.base[result]);
  }
  dropEmpty();
}

/// Where the function casts a variable once per version, the update writes the
/// cast of the new version.
void UpdateFuser::writeCopies() {
  std::unordered_map<uint32_t, uint32_t> copies; // by variable
  for (const Step &step : steps) {
    if (!step.cached || step.kernel != Kernel::Elementwise ||
        step.expression.size() != 2 ||
        step.expression[1].op != ScalarOp::Cast)
      continue;
    uint32_t copy = step.results[0];
    const Dims &dims = builder.buffer(copy).dims;
    // Rows that will be padded are left to the cast.
    if (amp::isLow(builder.dtype(copy)) && !dims.empty() &&
        dims.back() % traits.padProducts == 0)
      copies.emplace(step.operands[0], copy);
  }
  std::set<uint32_t> written;
  for (Step &step : steps) {
    if (!isOptimizer(step))
      continue;
    std::vector<uint32_t> results;
    for (Part &part : step.parts) {
      uint32_t variable = step.results[part.firstResult];
      uint32_t first = uint32_t(results.size());
      for (uint32_t i = 0; i < part.results; ++i)
        results.push_back(step.results[part.firstResult + i]);
      part.firstResult = first;
      auto copy = copies.find(variable);
      if (copy == copies.end() || !written.insert(copy->second).second)
        continue;
      results.push_back(copy->second);
      ++part.results;
      part.copies = true;
    }
    step.results = std::move(results);
  }
}

void amprt::planner::fuseUpdates(Builder &builder,
                                 const DeviceTraits &traits) {
  if (!traits.fuse)
    return;
  UpdateFuser fuser(builder, traits);
  fuser.squareInPlace();
  while (fuser.computeGradientsInPlace())
    continue;
  fuser.joinOptimizers();
  fuser.joinSquares();
  fuser.writeCopies();
}

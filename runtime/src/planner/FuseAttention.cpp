//===- FuseAttention.cpp - One step of softmax between two products -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The scores of attention are the largest tensors of a transformer, and nobody
// outside needs them. The step that takes their place reads and writes its
// matrices by strides, so that transposes of heads around it go as well.
//===----------------------------------------------------------------------===//

#include "AttentionPattern.h"
#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

namespace {

class AttentionFuser {
public:
  AttentionFuser(Builder &builder, const DeviceTraits &traits)
      : builder(builder), steps(builder.program.steps), traits(traits) {}
  void fuseAll();
  void foldTransposes();

private:
  bool fits(const AttentionPattern &pattern) const;
  void replace(const AttentionPattern &pattern, std::optional<double> causal);
  Step stepOf(Kernel kernel, const AttentionPattern &pattern,
              const std::vector<uint32_t> &parts) const;
  void addMatrix(Step &step, const AttentionMatrix &matrix) const;
  void addExtras(Step &step, const std::vector<uint32_t> &extras) const;
  void put(Step step, std::vector<uint32_t> parts);
  void foldOperands(uint32_t transpose);
  void foldResult(uint32_t transpose);

  Builder &builder;
  std::vector<Step> &steps;
  const DeviceTraits &traits;
  std::vector<uint32_t> fused; ///< steps of attention
};

bool isAttention(const Step &step) {
  return step.kernel == Kernel::Attention ||
         step.kernel == Kernel::AttentionGrad;
}

} // namespace

void AttentionFuser::addMatrix(Step &step,
                               const AttentionMatrix &matrix) const {
  Dims dims = builder.dims(matrix.buffer);
  Dims strides = broadcastStrides(dims, dims.size());
  if (matrix.transposed)
    std::swap(strides[dims.size() - 1], strides[dims.size() - 2]);
  step.operands.push_back(matrix.buffer);
  step.params.strides.push_back(std::move(strides));
}

void AttentionFuser::addExtras(Step &step,
                               const std::vector<uint32_t> &extras) const {
  for (uint32_t extra : extras) {
    step.operands.push_back(extra);
    step.params.strides.push_back(
        broadcastStrides(builder.dims(extra), step.params.loops.size() + 2));
  }
}

Step AttentionFuser::stepOf(Kernel kernel, const AttentionPattern &pattern,
                            const std::vector<uint32_t> &parts) const {
  Step step;
  step.kernel = kernel;
  StepParams &p = step.params;
  const Dims &dims = pattern.dims;
  p.loops.assign(dims.begin(), dims.end() - 2);
  p.batch = elementCount(p.loops);
  p.m = dims[dims.size() - 2];
  p.n = dims.back();
  auto columns = [&](const AttentionMatrix &matrix) {
    Dims own = builder.dims(matrix.buffer);
    return own[own.size() - (matrix.transposed ? 2 : 1)];
  };
  p.k = columns(pattern.q);
  p.size = columns(pattern.v);
  for (uint32_t part : parts)
    step.nodes.insert(step.nodes.end(), steps[part].nodes.begin(),
                      steps[part].nodes.end());
  return step;
}

/// Puts a step in the place of its parts: where the last one stood, or the
/// first one if all that it reads is there by then.
void AttentionFuser::put(Step step, std::vector<uint32_t> parts) {
  std::sort(parts.begin(), parts.end());
  std::set<uint32_t> reads;
  for (uint32_t operand : step.operands)
    reads.insert(builder.base[operand]);
  uint32_t at = parts.front();
  for (uint32_t i = at; i < parts.back(); ++i)
    for (uint32_t result : steps[i].results)
      if (reads.count(builder.base[result]))
        at = parts.back();
  for (uint32_t part : parts)
    steps[part] = Step();
  steps[at] = std::move(step);
}

void AttentionFuser::replace(const AttentionPattern &pattern,
                             std::optional<double> causal) {
  std::vector<uint32_t> parts = pattern.forwardSteps;
  std::sort(parts.begin(), parts.end());
  Step forward = stepOf(Kernel::Attention, pattern, parts);
  forward.name = builder.buffer(pattern.out).name;
  for (const AttentionMatrix *matrix : {&pattern.q, &pattern.k, &pattern.v})
    addMatrix(forward, *matrix);
  addExtras(forward, pattern.extras);
  StepParams &p = forward.params;
  p.causal = causal.has_value();
  p.fill = causal.value_or(0);
  // Loads of others follow q, k and v.
  auto renumber = [](Expression e, size_t firstExtra) {
    for (Instr &instr : e)
      if (instr.op == ScalarOp::Load && instr.a > 0)
        instr.a += int32_t(firstExtra) - 1;
    return e;
  };
  forward.expression = renumber(pattern.score, 3);
  Dims rows(pattern.dims.begin(), pattern.dims.end() - 1);
  uint32_t sums =
      builder.addBuffer(forward.name + "/log_sum", DType::Float32, rows);
  Dims sumStrides = denseStrides(rows);
  sumStrides.push_back(0);
  forward.results = {pattern.out, sums};
  p.strides.push_back(denseStrides(builder.dims(pattern.out)));
  p.strides.push_back(sumStrides);

  if (pattern.hasGradient) {
    parts = pattern.backwardSteps;
    std::sort(parts.begin(), parts.end());
    Step step = stepOf(Kernel::AttentionGrad, pattern, parts);
    step.name = steps[parts.back()].name;
    for (const AttentionMatrix *matrix :
         {&pattern.g, &pattern.q, &pattern.k, &pattern.v})
      addMatrix(step, *matrix);
    addMatrix(step, {pattern.out, false, {}});
    step.operands.push_back(sums);
    step.params.strides.push_back(sumStrides);
    addExtras(step, pattern.extras);
    size_t firstBackward = step.operands.size();
    addExtras(step, pattern.backwardExtras);
    step.params.causal = p.causal;
    step.params.fill = p.fill;
    step.expression = renumber(pattern.score, 6);
    step.backward = renumber(pattern.backward, firstBackward);
    auto addResult = [&](const AttentionMatrix &gradient,
                         const AttentionMatrix &of, const char *name) {
      AttentionMatrix to = gradient;
      if (to.buffer == kNoBuffer) { // nobody wants it, the kernel makes it
        Dims dims(p.loops);
        Dims own = builder.dims(of.buffer);
        dims.insert(dims.end(), own.end() - 2, own.end());
        to = {
            builder.addBuffer(step.name + name, builder.dtype(of.buffer), dims),
            of.transposed,
            {}};
      }
      Dims strides = denseStrides(builder.dims(to.buffer));
      if (to.transposed)
        std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
      step.results.push_back(to.buffer);
      step.params.strides.push_back(std::move(strides));
    };
    addResult(pattern.ofQ, pattern.q, "/of_q");
    addResult(pattern.ofK, pattern.k, "/of_k");
    addResult(pattern.ofV, pattern.v, "/of_v");
    put(std::move(step), pattern.backwardSteps);
  }
  put(std::move(forward), pattern.forwardSteps);
}

/// Whether the device's kernel has room for it.
bool AttentionFuser::fits(const AttentionPattern &pattern) const {
  if (!traits.attentionRowBytes)
    return true;
  const DType type = builder.dtype(pattern.q.buffer);
  bool isLow = amp::isLow(type);
  int64_t longest = 0;
  for (const AttentionMatrix *matrix : {&pattern.q, &pattern.k, &pattern.v}) {
    Dims dims = builder.dims(matrix->buffer);
    longest = std::max(longest,
                       dims[dims.size() - (matrix->transposed ? 2 : 1)]);
    isLow &= builder.dtype(matrix->buffer) == type;
  }
  if (pattern.hasGradient)
    isLow &= builder.dtype(pattern.g.buffer) == type;
  constexpr size_t mostExtras = 8;
  return longest * (isLow ? 2 : 4) <= traits.attentionRowBytes &&
         pattern.extras.size() + pattern.backwardExtras.size() <= mostExtras;
}

void AttentionFuser::fuseAll() {
  // Patterns do not overlap, so one look at the uses serves them all.
  StepUses uses(builder);
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kernel != Kernel::Softmax || steps[i].results.empty())
      continue;
    if (auto pattern = findAttention(builder, uses, i, traits.maxFused);
        pattern && fits(*pattern))
      replace(*pattern, causalFill(builder, uses, *pattern));
  }
}

/// Strides over a tensor with these dense strides, in terms of another memory
/// in which its axes have other ones.
static void changeStrides(Dims &strides, const Dims &dims, const Dims &from) {
  Dims dense = denseStrides(dims);
  for (int64_t &stride : strides) {
    int64_t changed = 0; // of axes with one element, whatever it is
    for (size_t axis = 0; axis < dims.size(); ++axis)
      if (dims[axis] != 1 && dense[axis] == stride)
        changed = from[axis];
    stride = changed;
  }
}

/// Reads what the transpose reads.
void AttentionFuser::foldOperands(uint32_t number) {
  uint32_t result = steps[number].results[0];
  uint32_t source = steps[number].operands[0];
  Dims dims = builder.dims(result);
  for (uint32_t i : fused) {
    Step &step = steps[i];
    for (size_t j = 0; j < step.operands.size(); ++j) {
      if (step.operands[j] != result)
        continue;
      step.operands[j] = source;
      changeStrides(step.params.strides[j], dims,
                    steps[number].params.strides[0]);
    }
  }
  steps[number] = Step();
}

/// Writes what the transpose would write.
void AttentionFuser::foldResult(uint32_t number) {
  uint32_t source = steps[number].operands[0];
  uint32_t result = steps[number].results[0];
  const StepParams &p = steps[number].params;
  Dims dims = builder.dims(source), dense = denseStrides(dims);
  Dims to = denseStrides(builder.dims(result)), strides(dims.size(), 0);
  // Where each axis of the source has gone.
  for (size_t axis = 0; axis < dims.size(); ++axis)
    for (size_t i = 0; i < dims.size(); ++i)
      if (p.loops[i] != 1 && dense[axis] == p.strides[0][i])
        strides[axis] = to[i];
  for (uint32_t i : fused) {
    Step &step = steps[i];
    auto redirect = [&](uint32_t &buffer, Dims &own) {
      if (buffer != source)
        return;
      buffer = result;
      changeStrides(own, dims, strides);
    };
    for (size_t j = 0; j < step.operands.size(); ++j)
      redirect(step.operands[j], step.params.strides[j]);
    for (size_t j = 0; j < step.results.size(); ++j)
      redirect(step.results[j], step.params.strides[step.operands.size() + j]);
  }
  steps[number] = Step();
}

void AttentionFuser::foldTransposes() {
  StepUses uses(builder);
  std::set<uint32_t> made; // by attention
  for (uint32_t i = 0; i < steps.size(); ++i)
    if (isAttention(steps[i])) {
      fused.push_back(i);
      made.insert(steps[i].results.begin(), steps[i].results.end());
    }
  auto isTranspose = [&](uint32_t i) {
    return steps[i].kernel == Kernel::Transpose && !steps[i].results.empty();
  };
  // But for step `i`, and for steps that have gone.
  auto onlyAttentionReads = [&](uint32_t buffer, uint32_t i) {
    if (!uses.isPrivate(buffer) || builder.base[buffer] != buffer)
      return false;
    for (uint32_t reader : uses.readers(buffer)) {
      const Step &step = steps[reader];
      if (reader == i || step.results.empty())
        continue;
      if (!isAttention(step))
        return false;
      for (uint32_t operand : step.operands)
        if (operand != buffer && builder.base[operand] == buffer)
          return false; // with other sizes
    }
    return true;
  };
  if (fused.empty())
    return;
  for (uint32_t i = uint32_t(steps.size()); i-- > 0;)
    if (isTranspose(i) && onlyAttentionReads(steps[i].results[0], kNoBuffer))
      foldOperands(i);
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (!isTranspose(i) || !made.count(steps[i].operands[0]) ||
        !onlyAttentionReads(steps[i].operands[0], i))
      continue;
    made.insert(steps[i].results[0]);
    foldResult(i);
  }
}

void amprt::planner::fuseAttention(Builder &builder,
                                   const DeviceTraits &traits) {
  AttentionFuser fuser(builder, traits);
  fuser.fuseAll();
  fuser.foldTransposes();
}

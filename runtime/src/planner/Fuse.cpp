//===- Fuse.cpp - Fusion of steps -----------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Merges steps whose intermediate value has one reader. A merged step stands
// where its last part stood, so it never runs before what it reads.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::planner;

namespace {

class Fuser {
public:
  Fuser(Builder &builder, const DeviceTraits &traits)
      : builder(builder), steps(builder.program.steps), traits(traits) {
    countUses();
  }

  void cacheCastsOfVariables();
  void sumBatches();
  void fuseEpilogues();
  void fuseElementwise();
  void fuseCastsIntoProducts();
  void fuseCastsIntoReductions();
  void fuseLosses();
  void fuseCastsAroundLosses();
  void removeDead();

private:
  void countUses();
  /// The only step that reads `buffer`, if it is in the arena and nothing else
  /// (a view, an output, a report) needs it.
  uint32_t onlyReader(uint32_t buffer) const;
  void replaceReader(uint32_t buffer, uint32_t from, uint32_t to);
  void mergeNames(Step &into, const Step &from);
  bool fuseIntoProduct(uint32_t product);
  bool fuseIntoReader(uint32_t producer);
  bool sumsBatch(const Step &reduction, const Step &product) const;

  Builder &builder;
  std::vector<Step> &steps;
  const DeviceTraits &traits;
  std::vector<std::vector<uint32_t>> readers; ///< steps by base buffer
  std::vector<bool> pinned;                   ///< by base buffer
};

bool isCastOf(const Step &step) {
  const Expression &e = step.expression;
  return step.kernel == Kernel::Elementwise && e.size() == 2 &&
         e[0].op == ScalarOp::Load && e[1].op == ScalarOp::Cast &&
         step.condition == kNoBuffer;
}

} // namespace

void Fuser::countUses() {
  const Program &program = builder.program;
  readers.assign(program.buffers.size(), {});
  pinned.assign(program.buffers.size(), false);
  for (uint32_t i = 0; i < builder.base.size(); ++i)
    if (builder.base[i] != i)
      pinned[builder.base[i]] = true;
  for (uint32_t buffer : {program.finite, program.lossScale})
    if (buffer != kNoBuffer)
      pinned[builder.base[buffer]] = true;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    auto read = [&](uint32_t buffer) {
      auto &list = readers[builder.base[buffer]];
      if (list.empty() || list.back() != i)
        list.push_back(i);
    };
    for (uint32_t operand : steps[i].operands)
      read(operand);
    if (steps[i].condition != kNoBuffer) {
      read(steps[i].condition);
      pinned[builder.base[steps[i].condition]] = true;
    }
  }
}

uint32_t Fuser::onlyReader(uint32_t buffer) const {
  if (builder.program.buffers[buffer].space != Space::Arena || pinned[buffer] ||
      builder.base[buffer] != buffer || readers[buffer].size() != 1)
    return kNoBuffer;
  return readers[buffer][0];
}

void Fuser::replaceReader(uint32_t buffer, uint32_t from, uint32_t to) {
  auto &list = readers[builder.base[buffer]];
  list.erase(std::remove(list.begin(), list.end(), from), list.end());
  if (std::find(list.begin(), list.end(), to) == list.end())
    list.push_back(to);
}

void Fuser::mergeNames(Step &into, const Step &from) {
  into.nodes.insert(into.nodes.begin(), from.nodes.begin(), from.nodes.end());
}

/// A cast that follows from a variable alone is made once per version of the
/// variable, and shared by all programs of a session.
void Fuser::cacheCastsOfVariables() {
  for (Step &step : steps) {
    if (!isCastOf(step))
      continue;
    Buffer &result = builder.buffer(step.results[0]);
    const Buffer &source = builder.buffer(step.operands[0]);
    if (source.space != Space::Variable || result.space != Space::Arena ||
        builder.base[step.operands[0]] != step.operands[0])
      continue;
    result.space = Space::Cache;
    result.index = uint32_t(builder.program.cache.size());
    builder.program.cache.push_back(
        {"cast_" + std::string(amp::dtypeName(result.dtype)) + "(" +
             source.name + ")",
         {source.index},
         0});
    step.cached = true;
  }
}

/// Whether it adds up the matrices of a product and does nothing else.
bool Fuser::sumsBatch(const Step &reduction, const Step &product) const {
  const StepParams &sum = reduction.params, &p = product.params;
  return reduction.kernel == Kernel::Reduce && !reduction.results.empty() &&
         sum.reduce == ReduceOp::Sum && sum.reduceLoops == Dims{p.batch} &&
         sum.reduceStrides == Dims{p.m * p.n} && sum.loops == Dims{p.m * p.n} &&
         sum.strides == std::vector<Dims>{{1}};
}

/// Σ aᵢᵀ · bᵢ over a batch, as in the gradient of a matrix that all examples
/// share, is one product with longer sums: the rows of all aᵢ lie one behind
/// the other. A 16-bit product is rounded once, when it is complete.
void Fuser::sumBatches() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    StepParams &p = steps[i].params;
    if (steps[i].kernel != Kernel::Matmul || steps[i].results.size() != 1 ||
        p.batch < 2 || !p.transposeA || p.transposeB)
      continue;
    bool ownMatrices = true;
    for (size_t j = 0; j < p.batchMatrices.size(); ++j)
      ownMatrices &= p.batchMatrices[j] == int64_t(j / 2);
    uint32_t value = steps[i].results[0], next = onlyReader(value);
    if (!ownMatrices || next == kNoBuffer || next < i)
      continue;
    uint32_t last = next;
    bool casts = isCastOf(steps[next]);
    if (casts) {
      last = onlyReader(steps[next].results[0]);
      if (last == kNoBuffer || last < next)
        continue;
    }
    if (!sumsBatch(steps[last], steps[i]))
      continue;
    uint32_t result = steps[last].results[0];
    DType dtype = builder.dtype(value);
    p.k *= p.batch;
    p.batch = 1;
    p.batchMatrices.clear();
    std::vector<std::string> names = steps[last].nodes;
    if (casts)
      names.insert(names.begin(), steps[next].nodes.begin(),
                   steps[next].nodes.end());
    readers[value].clear();
    if (casts)
      readers[steps[next].results[0]].clear();
    if (dtype == builder.dtype(result)) {
      // The product itself stands where the sum stood.
      Step product = std::move(steps[i]);
      product.results[0] = result;
      product.name = steps[last].name;
      product.nodes.insert(product.nodes.end(), names.begin(), names.end());
      steps[i] = Step();
      if (casts)
        steps[next] = Step();
      for (uint32_t operand : product.operands)
        replaceReader(operand, i, last);
      steps[last] = std::move(product);
      continue;
    }
    uint32_t sum = builder.addBuffer(builder.buffer(value).name, dtype,
                                     {p.m, p.n});
    readers.push_back({last});
    pinned.push_back(false);
    steps[i].results[0] = sum;
    Step cast;
    cast.kernel = Kernel::Elementwise;
    cast.name = steps[last].name;
    cast.nodes = names;
    ExpressionBuilder e(builder);
    // A view where the sum keeps axes of size 1 in front.
    uint32_t source = sum;
    if (builder.dims(result) != builder.dims(sum)) {
      source = builder.addView(sum, builder.buffer(value).name,
                               builder.dims(result));
      readers.push_back({});
      pinned.push_back(false);
      pinned[sum] = true;
    }
    e.cast(e.load(source), builder.dtype(result));
    e.finish(cast, result);
    if (casts)
      steps[next] = Step();
    steps[last] = std::move(cast);
  }
}

void Fuser::fuseEpilogues() {
  if (!traits.productEpilogue)
    return;
  for (uint32_t i = 0; i < steps.size(); ++i) {
    uint32_t at = i;
    while (steps[at].kernel == Kernel::Matmul && !steps[at].results.empty()) {
      uint32_t reader = onlyReader(steps[at].results[0]);
      if (reader == kNoBuffer || reader < at || !fuseIntoProduct(at))
        break;
      at = reader;
    }
  }
}

/// Takes the reader of a product's result into its epilogue.
bool Fuser::fuseIntoProduct(uint32_t at) {
  Step &product = steps[at];
  uint32_t value = product.results[0], next = onlyReader(value);
  Step &reader = steps[next];
  const Expression &e = reader.expression;
  if (reader.kernel != Kernel::Elementwise || reader.cached ||
      reader.condition != kNoBuffer || product.params.relu ||
      builder.dims(reader.results[0]) != builder.dims(value) ||
      builder.dtype(reader.results[0]) != builder.dtype(value) ||
      builder.buffer(reader.results[0]).space == Space::Variable)
    return false; // a product may read the variable that it would write
  uint32_t bias = kNoBuffer;
  if (e.size() == 2 && e[0].op == ScalarOp::Load && e[1].op == ScalarOp::Relu) {
    product.params.relu = true;
  } else if (e.size() == 3 && e[0].op == ScalarOp::Load &&
             e[1].op == ScalarOp::Load && e[2].op == ScalarOp::Add &&
             e[2].a != e[2].b && !product.params.bias &&
             product.params.batch == 1) {
    bias = reader.operands[reader.operands[0] == value ? 1 : 0];
    Dims dims = builder.dims(bias);
    if (dims.empty() || dims.back() != product.params.n ||
        elementCount(dims) != product.params.n ||
        dims.size() > builder.dims(value).size())
      return false;
    product.params.bias = true;
  } else {
    return false;
  }
  // The merged step takes the reader's place in the list.
  Step merged = std::move(product);
  merged.results[0] = reader.results[0];
  merged.name = reader.name;
  merged.nodes.insert(merged.nodes.end(), reader.nodes.begin(),
                      reader.nodes.end());
  if (bias != kNoBuffer)
    merged.operands.push_back(bias);
  steps[next] = std::move(merged);
  steps[at] = Step();
  readers[value].clear();
  for (uint32_t operand : steps[next].operands)
    replaceReader(operand, at, next);
  return true;
}

void Fuser::fuseElementwise() {
  for (uint32_t i = 0; i < steps.size(); ++i)
    if (steps[i].kernel == Kernel::Elementwise && !steps[i].results.empty())
      fuseIntoReader(i);
}

/// Evaluates a step inside the only element-wise step that reads it.
bool Fuser::fuseIntoReader(uint32_t at) {
  Step &producer = steps[at];
  uint32_t value = producer.results[0];
  uint32_t next = onlyReader(value);
  if (next == kNoBuffer || next < at || producer.cached ||
      producer.condition != kNoBuffer)
    return false;
  Step &reader = steps[next];
  if (reader.kernel != Kernel::Elementwise || reader.cached ||
      builder.dims(reader.results[0]) != builder.dims(value))
    return false;
  constexpr size_t mostOperands = 8;
  if (producer.expression.size() + reader.expression.size() > traits.maxFused ||
      producer.operands.size() + reader.operands.size() > mostOperands + 1)
    return false;

  ExpressionBuilder merged(builder);
  auto copy = [&](const Step &from, int32_t stands, bool substitute) {
    std::vector<int32_t> number(from.expression.size());
    for (size_t i = 0; i < from.expression.size(); ++i) {
      const Instr &instr = from.expression[i];
      auto of = [&](int32_t old) { return old < 0 ? old : number[old]; };
      if (instr.op == ScalarOp::Load) {
        uint32_t operand = from.operands[instr.a];
        number[i] =
            substitute && operand == value ? stands : merged.load(operand);
        continue;
      }
      number[i] = merged.op(instr.op, instr.dtype, of(instr.a), of(instr.b),
                            of(instr.c), instr.imm);
    }
    return number.back();
  };
  int32_t stands = copy(producer, -1, false);
  // Inside one type a value is rounded when it is stored; where a cast takes
  // it to another type, it is first the 16-bit number that the graph says.
  DType dtype = builder.dtype(value);
  bool rounded = producer.expression.back().op == ScalarOp::Cast ||
                 producer.expression.back().op == ScalarOp::Load;
  bool leaves = std::any_of(
      reader.expression.begin(), reader.expression.end(),
      [&](const Instr &instr) { return instr.op == ScalarOp::Cast; });
  if (amp::isLow(dtype) && !rounded && leaves)
    stands = merged.op(ScalarOp::Cast, dtype, stands);
  int32_t last = copy(reader, stands, true);
  if (last == stands) // the reader only copies
    merged.op(ScalarOp::Cast, dtype, stands);

  Step step = reader;
  merged.finish(step, reader.results[0]);
  mergeNames(step, producer);
  steps[next] = std::move(step);
  steps[at] = Step();
  readers[value].clear();
  for (uint32_t operand : steps[next].operands)
    replaceReader(operand, at, next);
  return true;
}

/// A product that converts its operands anyway rounds them on the way.
void Fuser::fuseCastsIntoProducts() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].results.empty() || !isCastOf(steps[i]) || steps[i].cached)
      continue;
    uint32_t value = steps[i].results[0], source = steps[i].operands[0];
    DType dtype = builder.dtype(value);
    bool multiplies = dtype == DType::Float16 ? traits.multipliesFloat16
                                              : traits.multipliesBFloat16;
    uint32_t next = onlyReader(value);
    if (next == kNoBuffer || next < i || !amp::isLow(dtype) || multiplies ||
        builder.dtype(source) != DType::Float32 ||
        steps[next].kernel != Kernel::Matmul ||
        builder.dims(source) != builder.dims(value))
      continue;
    Step &product = steps[next];
    for (size_t side : {0, 1}) {
      if (product.operands[side] != value)
        continue;
      product.operands[side] = source;
      (side ? product.params.castB : product.params.castA) = dtype;
    }
    mergeNames(product, steps[i]);
    steps[i] = Step();
    readers[value].clear();
    replaceReader(source, i, next);
  }
}

/// A reduction reads 16-bit numbers as the float32 numbers that they are.
void Fuser::fuseCastsIntoReductions() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].results.empty() || !isCastOf(steps[i]) || steps[i].cached)
      continue;
    uint32_t value = steps[i].results[0], source = steps[i].operands[0];
    uint32_t next = onlyReader(value);
    if (next == kNoBuffer || next < i || steps[next].kernel != Kernel::Reduce ||
        !amp::isLow(builder.dtype(source)) ||
        builder.dtype(value) != DType::Float32 ||
        builder.dims(source) != builder.dims(value))
      continue;
    steps[next].operands[0] = source;
    mergeNames(steps[next], steps[i]);
    steps[i] = Step();
    readers[value].clear();
    replaceReader(source, i, next);
  }
}

/// A loss and its gradient share the exponentials of the logits. The merged
/// step stands where the gradient stood, so nothing in between may need the
/// loss.
void Fuser::fuseLosses() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    Step &loss = steps[i];
    bool isSparse = loss.kernel == Kernel::SparseLoss;
    if (loss.results.empty() ||
        (!isSparse && loss.kernel != Kernel::DenseLoss))
      continue;
    Kernel wanted = isSparse ? Kernel::SparseLossGrad : Kernel::DenseLossGrad;
    const std::vector<uint32_t> &uses = readers[builder.base[loss.results[0]]];
    for (uint32_t j = i + 1; j < steps.size(); ++j) {
      Step &gradient = steps[j];
      if (std::find(uses.begin(), uses.end(), j) != uses.end())
        break;
      if (gradient.kernel != wanted || gradient.results.empty() ||
          gradient.operands[1] != loss.operands[0] ||
          gradient.operands[2] != loss.operands[1] ||
          gradient.params.factor != loss.params.factor ||
          gradient.params.perRow != loss.params.perRow)
        continue;
      gradient.kernel =
          isSparse ? Kernel::SparseLossBoth : Kernel::DenseLossBoth;
      gradient.results.insert(gradient.results.begin(), loss.results[0]);
      mergeNames(gradient, loss);
      for (uint32_t operand : loss.operands)
        replaceReader(operand, i, j);
      loss = Step();
      break;
    }
  }
}

/// A loss reads 16-bit logits as the float32 numbers that they are, and rounds
/// its gradient where nobody sees it before. Nothing of the size of the logits
/// is then stored in float32.
void Fuser::fuseCastsAroundLosses() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].results.empty() || !isCastOf(steps[i]) || steps[i].cached)
      continue;
    uint32_t value = steps[i].results[0], source = steps[i].operands[0];
    uint32_t next = onlyReader(value);
    if (next == kNoBuffer || next < i ||
        builder.dims(source) != builder.dims(value))
      continue;
    const size_t logits = lossPlaces(steps[next]).logits;
    if (logits >= steps[next].operands.size() ||
        steps[next].operands[logits] != value ||
        !amp::isLow(builder.dtype(source)) ||
        builder.dtype(value) != DType::Float32 ||
        std::count(steps[next].operands.begin(), steps[next].operands.end(),
                   value) != 1)
      continue;
    steps[next].operands[logits] = source;
    mergeNames(steps[next], steps[i]);
    steps[i] = Step();
    readers[value].clear();
    replaceReader(source, i, next);
  }
  for (uint32_t i = 0; i < steps.size(); ++i) {
    Step &loss = steps[i];
    if (lossPlaces(loss).gradient >= loss.results.size())
      continue;
    uint32_t gradient = loss.results.back(), next = onlyReader(gradient);
    if (next == kNoBuffer || next < i || !isCastOf(steps[next]))
      continue;
    uint32_t result = steps[next].results[0];
    if (!amp::isLow(builder.dtype(result)) ||
        builder.dtype(gradient) != DType::Float32 ||
        builder.base[result] != result ||
        builder.buffer(result).space == Space::Variable ||
        builder.dims(result) != builder.dims(gradient))
      continue;
    loss.results.back() = result;
    loss.nodes.insert(loss.nodes.end(), steps[next].nodes.begin(),
                      steps[next].nodes.end());
    steps[next] = Step();
    readers[gradient].clear();
  }
}

/// Steps whose value nothing needs, and the holes that merging left.
void Fuser::removeDead() {
  std::vector<bool> needed(builder.base.size(), false);
  const Program &program = builder.program;
  for (uint32_t buffer : program.outputs)
    needed[builder.base[buffer]] = true;
  for (uint32_t buffer : {program.finite, program.lossScale})
    if (buffer != kNoBuffer)
      needed[builder.base[buffer]] = true;
  std::vector<Step> kept;
  for (size_t i = steps.size(); i-- > 0;) {
    Step &step = steps[i];
    bool live = false;
    for (uint32_t result : step.results)
      live |= needed[builder.base[result]] ||
              builder.buffer(result).space == Space::Variable;
    if (!live)
      continue;
    for (uint32_t operand : step.operands)
      needed[builder.base[operand]] = true;
    if (step.condition != kNoBuffer)
      needed[builder.base[step.condition]] = true;
    kept.push_back(std::move(step));
  }
  std::reverse(kept.begin(), kept.end());
  steps = std::move(kept);
}

void amprt::planner::fuse(Builder &builder, const DeviceTraits &traits) {
  Fuser(builder, traits).removeDead();
  if (!traits.fuse)
    return;
  if (traits.fusesAttention)
    fuseAttention(builder, traits);
  Fuser fuser(builder, traits);
  fuser.cacheCastsOfVariables();
  fuser.sumBatches();
  fuser.fuseEpilogues();
  fuser.fuseElementwise();
  fuser.fuseCastsIntoProducts();
  fuser.fuseCastsIntoReductions();
  fuser.fuseLosses();
  fuser.fuseCastsAroundLosses();
  fuser.removeDead();
  if (!traits.gradientEpilogues)
    return;
  fuseGradients(builder);
  Fuser again(builder, traits); // casts of sums that are now 16-bit ones
  again.fuseElementwise();
  again.removeDead();
}

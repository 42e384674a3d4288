//===- AttentionPattern.cpp - Softmax between two products ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Starts at a softmax. Backwards through element-wise steps to the one product
// that they depend on, forwards to the product that reads the probabilities;
// where a softmax gradient reads the same scores, on to the products of the
// gradients. What lies between must have no reader outside.
//===----------------------------------------------------------------------===//

#include "AttentionPattern.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace amprt;
using namespace amprt::planner;

StepUses::StepUses(const Builder &builder)
    : builder(builder), producers(builder.base.size(), kNoBuffer),
      readersOf(builder.base.size()), pinned(builder.base.size(), false) {
  const Program &program = builder.program;
  for (uint32_t buffer : program.outputs)
    pinned[builder.base[buffer]] = true;
  for (uint32_t buffer : {program.finite, program.lossScale})
    if (buffer != kNoBuffer)
      pinned[builder.base[buffer]] = true;
  for (uint32_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    auto read = [&](uint32_t buffer) {
      auto &list = readersOf[builder.base[buffer]];
      if (list.empty() || list.back() != i)
        list.push_back(i);
    };
    for (uint32_t operand : step.operands)
      read(operand);
    if (step.condition != kNoBuffer)
      pinned[builder.base[step.condition]] = true;
    if (!step.results.empty())
      producers[canonical(step.results[0])] = i;
  }
}

uint32_t StepUses::canonical(uint32_t buffer) const {
  uint32_t base = builder.base[buffer];
  return builder.program.buffers[base].dims ==
                 builder.program.buffers[buffer].dims
             ? base
             : buffer;
}

bool StepUses::isPrivate(uint32_t buffer) const {
  uint32_t base = canonical(buffer);
  return builder.base[base] == base && !pinned[base] &&
         builder.program.buffers[base].space == Space::Arena;
}

namespace {

/// Puts the expressions of several steps together.
class Composer {
public:
  Composer(const Builder &builder, std::vector<uint32_t> &extras)
      : builder(builder), extras(extras) {}

  int32_t add(const Instr &instr) {
    expression.push_back(instr);
    return int32_t(expression.size()) - 1;
  }
  int32_t first() { return add({ScalarOp::Load, DType::Float32, 0}); }
  /// An operand from outside: a number where it is a constant scalar.
  int32_t extra(uint32_t buffer) {
    auto [entry, isNew] = known.try_emplace(buffer, 0);
    if (!isNew)
      return entry->second;
    const Buffer &b = builder.program.buffers[builder.base[buffer]];
    if (b.space == Space::Constant && elementCount(b.dims) == 1 &&
        amp::isFloating(b.dtype))
      return entry->second = add({ScalarOp::Const, b.dtype, -1, -1, -1,
                                  builder.program.constants[b.index].at(0)});
    extras.push_back(buffer);
    return entry->second =
               add({ScalarOp::Load, b.dtype, int32_t(extras.size())});
  }
  /// The instructions of a step; `load` gives those of its operands.
  template <typename F> int32_t copy(const Step &step, F load) {
    std::vector<int32_t> number;
    for (const Instr &instr : step.expression) {
      auto of = [&](int32_t old) {
        return old < 0 ? old : number[size_t(old)];
      };
      if (instr.op == ScalarOp::Load) {
        number.push_back(load(step.operands[size_t(instr.a)]));
        continue;
      }
      // Nothing is stored in between, so nothing is rounded.
      if (instr.op == ScalarOp::Cast && amp::isFloating(instr.dtype) &&
          instr.dtype != DType::Float64 && isFloat(of(instr.a))) {
        number.push_back(of(instr.a));
        continue;
      }
      number.push_back(add({instr.op, instr.dtype, of(instr.a), of(instr.b),
                            of(instr.c), instr.imm}));
    }
    return number.back();
  }
  /// The value as the last instruction.
  Expression finish(int32_t value) {
    if (size_t(value) + 1 != expression.size())
      add({ScalarOp::Cast, DType::Float32, value});
    return std::move(expression);
  }

  Expression expression;

private:
  bool isFloat(int32_t value) const {
    DType dtype = expression[size_t(value)].dtype;
    return amp::isFloating(dtype) && dtype != DType::Float64;
  }

  const Builder &builder;
  std::vector<uint32_t> &extras;
  std::map<uint32_t, int32_t> known;
};

class Finder {
public:
  Finder(const Builder &builder, const StepUses &uses, size_t longest)
      : builder(builder), steps(builder.program.steps), uses(uses),
        longest(longest) {}
  bool find(uint32_t softmax);

  AttentionPattern found;

private:
  bool isElementwise(uint32_t step) const {
    return step != kNoBuffer && !steps[step].results.empty() &&
           steps[step].kernel == Kernel::Elementwise && !steps[step].cached &&
           steps[step].condition == kNoBuffer &&
           isWhole(steps[step].results[0]);
  }
  bool isProduct(uint32_t step) const {
    return step != kNoBuffer && steps[step].kernel == Kernel::Matmul &&
           steps[step].results.size() == 1;
  }
  bool isCast(uint32_t step) const {
    return isElementwise(step) && steps[step].expression.size() == 2 &&
           steps[step].expression[1].op == ScalarOp::Cast;
  }
  /// A score or what has one number for each.
  bool isWhole(uint32_t buffer) const {
    return builder.program.buffers[buffer].dims == found.dims;
  }
  bool same(uint32_t a, uint32_t b) const {
    return uses.canonical(a) == uses.canonical(b);
  }
  bool dependsOnProduct(uint32_t buffer, int depth);
  int32_t trace(Composer &composer, uint32_t buffer);
  bool findScores(uint32_t x);
  bool findOut(uint32_t softmax);
  bool findGradient(uint32_t gradient);
  bool findBackward(uint32_t value);
  bool setGradient(AttentionMatrix &target, uint32_t step,
                   const AttentionMatrix &left, bool transposeLeft,
                   const AttentionMatrix &right, bool transposeRight);
  std::vector<int64_t> matricesOf(const Step &step, size_t side) const;
  bool isClosed() const;

  const Builder &builder;
  const std::vector<Step> &steps;
  const StepUses &uses;
  size_t longest;
  uint32_t product = kNoBuffer;
  std::map<uint32_t, bool> depends;
  std::map<uint32_t, int32_t> traced;
  /// What is never stored any more: only steps of the pattern may read it.
  std::vector<uint32_t> inner;
  std::vector<uint32_t> probabilities; ///< and their casts
};

/// Sizes of the batch, and of the matrices behind them.
bool batchFits(const Dims &a, const Dims &b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end() - 2, b.begin());
}

} // namespace

/// Empty where product i takes matrix i.
std::vector<int64_t> Finder::matricesOf(const Step &step, size_t side) const {
  std::vector<int64_t> matrices;
  bool own = true;
  for (size_t i = 0; i * 2 < step.params.batchMatrices.size(); ++i) {
    matrices.push_back(step.params.batchMatrices[i * 2 + side]);
    own &= matrices.back() == int64_t(i);
  }
  return own ? std::vector<int64_t>() : matrices;
}

/// Whether there is a product behind a few element-wise steps.
bool Finder::dependsOnProduct(uint32_t buffer, int depth) {
  buffer = uses.canonical(buffer);
  if (!isWhole(buffer) || depth > 12)
    return false;
  auto [entry, isNew] = depends.try_emplace(buffer, false);
  if (!isNew)
    return entry->second;
  uint32_t step = uses.producer(buffer);
  if (isProduct(step))
    return depends[buffer] = true;
  if (!isElementwise(step))
    return false;
  bool result = false;
  for (uint32_t operand : steps[step].operands)
    result |= dependsOnProduct(operand, depth + 1);
  return depends[buffer] = result;
}

/// Depth is bounded by that of dependsOnProduct.
int32_t Finder::trace(Composer &composer, uint32_t buffer) {
  buffer = uses.canonical(buffer);
  if (!dependsOnProduct(buffer, 0))
    return composer.extra(buffer);
  auto known = traced.find(buffer);
  if (known != traced.end())
    return known->second;
  inner.push_back(buffer);
  uint32_t step = uses.producer(buffer);
  found.forwardSteps.push_back(step);
  if (isProduct(step)) {
    if (product != kNoBuffer)
      return -1; // scores from two products
    product = step;
    return traced[buffer] = composer.first();
  }
  bool failed = false;
  int32_t value = composer.copy(steps[step], [&](uint32_t operand) {
    int32_t result = trace(composer, operand);
    failed |= result < 0;
    return std::max(result, 0);
  });
  return traced[buffer] = failed ? -1 : value;
}

bool Finder::findScores(uint32_t x) {
  Composer composer(builder, found.extras);
  int32_t value = trace(composer, x);
  if (value < 0 || product == kNoBuffer)
    return false;
  found.score = composer.finish(value);
  for (const Instr &instr : found.score)
    if (instr.op == ScalarOp::Random || instr.op == ScalarOp::Call ||
        instr.dtype == DType::Float64)
      return false;
  const Step &step = steps[product];
  Dims dims = found.dims;
  const Dims &a = builder.dims(step.operands[0]);
  const Dims &b = builder.dims(step.operands[1]);
  if (step.params.m != dims[dims.size() - 2] || a.size() != dims.size() ||
      b.size() != dims.size())
    return false;
  found.q = {uses.canonical(step.operands[0]), step.params.transposeA,
             matricesOf(step, 0)};
  found.k = {uses.canonical(step.operands[1]), !step.params.transposeB,
             matricesOf(step, 1)};
  return found.score.size() <= longest;
}

/// The probabilities, their casts, and the product that reads them.
bool Finder::findOut(uint32_t softmax) {
  std::vector<uint32_t> products;
  probabilities = {steps[softmax].results[0]};
  for (size_t i = 0; i < probabilities.size(); ++i) {
    inner.push_back(probabilities[i]);
    for (uint32_t reader : uses.readers(probabilities[i])) {
      if (isCast(reader) &&
          !amp::isInteger(builder.dtype(steps[reader].results[0]))) {
        probabilities.push_back(steps[reader].results[0]);
        found.forwardSteps.push_back(reader);
      } else if (isProduct(reader)) {
        products.push_back(reader);
      } else {
        return false;
      }
    }
  }
  for (uint32_t reader : products) {
    const Step &step = steps[reader];
    bool isLeft =
        std::any_of(probabilities.begin(), probabilities.end(),
                    [&](uint32_t p) { return same(p, step.operands[0]); });
    if (!isLeft || step.params.transposeA ||
        !batchFits(builder.dims(step.results[0]), found.dims) ||
        step.params.m != found.dims[found.dims.size() - 2] ||
        !matricesOf(step, 0).empty())
      continue;
    if (found.out != kNoBuffer)
      return false; // two products of one softmax
    found.v = {uses.canonical(step.operands[1]), step.params.transposeB,
               matricesOf(step, 1)};
    found.out = step.results[0];
    found.forwardSteps.push_back(reader);
  }
  return found.out != kNoBuffer &&
         builder.dims(found.v.buffer).size() == found.dims.size();
}

/// Whether the step is left · right, or the transpose of that, and which.
bool Finder::setGradient(AttentionMatrix &target, uint32_t number,
                         const AttentionMatrix &left, bool transposeLeft,
                         const AttentionMatrix &right, bool transposeRight) {
  const Step &step = steps[number];
  const StepParams &p = step.params;
  bool leftFlag = transposeLeft != left.transposed;
  bool rightFlag = transposeRight != right.transposed;
  bool isSwapped = same(step.operands[0], right.buffer) &&
                   same(step.operands[1], left.buffer) &&
                   p.transposeA == !rightFlag && p.transposeB == !leftFlag;
  bool isStraight = same(step.operands[0], left.buffer) &&
                    same(step.operands[1], right.buffer) &&
                    p.transposeA == leftFlag && p.transposeB == rightFlag;
  if ((!isSwapped && !isStraight) || target.buffer != kNoBuffer ||
      matricesOf(step, isSwapped ? 1 : 0) != left.matrices ||
      matricesOf(step, isSwapped ? 0 : 1) != right.matrices ||
      !batchFits(builder.dims(step.results[0]), found.dims))
    return false;
  target = {step.results[0], !isStraight, {}};
  found.backwardSteps.push_back(number);
  return true;
}

/// From the softmax gradient's result to the products that read it.
bool Finder::findBackward(uint32_t value) {
  Composer composer(builder, found.backwardExtras);
  int32_t instr = composer.first();
  while (true) {
    value = uses.canonical(value);
    inner.push_back(value);
    const std::vector<uint32_t> &readers = uses.readers(value);
    if (readers.empty())
      return false;
    if (isProduct(readers[0]))
      break;
    if (readers.size() != 1 || !isElementwise(readers[0]) ||
        composer.expression.size() > longest)
      return false;
    found.backwardSteps.push_back(readers[0]);
    const Step &step = steps[readers[0]];
    instr = composer.copy(step, [&](uint32_t operand) {
      return same(operand, value) ? instr
                                  : composer.extra(uses.canonical(operand));
    });
    value = step.results[0];
  }
  found.backward = composer.finish(instr);
  for (const Instr &i : found.backward)
    if (i.op == ScalarOp::Random || i.op == ScalarOp::Call ||
        i.dtype == DType::Float64)
      return false;
  AttentionMatrix slope = {value, false, {}};
  for (uint32_t reader : uses.readers(value))
    if (!isProduct(reader) ||
        (!setGradient(found.ofQ, reader, slope, false, found.k, false) &&
         !setGradient(found.ofK, reader, slope, true, found.q, false)))
      return false;
  return found.backward.size() <= longest;
}

/// The gradient of the probabilities, and the products on both sides of it.
bool Finder::findGradient(uint32_t gradient) {
  uint32_t value = steps[gradient].operands[0];
  for (int depth = 0; depth < 3; ++depth) {
    inner.push_back(value);
    uint32_t step = uses.producer(value);
    if (isProduct(step)) {
      const StepParams &p = steps[step].params;
      const std::vector<uint32_t> &operands = steps[step].operands;
      // g · vᵀ
      if (!same(operands[1], found.v.buffer) ||
          !isWhole(steps[step].results[0]) ||
          p.transposeB == found.v.transposed ||
          !matricesOf(steps[step], 0).empty() ||
          matricesOf(steps[step], 1) != found.v.matrices ||
          p.m != found.dims[found.dims.size() - 2] ||
          builder.dims(operands[0]).size() != found.dims.size())
        return false;
      found.g = {uses.canonical(operands[0]), p.transposeA, {}};
      found.backwardSteps.push_back(step);
      break;
    }
    if (!isCast(step))
      return false;
    found.backwardSteps.push_back(step);
    value = steps[step].operands[0];
  }
  if (found.g.buffer == kNoBuffer)
    return false;
  found.backwardSteps.push_back(gradient);
  // pᵀ · g, where somebody wants the gradient of v.
  for (uint32_t p : probabilities)
    for (uint32_t reader : uses.readers(p))
      if (isProduct(reader) && steps[reader].results[0] != found.out)
        if (!setGradient(found.ofV, reader, {p, false, {}}, true, found.g,
                         false))
          return false;
  found.hasGradient = true;
  return findBackward(steps[gradient].results[0]);
}

/// No step outside reads what is not stored any more.
bool Finder::isClosed() const {
  std::set<uint32_t> own(found.forwardSteps.begin(), found.forwardSteps.end());
  own.insert(found.backwardSteps.begin(), found.backwardSteps.end());
  for (uint32_t buffer : inner) {
    if (!uses.isPrivate(buffer))
      return false;
    for (uint32_t reader : uses.readers(buffer))
      if (!own.count(reader))
        return false;
  }
  // What the one step reads comes from outside.
  auto isInner = [&](uint32_t buffer) {
    return std::find(inner.begin(), inner.end(), uses.canonical(buffer)) !=
           inner.end();
  };
  for (const auto *extras : {&found.extras, &found.backwardExtras})
    if (std::any_of(extras->begin(), extras->end(), isInner))
      return false;
  return !isInner(found.q.buffer) && !isInner(found.k.buffer) &&
         !isInner(found.v.buffer) && !isInner(found.out);
}

bool Finder::find(uint32_t softmax) {
  const Step &step = steps[softmax];
  const StepParams &p = step.params;
  found.dims = builder.dims(step.results[0]);
  if (step.kernel != Kernel::Softmax || found.dims.size() < 2 || p.inner != 1 ||
      p.size != found.dims.back() || elementCount(found.dims) == 0 ||
      builder.dtype(step.results[0]) == DType::Float64)
    return false;
  uint32_t x = uses.canonical(step.operands[0]);
  if (!findScores(x))
    return false;
  found.forwardSteps.push_back(softmax);
  if (!findOut(softmax))
    return false;
  for (uint32_t reader : uses.readers(x))
    if (steps[reader].kernel == Kernel::SoftmaxGrad &&
        same(steps[reader].operands[1], x))
      if (found.hasGradient || !findGradient(reader))
        return false;
  return isClosed();
}

std::optional<AttentionPattern>
amprt::planner::findAttention(const Builder &builder, const StepUses &uses,
                              uint32_t softmax, size_t longestExpression) {
  Finder finder(builder, uses, longestExpression);
  if (!finder.find(softmax))
    return std::nullopt;
  return std::move(finder.found);
}

namespace {

/// The numbers of a constant that lies along one axis of the scores, also
/// behind steps that only copy it to more rows or columns.
std::optional<std::vector<double>> numbersAlong(const Builder &builder,
                                                const StepUses &uses,
                                                uint32_t buffer, bool isRow,
                                                const Dims &scores) {
  int64_t size = scores[scores.size() - (isRow ? 2 : 1)];
  int64_t all = scores[scores.size() - 2] * scores.back();
  size_t fromEnd = isRow ? 2 : 1;
  bool isAlong = false;
  for (int depth = 0; depth < 5; ++depth) {
    const Dims &dims = builder.program.buffers[buffer].dims;
    isAlong |= elementCount(dims) == size && dims.size() >= fromEnd &&
               dims[dims.size() - fromEnd] == size;
    bool isWhole = elementCount(dims) == all && dims.size() >= 2 &&
                   dims.back() == scores.back();
    const Buffer &base = builder.program.buffers[builder.base[buffer]];
    if (isAlong ? elementCount(base.dims) != size
                : !isWhole || base.dims != dims)
      return std::nullopt;
    if (isAlong && base.space == Space::Constant) {
      std::vector<double> numbers;
      for (int64_t i = 0; i < size; ++i)
        numbers.push_back(builder.program.constants[base.index].at(i));
      return numbers;
    }
    uint32_t producer = uses.producer(builder.base[buffer]);
    if (producer == kNoBuffer)
      return std::nullopt;
    const Step &step = builder.program.steps[producer];
    if (step.kernel != Kernel::Elementwise || step.expression.size() != 1 ||
        step.condition != kNoBuffer)
      return std::nullopt;
    buffer = step.operands[0];
  }
  return std::nullopt;
}

/// Whether a condition over [rows, columns] is `wanted` in every column behind
/// the row's own number.
bool holdsBehind(const Builder &builder, const StepUses &uses, uint32_t buffer,
                 bool wanted, const Dims &scores) {
  const Buffer &b = builder.program.buffers[builder.base[buffer]];
  const Dims &dims = builder.program.buffers[buffer].dims;
  int64_t m = scores[scores.size() - 2], n = scores.back();
  if (elementCount(dims) != m * n || dims.size() < 2 || dims.back() != n ||
      dims[dims.size() - 2] != m)
    return false;
  if (b.space == Space::Constant) {
    const Tensor &mask = builder.program.constants[b.index];
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = i + 1; j < n; ++j)
        if ((mask.at(i * n + j) != 0) != wanted)
          return false;
    return true;
  }
  uint32_t producer = uses.producer(buffer);
  if (producer == kNoBuffer)
    return false;
  const Step &step = builder.program.steps[producer];
  const Expression &e = step.expression;
  if (step.kernel != Kernel::Elementwise || e.size() != 3 ||
      step.condition != kNoBuffer || e[0].op != ScalarOp::Load ||
      e[1].op != ScalarOp::Load || e[2].a == e[2].b)
    return false;
  // row op column, or the other way round
  for (bool rowFirst : {true, false}) {
    uint32_t first = step.operands[size_t(e[size_t(e[2].a)].a)];
    uint32_t second = step.operands[size_t(e[size_t(e[2].b)].a)];
    auto rows =
        numbersAlong(builder, uses, rowFirst ? first : second, true, scores);
    auto columns =
        numbersAlong(builder, uses, rowFirst ? second : first, false, scores);
    if (!rows || !columns)
      continue;
    auto compare = [&](double row, double column) {
      double x = rowFirst ? row : column, y = rowFirst ? column : row;
      switch (e[2].op) {
      case ScalarOp::Less:
        return x < y;
      case ScalarOp::LessEqual:
        return x <= y;
      case ScalarOp::Greater:
        return x > y;
      default:
        return x >= y;
      }
    };
    if (e[2].op != ScalarOp::Less && e[2].op != ScalarOp::LessEqual &&
        e[2].op != ScalarOp::Greater && e[2].op != ScalarOp::GreaterEqual)
      return false;
    // An order holds for all columns behind if it does for the least and the
    // largest of them.
    double least = INFINITY, largest = -INFINITY;
    for (int64_t i = std::min(m, n) - 1, j = n - 1; i >= 0; --i) {
      for (; j > i; --j) {
        least = std::min(least, (*columns)[size_t(j)]);
        largest = std::max(largest, (*columns)[size_t(j)]);
      }
      if (i + 1 < n && (compare((*rows)[size_t(i)], least) != wanted ||
                        compare((*rows)[size_t(i)], largest) != wanted))
        return false;
    }
    return true;
  }
  return false;
}

} // namespace

std::optional<double>
amprt::planner::causalFill(const Builder &builder, const StepUses &uses,
                           const AttentionPattern &pattern) {
  const Expression &e = pattern.score;
  const Instr &last = e.back();
  if (last.op != ScalarOp::Where || e[size_t(last.a)].op != ScalarOp::Load ||
      e[size_t(last.a)].a == 0)
    return std::nullopt;
  bool fillsWhereFalse = e[size_t(last.c)].op == ScalarOp::Const;
  const Instr &fill = e[size_t(fillsWhereFalse ? last.c : last.b)];
  if (fill.op != ScalarOp::Const)
    return std::nullopt;
  uint32_t condition = pattern.extras[size_t(e[size_t(last.a)].a) - 1];
  if (!holdsBehind(builder, uses, condition, !fillsWhereFalse, pattern.dims))
    return std::nullopt;
  return fill.imm;
}

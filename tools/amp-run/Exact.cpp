//===- Exact.cpp - What a step would give in float64 ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element-wise expressions, products, reductions and softmax: the kernels that
// compute in float32 and round as they store.
//===----------------------------------------------------------------------===//

#include "Exact.h"
#include "amprt/Half.h"

#include <algorithm>
#include <cmath>

namespace amprun {

using namespace amprt;

double numberAt(DType dtype, const void *data, int64_t index) {
  switch (dtype) {
  case DType::Float16:
    return halfToFloat(static_cast<const uint16_t *>(data)[index]);
  case DType::BFloat16:
    return bfloatToFloat(static_cast<const uint16_t *>(data)[index]);
  case DType::Float32:
    return static_cast<const float *>(data)[index];
  case DType::Float64:
    return static_cast<const double *>(data)[index];
  case DType::Int8:
    return static_cast<const int8_t *>(data)[index];
  case DType::UInt8:
  case DType::Bool:
    return static_cast<const uint8_t *>(data)[index];
  case DType::Int32:
    return static_cast<const int32_t *>(data)[index];
  case DType::Int64:
    return double(static_cast<const int64_t *>(data)[index]);
  }
  return 0;
}

namespace {

/// More multiplications than these are not spent on the zeros of a step.
constexpr int64_t kMostProducts = int64_t(1) << 31;

/// An operand or result as the device holds it.
struct View {
  const Buffer *buffer = nullptr;
  const void *data = nullptr;
  double at(int64_t index) const {
    return numberAt(buffer->dtype, data, index);
  }
  bool isZero(int64_t index) const {
    // Both 16-bit types: all bits but the sign.
    return (static_cast<const uint16_t *>(data)[index] & 0x7fff) == 0;
  }
};

/// float32 has a number other than 0 for it.
bool isSomething(double exact) { return float(exact) != 0; }

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

/// Nothing for an operation that is not known here.
std::optional<double> apply(ScalarOp op, double a, double b, double c,
                            double imm) {
  switch (op) {
  case ScalarOp::Const:
    return imm;
  case ScalarOp::Cast:
    return a;
  case ScalarOp::Neg:
    return -a;
  case ScalarOp::Abs:
    return std::abs(a);
  case ScalarOp::Sign:
    return double((a > 0) - (a < 0));
  case ScalarOp::Exp:
    return std::exp(a);
  case ScalarOp::Expm1:
    return std::expm1(a);
  case ScalarOp::Log:
    return std::log(a);
  case ScalarOp::Log1p:
    return std::log1p(a);
  case ScalarOp::Sqrt:
    return std::sqrt(a);
  case ScalarOp::Rsqrt:
    return 1 / std::sqrt(a);
  case ScalarOp::Reciprocal:
    return 1 / a;
  case ScalarOp::Square:
    return a * a;
  case ScalarOp::Sin:
    return std::sin(a);
  case ScalarOp::Cos:
    return std::cos(a);
  case ScalarOp::Tanh:
    return std::tanh(a);
  case ScalarOp::Sigmoid:
    return sigmoid(a);
  case ScalarOp::Relu:
    return std::max(a, 0.);
  case ScalarOp::Relu6:
    return std::clamp(a, 0., 6.);
  case ScalarOp::Silu:
    return a * sigmoid(a);
  case ScalarOp::Softplus:
    return std::max(a, 0.) + std::log1p(std::exp(-std::abs(a)));
  case ScalarOp::Erf:
    return std::erf(a);
  case ScalarOp::Floor:
    return std::floor(a);
  case ScalarOp::Ceil:
    return std::ceil(a);
  case ScalarOp::Round:
    return std::nearbyint(a);
  case ScalarOp::IsFinite:
    return double(std::isfinite(a));
  case ScalarOp::Not:
    return double(a == 0);
  case ScalarOp::Gelu:
    return a * 0.5 * std::erfc(-a * 0.70710678118654752440);
  case ScalarOp::GeluTanh:
    return 0.5 * a *
           (1 + std::tanh(0.79788456080286535588 * (a + 0.044715 * a * a * a)));
  case ScalarOp::Elu:
    return a > 0 ? a : imm * std::expm1(a);
  case ScalarOp::LeakyRelu:
    return a > 0 ? a : imm * a;
  case ScalarOp::Add:
    return a + b;
  case ScalarOp::Sub:
    return a - b;
  case ScalarOp::Mul:
    return a * b;
  case ScalarOp::Div:
    return a / b;
  case ScalarOp::Pow:
    return std::pow(a, b);
  case ScalarOp::Max:
    return std::max(a, b);
  case ScalarOp::Min:
    return std::min(a, b);
  case ScalarOp::Equal:
    return double(a == b);
  case ScalarOp::NotEqual:
    return double(a != b);
  case ScalarOp::Less:
    return double(a < b);
  case ScalarOp::LessEqual:
    return double(a <= b);
  case ScalarOp::Greater:
    return double(a > b);
  case ScalarOp::GreaterEqual:
    return double(a >= b);
  case ScalarOp::And:
    return double(a != 0 && b != 0);
  case ScalarOp::Or:
    return double(a != 0 || b != 0);
  case ScalarOp::ReluGrad:
    return b > 0 ? a : 0.;
  case ScalarOp::Where:
    return a != 0 ? b : c;
  default:
    return std::nullopt;
  }
}

/// Gives one of its operands, or 0: what is in its type stays there.
bool onlyChooses(ScalarOp op) {
  switch (op) {
  case ScalarOp::Load:
  case ScalarOp::Neg:
  case ScalarOp::Abs:
  case ScalarOp::Relu:
  case ScalarOp::Max:
  case ScalarOp::Min:
  case ScalarOp::ReluGrad:
  case ScalarOp::Where:
    return true;
  default:
    return false;
  }
}

class Counter {
public:
  explicit Counter(const StepEvent &event)
      : step(event.program->steps[event.step]), p(step.params) {
    auto view = [&](const StepEvent::Value &value) {
      return View{&event.program->buffers[value.buffer], value.data};
    };
    for (const StepEvent::Value &value : event.operands)
      operands.push_back(view(value));
    result = view(event.results[0]);
  }

  /// Reductions and rows are walked as they are without padding.
  bool understands() const {
    return step.kernel == Kernel::Elementwise ||
           step.kernel == Kernel::Matmul || step.kernel == Kernel::Reduce ||
           (result.buffer->isDense() && operands[0].buffer->isDense());
  }
  void elementwise();
  void product();
  void reduction();
  void softmax();

  Flushed flushed;

private:
  static int64_t offsetOf(int64_t index, const Dims &loops,
                          const Dims &strides) {
    int64_t offset = 0;
    for (size_t i = loops.size(); i-- > 0; index /= loops[i])
      offset += index % loops[i] * strides[i];
    return offset;
  }
  /// The places of the zeros of the result, padding left out.
  std::vector<int64_t> zeros() const;

  const Step &step;
  const StepParams &p;
  std::vector<View> operands;
  View result;
};

std::vector<int64_t> Counter::zeros() const {
  std::vector<int64_t> found;
  const Buffer &buffer = *result.buffer;
  const int64_t width = buffer.dims.empty() ? 1 : buffer.dims.back();
  for (int64_t row = 0, rows = buffer.rows(); row < rows; ++row)
    for (int64_t i = 0; i < width; ++i)
      if (result.isZero(row * buffer.pitch + i))
        found.push_back(row * buffer.pitch + i);
  return found;
}

void Counter::elementwise() {
  const Expression &e = step.expression;
  bool moves = true;
  for (const Instr &instr : e)
    moves &= onlyChooses(instr.op) &&
             (instr.op != ScalarOp::Load ||
              operands[size_t(instr.a)].buffer->dtype == result.buffer->dtype);
  if (moves)
    return;
  std::vector<double> values(e.size());
  auto of = [&](int32_t index) {
    return index < 0 ? 0. : values[size_t(index)];
  };
  for (int64_t i = 0, count = elementCount(p.loops); i < count; ++i) {
    if (!result.isZero(offsetOf(i, p.loops, p.strides.back())))
      continue;
    for (size_t k = 0; k < e.size(); ++k) {
      if (e[k].op == ScalarOp::Load) {
        const size_t number = size_t(e[k].a);
        values[k] =
            operands[number].at(offsetOf(i, p.loops, p.strides[number]));
        continue;
      }
      const std::optional<double> value =
          apply(e[k].op, of(e[k].a), of(e[k].b), of(e[k].c), e[k].imm);
      if (!value)
        return;
      values[k] = *value;
    }
    flushed.count += isSomething(values.back());
  }
}

void Counter::product() {
  const View &a = operands[0], &b = operands[1];
  const int64_t pitchA = a.buffer->pitch, pitchB = b.buffer->pitch;
  const int64_t matrixA = (p.transposeA ? p.k : p.m) * pitchA;
  const int64_t matrixB = (p.transposeB ? p.n : p.k) * pitchB;
  int64_t budget = kMostProducts;
  for (int64_t number = 0; number < p.batch; ++number) {
    const size_t pair = size_t(number) * 2;
    const bool one = p.batchMatrices.empty();
    const int64_t baseA = one ? 0 : p.batchMatrices[pair] * matrixA;
    const int64_t baseB = one ? 0 : p.batchMatrices[pair + 1] * matrixB;
    auto atA = [&](int64_t m, int64_t k) {
      return a.at(baseA + (p.transposeA ? k * pitchA + m : m * pitchA + k));
    };
    auto atB = [&](int64_t k, int64_t n) {
      return b.at(baseB + (p.transposeB ? n * pitchB + k : k * pitchB + n));
    };
    // Whole rows and columns of zeros are common, behind a ReLU for one.
    std::vector<bool> someA(size_t(p.m), false), someB(size_t(p.n), false);
    for (int64_t m = 0; m < p.m; ++m)
      for (int64_t k = 0; k < p.k && !someA[size_t(m)]; ++k)
        someA[size_t(m)] = atA(m, k) != 0;
    for (int64_t n = 0; n < p.n; ++n)
      for (int64_t k = 0; k < p.k && !someB[size_t(n)]; ++k)
        someB[size_t(n)] = atB(k, n) != 0;
    const int64_t base = number * p.m * result.buffer->pitch;
    for (int64_t m = 0; m < p.m; ++m)
      for (int64_t n = 0; n < p.n; ++n) {
        if (!someA[size_t(m)] || !someB[size_t(n)] ||
            !result.isZero(base + m * result.buffer->pitch + n))
          continue;
        if ((budget -= p.k) < 0) {
          flushed.all = false;
          return;
        }
        double sum = p.bias ? operands[2].at(n) : 0;
        for (int64_t k = 0; k < p.k; ++k)
          sum += atA(m, k) * atB(k, n);
        if (p.relu)
          sum = std::max(sum, 0.);
        flushed.count += isSomething(sum);
      }
  }
}

void Counter::reduction() {
  if (p.reduce == ReduceOp::Max || p.reduce == ReduceOp::Min ||
      !result.buffer->isDense())
    return;
  const int64_t count = elementCount(p.reduceLoops);
  int64_t budget = kMostProducts;
  for (int64_t i = 0, kept = elementCount(p.loops); i < kept; ++i) {
    if (!result.isZero(i))
      continue;
    if ((budget -= count) < 0) {
      flushed.all = false;
      return;
    }
    const int64_t base = offsetOf(i, p.loops, p.strides[0]);
    double total = p.reduce == ReduceOp::Prod ? 1 : 0;
    for (int64_t r = 0; r < count; ++r) {
      const double value =
          operands[0].at(base + offsetOf(r, p.reduceLoops, p.reduceStrides));
      total = p.reduce == ReduceOp::Prod ? total * value : total + value;
    }
    flushed.count +=
        isSomething(p.reduce == ReduceOp::Mean ? total / double(count) : total);
  }
}

void Counter::softmax() {
  for (int64_t at : zeros()) {
    // [outer, size, inner]
    const int64_t first =
        at / (p.size * p.inner) * p.size * p.inner + at % p.inner;
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < p.size; ++i)
      most = std::max(most, operands[0].at(first + i * p.inner));
    for (int64_t i = 0; i < p.size; ++i)
      sum += std::exp(operands[0].at(first + i * p.inner) - most);
    flushed.count += isSomething(std::exp(operands[0].at(at) - most) / sum);
  }
}

} // namespace

Flushed countFlushed(const StepEvent &event) {
  if (event.results.empty() || !event.results[0].data ||
      !amp::isLow(event.program->buffers[event.results[0].buffer].dtype))
    return {};
  Counter counter(event);
  if (!counter.understands())
    return {};
  switch (event.program->steps[event.step].kernel) {
  case Kernel::Elementwise:
    counter.elementwise();
    break;
  case Kernel::Matmul:
    counter.product();
    break;
  case Kernel::Reduce:
    counter.reduction();
    break;
  case Kernel::Softmax:
    counter.softmax();
    break;
  default:
    break;
  }
  return counter.flushed;
}

} // namespace amprun

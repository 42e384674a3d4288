//===- ElementwiseTest.cpp - Conformance: element-wise ops ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every unary, binary and comparison op in every type, with odd sizes, empty
// tensors, scalars and broadcasts; casts between all pairs of types.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include <algorithm>
#include <limits>

using namespace amprt;
using namespace amprt::test;

namespace {

using Unary = double (*)(double);
using Binary = double (*)(double, double);

struct UnaryCase {
  const char *op;
  Unary reference;
  /// Inputs come from [low, high).
  double low, high;
  bool integers = false;
  const char *attrs = "";
};

double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }
double normalOf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

const UnaryCase kUnary[] = {
    {"neg", [](double x) { return -x; }, -3, 3, true},
    {"abs", [](double x) { return std::fabs(x); }, -3, 3, true},
    {"sign", [](double x) { return double((x > 0) - (x < 0)); }, -3, 3, true},
    {"exp", [](double x) { return std::exp(x); }, -4, 4},
    {"expm1", [](double x) { return std::expm1(x); }, -4, 4},
    {"log", [](double x) { return std::log(x); }, 0.1, 9},
    {"log1p", [](double x) { return std::log1p(x); }, -0.5, 9},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0, 9},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.1, 9},
    {"reciprocal", [](double x) { return 1 / x; }, 0.1, 9},
    {"square", [](double x) { return x * x; }, -3, 3, true},
    {"sin", [](double x) { return std::sin(x); }, -3, 3},
    {"cos", [](double x) { return std::cos(x); }, -3, 3},
    {"tanh", [](double x) { return std::tanh(x); }, -3, 3},
    {"sigmoid", sigmoidOf, -5, 5},
    {"relu", [](double x) { return x > 0 ? x : 0; }, -3, 3, true},
    {"relu6", [](double x) { return std::clamp(x, 0.0, 6.0); }, -3, 9, true},
    {"silu", [](double x) { return x * sigmoidOf(x); }, -5, 5},
    {"softplus", [](double x) { return std::log1p(std::exp(x)); }, -5, 5},
    {"erf", [](double x) { return std::erf(x); }, -2, 2},
    {"floor", [](double x) { return std::floor(x); }, -3, 3},
    {"ceil", [](double x) { return std::ceil(x); }, -3, 3},
    {"round", [](double x) { return std::nearbyint(x); }, -3, 3},
    {"gelu", [](double x) { return x * normalOf(x); }, -3, 3},
    {"gelu",
     [](double x) {
       return 0.5 * x *
              (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
     },
     -3, 3, false, "\"approximate\": true"},
    {"elu", [](double x) { return x > 0 ? x : 0.5 * std::expm1(x); }, -3, 3,
     false, "\"alpha\": 0.5"},
    {"leaky_relu", [](double x) { return x > 0 ? x : 0.25 * x; }, -3, 3, false,
     "\"alpha\": 0.25"},
    {"clip", [](double x) { return std::clamp(x, -1.0, 2.0); }, -3, 3, true,
     "\"min\": -1, \"max\": 2"},
    {"identity", [](double x) { return x; }, -3, 3, true},
    {"stop_gradient", [](double x) { return x; }, -3, 3, true},
    {"is_finite", [](double) { return 1.0; }, -3, 3},
    {"dropout", [](double x) { return x; }, -3, 3, false,
     "\"rate\": 0.5, \"seed\": 1"},
};

struct BinaryCase {
  const char *op;
  Binary reference;
  bool integers = true;
};

const BinaryCase kBinary[] = {
    {"add", [](double a, double b) { return a + b; }},
    {"sub", [](double a, double b) { return a - b; }},
    {"mul", [](double a, double b) { return a * b; }},
    {"div", [](double a, double b) { return a / b; }, false},
    {"pow", [](double a, double b) { return std::pow(std::fabs(a), b); },
     false},
    {"maximum", [](double a, double b) { return std::max(a, b); }},
    {"minimum", [](double a, double b) { return std::min(a, b); }},
    {"equal", [](double a, double b) { return double(a == b); }},
    {"not_equal", [](double a, double b) { return double(a != b); }},
    {"less", [](double a, double b) { return double(a < b); }},
    {"less_equal", [](double a, double b) { return double(a <= b); }},
    {"greater", [](double a, double b) { return double(a > b); }},
    {"greater_equal", [](double a, double b) { return double(a >= b); }},
};

/// Index of an operand's element for element `i` of the result.
size_t broadcastIndex(size_t i, const Dims &result, const Dims &operand) {
  size_t index = 0, stride = 1;
  for (size_t d = 0; d < result.size(); ++d) {
    size_t at = result.size() - 1 - d;
    size_t coordinate = i % size_t(result[at]);
    i /= size_t(result[at]);
    if (d >= operand.size())
      continue;
    size_t size = size_t(operand[operand.size() - 1 - d]);
    index += (size == 1 ? 0 : coordinate) * stride;
    stride *= size;
  }
  return index;
}

class ElementwiseConformance : public Conformance {};

TEST_P(ElementwiseConformance, Unary) {
  for (const UnaryCase &c : kUnary) {
    std::vector<DType> types = kFloats;
    if (c.integers)
      types.insert(types.end(), kInts.begin(), kInts.end());
    for (DType dtype : types) {
      double low = dtype == DType::UInt8 && c.low < 0 ? 0 : c.low;
      if (dtype == DType::UInt8 &&
          (c.op == std::string("neg") || c.op == std::string("clip")))
        continue; // has no negative numbers
      for (const Dims &dims : {Dims{}, Dims{0}, Dims{1}, Dims{7, 13}}) {
        Tensor x = randomTensor(dtype, dims, random, low, c.high);
        std::vector<double> expected;
        for (double value : values(x))
          expected.push_back(c.reference(value));
        std::vector<Tensor> inputs;
        inputs.push_back(std::move(x));
        auto got = run(c.op, inputs, c.attrs);
        // Compositions of a few library calls of at most 2 ulp each, whose
        // errors grow by at most 10 on these ranges.
        double u = computeRoundoff(dtype);
        expectNear(
            got, expected,
            [&](size_t i) {
              return amp::isFloating(dtype)
                         ? 40 * u * (std::fabs(expected[i]) + 0x1p-6)
                         : 0;
            },
            c.op);
      }
    }
  }
}

TEST_P(ElementwiseConformance, BinaryWithBroadcast) {
  struct Shapes {
    Dims a, b, result;
  };
  const Shapes shapes[] = {
      {{7, 13}, {7, 13}, {7, 13}},
      {{7, 13}, {13}, {7, 13}},
      {{7, 1}, {1, 5}, {7, 5}},
      {{}, {3}, {3}},
      {{2, 3, 5}, {3, 1}, {2, 3, 5}},
      {{0, 3}, {3}, {0, 3}},
      {{1}, {1}, {1}},
      {{}, {}, {}},
  };
  for (const BinaryCase &c : kBinary)
    for (const Shapes &s : shapes) {
      std::vector<DType> types = kFloats;
      if (c.integers)
        types.insert(types.end(), kInts.begin(), kInts.end());
      for (DType dtype : types) {
        bool power = c.op == std::string("pow");
        bool small = dtype == DType::UInt8 || dtype == DType::Int8;
        double low = small || power ? 5 : -4, high = small ? 9 : power ? 6 : 4;
        Tensor a = randomTensor(dtype, s.a, random, low, high);
        Tensor b = randomTensor(dtype, s.b, random,
                                small   ? 1
                                : power ? -2
                                        : 0.5,
                                small ? 5 : 3);
        std::vector<double> as = values(a), bs = values(b), expected;
        for (size_t i = 0; i < size_t(elementCount(s.result)); ++i)
          expected.push_back(c.reference(as[broadcastIndex(i, s.result, s.a)],
                                         bs[broadcastIndex(i, s.result, s.b)]));
        std::vector<Tensor> inputs;
        inputs.push_back(std::move(a));
        inputs.push_back(std::move(b));
        auto got = run(c.op, inputs);
        double u = computeRoundoff(dtype);
        expectNear(
            got, expected,
            [&](size_t i) {
              return amp::isFloating(dtype) ? 8 * u * std::fabs(expected[i])
                                            : 0;
            },
            c.op);
      }
    }
}

TEST_P(ElementwiseConformance, IntegersWrapAndDivide) {
  auto both = [](DType dtype, std::vector<double> a, std::vector<double> b) {
    std::vector<Tensor> inputs;
    Dims dims = {int64_t(a.size())};
    inputs.push_back(tensorOf(dtype, dims, a));
    inputs.push_back(tensorOf(dtype, dims, b));
    return inputs;
  };
  expectExactly(run("add", both(DType::Int8, {127, -128, 5}, {1, -1, 6})),
                {-128, 127, 11}, "add");
  expectExactly(run("mul", both(DType::UInt8, {16, 255}, {16, 2})), {0, 254},
                "mul");
  expectExactly(
      run("add", both(DType::Int32, {2147483647, -2147483648.0}, {1, -1})),
      {-2147483648.0, 2147483647}, "add");
  // Truncates; by zero it is zero, not a crash.
  expectExactly(run("div", both(DType::Int32, {7, -7, 7, -2147483648.0, 9},
                                {2, 2, -2, -1, 0})),
                {3, -3, -3, -2147483648.0, 0}, "div");
  expectExactly(run("pow", both(DType::Int64, {3, -2, 2}, {4, 3, -1})),
                {81, -8, 0}, "pow");
}

TEST_P(ElementwiseConformance, NaNAndInfinity) {
  double nan = std::nan(""), inf = INFINITY;
  for (DType dtype : kFloats) {
    auto tensor = [&](std::vector<double> list) {
      std::vector<Tensor> inputs;
      inputs.push_back(tensorOf(dtype, {int64_t(list.size())}, list));
      return inputs;
    };
    auto two = [&](std::vector<double> a, std::vector<double> b) {
      std::vector<Tensor> inputs = tensor(a);
      inputs.push_back(tensorOf(dtype, {int64_t(b.size())}, b));
      return inputs;
    };
    expectExactly(run("relu", tensor({nan, inf, -inf, -0.0})), {nan, inf, 0, 0},
                  "relu");
    expectExactly(run("is_finite", tensor({nan, inf, -inf, 1})), {0, 0, 0, 1},
                  "is_finite");
    expectExactly(run("maximum", two({nan, 1, inf}, {1, nan, 2})),
                  {nan, nan, inf}, "maximum");
    expectExactly(run("minimum", two({nan, 1, -inf}, {1, nan, 2})),
                  {nan, nan, -inf}, "minimum");
    expectExactly(run("relu_grad", two({5, 6, 7, 8}, {nan, 0, 1, -1})),
                  {0, 0, 7, 0}, "relu_grad");
    expectExactly(run("softplus", tensor({inf, -inf, 800})), {inf, 0, 800},
                  "softplus");
    expectExactly(run("sigmoid", tensor({inf, -inf, nan})), {1, 0, nan},
                  "sigmoid");
    expectExactly(run("sign", tensor({inf, -inf, nan})), {1, -1, nan}, "sign");
  }
}

TEST_P(ElementwiseConformance, LogicWhereAndSums) {
  auto flags = [](std::vector<double> list) {
    return tensorOf(DType::Bool, {int64_t(list.size())}, list);
  };
  std::vector<Tensor> two;
  two.push_back(flags({0, 0, 1, 1}));
  two.push_back(flags({0, 1, 0, 1}));
  expectExactly(run("logical_and", two), {0, 0, 0, 1}, "logical_and");
  expectExactly(run("logical_or", two), {0, 1, 1, 1}, "logical_or");
  std::vector<Tensor> one;
  one.push_back(flags({0, 1}));
  expectExactly(run("logical_not", one), {1, 0}, "logical_not");
  std::vector<DType> types = kFloats;
  types.insert(types.end(), kInts.begin(), kInts.end());
  for (DType dtype : types) {
    std::vector<Tensor> inputs;
    inputs.push_back(flags({0, 1, 0}));
    inputs.push_back(tensorOf(dtype, {3}, {1, 2, 3}));
    inputs.push_back(tensorOf(dtype, {1}, {9}));
    expectExactly(run("where", inputs), {9, 2, 9}, "where");
    for (size_t count : {1u, 2u, 7u, 20u}) {
      std::vector<Tensor> terms;
      for (size_t i = 0; i < count; ++i)
        terms.push_back(tensorOf(dtype, {2}, {double(i % 3), 1}));
      double sum = 0;
      for (size_t i = 0; i < count; ++i)
        sum += double(i % 3);
      expectExactly(run("add_n", terms), {sum, double(count)}, "add_n");
    }
  }
}

TEST_P(ElementwiseConformance, SmoothGradients) {
  for (DType dtype : kFloats)
    for (const char *op : {"tanh_grad", "sigmoid_grad"}) {
      std::vector<Tensor> inputs;
      inputs.push_back(randomTensor(dtype, {3, 11}, random));
      inputs.push_back(randomTensor(dtype, {3, 11}, random));
      std::vector<double> g = values(inputs[0]), x = values(inputs[1]),
                          expected;
      for (size_t i = 0; i < g.size(); ++i) {
        double y =
            std::string(op) == "tanh_grad" ? std::tanh(x[i]) : sigmoidOf(x[i]);
        expected.push_back(
            g[i] * (std::string(op) == "tanh_grad" ? 1 - y * y : y * (1 - y)));
      }
      expectNear(
          run(op, inputs), expected,
          [&](size_t i) {
            return 8 * computeRoundoff(dtype) * std::fabs(g[i]);
          },
          op);
    }
}

TEST_P(ElementwiseConformance, CastsBetweenAllTypes) {
  std::vector<DType> all = kFloats;
  all.insert(all.end(), kInts.begin(), kInts.end());
  all.push_back(DType::Bool);
  const std::vector<double> numbers = {0,    1,      -1,     2.5,   -2.5, 3.75,
                                       100,  1e-3,   0.1,    -7.99, 126,  1e5,
                                       -1e5, 300000, 1.0e-6, 33.333};
  for (DType from : all)
    for (DType to : all) {
      Tensor x = tensorOf(from, {int64_t(numbers.size())},
                          from == DType::UInt8 || from == DType::Int8
                              ? std::vector<double>(numbers.size(), 5)
                              : numbers);
      std::vector<double> expected;
      for (double value : values(x)) {
        if (to == DType::Bool) {
          expected.push_back(value != 0);
        } else if (amp::isFloating(to)) {
          // What Tensor::set rounds to is tested against arithmetic.
          Tensor rounded = tensorOf(to, {1}, {value});
          expected.push_back(rounded.at(0));
        } else {
          double low = to == DType::Int8    ? -128
                       : to == DType::UInt8 ? 0
                       : to == DType::Int32 ? -0x1p31
                                            : -0x1p63;
          double high = to == DType::Int8    ? 127
                        : to == DType::UInt8 ? 255
                        : to == DType::Int32 ? 0x1p31 - 1
                                             : 0x1p63;
          if (amp::isFloating(from)) {
            expected.push_back(std::clamp(std::trunc(value), low, high));
          } else {
            int64_t wide = int64_t(value); // integers wrap around
            expected.push_back(to == DType::Int8    ? double(int8_t(wide))
                               : to == DType::UInt8 ? double(uint8_t(wide))
                                                    : double(wide));
          }
        }
      }
      std::vector<Tensor> inputs;
      inputs.push_back(std::move(x));
      auto got = run("cast", inputs,
                     "\"to\": \"" + std::string(amp::dtypeName(to)) + "\"");
      if (isNull())
        continue;
      for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(got[0].at(int64_t(i)), expected[i])
            << amp::dtypeName(from) << " to " << amp::dtypeName(to) << " of "
            << inputs[0].at(int64_t(i));
    }
}

AMP_CONFORMANCE_DEVICES(ElementwiseConformance);

} // namespace

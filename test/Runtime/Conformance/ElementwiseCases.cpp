//===- ElementwiseCases.cpp - What unary and binary ops mean --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One line per op. Library functions count as four operations: 2 ulp.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

using Unary = Real (*)(Real);
using Binary = Real (*)(Real, Real);

Real sigmoidOf(Real x) { return 1 / (1 + std::exp(-x)); }

struct UnaryRow {
  const char *op;
  Unary f;
  double low, high;
  /// Rounded operations forward and backward, one after the other.
  double roundings, backward;
  std::vector<double> kinks = {};
  bool integers = false;
  const char *attrs = "";
};

const UnaryRow kUnary[] = {
    {"neg", [](Real x) { return -x; }, -3, 3, 0, 0, {}, true},
    {"abs", [](Real x) { return std::fabs(x); }, -3, 3, 0, 0, {0}, true},
    {"sign",
     [](Real x) { return Real((x > 0) - (x < 0)); },
     -3,
     3,
     0,
     0,
     {},
     true},
    {"exp", [](Real x) { return std::exp(x); }, -4, 4, 4, 5},
    {"expm1", [](Real x) { return std::expm1(x); }, -4, 4, 4, 5},
    {"log", [](Real x) { return std::log(x); }, 0.1, 9, 4, 2},
    {"log1p", [](Real x) { return std::log1p(x); }, -0.5, 9, 4, 3},
    {"sqrt", [](Real x) { return std::sqrt(x); }, 0.1, 9, 1, 4},
    {"rsqrt", [](Real x) { return 1 / std::sqrt(x); }, 0.1, 9, 2, 5},
    {"reciprocal", [](Real x) { return 1 / x; }, 0.1, 9, 1, 4},
    {"square", [](Real x) { return x * x; }, -3, 3, 1, 2, {}, true},
    {"sin", [](Real x) { return std::sin(x); }, -3, 3, 4, 5},
    {"cos", [](Real x) { return std::cos(x); }, -3, 3, 4, 5},
    {"tanh", [](Real x) { return std::tanh(x); }, -6, 6, 4, 15},
    {"sigmoid", sigmoidOf, -9, 9, 6, 14},
    {"relu", [](Real x) { return x > 0 ? x : 0; }, -3, 3, 0, 0, {0}, true},
    {"relu6",
     [](Real x) { return std::clamp(x, Real(0), Real(6)); },
     -3,
     9,
     0,
     0,
     {0, 6},
     true},
    {"silu", [](Real x) { return x * sigmoidOf(x); }, -9, 9, 7, 16},
    {"softplus", [](Real x) { return std::log1p(std::exp(x)); }, -9, 9, 9, 7},
    {"erf", [](Real x) { return std::erf(x); }, -3, 3, 4, 7},
    {"floor", [](Real x) { return std::floor(x); }, -3, 3, 0, 0},
    {"ceil", [](Real x) { return std::ceil(x); }, -3, 3, 0, 0},
    {"round", [](Real x) { return std::nearbyint(x); }, -3, 3, 0, 0},
    {"gelu", [](Real x) { return x * std::erfc(-x / std::sqrt(Real(2))) / 2; },
     -5, 5, 7, 14},
    {"gelu",
     [](Real x) {
       Real inner = std::sqrt(2 / Real(M_PIl)) * (x + 0.044715L * x * x * x);
       return x * sigmoidOf(2 * inner);
     },
     -5,
     5,
     14,
     22,
     {},
     false,
     "\"approximate\": true"},
    {"elu",
     [](Real x) { return x > 0 ? x : 0.5L * std::expm1(x); },
     -3,
     3,
     5,
     6,
     {0},
     false,
     "\"alpha\": 0.5"},
    {"leaky_relu",
     [](Real x) { return x > 0 ? x : 0.25L * x; },
     -3,
     3,
     1,
     1,
     {0},
     false,
     "\"alpha\": 0.25"},
    {"clip",
     [](Real x) { return std::clamp(x, Real(-1), Real(2)); },
     -3,
     3,
     0,
     0,
     {-1, 2},
     true,
     "\"min\": -1, \"max\": 2"},
    {"identity", [](Real x) { return x; }, -3, 3, 0, 0, {}, true},
    {"stop_gradient", [](Real x) { return x; }, -3, 3, 0, 0, {}, true},
    {"is_finite", [](Real) { return Real(1); }, -3, 3, 0, 0},
    {"dropout",
     [](Real x) { return x; },
     -3,
     3,
     0,
     0,
     {},
     false,
     "\"rate\": 0.5, \"seed\": 1"},
};

struct BinaryRow {
  const char *op;
  Binary f;
  Operand a, b; ///< their sizes are set later
  double roundings, backward;
  bool integers = true;
};

Operand between(double low, double high) { return {{}, low, high}; }
Operand wholeBetween(double low, double high) {
  Operand operand{{}, low, high};
  operand.whole = true;
  return operand;
}
Operand awayFrom(std::vector<double> kinks) {
  Operand operand{{}, -3, 3};
  operand.kinks = std::move(kinks);
  return operand;
}

const BinaryRow kBinary[] = {
    {"add", [](Real a, Real b) { return a + b; }, between(-4, 4),
     between(-4, 4), 1, 0},
    {"sub", [](Real a, Real b) { return a - b; }, between(2, 9), between(-4, 2),
     1, 0},
    {"mul", [](Real a, Real b) { return a * b; }, between(-4, 4),
     between(-4, 4), 1, 0},
    {"div", [](Real a, Real b) { return a / b; }, between(-4, 4),
     between(0.5, 3), 1, 3, false},
    {"pow", [](Real a, Real b) { return std::pow(a, b); }, between(0.5, 6),
     between(-2, 3), 4, 10, false},
    {"maximum", [](Real a, Real b) { return std::max(a, b); },
     awayFrom({-2, -1, 0, 1}), wholeBetween(-2, 2), 0, 0},
    {"minimum", [](Real a, Real b) { return std::min(a, b); },
     awayFrom({-2, -1, 0, 1}), wholeBetween(-2, 2), 0, 0},
    {"equal", [](Real a, Real b) { return Real(a == b); }, wholeBetween(0, 3),
     wholeBetween(0, 3), 0, 0},
    {"not_equal", [](Real a, Real b) { return Real(a != b); },
     wholeBetween(0, 3), wholeBetween(0, 3), 0, 0},
    {"less", [](Real a, Real b) { return Real(a < b); }, wholeBetween(0, 3),
     wholeBetween(0, 3), 0, 0},
    {"less_equal", [](Real a, Real b) { return Real(a <= b); },
     wholeBetween(0, 3), wholeBetween(0, 3), 0, 0},
    {"greater", [](Real a, Real b) { return Real(a > b); }, wholeBetween(0, 3),
     wholeBetween(0, 3), 0, 0},
    {"greater_equal", [](Real a, Real b) { return Real(a >= b); },
     wholeBetween(0, 3), wholeBetween(0, 3), 0, 0},
};

struct Shapes {
  Dims a, b;
};
const Shapes kShapes[] = {
    {{7, 13}, {7, 13}},     {{7, 13}, {13}}, {{7, 1}, {1, 5}}, {{}, {3}},
    {{2, 3, 5}, {3, 1}},    {{0, 3}, {3}},   {{1}, {1}},       {{}, {}},
    {{1, 1, 3}, {4, 1, 1}},
};

Reference mapped(Unary f) {
  return [f](const Arrays &inputs) {
    Array y = inputs[0];
    for (Real &value : y.values)
      value = f(value);
    return Arrays{y};
  };
}

Reference zipped(Binary f) {
  return [f](const Arrays &inputs) {
    Array y = inputs[0];
    for (size_t i = 0; i < y.size(); ++i)
      y[i] = f(y[i], inputs[1][i]);
    return Arrays{y};
  };
}

std::vector<DType> withIntegers(bool integers) {
  std::vector<DType> types = kFloats;
  if (integers)
    types.insert(types.end(), kInts.begin(), kInts.end());
  return types;
}

} // namespace

std::vector<OpCase> amprt::test::unaryCases() {
  std::vector<OpCase> cases;
  for (const UnaryRow &row : kUnary)
    for (const Dims &dims :
         {Dims{}, Dims{0}, Dims{1}, Dims{7, 13}, Dims{3, 1, 5}}) {
      Operand x{dims, row.low, row.high};
      x.kinks = row.kinks;
      OpCase c{row.op, row.attrs, {x}, mapped(row.f), row.roundings};
      c.elementwise = true;
      c.dtypes = withIntegers(row.integers);
      // These have negative results, or a negative attribute.
      if (c.op == "neg" || c.op == "clip")
        c.dtypes.erase(
            std::remove(c.dtypes.begin(), c.dtypes.end(), DType::UInt8),
            c.dtypes.end());
      std::string grad = c.op + "_grad";
      if (amp::findOp(grad)) {
        c.backward.push_back({grad});
        c.backward[0].roundings = row.backward;
      }
      cases.push_back(std::move(c));
    }
  return cases;
}

std::vector<OpCase> amprt::test::binaryCases() {
  std::vector<OpCase> cases;
  for (const BinaryRow &row : kBinary)
    for (const Shapes &shapes : kShapes) {
      Operand a = row.a, b = row.b;
      a.dims = shapes.a;
      b.dims = shapes.b;
      OpCase c{row.op, "", {a, b}, zipped(row.f), row.roundings};
      c.elementwise = true;
      c.dtypes = withIntegers(row.integers);
      std::string grad = c.op + "_grad";
      if (amp::findOp(grad)) {
        c.backward.push_back({grad, {0, 1}});
        c.backward[0].roundings = row.backward;
      }
      if (c.op == "equal" || c.op == "not_equal")
        c.dtypes.push_back(DType::Bool);
      cases.push_back(std::move(c));
    }
  for (const Shapes &shapes : kShapes) {
    Operand a{shapes.a}, b{shapes.b};
    a.kind = b.kind = Kind::Bool;
    auto logical = [&](const char *op, Binary f) {
      OpCase c{op, "", {a, b}, zipped(f)};
      c.elementwise = true;
      c.dtypes = {DType::Bool};
      cases.push_back(std::move(c));
    };
    logical("logical_and", [](Real x, Real y) { return Real(x && y); });
    logical("logical_or", [](Real x, Real y) { return Real(x || y); });
    OpCase no{"logical_not", "", {a}, mapped([](Real x) { return Real(!x); })};
    no.dtypes = {DType::Bool};
    cases.push_back(std::move(no));

    OpCase where{
        "where", "", {a, {shapes.a}, {shapes.b}}, [](const Arrays &in) {
          Array y = in[1];
          for (size_t i = 0; i < y.size(); ++i)
            y[i] = in[0][i] != 0 ? in[1][i] : in[2][i];
          return Arrays{y};
        }};
    where.elementwise = true;
    where.dtypes = withIntegers(true);
    where.dtypes.push_back(DType::Bool);
    cases.push_back(std::move(where));
  }
  // Scalars of the condition alone decide the sizes too.
  for (size_t count : {1u, 2u, 7u, 20u})
    for (const Dims &dims : {Dims{}, Dims{0}, Dims{3, 5}}) {
      Operand term{dims, 0, 5};
      OpCase c{"add_n", "", std::vector<Operand>(count, term),
               [](const Arrays &in) {
                 Array y = in[0];
                 for (size_t k = 1; k < in.size(); ++k)
                   for (size_t i = 0; i < y.size(); ++i)
                     y[i] += in[k][i];
                 return Arrays{y};
               },
               double(count - 1)};
      c.elementwise = true;
      c.dtypes = withIntegers(true);
      cases.push_back(std::move(c));
    }
  return cases;
}

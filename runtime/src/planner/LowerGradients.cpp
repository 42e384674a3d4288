//===- LowerGradients.cpp - Lowering: element-wise gradients --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// gradient · f'(x) as an expression, so that it fuses like any other. Written
// so that nothing overflows or cancels where the derivative itself does not.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include <cmath>

using namespace amprt;
using namespace amprt::planner;

namespace {

/// Terms of one type. Arguments are made one after the other before a call, so
/// that the order of instructions is the same with every compiler.
class Terms {
public:
  explicit Terms(NodeLowering &node)
      : node(node), e(node.builder), dtype(node.types[0].dtype) {}

  int32_t operand(size_t i) { return e.load(node.operands[i]); }
  int32_t number(double value) { return e.constant(value, dtype); }
  int32_t apply(ScalarOp op, int32_t a, int32_t b = -1) {
    return e.op(op, dtype, a, b);
  }
  int32_t mul(int32_t a, int32_t b) { return apply(ScalarOp::Mul, a, b); }
  int32_t add(int32_t a, int32_t b) { return apply(ScalarOp::Add, a, b); }
  int32_t scaled(double factor, int32_t a) { return mul(number(factor), a); }
  int32_t plus(double term, int32_t a) { return add(number(term), a); }
  int32_t square(int32_t a) { return apply(ScalarOp::Square, a); }
  int32_t negative(int32_t a) { return apply(ScalarOp::Neg, a); }
  int32_t test(ScalarOp op, int32_t a, int32_t b) {
    return e.op(op, DType::Bool, a, b);
  }
  int32_t both(int32_t a, int32_t b) {
    return e.op(ScalarOp::And, DType::Bool, a, b);
  }
  int32_t where(int32_t condition, int32_t a, int32_t b) {
    return e.op(ScalarOp::Where, dtype, condition, a, b);
  }
  bool finish() {
    e.finish(node.addStep(Kernel::Elementwise), node.addResult());
    return true;
  }

private:
  NodeLowering &node;
  ExpressionBuilder e;
  DType dtype;
};

/// The derivative at x, an instruction.
using Slope = int32_t (*)(Terms &t, int32_t x);

struct Derivative {
  std::string_view op;
  Slope slope;
};

const Derivative kDerivatives[] = {
    {"abs_grad",
     [](Terms &t, int32_t x) { return t.apply(ScalarOp::Sign, x); }},
    {"exp_grad", [](Terms &t, int32_t x) { return t.apply(ScalarOp::Exp, x); }},
    {"expm1_grad",
     [](Terms &t, int32_t x) { return t.apply(ScalarOp::Exp, x); }},
    {"log_grad",
     [](Terms &t, int32_t x) { return t.apply(ScalarOp::Reciprocal, x); }},
    {"log1p_grad",
     [](Terms &t, int32_t x) {
       return t.apply(ScalarOp::Reciprocal, t.plus(1, x));
     }},
    {"sqrt_grad",
     [](Terms &t, int32_t x) {
       return t.scaled(0.5, t.apply(ScalarOp::Rsqrt, x));
     }},
    {"rsqrt_grad",
     [](Terms &t, int32_t x) {
       int32_t root = t.apply(ScalarOp::Rsqrt, x);
       return t.apply(ScalarOp::Div, t.scaled(-0.5, root), x);
     }},
    {"reciprocal_grad",
     [](Terms &t, int32_t x) {
       return t.negative(t.square(t.apply(ScalarOp::Reciprocal, x)));
     }},
    {"square_grad", [](Terms &t, int32_t x) { return t.scaled(2, x); }},
    {"sin_grad", [](Terms &t, int32_t x) { return t.apply(ScalarOp::Cos, x); }},
    {"cos_grad",
     [](Terms &t, int32_t x) { return t.negative(t.apply(ScalarOp::Sin, x)); }},
    {"tanh_grad",
     [](Terms &t, int32_t x) {
       // 1 - tanh² = 4 · s(2x) · s(-2x): no difference of near numbers.
       int32_t twice = t.scaled(2, x);
       int32_t up = t.apply(ScalarOp::Sigmoid, twice);
       int32_t down = t.apply(ScalarOp::Sigmoid, t.negative(twice));
       return t.scaled(4, t.mul(up, down));
     }},
    {"sigmoid_grad",
     [](Terms &t, int32_t x) {
       int32_t up = t.apply(ScalarOp::Sigmoid, x);
       return t.mul(up, t.apply(ScalarOp::Sigmoid, t.negative(x)));
     }},
    {"silu_grad",
     [](Terms &t, int32_t x) {
       int32_t up = t.apply(ScalarOp::Sigmoid, x);
       int32_t down = t.apply(ScalarOp::Sigmoid, t.negative(x));
       return t.mul(up, t.plus(1, t.mul(x, down)));
     }},
    {"softplus_grad",
     [](Terms &t, int32_t x) { return t.apply(ScalarOp::Sigmoid, x); }},
    {"erf_grad",
     [](Terms &t, int32_t x) {
       int32_t bell = t.apply(ScalarOp::Exp, t.negative(t.square(x)));
       return t.scaled(2 / std::sqrt(M_PI), bell);
     }},
};

bool lowerUnaryGrad(NodeLowering &node) {
  Terms t(node);
  int32_t gradient = t.operand(0), x = t.operand(1);
  for (const Derivative &d : kDerivatives)
    if (d.op == node.node.op)
      t.mul(gradient, d.slope(t, x));
  return t.finish();
}

bool lowerGeluGrad(NodeLowering &node) {
  Terms t(node);
  int32_t gradient = t.operand(0), x = t.operand(1), slope;
  if (node.args.getBool("approximate")) {
    // y = x · s(2u), u = c · (x + 0.044715 x³).
    const double c = std::sqrt(2 / M_PI);
    int32_t squared = t.square(x);
    int32_t inner = t.plus(1, t.scaled(0.044715, squared));
    int32_t twice = t.scaled(2 * c, t.mul(x, inner));
    int32_t up = t.apply(ScalarOp::Sigmoid, twice);
    int32_t down = t.apply(ScalarOp::Sigmoid, t.negative(twice));
    int32_t change = t.plus(2 * c, t.scaled(6 * c * 0.044715, squared));
    int32_t tilt = t.mul(t.mul(x, down), change);
    slope = t.mul(up, t.plus(1, tilt));
  } else {
    // Φ(x) + x · φ(x).
    int32_t below = t.apply(ScalarOp::Erfc, t.scaled(-std::sqrt(0.5), x));
    int32_t density = t.apply(ScalarOp::Exp, t.scaled(-0.5, t.square(x)));
    int32_t tilt = t.scaled(1 / std::sqrt(2 * M_PI), t.mul(x, density));
    slope = t.add(t.scaled(0.5, below), tilt);
  }
  t.mul(gradient, slope);
  return t.finish();
}

bool lowerEluGrad(NodeLowering &node) {
  Terms t(node);
  int32_t gradient = t.operand(0), x = t.operand(1);
  int32_t above = t.test(ScalarOp::Greater, x, t.number(0));
  double alpha = node.args.getFloat("alpha");
  int32_t slope = node.node.op == "elu_grad"
                      ? t.scaled(alpha, t.apply(ScalarOp::Exp, x))
                      : t.number(alpha);
  t.where(above, gradient, t.mul(gradient, slope));
  return t.finish();
}

/// The gradient inside an interval: of `clip` with its ends, where the result
/// still is x; of `relu6` without.
bool lowerIntervalGrad(NodeLowering &node) {
  Terms t(node);
  bool closed = node.node.op == "clip_grad";
  double low = closed ? node.args.getFloat("min") : 0;
  double high = closed ? node.args.getFloat("max") : 6;
  int32_t gradient = t.operand(0), x = t.operand(1);
  int32_t above = t.test(closed ? ScalarOp::GreaterEqual : ScalarOp::Greater, x,
                         t.number(low));
  int32_t under =
      t.test(closed ? ScalarOp::LessEqual : ScalarOp::Less, x, t.number(high));
  int32_t inside = t.both(above, under);
  t.where(inside, gradient, t.number(0));
  return t.finish();
}

/// One step per result: where only one is needed the other is not computed.
bool lowerDivGrad(NodeLowering &node) {
  for (bool ofA : {true, false}) {
    Terms t(node);
    int32_t gradient = t.operand(0), b = t.operand(2);
    int32_t share = t.apply(ScalarOp::Div, gradient, b);
    if (!ofA) {
      int32_t quotient = t.apply(ScalarOp::Div, t.operand(1), b);
      t.negative(t.mul(share, quotient));
    }
    t.finish();
  }
  return true;
}

/// b · a^(b-1), 0 for b = 0; a^b · ln a, 0 for a of 0 and below, where the
/// power is not real all around.
bool lowerPowGrad(NodeLowering &node) {
  for (bool ofA : {true, false}) {
    Terms t(node);
    int32_t gradient = t.operand(0), a = t.operand(1), b = t.operand(2);
    int32_t zero = t.number(0), slope, applies;
    if (ofA) {
      slope = t.mul(b, t.apply(ScalarOp::Pow, a, t.plus(-1, b)));
      applies = t.test(ScalarOp::NotEqual, b, zero);
    } else {
      int32_t power = t.apply(ScalarOp::Pow, a, b);
      slope = t.mul(power, t.apply(ScalarOp::Log, a));
      applies = t.test(ScalarOp::Greater, a, zero);
    }
    t.where(applies, t.mul(gradient, slope), zero);
    t.finish();
  }
  return true;
}

bool lowerExtremeGrad(NodeLowering &node) {
  ScalarOp wins = node.node.op == "maximum_grad" ? ScalarOp::GreaterEqual
                                                 : ScalarOp::LessEqual;
  for (bool ofA : {true, false}) {
    Terms t(node);
    int32_t gradient = t.operand(0), a = t.operand(1), b = t.operand(2);
    int32_t takes = t.test(wins, a, b), zero = t.number(0);
    t.where(takes, ofA ? gradient : zero, ofA ? zero : gradient);
    t.finish();
  }
  return true;
}

} // namespace

void amprt::planner::addGradientLowerings(LoweringTable &table) {
  for (const Derivative &d : kDerivatives)
    table[d.op] = lowerUnaryGrad;
  table["gelu_grad"] = lowerGeluGrad;
  table["elu_grad"] = table["leaky_relu_grad"] = lowerEluGrad;
  table["clip_grad"] = table["relu6_grad"] = lowerIntervalGrad;
  table["div_grad"] = lowerDivGrad;
  table["pow_grad"] = lowerPowGrad;
  table["maximum_grad"] = table["minimum_grad"] = lowerExtremeGrad;
}

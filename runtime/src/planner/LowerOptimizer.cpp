//===- LowerOptimizer.cpp - Lowering: optimizers of any type --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Updates of variables that are not float32, written as expressions: one step
// for the variable and one for each slot, all from the values on entry. The
// formulas are those of the optimizer kernels; 16-bit state is computed in
// float32 and rounded as it is stored.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

/// The formulas of one node. Each call writes the instructions that it needs
/// into the expression at hand.
class Update {
public:
  explicit Update(NodeLowering &node)
      : node(node), e(node.builder),
        wide(node.dtype(0) == DType::Float64 ? DType::Float64
                                             : DType::Float32) {}

  int32_t sgd() { return minus(decayed(), scaledGradient()); }

  int32_t velocity() {
    return minus(scaled(number("momentum"), read("slot")), scaledGradient());
  }
  int32_t momentum() {
    int32_t step = velocity(), from = decayed();
    if (node.args.getBool("nesterov"))
      step = minus(scaled(number("momentum"), step), scaledGradient());
    return plus(from, step);
  }

  int32_t meanSquare() {
    return blend("rms", number("rho"), op(ScalarOp::Square, read("gradient")));
  }
  int32_t meanGradient() {
    return blend("mg", number("rho"), read("gradient"));
  }
  int32_t rmsStep() {
    int32_t spread = meanSquare();
    if (node.args.getBool("centered"))
      spread = minus(spread, op(ScalarOp::Square, meanGradient()));
    int32_t safe = plus(spread, e.constant(number("epsilon"), wide));
    int32_t step = times(scaledGradient(), op(ScalarOp::Rsqrt, safe));
    if (number("momentum") > 0)
      step = plus(scaled(number("momentum"), read("momentum")), step);
    return step;
  }
  int32_t rmsprop() { return minus(read("variable"), rmsStep()); }

  int32_t firstMoment() {
    return approach("m", read("gradient"), number("beta_1"));
  }
  int32_t secondMoment() {
    return approach("v", op(ScalarOp::Square, read("gradient")),
                    number("beta_2"));
  }
  int32_t adam() {
    int32_t one = e.constant(1, wide);
    int32_t count = plus(read("iterations"), one);
    auto left = [&](double beta) {
      int32_t base = e.constant(beta, wide);
      return minus(one, op(ScalarOp::Pow, base, count));
    };
    int32_t above = op(ScalarOp::Sqrt, left(number("beta_2")));
    int32_t below = left(number("beta_1"));
    int32_t rate =
        op(ScalarOp::Div, times(read("learning_rate"), above), below);
    int32_t root = op(ScalarOp::Sqrt, secondMoment());
    int32_t safe = plus(root, e.constant(number("epsilon"), wide));
    int32_t step = op(ScalarOp::Div, times(firstMoment(), rate), safe);
    return minus(decayed(), step);
  }

  /// Puts the expression into a step that writes an operand.
  void finish(std::string_view written, uint32_t condition) {
    Step &step = node.addStep(Kernel::Elementwise);
    step.condition = condition;
    e.finish(step, buffer(written));
  }

private:
  uint32_t buffer(std::string_view name) const {
    size_t count = node.operands.size();
    for (size_t i = 0; i < count; ++i) {
      const amp::OperandDef *def =
          node.args.def.operand(i, count, node.args.attrs);
      if (def && def->name == name)
        return node.operands[i];
    }
    return node.operands[0];
  }
  double number(std::string_view name) const {
    return node.args.has(name) ? node.args.getFloat(name) : 0.0;
  }
  /// An operand as wide as the arithmetic.
  int32_t read(std::string_view name) {
    int32_t value = e.load(buffer(name));
    bool fits = e.dtype(value) == wide ||
                (amp::isLow(e.dtype(value)) && wide == DType::Float32);
    return fits ? value : e.cast(value, wide);
  }
  int32_t op(ScalarOp which, int32_t a, int32_t b = -1) {
    return e.op(which, wide, a, b);
  }
  int32_t plus(int32_t a, int32_t b) { return op(ScalarOp::Add, a, b); }
  int32_t minus(int32_t a, int32_t b) { return op(ScalarOp::Sub, a, b); }
  int32_t times(int32_t a, int32_t b) { return op(ScalarOp::Mul, a, b); }
  int32_t scaled(double factor, int32_t a) {
    return times(e.constant(factor, wide), a);
  }
  int32_t scaledGradient() {
    int32_t rate = read("learning_rate");
    return times(rate, read("gradient"));
  }
  int32_t decayed() {
    int32_t value = read("variable");
    if (number("weight_decay") == 0)
      return value;
    int32_t rate = scaled(number("weight_decay"), read("learning_rate"));
    return minus(value, times(value, rate));
  }
  /// rho · old + (1 − rho) · now.
  int32_t blend(std::string_view slot, double rho, int32_t now) {
    int32_t old = scaled(rho, read(slot));
    return plus(old, scaled(1 - rho, now));
  }
  /// old + (1 − beta) · (now − old).
  int32_t approach(std::string_view slot, int32_t now, double beta) {
    int32_t old = read(slot);
    return plus(old, scaled(1 - beta, minus(now, old)));
  }

  NodeLowering &node;
  ExpressionBuilder e;
  DType wide;
};

using Formula = int32_t (Update::*)();

} // namespace

void amprt::planner::lowerWideOptimizer(NodeLowering &node, Kernel kernel,
                                        uint32_t condition) {
  auto write = [&](Formula formula, std::string_view operand) {
    Update update(node);
    (update.*formula)();
    update.finish(operand, condition);
  };
  switch (kernel) {
  case Kernel::ApplySgd:
    return write(&Update::sgd, "variable");
  case Kernel::ApplyMomentum:
    write(&Update::momentum, "variable");
    return write(&Update::velocity, "slot");
  case Kernel::ApplyRmsprop:
    write(&Update::rmsprop, "variable");
    if (node.args.getFloat("momentum") > 0)
      write(&Update::rmsStep, "momentum");
    if (node.args.getBool("centered"))
      write(&Update::meanGradient, "mg");
    return write(&Update::meanSquare, "rms");
  default:
    write(&Update::adam, "variable");
    write(&Update::firstMoment, "m");
    return write(&Update::secondMoment, "v");
  }
}

//===- Update.cpp - Updates of variables and loss scaling -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops that change variables and have no result, and the ops of loss scaling.
// None is in a type group: master weights, optimizer state and the scale stay
// as they are.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

#include <cmath>

namespace amp::opset {

namespace {

/// The value has the type of the variable, element type included.
Failure expectTypeOfVariable(const OpArgs &args, size_t operand) {
  const TensorType &variable = args.operands[0],
                   &value = args.operands[operand];
  if (value.dtype == variable.dtype && fits(value.shape, variable.shape))
    return ok;
  return failOperand(operand, "operand '", operandName(args, operand), "' is ",
                     value, ", expected ", variable,
                     ", the type of the variable");
}

/// Scalars are what their names say; all else has the type of the variable.
Failure inferUpdate(const OpArgs &args, Results &) {
  for (size_t i = 1; i < args.operands.size(); ++i) {
    std::string_view name = operandName(args, i);
    bool scalar =
        name == "learning_rate" || name == "iterations" || name == "condition";
    if (Failure failure =
            scalar ? expectRank(args, i, 0) : expectTypeOfVariable(args, i))
      return failure;
  }
  return ok;
}

bool isCentered(const OpArgs &args) { return args.getBool("centered"); }
bool hasMomentum(const OpArgs &args) { return args.getFloat("momentum") > 0; }

Failure inferScaled(const OpArgs &args, Results &results) {
  if (Failure failure = expectRank(args, 1, 0))
    return failure;
  return inferLikeFirst(args, results);
}

Failure inferAllFinite(const OpArgs &, Results &results) {
  results.push_back({DType::Bool, {}});
  return ok;
}

Failure inferUpdateLossScale(const OpArgs &args, Results &results) {
  for (size_t i = 0; i < args.operands.size(); ++i)
    if (Failure failure = expectRank(args, i, 0))
      return failure;
  double min = args.getFloat("min"), max = args.getFloat("max");
  if (std::isnan(max))
    return failAttr("max", "attribute 'max' is not a number");
  if (min > max)
    return failAttr("min", "attribute 'min' is ", min, ", more than 'max', ",
                    max);
  for (size_t i : {0, 1, 2})
    results.push_back(args.operands[i]);
  return ok;
}

AttrDef zeroToOne(std::string_view name, std::optional<double> value) {
  return within(floatAttr(name, value), 0, 1);
}

AttrDef written(AttrDef attr) {
  attr.alwaysWritten = true;
  return attr;
}

} // namespace

void addVariables(Table &table) {
  auto update = [&](std::string_view name, DTypes dtypes,
                    std::string_view doc) {
    Entry entry = table.op(name, Family::Variable, inferUpdate);
    entry.variable("variable", dtypes).update().doc(doc);
    return entry;
  };
  auto finish = [](Entry entry) {
    entry.side("learning_rate", DTypes::Float32)
        .side("gradient", DTypes::Floating)
        .side("condition", DTypes::Bool)
        .optional();
  };
  auto weightDecay = [](double value) {
    return within(floatAttr("weight_decay", value), 0);
  };
  auto epsilon = [] { return within(floatAttr("epsilon", 1e-7), 0); };

  update("assign", DTypes::Any, "variable = value.")
      .side("value", DTypes::Any)
      .side("condition", DTypes::Bool)
      .optional();
  update("assign_add", DTypes::Numeric, "variable += value.")
      .side("value", DTypes::Numeric)
      .side("condition", DTypes::Bool)
      .optional();
  constexpr auto floating = DTypes::Floating;
  finish(
      update("apply_sgd", floating, "Gradient descent.").attr(weightDecay(0)));
  finish(update("apply_momentum", floating,
                "Gradient descent with momentum, or Nesterov's.")
             .variable("slot")
             .attr(zeroToOne("momentum", std::nullopt))
             .attr(boolAttr("nesterov", false))
             .attr(weightDecay(0)));
  finish(update("apply_rmsprop", floating,
                "RMSprop; `mg` when `centered`, `momentum` when `momentum` is "
                "more than 0.")
             .variable("rms")
             .variable("mg")
             .optional(isCentered)
             .variable("momentum")
             .optional(hasMomentum)
             .attr(fraction(floatAttr("rho", 0.9)))
             .attr(zeroToOne("momentum", 0))
             .attr(epsilon())
             .attr(boolAttr("centered", false)));
  auto adam = [&](std::string_view name, std::string_view doc) {
    return update(name, floating, doc)
        .variable("m")
        .variable("v")
        .side("iterations", DTypes::Int64) // read, not updated
        .attr(fraction(floatAttr("beta_1", 0.9)))
        .attr(fraction(floatAttr("beta_2", 0.999)))
        .attr(epsilon());
  };
  finish(adam("apply_adam", "Adam; reads `iterations`, the steps before."));
  finish(adam("apply_adamw", "Adam with decoupled weight decay.")
             .attr(weightDecay(0.004)));
}

void addLossScale(Table &table) {
  table.op("scale_loss", Family::LossScale, inferScaled)
      .side("loss_gradient", DTypes::Float32)
      .side("scale", DTypes::Float32)
      .sideOut("scaled")
      .doc("loss_gradient · scale.");
  table.op("all_finite", Family::LossScale, inferAllFinite)
      .side("gradients", DTypes::Float32)
      .variadic()
      .sideOut("finite")
      .doc("Whether no element is infinite or NaN, a bool scalar.");
  table.op("unscale", Family::LossScale, inferScaled)
      .side("gradient", DTypes::Float32)
      .side("scale", DTypes::Float32)
      .sideOut("unscaled")
      .doc("gradient · (1 / scale).");
  table.op("update_loss_scale", Family::LossScale, inferUpdateLossScale)
      .side("scale", DTypes::Float32)
      .side("good_steps", DTypes::Int32)
      .side("bad_steps", DTypes::Int32)
      .side("finite", DTypes::Bool)
      .attr(written(within(intAttr("growth_steps", std::nullopt), 1)))
      .attr(written(within(floatAttr("growth", std::nullopt), 1)))
      .attr(written(zeroToOne("backoff", std::nullopt)))
      .attr(written(within(floatAttr("min", std::nullopt), 0)))
      .attr(written(within(nonFinite(floatAttr("max", std::nullopt)), 0)))
      .attr(written(within(intAttr("decrease_every", std::nullopt), 1)))
      .sideOut("scale")
      .sideOut("good_steps")
      .sideOut("bad_steps")
      .doc("The new scale and counters after a good or a bad step.");
}

} // namespace amp::opset

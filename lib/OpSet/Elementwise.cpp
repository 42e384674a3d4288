//===- Elementwise.cpp - Values, unary, binary and random ops -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops that work on each element alone, and their backward ops.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"

#include <cmath>

namespace amp::opset {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

namespace {

Failure inferIota(const OpArgs &args, Results &results) {
  TensorType type{args.getDType("dtype"), args.getDims("shape")};
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", type.shape.size(), axis))
    return failure;
  if (type.dtype == DType::Bool)
    return failAttr("dtype", "attribute 'dtype' is bool, expected a number");
  results.push_back(std::move(type));
  return ok;
}

/// The least finite number that rounds to infinity in a floating type: half a
/// step beyond the largest.
double overflowBound(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return 65520.0;
  case DType::BFloat16:
    return std::ldexp(511.0, 119);
  case DType::Float32:
    return std::ldexp(33554431.0, 103);
  default:
    return anyMax;
  }
}

Failure checkElements(const Literal &literal, DType dtype) {
  if (isFloating(dtype)) {
    double bound = overflowBound(dtype);
    for (double value : literal.floats)
      if (std::isfinite(value) && std::fabs(value) >= bound)
        return failAttr("value", value, " becomes infinite in ", dtype);
    return ok;
  }
  auto [least, most] = integerRange(dtype);
  for (int64_t value : literal.ints)
    if (value < least || value > most)
      return failAttr("value", value, " does not fit ", dtype);
  return ok;
}

Failure checkLiteral(const Literal &literal, const TensorType &type) {
  if (!literal.weights.empty())
    return ok;
  bool floating = isFloating(type.dtype);
  if (floating ? !literal.ints.empty() : !literal.floats.empty())
    return failAttr("value", "the elements of a ", type.dtype, " constant are ",
                    floating ? "real" : "integer", " numbers");
  size_t count = floating ? literal.floats.size() : literal.ints.size();
  if (literal.splat) {
    if (count != 1)
      return failAttr("value", "attribute 'value' holds ", count,
                      " elements, expected one for all");
    return checkElements(literal, type.dtype);
  }
  Shape nesting;
  for (int64_t size : literal.nesting)
    nesting.push_back(Dim::fixed(size));
  if (nesting.size() > 1 && nesting != type.shape)
    return failAttr("value", "attribute 'value' has the sizes ", nesting,
                    ", expected ", type.shape);
  int64_t expected = 1;
  for (const Dim &dim : type.shape)
    if (!multiply(expected, dim.size()))
      return failAttr("shape", "the number of elements does not fit 64 bits");
  if (int64_t(count) != expected)
    return failAttr("value", "attribute 'value' holds ", count,
                    " elements, expected ", expected, " for the shape ",
                    type.shape);
  return checkElements(literal, type.dtype);
}

Failure inferConstant(const OpArgs &args, Results &results) {
  TensorType type{args.getDType("dtype"), args.getDims("shape")};
  const auto *literal =
      std::get_if<std::shared_ptr<const Literal>>(args.get("value"));
  // A caller that holds the elements elsewhere passes no literal.
  if (literal && *literal)
    if (Failure failure = checkLiteral(**literal, type))
      return failure;
  results.push_back(std::move(type));
  return ok;
}

Failure inferCast(const OpArgs &args, Results &results) {
  results.push_back({args.getDType("to"), args.operands[0].shape});
  return ok;
}

} // namespace

void addValues(Table &table) {
  table.op("iota", Family::Values, inferIota)
      .attr(dimsAttr("shape"))
      .attr(intAttr("axis", std::nullopt))
      .attr(dtypeAttr("dtype", std::nullopt))
      .sideOut("y")
      .doc("0, 1, 2, … along an axis.");
  table.op("constant", Family::Values, inferConstant)
      .attr(dtypeAttr("dtype", std::nullopt))
      .attr(dimsAttr("shape"))
      .attr({"value", AttrKind::Value, std::nullopt})
      .sideOut("y")
      .doc("`value` is one number for all elements, a nested or flat list, or "
           "`{\"weights\": \"entry\"}`.");
  table.op("identity", Family::Values, inferLikeFirst)
      .in("x", DTypes::Any)
      .out()
      .gradient("the gradient itself")
      .doc("x.");
  table.op("cast", Family::Values, inferCast)
      .side("x", DTypes::Any)
      .attr(dtypeAttr("to", std::nullopt))
      .sideOut("y")
      .gradient("cast")
      .doc("x with another dtype. A float to integer cast truncates; a number "
           "to bool cast is x ≠ 0.");
  table.op("stop_gradient", Family::Values, inferLikeFirst)
      .in("x", DTypes::Any)
      .out()
      .doc("x; no gradient flows back.");
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

namespace {

Failure inferPredicate(const OpArgs &args, Results &results) {
  results.push_back({DType::Bool, args.operands[0].shape});
  return ok;
}

Failure inferClip(const OpArgs &args, Results &results) {
  double min = args.getFloat("min"), max = args.getFloat("max");
  for (std::string_view name : {"min", "max"}) {
    double bound = args.getFloat(name);
    if (std::isnan(bound))
      return failAttr(name, "attribute '", name, "' is not a number");
    if (std::isinf(bound))
      continue;
    if (Failure failure = expectFitting(name, bound, args.operands[0].dtype))
      return failure;
  }
  if (min > max)
    return failAttr("min", "attribute 'min' is ", min, ", more than 'max', ",
                    max);
  return inferLikeFirst(args, results);
}

struct UnaryOp {
  std::string_view name, doc;
  DTypes dtypes = DTypes::Floating;
  /// Of what the gradient is made; the name of the backward op when it ends
  /// in "_grad"; empty when no gradient flows.
  std::string_view gradient = {};
};

constexpr UnaryOp unaryOps[] = {
    {"neg", "−x.", DTypes::Numeric, "neg"},
    {"abs", "|x|.", DTypes::Numeric, "abs_grad"},
    {"sign", "−1, 0 or 1; the gradient is zero.", DTypes::Numeric},
    {"exp", "eˣ.", DTypes::Floating, "exp_grad"},
    {"expm1", "eˣ − 1.", DTypes::Floating, "expm1_grad"},
    {"log", "ln x.", DTypes::Floating, "log_grad"},
    {"log1p", "ln (1 + x).", DTypes::Floating, "log1p_grad"},
    {"sqrt", "√x.", DTypes::Floating, "sqrt_grad"},
    {"rsqrt", "1 / √x.", DTypes::Floating, "rsqrt_grad"},
    {"reciprocal", "1 / x.", DTypes::Floating, "reciprocal_grad"},
    {"square", "x².", DTypes::Numeric, "square_grad"},
    {"sin", "sin x.", DTypes::Floating, "sin_grad"},
    {"cos", "cos x.", DTypes::Floating, "cos_grad"},
    {"tanh", "tanh x.", DTypes::Floating, "tanh_grad"},
    {"sigmoid", "1 / (1 + e⁻ˣ).", DTypes::Floating, "sigmoid_grad"},
    {"relu", "max(x, 0).", DTypes::Numeric, "relu_grad"},
    {"relu6", "min(max(x, 0), 6).", DTypes::Numeric, "relu6_grad"},
    {"silu", "x · sigmoid(x).", DTypes::Floating, "silu_grad"},
    {"softplus", "ln (1 + eˣ).", DTypes::Floating, "softplus_grad"},
    {"erf", "The error function.", DTypes::Floating, "erf_grad"},
    {"floor", "The integer at or below; the gradient is zero."},
    {"ceil", "The integer at or above; the gradient is zero."},
    {"round", "The nearest integer, half to even; the gradient is zero."},
};

} // namespace

void addUnary(Table &table) {
  auto unary = [&](const UnaryOp &op, TypeRule infer = inferLikeFirst) {
    Entry entry = table.op(op.name, Family::Unary, infer);
    entry.in("x", op.dtypes).out().doc(op.doc);
    if (!op.gradient.empty())
      entry.gradient(op.gradient);
    return entry;
  };
  auto grad = [&](std::string_view name, std::string_view forward,
                  TypeRule infer = inferGradients<inferLikeFirst, 1>) {
    table.grad(name, forward, infer).out("x_gradient");
  };

  for (const UnaryOp &op : unaryOps) {
    unary(op);
    if (op.gradient.size() > op.name.size())
      grad(op.gradient, op.name);
  }
  table.op("is_finite", Family::Unary, inferPredicate)
      .in("x")
      .sideOut("y")
      .doc("False for infinities and NaN.");
  table.op("logical_not", Family::Unary, inferPredicate)
      .side("x", DTypes::Bool)
      .sideOut("y")
      .doc("not x.");
  unary({"gelu",
         "x · Φ(x), Φ the normal distribution; by its tanh formula when "
         "`approximate`.",
         DTypes::Floating, "gelu_grad"})
      .attr(boolAttr("approximate", false));
  unary(
      {"elu", "x, or alpha · (eˣ − 1) below 0.", DTypes::Floating, "elu_grad"})
      .attr(floatAttr("alpha", 1.0));
  unary({"leaky_relu", "x, or alpha · x below 0.", DTypes::Floating,
         "leaky_relu_grad"})
      .attr(floatAttr("alpha", 0.2));
  unary({"clip", "min(max(x, min), max).", DTypes::Numeric, "clip_grad"},
        inferClip)
      .attr(nonFinite(floatAttr("min", std::nullopt)))
      .attr(nonFinite(floatAttr("max", std::nullopt)));
  grad("gelu_grad", "gelu");
  grad("elu_grad", "elu");
  grad("leaky_relu_grad", "leaky_relu");
  grad("clip_grad", "clip", inferGradients<inferClip, 1>);
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

namespace {

Failure inferComparison(const OpArgs &args, Results &results) {
  TensorType type{DType::Bool, {}};
  if (Failure failure = broadcastOperands(args, 0, type.shape))
    return failure;
  results.push_back(std::move(type));
  return ok;
}

Failure inferWhere(const OpArgs &args, Results &results) {
  TensorType type{args.operands[1].dtype, {}};
  if (Failure failure = broadcastOperands(args, 0, type.shape))
    return failure;
  results.push_back(std::move(type));
  return ok;
}

/// The gradients of both operands before their broadcast axes are summed; that
/// is what `sum_to` is for.
Failure inferBroadcastGrad(const OpArgs &args, Results &results) {
  if (Failure failure = expectGradientOf(inferBroadcast, args))
    return failure;
  results.push_back(args.operands[0]);
  results.push_back(args.operands[0]);
  return ok;
}

} // namespace

void addBinary(Table &table) {
  auto binary = [&](std::string_view name, DTypes dtypes, std::string_view how,
                    std::string_view doc) {
    table.op(name, Family::Binary, inferBroadcast)
        .in("a", dtypes)
        .in("b", dtypes)
        .out()
        .gradient(how)
        .doc(doc);
  };
  binary("add", DTypes::Numeric, "the gradient itself, sum_to", "a + b.");
  binary("sub", DTypes::Numeric, "the gradient itself, neg, sum_to", "a − b.");
  binary("mul", DTypes::Numeric, "mul, sum_to", "a · b.");
  binary("div", DTypes::Numeric, "div_grad, sum_to",
         "a / b; of integers the quotient is truncated.");
  binary("pow", DTypes::Numeric, "pow_grad, sum_to", "aᵇ.");
  binary("maximum", DTypes::Numeric, "maximum_grad, sum_to",
         "The larger one; NaN if either is NaN.");
  binary("minimum", DTypes::Numeric, "minimum_grad, sum_to",
         "The smaller one; NaN if either is NaN.");

  auto comparison = [&](std::string_view name, DTypes dtypes,
                        std::string_view doc) {
    table.op(name, Family::Binary, inferComparison)
        .in("a", dtypes)
        .in("b", dtypes)
        .sideOut("y")
        .doc(doc);
  };
  comparison("equal", DTypes::Any, "a = b.");
  comparison("not_equal", DTypes::Any, "a ≠ b.");
  comparison("less", DTypes::Numeric, "a < b.");
  comparison("less_equal", DTypes::Numeric, "a ≤ b.");
  comparison("greater", DTypes::Numeric, "a > b.");
  comparison("greater_equal", DTypes::Numeric, "a ≥ b.");

  auto logical = [&](std::string_view name, std::string_view doc) {
    table.op(name, Family::Binary, inferComparison)
        .side("a", DTypes::Bool)
        .side("b", DTypes::Bool)
        .sideOut("y")
        .doc(doc);
  };
  logical("logical_and", "a and b.");
  logical("logical_or", "a or b.");

  table.op("where", Family::Binary, inferWhere)
      .side("condition", DTypes::Bool)
      .in("a", DTypes::Any)
      .in("b", DTypes::Any)
      .out()
      .gradient("where with a zero constant, sum_to")
      .doc("a where the condition holds, else b.");
  table.op("add_n", Family::Binary, inferLikeAll)
      .in("values", DTypes::Numeric)
      .variadic()
      .out()
      .gradient("the gradient itself")
      .doc("The sum of values of one shape.");

  for (auto [name, forward] :
       {std::pair<std::string_view, std::string_view>{"div_grad", "div"},
        {"pow_grad", "pow"},
        {"maximum_grad", "maximum"},
        {"minimum_grad", "minimum"}}) {
    Entry entry = table.grad(name, forward, inferBroadcastGrad);
    entry.out("a_gradient").out("b_gradient");
    if (forward == "maximum" || forward == "minimum")
      entry.doc("Where both are equal, a takes the gradient.");
    else
      entry.doc("Both in the broadcast shape; `sum_to` follows.");
  }
}

//===----------------------------------------------------------------------===//
// Random
//===----------------------------------------------------------------------===//

void addRandom(Table &table) {
  table.op("dropout", Family::Random, inferLikeFirst)
      .in("x")
      .attr(fraction(floatAttr("rate", std::nullopt)))
      .attr(intAttr("seed", std::nullopt))
      .attr(boolAttr("training", false))
      .out()
      .gradient("dropout_grad")
      .doc("x; with `training`, zero with probability `rate` and x / (1 − "
           "rate) else, another mask at each step.");
  table.grad("dropout_grad", "dropout", inferGradients<inferLikeFirst, 1>)
      .shapeOnly("x")
      .out("x_gradient")
      .doc("With the mask of the forward op of the same seed, its `origin`.");
}

} // namespace amp::opset

//===- LowerElementwise.cpp - Lowering: element-wise ops ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One table of names for all unary and binary ops, and the few that are more
// than one scalar operation.
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace amprt;
using namespace amprt::planner;

namespace {

struct NamedOp {
  std::string_view name;
  ScalarOp op;
};

constexpr NamedOp kUnary[] = {
    {"neg", ScalarOp::Neg},           {"abs", ScalarOp::Abs},
    {"sign", ScalarOp::Sign},         {"exp", ScalarOp::Exp},
    {"expm1", ScalarOp::Expm1},       {"log", ScalarOp::Log},
    {"log1p", ScalarOp::Log1p},       {"sqrt", ScalarOp::Sqrt},
    {"rsqrt", ScalarOp::Rsqrt},       {"reciprocal", ScalarOp::Reciprocal},
    {"square", ScalarOp::Square},     {"sin", ScalarOp::Sin},
    {"cos", ScalarOp::Cos},           {"tanh", ScalarOp::Tanh},
    {"sigmoid", ScalarOp::Sigmoid},   {"relu", ScalarOp::Relu},
    {"relu6", ScalarOp::Relu6},       {"silu", ScalarOp::Silu},
    {"softplus", ScalarOp::Softplus}, {"erf", ScalarOp::Erf},
    {"floor", ScalarOp::Floor},       {"ceil", ScalarOp::Ceil},
    {"round", ScalarOp::Round},       {"is_finite", ScalarOp::IsFinite},
    {"logical_not", ScalarOp::Not},
};

constexpr NamedOp kBinary[] = {
    {"add", ScalarOp::Add},
    {"sub", ScalarOp::Sub},
    {"mul", ScalarOp::Mul},
    {"div", ScalarOp::Div},
    {"pow", ScalarOp::Pow},
    {"maximum", ScalarOp::Max},
    {"minimum", ScalarOp::Min},
    {"equal", ScalarOp::Equal},
    {"not_equal", ScalarOp::NotEqual},
    {"less", ScalarOp::Less},
    {"less_equal", ScalarOp::LessEqual},
    {"greater", ScalarOp::Greater},
    {"greater_equal", ScalarOp::GreaterEqual},
    {"logical_and", ScalarOp::And},
    {"logical_or", ScalarOp::Or},
    {"scale_loss", ScalarOp::Mul},
};

template <size_t N>
std::optional<ScalarOp> find(const NamedOp (&table)[N], std::string_view name) {
  for (const NamedOp &entry : table)
    if (entry.name == name)
      return entry.op;
  return std::nullopt;
}

/// Adds the step of an expression whose last instruction is the result.
bool finish(NodeLowering &node, ExpressionBuilder &expression) {
  Step &step = node.addStep(Kernel::Elementwise);
  expression.finish(step, node.addResult());
  return true;
}

bool lowerUnary(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  int32_t x = e.load(node.operands[0]);
  e.op(*find(kUnary, node.node.op), node.types[0].dtype, x);
  finish(node, e);
  if (node.node.op == "relu")
    node.builder.reluOf[node.operands[0]] = node.results[0];
  return true;
}

bool lowerBinary(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  int32_t a = e.load(node.operands[0]), b = e.load(node.operands[1]);
  e.op(*find(kBinary, node.node.op), node.types[0].dtype, a, b);
  return finish(node, e);
}

bool lowerGelu(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  e.op(node.args.getBool("approximate") ? ScalarOp::GeluTanh : ScalarOp::Gelu,
       node.types[0].dtype, e.load(node.operands[0]));
  return finish(node, e);
}

bool lowerElu(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  e.op(node.node.op == "elu" ? ScalarOp::Elu : ScalarOp::LeakyRelu,
       node.types[0].dtype, e.load(node.operands[0]), -1, -1,
       node.args.getFloat("alpha"));
  return finish(node, e);
}

bool lowerClip(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  DType dtype = node.types[0].dtype;
  int32_t x = e.load(node.operands[0]);
  int32_t low = e.constant(node.args.getFloat("min"), dtype);
  int32_t raised = e.op(ScalarOp::Max, dtype, x, low);
  int32_t high = e.constant(node.args.getFloat("max"), dtype);
  e.op(ScalarOp::Min, dtype, raised, high);
  return finish(node, e);
}

bool lowerCast(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  e.op(ScalarOp::Cast, node.types[0].dtype, e.load(node.operands[0]));
  return finish(node, e);
}

bool lowerWhere(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  int32_t condition = e.load(node.operands[0]);
  int32_t a = e.load(node.operands[1]), b = e.load(node.operands[2]);
  e.op(ScalarOp::Where, node.types[0].dtype, condition, a, b);
  return finish(node, e);
}

/// Sums in groups, so that no expression grows with the number of operands.
bool lowerAddN(NodeLowering &node) {
  constexpr size_t group = 6;
  DType dtype = node.types[0].dtype;
  size_t next = 0, count = node.operands.size();
  std::optional<uint32_t> sum;
  while (true) {
    ExpressionBuilder e(node.builder);
    int32_t total = e.load(sum ? *sum : node.operands[next++]);
    size_t end = std::min(count, next + group);
    for (; next < end; ++next) {
      int32_t x = e.load(node.operands[next]);
      total = e.op(ScalarOp::Add, dtype, total, x);
    }
    if (next == count)
      return finish(node, e);
    sum = node.addTemporary(amp::isLow(dtype) ? DType::Float32 : dtype,
                            node.resultDims());
    e.finish(node.addStep(Kernel::Elementwise), *sum);
  }
}

bool lowerReluGrad(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  // relu(x) > 0 where x > 0: looking at the result leaves x without a second
  // reader, so that its product can apply ReLU as it stores.
  uint32_t x = node.operands[1];
  if (auto found = node.builder.reluOf.find(x);
      found != node.builder.reluOf.end())
    x = found->second;
  int32_t gradient = e.load(node.operands[0]), value = e.load(x);
  e.op(ScalarOp::ReluGrad, node.types[0].dtype, gradient, value);
  return finish(node, e);
}

/// gradient · (1 / scale), as the format defines it.
bool lowerUnscale(NodeLowering &node) {
  ExpressionBuilder e(node.builder);
  int32_t gradient = e.load(node.operands[0]), scale = e.load(node.operands[1]);
  int32_t inverse = e.op(ScalarOp::Reciprocal, DType::Float32, scale);
  e.op(ScalarOp::Mul, DType::Float32, gradient, inverse);
  return finish(node, e);
}

} // namespace

void amprt::planner::addElementwiseLowerings(LoweringTable &table) {
  for (const NamedOp &entry : kUnary)
    table[entry.name] = lowerUnary;
  for (const NamedOp &entry : kBinary)
    table[entry.name] = lowerBinary;
  table["gelu"] = lowerGelu;
  table["elu"] = table["leaky_relu"] = lowerElu;
  table["clip"] = lowerClip;
  table["cast"] = lowerCast;
  table["where"] = lowerWhere;
  table["add_n"] = lowerAddN;
  table["relu_grad"] = lowerReluGrad;
  table["unscale"] = lowerUnscale;
}

//===- GradientRules.cpp - Gradients of the graph ops ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One rule serves every op that has backward ops of its own in the op table;
// the ops whose gradients are made of other ops have a rule each. Attached to
// the ops of the dialect by name.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Dialect/Graph/Transforms/DifferentiableOpInterface.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

using Gradients = ArrayRef<Value>;
using OperandGradients = MutableArrayRef<Value>;
using Rule = LogicalResult (*)(GradientBuilder &, Gradients, OperandGradients);

StringRef str(std::string_view text) { return {text.data(), text.size()}; }

bool flag(Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<BoolAttr>(name);
  return attr && attr.getValue();
}

/// A bool attribute, absent when false as everywhere in graph files.
void addFlag(SmallVectorImpl<NamedAttribute> &attrs, Builder &builder,
             StringRef name, bool value) {
  if (value)
    attrs.push_back(builder.getNamedAttr(name, builder.getBoolAttr(true)));
}

//===----------------------------------------------------------------------===//
// Ops with backward ops of their own
//===----------------------------------------------------------------------===//

constexpr StringLiteral kGradientSuffix = "_gradient";

/// The operand of `forward` whose gradient this result is: it is named
/// OPERAND_gradient.
std::optional<unsigned> operandOf(Operation *forward, const OpDef &forwardDef,
                                  const ResultDef &result) {
  StringRef name = str(result.name);
  if (!name.consume_back(kGradientSuffix))
    return std::nullopt;
  unsigned count = forward->getNumOperands();
  for (unsigned i = 0; i < count; ++i) {
    const OperandDef *operand = forwardDef.operand(i, count);
    if (operand && str(operand->name) == name)
      return i;
  }
  return std::nullopt;
}

/// Builds `backward` of the node that the builder stands at; its operands are
/// the gradient and those operands of the forward op that it names.
Operation *buildBackward(GradientBuilder &b, const OpDef &backward,
                         const OpDef &forwardDef, Value gradient,
                         const Twine &suffix) {
  Operation *forward = b.getForward();
  unsigned count = forward->getNumOperands();
  SmallVector<Value> operands = {gradient};
  for (unsigned i = 0; i < count; ++i) {
    const OperandDef *operand = forwardDef.operand(i, count);
    bool taken =
        operand && llvm::any_of(ArrayRef(backward.operands).drop_front(),
                                [&](const OperandDef &other) {
                                  return other.name == operand->name;
                                });
    if (taken)
      operands.push_back(forward->getOperand(i));
  }
  SmallVector<NamedAttribute> attrs;
  for (const AttrDef &attr : backward.attrs)
    if (Attribute value = forward->getAttr(str(attr.name)))
      attrs.push_back(b.getBuilder().getNamedAttr(str(attr.name), value));
  return b.create(str(backward.name), suffix, operands, attrs);
}

/// The backward ops of an op.
ArrayRef<const OpDef *> backwardOpsOf(const OpDef &forward) {
  using Table = llvm::DenseMap<const OpDef *, SmallVector<const OpDef *, 2>>;
  static const Table table = [] {
    Table result;
    for (const OpDef &op : allOps())
      if (const OpDef *of = op.forward.empty() ? nullptr : findOp(op.forward))
        result[of].push_back(&op);
    return result;
  }();
  auto found = table.find(&forward);
  if (found == table.end())
    return {};
  return found->second;
}

/// Every backward op of the op table that names this op as its forward op.
/// Results in the shape of the broadcast operands are summed to theirs.
LogicalResult tableRule(GradientBuilder &b, Gradients gradients,
                        OperandGradients results) {
  Operation *forward = b.getForward();
  const OpDef *def = findOp(forward->getName().stripDialect());
  if (!def || !gradients[0])
    return forward->emitError("the loss depends on another result than the "
                              "first, which has no gradient rule");
  for (size_t i = 1; i < gradients.size(); ++i)
    if (gradients[i])
      return forward->emitError("the loss depends on result ")
             << i << " of this node, which has no gradient rule";

  ArrayRef<const OpDef *> backward = backwardOpsOf(*def);
  for (const OpDef *candidate : backward) {
    bool needed = false;
    for (const ResultDef &result : candidate->results) {
      std::optional<unsigned> operand = operandOf(forward, *def, result);
      needed |= operand && b.wants(*operand);
    }
    if (!needed)
      continue;
    std::string suffix = "grad";
    if (backward.size() > 1) {
      StringRef result = str(candidate->results.front().name);
      result.consume_back(kGradientSuffix);
      suffix += ("_" + result).str();
    }
    Operation *node = buildBackward(b, *candidate, *def, gradients[0], suffix);
    if (!node)
      return failure();
    for (unsigned i = 0; i < node->getNumResults(); ++i) {
      std::optional<unsigned> operand =
          operandOf(forward, *def, candidate->result(i));
      if (!operand || !b.wants(*operand))
        continue;
      results[*operand] = b.sumTo(node->getResult(i), *operand);
      if (!results[*operand])
        return failure();
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Ops whose gradients are other ops
//===----------------------------------------------------------------------===//

/// y = a · b with a and b as they are or transposed: each gradient is one
/// product with the transposes set, whatever they were.
LogicalResult matmulRule(GradientBuilder &b, Gradients gradients,
                         OperandGradients results) {
  Operation *op = b.getForward();
  Value a = op->getOperand(0), c = op->getOperand(1), g = gradients[0];
  bool ta = flag(op, "transpose_a"), tb = flag(op, "transpose_b");
  auto product = [&](StringRef suffix, Value left, bool transposeLeft,
                     Value right, bool transposeRight) {
    SmallVector<NamedAttribute, 2> attrs;
    addFlag(attrs, b.getBuilder(), "transpose_a", transposeLeft);
    addFlag(attrs, b.getBuilder(), "transpose_b", transposeRight);
    return b.createValue("matmul", suffix, {left, right}, attrs);
  };
  if (b.wants(0))
    results[0] = b.sumTo(ta ? product("grad_a", c, tb, g, true)
                            : product("grad_a", g, false, c, !tb),
                         0);
  if (b.wants(1))
    results[1] = b.sumTo(tb ? product("grad_b", g, true, a, ta)
                            : product("grad_b", a, !ta, g, false),
                         1);
  return success();
}

LogicalResult biasAddRule(GradientBuilder &b, Gradients gradients,
                          OperandGradients results) {
  results[0] = gradients[0];
  if (!b.wants(1))
    return success();
  SmallVector<NamedAttribute, 1> attrs;
  if (Attribute axis = b.getForward()->getAttr("axis"))
    attrs.push_back(b.getBuilder().getNamedAttr("axis", axis));
  results[1] = b.createValue("bias_add_grad", "grad_bias", gradients[0], attrs);
  return success();
}

/// identity and add_n hand the gradient to every operand.
LogicalResult passRule(GradientBuilder &, Gradients gradients,
                       OperandGradients results) {
  llvm::fill(results, gradients[0]);
  return success();
}

LogicalResult castRule(GradientBuilder &b, Gradients gradients,
                       OperandGradients results) {
  Builder &builder = b.getBuilder();
  Type type = getElementTypeOrSelf(b.getForward()->getOperand(0));
  results[0] = b.createValue("cast", "grad", gradients[0],
                             builder.getNamedAttr("to", TypeAttr::get(type)));
  return success();
}

LogicalResult addRule(GradientBuilder &b, Gradients gradients,
                      OperandGradients results) {
  for (unsigned i : {0, 1})
    if (b.wants(i))
      results[i] = b.sumTo(gradients[0], i);
  return success();
}

LogicalResult subRule(GradientBuilder &b, Gradients gradients,
                      OperandGradients results) {
  if (b.wants(0))
    results[0] = b.sumTo(gradients[0], 0);
  if (!b.wants(1))
    return success();
  // Summed first: the negation is then of the smaller value.
  Value sum = b.sumTo(gradients[0], 1);
  results[1] = sum ? b.createValue("neg", "grad_b", sum) : Value();
  return success();
}

LogicalResult mulRule(GradientBuilder &b, Gradients gradients,
                      OperandGradients results) {
  Operation *op = b.getForward();
  for (unsigned i : {0, 1}) {
    if (!b.wants(i))
      continue;
    Value product = b.createValue("mul", "grad_" + b.operandName(i),
                                  {gradients[0], op->getOperand(1 - i)});
    results[i] = b.sumTo(product, i);
  }
  return success();
}

LogicalResult negRule(GradientBuilder &b, Gradients gradients,
                      OperandGradients results) {
  results[0] = b.createValue("neg", "grad", gradients[0]);
  return success();
}

LogicalResult broadcastToRule(GradientBuilder &b, Gradients gradients,
                              OperandGradients results) {
  results[0] = b.sumTo(gradients[0], 0);
  return success();
}

/// expand_dims, squeeze and reshape: the elements keep their order.
LogicalResult reshapeRule(GradientBuilder &b, Gradients gradients,
                          OperandGradients results) {
  results[0] = b.createValue("reshape_grad", "grad",
                             {gradients[0], b.getForward()->getOperand(0)});
  return success();
}

LogicalResult transposeRule(GradientBuilder &b, Gradients gradients,
                            OperandGradients results) {
  auto perm = b.getForward()->getAttrOfType<DenseI64ArrayAttr>("perm");
  int64_t rank = perm ? perm.size() : 0;
  SmallVector<int64_t> inverse(rank);
  for (int64_t i = 0; i < rank; ++i) {
    int64_t axis = perm[i] < 0 ? perm[i] + rank : perm[i];
    inverse[axis] = i;
  }
  Builder &builder = b.getBuilder();
  results[0] = b.createValue(
      "transpose", "grad", gradients[0],
      builder.getNamedAttr("perm", builder.getDenseI64ArrayAttr(inverse)));
  return success();
}

/// The targets of a squared error take the negated gradient of the predictions.
LogicalResult meanSquaredErrorRule(GradientBuilder &b, Gradients gradients,
                                   OperandGradients results) {
  const OpDef *forward = findOp("mean_squared_error");
  const OpDef *backward = findOp("mean_squared_error_grad");
  Operation *node = buildBackward(b, *backward, *forward, gradients[0], "grad");
  if (!node)
    return failure();
  results[0] = node->getResult(0);
  if (b.wants(1))
    results[1] = b.createValue("neg", "grad_targets", results[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// Ops that join, part and select
//===----------------------------------------------------------------------===//

LogicalResult concatRule(GradientBuilder &b, Gradients gradients,
                         OperandGradients results) {
  Operation *op = b.getForward();
  SmallVector<Value> operands = {gradients[0]};
  llvm::append_range(operands, op->getOperands());
  Operation *node =
      b.create("concat_grad", "grad", operands,
               b.getBuilder().getNamedAttr("axis", op->getAttr("axis")));
  if (!node)
    return failure();
  llvm::copy(node->getResults(), results.begin());
  return success();
}

/// The gradients of the parts, joined. A part that the loss does not depend on
/// is zero: its neighbour is padded to cover it.
LogicalResult splitRule(GradientBuilder &b, Gradients gradients,
                        OperandGradients results) {
  Operation *op = b.getForward();
  Builder &builder = b.getBuilder();
  auto sizes = op->getAttrOfType<DenseI64ArrayAttr>("sizes");
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  if (!sizes || !axis)
    return failure();
  int64_t rank = cast<RankedTensorType>(op->getOperand(0).getType()).getRank();
  int64_t position = axis.getInt() < 0 ? axis.getInt() + rank : axis.getInt();
  SmallVector<Value> parts;
  int64_t before = 0; // zeros in front of the next part
  size_t last = gradients.size();
  while (last > 0 && !gradients[last - 1])
    --last;
  for (size_t i = 0; i < last; ++i) {
    if (!gradients[i]) {
      before += sizes[i];
      continue;
    }
    int64_t after = 0;
    if (i + 1 == last)
      for (size_t j = last; j < gradients.size(); ++j)
        after += sizes[j];
    Value part = gradients[i];
    if (before || after) {
      SmallVector<int64_t> paddings(2 * rank);
      paddings[2 * position] = before;
      paddings[2 * position + 1] = after;
      part = b.createValue(
          "pad", "grad/" + Twine(i), part,
          builder.getNamedAttr("paddings",
                               builder.getDenseI64ArrayAttr(paddings)));
      if (!part)
        return failure();
    }
    parts.push_back(part);
    before = 0;
  }
  results[0] = parts.size() == 1
                   ? parts.front()
                   : b.createValue("concat", "grad", parts,
                                   builder.getNamedAttr("axis", axis));
  return success();
}

/// One split, and the axis of each part removed.
LogicalResult stackRule(GradientBuilder &b, Gradients gradients,
                        OperandGradients results) {
  Operation *op = b.getForward();
  Builder &builder = b.getBuilder();
  Attribute axis = op->getAttr("axis");
  SmallVector<int64_t> ones(op->getNumOperands(), 1);
  NamedAttribute attrs[] = {
      builder.getNamedAttr("axis", axis),
      builder.getNamedAttr("sizes", builder.getDenseI64ArrayAttr(ones))};
  Operation *node = b.create("split", "grad", gradients[0], attrs);
  if (!node)
    return failure();
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    if (!b.wants(i))
      continue;
    results[i] = b.createValue("reshape_grad", "grad/" + Twine(i),
                               {node->getResult(i), op->getOperand(i)});
    if (!results[i])
      return failure();
  }
  return success();
}

/// Each value takes the gradient where it was taken, and zero elsewhere: a
/// product with the condition would make NaN of an infinite gradient.
LogicalResult whereRule(GradientBuilder &b, Gradients gradients,
                        OperandGradients results) {
  Operation *op = b.getForward();
  Builder &builder = b.getBuilder();
  Type element = getElementTypeOrSelf(gradients[0].getType());
  auto scalar = RankedTensorType::get({}, element);
  Value zero = b.createValue(
      "constant", "grad/zero", {},
      builder.getNamedAttr(
          "value",
          DenseElementsAttr::get(scalar, builder.getFloatAttr(element, 0))));
  if (!zero)
    return failure();
  Value condition = op->getOperand(0), g = gradients[0];
  for (unsigned i : {1, 2}) {
    if (!b.wants(i))
      continue;
    Value a = i == 1 ? g : zero, c = i == 1 ? zero : g;
    results[i] = b.sumTo(
        b.createValue("where", "grad_" + b.operandName(i), {condition, a, c}),
        i);
    if (!results[i])
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Attaching
//===----------------------------------------------------------------------===//

template <Rule rule>
struct RuleModel : DifferentiableOpInterface::FallbackModel<RuleModel<rule>> {
  LogicalResult buildGradients(Operation *, GradientBuilder &builder,
                               Gradients resultGradients,
                               OperandGradients operandGradients) const {
    return rule(builder, resultGradients, operandGradients);
  }
};

template <Rule rule> void attach(StringRef op, MLIRContext *context) {
  std::optional<RegisteredOperationName> name =
      RegisteredOperationName::lookup(("graph." + op).str(), context);
  if (name)
    name->attachInterface<RuleModel<rule>>();
}

/// The ops whose gradients are made of other ops of the table.
constexpr struct {
  StringLiteral op;
  void (*attach)(StringRef, MLIRContext *);
} kRules[] = {
    {"matmul", attach<matmulRule>},
    {"bias_add", attach<biasAddRule>},
    {"identity", attach<passRule>},
    {"add_n", attach<passRule>},
    {"cast", attach<castRule>},
    {"add", attach<addRule>},
    {"sub", attach<subRule>},
    {"mul", attach<mulRule>},
    {"neg", attach<negRule>},
    {"broadcast_to", attach<broadcastToRule>},
    {"reshape", attach<reshapeRule>},
    {"expand_dims", attach<reshapeRule>},
    {"squeeze", attach<reshapeRule>},
    {"transpose", attach<transposeRule>},
    {"mean_squared_error", attach<meanSquaredErrorRule>},
    {"concat", attach<concatRule>},
    {"split", attach<splitRule>},
    {"stack", attach<stackRule>},
    {"where", attach<whereRule>},
};

/// Whether tableRule can differentiate `op`: each result of its backward ops
/// is the gradient of an operand, and no operand of theirs is variadic.
bool hasTableRule(const OpDef &op) {
  bool any = false;
  for (const OpDef &backward : allOps()) {
    if (backward.forward != op.name)
      continue;
    any = true;
    for (const OperandDef &operand : backward.operands)
      if (operand.arity == Arity::Variadic)
        return false;
    for (const ResultDef &result : backward.results)
      if (!str(result.name).ends_with(kGradientSuffix))
        return false;
  }
  return any;
}

} // namespace

void amp::graph::registerGradientRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, GraphDialect *) {
    for (const auto &rule : kRules)
      rule.attach(rule.op, context);
    for (const OpDef &op : allOps()) {
      bool hasOwn = llvm::any_of(
          kRules, [&](const auto &rule) { return rule.op == str(op.name); });
      if (!hasOwn && op.differentiable == Differentiable::Yes &&
          hasTableRule(op))
        attach<tableRule>(str(op.name), context);
    }
  });
}

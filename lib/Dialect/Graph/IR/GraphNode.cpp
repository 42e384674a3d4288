//===- GraphNode.cpp - What all nodes share -------------------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One verifier, one precision model and one way to find a gradient for every
// node, all read from the op's description in OpSet.
//===----------------------------------------------------------------------===//

#include "NodeInfo.h"
#include "NodeMemo.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Interfaces/Constants.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

llvm::APFloat graph::convertSaturating(const llvm::APFloat &value,
                                       const llvm::fltSemantics &semantics) {
  return amp::convertSaturating(value, semantics);
}

static NodeInfo makeNodeInfo(const OpDef &def) {
  NodeInfo info;
  info.def = &def;
  info.isPlain = true;
  for (const OperandDef &operand : def.operands) {
    info.hasVariables |= operand.isVariable;
    bool isLast = &operand == &def.operands.back();
    info.isLastVariadic = isLast && operand.arity == Arity::Variadic;
    info.isPlain &= operand.arity == Arity::One || info.isLastVariadic;
  }
  return info;
}

const NodeInfo *graph::getNodeInfo(Operation *op) {
  if (!op->isRegistered() || !isa<GraphDialect>(op->getDialect()))
    return nullptr;
  // Every context has the same classes, so that one table serves all.
  static const llvm::DenseMap<TypeID, NodeInfo> table = [&] {
    llvm::DenseMap<TypeID, NodeInfo> infos;
    for (RegisteredOperationName name :
         op->getContext()->getRegisteredOperationsByDialect(
             GraphDialect::getDialectNamespace()))
      if (const OpDef *def = findOp(name.stripDialect()))
        infos[name.getTypeID()] = makeNodeInfo(*def);
    return infos;
  }();
  auto it = table.find(op->getName().getTypeID());
  return it == table.end() ? nullptr : &it->second;
}

const OpDef *graph::getOpDef(Operation *op) {
  const NodeInfo *info = getNodeInfo(op);
  return info ? info->def : nullptr;
}

/// Types as OpSet sees them; false for a type that no graph file has.
static bool toTensorTypes(TypeRange types,
                          std::vector<amp::TensorType> &result) {
  result.reserve(types.size());
  for (Type type : types) {
    std::optional<amp::TensorType> tensor = toTensorType(type);
    if (!tensor)
      return false;
    result.push_back(std::move(*tensor));
  }
  return true;
}

/// Whether a value of type `actual` can be what OpSet infers: sizes that one of
/// them does not know do not disagree.
static bool agrees(const amp::TensorType &inferred,
                   const amp::TensorType &actual) {
  if (inferred.dtype != actual.dtype ||
      inferred.shape.size() != actual.shape.size())
    return false;
  for (size_t i = 0; i < inferred.shape.size(); ++i)
    if (inferred.shape[i].isFixed() && actual.shape[i].isFixed() &&
        inferred.shape[i] != actual.shape[i])
      return false;
  return true;
}

static LogicalResult verifyConstant(ConstantOp op) {
  if (!op.getInputs().empty() || op.getOutputs().size() != 1)
    return op.emitOpError("takes no operands and has one result");
  std::optional<ElementsAttr> value = op.getValue();
  if (value.has_value() == op.getWeights().has_value())
    return op.emitOpError("needs either a value or an entry of the weights");
  if (value && value->getShapedType() != op.getOutputs().front().getType())
    return op.emitOpError("has a value of type ")
           << value->getShapedType() << " and a result of type "
           << op.getOutputs().front().getType();
  if (!toTensorType(op.getOutputs().front().getType()))
    return op.emitOpError("has no element type of graph files");
  return success();
}

/// What depends on the op, its attributes and its types, and on the ops that
/// make its variables.
static LogicalResult verifyByDef(Operation *op, const OpDef *def) {
  std::vector<amp::TensorType> operands, results, inferred;
  if (!toTensorTypes(op->getOperandTypes(), operands) ||
      !toTensorTypes(op->getResultTypes(), results))
    return op->emitOpError("has a value whose element type graph files do not "
                           "have");
  std::vector<Attr> attrs;
  std::string_view wrong;
  if (failed(readNodeAttrs(op, *def, attrs, wrong)))
    return op->emitOpError("attribute '")
           << StringRef(wrong) << "' has the wrong kind";
  if (std::optional<OpError> error =
          inferTypes(*def, operands, attrs, inferred))
    return op->emitOpError() << error->message;
  for (size_t i = 0; i < operands.size(); ++i) {
    const OperandDef *operand = def->operand(i, operands.size(), attrs);
    if (operand && operand->isVariable &&
        !op->getOperand(i).getDefiningOp<ReadOp>())
      return op->emitOpError("operand ")
             << i << " ('" << StringRef(operand->name)
             << "') must be a variable";
  }
  if (inferred.size() != results.size())
    return op->emitOpError("has ")
           << results.size() << " results instead of " << inferred.size();
  for (size_t i = 0; i < results.size(); ++i)
    if (!agrees(inferred[i], results[i]))
      return op->emitOpError("result ")
             << i << " has type " << toString(results[i])
             << " but the op makes " << toString(inferred[i]);
  return success();
}

LogicalResult graph::verifyNode(Operation *op) {
  if (auto constant = dyn_cast<ConstantOp>(op))
    return verifyConstant(constant);
  const NodeInfo *info = getNodeInfo(op);
  if (!info)
    return op->emitOpError("is not in the op table");
  const NodeMemo *memo = info->hasVariables ? nullptr : NodeMemo::of(op);
  if (memo && memo->holds(op))
    return success();
  if (failed(verifyByDef(op, info->def)))
    return failure();
  if (memo)
    memo->remember();
  return success();
}

/// Like isa<FloatType>, which asks an interface.
static bool hasFloats(Value value) {
  Type type = value.getType();
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    type = tensor.getElementType();
  return isa<Float32Type, Float16Type, BFloat16Type>(type) ||
         isa<FloatType>(getElementTypeOrSelf(type));
}

static bool isGroupOperand(Operation *op, const NodeInfo &info, unsigned i) {
  const OperandDef *operand = info.operand(i, op->getNumOperands());
  return operand && operand->inGroup && hasFloats(op->getOperand(i));
}

static bool isGroupResult(Operation *op, const NodeInfo &info, unsigned i) {
  return info.def->result(i).inGroup && hasFloats(op->getResult(i));
}

void graph::getNodeTypeGroups(Operation *op,
                              SmallVectorImpl<TypeGroup> &groups) {
  const NodeInfo *info = getNodeInfo(op);
  if (!info)
    return;
  TypeGroup &group = groups.emplace_back();
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (isGroupOperand(op, *info, i))
      group.operands.push_back(i);
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    if (isGroupResult(op, *info, i))
      group.results.push_back(i);
  if (group.operands.empty() && group.results.empty())
    groups.pop_back();
}

/// Numbers that the low type cannot hold become the nearest that it can, as
/// elements of constants do.
static void saturateAttrs(Operation *op, FloatType type) {
  if (op->getPropertiesStorageSize() == 0 && op->getAttrs().empty())
    return;
  for (StringRef name : {"min", "max", "alpha", "value"}) {
    auto attr = op->getAttrOfType<FloatAttr>(name);
    if (!attr)
      continue;
    llvm::APFloat largest = llvm::APFloat::getLargest(type.getFloatSemantics());
    bool lossy;
    largest.convert(llvm::APFloat::IEEEdouble(),
                    llvm::APFloat::rmNearestTiesToEven, &lossy);
    double value = attr.getValueAsDouble(), limit = largest.convertToDouble();
    if (!std::isfinite(value) || std::abs(value) <= limit)
      continue;
    op->setAttr(name,
                FloatAttr::get(attr.getType(), std::copysign(limit, value)));
  }
}

LogicalResult graph::retargetNode(Operation *op, FloatType type) {
  const NodeInfo *info = getNodeInfo(op);
  if (!info)
    return failure();
  bool hasGroup = false;
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    if (!isGroupResult(op, *info, i))
      continue;
    hasGroup = true;
    auto old = cast<RankedTensorType>(op->getResult(i).getType());
    op->getResult(i).setType(old.clone(type));
  }
  for (unsigned i = 0; i < op->getNumOperands() && !hasGroup; ++i)
    hasGroup = isGroupOperand(op, *info, i);
  if (!hasGroup)
    return failure();
  if (isa<OneHotOp>(op))
    op->setAttr("dtype", TypeAttr::get(type));
  saturateAttrs(op, type);
  return success();
}

bool graph::isLossNode(Operation *op) {
  const OpDef *def = getOpDef(op);
  return def && def->isLoss;
}

/// Position of the operand that OpSet calls `name`, or the operand count.
static unsigned findOperand(Operation *op, std::string_view name) {
  const OpDef *def = getOpDef(op);
  std::vector<Attr> attrs;
  std::string_view wrong;
  unsigned count = op->getNumOperands();
  if (!def || failed(readNodeAttrs(op, *def, attrs, wrong)))
    return count;
  for (unsigned i = 0; i < count; ++i) {
    const OperandDef *operand = def->operand(i, count, attrs);
    if (operand && operand->name == name)
      return i;
  }
  return count;
}

OpOperand *graph::findGradientOperand(Operation *op) {
  unsigned index = findOperand(op, "gradient");
  return index < op->getNumOperands() ? &op->getOpOperand(index) : nullptr;
}

Value graph::getNodeCondition(Operation *op) {
  unsigned index = findOperand(op, "condition");
  return index < op->getNumOperands() ? op->getOperand(index) : Value();
}

void graph::setNodeCondition(Operation *op, Value condition) {
  unsigned index = findOperand(op, "condition");
  if (index < op->getNumOperands())
    op->setOperand(index, condition);
  else
    op->insertOperands(op->getNumOperands(), condition);
}

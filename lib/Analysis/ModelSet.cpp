//===- ModelSet.cpp - What each op is, for mixed precision ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An op's interface first, then the tables.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/ModelSet.h"

#include "mlir/IR/Dialect.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace mlir;

const OpModel *ModelSet::find(Operation *op) const {
  llvm::StringRef name = op->getName().getStringRef();
  for (const OpModelTable *table : tables)
    if (auto it = table->find(name); it != table->end())
      return &it->second;
  return nullptr;
}

bool ModelSet::describes(Operation *op) const {
  return isa<PrecisionOpInterface>(op) || find(op);
}

void ModelSet::getTypeGroups(Operation *op,
                             llvm::SmallVectorImpl<TypeGroup> &groups) const {
  if (auto interface = dyn_cast<PrecisionOpInterface>(op))
    return interface.getTypeGroups(groups);
  const OpModel *model = find(op);
  if (!model)
    return;
  for (const OpModel::Group &group : model->groups) {
    TypeGroup result;
    for (unsigned operand : group.operands)
      if (operand < op->getNumOperands())
        result.operands.push_back(operand);
    if (group.operandsFrom)
      for (unsigned i = *group.operandsFrom; i < op->getNumOperands(); ++i)
        result.operands.push_back(i);
    for (unsigned i : group.results)
      if (i < op->getNumResults())
        result.results.push_back(i);
    groups.push_back(std::move(result));
  }
}

bool ModelSet::supportsElementType(Operation *op, unsigned group,
                                   FloatType type) const {
  if (auto interface = dyn_cast<PrecisionOpInterface>(op))
    return interface.supportsElementType(group, type);
  const OpModel *model = find(op);
  if (!model || group >= model->groups.size())
    return false;
  if (type.isF16())
    return model->groups[group].supportsFloat16;
  return type.isBF16() && model->groups[group].supportsBFloat16;
}

static Type withElementType(Type type, FloatType element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

LogicalResult ModelSet::retargetGroup(Operation *op, unsigned group,
                                      FloatType type) const {
  if (auto interface = dyn_cast<PrecisionOpInterface>(op))
    return interface.retargetGroup(group, type);
  const OpModel *model = find(op);
  if (!model || group >= model->groups.size())
    return failure();
  const OpModel::Group &fields = model->groups[group];
  for (unsigned i : fields.results)
    if (i < op->getNumResults())
      op->getResult(i).setType(
          withElementType(op->getResult(i).getType(), type));
  if (!fields.typeAttr.empty())
    op->setAttr(fields.typeAttr, TypeAttr::get(type));
  return success();
}

bool ModelSet::isLoss(Operation *op) const {
  if (auto interface = dyn_cast<PrecisionOpInterface>(op))
    return interface.isLoss();
  const OpModel *model = find(op);
  return model && model->isLoss;
}

bool ModelSet::isRecurrence(Operation *op) const {
  if (isa<PrecisionOpInterface>(op))
    return false;
  const OpModel *model = find(op);
  return model && model->isRecurrence;
}

bool ModelSet::isCast(Operation *op) const {
  if (const PrecisionDialectInterface *dialect = getDialectInterface(op))
    return dialect->isCast(op);
  const OpModel *model = find(op);
  return model && model->isCast;
}

llvm::StringRef ModelSet::getPolicyName(Operation *op) const {
  if (auto interface = dyn_cast<PrecisionOpInterface>(op))
    return interface.getPolicyName();
  return op->getName().getStringRef();
}

const PrecisionDialectInterface *ModelSet::getDialectInterface(Operation *op) {
  Dialect *dialect = op->getDialect();
  return dialect ? dialect->getRegisteredInterface<PrecisionDialectInterface>()
                 : nullptr;
}

const PrecisionDialectInterface *
ModelSet::getBodyInterface(FunctionOpInterface function) {
  if (const auto *dialect = getDialectInterface(function))
    return dialect;
  for (Block &block : function.getFunctionBody())
    for (Operation &op : block)
      if (const auto *dialect = getDialectInterface(&op))
        return dialect;
  return nullptr;
}

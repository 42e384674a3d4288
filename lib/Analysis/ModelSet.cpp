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

OpKind ModelSet::kindOf(OperationName name) const {
  OpKind kind;
  kind.accumulatesFloat32 = accumulatesFloat32;
  kind.interface = name.getInterface<PrecisionOpInterface>();
  if (Dialect *dialect = name.getDialect()) {
    kind.dialect = dialect->getRegisteredInterface<PrecisionDialectInterface>();
    if (!kind.interface)
      kind.interface =
          dialect->getRegisteredInterfaceForOp<PrecisionOpInterface>(name);
  }
  if (kind.interface)
    return kind;
  for (const OpModelTable *table : tables)
    if (auto it = table->find(name.getStringRef()); it != table->end()) {
      kind.model = &it->second;
      break;
    }
  return kind;
}

void ModelSet::getTypeGroups(Operation *op, const OpKind &kind,
                             llvm::SmallVectorImpl<TypeGroup> &groups) {
  if (kind.interface) {
    PrecisionOpInterface interface(op, kind.interface);
    if (kind.accumulatesFloat32 && interface.getAccumulatingGroups(groups))
      return;
    return interface.getTypeGroups(groups);
  }
  if (!kind.model)
    return;
  for (const OpModel::Group &group : kind.model->groups) {
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

bool ModelSet::supportsElementType(Operation *op, const OpKind &kind,
                                   unsigned group, FloatType type) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface)
        .supportsElementType(group, type);
  if (!kind.model || group >= kind.model->groups.size())
    return false;
  if (type.isF16())
    return kind.model->groups[group].supportsFloat16;
  return type.isBF16() && kind.model->groups[group].supportsBFloat16;
}

bool ModelSet::canExecute(Operation *op, const OpKind &kind, unsigned group,
                          FloatType type) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface).canExecute(group, type);
  return supportsElementType(op, kind, group, type);
}

Type ModelSet::getGroupType(Operation *op, const OpKind &kind,
                            unsigned group) {
  return kind.interface
             ? PrecisionOpInterface(op, kind.interface).getGroupType(group)
             : Type();
}

static Type withElementType(Type type, FloatType element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

LogicalResult ModelSet::retargetGroup(Operation *op, const OpKind &kind,
                                      unsigned group, FloatType type) {
  if (kind.interface) {
    PrecisionOpInterface interface(op, kind.interface);
    llvm::SmallVector<TypeGroup, 2> groups;
    if (!kind.accumulatesFloat32 || !interface.getAccumulatingGroups(groups) ||
        group >= groups.size() || groups[group].wideResults.empty())
      return interface.retargetGroup(group, type);
    // The model may know by its operands that sums stay wide, or not.
    llvm::SmallVector<Type, 1> wide;
    for (unsigned i : groups[group].wideResults)
      wide.push_back(op->getResult(i).getType());
    if (failed(interface.retargetGroup(group, type)))
      return failure();
    for (auto [i, old] : llvm::zip_equal(groups[group].wideResults, wide))
      op->getResult(i).setType(old);
    return success();
  }
  if (!kind.model || group >= kind.model->groups.size())
    return failure();
  const OpModel::Group &fields = kind.model->groups[group];
  for (unsigned i : fields.results)
    if (i < op->getNumResults())
      op->getResult(i).setType(
          withElementType(op->getResult(i).getType(), type));
  if (!fields.typeAttr.empty())
    op->setAttr(fields.typeAttr, TypeAttr::get(type));
  return success();
}

bool ModelSet::isLoss(Operation *op, const OpKind &kind) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface).isLoss();
  return kind.model && kind.model->isLoss;
}

bool ModelSet::isRecurrence(Operation *op, const OpKind &kind) {
  if (kind.interface)
    return kind.dialect && kind.dialect->isRecurrence(op);
  return kind.model && kind.model->isRecurrence;
}

bool ModelSet::isCast(Operation *op, const OpKind &kind) {
  if (kind.dialect)
    return kind.dialect->isCast(op);
  return kind.model && kind.model->isCast;
}

bool ModelSet::isTransparentCast(Operation *op, const OpKind &kind) {
  return isCast(op, kind) && !(kind.dialect && kind.dialect->castsAreNodes());
}

llvm::StringRef ModelSet::getPolicyName(Operation *op, const OpKind &kind) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface).getPolicyName();
  return op->getName().getStringRef();
}

llvm::StringRef ModelSet::getPolicyFamily(Operation *op, const OpKind &kind) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface).getPolicyFamily();
  return {};
}

const PrecisionDialectInterface *ModelSet::getDialectInterface(Operation *op) {
  Dialect *dialect = op->getDialect();
  return dialect ? dialect->getRegisteredInterface<PrecisionDialectInterface>()
                 : nullptr;
}

const PrecisionDialectInterface *
ModelSet::getBodyInterface(FunctionOpInterface function) {
  // A dialect of graphs may hold ops of others, whose casts are theirs.
  for (Block &block : function.getFunctionBody())
    for (Operation &op : block.without_terminator())
      if (const auto *dialect = getDialectInterface(&op))
        return dialect;
  return getDialectInterface(function);
}

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

#include "amp/Analysis/ForeignModels.h"
#include "amp/Interfaces/Constants.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/BuiltinAttributes.h"
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
      return kind;
    }
  for (const auto &models : foreignModels) {
    if (!kind.dialect)
      kind.dialect = models->dialect(name.getDialectNamespace());
    auto it = models->table().find(name.getStringRef());
    if (it == models->table().end())
      continue;
    kind.model = &it->second;
    return kind;
  }
  return kind;
}

void ModelSet::addForeign(std::shared_ptr<const ForeignModels> models) {
  foreignModels.push_back(std::move(models));
}

static bool isFloating(Value value) {
  return isa<FloatType>(elementTypeOf(value));
}

/// Whether all that the regions of an op hold can be retyped by what the table
/// says: ops of one group without regions, on values of the region.
static bool canRetypeRegions(Operation *op, const OpModel &model) {
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block) {
        auto it = model.regionOps->find(inner.getName().getStringRef());
        if (it == model.regionOps->end() || inner.getNumRegions() != 0)
          return false;
        const OpModel &other = it->second;
        if (other.isCast)
          return false;
        for (Value operand : inner.getOperands())
          if (isFloating(operand) && operand.getParentRegion() != &region)
            return false;
        for (const OpModel::Group &group : other.groups)
          if (!group.allOperands || !group.allResults)
            return false;
      }
  return true;
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
  if (op->getNumRegions() != 0 &&
      !(kind.model->retypesRegions && canRetypeRegions(op, *kind.model)))
    return;
  for (const OpModel::Group &group : kind.model->groups) {
    TypeGroup result;
    for (unsigned i = 0; group.allOperands && i < op->getNumOperands(); ++i)
      if (isFloating(op->getOperand(i)))
        result.operands.push_back(i);
    for (unsigned i = 0; group.allResults && i < op->getNumResults(); ++i)
      if (isFloating(op->getResult(i)))
        result.results.push_back(i);
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

/// The values of the regions that are float32, and their constants.
static void retypeRegions(Operation *op, const OpModel &model,
                          FloatType type) {
  auto retype = [&](Value value) {
    if (getElementTypeOrSelf(value.getType()).isF32())
      value.setType(withElementType(value.getType(), type));
  };
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      for (BlockArgument argument : block.getArguments())
        retype(argument);
      for (Operation &inner : block) {
        for (Value result : inner.getResults())
          retype(result);
        const OpModel &other =
            model.regionOps->find(inner.getName().getStringRef())->second;
        if (other.constantAttr.empty())
          continue;
        if (auto value = dyn_cast_or_null<DenseFPElementsAttr>(
                inner.getAttr(other.constantAttr));
            value && value.getElementType().isF32())
          inner.setAttr(other.constantAttr, convertSaturating(value, type));
      }
    }
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
  if (op->getNumRegions() != 0)
    retypeRegions(op, *kind.model, type);
  if (fields.allResults)
    for (Value result : op->getResults())
      if (isFloating(result))
        result.setType(withElementType(result.getType(), type));
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

/// What an op is by what its first region holds; null for nothing special.
static const OpModel::Body *findBody(Operation *op, const OpModel &model) {
  if (model.bodies.empty() || op->getNumRegions() == 0 ||
      op->getRegion(0).empty())
    return nullptr;
  Block &block = op->getRegion(0).front();
  if (block.empty() ||
      (&block.front() != &block.back() &&
       block.front().getNextNode() != &block.back()))
    return nullptr;
  auto it = model.bodies.find(block.front().getName().getStringRef());
  return it == model.bodies.end() ? nullptr : &it->second;
}

llvm::StringRef ModelSet::getMeaning(Operation *op, const OpKind &kind) {
  if (kind.interface || !kind.model)
    return {};
  const OpModel::Body *body = findBody(op, *kind.model);
  return body ? body->as : kind.model->as;
}

llvm::StringRef ModelSet::getPolicyName(Operation *op, const OpKind &kind) {
  if (kind.interface)
    return PrecisionOpInterface(op, kind.interface).getPolicyName();
  if (kind.model)
    if (const OpModel::Body *body = findBody(op, *kind.model))
      return body->policyName;
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
ModelSet::getBodyInterface(FunctionOpInterface function) const {
  if (!foreignModels.empty()) {
    // Many ops have few names.
    const void *last = nullptr;
    for (Block &block : function.getFunctionBody())
      for (Operation &op : block) {
        if (op.getName().getAsOpaquePointer() == last)
          continue;
        last = op.getName().getAsOpaquePointer();
        for (const auto &models : foreignModels)
          if (const auto *dialect =
                  models->dialect(op.getName().getDialectNamespace()))
            return dialect;
      }
  }
  // A dialect of graphs may hold ops of others, whose casts are theirs.
  for (Block &block : function.getFunctionBody())
    for (Operation &op : block.without_terminator())
      if (const auto *dialect = getDialectInterface(&op))
        return dialect;
  return getDialectInterface(function);
}

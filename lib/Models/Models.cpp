//===- Models.cpp - Shared by the models of dialects ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Groups of ops that work element by element, the table of families, and the
// scalar bodies of ops that loop over elements.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "amp/Interfaces/Constants.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace amp;
using namespace mlir;

llvm::StringRef amp::familyOf(llvm::StringRef name) {
  static const llvm::StringMap<llvm::StringRef> families = [] {
    llvm::StringMap<llvm::StringRef> map;
    for (llvm::ArrayRef<OpEntry> ops :
         {arithOps(), mathOps(), linalgOps(), tensorOps(), tosaOps()})
      for (const OpEntry &entry : ops)
        map[entry.name] = entry.family;
    return map;
  }();
  return families.lookup(name);
}

static bool isFloat(Type type, bool scalars) {
  // Without a question of an interface for what nearly all types are.
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.getElementType().isF32() ||
           isa<FloatType>(tensor.getElementType());
  if (auto shaped = dyn_cast<ShapedType>(type))
    return isa<FloatType>(shaped.getElementType());
  return scalars && isa<FloatType>(type);
}

/// arith does not cast tensors without a rank, and nobody casts what is in memory.
static bool hasCast(Operation *op, Type type) {
  return isa<RankedTensorType>(type) ||
         !isa<UnrankedTensorType, BaseMemRefType>(type) ||
         (isa<UnrankedTensorType>(type) &&
          op->getName().getDialectNamespace() == "tosa");
}

void amp::getFloatGroup(Operation *op, bool scalars,
                        llvm::SmallVectorImpl<TypeGroup> &groups) {
  // On buffers there is no value that could change its type.
  if (op->getNumResults() == 0)
    return;
  TypeGroup &group = groups.emplace_back();
  // Most ops have one type for all that they read and make.
  Type last;
  bool isLastFloat = false, isCastable = true;
  auto isMember = [&](Value value) {
    if (Type type = value.getType(); type != last) {
      last = type;
      isLastFloat = isFloat(type, scalars);
      isCastable = isCastable && (!isLastFloat || hasCast(op, type));
    }
    return isLastFloat;
  };
  for (unsigned i = 0, e = op->getNumOperands(); i < e; ++i)
    if (isMember(op->getOperand(i)))
      group.operands.push_back(i);
  for (unsigned i = 0, e = op->getNumResults(); i < e; ++i)
    if (isMember(op->getResult(i)))
      group.results.push_back(i);
  if (!isCastable || (group.operands.empty() && group.results.empty()))
    groups.pop_back();
}

/// `old` with element type `type`. Mostly an operand has that very type already,
/// which is found faster than made.
static Type retyped(Type old, FloatType type, Operation *op) {
  if (auto tensor = dyn_cast<RankedTensorType>(old))
    for (Value operand : op->getOperands())
      if (auto other = dyn_cast<RankedTensorType>(operand.getType());
          other && other.getElementType() == type &&
          other.getShape() == tensor.getShape() &&
          other.getEncoding() == tensor.getEncoding())
        return other;
  return withElementType(old, type);
}

void amp::retypeFloatResults(Operation *op, bool scalars, FloatType type) {
  for (Value result : op->getResults())
    if (isFloat(result.getType(), scalars))
      result.setType(retyped(result.getType(), type, op));
}

namespace {

template <bool scalars> struct FloatsModel : ModelBase<FloatsModel<scalars>> {
  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    getFloatGroup(op, scalars, groups);
  }
  LogicalResult retargetGroup(Operation *op, unsigned, FloatType type) const {
    retypeFloatResults(op, scalars, type);
    return success();
  }
};

struct NoGroupModel : ModelBase<NoGroupModel> {
  void getTypeGroups(Operation *, llvm::SmallVectorImpl<TypeGroup> &) const {}
  LogicalResult retargetGroup(Operation *, unsigned, FloatType) const {
    return failure();
  }
};

} // namespace

void amp::attachModels(MLIRContext *context, llvm::ArrayRef<OpEntry> ops) {
  for (const OpEntry &entry : ops) {
    auto op = RegisteredOperationName::lookup(entry.name, context);
    if (!op)
      continue;
    switch (entry.shape) {
    case OpShape::None:
      op->attachInterface<NoGroupModel>();
      break;
    case OpShape::Tensors:
      op->attachInterface<FloatsModel<false>>();
      break;
    case OpShape::Values:
      op->attachInterface<FloatsModel<true>>();
      break;
    case OpShape::Own:
      break;
    }
  }
}

/// Whether an op of a scalar body computes the same way in another floating
/// type: all that is floating in it is float32, and it has no opinion on types.
static bool computesInAnyType(Operation &op) {
  auto isWide = [](Type type) { return type.isF32() || !isa<FloatType>(type); };
  if (op.getNumRegions() != 0)
    return false;
  for (unsigned i = 0, e = op.getNumOperands(); i < e; ++i)
    if (!isWide(op.getOperand(i).getType()))
      return false;
  for (unsigned i = 0, e = op.getNumResults(); i < e; ++i)
    if (!isWide(op.getResult(i).getType()))
      return false;
  // What most bodies are made of.
  if (isa<arith::AddFOp, arith::MulFOp, arith::SubFOp, arith::DivFOp>(op))
    return true;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return !constant.getType().isF32() || isa<FloatAttr>(constant.getValue());
  if (isa<arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp, arith::FPToUIOp>(
          op))
    return true;
  if (isa<arith::TruncFOp, arith::ExtFOp, arith::BitcastOp>(op))
    return false;
  if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          op.getDialect()) ||
      op.hasTrait<OpTrait::IsTerminator>())
    return true;
  // What a float goes into may want it as it is (memref.store, complex.create).
  auto isFloat32 = [](Type type) { return type.isF32(); };
  return llvm::none_of(op.getOperandTypes(), isFloat32) &&
         llvm::none_of(op.getResultTypes(), isFloat32);
}

void amp::retypeScalarBody(Block &body, llvm::ArrayRef<Type> arguments,
                           llvm::ArrayRef<Type> yields, FloatType type) {
  OpBuilder builder(body.getParent()->getContext());
  bool narrow = llvm::all_of(arguments, [&](Type t) {
    return !isa<FloatType>(t) || t == type;
  }) && llvm::all_of(yields, [&](Type t) {
    return !isa<FloatType>(t) || t == type;
  });
  for (Operation &op : body)
    narrow = narrow && computesInAnyType(op);
  for (auto [argument, wanted] : llvm::zip_equal(body.getArguments(), arguments))
    argument.setType(wanted);
  auto castTo = [&](Value value, FloatType to) -> Value {
    auto from = cast<FloatType>(value.getType());
    if (from.getWidth() < to.getWidth())
      return arith::ExtFOp::create(builder, value.getLoc(), to, value);
    return arith::TruncFOp::create(builder, value.getLoc(), to, value);
  };
  if (narrow) {
    llvm::SmallVector<Operation *> ops(llvm::make_pointer_range(body));
    llvm::DenseMap<Value, Value> outside;
    for (Operation *op : ops) {
      for (OpOperand &operand : op->getOpOperands()) {
        Value value = operand.get();
        if (!value.getType().isF32())
          continue;
        // What is float32 still comes from around the body.
        Value &low = outside[value];
        if (!low) {
          builder.setInsertionPointToStart(&body);
          low = castTo(value, type);
        }
        operand.set(low);
      }
      if (auto constant = dyn_cast<arith::ConstantOp>(op);
          constant && constant.getType().isF32())
        constant.setValueAttr(FloatAttr::get(
            type, convertSaturating(
                      cast<FloatAttr>(constant.getValue()).getValue(),
                      type.getFloatSemantics())));
      for (OpResult result : op->getResults())
        if (result.getType().isF32())
          result.setType(type);
    }
    return;
  }
  builder.setInsertionPointToStart(&body);
  Type float32 = builder.getF32Type();
  for (BlockArgument argument : body.getArguments()) {
    if (argument.getType() != type || argument.use_empty())
      continue;
    Value wide = castTo(argument, cast<FloatType>(float32));
    argument.replaceAllUsesExcept(wide, wide.getDefiningOp());
  }
  Operation *end = body.getTerminator();
  builder.setInsertionPoint(end);
  for (auto [operand, wanted] : llvm::zip_equal(end->getOpOperands(), yields))
    if (auto to = dyn_cast<FloatType>(wanted);
        to && operand.get().getType() != to)
      operand.set(castTo(operand.get(), to));
}

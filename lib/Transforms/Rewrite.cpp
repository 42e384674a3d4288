//===- Rewrite.cpp - Applies a painting -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One walk in the order of the sweep. At each op its operands are right
// already; it is retyped, and then its results are cast for the users that
// need another type. Block arguments and variables come first; their casts
// stand behind the reads that open the block.
//===----------------------------------------------------------------------===//

#include "Rewrite.h"

#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace mlir;

namespace {

class Rewriter {
public:
  Rewriter(const FunctionPainting &painting, const ModelSet &models,
           RewriteResult &result)
      : painting(painting), models(models), result(result),
        function(painting.function), builder(function.getContext()),
        float32(Float32Type::get(function.getContext())) {}

  LogicalResult run();

private:
  /// A use that needs another type than its value has.
  struct Need {
    OpOperand *use;
    FloatType type;
    uint64_t position;
  };

  LogicalResult castForUsers(Value value);
  FailureOr<Value> valueAs(Value value, FloatType type,
                           llvm::ArrayRef<Need> needs);
  void findPrologues();
  bool isInPrologue(Value value) const;
  LogicalResult retype(const PaintedOp &op);

  const FunctionPainting &painting;
  const ModelSet &models;
  RewriteResult &result;
  FunctionOpInterface function;
  OpBuilder builder;
  FloatType float32;
  /// Per block, behind which op the casts of arguments and variables stand;
  /// null for the start of the block.
  llvm::DenseMap<Block *, Operation *> prologue;
  /// The reads that open a block.
  llvm::DenseSet<Operation *> leadingReads;
};

} // namespace

/// Finds the reads that open each block.
void Rewriter::findPrologues() {
  for (Block &block : function.getFunctionBody()) {
    Operation *&last = prologue[&block];
    for (Operation &op : block) {
      const auto *dialect = ModelSet::getDialectInterface(&op);
      if (!dialect || !dialect->isVariableRead(&op))
        break;
      leadingReads.insert(&op);
      last = &op;
    }
  }
}

/// Casts of block arguments and of the reads at the start of a block stand
/// behind all of those reads, in their order; others behind their definition.
bool Rewriter::isInPrologue(Value value) const {
  Operation *op = value.getDefiningOp();
  return !op || leadingReads.contains(op);
}

/// The value with element type `type`: a converted constant, the source of a
/// cast that is bypassed, or a new cast.
FailureOr<Value> Rewriter::valueAs(Value value, FloatType type,
                                   llvm::ArrayRef<Need> needs) {
  Operation *op = value.getDefiningOp();
  if (op && type == painting.target && painting.bypassed.contains(op))
    return op->getOperand(0);
  const auto *dialect = op ? ModelSet::getDialectInterface(op) : nullptr;
  if (dialect && dialect->isConvertibleConstant(op)) {
    builder.setInsertionPointAfter(op);
    Operation *twin = dialect->buildConvertedConstant(builder, op, type);
    if (!twin || twin->getNumResults() != 1)
      return op->emitError("this constant cannot be converted");
    twin->setAttr(kGeneratedAttr, builder.getUnitAttr());
    twin->setAttr(kConvertedAttr, builder.getUnitAttr());
    ++result.convertedConstants;
    return twin->getResult(0);
  }
  if (!painting.dialect)
    return emitError(value.getLoc())
           << "no dialect of this function says how to build a cast";
  Operation **last = nullptr;
  if (isInPrologue(value)) {
    last = &prologue[value.getParentBlock()];
    if (*last)
      builder.setInsertionPointAfter(*last);
    else
      builder.setInsertionPointToStart(value.getParentBlock());
  } else {
    builder.setInsertionPointAfter(op);
  }
  Value cast =
      painting.dialect->buildCast(builder, value.getLoc(), value, type);
  Operation *castOp = cast ? cast.getDefiningOp() : nullptr;
  if (!castOp)
    return emitError(value.getLoc()) << "this value cannot be cast";
  castOp->setAttr(kGeneratedAttr, builder.getUnitAttr());
  if (last)
    *last = castOp;
  InsertedCast record;
  record.op = castOp;
  record.source = value;
  record.from = getElementTypeOrSelf(value.getType());
  record.to = type;
  for (const Need &need : needs) {
    Operation *user = need.use->getOwner();
    bool isTerminator = user->hasTrait<OpTrait::IsTerminator>();
    if (need.type == type && (isTerminator || record.users.empty() ||
                              record.users.back().first != user))
      record.users.push_back({user, need.use->getOperandNumber()});
  }
  result.casts.push_back(std::move(record));
  return cast;
}

LogicalResult Rewriter::castForUsers(Value value) {
  FloatType lowered = painting.loweredType(value);
  // Only float32 values get another type or need a cast.
  if (!lowered && !getElementTypeOrSelf(value.getType()).isF32())
    return success();
  FloatType own = lowered ? lowered : float32;
  llvm::SmallVector<Need, 4> needs;
  for (OpOperand &use : value.getUses()) {
    VertexId v = painting.vertexOfUse(use);
    FloatType wanted = v == kNoVertex ? FloatType() : painting.loweredType(v);
    if (wanted == own)
      continue;
    if (!wanted) {
      // An existing cast reads whatever there is.
      if (own == float32 || models.isCast(use.getOwner()))
        continue;
      wanted = float32;
    }
    auto it = painting.opIndex.find(use.getOwner());
    uint64_t owner =
        it == painting.opIndex.end() ? painting.ops.size() : it->second;
    needs.push_back({&use, wanted, (owner << 32) | use.getOperandNumber()});
  }
  if (needs.empty())
    return success();
  llvm::sort(needs, [](const Need &a, const Need &b) {
    return a.position < b.position;
  });
  // Each goes right behind its definition, so that the last one is inserted
  // first; in the prologue they are appended.
  FloatType types[] = {float32, painting.other, painting.target};
  if (isInPrologue(value))
    std::swap(types[0], types[2]);
  for (FloatType type : types) {
    if (llvm::none_of(needs, [&](const Need &n) { return n.type == type; }))
      continue;
    FailureOr<Value> converted = valueAs(value, type, needs);
    if (failed(converted))
      return failure();
    for (const Need &need : needs)
      if (need.type == type)
        need.use->set(*converted);
  }
  return success();
}

LogicalResult Rewriter::retype(const PaintedOp &painted) {
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    FloatType type = painting.loweredType(v);
    if (!type)
      continue;
    if (painting.graph[v].retargetable) {
      ModelSet::getDialectInterface(painted.op)->retargetCast(painted.op, type);
      continue;
    }
    if (failed(models.retargetGroup(painted.op, painting.groupIndex(v), type)))
      return painted.op->emitError()
             << "cannot have type " << type << ", although it says so";
  }
  return success();
}

LogicalResult Rewriter::run() {
  findPrologues();
  for (Block &block : function.getFunctionBody())
    for (BlockArgument argument : block.getArguments())
      if (failed(castForUsers(argument)))
        return failure();
  for (uint32_t index : painting.order) {
    const PaintedOp &painted = painting.ops[index];
    if (failed(retype(painted)))
      return failure();
    for (Value value : painted.op->getResults())
      if (failed(castForUsers(value)))
        return failure();
  }
  if (painting.dialect)
    painting.dialect->nameGenerated(function);
  return success();
}

LogicalResult amp::rewriteFunction(const FunctionPainting &painting,
                                   const ModelSet &models,
                                   RewriteResult &result) {
  return Rewriter(painting, models, result).run();
}

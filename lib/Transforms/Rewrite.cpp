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

#include "Retyping.h"
#include "amp/Analysis/OpNameMap.h"
#include "amp/Interfaces/ElementTypes.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

#include <algorithm>
#include <utility>

using namespace amp;
using namespace mlir;

namespace {

class Rewriter {
public:
  Rewriter(const FunctionPainting &painting, const ModelSet &models,
           RewriteResult &result)
      : painting(painting), body(painting.body), models(models), result(result),
        builder(painting.target.getContext()),
        float32(Float32Type::get(painting.target.getContext())),
        generated(
            StringAttr::get(painting.target.getContext(), kGeneratedAttr)) {}

  LogicalResult run();

private:
  /// A use that needs another type than its value has.
  struct Need {
    OpOperand *use;
    FloatType type;
    /// The number of the user.
    uint32_t op;
  };
  /// The same, before the value's turn.
  struct LaterNeed {
    uint32_t op;
    unsigned operand;
    FloatType type;
  };

  const OpKind &kindOf(Operation *op) {
    return kinds.get(op->getName(),
                     [&](OperationName name) { return models.kindOf(name); });
  }
  LogicalResult castForUsers(Value value, ValueId id);
  bool isFloat32(Value value, VertexId vertex) const;
  void findColours();
  /// The type that a value gets; float32 also stands for what does not change.
  FloatType ownType(ValueId id) const {
    return valueColours[id] ? lowTypes[valueColours[id]] : float32;
  }
  void findAllNeeds();
  bool readsAsItIs(OpOperand &use, FloatType own);
  bool mayNeedCasts(ValueId id) const {
    return firstNeed[id] != firstNeed[id + 1] || !body.nestedUses().empty();
  }
  void findNeeds(ValueId id, FloatType own);
  const PrecisionDialectInterface *casterFor(Value value);
  LogicalResult castArguments(const BodyIndex::BlockEntry &entry);
  void retypeFlow(uint32_t index);
  FailureOr<Value> valueAs(Value value, ValueId id, FloatType type);
  void record(Value value, Operation *castOp, FloatType type);
  void findPrologues();
  LogicalResult retype(uint32_t index);
  LogicalResult retarget(const PaintedOp &painted);

  const FunctionPainting &painting;
  const BodyIndex &body;
  const ModelSet &models;
  RewriteResult &result;
  OpBuilder builder;
  FloatType float32;
  StringAttr generated;
  OpNameMap<OpKind> kinds;
  /// What retargeting made of the last op of each kind.
  std::vector<std::unique_ptr<Retyping>> retypings;
  /// The types of vertices and values after the rewrite: an index into `lowTypes`.
  std::vector<uint8_t> colours, valueColours;
  /// Null for those that stay; the target; the other 16-bit type.
  FloatType lowTypes[3];
  /// Ordered by value, then by user; those of a value begin at its number.
  std::vector<uint32_t> firstNeed;
  std::vector<LaterNeed> laterNeeds;
  /// Per block, behind which op the casts of arguments and variables stand;
  /// null for the start of the block.
  llvm::DenseMap<Block *, Operation *> prologue;
  /// Block arguments and the reads that open a block: their casts stand behind
  /// all of those reads, in their order, others behind their definition.
  std::vector<bool> isInPrologue;
  /// Of the value whose users are looked at.
  llvm::SmallVector<Need, 4> needs;
};

} // namespace

/// Finds the reads that open each block.
void Rewriter::findPrologues() {
  isInPrologue.resize(body.numValues());
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    const BodyIndex::BlockEntry &entry = body.blocks()[b];
    Operation *&last = prologue[entry.block];
    for (unsigned i = 0; i < entry.block->getNumArguments(); ++i)
      isInPrologue[entry.firstArgument + i] = true;
    for (uint32_t i = entry.firstOp; i < body.endOp(b); ++i) {
      if (!painting.ops[i].isRead)
        break;
      for (unsigned k = 0; k < body.numResults(i); ++k)
        isInPrologue[body.result(i, k)] = true;
      last = body.op(i);
    }
  }
}

/// Who casts a value: the dialect of the op that makes it, for a block argument
/// that of the first op that needs the cast.
const PrecisionDialectInterface *Rewriter::casterFor(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op && !needs.empty())
    op = needs.front().use->getOwner();
  const auto *dialect = op ? kindOf(op).dialect : nullptr;
  // In a function of a dialect that a models file describes, which has no Dialect
  // object, others (func) cast as that one does: its compiler reads the result.
  if (painting.dialect && !painting.dialect->getDialect() && dialect &&
      dialect->getDialect())
    dialect = nullptr;
  return dialect ? dialect : painting.dialect;
}

/// The value with element type `type`: a converted constant, the source of a
/// cast that is bypassed, or a new cast.
FailureOr<Value> Rewriter::valueAs(Value value, ValueId id, FloatType type) {
  Operation *op = value.getDefiningOp();
  if (op && type == painting.target && painting.bypassed.contains(op))
    return op->getOperand(0);
  const auto *dialect = op ? kindOf(op).dialect : nullptr;
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
  const PrecisionDialectInterface *caster = casterFor(value);
  if (!caster)
    return emitError(value.getLoc())
           << "no dialect of this function says how to build a cast";
  Operation **last = nullptr;
  if (isInPrologue[id]) {
    last = &prologue[value.getParentBlock()];
    if (*last)
      builder.setInsertionPointAfter(*last);
    else
      builder.setInsertionPointToStart(value.getParentBlock());
  } else {
    builder.setInsertionPointAfter(op);
  }
  Value cast = caster->buildCast(builder, value.getLoc(), value, type);
  Operation *castOp = cast ? cast.getDefiningOp() : nullptr;
  if (!castOp)
    return emitError(value.getLoc()) << "this value cannot be cast";
  if (!castOp->getDiscardableAttr(generated))
    castOp->setAttr(generated, builder.getUnitAttr());
  if (last)
    *last = castOp;
  (type.isF32() ? result.castsToFloat32 : result.castsToLow) += 1;
  if (result.wantsCasts)
    record(value, castOp, type);
  return cast;
}

void Rewriter::record(Value value, Operation *castOp, FloatType type) {
  InsertedCast record;
  record.op = castOp;
  record.source = value;
  record.from = elementTypeOf(value);
  record.to = type;
  for (const Need &need : needs) {
    Operation *user = need.use->getOwner();
    bool isTerminator = user->hasTrait<OpTrait::IsTerminator>();
    if (need.type == type && (isTerminator || record.users.empty() ||
                              record.users.back().op != user))
      record.users.push_back({user, need.op, need.use->getOperandNumber()});
  }
  result.casts.push_back(std::move(record));
}

/// A byte for each vertex, since the walks that ask for it jump.
void Rewriter::findColours() {
  lowTypes[1] = painting.target;
  lowTypes[2] = painting.other;
  colours.resize(painting.graph.size());
  for (VertexId v = 0; v < colours.size(); ++v)
    if (FloatType type = painting.loweredType(v))
      colours[v] = type == painting.target ? 1 : 2;
}

/// Existing casts read whatever there is, but for those of dialects that have none
/// from this type to theirs (arith.truncf to what it reads).
bool Rewriter::readsAsItIs(OpOperand &use, FloatType own) {
  Operation *user = use.getOwner();
  const OpKind &kind = kindOf(user);
  if (!ModelSet::isTransparentCast(user, kind))
    return false;
  if (kind.dialect && !kind.dialect->needsRehearsal())
    return true;
  Value value = use.get();
  Type type = value.getType();
  value.setType(withElementType(type, own));
  const bool valid = isValid(user);
  value.setType(type);
  return valid;
}

/// The uses of all values that need another type than the value has. There are
/// few of them, and in one walk over the operands they cost least.
void Rewriter::findAllNeeds() {
  std::vector<std::pair<ValueId, LaterNeed>> found;
  firstNeed.assign(body.numValues() + 1, 0);
  valueColours.resize(body.numValues());
  for (ValueId id = 0; id < valueColours.size(); ++id)
    if (VertexId v = painting.valueVertex[id];
        v != kNoVertex && colours[v] &&
        (painting.wide.empty() || !painting.wide.contains(id)))
      valueColours[id] = colours[v];
  for (uint32_t op = 0; op < body.numOps(); ++op) {
    const uint32_t first = body.operandIndex(op, 0);
    const unsigned count = body.numOperands(op);
    for (unsigned i = 0; i < count; ++i) {
      ValueId id = body.operandValue(first + i);
      if (id == kNoValue)
        continue;
      VertexId v = painting.operandVertex[first + i];
      const uint8_t colour = v == kNoVertex ? 0 : colours[v];
      if (colour == valueColours[id])
        continue;
      if (!colour && readsAsItIs(body.op(op)->getOpOperand(i), ownType(id)))
        continue;
      FloatType wanted = colour ? lowTypes[colour] : float32;
      found.push_back({id, {op, i, wanted}});
      ++firstNeed[id];
    }
  }
  uint32_t sum = 0;
  for (uint32_t &first : firstNeed)
    sum += std::exchange(first, sum);
  laterNeeds.resize(found.size());
  for (const auto &[id, need] : found)
    laterNeeds[firstNeed[id]++] = need;
  // Each start has moved to the end of its list.
  for (size_t id = body.numValues(); id > 0; --id)
    firstNeed[id] = firstNeed[id - 1];
  firstNeed[0] = 0;
}

/// The uses of a value that need another type than its own, those by
/// terminators and within regions last.
void Rewriter::findNeeds(ValueId id, FloatType own) {
  needs.clear();
  for (uint32_t i = firstNeed[id]; i < firstNeed[id + 1]; ++i) {
    const LaterNeed &need = laterNeeds[i];
    needs.push_back(
        {&body.op(need.op)->getOpOperand(need.operand), need.type, need.op});
  }
  if (body.blocks().size() > 1)
    std::stable_partition(needs.begin(), needs.end(), [](const Need &need) {
      return !need.use->getOwner()->hasTrait<OpTrait::IsTerminator>();
    });
  if (own == float32 || body.nestedUses().empty())
    return;
  for (const BodyIndex::NestedUse &use : body.nestedUses(id))
    if (!readsAsItIs(*use.second, own))
      needs.push_back({use.second, float32, kNoOp});
}

/// A group may be float32 though its value's type is another: a reference. Or its
/// value is, though the group has members of other types.
bool Rewriter::isFloat32(Value value, VertexId vertex) const {
  return (vertex != kNoVertex && painting.graph[vertex].isFloat32) ||
         elementTypeOf(value).isF32();
}

LogicalResult Rewriter::castForUsers(Value value, ValueId id) {
  FloatType own = ownType(id);
  findNeeds(id, own);
  // Only float32 values get another type or need a cast.
  if (needs.empty() ||
      (own == float32 && !isFloat32(value, painting.valueVertex[id])))
    return success();
  // Each goes right behind its definition, so that the last one is inserted
  // first; in the prologue they are appended.
  FloatType types[] = {float32, painting.other, painting.target};
  if (isInPrologue[id])
    std::swap(types[0], types[2]);
  for (FloatType type : types) {
    if (llvm::none_of(needs, [&](const Need &n) { return n.type == type; }))
      continue;
    FailureOr<Value> converted = valueAs(value, id, type);
    if (failed(converted))
      return failure();
    for (const Need &need : needs)
      if (need.type == type)
        need.use->set(*converted);
  }
  return success();
}

FunctionType amp::signatureAfter(const FunctionPainting &painting,
                                 FunctionOpInterface function) {
  auto old = dyn_cast<FunctionType>(function.getFunctionType());
  const BodyIndex &body = painting.body;
  uint32_t index = body.blockOps();
  while (index < body.numOps() && body.op(index) != function)
    ++index;
  if (index == body.numOps() || !old)
    return old;
  llvm::SmallVector<Type> inputs(old.getInputs()), results(old.getResults());
  const PaintedOp &painted = painting.ops[index];
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    FloatType type = painting.loweredType(v);
    if (!type)
      continue;
    unsigned group = painting.groupIndex(v);
    Type &changed = group < inputs.size() ? inputs[group]
                                          : results[group - inputs.size()];
    changed = withElementType(changed, type);
  }
  return FunctionType::get(function.getContext(), inputs, results);
}

/// What carries values only has types to change: those of results, of block
/// arguments, and a function's signature. The other places are operands.
void Rewriter::retypeFlow(uint32_t index) {
  const PaintedOp &painted = painting.ops[index];
  auto flow = painting.flows.find(index);
  bool anySignature = false;
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    FloatType type = painting.loweredType(v);
    if (!type)
      continue;
    const FlowGroup &group = flow->second[painting.groupIndex(v)];
    auto retypeValue = [&](Value value) {
      value.setType(withElementType(value.getType(), type));
    };
    for (unsigned i : group.results)
      retypeValue(painted.op->getResult(i));
    for (BlockArgument argument : group.blockArguments)
      retypeValue(argument);
    anySignature = true;
  }
  if (anySignature && index >= body.blockOps())
    if (auto function = cast<FunctionOpInterface>(painted.op);
        FunctionType signature = signatureAfter(painting, function))
      function.setType(signature);
}

LogicalResult Rewriter::retarget(const PaintedOp &painted) {
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    FloatType type = lowTypes[colours[v]];
    if (!type)
      continue;
    const OpKind &kind = kindOf(painted.op);
    if (painting.graph[v].retargetable) {
      kind.dialect->retargetCast(painted.op, type);
      continue;
    }
    if (failed(ModelSet::retargetGroup(painted.op, kind, painting.groupIndex(v),
                                       type)))
      return painted.op->emitError()
             << "cannot have type " << type << ", although it says so";
  }
  return success();
}

/// Ops of one kind with the same operands become the same.
LogicalResult Rewriter::retype(uint32_t index) {
  const PaintedOp &painted = painting.ops[index];
  uint64_t lowered = 0;
  bool isCast = false;
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    lowered = lowered << 2 | colours[v];
    isCast |= colours[v] && painting.graph[v].retargetable;
  }
  if (lowered == 0 && painted.count <= 32)
    return success();
  const uint32_t kind = painting.kinds[index];
  if (kind == OpKinds::kNone || isCast || painted.count > 32)
    return retarget(painted);
  std::unique_ptr<Retyping> &known = retypings[kind];
  if (known && known->fits(painted.op, lowered)) {
    known->apply(painted.op);
    return success();
  }
  if (known && known->isHopeless())
    return retarget(painted);
  if (!known)
    known = std::make_unique<Retyping>();
  known->start(painted.op, lowered);
  if (failed(retarget(painted)))
    return failure();
  known->finish(painted.op);
  return success();
}

LogicalResult Rewriter::castArguments(const BodyIndex::BlockEntry &entry) {
  for (BlockArgument argument : entry.block->getArguments())
    if (failed(castForUsers(argument,
                            entry.firstArgument + argument.getArgNumber())))
      return failure();
  return success();
}

LogicalResult Rewriter::run() {
  findColours();
  findAllNeeds();
  findPrologues();
  // Arguments of blocks that branches fill have their types from elsewhere.
  for (const auto &[index, groups] : painting.flows)
    if (index < body.blockOps() && body.isTerminator(index))
      retypeFlow(index);
  retypings.resize(painting.kinds.size());
  // Blocks whose arguments get their types from an op, by that op.
  llvm::DenseMap<uint32_t, llvm::SmallVector<uint32_t, 2>> blocksOf;
  for (auto [b, entry] : llvm::enumerate(body.blocks())) {
    uint32_t parent = entry.parent;
    // The regions of what ends a block are typed with the op around it.
    while (parent != kNoOp && painting.ops[parent].isTerminator)
      parent = body.blocks()[body.blockOf(parent)].parent;
    if (parent != kNoOp)
      blocksOf[parent].push_back(b);
    else if (failed(castArguments(entry)))
      return failure();
  }
  for (uint32_t index : painting.order) {
    body.fetchAhead(index);
    const PaintedOp &painted = painting.ops[index];
    if (painted.isFlow) {
      retypeFlow(index);
      for (uint32_t b : blocksOf.lookup(index))
        if (failed(castArguments(body.blocks()[b])))
          return failure();
    } else if (failed(retype(index))) {
      return failure();
    }
    for (unsigned i = 0; i < body.numResults(index); ++i)
      if (mayNeedCasts(body.result(index, i)) &&
          failed(castForUsers(painted.op->getResult(i), body.result(index, i))))
        return failure();
  }
  // Where there are no casts, who names them later would not know that there
  // is something to do.
  bool isLater =
      !result.wantsNames && (result.castsToLow || result.castsToFloat32);
  if (painting.dialect && !isLater)
    for (FunctionOpInterface function : painting.unit.functions)
      painting.dialect->nameGenerated(function);
  return success();
}

LogicalResult amp::rewriteFunction(FunctionPainting &painting,
                                   const ModelSet &models,
                                   RewriteResult &result) {
  return Rewriter(painting, models, result).run();
}

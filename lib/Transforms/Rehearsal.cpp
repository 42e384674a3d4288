//===- Rehearsal.cpp - Tries a rewrite on copies --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A model may contradict its op: retargeting fails, the op's verifier rejects
// what comes out of it, or a value cannot be cast. Each kind of lowered op is
// tried on a copy, once, before anything changes; ops are of one kind when
// names, attributes, types and regions are the same.
//===----------------------------------------------------------------------===//

#include "Rewrite.h"

#include "amp/Analysis/OpNameMap.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Threading.h"

#include <utility>

using namespace amp;
using namespace mlir;

namespace {

class Rehearsal {
public:
  Rehearsal(const FunctionPainting &painting, const ModelSet &models)
      : painting(painting), body(painting.body), models(models),
        builder(painting.target.getContext()) {}
  LogicalResult run();

private:
  const OpKind &kindOf(Operation *op) {
    return kinds.get(op->getName(),
                     [&](OperationName name) { return models.kindOf(name); });
  }
  bool needsRehearsal(uint32_t index);
  bool isNew(uint32_t index);
  LogicalResult tryOp(uint32_t index);
  LogicalResult tryCast(Operation *at, Value value, Type type, FloatType to);
  LogicalResult tryConstant(Operation *op,
                            const PrecisionDialectInterface &dialect,
                            FloatType to);

  const FunctionPainting &painting;
  const BodyIndex &body;
  const ModelSet &models;
  OpBuilder builder;
  OpNameMap<OpKind> kinds;
  /// What is known of the ops of one kind.
  struct KindInfo {
    bool isKnown = false, needsRehearsal = false;
    /// Of the last one that was tried.
    uint64_t lowered = 0;
  };
  std::vector<KindInfo> kindInfos;
  llvm::DenseSet<uint64_t> tried;
  llvm::DenseSet<std::pair<const void *, std::pair<Type, Type>>> casts;
  llvm::DenseSet<std::pair<const void *, Type>> constants;
};

/// The first error of this thread while it lives, for a note.
class Why {
public:
  explicit Why(MLIRContext *context)
      : handler(context, [this, thread = llvm::get_threadid()](
                             Diagnostic &inner) {
          // Nested passes run beside each other.
          if (llvm::get_threadid() != thread)
            return failure();
          if (text.empty() && inner.getSeverity() == DiagnosticSeverity::Error)
            text = inner.str();
          return success();
        }) {}
  std::string text;

private:
  ScopedDiagnosticHandler handler;
};

/// Numbers that mostly are pointers; a step is a multiplication.
struct KindHash {
  uint64_t state = 0;
  void add(uint64_t value) {
    state = (state ^ value) * 0x9E3779B97F4A7C15ull;
    state ^= state >> 32;
  }
  void add(const void *pointer) {
    add(uint64_t(reinterpret_cast<uintptr_t>(pointer)));
  }
  /// Of what an op is, all that its verifier may look at but its neighbours.
  void add(Operation *op);
};
} // namespace

void KindHash::add(Operation *op) {
  add(op->getName().getAsOpaquePointer());
  add(uint64_t(size_t(op->hashProperties())));
  add(op->getDiscardableAttrDictionary().getAsOpaquePointer());
  add(uint64_t(op->getNumOperands()) << 32 | op->getNumResults());
  for (unsigned i = 0, e = op->getNumOperands(); i < e; ++i)
    add(op->getOperand(i).getType().getAsOpaquePointer());
  for (unsigned i = 0, e = op->getNumResults(); i < e; ++i)
    add(op->getResult(i).getType().getAsOpaquePointer());
  for (Region &region : op->getRegions()) {
    add(uint64_t(1));
    for (Block &block : region) {
      add(uint64_t(block.getNumArguments()));
      for (BlockArgument argument : block.getArguments())
        add(argument.getType().getAsOpaquePointer());
      for (Operation &inner : block)
        add(&inner);
    }
  }
}

bool Rehearsal::needsRehearsal(uint32_t index) {
  const uint32_t number = painting.kinds[index];
  if (number != OpKinds::kNone && kindInfos[number].isKnown)
    return kindInfos[number].needsRehearsal;
  const OpKind &kind = kindOf(painting.ops[index].op);
  const bool needs = !kind.dialect || kind.dialect->needsRehearsal();
  if (number != OpKinds::kNone) {
    kindInfos[number].isKnown = true;
    kindInfos[number].needsRehearsal = needs;
  }
  return needs;
}

bool Rehearsal::isNew(uint32_t index) {
  const PaintedOp &painted = painting.ops[index];
  KindHash hash;
  const uint32_t kind = painting.kinds[index];
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v)
    hash.add(painting.loweredType(v).getAsOpaquePointer());
  if (kind != OpKinds::kNone &&
      std::exchange(kindInfos[kind].lowered, hash.state) == hash.state)
    return false;
  // Other blocks have kinds of their own.
  hash.add(painted.op);
  // The two largest numbers are the set's own.
  return tried.insert(hash.state >> 1).second;
}

/// A cast of `value`, as if it had `type`.
LogicalResult Rehearsal::tryCast(Operation *at, Value value, Type type,
                                 FloatType to) {
  Operation *op = value.getDefiningOp();
  const auto *dialect = op ? kindOf(op).dialect : nullptr;
  if (dialect && type == value.getType() && dialect->isConvertibleConstant(op))
    return tryConstant(op, *dialect, to);
  if (!dialect)
    dialect = op ? painting.dialect : kindOf(at).dialect;
  if (!dialect)
    dialect = painting.dialect;
  if (!dialect)
    return emitError(value.getLoc())
           << "no dialect of this function says how to build a cast";
  if (!casts.insert({dialect, {type, to}}).second)
    return success();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(at);
  Operation *before = at->getPrevNode();
  Value source =
      type == value.getType()
          ? value
          : UnrealizedConversionCastOp::create(builder, value.getLoc(), type,
                                               value)
                .getResult(0);
  bool made;
  std::string reason;
  {
    Why why(builder.getContext());
    Value result = dialect->buildCast(builder, value.getLoc(), source, to);
    made = result && result.getDefiningOp() && result != source;
    for (Operation *each = at->getPrevNode(); made && each != before;
         each = each->getPrevNode())
      made = succeeded(verify(each));
    reason = why.text;
  }
  while (at->getPrevNode() != before)
    at->getPrevNode()->erase();
  if (made)
    return success();
  InFlightDiagnostic diag = emitError(value.getLoc())
                            << "this value cannot be cast to " << to;
  if (!reason.empty())
    diag.attachNote() << reason;
  return diag;
}

/// A twin of a constant that a models file says is one. Code knows its own.
LogicalResult
Rehearsal::tryConstant(Operation *op, const PrecisionDialectInterface &dialect,
                       FloatType to) {
  if (dialect.getDialect() || !op->isRegistered() ||
      !constants.insert({op->getName().getAsOpaquePointer(), to}).second)
    return success();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(op);
  bool holds;
  std::string reason;
  {
    Why why(builder.getContext());
    Operation *twin = dialect.buildConvertedConstant(builder, op, to);
    holds = twin && succeeded(verify(twin));
    reason = why.text;
    if (twin)
      twin->erase();
  }
  if (holds)
    return success();
  InFlightDiagnostic diag =
      op->emitError() << "this constant cannot be converted to " << to;
  if (!reason.empty())
    diag.attachNote() << reason;
  return diag;
}

LogicalResult Rehearsal::tryOp(uint32_t index) {
  const PaintedOp &painted = painting.ops[index];
  const OpKind &kind = kindOf(painted.op);
  Operation *op = painted.op;
  builder.setInsertionPoint(op);
  llvm::SmallVector<UnrealizedConversionCastOp, 4> operands;
  Operation *copy = builder.clone(*op);
  builder.setInsertionPoint(copy);
  FloatType lowered;
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    VertexId v = painting.operandVertex[body.operandIndex(index, i)];
    FloatType type = v == kNoVertex ? FloatType() : painting.loweredType(v);
    if (!type)
      continue;
    operands.push_back(UnrealizedConversionCastOp::create(
        builder, op->getLoc(), withElementType(op->getOperand(i).getType(), type),
        op->getOperand(i)));
    copy->setOperand(i, operands.back().getResult(0));
  }
  std::string reason;
  bool holds = true;
  {
    Why why(op->getContext());
    for (VertexId v = painted.first; v < painted.first + painted.count; ++v)
      if (FloatType type = painting.loweredType(v); type && holds) {
        lowered = type;
        holds = succeeded(ModelSet::retargetGroup(
            copy, kind, painting.groupIndex(v), type));
      }
    holds = holds && succeeded(verify(copy));
    reason = why.text;
  }
  copy->erase();
  for (UnrealizedConversionCastOp operand : operands)
    operand.erase();
  if (holds)
    return success();
  InFlightDiagnostic diag =
      op->emitError() << "cannot have type " << lowered
                      << ", although its model says so";
  if (!reason.empty())
    diag.attachNote() << reason;
  return diag;
}

LogicalResult Rehearsal::run() {
  bool failed = false;
  kindInfos.resize(painting.kinds.size());
  for (uint32_t index : painting.order) {
    const PaintedOp &painted = painting.ops[index];
    bool isLowered = false;
    for (VertexId v = painted.first; v < painted.first + painted.count; ++v)
      isLowered |= painting.loweredType(v) && !painting.graph[v].retargetable;
    if (!isLowered || painted.isFlow || !needsRehearsal(index) || !isNew(index))
      continue;
    failed |= mlir::failed(tryOp(index));
    for (unsigned i = 0; i < painted.op->getNumOperands() && !failed; ++i) {
      VertexId v = painting.operandVertex[body.operandIndex(index, i)];
      FloatType type = v == kNoVertex ? FloatType() : painting.loweredType(v);
      Value operand = painted.op->getOperand(i);
      if (type && getElementTypeOrSelf(operand.getType()).isF32())
        failed |= mlir::failed(
            tryCast(painted.op, operand, operand.getType(), type));
    }
    for (OpResult result : painted.op->getResults()) {
      VertexId v =
          painting.valueVertex[body.result(index, result.getResultNumber())];
      FloatType type = v == kNoVertex ? FloatType() : painting.loweredType(v);
      if (type && !failed)
        failed |= mlir::failed(
            tryCast(painted.op, result, withElementType(result.getType(), type),
                    Float32Type::get(painted.op->getContext())));
    }
  }
  return failure(failed);
}

bool amp::isValid(Operation *op) {
  Why why(op->getContext());
  return succeeded(verify(op, /*verifyRecursively=*/false));
}

LogicalResult amp::rehearse(const FunctionPainting &painting,
                            const ModelSet &models) {
  return Rehearsal(painting, models).run();
}

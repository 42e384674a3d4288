//===- SpelledOut.cpp - One op, written as several ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From each exponential back to the difference and the maximum that it is taken
// of, and on to the sum and what divides by it or takes its logarithm.
//===----------------------------------------------------------------------===//

#include "SpelledOut.h"

#include "llvm/ADT/StringSwitch.h"

using namespace amp;

llvm::StringRef amp::spelledName(SpelledOp op) {
  switch (op) {
  case SpelledOp::None:
    break;
  case SpelledOp::Softmax:
    return "softmax";
  case SpelledOp::LogSoftmax:
    return "log_softmax";
  }
  return {};
}

SoftmaxStep amp::softmaxStep(llvm::StringRef meaning) {
  return llvm::StringSwitch<SoftmaxStep>(meaning)
      .Case("exp", SoftmaxStep::Exp)
      .Case("sub", SoftmaxStep::Sub)
      .Case("reduce_max", SoftmaxStep::Max)
      .Case("reduce_sum", SoftmaxStep::Sum)
      .Case("div", SoftmaxStep::Div)
      .Case("log", SoftmaxStep::Log)
      .Cases({"broadcast_to", "reshape", "expand_dims", "identity",
              "stop_gradient", "maximum"},
             SoftmaxStep::Move)
      .Default(SoftmaxStep::None);
}

namespace {

/// More than any softmax has between two of its steps.
constexpr unsigned kMaxMoves = 8, kMaxReached = 32;
/// Users of a value beyond these are not looked at.
constexpr size_t kMaxUsers = 64;

class Finder {
public:
  Finder(const BodyIndex &body, llvm::ArrayRef<SoftmaxStep> steps,
         std::vector<PaintedOp> &ops)
      : body(body), steps(steps), ops(ops) {}

  void findAt(uint32_t exp);

private:
  ValueId operand(uint32_t op, unsigned i) const {
    return i < body.numOperands(op)
               ? body.operandValue(body.operandIndex(op, i))
               : kNoValue;
  }
  uint32_t definition(ValueId value) const {
    return value == kNoValue ? kNoOp : body.definingOp(value);
  }
  bool is(uint32_t op, SoftmaxStep step) const {
    return op != kNoOp && steps[op] == step;
  }
  uint32_t backThroughMoves(ValueId value, SoftmaxStep wanted);
  uint32_t onThroughMoves(ValueId value, SoftmaxStep wanted, ValueId first);

  const BodyIndex &body;
  llvm::ArrayRef<SoftmaxStep> steps;
  std::vector<PaintedOp> &ops;
  /// Ops of the way that has been gone.
  llvm::SmallVector<uint32_t, 16> way;
};

} // namespace

/// The op `wanted` that a value comes from through moves, which join the way.
uint32_t Finder::backThroughMoves(ValueId value, SoftmaxStep wanted) {
  for (unsigned i = 0; i < kMaxMoves; ++i) {
    uint32_t op = definition(value);
    if (is(op, wanted))
      return op;
    if (!is(op, SoftmaxStep::Move))
      return kNoOp;
    way.push_back(op);
    // The maximum with a constant takes it on either side.
    value = operand(op, 0);
    for (unsigned k = 1; k < body.numOperands(op); ++k) {
      uint32_t source = definition(operand(op, k));
      if (is(source, wanted) || is(source, SoftmaxStep::Max))
        value = operand(op, k);
    }
  }
  return kNoOp;
}

/// The op `wanted` that a value reaches through moves, nearest first. When
/// `first` is a value, it must be the op's operand 0.
uint32_t Finder::onThroughMoves(ValueId value, SoftmaxStep wanted,
                                ValueId first) {
  struct Reached {
    ValueId value;
    uint32_t move;
    size_t from;
  };
  llvm::SmallVector<Reached, 8> reached = {{value, kNoOp, 0}};
  for (size_t i = 0; i < reached.size(); ++i)
    for (const BodyIndex::Use &use :
         body.uses(reached[i].value).take_front(kMaxUsers)) {
      if (is(use.op, wanted) &&
          (first == kNoValue || operand(use.op, 0) == first)) {
        for (size_t k = i; reached[k].move != kNoOp; k = reached[k].from)
          way.push_back(reached[k].move);
        return use.op;
      }
      if (is(use.op, SoftmaxStep::Move) && body.numResults(use.op) == 1 &&
          reached.size() < kMaxReached)
        reached.push_back({body.result(use.op, 0), use.op, i});
    }
  return kNoOp;
}

void Finder::findAt(uint32_t exp) {
  way.clear();
  uint32_t sub = definition(operand(exp, 0));
  if (!is(sub, SoftmaxStep::Sub) || body.numResults(exp) != 1)
    return;
  uint32_t max = backThroughMoves(operand(sub, 1), SoftmaxStep::Max);
  if (max == kNoOp || operand(max, 0) == kNoValue ||
      operand(max, 0) != operand(sub, 0))
    return;
  const ValueId powers = body.result(exp, 0);
  const size_t toMax = way.size();
  for (const BodyIndex::Use &use : body.uses(powers).take_front(kMaxUsers)) {
    if (!is(use.op, SoftmaxStep::Sum) || use.operand != 0)
      continue;
    uint32_t sum = use.op;
    const ValueId total = body.result(sum, 0);
    SpelledOp kind = SpelledOp::Softmax;
    way.resize(toMax);
    uint32_t last = onThroughMoves(total, SoftmaxStep::Div, powers);
    if (last != kNoOp) {
      way.append({max, sub, exp, sum, last});
    } else {
      way.resize(toMax);
      uint32_t log = onThroughMoves(total, SoftmaxStep::Log, kNoValue);
      if (log == kNoOp)
        continue;
      kind = SpelledOp::LogSoftmax;
      way.append({max, sub, exp, sum, log});
      const size_t toLog = way.size();
      last = onThroughMoves(body.result(log, 0), SoftmaxStep::Sub,
                            body.result(sub, 0));
      if (last == kNoOp)
        way.resize(toLog);
      else
        way.push_back(last);
    }
    for (uint32_t op : way)
      ops[op].partOf = kind;
    return;
  }
}

void amp::findSpelledOut(BodyIndex &body, llvm::ArrayRef<SoftmaxStep> steps,
                         std::vector<PaintedOp> &ops) {
  Finder finder(body, steps, ops);
  for (uint32_t i = 0; i < body.numOps(); ++i)
    if (steps[i] == SoftmaxStep::Exp)
      finder.findAt(i);
}

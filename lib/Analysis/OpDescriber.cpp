//===- OpDescriber.cpp - What ops are to the painting ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What follows from the name of an op is found out once per name, the rest is
// asked of the interface, the table or the dialect.
//===----------------------------------------------------------------------===//

#include "OpDescriber.h"

#include "TypeGroups.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/CallInterfaces.h"

using namespace amp;
using namespace mlir;

OpDescriber::OpDescriber(const PaintSettings &settings,
                         FunctionPainting &painting)
    : settings(settings), painting(painting) {
  MLIRContext *context = painting.target.getContext();
  preserve = StringAttr::get(context, kPreserveAttr);
  precision = StringAttr::get(context, kPrecisionAttr);
}

OpDescriber::NameInfo &OpDescriber::infoOf(Operation *op) {
  return infos.get(op->getName(), [&](OperationName name) {
    NameInfo info;
    info.kind = settings.models.kindOf(name);
    if (info.kind.dialect)
      info.castsAreTransparent = !info.kind.dialect->castsAreNodes();
    if (info.kind.model)
      info.step = softmaxStep(info.kind.model->as);
    return info;
  });
}

const OpDescriber::Marks &OpDescriber::marksOf(Operation *op) {
  DictionaryAttr dictionary = op->getRawDictionaryAttrs();
  if (dictionary == lastDictionary)
    return lastMarks;
  lastDictionary = dictionary;
  lastMarks = {};
  for (NamedAttribute attr : dictionary) {
    lastMarks.preserve |= attr.getName() == preserve;
    lastMarks.precision |= attr.getName() == precision;
  }
  return lastMarks;
}

/// The policy's word on a name.
void OpDescriber::look(NameInfo &info, Operation *op, llvm::StringRef name) {
  info.policyName = name;
  info.isListed = settings.policy.lists(name.str());
  // Where the policy does not know the op, it may know what kind of op it is.
  std::string known = name.str();
  if (!info.isListed)
    if (llvm::StringRef family = ModelSet::getPolicyFamily(op, info.kind);
        !family.empty() && settings.policy.lists(family.str())) {
      known = family.str();
      info.isListed = true;
    }
  info.list = settings.policy.list(known);
}

/// The same text, most often by its address.
static bool isSame(llvm::StringRef a, llvm::StringRef b) {
  return a.size() == b.size() && (a.data() == b.data() || a == b);
}

/// As another op of its kind, before that has a pin or is a part of anything.
void OpDescriber::describeLike(uint32_t index, uint32_t example) {
  PaintedOp &painted = painting.ops[index];
  Operation *op = painted.op;
  painted = painting.ops[example];
  painted.op = op;
  painted.first = painted.count = 0;
  if (!steps.empty())
    steps[index] = steps[example];
}

void OpDescriber::describe(uint32_t index) {
  PaintedOp &painted = painting.ops[index];
  const uint32_t number = painted.isFlow ? OpKinds::kNone : painting.kinds[index];
  if (examples.empty())
    examples.assign(painting.kinds.size(), kNoOp);
  if (number != OpKinds::kNone && examples[number] != kNoOp)
    return describeLike(index, examples[number]);
  Operation *op = painted.op;
  NameInfo &info = infoOf(op);
  const auto *dialect = info.kind.dialect;
  anyPin |= marksOf(op).precision;
  recurs |= ModelSet::isRecurrence(op, info.kind);
  painted.isRead = dialect && dialect->isVariableRead(op);
  if (painted.isRead)
    return;
  llvm::StringRef name = ModelSet::getPolicyName(op, info.kind);
  // Most dialects have one name for all ops of a kind.
  if (!info.policyName.data() || !isSame(name, info.policyName))
    look(info, op, name);
  painted.list = info.list;
  if (painted.isFlow) {
    // What only passes a value on takes its neighbours' type.
    if (!info.isListed)
      painted.list = ListKind::Clear;
    return;
  }
  if (info.kind.model && !info.kind.interface) {
    SoftmaxStep step =
        info.kind.model->bodies.empty()
            ? info.step
            : softmaxStep(ModelSet::getMeaning(op, info.kind));
    if (step != SoftmaxStep::None) {
      steps.resize(painting.ops.size());
      steps[index] = step;
    }
  }
  painted.isCast =
      info.castsAreTransparent && ModelSet::isCast(op, info.kind);
  painted.isLoss = ModelSet::isLoss(op, info.kind);
  painted.isUnknown = !painted.isCast &&
                      (!info.kind.isDescribed() || !info.isListed) &&
                      !(dialect && (dialect->isCast(op) ||
                                    dialect->isConvertibleConstant(op)));
  // A call of a function that keeps its signature is known to hand over what
  // the signature says.
  if (painted.isUnknown && !info.kind.isDescribed() &&
      (isa<CallOpInterface>(op) || !touchesFloats(op)))
    painted.isUnknown = false;
  hasLossOrUnknown |= painted.isLoss || painted.isUnknown;
  if (painted.isUnknown) {
    auto &entry = painting.unknown[name];
    if (!entry.first)
      entry.first = op;
    ++entry.second;
  }
  if (painted.isLoss && painted.list != ListKind::Deny &&
      painted.list != ListKind::Keep) {
    if (!warnedLosses.lookup(name)) {
      warnedLosses[name] = true;
      op->emitWarning() << "'" << name << "' is a loss and stays float32, "
                        << "although the policy lists it as "
                        << llvm::StringRef(listName(painted.list));
    }
    painted.list = ListKind::Deny;
  }
  if (number != OpKinds::kNone && !painted.isUnknown)
    examples[number] = index;
}

LogicalResult OpDescriber::readPins() {
  if (!anyPin && settings.pinnedByFlag.empty())
    return success();
  updated = true;
  llvm::StringMap<Pin> byName;
  bool failed = false;
  for (PaintedOp &painted : painting.ops) {
    Operation *op = painted.op;
    if (painted.isTerminator)
      continue;
    if (Attribute attr = op->getDiscardableAttr(precision)) {
      auto type = dyn_cast<TypeAttr>(attr);
      if (type && type.getValue().isF32())
        painted.pin = Pin::Float32;
      else if (type && type.getValue() == painting.target)
        painted.pin = Pin::Target;
      else if (type && type.getValue() == painting.other)
        painted.pin = Pin::OtherLow;
      else {
        op->emitError() << "attribute '" << kPrecisionAttr
                        << "' is none of f32, f16 and bf16";
        failed = true;
      }
    } else if (!settings.pinnedByFlag.empty() &&
               settings.pinnedByFlag.contains(op)) {
      painted.pin = Pin::Float32;
    }
    if (painted.pin != Pin::None)
      if (llvm::StringRef name = getNodeName(op->getLoc()); !name.empty())
        byName[name] = painted.pin;
  }
  if (failed)
    return failure();
  if (byName.empty())
    return success();
  for (PaintedOp &painted : painting.ops) {
    if (painted.pin != Pin::None || painted.isTerminator)
      continue;
    if (auto origin = painted.op->getAttrOfType<StringAttr>(kOriginAttr)) {
      auto it = byName.find(origin.getValue());
      if (it != byName.end())
        painted.pin = it->second;
    }
  }
  return success();
}

void OpDescriber::findSpelledOutOps() {
  if (llvm::none_of(steps,
                    [](SoftmaxStep s) { return s == SoftmaxStep::Exp; }))
    return;
  updated = true;
  painting.body.indexUses();
  findSpelledOut(painting.body, steps, painting.ops);
  for (PaintedOp &painted : painting.ops) {
    if (painted.partOf == SpelledOp::None)
      continue;
    // Who asks for an op by its name, or for what it is, gets it.
    llvm::StringRef name = settings.models.getPolicyName(painted.op);
    const OpKind &kind = infoOf(painted.op).kind;
    llvm::StringRef meaning = ModelSet::getMeaning(painted.op, kind);
    ListKind list = settings.policy.list(spelledName(painted.partOf).str());
    if ((list == ListKind::Deny || list == ListKind::Keep) &&
        !settings.policy.isAsked(std::string_view(name.data(), name.size())) &&
        !settings.policy.isAsked(
            std::string_view(meaning.data(), meaning.size())))
      painted.list = list;
  }
}

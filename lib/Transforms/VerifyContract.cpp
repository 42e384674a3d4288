//===- VerifyContract.cpp - Checks what a rewrite promises ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-verify-contract: the function as it is against the record that the
// rewrite made of it before.
//===----------------------------------------------------------------------===//

#include "Contract.h"

#include "amp/Analysis/OpNameMap.h"
#include "amp/Interfaces/ElementTypes.h"
#include "amp/Transforms/MixedPrecision.h"
#include "amp/Transforms/Passes.h"

#include <optional>
#include <utility>

namespace amp {
#define GEN_PASS_DEF_VERIFYCONTRACT
#include "amp/Transforms/Passes.h.inc"
} // namespace amp

using namespace amp;
using namespace mlir;

static LogicalResult verifyInterface(FunctionOpInterface function, Type type) {
  if (function.getFunctionType() != type)
    return emitError(function.getLoc())
           << "contract: the type of the function was " << type
           << " and is now " << function.getFunctionType();
  llvm::ArrayRef<Type> results = function.getResultTypes();
  for (Block &block : function.getFunctionBody()) {
    if (block.empty() || !block.back().hasTrait<OpTrait::IsTerminator>() ||
        block.back().getNumSuccessors() != 0)
      continue;
    Operation &end = block.back();
    if (!llvm::equal(end.getOperandTypes(), results))
      return end.emitError("contract: what the function returns does not have "
                           "the types that the function says");
  }
  return success();
}

namespace {
/// What all ops of one name share, and the record's word on the last one.
struct NameInfo {
  OpKind kind;
  llvm::StringRef policyName;
  /// How many of the op's groups are 16-bit, and the last op with such a one;
  /// null for an op that may have any type.
  std::pair<int64_t, Operation *> *count = nullptr;
};

/// What all ops of one kind share.
struct KindInfo {
  bool isKnown = false;
  std::pair<int64_t, Operation *> *count = nullptr;
  /// How many of its groups are 16-bit.
  int64_t low = 0;
};
} // namespace

static LogicalResult verifyLow(FunctionOpInterface function,
                               const BodyIndex &body, const OpKinds &kinds,
                               DictionaryAttr low, const ModelSet &models) {
  llvm::StringMap<std::pair<int64_t, Operation *>> counts;
  OpNameMap<NameInfo> infos;
  llvm::SmallVector<TypeGroup, 2> groups;
  auto look = [&](Operation *op) {
    KindInfo known;
    known.isKnown = true;
    NameInfo &info = infos.get(op->getName(), [&](OperationName name) {
      NameInfo info;
      info.kind = models.kindOf(name);
      return info;
    });
    if (!info.kind.isDescribed() || ModelSet::isCast(op, info.kind))
      return known;
    llvm::StringRef name = ModelSet::getPolicyName(op, info.kind);
    if (name != info.policyName || !info.policyName.data()) {
      info.policyName = name;
      info.count = low.get(name) ? &counts[name] : nullptr;
    }
    known.count = info.count;
    if (!known.count)
      return known;
    groups.clear();
    ModelSet::getTypeGroups(op, info.kind, groups);
    known.low = llvm::count_if(groups, [&](const TypeGroup &group) {
      return isLowGroup(op, group);
    });
    return known;
  };
  std::vector<KindInfo> kindInfos(kinds.size());
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    KindInfo own;
    KindInfo &info = kinds[i] == OpKinds::kNone ? own : kindInfos[kinds[i]];
    if (!info.isKnown)
      info = look(body.op(i));
    if (info.count && info.low != 0) {
      info.count->first += info.low;
      info.count->second = body.op(i);
    }
  }
  for (NamedAttribute entry : low) {
    auto expected = dyn_cast<IntegerAttr>(entry.getValue());
    if (!expected)
      return emitError(function.getLoc(), "contract: the record is malformed");
    // That ops are missing is the fingerprint's matter.
    auto found = counts.find(entry.getName().getValue());
    if (found == counts.end())
      continue;
    auto [count, last] = found->second;
    if (count == expected.getInt())
      continue;
    Operation *at = last ? last : function.getOperation();
    return at->emitError() << "contract: " << count << " '"
                           << entry.getName().getValue() << "' are 16-bit and "
                           << expected.getInt()
                           << " may be: the policy keeps this op float32";
  }
  return success();
}

/// At most one generated cast of a value to a type.
static LogicalResult verifyCasts(const BodyIndex &body, const OpKinds &kinds,
                                 MLIRContext *context,
                                 const ModelSet &models) {
  auto generated = StringAttr::get(context, kGeneratedAttr);
  OpNameMap<const PrecisionDialectInterface *> dialects;
  // By value its last cast, and by cast the one before, where there are more.
  std::vector<uint32_t> lastCast(body.numValues(), kNoOp);
  llvm::DenseMap<uint32_t, uint32_t> casts;
  llvm::DenseMap<Value, llvm::SmallVector<uint32_t, 2>> castsOfOthers;
  auto typeOf = [&](uint32_t cast) {
    return elementTypeOf(body.op(cast)->getResult(0));
  };
  llvm::SmallVector<uint32_t, 4> before;
  auto isGeneratedCast = [&](Operation *op) {
    const auto *dialect = dialects.get(op->getName(), [&](OperationName name) {
      return models.kindOf(name).dialect;
    });
    return dialect && isOneToOne(op, *dialect) && dialect->isCast(op) &&
           op->hasAttr(generated);
  };
  std::vector<std::optional<bool>> isCast(kinds.size());
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    Operation *op = body.op(i);
    std::optional<bool> own;
    std::optional<bool> &known =
        kinds[i] == OpKinds::kNone ? own : isCast[kinds[i]];
    if (!known)
      known = isGeneratedCast(op);
    if (!*known)
      continue;
    before.clear();
    ValueId source = body.numOperands(i) != 0
                         ? body.operandValue(body.operandIndex(i, 0))
                         : kNoValue;
    if (source == kNoValue) {
      auto &others = castsOfOthers[op->getOperand(0)];
      before.append(others.begin(), others.end());
      others.push_back(i);
    } else if (uint32_t last = std::exchange(lastCast[source], i);
               last != kNoOp) {
      casts[i] = last;
      before.push_back(last);
      for (auto it = casts.find(last); it != casts.end();
           it = casts.find(it->second))
        before.push_back(it->second);
    }
    auto first = llvm::find_if(
        before, [&](uint32_t cast) { return typeOf(cast) == typeOf(i); });
    if (first == before.end())
      continue;
    InFlightDiagnostic diag =
        op->emitError() << "contract: a second cast of one value to "
                        << typeOf(i);
    diag.attachNote(body.op(*first)->getLoc()) << "the first one";
    return diag;
  }
  return success();
}

LogicalResult amp::verifyContract(Operation *root, const ModelSet &models) {
  bool failed = false;
  root->walk<WalkOrder::PreOrder>([&](FunctionOpInterface function) {
    auto record = function->getAttrOfType<DictionaryAttr>(kContractAttr);
    if (!record)
      return;
    auto print = record.getAs<StringAttr>("fingerprint");
    auto low = record.getAs<DictionaryAttr>("low");
    auto type = record.getAs<TypeAttr>("type");
    if (!print || !low || !type) {
      emitError(function.getLoc(), "contract: the record is malformed");
      failed = true;
      return;
    }
    BodyIndex body(function.getFunctionBody(), models);
    const OpKinds kinds(body);
    bool holds =
        succeeded(verifyInterface(function, type.getValue())) &&
        succeeded(verifyLow(function, body, kinds, low, models)) &&
        succeeded(verifyCasts(body, kinds, function.getContext(), models));
    if (holds && fingerprint(body, kinds, models) != print.getValue()) {
      emitError(function.getLoc(), "contract: more than casts has changed, the "
                                   "fingerprint is another one");
      holds = false;
    }
    if (holds)
      function->removeAttr(kContractAttr);
    failed |= !holds;
  });
  return failure(failed);
}

namespace {
struct VerifyContractPass
    : public amp::impl::VerifyContractBase<VerifyContractPass> {
  using VerifyContractBase::VerifyContractBase;
  explicit VerifyContractPass(const ModelSet &models) : models(models) {}

  void runOnOperation() override {
    ModelSet all = models;
    if (failed(addOpModels(getOperation(), opModels, all)) ||
        failed(verifyContract(getOperation(), all)))
      signalPassFailure();
  }

  ModelSet models;
};
} // namespace

std::unique_ptr<Pass> amp::createVerifyContract(const ModelSet &models) {
  return std::make_unique<VerifyContractPass>(models);
}

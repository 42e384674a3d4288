//===- AutoMixedPrecision.cpp - Automatic mixed precision -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-auto-mixed-precision: loads the policy, paints every function, then
// rewrites every function, so that an error leaves all of them unchanged.
//===----------------------------------------------------------------------===//

#include "amp/Transforms/MixedPrecision.h"

#include "Contract.h"
#include "ReportBuilder.h"
#include "Rewrite.h"
#include "amp/Analysis/ForeignModels.h"
#include "amp/Transforms/Passes.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

namespace amp {
#define GEN_PASS_DEF_AUTOMIXEDPRECISION
#include "amp/Transforms/Passes.h.inc"
} // namespace amp

using namespace amp;
using namespace mlir;

std::shared_ptr<const Policy>
amp::loadPolicyFor(MLIRContext *context, const PolicyRequest &request,
                   std::vector<PolicyMessage> &messages,
                   const ModelSet &models) {
  checkForeignModels(models, context, messages);
  llvm::SmallVector<llvm::StringRef> known;
  for (Dialect *dialect : context->getLoadedDialects())
    if (const auto *interface =
            dialect->getRegisteredInterface<PrecisionDialectInterface>())
      interface->getPolicyNames(known);
  std::vector<std::string_view> names(known.begin(), known.end());
  std::vector<std::string> foreign;
  for (const auto &file : models.foreign())
    for (std::string &name : file->file().policyNames())
      foreign.push_back(std::move(name));
  names.insert(names.end(), foreign.begin(), foreign.end());
  std::optional<Policy> policy = loadPolicy(request, names, messages);
  if (!policy || llvm::any_of(messages, [](const PolicyMessage &message) {
        return message.isError;
      }))
    return nullptr;
  for (const auto &file : models.foreign())
    addOpModels(*policy, file->file());
  return std::make_shared<const Policy>(std::move(*policy));
}

static void emit(Operation *root,
                 const std::vector<PolicyMessage> &messages) {
  for (const PolicyMessage &message : messages) {
    llvm::StringRef text = message.text;
    text.consume_front(message.isError ? "error: " : "warning: ");
    if (message.isError)
      emitError(root->getLoc()) << text;
    else
      emitWarning(root->getLoc()) << text;
  }
}

LogicalResult amp::addOpModels(Operation *root,
                               llvm::ArrayRef<std::string> namesOrFiles,
                               ModelSet &models) {
  std::vector<PolicyMessage> messages;
  bool ok = true;
  for (const std::string &name : namesOrFiles)
    ok &= addForeignModels(models, name, messages);
  emit(root, messages);
  return success(ok);
}

/// The policy that the options ask for; messages become diagnostics.
static std::shared_ptr<const Policy>
getPolicy(Operation *root, const MixedPrecisionOptions &options) {
  if (options.policy)
    return options.policy;
  std::vector<PolicyMessage> messages;
  std::shared_ptr<const Policy> policy = loadPolicyFor(
      root->getContext(), options.request, messages, options.models);
  emit(root, messages);
  return policy;
}

/// `*` matches any text, `/` too, `?` one character. Linear in practice: a
/// mismatch goes back to the last star only.
static bool matchesGlob(llvm::StringRef glob, llvm::StringRef text) {
  size_t g = 0, t = 0, star = llvm::StringRef::npos, mark = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != llvm::StringRef::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*')
    ++g;
  return g == glob.size();
}

/// Finds the nodes that --pin names.
static LogicalResult resolvePins(Operation *root,
                                 llvm::ArrayRef<FunctionOpInterface> functions,
                                 const MixedPrecisionOptions &options,
                                 llvm::DenseSet<Operation *> &pinned) {
  bool failed = false;
  for (const std::string &pin : options.pins) {
    llvm::StringRef function, glob = pin;
    if (size_t colon = glob.find(':'); colon != llvm::StringRef::npos) {
      function = glob.take_front(colon);
      glob = glob.drop_front(colon + 1);
    }
    bool found = false, isFunction = false;
    std::vector<std::string_view> names, functionNames;
    for (FunctionOpInterface f : functions) {
      llvm::StringRef name = getFunctionName(f);
      functionNames.emplace_back(name.data(), name.size());
      if (!function.empty() && !matchesGlob(function, name))
        continue;
      isFunction = true;
      for (Block &block : f.getFunctionBody())
        for (Operation &op : block) {
          llvm::StringRef name = getNodeName(op.getLoc());
          const auto *dialect = ModelSet::getDialectInterface(&op);
          if (name.empty() || op.hasAttr(kOriginAttr) ||
              op.hasAttr(kGeneratedAttr) ||
              op.hasTrait<OpTrait::IsTerminator>() ||
              (dialect && dialect->isVariableRead(&op)))
            continue;
          if (matchesGlob(glob, name)) {
            found = true;
            pinned.insert(&op);
          } else {
            names.emplace_back(name.data(), name.size());
          }
        }
    }
    if (found)
      continue;
    failed = true;
    InFlightDiagnostic diag = emitError(root->getLoc())
                              << "--pin: no node matches '" << pin << "'";
    // The part that is wrong: the function, or the node.
    llvm::StringRef wrong = isFunction ? glob : function;
    std::string_view nearest =
        nearestName(std::string_view(wrong.data(), wrong.size()),
                    isFunction ? names : functionNames);
    if (nearest.empty())
      continue;
    diag << "; did you mean '";
    if (!function.empty())
      diag << (isFunction ? function : llvm::StringRef(nearest)) << ":";
    diag << (isFunction ? llvm::StringRef(nearest) : glob) << "'?";
  }
  return failure(failed);
}

/// One message per name of ops that nothing describes or that no list has.
static LogicalResult
reportUnknownOps(llvm::ArrayRef<std::unique_ptr<FunctionPainting>> paintings,
                 UnknownOps what) {
  if (what == UnknownOps::Ignore)
    return success();
  llvm::MapVector<llvm::StringRef, std::pair<Operation *, unsigned>> unknown;
  for (const auto &painting : paintings)
    for (const auto &[name, found] : painting->unknown) {
      auto &entry = unknown[name];
      if (!entry.first)
        entry.first = found.first;
      entry.second += found.second;
    }
  for (const auto &[name, found] : unknown) {
    InFlightDiagnostic diag = what == UnknownOps::Error
                                  ? found.first->emitError()
                                  : found.first->emitWarning();
    // The names that its dialect tells are known.
    llvm::SmallVector<llvm::StringRef> known;
    if (const auto *dialect = ModelSet::getDialectInterface(found.first))
      dialect->getPolicyNames(known);
    const bool isKnown = llvm::is_contained(known, name);
    diag << (isKnown ? "op '" : "unknown op '") << name << "'";
    if (found.second > 1)
      diag << " (" << found.second << " of them)";
    diag << (isKnown ? " is in no list of the policy" : "")
         << ": it stays as it is, and nothing is lowered through it";
  }
  return failure(what == UnknownOps::Error && !unknown.empty());
}

static LogicalResult run(Operation *root,
                         llvm::ArrayRef<FunctionOpInterface> functions,
                         llvm::ArrayRef<FunctionUnit> units,
                         const MixedPrecisionOptions &options,
                         PrecisionReport *given) {
  std::shared_ptr<const Policy> policy = getPolicy(root, options);
  if (!policy)
    return failure();
  MLIRContext *context = root->getContext();
  PaintSettings settings{
      *policy,
      options.inferRule.value_or(policy->inferRule),
      options.models,
      policy->target == Target::Float16
          ? cast<FloatType>(Type(Float16Type::get(context)))
          : cast<FloatType>(Type(BFloat16Type::get(context))),
      options.keepBlockOrder,
      {},
      options.forced.empty() ? nullptr : &options.forced};
  if (failed(resolvePins(root, functions, options, settings.pinnedByFlag)))
    return failure();

  std::vector<std::unique_ptr<FunctionPainting>> paintings;
  bool failed = false;
  for (const FunctionUnit &unit : units) {
    paintings.push_back(std::make_unique<FunctionPainting>());
    failed |= mlir::failed(paintUnit(unit, settings, *paintings.back()));
  }
  failed |= mlir::failed(reportUnknownOps(paintings, options.unknownOps));
  if (failed)
    return failure();

  // Whatever could fail does so before anything changes.
  for (const auto &painting : paintings)
    failed |= mlir::failed(rehearse(*painting, options.models));
  if (failed)
    return failure();

  PrecisionReport unused;
  PrecisionReport &report = given ? *given : unused;
  ReportBuilder builder(report, *policy, settings);
  for (const auto &painting : paintings)
    builder.countFunction(*painting);
  // Remarks word their reasons by the nodes, and so does the warning that
  // nothing was lowered.
  bool wantsNodes = (given && options.reportNodes) ||
                    ReportBuilder::wantsRemarks(context) ||
                    (!report.lowersNothing &&
                     report.input.lowered + report.generated.lowered == 0);
  for (auto &painting : paintings) {
    if (wantsNodes)
      builder.addFunction(*painting);
    std::vector<DictionaryAttr> contracts;
    for (FunctionOpInterface function : painting->unit.functions)
      contracts.push_back(buildContract(*painting, options.models, function));
    RewriteResult result;
    result.wantsCasts = wantsNodes;
    result.wantsNames = wantsNodes || !options.nameLater;
    if (mlir::failed(rewriteFunction(*painting, options.models, result)))
      return failure();
    for (auto [function, contract] :
         llvm::zip_equal(painting->unit.functions, contracts))
      function->setAttr(kContractAttr, contract);
    builder.addRewrite(*painting, result);
    painting.reset();
  }
  if (std::string why = report.whyNothing(); !why.empty())
    emitWarning(root->getLoc()) << "nothing was lowered: " << why;
  return success();
}

LogicalResult amp::autoMixedPrecision(ModuleOp module,
                                      const MixedPrecisionOptions &options,
                                      PrecisionReport *report) {
  llvm::SmallVector<FunctionOpInterface> functions;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (!function)
      return WalkResult::advance();
    if (!function.getFunctionBody().empty() &&
        !function->hasAttr(kPreserveAttr))
      functions.push_back(function);
    return WalkResult::skip();
  });
  return run(module, functions, findUnits(functions, options.models), options, report);
}

LogicalResult amp::autoMixedPrecision(FunctionOpInterface function,
                                      const MixedPrecisionOptions &options,
                                      PrecisionReport *report) {
  if (function.getFunctionBody().empty())
    return success();
  // What calls it is not looked at, so its signature stays.
  FunctionUnit unit;
  unit.functions.push_back(function);
  return run(function, function, unit, options, report);
}

namespace {

struct AutoMixedPrecisionPass
    : public amp::impl::AutoMixedPrecisionBase<AutoMixedPrecisionPass> {
  using AutoMixedPrecisionBase::AutoMixedPrecisionBase;
  AutoMixedPrecisionPass(const MixedPrecisionOptions &options,
                         PrecisionReport *report)
      : given(options), givenReport(report) {}

  /// Options given as text to those of the function.
  LogicalResult parseOptions(MixedPrecisionOptions &options) {
    Location loc = getOperation()->getLoc();
    if (target == "float16" || target == "f16")
      options.request.target = Target::Float16;
    else if (target == "bfloat16" || target == "bf16")
      options.request.target = Target::BFloat16;
    else
      return emitError(loc)
             << "unknown target '" << target << "', it is float16 or bfloat16";
    if (inferRule == "between" || inferRule == "follow")
      options.inferRule =
          inferRule == "between" ? InferRule::Between : InferRule::Follow;
    else if (!inferRule.empty())
      return emitError(loc) << "unknown infer rule '" << inferRule
                            << "', it is between or follow";
    if (unknownOps == "error")
      options.unknownOps = UnknownOps::Error;
    else if (unknownOps == "warn")
      options.unknownOps = UnknownOps::Warn;
    else if (unknownOps == "ignore")
      options.unknownOps = UnknownOps::Ignore;
    else
      return emitError(loc) << "unknown value '" << unknownOps
                            << "' of unknown-ops, it is error, warn or ignore";
    options.request.policy = policy;
    auto move = [&](ListKind list, llvm::ArrayRef<std::string> ops) {
      for (const std::string &op : ops)
        options.request.moves.emplace_back(list, op);
    };
    move(ListKind::Allow, allowOps);
    move(ListKind::Infer, inferOps);
    move(ListKind::Clear, clearOps);
    move(ListKind::Deny, denyOps);
    move(ListKind::Keep, keepOps);
    options.pins.assign(pins.begin(), pins.end());
    options.keepBlockOrder = keepBlockOrder;
    if (accumulate == "float32" || accumulate == "f32")
      options.models.accumulateFloat32(true);
    else if (!accumulate.empty())
      return emitError(loc) << "unknown value '" << accumulate
                            << "' of accumulate, it is float32";
    return addOpModels(getOperation(), opModels, options.models);
  }

  /// What explain and report ask for.
  LogicalResult tell(const PrecisionReport &told) {
    Location loc = getOperation()->getLoc();
    if (!explain.empty()) {
      std::string text, nearest;
      llvm::raw_string_ostream stream(text);
      llvm::StringRef node = explain == "all" ? llvm::StringRef() : explain;
      if (!writeExplanation(told, node, stream, nearest)) {
        InFlightDiagnostic diag = emitError(loc)
                                  << "explain: no node '" << explain << "'";
        if (!nearest.empty())
          diag << "; did you mean '" << nearest << "'?";
        return diag;
      }
      llvm::errs() << text;
    }
    if (report.empty())
      return success();
    auto write = [&](llvm::raw_ostream &os) -> llvm::Error {
      writeReportJson(told, os);
      return llvm::Error::success();
    };
    // A pipe or a device is written to; a file appears when it is whole.
    if (report != "-" && llvm::sys::fs::exists(report) &&
        !llvm::sys::fs::is_regular_file(report)) {
      std::error_code error;
      llvm::raw_fd_ostream os(report, error);
      if (error)
        return emitError(loc) << "report: cannot write '" << report
                              << "': " << error.message();
      return failure(bool(write(os)));
    }
    if (llvm::Error error = llvm::writeToOutput(report, write))
      return emitError(loc) << "report: cannot write '" << report
                            << "': " << llvm::toString(std::move(error));
    return success();
  }

  void runOnOperation() override {
    MixedPrecisionOptions options;
    if (given)
      options = *given;
    else if (failed(parseOptions(options)))
      return signalPassFailure();
    PrecisionReport own;
    const bool tells = !explain.empty() || !report.empty();
    if (tells)
      options.reportNodes = true;
    PrecisionReport *filled = given ? givenReport : tells ? &own : nullptr;
    Operation *root = getOperation();
    // Each function would write the same file, and say that it lacks the nodes of
    // the others.
    if (isa<FunctionOpInterface>(root) &&
        (!report.empty() || (!explain.empty() && explain != "all"))) {
      root->emitError(report.empty() ? "explain" : "report")
          << ": on each function for itself, this pass knows nothing of the "
             "others; run it on the module";
      return signalPassFailure();
    }
    LogicalResult result = failure();
    if (auto module = dyn_cast<ModuleOp>(root))
      result = autoMixedPrecision(module, options, filled);
    else if (auto function = dyn_cast<FunctionOpInterface>(root))
      result = autoMixedPrecision(function, options, filled);
    else
      root->emitError("amp-auto-mixed-precision runs on a module or on a "
                      "function, not on '")
          << root->getName() << "'";
    if (failed(result) || (tells && failed(tell(own))))
      signalPassFailure();
  }

  std::optional<MixedPrecisionOptions> given;
  PrecisionReport *givenReport = nullptr;
};

} // namespace

std::unique_ptr<Pass>
amp::createAutoMixedPrecision(const MixedPrecisionOptions &options,
                              PrecisionReport *report) {
  return std::make_unique<AutoMixedPrecisionPass>(options, report);
}

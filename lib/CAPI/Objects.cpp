//===- Objects.cpp - What the handles of the C API point to ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Errors, options, policies and reports.
//===----------------------------------------------------------------------===//

#include "Objects.h"

#include "amp/Analysis/ForeignModels.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace amp;
using namespace amp::capi;
using namespace mlir;

AmpStringRef ampStringRefCreate(const char *text) {
  return {text, text ? std::strlen(text) : 0};
}

AmpError capi::makeError(AmpErrorKind kind, std::string message) {
  return new AmpErrorImpl{kind, std::move(message)};
}

AmpErrorKind ampErrorGetKind(AmpError error) { return error->kind; }
AmpStringRef ampErrorGetMessage(AmpError error) { return wrap(error->message); }
void ampErrorDestroy(AmpError error) { delete error; }

static void append(std::string &to, llvm::StringRef text) {
  if (!to.empty())
    to += "\n";
  to += text;
}

AmpError capi::takeMessages(const std::vector<PolicyMessage> &messages,
                            std::string &warnings) {
  std::string errors;
  bool isIO = false;
  for (const PolicyMessage &message : messages) {
    llvm::StringRef text = message.text;
    text.consume_front(message.isError ? "error: " : "warning: ");
    append(message.isError ? errors : warnings, text);
    isIO |= message.isIO;
  }
  if (errors.empty())
    return nullptr;
  return makeError(isIO ? AmpErrorIO : AmpErrorBadOption, std::move(errors));
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

AmpOptions ampOptionsCreate() { return new AmpOptionsImpl(); }
void ampOptionsDestroy(AmpOptions options) { delete options; }

static AmpError badOption(const std::string &what, AmpStringRef given) {
  return makeError(AmpErrorBadOption, what + ", not '" + unwrap(given) + "'");
}

AmpError ampOptionsSetPolicy(AmpOptions options, AmpStringRef policy) {
  if (policy.length == 0)
    return badOption("a policy is a preset or a file ending in .json", policy);
  options->rewrite.precision.request.policy = unwrap(policy);
  resolvePolicyAlias(options->rewrite.precision.request);
  return nullptr;
}

AmpError ampOptionsSetTarget(AmpOptions options, AmpStringRef target) {
  std::string text = unwrap(target);
  if (text != "float16" && text != "bfloat16")
    return badOption("a target is float16 or bfloat16", target);
  options->rewrite.precision.request.target =
      text == "float16" ? Target::Float16 : Target::BFloat16;
  return nullptr;
}

AmpError ampOptionsSetLossScale(AmpOptions options, AmpStringRef lossScale) {
  std::string error;
  std::optional<LossScaleConfig> config =
      parseLossScale(unwrap(lossScale), error);
  if (!config)
    return makeError(AmpErrorBadOption, std::move(error));
  options->rewrite.lossScale = config;
  return nullptr;
}

AmpError ampOptionsSetUnknownOps(AmpOptions options, AmpStringRef what) {
  UnknownOps &unknown = options->rewrite.precision.unknownOps;
  std::string text = unwrap(what);
  if (text == "error")
    unknown = UnknownOps::Error;
  else if (text == "warn")
    unknown = UnknownOps::Warn;
  else if (text == "ignore")
    unknown = UnknownOps::Ignore;
  else
    return badOption("unknown ops are error, warn or ignore", what);
  return nullptr;
}

AmpError ampOptionsMoveOp(AmpOptions options, AmpStringRef op,
                          AmpStringRef list) {
  for (ListKind kind : {ListKind::Allow, ListKind::Infer, ListKind::Clear,
                        ListKind::Deny, ListKind::Keep}) {
    if (listName(kind) != std::string_view(list.data, list.length))
      continue;
    options->rewrite.precision.request.moves.emplace_back(kind, unwrap(op));
    return nullptr;
  }
  return badOption("a list is allow, infer, clear, deny or keep", list);
}

void ampOptionsAddPin(AmpOptions options, AmpStringRef pin) {
  options->rewrite.precision.pins.push_back(unwrap(pin));
}

AmpError ampOptionsAddOpModels(AmpOptions options, AmpStringRef nameOrFile) {
  std::vector<PolicyMessage> messages;
  std::string warnings;
  addForeignModels(options->rewrite.precision.models, unwrap(nameOrFile),
                   messages);
  return takeMessages(messages, warnings);
}

void ampOptionsSetFolder(AmpOptions options, AmpStringRef folder) {
  options->folder = unwrap(folder);
}
void ampOptionsSetInputName(AmpOptions options, AmpStringRef name) {
  options->inputName = unwrap(name);
}

//===----------------------------------------------------------------------===//
// Policies
//===----------------------------------------------------------------------===//

AmpError ampPolicyCreate(AmpOptions options, AmpPolicy *policy) {
  *policy = nullptr;
  const MixedPrecisionOptions &precision = options->rewrite.precision;
  std::vector<std::string_view> names;
  for (const OpDef &op : allOps())
    names.push_back(op.name);
  std::vector<std::string> foreign;
  for (const auto &models : precision.models.foreign())
    for (std::string &name : models->file().policyNames())
      foreign.push_back(std::move(name));
  names.insert(names.end(), foreign.begin(), foreign.end());
  std::vector<PolicyMessage> messages;
  std::optional<Policy> loaded =
      loadPolicy(precision.request, names, messages);
  std::string warnings;
  AmpError error = takeMessages(messages, warnings);
  if (error || !loaded)
    return error;
  for (const auto &models : precision.models.foreign())
    addOpModels(*loaded, models->file());
  std::string text = printPolicy(*loaded);
  *policy = new AmpPolicyImpl{std::move(*loaded), std::move(text)};
  return nullptr;
}

void ampPolicyDestroy(AmpPolicy policy) { delete policy; }

AmpStringRef ampPolicyGetList(AmpPolicy policy, AmpStringRef op) {
  std::string_view name(op.data, op.length);
  return wrap(policy->policy.lists(name)
                  ? listName(policy->policy.list(name))
                  : std::string_view());
}

AmpStringRef ampPolicyGetText(AmpPolicy policy) { return wrap(policy->text); }

//===----------------------------------------------------------------------===//
// Reports and texts
//===----------------------------------------------------------------------===//

AmpReport capi::makeReport(PrecisionReport &&report, std::string warnings) {
  auto *result = new AmpReportImpl();
  result->report = std::move(report);
  result->summary = result->report.summary();
  llvm::raw_string_ostream json(result->json);
  writeReportJson(result->report, json);
  llvm::raw_string_ostream explanation(result->explanation);
  std::string nearest;
  writeExplanation(result->report, {}, explanation, nearest);
  result->warnings = std::move(warnings);
  return result;
}

void ampReportDestroy(AmpReport report) { delete report; }
AmpStringRef ampReportGetSummary(AmpReport report) {
  return wrap(report->summary);
}
AmpStringRef ampReportGetJson(AmpReport report) { return wrap(report->json); }
AmpStringRef ampReportGetExplanation(AmpReport report) {
  return wrap(report->explanation);
}
AmpStringRef ampReportGetWarnings(AmpReport report) {
  return wrap(report->warnings);
}
uint64_t ampReportGetNumNodes(AmpReport report) {
  return report->report.input.nodes + report->report.generated.nodes;
}
uint64_t ampReportGetNumLowered(AmpReport report) {
  return report->report.input.lowered + report->report.generated.lowered;
}

AmpStringRef ampTextGet(AmpText text) { return wrap(text->text); }
void ampTextDestroy(AmpText text) { delete text; }

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

Collector::Collector(MLIRContext *context, std::string_view name,
                     std::string_view text)
    : name(name), text(text), context(context),
      id(context->getDiagEngine().registerHandler(
          [this](Diagnostic &diagnostic) { return add(diagnostic); })) {}

Collector::~Collector() { context->getDiagEngine().eraseHandler(id); }

/// "file:3:5: error: …"; with the line and a caret where it is of the input.
LogicalResult Collector::add(Diagnostic &diagnostic) {
  std::string worded;
  llvm::raw_string_ostream stream(worded);
  auto place = [&](Location loc) {
    auto file = loc->findInstanceOf<FileLineColLoc>();
    if (file)
      stream << file.getFilename().getValue() << ":" << file.getLine() << ":"
             << file.getColumn() << ": ";
    return file;
  };
  const bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  auto file = place(diagnostic.getLocation());
  stream << (isError ? "error: " : "warning: ") << diagnostic.str();
  if (file && file.getFilename().getValue() == llvm::StringRef(name)) {
    llvm::StringRef rest(text.data(), text.size());
    for (unsigned line = 1; line < file.getLine(); ++line)
      rest = rest.split('\n').second;
    stream << "\n"
           << rest.split('\n').first << "\n"
           << std::string(std::max(1u, file.getColumn()) - 1, ' ') << "^";
  }
  for (Diagnostic &note : diagnostic.getNotes()) {
    stream << "\n";
    place(note.getLocation());
    stream << "note: " << note.str();
  }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Remark)
    append(isError ? errors : warnings, worded);
  return success();
}

namespace {
/// Notes whether it is the contract that does not hold.
struct ContractNote : PassInstrumentation {
  explicit ContractNote(Collector &collector) : collector(collector) {}
  void runAfterPassFailed(Pass *pass, Operation *) override {
    collector.failedContract |= pass->getArgument() == "amp-verify-contract";
  }
  Collector &collector;
};
} // namespace

AmpError capi::rewrite(ModuleOp module, const AmpOptionsImpl &options,
                       Collector &collector, PrecisionReport &report) {
  MixedPrecisionRewriteOptions given = options.rewrite;
  std::vector<PolicyMessage> messages;
  given.precision.policy =
      loadPolicyFor(module.getContext(), given.precision.request, messages,
                    given.precision.models);
  if (AmpError error = takeMessages(messages, collector.warnings))
    return error;
  PassManager manager(module.getContext(), ModuleOp::getOperationName());
  buildMixedPrecisionPipeline(manager, given, &report);
  manager.addInstrumentation(std::make_unique<ContractNote>(collector));
  if (succeeded(manager.run(module)))
    return nullptr;
  return makeError(collector.failedContract ? AmpErrorVerification
                                            : AmpErrorBadInput,
                   std::move(collector.errors));
}

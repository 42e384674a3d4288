//===- Rewrite.cpp - Texts through the C API ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A context of its own for each call, without threads, so that calls know
// nothing of each other.
//===----------------------------------------------------------------------===//

#include "Objects.h"

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/Reader.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/Models/RegisterModels.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace amp;
using namespace amp::capi;
using namespace mlir;

namespace {

/// A context with what Amp knows.
struct Context {
  Context() : context(makeRegistry(), MLIRContext::Threading::DISABLED) {
    context.disableMultithreading();
    context.printOpOnDiagnostic(false);
  }
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registry.insert<graph::GraphDialect>();
    registerAllModels(registry);
    return registry;
  }
  MLIRContext context;
};

} // namespace

AmpError ampRewriteGraph(AmpStringRef graph, AmpOptions options,
                         AmpText *result, AmpReport *report) {
  *result = nullptr;
  if (report)
    *report = nullptr;
  graphfile::SourceText source(options->inputName, unwrap(graph));
  graphfile::Diagnostics diagnostics;
  std::optional<graphfile::CheckedFile> file =
      graphfile::readGraphFile(source, diagnostics, options->folder);
  std::string worded = diagnostics.render(source);
  if (!file)
    return makeError(diagnostics.hasIOErrors() ? AmpErrorIO : AmpErrorBadInput,
                     std::move(worded));
  Context owner;
  Collector collector(&owner.context, source.name(), source.text());
  collector.warnings = std::move(worded);
  OwningOpRef<ModuleOp> module =
      importGraphFile(*file, source, &owner.context);
  if (!module)
    return makeError(AmpErrorBadInput, std::move(collector.errors));
  PrecisionReport decisions;
  if (AmpError error = rewrite(*module, *options, collector, decisions))
    return error;
  FailureOr<graphfile::GraphFile> rewritten = exportGraphFile(*module);
  if (failed(rewritten))
    return makeError(AmpErrorBadInput, std::move(collector.errors));
  *result = new AmpTextImpl{graphfile::writeGraphFile(*rewritten)};
  if (report)
    *report = makeReport(std::move(decisions), std::move(collector.warnings));
  return nullptr;
}

AmpError ampRewriteModuleText(AmpStringRef text, AmpOptions options,
                              bool generic, AmpText *result,
                              AmpReport *report) {
  *result = nullptr;
  if (report)
    *report = nullptr;
  Context owner;
  owner.context.allowUnregisteredDialects(
      !options->rewrite.precision.models.foreign().empty());
  std::string source = unwrap(text);
  Collector collector(&owner.context, options->inputName, source);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      source, &owner.context, options->inputName);
  if (!module)
    return makeError(AmpErrorBadInput, std::move(collector.errors));
  PrecisionReport decisions;
  if (AmpError error = rewrite(*module, *options, collector, decisions))
    return error;
  auto printed = std::make_unique<AmpTextImpl>();
  llvm::raw_string_ostream stream(printed->text);
  OpPrintingFlags flags;
  if (generic)
    flags.printGenericOpForm();
  module->print(stream, flags);
  stream << "\n";
  *result = printed.release();
  if (report)
    *report = makeReport(std::move(decisions), std::move(collector.warnings));
  return nullptr;
}

//===- main.cpp - amp-translate, graph files to MLIR and back --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Import and export as translations of MLIR, without passes.
//===----------------------------------------------------------------------===//

#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/InitAll.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

/// Messages of the reader come with their line and caret already.
static OwningOpRef<Operation *> importGraph(llvm::SourceMgr &sources,
                                            MLIRContext *context) {
  const llvm::MemoryBuffer *buffer =
      sources.getMemoryBuffer(sources.getMainFileID());
  amp::graphfile::SourceText source(buffer->getBufferIdentifier().str(),
                                    buffer->getBuffer().str());
  amp::graphfile::Diagnostics diags;
  llvm::StringRef folder = llvm::sys::path::parent_path(source.name());
  std::optional<amp::graphfile::CheckedFile> file =
      amp::graphfile::readGraphFile(source, diags,
                                    folder.empty() ? "." : folder.str());
  llvm::errs() << diags.render(source);
  if (!file)
    return {};
  return amp::importGraphFile(*file, source, context);
}

static LogicalResult exportGraph(Operation *op, llvm::raw_ostream &out) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    return op->emitError("a graph file is made of a module");
  FailureOr<amp::graphfile::GraphFile> file = amp::exportGraphFile(module);
  if (failed(file))
    return failure();
  out << amp::graphfile::writeGraphFile(*file);
  return success();
}

int main(int argc, char **argv) {
  TranslateToMLIRRegistration fromGraph("import-graph",
                                        "graph file to MLIR", importGraph);
  TranslateFromMLIRRegistration toGraph(
      "export-graph", "MLIR to graph file", exportGraph,
      [](DialectRegistry &registry) { amp::registerAllDialects(registry); });
  return failed(mlirTranslateMain(argc, argv, "amp-translate\n"));
}

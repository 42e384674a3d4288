//===- TensorFlow.cpp - GraphDefs through amp-opt ------------------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One graph in, one graph out.
//===----------------------------------------------------------------------===//

#include "TensorFlow.h"

#include "LongLines.h"
#include "ReportOutput.h"
#include "TensorFlowRewrite.h"
#include "amp/Export/TensorFlowExport.h"
#include "amp/GraphDef/GraphDefFile.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/ForeignModel.h"
#include "amp/Import/TensorFlowImport.h"
#include "graph_def.pb.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace amp;
using namespace amp::opt;
using namespace mlir;

/// The form of a GraphDef: by its content, else by its name unless the content
/// is that of another kind of model.
static std::optional<graphdef::Format> inputFormat(const Options &options,
                                                   std::string_view text) {
  llvm::StringRef extension = llvm::sys::path::extension(options.input);
  if (options.importKind || extension == ".mlir")
    return std::nullopt;
  std::string_view kind = graphfile::foreignModelKind(text, {});
  if (!kind.empty() && kind != graphfile::kGraphDefKind)
    return std::nullopt;
  if (std::optional<graphdef::Format> format = graphdef::recognise(text))
    return format;
  if (extension == ".pb")
    return graphdef::Format::Binary;
  if (extension == ".pbtxt")
    return graphdef::Format::Text;
  return std::nullopt;
}

bool opt::isGraphDef(const Options &options, std::string_view text) {
  return inputFormat(options, text).has_value();
}

/// The form of the output: by its extension, else as the input.
static std::optional<graphdef::Format> outputFormat(const Options &options,
                                                    graphdef::Format input) {
  llvm::StringRef extension = llvm::sys::path::extension(options.output);
  if (options.exportKind == FileKind::Graph || extension == ".json")
    return graphdef::Format::Json;
  if (extension == ".pb")
    return graphdef::Format::Binary;
  if (extension == ".pbtxt" || extension == ".txt")
    return graphdef::Format::Text;
  if (options.exportKind == FileKind::MLIR || extension == ".mlir")
    return std::nullopt;
  return input;
}

namespace {

class GraphDefRun {
public:
  GraphDefRun(const Options &options, const GraphDefInput &input)
      : options(options), input(input) {}
  int run();

private:
  int scaleLoss(TensorFlowRewriter &rewriter, tensorflow::GraphDef &graph);
  int writeModule(ModuleOp module, graphdef::Format inputFormat);

  const Options &options;
  const GraphDefInput &input;
};

} // namespace

/// A graph that lasts as long as the process. Nothing of a run is taken apart:
/// that would cost as much as the rewriting.
static tensorflow::GraphDef &makeGraph() {
  static std::vector<google::protobuf::Arena *> arenas;
  google::protobuf::ArenaOptions options;
  options.start_block_size = 1 << 16;
  options.max_block_size = 1 << 20;
  arenas.push_back(new google::protobuf::Arena(options));
  return *google::protobuf::Arena::CreateMessage<tensorflow::GraphDef>(
      arenas.back());
}

int GraphDefRun::writeModule(ModuleOp module, graphdef::Format inputFormat) {
  std::optional<graphdef::Format> format = outputFormat(options, inputFormat);
  std::string text;
  if (!format) {
    llvm::raw_string_ostream stream(text);
    OpPrintingFlags flags;
    flags.enableDebugInfo();
    module.print(stream, flags);
  } else {
    tensorflow::GraphDef &graph = makeGraph();
    if (failed(exportGraphDef(module, graph)))
      return kBadInput;
    if (auto error = graphdef::writeGraphDef(
            graph, *format, options.tensorflow.dropUnknown, text)) {
      complainOfGraph() << *error << "\n";
      return kBadInput;
    }
  }
  if (auto error = graphfile::writeFile(options.output, text)) {
    complainOfGraph() << *error << "\n";
    return kIO;
  }
  return kOk;
}

int GraphDefRun::scaleLoss(TensorFlowRewriter &rewriter,
                           tensorflow::GraphDef &graph) {
  graphdef::TrainingScaleResult scale;
  if (int code = rewriter.scaleLoss(graph, "", /*isAlone=*/true, scale))
    return code;
  rewriter.keepScale(scale);
  if (scale.initializers.empty())
    return kOk;
  llvm::raw_ostream &os = llvm::errs() << "amp-opt: loss scale: ";
  if (scale.initializedBy.empty()) {
    os << "run '" << scale.initializers[0] << "' and '" << scale.initializers[1]
       << "' before the first step: no node initializes all variables\n";
    return kOk;
  }
  os << "the loss scale is initialized by '"
     << llvm::join(scale.initializedBy, "', '") << "'\n";
  return kOk;
}

int GraphDefRun::run() {
  TensorFlowRewriter rewriter(options);
  if (!options.noAmp)
    if (int code = rewriter.readSettings())
      return code;
  std::optional<graphdef::Format> format = inputFormat(options, input.text);
  rewriter.namesLater = outputFormat(options, *format).has_value();
  graphfile::SourceText source(input.name, std::string(input.text));
  graphfile::Diagnostics diags;
  tensorflow::GraphDef &graph = makeGraph();
  graphdef::NodePlaces places;
  bool read = graphdef::readGraphDef(source, *format, graph, places, diags);
  printMessages(diags, source, *format == graphdef::Format::Binary);
  if (!read)
    return kBadInput;
  if (!options.noAmp)
    if (int code = scaleLoss(rewriter, graph))
      return code;
  static MLIRContext *process;
  process = new MLIRContext(input.registry, MLIRContext::Threading::DISABLED);
  MLIRContext &context = *process;
  context.disableMultithreading();
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(
          *format == graphdef::Format::Binary
              ? llvm::StringRef()
              : llvm::StringRef(input.text.data(), input.text.size()),
          input.name, false),
      llvm::SMLoc());
  cutLongLines(sources);
  SourceMgrDiagnosticHandler handler(sources, &context);
  ModuleOp module = importGraphDef(graph, places, source, &context).release();
  if (!module)
    return kBadInput;
  if (!options.noAmp)
    if (int code = rewriter.rewrite(module))
      return code;
  ReportOutput output(options, rewriter.report);
  if (!options.noAmp)
    if (int code = output.prepare())
      return code;
  if (int code = writeModule(module, *format))
    return code;
  if (!options.noAmp)
    if (int code = output.commit())
      return code;
  if (!options.noAmp)
    llvm::errs() << "amp-opt: " << rewriter.summary << "\n";
  return kOk;
}

int opt::runGraphDef(const Options &options, const GraphDefInput &input) {
  return GraphDefRun(options, input).run();
}

//===- TensorFlow.cpp - GraphDefs through amp-opt ------------------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The same pass as for graph files, with TensorFlow's lists, order and devices.
//===----------------------------------------------------------------------===//

#include "TensorFlow.h"

#include "ReportOutput.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Export/TensorFlowExport.h"
#include "amp/GraphDef/GraphDefFile.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/ForeignModel.h"
#include "amp/Import/TensorFlowImport.h"
#include "amp/Transforms/MixedPrecision.h"
#include "graph_def.pb.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>

using namespace amp;
using namespace amp::opt;
using namespace mlir;

static llvm::raw_ostream &complain() {
  return llvm::errs() << "amp-opt: error: ";
}

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
  int settings(tf::RewriteSettings &settings);
  int rewrite(ModuleOp module);
  int writeModule(ModuleOp module, graphdef::Format inputFormat);

  const Options &options;
  const GraphDefInput &input;
  PrecisionReport report;
  std::string summary;
};

} // namespace

int GraphDefRun::settings(tf::RewriteSettings &settings) {
  const TensorFlowOptions &given = options.tensorflow;
  bool isLow = options.target == Target::BFloat16;
  settings.mode = isLow ? tf::Mode::BFloat16 : tf::Mode::Cuda;
  if (given.mode == "cuda" || given.mode == "cpu" || given.mode == "bf16") {
    settings.mode = given.mode == "cuda"  ? tf::Mode::Cuda
                    : given.mode == "cpu" ? tf::Mode::Cpu
                                          : tf::Mode::BFloat16;
  } else if (!given.mode.empty()) {
    complain() << "--tf-mode is cuda, bf16 or cpu, not '" << given.mode
               << "'\n";
    return kUsage;
  }
  if ((settings.mode == tf::Mode::BFloat16) != isLow && options.targetGiven) {
    complain() << "--tf-mode=" << given.mode << " contradicts --target="
               << targetName(options.target) << "\n";
    return kUsage;
  }
  if (given.version == "2.19")
    settings.isTF219 = true;
  else if (!given.version.empty() && given.version != "2.21" &&
           given.version != "2.20") {
    complain() << "--tf-version is 2.21, 2.20 or 2.19, not '" << given.version
               << "'\n";
    return kUsage;
  }
  if (options.policy == "tensorflow-2.19")
    settings.isTF219 = true;
  if (given.gpu == "none") {
    settings.hasGpu = false;
  } else if (given.hasGpu) {
    llvm::SmallVector<llvm::StringRef, 3> parts;
    llvm::StringRef(given.gpu).split(parts, ',');
    settings.gpuArch = parts[0].str();
    settings.cuda = settings.cudnn = 0;
    bool bad = parts.size() > 3;
    if (parts.size() > 1 && !parts[1].empty())
      bad |= parts[1].getAsInteger(10, settings.cuda);
    if (parts.size() > 2 && !parts[2].empty())
      bad |= parts[2].getAsInteger(10, settings.cudnn);
    if (bad) {
      complain() << "--tf-gpu is ARCH[,CUDA[,CUDNN]] or none, as in "
                    "8.0,12030,8907, not '"
                 << given.gpu << "'\n";
      return kUsage;
    }
  }
  settings.fetches = given.fetches;
  settings.feeds = given.feeds;
  settings.keep = given.keep;
  std::vector<std::string> notes;
  tf::readEnvironment([](const char *name) { return std::getenv(name); },
                      settings, notes);
  for (const std::string &note : notes)
    llvm::errs() << "amp-opt: " << note << "\n";
  return kOk;
}

int GraphDefRun::rewrite(ModuleOp module) {
  if (options.policy != "tensorflow" && options.policy != "tensorflow-2.19" &&
      options.policyGiven) {
    complain() << "a GraphDef is rewritten by --policy=tensorflow, not '"
               << options.policy << "'\n";
    return kUsage;
  }
  tf::RewriteSettings settings;
  if (int code = this->settings(settings))
    return code;
  std::string why;
  if (tf::isSkipped(settings, why)) {
    llvm::errs() << "amp-opt: warning: " << why << "\n";
    summary = "nothing lowered";
    return kOk;
  }
  std::string error;
  std::optional<Policy> policy = tf::makePolicy(settings, error);
  if (!policy) {
    complain() << error << "\n";
    return kBadInput;
  }
  for (const auto &[list, op] : options.moves)
    policy->move(op, list);
  for (const graphdef::OpSpec *spec : tf::librarySpecs(module))
    if (!policy->lists(spec->name))
      policy->move(spec->name, ListKind::Keep);
  if (settings.fetches.empty())
    llvm::errs() << "amp-opt: warning: no --fetch: nothing is known to be "
                    "wanted, so nothing is preserved\n";
  MixedPrecisionOptions rewrite;
  if (failed(tf::prepare(module, settings, rewrite.forced)))
    return kBadInput;
  rewrite.policy = std::make_shared<const Policy>(std::move(*policy));
  rewrite.keepBlockOrder = true;
  rewrite.pins = options.pins;
  rewrite.reportNodes = options.explain || !options.report.empty();
  rewrite.unknownOps = unknownOps(options);
  std::optional<tf::Emulation> emulation;
  if (settings.mode == tf::Mode::Cpu && settings.emulateFloat16)
    emulation.emplace(module);
  if (failed(autoMixedPrecision(module, rewrite, &report)))
    return kBadInput;
  if (emulation)
    emulation->apply();
  summary = report.summary();
  return kOk;
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
    tensorflow::GraphDef graph;
    if (failed(exportGraphDef(module, graph)))
      return kBadInput;
    if (auto error = graphdef::writeGraphDef(
            graph, *format, options.tensorflow.dropUnknown, text)) {
      complain() << *error << "\n";
      return kBadInput;
    }
  }
  if (auto error = graphfile::writeFile(options.output, text)) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}

int GraphDefRun::run() {
  std::optional<graphdef::Format> format = inputFormat(options, input.text);
  graphfile::SourceText source(input.name, std::string(input.text));
  graphfile::Diagnostics diags;
  tensorflow::GraphDef graph;
  graphdef::NodePlaces places;
  bool read = graphdef::readGraphDef(source, *format, graph, places, diags);
  if (*format == graphdef::Format::Binary) {
    for (const graphfile::Diagnostic &diag : diags.all())
      llvm::errs() << input.name << ": error: " << diag.message << "\n";
  } else {
    llvm::errs() << diags.render(source);
  }
  if (!read)
    return kBadInput;
  MLIRContext context(input.registry, MLIRContext::Threading::DISABLED);
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
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module =
      importGraphDef(graph, places, source, &context);
  if (!module)
    return kBadInput;
  graph.Clear();
  if (!options.noAmp)
    if (int code = rewrite(*module))
      return code;
  ReportOutput output(options, report);
  if (!options.noAmp)
    if (int code = output.prepare())
      return code;
  if (int code = writeModule(*module, *format))
    return code;
  if (!options.noAmp)
    if (int code = output.commit())
      return code;
  if (!options.noAmp)
    llvm::errs() << "amp-opt: " << summary << "\n";
  return kOk;
}

int opt::runGraphDef(const Options &options, const GraphDefInput &input) {
  return GraphDefRun(options, input).run();
}

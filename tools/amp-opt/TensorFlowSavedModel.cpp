//===- TensorFlowSavedModel.cpp - SavedModel folders --------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What signatures name is fetched and fed, what the loader runs is kept, and
// the functions of the object graph are reached.
//===----------------------------------------------------------------------===//

#include "TensorFlowSavedModel.h"

#include "LongLines.h"
#include "ReportOutput.h"
#include "TensorFlowFolder.h"
#include "TensorFlowRewrite.h"
#include "amp/Export/TensorFlowExport.h"
#include "amp/GraphDef/GraphDefFile.h"
#include "amp/GraphDef/SavedModelNames.h"
#include "amp/GraphDef/SavedModelScale.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/Import/TensorFlowImport.h"
#include "graph_def.pb.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace amp;
using namespace amp::opt;
using namespace mlir;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;
namespace pb = amp::tensorflow;

static constexpr llvm::StringLiteral kBinaryFile = "saved_model.pb";
static constexpr llvm::StringLiteral kTextFile = "saved_model.pbtxt";
/// A hash of the model, which a changed model has not.
static constexpr llvm::StringLiteral kFingerprint = "fingerprint.pb";

static bool holds(llvm::StringRef folder, llvm::StringRef file) {
  llvm::SmallString<256> name(folder);
  path::append(name, file);
  return fs::exists(name);
}

bool opt::isSavedModel(const Options &options) {
  llvm::StringRef file = path::filename(options.input);
  return fs::is_directory(options.input) ||
         ((file == kBinaryFile || file == kTextFile) &&
          fs::is_regular_file(options.input));
}

namespace {

class SavedModelRun {
public:
  SavedModelRun(const Options &options, DialectRegistry &registry)
      : options(options), registry(registry), rewriter(options) {}
  int run();

private:
  int findFiles();
  int checkOutput();
  int readModel();
  int checkFlagNames();
  int rewriteGraph(int index);
  int wantNames(const pb::MetaGraphDef &meta);
  int scaleLoss(pb::MetaGraphDef &meta);
  void addReport(const std::string &tags);
  int write();

  bool hasSeveral() const { return model.meta_graphs_size() > 1; }

  const Options &options;
  DialectRegistry &registry;
  TensorFlowRewriter rewriter;
  std::string folder, file;
  graphdef::Format format = graphdef::Format::Binary;
  std::unique_ptr<graphfile::SourceText> source;
  pb::SavedModel model;
  std::vector<graphdef::NodePlaces> places;
  /// The model as it would be written if nothing changed.
  std::string before;
  PrecisionReport report;
  /// Some meta graph had a loss to scale.
  bool hasScaled = false;
};

} // namespace

int SavedModelRun::findFiles() {
  folder = options.input;
  if (!fs::is_directory(folder)) {
    file = path::filename(folder).str();
    folder = path::parent_path(folder).str();
    if (folder.empty())
      folder = ".";
  } else if (holds(folder, kBinaryFile)) {
    file = kBinaryFile.str();
  } else if (holds(folder, kTextFile)) {
    file = kTextFile.str();
  } else {
    complainOfGraph() << "'" << options.input << "' is a folder without "
                      << kBinaryFile << " and " << kTextFile
                      << ", so no SavedModel\n";
    return kBadInput;
  }
  if (file == kTextFile)
    format = graphdef::Format::Text;
  return kOk;
}

/// A folder that is there already is no accident only when the user says so.
int SavedModelRun::checkOutput() {
  if (options.output == "-" || options.exportKind) {
    complainOfGraph() << "a SavedModel is written as a folder: name it with "
                         "-o\n";
    return kUsage;
  }
  llvm::StringRef extension = path::extension(options.output);
  if (extension == ".pb" || extension == ".pbtxt" || extension == ".json" ||
      extension == ".mlir") {
    complainOfGraph() << "a SavedModel is written as a folder, and -o "
                      << options.output << " names a file\n";
    return kUsage;
  }
  llvm::SmallString<256> in, out;
  llvm::StringRef parent = path::parent_path(options.output);
  if (!fs::real_path(folder, in) &&
      !fs::real_path(parent.empty() ? llvm::StringRef(".") : parent, out) &&
      (out == in || out.str().starts_with((in + "/").str()))) {
    complainOfGraph() << "-o " << options.output
                      << " lies in the SavedModel that is read\n";
    return kUsage;
  }
  fs::file_status status;
  if (fs::status(options.output, status))
    return kOk;
  if (status.type() != fs::file_type::directory_file) {
    complainOfGraph() << "'" << options.output << "' is no folder\n";
    return kUsage;
  }
  std::error_code error;
  bool isEmpty = fs::directory_iterator(options.output, error) ==
                 fs::directory_iterator();
  if (isEmpty && !error)
    return kOk;
  bool isModel =
      holds(options.output, kBinaryFile) || holds(options.output, kTextFile);
  if (options.tensorflow.overwrite && isModel)
    return kOk;
  complainOfGraph() << "'" << options.output << "' exists"
                    << (isModel ? ": remove it, or add --overwrite\n"
                                : " and is no SavedModel\n");
  return kUsage;
}

int SavedModelRun::readModel() {
  llvm::SmallString<256> name(folder);
  path::append(name, file);
  std::string text;
  if (auto error = graphfile::readFile(name.str().str(), text)) {
    complainOfGraph() << *error << "\n";
    return kIO;
  }
  source = std::make_unique<graphfile::SourceText>(name.str().str(),
                                                   std::move(text));
  graphfile::Diagnostics diags;
  bool ok = graphdef::readSavedModel(*source, format, model, places, diags);
  printMessages(diags, *source, format == graphdef::Format::Binary);
  if (!ok)
    return kBadInput;
  if (model.meta_graphs_size() == 0) {
    complainOfGraph() << "'" << source->name() << "' holds no meta graph\n";
    return kBadInput;
  }
  (void)graphdef::writeSavedModel(model, format, /*dropUnknown=*/true, before);
  return kOk;
}

static llvm::StringSet<> nodeNames(const pb::GraphDef &graph) {
  llvm::StringSet<> names;
  for (const pb::NodeDef &node : graph.node())
    names.insert(node.name());
  return names;
}

static llvm::StringRef nodeOf(llvm::StringRef tensor) {
  tensor.consume_front("^");
  return tensor.take_front(tensor.rfind(':'));
}

/// Names that flags give must be in one of the graphs.
int SavedModelRun::checkFlagNames() {
  llvm::StringSet<> all;
  for (const pb::MetaGraphDef &meta : model.meta_graphs())
    for (const pb::NodeDef &node : meta.graph_def().node())
      all.insert(node.name());
  const TensorFlowOptions &given = options.tensorflow;
  for (const auto &[flag, names] :
       {std::pair("--fetch", &given.fetches), std::pair("--feed", &given.feeds),
        std::pair("--tf-keep", &given.keep)})
    for (const std::string &name : *names)
      if (!all.contains(nodeOf(name))) {
        complainOfGraph() << flag << ": no node '" << nodeOf(name)
                          << "' in any meta graph\n";
        return kBadInput;
      }
  return kOk;
}

/// The names of the flags and of the meta graph that its graph has.
int SavedModelRun::wantNames(const pb::MetaGraphDef &meta) {
  llvm::StringSet<> nodes = nodeNames(meta.graph_def());
  tf::RewriteSettings &settings = rewriter.settings;
  graphdef::SavedModelNames names = graphdef::namesOf(meta);
  auto take = [&](const std::vector<std::string> &from,
                  std::vector<std::string> &into) {
    for (const std::string &name : from)
      if (nodes.contains(nodeOf(name)))
        into.push_back(name);
  };
  settings.fetches.clear();
  settings.feeds.clear();
  settings.keep.clear();
  take(options.tensorflow.fetches, settings.fetches);
  take(options.tensorflow.feeds, settings.feeds);
  take(options.tensorflow.keep, settings.keep);
  take(names.keep, settings.keep);
  settings.calledFunctions = names.functions;
  settings.isSavedModel = true;
  auto demand = [&](const std::vector<graphdef::SignatureTensor> &from,
                    std::vector<std::string> &into) {
    for (const graphdef::SignatureTensor &wanted : from) {
      if (!nodes.contains(nodeOf(wanted.tensor))) {
        llvm::errs() << source->name() << ": error: " << wanted.what
                     << " names '" << wanted.tensor
                     << "', which is not in the graph\n";
        return false;
      }
      into.push_back(wanted.tensor);
    }
    return true;
  };
  if (!demand(names.outputs, settings.fetches) ||
      !demand(names.inputs, settings.feeds))
    return kBadInput;
  return kOk;
}

/// One report of all graphs, whose functions say which graph they are of.
void SavedModelRun::addReport(const std::string &tags) {
  PrecisionReport next = std::move(rewriter.report);
  rewriter.report = {};
  if (!hasSeveral()) {
    report = std::move(next);
    return;
  }
  report.policy = next.policy;
  report.target = next.target;
  report.lowersNothing = next.lowersNothing;
  uint32_t functions = report.functions.size(), nodes = report.nodes.size();
  for (std::string &function : next.functions)
    report.functions.push_back(tags + "/" + function);
  for (ReportNode &node : next.nodes) {
    node.function += functions;
    for (uint32_t &other : node.because)
      if (other != kNoNode)
        other += nodes;
    report.nodes.push_back(std::move(node));
  }
  for (ReportCast &cast : next.casts) {
    cast.function += functions;
    report.casts.push_back(std::move(cast));
  }
  for (ReportUpdate &update : next.updates) {
    update.function += functions;
    for (uint32_t &node : update.nodes)
      node += nodes;
    report.updates.push_back(std::move(update));
  }
  auto add = [](ReportCounts &to, const ReportCounts &from) {
    to.nodes += from.nodes;
    to.considered += from.considered;
    to.lowered += from.lowered;
  };
  add(report.input, next.input);
  add(report.generated, next.generated);
  report.castsToLow += next.castsToLow;
  report.castsToFloat32 += next.castsToFloat32;
  report.convertedConstants += next.convertedConstants;
}

/// Scales the losses that the graph and its functions compute. A variable that
/// the checkpoint does not have is initialized by the loader.
int SavedModelRun::scaleLoss(pb::MetaGraphDef &meta) {
  std::string where = hasSeveral() ? graphdef::tagsOf(meta) + ": " : "";
  graphdef::TrainingScaleResult scale;
  bool isLast = &meta == &model.meta_graphs(model.meta_graphs_size() - 1);
  if (int code = rewriter.scaleLoss(*meta.mutable_graph_def(), where,
                                    isLast && !hasScaled, scale))
    return code;
  hasScaled |= !scale.isMissing;
  std::string initializer = graphdef::addToLoader(meta, scale);
  if (!initializer.empty())
    llvm::errs() << "amp-opt: loss scale: " << where
                 << "the loader initializes it by '" << initializer << "'\n";
  rewriter.keepScale(scale);
  return kOk;
}

int SavedModelRun::rewriteGraph(int index) {
  pb::MetaGraphDef &meta = *model.mutable_meta_graphs(index);
  std::set<std::string> opsBefore = graphdef::opsOf(meta);
  if (!options.noAmp) {
    if (int code = wantNames(meta))
      return code;
    if (int code = scaleLoss(meta))
      return code;
  }
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.disableMultithreading();
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(
          format == graphdef::Format::Binary
              ? llvm::StringRef()
              : llvm::StringRef(source->text().data(), source->text().size()),
          source->name(), false),
      llvm::SMLoc());
  cutLongLines(sources);
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module =
      importGraphDef(meta.graph_def(), places[index], *source, &context);
  if (!module)
    return kBadInput;
  if (!options.noAmp) {
    if (int code = rewriter.rewrite(*module))
      return code;
    std::string tags = graphdef::tagsOf(meta);
    llvm::errs() << "amp-opt: " << (hasSeveral() ? tags + ": " : "")
                 << rewriter.summary << "\n";
    addReport(tags);
  }
  if (failed(exportGraphDef(*module, *meta.mutable_graph_def())))
    return kBadInput;
  graphdef::listNewOps(meta, opsBefore);
  return kOk;
}

int SavedModelRun::write() {
  std::string text;
  if (auto error = graphdef::writeSavedModel(
          model, format, options.tensorflow.dropUnknown, text)) {
    complainOfGraph() << *error << "\n";
    return kBadInput;
  }
  ReportOutput reports(options, report);
  if (!options.noAmp)
    if (int code = reports.prepare())
      return code;
  // What has not changed keeps every byte, and so its fingerprint.
  bool isSame = text == before && !options.tensorflow.dropUnknown;
  AtomicFolder out;
  auto wanted = [&](llvm::StringRef name) {
    return name != file && (isSame || name != kFingerprint);
  };
  std::optional<std::string> error = out.open(options.output);
  if (!error)
    error = out.copy(folder, wanted);
  if (!error)
    error = out.write(file, isSame ? source->text() : text);
  if (!error)
    error = out.commit();
  if (error) {
    complainOfGraph() << *error << "\n";
    return kIO;
  }
  return options.noAmp ? int(kOk) : reports.commit();
}

int SavedModelRun::run() {
  if (int code = findFiles())
    return code;
  if (int code = checkOutput())
    return code;
  if (!options.noAmp)
    if (int code = rewriter.readSettings())
      return code;
  if (int code = readModel())
    return code;
  if (int code = checkFlagNames())
    return code;
  for (int i = 0; i < model.meta_graphs_size(); ++i)
    if (int code = rewriteGraph(i))
      return code;
  return write();
}

int opt::runSavedModel(const Options &options, DialectRegistry &registry) {
  return SavedModelRun(options, registry).run();
}

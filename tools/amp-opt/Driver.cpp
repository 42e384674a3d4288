//===- Driver.cpp - What amp-opt does with a file ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A graph file is imported into a context of ours and a pass manager runs on
// the module directly: no round trip through text or bytecode. MlirOptMain
// serves .mlir files that no flag of ours concerns. A run is one module in one
// process: what it holds at the end goes with the process.
//===----------------------------------------------------------------------===//

#include "Driver.h"

#include "Advice.h"
#include "Arguments.h"
#include "GraphOutput.h"
#include "LongLines.h"
#include "Remarks.h"
#include "ReportOutput.h"
#include "TensorFlow.h"
#include "TensorFlowRewrite.h"
#include "TensorFlowSavedModel.h"
#include "WeightsRange.h"
#include "amp/Analysis/ForeignModels.h"
#include "amp/Api/MixedPrecision.h"
#include "amp/Export/Dot.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/ForeignModel.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SourceMgr.h"

#include <utility>

using namespace amp;
using namespace amp::opt;
using namespace mlir;

namespace {

llvm::raw_ostream &complain() { return llvm::errs() << "amp-opt: error: "; }

/// A contract that does not hold exits with another code than bad input, so
/// the pass that failed is noted.
struct FailureNote : PassInstrumentation {
  explicit FailureNote(std::string &failed) : failed(failed) {}
  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (failed.empty())
      failed = pass->getArgument().str();
  }
  std::string &failed;
};

/// One run of the program on one input.
class Driver {
public:
  Driver(const Options &options, DialectRegistry &registry)
      : options(options), registry(registry),
        config(MlirOptMainConfig::createFromCLOptions()) {}

  int run();

private:
  int printPolicy();
  int readInput();
  bool isTensorFlowInput();
  int runMlirOpt();
  OwningOpRef<ModuleOp> importGraph(MLIRContext &context, int &code);
  std::shared_ptr<const Policy>
  loadPolicy(MLIRContext &context, const ModelSet &models, int &code);
  int loadModels(ModelSet &models);
  int runModule();
  int rewrite(ModuleOp module);
  int writeModule(ModuleOp module);
  int copyWeights(std::string_view weights);
  int write(const std::string &path, std::string_view text);
  FileKind findInputKind() const;
  FileKind outputKind() const;
  MixedPrecisionRewriteOptions rewriteOptions() const;

  bool outputIsStdout() const { return options.output == "-"; }
  /// What messages call the input.
  std::string inputName() const {
    return options.input == "-" ? "<stdin>" : options.input;
  }
  std::string inputFolder() const {
    llvm::StringRef parent = llvm::sys::path::parent_path(options.input);
    return options.input == "-" || parent.empty() ? "." : parent.str();
  }

  const Options &options;
  DialectRegistry &registry;
  MlirOptMainConfig config;
  /// The text of the input; a graph file's goes to `source`.
  std::string input;
  std::unique_ptr<graphfile::SourceText> source;
  FileKind inputKind = FileKind::Graph;
  PrecisionReport report;
  /// The rewrite ran, so that there is something to report.
  bool rewrote = false;
};

} // namespace

FileKind Driver::findInputKind() const {
  if (options.importKind)
    return *options.importKind;
  llvm::StringRef extension = llvm::sys::path::extension(options.input);
  if (extension == ".json")
    return FileKind::Graph;
  llvm::StringRef text = llvm::StringRef(input).ltrim(" \t\r\n\xEF\xBB\xBF");
  // `{-#` opens the resources of an MLIR file.
  if (text.starts_with("{") && !text.starts_with("{-#"))
    return FileKind::Graph;
  return FileKind::MLIR;
}

/// MLIR's parser calls itself for what is nested, until the stack ends.
static constexpr int kDeepest = 1000;

/// Where MLIR's text is nested deeper than that; npos where it never is.
static size_t tooDeepAt(llvm::StringRef text) {
  if (text.starts_with("ML\xEFR"))
    return text.npos; // bytecode, which is read without recursion
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        i += text[i] == '\\';
    } else if (c == '/' && next == '/') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '-' && next == '>') {
      ++i;
    } else if (llvm::is_contained({'(', '[', '{'}, c) ||
               (c == '<' && next != '=')) {
      if (++depth > kDeepest)
        return i;
    } else if (depth && (llvm::is_contained({')', ']', '}'}, c) ||
                         (c == '>' && next != '='))) {
      --depth;
    }
  }
  return text.npos;
}

/// What an output that no flag says the kind of would only look like.
static llvm::StringRef misleadingKind(llvm::StringRef extension) {
  return llvm::StringSwitch<llvm::StringRef>(extension)
      .Cases({".pb", ".pbtxt"}, "a GraphDef")
      .Case(".onnx", "an ONNX model")
      .Default("");
}

FileKind Driver::outputKind() const {
  if (options.exportKind)
    return *options.exportKind;
  llvm::StringRef extension = llvm::sys::path::extension(options.output);
  if (extension == ".mlir")
    return FileKind::MLIR;
  if (extension == ".dot" || extension == ".gv")
    return FileKind::Dot;
  if (extension == ".json")
    return FileKind::Graph;
  return inputKind;
}

MixedPrecisionRewriteOptions Driver::rewriteOptions() const {
  MixedPrecisionRewriteOptions rewrite;
  rewrite.precision.request = {options.policy, options.target, options.moves};
  rewrite.precision.pins = options.pins;
  rewrite.precision.reportNodes = options.explain || !options.report.empty();
  rewrite.precision.unknownOps = unknownOps(options);
  return rewrite;
}

int Driver::write(const std::string &path, std::string_view text) {
  if (std::optional<std::string> error = graphfile::writeFile(path, text)) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}

int Driver::readInput() {
  if (options.input == "-" && llvm::sys::Process::StandardInIsUserInput())
    llvm::errs() << "amp-opt: note: reading from the terminal; 'amp-opt "
                    "--help' says more\n";
  if (std::optional<std::string> error =
          graphfile::readFile(options.input, input)) {
    complain() << *error << "\n";
    return kIO;
  }
  if (options.importKind || isGraphDef(options, input))
    return kOk;
  // An empty .mlir file is a module without ops; anything else was a mistake.
  if (llvm::StringRef(input).trim().empty() &&
      llvm::sys::path::extension(options.input) != ".mlir") {
    complain() << "'" << inputName() << "' is empty\n";
    return kBadInput;
  }
  std::string foreign = graphfile::describeForeignModel(
      input, inputName(),
      "a graph file (.json), see docs/GraphFile.md, a TensorFlow graph, see "
      "docs/TensorFlow.md, or MLIR (.mlir)");
  if (!foreign.empty()) {
    complain() << foreign << "\n";
    return kBadInput;
  }
  return kOk;
}

/// A message says where it belongs itself: in the policy's file, or nowhere.
static int printMessages(llvm::ArrayRef<PolicyMessage> messages) {
  int code = kOk;
  for (const PolicyMessage &message : messages) {
    llvm::StringRef text = message.text;
    bool isPlaced =
        !text.starts_with("error: ") && !text.starts_with("warning: ");
    llvm::errs() << (isPlaced ? "" : "amp-opt: ") << text << "\n";
    if (message.isIO)
      code = kIO;
    else if (message.isError && code == kOk)
      code = kBadInput;
  }
  return code;
}

int Driver::printPolicy() {
  std::vector<std::string_view> names;
  for (const OpDef &op : allOps())
    names.push_back(op.name);
  std::vector<PolicyMessage> messages;
  PolicyRequest request = {options.policy, options.target, options.moves};
  std::optional<Policy> policy = amp::loadPolicy(request, names, messages);
  int code = printMessages(messages);
  if (!policy)
    return code;
  return write(options.output, amp::printPolicy(*policy));
}

std::shared_ptr<const Policy>
Driver::loadPolicy(MLIRContext &context, const ModelSet &models, int &code) {
  std::vector<PolicyMessage> messages;
  std::shared_ptr<const Policy> policy =
      loadPolicyFor(&context, {options.policy, options.target, options.moves},
                    messages, models);
  code = printMessages(messages);
  return policy;
}

int Driver::loadModels(ModelSet &models) {
  std::vector<PolicyMessage> messages;
  for (const std::string &name : options.opModels)
    addForeignModels(models, name, messages);
  return printMessages(messages);
}

/// A flag of mlir-opt that the command line gives.
static bool isGiven(llvm::StringRef flag) {
  auto &flags = llvm::cl::getRegisteredOptions();
  auto it = flags.find(flag);
  return it != flags.end() && it->second->getNumOccurrences() != 0;
}

/// Whether passes print the module, with the names that it has then.
static bool printsBetweenPasses() {
  for (auto &flag : llvm::cl::getRegisteredOptions())
    if (flag.first.starts_with("mlir-print-ir") &&
        flag.second->getNumOccurrences() != 0)
      return true;
  return false;
}

/// Names of nodes are locations, which mlir-opt prints only when asked. Where
/// there are names, they are printed unless the command line says no.
static void printNames() {
  constexpr llvm::StringLiteral flag = "mlir-print-debuginfo";
  auto it = llvm::cl::getRegisteredOptions().find(flag);
  if (it != llvm::cl::getRegisteredOptions().end() && !isGiven(flag))
    static_cast<llvm::cl::opt<bool> *>(it->second)->setValue(true);
}

/// Whether the nodes of a graph in MLIR have names, which a text without
/// locations does not.
static bool holdsNames(llvm::StringRef mlir) {
  if (mlir.starts_with("ML\xefR"))
    return mlir.contains("graph");
  return mlir.contains("graph.func") && mlir.contains("loc(");
}

int Driver::runMlirOpt() {
  if (holdsNames(input))
    printNames();
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto copy = llvm::MemoryBuffer::getMemBuffer(input, inputName());
  if (failed(MlirOptMain(stream, std::move(copy), registry, config)))
    return kBadInput;
  return write(options.output, text);
}

OwningOpRef<ModuleOp> Driver::importGraph(MLIRContext &context, int &code) {
  graphfile::Diagnostics diags;
  OwningOpRef<ModuleOp> module =
      importGraphFile(*source, diags, inputFolder(), &context);
  llvm::errs() << diags.render(*source);
  if (module)
    code = kOk;
  else
    code = diags.hasIOErrors() ? kIO : kBadInput;
  return module;
}

int Driver::rewrite(ModuleOp module) {
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  if (failed(applyPassManagerCLOptions(pm)))
    return kUsage;
  applyDefaultTimingPassManagerCLOptions(pm);
  if (failed(config.setupPassPipeline(pm)))
    return kUsage;
  // Passes named on the command line replace the rewrite.
  bool verifiesAtEnd = false;
  std::shared_ptr<const Policy> policy;
  pm.enableVerifier(config.shouldVerifyPasses());
  if (pm.empty()) {
    // What comes in was checked, op by op, by its reader; the passes of the
    // rewrite are verified together.
    verifiesAtEnd = config.shouldVerifyPasses() && !isGiven("verify-each");
    pm.enableVerifier(config.shouldVerifyPasses() && !verifiesAtEnd);
    MixedPrecisionRewriteOptions rewrite = rewriteOptions();
    rewrite.precision.nameLater =
        outputKind() == FileKind::Graph && !printsBetweenPasses();
    if (!options.lossScale.empty()) {
      std::string error;
      rewrite.lossScale = parseLossScale(options.lossScale, error);
      if (!rewrite.lossScale) {
        complain() << "--loss-scale: " << error << "\n";
        return kUsage;
      }
    }
    if (int code = loadModels(rewrite.precision.models))
      return code;
    int code = kOk;
    policy =
        loadPolicy(*module.getContext(), rewrite.precision.models, code);
    if (!policy)
      return code;
    rewrite.precision.policy = policy;
    buildMixedPrecisionPipeline(pm, rewrite, &report);
    rewrote = true;
  } else if (options.anyRewriteFlag) {
    complain() << "passes named on the command line replace the rewrite: leave "
                  "out the flags that say how, or give them to the pass\n";
    return kUsage;
  }
  if (config.shouldDumpPassPipeline()) {
    pm.dump();
    llvm::errs() << "\n";
  }
  std::string failedPass;
  pm.addInstrumentation(std::make_unique<FailureNote>(failedPass));
  if (succeeded(pm.run(module))) {
    if (verifiesAtEnd && failed(verify(module)))
      return kVerification;
    if (rewrote)
      warnOfWeightsOutOfRange(module, inputFolder());
    if (rewrote && options.advice)
      giveAdvice(module, *policy);
    return kOk;
  }
  return failedPass == "amp-verify-contract" ? kVerification : kBadInput;
}

int Driver::copyWeights(std::string_view weights) {
  if (weights.empty() || outputIsStdout())
    return kOk;
  llvm::SmallString<256> source(inputFolder());
  llvm::sys::path::append(source, weights);
  for (const std::string &path : {options.output, options.report})
    if (isSameFile(path, source)) {
      complain() << "'" << path << "' is the weights file of the input\n";
      return kUsage;
    }
  llvm::StringRef parent = llvm::sys::path::parent_path(options.output);
  std::string folder = parent.empty() ? "." : parent.str();
  bool same = false;
  if (!llvm::sys::fs::equivalent(folder, inputFolder(), same) && same)
    return kOk;
  if (!options.copyWeights) {
    complain() << "'" << options.output << "' is in another folder than its "
               << "weights file '" << weights << "': add --copy-weights\n";
    return kUsage;
  }
  llvm::SmallString<256> from(inputFolder()), to(folder);
  llvm::sys::path::append(from, weights);
  llvm::sys::path::append(to, weights);
  std::error_code error =
      llvm::sys::fs::create_directories(llvm::sys::path::parent_path(to));
  if (!error) {
    auto data = llvm::MemoryBuffer::getFile(from, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    error = data.getError();
    if (!error)
      return write(to.str().str(), (*data)->getBuffer());
  }
  complain() << "cannot copy '" << from << "' to '" << to
             << "': " << error.message() << "\n";
  return kIO;
}

int Driver::writeModule(ModuleOp module) {
  if (outputKind() == FileKind::MLIR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (inputKind == FileKind::Graph || holdsNames(input))
      printNames();
    module.print(stream);
    return write(options.output, text);
  }
  if (outputKind() == FileKind::Dot) {
    FailureOr<graphfile::GraphFile> file = exportGraphFile(module);
    return failed(file) ? kBadInput : write(options.output, writeDot(*file));
  }
  int code = kOk;
  GraphOutput output(options.output, [&](const graphfile::GraphFile &file) {
    code = copyWeights(file.weights);
    return code == kOk;
  });
  if (failed(exportGraphFile(module, output)))
    return code ? code : kBadInput;
  if (std::optional<std::string> error = output.commit()) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}

/// Whether the input file is named and a graph of TensorFlow's.
bool Driver::isTensorFlowInput() {
  return options.input != "-" &&
         (isSavedModel(options) ||
          (!graphfile::readFile(options.input, input) &&
           isGraphDef(options, input)));
}

int Driver::run() {
  if (options.printPolicy && isTensorFlowInput()) {
    TensorFlowRewriter rewriter(options);
    int code = rewriter.readSettings();
    return code ? code : rewriter.printLists();
  }
  if (options.printPolicy)
    return printPolicy();
  if (config.shouldListPasses() || config.shouldShowDialects())
    return failed(MlirOptMain(
        llvm::outs(), llvm::MemoryBuffer::getMemBuffer(""), registry, config));
  if (isSavedModel(options) && options.advice) {
    complain() << "--advice is for graph files and MLIR; '" << inputName()
               << "' is a SavedModel\n";
    return kUsage;
  }
  if (isSavedModel(options))
    return runSavedModel(options, registry);
  if (int code = readInput())
    return code;
  if (isGraphDef(options, input) && options.advice) {
    complain() << "--advice is for graph files and MLIR; '" << inputName()
               << "' is a GraphDef\n";
    return kUsage;
  }
  if (isGraphDef(options, input))
    return runGraphDef(options, {input, inputName(), registry});
  if (const char *flag = options.tensorflow.givenFlag()) {
    complain() << flag << " is for TensorFlow's graphs, and '" << inputName()
               << "' is none\n";
    return kUsage;
  }
  inputKind = findInputKind();
  if (inputKind == FileKind::Graph && !options.opModels.empty()) {
    complain() << "--op-models describes ops of MLIR modules, and '"
               << inputName() << "' is a graph file\n";
    return kUsage;
  }
  const size_t deep =
      inputKind == FileKind::MLIR ? tooDeepAt(input) : llvm::StringRef::npos;
  if (deep != llvm::StringRef::npos) {
    complain() << inputName() << ":"
               << llvm::StringRef(input).take_front(deep).count('\n') + 1
               << ": nesting is deeper than " << kDeepest << "\n";
    return kBadInput;
  }
  llvm::StringRef misleading =
      misleadingKind(llvm::sys::path::extension(options.output));
  if (inputKind == FileKind::Graph && !options.exportKind &&
      !misleading.empty()) {
    complain() << "-o " << options.output << " has the name of " << misleading
               << ", and what is written is a graph file: name it .json, or "
                  "say --emit=json\n";
    return kUsage;
  }
  if (inputKind == FileKind::MLIR && outputKind() == FileKind::MLIR &&
      !options.anyRewriteFlag)
    return runMlirOpt();
  return runModule();
}

int Driver::runModule() {
  // One module, one thread: starting a pool costs more than most rewrites. And
  // taking a large module apart costs a tenth of its rewrite: neither module
  // nor context is, unless remarks wait for the context's end.
  static MLIRContext *process;
  process = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
  MLIRContext &context = *process;
  // The constructor alone leaves the locks and the thread caches of attributes
  // and types on.
  context.disableMultithreading();
  ModuleOp module;
  llvm::scope_exit finishRemarks([&] {
    if (!config.shouldEmitRemarks())
      return;
    if (module)
      module.erase();
    delete std::exchange(process, nullptr);
  });
  // Who describes ops of other dialects has some.
  context.allowUnregisteredDialects(config.shouldAllowUnregisteredDialects() ||
                                    !options.opModels.empty());
  if (inputKind == FileKind::Graph)
    source = std::make_unique<graphfile::SourceText>(inputName(),
                                                     std::move(input));
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(source ? source->text() : input,
                                       inputName()),
      llvm::SMLoc());
  cutLongLines(sources);
  SourceMgrDiagnosticHandler handler(sources, &context);
  if (failed(enableRemarks(context, config)))
    return kIO;

  int code = kOk;
  OwningOpRef<ModuleOp> owner;
  if (inputKind == FileKind::Graph) {
    // The text of an op says nothing to who wrote a graph file.
    context.printOpOnDiagnostic(false);
    owner = importGraph(context, code);
    if (!owner)
      return code;
  } else {
    owner = parseSourceFile<ModuleOp>(sources, &context);
    if (!owner)
      return kBadInput;
  }
  module = owner.release();
  if (!options.noAmp && (code = rewrite(module)))
    return code;
  ReportOutput output(options, report);
  if (rewrote && (code = output.prepare()))
    return code;
  if ((code = writeModule(module)))
    return code;
  if (!rewrote)
    return kOk;
  if ((code = output.commit()))
    return code;
  llvm::errs() << "amp-opt: " << report.summary() << "\n";
  return kOk;
}

int opt::run(const Options &options, DialectRegistry &registry) {
  return Driver(options, registry).run();
}

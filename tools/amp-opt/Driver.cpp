//===- Driver.cpp - What amp-opt does with a file ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A graph file is imported into a context of ours and a pass manager runs on
// the module directly: no round trip through text or bytecode. MlirOptMain
// serves .mlir files that no flag of ours concerns.
//===----------------------------------------------------------------------===//

#include "Driver.h"

#include "Arguments.h"
#include "Remarks.h"
#include "WeightsRange.h"
#include "amp/Api/MixedPrecision.h"
#include "amp/Export/Dot.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

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
  /// Sets the exit code when it returns false.
  bool readInput(int &code);
  int runMlirOpt();
  OwningOpRef<ModuleOp> importGraph(MLIRContext &context, int &code);
  std::shared_ptr<const Policy> loadPolicy(MLIRContext &context, int &code);
  int rewrite(ModuleOp module);
  int writeModule(ModuleOp module);
  int writeGraph(graphfile::GraphFile file);
  int copyWeights(std::string_view weights);
  int writeExplanation();
  int write(const std::string &path, std::string_view text);
  FileKind inputKind() const;
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
  std::unique_ptr<llvm::MemoryBuffer> input;
  PrecisionReport report;
  /// The rewrite ran, so that there is something to report.
  bool rewrote = false;
};

} // namespace

FileKind Driver::inputKind() const {
  if (options.importKind)
    return *options.importKind;
  llvm::StringRef extension = llvm::sys::path::extension(options.input);
  if (extension == ".json")
    return FileKind::Graph;
  llvm::StringRef text = input->getBuffer().ltrim(" \t\r\n\xEF\xBB\xBF");
  // `{-#` opens the resources of an MLIR file.
  if (text.starts_with("{") && !text.starts_with("{-#"))
    return FileKind::Graph;
  return FileKind::MLIR;
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
  return inputKind();
}

MixedPrecisionRewriteOptions Driver::rewriteOptions() const {
  MixedPrecisionRewriteOptions rewrite;
  rewrite.precision.request = {options.policy, options.target, options.moves};
  rewrite.precision.pins = options.pins;
  rewrite.precision.reportNodes = options.explain || !options.report.empty();
  rewrite.precision.unknownOps =
      options.unknownOps == "error"    ? UnknownOps::Error
      : options.unknownOps == "ignore" ? UnknownOps::Ignore
                                       : UnknownOps::Warn;
  return rewrite;
}

int Driver::write(const std::string &path, std::string_view text) {
  if (std::optional<std::string> error = graphfile::writeFile(path, text)) {
    complain() << *error << "\n";
    return kIO;
  }
  return kOk;
}

bool Driver::readInput(int &code) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(options.input,
                                                   /*IsText=*/false);
  if (std::error_code error = buffer.getError()) {
    complain() << "cannot read '" << options.input << "': " << error.message()
               << "\n";
    return false;
  }
  input = std::move(*buffer);
  // An empty .mlir file is a module without ops; anything else was a mistake.
  if (!options.importKind && input->getBuffer().trim().empty() &&
      llvm::sys::path::extension(options.input) != ".mlir") {
    complain() << "'" << inputName() << "' is empty\n";
    code = kBadInput;
    return false;
  }
  return true;
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

std::shared_ptr<const Policy> Driver::loadPolicy(MLIRContext &context,
                                                 int &code) {
  std::vector<PolicyMessage> messages;
  std::shared_ptr<const Policy> policy = loadPolicyFor(
      &context, {options.policy, options.target, options.moves}, messages);
  code = printMessages(messages);
  return policy;
}

int Driver::runMlirOpt() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto copy =
      llvm::MemoryBuffer::getMemBuffer(input->getBuffer(), inputName(), false);
  if (failed(MlirOptMain(stream, std::move(copy), registry, config)))
    return kBadInput;
  return write(options.output, text);
}

OwningOpRef<ModuleOp> Driver::importGraph(MLIRContext &context, int &code) {
  graphfile::SourceText source(inputName(), input->getBuffer().str());
  graphfile::Diagnostics diags;
  std::optional<graphfile::CheckedFile> file =
      graphfile::readGraphFile(source, diags, inputFolder());
  llvm::errs() << diags.render(source);
  if (!file) {
    code = diags.hasIOErrors() ? kIO : kBadInput;
    return {};
  }
  OwningOpRef<ModuleOp> module = importGraphFile(*file, source, &context);
  code = module ? kOk : kBadInput;
  return module;
}

int Driver::rewrite(ModuleOp module) {
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  if (failed(applyPassManagerCLOptions(pm)))
    return kUsage;
  applyDefaultTimingPassManagerCLOptions(pm);
  pm.enableVerifier(config.shouldVerifyPasses());
  if (failed(config.setupPassPipeline(pm)))
    return kUsage;
  // Passes named on the command line replace the rewrite.
  if (pm.empty()) {
    MixedPrecisionRewriteOptions rewrite = rewriteOptions();
    if (!options.lossScale.empty()) {
      std::string error;
      rewrite.lossScale = parseLossScale(options.lossScale, error);
      if (!rewrite.lossScale) {
        complain() << "--loss-scale: " << error << "\n";
        return kUsage;
      }
    }
    int code = kOk;
    rewrite.precision.policy = loadPolicy(*module.getContext(), code);
    if (!rewrite.precision.policy)
      return code;
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
    if (rewrote)
      warnOfWeightsOutOfRange(module, inputFolder());
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

int Driver::writeGraph(graphfile::GraphFile file) {
  if (outputKind() == FileKind::Dot)
    return write(options.output, writeDot(file));
  if (int code = copyWeights(file.weights))
    return code;
  return write(options.output, graphfile::writeGraphFile(file));
}

int Driver::writeModule(ModuleOp module) {
  if (outputKind() == FileKind::MLIR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return write(options.output, text);
  }
  FailureOr<graphfile::GraphFile> file = exportGraphFile(module);
  if (failed(file))
    return kBadInput;
  return writeGraph(std::move(*file));
}

int Driver::writeExplanation() {
  std::string text, nearest;
  llvm::raw_string_ostream stream(text);
  if (!amp::writeExplanation(report, options.explainNode, stream, nearest)) {
    complain() << "--explain: no node '" << options.explainNode << "'";
    if (!nearest.empty())
      llvm::errs() << "; did you mean '" << nearest << "'?";
    llvm::errs() << "\n";
    return kBadInput;
  }
  (outputIsStdout() ? llvm::errs() : llvm::outs()) << text;
  return kOk;
}

int Driver::run() {
  if (options.printPolicy)
    return printPolicy();
  if (config.shouldListPasses() || config.shouldShowDialects())
    return failed(MlirOptMain(
        llvm::outs(), llvm::MemoryBuffer::getMemBuffer(""), registry, config));
  int code = kIO;
  if (!readInput(code))
    return code;
  code = kOk;
  FileKind kind = inputKind();
  if (kind == FileKind::MLIR && outputKind() == FileKind::MLIR &&
      !options.anyRewriteFlag)
    return runMlirOpt();

  // One module, one thread: starting a pool costs more than most rewrites.
  // The constructor alone leaves the locks and the thread caches of attributes
  // and types on.
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.disableMultithreading();
  context.allowUnregisteredDialects(config.shouldAllowUnregisteredDialects());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBuffer(input->getBuffer(), inputName(), false),
      llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  if (failed(enableRemarks(context, config)))
    return kIO;

  OwningOpRef<ModuleOp> module;
  if (kind == FileKind::Graph) {
    // The text of an op says nothing to who wrote a graph file.
    context.printOpOnDiagnostic(false);
    module = importGraph(context, code);
    if (!module)
      return code;
  } else {
    module = parseSourceFile<ModuleOp>(sources, &context);
    if (!module)
      return kBadInput;
  }
  if (!options.noAmp && (code = rewrite(*module)))
    return code;
  // Before the output is touched: a wrong name leaves no file behind.
  if (rewrote && options.explain && (code = writeExplanation()))
    return code;
  // Both files appear, or none.
  graphfile::AtomicFile reportFile;
  bool writesReport = rewrote && !options.report.empty();
  if (writesReport) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    writeReportJson(report, stream);
    std::optional<std::string> error = reportFile.open(options.report);
    if (error || (error = reportFile.write(text))) {
      complain() << *error << "\n";
      return kIO;
    }
  }
  if ((code = writeModule(*module)))
    return code;
  if (!rewrote)
    return kOk;
  if (writesReport)
    if (std::optional<std::string> error = reportFile.commit()) {
      complain() << *error << "\n";
      return kIO;
    }
  llvm::errs() << "amp-opt: " << report.summary() << "\n";
  return kOk;
}

int opt::run(const Options &options, DialectRegistry &registry) {
  return Driver(options, registry).run();
}

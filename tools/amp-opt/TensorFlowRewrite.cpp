//===- TensorFlowRewrite.cpp - Flags for GraphDefs, applied -------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The same pass as for graph files, with TensorFlow's lists, order and devices.
//===----------------------------------------------------------------------===//

#include "TensorFlowRewrite.h"

#include "ReportOutput.h"
#include "TensorFlowSummary.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/GraphDef/TrainingScale.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/OpSet/OpSet.h"
#include "amp/Transforms/LossScale.h"
#include "amp/Transforms/MixedPrecision.h"

#include <cstdlib>

using namespace amp;
using namespace amp::opt;
using namespace mlir;

llvm::raw_ostream &opt::complainOfGraph() {
  return llvm::errs() << "amp-opt: error: ";
}

void opt::printMessages(const graphfile::Diagnostics &diags,
                        const graphfile::SourceText &source, bool isBinary) {
  if (!isBinary) {
    llvm::errs() << diags.render(source);
    return;
  }
  for (const graphfile::Diagnostic &diag : diags.all())
    llvm::errs() << source.name() << ": error: " << diag.message << "\n";
}

int TensorFlowRewriter::readSettings() {
  policy = options.policyGiven ? options.policy : "tensorflow";
  settings.isStrict = !tf::isTensorFlowPolicy(policy);
  const TensorFlowOptions &given = options.tensorflow;
  bool isLow = options.target == Target::BFloat16;
  settings.mode = isLow ? tf::Mode::BFloat16 : tf::Mode::Cuda;
  if (given.mode == "cuda" || given.mode == "cpu" || given.mode == "bf16") {
    settings.mode = given.mode == "cuda"  ? tf::Mode::Cuda
                    : given.mode == "cpu" ? tf::Mode::Cpu
                                          : tf::Mode::BFloat16;
  } else if (!given.mode.empty()) {
    complainOfGraph() << "--tf-mode is cuda, bf16 or cpu, not '" << given.mode
               << "'\n";
    return kUsage;
  }
  if ((settings.mode == tf::Mode::BFloat16) != isLow && options.targetGiven) {
    complainOfGraph() << "--tf-mode=" << given.mode << " contradicts --target="
               << targetName(options.target) << "\n";
    return kUsage;
  }
  if (given.version == "2.19")
    settings.isTF219 = true;
  else if (!given.version.empty() && given.version != "2.21" &&
           given.version != "2.20") {
    complainOfGraph() << "--tf-version is 2.21, 2.20 or 2.19, not '" << given.version
               << "'\n";
    return kUsage;
  }
  if (policy == "tensorflow-2.19")
    settings.isTF219 = true;
  // Where it is the CPU that computes, a GPU would take all unplaced nodes.
  settings.hasGpu = settings.mode == tf::Mode::Cuda;
  if (given.gpu == "none") {
    settings.hasGpu = false;
  } else if (given.hasGpu) {
    settings.hasGpu = true;
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
      complainOfGraph() << "--tf-gpu is ARCH[,CUDA[,CUDNN]] or none, as in "
                    "8.0,12030,8907, not '"
                 << given.gpu << "'\n";
      return kUsage;
    }
  }
  settings.fetches = given.fetches;
  settings.feeds = given.feeds;
  settings.keep = given.keep;
  std::vector<std::string> notes;
  tf::RewriteSettings unused;
  tf::readEnvironment([](const char *name) { return std::getenv(name); },
                      settings.isStrict ? unused : settings, notes);
  if (settings.isStrict && !notes.empty())
    notes = {"note: the environment's TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_* "
             "has no effect with --policy=" + policy};
  bool isWrong = false;
  for (const std::string &note : notes) {
    isWrong |= llvm::StringRef(note).starts_with("error: ");
    llvm::errs() << "amp-opt: " << note << "\n";
  }
  return isWrong ? kUsage : kOk;
}

int TensorFlowRewriter::scaleLoss(tensorflow::GraphDef &graph,
                                  const std::string &where, bool isAlone,
                                  graphdef::TrainingScaleResult &result) {
  const std::string &loss = options.tensorflow.loss;
  bool isFloat16 = settings.mode != tf::Mode::BFloat16;
  if (options.lossScale.empty() && (loss.empty() || !isFloat16)) {
    if (!loss.empty())
      llvm::errs() << "amp-opt: note: --loss: bfloat16 needs no loss scale; "
                      "--loss-scale=dynamic adds one all the same\n";
    else if (isFloat16 && policy != "none" &&
             graphdef::lacksTrainingScale(graph))
      llvm::errs() << "amp-opt: warning: " << where
                   << "the graph trains in float16 without loss scaling, and small gradients become zero: add "
                      "--loss-scale=dynamic, or none\n";
    return kOk;
  }
  std::string error;
  std::optional<LossScaleConfig> config = parseLossScale(
      options.lossScale.empty() ? "dynamic" : options.lossScale, error);
  if (!config) {
    complainOfGraph() << "--loss-scale: " << error << "\n";
    return kUsage;
  }
  if (config->mode == LossScaleConfig::Mode::None)
    return kOk;
  const LossScaleParams &params = config->params;
  if (params.max != LossScaleParams().max || params.decreaseEvery != 1) {
    complainOfGraph() << "--loss-scale: TensorFlow's loss scale knows no max "
                         "and no decrease_every\n";
    return kUsage;
  }
  graphdef::TrainingScale scale;
  scale.loss = loss;
  scale.isFixed = config->mode == LossScaleConfig::Mode::Fixed;
  scale.scale = scale.isFixed ? config->value : params.initial;
  scale.growthSteps = params.growthSteps;
  scale.growth = params.growth;
  scale.backoff = params.backoff;
  scale.min = params.min;
  for (const auto *names : {&settings.fetches, &settings.keep})
    scale.wanted.insert(scale.wanted.end(), names->begin(), names->end());
  if (auto problem = graphdef::addTrainingScale(graph, scale, result)) {
    if (result.isMissing && !isAlone)
      return kOk;
    complainOfGraph() << (result.isMissing ? "" : where) << *problem << "\n";
    return kBadInput;
  }
  for (const std::string &note : result.notes)
    llvm::errs() << "amp-opt: loss scale: " << where << note << "\n";
  return kOk;
}

void TensorFlowRewriter::keepScale(
    const graphdef::TrainingScaleResult &scale) {
  scaleNodes.clear();
  for (const auto &[function, node] : scale.nodes) {
    if (function.empty())
      settings.keep.push_back(node);
    else
      scaleNodes[function].insert(node);
  }
}

/// Of the main graph, names do it.
void TensorFlowRewriter::preserveScale(ModuleOp module) {
  if (scaleNodes.empty())
    return;
  for (auto function : module.getOps<FunctionOpInterface>()) {
    auto name = function->getAttrOfType<StringAttr>(tf::kFunctionNameAttr);
    auto found = name ? scaleNodes.find(name.getValue()) : scaleNodes.end();
    if (found == scaleNodes.end())
      continue;
    for (Operation &op : function.getFunctionBody().front())
      if (found->second.contains(getNodeName(op.getLoc())))
        op.setAttr(kPreserveAttr, UnitAttr::get(module.getContext()));
  }
}

std::optional<Policy>
TensorFlowRewriter::loadLists(const std::vector<std::string> &functions,
                              int &code) {
  std::vector<std::string_view> native;
  for (const OpDef &op : allOps())
    native.push_back(op.name);
  Target target = settings.mode == tf::Mode::BFloat16 ? Target::BFloat16
                                                      : Target::Float16;
  std::vector<PolicyMessage> messages;
  std::optional<Policy> lists =
      tf::makePolicyFor({policy, target, options.moves}, settings, functions,
                        native, messages);
  if (lists)
    return lists;
  code = kBadInput;
  for (const PolicyMessage &message : messages) {
    bool isPlaced = !llvm::StringRef(message.text).starts_with("error: ");
    llvm::errs() << (isPlaced ? "" : "amp-opt: ") << message.text << "\n";
    if (message.isIO)
      code = kIO;
  }
  return std::nullopt;
}

int TensorFlowRewriter::printLists() {
  int code = kOk;
  std::optional<Policy> lists = loadLists({}, code);
  if (!lists)
    return code;
  if (auto error =
          graphfile::writeFile(options.output, amp::printPolicy(*lists))) {
    complainOfGraph() << *error << "\n";
    return kIO;
  }
  return kOk;
}

int TensorFlowRewriter::rewrite(ModuleOp module) {
  if (failed(tf::checkGraph(module)))
    return kBadInput;
  std::string why;
  if (tf::isSkipped(settings, why)) {
    llvm::errs() << "amp-opt: warning: " << why << "\n";
    summary = "nothing lowered";
    return kOk;
  }
  std::vector<std::string> functions;
  for (const graphdef::OpSpec *spec : tf::librarySpecs(module))
    functions.emplace_back(spec->name);
  int code = kOk;
  std::optional<Policy> lists = loadLists(functions, code);
  if (!lists)
    return code;
  for (const std::string &function : functions)
    if (!lists->lists(function))
      lists->move(function, ListKind::Keep);
  if (settings.fetches.empty() && !settings.isSavedModel)
    llvm::errs() << "amp-opt: warning: no --fetch: nothing is known to be "
                    "wanted, so nothing is preserved\n";
  preserveScale(module);
  MixedPrecisionOptions rewrite;
  if (failed(tf::prepare(module, settings, *lists, rewrite.forced)))
    return kBadInput;
  tf::Hazards hazards(module);
  if (settings.isStrict)
    hazards.avoid();
  rewrite.policy = std::make_shared<const Policy>(std::move(*lists));
  // TensorFlow's sweeps go in the order of the file.
  rewrite.keepBlockOrder = !settings.isStrict;
  rewrite.pins = options.pins;
  rewrite.nameLater = namesLater;
  bool wantsSummary = options.tensorflow.summary;
  rewrite.reportNodes =
      options.explain || !options.report.empty() || wantsSummary;
  rewrite.unknownOps = unknownOps(options);
  std::optional<tf::ConversionLog> log;
  if (wantsSummary)
    log.emplace(module);
  std::optional<tf::Emulation> emulation;
  if (settings.mode == tf::Mode::Cpu && settings.emulateFloat16)
    emulation.emplace(module);
  // Lowering by force keeps no promise.
  bool isForced = settings.level == tf::Level::UnsafeForceAll;
  std::optional<tf::TypeRecord> types;
  if (!isForced)
    types.emplace(module);
  if (failed(autoMixedPrecision(module, rewrite, &report)))
    return kBadInput;
  // Nor does lowering of references keep the contract.
  for (auto function : module.getOps<FunctionOpInterface>())
    if (tf::hasLowReferences(function))
      function->removeAttr(kContractAttr);
  if (!isForced && (failed(verifyContract(module, rewrite.models)) ||
                    failed(types->verify())))
    return kVerification;
  if (log)
    printGraphSummary(report, log->finish(),
                      options.output == "-" ? llvm::errs() : llvm::outs());
  if (emulation)
    emulation->apply();
  if (failed(hazards.report()))
    return kBadInput;
  summary = report.summary();
  return kOk;
}

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
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
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
  if (options.policy != "tensorflow" && options.policy != "tensorflow-2.19" &&
      options.policyGiven) {
    complainOfGraph() << "a GraphDef is rewritten by --policy=tensorflow, not '"
               << options.policy << "'\n";
    return kUsage;
  }
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
  tf::readEnvironment([](const char *name) { return std::getenv(name); },
                      settings, notes);
  for (const std::string &note : notes)
    llvm::errs() << "amp-opt: " << note << "\n";
  return kOk;
}

int TensorFlowRewriter::rewrite(ModuleOp module) {
  std::string why;
  if (tf::isSkipped(settings, why)) {
    llvm::errs() << "amp-opt: warning: " << why << "\n";
    summary = "nothing lowered";
    return kOk;
  }
  std::string error;
  std::optional<Policy> policy = tf::makePolicy(settings, error);
  if (!policy) {
    complainOfGraph() << error << "\n";
    return kBadInput;
  }
  for (const auto &[list, op] : options.moves)
    policy->move(op, list);
  for (const graphdef::OpSpec *spec : tf::librarySpecs(module))
    if (!policy->lists(spec->name))
      policy->move(spec->name, ListKind::Keep);
  if (settings.fetches.empty() && !settings.isSavedModel)
    llvm::errs() << "amp-opt: warning: no --fetch: nothing is known to be "
                    "wanted, so nothing is preserved\n";
  MixedPrecisionOptions rewrite;
  if (failed(tf::prepare(module, settings, *policy, rewrite.forced)))
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

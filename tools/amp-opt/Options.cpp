//===- Options.cpp - Command line of amp-opt ---------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Declares the flags, hides mlir-opt's thousand from the short help, and turns
// them into Options.
//===----------------------------------------------------------------------===//

#include "Options.h"
#include "Arguments.h"

#include "amp/Api/MixedPrecision.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace cl = llvm::cl;
using namespace amp;
using namespace amp::opt;

namespace {

constexpr const char *kOverview =
    R"(amp-opt - rewrites a float32 model graph to mixed precision

Reads a graph file (or .mlir), decides by lists of ops what runs in 16 bits,
inserts casts and loss scaling, and says why. See docs/GraphFile.md.

Examples:
  amp-opt model.json -o model.amp.json            float16, dynamic loss scale
  amp-opt model.json --target=bfloat16 -o out.json
  amp-opt model.json --explain=dense_1/matmul -o out.json
  amp-opt model.json --policy=none -o float32.json     expand training only

Exit codes: 0 ok, 1 bad input, 2 usage, 3 verification failed, 4 I/O,
70 internal error. All flags of mlir-opt: --help-hidden.
)";

/// Static so that the options live as long as LLVM's parser needs them.
struct Flags {
  cl::OptionCategory category{"amp-opt options"};

  cl::opt<std::string> input{cl::Positional, cl::desc("IN"), cl::init("-"),
                             cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("Output file; '-' is standard "
                                            "output (default)"),
                              cl::value_desc("OUT"), cl::init("-"),
                              cl::cat(category)};
  cl::opt<std::string> policy{
      "policy",
      cl::desc("Preset (default, tensorflow, tensorflow-2.19, minimal, none, "
               "linalg, tosa; or Keras's mixed_float16, mixed_bfloat16, "
               "float32) or FILE.json"),
      cl::value_desc("NAME|FILE"), cl::init("default"), cl::cat(category)};
  cl::opt<std::string> target{"target",
                              cl::desc("float16 (default) or bfloat16"),
                              cl::value_desc("TYPE"), cl::cat(category)};
  cl::list<std::string> allow{"allow", cl::desc("Move ops to the allow list"),
                              cl::value_desc("op,op"), cl::CommaSeparated,
                              cl::cat(category)};
  cl::list<std::string> deny{"deny", cl::desc("Move ops to the deny list"),
                             cl::value_desc("op,op"), cl::CommaSeparated,
                             cl::cat(category)};
  cl::list<std::string> infer{"infer", cl::desc("Move ops to the infer list"),
                              cl::value_desc("op,op"), cl::CommaSeparated,
                              cl::cat(category)};
  cl::list<std::string> clear{"clear", cl::desc("Move ops to the clear list"),
                              cl::value_desc("op,op"), cl::CommaSeparated,
                              cl::cat(category)};
  cl::list<std::string> keep{"keep", cl::desc("Move ops to the keep list"),
                             cl::value_desc("op,op"), cl::CommaSeparated,
                             cl::cat(category)};
  cl::list<std::string> pin{
      "pin",
      cl::desc("Keep nodes in float32; * matches / too"),
      cl::value_desc("[FUNCTION:]GLOB,…"), cl::CommaSeparated,
      cl::cat(category)};
  cl::opt<std::string> lossScale{
      "loss-scale",
      cl::desc("dynamic[:preset=tf1|tf_keras|keras3|pytorch|mxnet|paddle,"
               "initial=…,growth_steps=…,growth=…,backoff=…,min=…,max=…,"
               "decrease_every=…], none, or a number"),
      cl::value_desc("SPEC"), cl::cat(category)};
  cl::opt<std::string> explain{
      "explain",
      cl::desc("Say why each node, or one node and its gradients, is what it "
               "is, and what would change it"),
      cl::value_desc("[FUNCTION:]NODE"), cl::ValueOptional, cl::cat(category)};
  cl::opt<std::string> report{"report",
                              cl::desc("Write decisions, casts and summary"),
                              cl::value_desc("FILE.json"), cl::cat(category)};
  cl::opt<bool> advice{
      "advice",
      cl::desc("Remark on sizes to pad for tensor cores, and on constants out "
               "of the range of 16 bits"),
      cl::cat(category)};
  cl::opt<bool> printPolicy{"print-policy",
                            cl::desc("Print the effective lists and stop"),
                            cl::cat(category)};
  cl::opt<std::string> emit{"emit", cl::desc("json, mlir or dot"),
                            cl::value_desc("KIND"), cl::cat(category)};
  cl::opt<std::string> importKind{
      "import", cl::desc("Kind of the input: json or mlir (default: by its "
                         "content)"),
      cl::value_desc("KIND"), cl::cat(category)};
  cl::opt<std::string> exportKind{
      "export", cl::desc("Kind of the output: json, mlir or dot (default: by "
                         "its extension, else as the input)"),
      cl::value_desc("KIND"), cl::cat(category)};
  cl::opt<bool> noAmp{"no-amp", cl::desc("Only import, check and export"),
                      cl::cat(category)};
  cl::opt<std::string> unknownOps{
      "unknown-ops",
      cl::desc("What ops in no list do: error, warn (default) or ignore; they "
               "stay float32"),
      cl::value_desc("MODE"), cl::init("warn"), cl::cat(category)};
  cl::list<std::string> opModels{
      "op-models",
      cl::desc("Models of ops of dialects that amp-opt does not hold: one that "
               "ships (stablehlo), or FILE.json; for .mlir"),
      cl::value_desc("NAME|FILE,…"), cl::CommaSeparated, cl::cat(category)};
  cl::opt<std::string> tfVersion{
      "tf-version",
      cl::desc("TensorFlow whose pass a GraphDef is rewritten as: 2.21 "
               "(default), 2.20 or 2.19"),
      cl::value_desc("VERSION"), cl::cat(category)};
  cl::opt<std::string> tfMode{
      "tf-mode", cl::desc("cuda (default), cpu, or bf16 (with bfloat16)"),
      cl::value_desc("MODE"), cl::cat(category)};
  cl::opt<std::string> tfGpu{
      "tf-gpu",
      cl::desc("GPU of the cluster, or none (default: 8.0,12030,8907)"),
      cl::value_desc("ARCH[,CUDA[,CUDNN]]"), cl::cat(category)};
  cl::list<std::string> fetch{
      "fetch", cl::desc("Nodes whose values are wanted from a GraphDef"),
      cl::value_desc("node,node"), cl::CommaSeparated, cl::cat(category)};
  cl::list<std::string> feed{"feed", cl::desc("Nodes that are fed"),
                             cl::value_desc("node,node"), cl::CommaSeparated,
                             cl::cat(category)};
  cl::list<std::string> tfKeep{
      "tf-keep", cl::desc("Other nodes of a GraphDef that stay as they are"),
      cl::value_desc("node,node"), cl::CommaSeparated, cl::cat(category)};
  cl::opt<std::string> loss{
      "loss",
      cl::desc("Node of the loss in a TensorFlow graph that trains, or "
               "FUNCTION:NODE: adds loss scaling (as --loss-scale does, which "
               "finds it)"),
      cl::value_desc("NODE"), cl::cat(category)};
  cl::opt<bool> summary{
      "summary",
      cl::desc("Say how many nodes of a GraphDef were considered, converted "
               "and blocked, and by what"),
      cl::cat(category)};
  cl::opt<bool> dropUnknown{
      "drop-unknown",
      cl::desc("Leave out what a text form of a GraphDef cannot hold"),
      cl::cat(category)};
  cl::opt<bool> overwrite{
      "overwrite", cl::desc("Replace the SavedModel folder that -o names"),
      cl::cat(category)};
  cl::opt<bool> copyWeights{
      "copy-weights",
      cl::desc("Copy the weights file when OUT is in another folder"),
      cl::cat(category)};
};

Flags &flags() {
  static Flags instance;
  return instance;
}

bool usageError(const llvm::Twine &message) {
  llvm::errs() << "amp-opt: error: " << message << "\n";
  return false;
}

std::optional<FileKind> parseKind(llvm::StringRef text) {
  if (text == "json" || text == "graph" || text == "amp")
    return FileKind::Graph;
  if (text == "mlir")
    return FileKind::MLIR;
  if (text == "dot")
    return FileKind::Dot;
  return std::nullopt;
}

bool readTarget(Options &options) {
  Flags &f = flags();
  if (f.target.getNumOccurrences()) {
    options.targetGiven = true;
    if (f.target == "float16")
      options.target = Target::Float16;
    else if (f.target == "bfloat16")
      options.target = Target::BFloat16;
    else
      return usageError("--target is float16 or bfloat16, not '" + f.target +
                        "'");
  }
  // Keras's names say target and policy at once.
  for (const PolicyAlias &alias : kPolicyAliases) {
    if (alias.name != options.policy)
      continue;
    if (alias.target && options.targetGiven && options.target != *alias.target)
      return usageError("--policy=" + llvm::StringRef(alias.name) +
                        " contradicts --target=" + f.target);
    options.policy = alias.policy;
    if (alias.target)
      options.target = *alias.target;
    break;
  }
  return true;
}

/// List moves in the order in which the command line gives them.
void readMoves(Options &options) {
  Flags &f = flags();
  std::vector<std::pair<unsigned, std::pair<ListKind, std::string>>> moves;
  auto add = [&](cl::list<std::string> &list, ListKind kind) {
    for (unsigned i = 0; i < list.size(); ++i)
      moves.push_back({list.getPosition(i), {kind, list[i]}});
  };
  add(f.allow, ListKind::Allow);
  add(f.deny, ListKind::Deny);
  add(f.infer, ListKind::Infer);
  add(f.clear, ListKind::Clear);
  add(f.keep, ListKind::Keep);
  std::stable_sort(moves.begin(), moves.end(), [](auto &a, auto &b) {
    return a.first < b.first;
  });
  for (auto &move : moves)
    options.moves.push_back(std::move(move.second));
}

bool readKinds(Options &options) {
  Flags &f = flags();
  if (f.importKind.getNumOccurrences()) {
    options.importKind = parseKind(f.importKind);
    if (!options.importKind || options.importKind == FileKind::Dot)
      return usageError("--import is json or mlir, not '" + f.importKind + "'");
  }
  for (auto *flag : {&f.exportKind, &f.emit}) {
    if (!flag->getNumOccurrences())
      continue;
    options.exportKind = parseKind(*flag);
    if (!options.exportKind)
      return usageError("--" + flag->ArgStr + " is json, mlir or dot, not '" +
                        *flag + "'");
  }
  return true;
}

} // namespace

std::optional<Options> opt::parseCommandLine(int argc, char **argv,
                                             mlir::DialectRegistry &registry) {
  Flags &f = flags();
  mlir::registerCLIOptions("amp-opt", registry);
  cl::HideUnrelatedOptions(f.category);
  if (std::optional<std::string> problem = checkArguments(argc, argv)) {
    usageError(*problem);
    return std::nullopt;
  }
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &llvm::errs()))
    return std::nullopt;

  Options options;
  options.input = f.input;
  options.output = f.output;
  options.policy = f.policy;
  options.policyGiven = f.policy.getNumOccurrences() != 0;
  options.tensorflow.version = f.tfVersion;
  options.tensorflow.mode = f.tfMode;
  options.tensorflow.gpu = f.tfGpu;
  options.tensorflow.hasGpu = f.tfGpu.getNumOccurrences() != 0;
  options.tensorflow.fetches.assign(f.fetch.begin(), f.fetch.end());
  options.tensorflow.feeds.assign(f.feed.begin(), f.feed.end());
  options.tensorflow.keep.assign(f.tfKeep.begin(), f.tfKeep.end());
  options.tensorflow.dropUnknown = f.dropUnknown;
  options.tensorflow.loss = f.loss;
  options.tensorflow.summary = f.summary;
  options.lossScale = f.lossScale;
  options.pins.assign(f.pin.begin(), f.pin.end());
  options.noAmp = f.noAmp;
  options.printPolicy = f.printPolicy;
  options.advice = f.advice;
  options.copyWeights = f.copyWeights;
  options.tensorflow.overwrite = f.overwrite;
  options.explain = f.explain.getNumOccurrences() != 0;
  options.explainNode = f.explain;
  options.report = f.report;
  options.unknownOps = f.unknownOps;
  options.opModels.assign(f.opModels.begin(), f.opModels.end());
  if (!readTarget(options) || !readKinds(options))
    return std::nullopt;
  readMoves(options);
  if (options.unknownOps != "error" && options.unknownOps != "warn" &&
      options.unknownOps != "ignore") {
    usageError("--unknown-ops is error, warn or ignore, not '" +
               options.unknownOps + "'");
    return std::nullopt;
  }
  if (f.lossScale.getNumOccurrences() && options.lossScale.empty()) {
    usageError("--loss-scale needs a value: dynamic, none or a number");
    return std::nullopt;
  }
  options.anyRewriteFlag =
      f.policy.getNumOccurrences() || f.target.getNumOccurrences() ||
      !options.moves.empty() || !options.lossScale.empty() ||
      !options.tensorflow.loss.empty() || options.tensorflow.summary ||
      !options.pins.empty() || options.explain || options.advice ||
      !options.report.empty() || !options.opModels.empty();
  if (std::optional<std::string> problem = checkFiles(options)) {
    usageError(*problem);
    return std::nullopt;
  }
  if (options.noAmp && options.anyRewriteFlag) {
    usageError("--no-amp rewrites nothing: leave out the flags that say how");
    return std::nullopt;
  }
  return options;
}

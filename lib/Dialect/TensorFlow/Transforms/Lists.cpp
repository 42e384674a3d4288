//===- Lists.cpp - The lists of TensorFlow's pass ------------------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which op is on which list, by mode and by the versions of CUDA and cuDNN, and
// the environment variables that edit them.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/GraphDef/OpTable.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

using namespace amp;
using namespace amp::tf;

using Names = std::vector<std::string_view>;

// In every mode.
static const Names kAllow = {"Conv2D", "Conv2DBackpropFilter",
                             "Conv2DBackpropInput", "Einsum", "MatMul"};
static const Names kAllowGpu = {
    "BlockLSTM",          "BlockLSTMV2",
    "BlockLSTMGrad",      "BlockLSTMGradV2",
    "CudnnRNN",           "CudnnRNNBackprop",
    "CudnnRNNBackpropV2", "CudnnRNNBackpropV3",
    "CudnnRNNV2",         "CudnnRNNV3",
    "FusedConv2DBiasActivation", "FusedSparseConvGpuV2",
    "GRUBlockCell",       "GRUBlockCellGrad",
    "LSTMBlockCell",      "LSTMBlockCellGrad",
    "Mha",                "MhaV2",
    "Tmlp",               "TmlpV2",
    "TmlpV3",             "Pmlp",
    "FastUnsortedSegmentMax", "VoxelMax"};
static const Names kAllowBatchMatMul = {"BatchMatMul", "BatchMatMulV2"};
static const Names kAllowConv3D = {
    "Conv3D", "Conv3DBackpropFilter", "Conv3DBackpropFilterV2",
    "Conv3DBackpropInput", "Conv3DBackpropInputV2"};
static const Names kAllowDepthwise = {"DepthwiseConv2dNative",
                                      "DepthwiseConv2dNativeBackpropFilter",
                                      "DepthwiseConv2dNativeBackpropInput"};
static const Names kAllowBFloat16 = {
    "Conv3D",        "Conv3DBackpropFilterV2",
    "Conv3DBackpropInputV2", "FusedPadConv2D",
    "BatchMatMul",   "BatchMatMulV2"};

static const Names kInfer = {
    "Add", "AddN", "AddV2", "AvgPool", "AvgPool3D", "AvgPool3DGrad",
    "AvgPoolGrad", "BiasAdd", "BiasAddGrad", "BiasAddV1", "Elu", "EluGrad",
    "Erf", "Erfc", "FloorDiv", "FusedBatchNormV2", "FusedBatchNormGradV2",
    "FusedBatchNormV3", "FusedBatchNormGradV3", "_FusedBatchNormEx", "Inv",
    "LeakyRelu", "LeakyReluGrad", "Log", "Log1p", "LogSoftmax", "Mul", "Prod",
    "RealDiv", "Reciprocal", "Selu", "SeluGrad", "Sigmoid", "SigmoidGrad",
    "Softmax", "Softplus", "SoftplusGrad", "Softsign", "SoftsignGrad", "Sqrt",
    "Sub", "Tanh", "TanhGrad"};
static const Names kInferBFloat16 = {"Mean", "Rsqrt", "Square",
                                     "SquaredDifference", "Sum"};

static const Names kDeny = {"Exp",   "Expm1",
                            "L2Loss", "Pow",
                            "SaveV2", "SoftmaxCrossEntropyWithLogits",
                            "SparseSoftmaxCrossEntropyWithLogits"};
static const Names kDenyFloat16 = {"Mean", "Sum"};

static const Names kClear = {
    "Abs", "ArgMax", "ArgMin", "BatchToSpace", "BatchToSpaceND", "BroadcastTo",
    "Ceil", "CheckNumerics", "ClipByValue", "Concat", "ConcatV2",
    "DepthToSpace", "DynamicPartition", "DynamicStitch", "Enter", "EnsureShape",
    "Equal", "Exit", "ExpandDims", "Fill", "Floor", "Gather", "GatherNd",
    "GatherV2", "Greater", "GreaterEqual", "Identity", "IdentityN", "IsFinite",
    "IsInf", "IsNan", "Less", "LessEqual", "Max", "MaxPool", "MaxPool3D",
    "MaxPool3DGrad", "MaxPoolGrad", "MaxPoolGradGrad", "MaxPoolGradGradV2",
    "MaxPoolGradV2", "MaxPoolV2", "Maximum", "Merge", "Min", "Minimum",
    "MirrorPad", "MirrorPadGrad", "Neg", "NextIteration", "NotEqual",
    "OnesLike", "Pack", "Pad", "PadV2", "PreventGradient", "Rank", "Relu",
    "Relu6", "Relu6Grad", "ReluGrad", "Reshape", "ResizeNearestNeighbor",
    "ResizeNearestNeighborGrad", "Reverse", "ReverseSequence", "ReverseV2",
    "Round", "Select", "SelectV2", "Shape", "ShapeN", "Sign", "Slice",
    "Snapshot", "SpaceToBatch", "SpaceToBatchND", "SpaceToDepth", "Split",
    "SplitV", "Squeeze", "StopGradient", "StridedSlice", "StridedSliceGrad",
    "Switch", "Tile", "TopK", "TopKV2", "Transpose", "Unpack", "Where",
    "ZerosLike",
    // Tensor lists.
    "TensorListConcat", "TensorListConcatLists", "TensorListConcatV2",
    "TensorListGather", "TensorListGetItem", "TensorListPopBack",
    "TensorListPushBack", "TensorListPushBackBatch", "TensorListFromTensor",
    "TensorListScatter", "TensorListScatterV2",
    "TensorListScatterIntoExistingList", "TensorListSetItem", "TensorListSplit",
    "TensorListStack"};
static const Names kClearFloat16 = {"MaxPool3DGradGrad", "OneHot", "Size"};
static const Names kClearBFloat16 = {"ResizeBilinear", "ScatterNd",
                                     "StatelessWhile", "While"};

std::optional<Policy> tf::makePolicy(const RewriteSettings &settings,
                                     std::string &error) {
  std::map<ListKind, std::set<std::string>> lists;
  auto add = [&](ListKind list, const Names &names) {
    lists[list].insert(names.begin(), names.end());
  };
  bool isBFloat16 = settings.mode == Mode::BFloat16;
  if (isBFloat16 && settings.level == Level::UnsafeForceAll) {
    error = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LEVEL cannot be set to "
            "UNSAFE_FORCE_ALL for bfloat16";
    return std::nullopt;
  }
  // Mode cpu takes the lists of a GPU whose versions lack nothing.
  int cuda = settings.mode == Mode::Cpu ? 10000 : settings.cuda;
  int cudnn = settings.mode == Mode::Cpu ? 8000 : settings.cudnn;
  add(ListKind::Allow, kAllow);
  if (isBFloat16) {
    add(ListKind::Allow, kAllowBFloat16);
    add(ListKind::Allow, kAllowDepthwise);
  } else {
    add(ListKind::Allow, kAllowGpu);
    if (cuda >= 9010)
      add(ListKind::Allow, kAllowBatchMatMul);
    if (cudnn >= 7602)
      add(ListKind::Allow, kAllowConv3D);
    if (cudnn >= 8000)
      add(ListKind::Allow, kAllowDepthwise);
  }
  bool coresOnly = settings.level == Level::TensorCoresOnly && !isBFloat16;
  if (!coresOnly) {
    add(ListKind::Infer, kInfer);
    add(ListKind::Deny, kDeny);
    add(ListKind::Clear, kClear);
    add(ListKind::Infer, isBFloat16 ? kInferBFloat16 : Names());
    add(ListKind::Deny, isBFloat16 ? Names() : kDenyFloat16);
    add(ListKind::Clear, isBFloat16 ? kClearBFloat16 : kClearFloat16);
  }
  for (const RewriteSettings::Edit &edit : settings.edits) {
    if (coresOnly && edit.list != ListKind::Allow)
      continue;
    if (edit.isRemoval)
      lists[edit.list].erase(edit.op);
    else
      lists[edit.list].insert(edit.op);
  }
  if (settings.level == Level::TreatInferAsDeny) {
    lists[ListKind::Deny].merge(lists[ListKind::Infer]);
    lists[ListKind::Infer].clear();
  }

  // Forced nodes know no deny; what cannot be forced spreads none.
  if (settings.level == Level::UnsafeForceAll)
    lists[ListKind::Deny].clear();

  Policy policy;
  policy.name = settings.isTF219 ? "tensorflow-2.19" : "tensorflow";
  policy.target = isBFloat16 ? Target::BFloat16 : Target::Float16;
  policy.inferRule = settings.isTF219 && !isBFloat16 ? InferRule::Between
                                                     : InferRule::Follow;
  // What is fetched is preserved by name; a library function returns values.
  policy.outputs = OutputRule::Value;
  for (std::string_view op : graphdef::opNames())
    policy.move(op, ListKind::Keep);
  std::set<std::string> seen;
  for (auto &[list, names] : lists)
    for (const std::string &name : names) {
      if (!seen.insert(name).second) {
        error = "op '" + name + "' is in two lists (Op lists have conflicting "
                "entries): remove it from one before adding it to another";
        return std::nullopt;
      }
      policy.move(name, list);
    }
  return policy;
}

static std::string upper(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// TensorFlow's ReadBoolFromEnvVar: 0, false, 1, true. It ends the process at
/// any other value that it reads.
static bool readBool(const char *text, bool standard, bool isRead,
                     const std::string &name, std::vector<std::string> &notes) {
  std::string value = upper(text);
  if (value == "1" || value == "TRUE")
    return true;
  if (value == "0" || value == "FALSE")
    return false;
  notes.push_back((isRead ? "error: " : "warning: ") + name + "=" + text +
                  " is neither 0 nor 1" +
                  (isRead ? ", which ends TensorFlow's process"
                          : " and has no effect"));
  return standard;
}

void tf::readEnvironment(const std::function<const char *(const char *)> &get,
                         RewriteSettings &settings,
                         std::vector<std::string> &notes) {
  const std::string prefix = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_";
  auto value = [&](const std::string &suffix) -> const char * {
    const char *text = get((prefix + suffix).c_str());
    if (text && *text)
      notes.push_back("note: " + prefix + suffix + "=" + text +
                      " of the environment is honoured");
    return text;
  };
  struct ListNames {
    ListKind list;
    const char *now, *before;
  };
  static const ListNames kLists[] = {
      {ListKind::Allow, "ALLOWLIST", "WHITELIST"},
      {ListKind::Infer, "INFERLIST", "GRAYLIST"},
      {ListKind::Deny, "DENYLIST", "BLACKLIST"},
      {ListKind::Clear, "CLEARLIST", nullptr}};
  for (const ListNames &names : kLists)
    for (const char *stem : {names.now, names.before})
      for (bool isRemoval : {false, true}) {
        if (!stem)
          continue;
        const char *text =
            value(std::string(stem) + (isRemoval ? "_REMOVE" : "_ADD"));
        if (!text)
          continue;
        // Names are not trimmed.
        std::string_view rest = text;
        while (!rest.empty()) {
          size_t comma = rest.find(',');
          std::string op(rest.substr(0, comma));
          // TensorFlow says nothing; op types of functions are rare here.
          if (!op.empty() && !graphdef::findOp(op))
            notes.push_back("warning: '" + op + "' in " + prefix + stem +
                            (isRemoval ? "_REMOVE" : "_ADD") +
                            " is no op of TensorFlow's");
          settings.edits.push_back({names.list, isRemoval, std::move(op)});
          rest = comma == std::string_view::npos ? std::string_view()
                                                 : rest.substr(comma + 1);
        }
      }
  if (const char *text = value("LEVEL")) {
    std::string level = upper(text);
    if (level == "UNSAFE_FORCE_ALL")
      settings.level = Level::UnsafeForceAll;
    else if (level == "TREAT_INFER_AS_DENY")
      settings.level = Level::TreatInferAsDeny;
    else if (level == "TENSOR_CORES_ONLY")
      settings.level = Level::TensorCoresOnly;
    else if (!level.empty())
      notes.push_back("warning: " + prefix + "LEVEL=" + text +
                      " is no level and has no effect");
  }
  if (const char *text = get((prefix + "LOG_PATH").c_str()); text && *text)
    notes.push_back("note: " + prefix + "LOG_PATH=" + text +
                    " of the environment has no effect: -o writes the graph, "
                    "--print-policy the lists, --report the decisions");
  auto flag = [&](const char *suffix, bool isRead, bool &into) {
    if (const char *text = value(suffix))
      into = readBool(text, into, isRead, prefix + suffix, notes);
  };
  flag("IGNORE_PERFORMANCE", settings.hasGpu, settings.ignorePerformance);
  flag("SIMULATE_GPU", true, settings.simulateGpu);
  flag("EMULATE_FP16", settings.mode == Mode::Cpu, settings.emulateFloat16);
}

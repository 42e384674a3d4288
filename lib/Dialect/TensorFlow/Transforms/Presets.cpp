//===- Presets.cpp - Policies of graph files on TensorFlow's ops ---------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Presets and policy files name the ops of graph files. An op of TensorFlow
// that is the same thing goes where they say; any other goes with the ops of
// its list in TensorFlow.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/GraphDef/OpTable.h"

#include <algorithm>
#include <set>

using namespace amp;
using namespace amp::tf;

namespace {

struct Twin {
  std::string_view op, native;
};

} // namespace

/// In the order of docs/Policy.md.
static constexpr Twin kTwins[] = {
    {"MatMul", "matmul"},
    {"BatchMatMul", "matmul"},
    {"BatchMatMulV2", "matmul"},
    {"Conv2D", "conv2d"},
    {"Conv2DBackpropInput", "conv2d_input_grad"},
    {"Conv2DBackpropFilter", "conv2d_filter_grad"},
    {"DepthwiseConv2dNative", "depthwise_conv2d"},
    {"DepthwiseConv2dNativeBackpropInput", "depthwise_conv2d_input_grad"},
    {"DepthwiseConv2dNativeBackpropFilter", "depthwise_conv2d_filter_grad"},
    {"Add", "add"},
    {"AddV2", "add"},
    {"Sub", "sub"},
    {"Mul", "mul"},
    {"RealDiv", "div"},
    {"AddN", "add_n"},
    {"BiasAdd", "bias_add"},
    {"BiasAddV1", "bias_add"},
    {"BiasAddGrad", "bias_add_grad"},
    {"Tanh", "tanh"},
    {"TanhGrad", "tanh_grad"},
    {"Sigmoid", "sigmoid"},
    {"SigmoidGrad", "sigmoid_grad"},
    {"Elu", "elu"},
    {"EluGrad", "elu_grad"},
    {"LeakyRelu", "leaky_relu"},
    {"LeakyReluGrad", "leaky_relu_grad"},
    {"Softplus", "softplus"},
    {"SoftplusGrad", "softplus_grad"},
    {"Erf", "erf"},
    {"Log", "log"},
    {"Log1p", "log1p"},
    {"Sqrt", "sqrt"},
    {"SqrtGrad", "sqrt_grad"},
    {"Rsqrt", "rsqrt"},
    {"RsqrtGrad", "rsqrt_grad"},
    {"Reciprocal", "reciprocal"},
    {"ReciprocalGrad", "reciprocal_grad"},
    {"Inv", "reciprocal"},
    {"InvGrad", "reciprocal_grad"},
    {"Sin", "sin"},
    {"Cos", "cos"},
    {"AvgPool", "avg_pool2d"},
    {"AvgPoolGrad", "avg_pool2d_grad"},
    {"FusedBatchNorm", "batch_norm"},
    {"FusedBatchNormV2", "batch_norm"},
    {"FusedBatchNormV3", "batch_norm"},
    {"_FusedBatchNormEx", "batch_norm"},
    {"FusedBatchNormGrad", "batch_norm_grad"},
    {"FusedBatchNormGradV2", "batch_norm_grad"},
    {"FusedBatchNormGradV3", "batch_norm_grad"},
    {"Prod", "reduce_prod"},
    {"Softmax", "softmax"},
    {"LogSoftmax", "log_softmax"},
    {"Exp", "exp"},
    {"Expm1", "expm1"},
    {"Pow", "pow"},
    {"Square", "square"},
    {"SquaredDifference", "square"},
    {"Sum", "reduce_sum"},
    {"Mean", "reduce_mean"},
    {"Cumsum", "cumsum"},
    {"SoftmaxCrossEntropyWithLogits", "softmax_cross_entropy"},
    {"SparseSoftmaxCrossEntropyWithLogits", "sparse_softmax_cross_entropy"},
    {"L2Loss", "mean_squared_error"},
    {"Identity", "identity"},
    {"IdentityN", "identity"},
    {"Snapshot", "identity"},
    {"StopGradient", "stop_gradient"},
    {"PreventGradient", "stop_gradient"},
    {"Neg", "neg"},
    {"Abs", "abs"},
    {"Sign", "sign"},
    {"Relu", "relu"},
    {"ReluGrad", "relu_grad"},
    {"Relu6", "relu6"},
    {"Relu6Grad", "relu6_grad"},
    {"ClipByValue", "clip"},
    {"Maximum", "maximum"},
    {"Minimum", "minimum"},
    {"Floor", "floor"},
    {"Ceil", "ceil"},
    {"Round", "round"},
    {"IsFinite", "is_finite"},
    {"Select", "where"},
    {"SelectV2", "where"},
    {"Equal", "equal"},
    {"NotEqual", "not_equal"},
    {"Less", "less"},
    {"LessEqual", "less_equal"},
    {"Greater", "greater"},
    {"GreaterEqual", "greater_equal"},
    {"MaxPool", "max_pool2d"},
    {"MaxPoolV2", "max_pool2d"},
    {"MaxPoolGrad", "max_pool2d_grad"},
    {"MaxPoolGradV2", "max_pool2d_grad"},
    {"Max", "reduce_max"},
    {"Min", "reduce_min"},
    {"ArgMax", "argmax"},
    {"Reshape", "reshape"},
    {"Transpose", "transpose"},
    {"BroadcastTo", "broadcast_to"},
    {"Concat", "concat"},
    {"ConcatV2", "concat"},
    {"Split", "split"},
    {"SplitV", "split"},
    {"Slice", "slice"},
    {"StridedSlice", "slice"},
    {"StridedSliceGrad", "slice_grad"},
    {"Pad", "pad"},
    {"PadV2", "pad"},
    {"ExpandDims", "expand_dims"},
    {"Squeeze", "squeeze"},
    {"Gather", "gather"},
    {"GatherV2", "gather"},
    {"OneHot", "one_hot"},
    {"Pack", "stack"},
};

/// What stands for all ops of a list that have no twin: its list in the policy
/// is theirs. Two, since a policy may move one of them for its own sake.
static ListKind listOfKind(const Policy &policy, ListKind kind) {
  auto either = [&](std::string_view a, std::string_view b) {
    return policy.list(a) == kind || policy.list(b) == kind ? kind
                                                            : ListKind::Keep;
  };
  switch (kind) {
  case ListKind::Allow:
    return either("matmul", "conv2d");
  case ListKind::Infer:
    return either("add", "mul");
  case ListKind::Clear:
    return either("identity", "reshape");
  case ListKind::Deny:
    return either("exp", "softmax");
  case ListKind::Keep:
    break;
  }
  return ListKind::Keep;
}

bool tf::isTensorFlowPolicy(std::string_view name) {
  return name == "tensorflow" || name == "tensorflow-2.19";
}

/// Names that policies and flags may use: TensorFlow's, those of the library's
/// functions, and native ones.
static std::vector<std::string_view>
knownNames(const std::vector<std::string> &functions,
           const std::vector<std::string_view> &native) {
  std::vector<std::string_view> names = graphdef::opNames();
  names.insert(names.end(), functions.begin(), functions.end());
  names.insert(names.end(), native.begin(), native.end());
  return names;
}

/// Errors alone: that an op stands in no list means nothing here.
static bool addErrors(std::vector<PolicyMessage> &from,
                      std::vector<PolicyMessage> &to) {
  bool any = false;
  for (PolicyMessage &message : from)
    if (message.isError) {
      any = true;
      to.push_back(std::move(message));
    }
  return any;
}

static void applyMoves(const PolicyRequest &request, Policy &policy) {
  for (const auto &[list, op] : request.moves) {
    bool isNative = false;
    for (const Twin &twin : kTwins)
      if (twin.native == op) {
        isNative = true;
        policy.move(twin.op, list);
      }
    if (!isNative)
      policy.move(op, list);
  }
}

std::optional<Policy>
tf::makePolicyFor(const PolicyRequest &request,
                  const RewriteSettings &settings,
                  const std::vector<std::string> &functions,
                  const std::vector<std::string_view> &nativeNames,
                  std::vector<PolicyMessage> &messages) {
  // The moves are checked apart, against the names that they may use.
  std::vector<PolicyMessage> found;
  std::set<std::string_view> twins;
  for (const Twin &twin : kTwins)
    twins.insert(twin.native);
  (void)loadPolicy({"none", request.target, request.moves},
                   knownNames(functions, {twins.begin(), twins.end()}), found);
  if (addErrors(found, messages))
    return std::nullopt;
  std::string error;
  std::optional<Policy> lists = makePolicy(settings, error);
  if (!lists) {
    messages.push_back({true, "error: " + error});
    return std::nullopt;
  }
  if (isTensorFlowPolicy(request.policy)) {
    applyMoves(request, *lists);
    return lists;
  }
  found.clear();
  std::optional<Policy> native =
      loadPolicy({request.policy, request.target, {}},
                 knownNames(functions, nativeNames), found);
  if (addErrors(found, messages) || !native)
    return std::nullopt;

  Policy policy;
  policy.name = native->name;
  policy.target = request.target;
  policy.inferRule = native->inferRule;
  policy.outputs = OutputRule::Value;
  for (std::string_view op : graphdef::opNames())
    policy.move(op, native->lists(op)
                        ? native->list(op)
                        : listOfKind(*native, lists->list(op)));
  // An allow op that TensorFlow leaves out for an old CUDA is slow there.
  RewriteSettings newest = settings;
  newest.cuda = newest.cudnn = 1 << 20;
  std::optional<Policy> all = makePolicy(newest, error);
  for (const Twin &twin : kTwins)
    if (!native->lists(twin.op)) {
      bool isSlow = all->list(twin.op) == ListKind::Allow &&
                    lists->list(twin.op) != ListKind::Allow;
      policy.move(twin.op,
                  isSlow ? ListKind::Keep : native->list(twin.native));
    }
  for (const std::string &function : functions)
    policy.move(function, native->list(function));
  applyMoves(request, policy);
  return policy;
}

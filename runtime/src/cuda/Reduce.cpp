//===- Reduce.cpp - Reductions and sums of channels -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How a reduction is cut into parts: enough to keep the device busy, by sizes
// alone, so that sums add up in the same order in every run.
//===----------------------------------------------------------------------===//

#include "StepCode.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

namespace {

/// Parts of `length` elements for `tasks` sums: about as many as fill a large
/// GPU, and not so short that their results cost more than they.
int64_t partsOf(int64_t tasks, int64_t length) {
  constexpr int64_t wanted = 1024, shortest = 64;
  int64_t parts = wanted / std::max<int64_t>(tasks, 1);
  return std::clamp<int64_t>(std::min(parts, length / shortest), 1, 256);
}

class Reduction : public StepCode {
public:
  explicit Reduction(const StepContext &s) : context(s.context) {
    const StepParams &p = s.step.params;
    args.type = typeOf(s.operand(0));
    args.resultType = typeOf(s.result(0));
    args.op = int(p.reduce);
    args.kept = elementCount(p.loops);
    args.reduced = elementCount(p.reduceLoops);
    setNest(args.keptNest, p.loops, p.strides[0]);
    setNest(args.reducedNest, p.reduceLoops, p.reduceStrides);
    columns = args.kept > 1 && p.strides[0].back() == 1;
    int64_t tasks = columns ? (args.kept + 31) / 32 : args.kept;
    args.parts = partsOf(tasks, columns ? args.reduced : args.reduced / 32);
  }
  Status prepare(const StepContext &s) {
    std::string suffix =
        suffixOf(s.operand(0).dtype) == "_int" ? "_int" : "";
    AMPRT_ASSIGN_OR_RETURN(
        kernel,
        context.kernel("Reduce", ((columns ? "reduce_columns" : "reduce_rows") +
                                  suffix)
                                     .c_str()));
    AMPRT_ASSIGN_OR_RETURN(
        finish, context.kernel("Reduce", ("reduce_finish" + suffix).c_str()));
    return okStatus();
  }
  size_t scratchBytes() const override {
    return args.parts == 1 ? 0 : size_t(args.parts * args.kept) * 8;
  }
  Status enqueue(const StepCall &call) override {
    if (args.kept == 0)
      return okStatus();
    args.x = call.operand(0);
    args.result = call.result(0);
    args.partials = call.scratch;
    Launch size;
    if (columns) {
      size.blockX = 32;
      size.blockY = unsigned(k::kThreads) / 32;
      size.gridX = unsigned(std::min<int64_t>((args.kept + 31) / 32, 1 << 20));
      size.gridY = unsigned(args.parts);
    } else {
      size = launchRows(context, args.kept * args.parts,
                        args.reduced / args.parts);
    }
    AMPRT_RETURN_IF_ERROR(launch(context, kernel, size, call.stream, args));
    if (args.parts == 1)
      return okStatus();
    return launch(context, finish, launchFlat(context, args.kept), call.stream,
                  args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr, finish = nullptr;
  k::ReduceArgs args = {};
  bool columns;
};

/// (gradient, x)
class ReductionGrad : public StepCode {
public:
  explicit ReductionGrad(const StepContext &s) : context(s.context) {
    const StepParams &p = s.step.params;
    k::ReduceArgs &r = args.reduce;
    r.type = typeOf(s.operand(1));
    r.resultType = typeOf(s.result(0));
    r.op = int(p.reduce);
    r.kept = elementCount(p.loops);
    r.reduced = elementCount(p.reduceLoops);
    setNest(r.keptNest, p.loops, p.strides[0]);
    setNest(r.reducedNest, p.reduceLoops, p.reduceStrides);
  }
  Status prepare(const StepContext &s) {
    AMPRT_ASSIGN_OR_RETURN(
        kernel,
        context.kernel("Reduce",
                       ("reduce_grad" + suffixOf(s.operand(1).dtype)).c_str()));
    return okStatus();
  }
  size_t scratchBytes() const override {
    const k::ReduceArgs &r = args.reduce;
    return r.op == k::Prod ? size_t(r.kept * r.reduced) * 8 : 0;
  }
  Status enqueue(const StepCall &call) override {
    if (args.reduce.kept == 0)
      return okStatus();
    args.gradient = call.operand(0);
    args.reduce.x = call.operand(1);
    args.reduce.result = call.result(0);
    args.reduce.partials = call.scratch;
    return launch(context, kernel, launchFlat(context, args.reduce.kept),
                  call.stream, args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  k::ReduceGradArgs args = {};
};

/// One or two sums per channel of [outer, size, inner].
class ChannelSums {
public:
  ChannelSums(Context &context, DType x, DType parameter, int mode)
      : context(context), suffix(suffixOf(x)) {
    args.typeX = int(x);
    args.typeParam = int(parameter);
    args.mode = mode;
  }
  void setSizes(int64_t outer, int64_t size, int64_t inner) {
    args.outer = outer;
    args.size = size;
    args.inner = inner;
    int64_t elements = outer * inner;
    columns = inner == 1;
    args.parts = columns ? partsOf((size + 31) / 32, elements)
                         : partsOf(size, elements / 32);
  }
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(
        kernel,
        context.kernel("Norm", ((columns ? "channel_columns" : "channel_rows") +
                                suffix)
                                   .c_str()));
    AMPRT_ASSIGN_OR_RETURN(
        finish, context.kernel("Norm", ("channel_finish" + suffix).c_str()));
    return okStatus();
  }
  /// Two sums per part and channel, in front the mean of each channel.
  size_t partialBytes() const {
    return size_t(args.parts * args.size) * 2 * sizeof(double);
  }
  Status enqueue(cudaStream_t stream) {
    if (args.size == 0)
      return okStatus();
    Launch size;
    if (columns) {
      size.blockX = 32;
      size.blockY = unsigned(k::kThreads) / 32;
      size.gridX = unsigned(std::min<int64_t>((args.size + 31) / 32, 1 << 20));
    } else {
      size.gridX = unsigned(std::min<int64_t>(args.size, 1 << 20));
    }
    size.gridY = unsigned(args.parts);
    AMPRT_RETURN_IF_ERROR(launch(context, kernel, size, stream, args));
    return launch(context, finish, launchFlat(context, args.size), stream,
                  args);
  }

  k::ChannelArgs args = {};

private:
  Context &context;
  std::string suffix;
  cudaKernel_t kernel = nullptr, finish = nullptr;
  bool columns = true;
};

/// (x): mean and variance of each channel, the second from the first.
class Moments : public StepCode {
public:
  explicit Moments(const StepContext &s)
      : mean(s.context, s.operand(0).dtype, s.result(0).dtype, 0),
        variance(s.context, s.operand(0).dtype, s.result(0).dtype, 1) {
    const StepParams &p = s.step.params;
    mean.setSizes(p.outer, p.size, p.inner);
    variance.setSizes(p.outer, p.size, p.inner);
  }
  Status prepare() {
    AMPRT_RETURN_IF_ERROR(mean.prepare());
    return variance.prepare();
  }
  size_t scratchBytes() const override {
    return size_t(mean.args.size) * sizeof(double) + mean.partialBytes();
  }
  Status enqueue(const StepCall &call) override {
    auto *stats = static_cast<double *>(call.scratch);
    for (ChannelSums *sums : {&mean, &variance}) {
      sums->args.x = call.operand(0);
      sums->args.stats = stats;
      sums->args.partials = stats + sums->args.size;
      sums->args.result = call.result(sums == &mean ? 0 : 1);
      AMPRT_RETURN_IF_ERROR(sums->enqueue(call.stream));
    }
    return okStatus();
  }

private:
  ChannelSums mean, variance;
};

/// (gradient, x, mean): Σ g and Σ g · (x − mean).
class ChannelGrad : public StepCode {
public:
  explicit ChannelGrad(const StepContext &s)
      : sums(s.context, s.operand(1).dtype, s.result(0).dtype, 2) {
    sums.args.typeG = typeOf(s.operand(0));
    const StepParams &p = s.step.params;
    sums.setSizes(p.outer, p.size, p.inner);
  }
  Status prepare() { return sums.prepare(); }
  size_t scratchBytes() const override { return sums.partialBytes(); }
  Status enqueue(const StepCall &call) override {
    sums.args.g = call.operand(0);
    sums.args.x = call.operand(1);
    sums.args.mean = call.operand(2);
    sums.args.partials = static_cast<double *>(call.scratch);
    sums.args.result = call.result(0);
    sums.args.result2 = call.result(1);
    return sums.enqueue(call.stream);
  }

private:
  ChannelSums sums;
};

class RowNorm : public StepCode {
public:
  explicit RowNorm(const StepContext &s)
      : context(s.context), isGradient(s.step.kernel == Kernel::RowNormGrad),
        sums(s.context, s.operand(isGradient ? 1 : 0).dtype,
             s.operand(isGradient ? 2 : 1).dtype, 3) {
    const StepParams &p = s.step.params;
    args.outer = p.outer;
    args.size = p.size;
    args.inner = p.inner;
    args.epsilon = p.epsilon;
    args.flag = p.centered;
    args.typeA = typeOf(s.operand(0));
    args.typeB = typeOf(s.operand(1));
    hasC = s.step.operands.size() > 2;
    if (hasC)
      args.typeC = typeOf(s.operand(2));
    args.typeResult = typeOf(s.result(0));
    // Rows are the elements of the sums, and the places in a row the channels.
    sums.args.typeG = args.typeA;
    sums.setSizes(p.outer, p.size, p.inner);
  }
  Status prepare(const StepContext &s) {
    DType dtype = s.operand(isGradient ? 1 : 0).dtype;
    AMPRT_ASSIGN_OR_RETURN(
        kernel,
        context.kernel("Norm", ((isGradient ? "row_norm_grad" : "row_norm") +
                                suffixOf(dtype))
                                   .c_str()));
    return isGradient ? sums.prepare() : okStatus();
  }
  size_t scratchBytes() const override {
    return isGradient ? size_t(args.outer * args.inner) * 2 * sizeof(double) +
                            sums.partialBytes()
                      : 0;
  }
  Status enqueue(const StepCall &call) override {
    const int64_t rows = args.outer * args.inner;
    args.a = call.operand(0);
    args.b = call.operand(1);
    args.c = hasC ? call.operand(2) : nullptr;
    args.result = call.result(0);
    args.scratch = call.scratch;
    if (rows && args.size)
      AMPRT_RETURN_IF_ERROR(launch(context, kernel,
                                   launchRows(context, rows, args.size),
                                   call.stream, args));
    if (!isGradient)
      return okStatus();
    sums.args.g = call.operand(0);
    sums.args.x = call.operand(1);
    sums.args.stats = static_cast<double *>(call.scratch);
    sums.args.partials = sums.args.stats + 2 * rows;
    // The scale's gradient is the weighted sum, the offset's the plain one.
    sums.args.result2 = call.result(1);
    sums.args.result =
        call.step.results.size() > 2 ? call.result(2) : nullptr;
    return sums.enqueue(call.stream);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  bool isGradient, hasC = false;
  k::RowArgs args = {};
  ChannelSums sums;
};

/// Softmax and the losses.
class Rows : public StepCode {
public:
  explicit Rows(const StepContext &s) : context(s.context) {
    const StepParams &p = s.step.params;
    args.outer = p.outer;
    args.size = p.size;
    args.inner = p.inner;
    args.factor = p.factor;
    switch (s.step.kernel) {
    case Kernel::LogSoftmax:
    case Kernel::LogSoftmaxGrad:
      args.flag = 1;
      [[fallthrough]];
    case Kernel::Softmax:
    case Kernel::SoftmaxGrad:
      break;
    default:
      isLoss = true;
      args.flag = p.perRow;
    }
    switch (s.step.kernel) {
    case Kernel::SparseLoss:
    case Kernel::SparseLossGrad:
    case Kernel::SparseLossBoth:
      args.sparse = 1;
      break;
    default:
      break;
    }
    args.givesLoss = s.step.kernel == Kernel::SparseLoss ||
                     s.step.kernel == Kernel::DenseLoss ||
                     s.step.kernel == Kernel::SparseLossBoth ||
                     s.step.kernel == Kernel::DenseLossBoth;
    args.givesGradient = isLoss && s.step.operands.size() > 2;
    isGrad = s.step.kernel == Kernel::SoftmaxGrad ||
             s.step.kernel == Kernel::LogSoftmaxGrad;
    // The losses take their operands as (gradient, logits, target).
    first = isLoss && !args.givesGradient ? 1 : 0;
    int *types[] = {&args.typeA, &args.typeB, &args.typeC};
    for (size_t i = 0; i < s.step.operands.size(); ++i)
      *types[i + first] = typeOf(s.operand(i));
    if (isLoss && args.givesLoss)
      args.typeResult2 = typeOf(s.result(0));
    if (!isLoss || args.givesGradient)
      args.typeResult = typeOf(s.result(s.step.results.size() - 1));
    if (isLoss) {
      args.pitchB = s.operand(1 - first).pitch;
      args.pitchResult = s.result(s.step.results.size() - 1).pitch;
    }
    data = s.operand(isLoss ? 1 - first : isGrad ? 1 : 0).dtype;
  }
  Status prepare() {
    std::string name = isLoss ? "loss" : isGrad ? "softmax_grad" : "softmax";
    const char *family = isLoss ? "Loss" : "Softmax";
    AMPRT_ASSIGN_OR_RETURN(
        kernel, context.kernel(family, (name + suffixOf(data)).c_str()));
    if (args.givesLoss) {
      AMPRT_ASSIGN_OR_RETURN(
          finish,
          context.kernel(family, ("loss_finish" + suffixOf(data)).c_str()));
    }
    return okStatus();
  }
  size_t scratchBytes() const override {
    return args.givesLoss ? size_t(args.outer) * sizeof(double) : 0;
  }
  Status enqueue(const StepCall &call) override {
    const void **places[] = {&args.a, &args.b, &args.c};
    for (size_t i = 0; i < call.step.operands.size(); ++i)
      *places[i + first] = call.operand(i);
    if (args.givesLoss)
      args.result2 = call.result(0);
    if (!isLoss || args.givesGradient)
      args.result = call.result(call.step.results.size() - 1);
    args.scratch = call.scratch;
    const int64_t rows = args.outer * (isLoss ? 1 : args.inner);
    if (rows && (args.size || isLoss))
      AMPRT_RETURN_IF_ERROR(launch(context, kernel,
                                   launchRows(context, rows, args.size),
                                   call.stream, args));
    if (!args.givesLoss)
      return okStatus();
    return launch(context, finish, Launch(), call.stream, args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr, finish = nullptr;
  bool isLoss = false, isGrad = false;
  size_t first = 0;
  DType data;
  k::RowArgs args = {};
};

template <typename T, typename... More>
MadeStep made(const StepContext &s, const More &...more) {
  auto step = std::make_unique<T>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(more...));
  return std::unique_ptr<StepCode>(std::move(step));
}

} // namespace

MadeStep amprt::cuda::makeReduce(const StepContext &s) {
  return s.step.kernel == Kernel::Reduce ? made<Reduction>(s, s)
                                         : made<ReductionGrad>(s, s);
}

MadeStep amprt::cuda::makeNorm(const StepContext &s) {
  if (s.step.kernel == Kernel::Moments)
    return made<Moments>(s);
  if (s.step.kernel == Kernel::ChannelGrad)
    return made<ChannelGrad>(s);
  return made<RowNorm>(s, s);
}

MadeStep amprt::cuda::makeRows(const StepContext &s) { return made<Rows>(s); }

//===- Move.cpp - Steps that move elements, scans, images and state -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Fills in the arguments of kernels that are one launch or a few.
//===----------------------------------------------------------------------===//

#include "StepCode.h"
#include "amprt/Half.h"

#include <cstring>

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

namespace {

int bytesOf(const Buffer &buffer) { return int(amp::dtypeSize(buffer.dtype)); }

/// The bits of a number in a type.
uint64_t bitsOf(double value, DType dtype) {
  if (dtype == DType::Float64) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }
  switch (dtype) {
  case DType::Float32:
    return floatBits(float(value));
  case DType::Float16:
    return floatToHalf(roundToOdd(value));
  case DType::BFloat16:
    return floatToBFloat(roundToOdd(value));
  default:
    return uint64_t(int64_t(value));
  }
}

/// Transpose, Slice and Pad.
class Strided : public StepCode {
public:
  explicit Strided(const StepContext &s) : context(s.context) {
    const StepParams &p = s.step.params;
    pads = s.step.kernel == Kernel::Pad;
    args.bytes = bytesOf(s.result(0));
    args.scatters = pads;
    args.count = elementCount(p.loops);
    args.offset = p.offset;
    setNest(args.nest, p.loops, p.strides[0]);
    whole = elementCount(s.result(0).dims);
    fillBits = bitsOf(p.fill, s.result(0).dtype);
  }
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(kernel, context.kernel("Move", "move_strided"));
    AMPRT_ASSIGN_OR_RETURN(fill, context.kernel("Move", "move_fill"));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    args.from = call.operand(0);
    args.to = call.result(0);
    if (pads && whole) {
      k::MoveArgs fills = args;
      fills.count = whole;
      fills.fill = fillBits;
      AMPRT_RETURN_IF_ERROR(launch(
          context, fill, launchFlat(context, whole), call.stream, fills));
    }
    if (args.count == 0)
      return okStatus();
    return launch(context, kernel, launchFlat(context, args.count), call.stream,
                  args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr, fill = nullptr;
  k::MoveArgs args = {};
  bool pads;
  int64_t whole;
  uint64_t fillBits;
};

/// Concat and Split: one launch per part.
class Parts : public StepCode {
public:
  explicit Parts(const StepContext &s)
      : context(s.context), joins(s.step.kernel == Kernel::Concat),
        bytes(bytesOf(s.operand(0))) {}
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(kernel, context.kernel("Move", "move_rows"));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    const StepParams &p = call.step.params;
    int64_t offset = 0;
    for (size_t i = 0; i < p.parts.size(); ++i) {
      k::RowsArgs args = {};
      args.bytes = bytes;
      args.rows = p.outer;
      args.width = p.parts[i] * p.inner;
      const int64_t whole = p.size * p.inner;
      args.fromPitch = joins ? args.width : whole;
      args.toPitch = joins ? whole : args.width;
      args.from = static_cast<const std::byte *>(call.operand(joins ? i : 0)) +
                  (joins ? 0 : offset * bytes);
      args.to = static_cast<std::byte *>(call.result(joins ? 0 : i)) +
                (joins ? offset * bytes : 0);
      offset += args.width;
      if (args.rows * args.width != 0)
        AMPRT_RETURN_IF_ERROR(
            launch(context, kernel, launchFlat(context, args.rows * args.width),
                   call.stream, args));
    }
    return okStatus();
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  bool joins;
  int bytes;
};

class Gather : public StepCode {
public:
  explicit Gather(const StepContext &s)
      : context(s.context), isGradient(s.step.kernel == Kernel::GatherGrad) {
    const StepParams &p = s.step.params;
    args.outer = p.outer;
    args.size = p.size;
    args.inner = p.inner;
    args.count = elementCount(s.operand(1).dims);
    args.indexType = typeOf(s.operand(1));
    args.type = isGradient ? typeOf(s.result(0)) : bytesOf(s.result(0));
    total = args.outer * args.inner * (isGradient ? args.size : args.count);
    name = isGradient ? "gather_grad" + suffixOf(s.result(0).dtype) : "gather";
    tiles = (args.count + k::kSortTile - 1) / k::kSortTile;
  }
  Status prepare(const StepContext &s) {
    // Numbers of 32 bits while they are sorted.
    constexpr int64_t most = (int64_t(1) << 32) - 1;
    if (isGradient && std::max(args.size, args.count) >= most)
      return Status(Code::Unimplemented,
                    "node '" + s.step.name +
                        "': the device 'cuda' has gradients of lookups for up "
                        "to 2^32 rows and indices");
    AMPRT_ASSIGN_OR_RETURN(checks, context.kernel("Gather", "gather_check"));
    AMPRT_ASSIGN_OR_RETURN(kernel, context.kernel("Gather", name.c_str()));
    const char *names[] = {"gather_digits", "gather_offsets", "gather_scatter"};
    for (size_t i = 0; isGradient && i < std::size(names); ++i) {
      AMPRT_ASSIGN_OR_RETURN(sort[i], context.kernel("Gather", names[i]));
    }
    return okStatus();
  }
  /// Rows and places of the indices, twice, and counts.
  size_t scratchBytes() const override {
    if (!isGradient)
      return 0;
    return size_t(4 * args.count + k::kSortDigits * tiles) * sizeof(unsigned);
  }
  Status enqueue(const StepCall &call) override {
    args.x = call.operand(0);
    args.indices = call.operand(1);
    args.result = call.result(0);
    args.fault = reinterpret_cast<k::u64 *>(call.fault);
    if (args.count)
      AMPRT_RETURN_IF_ERROR(
          launch(context, checks, Launch(), call.stream, args));
    if (total == 0)
      return okStatus();
    if (!isGradient)
      return launch(context, kernel, launchFlat(context, total), call.stream,
                    args);
    k::GatherGradArgs gradient = {args, nullptr, nullptr};
    if (args.count)
      AMPRT_RETURN_IF_ERROR(sortIndices(call, gradient));
    return launch(context, kernel,
                  launchRows(context, args.outer * args.size, args.inner),
                  call.stream, gradient);
  }

private:
  Status sortIndices(const StepCall &call, k::GatherGradArgs &sorted) {
    auto *memory = static_cast<unsigned *>(call.scratch);
    k::GatherSortArgs pass = {};
    pass.indices = args.indices;
    pass.indexType = args.indexType;
    pass.size = args.size;
    pass.count = args.count;
    pass.tiles = tiles;
    pass.counts = memory + 4 * args.count;
    Launch all;
    all.gridX = unsigned(std::min<int64_t>(tiles, 1 << 16));
    // Rows and the number of them, for indices out of range.
    for (int side = 0; pass.shift < 32 && (args.size >> pass.shift) > 0;
         pass.shift += 8) {
      pass.toRows = memory + side * 2 * args.count;
      pass.toPlaces = pass.toRows + args.count;
      for (size_t i = 0; i < std::size(sort); ++i)
        AMPRT_RETURN_IF_ERROR(
            launch(context, sort[i], i == 1 ? Launch() : all, call.stream,
                   pass));
      pass.fromRows = pass.toRows;
      pass.fromPlaces = pass.toPlaces;
      side = 1 - side;
    }
    sorted.rows = pass.fromRows;
    sorted.places = pass.fromPlaces;
    return okStatus();
  }

  Context &context;
  cudaKernel_t checks = nullptr, kernel = nullptr, sort[3] = {};
  bool isGradient;
  int64_t total, tiles;
  std::string name;
  k::GatherArgs args = {};
};

/// Cumsum and ArgMax.
class Scan : public StepCode {
public:
  explicit Scan(const StepContext &s)
      : context(s.context), finds(s.step.kernel == Kernel::ArgMax),
        dtype(s.operand(0).dtype) {
    const StepParams &p = s.step.params;
    args.type = typeOf(s.operand(0));
    args.outer = p.outer;
    args.size = p.size;
    args.inner = p.inner;
    args.reverse = p.reverse;
  }
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(
        kernel,
        context.kernel("Scan",
                       ((finds ? "argmax" : "cumsum") + suffixOf(dtype))
                           .c_str()));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    args.x = call.operand(0);
    args.result = call.result(0);
    const int64_t rows = args.outer * args.inner;
    if (rows == 0 || (!finds && args.size == 0))
      return okStatus();
    return launch(context, kernel,
                  finds ? launchRows(context, rows, args.size)
                        : launchFlat(context, rows),
                  call.stream, args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  bool finds;
  DType dtype;
  k::ScanArgs args = {};
};

class Pool : public StepCode {
public:
  explicit Pool(const StepContext &s)
      : context(s.context), isGradient(s.step.kernel == Kernel::PoolGrad),
        dtype(s.operand(0).dtype) {
    const StepParams &p = s.step.params;
    args.type = typeOf(s.operand(0));
    args.mean = p.reduce == ReduceOp::Mean;
    args.images = p.outer;
    args.channels = p.inner;
    for (int i : {0, 1}) {
      args.in[i] = p.spatial.in[i];
      args.out[i] = p.spatial.out[i];
      args.window[i] = p.spatial.window[i];
      args.stride[i] = p.spatial.stride[i];
      args.before[i] = p.spatial.before[i];
    }
    total = elementCount(s.result(0).dims);
  }
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(
        kernel, context.kernel("Pool", ((isGradient ? "pool_grad" : "pool") +
                                        suffixOf(dtype))
                                           .c_str()));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    args.a = call.operand(0);
    args.x = call.step.operands.size() > 1 ? call.operand(1) : nullptr;
    args.result = call.result(0);
    if (total == 0)
      return okStatus();
    return launch(context, kernel, launchFlat(context, total), call.stream,
                  args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  bool isGradient;
  DType dtype;
  int64_t total;
  k::PoolArgs args = {};
};

/// Strides by image, channel, row, column.
void setImageStrides(k::i64 (&to)[4], int64_t channels, const int64_t (&size)[2],
                     bool first) {
  to[0] = size[0] * size[1] * channels;
  to[1] = first ? size[0] * size[1] : 1;
  to[2] = first ? size[1] : size[1] * channels;
  to[3] = first ? 1 : channels;
}

class PlainConv : public StepCode {
public:
  explicit PlainConv(const StepContext &s)
      : context(s.context), form(s.step.kernel), dtype(s.result(0).dtype) {
    const StepParams &p = s.step.params;
    args.type = typeOf(s.result(0));
    args.images = p.outer;
    args.channelsIn = p.channelsIn;
    args.channelsOut = p.channelsOut;
    args.groups = p.groups;
    for (int i : {0, 1}) {
      args.in[i] = p.spatial.in[i];
      args.out[i] = p.spatial.out[i];
      args.window[i] = p.spatial.window[i];
      args.stride[i] = p.spatial.stride[i];
      args.dilation[i] = p.spatial.dilation[i];
      args.before[i] = p.spatial.before[i];
    }
    setImageStrides(args.xStride, p.channelsIn, p.spatial.in, p.channelsFirst);
    setImageStrides(args.yStride, p.channelsOut, p.spatial.out,
                    p.channelsFirst);
    for (size_t i = 0; i < 5; ++i)
      args.filterStride[i] = p.filterStrides[i];
    total = elementCount(s.result(0).dims);
  }
  Status prepare() {
    const char *name = form == Kernel::Conv            ? "conv"
                       : form == Kernel::ConvInputGrad ? "conv_input_grad"
                                                       : "conv_filter_grad";
    AMPRT_ASSIGN_OR_RETURN(
        kernel, context.kernel("Conv", (name + suffixOf(dtype)).c_str()));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    args.a = call.operand(0);
    args.b = call.operand(1);
    args.result = call.result(0);
    if (total == 0)
      return okStatus();
    // A block for each element of a filter's gradient.
    return launch(context, kernel,
                  launchFlat(context, form == Kernel::ConvFilterGrad
                                          ? total * k::kThreads
                                          : total),
                  call.stream, args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  Kernel form;
  DType dtype;
  int64_t total;
  k::ConvArgs args = {};
};

class LossScale : public StepCode {
public:
  explicit LossScale(const StepContext &s) : context(s.context) {
    const StepParams &p = s.step.params;
    args.growth = float(p.growth);
    args.backoff = float(p.backoff);
    args.minimum = float(p.minimum);
    args.maximum = float(p.maximum);
    args.growthSteps = p.growthSteps;
    args.decreaseEvery = p.decreaseEvery;
  }
  Status prepare() {
    AMPRT_ASSIGN_OR_RETURN(kernel, context.kernel("State", "loss_scale"));
    return okStatus();
  }
  Status enqueue(const StepCall &call) override {
    args.scale = static_cast<const float *>(call.operand(0));
    args.good = static_cast<const int *>(call.operand(1));
    args.bad = static_cast<const int *>(call.operand(2));
    args.finite = static_cast<const unsigned char *>(call.operand(3));
    args.newScale = static_cast<float *>(call.result(0));
    args.newGood = static_cast<int *>(call.result(1));
    args.newBad = static_cast<int *>(call.result(2));
    Launch one;
    one.blockX = 1;
    return launch(context, kernel, one, call.stream, args);
  }

private:
  Context &context;
  cudaKernel_t kernel = nullptr;
  k::LossScaleArgs args = {};
};

template <typename T, typename... More>
MadeStep made(const StepContext &s, const More &...more) {
  auto step = std::make_unique<T>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(more...));
  return std::unique_ptr<StepCode>(std::move(step));
}

} // namespace

MadeStep amprt::cuda::makeMove(const StepContext &s) {
  return s.step.kernel == Kernel::Concat || s.step.kernel == Kernel::Split
             ? made<Parts>(s)
             : made<Strided>(s);
}
MadeStep amprt::cuda::makeGather(const StepContext &s) {
  return made<Gather>(s, s);
}
MadeStep amprt::cuda::makeScan(const StepContext &s) { return made<Scan>(s); }
MadeStep amprt::cuda::makeImage(const StepContext &s) {
  if (s.step.kernel == Kernel::Pool || s.step.kernel == Kernel::PoolGrad)
    return made<Pool>(s);
  if (s.step.params.library) {
    AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<StepCode> step, makeConvolution(s));
    if (step)
      return step;
  }
  return made<PlainConv>(s);
}
MadeStep amprt::cuda::makeLossScale(const StepContext &s) {
  return made<LossScale>(s);
}

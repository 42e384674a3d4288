//===- StepCode.cpp - One step, ready to be put into a stream -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which family makes which step, and how large launches are.
//===----------------------------------------------------------------------===//

#include "StepCode.h"
#include "Source.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

static_assert(int(DType::Float16) == k::F16 && int(DType::BFloat16) == k::BF16 &&
              int(DType::Float32) == k::F32 && int(DType::Float64) == k::F64 &&
              int(DType::Int8) == k::I8 && int(DType::UInt8) == k::U8 &&
              int(DType::Int32) == k::I32 && int(DType::Int64) == k::I64 &&
              int(DType::Bool) == k::Bool);
static_assert(int(ReduceOp::Sum) == k::Sum && int(ReduceOp::Mean) == k::Mean &&
              int(ReduceOp::Max) == k::Max && int(ReduceOp::Min) == k::Min &&
              int(ReduceOp::Prod) == k::Prod);

Launch amprt::cuda::launchFlat(const Context &context, int64_t count) {
  Launch size;
  int64_t blocks = (count + k::kThreads - 1) / k::kThreads;
  int64_t most = int64_t(context.info().multiprocessors) * 16;
  size.gridX = unsigned(std::clamp<int64_t>(blocks, 1, most));
  return size;
}

Launch amprt::cuda::launchRows(const Context &context, int64_t rows,
                               int64_t size) {
  Launch launch;
  launch.blockX = 1;
  // A thread takes a group of elements before there is another thread.
  while (launch.blockX < unsigned(k::kThreads) &&
         int64_t(launch.blockX) * k::kGroup < size)
    launch.blockX *= 2;
  launch.blockY = unsigned(k::kThreads) / launch.blockX;
  int64_t blocks = (rows + launch.blockY - 1) / launch.blockY;
  int64_t most = int64_t(context.info().multiprocessors) * 16;
  launch.gridX = unsigned(std::clamp<int64_t>(blocks, 1, most));
  return launch;
}

std::string amprt::cuda::suffixOf(DType dtype) {
  if (dtype == DType::Float64)
    return "_f64";
  return amp::isFloating(dtype) ? "_f32" : "_int";
}

void amprt::cuda::setNest(k::Nest &nest, const Dims &sizes,
                          const Dims &strides) {
  nest.rank = int(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    nest.size[i] = sizes[i];
    nest.stride[i] = strides[i];
  }
}

bool amprt::cuda::hasCode(const Step &step, const Program &program) {
  if (step.kernel == Kernel::Attention || step.kernel == Kernel::AttentionGrad)
    return hasAttention(program, step);
  constexpr auto rank = size_t(k::kMaxRank);
  if (step.params.loops.size() > rank || step.params.reduceLoops.size() > rank)
    return false;
  if (step.kernel == Kernel::Elementwise)
    return step.operands.size() <= size_t(k::kMaxOperands);
  for (const Part &part : step.parts) {
    auto loads = std::count_if(
        part.gradient.begin(), part.gradient.end(),
        [](const Instr &instr) { return instr.op == ScalarOp::Load; });
    if (loads > k::kMaxGradientOperands)
      return false;
  }
  return true;
}

MadeStep amprt::cuda::makeStep(const StepContext &step) {
  switch (step.step.kernel) {
  case Kernel::Elementwise:
    return makeElementwise(step);
  case Kernel::Matmul:
    return makeMatmul(step);
  case Kernel::Reduce:
  case Kernel::ReduceGrad:
    return makeReduce(step);
  case Kernel::Softmax:
  case Kernel::LogSoftmax:
  case Kernel::SoftmaxGrad:
  case Kernel::LogSoftmaxGrad:
  case Kernel::SparseLoss:
  case Kernel::SparseLossGrad:
  case Kernel::SparseLossBoth:
  case Kernel::DenseLoss:
  case Kernel::DenseLossGrad:
  case Kernel::DenseLossBoth:
    return makeRows(step);
  case Kernel::RowNorm:
  case Kernel::RowNormGrad:
  case Kernel::Moments:
  case Kernel::ChannelGrad:
    return makeNorm(step);
  case Kernel::Transpose:
  case Kernel::Slice:
  case Kernel::Pad:
  case Kernel::Concat:
  case Kernel::Split:
    return makeMove(step);
  case Kernel::Gather:
  case Kernel::GatherGrad:
    return makeGather(step);
  case Kernel::Cumsum:
  case Kernel::ArgMax:
    return makeScan(step);
  case Kernel::Pool:
  case Kernel::PoolGrad:
  case Kernel::Conv:
  case Kernel::ConvInputGrad:
  case Kernel::ConvFilterGrad:
    return makeImage(step);
  case Kernel::Attention:
  case Kernel::AttentionGrad:
    return makeAttention(step);
  case Kernel::LossScale:
    return makeLossScale(step);
  case Kernel::AllFinite:
  case Kernel::SumSquares:
  case Kernel::ApplySgd:
  case Kernel::ApplyMomentum:
  case Kernel::ApplyRmsprop:
  case Kernel::ApplyAdam:
    return makeUpdate(step);
  }
  return Status(Code::Unimplemented,
                "the device 'cuda' has no kernel for step '" + step.step.name +
                    "'");
}

//===- Program.cpp - What a device executes -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names of the kernels, spaces and scalar operations, and sizes of buffers.
//===----------------------------------------------------------------------===//

#include "amprt/Program.h"

#include <algorithm>

using namespace amprt;

int64_t Buffer::rows() const {
  if (dims.empty())
    return 1;
  int64_t count = 1;
  for (size_t i = 0; i + 1 < dims.size(); ++i)
    count *= dims[i];
  return count;
}

size_t Buffer::bytes() const {
  int64_t elements = dims.empty() ? 1 : rows() * pitch;
  return size_t(elements) * amp::dtypeSize(dtype);
}

std::string_view amprt::spaceName(Space space) {
  static constexpr std::string_view names[] = {"arena",    "input",    "output",
                                               "variable", "constant", "cache"};
  return names[size_t(space)];
}

std::string_view amprt::kernelName(Kernel kernel) {
  static constexpr std::string_view names[] = {"elementwise",
                                               "matmul",
                                               "reduce",
                                               "softmax",
                                               "log_softmax",
                                               "sparse_loss",
                                               "sparse_loss_grad",
                                               "dense_loss",
                                               "dense_loss_grad",
                                               "sparse_loss_both",
                                               "dense_loss_both",
                                               "softmax_grad",
                                               "log_softmax_grad",
                                               "attention",
                                               "attention_grad",
                                               "reduce_grad",
                                               "cumsum",
                                               "transpose",
                                               "slice",
                                               "pad",
                                               "concat",
                                               "split",
                                               "gather",
                                               "gather_grad",
                                               "row_norm",
                                               "row_norm_grad",
                                               "moments",
                                               "channel_grad",
                                               "pool",
                                               "pool_grad",
                                               "conv",
                                               "conv_input_grad",
                                               "conv_filter_grad",
                                               "argmax",
                                               "all_finite",
                                               "sum_squares",
                                               "loss_scale",
                                               "apply_sgd",
                                               "apply_momentum",
                                               "apply_rmsprop",
                                               "apply_adam"};
  static_assert(std::size(names) == size_t(Kernel::ApplyAdam) + 1);
  return names[size_t(kernel)];
}

std::string_view amprt::scalarOpName(ScalarOp op) {
  static constexpr std::string_view names[] = {
      "load",          "const",     "cast",       "neg",        "abs",
      "sign",          "exp",       "expm1",      "log",        "log1p",
      "sqrt",          "rsqrt",     "reciprocal", "square",     "sin",
      "cos",           "tanh",      "sigmoid",    "relu",       "relu6",
      "silu",          "softplus",  "erf",        "erfc",       "floor",
      "ceil",          "round",     "is_finite",  "not",        "gelu",
      "gelu_tanh",     "elu",       "leaky_relu", "add",        "sub",
      "mul",           "div",       "pow",        "max",        "min",
      "equal",         "not_equal", "less",       "less_equal", "greater",
      "greater_equal", "and",       "or",         "relu_grad",  "where",
      "call",          "random"};
  static_assert(std::size(names) == size_t(ScalarOp::Random) + 1);
  return names[size_t(op)];
}

uint64_t amprt::flopOf(const Program &program, const Step &step) {
  const StepParams &p = step.params;
  if (step.kernel == Kernel::Matmul)
    return uint64_t(2 * p.batch * p.m) * uint64_t(p.n) * uint64_t(p.k);
  // A gradient computes the scores again: five products.
  if (step.kernel == Kernel::Attention || step.kernel == Kernel::AttentionGrad)
    return uint64_t(2 * p.batch * p.m) * uint64_t(p.n) *
           uint64_t(step.kernel == Kernel::Attention ? p.k + p.size
                                                     : 3 * p.k + 2 * p.size);
  if (step.kernel != Kernel::Conv && step.kernel != Kernel::ConvInputGrad &&
      step.kernel != Kernel::ConvFilterGrad)
    return 0;
  // Each of the three multiplies every result's channel with every tap.
  const Window2d &w = p.spatial;
  return uint64_t(2 * p.outer * w.out[0] * w.out[1] * p.channelsOut) *
         uint64_t(p.channelsIn / std::max<int64_t>(p.groups, 1)) *
         uint64_t(w.window[0] * w.window[1]);
}

bool amprt::isVectorProduct(const Program &program, const Step &step) {
  const StepParams &p = step.params;
  return p.m > 0 && p.m <= kVectorRows && p.n > 0 && p.k > 0 && !p.castB &&
         program.buffers[step.operands[0]].dtype != DType::Float64;
}

MatmulScratch amprt::matmulScratch(const Program &program, const Step &step,
                                   bool multiplies16, bool cutsSums) {
  // Blocks are large enough for a product to run at its full rate.
  constexpr int64_t block = 1024;
  MatmulScratch scratch;
  const StepParams &p = step.params;
  uint32_t a = step.operands[0], b = step.operands[1], c = step.results[0];
  if (p.fewRows || program.buffers[a].dtype == DType::Float64)
    return scratch;
  auto isLow = [&](uint32_t buffer) {
    return amp::isLow(program.buffers[buffer].dtype);
  };
  bool convertA = p.castA || (isLow(a) && !multiplies16);
  bool convertB = p.castB || (isLow(b) && !multiplies16);
  if (p.transposeA && p.k > block && cutsSums)
    scratch.blockK = block;
  else if (!p.transposeA && p.batch == 1 && p.m > block && convertA)
    scratch.blockM = block;
  bool convertC = isLow(c) && (!multiplies16 || scratch.blockK);

  auto place = [&](uint32_t buffer, int64_t rows, bool inBlocks) {
    const Dims &dims = program.buffers[buffer].dims;
    int64_t elements = inBlocks ? rows * dims.back() : elementCount(dims);
    size_t at = scratch.bytes;
    size_t bytes = size_t(elements) * sizeof(float);
    scratch.bytes += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return at;
  };
  // A batch is converted as a whole.
  bool cutK = scratch.blockK && p.batch == 1;
  if (convertA)
    scratch.a = place(a, block, cutK || scratch.blockM);
  if (convertB)
    scratch.b = place(b, block, cutK && !p.transposeB);
  if (convertC)
    scratch.c = place(c, block, scratch.blockM != 0);
  return scratch;
}

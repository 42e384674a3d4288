//===- Source.h - Sources of fused kernels ----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Prints the expressions of a Program as CUDA C++.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_SOURCE_H
#define AMPRT_CUDA_SOURCE_H

#include "amprt/Program.h"

#include <functional>

namespace amprt::cuda {

/// The name of the one kernel of every source.
inline constexpr const char *kFusedKernel = "fused";

/// The lines that compute `v0`, `v1`, …; `load(operand)` gives the expression
/// that loads it, `element` the number of the element.
std::string
instructionLines(const Expression &code, const std::string &indent,
                 const std::function<std::string(const Instr &)> &load,
                 const std::string &element);
/// The name that kernels/Args.h gives a type, and the type of its registers.
std::string typeCode(DType dtype);
std::string registerType(DType dtype);

/// Attention, with amprt_kernels::AttentionArgs, for a step of hasAttention().
std::string attentionSource(const Program &program, const Step &step);
bool hasAttention(const Program &program, const Step &step);

/// An element-wise step, with amprt_kernels::ElementwiseArgs. Sizes and strides
/// are arguments, so that steps of other sizes share it.
std::string elementwiseSource(const Program &program, const Step &step);
/// How many neighbouring elements a thread of it takes at a time, where all
/// that it reads and writes begins at 16 bytes; 1 where they are not neighbours.
int vectorWidth(const Program &program, const Step &step);

/// A flat optimizer step or finite check, with amprt_kernels::UpdateArgs.
struct UpdateSource {
  std::string text;
  /// By part: which of the source's expressions, and the operands of the step
  /// that it loads, in order.
  std::vector<int> kinds;
  std::vector<std::vector<uint32_t>> operands;
};
UpdateSource updateSource(const Program &program, const Step &step);

} // namespace amprt::cuda

#endif // AMPRT_CUDA_SOURCE_H

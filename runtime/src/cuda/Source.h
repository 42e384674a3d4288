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

namespace amprt::cuda {

/// The name of the one kernel of every source.
inline constexpr const char *kFusedKernel = "fused";

/// An element-wise step, with amprt_kernels::ElementwiseArgs. Sizes and strides
/// are arguments, so that steps of other sizes share it.
std::string elementwiseSource(const Program &program, const Step &step);

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

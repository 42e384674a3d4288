//===- Epilogue.h - Epilogues in kernels of our own -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a product does for gradients beside multiplying, as steps behind it: for
// products whose epilogue cuBLASLt does not have.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_EPILOGUE_H
#define AMPRT_CUDA_EPILOGUE_H

#include "StepCode.h"

namespace amprt::cuda {

/// Whether the product does something for gradients.
bool hasGradientEpilogue(const StepParams &p);

class OwnEpilogue {
public:
  Status prepare(const StepContext &s);
  size_t scratchBytes() const;
  /// `call` is the product's.
  Status enqueue(const StepCall &call);

private:
  /// A step that is in no list of a Program.
  struct Pass {
    Step step;
    std::unique_ptr<StepCode> code;
  };
  Status add(const StepContext &s, Step step);

  Context *context = nullptr;
  cudaKernel_t mask = nullptr, masked = nullptr;
  std::vector<std::unique_ptr<Pass>> passes;
};

} // namespace amprt::cuda

#endif // AMPRT_CUDA_EPILOGUE_H

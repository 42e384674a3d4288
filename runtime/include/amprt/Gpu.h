//===- Gpu.h - What a GPU's tensor cores do ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which products of a function a GPU's tensor cores multiply.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_GPU_H
#define AMPRT_GPU_H

#include "amprt/Tensor.h"

#include "amp/GraphFile/Reader.h"

#include <set>

namespace amprt {

/// Types of a function's matrix products.
struct TensorCoreUse {
  std::set<DType> served, others;
  /// `tensor cores multiply float16`, or that they multiply none of them.
  std::string describe() const;
  /// What is to be said of the others; empty when there are none.
  std::string warning(bool hasTf32) const;
};

/// Major and minor of a line of listCudaDevices(); 0, 0 when it has none.
std::pair<int, int> computeCapability(std::string_view device);

TensorCoreUse tensorCoreUse(std::pair<int, int> capability,
                            const amp::graphfile::CheckedFile &file,
                            size_t function, bool tf32);

} // namespace amprt

#endif // AMPRT_GPU_H

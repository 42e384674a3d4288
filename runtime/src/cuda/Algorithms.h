//===- Algorithms.h - Algorithms of products that were chosen before *- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// cuBLASLt has several algorithms for a product, and which is the fastest is
// found out by trying. What was found is kept in a file for the device and the
// library's version.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_ALGORITHMS_H
#define AMPRT_CUDA_ALGORITHMS_H

#include "Api.h"

#include <map>
#include <string>

namespace amprt::cuda {

class Algorithms {
public:
  /// Reads the file; one that is damaged, or of another device or version, is
  /// as good as none.
  void open(const std::string &folder, const std::string &device,
            size_t version);
  const cublasLtMatmulAlgo_t *find(const std::string &product) const;
  /// Keeps it in memory and, where there is a folder, on disk.
  void keep(const std::string &product, const cublasLtMatmulAlgo_t &algorithm);

private:
  std::string path, head;
  std::map<std::string, cublasLtMatmulAlgo_t> known;
};

} // namespace amprt::cuda

#endif // AMPRT_CUDA_ALGORITHMS_H

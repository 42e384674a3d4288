//===- Algorithms.h - Algorithms of products that were chosen before *- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// cuBLASLt has several algorithms for a product, cuDNN for a convolution, and
// which is the fastest is found out by trying. What was found is kept in a file
// for the device and the library's version.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_ALGORITHMS_H
#define AMPRT_CUDA_ALGORITHMS_H

#include "Api.h"

#include <map>
#include <optional>
#include <string>

namespace amprt::cuda {

/// Texts by name, in a file.
class Choices {
public:
  /// Reads `<folder>/<kind>-….txt`; one that is damaged, or begins with another
  /// line than `about`, is as good as none. An empty folder keeps none.
  void open(const std::string &folder, const std::string &kind,
            const std::string &about);
  const std::string *find(const std::string &name) const;
  /// Keeps it in memory and, where there is a folder, on disk.
  void keep(const std::string &name, const std::string &choice);

private:
  std::string path, head;
  std::map<std::string, std::string> known;
};

/// Of cuBLASLt's products.
class Algorithms {
public:
  void open(const std::string &folder, const std::string &device,
            size_t version);
  std::optional<cublasLtMatmulAlgo_t> find(const std::string &product) const;
  void keep(const std::string &product, const cublasLtMatmulAlgo_t &algorithm);

private:
  Choices choices;
};

} // namespace amprt::cuda

#endif // AMPRT_CUDA_ALGORITHMS_H

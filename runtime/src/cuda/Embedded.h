//===- Embedded.h - Files that the build puts into the module ---*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The headers that kernels from source include.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_EMBEDDED_H
#define AMPRT_CUDA_EMBEDDED_H

#include <vector>

namespace amprt::cuda {

struct EmbeddedFile {
  const char *name;
  const char *text;
};
const std::vector<EmbeddedFile> &embeddedFiles();

} // namespace amprt::cuda

#endif // AMPRT_CUDA_EMBEDDED_H

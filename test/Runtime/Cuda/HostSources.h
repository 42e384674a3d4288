//===- HostSources.h - Fused kernels for the host ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sources that the cuda device prints for NVRTC, built by the host's compiler.
// One at a time costs a start of the compiler each; a program that knows its
// sources beforehand has them built many at a time.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_CUDA_HOSTSOURCES_H
#define AMP_TEST_RUNTIME_CUDA_HOSTSOURCES_H

#include "Emulator.h"

#include <string>
#include <vector>

namespace amprt::test {

struct HostSource {
  void *library = nullptr; ///< null before it is built, and where it failed
  std::string prefix;      ///< of its kernels' names in the library
  std::string error;
};

/// Builds a source, or finds it where it was built before.
HostSource buildForHost(const std::string &source);
/// Builds these, some at a time and two compilers beside each other.
void buildTogether(const std::vector<std::string> &sources);
Emulated findInSource(const HostSource &source, const std::string &kernel);
/// Sources that buildForHost() built by itself.
int builtAlone();

/// From here on nothing is built or executed, but each new source is noted.
void collectSources();
bool isCollecting();
const std::vector<std::string> &collectedSources();

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_CUDA_HOSTSOURCES_H

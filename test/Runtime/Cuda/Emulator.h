//===- Emulator.h - Runs emulated kernels -----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Threads of a block as fibers of one thread of the host.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_CUDA_EMULATOR_H
#define AMP_TEST_RUNTIME_CUDA_EMULATOR_H

#include <cstddef>
#include <string_view>

namespace amprt::test {

/// A kernel that the host's compiler built.
struct Emulated {
  void (*function)(const void *args) = nullptr;
  size_t argBytes = 0;
};
/// Null function: there is none of that name.
Emulated findEmulated(std::string_view name);

struct LaunchSize {
  unsigned gridX, gridY, blockX, blockY;
};
/// Runs all blocks, one after the other. False when threads of a block did not
/// all come to the same barriers.
bool runEmulated(const Emulated &kernel, const LaunchSize &size,
                 const void *args);

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_CUDA_EMULATOR_H

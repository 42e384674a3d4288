//===- FakeCuda.h - CUDA without a GPU --------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Fills the module's table of functions. Every call is recorded and any one can
// be made to fail; what was made and not destroyed is counted. Kernels and
// products either do nothing, or run on the host.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_CUDA_FAKECUDA_H
#define AMP_TEST_RUNTIME_CUDA_FAKECUDA_H

#include "Api.h"

#include <functional>
#include <map>
#include <set>
#include <string>

namespace amprt::test {

/// An engine of cuDNN: its numerical notes and settings as cuDNN numbers them.
struct FakeEngine {
  int64_t number;
  std::vector<int> notes;
  int64_t workspace = 0;
  bool isFallback = false, supports = true;
  std::vector<std::pair<int, int64_t>> knobs = {};
};

/// There is one, since the table's functions have no state of their own.
struct FakeCuda {
  /// Kernels and products run on the host.
  bool executes = false;
  /// The call that fails, by its number; the first is 0.
  long failAt = -1;
  int computeMajor = 9, computeMinor = 0, driver = 13000, devices = 1;
  /// Too old for the libraries.
  bool driverIsOld = false;
  /// NVRTC finds an error in every source.
  bool refusesSources = false;
  /// Epilogues that cuBLASLt has no algorithm for.
  std::set<int> refusedEpilogues;

  std::vector<std::string> calls;
  /// Functions that cannot fail and were called: texts of errors, versions.
  std::set<std::string> asked;
  /// Kinds and numbers of what lives: "cudaMalloc" 3.
  std::map<std::string, std::set<const void *>> live;
  /// Names of the kernels that were launched, in order; also those of replays.
  std::vector<std::string> launches;
  /// The descriptor of each product that was put into a stream:
  /// "16x4x8 T N RELU_AUX_BIAS aux 128".
  std::vector<std::string> products;
  bool hasCudnn = true;
  int cudnnCreateStatus = 0; ///< of cudnnStatus_t
  /// Tensor cores; reduced precision and an order of its own; neither; a
  /// transform; the one that always works.
  std::vector<FakeEngine> engines = {{62, {0}, 131, false, true, {{2, 5}, {24, 13}}},
                                     {25, {2, 4}},
                                     {28, {}},
                                     {70, {5}},
                                     {0, {9}, 0, true}};
  /// Each convolution of cuDNN's that was put into a stream, as its descriptors
  /// have it, and the engine that it took.
  std::vector<std::string> convolutions;
  std::vector<int64_t> usedEngines;
  /// A call that the fake finds wrong, in words: the test fails.
  std::vector<std::string> mistakes;

  size_t liveCount() const;
  std::string liveText() const;
  long count(std::string_view call) const;
};

/// A fresh fake, and a table with its functions.
FakeCuda &fakeCuda();
void resetFakeCuda();
std::unique_ptr<cuda::Api> fakeApi();
/// Calls that free something, or only say what went wrong: their failure is no
/// failure of the program's.
bool isCleanup(std::string_view call);

/// The functions of cuBLASLt; in a file of their own.
void fillFakeCublasLt(cuda::Api &api);
/// cuDNN's are found when the first convolution is prepared.
void fillFakeCudnn(cuda::Api &api);
/// Counts and records the call; true when it is the one that fails.
bool fakeFails(const char *call);
/// What a stream would run later: now, or when the captured graph is launched.
void fakeEnqueue(std::function<void()> work);

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_CUDA_FAKECUDA_H

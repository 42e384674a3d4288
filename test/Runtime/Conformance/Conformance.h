//===- Conformance.h - One op on one device ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Runs a graph of one node on a device and compares its results with float64,
// within a bound that follows from the types: one rounding as a result is
// stored, and what the caller says of the arithmetic before that.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_CONFORMANCE_H
#define AMP_TEST_RUNTIME_CONFORMANCE_H

#include "../Support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

namespace amprt::test {

/// Set where tests run for what they ask of a device, not for numbers.
bool &conformanceIsDry();

/// The suites run on every device that the runtime will have.
class Conformance : public ::testing::TestWithParam<const char *> {
protected:
  void SetUp() override;
  /// The device of this instance of the suite.
  void selectDevice(SessionOptions &options) const;

  /// Runs `op`; inputs are called i0, i1, …. On the null device the results
  /// are zero and nothing is compared.
  std::vector<Tensor> run(const std::string &op,
                          const std::vector<Tensor> &inputs,
                          const std::string &attrs = "", size_t results = 1,
                          int threads = 0);
  /// Compares result 0, or leaves it on the null device.
  void expectNear(const std::vector<Tensor> &got,
                  const std::vector<double> &expected,
                  const std::function<double(size_t)> &computeBound,
                  const std::string &what);
  void expectExactly(const std::vector<Tensor> &got,
                     const std::vector<double> &expected,
                     const std::string &what) {
    expectNear(got, expected, nullptr, what);
  }
  /// Nothing was computed, so nothing is compared.
  bool isNull() const {
    return GetParam() == std::string("null") || conformanceIsDry();
  }
  std::mt19937_64 random{testSeed()};
};

/// Opens the device 'cuda' of the suites; empty takes the machine's own.
std::function<Result<std::unique_ptr<Device>>()> &conformanceCuda();

/// Ops that a test of this suite covers without a case of the list; made at
/// namespace scope.
struct Covers {
  Covers(std::initializer_list<const char *> ops);
  static std::set<std::string> &all();
};

#define AMP_CONFORMANCE_DEVICES(SUITE)                                         \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      Devices, SUITE, ::testing::Values("cpu", "null", "cuda"),                \
      [](const auto &info) { return std::string(info.param); })

/// Half a unit in the last place of 1 in the type, and its smallest step.
double unitRoundoff(DType dtype);
double smallestStep(DType dtype);
/// Of the type that the runtime computes in.
double computeRoundoff(DType dtype);

inline const std::vector<DType> kFloats = {DType::Float16, DType::BFloat16,
                                           DType::Float32, DType::Float64};
inline const std::vector<DType> kInts = {DType::Int8, DType::UInt8,
                                         DType::Int32, DType::Int64};

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_CONFORMANCE_H

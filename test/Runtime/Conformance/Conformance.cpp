//===- Conformance.cpp - One op on one device -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include "amprt/Device.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

double amprt::test::unitRoundoff(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return 0x1p-11;
  case DType::BFloat16:
    return 0x1p-8;
  case DType::Float32:
    return 0x1p-24;
  case DType::Float64:
    return 0x1p-53;
  default:
    return 0;
  }
}

double amprt::test::smallestStep(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return 0x1p-24;
  case DType::BFloat16:
    return 0x1p-133;
  case DType::Float32:
    return 0x1p-149;
  default:
    return 0;
  }
}

double amprt::test::computeRoundoff(DType dtype) {
  return dtype == DType::Float64 ? 0x1p-53 : 0x1p-24;
}

std::set<std::string> &Covers::all() {
  static std::set<std::string> ops;
  return ops;
}

Covers::Covers(std::initializer_list<const char *> ops) {
  all().insert(ops.begin(), ops.end());
}

std::function<Result<std::unique_ptr<Device>>()> &
amprt::test::conformanceCuda() {
  static std::function<Result<std::unique_ptr<Device>>()> opener;
  return opener;
}

bool &amprt::test::conformanceIsDry() {
  static bool isDry = false;
  return isDry;
}

void Conformance::SetUp() {
  if (GetParam() != std::string("cuda") || conformanceCuda())
    return;
  static const auto devices = listCudaDevices();
  if (!devices.ok())
    GTEST_SKIP() << "not run here: " << devices.status().message();
}

void Conformance::selectDevice(SessionOptions &options) const {
  options.device = GetParam();
  if (options.device == "cuda")
    options.openWith = conformanceCuda();
}

std::vector<Tensor> Conformance::run(const std::string &op,
                                     const std::vector<Tensor> &inputs,
                                     const std::string &attrs, size_t results,
                                     int threads) {
  std::string declared, names, outputs;
  std::vector<std::string> inputNames;
  for (size_t i = 0; i < inputs.size(); ++i)
    inputNames.push_back("i" + std::to_string(i));
  std::vector<NamedTensor> given;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string shape;
    for (int64_t size : inputs[i].dims())
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    declared += (i ? ", " : "") + std::string("{\"name\": \"") + inputNames[i] +
                "\", \"dtype\": \"" +
                std::string(amp::dtypeName(inputs[i].dtype())) +
                "\", \"shape\": [" + shape + "]}";
    names += (i ? ", \"" : "\"") + inputNames[i] + "\"";
    given.push_back({inputNames[i], &inputs[i]});
  }
  for (size_t i = 0; i < results; ++i)
    outputs += (i ? ", " : "") + std::string("{\"name\": \"o") +
               std::to_string(i) + "\", \"value\": \"n" +
               (i ? ":" + std::to_string(i) : "") + "\"}";
  SessionOptions options;
  selectDevice(options);
  options.threads = threads;
  auto session = openSession(
      oneFunction(
          "", declared,
          "{\"name\": \"n\", \"op\": \"" + op + "\", \"inputs\": [" + names +
              "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}",
          outputs),
      options);
  if (!session)
    return {};
  auto result = session->run("f", given);
  EXPECT_TRUE(result.ok()) << op << " " << attrs << ": "
                           << result.status().toString();
  return result.ok() ? *std::move(result) : std::vector<Tensor>();
}

void Conformance::expectNear(const std::vector<Tensor> &got,
                             const std::vector<double> &expected,
                             const std::function<double(size_t)> &computeBound,
                             const std::string &what) {
  ASSERT_FALSE(got.empty()) << what;
  const Tensor &tensor = got[0];
  ASSERT_EQ(size_t(tensor.size()), expected.size()) << what;
  if (conformanceIsDry())
    return;
  if (isNull()) {
    for (int64_t i = 0; i < tensor.size(); ++i)
      ASSERT_EQ(tensor.at(i), 0) << what;
    return;
  }
  double store = unitRoundoff(tensor.dtype());
  double step = smallestStep(tensor.dtype()) / 2;
  for (size_t i = 0; i < expected.size(); ++i) {
    double value = tensor.at(int64_t(i));
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(value)) << what << " element " << i;
      continue;
    }
    if (std::isinf(expected[i])) {
      ASSERT_EQ(value, expected[i]) << what << " element " << i;
      continue;
    }
    double compute = computeBound ? computeBound(i) : 0;
    double bound = compute + store * (std::fabs(expected[i]) + compute) + step;
    ASSERT_LE(std::fabs(value - expected[i]), bound)
        << what << " " << amp::dtypeName(tensor.dtype()) << " element " << i
        << ": " << value << ", expected " << expected[i] << ", seed "
        << testSeed();
  }
}

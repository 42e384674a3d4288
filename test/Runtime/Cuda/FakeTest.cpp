//===- FakeTest.cpp - The cuda device without a GPU -----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A training step on a CUDA that records every call: what is called in which
// order, and that each call that fails is an error that names it and leaves
// nothing behind.
//===----------------------------------------------------------------------===//

#include "../Support.h"
#include "CudaDevice.h"
#include "FakeCuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace amprt;
using namespace amprt::test;

namespace {

class Fake : public ::testing::Test {
protected:
  void SetUp() override { resetFakeCuda(); }
  void TearDown() override {
    EXPECT_TRUE(fakeCuda().mistakes.empty())
        << fakeCuda().mistakes.front();
    EXPECT_EQ(fakeCuda().liveCount(), 0u) << fakeCuda().liveText();
  }
};

SessionOptions onFake() {
  SessionOptions options;
  options.openWith = [] {
    cuda::Settings settings;
    settings.tries = 1;
    return cuda::openCuda(fakeApi(), settings);
  };
  return options;
}

MlpOptions smallNetwork() {
  MlpOptions options;
  // Rows of 8: updates write the 16-bit copies of the kernels.
  options.sizes = {5, 8, 16, 8};
  options.type = DType::Float16;
  options.lossScale = 1024;
  return options;
}

/// `steps` training steps; the first failure.
Status train(int steps, bool timed = false) {
  auto file = readGraph(mlpGraph(smallNetwork()));
  if (!file)
    return Status(Code::Internal, "no file");
  auto session = Session::create(std::move(*file), onFake());
  if (!session.ok())
    return session.status();
  if (timed)
    (*session)->setObserver([](const StepEvent &) {});
  std::mt19937_64 random(1);
  Tensor images = randomTensor(DType::Float32, {4, 5}, random);
  Tensor labels = tensorOf(DType::Int32, {4}, {0, 1, 2, 0});
  for (int i = 0; i < steps; ++i) {
    CallReport report;
    auto outputs =
        (*session)->run("train", {{"images", &images}, {"labels", &labels}},
                        i % 2 ? nullptr : &report);
    if (!outputs.ok())
      return outputs.status();
  }
  return (*session)->variable("dense_1/kernel").status();
}

TEST_F(Fake, TrainingStepRunsThenIsCapturedThenReplayed) {
  Status status = train(4);
  ASSERT_TRUE(status.ok()) << status.toString();
  const FakeCuda &fake = fakeCuda();
  // The casts of variables that the updates write are made in the first step
  // only; so the second runs plainly too, the third is captured.
  EXPECT_EQ(fake.count("cudaStreamBeginCapture"), 1);
  EXPECT_EQ(fake.count("cudaGraphLaunch"), 2);
  // Every step launches the same kernels, replayed or not.
  auto steps = std::count(fake.launches.begin(), fake.launches.end(),
                          "advance_state");
  EXPECT_EQ(steps, 4);
  auto at = [&](long step) {
    std::vector<std::string> names;
    long seen = 0;
    for (const std::string &name : fake.launches) {
      if (seen == step)
        names.push_back(name);
      seen += name == "advance_state";
    }
    return names;
  };
  // The casts are those three kernels' and two biases'.
  EXPECT_EQ(at(0).size(), at(1).size() + 5);
  EXPECT_EQ(at(1), at(2));
  EXPECT_EQ(at(2), at(3));
}

/// A batch of products, a gather whose indices the device looks at, and steps
/// that run ahead of the host.
Status runAhead() {
  auto file = readGraph(oneFunction(
      "",
      R"({"name": "a", "dtype": "float16", "shape": [3, 4, 5]},
         {"name": "b", "dtype": "float16", "shape": [3, 5, 8]},
         {"name": "i", "dtype": "int32", "shape": [2]})",
      R"({"name": "product", "op": "matmul", "inputs": ["a", "b"]},
         {"name": "rows", "op": "gather", "inputs": ["product", "i"]})",
      R"("rows")"));
  if (!file)
    return Status(Code::Internal, "no file");
  auto session = Session::create(std::move(*file), onFake());
  if (!session.ok())
    return session.status();
  std::mt19937_64 random(1);
  Tensor a = randomTensor(DType::Float16, {3, 4, 5}, random);
  Tensor b = randomTensor(DType::Float16, {3, 5, 8}, random);
  Tensor i = tensorOf(DType::Int32, {2}, {2, 0});
  for (int step = 0; step < 5; ++step)
    AMPRT_RETURN_IF_ERROR(
        (*session)->submit("f", {{"a", &a}, {"b", &b}, {"i", &i}}));
  return (*session)->collect().status();
}

/// A fresh device, whose products try all algorithms.
Status runOnce(const std::string &cacheFolder) {
  SessionOptions options;
  options.openWith = [&] {
    cuda::Settings settings;
    settings.cacheFolder = cacheFolder;
    return cuda::openCuda(fakeApi(), settings);
  };
  auto file = readGraph(mlpGraph(smallNetwork()));
  auto session = Session::create(std::move(*file), options);
  if (!session.ok())
    return session.status();
  std::mt19937_64 random(1);
  Tensor images = randomTensor(DType::Float32, {4, 5}, random);
  return (*session)->run("predict", {{"images", &images}}).status();
}

Status runWithEmptyCache() {
  char name[] = "/tmp/amp-cache-XXXXXX";
  const std::string folder = mkdtemp(name);
  Status status = runOnce(folder);
  std::filesystem::remove_all(folder);
  return status;
}

/// NVRTC refuses the first source; the run ends as it is expected to.
Status runWithRefusedSource() {
  fakeCuda().refusesSources = true;
  Status status = train(1);
  const bool isExpected =
      status.code() == Code::Internal &&
      status.message() == "nvrtcCompileProgram failed: fused.cu(3): error: "
                          "expected a \";\"";
  return isExpected ? okStatus() : status;
}

/// A convolution and its gradients.
Status convolveWith(const std::string &folder) {
  SessionOptions options;
  options.openWith = [&] {
    cuda::Settings settings;
    settings.cacheFolder = folder;
    return cuda::openCuda(fakeApi(), settings);
  };
  auto file = readGraph(oneFunction(
      R"({"name": "w", "dtype": "float32", "shape": [3, 3, 8, 16],
          "init": {"constant": {"value": 1}}})",
      R"({"name": "x", "dtype": "float16", "shape": [2, 6, 6, 8]},
         {"name": "g", "dtype": "float16", "shape": [2, 6, 6, 16]})",
      R"({"name": "c", "op": "cast", "inputs": ["w"],
          "attrs": {"to": "float16"}},
         {"name": "y", "op": "conv2d", "inputs": ["x", "c"]},
         {"name": "dx", "op": "conv2d_input_grad", "inputs": ["g", "x", "c"]},
         {"name": "dw", "op": "conv2d_filter_grad",
          "inputs": ["g", "x", "c"]})",
      R"("y", "dx", "dw")"));
  auto session = Session::create(std::move(*file), options);
  if (!session.ok())
    return session.status();
  std::mt19937_64 random(1);
  Tensor x = randomTensor(DType::Float16, {2, 6, 6, 8}, random);
  Tensor g = randomTensor(DType::Float16, {2, 6, 6, 16}, random);
  for (int call = 0; call < 3; ++call)
    AMPRT_RETURN_IF_ERROR((*session)->run("f", {{"x", &x}, {"g", &g}}).status());
  return okStatus();
}

struct Folder {
  Folder() {
    char name[] = "/tmp/amp-cache-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

/// The algorithms are found out and kept.
Status convolve() { return convolveWith(Folder().path); }
/// They are taken from the file.
Status convolveAgain() {
  static const Folder folder;
  static const bool isFilled = [] {
    Status status = convolveWith(folder.path);
    resetFakeCuda();
    return status.ok();
  }();
  return isFilled ? convolveWith(folder.path)
                  : Status(Code::Internal, "nothing was kept");
}

Status trainFour() { return train(4); }
Status trainFourTimed() { return train(4, true); }

struct Scenario {
  const char *name;
  Status (*run)();
};
constexpr Scenario kScenarios[] = {{"train", trainFour},
                                   {"timed", trainFourTimed},
                                   {"ahead", runAhead},
                                   {"cache", runWithEmptyCache},
                                   {"refused", runWithRefusedSource},
                                   {"convolve", convolve},
                                   {"convolve again", convolveAgain}};

TEST_F(Fake, EveryCallThatFailsIsNamedAndNothingLeaks) {
  std::set<std::string> called;
  for (const Scenario &scenario : kScenarios) {
    SCOPED_TRACE(scenario.name);
    resetFakeCuda();
    Status fine = scenario.run();
    ASSERT_TRUE(fine.ok()) << fine.toString();
    const std::vector<std::string> calls = fakeCuda().calls;
    ASSERT_GT(calls.size(), 15u);
    for (size_t i = 0; i < calls.size(); ++i) {
      // Of a call that is made often, the first ones and some others.
      if (std::count(calls.begin(), calls.begin() + long(i), calls[i]) > 40 &&
          i % 7 != 0)
        continue;
      resetFakeCuda();
      fakeCuda().failAt = long(i);
      Status status = scenario.run();
      const FakeCuda &fake = fakeCuda();
      ASSERT_TRUE(fake.mistakes.empty())
          << calls[i] << ": " << fake.mistakes.front();
      ASSERT_EQ(fake.liveCount(), 0u)
          << "call " << i << ", " << calls[i] << ": " << fake.liveText();
      ASSERT_GT(fake.calls.size(), i);
      ASSERT_EQ(fake.calls[i], calls[i]);
      called.insert(calls[i]);
      called.insert(fake.asked.begin(), fake.asked.end());
      if (isCleanup(calls[i])) {
        EXPECT_TRUE(status.ok()) << status.toString();
        continue;
      }
      // The last one waits for the stream before memory is given back.
      if (calls[i] == "cudaStreamSynchronize" && status.ok() &&
          std::none_of(calls.begin() + long(i), calls.end(),
                       [](const std::string &c) { return c == "cudaMalloc"; }))
        continue;
      ASSERT_FALSE(status.ok()) << "call " << i << ", " << calls[i];
      // Of memory that the session asks for, it says how much.
      const bool isMemory =
          calls[i] == "cudaMalloc" || calls[i] == "cudaHostAlloc";
      auto says = [&](const std::string &text) {
        return status.message().find(text) != std::string::npos;
      };
      EXPECT_TRUE(says(calls[i]) || (isMemory && says("no memory for")))
          << calls[i] << ": " << status.message();
      EXPECT_TRUE(status.code() == Code::Unavailable ||
                  status.code() == Code::ResourceExhausted)
          << status.toString();
    }
  }
  // That was the whole table.
#define EXPECT_CALLED(NAME)                                                    \
  EXPECT_TRUE(called.count(#NAME)) << #NAME << " was never called";
  AMPRT_CUDART_CALLS(EXPECT_CALLED)
  AMPRT_NVRTC_CALLS(EXPECT_CALLED)
  AMPRT_CUBLASLT_CALLS(EXPECT_CALLED)
  AMPRT_CUDNN_CALLS(EXPECT_CALLED)
#undef EXPECT_CALLED
}

/// cuBLASLt's product is the row-major one with the operands exchanged.
TEST_F(Fake, ProductsHaveTheDescriptorsOfTheirEpilogues) {
  ASSERT_TRUE(train(1).ok());
  const std::vector<std::string> expected = {
      "8x4x5 N N RELU_AUX_BIAS aux 128",  // dense_1
      "16x4x8 N N RELU_AUX_BIAS aux 128", // dense_2
      "8x4x16 N N DEFAULT",               // out, whose bias is float32
      "8x16x4 N T DEFAULT", // gradients: of out's kernel, whose bias is too
      "16x4x8 T N DRELU_BGRAD aux 128",
      "16x8x4 N T DEFAULT",
      "8x4x16 T N DRELU_BGRAD aux 128",
      "8x5x4 N T DEFAULT"};
  std::vector<std::string> products = fakeCuda().products;
  std::vector<std::string> sorted = expected;
  std::sort(sorted.begin(), sorted.end());
  std::sort(products.begin(), products.end());
  EXPECT_EQ(products, sorted);
}

/// The mask of ReLU is cuBLASLt's own: both products that share it have its
/// epilogue, or none has.
TEST_F(Fake, ProductsWithoutTheEpilogueHaveKernelsBehindThem) {
  auto runs = [&](std::set<int> refused) {
    resetFakeCuda();
    fakeCuda().refusedEpilogues = std::move(refused);
    Status status = train(3);
    EXPECT_TRUE(status.ok()) << status.toString();
    auto has = [](const std::vector<std::string> &list, const char *text) {
      return std::count_if(list.begin(), list.end(), [&](const std::string &s) {
        return s.find(text) != std::string::npos;
      });
    };
    return std::vector<long>{has(fakeCuda().products, "RELU_AUX"),
                             has(fakeCuda().products, "DRELU"),
                             has(fakeCuda().launches, "relu_mask"),
                             has(fakeCuda().launches, "relu_masked")};
  };
  // relu_masked contains relu_mask.
  auto of = [](long a, long b, long c, long d) {
    return std::vector<long>{a, b, c, d};
  };
  auto fine = runs({});
  EXPECT_EQ(fine[2] + fine[3], 0);
  EXPECT_GT(fine[0], 0);
  EXPECT_EQ(fine[0], fine[1]);
  EXPECT_EQ(runs({CUBLASLT_EPILOGUE_DRELU_BGRAD}), of(0, 0, 12, 6));
  EXPECT_EQ(runs({CUBLASLT_EPILOGUE_RELU_AUX_BIAS}), of(0, 0, 12, 6));
}

/// No algorithm is timed, and none is kept.
TEST_F(Fake, DeterministicProductsTakeTheLibrarysOwnChoice) {
  char name[] = "/tmp/amp-cache-XXXXXX";
  const std::string folder = mkdtemp(name);
  for (int run = 0; run < 2; ++run) {
    resetFakeCuda();
    SessionOptions options;
    options.openWith = [&] {
      cuda::Settings settings;
      settings.deterministic = true;
      settings.cacheFolder = folder;
      return cuda::openCuda(fakeApi(), settings);
    };
    auto session = openSession(mlpGraph(smallNetwork()), options);
    ASSERT_TRUE(session);
    std::mt19937_64 random(1);
    Tensor images = randomTensor(DType::Float32, {4, 5}, random);
    ASSERT_TRUE(session->run("predict", {{"images", &images}}).ok());
    EXPECT_EQ(fakeCuda().count("cublasLtMatmul"), 3);
    EXPECT_EQ(fakeCuda().count("cudaEventElapsedTime"), 0);
  }
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    EXPECT_EQ(entry.path().extension(), ".cubin") << entry.path();
  std::filesystem::remove_all(folder);
}

TEST_F(Fake, WhatWasFoundOutIsKeptOnDisk) {
  char name[] = "/tmp/amp-cache-XXXXXX";
  const std::string folder = mkdtemp(name);
  auto runs = [&] {
    resetFakeCuda();
    EXPECT_TRUE(runOnce(folder).ok());
    return std::pair(fakeCuda().count("cublasLtMatmul"),
                     fakeCuda().count("nvrtcCompileProgram"));
  };
  // Three products, three algorithms each, five runs; then one of each product.
  auto [products, compiled] = runs();
  EXPECT_EQ(products, 3 * 3 * 5 + 3);
  EXPECT_GT(compiled, 0);
  auto kept = runs();
  EXPECT_EQ(kept.first, 3);
  EXPECT_EQ(kept.second, 0);
  // A file that was damaged is as good as none.
  long damaged = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out);
    file.seekp(-2, std::ios::end);
    file.put('!');
    ++damaged;
  }
  EXPECT_GT(damaged, 1);
  auto again = runs();
  EXPECT_EQ(again.second, compiled);
  // Of the algorithms' file one line is damaged.
  EXPECT_EQ(again.first, 3 * 5 + 3);
  auto last = runs();
  EXPECT_EQ(last.first, 3);
  EXPECT_EQ(last.second, 0);
  std::filesystem::remove_all(folder);
}

TEST_F(Fake, AThousandStepsWaitForTheDeviceOnlyToBeLookedAt) {
  auto file = readGraph(mlpGraph(smallNetwork()));
  {
    auto session = Session::create(std::move(*file), onFake());
    ASSERT_TRUE(session.ok());
    std::mt19937_64 random(1);
    Tensor images = randomTensor(DType::Float32, {4, 5}, random);
    Tensor labels = tensorOf(DType::Int32, {4}, {0, 1, 2, 0});
    std::vector<NamedTensor> inputs = {{"images", &images},
                                       {"labels", &labels}};
    for (int i = 0; i < 4; ++i)
      ASSERT_TRUE((*session)->submit("train", inputs).ok());
    ASSERT_TRUE((*session)->collect().ok());
    const long before = fakeCuda().count("cudaStreamSynchronize");
    for (int i = 0; i < 1000; ++i)
      ASSERT_TRUE((*session)->submit("train", inputs).ok());
    EXPECT_EQ(fakeCuda().count("cudaStreamSynchronize"), before);
    auto results = (*session)->collect();
    ASSERT_TRUE(results.ok());
    EXPECT_EQ(results->size(), 1000u);
    EXPECT_EQ(fakeCuda().count("cudaStreamSynchronize"), before + 1);
    // One launch of a graph per step, whatever is in it.
    EXPECT_GE(fakeCuda().count("cudaGraphLaunch"), 1000);
  }
}

TEST_F(Fake, MachinesWithoutGpuSayWhatIsMissing) {
  auto message = [](int driver, int devices) {
    resetFakeCuda();
    fakeCuda().driver = driver;
    fakeCuda().devices = devices;
    auto device = cuda::openCuda(fakeApi(), {});
    EXPECT_FALSE(device.ok());
    EXPECT_EQ(device.status().code(), Code::Unavailable);
    return device.status().message();
  };
  EXPECT_EQ(message(0, 0), "the device 'cuda' cannot be used: this machine has "
                           "no NVIDIA driver (libcuda.so.1); use --device=cpu");
  EXPECT_EQ(message(13000, 0),
            "the device 'cuda' cannot be used: the driver (CUDA 13.0) finds no "
            "NVIDIA GPU; use --device=cpu");
  resetFakeCuda();
  fakeCuda().driver = 11080;
  fakeCuda().driverIsOld = true;
  auto old = cuda::openCuda(fakeApi(), {});
  ASSERT_FALSE(old.ok());
  EXPECT_EQ(old.status().code(), Code::Unavailable);
  const std::string libraries = std::to_string(CUDART_VERSION / 1000) + "." +
                                std::to_string(CUDART_VERSION % 1000 / 10);
  EXPECT_EQ(old.status().message(),
            "the device 'cuda' cannot be used: the driver is for CUDA 11.8, "
            "the libraries are of CUDA " +
                libraries + "; use --device=cpu");
}

TEST_F(Fake, MissingLibrariesAreNamed) {
  auto api = cuda::loadApi(99);
  ASSERT_FALSE(api.ok());
  EXPECT_EQ(api.status().code(), Code::Unavailable);
  EXPECT_EQ(api.status().message().find(
                "the device 'cuda' cannot be used: no library of CUDA 99 for "
                "the CUDA runtime (libcudart.so.99, /"),
            0u)
      << api.status().message();
}

TEST_F(Fake, AProductWithoutAnAlgorithmHasItsSizesInTheMessage) {
  fakeCuda().refusedEpilogues = {
      CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_BIAS,
      CUBLASLT_EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_RELU_AUX_BIAS};
  Status status = train(1);
  EXPECT_EQ(status.code(), Code::Unimplemented);
  EXPECT_NE(status.message().find("cublasLtMatmulAlgoGetHeuristic knows no "
                                  "algorithm for a product of 4 x 8 x 5"),
            std::string::npos)
      << status.toString();
}

} // namespace

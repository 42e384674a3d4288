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
  options.openWith = [] { return cuda::openCuda(fakeApi(), {}); };
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

TEST_F(Fake, EveryCallThatFailsIsNamedAndNothingLeaks) {
  for (bool timed : {false, true}) {
    resetFakeCuda();
    ASSERT_TRUE(train(4, timed).ok());
    const std::vector<std::string> calls = fakeCuda().calls;
    ASSERT_GT(calls.size(), 100u);
    for (size_t i = 0; i < calls.size(); ++i) {
      resetFakeCuda();
      fakeCuda().failAt = long(i);
      Status status = train(4, timed);
      const FakeCuda &fake = fakeCuda();
      ASSERT_TRUE(fake.mistakes.empty())
          << calls[i] << ": " << fake.mistakes.front();
      ASSERT_EQ(fake.liveCount(), 0u)
          << "call " << i << ", " << calls[i] << ": " << fake.liveText();
      ASSERT_GT(fake.calls.size(), i);
      ASSERT_EQ(fake.calls[i], calls[i]);
      if (isCleanup(calls[i])) {
        EXPECT_TRUE(status.ok()) << status.toString();
        continue;
      }
      // The last one waits for the stream before memory is given back.
      if (calls[i] == "cudaStreamSynchronize" &&
          std::none_of(calls.begin() + long(i), calls.end(),
                       [](const std::string &c) { return c == "cudaMalloc"; }) &&
          status.ok())
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
}

} // namespace

//===- RealCudnnTest.cpp - What cuDNN itself says of our convolutions -----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The library plans for a device that it is only told of, so its own checks,
// heuristics and plans run without a GPU; everything but the execution is real.
// Left out where the library is not found.
//===----------------------------------------------------------------------===//

#include "../Support.h"
#include "CudaDevice.h"
#include "FakeCuda.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#ifdef AMPRT_HAS_CUDNN

using namespace amprt;
using namespace amprt::test;

namespace {

/// Of the library, and what stands in for the GPU.
struct Real {
  cuda::Api api;
  cudnnBackendDescriptor_t device = nullptr;
  long executed = 0, heuristics = 0;
  bool padsMore = false; ///< a mistake, for a test of the library's checks
} real;

cudnnStatus_t create(cudnnHandle_t *handle) {
  static char stands;
  *handle = reinterpret_cast<cudnnHandle_t>(&stands);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t destroy(cudnnHandle_t) { return CUDNN_STATUS_SUCCESS; }
cudnnStatus_t setStream(cudnnHandle_t, cudaStream_t) {
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t setAttribute(cudnnBackendDescriptor_t of,
                           cudnnBackendAttributeName_t name,
                           cudnnBackendAttributeType_t type, int64_t count,
                           const void *values) {
  auto set = [&](cudnnBackendAttributeName_t attribute) {
    return real.api.cudnnBackendSetAttribute(
        of, attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &real.device);
  };
  // Where a handle says which GPU it is, the device's description does.
  if (name == CUDNN_ATTR_OPERATIONGRAPH_HANDLE)
    return CUDNN_STATUS_SUCCESS;
  if (name == CUDNN_ATTR_EXECUTION_PLAN_HANDLE)
    return set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
  if (name == CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH) {
    ++real.heuristics;
    if (auto status = set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP))
      return status;
  }
  if (name == CUDNN_ATTR_ENGINE_OPERATION_GRAPH)
    if (auto status = set(CUDNN_ATTR_ENGINE_DEVICEPROP))
      return status;
  const int64_t more[] = {7, 7};
  if (real.padsMore && name == CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)
    values = more;
  return real.api.cudnnBackendSetAttribute(of, name, type, count, values);
}
cudnnStatus_t execute(cudnnHandle_t, cudnnBackendDescriptor_t,
                      cudnnBackendDescriptor_t) {
  ++real.executed;
  return CUDNN_STATUS_SUCCESS;
}

/// As cuDNN writes the properties of a device.
std::string properties(int version, int multiprocessors, int shared) {
  return "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,"
         "64],\"regsPerBlock\":65536,\"multiProcessorCount\":" +
         std::to_string(multiprocessors) +
         ",\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,"
         "\"maxSharedMemoryPerBlockOptin\":" +
         std::to_string(shared) +
         ",\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
         "\"maxCtasPerSM\":16,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":"
         "1024,\"pciDeviceId\":0,\"isTccDriver\":0,\"supportCoopLaunch\":1,"
         "\"smClockRateKHz\":1500000,\"memClockRateKHz\":1500000,"
         "\"l2CacheSize\":33554432,\"deviceName\":\"GPU\",\"deviceVer\":" +
         std::to_string(version) +
         ",\"driverVer\":13000,\"cudaDeviceId\":0,\"totalGlobalMem\":"
         "40000000000}";
}

class RealCudnn : public ::testing::Test {
protected:
  void SetUp() override {
    resetFakeCuda();
    auto loaded = cuda::loadApi();
    if (!loaded.ok())
      GTEST_SKIP() << loaded.status().message();
    Status found = (*loaded)->findCudnn(**loaded);
    if (!found.ok())
      GTEST_SKIP() << found.message();
    if ((*loaded)->cudnnGetVersion() < 91100)
      GTEST_SKIP() << "cuDNN " << (*loaded)->cudnnGetVersion()
                   << " plans for no device but its own";
    real = Real();
    real.api = std::move(**loaded);
  }
  void TearDown() override {
    if (real.device)
      (void)real.api.cudnnBackendDestroyDescriptor(real.device);
    real = Real();
    EXPECT_TRUE(fakeCuda().mistakes.empty()) << fakeCuda().mistakes.front();
    EXPECT_EQ(fakeCuda().liveCount(), 0u) << fakeCuda().liveText();
  }

  void planFor(int version, int multiprocessors, int shared) {
    if (real.device)
      (void)real.api.cudnnBackendDestroyDescriptor(real.device);
    const std::string text = properties(version, multiprocessors, shared);
    ASSERT_EQ(real.api.cudnnBackendCreateDescriptor(
                  CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &real.device),
              CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(real.api.cudnnBackendSetAttribute(
                  real.device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                  CUDNN_TYPE_CHAR, int64_t(text.size()), text.data()),
              CUDNN_STATUS_SUCCESS);
    ASSERT_EQ(real.api.cudnnBackendFinalize(real.device),
              CUDNN_STATUS_SUCCESS);
    fakeCuda().computeMajor = version / 100;
    fakeCuda().computeMinor = version % 100 / 10;
  }
};

std::unique_ptr<cuda::Api> realApi() {
  auto api = fakeApi();
  api->findCudnn = [](cuda::Api &table) {
#define TAKE(NAME) table.NAME = real.api.NAME;
    AMPRT_CUDNN_CALLS(TAKE)
#undef TAKE
    table.cudnnCreate = create;
    table.cudnnDestroy = destroy;
    table.cudnnSetStream = setStream;
    table.cudnnBackendSetAttribute = setAttribute;
    table.cudnnBackendExecute = execute;
    return okStatus();
  };
  return api;
}

struct Case {
  const char *op;
  std::string attrs;
  Dims image, filter, result;
};
/// Runs an op and its gradients once each.
Status run(const Case &c, DType dtype, const cuda::Settings &settings) {
  const std::string op = c.op;
  for (const char *form : {"", "_input_grad", "_filter_grad"}) {
    const bool isGradient = *form;
    std::vector<Dims> operands = {c.image, c.filter};
    if (isGradient)
      operands.insert(operands.begin(), c.result);
    std::string inputs, names;
    std::vector<Tensor> tensors;
    std::vector<std::string> ids;
    for (size_t i = 0; i < operands.size(); ++i) {
      ids.push_back("i" + std::to_string(i));
      std::string shape;
      for (int64_t size : operands[i])
        shape += (shape.empty() ? "" : ", ") + std::to_string(size);
      inputs += std::string(i ? ", " : "") + "{\"name\": \"" + ids[i] +
                "\", \"dtype\": \"" + std::string(amp::dtypeName(dtype)) +
                "\", \"shape\": [" + shape + "]}";
      names += std::string(i ? ", " : "") + "\"" + ids[i] + "\"";
      auto tensor = Tensor::create(dtype, operands[i]);
      if (!tensor.ok())
        return tensor.status();
      tensors.push_back(*std::move(tensor));
    }
    SessionOptions options;
    options.openWith = [&] { return cuda::openCuda(realApi(), settings); };
    auto session = openSession(
        oneFunction("", inputs,
                    "{\"name\": \"n\", \"op\": \"" + op + form +
                        "\", \"inputs\": [" + names + "], \"attrs\": {" +
                        c.attrs + "}}",
                    "\"n\""),
        options);
    if (!session)
      return Status(Code::Internal, "no session");
    std::vector<NamedTensor> given;
    for (size_t i = 0; i < tensors.size(); ++i)
      given.push_back({ids[i], &tensors[i]});
    if (Status s = session->run("f", given).status(); !s.ok())
      return Status(s.code(), op + form + ": " + s.message());
  }
  return okStatus();
}

const std::vector<Case> kCases = {
    {"conv2d", "", {2, 16, 16, 16}, {3, 3, 16, 32}, {2, 16, 16, 32}},
    // Uneven padding.
    {"conv2d", "\"strides\": 2", {2, 16, 16, 16}, {3, 3, 16, 32}, {2, 8, 8, 32}},
    {"conv2d", "\"strides\": 2", {2, 20, 20, 3}, {7, 7, 3, 16}, {2, 10, 10, 16}},
    {"conv2d", "", {2, 5, 4, 3}, {3, 2, 3, 4}, {2, 5, 4, 4}},
    {"conv2d", "", {2, 28, 28, 1}, {5, 5, 1, 6}, {2, 28, 28, 6}},
    {"conv2d", "\"padding\": \"valid\"", {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}},
    {"conv2d", "\"dilations\": 2", {2, 9, 9, 8}, {3, 3, 8, 8}, {2, 9, 9, 8}},
    {"conv2d", "\"groups\": 2", {2, 9, 9, 16}, {3, 3, 8, 32}, {2, 9, 9, 32}},
    {"conv2d", "\"layout\": \"NCHW\"", {2, 16, 9, 9}, {3, 3, 16, 8}, {2, 8, 9, 9}},
    {"depthwise_conv2d", "", {2, 9, 9, 16}, {3, 3, 16, 1}, {2, 9, 9, 16}},
    {"depthwise_conv2d", "\"strides\": 2", {2, 9, 9, 16}, {3, 3, 16, 2}, {2, 5, 5, 32}},
    {"conv2d_transpose", "\"strides\": 2", {2, 7, 7, 16}, {3, 3, 16, 8}, {2, 14, 14, 8}},
};

TEST_F(RealCudnn, HasAnAlgorithmForEveryForm) {
  struct Gpu {
    int version, multiprocessors, shared;
  };
  for (const Gpu &gpu : {Gpu{900, 132, 232448}, {800, 108, 166912},
                         {750, 40, 65536}}) {
    planFor(gpu.version, gpu.multiprocessors, gpu.shared);
    if (HasFatalFailure())
      return;
    for (DType dtype : {DType::Float16, DType::BFloat16, DType::Float32})
      for (bool tf32 : {false, true})
        for (bool deterministic : {false, true}) {
          if ((dtype == DType::BFloat16 && gpu.version < 800) ||
              (tf32 && dtype != DType::Float32))
            continue;
          cuda::Settings settings;
          settings.cudnn = CudnnUse::On;
          settings.tf32 = tf32;
          settings.deterministic = deterministic;
          for (const Case &c : kCases) {
            SCOPED_TRACE("sm " + std::to_string(gpu.version) + " " + c.op +
                         " " + c.attrs + " " + std::string(amp::dtypeName(dtype)) +
                         (tf32 ? " tf32" : "") +
                         (deterministic ? " deterministic" : ""));
            const long before = real.executed;
            Status status = run(c, dtype, settings);
            EXPECT_TRUE(status.ok()) << status.toString();
            EXPECT_GE(real.executed, before + 3);
          }
        }
  }
}

/// Its checks are real: a convolution that does not fit its images is refused.
TEST_F(RealCudnn, RefusesWhatDoesNotFit) {
  planFor(900, 132, 232448);
  if (HasFatalFailure())
    return;
  cuda::Settings settings;
  settings.tries = 1;
  EXPECT_TRUE(run(kCases[0], DType::Float16, settings).ok());
  real.padsMore = true;
  Status status = run(kCases[0], DType::Float16, settings);
  EXPECT_EQ(status.code(), Code::Unavailable);
  EXPECT_NE(status.message().find("cudnnBackendFinalize failed: "),
            std::string::npos)
      << status.message();
}

/// What the heuristics proposed, and our file kept, makes the same plan again.
TEST_F(RealCudnn, TakesAKeptAlgorithmAgain) {
  planFor(900, 132, 232448);
  if (HasFatalFailure())
    return;
  char name[] = "/tmp/amp-cache-XXXXXX";
  cuda::Settings settings;
  settings.cacheFolder = mkdtemp(name);
  for (DType dtype : {DType::Float16, DType::Float32})
    for (const Case &c : kCases) {
      SCOPED_TRACE(std::string(c.op) + " " + c.attrs);
      EXPECT_TRUE(run(c, dtype, settings).ok());
      const long proposals = real.heuristics, executed = real.executed;
      Status status = run(c, dtype, settings);
      EXPECT_TRUE(status.ok()) << status.toString();
      EXPECT_EQ(real.heuristics, proposals);
      EXPECT_EQ(real.executed, executed + 3);
    }
  std::filesystem::remove_all(settings.cacheFolder);
}

} // namespace

#endif // AMPRT_HAS_CUDNN

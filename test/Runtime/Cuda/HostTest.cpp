//===- HostTest.cpp - The host's half of the cuda device ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What calls that fail become, what is said of a device, and the files that are
// kept between runs.
//===----------------------------------------------------------------------===//

#include "CacheFile.h"
#include "Context.h"
#include "FakeCuda.h"
#include "Source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace amprt;
using namespace amprt::test;

namespace {

class Host : public ::testing::Test {
protected:
  void SetUp() override {
    resetFakeCuda();
    char name[] = "/tmp/amp-host-XXXXXX";
    folder = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  size_t files() const {
    return size_t(std::distance(std::filesystem::directory_iterator(folder),
                                std::filesystem::directory_iterator()));
  }
  std::string folder;
};

TEST_F(Host, AnErrorHasTheCallTheReasonAndACode) {
  auto api = fakeApi();
  auto text = [](const Status &status) { return status.toString(); };
  EXPECT_TRUE(cuda::check(*api, cudaSuccess, "cudaFree").ok());
  EXPECT_TRUE(cuda::check(*api, NVRTC_SUCCESS, "nvrtcVersion").ok());
  EXPECT_TRUE(cuda::check(*api, CUBLAS_STATUS_SUCCESS, "cublasLtMatmul").ok());

  Status runtime = cuda::check(*api, cudaErrorUnknown, "cudaGraphLaunch");
  EXPECT_EQ(runtime.code(), Code::Unavailable);
  EXPECT_EQ(runtime.message(),
            "cudaGraphLaunch failed: unknown error (cudaErrorUnknown)")
      << text(runtime);
  // The runtime keeps an error for the next call unless it is taken.
  EXPECT_TRUE(fakeCuda().asked.count("cudaGetLastError"));
  Status memory = cuda::check(*api, cudaErrorMemoryAllocation, "cudaMalloc");
  EXPECT_EQ(memory.code(), Code::ResourceExhausted);
  EXPECT_EQ(memory.message(),
            "cudaMalloc failed: out of memory (cudaErrorMemoryAllocation)");

  Status source =
      cuda::check(*api, NVRTC_ERROR_INTERNAL_ERROR, "nvrtcGetCUBIN");
  EXPECT_EQ(source.code(), Code::Unavailable);
  EXPECT_EQ(source.message(), "nvrtcGetCUBIN failed: internal error");

  Status product =
      cuda::check(*api, CUBLAS_STATUS_INTERNAL_ERROR, "cublasLtMatmul");
  EXPECT_EQ(product.code(), Code::Unavailable);
  EXPECT_EQ(product.message(),
            "cublasLtMatmul failed: CUBLAS_STATUS_INTERNAL_ERROR");
  EXPECT_EQ(
      cuda::check(*api, CUBLAS_STATUS_ALLOC_FAILED, "cublasLtCreate").code(),
      Code::ResourceExhausted);
}

TEST_F(Host, ADeviceIsDescribedInOneLine) {
  cuda::DeviceInfo info;
  info.name = "NVIDIA H200";
  info.major = 9;
  info.memory = size_t(143771) << 20;
  info.driver = 12080;
  info.runtime = 13000;
  EXPECT_EQ(cuda::describe(info),
            "NVIDIA H200, compute capability 9.0, 150 GB, driver for CUDA "
            "12.8, libraries of CUDA 13.0");
}

TEST_F(Host, EachGpuHasALine) {
  fakeCuda().devices = 2;
  auto api = fakeApi();
  auto devices = cuda::listDevices(*api);
  ASSERT_TRUE(devices.ok()) << devices.status().toString();
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ(cuda::describe((*devices)[1]),
            "Fake GPU, compute capability 9.0, 17 GB, driver for CUDA 13.0, "
            "libraries of CUDA " +
                std::to_string(CUDART_VERSION / 1000) + "." +
                std::to_string(CUDART_VERSION % 1000 / 10));
}

TEST_F(Host, NeighbouringElementsAreTakenSixteenBytesAtATime) {
  auto width = [](DType x, DType y, DType result, Dims loops,
                  std::vector<Dims> strides) {
    Program program;
    for (DType dtype : {x, y, result}) {
      Buffer buffer;
      buffer.dtype = dtype;
      program.buffers.push_back(buffer);
    }
    Step step;
    step.operands = {0, 1};
    step.results = {2};
    step.params.loops = std::move(loops);
    step.params.strides = std::move(strides);
    return cuda::vectorWidth(program, step);
  };
  const DType f16 = DType::Float16, f32 = DType::Float32;
  EXPECT_EQ(width(f16, f16, f16, {9}, {{1}, {1}, {1}}), 8);
  EXPECT_EQ(width(f32, f32, f32, {9}, {{1}, {1}, {1}}), 4);
  EXPECT_EQ(width(f32, f16, f32, {9}, {{1}, {1}, {1}}), 8);
  EXPECT_EQ(width(DType::Float64, DType::Float64, DType::Float64, {9},
                  {{1}, {1}, {1}}),
            2);
  EXPECT_EQ(width(DType::Bool, f32, f32, {9}, {{1}, {1}, {1}}), 8);
  // A scalar is read by itself.
  EXPECT_EQ(width(f16, f32, f16, {9}, {{1}, {0}, {1}}), 8);
  // Rows that are padded, broadcast or turned.
  EXPECT_EQ(width(f16, f16, f16, {9}, {{2}, {1}, {1}}), 1);
  EXPECT_EQ(width(f16, f16, f16, {3, 5}, {{8, 1}, {5, 1}, {5, 1}}), 1);
  EXPECT_EQ(width(f16, f16, f16, {3, 5}, {{5, 1}, {0, 1}, {5, 1}}), 1);
  EXPECT_EQ(width(f16, f16, f16, {}, {{}, {}, {}}), 1);
}

TEST_F(Host, AFileIsReplacedAsAWhole) {
  // In folders that are not there yet.
  const std::string path = folder + "/a/b/file";
  EXPECT_FALSE(cuda::readWhole(path));
  cuda::replaceWhole(path, "one");
  EXPECT_EQ(cuda::readWhole(path), "one");
  cuda::replaceWhole(path, std::string("t\0o", 3));
  EXPECT_EQ(cuda::readWhole(path), std::string("t\0o", 3));
  // Where nothing can be written, nothing is, and nobody is told.
  cuda::replaceWhole(path + "/under/a/file", "three");
  EXPECT_EQ(cuda::readWhole(path), std::string("t\0o", 3));
}

TEST_F(Host, ThreadsThatWriteOneFileDoNotMixTheirTexts) {
  const std::string path = folder + "/file";
  auto text = [](char letter) { return std::string(100000, letter); };
  std::vector<std::thread> writers;
  for (char letter : {'a', 'b', 'c', 'd'})
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) {
        cuda::replaceWhole(path, text(letter));
        auto read = cuda::readWhole(path);
        ASSERT_TRUE(read && !read->empty());
        EXPECT_EQ(*read, text((*read)[0]));
      }
    });
  for (std::thread &writer : writers)
    writer.join();
  EXPECT_EQ(files(), 1u);
}

TEST_F(Host, NamesFollowFromTheText) {
  EXPECT_EQ(cuda::contentName("a").size(), 32u);
  EXPECT_EQ(cuda::contentName("a"), cuda::contentName("a"));
  EXPECT_NE(cuda::contentName("a"), cuda::contentName("b"));
  // FNV-1a, 64 bits: its published value for one letter.
  EXPECT_EQ(cuda::hashOf("a"), 0xaf63dc4c8601ec8cull);
}

TEST_F(Host, AlgorithmsAreKeptByDeviceAndLibrary) {
  cublasLtMatmulAlgo_t one = {}, two = {};
  one.data[0] = 0x0123456789abcdefull;
  two.data[7] = ~0ull;
  cuda::Algorithms written;
  written.open(folder, "NVIDIA H200", 130000);
  EXPECT_FALSE(written.find("product a"));
  written.keep("product a", one);
  written.keep("product b", two);

  auto read = [&](const char *device, size_t version, const char *product) {
    cuda::Algorithms algorithms;
    algorithms.open(folder, device, version);
    return algorithms.find(product);
  };
  auto same = [](const std::optional<cublasLtMatmulAlgo_t> &a,
                 const cublasLtMatmulAlgo_t &b) {
    return a && std::memcmp(&*a, &b, sizeof b) == 0;
  };
  EXPECT_TRUE(same(read("NVIDIA H200", 130000, "product a"), one));
  EXPECT_TRUE(same(read("NVIDIA H200", 130000, "product b"), two));
  EXPECT_FALSE(read("NVIDIA H200", 130001, "product a"));
  EXPECT_FALSE(read("NVIDIA H100", 130000, "product a"));

  // Lines that are cut short or changed are left out, the others are not.
  const std::string path =
      std::filesystem::directory_iterator(folder)->path().string();
  std::string text = *cuda::readWhole(path);
  std::string changed = text;
  changed[changed.find("product a") + 20] ^= 1;
  std::ofstream(path) << changed;
  EXPECT_FALSE(read("NVIDIA H200", 130000, "product a"));
  EXPECT_TRUE(same(read("NVIDIA H200", 130000, "product b"), two));
  for (size_t size : {size_t(0), size_t(3), text.size() - 5}) {
    std::ofstream(path) << text.substr(0, size);
    EXPECT_FALSE(read("NVIDIA H200", 130000, "product b")) << size;
  }
  std::ofstream(path) << text + "\t\t\nno tab\n\tx\n";
  EXPECT_TRUE(same(read("NVIDIA H200", 130000, "product a"), one));
}

} // namespace

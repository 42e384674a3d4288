//===- EmulatedTest.cpp - The conformance suite on emulated kernels -------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every op of the table on the cuda device, whose kernels and products run on
// the host: the numbers are those of the kernels' own code. What it cannot show
// is what a GPU's own arithmetic and libraries do.
//===----------------------------------------------------------------------===//

#include "../Conformance/Conformance.h"
#include "../Layers.h"
#include "CudaDevice.h"
#include "FakeCuda.h"
#include "HostSources.h"

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace amprt;
using namespace amprt::test;

namespace {

/// The suites run on this device, and only on it: a sample of them, or all with
/// AMP_TEST_FULL.
void choose() {
  conformanceCuda() = []() -> Result<std::unique_ptr<Device>> {
    fakeCuda().executes = true;
    return cuda::openCuda(fakeApi(), {});
  };
  ::testing::GTEST_FLAG(filter) =
      std::getenv("AMP_TEST_FULL")
          ? "*/cuda:Emulated.*:Attention.*:LossPlan.*:SumSquares.*"
          : "Emulated.*:LossPlan.*:SumSquares.*:Attention.RowsWithoutKeys:"
            "*Conformance.Matrix/cuda:*OpConformance.Convolutions/cuda:"
            "*Conformance.NaNAndInfinity/cuda:*UpdateConformance.*/cuda:"
            "*/SpecialConformance.*/cuda";
}

class Mistakes : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo &) override {
    for (const std::string &mistake : fakeCuda().mistakes)
      ADD_FAILURE() << mistake;
    fakeCuda().mistakes.clear();
  }
};

/// Epilogues that cuBLASLt may lack: with kernels of our own.
const std::set<int> kAllRefused = {
    CUBLASLT_EPILOGUE_RELU_AUX, CUBLASLT_EPILOGUE_RELU_AUX_BIAS,
    CUBLASLT_EPILOGUE_DRELU,    CUBLASLT_EPILOGUE_DRELU_BGRAD,
    CUBLASLT_EPILOGUE_GELU_AUX, CUBLASLT_EPILOGUE_GELU_AUX_BIAS,
    CUBLASLT_EPILOGUE_DGELU,    CUBLASLT_EPILOGUE_DGELU_BGRAD,
    CUBLASLT_EPILOGUE_BGRADA};

TEST(Emulated, GradientEpiloguesGiveTheNumbersOfTheCpusPlan) {
  for (const std::set<int> &refused :
       {std::set<int>(), kAllRefused, std::set<int>{CUBLASLT_EPILOGUE_DRELU_BGRAD},
        std::set<int>{CUBLASLT_EPILOGUE_RELU_AUX_BIAS}})
    for (DType type : {DType::Float16, DType::BFloat16})
      for (const char *activation : {"relu", "gelu"})
        for (auto [rows, hidden] : {std::pair(24, 40), {3, 136}, {5, 7}}) {
          fakeCuda().refusedEpilogues = refused;
          LayerOptions layer;
          layer.type = type;
          layer.activation = activation;
          layer.rows = rows;
          layer.hidden = hidden;
          SCOPED_TRACE(std::string(amp::dtypeName(type)) + " " + activation +
                       " " + std::to_string(rows) + " x " +
                       std::to_string(hidden) + ", refused " +
                       std::to_string(refused.size()));
          SessionOptions emulated;
          emulated.openWith = conformanceCuda();
          expectSameLayer(layer, {}, emulated);
        }
  fakeCuda().refusedEpilogues.clear();
}

/// Training on the emulated device beside the cpu device.
TEST(Emulated, LossesOfTrainingAreThoseOfTheCpu) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
    for (const char *optimizer : {"sgd", "momentum", "rmsprop", "adam"}) {
      SCOPED_TRACE(std::string(amp::dtypeName(type)) + " " + optimizer);
      MlpOptions network;
      network.sizes = {20, 33, 17, 7};
      network.type = type;
      network.optimizer = optimizer;
      if (type == DType::Float16)
        network.lossScale = 1 << 20; // too high at first: steps are skipped
      SessionOptions emulated, planned;
      emulated.openWith = conformanceCuda();
      planned.planFor = "h200";
      auto a = openSession(mlpGraph(network), emulated);
      auto b = openSession(mlpGraph(network), planned);
      ASSERT_TRUE(a && b);
      std::mt19937_64 random(testSeed());
      const double bound = type == DType::Float32 ? 1e-5
                           : type == DType::Float16 ? 2e-3
                                                    : 2e-2;
      for (int step = 0; step < 10; ++step) {
        Tensor images = randomTensor(DType::Float32, {24, 20}, random, 0, 1);
        Tensor labels = Tensor::create(DType::Int32, {24}).operator*();
        for (int64_t i = 0; i < 24; ++i)
          labels.set(i, double(random() % 7));
        CallReport ra, rb;
        auto x = a->run("train", {{"images", &images}, {"labels", &labels}}, &ra);
        auto y = b->run("train", {{"images", &images}, {"labels", &labels}}, &rb);
        ASSERT_TRUE(x.ok() && y.ok())
            << x.status().toString() << y.status().toString();
        EXPECT_NEAR((*x)[0].at(0), (*y)[0].at(0), bound) << "step " << step;
        // The scale follows one rule: the same bits.
        EXPECT_EQ(ra.lossScale, rb.lossScale) << step;
        EXPECT_EQ(ra.skipped, rb.skipped) << step;
      }
    }
}

#ifdef AMPRT_HAS_CUDNN

std::string lenet(const char *type) {
  std::ifstream file(AMP_SOURCE_DIR "/test/gpu/lenet." + std::string(type) +
                     ".json");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Filters are turned for cuDNN once per version of their variable, and their
/// gradients back; cuDNN computes by the strides that it is told, and the
/// kernels of our own by theirs.
TEST(Emulated, ConvolutionsLearnAsOnTheCpuWithAndWithoutCudnn) {
  for (bool hasCudnn : {true, false})
    for (const char *type : {"float32", "float16", "bfloat16"}) {
      SCOPED_TRACE(std::string(type) + (hasCudnn ? " cuDNN" : " loops"));
      fakeCuda().hasCudnn = hasCudnn;
      fakeCuda().usedEngines.clear();
      SessionOptions emulated;
      emulated.openWith = conformanceCuda();
      auto a = openSession(lenet(type), emulated);
      auto b = openSession(lenet(type), {});
      ASSERT_TRUE(a && b);
      std::mt19937_64 random(testSeed());
      const double bound = type == std::string("float32")   ? 1e-5
                           : type == std::string("float16") ? 2e-3
                                                            : 2e-2;
      for (int step = 0; step < 3; ++step) {
        Tensor images =
            randomTensor(DType::Float32, {2, 28, 28, 1}, random, 0, 1);
        Tensor labels = Tensor::create(DType::Int32, {2}).operator*();
        for (int64_t i = 0; i < 2; ++i)
          labels.set(i, double(random() % 10));
        std::vector<NamedTensor> inputs = {{"images", &images},
                                           {"labels", &labels}};
        auto x = a->run("train", inputs), y = b->run("train", inputs);
        ASSERT_TRUE(x.ok() && y.ok())
            << x.status().toString() << y.status().toString();
        EXPECT_NEAR((*x)[0].at(0), (*y)[0].at(0), bound) << "step " << step;
      }
      // Forward and of the filter twice, of the input once.
      EXPECT_EQ(fakeCuda().usedEngines.empty(), !hasCudnn);
    }
  fakeCuda().hasCudnn = true;
}

#endif

} // namespace

/// The tests once in a process of its own, with kernels that do nothing, for
/// the sources of all fused kernels. They come in any order and one behind the
/// other, with a zero after each.
std::vector<std::string> sourcesOfTests() {
  std::FILE *file = std::tmpfile();
  std::vector<std::string> sources;
  if (!file)
    return sources;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const bool silent = std::freopen("/dev/null", "w", stdout) &&
                        std::freopen("/dev/null", "w", stderr);
    ::testing::GTEST_FLAG(output) = "";
    collectSources();
    conformanceIsDry() = true;
    int failed = RUN_ALL_TESTS();
    for (const std::string &source : collectedSources())
      std::fwrite(source.c_str(), 1, source.size() + 1, file);
    std::fflush(file);
    _exit(silent && failed >= 0 ? 0 : 1);
  }
  int status = 0;
  if (child > 0)
    waitpid(child, &status, 0);
  std::rewind(file);
  std::string source;
  for (int c; (c = std::fgetc(file)) != EOF;) {
    if (c) {
      source += char(c);
      continue;
    }
    sources.push_back(std::exchange(source, {}));
  }
  std::fclose(file);
  return sources;
}

int main(int argc, char **argv) {
  choose(); // what the command line says comes behind it
  ::testing::InitGoogleTest(&argc, argv);
  if (::testing::GTEST_FLAG(list_tests))
    return RUN_ALL_TESTS();
  auto &listeners = ::testing::UnitTest::GetInstance()->listeners();
  const std::vector<std::string> sources = sourcesOfTests();
  std::printf("%zu fused kernels\n", sources.size());
  std::fflush(stdout);
  buildTogether(sources);
  listeners.Append(new Mistakes);
  const int failed = RUN_ALL_TESTS();
  std::printf("%d fused kernels built alone\n", builtAlone());
  return failed;
}

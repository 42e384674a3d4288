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

using namespace amprt;
using namespace amprt::test;

namespace {

/// Before main: the suites run on this device, and only on it.
const bool isChosen = [] {
  conformanceCuda() = []() -> Result<std::unique_ptr<Device>> {
    fakeCuda().executes = true;
    return cuda::openCuda(fakeApi(), {});
  };
  ::testing::GTEST_FLAG(filter) = "*/cuda:Emulated.*:Attention.*";
  return true;
}();

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

} // namespace

int main(int argc, char **argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ::testing::UnitTest::GetInstance()->listeners().Append(new Mistakes);
  return RUN_ALL_TESTS() || !isChosen;
}

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
  ::testing::GTEST_FLAG(filter) = "*/cuda:Emulated.*";
  return true;
}();

class Mistakes : public ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo &) override {
    for (const std::string &mistake : fakeCuda().mistakes)
      ADD_FAILURE() << mistake;
    fakeCuda().mistakes.clear();
  }
};

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

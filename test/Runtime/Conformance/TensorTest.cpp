//===- TensorTest.cpp - Conformance: constants, sums, loss scaling --------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Constants, long sums, large logits and the ops of loss scaling.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include <algorithm>
#include <numeric>

using namespace amprt;
using namespace amprt::test;

namespace {

template <typename... Tensors> std::vector<Tensor> list(Tensors... tensors) {
  std::vector<Tensor> result;
  (result.push_back(std::move(tensors)), ...);
  return result;
}

const Covers covers({"constant", "scale_loss", "unscale", "all_finite",
                     "update_loss_scale"});

class TensorConformance : public Conformance {};

TEST_P(TensorConformance, LongSumsStayAccurate) {
  // 0.1 summed 100,000 times in float32 order would be off by 1e-2.
  Tensor x =
      tensorOf(DType::Float32, {50000, 2}, std::vector<double>(100000, 0.1));
  double tenth = double(0.1f);
  expectNear(
      run("reduce_sum", list(*x.clone())), {100000 * tenth},
      [](size_t) { return 1e-7; }, "reduce_sum");
  expectNear(
      run("bias_add_grad", list(*x.clone())), {50000 * tenth, 50000 * tenth},
      [](size_t) { return 1e-7; }, "bias_add_grad");
}

TEST_P(TensorConformance, ReductionsOfNothing) {
  Tensor x = tensorOf(DType::Float32, {0, 2}, {});
  expectExactly(run("reduce_sum", list(*x.clone()), "\"axes\": [0]"), {0, 0},
                "sum of nothing");
  if (!isNull())
    expectExactly(run("reduce_mean", list(*x.clone()), "\"axes\": [0]"),
                  {std::nan(""), std::nan("")}, "mean of nothing");
  expectExactly(run("reduce_sum", list(*x.clone()), "\"axes\": [1]"), {},
                "no sums");
}

TEST_P(TensorConformance, Constants) {
  expectExactly(
      run("constant", {},
          "\"dtype\": \"float16\", \"shape\": [2], \"value\": [0.1, 3]"),
      isNull() ? std::vector<double>{0, 0}
               : std::vector<double>{0.0999755859375, 3},
      "constant");
  expectExactly(
      run("constant", {}, "\"dtype\": \"int64\", \"shape\": [2], \"value\": 7"),
      {7, 7}, "constant");
}

TEST_P(TensorConformance, LargeLogits) {
  // Large logits neither overflow nor lose the smaller ones.
  Tensor large = tensorOf(DType::Float32, {3}, {1000, 1001, 999});
  double sum = std::exp(-1) + 1 + std::exp(-2);
  expectNear(
      run("softmax", list(std::move(large))),
      {std::exp(-1) / sum, 1 / sum, std::exp(-2) / sum},
      [](size_t) { return 1e-6; }, "softmax of large logits");
}

TEST_P(TensorConformance, LossScaleOps) {
  Tensor g = randomTensor(DType::Float32, {5, 3}, random);
  Tensor scale = tensorOf(DType::Float32, {}, {1024});
  std::vector<double> up = values(g), down = values(g);
  for (size_t i = 0; i < up.size(); ++i) {
    up[i] *= 1024;
    down[i] /= 1024;
  }
  expectExactly(run("scale_loss", list(*g.clone(), *scale.clone())), up,
                "scale_loss");
  expectExactly(run("unscale", list(*g.clone(), *scale.clone())), down,
                "unscale");
  // By a scale that is no power of two it is g · (1 / s), not g / s.
  Tensor odd = tensorOf(DType::Float32, {}, {3});
  std::vector<double> third;
  for (double x : values(g))
    third.push_back(double(float(x) * (1.0f / 3.0f)));
  auto got = run("unscale", list(*g.clone(), std::move(odd)));
  EXPECT_EQ(values(got[0]), isNull() ? std::vector<double>(15, 0) : third);
  for (double poison : {double(INFINITY), -double(INFINITY), std::nan("")})
    for (int64_t at : {0, 99999}) {
      Tensor big =
          tensorOf(DType::Float32, {100000}, std::vector<double>(100000, 3e38));
      Tensor fine = tensorOf(DType::Float32, {2}, {1e-45, -3.4e38});
      expectExactly(run("all_finite", list(*fine.clone(), *big.clone())),
                    {isNull() ? 0.0 : 1.0}, "all_finite");
      big.set(at, poison);
      expectExactly(run("all_finite", list(*fine.clone(), std::move(big))), {0},
                    "all_finite");
    }
  std::vector<Tensor> state = run(
      "update_loss_scale",
      list(tensorOf(DType::Float32, {}, {8}), tensorOf(DType::Int32, {}, {2}),
           tensorOf(DType::Int32, {}, {0}), tensorOf(DType::Bool, {}, {1})),
      "\"growth_steps\": 3, \"growth\": 2.0, \"backoff\": 0.5, \"min\": 1.0, "
      "\"max\": 100.0, \"decrease_every\": 1",
      3);
  if (!isNull()) {
    EXPECT_EQ(state[0].at(0), 16);
    EXPECT_EQ(state[1].at(0), 0);
    EXPECT_EQ(state[2].at(0), 0);
  }
}

AMP_CONFORMANCE_DEVICES(TensorConformance);

} // namespace

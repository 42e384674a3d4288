//===- TrainTest.cpp - Training steps -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The expanded training graph of a small network against a float64 model of
// the same step, optimizers against their formulas, skipped steps, and runs
// that must not depend on threads or on the device a program was planned for.
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

using namespace amprt;
using namespace amprt::test;

namespace {

using Matrix = std::vector<double>; ///< row-major

Matrix multiply(const Matrix &a, const Matrix &b, int64_t m, int64_t k,
                int64_t n) {
  Matrix c(size_t(m * n), 0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < n; ++j)
        c[size_t(i * n + j)] += a[size_t(i * k + l)] * b[size_t(l * n + j)];
  return c;
}
Matrix transposed(const Matrix &a, int64_t m, int64_t n) {
  Matrix t(a.size());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      t[size_t(j * m + i)] = a[size_t(i * n + j)];
  return t;
}

/// One step's loss and gradients of a ReLU network, in float64.
struct Model {
  std::vector<int64_t> sizes;
  std::vector<Matrix> kernels, biases, kernelGrads, biasGrads;

  Model(Session &session, std::vector<int64_t> layerSizes)
      : sizes(std::move(layerSizes)) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      kernels.push_back(values(*session.variable(name(i) + "/kernel")));
      biases.push_back(values(*session.variable(name(i) + "/bias")));
    }
  }
  std::string name(size_t i) const {
    return i + 2 == sizes.size() ? "out" : "dense_" + std::to_string(i + 1);
  }

  double step(const Tensor &images, const Tensor &labels) {
    int64_t rows = images.dims()[0];
    size_t layers = kernels.size();
    std::vector<Matrix> inputs = {values(images)};
    for (size_t i = 0; i < layers; ++i) {
      Matrix z = multiply(inputs[i], kernels[i], rows, sizes[i], sizes[i + 1]);
      for (size_t j = 0; j < z.size(); ++j) {
        z[j] += biases[i][j % size_t(sizes[i + 1])];
        if (i + 1 < layers)
          z[j] = std::max(z[j], 0.0);
      }
      inputs.push_back(z);
    }
    Matrix &logits = inputs.back();
    Matrix gradient(logits.size());
    int64_t classes = sizes.back();
    double loss = 0;
    for (int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (int64_t j = 0; j < classes; ++j)
        sum += std::exp(logits[size_t(row * classes + j)]);
      auto label = int64_t(labels.at(row));
      loss += std::log(sum) - logits[size_t(row * classes + label)];
      for (int64_t j = 0; j < classes; ++j)
        gradient[size_t(row * classes + j)] =
            (std::exp(logits[size_t(row * classes + j)]) / sum -
             double(j == label)) /
            double(rows);
    }
    kernelGrads.assign(layers, {});
    biasGrads.assign(layers, {});
    for (size_t i = layers; i-- > 0;) {
      kernelGrads[i] = multiply(transposed(inputs[i], rows, sizes[i]), gradient,
                                sizes[i], rows, sizes[i + 1]);
      biasGrads[i].assign(size_t(sizes[i + 1]), 0);
      for (size_t j = 0; j < gradient.size(); ++j)
        biasGrads[i][j % size_t(sizes[i + 1])] += gradient[j];
      Matrix below =
          multiply(gradient, transposed(kernels[i], sizes[i], sizes[i + 1]),
                   rows, sizes[i + 1], sizes[i]);
      for (size_t j = 0; j < below.size(); ++j)
        if (inputs[i][j] <= 0)
          below[j] = 0;
      gradient = below;
    }
    return loss / double(rows);
  }
};

struct Batch {
  Tensor images, labels;
};
Batch makeBatch(int64_t rows, int64_t in, int64_t classes, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor images = randomTensor(DType::Float32, {rows, in}, random, 0, 1);
  std::vector<double> labels;
  for (int64_t i = 0; i < rows; ++i)
    labels.push_back(double(random() % uint64_t(classes)));
  return {std::move(images), tensorOf(DType::Int32, {rows}, labels)};
}

double runStep(Session &session, const Batch &batch,
               CallReport *report = nullptr) {
  auto outputs = session.run(
      "train", {{"images", &batch.images}, {"labels", &batch.labels}}, report);
  EXPECT_TRUE(outputs.ok()) << outputs.status().toString();
  return outputs.ok() ? (*outputs)[0].at(0) : std::nan("");
}

/// Unit roundoff of the type that products are stored in.
double roundoff(DType type) {
  return type == DType::Float32   ? 0x1p-24
         : type == DType::Float16 ? 0x1p-11
                                  : 0x1p-8;
}

class TrainType : public ::testing::TestWithParam<DType> {};

TEST_P(TrainType, StepMatchesFloat64Model) {
  MlpOptions options;
  options.type = GetParam();
  options.sizes = {13, 37, 21, 10};
  options.optimizer = "sgd"; // the change of a variable is its gradient
  if (GetParam() == DType::Float16)
    options.lossScale = 1024;
  auto session = openSession(mlpGraph(options));
  ASSERT_TRUE(session);
  Tensor rate = tensorOf(DType::Float32, {}, {1});
  ASSERT_TRUE(session->setVariable("optimizer/learning_rate", rate).ok());
  // Small kernels and large biases, positive and negative in turn: no rounding
  // moves a number across ReLU's corner, where a gradient jumps.
  for (const char *name : {"dense_1", "dense_2", "out"}) {
    Tensor kernel = *session->variable(name + std::string("/kernel"));
    for (int64_t i = 0; i < kernel.size(); ++i)
      kernel.set(i, kernel.at(i) / 4);
    ASSERT_TRUE(
        session->setVariable(name + std::string("/kernel"), kernel).ok());
    Tensor bias = *session->variable(name + std::string("/bias"));
    for (int64_t i = 0; i < bias.size() && *name == 'd'; ++i)
      bias.set(i, (i % 2 ? -1.5 : 1.5));
    ASSERT_TRUE(session->setVariable(name + std::string("/bias"), bias).ok());
  }
  Model model(*session, options.sizes);
  Batch batch = makeBatch(29, 13, 10, testSeed());
  double loss = runStep(*session, batch);
  double expected = model.step(batch.images, batch.labels);
  // Products of k terms of size below 1, three layers deep: each rounding
  // counts a few times.
  double u = roundoff(GetParam());
  EXPECT_NEAR(loss, expected, 20 * u);
  for (size_t i = 0; i < 3; ++i) {
    Matrix kernel = values(*session->variable(model.name(i) + "/kernel"));
    // Relative to the whole gradient.
    double error = 0, size = 0;
    for (size_t j = 0; j < kernel.size(); ++j) {
      double expected = model.kernelGrads[i][j];
      double got = model.kernels[i][j] - kernel[j];
      error += (got - expected) * (got - expected);
      size += expected * expected;
    }
    EXPECT_LE(std::sqrt(error / size), 10 * u + 2e-6) << model.name(i);
    Matrix bias = values(*session->variable(model.name(i) + "/bias"));
    for (size_t j = 0; j < bias.size(); ++j)
      ASSERT_NEAR(model.biases[i][j] - bias[j], model.biasGrads[i][j], 20 * u);
  }
  EXPECT_EQ(values(*session->variable("optimizer/iterations")),
            (std::vector<double>{1}));
}

TEST_P(TrainType, LossFallsAndPlansAgree) {
  MlpOptions options;
  options.type = GetParam();
  options.sizes = {20, 64, 64, 10};
  if (GetParam() == DType::Float16)
    options.lossScale = 32768;
  SessionOptions h200;
  h200.planFor = "h200";
  auto here = openSession(mlpGraph(options));
  auto there = openSession(mlpGraph(options), h200);
  ASSERT_TRUE(here && there);
  Batch batch = makeBatch(128, 20, 10, testSeed());
  double first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    double a = runStep(*here, batch), b = runStep(*there, batch);
    if (step == 0) {
      first = a;
      EXPECT_NEAR(a, b, 60 * roundoff(GetParam()));
    }
    last = a;
    EXPECT_NEAR(a, b, 0.1) << step;
  }
  EXPECT_LT(last, first - 0.3);
}

INSTANTIATE_TEST_SUITE_P(Types, TrainType,
                         ::testing::Values(DType::Float32, DType::Float16,
                                           DType::BFloat16),
                         [](const auto &info) {
                           return std::string(amp::dtypeName(info.param));
                         });

TEST(Train, FloatRunsAreTheSameAtAnyNumberOfThreads) {
  // Sizes above the limit at which kernels use threads; products of so few
  // rows are not split by oneDNN along their sums.
  MlpOptions options;
  options.sizes = {20, 256, 10};
  options.lossScale = 1024;
  std::map<int, std::vector<Tensor>> ends;
  for (int threads : {1, 2, 3}) {
    SessionOptions session;
    session.threads = threads;
    auto s = openSession(mlpGraph(options), session);
    ASSERT_TRUE(s);
    Batch batch = makeBatch(300, 20, 10, testSeed());
    for (int step = 0; step < 3; ++step)
      runStep(*s, batch);
    for (const char *name : {"dense_1/kernel", "dense_1/bias", "out/kernel"})
      ends[threads].push_back(*s->variable(name));
  }
  for (size_t i = 0; i < ends[1].size(); ++i) {
    EXPECT_TRUE(sameBytes(ends[1][i], ends[2][i])) << i;
    EXPECT_TRUE(sameBytes(ends[1][i], ends[3][i])) << i;
  }
}

TEST(Train, BadStepsChangeNothingButTheScale) {
  for (const char *optimizer : {"sgd", "momentum", "rmsprop", "adam"}) {
    MlpOptions options;
    options.optimizer = optimizer;
    options.type = DType::Float16;
    options.lossScale = 32768;
    auto session = openSession(mlpGraph(options));
    ASSERT_TRUE(session);
    Batch good = makeBatch(6, 5, 3, testSeed());
    CallReport report;
    for (int step = 0; step < 2; ++step) {
      runStep(*session, good, &report);
      EXPECT_TRUE(report.finite && !report.skipped && report.hasLossScale);
      EXPECT_EQ(report.lossScale, 32768);
    }
    for (double poison : {double(INFINITY), double(NAN), 1e30}) {
      std::map<std::string, Tensor> before;
      for (const auto &v : session->file().file.variables)
        before.emplace(v.name, *session->variable(v.name));
      Batch bad = makeBatch(6, 5, 3, testSeed());
      bad.images.set(7, poison);
      runStep(*session, bad, &report);
      EXPECT_TRUE(report.skipped && !report.finite) << optimizer << poison;
      for (const auto &[name, value] : before) {
        Tensor now = *session->variable(name);
        if (name == "loss_scale/scale")
          EXPECT_EQ(now.at(0), value.at(0) / 2);
        else if (name == "loss_scale/good_steps")
          EXPECT_EQ(now.at(0), 0);
        else
          EXPECT_TRUE(sameBytes(now, value)) << optimizer << " " << name;
      }
    }
    runStep(*session, good, &report);
    EXPECT_TRUE(report.finite);
    EXPECT_EQ(report.lossScale, 4096);
    EXPECT_EQ(session->variable("optimizer/iterations")->at(0), 3);
  }
}

TEST(Train, SmallerLastBatch) {
  MlpOptions options;
  auto session = openSession(mlpGraph(options));
  ASSERT_TRUE(session);
  for (int64_t rows : {8, 8, 3, 8, 1})
    EXPECT_TRUE(std::isfinite(runStep(*session, makeBatch(rows, 5, 3, 1))));
}

TEST(Train, LabelsOutsideTheClassesGiveNaN) {
  MlpOptions options;
  options.lossScale = 8;
  auto session = openSession(mlpGraph(options));
  ASSERT_TRUE(session);
  Batch batch = makeBatch(4, 5, 3, 1);
  batch.labels.set(2, 3);
  CallReport report;
  EXPECT_TRUE(std::isnan(runStep(*session, batch, &report)));
  EXPECT_TRUE(report.skipped);
}

} // namespace

//===- FusionTest.cpp - Fused steps and blocks do what the parts did ------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One optimizer step for all variables, the 16-bit copies that it writes, a
// loss with its gradient, results over operands, and products in blocks: the
// plans, the numbers, and the same bits at any number of threads.
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "amprt/Planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Network {
  MlpOptions options;
  int64_t batch;
};

Network network(DType type, const std::string &optimizer, int64_t batch) {
  Network result;
  result.options.sizes = {70, 100, 33, 10};
  result.options.type = type;
  result.options.optimizer = optimizer;
  if (type == DType::Float16)
    result.options.lossScale = 1024;
  result.batch = batch;
  return result;
}

std::vector<std::string> variableNames(const Session &session) {
  std::vector<std::string> names;
  for (const auto &variable : session.file().file.variables)
    names.emplace_back(variable.name);
  return names;
}

/// Trains for some steps; the losses.
std::vector<double> train(Session &session, const Network &network, int steps,
                          double scale = 1) {
  std::mt19937_64 random(testSeed());
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    Tensor images =
        randomTensor(DType::Float32, {network.batch, network.options.sizes[0]},
                     random, 0, scale);
    std::vector<double> classes;
    for (int64_t i = 0; i < network.batch; ++i)
      classes.push_back(
          double(random() % uint64_t(network.options.sizes.back())));
    Tensor labels = tensorOf(DType::Int32, {network.batch}, classes);
    auto result =
        session.run("train", {{"images", &images}, {"labels", &labels}});
    EXPECT_TRUE(result.ok()) << result.status().toString();
    if (!result.ok())
      return {};
    losses.push_back(values((*result)[0])[0]);
  }
  return losses;
}

TEST(Threads, TrainingHasTheSameBitsAtAnyNumber) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
    for (const char *optimizer : {"rmsprop", "sgd", "momentum", "adam"}) {
      // Sums over the batch are long enough to be cut.
      Network net = network(type, optimizer, 2500);
      std::unique_ptr<Session> first;
      std::vector<double> losses;
      for (int threads : {1, 2, 3, 8}) {
        SessionOptions options;
        options.threads = threads;
        auto session = openSession(mlpGraph(net.options), options);
        ASSERT_TRUE(session);
        std::vector<double> found = train(*session, net, 3);
        if (!first) {
          first = std::move(session);
          losses = found;
          continue;
        }
        EXPECT_EQ(found, losses)
            << threads << " threads, " << amp::dtypeName(type);
        for (const std::string &name : variableNames(*first))
          EXPECT_TRUE(
              sameBytes(*session->variable(name), *first->variable(name)))
              << name << " with " << threads << " threads, " << optimizer
              << ", " << amp::dtypeName(type);
      }
    }
}

/// What the plan of a training step is made of.
std::map<Kernel, size_t> kernelsOf(const Program &program) {
  std::map<Kernel, size_t> counts;
  for (const Step &step : program.steps)
    ++counts[step.kernel];
  return counts;
}

TEST(FlatOptimizer, IsOneStepForAllVariables) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
    for (const char *device : {"cpu", "h200"}) {
      Network net = network(type, "rmsprop", 12);
      auto file = readGraph(mlpGraph(net.options));
      ASSERT_TRUE(file);
      auto plan = planFunction(*file, 1, {{"batch", net.batch}},
                               *DeviceTraits::find(device));
      ASSERT_TRUE(plan.ok()) << plan.status().toString();
      auto counts = kernelsOf(*plan);
      EXPECT_EQ(counts[Kernel::ApplyRmsprop], 1u) << toString(*plan);
      EXPECT_EQ(counts[Kernel::SparseLossBoth], 1u) << toString(*plan);
      EXPECT_EQ(counts[Kernel::SparseLoss], 0u);
      for (const Step &step : plan->steps) {
        if (step.kernel != Kernel::ApplyRmsprop)
          continue;
        EXPECT_EQ(step.parts.size(), 6u);
        // The 16-bit kernels and biases that the products read; the last bias
        // is added in float32, and rows of 10 are padded on the h200.
        size_t copies = 0;
        for (const Part &part : step.parts)
          copies += part.copies;
        bool isCpu = std::string(device) == "cpu";
        EXPECT_EQ(copies, type == DType::Float32 ? 0u : isCpu ? 5u : 0u)
            << toString(*plan);
      }
      // Nothing stores an unscaled gradient.
      for (const Step &step : plan->steps)
        EXPECT_FALSE(step.kernel == Kernel::Elementwise &&
                     std::count(step.nodes.begin(), step.nodes.end(),
                                "unscale"))
            << toString(*plan);
    }
}

/// A loss between casts reads and writes 16 bits; the numbers are those of the
/// steps apart.
TEST(LossCasts, AreReadAndRoundedInTheLoss) {
  for (DType type : {DType::Float16, DType::BFloat16})
    for (bool isSparse : {true, false}) {
      std::string low(amp::dtypeName(type));
      std::string op = isSparse ? "sparse_softmax_cross_entropy"
                                : "softmax_cross_entropy";
      std::string graph = oneFunction(
          "",
          "{\"name\": \"x\", \"dtype\": \"" + low +
              "\", \"shape\": [70, 33]}, {\"name\": \"y\", \"dtype\": " +
              (isSparse ? "\"int32\", \"shape\": [70]}"
                        : "\"float32\", \"shape\": [70, 33]}"),
          "{\"name\": \"c\", \"op\": \"cast\", \"inputs\": [\"x\"], "
          "\"attrs\": {\"to\": \"float32\"}},\n"
          "{\"name\": \"one\", \"op\": \"constant\", \"inputs\": [], "
          "\"attrs\": {\"dtype\": \"float32\", \"shape\": [], \"value\": "
          "64}},\n"
          "{\"name\": \"loss\", \"op\": \"" +
              op + "\", \"inputs\": [\"c\", \"y\"]},\n{\"name\": \"g\", "
              "\"op\": \"" +
              op + "_grad\", \"inputs\": [\"one\", \"c\", \"y\"]},\n"
              "{\"name\": \"l\", \"op\": \"cast\", \"inputs\": [\"g\"], "
              "\"attrs\": {\"to\": \"" + low + "\"}}",
          "\"loss\", \"l\"");
      std::mt19937_64 random(testSeed());
      Tensor x = randomTensor(type, {70, 33}, random, -9, 9);
      Tensor y = randomTensor(DType::Float32, {70, 33}, random, 0, 1);
      if (isSparse) {
        std::vector<double> classes;
        for (int i = 0; i < 70; ++i)
          classes.push_back(double(random() % 33));
        y = tensorOf(DType::Int32, {70}, classes);
      }
      std::vector<Tensor> results[2];
      for (bool fuses : {false, true}) {
        SessionOptions options;
        options.fuse = fuses;
        auto session = openSession(graph, options);
        ASSERT_TRUE(session);
        auto plan = session->plan("f", {});
        ASSERT_TRUE(plan.ok());
        if (fuses) {
          EXPECT_EQ((*plan)->steps.size(), 1u) << toString(**plan);
        }
        auto got = session->run("f", {{"x", &x}, {"y", &y}});
        ASSERT_TRUE(got.ok()) << got.status().toString();
        results[fuses] = *std::move(got);
      }
      EXPECT_TRUE(sameBytes(results[0][0], results[1][0]));
      EXPECT_TRUE(sameBytes(results[0][1], results[1][1]));
    }
}

/// Σ aᵢᵀ · bᵢ is one product: no matrix per example is stored.
TEST(BatchSums, AreOneProduct) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
    for (bool casts : {false, true}) {
      if (casts && type == DType::Float32)
        continue;
      std::string dtype(amp::dtypeName(type));
      std::string graph = oneFunction(
          "",
          "{\"name\": \"x\", \"dtype\": \"" + dtype +
              "\", \"shape\": [\"batch\", 30, 12]}, {\"name\": \"y\", "
              "\"dtype\": \"" +
              dtype + "\", \"shape\": [\"batch\", 30, 9]}",
          "{\"name\": \"p\", \"op\": \"matmul\", \"inputs\": [\"x\", \"y\"], "
          "\"attrs\": {\"transpose_a\": true}}," +
              std::string(casts ? "{\"name\": \"c\", \"op\": \"cast\", "
                                  "\"inputs\": [\"p\"], \"attrs\": {\"to\": "
                                  "\"float32\"}},"
                                : "") +
              "{\"name\": \"s\", \"op\": \"sum_to\", \"inputs\": [\"" +
              (casts ? "c" : "p") + "\"], \"attrs\": {\"shape\": [12, 9]}}",
          "\"s\"");
      auto session = openSession(graph);
      ASSERT_TRUE(session);
      auto plan = session->plan("f", {{"batch", 50}});
      ASSERT_TRUE(plan.ok());
      EXPECT_NE(toString(**plan).find("m=12 n=9 k=1500 transpose_a"),
                std::string::npos)
          << toString(**plan);
      EXPECT_EQ(kernelsOf(**plan)[Kernel::Reduce], 0u);
      std::mt19937_64 random(testSeed());
      Tensor x = randomTensor(type, {50, 30, 12}, random, -1, 1);
      Tensor y = randomTensor(type, {50, 30, 9}, random, -1, 1);
      auto got = session->run("f", {{"x", &x}, {"y", &y}});
      ASSERT_TRUE(got.ok()) << got.status().toString();
      double store = type == DType::Float32   ? 0x1p-24
                     : type == DType::Float16 ? 0x1p-11
                                              : 0x1p-8;
      for (int64_t i = 0; i < 12; ++i)
        for (int64_t j = 0; j < 9; ++j) {
          double sum = 0, size = 0;
          for (int64_t l = 0; l < 1500; ++l) {
            double term = x.at(l * 12 + i) * y.at(l * 9 + j);
            sum += term;
            size += std::fabs(term);
          }
          EXPECT_NEAR((*got)[0].at(i * 9 + j), sum,
                      1502 * 0x1p-24 * size + store * std::fabs(sum) + 0x1p-25);
        }
    }
}

TEST(BatchSums, OtherSumsStay) {
  // Over rows, of products whose matrices differ, and the mean.
  auto reduces = [](const std::string &product, const std::string &sum) {
    auto file = readGraph(oneFunction(
        "",
        "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [4, 5, 6]}, "
        "{\"name\": \"y\", \"dtype\": \"float32\", \"shape\": [1, 5, 6]}",
        "{\"name\": \"p\", \"op\": \"matmul\", " + product +
            "},\n{\"name\": \"s\", " + sum + ", \"inputs\": [\"p\"]}",
        "\"s\""));
    EXPECT_TRUE(file);
    auto plan = planFunction(*file, 0, {}, DeviceTraits::cpu());
    EXPECT_TRUE(plan.ok()) << plan.status().toString();
    return kernelsOf(*plan)[Kernel::Reduce] == 1;
  };
  std::string own = "\"inputs\": [\"x\", \"x\"], \"attrs\": "
                    "{\"transpose_a\": true}";
  EXPECT_FALSE(reduces(own, "\"op\": \"reduce_sum\", \"attrs\": {\"axes\": 0}"));
  EXPECT_TRUE(reduces(own, "\"op\": \"reduce_sum\", \"attrs\": {\"axes\": 1}"));
  EXPECT_TRUE(reduces(own, "\"op\": \"reduce_mean\", \"attrs\": {\"axes\": 0}"));
  EXPECT_TRUE(reduces("\"inputs\": [\"x\", \"y\"], \"attrs\": "
                      "{\"transpose_a\": true}",
                      "\"op\": \"reduce_sum\", \"attrs\": {\"axes\": 0}"));
  EXPECT_TRUE(reduces("\"inputs\": [\"x\", \"x\"], \"attrs\": "
                      "{\"transpose_b\": true}",
                      "\"op\": \"reduce_sum\", \"attrs\": {\"axes\": 0}"));
}

/// A session that starts from the variables of another, with an empty cache.
std::unique_ptr<Session> sameVariables(const Session &from,
                                       const Network &net) {
  auto session = openSession(mlpGraph(net.options));
  for (const std::string &name : variableNames(from))
    EXPECT_TRUE(session->setVariable(name, *from.variable(name)).ok());
  return session;
}

void expectSamePredictions(Session &a, Session &b, const Network &net) {
  std::mt19937_64 random(testSeed() + 1);
  for (int64_t rows : {1, 20}) {
    Tensor images = randomTensor(
        DType::Float32, {rows, net.options.sizes[0]}, random, 0, 1);
    auto x = a.run("predict", {{"images", &images}});
    auto y = b.run("predict", {{"images", &images}});
    ASSERT_TRUE(x.ok() && y.ok());
    EXPECT_TRUE(sameBytes((*x)[0], (*y)[0]));
  }
}

TEST(FlatOptimizer, WritesTheCopiesThatInferenceReads) {
  for (DType type : {DType::Float16, DType::BFloat16})
    for (const char *optimizer : {"rmsprop", "sgd", "momentum", "adam"}) {
      Network net = network(type, optimizer, 30);
      auto session = openSession(mlpGraph(net.options));
      ASSERT_TRUE(session);
      for (int round = 0; round < 3; ++round) {
        train(*session, net, 2);
        auto fresh = sameVariables(*session, net);
        expectSamePredictions(*session, *fresh, net);
        // A variable that the caller sets is cast again.
        Tensor kernel = *session->variable("dense_2/kernel");
        kernel.set(5, kernel.at(5) + 1);
        ASSERT_TRUE(session->setVariable("dense_2/kernel", kernel).ok());
        ASSERT_TRUE(fresh->setVariable("dense_2/kernel", kernel).ok());
        expectSamePredictions(*session, *fresh, net);
      }
    }
}

TEST(FlatOptimizer, SkipsTheStepWithGradientsThatAreNotFinite) {
  Network net = network(DType::Float16, "adam", 30);
  auto session = openSession(mlpGraph(net.options));
  ASSERT_TRUE(session);
  train(*session, net, 2);
  auto before = sameVariables(*session, net);
  std::vector<double> losses = train(*session, net, 1, 1e9); // inf in float16
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_FALSE(std::isfinite(losses[0]));
  for (const std::string &name : variableNames(*session)) {
    if (name.rfind("loss_scale", 0) == 0)
      continue;
    EXPECT_TRUE(sameBytes(*session->variable(name), *before->variable(name)))
        << name;
  }
  EXPECT_EQ(values(*session->variable("loss_scale/scale"))[0], 512);
  expectSamePredictions(*session, *before, net);
}

TEST(Overwrite, ElementwiseResultsTakeTheMemoryOfOperandsThatDie) {
  auto file = readGraph(oneFunction(
      "",
      "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [40, 50]}, "
      "{\"name\": \"y\", \"dtype\": \"float32\", \"shape\": [50, 40]}",
      // Two sums keep each value in memory.
      "{\"name\": \"p\", \"op\": \"matmul\", \"inputs\": [\"x\", \"y\"]},\n"
      "{\"name\": \"q\", \"op\": \"matmul\", \"inputs\": [\"p\", \"p\"]},\n"
      "{\"name\": \"r\", \"op\": \"mul\", \"inputs\": [\"q\", \"p\"]},\n"
      "{\"name\": \"s\", \"op\": \"matmul\", \"inputs\": [\"r\", \"r\"]}",
      "\"s\""));
  ASSERT_TRUE(file);
  auto plan = planFunction(*file, 0, {}, DeviceTraits::cpu());
  ASSERT_TRUE(plan.ok()) << plan.status().toString();
  EXPECT_EQ(plan->totals.arenaBytes, size_t(2 * ((1600 * 4 + 255) / 256 * 256)))
      << toString(*plan);
}

/// A ReLU in a product's epilogue keeps NaN, as one of its own does.
TEST(Epilogue, KeepsNaN) {
  for (const char *device : {"cpu", "h200"})
    for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
      for (int64_t rows : {2, 40, 2000}) {
        std::string dtype(amp::dtypeName(type));
        SessionOptions options;
        options.planFor = device;
        auto session = openSession(
            oneFunction("",
                        "{\"name\": \"x\", \"dtype\": \"" + dtype +
                            "\", \"shape\": [\"batch\", 8]}, {\"name\": "
                            "\"y\", \"dtype\": \"" +
                            dtype + "\", \"shape\": [8, 8]}",
                        "{\"name\": \"p\", \"op\": \"matmul\", "
                        "\"inputs\": [\"x\", \"y\"]},\n{\"name\": \"q\", "
                        "\"op\": \"relu\", \"inputs\": [\"p\"]}",
                        "\"q\""),
            options);
        ASSERT_TRUE(session);
        std::mt19937_64 random(testSeed());
        Tensor x = randomTensor(type, {rows, 8}, random);
        Tensor y = randomTensor(type, {8, 8}, random);
        x.set(8 + 3, std::nan(""));
        auto result = session->run("f", {{"x", &x}, {"y", &y}});
        ASSERT_TRUE(result.ok()) << result.status().toString();
        for (int64_t i = 0; i < rows * 8; ++i) {
          double value = (*result)[0].at(i);
          EXPECT_TRUE(i / 8 == 1 ? std::isnan(value) : value >= 0)
              << value << " at " << i << ", " << dtype << " for " << device;
        }
      }
}

/// x^T [k, m] and y [k, n], or [n, k]: blocks of sums; x [m, k]: blocks of rows.
void expectProduct(DType type, int64_t m, int64_t n, int64_t k, bool transposeA,
                   bool transposeB, const std::string &planFor) {
  SCOPED_TRACE(std::string(amp::dtypeName(type)) + " m " + std::to_string(m) +
               " n " + std::to_string(n) + " k " + std::to_string(k) +
               (transposeA ? " a transposed" : "") +
               (transposeB ? " b transposed" : "") + " for " + planFor);
  std::string dtype(amp::dtypeName(type));
  auto tensor = [&](const char *name, int64_t rows, int64_t columns) {
    return std::string("{\"name\": \"") + name + "\", \"dtype\": \"" + dtype +
           "\", \"shape\": [" + std::to_string(rows) + ", " +
           std::to_string(columns) + "]}";
  };
  int64_t rowsA = transposeA ? k : m, columnsA = transposeA ? m : k;
  int64_t rowsB = transposeB ? n : k, columnsB = transposeB ? k : n;
  std::string graph = oneFunction(
      "",
      tensor("x", rowsA, columnsA) + ", " + tensor("y", rowsB, columnsB) +
          ", {\"name\": \"bias\", \"dtype\": \"" + dtype + "\", \"shape\": [" +
          std::to_string(n) + "]}",
      std::string("{\"name\": \"p\", \"op\": \"matmul\", \"inputs\": [\"x\", "
                  "\"y\"], \"attrs\": {\"transpose_a\": ") +
          (transposeA ? "true" : "false") +
          ", \"transpose_b\": " + (transposeB ? "true" : "false") +
          "}},\n{\"name\": \"q\", \"op\": \"bias_add\", \"inputs\": [\"p\", "
          "\"bias\"]},\n{\"name\": \"r\", \"op\": \"relu\", \"inputs\": "
          "[\"q\"]}",
      "\"r\"");
  std::mt19937_64 random(testSeed());
  Tensor x = randomTensor(type, {rowsA, columnsA}, random, -1, 1);
  Tensor y = randomTensor(type, {rowsB, columnsB}, random, -1, 1);
  Tensor bias = randomTensor(type, {n}, random, -1, 1);
  std::optional<Tensor> first;
  for (int threads : {1, 2, 3, 8}) {
    SessionOptions options;
    options.threads = threads;
    options.planFor = planFor;
    auto session = openSession(graph, options);
    ASSERT_TRUE(session);
    auto result =
        session->run("f", {{"x", &x}, {"y", &y}, {"bias", &bias}});
    ASSERT_TRUE(result.ok()) << result.status().toString();
    if (first) {
      EXPECT_TRUE(sameBytes(*first, (*result)[0])) << threads << " threads";
      continue;
    }
    first = std::move((*result)[0]);
    std::vector<double> a = values(x), b = values(y), c = values(bias);
    double store = type == DType::Float32   ? 0x1p-24
                   : type == DType::Float16 ? 0x1p-11
                                            : 0x1p-8;
    for (int64_t i = 0; i < m; i += 1 + m / 37)
      for (int64_t j = 0; j < n; ++j) {
        double sum = c[size_t(j)], size = std::fabs(sum);
        for (int64_t l = 0; l < k; ++l) {
          double term = a[size_t(transposeA ? l * m + i : i * k + l)] *
                        b[size_t(transposeB ? j * k + l : l * n + j)];
          sum += term;
          size += std::fabs(term);
        }
        double expected = std::max(sum, 0.0);
        double bound = store * expected + double(k + 3) * 0x1p-24 * size +
                       0x1p-25;
        ASSERT_NEAR(first->at(i * n + j), expected, bound) << i << ", " << j;
      }
  }
}

TEST(ProductBlocks, MatchFloat64AtAnyNumberOfThreads) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16})
    for (const char *device : {"cpu", "h200"})
      for (bool transposeB : {false, true}) {
        expectProduct(type, 24, 16, 2500, true, transposeB, device);
        expectProduct(type, 16, 8, 2048, true, transposeB, device);
        expectProduct(type, 8, 24, 1025, true, transposeB, device);
        expectProduct(type, 2600, 16, 40, false, transposeB, device);
        expectProduct(type, 1025, 8, 9, false, transposeB, device);
        if (HasFatalFailure())
          return;
      }
}

/// Sizes of which the cpu device makes tiles: rows of y a multiple of 4 KiB
/// apart, and long sums; whole tiles and the rest of one; sums cut before.
TEST(ProductTiles, MatchFloat64AtAnyNumberOfThreads) {
  for (const char *device : {"cpu", "h200"})
    for (bool transposeA : {false, true}) {
      expectProduct(DType::Float32, 300, 3072, 130, transposeA, false, device);
      expectProduct(DType::Float32, 513, 3072, 128, transposeA, false, device);
      expectProduct(DType::Float32, 128, 3072, 1100, transposeA, false, device);
      expectProduct(DType::Float32, 259, 771, 2100, transposeA, false, device);
      if (HasFatalFailure())
        return;
    }
}

} // namespace

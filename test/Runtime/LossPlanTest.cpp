//===- LossPlanTest.cpp - Losses on padded rows ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The last layer of a classifier in 16 bits as an H200 runs it: the loss reads
// the product's padded rows and writes its gradient over them. The numbers are
// held against float64; also on the emulated kernels.
//===----------------------------------------------------------------------===//

#ifdef AMPRT_EMULATED_DEVICE
#include "Conformance/Conformance.h"
#endif
#include "Support.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

#ifdef AMPRT_EMULATED_DEVICE
SessionOptions gpuOptions() {
  SessionOptions options;
  options.openWith = conformanceCuda();
  return options;
}
bool isDry() { return conformanceIsDry(); }
#else
SessionOptions gpuOptions() {
  SessionOptions options;
  options.planFor = "h200";
  return options;
}
constexpr bool isDry() { return false; }
#endif

struct Head {
  DType type;
  int64_t rows, in, classes;
};

std::string graphOf(const Head &head) {
  const std::string type(amp::dtypeName(head.type)),
      rows = std::to_string(head.rows), in = std::to_string(head.in),
      classes = std::to_string(head.classes);
  auto node = [](const std::string &name, const std::string &op,
                 const std::string &inputs, const std::string &attrs = "") {
    return "{\"name\": \"" + name + "\", \"op\": \"" + op +
           "\", \"inputs\": [" + inputs + "]" +
           (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}";
  };
  return oneFunction(
      "",
      "{\"name\": \"x\", \"dtype\": \"" + type + "\", \"shape\": [" + rows +
          ", " + in + "]}, {\"name\": \"w\", \"dtype\": \"" + type +
          "\", \"shape\": [" + in + ", " + classes +
          "]}, {\"name\": \"labels\", \"dtype\": \"int32\", \"shape\": [" +
          rows + "]}",
      node("logits", "matmul", "\"x\", \"w\"") + ",\n" +
          node("wide", "cast", "\"logits\"", "\"to\": \"float32\"") + ",\n" +
          node("loss", "sparse_softmax_cross_entropy", "\"wide\", \"labels\"") +
          ",\n{\"name\": \"seed\", \"op\": \"constant\", \"attrs\": {\"dtype\": "
          "\"float32\", \"shape\": [], \"value\": 1.0}},\n" +
          node("slope", "sparse_softmax_cross_entropy_grad",
               "\"seed\", \"wide\", \"labels\"") +
          ",\n" +
          node("low", "cast", "\"slope\"", "\"to\": \"" + type + "\"") + ",\n" +
          node("of_w", "matmul", "\"x\", \"low\"", "\"transpose_a\": true") +
          ",\n" +
          node("of_x", "matmul", "\"low\", \"w\"", "\"transpose_b\": true"),
      "\"loss\", \"of_w\", \"of_x\"");
}

/// That nothing copies the rows, and that the gradient lies on the logits.
void expectInPlace(const Program &program) {
  size_t losses = 0;
  for (const Step &step : program.steps) {
    if (step.kernel == Kernel::Matmul)
      continue;
    if (step.kernel != Kernel::SparseLossBoth) {
      for (uint32_t operand : step.operands)
        EXPECT_NE(program.buffers[operand].name, "logits")
            << toString(program);
      continue;
    }
    ++losses;
    const Buffer &logits = program.buffers[step.operands[1]];
    const Buffer &gradient = program.buffers[step.results[1]];
    EXPECT_EQ(logits.pitch % 8, 0) << toString(program);
    EXPECT_EQ(gradient.pitch, logits.pitch) << toString(program);
    EXPECT_EQ(gradient.offset, logits.offset) << toString(program);
  }
  EXPECT_EQ(losses, 1u) << toString(program);
}

void expectExact(const Head &head, bool badLabel) {
  SCOPED_TRACE(std::string(amp::dtypeName(head.type)) + " " +
               std::to_string(head.rows) + " x " + std::to_string(head.in) +
               " x " + std::to_string(head.classes) + ", seed " +
               std::to_string(testSeed()));
  auto session = openSession(graphOf(head), gpuOptions());
  ASSERT_TRUE(session);
  auto plan = session->plan("f", {});
  ASSERT_TRUE(plan.ok()) << plan.status().toString();
  expectInPlace(**plan);

  std::mt19937_64 random(testSeed());
  Tensor x = randomTensor(head.type, {head.rows, head.in}, random, -1, 1);
  Tensor w = randomTensor(head.type, {head.in, head.classes}, random, -1, 1);
  Tensor labels = *Tensor::create(DType::Int32, {head.rows});
  for (int64_t i = 0; i < head.rows; ++i)
    labels.set(i, double(random() % uint64_t(head.classes)));
  if (badLabel)
    labels.set(0, double(head.classes));
  auto got = session->run("f", {{"x", &x}, {"w", &w}, {"labels", &labels}});
  ASSERT_TRUE(got.ok()) << got.status().toString();
  if (isDry())
    return;

  double loss = 0;
  std::vector<double> slope(size_t(head.rows * head.classes));
  for (int64_t i = 0; i < head.rows; ++i) {
    std::vector<double> logits(size_t(head.classes), 0.0);
    double sum = 0;
    for (int64_t j = 0; j < head.classes; ++j) {
      for (int64_t l = 0; l < head.in; ++l)
        logits[size_t(j)] += x.at(i * head.in + l) * w.at(l * head.classes + j);
      sum += std::exp(logits[size_t(j)]);
    }
    const auto label = int64_t(labels.at(i));
    const bool known = label < head.classes;
    loss += known ? (std::log(sum) - logits[size_t(label)]) / double(head.rows)
                  : std::nan("");
    for (int64_t j = 0; j < head.classes; ++j)
      slope[size_t(i * head.classes + j)] =
          known ? (std::exp(logits[size_t(j)]) / sum - (j == label)) /
                      double(head.rows)
                : std::nan("");
  }
  // Logits of up to `in`, of about its root, are rounded to the type.
  const double unit = head.type == DType::Float16 ? 0x1p-11 : 0x1p-8;
  const double far = 4 * unit * std::sqrt(double(head.in));
  auto expectNear = [&](double found, double expected, double terms,
                        const char *what) {
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(found)) << what;
      return;
    }
    ASSERT_NEAR(found, expected, far * (std::fabs(expected) + terms)) << what;
  };
  expectNear((*got)[0].at(0), loss, 1, "loss");
  for (int64_t l = 0; l < head.in; ++l)
    for (int64_t j = 0; j < head.classes; ++j) {
      double sum = 0, terms = 0;
      for (int64_t i = 0; i < head.rows; ++i) {
        double term =
            x.at(i * head.in + l) * slope[size_t(i * head.classes + j)];
        sum += term;
        terms += std::fabs(term);
      }
      expectNear((*got)[1].at(l * head.classes + j), sum, terms, "of_w");
    }
  for (int64_t i = 0; i < head.rows; ++i)
    for (int64_t l = 0; l < head.in; ++l) {
      double sum = 0, terms = 0;
      for (int64_t j = 0; j < head.classes; ++j) {
        double term =
            w.at(l * head.classes + j) * slope[size_t(i * head.classes + j)];
        sum += term;
        terms += std::fabs(term);
      }
      expectNear((*got)[2].at(i * head.in + l), sum, terms, "of_x");
    }
}

TEST(LossPlan, GradientsLieOnTheirPaddedLogits) {
  for (DType type : {DType::Float16, DType::BFloat16})
    for (auto [rows, in, classes] :
         {std::tuple(9, 16, 13), {16, 8, 24}, {5, 24, 8}, {3, 16, 257},
          {300, 16, 10}, {1, 8, 2}})
      expectExact({type, rows, in, classes}, false);
}

TEST(LossPlan, LabelsOutsideTheClassesMakeTheirRowsNaN) {
  expectExact({DType::Float16, 4, 16, 13}, true);
}

} // namespace

//===- UpdateTest.cpp - Conformance: optimizers ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Three steps of every optimizer against Keras 3's formulas in float64.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

struct State {
  double variable = 0;
  std::vector<double> slots;
};

struct Optimizer {
  const char *op;
  const char *attrs;
  std::vector<std::string> slots;
  bool iterations;
  /// One step from iteration `t` (from 0) with rate and gradient.
  void (*step)(State &state, double rate, double gradient, double t);
};

const Optimizer kOptimizers[] = {
    {"apply_sgd",
     "",
     {},
     false,
     [](State &s, double rate, double g, double) { s.variable -= rate * g; }},
    {"apply_sgd",
     "\"weight_decay\": 0.1",
     {},
     false,
     [](State &s, double rate, double g, double) {
       s.variable -= s.variable * 0.1 * rate;
       s.variable -= rate * g;
     }},
    {"apply_momentum",
     "\"momentum\": 0.9",
     {"momentum"},
     false,
     [](State &s, double rate, double g, double) {
       s.slots[0] = 0.9 * s.slots[0] - rate * g;
       s.variable += s.slots[0];
     }},
    {"apply_momentum",
     "\"momentum\": 0.9, \"nesterov\": true",
     {"momentum"},
     false,
     [](State &s, double rate, double g, double) {
       s.slots[0] = 0.9 * s.slots[0] - rate * g;
       s.variable += 0.9 * s.slots[0] - rate * g;
     }},
    {"apply_rmsprop",
     "\"rho\": 0.9, \"epsilon\": 1e-07",
     {"rms"},
     false,
     [](State &s, double rate, double g, double) {
       s.slots[0] = 0.9 * s.slots[0] + 0.1 * g * g;
       s.variable -= rate * g / std::sqrt(s.slots[0] + 1e-7);
     }},
    {"apply_rmsprop",
     "\"rho\": 0.9, \"epsilon\": 0.01, \"centered\": true, \"momentum\": 0.5",
     {"rms", "mg", "momentum"},
     false,
     [](State &s, double rate, double g, double) {
       s.slots[0] = 0.9 * s.slots[0] + 0.1 * g * g;
       s.slots[1] = 0.9 * s.slots[1] + 0.1 * g;
       s.slots[2] =
           0.5 * s.slots[2] +
           rate * g / std::sqrt(s.slots[0] - s.slots[1] * s.slots[1] + 0.01);
       s.variable -= s.slots[2];
     }},
    {"apply_adam",
     "\"beta_1\": 0.9, \"beta_2\": 0.999, \"epsilon\": 1e-07",
     {"m", "v"},
     true,
     [](State &s, double rate, double g, double t) {
       s.slots[0] += (g - s.slots[0]) * 0.1;
       s.slots[1] += (g * g - s.slots[1]) * 0.001;
       double alpha = rate * std::sqrt(1 - std::pow(0.999, t + 1)) /
                      (1 - std::pow(0.9, t + 1));
       s.variable -= s.slots[0] * alpha / (std::sqrt(s.slots[1]) + 1e-7);
     }},
    {"apply_adamw",
     "\"weight_decay\": 0.04",
     {"m", "v"},
     true,
     [](State &s, double rate, double g, double t) {
       s.variable -= s.variable * 0.04 * rate;
       s.slots[0] += (g - s.slots[0]) * 0.1;
       s.slots[1] += (g * g - s.slots[1]) * 0.001;
       double alpha = rate * std::sqrt(1 - std::pow(0.999, t + 1)) /
                      (1 - std::pow(0.9, t + 1));
       s.variable -= s.slots[0] * alpha / (std::sqrt(s.slots[1]) + 1e-7);
     }},
};

std::string updateGraph(const Optimizer &optimizer, const std::string &size,
                        const std::string &dtype) {
  std::string variables, inputs = "\"w\"";
  auto add = [&](const std::string &name, const std::string &dtype,
                 const std::string &shape) {
    variables += (variables.empty() ? "" : ", ") +
                 std::string("{\"name\": \"") + name + "\", \"dtype\": \"" +
                 dtype + "\", \"shape\": " + shape +
                 ", \"init\": {\"zeros\": {}}}";
  };
  add("w", dtype, size);
  for (const std::string &slot : optimizer.slots) {
    add("w/" + slot, dtype, size);
    inputs += ", \"w/" + slot + "\"";
  }
  add("optimizer/iterations", "int64", "[]");
  if (optimizer.iterations)
    inputs += ", \"optimizer/iterations\"";
  return oneFunction(
      variables,
      "{\"name\": \"rate\", \"dtype\": \"float32\", \"shape\": []}, {\"name\": "
      "\"g\", \"dtype\": \"" +
          dtype + "\", \"shape\": " + size + "}",
      "{\"name\": \"one\", \"op\": \"constant\", \"inputs\": [], \"attrs\": "
      "{\"dtype\": \"int64\", \"shape\": [], \"value\": 1}},\n"
      "{\"name\": \"count\", \"op\": \"assign_add\", \"inputs\": "
      "[\"optimizer/iterations\", \"one\"]},\n"
      "{\"name\": \"apply\", \"op\": \"" +
          std::string(optimizer.op) + "\", \"inputs\": [" + inputs +
          ", \"rate\", \"g\"], \"attrs\": {" + optimizer.attrs + "}}",
      "{\"name\": \"o\", \"value\": \"one\"}");
}

const Covers covers({"assign", "assign_add", "apply_sgd", "apply_momentum",
                     "apply_rmsprop", "apply_adam", "apply_adamw"});

class UpdateConformance : public Conformance {};

/// Each of three steps from the state that the session holds, so that the
/// rounding of 16-bit state counts once: it is stored once.
TEST_P(UpdateConformance, Optimizers) {
  for (const Optimizer &optimizer : kOptimizers)
    for (DType dtype : kFloats)
      for (int64_t size : {0, 1, 37}) {
        // In 16 bits the mean of squares may round below the square of the
        // mean, and its root is then as wrong as it likes.
        if (amp::isLow(dtype) && optimizer.slots.size() == 3)
          continue;
        SessionOptions options;
        selectDevice(options);
        auto session =
            openSession(updateGraph(optimizer, "[" + std::to_string(size) + "]",
                                    std::string(amp::dtypeName(dtype))),
                        options);
        ASSERT_TRUE(session);
        Tensor start = randomTensor(dtype, {size}, random);
        ASSERT_TRUE(session->setVariable("w", start).ok());
        std::vector<std::string> names = {"w"};
        for (const std::string &slot : optimizer.slots)
          names.push_back("w/" + slot);
        auto state = [&] {
          std::vector<std::vector<double>> all;
          for (const std::string &name : names)
            all.push_back(values(*session->variable(name)));
          return all;
        };
        Tensor rate = tensorOf(DType::Float32, {}, {0.05});
        for (int t = 0; t < 3; ++t) {
          Tensor g = randomTensor(dtype, {size}, random);
          auto before = state();
          auto result = session->run("f", {{"rate", &rate}, {"g", &g}});
          ASSERT_TRUE(result.ok()) << result.status().toString();
          auto after = state();
          for (size_t i = 0; i < size_t(size) && !isNull(); ++i) {
            State s;
            s.variable = before[0][i];
            for (size_t k = 1; k < names.size(); ++k)
              s.slots.push_back(before[k][i]);
            optimizer.step(s, rate.at(0), g.at(int64_t(i)), t);
            for (size_t k = 0; k < names.size(); ++k) {
              double expected = k ? s.slots[k - 1] : s.variable;
              // Numbers of size 1 to 4 and some ten operations; the first
              // steps of rmsprop divide by roots of small numbers.
              double bound = 16 * computeRoundoff(dtype) +
                             unitRoundoff(dtype) * std::fabs(expected) +
                             smallestStep(dtype);
              EXPECT_NEAR(after[k][i], expected, bound)
                  << optimizer.op << " " << optimizer.attrs << " " << names[k]
                  << " " << amp::dtypeName(dtype) << ", seed " << testSeed();
            }
          }
        }
      }
}

TEST_P(UpdateConformance, AssignmentsInEveryType) {
  std::vector<DType> types = kFloats;
  types.insert(types.end(), kInts.begin(), kInts.end());
  types.push_back(DType::Bool);
  for (DType dtype : types)
    for (bool condition : {false, true})
      for (const char *op : {"assign", "assign_add"}) {
        if (dtype == DType::Bool && op == std::string("assign_add"))
          continue;
        std::string type(amp::dtypeName(dtype));
        SessionOptions options;
        selectDevice(options);
        auto session = openSession(
            oneFunction("{\"name\": \"w\", \"dtype\": \"" + type +
                            "\", \"shape\": [3], \"init\": {\"ones\": {}}}",
                        "{\"name\": \"x\", \"dtype\": \"" + type +
                            "\", \"shape\": [3]}, {\"name\": \"c\", \"dtype\": "
                            "\"bool\", \"shape\": []}",
                        std::string("{\"name\": \"u\", \"op\": \"") + op +
                            "\", \"inputs\": [\"w\", \"x\", \"c\"]}",
                        "\"x\""),
            options);
        ASSERT_TRUE(session);
        Tensor x = tensorOf(dtype, {3}, {0, 1, 1});
        Tensor c = tensorOf(DType::Bool, {}, {double(condition)});
        auto got = session->run("f", {{"x", &x}, {"c", &c}});
        ASSERT_TRUE(got.ok()) << got.status().toString();
        if (isNull())
          continue;
        std::vector<double> expected = {1, 1, 1};
        if (condition)
          for (size_t i = 0; i < 3; ++i)
            expected[i] = x.at(int64_t(i)) + (op == std::string("assign_add"));
        EXPECT_EQ(values(*session->variable("w")), expected)
            << op << " " << type;
      }
}

AMP_CONFORMANCE_DEVICES(UpdateConformance);

} // namespace

//===- Layers.cpp - A dense layer, forward and backward -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "Layers.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace amprt;
using namespace amprt::test;

std::string amprt::test::layerGraph(const LayerOptions &layer) {
  const std::string type(amp::dtypeName(layer.type));
  auto tensor = [&](const char *name, const std::string &dims) {
    return std::string("{\"name\": \"") + name + "\", \"dtype\": \"" + type +
           "\", \"shape\": [" + dims + "]}";
  };
  auto number = [](int64_t value) { return std::to_string(value); };
  auto node = [](const std::string &name, const char *op,
                 const std::string &inputs, const std::string &attrs = "") {
    return "{\"name\": \"" + name + "\", \"op\": \"" + op + "\", \"inputs\": [" +
           inputs + "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") +
           "},\n";
  };
  const bool isGelu = layer.activation == "gelu";
  const std::string form =
      !isGelu ? ""
              : std::string("\"approximate\": ") +
                    (layer.approximate ? "true" : "false");
  const std::string y = layer.activation, dy = y + "_grad";
  std::string nodes =
      node("product", "matmul", R"("x", "kernel")") +
      node("sum", "bias_add", R"("product", "bias")") +
      node(y, y.c_str(), "\"sum\"", form) +
      node("out", "matmul", "\"" + y + R"(", "next")") +
      node("input_grad", "matmul", R"("g", "next")", "\"transpose_b\": true") +
      node(dy, dy.c_str(), "\"input_grad\", \"sum\"", form) +
      node("bias_grad", "bias_add_grad", "\"" + dy + "\"") +
      node("out_bias_grad", "bias_add_grad", "\"g\"") +
      node("out_grad", "matmul", "\"" + y + R"(", "g")",
           "\"transpose_a\": true") +
      node("kernel_grad", "matmul", "\"x\", \"" + dy + "\"",
           "\"transpose_a\": true");
  nodes.resize(nodes.size() - 2);
  std::string outputs = R"("out", "out_grad", "out_bias_grad", "bias_grad", "kernel_grad")";
  if (!layer.alsoOutput.empty())
    outputs += ", \"" + layer.alsoOutput + "\"";
  return oneFunction(
      "",
      tensor("x", number(layer.rows) + ", " + number(layer.in)) + ", " +
          tensor("kernel", number(layer.in) + ", " + number(layer.hidden)) +
          ", " + tensor("bias", number(layer.hidden)) + ", " +
          tensor("next", number(layer.hidden) + ", " + number(layer.out)) +
          ", " + tensor("g", number(layer.rows) + ", " + number(layer.out)),
      nodes, outputs);
}

std::vector<Tensor> amprt::test::layerInputs(const LayerOptions &layer,
                                             std::mt19937_64 &random) {
  std::vector<Tensor> inputs;
  for (const Dims &dims :
       {Dims{layer.rows, layer.in}, Dims{layer.in, layer.hidden},
        Dims{layer.hidden}, Dims{layer.hidden, layer.out},
        Dims{layer.rows, layer.out}})
    inputs.push_back(randomTensor(layer.type, dims, random, -1, 1));
  return inputs;
}

void amprt::test::expectSameLayer(const LayerOptions &layer,
                                  const SessionOptions &first,
                                  const SessionOptions &second,
                                  const std::vector<Tensor> *given) {
  std::mt19937_64 random(testSeed());
  std::vector<Tensor> own;
  if (!given) {
    own = layerInputs(layer, random);
    given = &own;
  }
  const char *names[] = {"x", "kernel", "bias", "next", "g"};
  std::vector<NamedTensor> inputs;
  for (size_t i = 0; i < given->size(); ++i)
    inputs.push_back({names[i], &(*given)[i]});
  auto results = [&](const SessionOptions &options) {
    auto session = openSession(layerGraph(layer), options);
    EXPECT_TRUE(session);
    auto result = session->run("f", inputs);
    EXPECT_TRUE(result.ok()) << result.status().toString();
    return *std::move(result);
  };
  std::vector<Tensor> a = results(first), b = results(second);
  const double unit = layer.type == DType::Float16 ? 0x1p-11 : 0x1p-8;
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    // A GPU rounds GELU once where the graph rounds what it reads as well:
    // each term of a sum, of about 2, may be that much off, in either way.
    const double terms = double(i == 0 ? layer.hidden : layer.rows);
    for (int64_t at = 0; at < a[i].size(); ++at) {
      const double x = a[i].at(at), y = b[i].at(at);
      if (std::isnan(x) || std::isinf(x)) {
        EXPECT_TRUE(std::isnan(x) ? std::isnan(y) : x == y)
            << "result " << i << ", element " << at << ": " << x << ", " << y;
        continue;
      }
      const double bound = 3 * unit * (std::fabs(x) + 1 + 2 * std::sqrt(terms));
      ASSERT_NEAR(x, y, bound) << "result " << i << ", element " << at
                               << ", seed " << testSeed();
    }
  }
}

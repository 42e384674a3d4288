//===- Support.cpp - Graphs and sessions for tests ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <set>

using namespace amprt;
using namespace amprt::test;
namespace gf = amp::graphfile;

std::optional<gf::CheckedFile> amprt::test::readGraph(const std::string &text) {
  gf::SourceText source("test.json", text);
  gf::Diagnostics diagnostics;
  auto file = gf::readGraphFile(source, diagnostics);
  EXPECT_TRUE(file.has_value()) << diagnostics.render(source);
  return file;
}

std::unique_ptr<Session>
amprt::test::openSession(const std::string &text,
                         const SessionOptions &options) {
  auto file = readGraph(text);
  if (!file)
    return nullptr;
  auto session = Session::create(std::move(*file), options);
  EXPECT_TRUE(session.ok()) << session.status().toString();
  return session.ok() ? *std::move(session) : nullptr;
}

std::string amprt::test::oneFunction(const std::string &variables,
                                     const std::string &inputs,
                                     const std::string &nodes,
                                     const std::string &outputs) {
  return "{\"format\": \"amp-graph\", \"version\": \"1.0\", \"name\": \"t\",\n"
         "\"variables\": [" +
         variables + "],\n\"functions\": [{\"name\": \"f\", \"inputs\": [" +
         inputs + "],\n\"nodes\": [" + nodes + "],\n\"outputs\": [" + outputs +
         "]}]}\n";
}

namespace {

/// Writes the nodes of one function.
class MlpWriter {
public:
  explicit MlpWriter(const MlpOptions &options)
      : options(options), low(amp::dtypeName(options.type)),
        layers(options.sizes.size() - 1) {}

  std::string variables();
  std::string function(bool train);

private:
  static std::string quote(const std::string &text) {
    return "\"" + text + "\"";
  }
  std::string layer(size_t i) const {
    return i + 1 == layers ? "out" : "dense_" + std::to_string(i + 1);
  }
  bool mixed() const { return options.type != DType::Float32; }
  void node(const std::string &name, const std::string &op,
            const std::vector<std::string> &inputs,
            const std::string &attrs = "") {
    nodes += (nodes.empty() ? "" : ",\n");
    nodes += "{\"name\": " + quote(name) + ", \"op\": " + quote(op) +
             ", \"inputs\": [";
    for (size_t i = 0; i < inputs.size(); ++i)
      nodes += (i ? ", " : "") + quote(inputs[i]);
    nodes += "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}";
  }
  /// The value in the low type, by a cast that is written once.
  std::string lowered(const std::string &value) {
    bool isLow = value.size() > 5 && value.rfind("/relu") == value.size() - 5;
    if (!mixed() || isLow)
      return value;
    std::string name = value + "/cast_" + low;
    if (casts.insert(name).second)
      node(name, "cast", {value}, "\"to\": " + quote(low));
    return name;
  }
  std::string raised(const std::string &value) {
    if (!mixed())
      return value;
    std::string name = value + "/cast_float32";
    if (casts.insert(name).second)
      node(name, "cast", {value}, "\"to\": \"float32\"");
    return name;
  }
  void forward();
  void backward();
  void update(const std::string &variable, std::string gradient);

  const MlpOptions &options;
  std::string low;
  size_t layers;
  std::string nodes, logits;
  std::set<std::string> casts;
  std::vector<std::pair<std::string, std::string>> gradients;
};

std::string MlpWriter::variables() {
  std::string text;
  auto add = [&](const std::string &name, const std::string &dtype,
                 const std::string &shape, const std::string &init) {
    text += (text.empty() ? "" : ",\n");
    text += "{\"name\": " + quote(name) + ", \"dtype\": " + quote(dtype) +
            ", \"shape\": " + shape + ", \"init\": {" + init + "}}";
  };
  std::vector<std::pair<std::string, std::string>> slots;
  for (size_t i = 0; i < layers; ++i) {
    std::string in = std::to_string(options.sizes[i]),
                out = std::to_string(options.sizes[i + 1]);
    std::string kernel = "[" + in + ", " + out + "]", bias = "[" + out + "]";
    add(layer(i) + "/kernel", "float32", kernel,
        "\"glorot_uniform\": {\"seed\": " + std::to_string(i + 1) + "}");
    add(layer(i) + "/bias", "float32", bias, "\"zeros\": {}");
    slots.push_back({layer(i) + "/kernel", kernel});
    slots.push_back({layer(i) + "/bias", bias});
  }
  add("optimizer/iterations", "int64", "[]", "\"zeros\": {}");
  add("optimizer/learning_rate", "float32", "[]",
      "\"constant\": {\"value\": 0.001}");
  for (auto &[name, shape] : slots) {
    if (options.optimizer == "rmsprop")
      add(name + "/rms", "float32", shape, "\"zeros\": {}");
    if (options.optimizer == "momentum")
      add(name + "/momentum", "float32", shape, "\"zeros\": {}");
    if (options.optimizer == "adam") {
      add(name + "/m", "float32", shape, "\"zeros\": {}");
      add(name + "/v", "float32", shape, "\"zeros\": {}");
    }
  }
  if (options.lossScale) {
    add("loss_scale/scale", "float32", "[]",
        "\"constant\": {\"value\": " + std::to_string(*options.lossScale) +
            "}");
    add("loss_scale/good_steps", "int32", "[]", "\"zeros\": {}");
    add("loss_scale/bad_steps", "int32", "[]", "\"zeros\": {}");
  }
  return text;
}

void MlpWriter::forward() {
  std::string value = "images";
  for (size_t i = 0; i < layers; ++i) {
    std::string name = layer(i);
    node(name + "/matmul", "matmul",
         {lowered(value), lowered(name + "/kernel")});
    if (i + 1 == layers) {
      logits = "out/logits";
      node(logits, "bias_add", {raised("out/matmul"), "out/bias"});
      return;
    }
    node(name + "/bias_add", "bias_add",
         {name + "/matmul", lowered(name + "/bias")});
    node(name + "/relu", "relu", {name + "/bias_add"});
    value = name + "/relu";
  }
}

void MlpWriter::backward() {
  node("seed", "constant", {},
       "\"dtype\": \"float32\", \"shape\": [], \"value\": 1.0");
  std::string seed = "seed";
  if (options.lossScale) {
    node("seed/scaled", "scale_loss", {"seed", "loss_scale/scale"});
    seed = "seed/scaled";
  }
  node("loss_grad", "sparse_softmax_cross_entropy_grad",
       {seed, logits, "labels"}, "\"reduction\": \"mean\"");
  std::string gradient = "loss_grad";
  for (size_t i = layers; i-- > 0;) {
    std::string name = layer(i);
    bool last = i + 1 == layers;
    node(name + "/bias_add_grad", "bias_add_grad",
         {last ? gradient : raised(gradient)});
    gradients.push_back({name + "/bias", name + "/bias_add_grad"});
    std::string low = last ? lowered(gradient) : gradient;
    std::string input = i ? layer(i - 1) + "/relu" : lowered("images");
    node(name + "/kernel_grad", "matmul", {input, low},
         "\"transpose_a\": true");
    gradients.push_back({name + "/kernel", raised(name + "/kernel_grad")});
    if (i == 0)
      return;
    node(name + "/input_grad", "matmul", {low, lowered(name + "/kernel")},
         "\"transpose_b\": true");
    gradient = layer(i - 1) + "/relu_grad";
    node(gradient, "relu_grad",
         {name + "/input_grad", layer(i - 1) + "/bias_add"});
  }
}

void MlpWriter::update(const std::string &variable, std::string gradient) {
  std::vector<std::string> inputs = {variable};
  std::string attrs;
  const std::string &kind = options.optimizer;
  if (kind == "rmsprop") {
    inputs.push_back(variable + "/rms");
    attrs = "\"rho\": 0.9, \"epsilon\": 1e-07";
  } else if (kind == "momentum") {
    inputs.push_back(variable + "/momentum");
    attrs = "\"momentum\": 0.9";
  } else if (kind == "adam") {
    inputs.push_back(variable + "/m");
    inputs.push_back(variable + "/v");
    inputs.push_back("optimizer/iterations");
  }
  inputs.push_back("optimizer/learning_rate");
  inputs.push_back(gradient);
  if (options.lossScale)
    inputs.push_back("all_finite");
  node(variable + "/apply", "apply_" + kind, inputs, attrs);
}

std::string MlpWriter::function(bool train) {
  nodes.clear();
  casts.clear();
  gradients.clear();
  forward();
  std::string in = std::to_string(options.sizes[0]);
  std::string inputs = "{\"name\": \"images\", \"dtype\": \"float32\", "
                       "\"shape\": [\"batch\", " +
                       in + "]}";
  if (!train) {
    node("probabilities", "softmax", {logits}, "\"axis\": -1");
    return "{\"name\": \"predict\", \"inputs\": [" + inputs +
           "],\n\"nodes\": [" + nodes + "],\n\"outputs\": [\"probabilities\"]}";
  }
  inputs += ", {\"name\": \"labels\", \"dtype\": \"int32\", \"shape\": "
            "[\"batch\"]}";
  node("loss", "sparse_softmax_cross_entropy", {logits, "labels"},
       "\"reduction\": \"mean\"");
  backward();
  std::vector<std::string> finite;
  for (auto &[variable, gradient] : gradients) {
    if (options.lossScale) {
      node(variable + "/unscaled", "unscale", {gradient, "loss_scale/scale"});
      gradient = variable + "/unscaled";
      finite.push_back(gradient);
    }
  }
  if (options.lossScale)
    node("all_finite", "all_finite", finite);
  for (auto &[variable, gradient] : gradients)
    update(variable, gradient);
  node("one", "constant", {},
       "\"dtype\": \"int64\", \"shape\": [], \"value\": 1");
  std::vector<std::string> count = {"optimizer/iterations", "one"};
  if (options.lossScale)
    count.push_back("all_finite");
  node("count", "assign_add", count);
  if (options.lossScale) {
    node("loss_scale/update", "update_loss_scale",
         {"loss_scale/scale", "loss_scale/good_steps", "loss_scale/bad_steps",
          "all_finite"},
         "\"growth_steps\": 2000, \"growth\": 2.0, \"backoff\": 0.5, \"min\": "
         "1.0, \"max\": 3.4028234663852886e+38, \"decrease_every\": 1");
    node("loss_scale/assign_scale", "assign",
         {"loss_scale/scale", "loss_scale/update"});
    node("loss_scale/assign_good", "assign",
         {"loss_scale/good_steps", "loss_scale/update:1"});
    node("loss_scale/assign_bad", "assign",
         {"loss_scale/bad_steps", "loss_scale/update:2"});
  }
  return "{\"name\": \"train\", \"inputs\": [" + inputs + "],\n\"nodes\": [" +
         nodes + "],\n\"outputs\": [\"loss\"]}";
}

} // namespace

std::string amprt::test::mlpGraph(const MlpOptions &options) {
  MlpWriter writer(options);
  return "{\"format\": \"amp-graph\", \"version\": \"1.0\", \"name\": "
         "\"mlp\",\n\"variables\": [" +
         writer.variables() + "],\n\"functions\": [" + writer.function(false) +
         ",\n" + writer.function(true) + "]}\n";
}

Tensor amprt::test::tensorOf(DType dtype, Dims dims,
                             const std::vector<double> &values) {
  Result<Tensor> tensor = Tensor::create(dtype, std::move(dims));
  EXPECT_TRUE(tensor.ok());
  EXPECT_EQ(size_t(tensor->size()), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    tensor->set(int64_t(i), values[i]);
  return *std::move(tensor);
}

Tensor amprt::test::randomTensor(DType dtype, Dims dims,
                                 std::mt19937_64 &random, double low,
                                 double high) {
  Result<Tensor> tensor = Tensor::create(dtype, std::move(dims));
  EXPECT_TRUE(tensor.ok());
  // Not std::uniform_real_distribution: its numbers differ between libraries.
  for (int64_t i = 0; i < tensor->size(); ++i)
    tensor->set(i, low + (high - low) * double(random() >> 11) * 0x1p-53);
  return *std::move(tensor);
}

std::vector<double> amprt::test::values(const Tensor &tensor) {
  std::vector<double> result;
  for (int64_t i = 0; i < tensor.size(); ++i)
    result.push_back(tensor.at(i));
  return result;
}

bool amprt::test::sameBytes(const Tensor &a, const Tensor &b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         (a.bytes() == 0 || !std::memcmp(a.data(), b.data(), a.bytes()));
}

uint64_t amprt::test::testSeed() {
  const char *text = std::getenv("AMP_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20240601;
}

//===- WriterTest.cpp - Layout, numbers, byte-stable round trips ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Files in the writer's own form come back byte for byte; other spellings of
// the same file become that form. Numbers are compared with what strtod says.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Writer.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>

using namespace amp;
using namespace amp::graphfile;
namespace fs = std::filesystem;

namespace {

std::string rewrite(const std::string &text) {
  SourceText source("m.json", text);
  Diagnostics diags;
  std::optional<CheckedFile> file = readGraphFile(source, diags);
  EXPECT_TRUE(file) << diags.render(source) << text;
  return file ? writeGraphFile(file->file) : "";
}

/// A file with these nodes, one per line, in the writer's form.
std::string fileWith(const std::vector<std::string> &nodes,
                     const std::string &outputs = "[]") {
  std::string text =
      "{\n  \"format\": \"amp-graph\",\n  \"version\": \"1.0\",\n"
      "  \"functions\": [\n    {\n      \"name\": \"f\",\n"
      "      \"inputs\": [{\"name\": \"x\", \"dtype\": "
      "\"float32\", \"shape\": [\"n\", 4]}],\n"
      "      \"nodes\": [";
  for (size_t i = 0; i < nodes.size(); ++i)
    text += (i ? ",\n        " : "\n        ") + nodes[i];
  return text + "\n      ],\n      \"outputs\": " + outputs +
         "\n    }\n  ]\n}\n";
}

std::string node(const std::string &op, const std::string &attrs,
                 const std::string &inputs = "\"x\"") {
  return "{\"name\": \"a\", \"op\": \"" + op + "\", \"inputs\": [" + inputs +
         "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}";
}

std::string constant(const std::string &dtype, const std::string &shape,
                     const std::string &value) {
  return "{\"name\": \"a\", \"op\": \"constant\", \"attrs\": {\"dtype\": \"" +
         dtype + "\", \"shape\": " + shape + ", \"value\": " + value + "}}";
}

void expectStable(const std::string &text) { EXPECT_EQ(rewrite(text), text); }

/// The node that `written` becomes.
std::string rewriteNode(const std::string &written) {
  std::string text = rewrite(fileWith({written}));
  size_t start = text.find("{\"name\": \"a\"");
  return text.substr(start, text.find('\n', start) - start);
}

} // namespace

TEST(WriterTest, TheExampleOfTheFormatIsInItsOwnForm) {
  expectStable(R"({
  "format": "amp-graph",
  "version": "1.0",
  "name": "mnist_mlp",
  "variables": [
    {"name": "dense_1/kernel", "dtype": "float32", "shape": [784, 4096], "init": {"glorot_uniform": {"seed": 1}}},
    {"name": "dense_1/bias", "dtype": "float32", "shape": [4096], "init": {"zeros": {}}},
    {"name": "out/kernel", "dtype": "float32", "shape": [4096, 10], "init": {"glorot_uniform": {"seed": 2}}},
    {"name": "out/bias", "dtype": "float32", "shape": [10], "init": {"zeros": {}}}
  ],
  "functions": [
    {
      "name": "predict",
      "inputs": [{"name": "images", "dtype": "float32", "shape": ["batch", 784]}],
      "nodes": [
        {"name": "dense_1/matmul", "op": "matmul", "inputs": ["images", "dense_1/kernel"]},
        {"name": "dense_1/bias_add", "op": "bias_add", "inputs": ["dense_1/matmul", "dense_1/bias"]},
        {"name": "dense_1/relu", "op": "relu", "inputs": ["dense_1/bias_add"]},
        {"name": "out/matmul", "op": "matmul", "inputs": ["dense_1/relu", "out/kernel"]},
        {"name": "out/logits", "op": "bias_add", "inputs": ["out/matmul", "out/bias"], "precision": "float32"},
        {"name": "probabilities", "op": "softmax", "inputs": ["out/logits"], "attrs": {"axis": -1}}
      ],
      "outputs": ["probabilities"]
    },
    {
      "name": "train",
      "inputs": [{"name": "images", "dtype": "float32", "shape": ["batch", 784]},
                 {"name": "labels", "dtype": "int32", "shape": ["batch"]}],
      "nodes": [
        {"name": "dense_1/matmul", "op": "matmul", "inputs": ["images", "dense_1/kernel"]},
        {"name": "dense_1/bias_add", "op": "bias_add", "inputs": ["dense_1/matmul", "dense_1/bias"]},
        {"name": "dense_1/relu", "op": "relu", "inputs": ["dense_1/bias_add"]},
        {"name": "out/matmul", "op": "matmul", "inputs": ["dense_1/relu", "out/kernel"]},
        {"name": "out/logits", "op": "bias_add", "inputs": ["out/matmul", "out/bias"]},
        {"name": "loss", "op": "sparse_softmax_cross_entropy", "inputs": ["out/logits", "labels"], "attrs": {"reduction": "mean"}}
      ],
      "outputs": ["loss"],
      "training": {"loss": "loss", "optimizer": {"rmsprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-07}}}
    }
  ]
}
)");
}

TEST(WriterTest, EveryKeyIsKept) {
  expectStable(R"({
  "$schema": "amp-graph.schema.json",
  "format": "amp-graph",
  "version": "1.0",
  "name": "all \"keys\" \\ \n\u0001 ä",
  "doc": ["RUN: one",
          "CHECK: two"],
  "variables": [
    {"name": "w", "doc": "a string", "dtype": "float32", "shape": [4, 4], "init": {"normal": {"mean": 0.5, "stddev": 2.0, "seed": 3}}},
    {"name": "u", "dtype": "float32", "shape": [], "init": {"uniform": {"low": -1.0, "high": 1.0, "seed": 7}}, "trainable": false},
    {"name": "c", "doc": ["a", "list"], "dtype": "float32", "shape": [2], "init": {"constant": {"value": -0.0}}}
  ],
  "functions": [
    {
      "name": "f",
      "doc": [],
      "inputs": [],
      "nodes": [],
      "outputs": []
    },
    {
      "name": "g",
      "doc": ["one",
              "two"],
      "inputs": [{"name": "x", "dtype": "float32", "shape": ["n", 4]},
                 {"name": "y", "dtype": "float32", "shape": ["n", 4]}],
      "nodes": [
        {"name": "a", "doc": "why", "op": "matmul", "inputs": ["x", "w"], "attrs": {"transpose_b": true}, "precision": "bfloat16", "origin": "x", "types": [{"dtype": "float32", "shape": ["n", 4]}]},
        {"name": "s", "doc": ["b", "c"], "op": "split", "inputs": ["a"], "attrs": {"axis": 1, "sizes": [1, 3]}},
        {"name": "o", "op": "mylib.fancy", "inputs": ["s:1"], "attrs": {"any": [1, {"x": "}"}]}, "types": [{"dtype": "int8", "shape": [null, 3]}, {"dtype": "bool", "shape": []}]},
        {"name": "e", "op": "mean_squared_error", "inputs": ["a", "y"]}
      ],
      "outputs": ["e", {"name": "part", "value": "s:1"}, {"name": "same", "value": "s"}, {"name": "o", "value": "o:1"}],
      "training": {"loss": "e", "optimizer": {"adamw": {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 1e-08, "weight_decay": 0.0}}, "variables": ["w"], "clip_norm": 1.0, "no_decay": ["w"]}
    }
  ]
}
)");
}

TEST(WriterTest, WrittenDefaultsStayAttributesInTheTablesOrder) {
  EXPECT_EQ(rewriteNode(node("softmax", "\"axis\": -1")),
            node("softmax", "\"axis\": -1"));
  EXPECT_EQ(rewriteNode(node("softmax", "")), node("softmax", ""));
  EXPECT_EQ(rewriteNode(node("leaky_relu", "\"alpha\": 2e-1")),
            node("leaky_relu", "\"alpha\": 0.2"));
  EXPECT_EQ(
      rewriteNode(node("reduce_sum", "\"keep_dims\": true, \"axes\": [0, 1]")),
      node("reduce_sum", "\"axes\": [0, 1], \"keep_dims\": true"));
  EXPECT_EQ(rewriteNode(node("clip", "\"max\": 6, \"min\": 0")),
            node("clip", "\"min\": 0.0, \"max\": 6.0"));
}

TEST(WriterTest, OneIntegerAndAListOfOneAreWrittenAlike) {
  std::string form = node("reduce_sum", "\"axes\": 1");
  EXPECT_EQ(rewriteNode(node("reduce_sum", "\"axes\": [1]")), form);
  EXPECT_EQ(rewriteNode(form), form);
}

TEST(WriterTest, ListsOfSizes) {
  for (const std::string &form :
       {node("reshape", "\"shape\": [\"n\", 2, -1]"),
        node("reshape", "\"shape\": [\"n\", 2, 2]"),
        node("slice", "\"begin\": [0, 1], \"end\": [null, 3]"),
        node("pad", "\"paddings\": [[0, 0], [1, 2]]"),
        node("pad", "\"paddings\": [[0, 0], [1, 2]], \"value\": \"-inf\""),
        node("transpose", "\"perm\": [1, 0]"),
        node("cast", "\"to\": \"float16\"")})
    EXPECT_EQ(rewriteNode(form), form);
}

TEST(WriterTest, ConstantsAreNestedAsTheirShape) {
  std::string form = constant("int32", "[2, 3]", "[[1, 2, 3], [4, 5, 6]]");
  EXPECT_EQ(rewriteNode(form), form);
  EXPECT_EQ(rewriteNode(constant("int32", "[2, 3]", "[1, 2, 3, 4, 5, 6]")),
            form);
  for (const std::string &same :
       {constant("float32", "[2, 3]", "1.0"), constant("bool", "[2]", "true"),
        constant("bool", "[2]", "[true, false]"),
        constant("float32", "[]", "0.1"), constant("float32", "[0, 2]", "[]"),
        constant("float32", "[1, 1, 2]", "[[[0.1, \"nan\"]]]"),
        constant("float32", "[2]", "[\"inf\", \"-inf\"]"),
        constant("float32", "[2]", "[-0.0, 3.4028235e+38]"),
        constant("float32", "[1]", "[1e-45]"),
        constant("float64", "[1]", "[1.7976931348623157e+308]"),
        constant("int64", "[2]", "[-9223372036854775808, 9223372036854775807]"),
        constant("uint8", "[2]", "[0, 255]")})
    EXPECT_EQ(rewriteNode(same), same);
}

TEST(WriterTest, SixteenBitElementsAreRoundedOnce) {
  // Above the largest value, but below what rounds to infinity: as float32 it
  // would be a number that no float16 can hold.
  EXPECT_EQ(rewriteNode(constant("float16", "[]", "65519.9999999")),
            constant("float16", "[]", "65504.0"));
  // Half way plus a little: through float32 it would round down.
  EXPECT_EQ(rewriteNode(constant("float16", "[]", "1.00048828125001")),
            constant("float16", "[]", "1.0009766"));
  EXPECT_EQ(rewriteNode(constant("float16", "[]", "1.00048828125")),
            constant("float16", "[]", "1.0"));
  EXPECT_EQ(rewriteNode(constant("float16", "[]", "5.9604645e-08")),
            constant("float16", "[]", "5.9604645e-08"));
  EXPECT_EQ(rewriteNode(constant("bfloat16", "[]", "3.3895e38")),
            constant("bfloat16", "[]", "3.3895314e+38"));
}

TEST(WriterTest, NumbersAreShortAndExact) {
  struct Case {
    double value;
    const char *text;
  } cases[] = {{0.0, "0.0"},
               {-0.0, "-0.0"},
               {1.0, "1.0"},
               {0.1, "0.1"},
               {1e-4, "0.0001"},
               {1e-5, "1e-05"},
               {1e15, "1000000000000000.0"},
               {1e16, "1e+16"},
               {123456.75, "123456.75"},
               {5e-324, "5e-324"},
               {-2.5e300, "-2.5e+300"},
               {std::numeric_limits<double>::infinity(), "\"inf\""},
               {-std::numeric_limits<double>::infinity(), "\"-inf\""}};
  GraphFile file;
  Function function;
  for (const Case &c : cases) {
    Node n;
    n.name = "a";
    n.op = "constant";
    auto literal = std::make_shared<Literal>();
    literal->floats = {c.value};
    literal->splat = true;
    n.attrs = {{"dtype", DType::Float64},
               {"shape", Shape()},
               {"value", std::shared_ptr<const Literal>(literal)}};
    function.nodes.push_back(n);
  }
  file.functions.push_back(std::move(function));
  std::string text = writeGraphFile(file);
  size_t at = 0;
  for (const Case &c : cases) {
    at = text.find("\"value\": ", at) + 9;
    EXPECT_EQ(text.substr(at, std::strlen(c.text) + 1),
              std::string(c.text) + "}");
  }
}

TEST(WriterTest, RandomNumbersSurvive) {
  constexpr unsigned seed = 5;
  std::mt19937_64 random(seed);
  std::string list = "[";
  std::vector<double> numbers;
  while (numbers.size() < 5000) {
    uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value))
      continue;
    numbers.push_back(value);
    char buffer[40];
    std::snprintf(buffer, sizeof(buffer), "%s%.17g",
                  list.size() > 1 ? ", " : "", value);
    list += buffer;
  }
  std::string text =
      rewrite(fileWith({constant("float64", "[5000]", list + "]")}));
  expectStable(text);
  const char *at = text.c_str() + text.find("\"value\": [") + 10;
  for (double number : numbers) {
    char *end;
    double read = std::strtod(at, &end);
    ASSERT_EQ(read, number) << "seed " << seed;
    at = end + 2;
  }
}

TEST(WriterTest, AlwaysWrittenAttributesAreWritten) {
  Node n;
  n.name = "u";
  n.op = "update_loss_scale";
  GraphFile file;
  Function function;
  function.nodes.push_back(n);
  file.functions.push_back(std::move(function));
  const OpDef *def = findOp("update_loss_scale");
  ASSERT_TRUE(def);
  std::string text = writeGraphFile(file);
  for (const AttrDef &attr : def->attrs)
    if (attr.alwaysWritten && attr.defaultValue) {
      EXPECT_NE(text.find("\"" + std::string(attr.name) + "\": "),
                std::string::npos)
          << attr.name;
    }
}

TEST(WriterTest, SettingsAreInTheFormatsOrder) {
  GraphFile file;
  Variable variable;
  variable.name = "v";
  variable.init = Setting{"uniform",
                          {{"seed", int64_t(1)}, {"high", 2.0}, {"low", 1.0}},
                          {},
                          kNowhere};
  file.variables.push_back(std::move(variable));
  EXPECT_NE(writeGraphFile(file).find(
                "{\"uniform\": {\"low\": 1.0, \"high\": 2.0, \"seed\": 1}}"),
            std::string::npos);
}

TEST(WriterTest, ExamplesBecomeStable) {
  size_t count = 0;
  for (const auto &entry :
       fs::directory_iterator(AMP_SOURCE_DIR "/docs/examples")) {
    if (entry.path().extension() != ".json")
      continue;
    SCOPED_TRACE(entry.path().filename().string());
    std::string text;
    ASSERT_FALSE(readFile(entry.path().string(), text));
    expectStable(rewrite(text));
    ++count;
  }
  EXPECT_GT(count, 0u);
}

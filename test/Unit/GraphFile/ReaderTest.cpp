//===- ReaderTest.cpp - Structs, places and order -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the reader makes of a good file; test/GraphFile/bad holds the wrong
// ones.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Reader.h"
#include "amp/GraphFile/Writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace amp;
using namespace amp::graphfile;

namespace {

/// A file with one function of one input x, float32 ["batch", 4].
std::string fileOf(const std::string &nodes, const std::string &outputs = "",
                   const std::string &version = "1.0") {
  return R"({"format": "amp-graph", "version": ")" + version +
         R"(", "functions": [{"name": "f", "inputs": [{"name": "x", "dtype": )"
         R"("float32", "shape": ["batch", 4]}], "nodes": [)" +
         nodes + R"(], "outputs": [)" + outputs + "]}]}";
}

class ReaderTest : public ::testing::Test {
protected:
  std::optional<CheckedFile> read(std::string text, const Limits &limits = {}) {
    source = std::make_unique<SourceText>("test", std::move(text));
    diags = Diagnostics(limits.errors);
    return readGraphFile(*source, diags, ".", limits);
  }
  std::string messages() { return diags.render(*source); }
  /// The text that stands at a place.
  std::string at(Offset offset, size_t length) {
    return std::string(source->text().substr(offset, length));
  }

  std::unique_ptr<SourceText> source;
  Diagnostics diags;
};

} // namespace

TEST_F(ReaderTest, KeepsWherePartsStand) {
  auto file = read(fileOf(R"({"name": "y", "op": "softmax", "inputs": ["x"],)"
                          R"( "attrs": {"axis": -1}, "precision": "float32",)"
                          R"( "types": [{"dtype": "float32", "shape": )"
                          R"(["batch", 4]}]})",
                          "\"y\""));
  ASSERT_TRUE(file) << messages();
  const Function &function = file->file.functions[0];
  const Node &node = function.nodes[0];
  EXPECT_EQ(at(node.at, 8), "{\"name\":");
  EXPECT_EQ(at(node.nameAt, 3), "\"y\"");
  EXPECT_EQ(at(node.opAt, 9), "\"softmax\"");
  EXPECT_EQ(at(node.inputs[0].at, 3), "\"x\"");
  ASSERT_EQ(node.attrsAt.size(), node.attrs.size());
  EXPECT_EQ(at(node.attrsAt[0], 3), "-1}");
  EXPECT_EQ(at(node.precisionAt, 9), "\"float32\"");
  EXPECT_EQ(at(node.typesAt, 2), "[{");
  EXPECT_EQ(at(function.at, 3), "\"f\"");
  EXPECT_EQ(at(function.inputs[0].at, 3), "\"x\"");
  EXPECT_EQ(at(function.outputs[0].at, 3), "\"y\"");
}

TEST_F(ReaderTest, KeysComeInAnyOrder) {
  auto file =
      read(R"({"functions": [{"outputs": ["y"], "nodes": [{"attrs": )"
           R"({"value": [1, 300], "shape": [2], "dtype": "int32"}, )"
           R"("op": "constant", "name": "y"}], "inputs": [], )"
           R"("name": "f"}], "version": "1.0", "format": "amp-graph"})");
  ASSERT_TRUE(file) << messages();
  EXPECT_EQ(file->types[0].results[0][0].dtype, DType::Int32);
}

TEST_F(ReaderTest, NodesComeInAnyOrderAndTiesStayInFileOrder) {
  auto file = read(fileOf(R"({"name": "c", "op": "add", "inputs": ["a", "b"]},)"
                          R"({"name": "b", "op": "relu", "inputs": ["x"]},)"
                          R"({"name": "d", "op": "abs", "inputs": ["x"]},)"
                          R"({"name": "a", "op": "neg", "inputs": ["x"]})"));
  ASSERT_TRUE(file) << messages();
  EXPECT_EQ(file->types[0].order, (std::vector<uint32_t>{1, 2, 3, 0}));
}

TEST_F(ReaderTest, NamesOfSizesGoThroughTheGraph) {
  auto file = read(fileOf(R"({"name": "y", "op": "relu", "inputs": ["x"]})"));
  ASSERT_TRUE(file) << messages();
  EXPECT_EQ(toString(file->types[0].results[0][0]), "float32 [\"batch\", 4]");
}

TEST_F(ReaderTest, ReadsLaterMinorVersions) {
  EXPECT_TRUE(read(fileOf("", "", "1.9"))) << messages();
  EXPECT_FALSE(read(fileOf("", "", "2.0")));
  EXPECT_EQ(diags.all().size(), 1u) << messages();
}

TEST_F(ReaderTest, NamesOfTheLimitAreReadAndNoLonger) {
  auto node = [](size_t length) {
    return fileOf(R"({"name": ")" + std::string(length, 'n') +
                  R"(", "op": "relu", "inputs": ["x"]})");
  };
  EXPECT_TRUE(read(node(1024))) << messages();
  EXPECT_FALSE(read(node(1025)));
}

TEST_F(ReaderTest, LimitsAreKept) {
  std::string text = fileOf(R"({"name": "a", "op": "relu", "inputs": ["x"]},)"
                            R"({"name": "b", "op": "relu", "inputs": ["x"]})");
  Limits limits;
  limits.nodes = 1;
  EXPECT_FALSE(read(text, limits));
  limits = {};
  limits.fileBytes = text.size() - 1;
  EXPECT_FALSE(read(text, limits));
  limits.fileBytes = text.size();
  EXPECT_TRUE(read(text, limits)) << messages();
}

TEST_F(ReaderTest, ValidKeysForLaterAreKeptWithTheirPlaces) {
  std::string text =
      R"({"format": "amp-graph", "version": "1.0", "variables": [{"name": "w",)"
      R"( "dtype": "float32", "shape": [4], "init": {"ones": {}}}], )"
      R"("functions": [{"name": "f", "inputs": [], "nodes": [{"name": "loss", )"
      R"("op": "reduce_sum", "inputs": ["w"]}], "outputs": ["loss"], )"
      R"("training": {"loss": "loss", "optimizer": {"sgd": {}}, )"
      R"("clip_norm": 2, "accumulate_steps": 3, "no_decay": ["w"], )"
      R"("schedule": {"linear": {"total_steps": 9}}}}]})";
  auto file = read(text);
  ASSERT_TRUE(file) << messages();
  const Training &training = *file->file.functions[0].training;
  EXPECT_EQ(training.clipNorm, 2.0);
  EXPECT_EQ(at(training.clipNormAt, 2), "2,");
  EXPECT_EQ(training.accumulateSteps, 3);
  EXPECT_EQ(at(training.accumulateStepsAt, 2), "3,");
  EXPECT_EQ(at(training.noDecayAt, 5), "[\"w\"]");
  ASSERT_TRUE(training.schedule);
  EXPECT_EQ(at(training.schedule->at, 8), "\"linear\"");
}

TEST_F(ReaderTest, TheSignOfMinusZeroStays) {
  auto file =
      read(fileOf(R"({"name": "c", "op": "constant", "attrs": )"
                  R"({"dtype": "float32", "shape": [], "value": -0}})"));
  ASSERT_TRUE(file) << messages();
  const Node &node = file->file.functions[0].nodes[0];
  for (const Attr &attr : node.attrs)
    if (attr.name == "value") {
      auto literal = std::get<std::shared_ptr<const Literal>>(attr.value);
      EXPECT_TRUE(std::signbit(literal->floats.at(0)));
    }
}

/// Half of the smallest number rounds to zero, half to even; what is above it
/// rounds up. An overflow is an error, and so is this.
TEST_F(ReaderTest, ANumberThatWouldBecomeZeroIsAnError) {
  const struct {
    const char *dtype, *zero, *above;
  } cases[] = {{"float32", "7.006492321624085e-46", "7.0064923216240869e-46"},
               {"float32", "1e-60", "1.4e-45"},
               {"float32", "-1e-60", "-1.4e-45"},
               {"float16", "2.98023223876953125e-08", "2.99e-08"},
               {"bfloat16", "1e-41", "1e-40"}};
  for (const auto &[dtype, zero, above] : cases) {
    auto constant = [dtype = dtype](const char *value) {
      return fileOf(R"({"name": "c", "op": "constant", "attrs": {"dtype": ")" +
                    std::string(dtype) + R"(", "shape": [2], "value": [0, )" +
                    value + "]}}");
    };
    EXPECT_FALSE(read(constant(zero))) << dtype << " " << zero;
    EXPECT_NE(messages().find("error: this number is too small for " +
                              std::string(dtype) + ": it would become 0"),
              std::string::npos)
        << messages();
    EXPECT_TRUE(read(constant(above))) << dtype << " " << above << messages();
  }
}

/// Sizes at which anything quadratic would take minutes; a test that hangs is
/// how this fails.
TEST_F(ReaderTest, LargeFunctionsAreReadInLinearTime) {
  // One value with many users, all of which one node reads; file order is
  // against the order of the data.
  constexpr int users = 10000;
  std::string sum = R"({"name": "sum", "op": "add_n", "inputs": [)", rest;
  for (int i = 0; i < users; ++i) {
    std::string name = "\"u" + std::to_string(i) + "\"";
    sum += (i ? ", " : "") + name;
    rest += ",\n{\"name\": " + name + R"(, "op": "relu", "inputs": ["x"]})";
  }
  auto file = read(fileOf(sum + "]}" + rest, "\"sum\""));
  ASSERT_TRUE(file) << messages();
  EXPECT_EQ(file->types[0].order.back(), 0u);
  // A chain, written backwards.
  constexpr int length = 100000;
  std::string chain;
  for (int i = length; i-- > 0;)
    chain += R"({"name": "n)" + std::to_string(i) +
             R"(", "op": "relu", "inputs": [")" +
             (i ? "n" + std::to_string(i - 1) : "x") + "\"]}" +
             (i ? ",\n" : "");
  file = read(fileOf(chain));
  ASSERT_TRUE(file) << messages();
  EXPECT_EQ(file->types[0].order.front(), uint32_t(length - 1));
  // Every operand of the sum is missing.
  EXPECT_FALSE(read(fileOf(sum + "]}")));
  EXPECT_TRUE(diags.full());
}

/// A function with `count` nodes, one per line, and another one behind it.
static std::string manyNodes(size_t count) {
  std::string text =
      R"({"format": "amp-graph", "version": "1.0", "functions": [{"name": "f",
"inputs": [{"name": "x", "dtype": "float32", "shape": [2]}], "nodes": [
)";
  std::mt19937 random(count);
  for (size_t i = 0; i < count; ++i) {
    std::string from = i ? "n" + std::to_string(random() % i) : "x";
    text += R"({"name": "n)" + std::to_string(i) + R"(", "doc": "\u0041b",)";
    // Lines end within an element too.
    text += random() % 3 ? " " : "\n";
    text += R"("op": "clip", "inputs": [")" + from +
            R"("], "attrs": {"min": -1, "max": )" +
            std::to_string(random() % 100) + ".5}}";
    text += i + 1 < count ? ",\n" : "\n";
  }
  return text + R"(], "outputs": ["n0"]}, {"name": "g", "inputs": [], "nodes": [
], "outputs": []}]}
)";
}

TEST(LargeFileTest, TwoThreadsReadWhatOneReads) {
  for (size_t count : {5000u, 9001u}) {
    std::string text = manyNodes(count);
    ASSERT_GT(text.size(), size_t(256 * 1024));
    // Without lines there is no place for a second thread to start at.
    std::string flat = text;
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    SourceText source("test", text), flatSource("test", flat);
    Diagnostics diags;
    std::optional<GraphFile> two = parseGraphFile(source, diags);
    std::optional<GraphFile> one = parseGraphFile(flatSource, diags);
    ASSERT_TRUE(one && two) << diags.render(source);
    EXPECT_EQ(writeGraphFile(*one), writeGraphFile(*two));
    const std::vector<Node> &a = one->functions[0].nodes;
    const std::vector<Node> &b = two->functions[0].nodes;
    ASSERT_EQ(a.size(), count);
    ASSERT_EQ(b.size(), count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(a[i].nameAt, b[i].nameAt);
      EXPECT_EQ(a[i].attrsAt, b[i].attrsAt);
      EXPECT_EQ(a[i].inputs[0].at, b[i].inputs[0].at);
    }
  }
}

TEST(LargeFileTest, MistakesAreFoundWhereTheyStand) {
  const std::string text = manyNodes(6000);
  std::mt19937 random(1);
  for (int run = 0; run < 60; ++run) {
    size_t at = random() % text.size();
    // A character that no JSON has there, or an end that comes too soon.
    std::string bad = text;
    if (run % 3 == 2)
      bad.resize(at);
    else
      bad[at] = run % 3 ? '\x02' : '\x80';
    SCOPED_TRACE("byte " + std::to_string(at));
    std::string flat = bad;
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    SourceText source("test", bad), flatSource("test", flat);
    Diagnostics diags, flatDiags;
    EXPECT_FALSE(parseGraphFile(source, diags));
    EXPECT_FALSE(parseGraphFile(flatSource, flatDiags));
    // Bytes count from 1 in the one line.
    LineColumn place = source.lineColumn(std::min(at, bad.size()));
    std::string said = diags.render(source);
    EXPECT_EQ(said.find("test:" + std::to_string(place.line) + ":") == 0, true)
        << said;
    EXPECT_NE(flatDiags.render(flatSource).find("invalid JSON"),
              std::string::npos);
  }
}

TEST(LargeFileTest, LimitsHoldForBothHalves) {
  SourceText source("test", manyNodes(6000));
  Limits limits;
  limits.nodes = 5999;
  Diagnostics diags;
  EXPECT_FALSE(parseGraphFile(source, diags, limits));
  EXPECT_NE(diags.render(source).find("more than 5999 nodes"),
            std::string::npos);
  limits.nodes = 6000;
  Diagnostics none;
  EXPECT_TRUE(parseGraphFile(source, none, limits));
}

//===- RoundTripTest.cpp - Reading what was written -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Canonical files come back byte for byte; random files mean the same after
// writing and reading as before.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Reader.h"
#include "amp/GraphFile/Writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

using namespace amp;
using namespace amp::graphfile;

namespace {

const std::string root = std::string(AMP_SOURCE_DIR) + "/";

std::string readAll(const std::string &path) {
  std::string text;
  std::optional<std::string> problem = readFile(path, text);
  EXPECT_FALSE(problem) << *problem;
  return text;
}

std::optional<CheckedFile> read(const std::string &text) {
  SourceText source("test", text);
  Diagnostics diags;
  std::optional<CheckedFile> file = readGraphFile(source, diags);
  EXPECT_TRUE(file) << diags.render(source);
  return file;
}

std::string rewritten(const std::string &text) {
  std::optional<CheckedFile> file = read(text);
  return file ? writeGraphFile(file->file) : "";
}

/// The attributes of a node as text, with nothing rounded.
std::string describe(const Node &node) {
  std::string text(node.op);
  for (const Attr &attr : node.attrs) {
    text += " " + std::string(attr.name) + "=";
    if (auto value = std::get_if<std::shared_ptr<const Literal>>(&attr.value)) {
      for (double element : (*value)->floats)
        text += std::to_string(static_cast<float>(element)) + "|";
      for (int64_t element : (*value)->ints)
        text += std::to_string(element) + "|";
    } else if (auto shape = std::get_if<Shape>(&attr.value)) {
      text += toString(*shape);
    } else if (auto ints = std::get_if<std::vector<int64_t>>(&attr.value)) {
      for (int64_t element : *ints)
        text += std::to_string(element) + "|";
    } else if (auto real = std::get_if<double>(&attr.value)) {
      text += std::to_string(*real);
    } else if (auto integer = std::get_if<int64_t>(&attr.value)) {
      text += std::to_string(*integer);
    } else if (auto dtype = std::get_if<DType>(&attr.value)) {
      text += dtypeName(*dtype);
    } else if (auto flag = std::get_if<bool>(&attr.value)) {
      text += *flag ? "true" : "false";
    } else {
      text += std::get<std::string>(attr.value);
    }
  }
  for (const ValueName &input : node.inputs)
    text += " " + toString(input);
  return text;
}

/// Writes a random file by hand, with spaces, key order and number forms of
/// its own. Every node keeps the shape of x, so that all of them fit.
class RandomFile {
public:
  explicit RandomFile(unsigned seed) : random(seed) {}

  std::string text() {
    std::string nodes;
    names = {"x", "other"};
    size_t count = 1 + pick(30);
    std::vector<std::string> lines;
    for (size_t i = 0; i < count; ++i) {
      std::string name = nameOf(i);
      lines.push_back(node(name));
      names.push_back(name);
    }
    std::shuffle(lines.begin(), lines.end(), random);
    for (const std::string &line : lines)
      nodes += (nodes.empty() ? "" : "," + space()) + line;
    return "{" + space() + R"("version": "1.0", "format": "amp-graph",)" +
           space() + R"("functions": [{"name": "f", "inputs": [)" +
           R"({"name": "x", "dtype": "float32", "shape": ["batch", 4]},)" +
           R"({"name": "other", "dtype": "float32", "shape": [4]}],)" +
           R"("nodes": [)" + nodes + "]," + space() + R"("outputs": [)" +
           quoted(names.back()) + "]}]}";
  }

private:
  size_t pick(size_t limit) { return random() % limit; }
  std::string space() {
    static const char *spaces[] = {"", " ", "\n", "\t", "\r\n  "};
    return spaces[pick(5)];
  }
  static std::string quoted(const std::string &text) {
    return "\"" + text + "\"";
  }
  std::string any() { return quoted(names[pick(names.size())]); }
  /// JSON text of a name; some need escapes when they are written.
  std::string nameOf(size_t i) {
    static const char *shapes[] = {"n",     "a/b/", "\\u00e9",
                                   "q\\\"", "\\\\", "\xE2\x82\xAC"};
    return shapes[pick(6)] + std::to_string(i);
  }
  std::string real() {
    switch (pick(6)) {
    case 0:
      return std::to_string(static_cast<int>(pick(2000)) - 1000);
    case 1:
      return std::to_string(pick(1000)) + "." + std::to_string(pick(1000));
    case 2:
      return "-" + std::to_string(pick(10)) + "e-" + std::to_string(pick(30));
    case 3:
      return std::to_string(pick(10)) + ".5E+" + std::to_string(pick(30));
    case 4:
      return "\"inf\"";
    default:
      return "-0.0";
    }
  }
  std::string node(const std::string &name) {
    std::string head = R"("name": )" + quoted(name) + "," + space();
    switch (pick(8)) {
    case 0:
      return "{" + head + R"("inputs": [)" + any() + R"(], "op": "relu"})";
    case 1:
      return "{" + head + R"("op": "add", "inputs": [)" + any() + ", \"x\"]}";
    case 2:
      return "{" + head + R"("attrs": {"axis": -1}, "op": "softmax", )" +
             R"("inputs": [)" + any() + "]}";
    case 3:
      return "{" + head + R"("op": "constant", "attrs": {"value": [)" + real() +
             "," + real() + "," + real() + "," + real() +
             R"(], "shape": [4], "dtype": "float32"}})";
    case 4:
      return "{" + head + R"("op": "clip", "inputs": [)" + any() +
             R"(], "attrs": {"max": )" + std::to_string(pick(9)) +
             R"(.25, "min": -)" + std::to_string(pick(9)) + "}}";
    case 5:
      return "{" + head + R"("op": "dropout", "inputs": [)" + any() +
             R"(], "attrs": {"training": false, "seed": )" +
             std::to_string(pick(1000)) + R"(, "rate": 0.)" +
             std::to_string(pick(1000)) + "}}";
    case 6:
      return "{" + head + R"("doc": "it\u0001s", "op": "leaky_relu", )" +
             R"("attrs": {"alpha": 0.2}, "inputs": [)" + any() +
             R"(], "precision": "float32"})";
    default:
      return "{" + head + R"("op": "identity", "inputs": [)" + any() + "]}";
    }
  }

  std::mt19937 random;
  std::vector<std::string> names;
};

} // namespace

TEST(RoundTripTest, ACanonicalFileComesBackByteForByte) {
  for (const char *name : {"test/GraphFile/Inputs/every-key.json",
                           "docs/examples/mnist_mlp.json"}) {
    std::string text = readAll(root + name);
    std::string once = rewritten(text);
    EXPECT_EQ(rewritten(once), once) << name;
    if (std::string(name).find("every-key") != std::string::npos) {
      EXPECT_EQ(once, text);
    }
  }
}

TEST(RoundTripTest, OneNodePerLine) {
  std::string text =
      rewritten(readAll(root + "test/GraphFile/Inputs/every-key.json"));
  size_t nodes = text.find("\"nodes\": [");
  size_t line = text.find("\n        {\"name\": \"h\"", nodes);
  ASSERT_NE(line, std::string::npos);
  EXPECT_EQ(text.substr(text.find('\n', line + 1), 10), "\n        {");
}

TEST(RoundTripTest, DefaultsAreKeptAndAttributesInTheTablesOrder) {
  std::string text = rewritten(
      R"({"format": "amp-graph", "version": "1.0", "functions": [{"name": "f",)"
      R"("inputs": [{"name": "x", "dtype": "float32", "shape": [2, 2]}],)"
      R"("nodes": [{"name": "y", "op": "matmul", "inputs": ["x", "x"], "attrs":)"
      R"({"transpose_b": true, "transpose_a": false}}], "outputs": ["y"]}]})");
  EXPECT_NE(
      text.find(R"("attrs": {"transpose_a": false, "transpose_b": true}})"),
      std::string::npos)
      << text;
}

TEST(RoundTripTest, NumbersAreWrittenInTheirShortestForm) {
  auto written = [](const std::string &dtype, const std::string &value) {
    std::string text = rewritten(
        R"({"format": "amp-graph", "version": "1.0", "functions": [{"name": )"
        R"("f", "inputs": [], "nodes": [{"name": "c", "op": "constant", )"
        R"("attrs": {"dtype": ")" +
        dtype + R"(", "shape": [], "value": )" + value +
        R"(}}], "outputs": ["c"]}]})");
    size_t start = text.find("\"value\": ") + 9;
    return text.substr(start, text.find('}', start) - start);
  };
  EXPECT_EQ(written("float32", "0.1"), "0.1");
  EXPECT_EQ(written("float32", "0.100000001490116"), "0.1");
  EXPECT_EQ(written("float64", "0.1"), "0.1");
  EXPECT_EQ(written("float64", "0.100000001490116"), "0.100000001490116");
  EXPECT_EQ(written("float32", "1"), "1.0");
  EXPECT_EQ(written("float32", "1e-7"), "1e-07");
  EXPECT_EQ(written("float32", "-0"), "-0.0");
  EXPECT_EQ(written("float32", "3.4028234663852886e38"), "3.4028235e+38");
  EXPECT_EQ(written("float32", "\"-inf\""), "\"-inf\"");
  EXPECT_EQ(written("float32", "\"nan\""), "\"nan\"");
  EXPECT_EQ(written("int64", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(written("bool", "true"), "true");
}

TEST(RoundTripTest, RandomFilesMeanTheSameAfterwards) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::string text = RandomFile(seed).text();
    std::optional<CheckedFile> first = read(text);
    ASSERT_TRUE(first) << text;
    std::string written = writeGraphFile(first->file);
    std::optional<CheckedFile> second = read(written);
    ASSERT_TRUE(second) << written;
    ASSERT_EQ(writeGraphFile(second->file), written);
    ASSERT_FALSE(first->types[0].results != second->types[0].results);
    ASSERT_EQ(first->types[0].order, second->types[0].order);
    const std::vector<Node> &a = first->file.functions[0].nodes;
    const std::vector<Node> &b = second->file.functions[0].nodes;
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].name, b[i].name);
      EXPECT_EQ(a[i].doc, b[i].doc);
      EXPECT_EQ(a[i].precision, b[i].precision);
      // Attributes that equal their default may go, and their order changes.
      if (a[i].op == "constant" || a[i].attrs.empty()) {
        EXPECT_EQ(describe(a[i]).size(), describe(b[i]).size());
      }
      for (const Attr &attr : b[i].attrs) {
        Node one, other;
        one.op = other.op = a[i].op;
        one.attrs = {attr};
        for (const Attr &before : a[i].attrs)
          if (before.name == attr.name)
            other.attrs = {before};
        EXPECT_EQ(describe(one), describe(other));
      }
    }
  }
}

/// The text with the first character of every string written as an escape.
static std::string escaped(const std::string &text) {
  std::string out;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (inString && text[i] == '\\') {
      out += text[++i];
    } else if (text[i] == '"') {
      inString = !inString;
      unsigned char next = i + 1 < text.size() ? text[i + 1] : '"';
      if (!inString || next == '"' || next == '\\' || next >= 0x80)
        continue;
      static constexpr char hex[] = "0123456789abcdef";
      out += std::string("\\u00") + hex[next >> 4] + hex[next & 15];
      ++i;
    }
  }
  return out;
}

TEST(RoundTripTest, EscapesAreSpelling) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::string text = RandomFile(seed).text();
    ASSERT_NE(escaped(text), text);
    EXPECT_EQ(rewritten(escaped(text)), rewritten(text));
  }
  std::string all = readAll(root + "test/GraphFile/Inputs/every-key.json");
  EXPECT_EQ(read(escaped(all))->types[0].order, read(all)->types[0].order);
}

TEST(RoundTripTest, WhatIsReadIsJson) {
  size_t accepted = 0, refused = 0;
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::string text = RandomFile(seed % 50 + 1).text();
    static constexpr std::string_view bytes = "\"\\ \n\t\r,:{}[]0-.eau\x01\x7f\xc3\xff";
    for (unsigned n = random() % 3 + 1; n; --n) {
      size_t at = random() % text.size();
      char c = bytes[random() % bytes.size()];
      switch (random() % 3) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      default:
        text.erase(at, 1);
      }
    }
    SourceText source("test", text);
    Diagnostics diags;
    std::optional<GraphFile> file = parseGraphFile(source, diags);
    const bool isRead = file.has_value();
    EXPECT_NE(isRead, diags.hasErrors());
    bool isJson = nlohmann::json::accept(text);
    if (isRead) {
      ASSERT_TRUE(isJson) << text;
      auto json = nlohmann::json::parse(text)["functions"][0]["nodes"];
      const std::vector<Node> &nodes = file->functions[0].nodes;
      ASSERT_EQ(json.size(), nodes.size());
      for (size_t i = 0; i < nodes.size(); ++i) {
        EXPECT_EQ(json[i]["name"].get<std::string>(), nodes[i].name);
        EXPECT_EQ(text[nodes[i].nameAt], '"');
      }
    }
    bool saysBadJson =
        diags.render(source).find("invalid JSON") != std::string::npos;
    if (isJson) {
      EXPECT_FALSE(saysBadJson) << diags.render(source);
    }
    (isRead ? accepted : refused) += 1;
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_GT(refused, 300u);
}

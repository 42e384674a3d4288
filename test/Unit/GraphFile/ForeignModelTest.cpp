//===- ForeignModelTest.cpp - Model files of other programs ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What files hold decides before what they are called. Headers as the formats
// describe them.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/ForeignModel.h"
#include "gtest/gtest.h"

#include <random>
#include <vector>

using namespace amp::graphfile;

namespace {

std::string bytes(std::initializer_list<int> values, std::string_view more = "") {
  std::string text(values.begin(), values.end());
  return text.append(more);
}

TEST(ForeignModelTest, ContentsDecideUnderAnyName) {
  const std::pair<std::string, std::string_view> kinds[] = {
      {"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes models"},
      {bytes({28, 0, 0, 0}, "TFL3rest"), "a TensorFlow Lite model"},
      // ir_version 8, producer_name.
      {bytes({0x08, 8, 0x12, 7}, "pytorch"), "an ONNX model"},
      // ir_version 10, no producer, a graph of four bytes.
      {bytes({0x08, 10, 0x3a, 4, 0x12, 2}, "gr"), "an ONNX model"},
      // One node: name "a", op "Const".
      {bytes({0x0a, 10, 0x0a, 1}, "a") + bytes({0x12, 5}, "Const"),
       "a TensorFlow graph"},
      // Version 1, one graph that begins with its notes.
      {bytes({0x08, 1, 0x12, 4, 0x0a, 2}, "ab"), "a TensorFlow SavedModel"},
      {"PK\x03\x04 config.json model.weights.h5", "a Keras model"},
      {"PK\x03\x04 serialized_exported_program.json",
       "a program exported by PyTorch"},
      {"PK\x03\x04 model/data.pkl", "a pickled PyTorch model"},
  };
  for (const auto &[contents, kind] : kinds)
    for (const char *path : {"a", "a.json", "a.mlir", "a.onnx", "-"})
      EXPECT_EQ(foreignModelKind(contents, path), kind) << path;
}

TEST(ForeignModelTest, NamesDecideWhereContentsDoNot) {
  EXPECT_EQ(foreignModelKind("", "a.onnx"), "an ONNX model");
  EXPECT_EQ(foreignModelKind("\x01\x02", "a.b.pb"), "a TensorFlow graph");
  EXPECT_EQ(foreignModelKind("PK\x03\x04", "a.keras"), "a Keras model");
  EXPECT_EQ(foreignModelKind("\x01\x02", "onnx"), "");
  EXPECT_EQ(foreignModelKind("\x01\x02", ".onnx"), "");
}

TEST(ForeignModelTest, GraphFilesAndMlirAreNobodysModel) {
  for (const char *path : {"a.json", "a.mlir", "a.onnx", "a.pb", "-"}) {
    EXPECT_EQ(foreignModelKind(" \n{\"format\": \"amp-graph\"}", path), "");
    EXPECT_EQ(foreignModelKind("ML\xefR\x0d", path), "");
  }
  EXPECT_EQ(foreignModelKind("module {}\n", "a.mlir"), "");
  EXPECT_EQ(foreignModelKind("// a comment\nmodule {}\n", "-"), "");
}

TEST(ForeignModelTest, SaysWhatWorks) {
  EXPECT_EQ(describeForeignModel("", "m.onnx", "a graph file"),
            "'m.onnx' is an ONNX model, which is not read; what works is a "
            "graph file");
  EXPECT_EQ(describeForeignModel("{}", "m.json", "a graph file"), "");
}

TEST(ForeignModelTest, CutAndRandomHeadersAreReadWithinTheirBytes) {
  constexpr unsigned seed = 11;
  std::mt19937 random(seed);
  const std::string whole = bytes({0x0a, 10, 0x0a, 1}, "a") +
                            bytes({0x12, 5}, "Const");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(foreignModelKind(whole.substr(0, size), "a"), "") << size;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t i = random() % 24; i > 0; --i)
      text += "\x08\x0a\x12\x3a\x01\x80\xff"[random() % 7];
    // On the heap at its exact size, for the sanitizers.
    std::vector<char> exact(text.begin(), text.end());
    foreignModelKind({exact.data(), exact.size()}, "a");
  }
}

} // namespace

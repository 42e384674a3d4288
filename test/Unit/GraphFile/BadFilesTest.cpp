//===- BadFilesTest.cpp - Wrong graph files and their messages ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads every file of test/GraphFile/bad and compares all it has to say with
// the neighbouring file NAME.expected, byte for byte. With the environment
// variable AMP_UPDATE_EXPECTED set it writes those files instead; read the
// difference before you commit it.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Reader.h"
#include "amp/OpSet/OpSet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace amp::graphfile;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(AMP_SOURCE_DIR) / "test/GraphFile/bad";

std::vector<fs::path> badFiles() {
  std::vector<fs::path> files;
  for (const fs::directory_entry &entry :
       fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".json")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string readAll(const fs::path &path) {
  std::string text;
  std::optional<std::string> problem = readFile(path.string(), text);
  EXPECT_FALSE(problem) << *problem;
  return text;
}

struct Outcome {
  bool accepted;
  bool isIo;
  std::string rendered;
};

/// Messages name the file alone, so that they are the same everywhere.
Outcome read(const fs::path &path) {
  SourceText source(path.filename().string(), readAll(path));
  Diagnostics diags;
  bool accepted =
      readGraphFile(source, diags, path.parent_path().string()).has_value();
  EXPECT_NE(accepted, diags.hasErrors()) << path.filename();
  return {accepted, diags.hasIOErrors(), diags.render(source)};
}

} // namespace

TEST(BadFilesTest, ThereAreManyOfThem) { EXPECT_GE(badFiles().size(), 150u); }

TEST(BadFilesTest, EveryMessageIsAsExpected) {
  bool update = std::getenv("AMP_UPDATE_EXPECTED") != nullptr;
  for (const fs::path &path : badFiles()) {
    SCOPED_TRACE(path.filename().string());
    Outcome outcome = read(path);
    EXPECT_FALSE(outcome.accepted);
    fs::path expected = path;
    expected.replace_extension(".expected");
    if (update)
      EXPECT_FALSE(writeFile(expected.string(), outcome.rendered));
    else
      EXPECT_EQ(outcome.rendered, readAll(expected));
  }
}

/// Each op, backward ones too, is used wrongly in three ways at least. A
/// message counts for the op of the line that it shows; two that differ in
/// names and numbers alone count once.
TEST(BadFilesTest, EachOpHasThree) {
  std::map<std::string, std::set<std::string>> messages;
  const std::regex place(R"(^[^ ]*:\d+:\d+: error: (.*)$)");
  const std::regex op(R"re("op": "([a-z0-9_]+)")re");
  const std::regex detail("'[^']*'|-?[0-9.]+|float32|float16|int32|uint8|bool");
  for (const fs::path &path : badFiles()) {
    fs::path expected = path;
    std::istringstream lines(readAll(expected.replace_extension(".expected")));
    std::smatch found;
    for (std::string line, shown; std::getline(lines, line);)
      if (std::regex_match(line, found, place)) {
        std::string message = std::regex_replace(found[1].str(), detail, "_");
        if (std::getline(lines, shown) && std::regex_search(shown, found, op))
          messages[found[1]].insert(message);
      }
  }
  for (const amp::OpDef &def : amp::allOps())
    EXPECT_GE(messages[std::string(def.name)].size(), 3u)
        << def.name << ": test/GraphFile/bad_ops.py makes them";
}

/// Style of all messages: a place in the file, lower case, no period at the
/// end.
TEST(BadFilesTest, MessagesKeepTheStyle) {
  for (const fs::path &path : badFiles()) {
    SCOPED_TRACE(path.filename().string());
    SourceText source(path.filename().string(), readAll(path));
    Diagnostics diags;
    readGraphFile(source, diags, folder.string());
    ASSERT_FALSE(diags.all().empty());
    for (const Diagnostic &diagnostic : diags.all()) {
      SCOPED_TRACE(diagnostic.message);
      EXPECT_NE(diagnostic.at, kNowhere);
      EXPECT_LE(diagnostic.at, source.text().size());
      ASSERT_FALSE(diagnostic.message.empty());
      EXPECT_NE(diagnostic.message.back(), '.');
      EXPECT_EQ(diagnostic.message.find("should"), std::string::npos);
    }
  }
}

/// A file of weights that is not there is told from a bad graph file; a path
/// that is not allowed and an entry that does not fit are bad input.
TEST(BadFilesTest, OnlyMissingWeightsAreAnIOError) {
  for (const fs::path &path : badFiles())
    EXPECT_EQ(read(path).isIo, path.stem() == "weights-missing-file")
        << path.filename();
}

/// The words of the specification for a few of them, whatever .expected says.
TEST(BadFilesTest, PlaceOfTheMessage) {
  struct {
    const char *file, *place, *text;
  } cases[] = {
      {"reference-did-you-mean", ":9:48: error: ", "'images'"},
      {"op-unknown", ":9:29: error: ", "'relu'"},
      {"key-twice", ":9:54: error: ", "'op'"},
      {"precision-low-on-output", ":9:67: error: ", "float16"},
      {"version-2", ":3:14: error: ", "2.0"},
  };
  for (const auto &item : cases) {
    std::string rendered =
        read(folder / (std::string(item.file) + ".json")).rendered;
    size_t place = rendered.find(item.place);
    EXPECT_NE(place, std::string::npos) << rendered;
    EXPECT_NE(rendered.find(item.text), std::string::npos) << rendered;
  }
  std::string cycle = read(folder / "reference-cycle.json").rendered;
  for (const char *name : {"'a'", "'b'", "'c'"})
    EXPECT_NE(cycle.find(name), std::string::npos) << cycle;
}

//===- DocTest.cpp - Generated documentation is up to date ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// docs/GraphFile.md and the JSON Schema say what the op table says. After a
// change of the table: ninja amp-opset-doc && bin/amp-opset-doc ../docs
//===----------------------------------------------------------------------===//

#include "Doc.h"
#include "OpCase.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

using namespace amp;
using namespace amp::opset;

namespace {

std::string readFile(const std::string &name) {
  std::ifstream in(std::string(AMP_SOURCE_DIR) + "/docs/" + name);
  EXPECT_TRUE(in) << name;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

constexpr const char *howTo =
    "out of date: build amp-opset-doc and run it with the folder docs";

TEST(Doc, TablesAreUpToDate) {
  std::string page = readFile("GraphFile.md");
  std::optional<std::string> fresh = regenerate(page);
  ASSERT_TRUE(fresh) << "a marker is missing";
  EXPECT_TRUE(*fresh == page) << howTo;
}

TEST(Doc, SchemaIsUpToDate) {
  EXPECT_TRUE(readFile("amp-graph.schema.json") == jsonSchema()) << howTo;
}

TEST(Doc, EveryOpAndAttributeIsNamed) {
  std::string tables = forwardTables() + backwardTable();
  std::string schema = jsonSchema();
  for (const OpDef &def : allOps()) {
    std::string name(def.name);
    size_t row = tables.find("\n| `" + name + "` |");
    ASSERT_NE(row, std::string::npos) << name;
    std::string text = tables.substr(row, tables.find('\n', row + 1) - row);
    EXPECT_NE(schema.find("\"const\": \"" + name + "\""), std::string::npos);
    for (const OperandDef &operand : def.operands)
      EXPECT_NE(text.find("`" + std::string(operand.name) + "`"),
                std::string::npos)
          << name << " " << operand.name;
    for (const AttrDef &attr : def.attrs)
      EXPECT_NE(text.find("`" + std::string(attr.name) + "`"),
                std::string::npos)
          << name << " " << attr.name;
  }
}

TEST(Doc, AMissingMarkerIsNoticed) {
  EXPECT_FALSE(regenerate("no markers"));
  std::string page = readFile("GraphFile.md");
  size_t end = page.rfind("<!-- end generated -->");
  ASSERT_NE(end, std::string::npos);
  EXPECT_FALSE(regenerate(page.substr(0, end)));
}

} // namespace

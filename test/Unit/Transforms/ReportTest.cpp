//===- ReportTest.cpp - What a report says
//---------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reasons, witnesses, suggestions, casts and counts, in the data, in the JSON
// and in the text.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

#include "llvm/Support/JSON.h"

using namespace amp;
using namespace amp::toy;

namespace {

class Report : public ToyTest {
protected:
  void SetUp() override {
    rewritten("c = constant() f32\n"
              "x = matmul(a c) f32\n"
              "y = add(x c) f32\n"
              "z = matmul(y b) f32\n"
              "p = matmul(z z) f32 [amp.precision = f32]\n"
              "s = softmax(p) f32\n"
              "t = add(s c) f32\n"
              "g = relu(z) f32 [amp.origin = \"y\"]\n"
              "return(t z)");
  }
  const ReportNode &node(llvm::StringRef name) {
    for (const ReportNode &node : report.nodes)
      if (node.name == name)
        return node;
    ADD_FAILURE() << name.str();
    return report.nodes.front();
  }
  std::string reason(llvm::StringRef name) {
    return ruleLabel(node(name).reason.rule) + ": " +
           report.reasonText(node(name));
  }
};

} // namespace

TEST_F(Report, reasons) {
  EXPECT_EQ(reason("c"), "R17: on the keep list");
  EXPECT_EQ(reason("x"), "R1: on the allow list");
  EXPECT_EQ(reason("y"), "R5: on the infer list, between toy.matmul 'x' and "
                         "toy.matmul 'z'");
  EXPECT_EQ(reason("p"), "R12: pinned to float32");
  EXPECT_EQ(reason("s"), "R2: on the deny list");
  EXPECT_EQ(reason("t"),
            "R3: on the infer list, follows the denied toy.softmax 's'");
  EXPECT_EQ(reason("g"), "R7: on the clear list, takes the type of toy.matmul "
                         "'z'");
}

TEST_F(Report, suggestions) {
  EXPECT_EQ(report.suggestion(node("x")),
            "--pin=x or --keep=toy.matmul keeps it float32");
  EXPECT_EQ(report.suggestion(node("p")),
            "without its \"precision\" the policy decides");
  EXPECT_EQ(report.suggestion(node("t")),
            "--allow=toy.add lowers it, --keep=toy.softmax stops the spread of "
            "'s'");
  EXPECT_EQ(report.suggestion(node("c")), "");
}

TEST_F(Report, counts) {
  EXPECT_EQ(report.input.nodes, 7u);
  EXPECT_EQ(report.input.considered, 6u);
  EXPECT_EQ(report.input.lowered, 3u);
  EXPECT_EQ(report.generated.nodes, 1u);
  EXPECT_EQ(report.generated.lowered, 1u);
  EXPECT_EQ(report.summary(),
            "lowered 3 of 7 nodes and 1 of 1 generated ones to float16 (policy "
            "toy), 2 casts to 16 bits, 1 cast to float32, 1 constant "
            "converted");
}

TEST_F(Report, json) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  writeReportJson(report, stream);
  auto json = llvm::json::parse(text);
  ASSERT_TRUE(bool(json)) << text;
  const llvm::json::Object &root = *json->getAsObject();
  const llvm::json::Object &summary = *root.getObject("summary");
  EXPECT_EQ(summary.getInteger("lowered"), 3);
  EXPECT_EQ(summary.getObject("generated")->getInteger("lowered"), 1);
  EXPECT_EQ(summary.getInteger("casts_to_low"), 2);
  EXPECT_EQ(summary.getInteger("casts_to_float32"), 1);
  // Three casts of four elements, six bytes each.
  EXPECT_EQ(summary.getInteger("cast_bytes"), 72);
  EXPECT_EQ(summary.getString("target"), "float16");
  auto find = [&](const char *list, llvm::StringRef name) {
    for (const llvm::json::Value &value : *root.getArray(list))
      if (value.getAsObject()->getString("name") == name)
        return *value.getAsObject();
    return llvm::json::Object();
  };
  llvm::json::Object y = find("nodes", "y");
  EXPECT_EQ(llvm::json::Value(llvm::json::Object(y)),
            llvm::json::Value(llvm::json::Object{
                {"function", "f"},
                {"name", "y"},
                {"op", "toy.add"},
                {"list", "infer"},
                {"before", "float32"},
                {"after", "float16"},
                {"rule", "R5"},
                {"reason", "on the infer list, between toy.matmul 'x' and "
                           "toy.matmul 'z'"},
                {"because", llvm::json::Array{"x", "z"}}}));
  EXPECT_EQ(find("nodes", "g").getString("origin"), "y");
  llvm::json::Object cast = find("casts", "z/f32");
  EXPECT_EQ(llvm::json::Value(llvm::json::Object(cast)),
            llvm::json::Value(llvm::json::Object{
                {"function", "f"},
                {"name", "z/f32"},
                {"source", "z"},
                {"from", "float16"},
                {"to", "float32"},
                {"users", llvm::json::Array{"p", "output 1"}}}));
}

TEST_F(Report, explanation) {
  std::string text, nearest;
  llvm::raw_string_ostream stream(text);
  EXPECT_TRUE(writeExplanation(report, "y", stream, nearest));
  EXPECT_EQ(text,
            "f.json:3:3: y (toy.add in f): float32 -> float16\n"
            "  R5: on the infer list, between toy.matmul 'x' and toy.matmul "
            "'z'\n"
            "  f.json:2:3: 'x'\n"
            "  f.json:4:3: 'z'\n"
            "  to change it: --pin=y or --keep=toy.add keeps it float32\n"
            "f.json:8:3: g (toy.relu in f): float32 -> float16\n"
            "  R7: on the clear list, takes the type of toy.matmul 'z'; in "
            "the backward part of 'y'\n"
            "  f.json:4:3: 'z'\n"
            "  to change it: --pin=y or --keep=toy.relu keeps it float32\n");
  text.clear();
  EXPECT_TRUE(writeExplanation(report, "f:s", stream, nearest));
  EXPECT_EQ(text, "f.json:6:3: s (toy.softmax in f): stays float32\n"
                  "  R2: on the deny list\n"
                  "  to change it: --infer=toy.softmax lowers it between allow "
                  "ops, --allow=toy.softmax everywhere\n");
  text.clear();
  EXPECT_FALSE(writeExplanation(report, "g:s", stream, nearest));
  EXPECT_FALSE(writeExplanation(report, "yy", stream, nearest));
  // One letter, and that one wrong, is no hint.
  EXPECT_EQ(nearest, "");
  EXPECT_TRUE(text.empty());
  EXPECT_TRUE(writeExplanation(report, "", stream, nearest));
  EXPECT_NE(text.find("t (toy.add in f): stays float32"), std::string::npos);
}

//===- PolicyFileTest.cpp - Policy files and their messages ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a policy file means, and every message about a wrong one, word for
// word.
//===----------------------------------------------------------------------===//

#include "amp/Policy/Policy.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace amp;

static const std::vector<std::string_view> kNames = {
    "matmul", "add", "mul", "relu", "softmax", "reduce_sum", "constant"};

namespace {

class PolicyFile : public ::testing::Test {
protected:
  void SetUp() override {
    const auto *info = ::testing::UnitTest::GetInstance()->current_test_info();
    directory = ::testing::TempDir() + "amp_policy_" + info->name() + "_";
  }
  void TearDown() override {
    for (const std::string &file : files)
      std::remove(file.c_str());
  }
  std::string write(const std::string &name, const std::string &text) {
    files.push_back(directory + name);
    std::ofstream(files.back(), std::ios::binary) << text;
    return files.back();
  }
  std::optional<Policy> load(const std::string &policy,
                             Target target = Target::Float16) {
    request.policy = policy;
    request.target = target;
    messages.clear();
    return loadPolicy(request, kNames, messages);
  }
  /// All messages about the text, the file's name cut off.
  std::string complain(const std::string &text) {
    std::string file = write("p.json", text);
    EXPECT_FALSE(load(file)) << text;
    std::string all;
    for (const PolicyMessage &message : messages) {
      std::string line = message.text;
      size_t at = line.find(file);
      if (at != std::string::npos)
        line.replace(at, file.size(), "p.json");
      all += line + "\n";
    }
    return all;
  }

  std::string directory;
  std::vector<std::string> files;
  PolicyRequest request;
  std::vector<PolicyMessage> messages;
};

} // namespace

TEST_F(PolicyFile, aFileOfItsOwn) {
  auto policy = load(write("p.json", R"({"name": "mine", "doc": "notes",
    "lists": {"allow": ["matmul"], "infer": ["add", "mul"], "clear": ["relu"],
              "deny": ["softmax", "reduce_sum"], "keep": ["constant"]},
    "bfloat16": {"infer": ["reduce_sum"]},
    "infer_rule": {"float16": "between", "bfloat16": "follow"},
    "outputs": "node"})"));
  ASSERT_TRUE(policy);
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(policy->name, "mine");
  EXPECT_EQ(policy->list("reduce_sum"), ListKind::Deny);
  EXPECT_EQ(policy->inferRule, InferRule::Between);
  EXPECT_EQ(policy->outputs, OutputRule::Node);
  EXPECT_EQ(policy->members(ListKind::Infer),
            (std::vector<std::string>{"add", "mul"}));
  EXPECT_EQ(policy->list("never heard of"), ListKind::Keep);
  EXPECT_FALSE(policy->lists("never heard of"));

  policy = load(files.back(), Target::BFloat16);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->list("reduce_sum"), ListKind::Infer);
  EXPECT_EQ(policy->inferRule, InferRule::Follow);
}

TEST_F(PolicyFile, extendsBeatsTheBaseForBothTypes) {
  std::string base = write("base.json", R"({
    "lists": {"allow": ["matmul"], "deny": ["reduce_sum", "softmax"],
              "infer": ["add", "mul"], "clear": ["relu"], "keep": ["constant"]},
    "bfloat16": {"infer": ["reduce_sum", "softmax"]},
    "infer_rule": {"float16": "follow"}, "outputs": "node"})");
  std::string name = base.substr(base.rfind('/') + 1);
  std::string file = write("p.json", R"({"extends": ")" + name + R"(",
    "lists": {"deny": ["reduce_sum"], "allow": ["add"]}})");
  auto policy = load(file, Target::BFloat16);
  ASSERT_TRUE(policy) << messages[0].text;
  EXPECT_EQ(policy->list("reduce_sum"), ListKind::Deny);
  EXPECT_EQ(policy->list("softmax"), ListKind::Infer);
  EXPECT_EQ(policy->list("add"), ListKind::Allow);
  EXPECT_EQ(policy->list("mul"), ListKind::Infer);
  EXPECT_EQ(policy->outputs, OutputRule::Node);
  EXPECT_EQ(policy->inferRule, InferRule::Between);
  EXPECT_EQ(load(file)->inferRule, InferRule::Follow);
}

TEST_F(PolicyFile, theSectionOfATypeBeatsTheListsWhereverItStands) {
  std::string file = write("p.json", R"({"bfloat16": {"allow": ["add"]},
    "extends": "none", "lists": {"deny": ["add"]}})");
  EXPECT_EQ(load(file, Target::BFloat16)->list("add"), ListKind::Allow);
  EXPECT_EQ(load(file)->list("add"), ListKind::Deny);
}

TEST_F(PolicyFile, movesComeLast) {
  request.moves = {{ListKind::Allow, "softmax"},
                   {ListKind::Deny, "matmul"},
                   {ListKind::Infer, "tf.AddV2"}};
  auto policy = load(write("p.json", R"({"lists": {"allow": ["matmul"],
    "infer": ["add", "mul", "relu"], "deny": ["softmax", "reduce_sum"],
    "keep": ["constant"]}})"));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->list("softmax"), ListKind::Allow);
  EXPECT_EQ(policy->list("matmul"), ListKind::Deny);
  EXPECT_EQ(policy->list("tf.AddV2"), ListKind::Infer);
}

TEST_F(PolicyFile, anOpInNoListIsAWarning) {
  auto policy = load(write("p.json", R"({"name": "mine",
    "lists": {"allow": ["matmul", "add", "mul", "relu", "softmax"]}})"));
  ASSERT_TRUE(policy);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_FALSE(messages[0].isError);
  EXPECT_EQ(messages[0].text, "warning: policy 'mine': 2 ops are in no list "
                              "and kept float32: reduce_sum, constant");
  EXPECT_EQ(policy->list("constant"), ListKind::Keep);
}

TEST_F(PolicyFile, wrongMoves) {
  request.moves = {{ListKind::Allow, "sofmax"}};
  std::string file = write("p.json", "{}");
  EXPECT_FALSE(load(file));
  EXPECT_EQ(messages[0].text,
            "error: --allow: unknown op 'sofmax'; did you mean 'softmax'?");
  request.moves = {{ListKind::Allow, "add"}, {ListKind::Deny, "add"}};
  EXPECT_FALSE(load(file));
  EXPECT_EQ(messages[0].text,
            "error: --deny: op 'add' is in two lists, --allow has it too");
  request.moves = {{ListKind::Keep, ""}};
  EXPECT_FALSE(load(file));
  EXPECT_EQ(messages[0].text, "error: --keep: an op name is missing");
}

TEST_F(PolicyFile, unknownPolicies) {
  EXPECT_FALSE(load("defualt"));
  EXPECT_EQ(messages[0].text,
            "error: unknown policy 'defualt'; did you mean 'default'?");
  EXPECT_FALSE(load("xyzzy"));
  EXPECT_EQ(messages[0].text,
            "error: unknown policy 'xyzzy'; presets are default, tensorflow, "
            "tensorflow-2.19, minimal, none, linalg and tosa, and files end in "
            ".json");
  EXPECT_FALSE(load("/nonexistent/p.json"));
  EXPECT_EQ(messages[0].text,
            "error: cannot read policy file '/nonexistent/p.json': No such file "
            "or directory");
}

TEST_F(PolicyFile, aFolderIsNoFile) {
  std::string folder = directory + "folder.json";
  std::filesystem::create_directory(folder);
  EXPECT_FALSE(load(folder));
  EXPECT_EQ(messages[0].text,
            "error: cannot read policy file '" + folder + "': Is a directory");
  std::filesystem::remove(folder);
}

TEST_F(PolicyFile, messages) {
  EXPECT_EQ(complain("{\"lists\": {\"allow\": [\"matmull\"]}}"),
            "p.json:1:22: error: unknown op 'matmull'; did you mean "
            "'matmul'?\n"
            "{\"lists\": {\"allow\": [\"matmull\"]}}\n"
            "                     ^\n");
  EXPECT_EQ(complain("{\"lists\": {\n  \"allow\": [\"add\"],\n"
                     "\t\"deny\": [\"mul\", \"add\"]}}"),
            "p.json:3:18: error: op 'add' is in two lists, 'allow' and "
            "'deny'\n\t\"deny\": [\"mul\", \"add\"]}}\n\t                ^\n");
  EXPECT_EQ(complain("{\"lists\": {\"allow\": [\"add\", \"add\"]}}"),
            "p.json:1:29: error: op 'add' stands twice in list 'allow'\n"
            "{\"lists\": {\"allow\": [\"add\", \"add\"]}}\n"
            "                            ^\n");
  EXPECT_EQ(complain("{\"lists\": {\"alow\": []}}"),
            "p.json:1:12: error: unknown list 'alow'; did you mean 'allow'?\n"
            "{\"lists\": {\"alow\": []}}\n           ^\n");
  EXPECT_EQ(complain("{\"lists\": []}"),
            "p.json:1:11: error: 'lists' is a list, not an object of lists\n"
            "{\"lists\": []}\n          ^\n");
  EXPECT_EQ(complain("{\"lists\": {\"deny\": \"add\"}}"),
            "p.json:1:20: error: list 'deny' is a string, not a list of op "
            "names\n{\"lists\": {\"deny\": \"add\"}}\n                   ^\n");
  EXPECT_EQ(complain("{\"lists\": {\"deny\": [12]}}"),
            "p.json:1:21: error: an op name is a string, not a number, boolean "
            "or null\n{\"lists\": {\"deny\": [12]}}\n                    ^\n");
  EXPECT_EQ(complain("{\"list\": {}}"),
            "p.json:1:2: error: unknown key 'list'; did you mean 'lists'?\n"
            "{\"list\": {}}\n ^\n");
  EXPECT_EQ(complain("{\"lists\": {}, \"lists\": {}}"),
            "p.json:1:15: error: duplicate key 'lists'\n"
            "{\"lists\": {}, \"lists\": {}}\n              ^\n");
  EXPECT_EQ(complain("{\"name\": \"\"}"),
            "p.json:1:10: error: 'name' is a string that is not empty\n"
            "{\"name\": \"\"}\n         ^\n");
  EXPECT_EQ(complain("{\"outputs\": \"nodes\"}"),
            "p.json:1:13: error: 'outputs' is 'value' or 'node'\n"
            "{\"outputs\": \"nodes\"}\n            ^\n");
  EXPECT_EQ(complain("{\"infer_rule\": \"follow\"}"),
            "p.json:1:16: error: 'infer_rule' is a string, not an object with "
            "a rule for float16 and bfloat16\n"
            "{\"infer_rule\": \"follow\"}\n               ^\n");
  EXPECT_EQ(complain("{\"infer_rule\": {\"float15\": \"follow\"}}"),
            "p.json:1:17: error: unknown target 'float15'; did you mean "
            "'float16'?\n"
            "{\"infer_rule\": {\"float15\": \"follow\"}}\n                ^\n");
  EXPECT_EQ(complain("{\"infer_rule\": {\"float16\": \"after\"}}"),
            "p.json:1:28: error: an infer rule is 'between' or 'follow'\n"
            "{\"infer_rule\": {\"float16\": \"after\"}}\n"
            "                           ^\n");
  EXPECT_EQ(complain("{\"extends\": 1}"),
            "p.json:1:13: error: 'extends' is a string, not a number, boolean "
            "or null\n{\"extends\": 1}\n            ^\n");
  EXPECT_EQ(complain("{\"extends\": \"defalt\"}"),
            "p.json:1:13: error: unknown policy 'defalt'; did you mean "
            "'default'?\n{\"extends\": \"defalt\"}\n            ^\n");
  EXPECT_EQ(complain("[]"), "p.json:1:1: error: a policy is an object, not a "
                            "list\n[]\n^\n");
}

TEST_F(PolicyFile, brokenJson) {
  for (const char *text : {"", "{", "{\"lists\"", "{\"a\": 01}", "nul", "{} x",
                           "{\"name\": \"\xff\"}", "\xEF\xBB\xBF{}"}) {
    std::string message = complain(text);
    EXPECT_EQ(message.rfind("p.json:1:", 0), 0u) << message;
  }
  std::string deep(100000, '[');
  EXPECT_NE(complain(deep).find("p.json:1:65: error: nested deeper than 64 "
                                "levels\n"),
            std::string::npos);
}

TEST_F(PolicyFile, extendsItself) {
  std::string file = directory + "p.json";
  std::string name = file.substr(file.rfind('/') + 1);
  EXPECT_NE(complain("{\"extends\": \"" + name + "\"}").find("extends itself"),
            std::string::npos);
}

TEST_F(PolicyFile, atMostTwentyErrors) {
  std::string text = "{\"lists\": {\"allow\": [\"x0\"";
  for (int i = 1; i < 30; ++i)
    text += ", \"x" + std::to_string(i) + "\"";
  complain(text + "]}}");
  ASSERT_EQ(messages.size(), 21u);
  EXPECT_EQ(messages.back().text, "error: 10 more errors");
}

TEST_F(PolicyFile, printsItself) {
  auto policy = load(write("p.json", R"({"extends": "none", "name": "mine",
    "lists": {"allow": ["matmul"]}})"));
  std::string text = printPolicy(*policy);
  EXPECT_EQ(text.rfind("policy mine\ncompute dtype float16\n"
                       "variable dtype float32\n"
                       "allow: matmul\ninfer:\nclear:\ndeny:\nkeep: ",
                       0),
            0u)
      << text;
}

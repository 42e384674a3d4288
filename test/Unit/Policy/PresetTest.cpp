//===- PresetTest.cpp - The presets ---------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How the presets differ, op by op. That they cover the op table is tested
// where the op table is at hand.
//===----------------------------------------------------------------------===//

#include "amp/Policy/Policy.h"

#include <gtest/gtest.h>

#include <map>

using namespace amp;

static Policy load(std::string_view name, Target target) {
  PolicyRequest request;
  request.policy = name;
  request.target = target;
  std::vector<PolicyMessage> messages;
  auto policy = loadPolicy(request, {}, messages);
  EXPECT_TRUE(policy) << name;
  for (const PolicyMessage &message : messages)
    ADD_FAILURE() << message.text;
  return policy ? *policy : Policy();
}

static std::map<std::string, ListKind> table(const Policy &policy) {
  std::map<std::string, ListKind> result;
  for (ListKind list : {ListKind::Allow, ListKind::Infer, ListKind::Clear,
                        ListKind::Deny, ListKind::Keep})
    for (const std::string &op : policy.members(list))
      EXPECT_TRUE(result.emplace(op, list).second) << op;
  return result;
}

/// Ops on another list in `b`, with that list, forward ops only.
static std::map<std::string, std::string> difference(const Policy &a,
                                                     const Policy &b) {
  std::map<std::string, std::string> result;
  auto before = table(a), after = table(b);
  EXPECT_EQ(before.size(), after.size());
  for (const auto &[op, list] : after)
    if (before[op] != list && op.find("_grad") == std::string::npos)
      result[op] = listName(list);
  return result;
}

TEST(Preset, namesAndRules) {
  EXPECT_EQ(presetNames(), (std::vector<std::string_view>{
                               "default", "tensorflow", "tensorflow-2.19",
                               "minimal", "none", "linalg", "tosa"}));
  struct Row {
    const char *name;
    InferRule float16, bfloat16;
    OutputRule outputs;
  } rows[] = {
      {"default", InferRule::Between, InferRule::Follow, OutputRule::Value},
      {"tensorflow", InferRule::Follow, InferRule::Follow, OutputRule::Node},
      {"tensorflow-2.19", InferRule::Between, InferRule::Follow,
       OutputRule::Node},
      {"minimal", InferRule::Between, InferRule::Between, OutputRule::Value},
      {"none", InferRule::Between, InferRule::Between, OutputRule::Value},
  };
  for (const Row &row : rows) {
    EXPECT_EQ(load(row.name, Target::Float16).inferRule, row.float16);
    EXPECT_EQ(load(row.name, Target::BFloat16).inferRule, row.bfloat16);
    for (Target target : {Target::Float16, Target::BFloat16}) {
      EXPECT_EQ(load(row.name, target).outputs, row.outputs);
      EXPECT_EQ(load(row.name, target).name, row.name);
    }
  }
}

TEST(Preset, sumsMoveInBFloat16) {
  using Map = std::map<std::string, std::string>;
  auto moved = [](const char *name) {
    return difference(load(name, Target::Float16),
                      load(name, Target::BFloat16));
  };
  EXPECT_EQ(moved("default"), (Map{{"reduce_sum", "infer"},
                                   {"reduce_mean", "infer"},
                                   {"square", "infer"}}));
  Map tensorflow = {{"reduce_sum", "infer"},
                    {"reduce_mean", "infer"},
                    {"square", "infer"},
                    {"rsqrt", "infer"},
                    {"one_hot", "keep"}};
  EXPECT_EQ(moved("tensorflow"), tensorflow);
  EXPECT_EQ(moved("tensorflow-2.19"), tensorflow);
  EXPECT_TRUE(moved("minimal").empty());
  EXPECT_TRUE(moved("none").empty());
}

TEST(Preset, tensorflowAgainstDefault) {
  std::map<std::string, std::string> expected = {{"softmax", "infer"},
                                                 {"log_softmax", "infer"}};
  for (const char *op : {"square", "rsqrt", "sin", "cos", "cumsum", "dropout",
                         "layer_norm", "rms_norm", "gelu", "silu"})
    expected[op] = "keep";
  EXPECT_EQ(difference(load("default", Target::Float16),
                       load("tensorflow", Target::Float16)),
            expected);
  EXPECT_TRUE(difference(load("tensorflow", Target::BFloat16),
                         load("tensorflow-2.19", Target::BFloat16))
                  .empty());
}

TEST(Preset, minimalAndNone) {
  auto all = table(load("default", Target::Float16));
  auto minimal = table(load("minimal", Target::Float16));
  auto none = table(load("none", Target::Float16));
  EXPECT_EQ(all.size(), minimal.size());
  EXPECT_EQ(all.size(), none.size());
  for (const auto &[op, list] : all) {
    EXPECT_EQ(minimal.at(op),
              list == ListKind::Allow ? ListKind::Allow : ListKind::Keep);
    EXPECT_EQ(none.at(op), ListKind::Keep);
  }
}

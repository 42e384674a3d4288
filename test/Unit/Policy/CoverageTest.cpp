//===- CoverageTest.cpp - Every op is in every preset ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The op table against the presets: a new op fails here until somebody has
// decided where it belongs.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/OpSet.h"
#include "amp/Policy/Policy.h"

#include <gtest/gtest.h>

#include <set>

using namespace amp;

static Policy load(std::string_view name, Target target) {
  std::vector<std::string_view> names;
  for (const OpDef &def : allOps())
    names.push_back(def.name);
  PolicyRequest request;
  request.policy = name;
  request.target = target;
  std::vector<PolicyMessage> messages;
  auto policy = loadPolicy(request, names, messages);
  EXPECT_TRUE(policy);
  // An op in no list is a warning.
  for (const PolicyMessage &message : messages)
    ADD_FAILURE() << name << ": " << message.text;
  return policy ? *policy : Policy();
}

TEST(Coverage, everyOpIsInEveryPresetAndNoOther) {
  std::set<std::string> ops;
  for (const OpDef &def : allOps())
    ops.emplace(def.name);
  for (std::string_view preset : presetNames())
    for (Target target : {Target::Float16, Target::BFloat16}) {
      Policy policy = load(preset, target);
      std::set<std::string> listed;
      for (ListKind list : {ListKind::Allow, ListKind::Infer, ListKind::Clear,
                            ListKind::Deny, ListKind::Keep})
        for (const std::string &op : policy.members(list)) {
          // Ops of foreign dialects are test/Unit/Models' business.
          if (op.find('.') != std::string::npos)
            continue;
          EXPECT_TRUE(listed.insert(op).second) << op;
        }
      EXPECT_EQ(listed, ops) << preset;
    }
}

TEST(Coverage, backwardOpsAreListedAsTheirForwardOps) {
  for (std::string_view preset : presetNames())
    for (Target target : {Target::Float16, Target::BFloat16}) {
      Policy policy = load(preset, target);
      for (const OpDef &def : allOps()) {
        // The sum over broadcast axes accumulates in float32: infer.
        if (def.forward.empty() || def.name == "sum_to")
          continue;
        EXPECT_EQ(policy.list(def.name), policy.list(def.forward))
            << preset << ": " << def.name;
      }
    }
}

TEST(Coverage, lossesAreDenied) {
  for (Target target : {Target::Float16, Target::BFloat16}) {
    Policy policy = load("default", target);
    for (const OpDef &def : allOps())
      EXPECT_TRUE(!def.isLoss || policy.list(def.name) == ListKind::Deny)
          << def.name;
  }
}

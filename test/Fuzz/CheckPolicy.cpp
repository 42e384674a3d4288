//===- CheckPolicy.cpp - What holds for every policy file -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Policies are read from a path that ends in .json, so there is a folder.
//===----------------------------------------------------------------------===//

#include "JsonFile.h"
#include "Readers.h"

#include "amp/OpSet/OpSet.h"
#include "amp/Policy/Policy.h"

using namespace amp;
using namespace amp::test;

ReaderOutcome amp::test::checkPolicy(std::string bytes) {
  static const JsonFile file("policy");
  if (!file.put(bytes))
    return {false, "cannot write " + file.path()};
  std::vector<std::string_view> names;
  for (const OpDef &op : allOps())
    names.push_back(op.name);
  bool accepted = false;
  for (Target target : {Target::Float16, Target::BFloat16}) {
    std::string printed[2];
    for (std::string &text : printed) {
      std::vector<PolicyMessage> messages;
      std::optional<Policy> policy =
          loadPolicy({file.path(), target, {}}, names, messages);
      bool hasErrors = false;
      for (const PolicyMessage &message : messages) {
        hasErrors |= message.isError;
        if (message.text.empty())
          return {false, "a message is empty"};
        text += message.text + "\n";
      }
      if (policy.has_value() == hasErrors)
        return {policy.has_value(), policy ? "accepted, with an error: " + text
                                           : "refused without an error"};
      accepted = policy.has_value();
      if (policy)
        text += printPolicy(*policy);
    }
    if (printed[0] != printed[1])
      return {accepted, "read twice, the policy differs"};
  }
  return {accepted, std::nullopt};
}

std::vector<std::string> amp::test::policySeeds() {
  std::vector<std::string> seeds;
  for (std::string_view name : presetNames())
    seeds.emplace_back(presetText(name));
  seeds.push_back(R"({"name": "mine", "doc": "a note", "extends": "default",
 "lists": {"allow": ["add", "softmax"], "keep": ["mylib.fancy"]},
 "bfloat16": {"infer": ["reduce_sum"]},
 "infer_rule": {"float16": "follow"}, "outputs": "node"})");
  return seeds;
}

//===- CheckOpModels.cpp - What holds for every models file ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Models are read from a path that ends in .json, so there is a folder.
//===----------------------------------------------------------------------===//

#include "JsonFile.h"
#include "Readers.h"

#include "amp/Policy/OpModels.h"

using namespace amp;
using namespace amp::test;

namespace {

/// What is said about the file, and the lists that its ops are on.
struct Read {
  bool accepted = false, hasErrors = false, emptyMessage = false;
  std::string text;
};

Read read(const std::string &file) {
  Read result;
  std::vector<PolicyMessage> messages;
  std::shared_ptr<const OpModelsFile> models = loadOpModels(file, messages);
  for (const PolicyMessage &message : messages) {
    result.hasErrors |= message.isError;
    result.emptyMessage |= message.text.empty();
    result.text += message.text + "\n";
  }
  result.accepted = models != nullptr;
  if (!models)
    return result;
  for (const char *preset : {"default", "none"}) {
    std::optional<Policy> policy =
        loadPolicy({preset, Target::Float16, {}}, {}, messages);
    addOpModels(*policy, *models);
    for (const std::string &name : models->policyNames())
      if (!policy->lists(name))
        result.text += "on no list: " + name + "\n";
    result.text += printPolicy(*policy);
  }
  return result;
}

} // namespace

ReaderOutcome amp::test::checkOpModels(std::string bytes) {
  static const JsonFile file("op-models");
  if (!file.put(bytes))
    return {false, "cannot write " + file.path()};
  Read first = read(file.path()), again = read(file.path());
  if (first.emptyMessage)
    return {first.accepted, "a message is empty"};
  if (first.accepted == first.hasErrors)
    return {first.accepted, first.accepted
                                ? "accepted, with an error: " + first.text
                                : "refused without an error"};
  if (first.accepted && first.text.find("on no list: ") != std::string::npos)
    return {true, first.text};
  if (first.text != again.text)
    return {first.accepted, "read twice, the models differ"};
  return {first.accepted, std::nullopt};
}

std::vector<std::string> amp::test::opModelsSeeds() {
  std::vector<std::string> seeds;
  for (std::string_view name : opModelsNames())
    seeds.emplace_back(opModelsText(name));
  seeds.push_back(R"({"name": "mine", "doc": "a note",
 "dialects": {"my": {"cast": "convert", "constant": {"op": "const", "attribute": "value"}}, "other": {}},
 "ops": {"my.matmul": {"as": "matmul"}, "other.relu": {"list": "clear", "groups": "none"},
  "my.norm": {"as": "batch_norm", "groups": [{"operands": [0], "results": [0]}, {"operands_from": 2, "attribute": "T", "types": ["bfloat16"]}]},
  "my.reduce": {"list": "keep", "regions": "retype", "bodies": {"my.max": {"as": "reduce_max"}, "my.add": {"list": "deny"}}},
  "my.loss": {"as": "mean_squared_error", "loss": true}}})");
  return seeds;
}

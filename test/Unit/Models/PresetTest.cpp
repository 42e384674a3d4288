//===- PresetTest.cpp - Every op of a dialect is on a list ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What MLIR registers against the presets linalg and tosa, and the models of
// their ops: a new op of theirs fails here until somebody has decided.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/ModelSet.h"
#include "amp/Models/RegisterModels.h"
#include "amp/Policy/Policy.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace amp;
using namespace mlir;

static Policy load(std::string_view name, Target target) {
  PolicyRequest request;
  request.policy = name;
  request.target = target;
  std::vector<PolicyMessage> messages;
  auto policy = loadPolicy(request, {}, messages);
  EXPECT_TRUE(policy);
  for (const PolicyMessage &message : messages)
    ADD_FAILURE() << name << ": " << message.text;
  return policy ? *policy : Policy();
}

namespace {
class Presets : public ::testing::Test {
protected:
  Presets() {
    DialectRegistry registry;
    registerAllModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  /// Names of the ops of some dialects.
  std::vector<std::string> ops(std::initializer_list<llvm::StringRef> dialects) {
    std::vector<std::string> names;
    for (RegisteredOperationName op : context.getRegisteredOperations())
      if (llvm::is_contained(dialects, op.getDialectNamespace()))
        names.push_back(op.getStringRef().str());
    return names;
  }
  MLIRContext context;
};
} // namespace

TEST_F(Presets, linalgHasEveryOp) {
  Policy policy = load("linalg", Target::Float16);
  std::vector<std::string> names =
      ops({"linalg", "arith", "math", "tensor", "cf", "scf", "func",
           "ml_program"});
  EXPECT_GT(names.size(), 200u);
  for (const std::string &op : names)
    EXPECT_TRUE(policy.lists(op)) << op;
}

TEST_F(Presets, tosaHasEveryOp) {
  Policy policy = load("tosa", Target::Float16);
  std::vector<std::string> names =
      ops({"tosa", "arith", "math", "tensor", "cf", "scf", "func",
           "ml_program"});
  EXPECT_GT(names.size(), 200u);
  for (const std::string &op : names)
    EXPECT_TRUE(policy.lists(op)) << op;
}

// A name that a preset lists is one of an op: it stays so with the next MLIR.
TEST_F(Presets, everyListedNameIsAnOp) {
  std::vector<std::string> names = ops({"linalg", "arith", "math", "tensor", "cf",
                                        "scf", "func", "ml_program", "tosa"});
  for (const char *preset : {"linalg", "tosa"}) {
    Policy policy = load(preset, Target::Float16);
    for (ListKind list : {ListKind::Allow, ListKind::Infer, ListKind::Clear,
                          ListKind::Deny, ListKind::Keep})
      for (const std::string &op : policy.members(list)) {
        if (op.find('.') == std::string::npos)
          continue;
        EXPECT_TRUE(llvm::is_contained(names, op)) << preset << ": " << op;
      }
  }
}

// Without the preset an op is on the list of its family, which is the same.
TEST_F(Presets, familiesSayTheSame) {
  ModelSet models;
  for (Target target : {Target::Float16, Target::BFloat16}) {
    Policy plain = load("default", target);
    for (const char *preset : {"linalg", "tosa"}) {
      Policy policy = load(preset, target);
      unsigned compared = 0;
      for (const std::string &name : ops({"linalg", "arith", "math", "tensor",
                                          "tosa"})) {
        OperationName op(name, &context);
        auto *interface = models.kindOf(op).interface;
        if (!interface || !policy.lists(name))
          continue;
        // Models answer for the family by the name alone.
        OperationState state(UnknownLoc::get(&context), op);
        Operation *probe = Operation::create(state);
        llvm::StringRef family =
            PrecisionOpInterface(probe, interface).getPolicyFamily();
        probe->destroy();
        if (family.empty())
          continue;
        EXPECT_TRUE(plain.lists(family.str())) << name << ": " << family.str();
        EXPECT_EQ(policy.list(name), plain.list(family.str())) << name;
        ++compared;
      }
      EXPECT_GT(compared, 80u);
    }
  }
}

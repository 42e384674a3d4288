//===- RehearsalTest.cpp - Models that contradict their ops ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each wrong model is an error at its op, and the module is as it was.
//===----------------------------------------------------------------------===//

#include "amp/Models/RegisterModels.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace amp;
using namespace mlir;

namespace {

/// What all of them say.
template <typename Model>
struct WrongModel : PrecisionOpInterface::FallbackModel<Model> {
  static bool classof(Operation *) { return true; }
  void getTypeGroups(Operation *,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    groups.push_back({{0, 1}, {0}});
  }
  bool getAccumulatingGroups(Operation *,
                             llvm::SmallVectorImpl<TypeGroup> &) const {
    return false;
  }
  bool supportsElementType(Operation *, unsigned, FloatType) const {
    return true;
  }
  bool canExecute(Operation *, unsigned, FloatType) const { return true; }
  Type getGroupType(Operation *, unsigned) const { return {}; }
  LogicalResult retargetGroup(Operation *op, unsigned, FloatType type) const {
    op->getResult(0).setType(
        cast<ShapedType>(op->getResult(0).getType()).clone(type));
    return success();
  }
  bool isLoss(Operation *) const { return false; }
  llvm::StringRef getPolicyName(Operation *) const { return "matmul"; }
  llvm::StringRef getPolicyFamily(Operation *) const { return {}; }
};

/// Leaves an operand out that the op's verifier wants to have the same type.
struct HalfModel : WrongModel<HalfModel> {
  void getTypeGroups(Operation *,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    groups.push_back({{0}, {0}});
  }
};
/// Forgets the result.
struct ForgetfulModel : WrongModel<ForgetfulModel> {
  LogicalResult retargetGroup(Operation *, unsigned, FloatType) const {
    return success();
  }
};
/// Fails, and says why.
struct FailingModel : WrongModel<FailingModel> {
  LogicalResult retargetGroup(Operation *op, unsigned, FloatType) const {
    return op->emitError("not today");
  }
};

/// Names an operand that is not there.
struct BeyondModel : WrongModel<BeyondModel> {
  void getTypeGroups(Operation *,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    groups.push_back({{0, 1, 7}, {0}});
  }
};

/// The error and its notes when arith.addf has such a model. The module must be
/// as it was.
template <typename Model> std::string messageOf() {
  MLIRContext context;
  context.printOpOnDiagnostic(false);
  DialectRegistry registry;
  // Casts, and no model of arith.
  registerFuncModels(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  auto op = RegisteredOperationName::lookup("arith.addf", &context);
  if (!op)
    return "no such op";
  op->attachInterface<Model>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      R"mlir(
func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.addf %a, %b : tensor<4xf32>
  %1 = arith.addf %0, %b : tensor<4xf32>
  return %1 : tensor<4xf32>
})mlir",
      &context);
  auto print = [&] {
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    return text;
  };
  const std::string before = print();
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    for (Diagnostic &note : diagnostic.getNotes())
      messages += note.str() + "\n";
    return success();
  });
  MixedPrecisionOptions options;
  EXPECT_TRUE(failed(autoMixedPrecision(*module, options)));
  EXPECT_EQ(print(), before);
  return messages;
}

} // namespace

TEST(Rehearsal, aModelThatContradictsTheVerifier) {
  EXPECT_EQ(messageOf<HalfModel>(),
            "cannot have type 'f16', although its model says so\n"
            "'arith.addf' op requires the same type for all operands and "
            "results\n");
  EXPECT_EQ(messageOf<ForgetfulModel>(),
            "cannot have type 'f16', although its model says so\n"
            "'arith.addf' op requires the same type for all operands and "
            "results\n");
}

TEST(Rehearsal, aGroupOfMoreThanThereIs) {
  EXPECT_EQ(messageOf<BeyondModel>(),
            "has a model whose type group 0 is of more operands or results than "
            "the op has\n");
}

TEST(Rehearsal, retargetingThatFails) {
  EXPECT_EQ(messageOf<FailingModel>(),
            "cannot have type 'f16', although its model says so\n"
            "not today\n");
}

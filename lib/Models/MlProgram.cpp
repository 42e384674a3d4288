//===- MlProgram.cpp - Functions and globals of ml_program ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A global is a variable: what is loaded from it has the type that it has.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

using namespace mlir;
using namespace amp;

namespace {
struct MlProgramGlobals : ArithCasts {
  using ArithCasts::ArithCasts;
  bool isVariableRead(Operation *op) const override {
    return isa<ml_program::GlobalLoadOp, ml_program::GlobalLoadConstOp,
               ml_program::GlobalLoadGraphOp>(op);
  }
  std::string getInputName(Value value) const override {
    if (auto load = value.getDefiningOp<ml_program::GlobalLoadOp>())
      return load.getGlobal().getLeafReference().str();
    if (auto load = value.getDefiningOp<ml_program::GlobalLoadConstOp>())
      return load.getGlobal().getLeafReference().str();
    if (auto load = value.getDefiningOp<ml_program::GlobalLoadGraphOp>())
      return load.getGlobal().getLeafReference().str();
    return {};
  }
};

/// A store keeps what it is given in the type of the global.
struct StoreModel : ModelBase<StoreModel> {
  void getTypeGroups(Operation *, llvm::SmallVectorImpl<TypeGroup> &) const {}
  LogicalResult retargetGroup(Operation *, unsigned, FloatType) const {
    return failure();
  }
  llvm::StringRef getPolicyFamily(Operation *) const { return "assign"; }
};
} // namespace

void amp::registerMlProgramModels(DialectRegistry &registry) {
  registry.insert<ml_program::MLProgramDialect>();
  registry.addExtension(
      +[](MLIRContext *context, ml_program::MLProgramDialect *dialect) {
        addArithCasts<MlProgramGlobals>(dialect);
        ml_program::GlobalStoreOp::attachInterface<StoreModel>(*context);
        ml_program::GlobalStoreGraphOp::attachInterface<StoreModel>(*context);
      });
}

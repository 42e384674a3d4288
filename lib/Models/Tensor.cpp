//===- Tensor.cpp - Ops of tensor -----------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Shapes change, elements do not: everything takes its neighbours' type. Scalars
// that go into a tensor or come out of it have its type.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace amp;

llvm::ArrayRef<OpEntry> amp::tensorOps() {
  static constexpr OpEntry ops[] = {
      {"tensor.bitcast", OpShape::None, "cast"},
      {"tensor.cast", OpShape::Tensors, "identity"},
      {"tensor.collapse_shape", OpShape::Tensors, "reshape"},
      {"tensor.concat", OpShape::Tensors, "concat"},
      {"tensor.dim", OpShape::Tensors, "identity"},
      {"tensor.empty", OpShape::Tensors, "identity"},
      {"tensor.expand_shape", OpShape::Tensors, "reshape"},
      {"tensor.extract", OpShape::Values, "gather"},
      {"tensor.extract_slice", OpShape::Tensors, "slice"},
      {"tensor.from_elements", OpShape::Values, "stack"},
      {"tensor.gather", OpShape::Tensors, "gather"},
      {"tensor.generate", OpShape::Own, "identity"},
      {"tensor.insert", OpShape::Values, "concat"},
      {"tensor.insert_slice", OpShape::Tensors, "concat"},
      {"tensor.pad", OpShape::Own, "pad"},
      {"tensor.parallel_insert_slice", OpShape::None, "cast"},
      {"tensor.rank", OpShape::Tensors, "identity"},
      {"tensor.reshape", OpShape::Tensors, "reshape"},
      {"tensor.scatter", OpShape::Tensors, "gather"},
      {"tensor.splat", OpShape::Values, "broadcast_to"},
  };
  return ops;
}

namespace {

/// tensor.pad and tensor.generate yield an element, which they compute as they
/// did.
struct YieldModel : ModelBase<YieldModel> {
  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    getFloatGroup(op, /*scalars=*/false, groups);
  }
  LogicalResult retargetGroup(Operation *op, unsigned, FloatType type) const {
    if (!op->getRegion(0).hasOneBlock())
      return failure();
    Block &body = op->getRegion(0).front();
    llvm::SmallVector<Type> arguments(body.getArgumentTypes());
    retypeScalarBody(body, arguments, type, type);
    retypeFloatResults(op, /*scalars=*/false, type);
    return success();
  }
};

} // namespace

void amp::registerTensorModels(DialectRegistry &registry) {
  registry.insert<tensor::TensorDialect>();
  registry.addExtension(
      +[](MLIRContext *context, tensor::TensorDialect *dialect) {
        addArithCasts(dialect);
        attachModels(context, tensorOps());
        attachOwnModel<YieldModel>(context, tensorOps());
      });
}

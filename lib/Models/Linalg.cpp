//===- Linalg.cpp - Matrix products of linalg ---------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Named ops of linalg as one type group: operands, the destination, the result
// and the arguments of the region that holds the scalar computation.
//===----------------------------------------------------------------------===//

#include "Casts.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/Models/RegisterModels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace amp;

namespace {

/// The model of one op. Its body is `yield(add(mul(a, b), acc))`, whose types
/// follow from those of the block arguments.
template <typename Op>
struct ContractionModel
    : PrecisionOpInterface::ExternalModel<ContractionModel<Op>, Op> {
  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    // On buffers there is no value that could change its type.
    if (op->getNumResults() != 1)
      return;
    TypeGroup group;
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      group.operands.push_back(i);
    group.results.push_back(0);
    groups.push_back(std::move(group));
  }

  llvm::LogicalResult retargetGroup(Operation *op, unsigned,
                                    FloatType type) const {
    Block &body = op->getRegion(0).front();
    for (Operation &inner : body)
      if (!isa<arith::MulFOp, arith::AddFOp, linalg::YieldOp>(inner))
        return failure();
    for (BlockArgument argument : body.getArguments())
      argument.setType(type);
    for (Operation &inner : body)
      for (OpResult result : inner.getResults())
        result.setType(type);
    auto old = cast<ShapedType>(op->getResult(0).getType());
    op->getResult(0).setType(old.clone(type));
    return success();
  }

  llvm::StringRef getPolicyName(Operation *) const { return "matmul"; }
};

} // namespace

void amp::registerLinalgModels(DialectRegistry &registry) {
  registry.insert<linalg::LinalgDialect>();
  registry.addExtension(+[](MLIRContext *context,
                            linalg::LinalgDialect *dialect) {
    // The casts that the pass makes in a function of these ops.
    context->getOrLoadDialect<arith::ArithDialect>();
    addArithCasts(dialect);
    linalg::MatmulOp::attachInterface<ContractionModel<linalg::MatmulOp>>(
        *context);
    linalg::BatchMatmulOp::attachInterface<
        ContractionModel<linalg::BatchMatmulOp>>(*context);
  });
}

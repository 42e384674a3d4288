//===- Scf.cpp - Control flow of scf --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loops and branches say themselves what they carry (RegionBranchOpInterface),
// but for those that run in parallel: what forall inserts into a destination,
// and what parallel reduces.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "amp/Interfaces/RegionFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace amp;

namespace {

/// A destination, the argument that stands for it, what is inserted there, and
/// the result.
bool carriedByForall(scf::ForallOp loop,
                     llvm::SmallVectorImpl<CarriedValue> &carried) {
  const size_t first = carried.size();
  OpOperand *outputs = loop.getNumResults() == 0
                           ? nullptr
                           : &loop->getOpOperand(loop->getNumOperands() -
                                                 loop.getNumResults());
  auto arguments = loop.getRegionOutArgs();
  for (unsigned i = 0; i < loop.getNumResults(); ++i) {
    CarriedValue &value = carried.emplace_back();
    value.operands.push_back(outputs + i);
    value.values = {arguments[i], loop.getResult(i)};
  }
  for (Operation &inner : loop.getTerminator().getRegion().front()) {
    auto insert = dyn_cast<tensor::ParallelInsertSliceOp>(inner);
    auto argument =
        insert ? dyn_cast<BlockArgument>(insert.getDest()) : BlockArgument();
    if (!argument || !llvm::is_contained(arguments, argument)) {
      carried.truncate(first);
      return false;
    }
    CarriedValue &value =
        carried[first + argument.getArgNumber() - arguments[0].getArgNumber()];
    value.operands.push_back(&insert.getSourceMutable());
    value.operands.push_back(&insert.getDestMutable());
  }
  return true;
}

/// An initial value, what is reduced with it, and the result.
bool carriedByParallel(scf::ParallelOp loop,
                       llvm::SmallVectorImpl<CarriedValue> &carried) {
  auto reduce = dyn_cast<scf::ReduceOp>(loop.getBody()->getTerminator());
  const unsigned count = loop.getNumResults();
  if (!reduce || reduce->getNumOperands() != count ||
      reduce->getNumRegions() != count)
    return false;
  for (unsigned i = 0; i < count; ++i) {
    Block &body = reduce->getRegion(i).front();
    CarriedValue &value = carried.emplace_back();
    value.operands = {
        &loop->getOpOperand(loop->getNumOperands() - count + i),
        &reduce->getOpOperand(i), &body.back().getOpOperand(0)};
    value.values = {body.getArgument(0), body.getArgument(1),
                    loop.getResult(i)};
  }
  return true;
}

struct ScfFlow : RegionFlowDialectInterface {
  using RegionFlowDialectInterface::RegionFlowDialectInterface;
  bool
  getCarriedValues(Operation *op,
                   llvm::SmallVectorImpl<CarriedValue> &carried) const override {
    if (auto loop = dyn_cast<scf::ForallOp>(op))
      return carriedByForall(loop, carried);
    if (auto loop = dyn_cast<scf::ParallelOp>(op))
      return carriedByParallel(loop, carried);
    llvm::SmallVector<CarriedValue, 4> unused;
    if (isa<scf::InParallelOp>(op))
      return carriedByForall(op->getParentOfType<scf::ForallOp>(), unused);
    return isa<scf::ReduceOp>(op) &&
           carriedByParallel(op->getParentOfType<scf::ParallelOp>(), unused);
  }
};

} // namespace

void amp::registerScfModels(DialectRegistry &registry) {
  registry.insert<scf::SCFDialect>();
  registry.addExtension(+[](MLIRContext *, scf::SCFDialect *dialect) {
    addArithCasts(dialect);
    dialect->addInterface<ScfFlow>();
  });
}

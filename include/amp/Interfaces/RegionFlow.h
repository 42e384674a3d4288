//===- RegionFlow.h - Values that ops carry through regions -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What ops carry whose dialect does not say it by RegionBranchOpInterface, or
// not all of it. A dialect whose loops and branches implement that interface
// needs nothing from here.
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_REGIONFLOW_H
#define AMP_INTERFACES_REGIONFLOW_H

#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/Operation.h"

namespace amp {

/// All places where one value lives: operands of the op and of what ends its
/// blocks, block arguments, results. They have one type, before and after.
///
/// Not this: the condition of a loop, which goes nowhere; the initial value of a
/// loop without its result.
struct CarriedValue {
  llvm::SmallVector<mlir::OpOperand *, 4> operands;
  llvm::SmallVector<mlir::Value, 4> values;
};

/// Attached to a dialect.
class RegionFlowDialectInterface
    : public mlir::DialectInterface::Base<RegionFlowDialectInterface> {
public:
  RegionFlowDialectInterface(mlir::Dialect *dialect) : Base(dialect) {}

  /// Whether control flows through the regions of the op, so that what stands in
  /// them is painted like other ops; then also appends what it carries, none in
  /// two entries. An op that ends a block and has regions (scf.in_parallel)
  /// carries nothing itself.
  ///
  /// Not this: true for an op that computes with its region (a reduction), which
  /// its model retypes; or for one that is malformed.
  virtual bool
  getCarriedValues(mlir::Operation *op,
                   llvm::SmallVectorImpl<CarriedValue> &carried) const = 0;
};

/// A loop: operand i, argument i of every region, what the last region hands
/// over, and result i. False for an op that is not made so.
inline bool carriedByLoop(mlir::Operation *op,
                          llvm::SmallVectorImpl<CarriedValue> &carried) {
  const unsigned count = op->getNumOperands();
  if (op->getNumResults() != count || op->getNumRegions() == 0)
    return false;
  for (mlir::Region &region : op->getRegions())
    if (!region.hasOneBlock() || region.front().empty() ||
        region.getNumArguments() != count)
      return false;
  mlir::Operation &end = op->getRegions().back().front().back();
  if (end.getNumOperands() != count)
    return false;
  for (unsigned i = 0; i < count; ++i) {
    CarriedValue &value = carried.emplace_back();
    value.operands = {&op->getOpOperand(i), &end.getOpOperand(i)};
    for (mlir::Region &region : op->getRegions())
      value.values.push_back(region.getArgument(i));
    value.values.push_back(op->getResult(i));
  }
  return true;
}

/// A branch: what each region hands over is the results; arguments, where
/// regions have any, are the last operands. False for an op that is not made so.
inline bool carriedByBranch(mlir::Operation *op,
                            llvm::SmallVectorImpl<CarriedValue> &carried) {
  if (op->getNumRegions() == 0)
    return false;
  const unsigned inputs = op->getRegion(0).empty()
                              ? 0
                              : op->getRegion(0).getNumArguments();
  for (mlir::Region &region : op->getRegions())
    if (!region.hasOneBlock() || region.front().empty() ||
        region.getNumArguments() != inputs || inputs > op->getNumOperands() ||
        region.front().back().getNumOperands() != op->getNumResults())
      return false;
  for (unsigned i = 0; i < inputs; ++i) {
    CarriedValue &value = carried.emplace_back();
    value.operands.push_back(
        &op->getOpOperand(op->getNumOperands() - inputs + i));
    for (mlir::Region &region : op->getRegions())
      value.values.push_back(region.getArgument(i));
  }
  for (unsigned i = 0; i < op->getNumResults(); ++i) {
    CarriedValue &value = carried.emplace_back();
    for (mlir::Region &region : op->getRegions())
      value.operands.push_back(&region.front().back().getOpOperand(i));
    value.values.push_back(op->getResult(i));
  }
  return true;
}

} // namespace amp

#endif // AMP_INTERFACES_REGIONFLOW_H

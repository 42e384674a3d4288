//===- ValueFlow.h - Values that live in several places ---------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What an op with regions carries from its operands to block arguments, from
// terminators to arguments and results, and what a call carries into a function
// and out of it. Asked of MLIR's own interfaces, so that the ops of any dialect
// that implement them need no model.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_VALUEFLOW_H
#define AMP_ANALYSIS_VALUEFLOW_H

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

#include <vector>

namespace amp {

class ModelSet;

/// A type group whose values live in several places.
struct FlowGroup : TypeGroup {
  /// Operands of terminators, and of other ops that hand over what leaves a
  /// region.
  llvm::SmallVector<mlir::OpOperand *, 2> handedOver;
};

/// Whether control flows through the regions of the op in ways that somebody
/// tells: its dialect (RegionFlowDialectInterface), the op by
/// RegionBranchOpInterface, with terminators that say what they hand to whom, or
/// a models file. The regions of other ops are their own business.
bool flowsThrough(mlir::Operation *op, const ModelSet &models);

/// The floating values that an op carries through its regions, one group for
/// each that lives in several places.
void getRegionGroups(mlir::Operation *op, const ModelSet &models,
                     llvm::SmallVectorImpl<FlowGroup> &groups);

/// By the branch that stands for it, in block order.
using BranchGroups =
    llvm::MapVector<mlir::Operation *, llvm::SmallVector<FlowGroup, 2>>;

/// What branches between the blocks of a region hand to block arguments
/// (BranchOpInterface), the operands of all of them among `handedOver`. The first
/// one that hands something over stands for a group. An argument that any
/// predecessor fills in another way is in none.
void getBranchGroups(mlir::Region &region, BranchGroups &groups);

/// Functions that are painted as one, since calls tie them.
struct FunctionUnit {
  llvm::SmallVector<mlir::FunctionOpInterface, 1> functions;
  /// Those of them whose signatures may change, in the same order.
  llvm::SmallVector<mlir::FunctionOpInterface, 0> retypable;
  /// Calls of the latter, in the order of the module.
  llvm::MapVector<mlir::Operation *, mlir::FunctionOpInterface> calls;
};

/// Units of functions with bodies. `models` say of ops that are not registered
/// that they are no symbol tables. A signature may change where the dialect of
/// the function says that it is no boundary and every use of its symbol is a
/// call in one of the functions, with operands and results of the types that it
/// says, and there is one. Calls of other functions tie nothing.
std::vector<FunctionUnit>
findUnits(llvm::ArrayRef<mlir::FunctionOpInterface> functions,
          const ModelSet &models);

} // namespace amp

#endif // AMP_ANALYSIS_VALUEFLOW_H

//===- Training.h - Expanding a training function ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the steps of amp-gradients hand to each other: the settings that the
// attribute `training` holds, the gradients, the variables of the module.
// Private to this library.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_GRAPH_TRANSFORMS_TRAINING_H
#define AMP_LIB_DIALECT_GRAPH_TRANSFORMS_TRAINING_H

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/OpSet/Optimizers.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace amp::graph {

/// A settings dictionary of the optimizer, defaults filled in.
struct Optimizer {
  const OptimizerDef *def = nullptr;
  llvm::SmallVector<double, 5> values; ///< parallel to def->params

  bool is(llvm::StringRef kind) const;
  /// The value of a setting that this optimizer has.
  double get(llvm::StringRef name) const;
};

/// The attribute `training` of a function, checked.
struct TrainingSection {
  mlir::Value loss;
  Optimizer optimizer;
  /// What to train, in the order of the module's variables.
  llvm::SmallVector<ReadOp> variables;
  /// `variables` names them; without it a variable that no gradient reaches is
  /// left out with a warning.
  bool variablesGiven = false;
  /// The file holds its backward part: what seeds it, and the gradients.
  mlir::Operation *seed = nullptr;
  llvm::MapVector<mlir::Value, mlir::Value> gradients;
};

/// The place of a key of `training` in the file, or that of the function.
mlir::Location trainingLoc(FuncOp function, llvm::StringRef key);

/// The variables of a module, which optimizer state is added to, and their
/// reads in the function that is being expanded.
class ModuleVariables {
public:
  explicit ModuleVariables(mlir::ModuleOp module);

  VariableOp find(llvm::StringRef name) const { return byName.lookup(name); }
  llvm::ArrayRef<VariableOp> all() const { return inOrder; }

  /// Turns to another function.
  void enter(FuncOp function);
  /// The read of a variable in the function; null if there is none.
  ReadOp findRead(llvm::StringRef name) const { return reads.lookup(name); }
  /// The same, made at the end of the reads if there is none.
  mlir::Value read(VariableOp variable);
  /// The op of the function that updates a variable already, or null.
  mlir::Operation *updateOf(llvm::StringRef name) const {
    return updates.lookup(name);
  }

  /// State of the optimizer: the variable of that name, made if missing. Fails
  /// with a diagnostic when it has another type, or another function trains
  /// with it already.
  mlir::FailureOr<VariableOp> state(llvm::StringRef name,
                                    mlir::RankedTensorType type,
                                    mlir::DictionaryAttr init,
                                    mlir::ArrayAttr shapeNames);

private:
  mlir::ModuleOp module;
  llvm::StringMap<VariableOp> byName;
  llvm::SmallVector<VariableOp> inOrder;
  /// The training function that a variable is state of.
  llvm::StringMap<FuncOp> trainedBy;
  /// Where the next new variable goes.
  mlir::Operation *last = nullptr;

  FuncOp function;
  llvm::StringMap<ReadOp> reads;
  llvm::StringMap<mlir::Operation *> updates;
  mlir::Operation *lastRead = nullptr;
};

/// Reads and checks the attribute. Nothing has changed on failure.
mlir::FailureOr<TrainingSection> readTraining(FuncOp function,
                                              const ModuleVariables &variables);

/// The gradient of the loss for each variable that it depends on.
using VariableGradients = llvm::MapVector<mlir::Value, mlir::Value>;

/// Adds the backward part before the terminator.
mlir::FailureOr<VariableGradients> buildBackwardPart(FuncOp function,
                                                     const TrainingSection &,
                                                     NameAllocator &names);

/// Adds the new moving statistics of every batch norm that trains.
mlir::LogicalResult buildMovingStatistics(FuncOp function,
                                          ModuleVariables &variables,
                                          NameAllocator &names);

/// Adds one optimizer step per gradient and the step counter.
mlir::LogicalResult buildUpdates(FuncOp function, const TrainingSection &,
                                 const VariableGradients &gradients,
                                 ModuleVariables &variables,
                                 NameAllocator &names);

} // namespace amp::graph

#endif // AMP_LIB_DIALECT_GRAPH_TRANSFORMS_TRAINING_H

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
#include "llvm/ADT/StringSet.h"

#include <optional>

namespace amp::graph {

/// A settings dictionary of the optimizer, defaults filled in.
struct Optimizer {
  const OptimizerDef *def = nullptr;
  llvm::SmallVector<double, 5> values; ///< parallel to def->params

  bool is(llvm::StringRef kind) const;
  /// The value of a setting that this optimizer has.
  double get(llvm::StringRef name) const;
};

/// How the learning rate changes with the number of steps.
struct Schedule {
  enum class Kind { Constant, Linear, Cosine };
  Kind kind = Kind::Constant;
  int64_t warmupSteps = 0;
  /// Without it a constant rate stays.
  std::optional<int64_t> totalSteps;
  /// The factor from `totalSteps` on.
  double end = 1;
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
  std::optional<double> clipNorm;
  int64_t accumulateSteps = 1;
  std::optional<Schedule> schedule;
  /// Names of variables without weight decay.
  llvm::StringSet<> noDecay;
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

/// Makes the nodes between the gradients and the updates, and the updates,
/// before the terminator of a function.
class StepBuilder {
public:
  StepBuilder(FuncOp function, ModuleVariables &variables,
              NameAllocator &names);

  FuncOp getFunction() const { return function; }
  mlir::OpBuilder &getBuilder() { return builder; }
  ModuleVariables &getVariables() { return variables; }
  /// The key of `training` that the next nodes are made for: their place.
  void setKey(llvm::StringRef key);
  void setLoc(mlir::Location newLoc) { loc = newLoc; }

  /// A node; null when an operand is null or after a diagnostic.
  mlir::Operation *create(llvm::StringRef op, const llvm::Twine &name,
                          mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attrs = {});
  /// Its result.
  mlir::Value createValue(llvm::StringRef op, const llvm::Twine &name,
                          mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attrs = {});
  /// The same, pinned when it is float32: what an optimizer computes is master
  /// arithmetic under every policy.
  mlir::Value createPinned(llvm::StringRef op, const llvm::Twine &name,
                           mlir::ValueRange operands);
  /// Scalar constants; a real one is float32 unless `element` says otherwise.
  mlir::Value createReal(const llvm::Twine &name, double value,
                         mlir::Type element = {});
  mlir::Value createInteger(const llvm::Twine &name, int64_t value);

  /// The read of a scalar that is state of the optimizer.
  mlir::FailureOr<mlir::Value> scalarState(llvm::StringRef name,
                                           mlir::Type element, double initial);
  /// The read of VARIABLE/suffix, state that looks like the variable.
  mlir::FailureOr<mlir::Value> slot(ReadOp variable, llvm::StringRef suffix);

private:
  FuncOp function;
  ModuleVariables &variables;
  NameAllocator &names;
  mlir::OpBuilder builder;
  mlir::Location loc;
};

/// Sums over the calls of a group, when `accumulate_steps` is more than 1:
/// every call adds, the last one updates with the mean and starts anew.
class Accumulation {
public:
  Accumulation(StepBuilder &nodes, int64_t steps)
      : nodes(nodes), steps(steps) {}

  bool isActive() const { return steps > 1; }
  /// Adds the counter of the calls.
  mlir::LogicalResult begin();
  /// Whether this call is the last of its group; null when every call updates.
  mlir::Value getLast() const { return last; }
  /// `value` itself, or its mean over the calls of the group, which the
  /// accumulator of `variable` sums. A gradient is one of the backward part.
  mlir::FailureOr<mlir::Value> mean(ReadOp variable, mlir::Value value,
                                    bool isGradient);
  /// Adds the updates of the sums and the counter.
  mlir::LogicalResult finish();

private:
  struct Sum {
    std::string name;
    mlir::Value accumulator, next;
  };

  /// Zero and the number of calls, made once for each type.
  std::pair<mlir::Value, mlir::Value> constantsOf(mlir::Type element);

  StepBuilder &nodes;
  int64_t steps;
  mlir::Value last;
  llvm::SmallDenseMap<mlir::Type, std::pair<mlir::Value, mlir::Value>, 2>
      constants;
  llvm::SmallVector<Sum> sums;
};

/// What the optimizer takes: the gradients summed over calls and clipped to
/// their global norm, where the section says so.
mlir::LogicalResult prepareGradients(StepBuilder &nodes,
                                     const TrainingSection &section,
                                     Accumulation &accumulation,
                                     VariableGradients &gradients);

/// The learning rate of this step: `rate` times the factor of the schedule.
/// Null after a diagnostic.
mlir::Value buildSchedule(StepBuilder &nodes, const Schedule &schedule,
                          mlir::Value rate, mlir::Value iterations);

/// Adds the new moving statistics of every batch norm that trains.
mlir::LogicalResult buildMovingStatistics(StepBuilder &nodes,
                                          Accumulation &accumulation);

/// Adds one optimizer step per gradient and the step counter. All depend on
/// `condition`, unless it is null.
mlir::LogicalResult buildUpdates(StepBuilder &nodes, const TrainingSection &,
                                 const VariableGradients &gradients,
                                 mlir::Value condition);

} // namespace amp::graph

#endif // AMP_LIB_DIALECT_GRAPH_TRANSFORMS_TRAINING_H

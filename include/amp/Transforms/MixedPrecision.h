//===- MixedPrecision.h - Automatic mixed precision -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The pass as plain functions: paint, rewrite, and check the contract.
//===----------------------------------------------------------------------===//

#ifndef AMP_TRANSFORMS_MIXEDPRECISION_H
#define AMP_TRANSFORMS_MIXEDPRECISION_H

#include "amp/Analysis/ModelSet.h"
#include "amp/Policy/Policy.h"
#include "amp/Transforms/Report.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace amp {

/// What to do with an op that no interface and no table describes. It is a
/// barrier and stays as it is in any case.
enum class UnknownOps : uint8_t { Error, Warn, Ignore };

struct MixedPrecisionOptions {
  /// The policy to load, unless `policy` is set.
  PolicyRequest request;
  /// A loaded policy.
  std::shared_ptr<const Policy> policy;
  /// Beats the policy's rule.
  std::optional<InferRule> inferRule;
  /// Nodes to keep float32, each "[FUNCTION:]GLOB"; `*` matches `/` too. Only
  /// nodes without an origin match; the backward nodes of a match follow it.
  std::vector<std::string> pins;
  UnknownOps unknownOps = UnknownOps::Warn;
  /// Sweep in block order (TensorFlow's node order), not topologically.
  bool keepBlockOrder = false;
  /// Nodes to lower whatever their list (TensorFlow's UNSAFE_FORCE_ALL).
  llvm::DenseSet<mlir::Operation *> forced;
  /// Models of ops that implement no interface.
  ModelSet models;
  /// Whether a report gets its nodes and casts, and not just its counts: they
  /// cost more time than the rewrite.
  bool reportNodes = true;
  /// Leaves it to the export to give casts their names, where nothing has shown
  /// a name before: they cost more than the casts. Without it the names stand in
  /// the module when the rewrite is done.
  bool nameLater = false;
};

/// Loads a policy for the ops that the loaded dialects and the models files of
/// `models` know, with the latter on its lists. Null on error, such as a models
/// file that contradicts a loaded dialect.
std::shared_ptr<const Policy>
loadPolicyFor(mlir::MLIRContext *context, const PolicyRequest &request,
              std::vector<PolicyMessage> &messages,
              const ModelSet &models = {});

/// Adds models files, by name or path, to a set. What is wrong with one is a
/// diagnostic at `root`.
mlir::LogicalResult addOpModels(mlir::Operation *root,
                                llvm::ArrayRef<std::string> namesOrFiles,
                                ModelSet &models);

/// Lowers every function of the module. Problems of the input are reported as
/// diagnostics; on failure nothing has changed. Each function gets the
/// attribute `amp.contract`. `report`, when given, tells all decisions.
mlir::LogicalResult autoMixedPrecision(mlir::ModuleOp module,
                                       const MixedPrecisionOptions &options,
                                       PrecisionReport *report = nullptr);

/// The same for one function.
mlir::LogicalResult autoMixedPrecision(mlir::FunctionOpInterface function,
                                       const MixedPrecisionOptions &options,
                                       PrecisionReport *report = nullptr);

/// Checks `amp.contract` of each function under `root` and removes it. Ops that
/// neither an interface nor `models` describes are not counted by name.
mlir::LogicalResult verifyContract(mlir::Operation *root,
                                   const ModelSet &models = {});

/// DictionaryAttr on a function: what verifyContract compares with.
inline constexpr llvm::StringLiteral kContractAttr = "amp.contract";
/// UnitAttr on the converted twin of a constant, which stands right behind it.
inline constexpr llvm::StringLiteral kConvertedAttr = "amp.converted";

} // namespace amp

#endif // AMP_TRANSFORMS_MIXEDPRECISION_H

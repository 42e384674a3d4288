//===- ValueTypes.h - Types with the names of sizes -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A dynamic size of a value may have a name in the file, which OpSet infers
// again. Most nodes of a network are like another one, so each kind of node is
// inferred once: types are shared, and a kind is its op, attributes and types.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_EXPORT_VALUETYPES_H
#define AMP_LIB_EXPORT_VALUETYPES_H

#include "Body.h"
#include "amp/Dialect/Graph/IR/NodeKey.h"

namespace amp {

/// The types of the values of one function at a time.
class ValueTypes {
public:
  using Variables = llvm::DenseMap<llvm::StringRef, graph::VariableOp>;
  explicit ValueTypes(const Variables &variables) : variables(variables) {}

  /// Fails with a diagnostic where a value has a type that no graph file has.
  llvm::LogicalResult infer(graph::FuncOp function, const Body &body);

  const TensorType &of(uint32_t value) const { return *types[value]; }
  /// Nodes of one kind have the same op, attributes and types. Zero for a node
  /// that shares with none, and where there are too many kinds.
  uint32_t kindOf(uint32_t op) const { return kinds[op]; }
  /// The description of an op, or null.
  const OpDef *defOf(mlir::Operation *op);

private:
  struct Kind {
    uint32_t number = 0;
    std::vector<const TensorType *> results;
  };

  /// With unknown sizes where it is dynamic; null for one that graph files do
  /// not have.
  const TensorType *plainType(mlir::Type type);
  const TensorType *sharedType(const TensorType &type);
  llvm::LogicalResult start(graph::FuncOp function, const Body &body);
  void inferOp(const Body &body, uint32_t op);
  void nameResults(const Body &body, uint32_t op, mlir::ArrayAttr shapes);
  void setResults(const Body &body, uint32_t op, const Kind &kind) {
    for (unsigned k = 0; k < kind.results.size(); ++k)
      types[body.result(op, k)] = kind.results[k];
  }
  std::vector<const TensorType *> inferKind(const Body &body, uint32_t op,
                                            const OpDef *def);

  const Variables &variables;
  /// Each type once, by the MLIR type or by all there is to it.
  llvm::DenseMap<mlir::Type, const TensorType *> plainTypes;
  llvm::StringMap<std::unique_ptr<TensorType>> sharedTypes;
  mlir::Type lastType;
  const TensorType *lastPlain = nullptr;
  /// By the class of an op.
  llvm::DenseMap<mlir::TypeID, const OpDef *> defs;
  /// By the bytes of the key.
  llvm::StringMap<Kind> known;
  /// What decides the types of a node.
  graph::NodeKey key;

  /// Of the function at hand, by the numbers of its body.
  std::vector<const TensorType *> types;
  std::vector<uint32_t> kinds;
};

} // namespace amp

#endif // AMP_LIB_EXPORT_VALUETYPES_H

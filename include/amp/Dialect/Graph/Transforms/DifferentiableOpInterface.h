//===- DifferentiableOpInterface.h - What an op's gradients are -*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The op interface that amp-gradients asks, the builder that its rules use,
// and the rules of the `graph` dialect.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_H
#define AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace amp::graph {

class NameAllocator;

/// Makes the backward nodes of one forward op. They are named after it
/// (`NODE/grad`), have it as origin and its place in the file.
class GradientBuilder {
public:
  GradientBuilder(mlir::OpBuilder &builder, NameAllocator &names)
      : builder(builder), names(names) {}

  /// Turns to another forward op; `wanted` has one entry for each operand.
  void enter(mlir::Operation *op, llvm::ArrayRef<bool> wantedOperands);

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Operation *getForward() const { return forward; }
  /// Whether the gradient of operand `index` is needed.
  bool wants(unsigned index) const { return wanted[index]; }

  /// A node of op `op` (a name of the op table) named `NODE/suffix`. Null after
  /// a diagnostic when the operands do not fit the op.
  mlir::Operation *create(llvm::StringRef op, const llvm::Twine &suffix,
                          mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attrs = {});
  /// The same for an op with one result; a null value after a diagnostic.
  mlir::Value createValue(llvm::StringRef op, const llvm::Twine &suffix,
                          mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attrs = {});
  /// `gradient` summed over the axes in which operand `index` was broadcast;
  /// `gradient` itself when there are none.
  mlir::Value sumTo(mlir::Value gradient, unsigned index);
  /// The name of operand `index` in the op table.
  llvm::StringRef operandName(unsigned index) const;

private:
  mlir::OpBuilder &builder;
  NameAllocator &names;
  mlir::Operation *forward = nullptr;
  llvm::SmallVector<bool, 4> wanted;
};

/// Attaches the gradient rules of the `graph` ops; amp-gradients does so by
/// itself.
void registerGradientRules(mlir::DialectRegistry &registry);

} // namespace amp::graph

#include "amp/Dialect/Graph/Transforms/DifferentiableOpInterface.h.inc"

#endif // AMP_DIALECT_GRAPH_TRANSFORMS_DIFFERENTIABLEOPINTERFACE_H

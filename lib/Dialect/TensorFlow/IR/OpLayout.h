//===- OpLayout.h - What the nodes of one op share --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The vertices and ports of most ops are those of their definition, whatever
// the node. They are worked out once for each op, with the names of attributes
// as MLIR keeps them and the answers about 16-bit types, and looked up then.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_TENSORFLOW_IR_OPLAYOUT_H
#define AMP_LIB_DIALECT_TENSORFLOW_IR_OPLAYOUT_H

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"

#include <array>

namespace amp::tf {

/// Whether a kernel is there, whatever the node's other attributes are.
enum class Kernel : uint8_t { No, Yes, Depends };

struct OpLayout {
  struct Vertex {
    TypeVertex id;
    /// The name of its attribute; null for a fixed type.
    mlir::StringAttr attr;
    /// The type of a fixed one.
    mlir::Type fixed;
    /// By lowIndex: what the definition allows, and the kernels of each device.
    std::array<bool, 2> allows = {};
    std::array<std::array<Kernel, 2>, 2> kernels = {};
  };
  /// An input or output of the definition.
  struct Arg {
    unsigned vertex;
    /// The attribute with the number of its ports; null for one.
    mlir::StringAttr number;
  };

  /// Null for an op that is not in the table.
  const graphdef::OpSpec *spec = nullptr;
  /// No lists of types: every node that has the attributes in `unused` has
  /// these vertices.
  bool isFixed = false;
  llvm::SmallVector<Vertex, 4> vertices;
  llvm::SmallVector<Arg, 6> inputs, outputs;
  /// Type attributes that no port uses.
  llvm::SmallVector<mlir::StringAttr, 1> unused;

  OpLayout(mlir::MLIRContext *context, llvm::StringRef op);

  /// Whether a node has these vertices; its definition is `spec`.
  bool fits(mlir::Operation *op) const {
    return isFixed && (unused.empty() || hasUnused(op));
  }
  /// Calls `visit` with the vertex of each port.
  template <typename Visit>
  void forEachPort(mlir::Operation *op, llvm::ArrayRef<Arg> args,
                   Visit &&visit) const {
    for (const Arg &arg : args)
      for (int64_t n = arg.number ? portCount(op, arg.number) : 1; n > 0; --n)
        visit(arg.vertex);
  }
  NodeTypes nodeTypes(mlir::Operation *op) const;

  /// 0 for float16, 1 for bfloat16.
  static unsigned lowIndex(mlir::Type type) { return type.isBF16(); }

private:
  bool hasUnused(mlir::Operation *op) const;
  static int64_t portCount(mlir::Operation *op, mlir::StringAttr number);
};

/// An attribute of a node; those that the file or a pass gave it are where they
/// are looked for first.
inline mlir::Attribute getNodeAttr(mlir::Operation *op, mlir::StringAttr name) {
  if (mlir::Attribute attr = op->getDiscardableAttr(name))
    return attr;
  return op->getAttr(name);
}

/// Of an op of the dialect, made when it is first asked for. Thread-safe;
/// references live as long as the context.
const OpLayout &getLayout(mlir::OperationName name);

} // namespace amp::tf

#endif // AMP_LIB_DIALECT_TENSORFLOW_IR_OPLAYOUT_H

//===- GraphOps.h - Ops of the graph dialect ---------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The ops, and what all nodes share: their description in OpSet, creation with
// inferred types, names.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHOPS_H
#define AMP_DIALECT_GRAPH_IR_GRAPHOPS_H

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "amp/OpSet/OpSet.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace amp::graph {

//===----------------------------------------------------------------------===//
// What the op classes call; all of it reads OpSet
//===----------------------------------------------------------------------===//

llvm::LogicalResult verifyNode(mlir::Operation *op);
void getNodeTypeGroups(mlir::Operation *op,
                       llvm::SmallVectorImpl<TypeGroup> &groups);
llvm::LogicalResult retargetNode(mlir::Operation *op, mlir::FloatType type);
bool isLossNode(mlir::Operation *op);
mlir::OpOperand *findGradientOperand(mlir::Operation *op);
void setNodeCondition(mlir::Operation *op, mlir::Value condition);
mlir::Value getNodeCondition(mlir::Operation *op);

/// Trait of every node: operands, attributes and results fit its OpDef.
template <typename ConcreteType>
class NodeTrait : public mlir::OpTrait::TraitBase<ConcreteType, NodeTrait> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifyNode(op);
  }
};

//===----------------------------------------------------------------------===//
// Between MLIR and OpSet
//===----------------------------------------------------------------------===//

/// The description of a node, or null for another op.
const OpDef *getOpDef(mlir::Operation *op);

/// Element types of the two worlds; null and nothing for the others.
mlir::Type toMLIRType(mlir::MLIRContext *context, DType dtype);
std::optional<DType> toDType(mlir::Type elementType);
/// Names of sizes become dynamic sizes.
mlir::RankedTensorType toMLIRType(mlir::MLIRContext *context,
                                  const TensorType &type);
/// Dynamic sizes become unknown ones. Nothing for a foreign element type.
std::optional<TensorType> toTensorType(mlir::Type type);

/// The MLIR form of an attribute of OpSet, but for constants.
mlir::Attribute toMLIRAttr(mlir::MLIRContext *context, const AttrValue &value);
/// The OpSet form of one attribute; nothing when it has the wrong kind.
std::optional<AttrValue> fromMLIRAttr(AttrKind kind, mlir::Attribute attr);
/// The attributes of a node as OpSet sees them, those that are written only.
/// A constant gets `dtype` and `shape` from its type and no value. Views in
/// the result point into the node's attributes. Fails without a diagnostic on
/// an attribute of the wrong kind, whose name is put in `wrong`.
llvm::LogicalResult readNodeAttrs(mlir::Operation *op, const OpDef &def,
                                  std::vector<Attr> &attrs,
                                  std::string_view &wrong);

//===----------------------------------------------------------------------===//
// Names and creation
//===----------------------------------------------------------------------===//

/// The name of a node or variable in the file; empty when it has none.
llvm::StringRef nodeName(mlir::Operation *op);
/// The name of a value in the file, with a slash before the number of a result
/// that is not the first: the stem of names of casts.
std::string valueName(mlir::Value value);
/// NameLoc of that name at the place of `loc`.
mlir::Location namedLoc(llvm::StringRef name, mlir::Location loc);

class FuncOp;
class ReadOp;
class VariableOp;

/// Hands out names that no input, node or variable of a function has.
class NameAllocator {
public:
  NameAllocator() = default;
  explicit NameAllocator(FuncOp function);
  void take(llvm::StringRef name) { taken.insert(name); }
  /// `name`, or `name_1`, `name_2`, … on a clash.
  std::string fresh(llvm::StringRef name);

private:
  llvm::StringSet<> taken;
  /// The suffix to try next, so that many clashes stay linear.
  llvm::StringMap<unsigned> next;
};

/// Renames nodes that passes made where their name clashes with another's.
void nameGenerated(FuncOp function);

/// A node of op `op` (a name of the op table) with the types that OpSet
/// infers, at the builder's insertion point. Marked as generated; `origin` is
/// the node it comes from, if any. Null after a diagnostic at `loc` when the
/// operands or attributes do not fit.
mlir::Operation *createNode(mlir::OpBuilder &builder, mlir::Location loc,
                            llvm::StringRef op, llvm::StringRef name,
                            mlir::ValueRange operands,
                            llvm::ArrayRef<mlir::NamedAttribute> attrs = {},
                            llvm::StringRef origin = {});

/// A variable at the builder's insertion point.
VariableOp createVariable(mlir::OpBuilder &builder, mlir::Location loc,
                          llvm::StringRef name, mlir::RankedTensorType type,
                          mlir::DictionaryAttr init,
                          mlir::ArrayAttr shapeNames = {});
/// A read of it.
ReadOp createRead(mlir::OpBuilder &builder, mlir::Location loc,
                  VariableOp variable);

/// A converted twin's elements: rounded to nearest even; what overflows
/// becomes the largest finite value, what underflows the smallest, infinities
/// and NaN stay.
llvm::APFloat convertSaturating(const llvm::APFloat &value,
                                const llvm::fltSemantics &semantics);

/// Attaches PrecisionDialectInterface and LossScaleDialectInterface.
void addDialectInterfaces(GraphDialect *dialect);

} // namespace amp::graph

#define GET_OP_CLASSES
#include "amp/Dialect/Graph/IR/GraphOps.h.inc"

#endif // AMP_DIALECT_GRAPH_IR_GRAPHOPS_H

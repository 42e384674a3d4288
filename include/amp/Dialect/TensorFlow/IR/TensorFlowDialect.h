//===- TensorFlowDialect.h - The dialect `tf` -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Nodes of a GraphDef as ops: `tf.MatMul` and every other op of TensorFlow's
// table, typed from it, without an op class each. The operands of a node are
// its data inputs and then its control inputs; its results are its outputs and
// then one control token. Names are locations; types are unranked tensors,
// since a GraphDef says no shapes.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_TENSORFLOW_IR_TENSORFLOWDIALECT_H
#define AMP_DIALECT_TENSORFLOW_IR_TENSORFLOWDIALECT_H

#include "amp/GraphDef/OpTable.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"

namespace amp::tf {

using graphdef::DataType;

namespace detail {
struct NamedTypeStorage;
class PrecisionModels;
} // namespace detail

/// A TensorFlow type that MLIR has no type for: `!tf.string`, `!tf.resource`,
/// `!tf.float_ref`, …; `!tf.unknown` (0) for the outputs of ops that the table
/// does not have.
class NamedType : public mlir::Type::TypeBase<NamedType, mlir::Type,
                                              detail::NamedTypeStorage> {
public:
  using Base::Base;
  static constexpr llvm::StringLiteral name = "tf.named";
  static NamedType get(mlir::MLIRContext *context, DataType type);
  DataType getNumber() const;
};

/// `!tf.control`: that an op has run.
class ControlType
    : public mlir::Type::TypeBase<ControlType, mlir::Type, mlir::TypeStorage> {
public:
  using Base::Base;
  static constexpr llvm::StringLiteral name = "tf.control";
};

/// `!tf.value`: the type of a string attribute that holds the bytes of an
/// AttrValue (tensors, shapes, functions, lists).
class ValueType
    : public mlir::Type::TypeBase<ValueType, mlir::Type, mlir::TypeStorage> {
public:
  using Base::Base;
  static constexpr llvm::StringLiteral name = "tf.value";
};

class TensorFlowDialect : public mlir::Dialect {
public:
  explicit TensorFlowDialect(mlir::MLIRContext *context);
  ~TensorFlowDialect() override;
  static constexpr llvm::StringLiteral getDialectNamespace() { return "tf"; }

  mlir::Type parseType(mlir::DialectAsmParser &parser) const override;
  void printType(mlir::Type type,
                 mlir::DialectAsmPrinter &printer) const override;
  /// Every op of the dialect answers PrecisionOpInterface from the table.
  void *getRegisteredInterfaceForOp(mlir::TypeID interface,
                                    mlir::OperationName name) override;
  detail::PrecisionModels &getPrecisionModels() { return *precisionModels; }

private:
  std::unique_ptr<detail::PrecisionModels> precisionModels;
};

/// A tensor's element type for a TensorFlow type, and back; 0 for an element
/// type that TensorFlow has not.
mlir::Type elementType(mlir::MLIRContext *context, DataType type);
DataType dataType(mlir::Type element);
/// `tensor<*xT>`.
mlir::Type tensorType(mlir::MLIRContext *context, DataType type);

/// On a node: its device string. Absent when empty.
inline constexpr llvm::StringLiteral kDeviceAttr = "tf.device";
/// On a node: the bytes of a NodeDef with what else it has (debug info, full
/// type, unknown fields).
inline constexpr llvm::StringLiteral kExtraAttr = "tf.extra";
/// On a node: its inputs whose port 0 the file spells out, "x:0" for "x"; and
/// ~i for an input i of a function's node that leaves it out, "x:y" for "x:y:0".
inline constexpr llvm::StringLiteral kSpelledAttr = "tf.spelled_ports";
/// On a node of a function: the arguments that it waits for, each with its place
/// among the node's inputs, as "3 ^x".
inline constexpr llvm::StringLiteral kArgumentControlsAttr =
    "tf.argument_controls";
/// On a node: the names of type attributes and numbers of ports that the file
/// leaves to their defaults, and that are written only when they have changed.
inline constexpr llvm::StringLiteral kDefaultedAttr = "tf.defaulted";
/// On a node: the name of an attribute that the definition of its op has not.
inline constexpr llvm::StringLiteral kUnknownAttr = "tf.unknown_attr";
/// On a call of a function of the library: its definition as a line of the op
/// table.
inline constexpr llvm::StringLiteral kSignatureAttr = "tf.signature";
/// On the module: the bytes of the GraphDef without nodes and functions.
inline constexpr llvm::StringLiteral kGraphAttr = "tf.graph";
/// On a function of the library: the bytes of its FunctionDef without nodes.
inline constexpr llvm::StringLiteral kFunctionAttr = "tf.function";
/// Its name there.
inline constexpr llvm::StringLiteral kFunctionNameAttr = "tf.function_name";
/// On a node: the library functions that it calls or hands on, by name.
inline constexpr llvm::StringLiteral kCallsAttr = "tf.calls";
/// On a node of a library function: the function waits for it.
inline constexpr llvm::StringLiteral kControlReturnAttr = "tf.control_return";
/// On a function: the device whose kernels count, "gpu" or "cpu".
inline constexpr llvm::StringLiteral kKernelsAttr = "tf.kernels";
/// On a node: it is on a device of another kind, as XLA_GPU, which has the
/// kernels of every device alone.
inline constexpr llvm::StringLiteral kOtherDeviceAttr = "tf.other_device";
/// On a node: it is fetched, fed or kept by name.
inline constexpr llvm::StringLiteral kWantedAttr = "tf.wanted";
/// On a function: whatever is lowered must have a kernel, losses stay float32,
/// and preserved casts keep their type.
inline constexpr llvm::StringLiteral kStrictAttr = "tf.strict";
/// On a function: its lowered types are for the casts alone (mode cpu), so that
/// even fixed ones may be lowered.
inline constexpr llvm::StringLiteral kEmulatedAttr = "tf.emulated";
/// On a node of the allow list: one of its types is quantized, so that nothing
/// of it is lowered.
inline constexpr llvm::StringLiteral kQuantizedAttr = "tf.quantized";
/// A prefix for attributes whose name holds a dot, which MLIR would take for a
/// dialect's.
inline constexpr llvm::StringLiteral kDottedPrefix = "tf.attr:";

/// The definition of a node's op: the table's, that of the library function it
/// calls, or null.
const graphdef::OpSpec *getSpec(mlir::Operation *op);
/// The definitions of the library functions that a module calls.
std::vector<const graphdef::OpSpec *> librarySpecs(mlir::ModuleOp module);
/// The op's name in TensorFlow.
llvm::StringRef getOpName(mlir::Operation *op);

/// Whether an op takes elements out of a tensor list, or puts some into one.
bool isListReader(mlir::Operation *op);
bool isListWriter(mlir::Operation *op);

/// One (node, type attribute): TensorFlow's TypeAttrId.
struct TypeVertex {
  /// Empty for a fixed type.
  llvm::StringRef attr;
  /// Of a list(type) attribute; -1 for a type attribute.
  int index = -1;
  DataType fixed = 0;

  friend bool operator==(const TypeVertex &a, const TypeVertex &b) {
    return a.attr == b.attr && a.index == b.index && a.fixed == b.fixed;
  }
};

/// The vertices of a node, and which of them each port has.
struct NodeTypes {
  llvm::SmallVector<TypeVertex, 4> vertices;
  llvm::SmallVector<unsigned, 6> inputs, outputs;
};

/// From the definition and the values of its attributes; `typesOf` gives those
/// of a type or list(type) attribute, `numberOf` that of an int attribute.
NodeTypes
getNodeTypes(const graphdef::OpSpec &spec,
             llvm::function_ref<std::optional<llvm::SmallVector<DataType>>(
                 llvm::StringRef)>
                 typesOf,
             llvm::function_ref<int64_t(llvm::StringRef)> numberOf);
NodeTypes getNodeTypes(mlir::Operation *op);
/// The type of a vertex; 0 when the node does not say.
DataType getVertexType(mlir::Operation *op, const TypeVertex &vertex);
/// Sets the attribute of a vertex and the types of its results.
void setVertexType(mlir::Operation *op, const NodeTypes &types,
                   unsigned vertex, DataType type);

/// Whether the pass has made a cast, and whether it has no name yet: its location
/// is that of what it casts.
bool isGeneratedCast(mlir::Operation *op);
bool isUnnamedCast(mlir::Operation *op);

/// Names for the casts that the pass has made in a function:
/// `SOURCE-PORT-CastToFp16-K-AutoMixedPrecision`, K the first that is free.
class CastNames {
public:
  explicit CastNames(mlir::FunctionOpInterface function);
  /// Asked for the casts in their order; what a cast reads has its name.
  std::string next(mlir::Operation *cast);

private:
  llvm::StringSet<> used;
};

/// The float32 ops of one tensor list, or of what is passed on as one.
struct TensorListCluster {
  llvm::SmallVector<mlir::Operation *> members;
  /// A node that keeps the list as an element of another, or takes it from
  /// there; null without one.
  mlir::Operation *nests = nullptr;
  /// A wanted node that hands out the list itself; null without one.
  mlir::Operation *wanted = nullptr;
  /// A loop or branch whose functions take the list; null without one. They are
  /// rewritten each for itself.
  mlir::Operation *handsOn = nullptr;
};
std::vector<TensorListCluster> findTensorLists(mlir::Operation *function);

/// The types of a module that is about to be rewritten. Behind the rewrite, a
/// node that fitted its type attributes still does, and what is preserved has the
/// types that it had.
class TypeRecord {
public:
  explicit TypeRecord(mlir::ModuleOp module);
  /// Says at a node what does not hold.
  llvm::LogicalResult verify();

private:
  mlir::ModuleOp module;
  llvm::DenseSet<mlir::Operation *> mismatched;
  llvm::DenseMap<mlir::Operation *, size_t> preserved;
};

/// Data inputs and outputs; control tokens left out.
unsigned getNumInputs(mlir::Operation *op);
unsigned getNumOutputs(mlir::Operation *op);

} // namespace amp::tf

MLIR_DECLARE_EXPLICIT_TYPE_ID(amp::tf::TensorFlowDialect)

#endif // AMP_DIALECT_TENSORFLOW_IR_TENSORFLOWDIALECT_H

//===- OpSet.h - What each op of a graph file is ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The one place that says what an op is: its operands, attributes with their
// defaults, type group, differentiability, and the rule for the types of its
// results. The reader checks files with it, the `graph` dialect verifies and
// infers with it, the runtime plans with it. Leaf library of plain C++.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_OPSET_H
#define AMP_OPSET_OPSET_H

#include "amp/OpSet/Types.h"

namespace amp {

enum class AttrKind : uint8_t {
  Bool,
  Int,
  Float, ///< any real; "inf", "-inf" and "nan" where `allowNonFinite`
  DType,
  Enum, ///< one of AttrDef::choices
  Ints, ///< list of integers; one integer where `allowScalar`
  Dims, ///< list of integers, names of sizes, null
  Value ///< a constant's literal
};

/// An attribute of an op.
struct AttrDef {
  std::string_view name;
  AttrKind kind;
  /// Without a default the attribute must be written.
  std::optional<AttrValue> defaultValue;
  /// May be left out although it has no default: absence has a meaning of its
  /// own (all axes of a reduction, a pool's strides equal to its window).
  bool optional = false;
  /// One integer stands for a list (strides, windows, axes); it is held as a
  /// list of one.
  bool allowScalar = false;
  /// Always written to a file, also when it equals the default.
  bool alwaysWritten = false;
  /// Bounds of Int and Float values and of the elements of Ints, inclusive.
  double min = -1.0 / 0.0, max = 1.0 / 0.0;
  /// `max` itself is excluded.
  bool belowMax = false;
  /// Float: "inf", "-inf" and "nan" are allowed.
  bool allowNonFinite = false;
  /// Dims: what may stand in the list besides sizes of zero or more.
  bool allowNames = false, allowMinusOne = false, allowNull = false;
  /// Ints: a list of pairs in the file, `[[0, 0], [1, 1]]`, held flat.
  bool pairs = false;
  std::vector<std::string_view> choices = {};
  std::string_view doc = {};
};

enum class Arity : uint8_t { One, Optional, Variadic };

/// Element types that an operand may have.
enum class DTypes : uint8_t {
  Any,
  Floating,
  Numeric, ///< floating or integer
  Index,   ///< int32 or int64
  Bool,
  Float32, ///< exactly float32 (loss scale, unscaled gradients)
  Int32,
  Int64,
  Params ///< float32, or float64 when the first operand is
};

struct OpArgs;

struct OperandDef {
  std::string_view name;
  DTypes dtypes = DTypes::Any;
  /// Shares the type group of the op: one element type, lowered together.
  bool inGroup = false;
  Arity arity = Arity::One;
  /// Must name a variable of the file.
  bool isVariable = false;
  /// Only the sizes are read, never the elements: a backward op's operand that
  /// says how large the result is. In no type group, so it needs no cast.
  bool shapeOnly = false;
  /// For an optional operand whose presence follows from the attributes (the
  /// slots of `apply_rmsprop`); null when the number of operands decides.
  bool (*present)(const OpArgs &args) = nullptr;
};

struct ResultDef {
  std::string_view name;
  bool inGroup = false;
};

enum class Differentiable : uint8_t {
  Yes, ///< has a gradient by definition
  No,  ///< integers, comparisons, updates: not differentiable by definition
  Backward, ///< is itself a backward op
};

/// Why the operands or attributes of a node do not fit its op. `operand` or
/// `attr` say where to point; both unset points at the node.
struct OpError {
  std::string message;
  int operand = -1;
  std::string_view attr = {};
};

struct OpDef;

/// What the type rule of an op sees.
struct OpArgs {
  const OpDef &def;
  Span<TensorType> operands;
  /// In any order; defaults are not filled in: use the getters below.
  Span<Attr> attrs;
  /// Operands of the node that stand before `operands`: a backward op checks
  /// the operands after its gradient with the rule of its forward op.
  size_t skipped = 0;

  /// The attribute as written, or its default; null when there is neither.
  const AttrValue *get(std::string_view name) const;
  bool getBool(std::string_view name) const;
  int64_t getInt(std::string_view name) const;
  double getFloat(std::string_view name) const;
  DType getDType(std::string_view name) const;
  std::string_view getEnum(std::string_view name) const;
  /// Empty when absent.
  std::vector<int64_t> getInts(std::string_view name) const;
  Shape getDims(std::string_view name) const;
  bool has(std::string_view name) const { return get(name) != nullptr; }
};

/// Appends the result types, or says what does not fit. Operand count and
/// element types have been checked against the OperandDefs before.
using TypeRule = std::optional<OpError> (*)(const OpArgs &args,
                                            std::vector<TensorType> &results);

/// Families of the op table, in its order; the documentation groups by them.
enum class Family : uint8_t {
  Values,
  Unary,
  Binary,
  Matrix,
  Convolution,
  Normalisation,
  Loss,
  Reduction,
  Shape,
  Random,
  Variable,
  LossScale,
};

/// An op of the graph file.
struct OpDef {
  std::string_view name;
  Family family;
  std::vector<OperandDef> operands;
  /// Fixed results; see `variadicResults`.
  std::vector<ResultDef> results;
  std::vector<AttrDef> attrs;
  Differentiable differentiable = Differentiable::No;
  TypeRule infer = nullptr;
  /// The forward op of a backward op; empty for the others.
  std::string_view forward = {};
  /// The number of results follows from the attributes (`split`,
  /// `batch_norm` with `training`); `results` then holds the most there can
  /// be, or the one that repeats.
  bool variadicResults = false;
  /// A loss: float32 whatever a policy says.
  bool isLoss = false;
  /// Has effects on variables and no result.
  bool isUpdate = false;
  std::string_view doc = {};
  /// What the gradients of this op are made of, for the documentation.
  std::string_view gradient = {};

  const AttrDef *findAttr(std::string_view attrName) const;
  /// The definition of operand number `index` of a node with `count`
  /// operands, seeing through variadic and optional ones; null when the op
  /// does not take that many. `attrs` are the node's attributes: they decide
  /// which optional operands of `apply_rmsprop` are there.
  const OperandDef *operand(size_t index, size_t count, Span<Attr> attrs) const;
  /// The same by the count alone, for callers that ask about type groups: of
  /// the slots of `apply_rmsprop` it may miss some, but it takes no other
  /// operand for one.
  const OperandDef *operand(size_t index, size_t count) const;
  /// Text for messages: `(variable, value[, condition])`.
  std::string signature() const;
  /// The same for a node with these attributes:
  /// `(variable, rms, mg, learning_rate, gradient[, condition])`.
  std::string signature(Span<Attr> attrs) const;
  /// The definition of result number `index`.
  const ResultDef &result(size_t index) const {
    return results[index < results.size() ? index : results.size() - 1];
  }
  size_t minOperands() const;
  /// SIZE_MAX when variadic.
  size_t maxOperands() const;
};

/// All ops in the order of the table, forward ops first, then backward ops.
Span<OpDef> allOps();
/// The op of that name, or null. Constant time.
const OpDef *findOp(std::string_view name);
/// The op name nearest to `name`, or empty.
std::string_view nearestOp(std::string_view name);

/// Checks operand count, element types and attributes of a node, then appends
/// the types of its results. The only entry for all callers.
std::optional<OpError> inferTypes(const OpDef &def, Span<TensorType> operands,
                                  Span<Attr> attrs,
                                  std::vector<TensorType> &results);

/// Whether the type group of this node can be lowered at all: the op has
/// group members and, for `one_hot`, its dtype is floating.
bool hasGroup(const OpDef &def, Span<Attr> attrs);

} // namespace amp

#endif // AMP_OPSET_OPSET_H

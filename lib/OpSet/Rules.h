//===- Rules.h - What the type rules share ----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Messages, checks of ranks, axes and sizes, and the rules that more than one
// family uses. Private to lib/OpSet.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_OPSET_RULES_H
#define AMP_LIB_OPSET_RULES_H

#include "Sizes.h"
#include "amp/OpSet/OpSet.h"

namespace amp::opset {

/// What a rule returns: nothing when all is well.
using Failure = std::optional<OpError>;
using Results = std::vector<TensorType>;
inline constexpr std::nullopt_t ok = std::nullopt;

inline void append(std::string &to, std::string_view part) { to += part; }
inline void append(std::string &to, const Dim &part) { to += toString(part); }
inline void append(std::string &to, const Shape &part) { to += toString(part); }
inline void append(std::string &to, const TensorType &part) {
  to += toString(part);
}
inline void append(std::string &to, DType part) { to += dtypeName(part); }
inline void append(std::string &to, int64_t part) {
  to += std::to_string(part);
}
inline void append(std::string &to, size_t part) { to += std::to_string(part); }
/// As short as it can be read back: `0.5`, `1e-07`.
void append(std::string &to, double part);

/// One text of many parts.
template <typename... Parts> std::string cat(const Parts &...parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

template <typename... Parts> OpError fail(const Parts &...parts) {
  return {cat(parts...)};
}
template <typename... Parts>
OpError failOperand(size_t operand, const Parts &...parts) {
  return {cat(parts...), int(operand)};
}
template <typename... Parts>
OpError failAttr(std::string_view attr, const Parts &...parts) {
  return {cat(parts...), -1, attr};
}

/// The name of an operand of this node.
std::string_view operandName(const OpArgs &args, size_t operand);

/// The elements of an Ints attribute without a copy; empty when absent.
Span<int64_t> ints(const OpArgs &args, std::string_view name);

/// Counts a negative axis from the end and checks it against the rank.
Failure resolveAxis(std::string_view attr, int64_t value, size_t rank,
                    size_t &axis);
/// The same for the Int attribute of that name.
Failure resolveAxis(const OpArgs &args, std::string_view attr, size_t rank,
                    size_t &axis);
/// Marks the axes of an Ints attribute; no axis may be named twice, and an
/// absent attribute marks all.
Failure resolveAxes(const OpArgs &args, std::string_view attr, size_t rank,
                    std::vector<bool> &marked);

/// One integer, or one for height and one for width.
Failure resolvePair(const OpArgs &args, std::string_view attr,
                    int64_t (&hw)[2]);

/// "1 pair", "2 pairs".
inline std::string counted(size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) +
         (count == 1 ? "" : "s");
}

/// Smallest and largest value of an integer type or bool.
std::pair<int64_t, int64_t> integerRange(DType dtype);
/// A number that is to become an element of that type fits it.
Failure expectFitting(std::string_view attr, double value, DType dtype);

Failure expectRank(const OpArgs &args, size_t operand, size_t rank);
Failure expectMinRank(const OpArgs &args, size_t operand, size_t rank);
/// The operand's shape must fit `shape`, which `what` describes in parts.
template <typename... Parts>
Failure expectShape(const OpArgs &args, size_t operand, const Shape &shape,
                    const Parts &...what) {
  const TensorType &type = args.operands[operand];
  if (fits(type.shape, shape))
    return ok;
  return failOperand(operand, "operand '", operandName(args, operand), "' is ",
                     type, ", expected ", shape, ", ", what...);
}
/// Two operands have the same sizes.
Failure expectSameShape(const OpArgs &args, size_t operand, size_t other);
/// Size `axis` of an operand must fit `size`, which `what` describes in parts.
template <typename... Parts>
Failure expectSize(const OpArgs &args, size_t operand, size_t axis,
                   const Dim &size, const Parts &...what) {
  const TensorType &type = args.operands[operand];
  if (fits(type.shape[axis], size))
    return ok;
  return failOperand(operand, "operand '", operandName(args, operand), "' is ",
                     type, ", expected ", size, " at axis ", axis, ", ",
                     what...);
}

/// The shape that broadcasting gives to all operands from `first` on.
Failure broadcastOperands(const OpArgs &args, size_t first, Shape &shape);

/// A result like operand 0.
Failure inferLikeFirst(const OpArgs &args, Results &results);
/// Operands of one shape, a result like them.
Failure inferLikeAll(const OpArgs &args, Results &results);
/// NumPy's broadcasting, with the element type of operand 0.
Failure inferBroadcast(const OpArgs &args, Results &results);

/// The gradient (operand 0) has the sizes of the result that `forward` infers
/// from the other operands.
Failure expectGradientOf(TypeRule forward, const OpArgs &args);
/// Appends the gradient of an operand: its sizes, and the element type of the
/// incoming gradient for a result in the type group.
void addGradient(const OpArgs &args, size_t operand, size_t resultIndex,
                 Results &results);

/// The rule of a backward op: `forward` must fit, and the results are the
/// gradients of the operands `of` (counted with the gradient as 0).
template <TypeRule forward, size_t... of>
Failure inferGradients(const OpArgs &args, Results &results) {
  if (Failure failure = expectGradientOf(forward, args))
    return failure;
  size_t index = 0;
  (addGradient(args, of, index++, results), ...);
  return ok;
}

} // namespace amp::opset

#endif // AMP_LIB_OPSET_RULES_H

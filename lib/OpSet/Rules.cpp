//===- Rules.cpp - What the type rules share ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Checks with their messages, and the rules that more than one family uses.
//===----------------------------------------------------------------------===//

#include "Rules.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace amp::opset {

void append(std::string &to, double part) {
  char text[32];
  for (int digits : {6, 9, 15, 17}) {
    std::snprintf(text, sizeof text, "%.*g", digits, part);
    if (std::strtod(text, nullptr) == part)
      break;
  }
  to += text;
}

std::string_view operandName(const OpArgs &args, size_t operand) {
  const OperandDef *def = args.def.operand(
      operand + args.skipped, args.operands.size() + args.skipped, args.attrs);
  return def ? def->name : std::string_view("?");
}

Span<int64_t> ints(const OpArgs &args, std::string_view name) {
  const AttrValue *value = args.get(name);
  const auto *list = value ? std::get_if<std::vector<int64_t>>(value) : nullptr;
  return list ? Span<int64_t>(*list) : Span<int64_t>();
}

Failure resolveAxis(std::string_view attr, int64_t value, size_t rank,
                    size_t &axis) {
  int64_t signedRank = int64_t(rank);
  if (value < -signedRank || value >= signedRank) {
    if (!rank)
      return failAttr(attr, "attribute '", attr, "' names axis ", value,
                      ", but the operand has no axes");
    return failAttr(attr, "attribute '", attr, "' is ", value,
                    ", expected an axis from ", -signedRank, " to ",
                    signedRank - 1);
  }
  axis = size_t(value < 0 ? value + signedRank : value);
  return ok;
}

Failure resolveAxis(const OpArgs &args, std::string_view attr, size_t rank,
                    size_t &axis) {
  return resolveAxis(attr, args.getInt(attr), rank, axis);
}

Failure resolveAxes(const OpArgs &args, std::string_view attr, size_t rank,
                    std::vector<bool> &marked) {
  if (!args.has(attr)) {
    marked.assign(rank, true);
    return ok;
  }
  marked.assign(rank, false);
  Span<int64_t> axes = ints(args, attr);
  if (axes.empty())
    return failAttr(attr, "attribute '", attr, "' is empty");
  for (int64_t value : axes) {
    size_t axis;
    if (Failure failure = resolveAxis(attr, value, rank, axis))
      return failure;
    if (marked[axis])
      return failAttr(attr, "attribute '", attr, "' names axis ", axis,
                      " twice");
    marked[axis] = true;
  }
  return ok;
}

Failure resolvePair(const OpArgs &args, std::string_view attr,
                    int64_t (&hw)[2]) {
  Span<int64_t> list = ints(args, attr);
  if (list.size() != 1 && list.size() != 2)
    return failAttr(attr, "attribute '", attr, "' has ", list.size(),
                    " elements, expected one integer, or two for height and "
                    "width");
  hw[0] = list[0];
  hw[1] = list[list.size() - 1];
  return ok;
}

std::pair<int64_t, int64_t> integerRange(DType dtype) {
  switch (dtype) {
  case DType::Bool:
    return {0, 1};
  case DType::Int8:
    return {INT8_MIN, INT8_MAX};
  case DType::UInt8:
    return {0, UINT8_MAX};
  case DType::Int32:
    return {INT32_MIN, INT32_MAX};
  default:
    return {INT64_MIN, INT64_MAX};
  }
}

Failure expectFitting(std::string_view attr, double value, DType dtype) {
  if (isFloating(dtype))
    return ok;
  if (!std::isfinite(value) || value != std::trunc(value))
    return failAttr(attr, "attribute '", attr, "' is ", value,
                    ", expected an integer for ", dtype);
  auto [least, most] = integerRange(dtype);
  // The largest int64 is no double; what rounds to it does not fit.
  if (value < double(least) || value >= double(most) + 1)
    return failAttr(attr, "attribute '", attr, "' is ", value,
                    ", which does not fit ", dtype);
  return ok;
}

Failure expectRank(const OpArgs &args, size_t operand, size_t rank) {
  const TensorType &type = args.operands[operand];
  if (type.shape.size() == rank)
    return ok;
  if (rank == 0)
    return failOperand(operand, "operand '", operandName(args, operand),
                       "' is ", type, ", expected a scalar");
  return failOperand(operand, "operand '", operandName(args, operand), "' is ",
                     type, ", expected ", rank, " dimension",
                     rank == 1 ? "" : "s");
}

Failure expectMinRank(const OpArgs &args, size_t operand, size_t rank) {
  const TensorType &type = args.operands[operand];
  if (type.shape.size() >= rank)
    return ok;
  return failOperand(operand, "operand '", operandName(args, operand), "' is ",
                     type, ", expected ", rank, " dimension",
                     rank == 1 ? "" : "s", " or more");
}

Failure expectSameShape(const OpArgs &args, size_t operand, size_t other) {
  return expectShape(args, operand, args.operands[other].shape,
                     "the sizes of '", operandName(args, other), "'");
}

Failure broadcastOperands(const OpArgs &args, size_t first, Shape &shape) {
  shape = args.operands[first].shape;
  for (size_t i = first + 1; i < args.operands.size(); ++i) {
    const Shape &next = args.operands[i].shape;
    if (next == shape)
      continue;
    Shape both;
    if (!broadcast(shape, next, both))
      return failOperand(i, "shapes ", shape, " and ", next,
                         " do not broadcast");
    shape = std::move(both);
  }
  return ok;
}

Failure inferLikeFirst(const OpArgs &args, Results &results) {
  results.push_back(args.operands[0]);
  return ok;
}

Failure inferLikeAll(const OpArgs &args, Results &results) {
  TensorType type = args.operands[0];
  for (size_t i = 1; i < args.operands.size(); ++i) {
    const Shape &next = args.operands[i].shape;
    if (!fits(type.shape, next))
      return failOperand(i, "operand ", i, " of '", operandName(args, i),
                         "' is ", args.operands[i], ", expected ", type.shape,
                         ", the sizes of the others");
    for (size_t axis = 0; axis < next.size(); ++axis)
      type.shape[axis] = meet(type.shape[axis], next[axis]);
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferBroadcast(const OpArgs &args, Results &results) {
  TensorType type{args.operands[0].dtype, {}};
  if (Failure failure = broadcastOperands(args, 0, type.shape))
    return failure;
  results.push_back(std::move(type));
  return ok;
}

Failure expectGradientOf(TypeRule forward, const OpArgs &args) {
  Span<TensorType> operands(args.operands.begin() + 1,
                            args.operands.size() - 1);
  Results expected;
  Failure failure = forward({args.def, operands, args.attrs, 1}, expected);
  if (failure) {
    if (failure->operand >= 0)
      ++failure->operand;
    return failure;
  }
  return expectShape(args, 0, expected.front().shape,
                     "the sizes of the forward result");
}

void addGradient(const OpArgs &args, size_t operand, size_t resultIndex,
                 Results &results) {
  const TensorType &type = args.operands[operand];
  bool grouped = args.def.result(resultIndex).inGroup;
  results.push_back(
      {grouped ? args.operands[0].dtype : type.dtype, type.shape});
}

} // namespace amp::opset

//===- Check.cpp - Checks of a node before its type rule ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Operand count, element types and attributes of a node against its
// definition; then the rule of the op gives the result types.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"
#include "amp/OpSet/Limits.h"

#include <cmath>

namespace amp {

using namespace opset;

namespace {

bool accepts(DTypes dtypes, DType dtype, DType first) {
  switch (dtypes) {
  case DTypes::Any:
    return true;
  case DTypes::Floating:
    return isFloating(dtype);
  case DTypes::Numeric:
    return dtype != DType::Bool;
  case DTypes::Index:
    return dtype == DType::Int32 || dtype == DType::Int64;
  case DTypes::Bool:
    return dtype == DType::Bool;
  case DTypes::Float32:
    return dtype == DType::Float32;
  case DTypes::Int32:
    return dtype == DType::Int32;
  case DTypes::Int64:
    return dtype == DType::Int64;
  case DTypes::Params:
    return dtype == (first == DType::Float64 ? DType::Float64 : DType::Float32);
  }
  return false;
}

std::string_view describe(DTypes dtypes, DType first) {
  switch (dtypes) {
  case DTypes::Any:
    return "any dtype";
  case DTypes::Floating:
    return "a floating dtype";
  case DTypes::Numeric:
    return "a number";
  case DTypes::Index:
    return "int32 or int64";
  case DTypes::Bool:
    return "bool";
  case DTypes::Float32:
    return "float32";
  case DTypes::Int32:
    return "int32";
  case DTypes::Int64:
    return "int64";
  case DTypes::Params:
    return first == DType::Float64 ? "float64" : "float32";
  }
  return {};
}

OpError wrongCount(const OpArgs &args) {
  const OpDef &def = args.def;
  size_t least = def.minOperands(), most = def.maxOperands(),
         count = args.operands.size();
  if (most == 0)
    return fail("'", def.name, "' takes no operands, got ", count);
  std::string signature = def.signature(args.attrs);
  std::string_view plural = least == 1 ? "" : "s";
  if (most == SIZE_MAX)
    return fail("'", def.name, "' takes ", least, " operand", plural,
                " or more ", signature, ", got ", count);
  if (least == most)
    return fail("'", def.name, "' takes ", least, " operand", plural, " ",
                signature, ", got ", count);
  return fail("'", def.name, "' takes the operands ", signature, ", got ",
              count);
}

/// For an op whose optional operands follow from attributes, what they are: a
/// slot too many reads as the operand after it.
std::string reminder(const OpArgs &args) {
  for (const OperandDef &operand : args.def.operands)
    if (operand.present)
      return cat("; with these attributes the operands are ",
                 args.def.signature(args.attrs));
  return {};
}

Failure checkOperands(const OpArgs &args) {
  const OpDef &def = args.def;
  Span<TensorType> operands = args.operands;
  // The plain case, one definition per operand, needs no search.
  bool plain = def.operands.size() == operands.size();
  if (plain)
    for (const OperandDef &operand : def.operands)
      plain &= operand.arity != Arity::Optional;
  if (!plain) {
    bool fitsCount = operands.size() >= def.minOperands() &&
                     operands.size() <= def.maxOperands();
    if (fitsCount && !operands.empty())
      fitsCount = def.operand(0, operands.size(), args.attrs) != nullptr;
    if (!fitsCount)
      return wrongCount(args);
  }

  DType first = operands.empty() ? DType::Float32 : operands[0].dtype;
  size_t group = SIZE_MAX;
  for (size_t i = 0; i < operands.size(); ++i) {
    const OperandDef &operand =
        plain ? def.operands[i] : *def.operand(i, operands.size(), args.attrs);
    DType dtype = operands[i].dtype;
    if (!accepts(operand.dtypes, dtype, first))
      return failOperand(i, "operand '", operand.name, "' is ", dtype,
                         ", expected ", describe(operand.dtypes, first),
                         reminder(args));
    if (!operand.inGroup)
      continue;
    if (group == SIZE_MAX)
      group = i;
    else if (dtype != operands[group].dtype)
      return failOperand(i, "operand '", operand.name, "' is ", dtype,
                         " but operand '", operandName(args, group), "' is ",
                         operands[group].dtype,
                         "; nothing is converted implicitly");
  }
  return ok;
}

std::string_view describe(AttrKind kind) {
  switch (kind) {
  case AttrKind::Bool:
    return "true or false";
  case AttrKind::Int:
    return "an integer";
  case AttrKind::Float:
    return "a number";
  case AttrKind::DType:
    return "a dtype";
  case AttrKind::Enum:
    return "a string";
  case AttrKind::Ints:
    return "a list of integers";
  case AttrKind::Dims:
    return "a list of sizes";
  case AttrKind::Value:
    return "a number, a list of numbers or an entry of the weights";
  }
  return {};
}

/// The alternative of AttrValue that holds a kind.
size_t alternative(AttrKind kind) { return size_t(kind); }
static_assert(std::is_same_v<std::variant_alternative_t<size_t(AttrKind::Value),
                                                        AttrValue>,
                             std::shared_ptr<const Literal>>,
              "AttrKind and AttrValue have one order");

template <typename T>
Failure checkRange(const AttrDef &def, T value, std::string_view what) {
  double number = double(value);
  if (number >= def.min && number <= def.max &&
      !(def.belowMax && number == def.max))
    return ok;
  std::string expected;
  if (!std::isfinite(def.max))
    expected = cat("at least ", def.min);
  else if (!std::isfinite(def.min))
    expected = cat("at most ", def.max);
  else
    expected =
        cat("from ", def.min, " to ", def.belowMax ? "below " : "", def.max);
  return failAttr(def.name, what, " '", def.name, "' is ", value, ", expected ",
                  expected);
}

Failure checkFloat(const AttrDef &def, double value) {
  if (!std::isfinite(value)) {
    if (!def.allowNonFinite)
      return failAttr(def.name, "attribute '", def.name, "' is not finite");
    if (std::isnan(value))
      return ok;
  }
  return checkRange(def, value, "attribute");
}

Failure checkDims(const AttrDef &def, const Shape &dims) {
  for (const Dim &dim : dims) {
    if (dim.isNamed() && !def.allowNames)
      return failAttr(def.name, "attribute '", def.name, "' holds the name ",
                      dim, ", expected numbers");
    if (dim.isUnknown() && !def.allowMinusOne && !def.allowNull)
      return failAttr(def.name, "attribute '", def.name,
                      "' holds an unknown size");
  }
  return ok;
}

Failure checkAttr(const AttrDef &def, const AttrValue &value) {
  if (value.index() != alternative(def.kind))
    return failAttr(def.name, "attribute '", def.name, "' is not ",
                    describe(def.kind));
  switch (def.kind) {
  case AttrKind::Int:
    return checkRange(def, std::get<int64_t>(value), "attribute");
  case AttrKind::Float:
    return checkFloat(def, std::get<double>(value));
  case AttrKind::Ints:
    for (int64_t element : std::get<std::vector<int64_t>>(value))
      if (Failure failure = checkRange(def, element, "an element of attribute"))
        return failure;
    return ok;
  case AttrKind::Dims:
    return checkDims(def, std::get<Shape>(value));
  case AttrKind::Enum: {
    const std::string &text = std::get<std::string>(value);
    std::string expected;
    for (std::string_view choice : def.choices) {
      if (choice == text)
        return ok;
      expected += cat(expected.empty() ? "" : " or ", "\"", choice, "\"");
    }
    return failAttr(def.name, "attribute '", def.name, "' is \"", text,
                    "\", expected ", expected);
  }
  case AttrKind::Bool:
  case AttrKind::DType:
  case AttrKind::Value:
    return ok;
  }
  return ok;
}

Failure checkAttrs(const OpDef &def, Span<Attr> attrs) {
  size_t known = 0;
  for (const Attr &attr : attrs) {
    const AttrDef *attrDef = def.findAttr(attr.name);
    if (!attrDef) {
      std::vector<std::string_view> names;
      for (const AttrDef &each : def.attrs)
        names.push_back(each.name);
      std::string_view near = didYouMean(attr.name, names);
      if (near.empty())
        return failAttr(attr.name, "'", def.name, "' has no attribute '",
                        attr.name, "'");
      return failAttr(attr.name, "'", def.name, "' has no attribute '",
                      attr.name, "'; did you mean '", near, "'");
    }
    if (Failure failure = checkAttr(*attrDef, attr.value))
      return failure;
    ++known;
  }
  for (const AttrDef &attrDef : def.attrs) {
    size_t written = 0;
    if (known)
      for (const Attr &attr : attrs)
        written += attr.name == attrDef.name;
    if (written > 1)
      return failAttr(attrDef.name, "attribute '", attrDef.name,
                      "' is written twice");
    if (!written && !attrDef.defaultValue && !attrDef.optional)
      return fail("'", def.name, "' needs the attribute '", attrDef.name, "'");
  }
  return ok;
}

Failure checkSize(const TensorType &type) {
  if (type.shape.size() > kMaxRank)
    return fail("the result has ", type.shape.size(), " dimensions, more than ",
                kMaxRank);
  int64_t count = int64_t(dtypeSize(type.dtype));
  for (const Dim &dim : type.shape)
    if (dim.isFixed() && dim.size() != 0 && !multiply(count, dim.size()))
      return fail("the result ", type, " does not fit 64 bits");
  return ok;
}

} // namespace

std::optional<OpError> inferTypes(const OpDef &def, Span<TensorType> operands,
                                  Span<Attr> attrs,
                                  std::vector<TensorType> &results) {
  OpArgs args{def, operands, attrs};
  // Attributes first: they decide which optional operands there are.
  if (Failure failure = checkAttrs(def, attrs))
    return failure;
  if (Failure failure = checkOperands(args))
    return failure;
  size_t before = results.size();
  Failure failure = def.infer(args, results);
  for (size_t i = before; !failure && i < results.size(); ++i)
    failure = checkSize(results[i]);
  if (failure)
    results.resize(before);
  return failure;
}

} // namespace amp

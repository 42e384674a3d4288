//===- GraphTypes.cpp - Types and attributes between MLIR and OpSet -------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element types, tensor types and attributes, in both directions.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphOps.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

Type graph::toMLIRType(MLIRContext *context, DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return Float16Type::get(context);
  case DType::BFloat16:
    return BFloat16Type::get(context);
  case DType::Float32:
    return Float32Type::get(context);
  case DType::Float64:
    return Float64Type::get(context);
  case DType::Int8:
    return IntegerType::get(context, 8);
  case DType::UInt8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case DType::Int32:
    return IntegerType::get(context, 32);
  case DType::Int64:
    return IntegerType::get(context, 64);
  case DType::Bool:
    return IntegerType::get(context, 1);
  }
  return {};
}

std::optional<DType> graph::toDType(Type type) {
  if (type.isF16())
    return DType::Float16;
  if (type.isBF16())
    return DType::BFloat16;
  if (type.isF32())
    return DType::Float32;
  if (type.isF64())
    return DType::Float64;
  if (type.isUnsignedInteger(8))
    return DType::UInt8;
  if (type.isSignlessInteger(8))
    return DType::Int8;
  if (type.isSignlessInteger(32))
    return DType::Int32;
  if (type.isSignlessInteger(64))
    return DType::Int64;
  if (type.isSignlessInteger(1))
    return DType::Bool;
  return std::nullopt;
}

RankedTensorType graph::toMLIRType(MLIRContext *context,
                                   const amp::TensorType &type) {
  SmallVector<int64_t, 4> sizes;
  for (const Dim &dim : type.shape)
    sizes.push_back(dim.isFixed() ? dim.size() : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, toMLIRType(context, type.dtype));
}

std::optional<amp::TensorType> graph::toTensorType(Type type) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return std::nullopt;
  std::optional<DType> dtype = toDType(ranked.getElementType());
  if (!dtype)
    return std::nullopt;
  amp::TensorType result;
  result.dtype = *dtype;
  result.shape.reserve(ranked.getRank());
  for (int64_t size : ranked.getShape())
    result.shape.push_back(ShapedType::isDynamic(size) ? Dim::unknown()
                                                       : Dim::fixed(size));
  return result;
}

Attribute graph::toMLIRAttr(MLIRContext *context, const AttrValue &value) {
  Builder builder(context);
  if (const auto *flag = std::get_if<bool>(&value))
    return builder.getBoolAttr(*flag);
  if (const auto *number = std::get_if<int64_t>(&value))
    return builder.getI64IntegerAttr(*number);
  if (const auto *real = std::get_if<double>(&value))
    return builder.getF64FloatAttr(*real);
  if (const auto *dtype = std::get_if<DType>(&value))
    return TypeAttr::get(toMLIRType(context, *dtype));
  if (const auto *text = std::get_if<std::string>(&value))
    return builder.getStringAttr(*text);
  if (const auto *ints = std::get_if<std::vector<int64_t>>(&value))
    return builder.getDenseI64ArrayAttr(*ints);
  if (const auto *shape = std::get_if<amp::Shape>(&value)) {
    SmallVector<Attribute> sizes;
    for (const Dim &dim : *shape)
      sizes.push_back(
          dim.isFixed()   ? Attribute(builder.getI64IntegerAttr(dim.size()))
          : dim.isNamed() ? Attribute(builder.getStringAttr(dim.name()))
                          : Attribute(builder.getUnitAttr()));
    return builder.getArrayAttr(sizes);
  }
  return {};
}

std::optional<AttrValue> graph::fromMLIRAttr(AttrKind kind, Attribute attr) {
  switch (kind) {
  case AttrKind::Bool:
    if (auto flag = dyn_cast<BoolAttr>(attr))
      return flag.getValue();
    break;
  case AttrKind::Int:
    if (auto number = dyn_cast<IntegerAttr>(attr))
      return number.getInt();
    break;
  case AttrKind::Float:
    if (auto real = dyn_cast<FloatAttr>(attr))
      return real.getValueAsDouble();
    break;
  case AttrKind::DType:
    if (auto type = dyn_cast<TypeAttr>(attr))
      if (std::optional<DType> dtype = toDType(type.getValue()))
        return *dtype;
    break;
  case AttrKind::Enum:
    if (auto text = dyn_cast<StringAttr>(attr))
      return text.str();
    break;
  case AttrKind::Ints:
    if (auto ints = dyn_cast<DenseI64ArrayAttr>(attr))
      return std::vector<int64_t>(ints.asArrayRef().begin(),
                                  ints.asArrayRef().end());
    break;
  case AttrKind::Dims:
    if (auto array = dyn_cast<ArrayAttr>(attr)) {
      amp::Shape shape;
      for (Attribute size : array) {
        if (auto number = dyn_cast<IntegerAttr>(size)) {
          // −1 in `reshape` is the size to solve.
          shape.push_back(number.getInt() < 0 ? Dim::unknown()
                                              : Dim::fixed(number.getInt()));
        } else if (auto name = dyn_cast<StringAttr>(size)) {
          shape.push_back(Dim::named(name.getValue()));
        } else if (isa<UnitAttr>(size)) {
          shape.push_back(Dim::unknown());
        } else {
          return std::nullopt;
        }
      }
      return shape;
    }
    break;
  case AttrKind::Value:
    break;
  }
  return std::nullopt;
}

LogicalResult graph::readNodeAttrs(Operation *op, const OpDef &def,
                                   std::vector<Attr> &attrs,
                                   std::string_view &wrong) {
  if (isa<ConstantOp>(op)) {
    std::optional<amp::TensorType> type =
        toTensorType(op->getResult(0).getType());
    if (!type) {
      wrong = "dtype";
      return failure();
    }
    attrs.push_back({"dtype", type->dtype});
    attrs.push_back({"shape", type->shape});
    return success();
  }
  for (const AttrDef &attr : def.attrs) {
    Attribute value = op->getAttr(attr.name);
    if (!value)
      continue;
    std::optional<AttrValue> read = fromMLIRAttr(attr.kind, value);
    if (!read) {
      wrong = attr.name;
      return failure();
    }
    attrs.push_back({attr.name, std::move(*read)});
  }
  return success();
}

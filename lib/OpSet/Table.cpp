//===- Table.cpp - The builder of the op table ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Attribute definitions and entries of the op table.
//===----------------------------------------------------------------------===//

#include "Table.h"

#include <algorithm>
#include <cassert>

namespace amp::opset {

namespace {
AttrDef makeAttr(std::string_view name, AttrKind kind, std::string_view doc) {
  AttrDef attr{name, kind, std::nullopt};
  attr.doc = doc;
  return attr;
}

template <typename T>
AttrDef makeAttr(std::string_view name, AttrKind kind,
                 std::optional<T> defaultValue, std::string_view doc) {
  AttrDef attr = makeAttr(name, kind, doc);
  if (defaultValue)
    attr.defaultValue.emplace(std::move(*defaultValue));
  return attr;
}
} // namespace

AttrDef boolAttr(std::string_view name, bool defaultValue,
                 std::string_view doc) {
  return makeAttr<bool>(name, AttrKind::Bool, defaultValue, doc);
}

AttrDef intAttr(std::string_view name, std::optional<int64_t> defaultValue,
                std::string_view doc) {
  return makeAttr(name, AttrKind::Int, defaultValue, doc);
}

AttrDef floatAttr(std::string_view name, std::optional<double> defaultValue,
                  std::string_view doc) {
  return makeAttr(name, AttrKind::Float, defaultValue, doc);
}

AttrDef enumAttr(std::string_view name, std::string_view defaultValue,
                 std::vector<std::string_view> choices, std::string_view doc) {
  AttrDef attr = makeAttr<std::string>(name, AttrKind::Enum,
                                       std::string(defaultValue), doc);
  attr.choices = std::move(choices);
  return attr;
}

AttrDef dtypeAttr(std::string_view name, std::optional<DType> defaultValue,
                  std::string_view doc) {
  return makeAttr(name, AttrKind::DType, defaultValue, doc);
}

AttrDef intsAttr(std::string_view name,
                 std::optional<std::vector<int64_t>> defaultValue,
                 std::string_view doc) {
  return makeAttr(name, AttrKind::Ints, std::move(defaultValue), doc);
}

AttrDef dimsAttr(std::string_view name, std::string_view doc) {
  return makeAttr(name, AttrKind::Dims, doc);
}

AttrDef within(AttrDef attr, double min, double max) {
  attr.min = min;
  attr.max = max;
  return attr;
}

AttrDef fraction(AttrDef attr) {
  attr.min = 0;
  attr.max = 1;
  attr.belowMax = true;
  return attr;
}

AttrDef scalarOr(AttrDef attr) {
  attr.allowScalar = true;
  return attr;
}

AttrDef optional(AttrDef attr) {
  attr.optional = true;
  return attr;
}

AttrDef nonFinite(AttrDef attr) {
  attr.allowNonFinite = true;
  return attr;
}

Entry &Entry::without(std::string_view attrName) {
  auto &attrs = def.attrs;
  attrs.erase(std::remove_if(
                  attrs.begin(), attrs.end(),
                  [&](const AttrDef &attr) { return attr.name == attrName; }),
              attrs.end());
  return *this;
}

Entry &Entry::shapeOnly(std::string_view operandName) {
  for (OperandDef &operand : def.operands) {
    if (operand.name != operandName)
      continue;
    operand.shapeOnly = true;
    operand.inGroup = false;
    return *this;
  }
  assert(false && "no such operand in the op table");
  return *this;
}

Entry Table::op(std::string_view name, Family family, TypeRule infer) {
  OpDef def{name, family, {}, {}, {}};
  def.infer = infer;
  return Entry(forwardOps.emplace_back(std::move(def)));
}

Entry Table::grad(std::string_view name, std::string_view forward,
                  TypeRule infer) {
  const OpDef &from = find(forward);
  Entry entry = gradAlone(name, forward, infer);
  OpDef &def = backwardOps.back();
  def.attrs = from.attrs;
  def.operands.insert(def.operands.end(), from.operands.begin(),
                      from.operands.end());
  return entry;
}

Entry Table::gradAlone(std::string_view name, std::string_view forward,
                       TypeRule infer) {
  OpDef def{name, find(forward).family, {}, {}, {}};
  def.infer = infer;
  def.forward = forward;
  def.differentiable = Differentiable::Backward;
  def.operands.push_back({"gradient", DTypes::Floating, inGroup});
  return Entry(backwardOps.emplace_back(std::move(def)));
}

std::vector<OpDef> Table::take() {
  std::vector<OpDef> all = std::move(forwardOps);
  all.insert(all.end(), std::make_move_iterator(backwardOps.begin()),
             std::make_move_iterator(backwardOps.end()));
  forwardOps.clear();
  backwardOps.clear();
  return all;
}

const OpDef &Table::find(std::string_view name) const {
  auto it = std::find_if(forwardOps.begin(), forwardOps.end(),
                         [&](const OpDef &def) { return def.name == name; });
  assert(it != forwardOps.end() && "the forward op comes first");
  return *it;
}

} // namespace amp::opset

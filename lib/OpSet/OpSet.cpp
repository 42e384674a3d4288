//===- OpSet.cpp - What each op of a graph file is ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The table as a whole, its lookup, and the getters of definitions and
// arguments.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/OpSet.h"

#include "Table.h"

#include <algorithm>
#include <unordered_map>

namespace amp {

namespace {
struct OpTable {
  std::vector<OpDef> ops;
  std::vector<std::string_view> names;
  std::unordered_map<std::string_view, const OpDef *> byName;

  OpTable() {
    opset::Table table;
    opset::addValues(table);
    opset::addUnary(table);
    opset::addBinary(table);
    opset::addMatrix(table);
    opset::addConvolutions(table);
    opset::addNormalisations(table);
    opset::addLosses(table);
    opset::addReductions(table);
    opset::addShapeOps(table);
    opset::addRandom(table);
    opset::addVariables(table);
    opset::addLossScale(table);
    ops = table.take();
    byName.reserve(ops.size());
    names.reserve(ops.size());
    for (const OpDef &def : ops) {
      byName.emplace(def.name, &def);
      names.push_back(def.name);
    }
  }
};

const OpTable &opTable() {
  static const OpTable table;
  return table;
}
} // namespace

Span<OpDef> allOps() { return opTable().ops; }

const OpDef *findOp(std::string_view name) {
  const auto &byName = opTable().byName;
  auto it = byName.find(name);
  return it == byName.end() ? nullptr : it->second;
}

std::string_view nearestOp(std::string_view name) {
  return didYouMean(name, opTable().names);
}

bool hasGroup(const OpDef &def, Span<Attr> attrs) {
  for (const OperandDef &operand : def.operands)
    if (operand.inGroup)
      return true;
  for (const ResultDef &result : def.results) {
    if (!result.inGroup)
      continue;
    // Without grouped operands only an attribute can say what the result is.
    const AttrDef *attr = def.findAttr("dtype");
    return !attr || isFloating(OpArgs{def, {}, attrs}.getDType("dtype"));
  }
  return false;
}

//===----------------------------------------------------------------------===//
// OpDef
//===----------------------------------------------------------------------===//

const AttrDef *OpDef::findAttr(std::string_view attrName) const {
  for (const AttrDef &attr : attrs)
    if (attr.name == attrName)
      return &attr;
  return nullptr;
}

namespace {
/// Walks the operand definitions as a node with `count` operands has them.
/// `present` says of an optional operand whether it is there, or nothing when
/// the count decides. Operands that the count alone can decide come first to
/// take what there is beyond the needed ones, so that by count alone the last
/// operand of `apply_rmsprop` is the condition, not a slot too many.
template <typename Present>
const OperandDef *findOperand(const OpDef &def, size_t index, size_t count,
                              Present present) {
  size_t needed = 0, plain = 0;
  for (const OperandDef &operand : def.operands) {
    if (operand.arity != Arity::Optional || present(operand).value_or(false))
      ++needed;
    else if (!operand.present)
      ++plain;
  }
  if (count < needed || index >= count)
    return nullptr;
  size_t spare = count - needed;
  size_t forPlain = std::min(plain, spare), forSlots = spare - forPlain;
  size_t at = 0;
  const OperandDef *found = nullptr;
  for (const OperandDef &operand : def.operands) {
    size_t taken = 1;
    if (operand.arity == Arity::Variadic) {
      taken += spare;
      forPlain = forSlots = 0;
    } else if (operand.arity == Arity::Optional) {
      std::optional<bool> there = present(operand);
      size_t &left = operand.present ? forSlots : forPlain;
      taken = there ? *there : left > 0;
      if (!there)
        left -= taken;
    }
    if (index >= at && index < at + taken)
      found = &operand;
    at += taken;
  }
  return at == count ? found : nullptr;
}

/// Optional operands are there when the attributes say so, if they do.
auto byAttrs(const OpArgs &args) {
  return [&args](const OperandDef &operand) -> std::optional<bool> {
    if (!operand.present)
      return std::nullopt;
    return operand.present(args);
  };
}
} // namespace

const OperandDef *OpDef::operand(size_t index, size_t count,
                                 Span<Attr> attrs) const {
  OpArgs args{*this, {}, attrs};
  return findOperand(*this, index, count, byAttrs(args));
}

const OperandDef *OpDef::operand(size_t index, size_t count) const {
  return findOperand(
      *this, index, count,
      [](const OperandDef &) -> std::optional<bool> { return std::nullopt; });
}

size_t OpDef::minOperands() const {
  size_t count = 0;
  for (const OperandDef &operand : operands)
    count += operand.arity != Arity::Optional;
  return count;
}

size_t OpDef::maxOperands() const {
  for (const OperandDef &operand : operands)
    if (operand.arity == Arity::Variadic)
      return SIZE_MAX;
  return operands.size();
}

namespace {
/// `present` as for findOperand.
template <typename Present>
std::string makeSignature(const OpDef &def, Present present) {
  std::string text = "(";
  for (const OperandDef &operand : def.operands) {
    bool isOptional = operand.arity == Arity::Optional;
    if (isOptional) {
      std::optional<bool> there = present(operand);
      if (there && !*there)
        continue;
      isOptional = !there;
    }
    if (isOptional)
      text += '[';
    if (text.size() > 1)
      text += ", ";
    text += operand.name;
    if (operand.arity == Arity::Variadic)
      text += ", …";
    if (isOptional)
      text += ']';
  }
  return text + ')';
}
} // namespace

std::string OpDef::signature() const {
  return makeSignature(*this, [](const OperandDef &) -> std::optional<bool> {
    return std::nullopt;
  });
}

std::string OpDef::signature(Span<Attr> attrs) const {
  OpArgs args{*this, {}, attrs};
  return makeSignature(*this, byAttrs(args));
}

//===----------------------------------------------------------------------===//
// OpArgs
//===----------------------------------------------------------------------===//

const AttrValue *OpArgs::get(std::string_view name) const {
  for (const Attr &attr : attrs)
    if (attr.name == name)
      return &attr.value;
  const AttrDef *attr = def.findAttr(name);
  return attr && attr->defaultValue ? &*attr->defaultValue : nullptr;
}

namespace {
/// The value of that type; a null value or one of another type gives the
/// fallback, so that a caller that skipped the checks reads no garbage.
template <typename T> T valueOr(const AttrValue *value, T fallback) {
  const T *held = value ? std::get_if<T>(value) : nullptr;
  return held ? *held : fallback;
}
} // namespace

bool OpArgs::getBool(std::string_view name) const {
  return valueOr(get(name), false);
}

int64_t OpArgs::getInt(std::string_view name) const {
  return valueOr<int64_t>(get(name), 0);
}

double OpArgs::getFloat(std::string_view name) const {
  return valueOr(get(name), 0.0);
}

DType OpArgs::getDType(std::string_view name) const {
  return valueOr(get(name), DType::Float32);
}

std::string_view OpArgs::getEnum(std::string_view name) const {
  const AttrValue *value = get(name);
  const auto *text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

std::vector<int64_t> OpArgs::getInts(std::string_view name) const {
  return valueOr(get(name), std::vector<int64_t>());
}

Shape OpArgs::getDims(std::string_view name) const {
  return valueOr(get(name), Shape());
}

} // namespace amp

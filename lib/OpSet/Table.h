//===- Table.h - How an entry of the op table is written --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The builder that the family files use, so that an element-wise op is one
// line of the table and a backward op takes operands and attributes from its
// forward op. Private to lib/OpSet.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_OPSET_TABLE_H
#define AMP_LIB_OPSET_TABLE_H

#include "amp/OpSet/OpSet.h"

#include <limits>

namespace amp::opset {

inline constexpr bool inGroup = true;
inline constexpr double anyMin = -std::numeric_limits<double>::infinity();
inline constexpr double anyMax = std::numeric_limits<double>::infinity();

AttrDef boolAttr(std::string_view name, bool defaultValue,
                 std::string_view doc = {});
/// Without a default the attribute must be written.
AttrDef intAttr(std::string_view name, std::optional<int64_t> defaultValue,
                std::string_view doc = {});
AttrDef floatAttr(std::string_view name, std::optional<double> defaultValue,
                  std::string_view doc = {});
AttrDef enumAttr(std::string_view name, std::string_view defaultValue,
                 std::vector<std::string_view> choices,
                 std::string_view doc = {});
AttrDef dtypeAttr(std::string_view name, std::optional<DType> defaultValue,
                  std::string_view doc = {});
AttrDef intsAttr(std::string_view name,
                 std::optional<std::vector<int64_t>> defaultValue,
                 std::string_view doc = {});
AttrDef dimsAttr(std::string_view name, std::string_view doc = {});
/// The same attribute within inclusive bounds.
AttrDef within(AttrDef attr, double min, double max = anyMax);
/// The same attribute from 0 to below 1.
AttrDef fraction(AttrDef attr);
/// The same attribute; one integer stands for a list.
AttrDef scalarOr(AttrDef attr);
/// The same attribute; it may be left out.
AttrDef optional(AttrDef attr);
/// The same attribute; "inf", "-inf" and "nan" are allowed.
AttrDef nonFinite(AttrDef attr);

/// One op under construction. Every method returns the entry, so that an op is
/// one expression; operands and results come in their order.
class Entry {
public:
  explicit Entry(OpDef &def) : def(def) {}

  /// An operand in the type group.
  Entry &in(std::string_view name, DTypes dtypes = DTypes::Floating) {
    return add({name, dtypes, inGroup});
  }
  /// An operand outside the type group.
  Entry &side(std::string_view name, DTypes dtypes) {
    return add({name, dtypes});
  }
  /// An operand that must be a variable.
  Entry &variable(std::string_view name, DTypes dtypes = DTypes::Floating) {
    add({name, dtypes});
    def.operands.back().isVariable = true;
    return *this;
  }
  /// Changes the operand written last.
  Entry &variadic() {
    def.operands.back().arity = Arity::Variadic;
    return *this;
  }
  Entry &optional(bool (*present)(const OpArgs &) = nullptr) {
    def.operands.back().arity = Arity::Optional;
    def.operands.back().present = present;
    return *this;
  }
  /// A result in the type group.
  Entry &out(std::string_view name = "y") {
    def.results.push_back({name, inGroup});
    return *this;
  }
  /// A result outside the type group.
  Entry &sideOut(std::string_view name) {
    def.results.push_back({name, false});
    return *this;
  }
  /// How many results there are follows from operands or attributes.
  Entry &variadicResults() {
    def.variadicResults = true;
    return *this;
  }
  Entry &attr(AttrDef attr) {
    def.attrs.push_back(std::move(attr));
    return *this;
  }
  Entry &attrs(const std::vector<AttrDef> &more) {
    def.attrs.insert(def.attrs.end(), more.begin(), more.end());
    return *this;
  }
  /// A backward op does without this attribute of its forward op.
  Entry &without(std::string_view attrName);
  /// Of this operand only the sizes are read; it leaves the type group.
  Entry &shapeOnly(std::string_view operandName);
  /// Differentiable; `how` says what its gradients are made of.
  Entry &gradient(std::string_view how) {
    def.differentiable = Differentiable::Yes;
    def.gradient = how;
    return *this;
  }
  Entry &loss() {
    def.isLoss = true;
    return *this;
  }
  Entry &update() {
    def.isUpdate = true;
    return *this;
  }
  Entry &doc(std::string_view text) {
    def.doc = text;
    return *this;
  }

private:
  Entry &add(OperandDef operand) {
    def.operands.push_back(operand);
    return *this;
  }

  OpDef &def;
};

/// Collects the ops of all families.
class Table {
public:
  /// A forward op.
  Entry op(std::string_view name, Family family, TypeRule infer);
  /// The backward op of `forward`, which must have been entered: operand
  /// `gradient` in the type group, then the operands of `forward`; its
  /// attributes; its family.
  Entry grad(std::string_view name, std::string_view forward, TypeRule infer);
  /// A backward op that takes the gradient alone.
  Entry gradAlone(std::string_view name, std::string_view forward,
                  TypeRule infer);

  /// Forward ops, then backward ops; leaves the table empty.
  std::vector<OpDef> take();

private:
  const OpDef &find(std::string_view name) const;

  std::vector<OpDef> forwardOps, backwardOps;
};

// The families, in their order.
void addValues(Table &table);
void addUnary(Table &table);
void addBinary(Table &table);
void addMatrix(Table &table);
void addConvolutions(Table &table);
void addNormalisations(Table &table);
void addLosses(Table &table);
void addReductions(Table &table);
void addShapeOps(Table &table);
void addRandom(Table &table);
void addVariables(Table &table);
void addLossScale(Table &table);

} // namespace amp::opset

#endif // AMP_LIB_OPSET_TABLE_H

//===- OpCase.h - A node and its result types as text -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Cases of type rules are written as text, `float32[batch,784]`, so that a
// table of them is read at a glance.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_UNIT_OPSET_OPCASE_H
#define AMP_TEST_UNIT_OPSET_OPCASE_H

#include "amp/OpSet/OpSet.h"

namespace amp::test {

/// Operand types, attributes and what becomes of them.
struct OpCase {
  std::string_view op;
  /// `f32[batch,784] i32[]`; `?` is an unknown size; f16, bf16, f32, f64, i8,
  /// u8, i32, i64, b.
  std::string_view operands;
  /// `axes=0,1 keep_dims=true`; an attribute that the op does not have is held
  /// as a string; `shape=` is the empty list.
  std::string_view attrs;
  /// Result types, or `error: …` with the operand or attribute it points at:
  /// `error at 1: …`, `error at axis: …`.
  std::string_view expected;
};

std::vector<TensorType> parseTypes(std::string_view text);
/// Attributes by the kinds of the op's definition. Aborts on text that makes
/// no sense: the tests are wrong then.
std::vector<Attr> parseAttrs(const OpDef &def, std::string_view text);
/// What inferTypes says of the case, in the form of `expected`.
std::string run(const OpCase &opCase);

/// All cases, by family.
extern const std::vector<OpCase> elementwiseCases, layerCases, shapeCases,
    updateCases;

} // namespace amp::test

#endif // AMP_TEST_UNIT_OPSET_OPCASE_H

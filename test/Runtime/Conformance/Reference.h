//===- Reference.h - What ops mean, in numbers ---------------- -*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops written plainly in long double, their gradients by finite differences of
// that, and how far rounding may carry a result away: nothing here knows how a
// kernel computes.
//
// The bound. A result that takes at most K rounded operations in arithmetic of
// unit roundoff u may be off by K·u times its condition
//
//   |y| + Σ over the inputs x of |x · ∂y/∂x|,
//
// which is what rounding the inputs and the result K times would do. Storing it
// adds one rounding in the stored type. K is a property of the formula, counted
// in each case; the condition is measured with finite differences.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_REFERENCE_H
#define AMP_TEST_RUNTIME_REFERENCE_H

#include "Conformance.h"

namespace amprt::test {

/// 64 bits of mantissa or more, so that finite differences are good enough for
/// float64.
using Real = long double;

struct Array {
  Dims dims;
  std::vector<Real> values;

  static Array zeros(Dims dims) {
    auto count = size_t(elementCount(dims));
    return {std::move(dims), std::vector<Real>(count, 0)};
  }
  size_t size() const { return values.size(); }
  Real &operator[](size_t i) { return values[i]; }
  Real operator[](size_t i) const { return values[i]; }
  Real &operator[](int64_t i) { return values[size_t(i)]; }
  Real operator[](int64_t i) const { return values[size_t(i)]; }
};
using Arrays = std::vector<Array>;
using Reference = std::function<Arrays(const Arrays &inputs)>;

/// Calls `visit(index)` for every index of the sizes, in row-major order.
void forEachIndex(const Dims &dims,
                  const std::function<void(const Dims &index)> &visit);
/// The flat place of an index; sizes of 1 take any index.
int64_t flatIndex(const Dims &dims, const Dims &index);
/// The sizes that both broadcast to, and an array in such sizes.
Dims broadcastDims(const Dims &a, const Dims &b);
Array broadcastTo(const Array &array, const Dims &dims);
/// An axis counted from the end when negative.
inline size_t axisOf(int64_t axis, const Dims &dims) {
  return size_t(axis < 0 ? axis + int64_t(dims.size()) : axis);
}
/// Outer, size and inner of an axis.
struct Rows {
  int64_t outer = 1, size = 1, inner = 1;
  Rows(const Dims &dims, size_t axis);
  int64_t count() const { return outer * inner; }
  int64_t at(int64_t row, int64_t i) const {
    return (row / inner * size + i) * inner + row % inner;
  }
};

/// Which values an input of a case has.
enum class Kind : uint8_t {
  Tested, ///< of the type under test
  Params, ///< float32, float64 when that is under test
  Int32,
  Int64,
  Bool
};
struct Operand {
  Dims dims;
  double low = -2, high = 2;
  Kind kind = Kind::Tested;
  /// Whole numbers only.
  bool whole = false;
  /// No two elements are nearer than 0.03, so that the largest is clear.
  bool distinct = false;
  /// Elements keep this far from these numbers, where a function has a kink.
  std::vector<double> kinks = {};
};

/// A backward op of a case, tested against finite differences of the forward
/// reference.
struct Backward {
  std::string op;
  /// Operands whose gradients are its results, in order.
  std::vector<size_t> of = {0};
  /// Its own attributes, where they are not those of the forward op.
  std::optional<std::string> attrs = std::nullopt;
  /// Takes the gradient and nothing else.
  bool gradientAlone = false;
  /// The most rounded operations, where they are more than those forward.
  std::optional<double> roundings = std::nullopt;
};

struct OpCase {
  /// In the attributes "$dtype" stands for the type under test.
  std::string op, attrs;
  std::vector<Operand> operands;
  Reference reference;
  /// The most rounded operations that a result depends on one after the other;
  /// 0: the result is exact but for storing it.
  double roundings = 0;
  /// Terms that are added up in float64 before the one rounding.
  double terms = 0;
  std::vector<Backward> backward = {};
  /// Element i of the result depends on element i of the broadcast operands
  /// alone, and so do the gradients, which are not summed over broadcasts.
  bool elementwise = false;
  /// Linear in each operand with coefficients of one sign: its condition is
  /// its value at the operands' absolute values.
  bool multilinear = false;
  std::vector<DType> dtypes = kFloats;
};

/// Gradients of Σ g · (first result) by central differences of sixth order.
Arrays gradientsOf(const OpCase &c, const Arrays &inputs, const Array &g,
                   const std::vector<size_t> &of);
/// Σ |x · ∂y/∂x| for every element of every result of `f`. `perturb` are the
/// floating inputs.
Arrays conditionOf(const OpCase &c, const Reference &f, const Arrays &inputs,
                   const std::vector<size_t> &perturb);

/// All cases, by family.
std::vector<OpCase> unaryCases();
std::vector<OpCase> binaryCases();
std::vector<OpCase> matrixCases();
std::vector<OpCase> lossCases();
std::vector<OpCase> reductionCases();
std::vector<OpCase> shapeCases();
std::vector<OpCase> normCases();
std::vector<OpCase> convCases();

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_REFERENCE_H

//===- Sizes.h - Arithmetic on sizes that may be names ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sizes are numbers, names or unknown. An unknown size fits everything and is
// checked when the graph runs; two names, or a name and a number, never fit.
// Private to lib/OpSet.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_OPSET_SIZES_H
#define AMP_LIB_OPSET_SIZES_H

#include "amp/OpSet/Types.h"

namespace amp::opset {

/// Whether two sizes can be the same.
bool fits(const Dim &a, const Dim &b);
/// The same for every size of two shapes of one rank.
bool fits(const Shape &a, const Shape &b);
/// The better known of two sizes that fit.
inline const Dim &meet(const Dim &a, const Dim &b) {
  return a.isUnknown() ? b : a;
}

/// NumPy's broadcasting of two shapes, aligned at the right. False when they
/// do not fit; `out` is then unspecified. `out` may be neither operand.
bool broadcast(const Shape &a, const Shape &b, Shape &out);
/// The same for one size.
bool broadcast(const Dim &a, const Dim &b, Dim &out);

/// product *= factor; false on overflow.
bool multiply(int64_t &product, int64_t factor);

/// The sum of two sizes: a number when both are, the other one when one is
/// zero, else unknown. Nothing on overflow.
std::optional<Dim> addSizes(const Dim &a, const Dim &b);

/// The shape `to`, which may hold one -1 (an unknown size), with that size
/// solved where it can be: names on both sides cancel, and what is left must
/// divide. Returns why it does not fit, or nothing.
std::optional<std::string> reshape(const Shape &from, const Shape &to,
                                   Shape &out);

/// Why two shapes cannot have the same number of elements, or nothing.
std::optional<std::string> sameElements(const Shape &a, const Shape &b);

/// How many positions a sliding window has.
struct Window {
  Dim size; ///< of the window itself
  int64_t stride = 1;
  int64_t dilation = 1;
  bool same = false; ///< padding "same", else "valid"
};
/// Positions of the window along a size, as in a convolution or pool.
std::optional<std::string> slide(const Dim &size, const Window &window,
                                 Dim &out);
/// The size that the window was slid over, as a transposed convolution makes.
std::optional<std::string> unslide(const Dim &size, const Window &window,
                                   Dim &out);

} // namespace amp::opset

#endif // AMP_LIB_OPSET_SIZES_H

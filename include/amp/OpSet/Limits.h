//===- Limits.h - Bounds of types -------------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What readers and shape inference refuse.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_LIMITS_H
#define AMP_OPSET_LIMITS_H

#include "amp/OpSet/Types.h"

#include <cstddef>
#include <limits>

namespace amp {

/// The most dimensions of a tensor, so that work stays linear in the nodes.
constexpr size_t kMaxRank = 64;

/// The smallest magnitude that rounds to infinity, half an ulp above the
/// largest finite value.
constexpr double overflowLimit(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return 65520.0;
  case DType::BFloat16:
    return 0x1.FFp127; // (2 - 2^-8) 2^127
  case DType::Float32:
    return 0x1.FFFFFFp127; // (2 - 2^-24) 2^127
  default:
    return std::numeric_limits<double>::infinity();
  }
}

} // namespace amp

#endif // AMP_OPSET_LIMITS_H

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

#include <cstddef>

namespace amp {

/// The most dimensions of a tensor, so that work stays linear in the nodes.
constexpr size_t kMaxRank = 64;

} // namespace amp

#endif // AMP_OPSET_LIMITS_H

//===- Convert.h - Elements of one type as another --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The rule by which arrays of files feed inputs of another type: floating to
// floating, rounded; integer to integer, if every number fits.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_CONVERT_H
#define AMPRT_IO_CONVERT_H

#include "amprt/Tensor.h"

namespace amprt::io {

/// The same type, or both floating, or both integers.
bool isConvertible(DType from, DType to);

/// An element of an integer or bool tensor.
int64_t integerAt(const Tensor &tensor, int64_t index);

/// The first element of an integer tensor that an integer type cannot hold.
std::optional<int64_t> findMisfit(const Tensor &tensor, DType to);

/// The tensor in another type. InvalidArgument when the rule forbids it.
Result<Tensor> convertTensor(Tensor tensor, DType to);

} // namespace amprt::io

#endif // AMPRT_IO_CONVERT_H

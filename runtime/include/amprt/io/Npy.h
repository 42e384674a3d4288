//===- Npy.h - NumPy's .npy files -------------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Tensors in the file format that Python users exchange arrays in.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_NPY_H
#define AMPRT_IO_NPY_H

#include "amprt/Tensor.h"

namespace amprt::io {

/// Reads a file of version 1 to 3: f2 f4 f8 i1 u1 i4 i8 b1, C order,
/// little-endian. Every other file is refused with the reason.
Result<Tensor> readNpy(const std::string &path);

/// The same from bytes in memory; `path` is for messages.
Result<Tensor> parseNpy(std::string_view text, const std::string &path);

/// The bytes of a file of version 1.0. NumPy has no bfloat16: it is written as
/// float32, which holds every bfloat16 exactly.
std::string formatNpy(const Tensor &tensor);

/// Writes formatNpy; the file is replaced as a whole or not at all.
Status writeNpy(const std::string &path, const Tensor &tensor);

} // namespace amprt::io

#endif // AMPRT_IO_NPY_H

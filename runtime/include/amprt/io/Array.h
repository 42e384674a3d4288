//===- Array.h - An array in host memory and its files ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The arrays that go into and come out of a session, and the two small file
// formats they are exchanged in: NumPy's .npy, and IDX (MNIST), gzipped or not.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_ARRAY_H
#define AMPRT_IO_ARRAY_H

#include "amp/OpSet/Types.h"
#include "amprt/Status.h"

namespace amprt::io {

using amp::DType;

/// Row-major elements in host memory, little-endian, bool as one byte.
struct Array {
  DType dtype = DType::Float32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;

  Array() = default;
  /// Zeros. The sizes must be from a trusted source: they are not checked.
  Array(DType dtype, std::vector<int64_t> shape);

  int64_t elements() const;
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes.data()); }
  template <typename T> const T *data() const {
    return reinterpret_cast<const T *>(bytes.data());
  }
  /// Bytes of one entry of dimension 0.
  size_t rowBytes() const;
};

/// The product of the sizes, times the element size; nothing when a size is
/// negative or the product does not fit 63 bits.
std::optional<uint64_t> byteSize(DType dtype,
                                 const std::vector<int64_t> &shape);

/// `float32 [3, 4]`, for messages.
std::string describe(DType dtype, const std::vector<int64_t> &shape);

/// Reads a .npy file of version 1 to 3: f2 f4 f8 i1 u1 i4 i8 b1, C order,
/// little-endian. Every other file is refused with the reason.
Status readNpy(const std::string &path, Array &array);

/// Writes version 1.0. NumPy has no bfloat16: it is written as float32, which
/// holds every bfloat16 exactly. The file is replaced as a whole or not at all.
Status writeNpy(const std::string &path, const Array &array);

/// Reads an IDX file, gzipped or not.
Status readIdx(const std::string &path, Array &array);

/// The elements as another type: floating to floating (rounded to nearest
/// even), integer to integer (each must fit), the same type as it is.
/// `byteScale` multiplies uint8 elements that become floating ones. Writes
/// `count` elements to `to`.
Status convertElements(const uint8_t *from, DType fromType, uint8_t *to,
                       DType toType, size_t count, double byteScale);

} // namespace amprt::io

#endif // AMPRT_IO_ARRAY_H

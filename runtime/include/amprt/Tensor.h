//===- Tensor.h - A dense tensor in host memory -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element type, sizes and the elements themselves in row-major order, in memory
// aligned to 256 bytes. What goes into a Session and what comes out of it.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_TENSOR_H
#define AMPRT_TENSOR_H

#include "amp/OpSet/Types.h"
#include "amprt/Status.h"

#include <vector>

namespace amprt {

using amp::DType;
/// Sizes that are known.
using Dims = std::vector<int64_t>;

/// Alignment of every buffer of the runtime, on every device.
inline constexpr size_t kAlignment = 256;

/// Number of elements; 1 for a scalar.
int64_t elementCount(const Dims &dims);
/// `float32 [8192, 784]`.
std::string describe(DType dtype, const Dims &dims);

/// Frees what allocateAligned gave.
struct AlignedFree {
  void operator()(std::byte *bytes) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedFree>;
/// Uninitialised bytes at a 256-byte boundary; null when there is no memory.
/// Zero bytes give a valid pointer too.
AlignedBytes allocateAligned(size_t bytes);

/// Owns its elements. Moves; copies only by clone().
class Tensor {
public:
  /// A tensor that holds nothing: float32, one size of 0.
  Tensor() = default;
  /// Zero-filled. Negative sizes and sizes whose bytes overflow are
  /// InvalidArgument.
  static Result<Tensor> create(DType dtype, Dims dims);
  /// A tensor whose elements are copied from `data`.
  static Result<Tensor> copyOf(DType dtype, Dims dims, const void *data);

  DType dtype() const { return elementType; }
  const Dims &dims() const { return sizes; }
  int64_t size() const { return elementCount(sizes); }
  size_t bytes() const { return size() * amp::dtypeSize(elementType); }

  void *data() { return storage.get(); }
  const void *data() const { return storage.get(); }
  /// The elements as C++ type T (uint16_t for the 16-bit floats, bool as
  /// uint8_t); the caller knows the dtype.
  template <typename T> T *as() { return reinterpret_cast<T *>(data()); }
  template <typename T> const T *as() const {
    return reinterpret_cast<const T *>(data());
  }

  Result<Tensor> clone() const;
  /// Another shape of the same number of elements.
  Status reshape(Dims dims);
  /// The element at a flat index as a double (bool: 0 or 1).
  double at(int64_t index) const;
  /// Stores a number, rounded to nearest even or truncated to an integer.
  void set(int64_t index, double value);

private:
  DType elementType = DType::Float32;
  Dims sizes = {0};
  AlignedBytes storage;
};

} // namespace amprt

#endif // AMPRT_TENSOR_H

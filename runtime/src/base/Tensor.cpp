//===- Tensor.cpp - A dense tensor in host memory -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Aligned memory, sizes that are checked, elements as doubles.
//===----------------------------------------------------------------------===//

#include "amprt/Tensor.h"
#include "amprt/Half.h"

#include <cstring>
#include <limits>
#include <new>

using namespace amprt;

int64_t amprt::elementCount(const Dims &dims) {
  int64_t count = 1;
  for (int64_t size : dims)
    count *= size;
  return count;
}

std::string amprt::describe(DType dtype, const Dims &dims) {
  std::string text(amp::dtypeName(dtype));
  text += " [";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

void AlignedFree::operator()(std::byte *bytes) const {
  ::operator delete[](bytes, std::align_val_t(kAlignment));
}

AlignedBytes amprt::allocateAligned(size_t bytes) {
  return AlignedBytes(static_cast<std::byte *>(::operator new[](
      bytes ? bytes : 1, std::align_val_t(kAlignment), std::nothrow)));
}

/// Bytes of a tensor, or nothing for sizes that make no sense.
static std::optional<size_t> checkedBytes(DType dtype, const Dims &dims) {
  // Half of the address space: offsets and products of them stay in int64_t.
  const uint64_t most = uint64_t(std::numeric_limits<int64_t>::max()) / 2;
  uint64_t bytes = amp::dtypeSize(dtype);
  bool empty = false;
  for (int64_t size : dims) {
    if (size < 0)
      return std::nullopt;
    if (size == 0) {
      empty = true;
      continue;
    }
    if (bytes > most / uint64_t(size))
      return std::nullopt;
    bytes *= uint64_t(size);
  }
  return empty ? 0 : size_t(bytes);
}

Result<Tensor> Tensor::create(DType dtype, Dims dims) {
  std::optional<size_t> bytes = checkedBytes(dtype, dims);
  if (!bytes)
    return Status(Code::InvalidArgument,
                  "no tensor can have the type " + describe(dtype, dims));
  Tensor tensor;
  tensor.elementType = dtype;
  tensor.storage = allocateAligned(*bytes);
  if (!tensor.storage)
    return Status(Code::ResourceExhausted,
                  "no memory for a tensor " + describe(dtype, dims));
  std::memset(tensor.storage.get(), 0, *bytes);
  tensor.sizes = std::move(dims);
  return tensor;
}

Result<Tensor> Tensor::copyOf(DType dtype, Dims dims, const void *data) {
  AMPRT_ASSIGN_OR_RETURN(Tensor tensor, create(dtype, std::move(dims)));
  if (tensor.bytes())
    std::memcpy(tensor.data(), data, tensor.bytes());
  return tensor;
}

Result<Tensor> Tensor::clone() const {
  if (!storage)
    return Tensor();
  return copyOf(elementType, sizes, data());
}

Status Tensor::reshape(Dims dims) {
  std::optional<size_t> newBytes = checkedBytes(elementType, dims);
  if (!newBytes || *newBytes != bytes())
    return Status(Code::InvalidArgument,
                  "cannot reshape " + describe(elementType, sizes) + " to " +
                      describe(elementType, dims));
  sizes = std::move(dims);
  return okStatus();
}

double Tensor::at(int64_t index) const {
  switch (elementType) {
  case DType::Float16:
    return halfToFloat(as<uint16_t>()[index]);
  case DType::BFloat16:
    return bfloatToFloat(as<uint16_t>()[index]);
  case DType::Float32:
    return as<float>()[index];
  case DType::Float64:
    return as<double>()[index];
  case DType::Int8:
    return as<int8_t>()[index];
  case DType::UInt8:
  case DType::Bool:
    return as<uint8_t>()[index];
  case DType::Int32:
    return as<int32_t>()[index];
  case DType::Int64:
    return double(as<int64_t>()[index]);
  }
  return 0;
}

void Tensor::set(int64_t index, double value) {
  switch (elementType) {
  case DType::Float16:
    as<uint16_t>()[index] = floatToHalf(roundToOdd(value));
    break;
  case DType::BFloat16:
    as<uint16_t>()[index] = floatToBFloat(roundToOdd(value));
    break;
  case DType::Float32:
    as<float>()[index] = float(value);
    break;
  case DType::Float64:
    as<double>()[index] = value;
    break;
  case DType::Int8:
    as<int8_t>()[index] = int8_t(value);
    break;
  case DType::UInt8:
    as<uint8_t>()[index] = uint8_t(value);
    break;
  case DType::Bool:
    as<uint8_t>()[index] = value != 0;
    break;
  case DType::Int32:
    as<int32_t>()[index] = int32_t(value);
    break;
  case DType::Int64:
    as<int64_t>()[index] = int64_t(value);
    break;
  }
}

//===- Convert.cpp - Elements of one type as another ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Integers never pass through doubles, which would lose their last bits.
//===----------------------------------------------------------------------===//

#include "amprt/io/Convert.h"

namespace amprt::io {

bool isConvertible(DType from, DType to) {
  return from == to || (amp::isFloating(from) && amp::isFloating(to)) ||
         (amp::isInteger(from) && amp::isInteger(to));
}

int64_t integerAt(const Tensor &tensor, int64_t index) {
  switch (tensor.dtype()) {
  case DType::Int8:
    return tensor.as<int8_t>()[index];
  case DType::Int32:
    return tensor.as<int32_t>()[index];
  case DType::Int64:
    return tensor.as<int64_t>()[index];
  default:
    return tensor.as<uint8_t>()[index];
  }
}

std::optional<int64_t> findMisfit(const Tensor &tensor, DType to) {
  int64_t least = INT64_MIN, most = INT64_MAX;
  if (to == DType::Int8)
    least = INT8_MIN, most = INT8_MAX;
  else if (to == DType::UInt8)
    least = 0, most = UINT8_MAX;
  else if (to == DType::Int32)
    least = INT32_MIN, most = INT32_MAX;
  for (int64_t i = 0, e = tensor.size(); i < e; ++i)
    if (const int64_t value = integerAt(tensor, i);
        value < least || value > most)
      return value;
  return std::nullopt;
}

Result<Tensor> convertTensor(Tensor tensor, DType to) {
  const DType from = tensor.dtype();
  if (from == to)
    return tensor;
  if (!isConvertible(from, to))
    return Status(Code::InvalidArgument,
                  "the array is " + std::string(amp::dtypeName(from)) +
                      ", not " + std::string(amp::dtypeName(to)));
  if (amp::isInteger(to))
    if (const std::optional<int64_t> misfit = findMisfit(tensor, to))
      return Status(Code::InvalidArgument, "the array holds " +
                                               std::to_string(*misfit) +
                                               ", which does not fit " +
                                               std::string(amp::dtypeName(to)));
  AMPRT_ASSIGN_OR_RETURN(Tensor result, Tensor::create(to, tensor.dims()));
  for (int64_t i = 0, e = tensor.size(); i < e; ++i) {
    if (to == DType::Int64)
      result.as<int64_t>()[i] = integerAt(tensor, i);
    else
      result.set(i, tensor.at(i));
  }
  return result;
}

} // namespace amprt::io

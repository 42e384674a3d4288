//===- CheckArrays.cpp - What holds for .npy and IDX files
//------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The formats of the runtime's data.
//===----------------------------------------------------------------------===//

#include "MemoryFile.h"
#include "Readers.h"

#include "amprt/io/Idx.h"
#include "amprt/io/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <zlib.h>

using namespace amp::test;
using amprt::Dims;
using amprt::DType;
using amprt::Result;
using amprt::Tensor;

static bool isSame(const Tensor &a, const Tensor &b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

ReaderOutcome amp::test::checkNpy(std::string bytes) {
  Result<Tensor> tensor = amprt::io::parseNpy(bytes, "f.npy");
  if (!tensor.ok())
    return {false, tensor.status().message().empty()
                       ? std::optional<std::string>("refused without a message")
                       : std::nullopt};
  if (tensor->bytes() > bytes.size())
    return {true, "there is more in the array than in the file"};
  // The elements are the end of the file, but for bools that are not 0 or 1.
  if (tensor->dtype() != DType::Bool &&
      std::memcmp(tensor->data(), bytes.data() + bytes.size() - tensor->bytes(),
                  tensor->bytes()) != 0)
    return {true, "the elements are not those of the file"};
  Result<Tensor> again =
      amprt::io::parseNpy(amprt::io::formatNpy(*tensor), "again.npy");
  if (!again.ok())
    return {true, "what was written is refused: " + again.status().message()};
  if (!isSame(*tensor, *again))
    return {true, "written and read, the array differs"};
  return {true, std::nullopt};
}

ReaderOutcome amp::test::checkIdx(std::string bytes) {
  MemoryFile file(bytes);
  Result<Tensor> tensor = amprt::io::readIdx(file.path());
  if (!tensor.ok())
    return {false, tensor.status().message().empty()
                       ? std::optional<std::string>("refused without a message")
                       : std::nullopt};
  bool isPlain = bytes.substr(0, 2) != "\x1f\x8b";
  if (!isPlain)
    return {true, std::nullopt};
  size_t width = amp::dtypeSize(tensor->dtype());
  if (4 + 4 * tensor->dims().size() + tensor->bytes() != bytes.size())
    return {true, "header and elements are not the file"};
  std::string elements(static_cast<const char *>(tensor->data()),
                       tensor->bytes());
  for (size_t i = 0; i < elements.size(); i += width)
    std::reverse(elements.begin() + i, elements.begin() + i + width);
  if (bytes.compare(bytes.size() - elements.size(), elements.size(),
                    elements) != 0)
    return {true, "the elements are not those of the file"};
  return {true, std::nullopt};
}

std::vector<std::string> amp::test::npySeeds() {
  std::vector<std::string> seeds;
  for (DType dtype :
       {DType::Float16, DType::Float32, DType::Float64, DType::Int8,
        DType::UInt8, DType::Int32, DType::Int64, DType::Bool})
    for (const Dims &dims : {Dims{}, Dims{3}, Dims{2, 0}, Dims{2, 3, 2}}) {
      Result<Tensor> tensor = Tensor::create(dtype, dims);
      for (int64_t i = 0; tensor.ok() && i < tensor->size(); ++i)
        tensor->set(i, double(i % 2));
      if (tensor.ok())
        seeds.push_back(amprt::io::formatNpy(*tensor));
    }
  return seeds;
}

/// The bytes as gzip would pack them.
static std::string packed(const std::string &bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef *>(in.data());
  stream.avail_in = uInt(in.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = uInt(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<std::string> amp::test::idxSeeds() {
  std::vector<std::string> seeds;
  auto add = [&](char code, size_t width, const std::vector<uint8_t> &dims) {
    std::string bytes = {0, 0, code, char(dims.size())};
    size_t count = width;
    for (uint8_t size : dims) {
      bytes += {0, 0, 0, char(size)};
      count *= size;
    }
    for (size_t i = 0; i < count; ++i)
      bytes += char(i * 7);
    seeds.push_back(bytes);
    seeds.push_back(packed(bytes));
  };
  add(0x08, 1, {3, 4, 4});
  add(0x08, 1, {5});
  add(0x09, 1, {2, 2});
  add(0x0C, 4, {3});
  add(0x0D, 4, {2, 3});
  add(0x0E, 8, {2});
  add(0x08, 1, {0, 28, 28});
  return seeds;
}

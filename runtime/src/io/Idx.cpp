//===- Idx.cpp - Reads IDX files ------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// zlib reads the plain and the gzipped file through the same calls. Nothing in
// the header is trusted: memory grows with what the file really holds.
//===----------------------------------------------------------------------===//

#include "amprt/io/Idx.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <zlib.h>

namespace amprt::io {
namespace {

/// More than any IDX file of images has; a header that asks for more is wrong.
constexpr uint64_t kMaxBytes = uint64_t(1) << 33;
constexpr uint8_t kMaxRank = 8;

struct GzClose {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using Gz = std::unique_ptr<gzFile_s, GzClose>;

Status readError(gzFile file, const std::string &path) {
  const int number = errno;
  int code = 0;
  const char *text = gzerror(file, &code);
  if (code == Z_ERRNO)
    return Status(Code::IoError,
                  "cannot read '" + path + "': " + std::strerror(number));
  return Status(Code::InvalidArgument,
                "'" + path + "' is damaged: " +
                    (code == Z_BUF_ERROR ? "it ends within the gzip stream"
                                         : std::string(text)));
}

/// Appends up to `count` bytes, in pieces, so that a false size in the header
/// never allocates more than the file holds.
Status readBytes(gzFile file, const std::string &path, uint64_t count,
                 std::vector<uint8_t> &bytes) {
  constexpr uint64_t piece = uint64_t(1) << 22;
  while (count) {
    const size_t want = size_t(std::min(count, piece)), old = bytes.size();
    bytes.resize(old + want);
    const int got = gzread(file, bytes.data() + old, unsigned(want));
    if (got < 0)
      return readError(file, path);
    bytes.resize(old + size_t(got));
    if (size_t(got) < want) {
      // A gzip stream that is cut gives what it had and then this error.
      int code = Z_OK;
      gzerror(file, &code);
      return code == Z_OK ? okStatus() : readError(file, path);
    }
    count -= uint64_t(got);
  }
  return okStatus();
}

uint32_t bigEndian32(const uint8_t *p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 |
         p[3];
}

std::optional<DType> elementType(uint8_t code) {
  switch (code) {
  case 0x08:
    return DType::UInt8;
  case 0x09:
    return DType::Int8;
  case 0x0C:
    return DType::Int32;
  case 0x0D:
    return DType::Float32;
  case 0x0E:
    return DType::Float64;
  default:
    return std::nullopt;
  }
}

} // namespace

Result<Tensor> readIdx(const std::string &path) {
  errno = 0;
  Gz file(gzopen(path.c_str(), "rb"));
  if (!file)
    return Status(Code::IoError, "cannot open '" + path + "': " +
                                     std::strerror(errno ? errno : ENOMEM));
  auto bad = [&](const std::string &why) {
    return Status(Code::InvalidArgument,
                  "'" + path + "' is not a valid IDX file: " + why);
  };

  std::vector<uint8_t> head;
  AMPRT_RETURN_IF_ERROR(readBytes(file.get(), path, 4, head));
  if (head.size() < 4)
    return bad("it ends within the magic number");
  const std::optional<DType> dtype = elementType(head[2]);
  const uint8_t rank = head[3];
  if (head[0] || head[1] || !dtype || rank == 0 || rank > kMaxRank) {
    char magic[16];
    std::snprintf(magic, sizeof magic, "0x%08x", bigEndian32(head.data()));
    return bad(std::string("its magic number is ") + magic +
               ", but images have 0x00000803 and labels 0x00000801");
  }

  std::vector<uint8_t> sizes;
  AMPRT_RETURN_IF_ERROR(readBytes(file.get(), path, 4 * rank, sizes));
  if (sizes.size() < size_t(4 * rank))
    return bad("it ends within its sizes");
  const size_t width = amp::dtypeSize(*dtype);
  Dims dims;
  uint64_t want = width;
  for (uint8_t i = 0; i < rank; ++i) {
    dims.push_back(bigEndian32(sizes.data() + 4 * i));
    // Both factors are below 2^33, so the product does not wrap.
    want *= uint64_t(dims.back());
    if (want > kMaxBytes)
      return bad("its sizes make more than 8 GiB");
  }

  std::vector<uint8_t> bytes;
  AMPRT_RETURN_IF_ERROR(readBytes(file.get(), path, want, bytes));
  if (bytes.size() < want)
    return bad("it declares " + describe(*dtype, dims) + ", that is " +
               std::to_string(want) + " bytes, but holds " +
               std::to_string(bytes.size()));
  std::vector<uint8_t> rest;
  AMPRT_RETURN_IF_ERROR(readBytes(file.get(), path, 1, rest));
  if (!rest.empty())
    return bad("bytes follow the " + std::to_string(want) + " it declares");

  for (size_t i = 0; width > 1 && i < bytes.size(); i += width)
    std::reverse(bytes.begin() + i, bytes.begin() + i + width);
  return Tensor::copyOf(*dtype, std::move(dims), bytes.data());
}

} // namespace amprt::io

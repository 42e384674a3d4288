//===- Npy.cpp - Reads and writes NumPy's .npy files ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A magic string, a version, the length of the header, the header (a Python
// dictionary with exactly three keys), the elements. The header is parsed by
// hand and nothing in it is trusted.
//===----------------------------------------------------------------------===//

#include "amprt/io/Npy.h"
#include "amp/GraphFile/FileIO.h"

#include <algorithm>

namespace amprt::io {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kMaxHeader = 1 << 16;
constexpr size_t kMaxRank = 32;

struct Header {
  DType dtype = DType::Float32;
  Dims dims;
};

struct DescrName {
  std::string_view descr;
  DType dtype;
};
constexpr DescrName kDescrs[] = {
    {"<f2", DType::Float16}, {"<f4", DType::Float32}, {"<f8", DType::Float64},
    {"|i1", DType::Int8},    {"|u1", DType::UInt8},   {"<i4", DType::Int32},
    {"<i8", DType::Int64},   {"|b1", DType::Bool},
};

/// Parser of the header's dictionary. Every member returns false, with `why`
/// set, at the first thing that does not belong there.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  bool parse(Header &header) {
    bool hasDescr = false, hasOrder = false, hasShape = false;
    if (!take('{'))
      return fail("the header is not a dictionary");
    while (!take('}')) {
      std::string_view key;
      if (!string(key) || !take(':'))
        return fail("the header is not a dictionary of names");
      bool *seen = key == "descr"           ? &hasDescr
                   : key == "fortran_order" ? &hasOrder
                   : key == "shape"         ? &hasShape
                                            : nullptr;
      if (!seen)
        return fail("unknown key '" + std::string(key.substr(0, 40)) + "'");
      if (*seen)
        return fail("the key '" + std::string(key) + "' stands there twice");
      *seen = true;
      if (!(seen == &hasDescr   ? descr(header)
            : seen == &hasOrder ? order()
                                : shape(header)))
        return false;
      if (!take(',') && peek() != '}')
        return fail("a comma or '}' is missing in the header");
    }
    skipSpace();
    if (!rest.empty())
      return fail("text follows the header's dictionary");
    if (!hasDescr || !hasOrder || !hasShape)
      return fail("one of 'descr', 'fortran_order', 'shape' is missing");
    return true;
  }
  std::string why;

private:
  bool fail(std::string reason) {
    if (why.empty())
      why = std::move(reason);
    return false;
  }
  void skipSpace() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n'))
      rest.remove_prefix(1);
  }
  char peek() {
    skipSpace();
    return rest.empty() ? '\0' : rest[0];
  }
  bool take(char c) {
    if (peek() != c || rest.empty())
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool takeWord(std::string_view word) {
    skipSpace();
    if (rest.substr(0, word.size()) != word)
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  bool string(std::string_view &text) {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      return false;
    const size_t end = rest.find(quote, 1);
    if (end == std::string_view::npos)
      return false;
    text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return true;
  }
  bool descr(Header &header) {
    std::string_view text;
    if (!string(text))
      return fail("'descr' is not a string (structured types are not read)");
    for (const DescrName &entry : kDescrs)
      if (entry.descr == text) {
        header.dtype = entry.dtype;
        return true;
      }
    std::string known;
    for (const DescrName &entry : kDescrs)
      known += (known.empty() ? "" : " ") + std::string(entry.descr);
    return fail("the element type '" + std::string(text.substr(0, 40)) +
                "' is none of " + known);
  }
  bool order() {
    if (takeWord("False"))
      return true;
    if (takeWord("True"))
      return fail("it is in Fortran order; save it with np.ascontiguousarray");
    return fail("'fortran_order' is neither True nor False");
  }
  bool shape(Header &header) {
    if (!take('('))
      return fail("'shape' is not a tuple");
    while (!take(')')) {
      if (header.dims.size() == kMaxRank)
        return fail("it has more than 32 dimensions");
      const char first = peek();
      if (first < '0' || first > '9')
        return fail("a size in 'shape' is not a number");
      int64_t size = 0;
      while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
        if (size > (INT64_MAX - 9) / 10)
          return fail("a size in 'shape' does not fit 64 bits");
        size = size * 10 + (rest[0] - '0');
        rest.remove_prefix(1);
      }
      header.dims.push_back(size);
      if (!take(',') && peek() != ')')
        return fail("'shape' is not a tuple");
    }
    return true;
  }

  std::string_view rest;
};

/// The part of the text that holds the header's dictionary and where the
/// elements begin.
bool splitHeader(std::string_view text, std::string_view &header, size_t &data,
                 std::string &why) {
  if (text.substr(0, kMagic.size()) != kMagic) {
    why = "it does not begin with \\x93NUMPY";
    return false;
  }
  const size_t lengthAt = kMagic.size() + 2;
  if (text.size() < lengthAt + 2) {
    why = "it ends within its header";
    return false;
  }
  const uint8_t *bytes = reinterpret_cast<const uint8_t *>(text.data());
  const uint8_t major = bytes[kMagic.size()];
  if (major < 1 || major > 3) {
    why = "its version is " + std::to_string(major) + ", not 1, 2 or 3";
    return false;
  }
  size_t length = bytes[lengthAt] | size_t(bytes[lengthAt + 1]) << 8;
  size_t begin = lengthAt + 2;
  if (major > 1) {
    begin += 2;
    if (text.size() < begin) {
      why = "it ends within its header";
      return false;
    }
    length |= size_t(bytes[lengthAt + 2]) << 16 | size_t(bytes[lengthAt + 3])
                                                      << 24;
  }
  if (length > kMaxHeader) {
    why = "its header has " + std::to_string(length) + " bytes, more than " +
          std::to_string(kMaxHeader);
    return false;
  }
  if (text.size() - begin < length) {
    why = "it ends within its header";
    return false;
  }
  header = text.substr(begin, length);
  data = begin + length;
  return true;
}

} // namespace

Result<Tensor> parseNpy(std::string_view text, const std::string &path) {
  auto bad = [&](const std::string &why) {
    return Status(Code::InvalidArgument,
                  (path == "-" ? "standard input" : "'" + path + "'") +
                      " is not a .npy file that can be read: " + why);
  };
  std::string_view headerText;
  size_t dataAt = 0;
  std::string why;
  if (!splitHeader(text, headerText, dataAt, why))
    return bad(why);
  Header header;
  HeaderParser parser(headerText);
  if (!parser.parse(header))
    return bad(parser.why);

  // The file is in memory, so a product beyond its size is already wrong.
  const uint64_t have = text.size() - dataAt;
  const uint64_t width = amp::dtypeSize(header.dtype);
  const bool empty =
      std::find(header.dims.begin(), header.dims.end(), 0) != header.dims.end();
  uint64_t want = empty ? 0 : width;
  for (int64_t size : header.dims)
    if (!empty && __builtin_mul_overflow(want, uint64_t(size), &want))
      return bad("the product of its sizes does not fit 64 bits");
  if (want != have)
    return bad("it declares " + describe(header.dtype, header.dims) +
               ", that is " + std::to_string(want) + " bytes, but holds " +
               std::to_string(have));
  AMPRT_ASSIGN_OR_RETURN(Tensor tensor,
                         Tensor::copyOf(header.dtype, std::move(header.dims),
                                        text.data() + dataAt));
  if (tensor.dtype() == DType::Bool)
    for (int64_t i = 0; i < tensor.size(); ++i)
      tensor.as<uint8_t>()[i] = tensor.as<uint8_t>()[i] != 0;
  return tensor;
}

Result<Tensor> readNpy(const std::string &path) {
  std::string text;
  if (auto error = amp::graphfile::readFile(path, text))
    return Status(Code::IoError, *error);
  return parseNpy(text, path);
}

Status writeNpy(const std::string &path, const Tensor &tensor) {
  if (auto error = amp::graphfile::writeFile(path, formatNpy(tensor)))
    return Status(Code::IoError, *error);
  return okStatus();
}

std::string formatNpy(const Tensor &tensor) {
  const bool widen = tensor.dtype() == DType::BFloat16;
  const DType dtype = widen ? DType::Float32 : tensor.dtype();
  std::string header;
  for (const DescrName &entry : kDescrs)
    if (entry.dtype == dtype)
      header = "{'descr': '" + std::string(entry.descr) + "'";
  header += ", 'fortran_order': False, 'shape': (";
  const Dims &dims = tensor.dims();
  for (size_t i = 0; i < dims.size(); ++i)
    header += (i ? ", " : "") + std::to_string(dims[i]);
  header += dims.size() == 1 ? ",), }" : "), }";
  // The elements begin at a multiple of 64, the header ends in a newline.
  const size_t fixed = kMagic.size() + 4;
  header.append(63 - (fixed + header.size()) % 64, ' ');
  header += '\n';

  std::string text(kMagic);
  text +=
      {char(1), char(0), char(header.size() & 0xff), char(header.size() >> 8)};
  text += header;
  const size_t count = size_t(tensor.size());
  if (!widen) {
    text.append(static_cast<const char *>(tensor.data()), tensor.bytes());
    return text;
  }
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits = uint32_t(tensor.as<uint16_t>()[i]) << 16;
    text.append(reinterpret_cast<const char *>(&bits), sizeof bits);
  }
  return text;
}

} // namespace amprt::io

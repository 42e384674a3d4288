//===- MutateFormats.cpp - Weights, arrays and policies with faults
//---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each format is taken apart, changed, and put together again, lengths and all,
// so that the change is found where its rule is and not by a length before it.
//===----------------------------------------------------------------------===//

#include "Mutate.h"

#include "amp/OpSet/OpSet.h"

#include <nlohmann/json.hpp>

using namespace amp;
using Json = nlohmann::ordered_json;

namespace {

class Chance {
public:
  explicit Chance(std::mt19937_64 &random) : random(random) {}
  size_t pick(size_t count) { return count ? random() % count : 0; }
  bool oneIn(size_t count) { return pick(count) == 0; }
  template <typename T> const T &of(const std::vector<T> &list) {
    return list[pick(list.size())];
  }
  /// Numbers at which something ends, and small ones.
  uint64_t number() {
    static const std::vector<uint64_t> edges = {
        0,          1,          255,        256,
        65535,      65536,      2147483647, 2147483648,
        4294967295, 4294967296, 1ull << 53, 9223372036854775807ull,
        1ull << 63, ~0ull};
    return oneIn(3) ? of(edges) : pick(40);
  }

  std::mt19937_64 &random;
};

const std::vector<std::string> kPieces = {
    "\"",    "{",    "}",       "[",       "]",    "(",
    ")",     ",",    ":",       "'",       "null", "true",
    "1e999", "-1",   "\\u0000", "\\ud800", "\xff", std::string(1, '\0'),
    "[[[[",  "True", "shape",   "0"};

/// Any value of the tree: gone, twice, under another name, or another value.
void changeTree(Json &root, const std::vector<Json> &values, Chance &chance) {
  Json *at = &root;
  for (size_t depth = 1 + chance.pick(4); at->is_structured() && !at->empty();
       --depth) {
    auto child = at->begin();
    std::advance(child, chance.pick(at->size()));
    if (depth != 0 && child->is_structured() && !child->empty()) {
      at = &*child;
      continue;
    }
    switch (chance.pick(5)) {
    case 0:
      at->erase(child);
      return;
    case 1:
      if (at->is_array()) {
        at->push_back(chance.of(values));
      } else {
        Json value = *child;
        (*at)[child.key() + (chance.oneIn(2) ? "s" : "")] = value;
      }
      return;
    case 2:
      if (child->is_number_integer()) {
        // Unsigned, since the file may hold the largest number there is.
        *child = child->get<uint64_t>() + chance.pick(9) - 4;
        return;
      }
      [[fallthrough]];
    default:
      *child = chance.of(values);
      return;
    }
  }
}

std::string text(const Json &json, Chance &chance) {
  return json.dump(chance.oneIn(3) ? 1 : -1, ' ', false,
                   Json::error_handler_t::replace);
}

Json parse(const std::string &bytes) {
  return Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
}

std::string littleEndian(uint64_t value, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i)
    bytes += char(value >> (8 * i));
  return bytes;
}

std::string bigEndian(uint64_t value) {
  std::string bytes = littleEndian(value, 4);
  return {bytes[3], bytes[2], bytes[1], bytes[0]};
}

/// One entry of a header, or two that lie beside each other.
void changeEntry(Json &header, Chance &chance) {
  static const std::vector<Json> dtypes = {"F16", "BF16", "F32",  "F64",  "I8",
                                           "U8",  "I32",  "I64",  "BOOL", "F8",
                                           "f32", "",     nullptr};
  if (!header.is_object() || header.empty())
    return;
  auto entry = header.begin();
  std::advance(entry, chance.pick(header.size()));
  if (!entry->is_object())
    return;
  Json number = chance.number();
  if (chance.oneIn(5))
    number = Json(-1.5);
  switch (chance.pick(6)) {
  case 0:
    (*entry)["dtype"] = chance.of(dtypes);
    break;
  case 1: // a size of one, wherever
    if ((*entry)["shape"].is_array())
      (*entry)["shape"].push_back(chance.oneIn(2) ? Json(1) : number);
    break;
  case 2:
    (*entry)["shape"] = Json::array({number, chance.pick(4)});
    break;
  case 3: {
    uint64_t start = chance.pick(12);
    (*entry)["data_offsets"] = Json::array({start, start + chance.pick(12)});
    break;
  }
  case 4:
    (*entry)["data_offsets"] = Json::array({number, chance.number()});
    break;
  case 5: { // one more, behind all others
    uint64_t end = 0;
    for (const Json &other : header)
      if (other.is_object() && other.contains("data_offsets") &&
          other["data_offsets"].size() == 2 &&
          other["data_offsets"][1].is_number_unsigned())
        end = std::max(end, other["data_offsets"][1].get<uint64_t>());
    header["new"] = {{"dtype", "U8"},
                     {"shape", Json::array({2, 2})},
                     {"data_offsets", Json::array({end, end + 4})}};
    break;
  }
  }
}

} // namespace

std::string amp::test::mutateSafetensors(const std::string &bytes,
                                         std::mt19937_64 &random) {
  Chance chance(random);
  std::string out = bytes;
  uint64_t length = 0;
  for (size_t i = 0; i < 8 && i < bytes.size(); ++i)
    length |= uint64_t(uint8_t(bytes[i])) << (8 * i);
  if (bytes.size() < 8 || length > bytes.size() - 8 || chance.oneIn(6)) {
    mutateBytes(out, kPieces, random);
    return out;
  }
  std::string header = bytes.substr(8, length), data = bytes.substr(8 + length);
  Json tree = parse(header);
  static const std::vector<Json> values = {nullptr,
                                           true,
                                           0,
                                           1,
                                           -1,
                                           1.5,
                                           "F32",
                                           "",
                                           Json::array(),
                                           Json::object(),
                                           Json::array({0, 4}),
                                           18446744073709551615ull};
  for (size_t changes = 1 + chance.pick(3); changes-- > 0;) {
    switch (chance.pick(5)) {
    case 0:
      if (!tree.is_discarded())
        changeTree(tree, values, chance);
      break;
    case 1:
      if (chance.oneIn(2))
        data += std::string(1 + chance.pick(9), 'x');
      else
        data.resize(data.size() - chance.pick(data.size() + 1));
      break;
    case 2:
      data += std::string(4, '\1');
      [[fallthrough]];
    default:
      if (!tree.is_discarded())
        changeEntry(tree, chance);
      break;
    }
  }
  if (!tree.is_discarded())
    header = text(tree, chance);
  if (chance.oneIn(6))
    mutateBytes(header, kPieces, random);
  if (chance.oneIn(3))
    header += std::string(chance.pick(9), ' ');
  return littleEndian(chance.oneIn(10) ? chance.number() : header.size(), 8) +
         header + data;
}

std::string amp::test::mutatePolicy(const std::string &bytes,
                                    std::mt19937_64 &random) {
  Chance chance(random);
  std::string out = bytes;
  Json tree = parse(bytes);
  if (tree.is_discarded() || chance.oneIn(5)) {
    mutateBytes(out, kPieces, random);
    return out;
  }
  static const std::vector<std::string> lists = {"allow", "infer", "clear",
                                                 "deny",  "keep",  "allows"};
  static const std::vector<Json> values = {nullptr,
                                           true,
                                           1,
                                           "",
                                           "matmul",
                                           "between",
                                           "follow",
                                           "node",
                                           "value",
                                           "default",
                                           "p.json",
                                           "none.json",
                                           "a.b",
                                           Json::array(),
                                           Json::object(),
                                           Json::array({"relu"}),
                                           {{"float16", "follow"}}};
  static const std::vector<std::string> keys = {
      "extends", "outputs", "infer_rule", "bfloat16", "lists",
      "name",    "doc",     "$schema",    "format"};
  for (size_t changes = 1 + chance.pick(3); changes-- > 0;) {
    if (!tree.is_object() || chance.oneIn(3)) {
      changeTree(tree, values, chance);
      continue;
    }
    if (chance.oneIn(2)) {
      tree[chance.of(keys)] = chance.of(values);
      continue;
    }
    Json &section = tree[chance.oneIn(3) ? "bfloat16" : "lists"];
    if (!section.is_object())
      section = Json::object();
    Json &list = section[chance.of(lists)];
    if (!list.is_array())
      list = Json::array();
    if (!list.empty() && chance.oneIn(2))
      list.erase(list.begin() + chance.pick(list.size()));
    else
      list.push_back(std::string(allOps()[chance.pick(allOps().size())].name));
  }
  return text(tree, chance);
}

std::string amp::test::mutateNpy(const std::string &bytes,
                                 std::mt19937_64 &random) {
  Chance chance(random);
  std::string out = bytes;
  // Only version 1, which all files start from, is taken apart.
  size_t length = bytes.size() < 10
                      ? 0
                      : uint8_t(bytes[8]) | size_t(uint8_t(bytes[9])) << 8;
  if (bytes.size() < 10 || bytes[6] != 1 || length > bytes.size() - 10 ||
      chance.oneIn(6)) {
    mutateBytes(out, kPieces, random);
    return out;
  }
  std::string header = bytes.substr(10, length),
              data = bytes.substr(10 + length);
  static const std::vector<std::string> descrs = {
      "<f2", "<f4", "<f8", "|i1", "|u1", "<i4", "<i8", "|b1", ">f4", "<f16",
      "|O",  "<U4", "<c8", "|V3", "=f4", "f4",  "",    "<i2", "<u4"};
  static const std::vector<std::string> shapes = {"()",
                                                  "(3,)",
                                                  "(2, 3)",
                                                  "(2,3,2,)",
                                                  "(0,)",
                                                  "(-1,)",
                                                  "(3)",
                                                  "[3]",
                                                  "3",
                                                  "(9223372036854775807, 2)",
                                                  "(9223372036854775808,)",
                                                  "(3,,)",
                                                  "(,)",
                                                  "(1, 1, 1, 1)",
                                                  "(4294967296, 4294967296)",
                                                  "(2, 0)",
                                                  "( 2 , 2 )",
                                                  "(03,)",
                                                  "(3L,)"};
  std::string descr = chance.oneIn(2) ? chance.of(descrs) : "<f4";
  std::string order = chance.oneIn(4) ? "True" : "False";
  std::string shape = chance.of(shapes);
  switch (chance.pick(4)) {
  case 0:
    mutateBytes(header, kPieces, random);
    break;
  case 1:
    header = "{'descr': '" + descr + "', 'fortran_order': " + order +
             ", 'shape': " + shape + ", }";
    break;
  case 2: // in another order, in other quotes
    header = "{\"shape\": " + shape + ",\"fortran_order\":False,'descr':'" +
             descr + "'}";
    break;
  case 3:
    data.resize(chance.pick(data.size() + 17));
    break;
  }
  if (chance.oneIn(2))
    data.resize(
        std::vector<size_t>{0, 1, 3, 4, 6, 8, 12, 24, 48}[chance.pick(9)]);
  if (chance.oneIn(3))
    header += std::string(chance.pick(70), ' ') + "\n";
  size_t width = 2;
  char version = 1;
  if (chance.oneIn(3)) {
    version = chance.oneIn(4) ? char(chance.pick(6)) : char(2 + chance.pick(2));
    width = 4;
  }
  uint64_t said = chance.oneIn(12) ? chance.number() : header.size();
  return std::string("\x93NUMPY") + version + char(chance.pick(2)) +
         littleEndian(said, width) + header + data;
}

std::string amp::test::mutateIdx(const std::string &bytes,
                                 std::mt19937_64 &random) {
  Chance chance(random);
  std::string out = bytes;
  bool isPacked = bytes.substr(0, 2) == "\x1f\x8b";
  size_t rank = bytes.size() < 4 ? 0 : uint8_t(bytes[3]);
  if (isPacked || bytes.size() < 4 + 4 * rank || chance.oneIn(5)) {
    mutateBytes(out, kPieces, random);
    return out;
  }
  std::vector<uint64_t> sizes;
  for (size_t i = 0; i < rank; ++i) {
    uint64_t size = 0;
    for (size_t b = 0; b < 4; ++b)
      size = size << 8 | uint8_t(bytes[4 + 4 * i + b]);
    sizes.push_back(size);
  }
  static const std::vector<char> codes = {0x08, 0x09, 0x0B, 0x0C,
                                          0x0D, 0x0E, 0x00, 0x7f};
  static const std::vector<size_t> widths = {1, 1, 2, 4, 4, 8, 1, 1};
  char code = bytes[2];
  std::string data = bytes.substr(4 + 4 * rank);
  bool fits = chance.oneIn(2);
  switch (chance.pick(5)) {
  case 0:
    code = chance.of(codes);
    break;
  case 1:
    if (!sizes.empty())
      sizes[chance.pick(sizes.size())] = chance.number();
    break;
  case 2:
    sizes.push_back(chance.oneIn(2) ? 1 : chance.number());
    break;
  case 3:
    if (!sizes.empty())
      sizes.pop_back();
    break;
  case 4:
    data.resize(chance.pick(data.size() + 9));
    break;
  }
  if (fits) { // as long as the header says, where that is not much
    uint64_t count = 1;
    for (size_t i = 0; i < codes.size(); ++i)
      if (codes[i] == code)
        count = widths[i];
    for (uint64_t size : sizes)
      count = size && count > 4096 / size ? 4096 : count * size;
    data.resize(std::min<uint64_t>(count, 4096), '\3');
  }
  std::string header = {
      char(chance.oneIn(20)), 0, code,
      char(chance.oneIn(20) ? chance.pick(256) : sizes.size())};
  for (uint64_t size : sizes)
    header += bigEndian(size);
  return header + data;
}

//===- PolicyJson.h - JSON with positions -----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A small JSON tree whose values and keys remember their byte offset, read
// with nlohmann's SAX parser. Internal to the Policy library.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_POLICY_POLICYJSON_H
#define AMP_LIB_POLICY_POLICYJSON_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::policy {

struct JsonValue {
  enum Kind { Other, Integer, Boolean, String, List, Object } kind = Other;
  size_t at = 0;
  uint64_t number = 0;          ///< of an Integer, none is negative
  bool flag = false;            ///< of a Boolean
  std::string text;             ///< of a String
  std::vector<JsonValue> items; ///< of a List, or the values of an Object
  std::vector<std::string> keys;
  std::vector<size_t> keysAt;

  std::string_view kindName() const;
  const JsonValue *find(std::string_view key) const;
};

struct JsonError {
  size_t at = 0;
  std::string message;
};

/// Parses one JSON text. Duplicate keys, nesting deeper than 64 and whatever
/// is no JSON are errors.
std::optional<JsonValue> parseJson(std::string_view text, JsonError &error);

} // namespace amp::policy

#endif // AMP_LIB_POLICY_POLICYJSON_H

//===- JsonPlaces.h - Where tokens of JSON stand ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the handlers of the JSON library's SAX events share: its events carry no
// places, and its messages are for who wrote the program.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_JSONPLACES_H
#define AMP_GRAPHFILE_JSONPLACES_H

#include <cstddef>
#include <string>
#include <string_view>

namespace amp::graphfile {

/// The token that an event is about starts at the next character behind the
/// last token that is neither white space nor punctuation.
inline size_t startOfJsonToken(std::string_view text, size_t previousEnd) {
  auto isBetween = [](char c) {
    return c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\r' ||
           c == '\t';
  };
  while (previousEnd < text.size() && isBetween(text[previousEnd]))
    ++previousEnd;
  return previousEnd;
}

/// Numbers end where their characters end: the lexer has read one more.
inline size_t endOfJsonNumber(std::string_view text, size_t at) {
  auto isOfNumber = [](char c) {
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' ||
           c == 'e' || c == 'E';
  };
  while (at < text.size() && isOfNumber(text[at]))
    ++at;
  return at;
}

/// A parse error of the library, in one line. Of a number that no float64 holds,
/// `isRange`, it is `token` that is wrong.
inline std::string describeJsonError(std::string what, bool isRange,
                                     const std::string &token) {
  if (isRange)
    return "number '" + token + "' is too large for float64";
  // "[…] parse error at line 1, column 2: syntax error while … - PROBLEM"
  size_t dash = what.find(" - ");
  if (dash != std::string::npos)
    what = what.substr(dash + 3);
  for (char &c : what)
    if (static_cast<unsigned char>(c) >= 0x7f ||
        static_cast<unsigned char>(c) < 0x20)
      c = '?';
  return "invalid JSON: " + what;
}
/// The number of that error.
inline constexpr int kJsonRangeError = 406;

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_JSONPLACES_H

//===- Tape.h - JSON tokens of one element with their places -----*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A flat list of JSON tokens with byte offsets. The SAX handler appends to it,
// and takes an element (a node, a variable, an input) off it as soon as that
// is complete: there is never a document in memory, and no recursion.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHFILE_TAPE_H
#define AMP_LIB_GRAPHFILE_TAPE_H

#include "amp/GraphFile/GraphFile.h"

namespace amp::graphfile {

enum class TokenKind : uint8_t {
  Object,
  Array,
  End, ///< of the innermost open object or array
  Key,
  String,
  Integer,
  HugeInteger, ///< written as an integer, but does not fit int64
  Real,
  Bool,
  Null
};

struct Token {
  TokenKind kind;
  /// Integer: written as "-0".
  bool negativeZero = false;
  /// Key, String: the text is not that of the source, which has escapes.
  bool isCopied = false;
  /// Key, String: length of the text.
  uint32_t length = 0;
  Offset at = 0;
  union {
    int64_t integer; ///< Integer, Bool
    double real;     ///< Real, HugeInteger
    size_t text;     ///< Key, String: start in the source or in Tape::copies
    size_t end;      ///< Object, Array: index of the matching End
  };
};

struct Tape {
  std::vector<Token> tokens;
  std::string_view source;
  /// Strings that stand in the source with escapes.
  std::string copies;

  std::string_view string(const Token &token) const {
    return (token.isCopied ? std::string_view(copies) : source)
        .substr(token.text, token.length);
  }
};

/// A value on the tape. Cheap to copy; valid until the tape changes.
class Json {
public:
  Json(const Tape &tape, size_t index) : tape(&tape), index(index) {}

  TokenKind kind() const { return token().kind; }
  Offset at() const { return token().at; }
  /// Where the closing bracket of an object or array stands.
  Offset endAt() const { return tape->tokens[token().end].at; }
  /// Tokens within an object or array: the elements of a flat list.
  size_t numTokens() const { return token().end - index - 1; }
  bool isObject() const { return kind() == TokenKind::Object; }
  bool isArray() const { return kind() == TokenKind::Array; }
  bool isString() const { return kind() == TokenKind::String; }
  bool isNumber() const {
    return kind() == TokenKind::Integer || kind() == TokenKind::HugeInteger ||
           kind() == TokenKind::Real;
  }

  std::string_view string() const { return tape->string(token()); }
  int64_t integer() const { return token().integer; }
  bool boolean() const { return token().integer != 0; }
  /// Any number as a real; the sign of "-0" is kept.
  double real() const {
    if (kind() == TokenKind::Integer)
      return token().negativeZero ? -0.0 : double(token().integer);
    return token().real;
  }

  /// "a string", "a list", … for messages.
  std::string_view describe() const;

  /// Walks the elements of an array, or keys and values of an object.
  class Walk {
  public:
    explicit Walk(Json container)
        : tape(container.tape), index(container.index + 1) {}
    bool done() const {
      return tape->tokens[index].kind == TokenKind::End;
    }
    Json value() const { return {*tape, index}; }
    void next() {
      const Token &token = tape->tokens[index];
      bool nested =
          token.kind == TokenKind::Object || token.kind == TokenKind::Array;
      index = nested ? token.end + 1 : index + 1;
    }

  private:
    const Tape *tape;
    size_t index;
  };
  Walk walk() const { return Walk(*this); }

private:
  const Token &token() const { return tape->tokens[index]; }
  const Tape *tape;
  size_t index;
};

} // namespace amp::graphfile

#endif // AMP_LIB_GRAPHFILE_TAPE_H

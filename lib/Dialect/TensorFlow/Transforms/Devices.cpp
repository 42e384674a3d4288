//===- Devices.cpp - Names of devices -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Pieces are taken from the front of the text, in any order and as often as
// they come; the last of a kind counts.
//===----------------------------------------------------------------------===//

#include "Devices.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace amp;

/// A letter, and then letters, digits and underscores.
static llvm::StringRef takeWord(llvm::StringRef &text) {
  if (text.empty() || !llvm::isAlpha(text.front()))
    return {};
  llvm::StringRef word = text.take_while(
      [](char c) { return llvm::isAlnum(c) || c == '_'; });
  text = text.drop_front(word.size());
  return word;
}

/// A number of up to 64 bits.
static bool takeNumber(llvm::StringRef &text) {
  uint64_t number;
  return !text.consumeInteger(10, number);
}

std::optional<std::string> amp::tf::deviceType(llvm::StringRef text) {
  llvm::StringRef type;
  bool hasId = false;
  auto takeId = [&] {
    hasId = !text.consume_front("*");
    return !hasId || takeNumber(text);
  };
  if (text == "/")
    return std::string();
  while (!text.empty()) {
    if (text.consume_front("/job:")) {
      if (!text.consume_front("*") && takeWord(text).empty())
        return std::nullopt;
    } else if (text.consume_front("/replica:") ||
               text.consume_front("/task:")) {
      if (!text.consume_front("*") && !takeNumber(text))
        return std::nullopt;
    } else if (text.consume_front("/device:")) {
      type = {};
      if (!text.consume_front("*") && (type = takeWord(text)).empty())
        return std::nullopt;
      hasId = false;
      if (text.consume_front(":") && !takeId())
        return std::nullopt;
    } else if (text.consume_front("/cpu:") || text.consume_front("/CPU:")) {
      type = "CPU";
      if (!takeId())
        return std::nullopt;
    } else if (text.consume_front("/gpu:") || text.consume_front("/GPU:")) {
      type = "GPU";
      if (!takeId())
        return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return hasId ? type.str() : std::string();
}

/// With a sign, and spaces around it.
static bool readNumber(llvm::StringRef text, int &number) {
  text = text.trim(" \t\n\v\f\r");
  if (text.consume_front("+") && text.starts_with("-"))
    return false;
  return !text.getAsInteger(10, number);
}

std::pair<int, int> amp::tf::parseArch(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef, 3> parts;
  text.split(parts, '.');
  std::pair<int, int> arch{0, 0};
  if (!readNumber(parts[0], arch.first) ||
      (parts.size() > 1 && !readNumber(parts[1], arch.second)))
    return {0, 0};
  return arch;
}

//===- GraphFile.cpp - Names of a graph file in memory --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The arena that owns the names, and the text of a value's name.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/GraphFile.h"

using namespace amp::graphfile;

std::string_view NameArena::intern(std::string_view text) {
  constexpr size_t chunkSize = 64 * 1024;
  if (text.empty())
    return {};
  // Appending within the reserved capacity never moves the characters.
  if (chunks.empty() ||
      chunks.back().capacity() - chunks.back().size() < text.size()) {
    chunks.emplace_back();
    chunks.back().reserve(text.size() > chunkSize ? text.size() : chunkSize);
  }
  std::string &chunk = chunks.back();
  size_t start = chunk.size();
  chunk.append(text);
  return std::string_view(chunk).substr(start);
}

/// To the front: the last chunk is the one that has room.
void NameArena::adopt(NameArena &&other) {
  for (std::string &chunk : other.chunks)
    chunks.push_front(std::move(chunk));
  other.chunks.clear();
}

std::string amp::graphfile::toString(const ValueName &value) {
  std::string text(value.name);
  if (value.result != 0) {
    text += ':';
    text += std::to_string(value.result);
  }
  return text;
}

//===- Types.cpp - Names and text of element types and sizes --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Element type names, text of shapes and types for messages, and the search
// for the name somebody meant.
//===----------------------------------------------------------------------===//

#include "amp/OpSet/Types.h"


#include <algorithm>

namespace amp {

namespace {
struct DTypeInfo {
  std::string_view name;
  size_t size;
};
constexpr DTypeInfo dtypes[numDTypes] = {
    {"float16", 2}, {"bfloat16", 2}, {"float32", 4},
    {"float64", 8}, {"int8", 1},     {"uint8", 1},
    {"int32", 4},   {"int64", 8},    {"bool", 1},
};
} // namespace

std::string_view dtypeName(DType dtype) { return dtypes[size_t(dtype)].name; }

std::optional<DType> parseDType(std::string_view name) {
  for (size_t i = 0; i < numDTypes; ++i)
    if (dtypes[i].name == name)
      return DType(i);
  return std::nullopt;
}

size_t dtypeSize(DType dtype) { return dtypes[size_t(dtype)].size; }

std::string toString(const Dim &dim) {
  if (dim.isFixed())
    return std::to_string(dim.size());
  if (dim.isUnknown())
    return "null";
  std::string text = "\"";
  text += dim.name();
  text += '"';
  return text;
}

std::string toString(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i)
      text += ", ";
    text += toString(shape[i]);
  }
  text += ']';
  return text;
}

std::string toString(const TensorType &type) {
  std::string text(dtypeName(type.dtype));
  text += ' ';
  text += toString(type.shape);
  return text;
}

/// 'ReLU' is no further from 'relu' than another writing of it.
static char lower(char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or
/// `limit` + 1 when there are more than `limit`. `rows` is scratch that many
/// calls share.
static size_t editDistance(std::string_view a, std::string_view b, size_t limit,
                           std::vector<size_t> (&rows)[3]) {
  size_t longer = std::max(a.size(), b.size());
  if (longer - std::min(a.size(), b.size()) > limit)
    return limit + 1;
  for (auto &row : rows)
    row.assign(b.size() + 1, 0);
  for (size_t j = 0; j <= b.size(); ++j)
    rows[1][j] = j;
  // rows[0] is two rows back, rows[1] the previous, rows[2] the current one.
  for (size_t i = 1; i <= a.size(); ++i) {
    rows[2][0] = i;
    size_t least = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t best = std::min(rows[1][j], rows[2][j - 1]) + 1;
      char x = lower(a[i - 1]), y = lower(b[j - 1]);
      best = std::min(best, rows[1][j - 1] + (x != y));
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
        best = std::min(best, rows[0][j - 2] + 1);
      rows[2][j] = best;
      least = std::min(least, best);
    }
    if (least > limit)
      return limit + 1;
    rows[0].swap(rows[1]);
    rows[1].swap(rows[2]);
  }
  return rows[1][b.size()];
}

std::string_view didYouMean(std::string_view word,
                            Span<std::string_view> candidates) {
  // A third of the word may be wrong; beyond that the guess helps nobody. Long
  // words are not worth a quadratic comparison.
  constexpr size_t longestWord = 256;
  if (word.empty() || word.size() > longestWord)
    return {};
  size_t limit = std::max<size_t>(1, word.size() / 3);
  std::string_view best;
  std::vector<size_t> rows[3];
  for (std::string_view candidate : candidates) {
    size_t distance = editDistance(word, candidate, limit, rows);
    if (distance > limit || distance >= candidate.size())
      continue;
    best = candidate;
    if (distance == 0)
      break;
    // Only something nearer replaces it, so the first of equals wins.
    limit = distance - 1;
  }
  if (!best.empty())
    return best;
  // 'warmup' for 'warmup_steps', 'softmax_cross_entropy_with_logits' for
  // 'softmax_cross_entropy': the longest of which one begins with the other.
  constexpr size_t shortestStart = 4;
  size_t longest = shortestStart - 1;
  for (std::string_view candidate : candidates) {
    size_t common = std::min(word.size(), candidate.size());
    if (common > longest &&
        word.substr(0, common) == candidate.substr(0, common)) {
      best = candidate;
      longest = common;
    }
  }
  return best;
}

} // namespace amp

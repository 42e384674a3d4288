//===- Sizes.cpp - Arithmetic on sizes that may be names ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Broadcasting, reshaping and sliding windows over sizes that are numbers,
// names or unknown.
//===----------------------------------------------------------------------===//

#include "Sizes.h"

#include <algorithm>

namespace amp::opset {

bool fits(const Dim &a, const Dim &b) {
  return a.isUnknown() || b.isUnknown() || a == b;
}

bool fits(const Shape &a, const Shape &b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](const Dim &x, const Dim &y) { return fits(x, y); });
}

bool broadcast(const Dim &a, const Dim &b, Dim &out) {
  auto isOne = [](const Dim &dim) { return dim.isFixed() && dim.size() == 1; };
  if (a == b || isOne(b)) {
    out = a;
    return true;
  }
  if (isOne(a)) {
    out = b;
    return true;
  }
  // An unknown size is 1 or the other one; either way the result is the other.
  out = meet(a, b);
  return a.isUnknown() || b.isUnknown();
}

bool broadcast(const Shape &a, const Shape &b, Shape &out) {
  const Shape &longer = a.size() >= b.size() ? a : b;
  const Shape &shorter = a.size() >= b.size() ? b : a;
  out = longer;
  size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i)
    if (!broadcast(longer[lead + i], shorter[i], out[lead + i]))
      return false;
  return true;
}

bool multiply(int64_t &product, int64_t factor) {
  return !__builtin_mul_overflow(product, factor, &product);
}

std::optional<Dim> addSizes(const Dim &a, const Dim &b) {
  auto isZero = [](const Dim &dim) { return dim.isFixed() && dim.size() == 0; };
  if (isZero(a))
    return b;
  if (isZero(b))
    return a;
  if (!a.isFixed() || !b.isFixed())
    return Dim::unknown();
  int64_t sum;
  if (__builtin_add_overflow(a.size(), b.size(), &sum))
    return std::nullopt;
  return Dim::fixed(sum);
}

namespace {
/// A number of elements as a product: a number times names, times unknown
/// sizes.
struct Product {
  int64_t number = 1;
  std::vector<std::string_view> names;
  size_t unknowns = 0;

  bool take(const Shape &shape) {
    for (const Dim &dim : shape) {
      if (dim.isUnknown())
        ++unknowns;
      else if (dim.isNamed())
        names.push_back(dim.name());
      else if (!multiply(number, dim.size()))
        return false;
    }
    return true;
  }
};

/// Removes the names that both products have.
void cancel(Product &a, Product &b) {
  auto rest = std::remove_if(
      a.names.begin(), a.names.end(), [&](std::string_view name) {
        auto it = std::find(b.names.begin(), b.names.end(), name);
        if (it == b.names.end())
          return false;
        b.names.erase(it);
        return true;
      });
  a.names.erase(rest, a.names.end());
}

constexpr const char *tooMany = "the number of elements does not fit 64 bits";

/// Why two products without unknown sizes differ after cancelling.
std::optional<std::string> compare(const Product &have, const Product &want,
                                   const Shape &from, const Shape &to) {
  // What is unknown may make up for any difference.
  if (have.unknowns || want.unknowns)
    return std::nullopt;
  if (have.number == want.number && have.names == want.names)
    return std::nullopt;
  // Nothing is as much as nothing, whatever the names.
  if (have.number == 0 && want.number == 0)
    return std::nullopt;
  return toString(from) + " does not have as many elements as " + toString(to);
}
} // namespace

std::optional<std::string> sameElements(const Shape &a, const Shape &b) {
  Product have, want;
  if (!have.take(a) || !want.take(b))
    return tooMany;
  cancel(have, want);
  return compare(have, want, a, b);
}

std::optional<std::string> reshape(const Shape &from, const Shape &to,
                                   Shape &out) {
  Product have, want;
  if (!have.take(from) || !want.take(to))
    return tooMany;
  out = to;
  if (want.unknowns > 1)
    return "more than one size is -1";
  cancel(have, want);
  if (!want.unknowns)
    return compare(have, want, from, to);

  Dim &open = *std::find_if(out.begin(), out.end(),
                            [](const Dim &dim) { return dim.isUnknown(); });
  if (want.number == 0)
    return "-1 cannot be solved beside a size of 0";
  if (have.unknowns || !want.names.empty())
    return std::nullopt;
  if (have.names.empty()) {
    if (have.number % want.number)
      return toString(from) + " has " + std::to_string(have.number) +
             " elements, which " + std::to_string(want.number) +
             " does not divide";
    open = Dim::fixed(have.number / want.number);
    return std::nullopt;
  }
  if (have.names.size() == 1 && have.number == want.number)
    open = Dim::named(have.names.front());
  return std::nullopt;
}

namespace {
/// The extent of a dilated window; nothing on overflow.
std::optional<int64_t> extent(const Window &window) {
  int64_t result = window.size.size() - 1;
  if (!multiply(result, window.dilation) ||
      __builtin_add_overflow(result, int64_t(1), &result))
    return std::nullopt;
  return result;
}
constexpr const char *tooLarge = "the window does not fit 64 bits";
} // namespace

std::optional<std::string> slide(const Dim &size, const Window &window,
                                 Dim &out) {
  if (window.same) {
    if (window.size.isFixed() && !extent(window))
      return tooLarge;
    if (window.stride == 1)
      out = size;
    else if (size.isFixed())
      out = Dim::fixed(size.size() / window.stride +
                       (size.size() % window.stride != 0));
    else
      out = Dim::unknown();
    return std::nullopt;
  }
  out = Dim::unknown();
  if (!window.size.isFixed())
    return std::nullopt;
  std::optional<int64_t> span = extent(window);
  if (!span)
    return tooLarge;
  if (!size.isFixed()) {
    if (*span == 1 && window.stride == 1)
      out = size;
    return std::nullopt;
  }
  if (size.size() < *span)
    return "a window of " + std::to_string(*span) + " does not fit a size of " +
           std::to_string(size.size());
  out = Dim::fixed((size.size() - *span) / window.stride + 1);
  return std::nullopt;
}

std::optional<std::string> unslide(const Dim &size, const Window &window,
                                   Dim &out) {
  out = Dim::unknown();
  if (window.same) {
    if (window.size.isFixed() && !extent(window))
      return tooLarge;
    if (window.stride == 1) {
      out = size;
      return std::nullopt;
    }
    if (!size.isFixed())
      return std::nullopt;
    int64_t result = size.size();
    if (!multiply(result, window.stride))
      return tooLarge;
    out = Dim::fixed(result);
    return std::nullopt;
  }
  if (!window.size.isFixed())
    return std::nullopt;
  std::optional<int64_t> span = extent(window);
  if (!span)
    return tooLarge;
  if (!size.isFixed()) {
    if (*span == 1 && window.stride == 1)
      out = size;
    return std::nullopt;
  }
  // Nothing slid over nothing is nothing.
  int64_t result = size.size() - 1;
  if (result < 0) {
    out = Dim::fixed(0);
    return std::nullopt;
  }
  if (!multiply(result, window.stride) ||
      __builtin_add_overflow(result, *span, &result))
    return tooLarge;
  out = Dim::fixed(result);
  return std::nullopt;
}

} // namespace amp::opset

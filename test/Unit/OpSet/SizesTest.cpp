//===- SizesTest.cpp - Sizes against brute force --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Broadcasting, reshaping and windows on random sizes, compared with what
// follows from the definition when every name and unknown gets a number.
//===----------------------------------------------------------------------===//

#include "Sizes.h"
#include "OpCase.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace amp;
using namespace amp::opset;

namespace {

using Numbers = std::vector<int64_t>;

/// NumPy's rule, by its definition: nothing when the shapes do not broadcast.
std::optional<Numbers> broadcastNumbers(Numbers a, Numbers b) {
  while (a.size() < b.size())
    a.insert(a.begin(), 1);
  while (b.size() < a.size())
    b.insert(b.begin(), 1);
  Numbers out;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && a[i] != 1 && b[i] != 1)
      return std::nullopt;
    out.push_back(a[i] == 1 ? b[i] : a[i]);
  }
  return out;
}

class SizesTest : public ::testing::Test {
protected:
  // One seed, printed with every failure, so that a failure can be repeated.
  static constexpr unsigned seed = 20240611;
  std::mt19937 random{seed};

  int pick(int limit) {
    return std::uniform_int_distribution<>(0, limit - 1)(random);
  }

  Dim pickDim() {
    switch (pick(8)) {
    case 0:
      return Dim::unknown();
    case 1:
      return Dim::named("n");
    case 2:
      return Dim::named("m");
    default:
      return Dim::fixed(pick(4));
    }
  }

  Shape pickShape(int maxRank) {
    Shape shape;
    for (int rank = pick(maxRank + 1); rank > 0; --rank)
      shape.push_back(pickDim());
    return shape;
  }
};

/// Calls `visit` with every choice of numbers from `choices` for the unknown
/// sizes of both shapes; names keep one number per call.
template <typename Visit>
void forAllNumbers(const Shape &a, const Shape &b, const Numbers &choices,
                   Visit visit) {
  // Name or position of each open size.
  std::map<std::string, int64_t> open;
  auto keyOf = [](const Dim &dim, char side, size_t i) {
    return dim.isNamed() ? "name " + std::string(dim.name())
                         : side + std::to_string(i);
  };
  for (auto [shape, side] : {std::pair{&a, 'a'}, std::pair{&b, 'b'}})
    for (size_t i = 0; i < shape->size(); ++i)
      if (!(*shape)[i].isFixed())
        open[keyOf((*shape)[i], side, i)] = 0;
  size_t total = 1;
  for (size_t i = 0; i < open.size(); ++i)
    total *= choices.size();
  for (size_t index = 0; index < total; ++index) {
    size_t rest = index;
    for (auto &entry : open) {
      entry.second = choices[rest % choices.size()];
      rest /= choices.size();
    }
    Numbers numbersA, numbersB;
    for (auto [shape, side, numbers] :
         {std::tuple{&a, 'a', &numbersA}, std::tuple{&b, 'b', &numbersB}})
      for (size_t i = 0; i < shape->size(); ++i)
        numbers->push_back((*shape)[i].isFixed()
                               ? (*shape)[i].size()
                               : open[keyOf((*shape)[i], side, i)]);
    visit(numbersA, numbersB, open);
  }
}

/// Whether a shape can be these numbers.
bool admits(const Shape &shape, const Numbers &numbers,
            const std::map<std::string, int64_t> &names) {
  if (shape.size() != numbers.size())
    return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].isFixed() && shape[i].size() != numbers[i])
      return false;
    if (shape[i].isNamed() &&
        names.at("name " + std::string(shape[i].name())) != numbers[i])
      return false;
  }
  return true;
}

TEST_F(SizesTest, BroadcastAgreesWithEveryChoiceOfNumbers) {
  int fitting = 0;
  for (int round = 0; round < 4000; ++round) {
    Shape a = pickShape(3), b = pickShape(3), out;
    bool fit = broadcast(a, b, out);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + toString(a) + " and " +
                 toString(b));
    Shape mirrored;
    ASSERT_EQ(broadcast(b, a, mirrored), fit);
    if (fit) {
      ASSERT_EQ(out, mirrored);
      ++fitting;
    }
    // Unknown sizes may be anything, also 1 and the fixed sizes.
    Numbers choices = {0, 1, 2, 3, 5, 7};
    bool anyFits = false;
    forAllNumbers(a, b, choices,
                  [&](const Numbers &x, const Numbers &y, const auto &open) {
                    // Distinct names have distinct numbers that are nothing
                    // else.
                    for (const char *name : {"name n", "name m"}) {
                      auto it = open.find(name);
                      if (it != open.end() &&
                          it->second != (name[5] == 'n' ? 5 : 7))
                        return;
                    }
                    std::optional<Numbers> want = broadcastNumbers(x, y);
                    if (!want)
                      return;
                    anyFits = true;
                    // number.
                    if (fit) {
                      EXPECT_TRUE(admits(out, *want, open));
                    }
                  });
    ASSERT_EQ(fit, anyFits);
  }
  // The test would prove little if nearly nothing fitted.
  EXPECT_GT(fitting, 1000);
}

int64_t product(const Numbers &numbers) {
  int64_t result = 1;
  for (int64_t number : numbers)
    result *= number;
  return result;
}

TEST_F(SizesTest, ReshapeAgreesWithEveryChoiceOfNumbers) {
  int solved = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Shape from, to, out;
    for (int rank = pick(4); rank > 0; --rank)
      from.push_back(pick(4) ? Dim::fixed(1 + pick(4))
                             : Dim::named(pick(2) ? "n" : "m"));
    bool hasOpen = false;
    for (int rank = pick(4); rank > 0; --rank) {
      bool open = !hasOpen && pick(3) == 0;
      hasOpen |= open;
      to.push_back(open      ? Dim::unknown()
                   : pick(4) ? Dim::fixed(1 + pick(4))
                             : Dim::named(pick(2) ? "n" : "m"));
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + toString(from) +
                 " to " + toString(to));
    std::optional<std::string> why = reshape(from, to, out);
    // Two numbers for each name, coprime to all others, so that a product is
    // one only if it is one for all numbers.
    forAllNumbers(
        from, {}, {11, 13},
        [&](const Numbers &x, const Numbers &, const auto &open) {
          auto number = [&](const Dim &dim) {
            auto it = open.find("name " + std::string(dim.name()));
            return it == open.end() ? 17 : it->second;
          };
          int64_t known = 1;
          for (const Dim &dim : to)
            if (!dim.isUnknown())
              known *= dim.isFixed() ? dim.size() : number(dim);
          if (why) {
            // Names of `from` may have one number here; then nothing is proven.
            if (open.count("name n") && open.count("name m") &&
                open.at("name n") == open.at("name m"))
              return;
            EXPECT_TRUE(hasOpen ? product(x) % known != 0 : product(x) != known)
                << *why;
            ++refused;
            return;
          }
          if (!hasOpen) {
            EXPECT_EQ(product(x), known);
            return;
          }
          for (size_t i = 0; i < to.size(); ++i) {
            if (!to[i].isUnknown()) {
              EXPECT_EQ(out[i], to[i]);
            } else if (!out[i].isUnknown()) {
              EXPECT_EQ(known *
                            (out[i].isFixed() ? out[i].size() : number(out[i])),
                        product(x));
              ++solved;
            }
          }
        });
  }
  EXPECT_GT(solved, 500);
  EXPECT_GT(refused, 5000);
}

TEST_F(SizesTest, WindowsAreCountedOneByOne) {
  for (int64_t size = 0; size < 12; ++size)
    for (int64_t kernel = 1; kernel < 5; ++kernel)
      for (int64_t stride = 1; stride < 5; ++stride)
        for (int64_t dilation = 1; dilation < 4; ++dilation) {
          SCOPED_TRACE(::testing::Message()
                       << size << " by " << kernel << " stride " << stride
                       << " dilation " << dilation);
          int64_t valid = 0, same = 0, last = (kernel - 1) * dilation;
          for (int64_t at = 0; at < size; at += stride) {
            ++same;
            valid += at + last < size;
          }
          Window window{Dim::fixed(kernel), stride, dilation, false};
          Dim out = Dim::unknown();
          auto why = slide(Dim::fixed(size), window, out);
          EXPECT_EQ(bool(why), size < last + 1);
          if (!why) {
            EXPECT_EQ(out, Dim::fixed(valid));
            // The transposed convolution is the smallest size that the window
            // slides over that often.
            Dim back = Dim::unknown();
            ASSERT_FALSE(unslide(out, window, back));
            EXPECT_EQ(back, Dim::fixed((valid - 1) * stride + last + 1));
            EXPECT_LE(back.size(), size);
          }
          window.same = true;
          ASSERT_FALSE(slide(Dim::fixed(size), window, out));
          EXPECT_EQ(out, Dim::fixed(same));
          Dim back = Dim::unknown();
          ASSERT_FALSE(unslide(Dim::fixed(size), window, back));
          EXPECT_EQ(back, Dim::fixed(size * stride));
        }
}

TEST_F(SizesTest, OverflowIsAnErrorNotAWrap) {
  Dim large = Dim::fixed(INT64_MAX), out = Dim::unknown();
  Window window{large, 2, 2, false};
  EXPECT_TRUE(slide(Dim::fixed(3), window, out));
  EXPECT_TRUE(unslide(Dim::fixed(3), window, out));
  window = {Dim::fixed(3), 2, 1, true};
  EXPECT_TRUE(unslide(large, window, out));
  EXPECT_FALSE(addSizes(large, Dim::fixed(1)));
  Shape shape;
  EXPECT_TRUE(reshape({large, Dim::fixed(2)}, {Dim::unknown()}, shape));
  int64_t number = INT64_MAX;
  EXPECT_FALSE(multiply(number, 2));
}

} // namespace

//===- DigitsTest.cpp - The drawn digits and the shuffled order -----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Properties that any use of the data relies on: the same everywhere and
// always, every class there, neither trivial nor hopeless to learn.
//===----------------------------------------------------------------------===//

#include "amprt/io/Dataset.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

using namespace amprt;
using namespace amprt::io;

namespace {

constexpr int64_t kPixels = 28 * 28;

Dataset digits(int64_t train, int64_t test, uint64_t seed = 1) {
  DigitsOptions options;
  options.train = train;
  options.test = test;
  options.seed = seed;
  auto data = makeDigits(options);
  EXPECT_TRUE(data.ok()) << data.status().message();
  return *std::move(data);
}

const uint8_t *images(const Split &split) {
  return split.find("images")->array.as<uint8_t>();
}
const uint8_t *labels(const Split &split) {
  return split.find("labels")->array.as<uint8_t>();
}

TEST(Digits, AreImagesAndLabels) {
  const Dataset data = digits(30, 20);
  EXPECT_EQ(data.train.find("images")->array.dims(), (Dims{30, 28, 28}));
  EXPECT_EQ(data.train.find("labels")->array.dims(), (Dims{30}));
  EXPECT_EQ(data.test.examples(), 20);
  EXPECT_TRUE(data.imagesAndLabels);
  EXPECT_TRUE(data.train.find("images")->pixels);
}

TEST(Digits, AnExampleDependsOnItsNumberAndTheSeedAlone) {
  const Dataset few = digits(20, 1), many = digits(40, 5),
                other = digits(20, 1, 2);
  EXPECT_EQ(std::memcmp(images(few.train), images(many.train), 20 * kPixels),
            0);
  EXPECT_EQ(std::memcmp(labels(few.train), labels(many.train), 20), 0);
  EXPECT_NE(std::memcmp(images(few.train), images(other.train), 20 * kPixels),
            0);
  // The test set is not a part of the training set.
  EXPECT_NE(std::memcmp(images(few.train), images(few.test), kPixels), 0);
}

TEST(Digits, HaveEveryClassAboutEquallyOften) {
  const Dataset data = digits(5000, 1);
  std::array<int, 10> count = {};
  for (int64_t i = 0; i < 5000; ++i) {
    ASSERT_LT(labels(data.train)[i], 10);
    ++count[labels(data.train)[i]];
  }
  // 500 each; seven standard deviations of 21 on either side.
  for (int n : count)
    EXPECT_NEAR(n, 500, 150);
}

TEST(Digits, AreNeitherTrivialNorHopeless) {
  // The nearest of ten mean images is a classifier without training.
  const int64_t train = 2000, test = 500;
  const Dataset data = digits(train, test);
  std::vector<double> means(10 * kPixels);
  std::array<double, 10> count = {};
  for (int64_t i = 0; i < train; ++i) {
    const int label = labels(data.train)[i];
    ++count[size_t(label)];
    for (int64_t p = 0; p < kPixels; ++p)
      means[size_t(label * kPixels + p)] += images(data.train)[i * kPixels + p];
  }
  int right = 0;
  for (int64_t i = 0; i < test; ++i) {
    double nearest = 1e300;
    int best = 0;
    for (int label = 0; label < 10; ++label) {
      double distance = 0;
      for (int64_t p = 0; p < kPixels; ++p) {
        const double d =
            images(data.test)[i * kPixels + p] -
            means[size_t(label * kPixels + p)] / count[size_t(label)];
        distance += d * d;
      }
      if (distance < nearest) {
        nearest = distance;
        best = label;
      }
    }
    right += best == labels(data.test)[i];
  }
  EXPECT_GT(right, test * 3 / 10);
  EXPECT_LT(right, test * 85 / 100);
}

TEST(Shuffle, IsAPermutation) {
  for (int64_t count : {0, 1, 2, 3, 1000}) {
    std::vector<int64_t> order = shuffledOrder(count, 7, 0);
    std::sort(order.begin(), order.end());
    std::vector<int64_t> sorted(static_cast<size_t>(count));
    std::iota(sorted.begin(), sorted.end(), int64_t(0));
    EXPECT_EQ(order, sorted);
  }
}

TEST(Shuffle, DependsOnSeedAndEpoch) {
  EXPECT_EQ(shuffledOrder(100, 1, 2), shuffledOrder(100, 1, 2));
  EXPECT_NE(shuffledOrder(100, 1, 2), shuffledOrder(100, 1, 3));
  EXPECT_NE(shuffledOrder(100, 1, 2), shuffledOrder(100, 2, 2));
}

TEST(Shuffle, GivesEveryOrderAboutEquallyOften) {
  std::array<int, 6> count = {};
  for (uint32_t epoch = 0; epoch < 6000; ++epoch) {
    const std::vector<int64_t> order = shuffledOrder(3, 11, epoch);
    // Lehmer code of a permutation of three.
    ++count[size_t(order[0] * 2 + (order[1] > order[2]))];
  }
  // 1000 each, standard deviation 29.
  for (int n : count)
    EXPECT_NEAR(n, 1000, 200);
}

TEST(RandomStream, NumbersStayBelowTheBound) {
  RandomStream random(3, RandomUse::Shuffle);
  for (uint64_t bound : {uint64_t(1), uint64_t(10), uint64_t(1) << 63})
    for (int i = 0; i < 100; ++i)
      EXPECT_LT(random.nextBelow(bound), bound);
  for (int i = 0; i < 1000; ++i) {
    const float value = random.nextFloat();
    EXPECT_GE(value, 0);
    EXPECT_LT(value, 1);
  }
}

} // namespace

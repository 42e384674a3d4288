//===- VectorProductTest.cpp - Products with few rows ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every element type, layout and number of rows against float64, in vector and
// portable code; the same bits at any number of threads; and through a session,
// beside the general product.
//===----------------------------------------------------------------------===//

#include "../../runtime/src/cpu/VectorProduct.h"
#include "Support.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>

using namespace amprt;
using namespace amprt::test;

namespace {

using Kernel = void (*)(int64_t, int64_t, int64_t, const float *,
                        const cpu::StoredMatrix &, float *, float *);

struct Case {
  int64_t m, n, k;
  DType dtype;
  bool transposed;
  int64_t padding;
};

struct Numbers {
  Tensor a, b;
  cpu::StoredMatrix matrix;
};

Numbers numbersOf(const Case &c, std::mt19937_64 &random) {
  int64_t rows = c.transposed ? c.n : c.k, columns = c.transposed ? c.k : c.n;
  Numbers numbers{randomTensor(DType::Float32, {c.m, c.k}, random),
                  randomTensor(c.dtype, {rows, columns + c.padding}, random),
                  {}};
  numbers.matrix = {numbers.b.data(), c.dtype, columns + c.padding,
                    c.transposed};
  return numbers;
}

std::vector<float> run(Kernel kernel, const Case &c, const Numbers &numbers) {
  std::vector<float> sums(size_t(c.m * c.n), -1e30f);
  std::vector<float> partial(cpu::vectorScratch(c.m, c.n, c.k), -1e30f);
  kernel(c.m, c.n, c.k, numbers.a.as<float>(), numbers.matrix, sums.data(),
         partial.data());
  return sums;
}

void expectClose(const Case &c, const Numbers &numbers,
                 const std::vector<float> &sums) {
  std::vector<double> a = values(numbers.a), b = values(numbers.b);
  int64_t pitch = numbers.matrix.pitch;
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0, size = 0;
      for (int64_t l = 0; l < c.k; ++l) {
        double term = a[size_t(i * c.k + l)] *
                      b[size_t(c.transposed ? j * pitch + l : l * pitch + j)];
        sum += term;
        size += std::fabs(term);
      }
      // Each of k products and sums rounds once.
      double bound = double(c.k + 2) * std::ldexp(1.0, -24) * size;
      ASSERT_LE(std::fabs(sums[size_t(i * c.n + j)] - sum), bound)
          << "m " << c.m << " n " << c.n << " k " << c.k << " "
          << amp::dtypeName(c.dtype) << (c.transposed ? " transposed" : "")
          << " at " << i << ", " << j;
    }
}

std::vector<Case> cases() {
  std::vector<Case> list;
  for (DType dtype : {DType::Float32, DType::Float16, DType::BFloat16})
    for (bool transposed : {false, true})
      for (int64_t m = 1; m <= kVectorRows; ++m)
        for (auto [n, k] : std::vector<std::pair<int64_t, int64_t>>{
                 {1, 1},    {3, 300},   {7, 9},     {16, 256}, {17, 257},
                 {33, 511}, {100, 64},  {2048, 5},  {2063, 7}, {4097, 3},
                 {10, 600}, {600, 515}, {8, 1000}})
          list.push_back({m, n, k, dtype, transposed, m % 2 ? 0 : 5});
  return list;
}

TEST(VectorProduct, MatchesFloat64) {
  uint64_t seed = testSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const Case &c : cases()) {
    Numbers numbers = numbersOf(c, random);
    expectClose(c, numbers, run(cpu::vectorProduct, c, numbers));
    expectClose(c, numbers, run(cpu::portable::vectorProduct, c, numbers));
    if (HasFatalFailure())
      return;
  }
}

TEST(VectorProduct, SameBitsAtAnyNumberOfThreads) {
  std::mt19937_64 random(testSeed());
  int saved = omp_get_max_threads();
  for (DType dtype : {DType::Float32, DType::Float16, DType::BFloat16})
    for (bool transposed : {false, true})
      for (int64_t m : {1, 4}) {
        Case c{m, 1031, 1501, dtype, transposed, 0};
        Numbers numbers = numbersOf(c, random);
        std::vector<float> first;
        for (int threads : {1, 2, 3, 7}) {
          omp_set_num_threads(threads);
          std::vector<float> sums = run(cpu::vectorProduct, c, numbers);
          if (first.empty())
            first = sums;
          EXPECT_EQ(std::memcmp(first.data(), sums.data(),
                                sums.size() * sizeof(float)),
                    0)
              << threads << " threads, " << amp::dtypeName(dtype);
        }
      }
  omp_set_num_threads(saved);
}

/// A network on few rows gives what it gives on the same rows among many.
TEST(VectorProduct, AgreesWithTheGeneralProduct) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
    MlpOptions options;
    options.sizes = {37, 70, 41, 5};
    options.type = type;
    auto session = openSession(mlpGraph(options));
    ASSERT_TRUE(session);
    std::mt19937_64 random(testSeed());
    Tensor many = randomTensor(DType::Float32, {9, 37}, random);
    auto all = session->run("predict", {{"images", &many}});
    ASSERT_TRUE(all.ok()) << all.status().toString();
    std::vector<double> expected = values((*all)[0]), images = values(many);
    for (int64_t rows = 1; rows <= kVectorRows; ++rows) {
      Tensor few = tensorOf(DType::Float32, {rows, 37},
                            {images.begin(), images.begin() + rows * 37});
      auto some = session->run("predict", {{"images", &few}});
      ASSERT_TRUE(some.ok()) << some.status().toString();
      std::vector<double> found = values((*some)[0]);
      double unit = type == DType::Float32   ? 0x1p-24
                    : type == DType::Float16 ? 0x1p-11
                                             : 0x1p-8;
      for (size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 16 * unit) << amp::dtypeName(type);
      auto plan = session->plan("predict", {{"batch", rows}});
      ASSERT_TRUE(plan.ok());
      for (const Step &step : (*plan)->steps)
        if (step.kernel == amprt::Kernel::Matmul) {
          EXPECT_TRUE(step.params.fewRows);
          EXPECT_FALSE(step.params.hasScratch);
        }
    }
  }
}

} // namespace

//===- ElementwiseTest.cpp - Conformance: element-wise ops ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Integers that wrap, NaN and infinities, casts between all pairs of types.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include <algorithm>
#include <limits>

using namespace amprt;
using namespace amprt::test;

namespace {

const Covers covers({"cast"});

class ElementwiseConformance : public Conformance {};

TEST_P(ElementwiseConformance, IntegersWrapAndDivide) {
  auto both = [](DType dtype, std::vector<double> a, std::vector<double> b) {
    std::vector<Tensor> inputs;
    Dims dims = {int64_t(a.size())};
    inputs.push_back(tensorOf(dtype, dims, a));
    inputs.push_back(tensorOf(dtype, dims, b));
    return inputs;
  };
  expectExactly(run("add", both(DType::Int8, {127, -128, 5}, {1, -1, 6})),
                {-128, 127, 11}, "add");
  expectExactly(run("mul", both(DType::UInt8, {16, 255}, {16, 2})), {0, 254},
                "mul");
  expectExactly(
      run("add", both(DType::Int32, {2147483647, -2147483648.0}, {1, -1})),
      {-2147483648.0, 2147483647}, "add");
  // Truncates; by zero it is zero, not a crash.
  expectExactly(run("div", both(DType::Int32, {7, -7, 7, -2147483648.0, 9},
                                {2, 2, -2, -1, 0})),
                {3, -3, -3, -2147483648.0, 0}, "div");
  expectExactly(run("pow", both(DType::Int64, {3, -2, 2}, {4, 3, -1})),
                {81, -8, 0}, "pow");
}

TEST_P(ElementwiseConformance, NaNAndInfinity) {
  double nan = std::nan(""), inf = INFINITY;
  for (DType dtype : kFloats) {
    auto tensor = [&](std::vector<double> list) {
      std::vector<Tensor> inputs;
      inputs.push_back(tensorOf(dtype, {int64_t(list.size())}, list));
      return inputs;
    };
    auto two = [&](std::vector<double> a, std::vector<double> b) {
      std::vector<Tensor> inputs = tensor(a);
      inputs.push_back(tensorOf(dtype, {int64_t(b.size())}, b));
      return inputs;
    };
    expectExactly(run("relu", tensor({nan, inf, -inf, -0.0})), {nan, inf, 0, 0},
                  "relu");
    expectExactly(run("is_finite", tensor({nan, inf, -inf, 1})), {0, 0, 0, 1},
                  "is_finite");
    expectExactly(run("maximum", two({nan, 1, inf}, {1, nan, 2})),
                  {nan, nan, inf}, "maximum");
    expectExactly(run("minimum", two({nan, 1, -inf}, {1, nan, 2})),
                  {nan, nan, -inf}, "minimum");
    expectExactly(run("relu_grad", two({5, 6, 7, 8}, {nan, 0, 1, -1})),
                  {0, 0, 7, 0}, "relu_grad");
    expectExactly(run("softplus", tensor({inf, -inf, 800})), {inf, 0, 800},
                  "softplus");
    expectExactly(run("sigmoid", tensor({inf, -inf, nan})), {1, 0, nan},
                  "sigmoid");
    expectExactly(run("sign", tensor({inf, -inf, nan})), {1, -1, nan}, "sign");
  }
}

TEST_P(ElementwiseConformance, CastsBetweenAllTypes) {
  std::vector<DType> all = kFloats;
  all.insert(all.end(), kInts.begin(), kInts.end());
  all.push_back(DType::Bool);
  const std::vector<double> numbers = {0,    1,      -1,     2.5,   -2.5, 3.75,
                                       100,  1e-3,   0.1,    -7.99, 126,  1e5,
                                       -1e5, 300000, 1.0e-6, 33.333};
  for (DType from : all)
    for (DType to : all) {
      Tensor x = tensorOf(from, {int64_t(numbers.size())},
                          from == DType::UInt8 || from == DType::Int8
                              ? std::vector<double>(numbers.size(), 5)
                              : numbers);
      std::vector<double> expected;
      for (double value : values(x)) {
        if (to == DType::Bool) {
          expected.push_back(value != 0);
        } else if (amp::isFloating(to)) {
          // What Tensor::set rounds to is tested against arithmetic.
          Tensor rounded = tensorOf(to, {1}, {value});
          expected.push_back(rounded.at(0));
        } else {
          double low = to == DType::Int8    ? -128
                       : to == DType::UInt8 ? 0
                       : to == DType::Int32 ? -0x1p31
                                            : -0x1p63;
          double high = to == DType::Int8    ? 127
                        : to == DType::UInt8 ? 255
                        : to == DType::Int32 ? 0x1p31 - 1
                                             : 0x1p63;
          if (amp::isFloating(from)) {
            expected.push_back(std::clamp(std::trunc(value), low, high));
          } else {
            int64_t wide = int64_t(value); // integers wrap around
            expected.push_back(to == DType::Int8    ? double(int8_t(wide))
                               : to == DType::UInt8 ? double(uint8_t(wide))
                                                    : double(wide));
          }
        }
      }
      std::vector<Tensor> inputs;
      inputs.push_back(std::move(x));
      auto got = run("cast", inputs,
                     "\"to\": \"" + std::string(amp::dtypeName(to)) + "\"");
      if (isNull())
        continue;
      for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(got[0].at(int64_t(i)), expected[i])
            << amp::dtypeName(from) << " to " << amp::dtypeName(to) << " of "
            << inputs[0].at(int64_t(i));
    }
}

AMP_CONFORMANCE_DEVICES(ElementwiseConformance);

} // namespace

//===- ConstantsTest.cpp - Elements of converted constants --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The loops that convert many elements against APFloat, one at a time: every
// exponent with fractions around each boundary of rounding, and random bits.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/Constants.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace amp;
using namespace mlir;

namespace {

class Constants : public ::testing::Test {
protected:
  DenseFPElementsAttr attr(const std::vector<uint32_t> &bits) {
    auto type = RankedTensorType::get({int64_t(bits.size())},
                                      Float32Type::get(&context));
    return cast<DenseFPElementsAttr>(DenseElementsAttr::getFromRawBuffer(
        type, llvm::ArrayRef(reinterpret_cast<const char *>(bits.data()),
                             bits.size() * sizeof(uint32_t))));
  }
  /// What APFloat makes of one element.
  static uint16_t expected(uint32_t bits, FloatType type) {
    llvm::APFloat value(llvm::APFloat::IEEEsingle(), llvm::APInt(32, bits));
    return amp::convertSaturating(value, type.getFloatSemantics())
        .bitcastToAPInt()
        .getZExtValue();
  }
  void check(const std::vector<uint32_t> &bits) {
    for (FloatType type : {FloatType(Float16Type::get(&context)),
                           FloatType(BFloat16Type::get(&context))}) {
      DenseElementsAttr low = amp::convertSaturating(attr(bits), type);
      ASSERT_EQ(low.getElementType(), type);
      ASSERT_EQ(low.getNumElements(), int64_t(bits.size()));
      std::vector<uint16_t> found;
      for (const llvm::APFloat &value : low.getValues<llvm::APFloat>())
        found.push_back(value.bitcastToAPInt().getZExtValue());
      std::vector<uint16_t> plain(bits.size());
      constants::convertPlain(
          llvm::ArrayRef(reinterpret_cast<const char *>(bits.data()),
                         bits.size() * sizeof(uint32_t)),
          plain.data(), type.isF16());
      ASSERT_EQ(plain, found);
      for (size_t i = 0; i < bits.size(); ++i)
        ASSERT_EQ(found[i], expected(bits[i], type))
            << std::hex << "bits 0x" << bits[i] << " to "
            << (type.isF16() ? "float16" : "bfloat16");
    }
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
};

} // namespace

TEST_F(Constants, everyExponentAndBoundary) {
  std::vector<uint32_t> bits;
  for (uint32_t sign : {0u, 1u})
    for (uint32_t exponent = 0; exponent < 256; ++exponent)
      for (uint32_t base = 0; base <= 23; ++base)
        for (int64_t delta = -2; delta <= 2; ++delta) {
          // Around each power of two of the fraction and its complement.
          uint32_t one = uint32_t(1) << base;
          for (uint32_t fraction : {one, 0x7FFFFF - one, one | (one >> 1)})
            bits.push_back(sign << 31 | exponent << 23 |
                           ((fraction + delta) & 0x7FFFFF));
        }
  check(bits);
}

TEST_F(Constants, randomBits) {
  std::mt19937 random(20240611);
  std::vector<uint32_t> bits(200003);
  for (uint32_t &each : bits)
    each = random();
  check(bits);
}

TEST_F(Constants, boundariesByValue) {
  auto bitsOf = [](float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  };
  std::vector<uint32_t> bits;
  for (float value : {0.0f, 65504.0f, 65519.0f, 65520.0f, 1e6f, 3.4e38f, 6e-8f,
                      5.9604645e-8f, 2.9802322e-8f, 1e-30f, 1e-45f, 6.1e-5f,
                      6.103515625e-5f, 6.097555e-5f, 1.0f, 1.00048828125f})
    for (float signedValue : {value, -value})
      for (int step : {-1, 0, 1})
        bits.push_back(bitsOf(signedValue) + step);
  check(bits);
}

TEST_F(Constants, sizesZeroAndOneAndEqualElements) {
  check({});
  check({0x3F800001});
  check({0x3F800001, 0x3F800001, 0x3F800001});
  // Different in float32, equal in 16 bits.
  check({0x3F800001, 0x3F800002});
  auto low = amp::convertSaturating(attr({0x3F800001, 0x3F800002}),
                                      Float16Type::get(&context));
  EXPECT_TRUE(low.isSplat());
}

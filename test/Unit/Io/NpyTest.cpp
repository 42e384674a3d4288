//===- NpyTest.cpp - Reading and writing .npy files -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The good files are those that NumPy 2 writes, byte for byte.
//===----------------------------------------------------------------------===//

#include "amprt/io/Npy.h"
#include "TestFiles.h"

using namespace amprt;
using namespace amprt::io;
using namespace amptest;

namespace {

/// A version 1.0 file with NumPy's padding.
std::string npy(std::string header, const std::string &elements) {
  header.append(117 - header.size(), ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\0v\0", 10) + header + elements;
}

std::string headerOf(const std::string &descr, const std::string &shape) {
  return "{'descr': '" + descr +
         "', 'fortran_order': False, 'shape': " + shape + ", }";
}

Result<Tensor> parse(const std::string &text) {
  return parseNpy(text, "x.npy");
}

TEST(Npy, ReadsWhatNumpyWrites) {
  auto half =
      parse(npy(headerOf("<f2", "(2, 2)"), std::string("\x00>\x00\xc0\x00"
                                                       "B\x00"
                                                       "D",
                                                       8)));
  ASSERT_TRUE(half.ok()) << half.status().message();
  EXPECT_EQ(describe(half->dtype(), half->dims()), "float16 [2, 2]");
  EXPECT_EQ(half->at(0), 1.5);
  EXPECT_EQ(half->at(1), -2);

  auto ints = parse(npy(headerOf("<i8", "(3,)"),
                        std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0"
                                    "\0\0\0",
                                    24)));
  ASSERT_TRUE(ints.ok()) << ints.status().message();
  EXPECT_EQ(describe(ints->dtype(), ints->dims()), "int64 [3]");
  EXPECT_EQ(ints->at(2), 3);

  auto scalar = parse(npy(headerOf("|b1", "()"), "\1"));
  ASSERT_TRUE(scalar.ok()) << scalar.status().message();
  EXPECT_EQ(describe(scalar->dtype(), scalar->dims()), "bool []");
}

TEST(Npy, ReadsVersionTwo) {
  const std::string header = headerOf("|u1", "(1,)") + "\n";
  std::string text("\x93NUMPY\x02\0", 8);
  text += char(header.size());
  text += std::string("\0\0\0", 3) + header + "A";
  auto tensor = parse(text);
  ASSERT_TRUE(tensor.ok()) << tensor.status().message();
  EXPECT_EQ(tensor->at(0), 'A');
}

TEST(Npy, RefusesBadFiles) {
  const struct {
    std::string text;
    const char *message;
  } cases[] = {
      {"", "it does not begin with \\x93NUMPY"},
      {"PK\3\4 a zip file", "it does not begin with \\x93NUMPY"},
      {std::string("\x93NUMPY\1\0v", 9), "it ends within its header"},
      {std::string("\x93NUMPY\4\0v\0", 10), "its version is 4, not 1, 2 or 3"},
      {std::string("\x93NUMPY\1\0v\0{'descr'", 18),
       "it ends within its header"},
      {std::string("\x93NUMPY\2\0\0\0\0\1", 12),
       "its header has 16777216 bytes"},
      {npy("[]", ""), "the header is not a dictionary"},
      {npy("{3: 4}", ""), "the header is not a dictionary of names"},
      {npy("{'descr: 1}", ""), "the header is not a dictionary of names"},
      {npy("{'colour': 1}", ""), "unknown key 'colour'"},
      {npy("{'descr': '<f4', 'descr': '<f4'}", ""),
       "the key 'descr' stands there twice"},
      {npy("{'descr': '<f4' 'shape': ()}", ""), "a comma or '}' is missing"},
      {npy("{'descr': '<f4', 'shape': ()}", "abcd"),
       "one of 'descr', 'fortran_order', 'shape' is missing"},
      {npy(headerOf("<f4", "()") + " x", "abcd"),
       "text follows the header's dictionary"},
      {npy(headerOf(">f4", "()"), "abcd"),
       "the element type '>f4' is none of <f2 <f4 <f8 |i1 |u1 <i4 <i8 |b1"},
      {npy(headerOf("|O", "()"), ""), "the element type '|O'"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
           ""),
       "'descr' is not a string"},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': ()}", "abcd"),
       "it is in Fortran order"},
      {npy("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "abcd"),
       "'fortran_order' is neither True nor False"},
      {npy(headerOf("<f4", "3"), ""), "'shape' is not a tuple"},
      {npy(headerOf("<f4", "(-1,)"), ""), "a size in 'shape' is not a number"},
      {npy(headerOf("<f4", "(99999999999999999999,)"), ""),
       "a size in 'shape' does not fit 64 bits"},
      {npy(headerOf("<f4", "(4294967296, 4294967296)"), ""),
       "the product of its sizes does not fit 64 bits"},
      {npy(headerOf("<f4", "(2,)"), "abcd"),
       "it declares float32 [2], that is 8 bytes, but holds 4"},
      {npy(headerOf("<f4", "(1,)"), "abcdX"), "but holds 5"},
  };
  for (const auto &bad : cases) {
    auto tensor = parse(bad.text);
    ASSERT_FALSE(tensor.ok()) << bad.message;
    expectFailure(tensor.status(), Code::InvalidArgument, bad.message);
  }
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string good = npy(headerOf("<f4", "(2,)"), "abcdefgh");
  ASSERT_TRUE(parse(good).ok());
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(parse(good.substr(0, length)).ok()) << length;
}

TEST(Npy, WritesWhatNumpyWrites) {
  auto tensor = Tensor::create(DType::Float16, {2, 2});
  ASSERT_TRUE(tensor.ok());
  tensor->set(0, 1.5);
  tensor->set(1, -2);
  tensor->set(2, 3);
  tensor->set(3, 4);
  EXPECT_EQ(formatNpy(*tensor),
            npy(headerOf("<f2", "(2, 2)"), std::string("\x00>\x00\xc0\x00"
                                                       "B\x00"
                                                       "D",
                                                       8)));
  auto one = Tensor::create(DType::Int64, {3});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(formatNpy(*one).substr(0, 128),
            npy(headerOf("<i8", "(3,)"), "").substr(0, 128));
}

TEST(Npy, WritesBfloat16AsFloat32) {
  auto tensor = Tensor::create(DType::BFloat16, {1});
  ASSERT_TRUE(tensor.ok());
  tensor->set(0, -2.5);
  auto back = parse(formatNpy(*tensor));
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->dtype(), DType::Float32);
  EXPECT_EQ(back->at(0), -2.5);
}

TEST(Npy, RoundTripsEveryType) {
  ScratchFolder folder;
  for (DType dtype :
       {DType::Float16, DType::Float32, DType::Float64, DType::Int8,
        DType::UInt8, DType::Int32, DType::Int64, DType::Bool}) {
    auto tensor = Tensor::create(dtype, {2, 0, 1});
    auto filled = Tensor::create(dtype, {3});
    ASSERT_TRUE(tensor.ok() && filled.ok());
    filled->set(1, 1);
    for (const Tensor *t : {&*tensor, &*filled}) {
      ASSERT_TRUE(writeNpy(folder.path("a.npy"), *t).ok());
      auto back = readNpy(folder.path("a.npy"));
      ASSERT_TRUE(back.ok()) << back.status().message();
      EXPECT_EQ(formatNpy(*back), formatNpy(*t));
    }
  }
  // No temporary file stays behind.
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Npy, NamesWhatCannotBeOpenedOrWritten) {
  ScratchFolder folder;
  expectFailure(readNpy(folder.path("absent.npy")).status(), Code::IoError,
                "absent.npy");
  auto tensor = Tensor::create(DType::Float32, {1});
  ASSERT_TRUE(tensor.ok());
  expectFailure(writeNpy(folder.path("no/folder.npy"), *tensor), Code::IoError,
                "folder.npy");
}

} // namespace

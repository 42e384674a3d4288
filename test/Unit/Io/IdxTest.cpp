//===- IdxTest.cpp - Reading IDX files, good and bad ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Files are written byte by byte, so the reader is held against the format and
// not against a writer of our own.
//===----------------------------------------------------------------------===//

#include "amprt/io/Idx.h"
#include "TestFiles.h"
#include "amprt/io/Dataset.h"

#include <zlib.h>

using namespace amprt;
using namespace amprt::io;
using namespace amptest;

namespace {

std::string bigEndian(uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::string idx(uint8_t type, const std::vector<uint32_t> &sizes,
                const std::string &elements) {
  std::string text = {0, 0, char(type), char(sizes.size())};
  for (uint32_t size : sizes)
    text += bigEndian(size);
  return text + elements;
}

std::string gzip(const std::string &text, const ScratchFolder &folder) {
  const std::string path = folder.path("packed");
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), unsigned(text.size()));
  gzclose(file);
  return folder.read("packed");
}

TEST(Idx, ReadsBytes) {
  ScratchFolder folder;
  auto tensor = readIdx(
      folder.write("a", idx(8, {2, 3}, std::string("\0\1\2\xff\4\5", 6))));
  ASSERT_TRUE(tensor.ok()) << tensor.status().message();
  EXPECT_EQ(describe(tensor->dtype(), tensor->dims()), "uint8 [2, 3]");
  EXPECT_EQ(tensor->at(1), 1);
  EXPECT_EQ(tensor->at(3), 255);
}

TEST(Idx, ReadsGzip) {
  ScratchFolder folder;
  const std::string packed = gzip(idx(8, {3}, "abc"), folder);
  auto tensor = readIdx(folder.write("a.gz", packed));
  ASSERT_TRUE(tensor.ok()) << tensor.status().message();
  EXPECT_EQ(tensor->at(2), 'c');
}

TEST(Idx, SwapsLargerElements) {
  ScratchFolder folder;
  auto ints = readIdx(
      folder.write("i", idx(0x0C, {2}, bigEndian(70000) + bigEndian(~0u))));
  ASSERT_TRUE(ints.ok()) << ints.status().message();
  EXPECT_EQ(ints->at(0), 70000);
  EXPECT_EQ(ints->at(1), -1);
  auto floats =
      readIdx(folder.write("f", idx(0x0D, {1}, bigEndian(0x3fc00000))));
  ASSERT_TRUE(floats.ok()) << floats.status().message();
  EXPECT_EQ(floats->at(0), 1.5);
}

TEST(Idx, RefusesBadFiles) {
  ScratchFolder folder;
  const struct {
    std::string text;
    const char *message;
  } cases[] = {
      {"", "it ends within the magic number"},
      {std::string("\0\0\x08", 3), "it ends within the magic number"},
      {std::string("\x89PNG", 4), "its magic number is 0x89504e47"},
      {std::string("\0\0\x07\x01\0\0\0\0", 8), "0x00000701"},
      {std::string("\0\0\x08\0", 4), "0x00000800"},
      {std::string("\0\0\x08\x03\0\0\0\x01\0\0", 10),
       "it ends within its sizes"},
      {idx(8, {2, 2}, "abc"),
       "it declares uint8 [2, 2], that is 4 bytes, but holds 3"},
      {idx(8, {2}, "abc"), "bytes follow the 2 it declares"},
      {idx(8, {~0u, ~0u, ~0u}, ""), "its sizes make more than 8 GiB"},
      {idx(8, {1u << 31}, "a"), "but holds 1"},
  };
  for (const auto &bad : cases) {
    auto tensor = readIdx(folder.write("bad", bad.text));
    ASSERT_FALSE(tensor.ok()) << bad.message;
    expectFailure(tensor.status(), Code::InvalidArgument, bad.message);
    expectFailure(tensor.status(), Code::InvalidArgument, folder.path("bad"));
  }
}

TEST(Idx, RefusesEveryTruncationOfAGzipFile) {
  ScratchFolder folder;
  const std::string packed = gzip(idx(8, {4, 4}, "abcdefghijklmnop"), folder);
  for (size_t length = 0; length < packed.size(); ++length)
    EXPECT_FALSE(readIdx(folder.write("cut", packed.substr(0, length))).ok())
        << "the first " << length << " bytes were accepted";
}

TEST(Idx, NamesWhatCannotBeOpened) {
  ScratchFolder folder;
  expectFailure(readIdx(folder.path("absent")).status(), Code::IoError,
                "No such file");
}

TEST(Mnist, ReadsTheFourFiles) {
  ScratchFolder folder;
  folder.write("train-images-idx3-ubyte", idx(8, {2, 1, 2}, "abcd"));
  folder.write("train-labels-idx1-ubyte.gz",
               gzip(idx(8, {2}, std::string("\1\2")), folder));
  folder.write("t10k-images-idx3-ubyte", idx(8, {1, 1, 2}, "ef"));
  folder.write("t10k-labels-idx1-ubyte", idx(8, {1}, std::string("\3")));
  auto data = loadDataset("mnist:" + folder.path(""));
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->train.examples(), 2);
  EXPECT_EQ(data->test.examples(), 1);
  ASSERT_NE(data->test.find("labels"), nullptr);
  EXPECT_EQ(data->test.find("labels")->array.at(0), 3);
  EXPECT_TRUE(data->train.find("images")->pixels);
  EXPECT_TRUE(data->imagesAndLabels);
}

TEST(Mnist, NamesWhatIsWrong) {
  ScratchFolder folder;
  const std::string spec = "mnist:" + folder.path("");
  expectFailure(loadDataset(spec).status(), Code::IoError,
                "has neither 'train-images-idx3-ubyte' nor "
                "'train-images-idx3-ubyte.gz'");
  folder.write("train-images-idx3-ubyte", idx(8, {2, 1, 2}, "abcd"));
  folder.write("train-labels-idx1-ubyte", idx(8, {3}, "abc"));
  expectFailure(loadDataset(spec).status(), Code::InvalidArgument,
                "has 2 images, but 'train-labels-idx1-ubyte' has 3 labels");
  folder.write("train-labels-idx1-ubyte", idx(8, {2, 1}, "ab"));
  expectFailure(loadDataset(spec).status(), Code::InvalidArgument,
                "holds uint8 [2, 1], not labels as bytes");
}

TEST(Data, UnknownNameIsRefused) {
  expectFailure(loadDataset("cifar").status(), Code::InvalidArgument,
                "unknown data 'cifar': it is mnist:DIR, digits or "
                "FILE.safetensors");
}

} // namespace

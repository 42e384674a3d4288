//===- SafetensorsTest.cpp - Tensors in a safetensors file ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What is written is read again; every rule of the format refuses.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Safetensors.h"
#include "amp/GraphFile/FileIO.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>

using namespace amp;
using namespace amp::graphfile;
namespace fs = std::filesystem;

namespace {

/// A file of that header and number of data bytes.
std::string fileOf(const std::string &header, size_t dataBytes) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i)
    bytes[i] = static_cast<char>(uint64_t(header.size()) >> (8 * i));
  return bytes + header + std::string(dataBytes, '\x01');
}

std::string problemOf(const std::string &bytes) {
  std::string error;
  return SafetensorsFile::parse(bytes, error) ? "" : "refused: " + error;
}

} // namespace

TEST(SafetensorsTest, ReadsWhatItWrote) {
  std::string pattern =
      (fs::temp_directory_path() / "amp-safetensors-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  std::string path = pattern + "/a.safetensors";
  const float kernel[] = {1, 2, 3, 4, 5, 6};
  const int64_t steps = 7;
  const uint8_t flags[] = {1, 0, 1};
  const std::string odd = "with \"quotes\"\n\xC3\xA9";
  EXPECT_FALSE(
      writeSafetensors(path,
                       {{"flags", DType::Bool, {3}, flags, sizeof(flags)},
                        {odd, DType::Float32, {2, 3}, kernel, sizeof(kernel)},
                        {"steps", DType::Int64, {}, &steps, sizeof(steps)},
                        {"empty", DType::Float16, {0, 4}, nullptr, 0}},
                       {{"format", "amp"}}));
  std::string error;
  {
    auto file = SafetensorsFile::open(path, error);
    ASSERT_TRUE(file) << error;
    EXPECT_EQ(file->entries().size(), 4u);
    ASSERT_EQ(file->metadata().size(), 1u);
    EXPECT_EQ(file->metadata()[0].second, "amp");
    const SafetensorsEntry *entry = file->find(odd);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->dtype, DType::Float32);
    EXPECT_EQ(entry->dims, (std::vector<int64_t>{2, 3}));
    ASSERT_EQ(entry->bytes, sizeof(kernel));
    EXPECT_EQ(std::memcmp(entry->data, kernel, sizeof(kernel)), 0);
    entry = file->find("steps");
    ASSERT_TRUE(entry);
    EXPECT_EQ(std::memcmp(entry->data, &steps, sizeof(steps)), 0);
    for (const SafetensorsEntry &each : file->entries())
      if (each.data) {
        EXPECT_EQ(
            reinterpret_cast<uintptr_t>(each.data) % dtypeSize(each.dtype), 0u)
            << each.name;
      }
    EXPECT_EQ(file->find("none"), nullptr);
    auto names =
        SafetensorsFile::open(path, error, SafetensorsFile::Mode::HeaderOnly);
    ASSERT_TRUE(names) << error;
    EXPECT_EQ(names->find("steps")->data, nullptr);
  }
  bool missing = false;
  EXPECT_FALSE(SafetensorsFile::open(pattern + "/none", error,
                                     SafetensorsFile::Mode::Map, &missing));
  EXPECT_TRUE(missing);
  fs::remove_all(pattern);
}

TEST(SafetensorsTest, RefusesTwoTensorsOfOneNameAndWrongSizes) {
  const float values[] = {1, 2};
  std::string path = "/nonexistent/a.safetensors";
  std::optional<std::string> problem =
      writeSafetensors(path, {{"a", DType::Float32, {2}, values, 8},
                              {"a", DType::Float32, {2}, values, 8}});
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->find("taken"), std::string::npos) << *problem;
  problem = writeSafetensors(path, {{"a", DType::Float32, {3}, values, 8}});
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->find("sizes"), std::string::npos) << *problem;
}

TEST(SafetensorsTest, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(problemOf(fileOf("{}", 0)), "");
  EXPECT_EQ(problemOf(fileOf("{}      ", 0)), "") << "padded with spaces";
  EXPECT_EQ(problemOf(fileOf(R"({"a":{"dtype":"F32","shape":[2],)"
                             R"("data_offsets":[0,8]}})",
                             8)),
            "");
  EXPECT_EQ(problemOf(fileOf(R"({"b":{"dtype":"I8","shape":[1],)"
                             R"("data_offsets":[8,9]},"a":{"dtype":"F32",)"
                             R"("shape":[2],"data_offsets":[0,8]}})",
                             9)),
            "")
      << "data in another order than the header";
}

TEST(SafetensorsTest, RefusesEverythingElse) {
  auto entry = [](const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  auto one = [&](const std::string &dtype, const std::string &shape,
                 const std::string &offsets) {
    return R"({"a":)" + entry(dtype, shape, offsets) + "}";
  };
  struct {
    const char *what;
    std::string bytes;
  } cases[] = {
      {"empty", ""},
      {"seven bytes", std::string(7, '\0')},
      {"no header", fileOf("", 0)},
      {"header length beyond the file",
       std::string("\xff\0\0\0\0\0\0\0{}", 10)},
      {"header length of 2^64 - 1", std::string(8, '\xff') + "{}"},
      {"a list", fileOf("[]", 0)},
      {"truncated", fileOf(R"({"a":{)", 0)},
      {"bytes behind the object", fileOf("{}{}", 0)},
      {"a zero byte", fileOf(std::string("{}\0", 3), 0)},
      {"one name twice",
       fileOf(R"({"a":)" + entry("F32", "[2]", "[0,8]") + R"(,"a":)" +
                  entry("F32", "[2]", "[8,16]") + "}",
              16)},
      {"unknown dtype", fileOf(one("F31", "[2]", "[0,8]"), 8)},
      {"unknown key", fileOf(R"({"a":{"dtype":"F32","shape":[2],)"
                             R"("data_offsets":[0,8],"more":1}})",
                             8)},
      {"one key twice", fileOf(R"({"a":{"dtype":"F32","dtype":"F32",)"
                               R"("shape":[2],"data_offsets":[0,8]}})",
                               8)},
      {"no shape", fileOf(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8)},
      {"negative size", fileOf(one("F32", "[-2]", "[0,8]"), 8)},
      {"real size", fileOf(one("F32", "[2.0]", "[0,8]"), 8)},
      {"product that overflows",
       fileOf(one("F32", "[4294967296,4294967296]", "[0,0]"), 0)},
      {"bytes that overflow",
       fileOf(one("F64", "[2305843009213693952]", "[0,0]"), 0)},
      {"size beyond int64",
       fileOf(one("F32", "[18446744073709551615]", "[0,8]"), 8)},
      {"too few bytes", fileOf(one("F32", "[2]", "[0,4]"), 4)},
      {"offsets backwards", fileOf(one("F32", "[0]", "[8,0]"), 8)},
      {"one offset", fileOf(one("F32", "[2]", "[0]"), 8)},
      {"three offsets", fileOf(one("F32", "[2]", "[0,8,8]"), 8)},
      {"end beyond the file", fileOf(one("F32", "[2]", "[0,8]"), 7)},
      {"bytes that nobody owns", fileOf(one("F32", "[2]", "[0,8]"), 9)},
      {"hole at the start", fileOf(one("F32", "[2]", "[1,9]"), 9)},
      {"overlap", fileOf(R"({"a":)" + entry("F32", "[2]", "[0,8]") +
                             R"(,"b":)" + entry("F32", "[2]", "[4,12]") + "}",
                         12)},
      {"metadata that is no text", fileOf(R"({"__metadata__":{"a":1}})", 0)},
      {"an entry that is no object", fileOf(R"({"a":[]})", 0)},
      {"invalid UTF-8", fileOf("{\"\xff\":1}", 0)},
      {"deep nesting", fileOf("{\"a\":" + std::string(100000, '['), 0)},
  };
  for (const auto &item : cases)
    EXPECT_NE(problemOf(item.bytes), "") << item.what;
}

/// No prefix of a good file is a good file.
TEST(SafetensorsTest, RefusesEveryTruncation) {
  std::string good =
      fileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  ASSERT_EQ(problemOf(good), "");
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(problemOf(good.substr(0, length)), "") << length;
}

TEST(SafetensorsTest, EveryDTypeThereAndBackTwice) {
  std::string pattern =
      (fs::temp_directory_path() / "amp-safetensors-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  std::string path = pattern + "/a.safetensors";
  std::mt19937 random(3);
  std::vector<std::vector<char>> data;
  std::vector<SafetensorsTensor> tensors;
  for (size_t i = 0; i < numDTypes; ++i) {
    data.emplace_back(dtypeSize(DType(i)) * 15);
    for (char &byte : data.back())
      byte = char(random());
    tensors.push_back({dtypeName(DType(i)),
                       DType(i),
                       {3, 1, 5},
                       data.back().data(),
                       data.back().size()});
  }
  ASSERT_EQ(writeSafetensors(path, tensors), std::nullopt);
  std::string first, second, error;
  ASSERT_FALSE(readFile(path, first));
  auto file = SafetensorsFile::open(path, error);
  ASSERT_TRUE(file) << error;
  std::vector<SafetensorsTensor> again;
  for (const SafetensorsEntry &entry : file->entries()) {
    again.push_back(
        {entry.name, entry.dtype, entry.dims, entry.data, entry.bytes});
    EXPECT_EQ(entry.name, dtypeName(entry.dtype));
    const std::vector<char> &expected = data[size_t(entry.dtype)];
    ASSERT_EQ(entry.bytes, expected.size());
    EXPECT_EQ(std::memcmp(entry.data, expected.data(), entry.bytes), 0);
  }
  EXPECT_EQ(again.size(), numDTypes);
  // Over the file that is mapped: the mapping keeps the old one.
  ASSERT_EQ(writeSafetensors(path, again), std::nullopt);
  ASSERT_FALSE(readFile(path, second));
  EXPECT_EQ(first, second);
  fs::remove_all(pattern);
}

TEST(SafetensorsTest, MessagesNameTheEntry) {
  auto one = [](const std::string &fields) {
    return "{\"a\":{" + fields + "}}";
  };
  struct {
    std::string header;
    size_t dataBytes;
    const char *problem;
  } cases[] = {
      {" {}", 0, "its header is not a JSON object"},
      {"{}}", 0, "the header is not JSON at its byte 3"},
      {"{\"a\":1}", 0, "entry 'a' holds a value of a wrong kind"},
      {one(""), 0, "entry 'a' has no 'dtype'"},
      {one(R"("type":1)"), 0, "entry 'a' has an unknown key 'type'"},
      {one(R"("dtype":"F31")"), 0,
       "entry 'a' has the dtype 'F31', which is not supported"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4,
       "entry 'a' needs 8 bytes, but its 'data_offsets' are 0 and 4"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[1,5])"), 5,
       "entry 'a' starts at byte 1 of the data, not at 0"},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 5,
       "its entries hold 4 bytes, the file 5"},
      {R"({"__metadata__":{"a":"","a":""}})", 0,
       "key 'a' of '__metadata__' stands twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0,
       "'__metadata__' stands twice"},
  };
  for (const auto &item : cases)
    EXPECT_EQ(problemOf(fileOf(item.header, item.dataBytes)),
              std::string("refused: ") + item.problem)
        << item.header;
}

/// Files with damaged bytes are refused or read; what is read is in bounds.
TEST(SafetensorsTest, DamagedFilesDoNoHarm) {
  constexpr unsigned seed = 11;
  std::mt19937 random(seed);
  const std::string good =
      fileOf(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
             R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})",
             32);
  ASSERT_EQ(problemOf(good), "");
  size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (unsigned i = random() % 3 + 1; i > 0; --i) {
      size_t at = random() % bytes.size();
      switch (random() % 3) {
      case 0:
        bytes[at] = char(random());
        break;
      case 1:
        bytes.erase(at, 1);
        break;
      default:
        bytes.insert(at, 1, "0123456789[]{},:\""[random() % 17]);
      }
    }
    std::string error;
    auto file = SafetensorsFile::parse(bytes, error);
    if (!file)
      continue;
    ++accepted;
    for (const SafetensorsEntry &entry : file->entries()) {
      if (!entry.data)
        continue;
      const char *data = static_cast<const char *>(entry.data);
      ASSERT_GE(data, bytes.data()) << "seed " << seed << ", round " << round;
      ASSERT_LE(data + entry.bytes, bytes.data() + bytes.size())
          << "seed " << seed << ", round " << round;
    }
  }
  EXPECT_GT(accepted, 0u);
}

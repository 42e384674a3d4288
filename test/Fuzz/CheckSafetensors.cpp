//===- CheckSafetensors.cpp - What holds for safetensors
//--------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The rules of the format once more, from what the reader says about a file.
//===----------------------------------------------------------------------===//

#include "MemoryFile.h"
#include "Readers.h"

#include "amp/GraphFile/Safetensors.h"

#include <cstring>

using namespace amp;
using namespace amp::graphfile;
using namespace amp::test;

static std::string describe(const SafetensorsFile *file,
                            const std::string &error) {
  if (!file)
    return error;
  std::string text;
  for (const SafetensorsEntry &entry : file->entries()) {
    text += entry.name + " " + std::string(dtypeName(entry.dtype));
    for (int64_t size : entry.dims)
      text += " " + std::to_string(size);
    text += " at " + std::to_string(entry.offset) + "\n";
  }
  for (const auto &[key, value] : file->metadata())
    text += key + " = " + value + "\n";
  return text;
}

/// Nothing, or the rule that does not hold.
static std::optional<std::string> findProblem(const SafetensorsFile &file,
                                              const std::string &bytes) {
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  uint64_t sum = 0;
  unsigned char seen = 0;
  for (const SafetensorsEntry &entry : file.entries()) {
    if (file.find(entry.name) != &entry)
      return "'" + entry.name + "' is not found";
    uint64_t count = dtypeSize(entry.dtype);
    for (int64_t size : entry.dims)
      count *= uint64_t(size);
    if (count != entry.bytes)
      return "'" + entry.name + "' is not as long as its sizes say";
    if (entry.bytes == 0)
      continue;
    auto *data = static_cast<const unsigned char *>(entry.data);
    auto *start = reinterpret_cast<const unsigned char *>(bytes.data());
    if (data != start + 8 + header + entry.offset)
      return "'" + entry.name + "' is not where it says";
    // Reads each byte, for the address sanitizer.
    for (size_t i = 0; i < entry.bytes; ++i)
      seen ^= data[i];
    sum += entry.bytes;
  }
  [[maybe_unused]] static volatile unsigned char sink;
  sink = seen;
  if (8 + header + sum != bytes.size())
    return "the entries do not cover the file";
  return std::nullopt;
}

ReaderOutcome amp::test::checkSafetensors(std::string bytes) {
  std::string error;
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::parse(bytes, error);
  if (!file && error.empty())
    return {false, "refused without a message"};
  if (file)
    if (std::optional<std::string> problem = findProblem(*file, bytes))
      return {true, problem};
  MemoryFile onDisk(bytes);
  for (auto mode :
       {SafetensorsFile::Mode::Map, SafetensorsFile::Mode::HeaderOnly}) {
    std::string other;
    std::unique_ptr<SafetensorsFile> opened =
        SafetensorsFile::open(onDisk.path(), other, mode);
    // Messages of a file begin with its name.
    if (!opened != !file)
      return {file != nullptr,
              "a file is not what its bytes are: " + other + error};
    if (file && describe(opened.get(), other) != describe(file.get(), error))
      return {true, "a file has other entries than its bytes"};
  }
  return {file != nullptr, std::nullopt};
}

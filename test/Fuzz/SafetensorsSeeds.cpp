//===- SafetensorsSeeds.cpp - Right safetensors files
//-----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Put together byte by byte, so that the writer is not needed for them.
//===----------------------------------------------------------------------===//

#include "Readers.h"

using namespace amp::test;

static std::string file(const std::string &header, size_t dataBytes) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i)
    bytes[i] = char(uint64_t(header.size()) >> (8 * i));
  bytes += header;
  for (size_t i = 0; i < dataBytes; ++i)
    bytes += char(i * 5);
  return bytes;
}

std::vector<std::string> amp::test::safetensorsSeeds() {
  return {
      file("{}", 0),
      file(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      file(R"({"__metadata__":{"made":"by hand"},)"
           R"("a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
           R"("b":{"dtype":"BF16","shape":[1,1],"data_offsets":[4,6]},)"
           R"("c":{"dtype":"I64","shape":[],"data_offsets":[6,14]},)"
           R"("d":{"dtype":"BOOL","shape":[3,0],"data_offsets":[14,14]}}   )",
           14),
      // Entries in another order than their elements.
      file(R"({"last":{"dtype":"U8","shape":[4],"data_offsets":[8,12]},)"
           R"("first":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})",
           12),
      file(R"({"layer/1\u0041":{"dtype":"I32","shape":[1,2,1],)"
           R"("data_offsets":[0,8]},)"
           R"("x":{"dtype":"I8","shape":[1],"data_offsets":[8,9]}})",
           9)};
}

//===- GraphFileFuzzer.cpp - libFuzzer target for the reader --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Start it with a corpus of graph files: docs/examples and test/GraphFile.
//===----------------------------------------------------------------------===//

#include "CheckReader.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  amp::test::ReaderOutcome outcome = amp::test::checkReader(
      std::string(reinterpret_cast<const char *>(data), size));
  if (outcome.problem) {
    std::fprintf(stderr, "%s\n", outcome.problem->c_str());
    std::abort();
  }
  return 0;
}

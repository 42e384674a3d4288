//===- ReaderFuzzer.cpp - libFuzzer programs of the readers ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One program per reader, whose name is AMP_FUZZ_READER. Half of the inputs are
// changed as the format would have it, the others byte by byte. Start it with
// the corpus of `amp-mutate-test --write-seeds`.
//===----------------------------------------------------------------------===//

#include "Readers.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static const amp::test::Reader &reader() {
  static const amp::test::Reader *found =
      amp::test::findReader(AMP_FUZZ_READER);
  return *found;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  if (size == 0 || seed % 2)
    return LLVMFuzzerMutate(data, size, maxSize);
  amp::test::Random random(seed);
  std::string mutated = reader().mutate(
      std::string(reinterpret_cast<const char *>(data), size), random);
  if (mutated.empty() || mutated.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::memcpy(data, mutated.data(), mutated.size());
  return mutated.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  amp::test::ReaderOutcome outcome =
      reader().check(std::string(reinterpret_cast<const char *>(data), size));
  if (outcome.problem) {
    std::fprintf(stderr, "%s\n", outcome.problem->c_str());
    std::abort();
  }
  return 0;
}

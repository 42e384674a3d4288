//===- Readers.h - Readers under test ---------------------------------------*-
//C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One entry per format that a user's file can have: what must hold for every
// text, where mutations start, and how to make them. The mutation test and the
// libFuzzer programs share it.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_READERS_H
#define AMP_TEST_FUZZ_READERS_H

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace amp::test {

struct ReaderOutcome {
  bool accepted = false;
  /// The property that did not hold.
  std::optional<std::string> problem;
};

using Random = std::mt19937_64;

struct Reader {
  std::string_view name;
  /// Reads the bytes. What is refused has a message; what is accepted keeps
  /// the properties of its format.
  ReaderOutcome (*check)(std::string bytes);
  /// Right files, made from code; none where files of the repository serve.
  std::vector<std::string> (*seeds)();
  /// The bytes with one to three changes, most of which get past the first
  /// check. The same generator state gives the same changes.
  std::string (*mutate)(const std::string &bytes, Random &random);
};

/// The readers of this build, `graph` first.
const std::vector<Reader> &allReaders();
const Reader *findReader(std::string_view name);

// One check per format.

/// An accepted graph file has an order that computes every node after its
/// inputs, and written, read and written again it is the same, byte for byte.
ReaderOutcome checkGraphFile(std::string bytes);
/// Entries of a safetensors file lie in it side by side, and a file that is
/// mapped, or of which only the header is read, says the same as its bytes.
ReaderOutcome checkSafetensors(std::string bytes);
/// A policy is the same when it is read again.
ReaderOutcome checkPolicy(std::string bytes);
/// Models are the same when they are read again, and put all their ops on lists.
ReaderOutcome checkOpModels(std::string bytes);
/// An array that is written is the array that was read.
ReaderOutcome checkGraphDef(std::string bytes);
ReaderOutcome checkGraphDefBinary(std::string bytes);
ReaderOutcome checkGraphDefText(std::string bytes);
ReaderOutcome checkGraphDefJson(std::string bytes);
ReaderOutcome checkNpy(std::string bytes);
/// The elements of an IDX file are its last bytes, turned around.
ReaderOutcome checkIdx(std::string bytes);

std::vector<std::string> safetensorsSeeds();
std::vector<std::string> policySeeds();
std::vector<std::string> opModelsSeeds();
std::vector<std::string> graphDefSeeds();
std::vector<std::string> npySeeds();
std::vector<std::string> idxSeeds();

} // namespace amp::test

#endif // AMP_TEST_FUZZ_READERS_H

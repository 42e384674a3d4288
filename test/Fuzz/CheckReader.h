//===- CheckReader.h - What holds for every text ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The property that the fuzzer and the mutation test share.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_CHECKREADER_H
#define AMP_TEST_FUZZ_CHECKREADER_H

#include <optional>
#include <string>

namespace amp::test {

struct ReaderOutcome {
  bool accepted = false;
  /// The property that did not hold.
  std::optional<std::string> problem;
};

/// Reads a text as a graph file. A refused text has an error that can be
/// rendered; an accepted one has an order that computes every node after its
/// inputs, and written, read and written again it is the same, byte for byte.
ReaderOutcome checkReader(std::string text);

} // namespace amp::test

#endif // AMP_TEST_FUZZ_CHECKREADER_H

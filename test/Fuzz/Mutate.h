//===- Mutate.h - Graph files with something wrong --------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random changes of a graph file, most of which leave it valid JSON: they get
// past the parser to the rules behind it.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_MUTATE_H
#define AMP_TEST_FUZZ_MUTATE_H

#include <random>
#include <string>

namespace amp::test {

/// The text with one to three changes. The same generator state gives the same
/// changes.
std::string mutate(const std::string &text, std::mt19937_64 &random);

} // namespace amp::test

#endif // AMP_TEST_FUZZ_MUTATE_H

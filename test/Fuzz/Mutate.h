//===- Mutate.h - Files with something wrong --------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random changes of a file, most of which leave its form intact: they get past
// the first check to the rules behind it.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_MUTATE_H
#define AMP_TEST_FUZZ_MUTATE_H

#include <random>
#include <string>
#include <vector>

namespace amp::test {

// The bytes of a file with one to three changes. The same generator state gives
// the same changes.
std::string mutateGraphFile(const std::string &text, std::mt19937_64 &random);
std::string mutateSafetensors(const std::string &bytes,
                              std::mt19937_64 &random);
std::string mutatePolicy(const std::string &text, std::mt19937_64 &random);
std::string mutateGraphDef(const std::string &bytes, std::mt19937_64 &random);
std::string mutateNpy(const std::string &bytes, std::mt19937_64 &random);
std::string mutateIdx(const std::string &bytes, std::mt19937_64 &random);

/// One change of the bytes, whatever they mean: some go, change, or come twice,
/// or a fragment comes in.
void mutateBytes(std::string &text, const std::vector<std::string> &fragments,
                 std::mt19937_64 &random);

} // namespace amp::test

#endif // AMP_TEST_FUZZ_MUTATE_H

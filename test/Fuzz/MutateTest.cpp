//===- MutateTest.cpp - The reader against mutated graph files ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-mutate-test [--count=N] [--seed=N] [--only=K] FILE.json …
//
// Reads N mutations of the files, from a seed that it prints. A mutation is
// made from the seed and its own number, so `--only=K` repeats one of them and
// prints its text.
//===----------------------------------------------------------------------===//

#include "Mutate.h"
#include "CheckReader.h"

#include "amp/GraphFile/FileIO.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace amp::test;

namespace {

struct Options {
  uint64_t count = 10000, seed = 1;
  std::optional<uint64_t> only;
  std::vector<std::string> files;
};

std::optional<uint64_t> flag(const std::string &argument, const char *name) {
  std::string prefix = std::string(name) + "=";
  if (argument.compare(0, prefix.size(), prefix) != 0)
    return std::nullopt;
  return std::strtoull(argument.c_str() + prefix.size(), nullptr, 10);
}

Options parseOptions(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (auto count = flag(argv[i], "--count"))
      options.count = *count;
    else if (auto seed = flag(argv[i], "--seed"))
      options.seed = *seed;
    else if (auto only = flag(argv[i], "--only"))
      options.only = *only;
    else
      options.files.push_back(argv[i]);
  }
  return options;
}

} // namespace

int main(int argc, char **argv) {
  Options options = parseOptions(argc, argv);
  std::vector<std::string> texts;
  for (const std::string &file : options.files) {
    std::string text;
    if (auto problem = amp::graphfile::readFile(file, text)) {
      std::fprintf(stderr, "%s\n", problem->c_str());
      return 2;
    }
    ReaderOutcome outcome = checkReader(text);
    if (!outcome.accepted || outcome.problem) {
      std::fprintf(stderr, "%s itself: %s\n", file.c_str(),
                   outcome.problem ? outcome.problem->c_str() : "refused");
      return 1;
    }
    texts.push_back(std::move(text));
  }
  if (texts.empty()) {
    std::fprintf(stderr,
                 "usage: amp-mutate-test [--count=N] [--seed=N] [--only=K] "
                 "FILE.json ...\n");
    return 2;
  }
  uint64_t first = options.only.value_or(0);
  uint64_t last = options.only ? first + 1 : options.count;
  uint64_t accepted = 0;
  for (uint64_t i = first; i < last; ++i) {
    std::mt19937_64 random(options.seed * 0x9E3779B97F4A7C15u + i);
    const std::string &text = texts[random() % texts.size()];
    std::string mutated = mutate(text, random);
    if (options.only)
      std::fwrite(mutated.data(), 1, mutated.size(), stdout);
    ReaderOutcome outcome = checkReader(std::move(mutated));
    if (outcome.problem) {
      std::fprintf(stderr,
                   "mutation %llu of seed %llu: %s\n"
                   "repeat with --seed=%llu --only=%llu\n",
                   static_cast<unsigned long long>(i),
                   static_cast<unsigned long long>(options.seed),
                   outcome.problem->c_str(),
                   static_cast<unsigned long long>(options.seed),
                   static_cast<unsigned long long>(i));
      return 1;
    }
    accepted += outcome.accepted;
  }
  std::fprintf(stderr,
               "%llu mutations of %zu files, seed %llu: %llu accepted\n",
               static_cast<unsigned long long>(last - first), texts.size(),
               static_cast<unsigned long long>(options.seed),
               static_cast<unsigned long long>(accepted));
  // Nearly nothing accepted would mean that only the parser was tested.
  return options.only || accepted * 50 >= last - first ? 0 : 1;
}

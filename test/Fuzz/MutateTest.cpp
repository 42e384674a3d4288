//===- MutateTest.cpp - The reader against mutated graph files ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-mutate-test [--count=N] [--seconds=N] [--seed=N] [--only=K] PATH …
//
// Reads N mutations of the files, or as many as the seconds allow, from a seed
// that it prints. A folder stands for its .json files. A mutation is made from
// the seed and its own number, so `--only=K` repeats one of them and prints its
// text.
//===----------------------------------------------------------------------===//

#include "Mutate.h"
#include "CheckReader.h"

#include "amp/GraphFile/FileIO.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

using namespace amp::test;
namespace fs = std::filesystem;

namespace {

struct Options {
  uint64_t count = 10000, seed = 1;
  std::optional<uint64_t> only, seconds;
  std::vector<std::string> files;
};

std::optional<uint64_t> flag(const std::string &argument, const char *name) {
  std::string prefix = std::string(name) + "=";
  if (argument.compare(0, prefix.size(), prefix) != 0)
    return std::nullopt;
  return std::strtoull(argument.c_str() + prefix.size(), nullptr, 10);
}

/// The path, or the .json files of the folder, in an order of their own.
void addFiles(const std::string &path, std::vector<std::string> &files) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    files.push_back(path);
    return;
  }
  size_t first = files.size();
  for (const fs::directory_entry &entry : fs::directory_iterator(path, error))
    if (entry.path().extension() == ".json")
      files.push_back(entry.path().string());
  std::sort(files.begin() + first, files.end());
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
    else if (auto seconds = flag(argv[i], "--seconds"))
      options.seconds = *seconds;
    else
      addFiles(argv[i], options.files);
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
                 "usage: amp-mutate-test [--count=N] [--seconds=N] [--seed=N] "
                 "[--only=K] PATH ...\n");
    return 2;
  }
  uint64_t first = options.only.value_or(0);
  uint64_t last = options.only      ? first + 1
                  : options.seconds ? UINT64_MAX
                                    : options.count;
  auto end = std::chrono::steady_clock::now() +
             std::chrono::seconds(options.seconds.value_or(0));
  uint64_t accepted = 0, done = 0;
  for (uint64_t i = first; i < last; ++i, ++done) {
    if (options.seconds && i % 64 == 0 &&
        std::chrono::steady_clock::now() >= end)
      break;
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
               static_cast<unsigned long long>(done), texts.size(),
               static_cast<unsigned long long>(options.seed),
               static_cast<unsigned long long>(accepted));
  // Nearly nothing accepted would mean that only the parser was tested.
  return options.only || accepted * 50 >= done ? 0 : 1;
}

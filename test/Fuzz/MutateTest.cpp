//===- MutateTest.cpp - Readers against mutated files ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-mutate-test [--reader=NAME] [--count=N] [--seconds=N] [--seed=N]
//                 [--only=K] [--write-seeds=DIR] [PATH …]
//
// Reads N mutations of the reader's files (and those named; a folder stands for
// its .json files), or as many as the seconds allow, from a seed that it
// prints. A mutation is made from the seed and its own number, so `--only=K`
// repeats one of them and prints its bytes. `--write-seeds` writes the files
// themselves, as the corpus that a fuzzer starts from.
//===----------------------------------------------------------------------===//

#include "Readers.h"

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
  const Reader *reader = findReader("graph");
  std::string seedFolder;
  std::vector<std::string> files;
};

std::optional<std::string> text(const std::string &argument, const char *name) {
  std::string prefix = std::string(name) + "=";
  if (argument.compare(0, prefix.size(), prefix) != 0)
    return std::nullopt;
  return argument.substr(prefix.size());
}

std::optional<uint64_t> number(const std::string &argument, const char *name) {
  std::optional<std::string> digits = text(argument, name);
  if (!digits)
    return std::nullopt;
  return std::strtoull(digits->c_str(), nullptr, 10);
}

int usage() {
  std::fprintf(stderr,
               "usage: amp-mutate-test [--reader=NAME] [--count=N] "
               "[--seconds=N] [--seed=N] [--only=K] [--write-seeds=DIR] "
               "[PATH ...]\nreaders:");
  for (const Reader &reader : allReaders())
    std::fprintf(stderr, " %s", std::string(reader.name).c_str());
  std::fprintf(stderr, "\n");
  return 2;
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
    if (auto count = number(argv[i], "--count"))
      options.count = *count;
    else if (auto seed = number(argv[i], "--seed"))
      options.seed = *seed;
    else if (auto only = number(argv[i], "--only"))
      options.only = *only;
    else if (auto seconds = number(argv[i], "--seconds"))
      options.seconds = *seconds;
    else if (auto reader = text(argv[i], "--reader"))
      options.reader = findReader(*reader);
    else if (auto folder = text(argv[i], "--write-seeds"))
      options.seedFolder = *folder;
    else
      addFiles(argv[i], options.files);
  }
  return options;
}

int writeSeeds(const std::string &folder,
               const std::vector<std::string> &texts) {
  std::error_code error;
  fs::create_directories(folder, error);
  for (size_t i = 0; i < texts.size(); ++i)
    if (auto problem = amp::graphfile::writeFile(
            folder + "/seed-" + std::to_string(i), texts[i])) {
      std::fprintf(stderr, "%s\n", problem->c_str());
      return 2;
    }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Options options = parseOptions(argc, argv);
  if (!options.reader)
    return usage();
  const Reader &reader = *options.reader;
  std::vector<std::string> texts = reader.seeds();
  for (const std::string &file : options.files)
    if (auto problem = amp::graphfile::readFile(file, texts.emplace_back())) {
      std::fprintf(stderr, "%s\n", problem->c_str());
      return 2;
    }
  if (texts.empty())
    return usage();
  for (size_t i = 0; i < texts.size(); ++i) {
    ReaderOutcome outcome = reader.check(texts[i]);
    if (!outcome.accepted || outcome.problem) {
      std::fprintf(stderr, "file %zu itself: %s\n", i,
                   outcome.problem ? outcome.problem->c_str() : "refused");
      return 1;
    }
  }
  if (!options.seedFolder.empty())
    return writeSeeds(options.seedFolder, texts);
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
    std::string mutated = reader.mutate(text, random);
    if (options.only)
      std::fwrite(mutated.data(), 1, mutated.size(), stdout);
    ReaderOutcome outcome = reader.check(std::move(mutated));
    if (outcome.problem) {
      std::fprintf(stderr,
                   "mutation %llu of seed %llu: %s\n"
                   "repeat with --reader=%s --seed=%llu --only=%llu\n",
                   static_cast<unsigned long long>(i),
                   static_cast<unsigned long long>(options.seed),
                   outcome.problem->c_str(), std::string(reader.name).c_str(),
                   static_cast<unsigned long long>(options.seed),
                   static_cast<unsigned long long>(i));
      return 1;
    }
    accepted += outcome.accepted;
  }
  std::fprintf(
      stderr, "%s: %llu mutations of %zu files, seed %llu: %llu accepted\n",
      std::string(reader.name).c_str(), static_cast<unsigned long long>(done),
      texts.size(), static_cast<unsigned long long>(options.seed),
      static_cast<unsigned long long>(accepted));
  // Nearly nothing accepted would mean that only the parser was tested.
  return options.only || accepted * 50 >= done ? 0 : 1;
}

//===- planner.cpp - How long planning takes ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Plans a function of a graph file, some times over, and prints the shortest
// time of the processor and what that is per node, as one line of JSON.
//
//   bench-planner MODEL.json FUNCTION [BATCH (32)] [ROUNDS (5)] [DEVICE (cpu)]
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amprt/Planner.h"

#include <algorithm>
#include <ctime>
#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  using namespace amp::graphfile;
  if (argc < 3) {
    std::fputs("usage: bench-planner MODEL.json FUNCTION [BATCH] [ROUNDS] "
               "[DEVICE]\n",
               stderr);
    return 2;
  }
  std::string text;
  if (auto error = readFile(argv[1], text)) {
    std::fprintf(stderr, "%s\n", error->c_str());
    return 4;
  }
  SourceText source(argv[1], std::move(text));
  Diagnostics diagnostics;
  auto file = readGraphFile(source, diagnostics, folderOf(argv[1]));
  auto traits = amprt::DeviceTraits::find(argc > 5 ? argv[5] : "cpu");
  size_t index = 0;
  const size_t functions = file ? file->file.functions.size() : 0;
  while (index < functions && file->file.functions[index].name != argv[2])
    ++index;
  if (index == functions || !traits) {
    std::fprintf(stderr, "no such model, function or device\n");
    return 1;
  }
  const int64_t batch = argc > 3 ? std::atoll(argv[3]) : 32;
  const int rounds = argc > 4 ? std::max(1, std::atoi(argv[4])) : 5;
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const std::clock_t start = std::clock();
    auto program =
        amprt::planFunction(*file, index, {{"batch", batch}}, *traits);
    const double taken = double(std::clock() - start) / CLOCKS_PER_SEC;
    if (!program.ok()) {
      std::fprintf(stderr, "%s\n", program.status().message().c_str());
      return 1;
    }
    best = std::min(best, taken);
  }
  const size_t nodes = file->file.functions[index].nodes.size();
  std::printf("{\"nodes\": %zu, \"seconds\": %.6f, \"microseconds_per_node\": "
              "%.2f}\n",
              nodes, best, best * 1e6 / double(nodes));
  return 0;
}

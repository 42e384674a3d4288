//===- gpu_step.cpp - A training step on a GPU ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Milliseconds per step of a training function, host and device together: the
// steps are started one behind the other and their results looked at at the
// end. Prints one JSON object.
//
//   bench-gpu-step GRAPH.json BATCH [STEPS (100)] [tf32]
//===----------------------------------------------------------------------===//

#include "../Runtime/Support.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

using namespace amprt;
using namespace amprt::test;

static double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static int fail(const Status &status) {
  std::fprintf(stderr, "bench-gpu-step: %s\n", status.toString().c_str());
  return 5;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return std::fprintf(stderr, "usage: bench-gpu-step GRAPH.json BATCH "
                                "[STEPS] [tf32]\n"),
           2;
  std::ifstream in(argv[1]);
  std::stringstream text;
  text << in.rdbuf();
  auto file = readGraph(text.str());
  const int64_t batch = std::atoll(argv[2]);
  const int steps = argc > 3 ? std::max(1, std::atoi(argv[3])) : 100;
  if (!file || batch < 1)
    return 1;
  SessionOptions options;
  options.device = "cuda";
  options.tf32 = argc > 4 && !std::strcmp(argv[4], "tf32");
  auto session = Session::create(std::move(*file), options);
  if (!session.ok())
    return fail(session.status());
  const auto *function = (*session)->findFunction("train");
  if (!function)
    return fail(Status(Code::NotFound, "no function 'train'"));
  std::mt19937_64 random(1);
  std::vector<Tensor> tensors;
  std::vector<NamedTensor> inputs;
  for (const auto &input : function->inputs) {
    Dims dims;
    for (const amp::Dim &dim : input.type.shape)
      dims.push_back(dim.isFixed() ? dim.size() : batch);
    tensors.push_back(amp::isInteger(input.type.dtype)
                          ? Tensor::create(input.type.dtype, dims).operator*()
                          : randomTensor(input.type.dtype, dims, random, 0, 1));
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    inputs.push_back({function->inputs[i].name, &tensors[i]});

  auto run = [&](int count) -> Result<double> {
    const double start = seconds();
    for (int i = 0; i < count; ++i) {
      AMPRT_RETURN_IF_ERROR((*session)->submit("train", inputs));
      if ((i + 1) % int((*session)->callsAhead()) == 0 || i + 1 == count)
        AMPRT_RETURN_IF_ERROR((*session)->collect().status());
    }
    return (seconds() - start) * 1e3 / count;
  };
  // Compiles, chooses algorithms, captures.
  auto first = run(5);
  if (!first.ok())
    return fail(first.status());
  std::vector<double> rounds;
  for (int i = 0; i < 5; ++i) {
    auto time = run(std::max(1, steps / 5));
    if (!time.ok())
      return fail(time.status());
    rounds.push_back(*time);
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("{\"batch\": %lld, \"tf32\": %s, \"ms\": %.4f, \"least\": %.4f, "
              "\"most\": %.4f}\n",
              static_cast<long long>(batch), options.tf32 ? "true" : "false",
              rounds[rounds.size() / 2], rounds.front(), rounds.back());
}

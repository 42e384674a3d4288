//===- inference.cpp - Inference on few examples --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The guide's network (784-4096-4096-10): one call of "predict" in float32,
// float16 and bfloat16, taking turns in one run. Prints the median time of each
// and its ratio to float32.
//
//   bench-inference [BATCH (1)] [ROUNDS (200)] [THREADS (all)]
//===----------------------------------------------------------------------===//

#include "../Runtime/Support.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace amprt;
using namespace amprt::test;

static double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

int main(int argc, char **argv) {
  int64_t batch = argc > 1 ? std::atoll(argv[1]) : 1;
  int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 200;
  int threads = argc > 3 ? std::atoi(argv[3]) : omp_get_num_procs();
  struct Contestant {
    DType type;
    std::unique_ptr<Session> session;
    std::vector<double> times;
  };
  std::vector<Contestant> contestants;
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
    MlpOptions options;
    options.sizes = {784, 4096, 4096, 10};
    options.type = type;
    SessionOptions session;
    session.threads = threads;
    contestants.push_back({type, openSession(mlpGraph(options), session), {}});
    if (!contestants.back().session)
      return 1;
  }
  std::mt19937_64 random(1);
  Tensor images = randomTensor(DType::Float32, {batch, 784}, random, 0, 1);
  constexpr int warmUp = 3;
  for (int round = 0; round < rounds + warmUp; ++round)
    for (Contestant &contestant : contestants) {
      double start = seconds();
      auto result = contestant.session->run("predict", {{"images", &images}});
      double time = seconds() - start;
      if (!result.ok()) {
        std::fprintf(stderr, "%s\n", result.status().toString().c_str());
        return 1;
      }
      if (round >= warmUp)
        contestant.times.push_back(time);
    }
  std::printf("batch %lld, %d threads, median of %d\n",
              static_cast<long long>(batch), threads, rounds);
  double reference = 0;
  for (Contestant &contestant : contestants) {
    std::vector<double> &times = contestant.times;
    std::sort(times.begin(), times.end());
    double median = times[times.size() / 2];
    if (contestant.type == DType::Float32)
      reference = median;
    std::printf("%-8s %.3f ms (least %.3f), %.2f of float32\n",
                std::string(amp::dtypeName(contestant.type)).c_str(),
                1e3 * median, 1e3 * times.front(), median / reference);
  }
  return 0;
}

//===- train_step.cpp - A training step beside oneDNN alone ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The guide's network (784-4096-4096-10, RMSprop): the rate of a whole training
// step, divided by the rate of the same matrix products done by oneDNN alone in
// float32, both measured in this run, taking turns. Prints one line per type.
//
//   bench-train-step [BATCH (8192)] [ROUNDS (3)] [THREADS (all)]
//===----------------------------------------------------------------------===//

#include "../Runtime/Support.h"

#include <dnnl.hpp>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace amprt;
using namespace amprt::test;

namespace {

const std::vector<int64_t> kSizes = {784, 4096, 4096, 10};

double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// One product of oneDNN on memory of its own.
struct Product {
  Product(int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB)
      : engine(dnnl::engine::kind::cpu, 0), stream(engine) {
    using dnnl::memory;
    auto matrix = [](int64_t rows, int64_t columns, bool transposed) {
      return memory::desc({rows, columns}, memory::data_type::f32,
                          transposed ? memory::dims{1, rows}
                                     : memory::dims{columns, 1});
    };
    memory::desc a = matrix(m, k, transposeA), b = matrix(k, n, transposeB),
                 c = matrix(m, n, false);
    product = dnnl::matmul({{a, b, c}, engine});
    arguments = {{DNNL_ARG_SRC, memory(a, engine)},
                 {DNNL_ARG_WEIGHTS, memory(b, engine)},
                 {DNNL_ARG_DST, memory(c, engine)}};
    for (auto &[key, value] : arguments) {
      auto *data = static_cast<float *>(value.get_data_handle());
      for (size_t i = 0; i < value.get_desc().get_size() / sizeof(float); ++i)
        data[i] = 0.01f * float(i % 101);
    }
    flop = 2.0 * double(m) * double(n) * double(k);
  }
  void run() {
    product.execute(stream, arguments);
    stream.wait();
  }

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::matmul product;
  std::unordered_map<int, dnnl::memory> arguments;
  double flop;
};

double median(std::vector<double> list) {
  std::sort(list.begin(), list.end());
  return list[list.size() / 2];
}

struct Contestant {
  std::string name;
  std::unique_ptr<Session> session;
  std::vector<double> times;
};

} // namespace

int main(int argc, char **argv) {
  int64_t batch = argc > 1 ? std::atoll(argv[1]) : 8192;
  int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 3;
  int threads = argc > 3 ? std::atoi(argv[3]) : omp_get_num_procs();
  omp_set_num_threads(threads);

  std::vector<Product> products;
  for (size_t i = 0; i + 1 < kSizes.size(); ++i) {
    int64_t in = kSizes[i], out = kSizes[i + 1];
    products.emplace_back(batch, out, in, false, false);
    products.emplace_back(in, out, batch, true, false);
    if (i)
      products.emplace_back(batch, in, out, false, true);
  }
  double flop = 0;
  for (const Product &product : products)
    flop += product.flop;

  std::vector<Contestant> contestants;
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
    MlpOptions options;
    options.sizes = kSizes;
    options.type = type;
    if (type == DType::Float16)
      options.lossScale = 32768;
    SessionOptions session;
    session.threads = threads;
    contestants.push_back({std::string(amp::dtypeName(type)),
                           openSession(mlpGraph(options), session),
                           {}});
    if (!contestants.back().session)
      return 1;
  }
  std::mt19937_64 random(1);
  Tensor images = randomTensor(DType::Float32, {batch, 784}, random, 0, 1);
  std::vector<double> classes;
  for (int64_t i = 0; i < batch; ++i)
    classes.push_back(double(random() % 10));
  Tensor labels = tensorOf(DType::Int32, {batch}, classes);

  std::vector<double> alone;
  for (int round = 0; round <= rounds; ++round) { // the first warms up
    double start = seconds();
    for (Product &product : products)
      product.run();
    double time = seconds() - start;
    if (round)
      alone.push_back(time);
    for (Contestant &contestant : contestants) {
      start = seconds();
      auto result = contestant.session->run(
          "train", {{"images", &images}, {"labels", &labels}});
      time = seconds() - start;
      if (!result.ok()) {
        std::fprintf(stderr, "%s\n", result.status().toString().c_str());
        return 1;
      }
      if (round)
        contestant.times.push_back(time);
    }
  }
  double reference = median(alone);
  std::printf("batch %lld, %d threads, median of %d\n",
              static_cast<long long>(batch), threads, rounds);
  std::printf("oneDNN alone, float32: %.3f s, %.0f GFLOP/s\n", reference,
              flop / reference / 1e9);
  for (const Contestant &contestant : contestants) {
    double time = median(contestant.times);
    std::printf("train step, %s: %.3f s, %.0f GFLOP/s, %.2f of oneDNN alone\n",
                contestant.name.c_str(), time, flop / time / 1e9,
                reference / time);
  }
  return 0;
}

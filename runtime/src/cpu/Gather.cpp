//===- Gather.cpp - Look-ups and their gradient ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Slices of a tensor by index. Gradients of equal indices are added in the
// order of the indices, whatever the number of threads, in float64.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 512;

/// The indices as int64, or what is wrong with the first bad one.
Result<std::vector<int64_t>> readIndices(const StepCall &call) {
  int64_t count = call.operandSize(1), size = call.step.params.size;
  std::vector<int64_t> indices(static_cast<size_t>(count));
  loadRun(indices.data(), call.operand(1), call.operandBuffer(1).dtype, 1,
          count);
  for (size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < 0 || indices[i] >= size)
      return Status(Code::InvalidArgument,
                    "node '" + call.step.name + "': element " +
                        std::to_string(i) + " of the indices is " +
                        std::to_string(indices[i]) +
                        (size ? ", expected 0 to " + std::to_string(size - 1)
                              : ", but the axis has no elements"));
  return indices;
}

template <typename T>
void gatherGrad(const StepCall &call, const std::vector<int64_t> &indices) {
  const StepParams &p = call.step.params;
  auto count = int64_t(indices.size());
  // The places of each index, in order: a counting sort.
  std::vector<int64_t> starts(size_t(p.size) + 1, 0), places(indices.size());
  for (int64_t index : indices)
    ++starts[size_t(index) + 1];
  for (size_t i = 1; i < starts.size(); ++i)
    starts[i] += starts[i - 1];
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  for (int64_t i = 0; i < count; ++i)
    places[size_t(next[size_t(indices[size_t(i)])]++)] = i;

  DType in = call.operandBuffer(0).dtype, out = call.resultBuffer(0).dtype;
  auto size = int64_t(amp::dtypeSize(in));
  const auto *gradient = call.operand<std::byte>(0);
  auto *result = call.result<std::byte>(0);
  int64_t rows = p.outer * p.size;
  [[maybe_unused]] bool parallel =
      p.outer * std::max(p.size, count) * p.inner >= kParallelElements;
#pragma omp parallel for schedule(dynamic, 16) if (parallel)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t outer = row / p.size, index = row % p.size;
    for (int64_t first = 0; first < p.inner; first += kBlock) {
      int64_t run = std::min(kBlock, p.inner - first);
      double total[kBlock];
      T values[kBlock];
      std::fill_n(total, run, 0.0);
      for (int64_t i = starts[size_t(index)]; i < starts[size_t(index) + 1];
           ++i) {
        int64_t at = (outer * count + places[size_t(i)]) * p.inner + first;
        loadRun(values, gradient + at * size, in, 1, run);
        for (int64_t j = 0; j < run; ++j)
          total[j] += values[j];
      }
      for (int64_t j = 0; j < run; ++j)
        values[j] = T(total[j]);
      storeRun(result + (row * p.inner + first) * size, out, values, run);
    }
  }
}

} // namespace

Status amprt::cpu::runGather(const StepCall &call) {
  AMPRT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, readIndices(call));
  const StepParams &p = call.step.params;
  auto count = int64_t(indices.size());
  int64_t bytes = p.inner * int64_t(amp::dtypeSize(call.resultBuffer(0).dtype));
  const auto *from = call.operand<std::byte>(0);
  auto *to = call.result<std::byte>(0);
  int64_t rows = bytes ? p.outer * count : 0;
#pragma omp parallel for schedule(static) if (rows * p.inner >=                \
                                              kParallelElements)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t source =
        row / count * p.size + indices[static_cast<size_t>(row % count)];
    std::memcpy(to + row * bytes, from + source * bytes, size_t(bytes));
  }
  return okStatus();
}

Status amprt::cpu::runGatherGrad(const StepCall &call) {
  AMPRT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, readIndices(call));
  if (call.resultBuffer(0).dtype == DType::Float64)
    gatherGrad<double>(call, indices);
  else
    gatherGrad<float>(call, indices);
  return okStatus();
}

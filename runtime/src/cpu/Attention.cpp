//===- Attention.cpp - Attention and its gradient -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A few rows of scores at a time, which stay in the second-level cache: their
// product, what happens to them, the softmax, and the product with v. The
// gradient makes the same rows again. 16-bit operands are converted as they are
// read; everything between is float32. Work is cut by sizes alone, so the bits
// do not depend on the number of threads.
//===----------------------------------------------------------------------===//

#include "AttentionScore.h"
#include "Convert.h"
#include "ScalarLoops.h"
#include "VectorMath.h"

#ifdef AMPRT_HAS_ONEDNN
#include <dnnl.h>
#endif

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// Rows of scores at a time.
constexpr int64_t kRows = 64;

/// x = e^(x − largest), and their sum.
AMPRT_ALWAYS_INLINE void exponentials(float *x, int64_t count, float largest,
                                      double *sum) {
  double total = 0;
  constexpr int64_t part = 512;
  for (int64_t from = 0; from < count; from += part) {
    int64_t end = count < from + part ? count : from + part;
    float lanes[kLanes] = {};
    int64_t i = from;
    for (; i + kLanes <= end; i += kLanes)
      for (int64_t l = 0; l < kLanes; ++l) {
        float e = vectorExp(x[i + l] - largest);
        x[i + l] = e;
        lanes[l] += e;
      }
    for (; i < end; ++i) {
      x[i] = vectorExp(x[i] - largest);
      lanes[0] += x[i];
    }
    for (int64_t l = 0; l < kLanes; ++l)
      total += double(lanes[l]);
  }
  *sum = total;
}

AMPRT_ALWAYS_INLINE void multiply(float *x, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= factor;
}

/// With probabilities p and their gradients: the gradients of the scores,
/// p · (g − Σ p·g), in the place of g.
AMPRT_ALWAYS_INLINE void softmaxSlope(const float *p, float *g, int64_t count) {
  double total = 0;
  constexpr int64_t part = 512;
  for (int64_t from = 0; from < count; from += part) {
    int64_t end = count < from + part ? count : from + part;
    float lanes[kLanes] = {};
    int64_t i = from;
    for (; i + kLanes <= end; i += kLanes)
      for (int64_t l = 0; l < kLanes; ++l)
        lanes[l] += p[i + l] * g[i + l];
    for (; i < end; ++i)
      lanes[0] += p[i] * g[i];
    for (int64_t l = 0; l < kLanes; ++l)
      total += double(lanes[l]);
  }
  auto mean = float(total);
  for (int64_t i = 0; i < count; ++i)
    g[i] = p[i] * (g[i] - mean);
}

/// c = alpha · op(a) · op(b) + beta · c, on one thread.
void product(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k,
             float alpha, const float *a, int64_t lda, const float *b,
             int64_t ldb, float beta, float *c, int64_t ldc) {
  if (m == 0 || n == 0)
    return;
#ifdef AMPRT_HAS_ONEDNN
  if (k != 0 &&
      dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k, alpha,
                 a, lda, b, ldb, beta, c, ldc) == dnnl_success)
    return;
#endif
  for (int64_t i = 0; i < m; ++i) {
    float *row = c + i * ldc;
    for (int64_t j = 0; j < n; ++j)
      row[j] = beta == 0 ? 0 : beta * row[j];
    for (int64_t l = 0; l < k; ++l) {
      float x = alpha * (transposeA ? a[l * lda + i] : a[i * lda + l]);
      for (int64_t j = 0; j < n; ++j)
        row[j] += x * (transposeB ? b[j * ldb + l] : b[l * ldb + j]);
    }
  }
}

/// Floats of one matrix, with rows `pitch` apart.
struct Floats {
  const float *data;
  int64_t pitch;
};

/// One matrix of an operand or result.
struct Matrix {
  std::byte *data;
  DType dtype;
  int64_t rowStride, columnStride, columns;

  std::byte *at(int64_t row, int64_t column) const {
    return data + (row * rowStride + column * columnStride) *
                      int64_t(amp::dtypeSize(dtype));
  }
  /// Rows [first, first + count) as they are, or in `memory`.
  Floats load(int64_t first, int64_t count, float *memory) const {
    if (dtype == DType::Float32 && (columnStride == 1 || columns == 1))
      return {reinterpret_cast<const float *>(at(first, 0)),
              std::max(rowStride, columns)};
    if (columnStride != 1 && rowStride == 1) {
      std::vector<float> column(static_cast<size_t>(count));
      for (int64_t j = 0; j < columns; ++j) {
        loadRun(column.data(), at(first, j), dtype, 1, count);
        for (int64_t i = 0; i < count; ++i)
          memory[i * columns + j] = column[size_t(i)];
      }
    } else {
      for (int64_t i = 0; i < count; ++i)
        loadRun(memory + i * columns, at(first + i, 0), dtype, columnStride,
                columns);
    }
    return {memory, columns};
  }
  void store(int64_t first, int64_t count, const float *from) const {
    if (columnStride == 1 || columns == 1) {
      for (int64_t i = 0; i < count; ++i)
        fromFloats(at(first + i, 0), dtype, from + i * columns, columns);
      return;
    }
    std::vector<float> column(static_cast<size_t>(count));
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i = 0; i < count; ++i)
        column[size_t(i)] = from[i * columns + j];
      if (rowStride == 1)
        fromFloats(at(first, j), dtype, column.data(), count);
      else
        for (int64_t i = 0; i < count; ++i)
          fromFloats(at(first + i, j), dtype, &column[size_t(i)], 1);
    }
  }
};

class AttentionStep : public Product {
public:
  explicit AttentionStep(const Step &step)
      : step(step), p(step.params),
        isGradient(step.kernel == Kernel::AttentionGrad),
        score(step, step.expression, p.causal),
        wholeScore(step, step.expression, false) {
    if (isGradient) {
      back.emplace(step, step.backward, p.causal);
      wholeBack.emplace(step, step.backward, false);
    }
    // Rows of one task; of a gradient all, unless there are few matrices.
    constexpr int64_t wanted = 16;
    int64_t blocks = (p.m + kRows - 1) / kRows;
    int64_t tasksPerMatrix =
        isGradient
            ? std::max<int64_t>(1, wanted / std::max<int64_t>(1, p.batch))
            : std::max<int64_t>(
                  1, std::max(blocks / 8,
                              4 * wanted / std::max<int64_t>(1, p.batch)));
    int64_t perTask =
        std::max<int64_t>(1, (blocks + tasksPerMatrix - 1) / tasksPerMatrix);
    chunk = perTask * kRows;
    chunks = (p.m + chunk - 1) / chunk;
  }
  size_t scratchBytes() const override { return 0; }
  Status run(const StepCall &call, void *) override;

private:
  struct Memory {
    float *q, *k, *v, *g, *scores, *slopes, *result, *ofK, *ofV;
    std::byte *registers;
  };
  size_t floatsPerThread() const;
  size_t registerBytes() const;
  Memory memoryOf(int thread) const;
  Matrix matrix(const StepCall &call, bool isResult, size_t number,
                const std::vector<int64_t> &batch, int64_t columns) const;
  std::vector<int64_t> indices(int64_t batch) const;
  bool makeRows(const StepCall &call, const std::vector<int64_t> &batch,
                int64_t first, int64_t count, int64_t columns, bool causal,
                const Memory &own, float *largest, double *sums) const;
  bool forward(const StepCall &call, int64_t batch, int64_t first,
               int64_t count, bool causal, const Memory &own) const;
  bool backward(const StepCall &call, int64_t batch, int64_t first,
                int64_t count, bool causal, const Memory &own) const;
  void storeSums(const StepCall &call, int64_t batch, const float *memory,
                 int64_t parts) const;

  const Step &step;
  const StepParams &p;
  bool isGradient;
  ScoreFunction score, wholeScore;
  std::optional<ScoreFunction> back, wholeBack;
  int64_t chunk = 0, chunks = 0; ///< rows of a task, tasks per matrix
  AlignedBytes scratch, partial;
  int threads = 0;
};

int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

} // namespace

size_t AttentionStep::registerBytes() const {
  size_t bytes = std::max(score.registerBytes(), wholeScore.registerBytes());
  if (isGradient)
    bytes = std::max(bytes, wholeBack->registerBytes());
  return (bytes + 63) / 64 * 64;
}

size_t AttentionStep::floatsPerThread() const {
  int64_t count = rounded(kRows * p.k) + rounded(p.n * p.k) +
                  rounded(p.n * p.size) + rounded(kRows * p.n) +
                  rounded(kRows * std::max(p.k, p.size));
  if (isGradient)
    count += rounded(kRows * p.size) + rounded(kRows * p.n) +
             rounded(p.n * p.k) + rounded(p.n * p.size);
  return size_t(count) + registerBytes() / sizeof(float);
}

AttentionStep::Memory AttentionStep::memoryOf(int thread) const {
  auto *at = reinterpret_cast<float *>(scratch.get()) +
             size_t(thread) * floatsPerThread();
  auto take = [&](int64_t floats) {
    float *taken = at;
    at += rounded(floats);
    return taken;
  };
  Memory own = {};
  own.q = take(kRows * p.k);
  own.k = take(p.n * p.k);
  own.v = take(p.n * p.size);
  own.scores = take(kRows * p.n);
  own.result = take(kRows * std::max(p.k, p.size));
  if (isGradient) {
    own.g = take(kRows * p.size);
    own.slopes = take(kRows * p.n);
    own.ofK = take(p.n * p.k);
    own.ofV = take(p.n * p.size);
  }
  own.registers = reinterpret_cast<std::byte *>(at);
  return own;
}

std::vector<int64_t> AttentionStep::indices(int64_t batch) const {
  std::vector<int64_t> result(p.loops.size());
  for (size_t i = p.loops.size(); i-- > 0;) {
    result[i] = batch % p.loops[i];
    batch /= p.loops[i];
  }
  return result;
}

Matrix AttentionStep::matrix(const StepCall &call, bool isResult, size_t number,
                             const std::vector<int64_t> &batch,
                             int64_t columns) const {
  const Buffer &buffer =
      isResult ? call.resultBuffer(number) : call.operandBuffer(number);
  const Dims &strides =
      p.strides[number + (isResult ? step.operands.size() : 0)];
  int64_t offset = 0;
  for (size_t i = 0; i < batch.size(); ++i)
    offset += batch[i] * strides[i];
  uint32_t index = isResult ? step.results[number] : step.operands[number];
  auto *data = static_cast<std::byte *>(call.address(index));
  return {data + offset * int64_t(amp::dtypeSize(buffer.dtype)), buffer.dtype,
          strides[batch.size()], strides[batch.size() + 1], columns};
}

/// The exponentials of some rows of scores, in own.scores; columns that are
/// left out in front of `columns` are 0. False: a row's mask would count.
bool AttentionStep::makeRows(const StepCall &call,
                             const std::vector<int64_t> &batch, int64_t first,
                             int64_t count, int64_t columns, bool causal,
                             const Memory &own, float *largest,
                             double *sums) const {
  const ScoreFunction &f = causal ? score : wholeScore;
  for (int64_t i = 0; i < count; ++i) {
    float *row = own.scores + i * columns;
    int64_t used = causal ? std::min(columns, first + i + 1) : columns;
    if (!f.isFactor())
      f.apply(call, {batch.data(), first + i, used}, row, own.registers);
    vectorised<largestOf>()(row, used, &largest[i]);
    // The exponential is 0 below this. Nothing to leave out: all is well.
    constexpr double lowest = -104;
    if (used < p.n && causal && p.fill - double(largest[i]) > lowest)
      return false;
    vectorised<exponentials>()(row, used, largest[i], &sums[i]);
    std::fill(row + used, row + columns, 0.0f);
  }
  return true;
}

bool AttentionStep::forward(const StepCall &call, int64_t batch, int64_t first,
                            int64_t count, bool causal,
                            const Memory &own) const {
  std::vector<int64_t> index = indices(batch);
  Matrix q = matrix(call, false, 0, index, p.k);
  Matrix out = matrix(call, true, 0, index, p.size);
  auto *logSums = call.result<float>(1) + batch * p.m;
  int64_t all = causal ? std::min(p.n, first + count) : p.n;
  Floats k = matrix(call, false, 1, index, p.k).load(0, all, own.k);
  Floats v = matrix(call, false, 2, index, p.size).load(0, all, own.v);
  const ScoreFunction &f = causal ? score : wholeScore;
  for (int64_t from = first; from < first + count; from += kRows) {
    int64_t rows = std::min(kRows, first + count - from);
    int64_t columns = causal ? std::min(p.n, from + rows) : p.n;
    Floats queries = q.load(from, rows, own.q);
    product(false, true, rows, columns, p.k, f.factor(), queries.data,
            queries.pitch, k.data, k.pitch, 0, own.scores, columns);
    float largest[kRows];
    double sums[kRows];
    if (!makeRows(call, index, from, rows, columns, causal, own, largest, sums))
      return false;
    product(false, false, rows, p.size, columns, 1, own.scores, columns, v.data,
            v.pitch, 0, own.result, p.size);
    for (int64_t i = 0; i < rows; ++i) {
      vectorised<multiply>()(own.result + i * p.size, p.size,
                             float(1 / sums[i]));
      logSums[from + i] = float(double(largest[i]) + std::log(sums[i]));
    }
    out.store(from, rows, own.result);
  }
  return true;
}

/// Adds to own.ofK and own.ofV, which are 0 before the first rows.
bool AttentionStep::backward(const StepCall &call, int64_t batch, int64_t first,
                             int64_t count, bool causal,
                             const Memory &own) const {
  std::vector<int64_t> index = indices(batch);
  Matrix g = matrix(call, false, 0, index, p.size);
  Matrix q = matrix(call, false, 1, index, p.k);
  Matrix ofQ = matrix(call, true, 0, index, p.k);
  int64_t all = causal ? std::min(p.n, first + count) : p.n;
  Floats k = matrix(call, false, 2, index, p.k).load(0, all, own.k);
  Floats v = matrix(call, false, 3, index, p.size).load(0, all, own.v);
  const ScoreFunction &f = causal ? score : wholeScore;
  const ScoreFunction &b = causal ? *back : *wholeBack;
  std::fill_n(own.ofK, p.n * p.k, 0.0f);
  std::fill_n(own.ofV, p.n * p.size, 0.0f);
  for (int64_t from = first; from < first + count; from += kRows) {
    int64_t rows = std::min(kRows, first + count - from);
    int64_t columns = causal ? std::min(p.n, from + rows) : p.n;
    Floats queries = q.load(from, rows, own.q);
    Floats gradient = g.load(from, rows, own.g);
    product(false, true, rows, columns, p.k, f.factor(), queries.data,
            queries.pitch, k.data, k.pitch, 0, own.scores, columns);
    float largest[kRows];
    double sums[kRows];
    if (!makeRows(call, index, from, rows, columns, causal, own, largest, sums))
      return false;
    product(false, true, rows, columns, p.size, 1, gradient.data,
            gradient.pitch, v.data, v.pitch, 0, own.slopes, columns);
    for (int64_t i = 0; i < rows; ++i) {
      float *probabilities = own.scores + i * columns;
      float *slopes = own.slopes + i * columns;
      int64_t used = causal ? std::min(columns, from + i + 1) : columns;
      vectorised<multiply>()(probabilities, used, float(1 / sums[i]));
      vectorised<softmaxSlope>()(probabilities, slopes, used);
      if (!b.isFactor())
        b.apply(call, {index.data(), from + i, used}, slopes, own.registers);
      std::fill(slopes + used, slopes + columns, 0.0f);
    }
    product(true, false, columns, p.size, rows, 1, own.scores, columns,
            gradient.data, gradient.pitch, 1, own.ofV, p.size);
    product(true, false, columns, p.k, rows, b.factor(), own.slopes, columns,
            queries.data, queries.pitch, 1, own.ofK, p.k);
    product(false, false, rows, p.k, columns, b.factor(), own.slopes, columns,
            k.data, k.pitch, 0, own.result, p.k);
    ofQ.store(from, rows, own.result);
  }
  return true;
}

/// Adds up what the parts of a matrix's rows gave, in order.
void AttentionStep::storeSums(const StepCall &call, int64_t batch,
                              const float *memory, int64_t parts) const {
  std::vector<int64_t> index = indices(batch);
  int64_t ofK = p.n * p.k, ofV = p.n * p.size;
  std::vector<float> sums(memory, memory + ofK + ofV);
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t i = 0; i < ofK + ofV; ++i)
      sums[size_t(i)] += memory[part * (ofK + ofV) + i];
  matrix(call, true, 1, index, p.k).store(0, p.n, sums.data());
  matrix(call, true, 2, index, p.size).store(0, p.n, sums.data() + ofK);
}

Status AttentionStep::run(const StepCall &call, void *) {
  constexpr double smallWork = 3e5;
  double work = double(p.batch) * double(p.m) * double(p.n) *
                double(p.k + p.size) * (isGradient ? 3 : 1);
  int64_t tasks = p.batch * chunks, sumsPerTask = p.n * (p.k + p.size);
  int wanted = work < smallWork ? 1 : omp_get_max_threads();
  wanted = int(std::min<int64_t>(wanted, tasks));
  if (wanted > threads) {
    threads = wanted;
    scratch =
        allocateAligned(size_t(threads) * floatsPerThread() * sizeof(float));
    if (isGradient && chunks > 1)
      partial = allocateAligned(size_t(tasks * sumsPerTask) * sizeof(float));
    if (!scratch || (isGradient && chunks > 1 && !partial)) {
      threads = 0;
      return Status(Code::ResourceExhausted,
                    "no memory for the scores of step '" + step.name + "'");
    }
  }
#pragma omp parallel num_threads(wanted)
  {
    omp_set_num_threads(1); // oneDNN asks, in this thread
    Memory own = memoryOf(omp_get_thread_num());
    auto *parts = reinterpret_cast<float *>(partial.get());
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tasks; ++task) {
      int64_t batch = task / chunks, first = task % chunks * chunk;
      int64_t count = std::min(chunk, p.m - first);
      if (!isGradient) {
        if (!forward(call, batch, first, count, p.causal, own))
          forward(call, batch, first, count, false, own);
        continue;
      }
      if (parts) {
        own.ofK = parts + task * sumsPerTask;
        own.ofV = own.ofK + p.n * p.k;
      }
      if (!backward(call, batch, first, count, p.causal, own))
        backward(call, batch, first, count, false, own);
      if (parts)
        continue;
      std::vector<int64_t> index = indices(batch);
      matrix(call, true, 1, index, p.k).store(0, p.n, own.ofK);
      matrix(call, true, 2, index, p.size).store(0, p.n, own.ofV);
    }
    if (isGradient && parts) {
#pragma omp for schedule(static)
      for (int64_t batch = 0; batch < p.batch; ++batch)
        storeSums(call, batch, parts + batch * chunks * sumsPerTask, chunks);
    }
  }
  return okStatus();
}

Result<std::unique_ptr<Product>> amprt::cpu::makeAttention(const Step &step) {
  return std::unique_ptr<Product>(std::make_unique<AttentionStep>(step));
}

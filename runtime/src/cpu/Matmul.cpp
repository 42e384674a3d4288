//===- Matmul.cpp - Matrix products ---------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Products through oneDNN in float32, and in bfloat16 where the CPU multiplies
// it; 16-bit operands are otherwise converted to float32 scratch memory by our
// own code, block by block. Sums are float32 (float64 for float64) and are
// rounded once, when they are stored. oneDNN cuts long sums over a transposed
// operand by the number of threads; here they are cut before it sees them, so
// that the bits do not depend on it. Some large products it does faster in
// tiles, one thread each (cutsTiles).
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "Kernels.h"
#include "PlainProduct.h"
#include "ScalarLoops.h"
#include "VectorProduct.h"

#ifdef AMPRT_HAS_ONEDNN
#include <dnnl.hpp>
#include <dnnl_debug.h>
#endif

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

#ifdef AMPRT_HAS_ONEDNN
static bool isaIncludes(dnnl::cpu_isa needed) {
  unsigned isa = unsigned(dnnl::get_effective_cpu_isa());
  return (isa & unsigned(needed)) == unsigned(needed);
}
#endif

bool amprt::cpu::canMultiplyBFloat16() {
#ifdef AMPRT_HAS_ONEDNN
  return isaIncludes(dnnl::cpu_isa::avx512_core_bf16);
#else
  return false;
#endif
}

bool amprt::cpu::multipliesBFloat16() {
#if defined(AMPRT_HAS_ONEDNN) && defined(__x86_64__)
  // AMD's bfloat16 instructions do twice the work of float32's, and so do
  // AMX's tiles. Intel's without AMX do half of it (0.53 measured), so there
  // the operands are converted to float32.
  __builtin_cpu_init();
  return canMultiplyBFloat16() &&
         (isaIncludes(dnnl::cpu_isa::avx512_core_amx) ||
          __builtin_cpu_is("amd"));
#else
  return false;
#endif
}

namespace {

/// One thread for a product that is done before a second one has started.
/// oneDNN takes as many as OpenMP has when it prepares and when it runs.
class ThreadLimit {
public:
  explicit ThreadLimit(const StepParams &p) : saved(omp_get_max_threads()) {
    constexpr double smallProduct = 1e6;
    if (double(p.m) * double(p.n) * double(p.k) < smallProduct)
      omp_set_num_threads(1);
  }
  ~ThreadLimit() { omp_set_num_threads(saved); }
  ThreadLimit(const ThreadLimit &) = delete;
  ThreadLimit &operator=(const ThreadLimit &) = delete;

private:
  int saved;
};

/// How one operand or result lies in the memory that is multiplied.
struct Layout {
  DType dtype;
  int64_t pitch;
  int64_t matrixElements;
};

/// One product of oneDNN, or of plain loops, on blocks of given sizes.
struct BlockProduct {
  BlockProduct() = default;
  BlockProduct(int64_t m, int64_t k, bool accumulate, bool epilogue)
      : m(m), k(k), accumulate(accumulate), epilogue(epilogue) {}

  int64_t m = 0, k = 0;
  bool accumulate = false; ///< adds to what is there
  bool epilogue = false;   ///< bias and ReLU
  bool tiles = false;      ///< cut into tiles of one thread each
#ifdef AMPRT_HAS_ONEDNN
  dnnl::matmul product;
  dnnl::memory a, b, bias, c;
#endif
};

class CpuProduct : public Product {
public:
  CpuProduct(const Program &program, const Step &step)
      : program(program), step(step), p(step.params),
        few(isVectorProduct(program, step)) {
    const Buffer &a = program.buffers[step.operands[0]];
    bool direct = canMultiplyBFloat16() && !p.hasScratch && !p.castA &&
                  !p.castB && a.dtype == DType::BFloat16 &&
                  program.buffers[step.operands[1]].dtype == DType::BFloat16;
    // A program that was planned with scratch memory has it for conversions.
    direct |= multipliesBFloat16() && !p.castA && !p.castB &&
              a.dtype == DType::BFloat16 &&
              program.buffers[step.operands[1]].dtype == DType::BFloat16;
    if (!few)
      scratch = matmulScratch(program, step, direct, true);
    layoutA = layoutOf(step.operands[0], scratch.a, p.transposeA ? p.k : p.m);
    layoutB = layoutOf(step.operands[1], scratch.b, p.transposeB ? p.n : p.k);
    layoutC = layoutOf(step.results[0], scratch.c, p.m);
  }

  size_t scratchBytes() const override { return scratch.bytes; }
  Status prepare();
  Status run(const StepCall &call, void *scratchMemory) override;

private:
  Layout layoutOf(uint32_t index, const std::optional<size_t> &converted,
                  int64_t matrixRows) const {
    const Buffer &buffer = program.buffers[index];
    int64_t pitch = converted ? buffer.dims.back() : buffer.pitch;
    return {converted ? DType::Float32 : buffer.dtype, pitch,
            matrixRows * pitch};
  }
  /// Operands of one matrix product, converted or as they are.
  struct Places {
    const std::byte *a, *b;
    std::byte *c;
  };
  Status prepareBlock(BlockProduct &block);
  Status multiply(BlockProduct &block, const Places &at);
#ifdef AMPRT_HAS_ONEDNN
  bool cutsTiles(const BlockProduct &block) const;
  Status multiplyTiles(const BlockProduct &block, const Places &at) const;
#endif
  template <typename T>
  void multiplyPlain(const BlockProduct &block, const Places &at);
  void multiplyFewRows(const Places &at);
  Status runBlocksOfRows(const StepCall &call, std::byte *own);
  Status runBlocksOfSums(const StepCall &call, std::byte *own);
  Status runMatrices(const StepCall &call, std::byte *own);
  Status sumBlocks(const StepCall &call, std::byte *own, Places at,
                   bool convert);
  void addEpilogue(std::byte *c) const;
  void addEpilogue(float *values, int64_t row, int64_t rowEnd, int64_t column,
                   int64_t columnEnd) const;
  void rectify(std::byte *c, int64_t count) const;
  void loadBias(const StepCall &call);
  int64_t bytesOf(const Layout &layout, int64_t elements) const {
    return elements * int64_t(amp::dtypeSize(layout.dtype));
  }

  const Program &program;
  const Step &step;
  const StepParams &p;
  bool few = false; ///< a product with vectors
  MatmulScratch scratch;
  Layout layoutA, layoutB, layoutC;
  /// The whole product or its first block; blocks that add to it; the last.
  BlockProduct whole, next, last;
  std::vector<float> bias, rows, sums, partial;
  std::vector<double> wideBias;
#ifdef AMPRT_HAS_ONEDNN
  dnnl::engine engine;
  dnnl::stream stream;
#endif
};

/// Copies `count` rows of a buffer, from row `first`, to dense float32.
void convertRows(const Buffer &buffer, const void *from, int64_t first,
                 int64_t count, float *to, std::optional<DType> rounding) {
  int64_t columns = buffer.dims.back();
  auto size = int64_t(amp::dtypeSize(buffer.dtype));
  const auto *start =
      static_cast<const std::byte *>(from) + first * buffer.pitch * size;
  auto convert = [&](float *target, const std::byte *source, int64_t elements) {
    if (rounding)
      roundFloats(target, reinterpret_cast<const float *>(source), *rounding,
                  elements);
    else
      toFloats(target, source, buffer.dtype, elements);
  };
  if (buffer.isDense()) { // one long row, cut for the threads
    constexpr int64_t part = 1 << 14;
    int64_t total = columns * count, parts = (total + part - 1) / part;
#pragma omp parallel for schedule(static) if (parts > 2)
    for (int64_t i = 0; i < parts; ++i)
      convert(to + i * part, start + i * part * size,
              std::min(part, total - i * part));
    return;
  }
#pragma omp parallel for schedule(static) if (count * columns >=               \
                                              kParallelElements)
  for (int64_t row = 0; row < count; ++row)
    convert(to + row * columns, start + row * buffer.pitch * size, columns);
}

/// Rounds dense float32 to `count` rows of a buffer, from row `first`.
void storeRows(const Buffer &buffer, const float *from, void *to,
               int64_t first, int64_t count) {
  int64_t columns = buffer.dims.back();
  auto size = int64_t(amp::dtypeSize(buffer.dtype));
  auto *start = static_cast<std::byte *>(to) + first * buffer.pitch * size;
#pragma omp parallel for schedule(static) if (count * columns >=               \
                                              kParallelElements)
  for (int64_t row = 0; row < count; ++row)
    fromFloats(start + row * buffer.pitch * size, buffer.dtype,
               from + row * columns, columns);
}

} // namespace

Status CpuProduct::prepare() {
  whole = BlockProduct(p.m, p.k, false, true);
  next = last = BlockProduct();
  if (few || p.m == 0 || p.n == 0)
    return okStatus();
  if (int64_t block = scratch.blockM) {
    whole.m = block;
    if (p.m % block)
      last = BlockProduct(p.m % block, p.k, false, true);
  } else if (int64_t block = scratch.blockK) {
    whole = BlockProduct(p.m, block, false, false);
    next = BlockProduct(p.m, block, true, false);
    if (p.k % block)
      last = BlockProduct(p.m, p.k % block, true, false);
  }
  for (BlockProduct *block : {&whole, &next, &last})
    if (block->m)
      AMPRT_RETURN_IF_ERROR(prepareBlock(*block));
  return okStatus();
}

#ifdef AMPRT_HAS_ONEDNN

static dnnl::memory::data_type dnnlType(DType dtype) {
  return dtype == DType::BFloat16 ? dnnl::memory::data_type::bf16
                                  : dnnl::memory::data_type::f32;
}

/// Rows and columns of the result that one thread makes at a time. They depend
/// on the sizes alone, so that each sum has the same order at any number of
/// threads, and give eight of them work from a million results on.
constexpr int64_t kTileRows = 256, kTileColumns = 384;

/// Which float32 products oneDNN's `brgemm` does slowly; its `gemm` on tiles
/// then is the faster (measured with oneDNN 2.6 on AVX-512, in GFLOP/s of one
/// thread; all others are within a tenth, either way):
///  - rows of `b` a multiple of 4 KiB apart. It copies such an operand if the
///    distance is a power of two, and otherwise reads each column from a few
///    sets of the cache: 1024x3072x768 57 to 80, in tiles 143.
///  - long sums over a plain `a`: 1024x2560x3072 60, in tiles 133;
///    1024x768x3072 140, in tiles 162.
bool CpuProduct::cutsTiles(const BlockProduct &block) const {
  constexpr int64_t page = 4096, longSum = 2048;
  if (layoutA.dtype != DType::Float32 || layoutB.dtype != DType::Float32 ||
      layoutC.dtype != DType::Float32 || p.transposeB)
    return false;
  if (block.m < kTileRows / 2 || p.n < 2 * kTileColumns || block.k < 128)
    return false;
  int64_t distance = layoutB.pitch * int64_t(sizeof(float));
  bool isPower = (distance & (distance - 1)) == 0;
  return (distance % page == 0 && !isPower) ||
         (!p.transposeA && block.k >= longSum);
}

Status CpuProduct::multiplyTiles(const BlockProduct &block,
                                 const Places &at) const {
  const auto *a = reinterpret_cast<const float *>(at.a);
  const auto *b = reinterpret_cast<const float *>(at.b);
  auto *c = reinterpret_cast<float *>(at.c);
  int64_t rowTiles = (block.m + kTileRows - 1) / kTileRows;
  int64_t columnTiles = (p.n + kTileColumns - 1) / kTileColumns;
  std::atomic<::dnnl_status_t> failed = dnnl_success;
#pragma omp parallel
  {
    // oneDNN asks OpenMP how many threads it may take.
    omp_set_num_threads(1);
#pragma omp for schedule(dynamic)
    for (int64_t tile = 0; tile < rowTiles * columnTiles; ++tile) {
      int64_t row = tile / columnTiles * kTileRows;
      int64_t column = tile % columnTiles * kTileColumns;
      int64_t rowEnd = std::min(row + kTileRows, block.m);
      int64_t columnEnd = std::min(column + kTileColumns, p.n);
      ::dnnl_status_t result = dnnl_sgemm(
          p.transposeA ? 'T' : 'N', 'N', rowEnd - row, columnEnd - column,
          block.k, 1.0f, a + row * (p.transposeA ? 1 : layoutA.pitch),
          layoutA.pitch, b + column, layoutB.pitch,
          block.accumulate ? 1.0f : 0.0f, c + row * layoutC.pitch + column,
          layoutC.pitch);
      if (result != dnnl_success)
        failed = result;
      else if (block.epilogue)
        addEpilogue(c, row, rowEnd, column, columnEnd);
    }
  }
  if (failed != dnnl_success)
    return Status(Code::Internal,
                  std::string("oneDNN cannot run the product '") + step.name +
                      "': " + dnnl_status2str(failed));
  return okStatus();
}

Status CpuProduct::prepareBlock(BlockProduct &block) {
  // oneDNN divides by sizes: those of 0 never reach it. It has no float64.
  if (layoutA.dtype == DType::Float64 || block.k == 0)
    return okStatus();
  using dnnl::memory;
  ThreadLimit limit(p);
  try {
    if (!engine) {
      engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
      stream = dnnl::stream(engine);
    }
    auto matrix = [](int64_t rows, int64_t columns, const Layout &layout,
                     bool transposed) {
      return memory::desc({rows, columns}, dnnlType(layout.dtype),
                          transposed ? memory::dims{1, layout.pitch}
                                     : memory::dims{layout.pitch, 1});
    };
    memory::desc a = matrix(block.m, block.k, layoutA, p.transposeA);
    memory::desc b = matrix(block.k, p.n, layoutB, p.transposeB);
    memory::desc c = matrix(block.m, p.n, layoutC, false);
    dnnl::primitive_attr attributes;
    dnnl::post_ops after;
    if (block.accumulate)
      after.append_sum(1.0f);
    attributes.set_post_ops(after);
    std::optional<dnnl::matmul::desc> description;
    if (block.epilogue && p.bias) {
      memory::desc d({1, p.n}, memory::data_type::f32, memory::dims{p.n, 1});
      block.bias = memory(d, engine, nullptr);
      description.emplace(a, b, d, c);
    } else {
      description.emplace(a, b, c);
    }
    dnnl::matmul::primitive_desc found(*description, attributes, engine);
    block.tiles =
        !std::strncmp(found.impl_info_str(), "brg", 3) && cutsTiles(block);
    block.product = dnnl::matmul(found);
    block.a = memory(a, engine, nullptr);
    block.b = memory(b, engine, nullptr);
    block.c = memory(c, engine, nullptr);
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot prepare the "
                                              "product '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

Status CpuProduct::multiply(BlockProduct &block, const Places &at) {
  if (!block.product) {
    if (layoutA.dtype == DType::Float64)
      multiplyPlain<double>(block, at);
    else
      multiplyPlain<float>(block, at); // no sums: the epilogue of zeros
    return okStatus();
  }
  if (block.tiles)
    return multiplyTiles(block, at);
  ThreadLimit limit(p);
  try {
    block.a.set_data_handle(const_cast<std::byte *>(at.a));
    block.b.set_data_handle(const_cast<std::byte *>(at.b));
    block.c.set_data_handle(at.c);
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, block.a},
        {DNNL_ARG_WEIGHTS, block.b},
        {DNNL_ARG_DST, block.c}};
    if (block.epilogue && p.bias) {
      block.bias.set_data_handle(bias.data());
      arguments[DNNL_ARG_BIAS] = block.bias;
    }
    block.product.execute(stream, arguments);
    stream.wait();
    if (block.epilogue && p.relu)
      rectify(at.c, block.m);
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot run the "
                                              "product '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

#else

Status CpuProduct::prepareBlock(BlockProduct &) { return okStatus(); }

Status CpuProduct::multiply(BlockProduct &block, const Places &at) {
  if (layoutA.dtype == DType::Float64)
    multiplyPlain<double>(block, at);
  else
    multiplyPlain<float>(block, at);
  return okStatus();
}

#endif

template <typename T>
void CpuProduct::multiplyPlain(const BlockProduct &block, const Places &at) {
  auto view = [](auto *data, const Layout &layout, bool transposed) {
    return MatrixView<std::remove_pointer_t<decltype(data)>>{
        data, transposed ? 1 : layout.pitch, transposed ? layout.pitch : 1};
  };
  const T *addend = nullptr;
  if (block.epilogue && p.bias) {
    if constexpr (std::is_same_v<T, double>)
      addend = wideBias.data();
    else
      addend = bias.data();
  }
  plainProduct<T>(
      block.m, p.n, block.k,
      view(reinterpret_cast<const T *>(at.a), layoutA, p.transposeA),
      view(reinterpret_cast<const T *>(at.b), layoutB, p.transposeB),
      view(reinterpret_cast<T *>(at.c), layoutC, false), addend,
      block.epilogue && p.relu, block.accumulate);
}

/// Rows of `a` in float32, the sums, then the epilogue.
void CpuProduct::multiplyFewRows(const Places &at) {
  rows.resize(size_t(p.m * p.k));
  sums.resize(size_t(p.m * p.n));
  partial.resize(vectorScratch(p.m, p.n, p.k));
  for (int64_t i = 0; i < p.m; ++i) {
    int64_t offset = i * (p.transposeA ? 1 : layoutA.pitch);
    loadRun(rows.data() + i * p.k, at.a + bytesOf(layoutA, offset),
            layoutA.dtype, p.transposeA ? layoutA.pitch : 1, p.k);
  }
  if (p.castA)
    roundFloats(rows.data(), rows.data(), *p.castA, p.m * p.k);
  vectorProduct(p.m, p.n, p.k, rows.data(),
                {at.b, layoutB.dtype, layoutB.pitch, p.transposeB}, sums.data(),
                partial.data());
  for (int64_t i = 0; i < p.m; ++i) {
    float *row = sums.data() + i * p.n;
    if (p.bias)
      for (int64_t j = 0; j < p.n; ++j)
        row[j] += bias[size_t(j)];
    if (p.relu)
      for (int64_t j = 0; j < p.n; ++j)
        row[j] = row[j] <= 0 ? 0 : row[j];
    fromFloats(at.c + bytesOf(layoutC, i * layoutC.pitch), layoutC.dtype, row,
               p.n);
  }
}

void CpuProduct::loadBias(const StepCall &call) {
  const Buffer &buffer = call.operandBuffer(2);
  if (buffer.dtype == DType::Float64) {
    const auto *from = call.operand<double>(2);
    wideBias.assign(from, from + p.n);
    return;
  }
  bias.resize(size_t(p.n));
  toFloats(bias.data(), call.operand(2), buffer.dtype, p.n);
}

/// ReLU of `count` rows that are still in the cache. oneDNN's own makes NaN 0,
/// and so would hide that a number overflowed.
void CpuProduct::rectify(std::byte *c, int64_t count) const {
  bool isFloat = layoutC.dtype == DType::Float32;
#pragma omp parallel for schedule(static) if (count * p.n >= kParallelElements)
  for (int64_t i = 0; i < count; ++i) {
    std::byte *row = c + bytesOf(layoutC, i * layoutC.pitch);
    if (isFloat) {
      auto *values = reinterpret_cast<float *>(row);
      for (int64_t j = 0; j < p.n; ++j)
        values[j] = values[j] <= 0 ? 0 : values[j];
      continue;
    }
    auto *bits = reinterpret_cast<uint16_t *>(row); // bfloat16
    for (int64_t j = 0; j < p.n; ++j)
      bits[j] = bits[j] >= 0x8000 && bits[j] <= 0xff80 ? 0 : bits[j];
  }
}

/// Bias and ReLU of some rows and columns, after their sums.
void CpuProduct::addEpilogue(float *values, int64_t row, int64_t rowEnd,
                             int64_t column, int64_t columnEnd) const {
  if (!p.bias && !p.relu)
    return;
  for (int64_t i = row; i < rowEnd; ++i)
    for (int64_t j = column; j < columnEnd; ++j) {
      float &value = values[i * layoutC.pitch + j];
      value += p.bias ? bias[size_t(j)] : 0.0f;
      value = p.relu && value <= 0 ? 0.0f : value;
    }
}

/// Bias and ReLU behind sums that were cut into blocks.
void CpuProduct::addEpilogue(std::byte *c) const {
  if (!p.bias && !p.relu)
    return;
#pragma omp parallel for schedule(static) if (p.m * p.n >= kParallelElements)
  for (int64_t i = 0; i < p.m; ++i)
    addEpilogue(reinterpret_cast<float *>(c), i, i + 1, 0, p.n);
}

/// Converts and multiplies some rows of `a` at a time.
Status CpuProduct::runBlocksOfRows(const StepCall &call, std::byte *own) {
  Places at = {call.operand<std::byte>(0), call.operand<std::byte>(1),
               call.result<std::byte>(0)};
  if (scratch.b) {
    auto *to = reinterpret_cast<float *>(own + *scratch.b);
    const Buffer &buffer = call.operandBuffer(1);
    convertRows(buffer, at.b, 0, buffer.rows(), to, p.castB);
    at.b = own + *scratch.b;
  }
  for (int64_t row = 0; row < p.m; row += scratch.blockM) {
    int64_t count = std::min(scratch.blockM, p.m - row);
    Places block = at;
    block.a = own + *scratch.a;
    convertRows(call.operandBuffer(0), at.a, row, count,
                reinterpret_cast<float *>(own + *scratch.a), p.castA);
    block.c = scratch.c ? own + *scratch.c
                        : at.c + bytesOf(layoutC, row * layoutC.pitch);
    AMPRT_RETURN_IF_ERROR(
        multiply(count == scratch.blockM ? whole : last, block));
    if (scratch.c)
      storeRows(call.resultBuffer(0),
                reinterpret_cast<const float *>(own + *scratch.c), at.c, row,
                count);
  }
  return okStatus();
}

/// The sums of one matrix product, block after block. `convert`: operands are
/// converted on the way where they need it.
Status CpuProduct::sumBlocks(const StepCall &call, std::byte *own, Places at,
                             bool convert) {
  for (int64_t from = 0; from < p.k; from += scratch.blockK) {
    int64_t count = std::min(scratch.blockK, p.k - from);
    Places block = at;
    block.a += bytesOf(layoutA, from * layoutA.pitch);
    if (convert && scratch.a) {
      convertRows(call.operandBuffer(0), call.operand(0), from, count,
                  reinterpret_cast<float *>(own + *scratch.a), p.castA);
      block.a = own + *scratch.a;
    }
    if (p.transposeB) {
      block.b += bytesOf(layoutB, from);
    } else if (convert && scratch.b) {
      convertRows(call.operandBuffer(1), call.operand(1), from, count,
                  reinterpret_cast<float *>(own + *scratch.b), p.castB);
      block.b = own + *scratch.b;
    } else {
      block.b += bytesOf(layoutB, from * layoutB.pitch);
    }
    AMPRT_RETURN_IF_ERROR(multiply(
        from == 0 ? whole : count == scratch.blockK ? next : last, block));
  }
  addEpilogue(at.c);
  return okStatus();
}

Status CpuProduct::runBlocksOfSums(const StepCall &call, std::byte *own) {
  Places at = {call.operand<std::byte>(0), call.operand<std::byte>(1),
               call.result<std::byte>(0)};
  if (scratch.b && p.transposeB) {
    auto *to = reinterpret_cast<float *>(own + *scratch.b);
    const Buffer &buffer = call.operandBuffer(1);
    convertRows(buffer, at.b, 0, buffer.rows(), to, p.castB);
    at.b = own + *scratch.b;
  }
  if (scratch.c)
    at.c = own + *scratch.c;
  AMPRT_RETURN_IF_ERROR(sumBlocks(call, own, at, true));
  if (scratch.c)
    storeRows(call.resultBuffer(0), reinterpret_cast<const float *>(at.c),
              call.result(0), 0, p.m);
  return okStatus();
}

/// One product or a batch of them, with operands converted as a whole.
Status CpuProduct::runMatrices(const StepCall &call, std::byte *own) {
  Places at = {call.operand<std::byte>(0), call.operand<std::byte>(1),
               call.result<std::byte>(0)};
  auto whollyConverted = [&](size_t operand, const std::optional<size_t> &place,
                             std::optional<DType> rounding,
                             const std::byte *memory) {
    if (!place)
      return memory;
    const Buffer &buffer = call.operandBuffer(operand);
    convertRows(buffer, memory, 0, buffer.rows(),
                reinterpret_cast<float *>(own + *place), rounding);
    return static_cast<const std::byte *>(own + *place);
  };
  at.a = whollyConverted(0, scratch.a, p.castA, at.a);
  at.b = whollyConverted(1, scratch.b, p.castB, at.b);
  if (scratch.c)
    at.c = own + *scratch.c;
  for (int64_t i = 0; i < p.batch; ++i) {
    size_t pair = size_t(i) * 2;
    int64_t ofA = p.batchMatrices.empty() ? 0 : p.batchMatrices[pair];
    int64_t ofB = p.batchMatrices.empty() ? 0 : p.batchMatrices[pair + 1];
    Places matrix = {at.a + bytesOf(layoutA, ofA * layoutA.matrixElements),
                     at.b + bytesOf(layoutB, ofB * layoutB.matrixElements),
                     at.c + bytesOf(layoutC, i * layoutC.matrixElements)};
    if (few)
      multiplyFewRows(matrix);
    else if (scratch.blockK)
      AMPRT_RETURN_IF_ERROR(sumBlocks(call, own, matrix, false));
    else
      AMPRT_RETURN_IF_ERROR(multiply(whole, matrix));
  }
  const Buffer &result = call.resultBuffer(0);
  if (scratch.c)
    storeRows(result, reinterpret_cast<const float *>(at.c), call.result(0), 0,
              result.rows());
  return okStatus();
}

Status CpuProduct::run(const StepCall &call, void *scratchMemory) {
  if (p.m == 0 || p.n == 0 || p.batch == 0)
    return okStatus();
  auto *own = static_cast<std::byte *>(scratchMemory);
  if (p.bias)
    loadBias(call);
  if (scratch.blockM)
    AMPRT_RETURN_IF_ERROR(runBlocksOfRows(call, own));
  else if (scratch.blockK && p.batch == 1)
    AMPRT_RETURN_IF_ERROR(runBlocksOfSums(call, own));
  else
    AMPRT_RETURN_IF_ERROR(runMatrices(call, own));
  runGradientEpilogue(call);
  clearPadding(call.resultBuffer(0), call.result<std::byte>(0));
  return okStatus();
}

Result<std::unique_ptr<Product>> amprt::cpu::makeProduct(const Program &program,
                                                         const Step &step) {
  auto product = std::make_unique<CpuProduct>(program, step);
  AMPRT_RETURN_IF_ERROR(product->prepare());
  return std::unique_ptr<Product>(std::move(product));
}

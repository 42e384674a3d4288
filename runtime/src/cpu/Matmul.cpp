//===- Matmul.cpp - Matrix products ---------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Products through oneDNN in float32, and in bfloat16 where the CPU multiplies
// it; 16-bit operands are otherwise converted to float32 scratch memory by our
// own code. Sums are float32 (float64 for float64) and are rounded once, when
// they are stored.
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "Kernels.h"
#include "PlainProduct.h"
#include "ScalarLoops.h"
#include "VectorProduct.h"

#ifdef AMPRT_HAS_ONEDNN
#include <dnnl.hpp>
#endif

#include <omp.h>

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

class CpuProduct : public Product {
public:
  CpuProduct(const Program &program, const Step &step)
      : program(program), step(step), p(step.params) {
    const Buffer &a = program.buffers[step.operands[0]];
    few = isVectorProduct(program, step);
    bool direct = canMultiplyBFloat16() && !p.hasScratch && !p.castA &&
                  !p.castB && a.dtype == DType::BFloat16 &&
                  program.buffers[step.operands[1]].dtype == DType::BFloat16;
    if (!few)
      scratch = matmulScratch(program, step, direct);
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
  Status multiply(const void *a, const void *b, void *c);
  void multiplyFewRows(const std::byte *a, const std::byte *b, std::byte *c);
  template <typename T>
  void multiplyPlain(const void *a, const void *b, void *c);
  void loadBias(const StepCall &call);

  const Program &program;
  const Step &step;
  const StepParams &p;
  MatmulScratch scratch;
  Layout layoutA, layoutB, layoutC;
  bool few = false; ///< a product with vectors
  std::vector<float> bias, rows, sums, partial;
  std::vector<double> wideBias;
#ifdef AMPRT_HAS_ONEDNN
  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::matmul product;
  dnnl::memory memoryA, memoryB, memoryBias, memoryC;
#endif
};

/// Copies rows of a buffer to dense float32.
void convertToFloats(const Buffer &buffer, const void *from, float *to,
                     std::optional<DType> rounding) {
  int64_t columns = buffer.dims.back(), rows = buffer.rows();
  auto size = int64_t(amp::dtypeSize(buffer.dtype));
  if (buffer.isDense()) { // one long row, cut for the threads
    constexpr int64_t part = 1 << 14;
    columns *= rows;
    rows = (columns + part - 1) / part;
#pragma omp parallel for schedule(static) if (rows > 2)
    for (int64_t row = 0; row < rows; ++row) {
      int64_t count = std::min(part, columns - row * part);
      const auto *at = static_cast<const std::byte *>(from) + row * part * size;
      float *target = to + row * part;
      if (rounding)
        roundFloats(target, reinterpret_cast<const float *>(at), *rounding,
                    count);
      else
        toFloats(target, at, buffer.dtype, count);
    }
    return;
  }
#pragma omp parallel for schedule(static) if (rows * columns >=                \
                                              kParallelElements)
  for (int64_t row = 0; row < rows; ++row)
    toFloats(to + row * columns,
             static_cast<const std::byte *>(from) + row * buffer.pitch * size,
             buffer.dtype, columns);
}

/// Rounds dense float32 to the rows of a buffer.
void convertFromFloats(const Buffer &buffer, const float *from, void *to) {
  int64_t columns = buffer.dims.back(), rows = buffer.rows();
  auto size = int64_t(amp::dtypeSize(buffer.dtype));
#pragma omp parallel for schedule(static) if (rows * columns >=                \
                                              kParallelElements)
  for (int64_t row = 0; row < rows; ++row)
    fromFloats(static_cast<std::byte *>(to) + row * buffer.pitch * size,
               buffer.dtype, from + row * columns, columns);
}

} // namespace

#ifdef AMPRT_HAS_ONEDNN

static dnnl::memory::data_type dnnlType(DType dtype) {
  return dtype == DType::BFloat16 ? dnnl::memory::data_type::bf16
                                  : dnnl::memory::data_type::f32;
}

Status CpuProduct::prepare() {
  // oneDNN divides by sizes: those of 0 never reach it. It has no float64.
  if (layoutA.dtype == DType::Float64 || p.m == 0 || p.n == 0 || p.k == 0 ||
      few)
    return okStatus();
  using dnnl::memory;
  ThreadLimit limit(p);
  try {
    engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
    stream = dnnl::stream(engine);
    auto matrix = [](int64_t rows, int64_t columns, const Layout &layout,
                     bool transposed) {
      return memory::desc({rows, columns}, dnnlType(layout.dtype),
                          transposed ? memory::dims{1, layout.pitch}
                                     : memory::dims{layout.pitch, 1});
    };
    memory::desc a = matrix(p.m, p.k, layoutA, p.transposeA);
    memory::desc b = matrix(p.k, p.n, layoutB, p.transposeB);
    memory::desc c = matrix(p.m, p.n, layoutC, false);
    dnnl::primitive_attr attributes;
    if (p.relu) {
      dnnl::post_ops after;
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      attributes.set_post_ops(after);
    }
    std::optional<dnnl::matmul::desc> description;
    if (p.bias) {
      memory::desc d({1, p.n}, memory::data_type::f32, memory::dims{p.n, 1});
      memoryBias = memory(d, engine, nullptr);
      description.emplace(a, b, d, c);
    } else {
      description.emplace(a, b, c);
    }
    product = dnnl::matmul(
        dnnl::matmul::primitive_desc(*description, attributes, engine));
    memoryA = memory(a, engine, nullptr);
    memoryB = memory(b, engine, nullptr);
    memoryC = memory(c, engine, nullptr);
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot prepare the "
                                              "product '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

Status CpuProduct::multiply(const void *a, const void *b, void *c) {
  if (!product) {
    if (layoutA.dtype == DType::Float64)
      multiplyPlain<double>(a, b, c);
    else
      multiplyPlain<float>(a, b, c); // no sums: the epilogue of zeros
    return okStatus();
  }
  ThreadLimit limit(p);
  try {
    memoryA.set_data_handle(const_cast<void *>(a));
    memoryB.set_data_handle(const_cast<void *>(b));
    memoryC.set_data_handle(c);
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, memoryA},
        {DNNL_ARG_WEIGHTS, memoryB},
        {DNNL_ARG_DST, memoryC}};
    if (p.bias) {
      memoryBias.set_data_handle(bias.data());
      arguments[DNNL_ARG_BIAS] = memoryBias;
    }
    product.execute(stream, arguments);
    stream.wait();
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot run the "
                                              "product '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

#else

Status CpuProduct::prepare() { return okStatus(); }

Status CpuProduct::multiply(const void *a, const void *b, void *c) {
  if (layoutA.dtype == DType::Float64)
    multiplyPlain<double>(a, b, c);
  else
    multiplyPlain<float>(a, b, c);
  return okStatus();
}

#endif

template <typename T>
void CpuProduct::multiplyPlain(const void *a, const void *b, void *c) {
  auto view = [](auto *data, const Layout &layout, bool transposed) {
    return MatrixView<std::remove_pointer_t<decltype(data)>>{
        data, transposed ? 1 : layout.pitch, transposed ? layout.pitch : 1};
  };
  const T *addend = nullptr;
  if (p.bias) {
    if constexpr (std::is_same_v<T, double>)
      addend = wideBias.data();
    else
      addend = bias.data();
  }
  plainProduct<T>(p.m, p.n, p.k,
                  view(static_cast<const T *>(a), layoutA, p.transposeA),
                  view(static_cast<const T *>(b), layoutB, p.transposeB),
                  view(static_cast<T *>(c), layoutC, false), addend, p.relu);
}

/// Rows of `a` in float32, the sums, then the epilogue.
void CpuProduct::multiplyFewRows(const std::byte *a, const std::byte *b,
                                 std::byte *c) {
  rows.resize(size_t(p.m * p.k));
  sums.resize(size_t(p.m * p.n));
  partial.resize(vectorScratch(p.m, p.n, p.k));
  auto sizeA = int64_t(amp::dtypeSize(layoutA.dtype));
  for (int64_t i = 0; i < p.m; ++i) {
    const std::byte *row = a + i * (p.transposeA ? 1 : layoutA.pitch) * sizeA;
    loadRun(rows.data() + i * p.k, row, layoutA.dtype,
            p.transposeA ? layoutA.pitch : 1, p.k);
  }
  if (p.castA)
    roundFloats(rows.data(), rows.data(), *p.castA, p.m * p.k);
  vectorProduct(p.m, p.n, p.k, rows.data(),
                {b, layoutB.dtype, layoutB.pitch, p.transposeB}, sums.data(),
                partial.data());
  for (int64_t i = 0; i < p.m; ++i) {
    float *row = sums.data() + i * p.n;
    if (p.bias)
      for (int64_t j = 0; j < p.n; ++j)
        row[j] += bias[size_t(j)];
    if (p.relu)
      for (int64_t j = 0; j < p.n; ++j)
        row[j] = row[j] <= 0 ? 0 : row[j];
    fromFloats(c + i * layoutC.pitch * int64_t(amp::dtypeSize(layoutC.dtype)),
               layoutC.dtype, row, p.n);
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

Status CpuProduct::run(const StepCall &call, void *scratchMemory) {
  if (p.m == 0 || p.n == 0 || p.batch == 0)
    return okStatus();
  auto *own = static_cast<std::byte *>(scratchMemory);
  const void *a = call.operand(0), *b = call.operand(1);
  void *c = call.result(0);
  if (scratch.a) {
    auto *to = reinterpret_cast<float *>(own + *scratch.a);
    convertToFloats(call.operandBuffer(0), a, to, p.castA);
    a = to;
  }
  if (scratch.b) {
    auto *to = reinterpret_cast<float *>(own + *scratch.b);
    convertToFloats(call.operandBuffer(1), b, to, p.castB);
    b = to;
  }
  if (scratch.c)
    c = own + *scratch.c;
  if (p.bias)
    loadBias(call);
  auto matrix = [](auto *base, const Layout &layout, int64_t number) {
    using Byte = std::conditional_t<
        std::is_const_v<std::remove_pointer_t<decltype(base)>>, const std::byte,
        std::byte>;
    return static_cast<Byte *>(base) +
           number * layout.matrixElements *
               int64_t(amp::dtypeSize(layout.dtype));
  };
  for (int64_t i = 0; i < p.batch; ++i) {
    size_t at = size_t(i) * 2;
    int64_t ofA = p.batchMatrices.empty() ? 0 : p.batchMatrices[at];
    int64_t ofB = p.batchMatrices.empty() ? 0 : p.batchMatrices[at + 1];
    if (few)
      multiplyFewRows(matrix(a, layoutA, ofA), matrix(b, layoutB, ofB),
                      matrix(c, layoutC, i));
    else
      AMPRT_RETURN_IF_ERROR(multiply(matrix(a, layoutA, ofA),
                                     matrix(b, layoutB, ofB),
                                     matrix(c, layoutC, i)));
  }
  const Buffer &result = call.resultBuffer(0);
  if (scratch.c)
    convertFromFloats(result, static_cast<const float *>(c), call.result(0));
  clearPadding(result, call.result<std::byte>(0));
  return okStatus();
}

Result<std::unique_ptr<Product>> amprt::cpu::makeProduct(const Program &program,
                                                         const Step &step) {
  auto product = std::make_unique<CpuProduct>(program, step);
  AMPRT_RETURN_IF_ERROR(product->prepare());
  return std::unique_ptr<Product>(std::move(product));
}

//===- Matmul.cpp - Products, by cuBLASLt ---------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A row-major product is cuBLASLt's column-major one with the operands
// exchanged: rows of memory are its columns, a pitch its leading dimension. So
// nothing is transposed or copied, and the bias of a row-major column is the
// bias of a row, as the epilogues want it.
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "Trial.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cuda;

namespace {

using MatmulDesc = Owned<cublasLtMatmulDesc_t>;
using Layout = Owned<cublasLtMatrixLayout_t>;
using Preference = Owned<cublasLtMatmulPreference_t>;

cudaDataType_t dataType(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return CUDA_R_16F;
  case DType::BFloat16:
    return CUDA_R_16BF;
  case DType::Float64:
    return CUDA_R_64F;
  default:
    return CUDA_R_32F;
  }
}

class Matmul : public StepCode {
public:
  explicit Matmul(const StepContext &s)
      : context(s.context), api(s.context.api()), p(s.step.params) {}
  Status prepare(const StepContext &s);
  size_t scratchBytes() const override { return own.scratchBytes(); }
  Status bind(const StepCall &call) override;
  Status enqueue(const StepCall &call) override;

private:
  cublasLtEpilogue_t epilogue() const;
  Status prepareEpilogue(const StepContext &s);
  Status setEpiloguePlaces(const void *kept, const void *sums);
  /// The buffer of ReLU's mask that is written or read.
  std::optional<uint32_t> maskOf(const Step &step) const;
  Status takeOwnEpilogue(const StepContext &s);
  Result<int> ask(std::vector<cublasLtMatmulHeuristicResult_t> &found);
  Result<Layout> layout(const Buffer &buffer, int64_t rows, int64_t columns,
                        int64_t step);
  template <typename T>
  Status set(cublasLtMatmulDescAttributes_t attribute, const T &value) {
    AMPRT_CUDA(api, cublasLtMatmulDescSetAttribute,
               (desc.get(), attribute, &value, sizeof value));
    return okStatus();
  }
  Status chooseAlgorithm();
  Status timeAlgorithms(
      const std::vector<cublasLtMatmulHeuristicResult_t> &found);
  Status multiply(const void *a, const void *b, void *c,
                  const cublasLtMatmulAlgo_t &by, cudaStream_t stream);
  std::string product() const;

  Context &context;
  const Api &api;
  const StepParams &p;
  MatmulDesc desc;
  Layout first, second, result; ///< of cuBLASLt's product
  cublasLtMatmulAlgo_t algorithm = {};
  bool chosen = false;
  bool isDouble = false;
  /// A batch whose matrices lie at equal steps is one call.
  bool strided = true;
  int64_t sizeA = 0, sizeB = 0, sizeC = 0; ///< bytes of one matrix
  int64_t totalA = 0, totalB = 0, totalC = 0;
  int64_t pitches[3] = {};
  std::string names; ///< of the types
  /// What cuBLASLt has no epilogue for is done behind the product.
  bool plain = false;
  OwnEpilogue own;
};

} // namespace

Result<Layout> Matmul::layout(const Buffer &buffer, int64_t rows,
                              int64_t columns, int64_t step) {
  cublasLtMatrixLayout_t made = nullptr;
  AMPRT_CUDA(api, cublasLtMatrixLayoutCreate,
             (&made, dataType(buffer.dtype), uint64_t(rows), uint64_t(columns),
              buffer.pitch));
  Layout result(api, made, [](const Api &api, cublasLtMatrixLayout_t l) {
    (void)api.cublasLtMatrixLayoutDestroy(l);
  });
  if (p.batch > 1 && strided) {
    int32_t count = int32_t(p.batch);
    AMPRT_CUDA(api, cublasLtMatrixLayoutSetAttribute,
               (made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                sizeof count));
    AMPRT_CUDA(api, cublasLtMatrixLayoutSetAttribute,
               (made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step,
                sizeof step));
  }
  return result;
}

Status Matmul::prepare(const StepContext &s) {
  const Buffer &a = s.operand(0), &b = s.operand(1), &c = s.result(0);
  isDouble = a.dtype == DType::Float64;
  const auto elements = [](const Buffer &buffer, int64_t rows) {
    return rows * buffer.pitch;
  };
  // Matrices of one operand lie one behind the other.
  const int64_t rowsA = p.transposeA ? p.k : p.m;
  const int64_t rowsB = p.transposeB ? p.n : p.k;
  const int64_t ofA = elements(a, rowsA), ofB = elements(b, rowsB);
  sizeA = ofA * int64_t(amp::dtypeSize(a.dtype));
  sizeB = ofB * int64_t(amp::dtypeSize(b.dtype));
  sizeC = elements(c, p.m) * int64_t(amp::dtypeSize(c.dtype));
  totalA = int64_t(a.bytes());
  totalB = int64_t(b.bytes());
  totalC = int64_t(c.bytes());
  const Buffer *sides[] = {&a, &b, &c};
  for (size_t i = 0; i < 3; ++i) {
    pitches[i] = sides[i]->pitch;
    names += (i ? "," : "") + std::string(amp::dtypeName(sides[i]->dtype));
  }
  int64_t stepA = 0, stepB = 0;
  if (p.batchMatrices.size() >= 4) {
    stepA = p.batchMatrices[2] - p.batchMatrices[0];
    stepB = p.batchMatrices[3] - p.batchMatrices[1];
    for (size_t i = 0; 2 * i < p.batchMatrices.size(); ++i)
      strided &= p.batchMatrices[2 * i] == int64_t(i) * stepA &&
                 p.batchMatrices[2 * i + 1] == int64_t(i) * stepB;
    strided &= stepA >= 0 && stepB >= 0;
  }
  if (p.m == 0 || p.n == 0 || p.k == 0 || p.batch == 0)
    return okStatus();

  cublasLtMatmulDesc_t made = nullptr;
  const bool isFloat = a.dtype == DType::Float32;
  const cublasComputeType_t compute =
      isDouble                                   ? CUBLAS_COMPUTE_64F
      : !isFloat                                 ? CUBLAS_COMPUTE_32F
      : context.settings().tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                 : CUBLAS_COMPUTE_32F_PEDANTIC;
  AMPRT_CUDA(api, cublasLtMatmulDescCreate,
             (&made, compute, isDouble ? CUDA_R_64F : CUDA_R_32F));
  desc = {api, made, [](const Api &api, cublasLtMatmulDesc_t d) {
            (void)api.cublasLtMatmulDescDestroy(d);
          }};
  const cublasOperation_t opFirst = p.transposeB ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t opSecond = p.transposeA ? CUBLAS_OP_T : CUBLAS_OP_N;
  AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSA, opFirst));
  AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_TRANSB, opSecond));
  AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue()));
  if (p.bias || p.sumsResult || p.sumsB) {
    const cudaDataType_t type = dataType(p.bias ? s.operand(2).dtype : c.dtype);
    AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type));
  }
  AMPRT_ASSIGN_OR_RETURN(
      first, layout(b, p.transposeB ? p.k : p.n, p.transposeB ? p.n : p.k,
                    stepB * ofB));
  AMPRT_ASSIGN_OR_RETURN(
      second, layout(a, p.transposeA ? p.m : p.k, p.transposeA ? p.k : p.m,
                     stepA * ofA));
  AMPRT_ASSIGN_OR_RETURN(result, layout(c, p.n, p.m, elements(c, p.m)));
  return hasGradientEpilogue(p) ? prepareEpilogue(s) : okStatus();
}

cublasLtEpilogue_t Matmul::epilogue() const {
  if (!plain) {
    if (p.reluGrad)
      return p.sumsResult ? CUBLASLT_EPILOGUE_DRELU_BGRAD
                          : CUBLASLT_EPILOGUE_DRELU;
    if (p.geluGrad)
      return p.sumsResult ? CUBLASLT_EPILOGUE_DGELU_BGRAD
                          : CUBLASLT_EPILOGUE_DGELU;
    if (p.sumsB) // the first operand is `b`
      return CUBLASLT_EPILOGUE_BGRADA;
    if (p.gelu)
      return p.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS
                    : CUBLASLT_EPILOGUE_GELU_AUX;
    if (p.relu && p.keepsInput)
      return p.bias ? CUBLASLT_EPILOGUE_RELU_AUX_BIAS
                    : CUBLASLT_EPILOGUE_RELU_AUX;
  }
  return p.bias   ? p.relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS
         : p.relu ? CUBLASLT_EPILOGUE_RELU
                  : CUBLASLT_EPILOGUE_DEFAULT;
}

std::optional<uint32_t> Matmul::maskOf(const Step &step) const {
  if (p.relu && p.keepsInput)
    return step.results[1];
  if (p.reluGrad)
    return step.operands.back();
  return std::nullopt;
}

Status Matmul::setEpiloguePlaces(const void *kept, const void *sums) {
  if (p.keepsInput || p.reluGrad || p.geluGrad)
    AMPRT_RETURN_IF_ERROR(
        set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, kept));
  if (p.sumsResult || p.sumsB)
    AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, sums));
  return okStatus();
}

/// Asks whether cuBLASLt has the epilogue for this product. The mask of ReLU is
/// its own: where one of the two products that share it has to do without, so
/// has the other.
Status Matmul::prepareEpilogue(const StepContext &s) {
  const auto mask = maskOf(s.step);
  if (mask && context.ownMasks.count({&s.program, *mask}))
    return takeOwnEpilogue(s);
  if (p.keepsInput || p.reluGrad || p.geluGrad) {
    // In elements, which are bits of a mask.
    const int64_t pitch =
        mask ? maskPitch(p.n)
        : p.gelu ? s.result(1).pitch
                 : s.operand(s.step.operands.size() - 1).pitch;
    AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, pitch));
  }
  // Any memory with the alignment of the arena.
  AMPRT_RETURN_IF_ERROR(
      setEpiloguePlaces(context.workspace(), context.workspace()));
  if (p.bias) {
    const void *bias = context.workspace();
    AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
  }
  std::vector<cublasLtMatmulHeuristicResult_t> found(1);
  AMPRT_ASSIGN_OR_RETURN(int count, ask(found));
  return count ? okStatus() : takeOwnEpilogue(s);
}

Status Matmul::takeOwnEpilogue(const StepContext &s) {
  plain = true;
  if (const auto mask = maskOf(s.step))
    context.ownMasks.insert({&s.program, *mask});
  AMPRT_RETURN_IF_ERROR(own.prepare(s));
  return set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue());
}

/// What the choice depends on.
std::string Matmul::product() const {
  auto number = [](int64_t value) { return " " + std::to_string(value); };
  return names + number(p.m) + number(p.n) + number(p.k) +
         (p.transposeA ? " ta" : "") + (p.transposeB ? " tb" : "") +
         " epilogue" + number(int64_t(epilogue())) +
         (context.settings().tf32 ? " tf32" : "") +
         (p.batch > 1 ? " batch" + number(p.batch) : "") +
         (strided ? "" : " single") + " rows" + number(pitches[0]) +
         number(pitches[1]) + number(pitches[2]);
}

/// As many algorithms as fit into `found`; 0 where cuBLASLt has none.
Result<int> Matmul::ask(std::vector<cublasLtMatmulHeuristicResult_t> &found) {
  cublasLtMatmulPreference_t made = nullptr;
  AMPRT_CUDA(api, cublasLtMatmulPreferenceCreate, (&made));
  Preference preference(api, made,
                        [](const Api &api, cublasLtMatmulPreference_t p) {
                          (void)api.cublasLtMatmulPreferenceDestroy(p);
                        });
  const size_t workspace = Context::kWorkspace;
  AMPRT_CUDA(api, cublasLtMatmulPreferenceSetAttribute,
             (made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
              sizeof workspace));
  // Without split sums a 16-bit bias is added once, before the one rounding.
  const uint32_t inOneSum = CUBLASLT_REDUCTION_SCHEME_NONE;
  if (p.bias)
    AMPRT_CUDA(api, cublasLtMatmulPreferenceSetAttribute,
               (made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &inOneSum,
                sizeof inOneSum));
  int count = 0;
  const cublasStatus_t status = api.cublasLtMatmulAlgoGetHeuristic(
      context.cublas(), desc.get(), first.get(), second.get(), result.get(),
      result.get(), made, int(found.size()), found.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED)
    return 0;
  AMPRT_RETURN_IF_ERROR(check(api, status, "cublasLtMatmulAlgoGetHeuristic"));
  return count;
}

Status Matmul::chooseAlgorithm() {
  const std::string name = product();
  if (auto known = context.algorithms.find(name)) {
    algorithm = *known;
    chosen = true;
    return okStatus();
  }
  std::vector<cublasLtMatmulHeuristicResult_t> found(
      size_t(std::max(1, context.settings().tries)));
  AMPRT_ASSIGN_OR_RETURN(int count, ask(found));
  if (count == 0)
    return Status(Code::Unimplemented,
                  "cublasLtMatmulAlgoGetHeuristic knows no algorithm for a "
                  "product of " +
                      std::to_string(p.m) + " x " + std::to_string(p.n) +
                      " x " + std::to_string(p.k));
  found.resize(size_t(count));
  algorithm = found[0].algo;
  if (count > 1)
    AMPRT_RETURN_IF_ERROR(timeAlgorithms(found));
  chosen = true;
  context.algorithms.keep(name, algorithm);
  return okStatus();
}

/// Takes the fastest.
Status Matmul::timeAlgorithms(
    const std::vector<cublasLtMatmulHeuristicResult_t> &found) {
  Result<Memory> a = randomMemory(context, size_t(totalA)),
                 b = randomMemory(context, size_t(totalB)),
                 c = randomMemory(context, size_t(totalC));
  for (const Result<Memory> *memory : {&a, &b, &c})
    if (!memory->ok())
      // Too large to have twice: cuBLASLt's own choice stands.
      return memory->status().code() == Code::ResourceExhausted
                 ? okStatus()
                 : memory->status();
  AMPRT_ASSIGN_OR_RETURN(Stopwatch watch, Stopwatch::create(context));
  float best = 0;
  for (const cublasLtMatmulHeuristicResult_t &one : found) {
    if (one.state != CUBLAS_STATUS_SUCCESS)
      continue;
    AMPRT_ASSIGN_OR_RETURN(float time, watch.median([&] {
      return multiply(a->get(), b->get(), c->get(), one.algo, context.stream());
    }));
    if (best == 0 || time < best) {
      best = time;
      algorithm = one.algo;
    }
  }
  return okStatus();
}

Status Matmul::bind(const StepCall &call) {
  if (!desc)
    return okStatus();
  const auto mask = maskOf(call.step);
  if (!plain && mask && context.ownMasks.count({&call.program, *mask}))
    AMPRT_RETURN_IF_ERROR(
        takeOwnEpilogue({context, call.program, call.step}));
  if (p.bias) {
    const void *bias = call.operand(2);
    AMPRT_RETURN_IF_ERROR(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
  }
  if (hasGradientEpilogue(p) && !plain)
    AMPRT_RETURN_IF_ERROR(setEpiloguePlaces(
        p.keepsInput ? call.result(1)
                     : call.address(call.step.operands.back()),
        call.result(call.step.results.size() - 1 - p.hasScratch)));
  // The heuristic looks at the alignment of the bias.
  return chosen ? okStatus() : chooseAlgorithm();
}

Status Matmul::multiply(const void *a, const void *b, void *c,
                        const cublasLtMatmulAlgo_t &by, cudaStream_t stream) {
  const float oneFloat = 1, zeroFloat = 0;
  const double oneDouble = 1, zeroDouble = 0;
  const void *one = isDouble ? static_cast<const void *>(&oneDouble) : &oneFloat;
  const void *zero =
      isDouble ? static_cast<const void *>(&zeroDouble) : &zeroFloat;
  AMPRT_CUDA(api, cublasLtMatmul,
             (context.cublas(), desc.get(), one, b, first.get(), a,
              second.get(), zero, c, result.get(), c, result.get(), &by,
              context.workspace(), Context::kWorkspace, stream));
  return okStatus();
}

Status Matmul::enqueue(const StepCall &call) {
  if (!desc) {
    // A sum of no terms is 0; the bias and ReLU of it are the planner's to
    // leave out.
    const size_t bytes = call.program.buffers[call.step.results[0]].bytes();
    if (bytes)
      AMPRT_CUDA(api, cudaMemsetAsync, (call.result(0), 0, bytes, call.stream));
    return okStatus();
  }
  const auto *a = static_cast<const std::byte *>(call.operand(0));
  const auto *b = static_cast<const std::byte *>(call.operand(1));
  auto *c = static_cast<std::byte *>(call.result(0));
  if (strided || p.batch <= 1) {
    AMPRT_RETURN_IF_ERROR(multiply(a, b, c, algorithm, call.stream));
    return plain ? own.enqueue(call) : okStatus();
  }
  for (int64_t i = 0; i < p.batch; ++i)
    AMPRT_RETURN_IF_ERROR(
        multiply(a + p.batchMatrices[size_t(2 * i)] * sizeA,
                 b + p.batchMatrices[size_t(2 * i + 1)] * sizeB, c + i * sizeC,
                 algorithm, call.stream));
  return okStatus();
}

MadeStep amprt::cuda::makeMatmul(const StepContext &s) {
  auto step = std::make_unique<Matmul>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(s));
  return std::unique_ptr<StepCode>(std::move(step));
}

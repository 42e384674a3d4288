//===- FakeCublasLt.cpp - cuBLASLt without a GPU --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Products by the library's own rules: column-major matrices with leading
// dimensions, batches at strides, a bias per row of the result. A product whose
// layouts do not fit together is refused, as the library does.
//===----------------------------------------------------------------------===//

#include "FakeCuda.h"

#include "amprt/Half.h"

#include <cmath>
#include <cstring>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Desc {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t opA = CUBLAS_OP_N, opB = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void *bias = nullptr;
  int biasType = -1;
  void *aux = nullptr;
  int64_t auxLeading = 0;
};
struct Epilogue {
  cublasLtEpilogue_t value;
  const char *name;
  bool bias, relu, gelu, gradient, sums, aux;
};
constexpr Epilogue kEpilogues[] = {
    {CUBLASLT_EPILOGUE_DEFAULT, "DEFAULT", 0, 0, 0, 0, 0, 0},
    {CUBLASLT_EPILOGUE_BIAS, "BIAS", 1, 0, 0, 0, 0, 0},
    {CUBLASLT_EPILOGUE_RELU, "RELU", 0, 1, 0, 0, 0, 0},
    {CUBLASLT_EPILOGUE_RELU_BIAS, "RELU_BIAS", 1, 1, 0, 0, 0, 0},
    {CUBLASLT_EPILOGUE_RELU_AUX, "RELU_AUX", 0, 1, 0, 0, 0, 1},
    {CUBLASLT_EPILOGUE_RELU_AUX_BIAS, "RELU_AUX_BIAS", 1, 1, 0, 0, 0, 1},
    {CUBLASLT_EPILOGUE_DRELU, "DRELU", 0, 1, 0, 1, 0, 1},
    {CUBLASLT_EPILOGUE_DRELU_BGRAD, "DRELU_BGRAD", 0, 1, 0, 1, 1, 1},
    {CUBLASLT_EPILOGUE_GELU_AUX, "GELU_AUX", 0, 0, 1, 0, 0, 1},
    {CUBLASLT_EPILOGUE_GELU_AUX_BIAS, "GELU_AUX_BIAS", 1, 0, 1, 0, 0, 1},
    {CUBLASLT_EPILOGUE_DGELU, "DGELU", 0, 0, 1, 1, 0, 1},
    {CUBLASLT_EPILOGUE_DGELU_BGRAD, "DGELU_BGRAD", 0, 0, 1, 1, 1, 1},
    {CUBLASLT_EPILOGUE_BGRADA, "BGRADA", 0, 0, 0, 0, 1, 0}};
const Epilogue *epilogueOf(const Desc &d) {
  for (const Epilogue &one : kEpilogues)
    if (one.value == d.epilogue)
      return &one;
  return nullptr;
}
struct Layout {
  cudaDataType_t type;
  uint64_t rows, columns;
  int64_t leading;
  int32_t batch = 1;
  int64_t stride = 0;
};
struct Preference {
  size_t workspace = 0;
};

template <typename To, typename From> To &as(From opaque) {
  return *reinterpret_cast<To *>(const_cast<void *>(
      static_cast<const void *>(opaque)));
}
void take(std::set<const void *> &live, const void *object) {
  if (!live.erase(object))
    fakeCuda().mistakes.push_back("a cuBLASLt object is destroyed twice");
}

double load(const void *p, int type, int64_t at) {
  switch (type) {
  case CUDA_R_16F:
    return halfToFloat(static_cast<const uint16_t *>(p)[at]);
  case CUDA_R_16BF:
    return bfloatToFloat(static_cast<const uint16_t *>(p)[at]);
  case CUDA_R_64F:
    return static_cast<const double *>(p)[at];
  default:
    return static_cast<const float *>(p)[at];
  }
}
void store(void *p, int type, int64_t at, double x) {
  switch (type) {
  case CUDA_R_16F:
    static_cast<uint16_t *>(p)[at] = floatToHalf(float(x));
    return;
  case CUDA_R_16BF:
    static_cast<uint16_t *>(p)[at] = floatToBFloat(float(x));
    return;
  case CUDA_R_64F:
    static_cast<double *>(p)[at] = x;
    return;
  default:
    static_cast<float *>(p)[at] = float(x);
  }
}
size_t bytesOf(int type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}

/// Op(A) is m x k, op(B) k x n.
struct Sizes {
  uint64_t m, n, k;
};
bool fits(const Desc &d, const Layout &a, const Layout &b, const Layout &c,
          Sizes &s) {
  s.m = d.opA == CUBLAS_OP_N ? a.rows : a.columns;
  s.k = d.opA == CUBLAS_OP_N ? a.columns : a.rows;
  s.n = d.opB == CUBLAS_OP_N ? b.columns : b.rows;
  uint64_t k = d.opB == CUBLAS_OP_N ? b.rows : b.columns;
  auto holds = [](const Layout &l) { return l.leading >= int64_t(l.rows); };
  return k == s.k && c.rows == s.m && c.columns == s.n && holds(a) &&
         holds(b) && holds(c) && a.batch == b.batch && a.batch == c.batch &&
         a.type == b.type && a.type == c.type;
}

/// GELU's tanh form, in float64, and its derivative.
double gelu(double x) {
  return 0.5 * x *
         (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double geluSlope(double x) {
  const double c = std::sqrt(2 / M_PI);
  const double t = std::tanh(c * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) +
         0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
}

/// What the epilogues need, as the library's documentation says.
bool hasPlaces(const Desc &d, const Epilogue &e, const Layout &c) {
  if ((e.bias || e.sums) && (!d.bias || d.biasType != c.type))
    return false;
  const int64_t multiple = e.relu ? 128 : 8;
  return !e.aux ||
         (d.aux && reinterpret_cast<uintptr_t>(d.aux) % 16 == 0 &&
          d.auxLeading >= int64_t(c.rows) && d.auxLeading % multiple == 0 &&
          c.batch == 1);
}

void multiply(const Desc &d, const Layout &la, const Layout &lb,
              const Layout &lc, const Sizes &s, const void *a, const void *b,
              void *c) {
  const bool wide = la.type == CUDA_R_64F;
  const Epilogue &e = *epilogueOf(d);
  std::vector<double> sums(s.m);
  auto *bits = static_cast<unsigned char *>(d.aux);
  if (d.epilogue == CUBLASLT_EPILOGUE_BGRADA)
    for (uint64_t i = 0; i < s.m; ++i)
      for (uint64_t t = 0; t < s.k; ++t)
        sums[i] += load(a, la.type,
                        d.opA == CUBLAS_OP_N ? int64_t(i + t * la.leading)
                                             : int64_t(t + i * la.leading));
  for (int64_t batch = 0; batch < la.batch; ++batch)
    for (uint64_t j = 0; j < s.n; ++j)
      for (uint64_t i = 0; i < s.m; ++i) {
        double sum = 0;
        float narrow = 0;
        for (uint64_t t = 0; t < s.k; ++t) {
          int64_t atA = d.opA == CUBLAS_OP_N ? int64_t(i + t * la.leading)
                                             : int64_t(t + i * la.leading);
          int64_t atB = d.opB == CUBLAS_OP_N ? int64_t(t + j * lb.leading)
                                             : int64_t(j + t * lb.leading);
          double product = load(a, la.type, batch * la.stride + atA) *
                           load(b, lb.type, batch * lb.stride + atB);
          sum += product;
          narrow += float(product);
        }
        double value = wide ? sum : double(narrow);
        if (e.bias)
          value += load(d.bias, d.biasType, int64_t(i));
        const int64_t auxAt = int64_t(i) + int64_t(j) * d.auxLeading;
        if (e.gradient && e.relu && !(bits[auxAt / 8] >> (auxAt % 8) & 1))
          value = 0;
        if (e.gradient && e.gelu)
          value *= geluSlope(load(d.aux, lc.type, auxAt));
        if (!e.gradient && e.relu) {
          if (e.aux) {
            const int mask = 1 << (auxAt % 8);
            bits[auxAt / 8] = static_cast<unsigned char>(
                value > 0 ? bits[auxAt / 8] | mask : bits[auxAt / 8] & ~mask);
          }
          if (value <= 0)
            value = 0;
        }
        if (!e.gradient && e.gelu) {
          store(d.aux, lc.type, auxAt, value);
          value = gelu(value);
        }
        if (e.sums && e.gradient)
          sums[i] += value;
        store(c, lc.type, batch * lc.stride + int64_t(i + j * lc.leading),
              value);
      }
  if (e.sums)
    for (uint64_t i = 0; i < s.m; ++i)
      store(const_cast<void *>(d.bias), d.biasType, int64_t(i), sums[i]);
}

#define ENTER(NAME)                                                            \
  if (fakeFails(#NAME))                                                        \
    return CUBLAS_STATUS_INTERNAL_ERROR

auto &live(const char *kind) { return fakeCuda().live[kind]; }

cublasStatus_t create(cublasLtHandle_t *handle) {
  ENTER(cublasLtCreate);
  *handle = reinterpret_cast<cublasLtHandle_t>(new char);
  live("cublasLtCreate").insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t destroy(cublasLtHandle_t handle) {
  fakeCuda().calls.emplace_back("cublasLtDestroy");
  take(live("cublasLtCreate"), handle);
  delete reinterpret_cast<char *>(handle);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t descCreate(cublasLtMatmulDesc_t *desc,
                          cublasComputeType_t compute, cudaDataType_t scale) {
  ENTER(cublasLtMatmulDescCreate);
  auto *made = new Desc;
  made->compute = compute;
  made->scale = scale;
  *desc = reinterpret_cast<cublasLtMatmulDesc_t>(made);
  live("cublasLtMatmulDesc").insert(made);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t descDestroy(cublasLtMatmulDesc_t desc) {
  fakeCuda().calls.emplace_back("cublasLtMatmulDescDestroy");
  take(live("cublasLtMatmulDesc"), desc);
  delete &as<Desc>(desc);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t descSet(cublasLtMatmulDesc_t desc,
                       cublasLtMatmulDescAttributes_t attribute,
                       const void *value, size_t bytes) {
  ENTER(cublasLtMatmulDescSetAttribute);
  Desc &d = as<Desc>(desc);
  auto set = [&](auto &to) {
    if (bytes != sizeof to)
      return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&to, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_TRANSA:
    return set(d.opA);
  case CUBLASLT_MATMUL_DESC_TRANSB:
    return set(d.opB);
  case CUBLASLT_MATMUL_DESC_EPILOGUE:
    return set(d.epilogue);
  case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
    return set(d.bias);
  case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
    return set(d.biasType);
  case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
    return set(d.aux);
  case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
    return set(d.auxLeading);
  default:
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}
cublasStatus_t layoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type,
                            uint64_t rows, uint64_t columns, int64_t leading) {
  ENTER(cublasLtMatrixLayoutCreate);
  auto *made = new Layout{type, rows, columns, leading};
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(made);
  live("cublasLtMatrixLayout").insert(made);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t layoutDestroy(cublasLtMatrixLayout_t layout) {
  fakeCuda().calls.emplace_back("cublasLtMatrixLayoutDestroy");
  take(live("cublasLtMatrixLayout"), layout);
  delete &as<Layout>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t layoutSet(cublasLtMatrixLayout_t layout,
                         cublasLtMatrixLayoutAttribute_t attribute,
                         const void *value, size_t bytes) {
  ENTER(cublasLtMatrixLayoutSetAttribute);
  Layout &l = as<Layout>(layout);
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT &&
      bytes == sizeof l.batch)
    std::memcpy(&l.batch, value, bytes);
  else if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET &&
           bytes == sizeof l.stride)
    std::memcpy(&l.stride, value, bytes);
  else
    return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t preferenceCreate(cublasLtMatmulPreference_t *preference) {
  ENTER(cublasLtMatmulPreferenceCreate);
  auto *made = new Preference;
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(made);
  live("cublasLtMatmulPreference").insert(made);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t preferenceDestroy(cublasLtMatmulPreference_t preference) {
  fakeCuda().calls.emplace_back("cublasLtMatmulPreferenceDestroy");
  take(live("cublasLtMatmulPreference"), preference);
  delete &as<Preference>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t preferenceSet(cublasLtMatmulPreference_t preference,
                             cublasLtMatmulPreferenceAttributes_t attribute,
                             const void *value, size_t bytes) {
  ENTER(cublasLtMatmulPreferenceSetAttribute);
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    std::memcpy(&as<Preference>(preference).workspace, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t heuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                         cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                         cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t,
                         cublasLtMatmulPreference_t preference, int wanted,
                         cublasLtMatmulHeuristicResult_t *results, int *count) {
  ENTER(cublasLtMatmulAlgoGetHeuristic);
  Sizes sizes;
  if (!fits(as<Desc>(desc), as<Layout>(a), as<Layout>(b), as<Layout>(c),
            sizes))
    return CUBLAS_STATUS_INVALID_VALUE;
  const Desc &d = as<Desc>(desc);
  const Epilogue *epilogue = epilogueOf(d);
  if (!epilogue || fakeCuda().refusedEpilogues.count(d.epilogue))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!hasPlaces(d, *epilogue, as<Layout>(c)))
    return CUBLAS_STATUS_INVALID_VALUE;
  *count = std::min(wanted, 3);
  for (int i = 0; i < *count; ++i) {
    results[i] = {};
    results[i].algo.data[0] = uint64_t(i + 1);
    results[i].workspaceSize = as<Preference>(preference).workspace;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t matmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                      const void *alpha, const void *a,
                      cublasLtMatrixLayout_t layoutA, const void *b,
                      cublasLtMatrixLayout_t layoutB, const void *beta,
                      const void *, cublasLtMatrixLayout_t, void *d,
                      cublasLtMatrixLayout_t layoutD,
                      const cublasLtMatmulAlgo_t *algorithm, void *workspace,
                      size_t workspaceBytes, cudaStream_t) {
  ENTER(cublasLtMatmul);
  const Desc held = as<Desc>(desc);
  const Layout la = as<Layout>(layoutA), lb = as<Layout>(layoutB),
               lc = as<Layout>(layoutD);
  Sizes sizes;
  const bool wide = held.scale == CUDA_R_64F;
  const double one = wide ? *static_cast<const double *>(alpha)
                          : *static_cast<const float *>(alpha);
  const double zero = wide ? *static_cast<const double *>(beta)
                           : *static_cast<const float *>(beta);
  if (!fits(held, la, lb, lc, sizes) || one != 1 || zero != 0 ||
      !algorithm->data[0] || !workspace || !workspaceBytes ||
      !epilogueOf(held) || !hasPlaces(held, *epilogueOf(held), lc))
    return CUBLAS_STATUS_INVALID_VALUE;
  auto letter = [](cublasOperation_t op) {
    return op == CUBLAS_OP_N ? " N" : " T";
  };
  const Epilogue &epilogue = *epilogueOf(held);
  fakeCuda().products.push_back(
      std::to_string(sizes.m) + "x" + std::to_string(sizes.n) + "x" +
      std::to_string(sizes.k) + letter(held.opA) + letter(held.opB) + " " +
      epilogue.name +
      (epilogue.aux ? " aux " + std::to_string(held.auxLeading) : ""));
  for (const void *pointer : {a, b, const_cast<const void *>(d)})
    if (reinterpret_cast<uintptr_t>(pointer) % bytesOf(la.type))
      return CUBLAS_STATUS_INVALID_VALUE;
  fakeEnqueue([=] {
    fakeCuda().launches.emplace_back("matmul");
    if (fakeCuda().executes)
      multiply(held, la, lb, lc, sizes, a, b, d);
  });
  return CUBLAS_STATUS_SUCCESS;
}
const char *statusName(cublasStatus_t) {
  fakeCuda().asked.insert("cublasLtGetStatusName");
  return "CUBLAS_STATUS_INTERNAL_ERROR";
}
size_t getVersion() {
  fakeCuda().asked.insert("cublasLtGetVersion");
  return 130000;
}

} // namespace

void amprt::test::fillFakeCublasLt(cuda::Api &api) {
  api.cublasLtGetVersion = getVersion;
  api.cublasLtCreate = create;
  api.cublasLtDestroy = destroy;
  api.cublasLtGetStatusName = statusName;
  api.cublasLtMatmulDescCreate = descCreate;
  api.cublasLtMatmulDescDestroy = descDestroy;
  api.cublasLtMatmulDescSetAttribute = descSet;
  api.cublasLtMatrixLayoutCreate = layoutCreate;
  api.cublasLtMatrixLayoutDestroy = layoutDestroy;
  api.cublasLtMatrixLayoutSetAttribute = layoutSet;
  api.cublasLtMatmulPreferenceCreate = preferenceCreate;
  api.cublasLtMatmulPreferenceDestroy = preferenceDestroy;
  api.cublasLtMatmulPreferenceSetAttribute = preferenceSet;
  api.cublasLtMatmulAlgoGetHeuristic = heuristic;
  api.cublasLtMatmul = matmul;
}

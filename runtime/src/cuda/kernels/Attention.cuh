//===- Attention.cuh - Attention without its scores in memory ---*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// softmax(f(q · kᵀ)) · v in tiles: scores, their exponentials and all their
// gradients stay in registers and shared memory, in float32. A warp owns 16
// rows of a tile, and all products are of 16-bit tiles by tensor cores with
// float32 sums, or of float32 ones by plain loops. The gradient makes the
// scores again, once for the rows of k and v and once for those of q, so that
// every sum has one order. f and its gradient are printed from the step:
// Step::score and Step::back.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_ATTENTION_CUH
#define AMPRT_CUDA_ATTENTION_CUH

#include "Scalar.cuh"

namespace amprt_kernels {

/// Where the matrices of one product of the batch begin, by operand and then
/// by result.
struct Bases {
  i64 at[kMaxMatrices];
};
__device__ inline Bases basesOf(const AttentionArgs &a, i64 batch) {
  Bases bases;
  for (int i = 0; i < a.matrices; ++i)
    bases.at[i] = 0;
  for (int axis = a.rank - 1; axis >= 0; --axis) {
    i64 index = batch % a.size[axis];
    batch /= a.size[axis];
    for (int i = 0; i < a.matrices; ++i)
      bases.at[i] += index * a.stride[i][axis];
  }
  return bases;
}
__device__ inline i64 placeOf(const AttentionArgs &a, const Bases &bases,
                              int matrix, i64 row, i64 column) {
  return bases.at[matrix] + row * a.rowStride[matrix] +
         column * a.columnStride[matrix];
}

/// The type of the tiles.
template <int Type> struct Tile {
  typedef u16 Element;
  static constexpr int kPad = 8;
  static __device__ u16 of(float x) {
    return Type == F16 ? floatToHalf(x) : floatToBFloat(x);
  }
  static __device__ float value(u16 x) {
    return Type == F16 ? halfToFloat(x) : bfloatToFloat(x);
  }
};
template <> struct Tile<F32> {
  typedef float Element;
  static constexpr int kPad = 4;
  static __device__ float of(float x) { return x; }
  static __device__ float value(float x) { return x; }
};

// Four neighbouring threads share a row of a warp's results.
#ifdef AMPRT_EMULATED
__device__ inline float quadCells(float x, bool adds) {
  __shared__ float cells[kThreads];
  __syncthreads();
  cells[threadIdx.x] = x;
  __syncthreads();
  unsigned first = threadIdx.x / 4 * 4;
  float y = cells[first];
  for (unsigned i = 1; i < 4; ++i)
    y = adds ? y + cells[first + i] : fmaxf(y, cells[first + i]);
  return y;
}
__device__ inline float quadMax(float x) { return quadCells(x, false); }
__device__ inline float quadSum(float x) { return quadCells(x, true); }
__device__ inline void warpBarrier() { __syncthreads(); }
#else
__device__ inline float quadMax(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ inline float quadSum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
__device__ inline void warpBarrier() { __syncwarp(); }
#endif

/// Whether a flag is set in any thread of the block.
__device__ inline bool anyOf(bool flag) {
  __shared__ int set;
  __syncthreads();
  if (threadIdx.x == 0)
    set = 0;
  __syncthreads();
  if (flag)
    set = 1;
  __syncthreads();
  return set != 0;
}

/// Of the 16 x 8 results of a tensor core a thread has rows `row` and row + 8,
/// columns `column` and column + 1.
struct Lane {
  int row, column;
};
__device__ inline Lane laneOf() {
  int lane = int(threadIdx.x % 32);
  return {lane / 4, lane % 4 * 2};
}

#ifdef AMPRT_EMULATED
template <int Type>
__device__ inline void multiply16(float (&c)[4], const u32 (&a)[4], u32 b0,
                                  u32 b1) {
  emulateMultiply16(c, a, b0, b1, Type == F16);
}
#define AMPRT_TENSOR_CORES 1
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
/// 16 terms of the sums: c += a · bᵀ.
template <int Type>
__device__ inline void multiply16(float (&c)[4], const u32 (&a)[4], u32 b0,
                                  u32 b1) {
#if __CUDA_ARCH__ >= 800
  if (Type == F16)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
        "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
        "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  // Bfloat16 is not planned for this one.
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
      "{%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, "
      "{%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}
#define AMPRT_TENSOR_CORES 1
#else
#define AMPRT_TENSOR_CORES 0
#endif

/// c[16, 8 · Columns] += a · bᵀ over `Terms` terms: the warp's 16 rows of `a`
/// and rows of `b`, in shared memory.
template <int Type, int Columns, int Terms>
__device__ inline void
multiplyTiles(float (&c)[Columns][4], const typename Tile<Type>::Element *a,
              int pitchA, const typename Tile<Type>::Element *b, int pitchB) {
  const Lane lane = laneOf();
#if AMPRT_TENSOR_CORES
  constexpr bool kTensorCores = Type != F32;
#else
  constexpr bool kTensorCores = false;
#endif
  const auto *rowsA = a + lane.row * pitchA;
  if constexpr (kTensorCores) {
#if AMPRT_TENSOR_CORES
    const auto *ofA = rowsA + lane.column;
    const auto *ofB = b + lane.row * pitchB + lane.column;
#pragma unroll
    for (int k = 0; k < Terms; k += 16) {
      const u32 four[4] = {*(const u32 *)(ofA + k),
                           *(const u32 *)(ofA + 8 * pitchA + k),
                           *(const u32 *)(ofA + k + 8),
                           *(const u32 *)(ofA + 8 * pitchA + k + 8)};
#pragma unroll
      for (int i = 0; i < Columns; ++i) {
        const auto *row = ofB + i * 8 * pitchB + k;
        multiply16<Type>(c[i], four, *(const u32 *)row, *(const u32 *)(row + 8));
      }
    }
#endif
  } else {
    const auto *rowsB = b + lane.column * pitchB;
    for (int k = 0; k < Terms; ++k) {
      const float x[2] = {Tile<Type>::value(rowsA[k]),
                          Tile<Type>::value(rowsA[8 * pitchA + k])};
#pragma unroll
      for (int i = 0; i < Columns; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
          c[i][j] += x[j / 2] *
                     Tile<Type>::value(rowsB[(i * 8 + j % 2) * pitchB + k]);
    }
  }
}

/// A tile of rows `first`, …: as it is, transposed, or both; zero outside.
template <int Type, int Rows, int Columns>
__device__ inline void
loadTile(const AttentionArgs &a, const Bases &bases, int matrix, i64 first,
         i64 rows, i64 columns, typename Tile<Type>::Element *to, int pitch,
         typename Tile<Type>::Element *transposed, int transposedPitch) {
  for (int e = int(threadIdx.x); e < Rows * Columns; e += int(blockDim.x)) {
    int r = e / Columns, c = e % Columns;
    float x = 0;
    if (first + r < rows && c < columns)
      x = load<float>(a.operand[matrix], a.type[matrix],
                      placeOf(a, bases, matrix, first + r, c));
    if (to)
      to[r * pitch + c] = Tile<Type>::of(x);
    if (transposed)
      transposed[c * transposedPitch + r] = Tile<Type>::of(x);
  }
}

/// The 16 rows of a warp, to a result of the step.
template <int Columns>
__device__ inline void storeRows(const AttentionArgs &a, const Bases &bases,
                                 int result, i64 first, i64 rows, i64 columns,
                                 const float (&c)[Columns][4],
                                 const float (&factor)[2]) {
  const Lane lane = laneOf();
  const int matrix = a.operands + result;
#pragma unroll
  for (int i = 0; i < Columns; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      i64 row = first + lane.row + j / 2 * 8;
      i64 column = i * 8 + lane.column + j % 2;
      if (row < rows && column < columns)
        store(a.result[result], a.type[matrix],
              placeOf(a, bases, matrix, row, column), c[i][j] * factor[j / 2]);
    }
}

template <int Columns> __device__ inline void clear(float (&c)[Columns][4]) {
#pragma unroll
  for (int i = 0; i < Columns; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j)
      c[i][j] = 0;
}

/// Operands q, k, v, …; results out and ln Σ e^score.
template <class Step>
__device__ inline void attention(const AttentionArgs &a) {
  constexpr int Type = Step::kType, Depth = Step::kDepth, Width = Step::kWidth;
  constexpr int Rows = Step::kRows, Keys = Step::kKeys;
  constexpr int Pad = Tile<Type>::kPad;
  typedef typename Tile<Type>::Element Element;
  alignas(16) __shared__ Element q[Rows * (Depth + Pad)];
  alignas(16) __shared__ Element k[Keys * (Depth + Pad)];
  alignas(16) __shared__ Element v[Width * (Keys + Pad)]; // transposed
  alignas(16) __shared__ Element p[Rows * (Keys + Pad)];
  const Lane lane = laneOf();
  const int ownRow = int(threadIdx.x / 32) * 16;
  const i64 tiles = (a.m + Rows - 1) / Rows;
  for (i64 task = blockIdx.x; task < a.batch * tiles; task += gridDim.x) {
    const Bases bases = basesOf(a, task / tiles);
    const i64 first = task % tiles * Rows;
    __syncthreads();
    loadTile<Type, Rows, Depth>(a, bases, 0, first, a.m, a.depth, q,
                                Depth + Pad, nullptr, 0);
    float out[Width / 8][4];
    clear(out);
    float top[2] = {float(-infinity()), float(-infinity())}, sum[2] = {0, 0};
    for (i64 from = 0; from < a.n; from += Keys) {
      // Behind all rows of the tile, where every score is the constant.
      if (a.causal && from > first + Rows - 1) {
        bool counts = false;
        for (int half = 0; half < 2; ++half)
          counts |= first + ownRow + lane.row + 8 * half < a.m &&
                    !(expf(a.fill - top[half]) == 0);
        if (!anyOf(counts))
          break;
      }
      __syncthreads();
      loadTile<Type, Keys, Depth>(a, bases, 1, from, a.n, a.depth, k,
                                  Depth + Pad, nullptr, 0);
      loadTile<Type, Keys, Width>(a, bases, 2, from, a.n, a.width, nullptr, 0,
                                  v, Keys + Pad);
      __syncthreads();
      float s[Keys / 8][4];
      clear(s);
      multiplyTiles<Type, Keys / 8, Depth>(s, q + ownRow * (Depth + Pad),
                                           Depth + Pad, k, Depth + Pad);
      float largest[2] = {top[0], top[1]};
#pragma unroll
      for (int i = 0; i < Keys / 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          i64 row = first + ownRow + lane.row + j / 2 * 8;
          i64 column = from + i * 8 + lane.column + j % 2;
          s[i][j] = row < a.m && column < a.n
                        ? Step::score(a, bases, s[i][j], row, column)
                        : float(-infinity());
          largest[j / 2] = fmaxf(largest[j / 2], s[i][j]);
        }
      float change[2], base[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        largest[half] = quadMax(largest[half]);
        // A row of nothing but -inf so far has no largest number.
        base[half] = largest[half] == float(-infinity()) ? 0 : largest[half];
        change[half] = expf(top[half] - base[half]);
        top[half] = largest[half];
        sum[half] *= change[half];
      }
#pragma unroll
      for (int i = 0; i < Keys / 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          float e = expf(s[i][j] - base[j / 2]);
          sum[j / 2] += e;
          p[(ownRow + lane.row + j / 2 * 8) * (Keys + Pad) + i * 8 +
            lane.column + j % 2] = Tile<Type>::of(e);
        }
#pragma unroll
      for (int i = 0; i < Width / 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
          out[i][j] *= change[j / 2];
      warpBarrier();
      multiplyTiles<Type, Width / 8, Keys>(out, p + ownRow * (Keys + Pad),
                                           Keys + Pad, v, Keys + Pad);
    }
    float factor[2];
    for (int half = 0; half < 2; ++half) {
      sum[half] = quadSum(sum[half]);
      factor[half] = 1 / sum[half];
      i64 row = first + ownRow + lane.row + 8 * half;
      if (lane.column == 0 && row < a.m)
        ((float *)a.result[1])[placeOf(a, bases, a.operands + 1, row, 0)] =
            top[half] + logf(sum[half]);
    }
    storeRows(a, bases, 0, first + ownRow, a.m, a.width, out, factor);
  }
}

/// Σ gradient · out of each row, which the gradients of its scores share.
__device__ inline void attentionDelta(const AttentionArgs &a) {
  i64 rows = a.batch * a.m;
  for (i64 at = i64(blockIdx.x) * blockDim.x + threadIdx.x; at < rows;
       at += i64(gridDim.x) * blockDim.x) {
    const Bases bases = basesOf(a, at / a.m);
    float sum = 0;
    for (i64 c = 0; c < a.width; ++c)
      sum += load<float>(a.operand[0], a.type[0],
                         placeOf(a, bases, 0, at % a.m, c)) *
             load<float>(a.operand[4], a.type[4],
                         placeOf(a, bases, 4, at % a.m, c));
    a.delta[at] = sum;
  }
}

/// e^(score − ln Σ) and the gradient of the score, from the products q · kᵀ and
/// g · vᵀ, in place.
template <class Step>
__device__ inline void backward(const AttentionArgs &a, const Bases &bases,
                                i64 batch, i64 row, i64 column, float &s,
                                float &d) {
  if (row >= a.m || column >= a.n) {
    s = d = 0;
    return;
  }
  const float product = s;
  const float logSum = ((const float *)a.operand[5])[placeOf(a, bases, 5, row, 0)];
  s = expf(Step::score(a, bases, product, row, column) - logSum);
  d = Step::back(a, bases, product, s * (d - a.delta[batch * a.m + row]), row,
                 column);
}

/// Whether the scores of these rows behind their own numbers count.
__device__ inline bool countsBehind(const AttentionArgs &a, const Bases &bases,
                                    i64 first, i64 count) {
  bool counts = false;
  for (i64 row = first + threadIdx.x; row < first + count && row < a.m;
       row += blockDim.x)
    counts |= !(expf(a.fill - ((const float *)a.operand[5])[placeOf(
                                  a, bases, 5, row, 0)]) == 0);
  return anyOf(counts);
}

/// Operands g, q, k, v, out, ln Σ, …; results of q, k, v. These are the second
/// and the third: a block takes rows of k and v, a warp 16 of them.
template <class Step>
__device__ inline void attentionOfKeys(const AttentionArgs &a) {
  constexpr int Type = Step::kType, Depth = Step::kDepth, Width = Step::kWidth;
  constexpr int Rows = Step::kBackRows, Keys = Step::kBackKeys;
  constexpr int Pad = Tile<Type>::kPad;
  typedef typename Tile<Type>::Element Element;
  alignas(16) __shared__ Element k[Keys * (Depth + Pad)];
  alignas(16) __shared__ Element v[Keys * (Width + Pad)];
  alignas(16) __shared__ Element q[Rows * (Depth + Pad)];
  alignas(16) __shared__ Element g[Rows * (Width + Pad)];
  alignas(16) __shared__ Element turnedQ[Depth * (Rows + Pad)];
  alignas(16) __shared__ Element turnedG[Width * (Rows + Pad)];
  alignas(16) __shared__ Element p[Keys * (Rows + Pad)];
  const Lane lane = laneOf();
  const int own = int(threadIdx.x / 32) * 16;
  const i64 tiles = (a.n + Keys - 1) / Keys;
  for (i64 task = blockIdx.x; task < a.batch * tiles; task += gridDim.x) {
    const i64 batch = task / tiles, first = task % tiles * Keys;
    const Bases bases = basesOf(a, batch);
    __syncthreads();
    loadTile<Type, Keys, Depth>(a, bases, 2, first, a.n, a.depth, k,
                                Depth + Pad, nullptr, 0);
    loadTile<Type, Keys, Width>(a, bases, 3, first, a.n, a.width, v,
                                Width + Pad, nullptr, 0);
    float ofK[Depth / 8][4], ofV[Width / 8][4];
    clear(ofK);
    clear(ofV);
    for (i64 from = 0; from < a.m; from += Rows) {
      if (a.causal && first > from + Rows - 1 &&
          !countsBehind(a, bases, from, Rows))
        continue;
      __syncthreads();
      loadTile<Type, Rows, Depth>(a, bases, 1, from, a.m, a.depth, q,
                                  Depth + Pad, turnedQ, Rows + Pad);
      loadTile<Type, Rows, Width>(a, bases, 0, from, a.m, a.width, g,
                                  Width + Pad, turnedG, Rows + Pad);
      __syncthreads();
      float s[Rows / 8][4], d[Rows / 8][4];
      clear(s);
      clear(d);
      multiplyTiles<Type, Rows / 8, Depth>(s, k + own * (Depth + Pad),
                                           Depth + Pad, q, Depth + Pad);
      multiplyTiles<Type, Rows / 8, Width>(d, v + own * (Width + Pad),
                                           Width + Pad, g, Width + Pad);
#pragma unroll
      for (int i = 0; i < Rows / 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          i64 column = first + own + lane.row + j / 2 * 8;
          i64 row = from + i * 8 + lane.column + j % 2;
          backward<Step>(a, bases, batch, row, column, s[i][j], d[i][j]);
        }
      for (int pass = 0; pass < 2; ++pass) {
        warpBarrier();
#pragma unroll
        for (int i = 0; i < Rows / 8; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j)
            p[(own + lane.row + j / 2 * 8) * (Rows + Pad) + i * 8 +
              lane.column + j % 2] = Tile<Type>::of(pass ? d[i][j] : s[i][j]);
        warpBarrier();
        if (pass)
          multiplyTiles<Type, Depth / 8, Rows>(ofK, p + own * (Rows + Pad),
                                               Rows + Pad, turnedQ, Rows + Pad);
        else
          multiplyTiles<Type, Width / 8, Rows>(ofV, p + own * (Rows + Pad),
                                               Rows + Pad, turnedG, Rows + Pad);
      }
    }
    const float one[2] = {1, 1};
    storeRows(a, bases, 1, first + own, a.n, a.depth, ofK, one);
    storeRows(a, bases, 2, first + own, a.n, a.width, ofV, one);
  }
}

/// The first result: a block takes rows of q.
template <class Step>
__device__ inline void attentionOfQueries(const AttentionArgs &a) {
  constexpr int Type = Step::kType, Depth = Step::kDepth, Width = Step::kWidth;
  // As many rows here as keys there: both are of the warps.
  constexpr int Rows = Step::kBackKeys, Keys = Step::kBackRows;
  constexpr int Pad = Tile<Type>::kPad;
  typedef typename Tile<Type>::Element Element;
  alignas(16) __shared__ Element q[Rows * (Depth + Pad)];
  alignas(16) __shared__ Element g[Rows * (Width + Pad)];
  alignas(16) __shared__ Element k[Keys * (Depth + Pad)];
  alignas(16) __shared__ Element v[Keys * (Width + Pad)];
  alignas(16) __shared__ Element turnedK[Depth * (Keys + Pad)];
  alignas(16) __shared__ Element p[Rows * (Keys + Pad)];
  const Lane lane = laneOf();
  const int own = int(threadIdx.x / 32) * 16;
  const i64 tiles = (a.m + Rows - 1) / Rows;
  for (i64 task = blockIdx.x; task < a.batch * tiles; task += gridDim.x) {
    const i64 batch = task / tiles, first = task % tiles * Rows;
    const Bases bases = basesOf(a, batch);
    __syncthreads();
    loadTile<Type, Rows, Depth>(a, bases, 1, first, a.m, a.depth, q,
                                Depth + Pad, nullptr, 0);
    loadTile<Type, Rows, Width>(a, bases, 0, first, a.m, a.width, g,
                                Width + Pad, nullptr, 0);
    float ofQ[Depth / 8][4];
    clear(ofQ);
    const bool counts = !a.causal || countsBehind(a, bases, first, Rows);
    for (i64 from = 0; from < a.n; from += Keys) {
      if (!counts && from > first + Rows - 1)
        break;
      __syncthreads();
      loadTile<Type, Keys, Depth>(a, bases, 2, from, a.n, a.depth, k,
                                  Depth + Pad, turnedK, Keys + Pad);
      loadTile<Type, Keys, Width>(a, bases, 3, from, a.n, a.width, v,
                                  Width + Pad, nullptr, 0);
      __syncthreads();
      float s[Keys / 8][4], d[Keys / 8][4];
      clear(s);
      clear(d);
      multiplyTiles<Type, Keys / 8, Depth>(s, q + own * (Depth + Pad),
                                           Depth + Pad, k, Depth + Pad);
      multiplyTiles<Type, Keys / 8, Width>(d, g + own * (Width + Pad),
                                           Width + Pad, v, Width + Pad);
      warpBarrier();
#pragma unroll
      for (int i = 0; i < Keys / 8; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          i64 row = first + own + lane.row + j / 2 * 8;
          i64 column = from + i * 8 + lane.column + j % 2;
          backward<Step>(a, bases, batch, row, column, s[i][j], d[i][j]);
          p[(own + lane.row + j / 2 * 8) * (Keys + Pad) + i * 8 + lane.column +
            j % 2] = Tile<Type>::of(d[i][j]);
        }
      warpBarrier();
      multiplyTiles<Type, Depth / 8, Keys>(ofQ, p + own * (Keys + Pad),
                                           Keys + Pad, turnedK, Keys + Pad);
    }
    const float one[2] = {1, 1};
    storeRows(a, bases, 0, first + own, a.m, a.depth, ofQ, one);
  }
}

} // namespace amprt_kernels

#endif // AMPRT_CUDA_ATTENTION_CUH

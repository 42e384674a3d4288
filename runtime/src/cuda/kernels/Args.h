//===- Args.h - Arguments of the kernels ------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the host fills in and a kernel takes by value. Read by the host's
// compiler, nvcc, NVRTC and the emulation of the tests: no header is needed.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_ARGS_H
#define AMPRT_CUDA_ARGS_H

namespace amprt_kernels {

typedef long long i64;
typedef unsigned long long u64;

/// As amp::DType; the host holds them against each other.
enum Type : int { F16, BF16, F32, F64, I8, U8, I32, I64, Bool };
/// As amprt::ReduceOp.
enum Reduction : int { Sum, Mean, Max, Min, Prod };

/// More dimensions than any graph of ours has after neighbours are joined.
constexpr int kMaxRank = 8;
/// Threads of a block; what row kernels share memory for.
constexpr int kThreads = 256;

/// Elements that a thread loads and stores together.
constexpr int kGroup = 8;

/// Operands of an element-wise step, and those of one gradient.
constexpr int kMaxOperands = 12;
constexpr int kMaxGradientOperands = 6;

struct Nest {
  int rank;
  i64 size[kMaxRank], stride[kMaxRank];
};

/// An element-wise step: as many of the arrays count as the source uses.
struct ElementwiseArgs {
  const void *operand[kMaxOperands];
  void *result;
  const unsigned char *condition;
  /// How often the function has run, and the session's seed.
  const u64 *state;
  i64 count;
  int rank;
  int aligned; ///< all memory begins at 16 bytes
  i64 size[kMaxRank];
  i64 stride[kMaxOperands + 1][kMaxRank]; ///< the result's come behind the operands'
};

struct ReduceArgs {
  const void *x;
  void *result;
  void *partials; ///< double or i64 per part and kept element
  int type, resultType, op;
  i64 kept, reduced, parts;
  Nest keptNest, reducedNest;
};

struct ReduceGradArgs {
  ReduceArgs reduce;
  const void *gradient;
};

/// Rows of [outer, size, inner] along `size`.
struct RowArgs {
  const void *a, *b, *c; ///< operands in the order of the step
  void *result, *result2;
  void *scratch;
  int typeA, typeB, typeC, typeResult, typeResult2;
  i64 outer, size, inner;
  double factor, epsilon;
  int flag;   ///< logarithm; per row; centred
  int sparse; ///< the losses' target is a label
  int givesLoss, givesGradient;
  /// Of the losses' logits and gradient: elements from row to row.
  i64 pitchB, pitchResult;
};

/// Sums over [outer, size, inner] for each of `size` channels.
struct ChannelArgs {
  const void *g, *x;
  const void *mean; ///< float or double per channel, or of the scratch memory
  double *partials; ///< two sums per part and channel
  void *result, *result2;
  double *stats; ///< row norms: mean and factor of each row
  int typeG, typeX, typeParam;
  i64 outer, size, inner, parts;
  int mode;
};

/// Strided copies: `from` side or `to` side walks over the nest.
struct MoveArgs {
  const void *from;
  void *to;
  int bytes; ///< of an element
  int scatters;
  i64 count, offset;
  Nest nest;
  u64 fill;
};

/// Rows of `width` elements between two pitches.
struct RowsArgs {
  const void *from;
  void *to;
  int bytes;
  i64 rows, width, fromPitch, toPitch;
};

struct GatherArgs {
  const void *x;
  const void *indices;
  void *result;
  int type, indexType;
  i64 outer, size, inner, count;
  /// Place and value of the first index that is out of range; the place is
  /// ~0 while there is none.
  u64 *fault;
};

/// One pass of the sort that gradients of gathers need.
struct GatherSortArgs {
  const void *indices;
  int indexType;
  i64 size, count, tiles;
  /// Rows and places of the pass before; null in the first.
  const unsigned *fromRows, *fromPlaces;
  unsigned *toRows, *toPlaces;
  unsigned *counts; ///< by digit and tile, then where they begin
  int shift;
};
constexpr int kSortDigits = 256, kSortTile = 2048;

struct GatherGradArgs {
  GatherArgs gather;
  const unsigned *rows, *places; ///< of the indices, sorted by row
};

struct ScanArgs {
  const void *x;
  void *result;
  int type;
  i64 outer, size, inner;
  int reverse;
};

struct PoolArgs {
  const void *a, *x;
  void *result;
  int type, mean;
  i64 images, channels;
  i64 in[2], out[2], window[2], stride[2], before[2];
};

struct ConvArgs {
  const void *a, *b;
  void *result;
  int type;
  i64 images, channelsIn, channelsOut, groups;
  i64 in[2], out[2], window[2], stride[2], dilation[2], before[2];
  /// By image, channel, row, column.
  i64 xStride[4], yStride[4];
  /// By group, channel out and in (of the group), row, column.
  i64 filterStride[5];
};

struct LossScaleArgs {
  const float *scale;
  const int *good, *bad;
  const unsigned char *finite;
  float *newScale;
  int *newGood, *newBad;
  float growth, backoff, minimum, maximum;
  i64 growthSteps, decreaseEvery;
};

/// A bit for each element of [rows, columns].
struct MaskArgs {
  void *values;
  unsigned char *mask;
  int type;
  i64 rows, columns, pitch, maskBytes;
};

/// Operands of attention and then its results.
constexpr int kMaxMatrices = 20;
/// The longest row of q, k and v, in bytes: tiles of them are shared memory.
constexpr int kAttentionRowBytes = 256;
struct AttentionArgs {
  const void *operand[kMaxMatrices];
  void *result[3];
  float *delta; ///< of the gradient, by row
  int type[kMaxMatrices];
  int operands, matrices, rank, causal;
  float fill; ///< of the columns behind the row's own number, when causal
  i64 batch, m, n, depth, width;
  i64 size[kMaxRank];
  i64 stride[kMaxMatrices][kMaxRank];
  i64 rowStride[kMaxMatrices], columnStride[kMaxMatrices];
};

struct StateArgs {
  u64 *state; ///< state[0] counts calls
};

/// One variable of a flat optimizer step or one tensor of a finite check or sum
/// of squares; a table of them lies in device memory.
struct UpdatePart {
  void *result[4]; ///< variable and slots, or a sum of squares
  void *copy;      ///< 16 bits, or null
  const void *operand[kMaxGradientOperands];
  i64 count, firstChunk;
  int kind; ///< which of the step's gradient expressions
  int copyType;
};

struct UpdateArgs {
  const UpdatePart *parts;
  int partCount;
  i64 chunks; ///< of kChunk elements
  const unsigned char *condition;
  const float *rate;
  const i64 *iterations;
  double *partials; ///< sums of squares: of each chunk
  unsigned char *finite; ///< finite checks: set to 0 by who finds a number
  float weightDecay, momentum, rho, rest, epsilon, rest1, rest2;
  double beta1, beta2;
  int nesterov;
};
constexpr i64 kChunk = 4096;

} // namespace amprt_kernels

#endif // AMPRT_CUDA_ARGS_H

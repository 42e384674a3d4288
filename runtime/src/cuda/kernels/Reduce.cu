//===- Reduce.cu - Reductions over axes -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Sums in float64 (int64 for integers) in an order that does not depend on the
// launch. A long reduction is cut into parts, whose results a second kernel
// adds up in order.
//===----------------------------------------------------------------------===//

#include "Device.cuh"

using namespace amprt_kernels;

template <class Acc> __device__ inline Acc startOf(int op);
template <> __device__ inline double startOf<double>(int op) {
  return op == Prod ? 1.0 : op == Max ? -infinity() : op == Min ? infinity() : 0;
}
template <> __device__ inline i64 startOf<i64>(int op) {
  return op == Prod  ? 1
         : op == Max ? -0x7fffffffffffffffLL - 1
         : op == Min ? 0x7fffffffffffffffLL
                     : 0;
}
__device__ inline double combine(int op, double a, double b) {
  switch (op) {
  case Prod:
    return a * b;
  case Max:
    return a > b || a != a ? a : b;
  case Min:
    return a < b || a != a ? a : b;
  default:
    return a + b;
  }
}
__device__ inline i64 combine(int op, i64 a, i64 b) {
  switch (op) {
  case Prod:
    return i64(u64(a) * u64(b));
  case Max:
    return a > b ? a : b;
  case Min:
    return a < b ? a : b;
  default:
    return i64(u64(a) + u64(b));
  }
}

/// `value` is narrowed to the register of the type before it is stored.
__device__ inline void finish(const ReduceArgs &a, i64 at, double value) {
  if (a.op == Mean)
    value = value / double(a.reduced);
  if (a.resultType == F64)
    store(a.result, F64, at, value);
  else
    store(a.result, a.resultType, at, float(value));
}
__device__ inline void finish(const ReduceArgs &a, i64 at, i64 value) {
  if (a.op == Mean)
    value = a.reduced ? value / a.reduced : 0;
  store(a.result, a.resultType, at, value);
}

template <class Acc>
__device__ inline Acc combineRows(int op, Acc value, bool alongY) {
  __shared__ Acc cells[kThreads];
  int at = int(threadIdx.y * blockDim.x + threadIdx.x);
  unsigned own = alongY ? threadIdx.y : threadIdx.x;
  unsigned count = alongY ? blockDim.y : blockDim.x;
  unsigned step = alongY ? blockDim.x : 1;
  __syncthreads();
  cells[at] = value;
  for (unsigned half = count / 2; half; half /= 2) {
    __syncthreads();
    if (own < half)
      cells[at] = combine(op, cells[at], cells[at + int(half * step)]);
  }
  __syncthreads();
  return cells[alongY ? threadIdx.x : threadIdx.y * blockDim.x];
}

/// One block per kept element and part.
template <class Acc> __device__ inline void reduceRows(const ReduceArgs &a) {
  i64 tasks = a.kept * a.parts;
  i64 length = (a.reduced + a.parts - 1) / a.parts;
  for (i64 first = i64(blockIdx.x) * blockDim.y; first < tasks;
       first += i64(gridDim.x) * blockDim.y) {
    i64 task = first + threadIdx.y;
    i64 kept = task % a.kept, part = task / a.kept;
    Acc total = startOf<Acc>(a.op);
    if (task < tasks) {
      i64 base = offsetOf(kept, a.keptNest);
      i64 begin = part * length;
      i64 end = begin + length < a.reduced ? begin + length : a.reduced;
      if (a.reducedNest.rank == 1)
        walk<Acc>({a.x, a.type, base + begin * a.reducedNest.stride[0],
                   a.reducedNest.stride[0]},
                  end - begin,
                  [&](i64, Acc x) { total = combine(a.op, total, x); });
      else
        for (i64 r = begin + threadIdx.x; r < end; r += blockDim.x)
          total = combine(a.op, total,
                          load<Acc>(a.x, a.type,
                                    base + offsetOf(r, a.reducedNest)));
    }
    total = combineRows(a.op, total, false);
    if (task < tasks && threadIdx.x == 0) {
      if (a.parts == 1)
        finish(a, kept, total);
      else
        ((Acc *)a.partials)[part * a.kept + kept] = total;
    }
  }
}

/// Neighbouring threads take neighbouring kept elements, which lie one behind
/// the other; blockIdx.y is the part.
template <class Acc> __device__ inline void reduceColumns(const ReduceArgs &a) {
  i64 length = (a.reduced + a.parts - 1) / a.parts;
  i64 part = blockIdx.y;
  i64 begin = part * length;
  i64 end = begin + length < a.reduced ? begin + length : a.reduced;
  for (i64 first = i64(blockIdx.x) * blockDim.x; first < a.kept;
       first += i64(gridDim.x) * blockDim.x) {
    i64 kept = first + threadIdx.x;
    Acc total = startOf<Acc>(a.op);
    if (kept < a.kept) {
      i64 base = offsetOf(kept, a.keptNest);
      for (i64 r = begin + threadIdx.y; r < end; r += blockDim.y)
        total = combine(a.op, total,
                        load<Acc>(a.x, a.type,
                                  base + offsetOf(r, a.reducedNest)));
    }
    total = combineRows(a.op, total, true);
    if (kept < a.kept && threadIdx.y == 0) {
      if (a.parts == 1)
        finish(a, kept, total);
      else
        ((Acc *)a.partials)[part * a.kept + kept] = total;
    }
  }
}

template <class Acc> __device__ inline void reduceFinish(const ReduceArgs &a) {
  for (i64 at = firstIndex(); at < a.kept; at += indexStep()) {
    Acc total = startOf<Acc>(a.op);
    for (i64 part = 0; part < a.parts; ++part)
      total = combine(a.op, total, ((const Acc *)a.partials)[part * a.kept + at]);
    finish(a, at, total);
  }
}

AMPRT_KERNEL(reduce_rows, ReduceArgs) { reduceRows<double>(a); }
AMPRT_KERNEL(reduce_rows_int, ReduceArgs) { reduceRows<i64>(a); }
AMPRT_KERNEL(reduce_columns, ReduceArgs) { reduceColumns<double>(a); }
AMPRT_KERNEL(reduce_columns_int, ReduceArgs) { reduceColumns<i64>(a); }
AMPRT_KERNEL(reduce_finish, ReduceArgs) { reduceFinish<double>(a); }
AMPRT_KERNEL(reduce_finish_int, ReduceArgs) { reduceFinish<i64>(a); }

/// Gradients of the largest, smallest and product of the reduced elements; one
/// thread per kept element. `partials` is room for a factor of each element.
template <class T>
__device__ inline void reduceGrad(const ReduceArgs &a, const void *gradients) {
  for (i64 at = firstIndex(); at < a.kept; at += indexStep()) {
    i64 base = offsetOf(at, a.keptNest);
    T gradient = load<T>(gradients, a.type, at);
    if (a.op == Prod) {
      double *behind = (double *)a.partials + at * a.reduced;
      double product = 1;
      for (i64 r = a.reduced - 1; r >= 0; --r) {
        behind[r] = product;
        product *= double(
            load<T>(a.x, a.type, base + offsetOf(r, a.reducedNest)));
      }
      double before = 1;
      for (i64 r = 0; r < a.reduced; ++r) {
        i64 place = base + offsetOf(r, a.reducedNest);
        double own = double(load<T>(a.x, a.type, place));
        store(a.result, a.resultType, place,
              T(T(before * behind[r]) * gradient));
        before *= own;
      }
      continue;
    }
    T best = 0;
    for (i64 r = 0; r < a.reduced; ++r) {
      T value = load<T>(a.x, a.type, base + offsetOf(r, a.reducedNest));
      if (r == 0 || value != value ||
          (best == best && (a.op == Max ? value > best : value < best)))
        best = best != best ? best : value;
    }
    i64 count = 0;
    for (i64 r = 0; r < a.reduced; ++r) {
      T value = load<T>(a.x, a.type, base + offsetOf(r, a.reducedNest));
      count += best != best ? value != value : value == best;
    }
    for (i64 r = 0; r < a.reduced; ++r) {
      i64 place = base + offsetOf(r, a.reducedNest);
      T value = load<T>(a.x, a.type, place);
      bool takes = best != best ? value != value : value == best;
      T share = T(1.0 / double(count));
      store(a.result, a.resultType, place, takes ? T(share * gradient) : T(0));
    }
  }
}
AMPRT_KERNEL(reduce_grad_f32, ReduceGradArgs) {
  reduceGrad<float>(a.reduce, a.gradient);
}
AMPRT_KERNEL(reduce_grad_f64, ReduceGradArgs) {
  reduceGrad<double>(a.reduce, a.gradient);
}

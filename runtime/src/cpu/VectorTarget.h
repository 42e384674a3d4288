//===- VectorTarget.h - Loops for the machine's vectors ---------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Compiles one plain loop for several instruction sets and picks the widest
// that the machine has. The loops round after each operation, so all of them
// give the same bits.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_VECTORTARGET_H
#define AMPRT_CPU_VECTORTARGET_H

#if defined(__GNUC__) || defined(__clang__)
#define AMPRT_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define AMPRT_ALWAYS_INLINE inline
#endif

namespace amprt::cpu {

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

template <auto loop, typename... Args>
__attribute__((target("avx512f"))) void loop512(Args... args) {
  loop(args...);
}
template <auto loop, typename... Args>
__attribute__((target("avx2"))) void loop256(Args... args) {
  loop(args...);
}

template <auto loop, typename... Args>
auto pickLoop(void (*)(Args...)) -> void (*)(Args...) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return loop512<loop, Args...>;
  if (__builtin_cpu_supports("avx2"))
    return loop256<loop, Args...>;
  return loop;
}

/// The loop (a function marked AMPRT_ALWAYS_INLINE) for this machine.
template <auto loop> auto vectorised() {
  static const auto picked = pickLoop<loop>(loop);
  return picked;
}

#else

template <auto loop> auto vectorised() { return loop; }

#endif

} // namespace amprt::cpu

#endif // AMPRT_CPU_VECTORTARGET_H

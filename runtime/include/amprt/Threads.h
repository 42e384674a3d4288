//===- Threads.h - How idle threads wait ------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For programs that own their process, as amp-run does.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_THREADS_H
#define AMPRT_THREADS_H

namespace amprt {

/// GNU OpenMP's idle threads spin for milliseconds before they sleep, so a
/// small model takes many times as long while other processes use the cores.
/// The library reads its settings when it is loaded: this function, called
/// first in main with its `argv`, sets a short spin and starts the program
/// again in the same process. It does nothing when the user has chosen
/// (OMP_WAIT_POLICY or GOMP_SPINCOUNT is set) or where that is not possible.
void limitIdleSpinning(char **argv);

} // namespace amprt

#endif // AMPRT_THREADS_H

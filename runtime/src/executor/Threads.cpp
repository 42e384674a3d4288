//===- Threads.cpp - How idle threads wait --------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Starts a program again with a short spin of OpenMP's idle threads.
//===----------------------------------------------------------------------===//

#include "amprt/Threads.h"

#ifdef __linux__
#include <cstdlib>
#include <string>
#include <unistd.h>

void amprt::limitIdleSpinning(char **argv) {
  // Long enough to bridge the gap between two kernels, short enough to give
  // the core to another process within a time slice.
  constexpr const char *spins = "2000";
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT"))
    return;
  // By its real path, so that the process keeps its name.
  std::string path(4096, '\0');
  ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0)
    return;
  path.resize(size_t(length));
  setenv("GOMP_SPINCOUNT", spins, 1);
  execv(path.c_str(), argv);
  unsetenv("GOMP_SPINCOUNT"); // still here: go on as before
}

#else

void amprt::limitIdleSpinning(char **) {}

#endif

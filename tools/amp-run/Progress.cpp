//===- Progress.cpp - What a person sees of a training --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Formats the two kinds of lines.
//===----------------------------------------------------------------------===//

#include "Progress.h"

#include <cstdio>
#include <unistd.h>

namespace amprun {

void printEpoch(const amprt::io::EpochReport &epoch, int64_t epochs) {
  std::printf("epoch %lld/%lld  loss %.4f", static_cast<long long>(epoch.epoch),
              static_cast<long long>(epochs), epoch.loss);
  if (epoch.accuracy)
    std::printf("  accuracy %.4f", *epoch.accuracy);
  if (epoch.validationAccuracy)
    std::printf("  validation %.4f", *epoch.validationAccuracy);
  std::printf("  %lld steps", static_cast<long long>(epoch.steps));
  if (epoch.skipped)
    std::printf(", %lld skipped", static_cast<long long>(epoch.skipped));
  std::printf("  %.1f s\n", epoch.seconds);
  std::fflush(stdout);
}

Progress::Progress(bool quiet)
    : active(!quiet && isatty(STDERR_FILENO)), start(Clock::now()),
      last(start) {}

void Progress::step(int64_t step, int64_t total, double loss) {
  using namespace std::chrono_literals;
  const Clock::time_point now = Clock::now();
  // Short runs stay quiet, and a terminal takes ten lines a second.
  if (!active || now - start < 2s || now - last < 100ms)
    return;
  last = now;
  shown = true;
  const double seconds = std::chrono::duration<double>(now - start).count();
  const double left = seconds / double(step) * double(total - step);
  std::fprintf(stderr, "\r\033[Kstep %lld/%lld  loss %.4f  %.0f s left",
               static_cast<long long>(step), static_cast<long long>(total),
               loss, left);
  std::fflush(stderr);
}

void Progress::clear() {
  if (shown)
    std::fputs("\r\033[K", stderr);
  shown = false;
}

} // namespace amprun

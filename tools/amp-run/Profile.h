//===- Profile.h - Where the time goes --------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --profile: the time of each step of the program over all calls, with what it
// computes on and how fast.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_PROFILE_H
#define AMP_TOOLS_AMP_RUN_PROFILE_H

#include "amprt/Session.h"

#include <map>

namespace amprun {

/// Adds up the time of each step over all calls.
class Profile {
public:
  void observe(const amprt::StepEvent &event);
  /// A table, the slowest step first.
  std::string render() const;

private:
  struct Entry {
    double seconds = 0;
    int64_t calls = 0;
    /// Of all calls: 2·m·n·k of products; read and written.
    double flop = 0, bytes = 0;
  };
  struct Key {
    std::string function, kernel, dtype, shape, step;
    friend bool operator<(const Key &a, const Key &b) {
      return std::tie(a.function, a.kernel, a.dtype, a.shape, a.step) <
             std::tie(b.function, b.kernel, b.dtype, b.shape, b.step);
    }
  };
  std::map<Key, Entry> entries;
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_PROFILE_H

//===- Inspect.h - Looks at every step of a run -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --check-numerics and --profile: both watch the steps of a session.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_INSPECT_H
#define AMP_TOOLS_AMP_RUN_INSPECT_H

#include "amprt/Session.h"

#include <map>

namespace amprun {

/// Remembers the first value of a call that is not finite.
class NumericsCheck {
public:
  void observe(const amprt::StepEvent &event);
  void startCall() { found.reset(); }
  bool failed() const { return found.has_value(); }
  /// The message at the node's line in the graph file.
  std::string render(const amp::graphfile::SourceText &source,
                     const amp::graphfile::GraphFile &file,
                     bool asWarning) const;

private:
  struct Finding {
    std::string function, value;
    amprt::DType dtype;
    amprt::Dims dims;
    int64_t count = 0, total = 0, first = 0;
    double number = 0;
  };
  std::optional<Finding> found;
};

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
  };
  /// By function, kernel and step name: plans of other sizes add up.
  std::map<std::array<std::string, 3>, Entry> entries;
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_INSPECT_H

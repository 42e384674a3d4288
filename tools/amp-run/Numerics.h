//===- Numerics.h - Numbers that go wrong on the way ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --check-numerics: the first node of a call that makes a number that is not
// finite, and the nodes whose numbers are too small for their 16 bits. Watches
// a session that fuses nothing, so that each node is a step.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_NUMERICS_H
#define AMP_TOOLS_AMP_RUN_NUMERICS_H

#include "amprt/Session.h"

#include <map>
#include <set>

namespace amprun {

class NumericsCheck {
public:
  void observe(const amprt::StepEvent &event);
  /// Forgets the failure of the last call.
  void startCall() { found.reset(); }
  bool failed() const { return found.has_value(); }
  /// What failed, at the node's line in the graph file, with the range of each
  /// of its inputs. As a warning, each node once.
  std::string renderFailure(const amp::graphfile::SourceText &source,
                            const amp::graphfile::GraphFile &file,
                            bool asWarning);
  /// The nodes that flushed numbers to zero in any call.
  std::string renderFlushes(const amp::graphfile::SourceText &source,
                            const amp::graphfile::GraphFile &file) const;

private:
  /// What a tensor holds.
  struct Range {
    std::string value;
    amprt::DType dtype;
    amprt::Dims dims;
    /// Space::Arena for a value that a node made.
    amprt::Space space;
    int64_t total = 0, notFinite = 0, nans = 0;
    /// Of the finite numbers; least > most when there are none.
    double least = 0, most = 0;
    /// The first that is not finite.
    int64_t firstAt = 0;
    double first = 0;
  };
  struct Finding {
    std::string function;
    Range result;
    std::vector<Range> operands;
  };
  struct Flush {
    int64_t calls = 0, worst = 0, total = 0;
    bool all = true;
    amprt::DType dtype = amprt::DType::Float16;
  };

  static Range look(const amprt::Program &program,
                    const amprt::StepEvent::Value &value);
  static std::string describe(const Range &range);

  /// The infinities of this result are those of a constant of the file, a mask
  /// for one, that went through: they are meant.
  bool isMeant(const amprt::StepEvent &event, const Range &result,
               const std::vector<Range> &operands);

  std::optional<Finding> found;
  /// Values that hold such infinities.
  std::set<std::string> meant;
  /// Nodes that were warned of.
  std::set<std::string> told;
  /// By function and value.
  std::map<std::pair<std::string, std::string>, Flush> flushes;
  /// How often each step of the values above has run.
  std::map<std::pair<std::string, std::string>, int64_t> runs;
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_NUMERICS_H

//===- Compare.h - Two graphs, node by node ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --compare: what each node of one graph gives beside the node of the same name
// of another, a rewritten one for example, from the same inputs and variables.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_COMPARE_H
#define AMP_TOOLS_AMP_RUN_COMPARE_H

#include "amprt/Session.h"

#include <set>
#include <unordered_map>

namespace amprun {

class Comparison {
public:
  /// The two functions. Nodes belong together by name; generated ones that
  /// have no partner of their name, by origin and op, in order.
  Comparison(const amp::graphfile::CheckedFile &reference,
             const amp::graphfile::Function &referenceFunction,
             const amp::graphfile::CheckedFile &other,
             const amp::graphfile::Function &otherFunction);

  /// Steps of the reference, all of them, and then of the other graph.
  void observeReference(const amprt::StepEvent &event);
  void observeOther(const amprt::StepEvent &event);

  /// The largest relative error; 0 when nothing was compared.
  double worst() const;
  size_t count() const { return rows.size(); }
  /// The first node, in the order of execution, whose relative error exceeds
  /// `bound`, and a table, the largest error first. `place` says where a node
  /// of the other graph stands.
  std::string
  render(double bound, const std::string &referenceName,
         const std::string &otherName,
         const std::function<std::string(std::string_view)> &place) const;

private:
  struct Held {
    amprt::DType dtype;
    amprt::Dims dims;
    /// float32 holds every 16-bit number; others are kept as they are.
    std::vector<float> floats;
    std::vector<double> wide;
    double at(size_t i) const { return wide.empty() ? floats[i] : wide[i]; }
  };
  struct Row {
    std::string value;
    amprt::DType reference, other;
    amprt::Dims dims;
    /// Largest difference, and largest finite number of the reference.
    double absolute = 0, largest = 0;
    /// Sums of squares of the differences and of the reference.
    double squares = 0, reference2 = 0;
    bool sameShape = true;
    double relative() const;
    double rms() const;
  };
  /// The node of the reference for one of the other graph.
  const std::string *partnerOf(const std::string &value) const;

  std::unordered_map<std::string, Held> held;
  std::unordered_map<std::string, std::string> partners;
  /// Nodes between scale_loss and unscale: they are compared without the
  /// scale.
  std::set<std::string, std::less<>> referenceScaled, otherScaled;
  double referenceScale = 1, otherScale = 1;
  size_t onlyReference = 0, onlyOther = 0;
  std::vector<Row> rows;
  std::unordered_map<std::string, size_t> rowOf; ///< by its value
};

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_COMPARE_H

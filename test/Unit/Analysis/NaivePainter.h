//===- NaivePainter.h - The painting by its definitions ---------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An independent painter: each rule is a question about paths, answered from
// reachability matrices. Cubic, obvious, and no code shared with lib/Analysis.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_UNIT_ANALYSIS_NAIVEPAINTER_H
#define AMP_TEST_UNIT_ANALYSIS_NAIVEPAINTER_H

#include "amp/Analysis/PaintGraph.h"

#include <string>

namespace amp::naive {

using Edges = std::vector<std::pair<VertexId, VertexId>>;

struct Graph {
  std::vector<PaintVertex> vertices;
  Edges edges, ties, recurrences;

  PaintGraph build() const;
  /// For messages.
  std::string print() const;
};

/// The colours that the rules of docs/Algorithm.md give.
std::vector<Colour> paint(const Graph &graph, InferRule inferRule);

} // namespace amp::naive

#endif // AMP_TEST_UNIT_ANALYSIS_NAIVEPAINTER_H

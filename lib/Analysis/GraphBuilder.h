//===- GraphBuilder.h - The graph of a body ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From the ops of a body to the vertices and edges of its PaintGraph: an op's
// type groups are vertices in the order of the sweep, edges come from the uses
// of values in groups. Ops that carry values through regions, into functions and
// out of them (flows) are tied to what they hand over.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_ANALYSIS_GRAPHBUILDER_H
#define AMP_LIB_ANALYSIS_GRAPHBUILDER_H

#include "OpDescriber.h"
#include "llvm/ADT/MapVector.h"

namespace amp {

/// Builds the graph of a painting, step by step in this order.
class GraphBuilder {
public:
  GraphBuilder(const PaintSettings &settings, FunctionPainting &painting,
               OpDescriber &describer)
      : settings(settings), painting(painting), body(painting.body),
        describer(describer) {}

  /// Indexes the body, and finds the ops that carry values from one place to
  /// another, with their groups.
  void collectOps();
  /// Describes the ops and makes their vertices. Afterwards isMalformed() says
  /// whether a model contradicts its op, which has been told.
  void addVertices();
  bool isMalformed() const { return malformed; }
  /// Tells the vertices what was found out about their ops since: pins, and
  /// lists of ops spelled out.
  void updateVertices();
  void addEdges();

  /// The groups of an op, as its vertices are.
  void getGroups(uint32_t index, const OpKind &kind,
                 llvm::SmallVectorImpl<TypeGroup> &groups);
  /// Whether the function returns a result.
  bool isOutput(uint32_t index, unsigned result) const {
    return outputs[body.result(index, result)];
  }
  /// There are vertices for existing casts.
  bool anyCast() const { return hasCast; }

private:
  void findFlows();
  void findBranches();
  void findOutputs();
  bool isBlockOrder() const {
    return settings.keepBlockOrder || body.isTopological();
  }
  std::vector<uint32_t> sweepOrder(bool insideOut) const;
  void addVertices(uint32_t index);
  /// An op that has its vertices, and its dialect.
  struct Example {
    uint32_t op = kNoOp;
    const PrecisionDialectInterface *dialect = nullptr;
  };
  void addVerticesLike(uint32_t index, const Example &example);
  void addCastVertex(uint32_t index, const OpKind &kind);
  bool isPreservedByOutput(uint32_t index) const;
  PaintVertex makeVertex(uint32_t index, const OpKind &kind, unsigned group,
                         const TypeGroup &members);
  void tieCalls();

  const PaintSettings &settings;
  FunctionPainting &painting;
  BodyIndex &body;
  OpDescriber &describer;
  /// Values that the function returns.
  std::vector<bool> outputs;
  bool hasCast = false, malformed = false;
  llvm::SmallVector<TypeGroup, 2> groups;
  /// By kind (OpKinds): groups follow from the op alone, so that those of the
  /// others are the same.
  std::vector<Example> examples;
  /// The numbers of the terminators, and others, that hand values over.
  llvm::MapVector<mlir::Operation *, uint32_t> handing;
  /// The first arguments of the body's blocks, where there are flows.
  llvm::DenseMap<mlir::Block *, ValueId> firstArguments;
};

} // namespace amp

#endif // AMP_LIB_ANALYSIS_GRAPHBUILDER_H

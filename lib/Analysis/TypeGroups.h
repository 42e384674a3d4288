//===- TypeGroups.h - Type groups of a body ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the members of a group have in common, and relations between groups.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_ANALYSIS_TYPEGROUPS_H
#define AMP_LIB_ANALYSIS_TYPEGROUPS_H

#include "amp/Analysis/FunctionPainting.h"

namespace amp {

bool hasMembers(const TypeGroup &group);
/// Whether the op has all operands and results that the group names.
bool hasPlaces(mlir::Operation *op, const TypeGroup &group);
/// Whether the values of a flow are tensors that can be cast.
bool isShaped(mlir::Operation *op, const FlowGroup &group);
/// The element type that all members of a group share; null without one.
mlir::Type groupType(mlir::Operation *op, const TypeGroup &group);
/// Whether there is anything in the op that could be lowered.
bool touchesFloats(mlir::Operation *op);

/// What a dialect tells of groups, into the graph.
class PaintedRelations : public GroupRelations {
public:
  explicit PaintedRelations(FunctionPainting &painting) : painting(painting) {}
  void addEdge(mlir::Operation *from, unsigned fromGroup, mlir::Operation *to,
               unsigned toGroup) override;
  void tie(mlir::Operation *a, unsigned aGroup, mlir::Operation *b,
           unsigned bGroup) override;
  void keepFloat32(mlir::Operation *op, unsigned group) override;

private:
  VertexId vertex(mlir::Operation *op, unsigned group);

  FunctionPainting &painting;
  llvm::DenseMap<mlir::Operation *, uint32_t> index;
};

} // namespace amp

#endif // AMP_LIB_ANALYSIS_TYPEGROUPS_H

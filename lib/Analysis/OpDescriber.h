//===- OpDescriber.h - What ops are to the painting -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The part of an op's description that is no graph: its list by the policy, its
// pin, whether it is a cast, a loss, unknown, or a part of an op spelled out.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_ANALYSIS_OPDESCRIBER_H
#define AMP_LIB_ANALYSIS_OPDESCRIBER_H

#include "SpelledOut.h"
#include "amp/Analysis/FunctionPainting.h"
#include "amp/Analysis/OpNameMap.h"
#include "llvm/ADT/StringMap.h"

namespace amp {

/// Fills the ops of a painting whose body is indexed. Flows are known before.
class OpDescriber {
public:
  OpDescriber(const PaintSettings &settings, FunctionPainting &painting);

  /// Describes one op. Warnings come in the order of the calls.
  void describe(uint32_t index);
  const OpKind &kindOf(mlir::Operation *op) { return infoOf(op).kind; }
  /// Must not change, by attribute.
  bool isPreserved(mlir::Operation *op) { return marksOf(op).preserve; }

  // Once all ops are described:

  /// Pins from `amp.precision`, else from a flag; backward nodes have the pin of
  /// the node that they come from. Wrong ones are errors.
  llvm::LogicalResult readPins();
  /// Ops that together are a softmax are on its list where that keeps it
  /// float32.
  void findSpelledOutOps();

  /// These two have changed the description of an op.
  bool anyUpdate() const { return updated; }
  /// Any op has a pin as an attribute.
  bool anyPinAttribute() const { return anyPin; }
  bool anyRecurrence() const { return recurs; }
  bool anyLossOrUnknown() const { return hasLossOrUnknown; }

private:
  /// What all ops of a name share, and the policy's word on the last one.
  struct NameInfo {
    OpKind kind;
    /// Its casts, if it is one, read whatever there is.
    bool castsAreTransparent = true;
    /// Of an op of a models file, whatever its regions hold.
    SoftmaxStep step = SoftmaxStep::None;
    llvm::StringRef policyName;
    ListKind list = ListKind::Keep;
    bool isListed = false;
  };
  /// What a dictionary of attributes says.
  struct Marks {
    bool preserve = false, precision = false;
  };

  NameInfo &infoOf(mlir::Operation *op);
  const Marks &marksOf(mlir::Operation *op);
  void look(NameInfo &info, mlir::Operation *op, llvm::StringRef name);
  void describeLike(uint32_t index, uint32_t example);

  const PaintSettings &settings;
  FunctionPainting &painting;
  OpNameMap<NameInfo> infos;
  /// By kind (OpKinds), an op that has been described: what is asked here follows
  /// from the op alone, so that the others of its kind are the same. kNoOp where
  /// there is none yet, and for unknown ops, which are counted.
  std::vector<uint32_t> examples;
  /// kPreserveAttr, kPrecisionAttr.
  mlir::StringAttr preserve, precision;
  /// Attributes never change: what the last dictionary says holds for all ops
  /// that have the same, as most have an empty one.
  mlir::DictionaryAttr lastDictionary;
  Marks lastMarks;
  llvm::StringMap<bool> warnedLosses;
  /// Parallel to the ops, where a models file describes any.
  std::vector<SoftmaxStep> steps;
  bool anyPin = false, recurs = false, hasLossOrUnknown = false, updated = false;
};

} // namespace amp

#endif // AMP_LIB_ANALYSIS_OPDESCRIBER_H

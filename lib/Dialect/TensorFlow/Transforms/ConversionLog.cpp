//===- ConversionLog.cpp - The numbers of TensorFlow's log line ---------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// TensorFlow counts attributes and calls them nodes, and leaves out the casts
// that constant folding takes away and those of variables.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

static uint64_t countFloat32(Operation *op) {
  uint64_t count = 0;
  for (const TypeVertex &vertex : getNodeTypes(op).vertices)
    count += !vertex.attr.empty() &&
             getVertexType(op, vertex) == graphdef::kFloat;
  return count;
}

static bool isConstantOrVariable(Operation *op) {
  llvm::StringRef name = getOpName(op);
  if (name == "Const" || name == "Variable" || name == "VariableV2" ||
      name == "VarHandleOp" || name == "ReadVariableOp")
    return true;
  auto *dialect =
      op->getDialect()->getRegisteredInterface<PrecisionDialectInterface>();
  return dialect && dialect->readsReference(op);
}

tf::ConversionLog::ConversionLog(ModuleOp module) : module(module) {
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    ConversionCounts counts;
    if (auto name = function->getAttrOfType<StringAttr>(kFunctionNameAttr))
      counts.function = name.str();
    // Arguments and results of a function are nodes there.
    if (!counts.function.empty())
      counts.nodes = function.getNumArguments() + function.getNumResults();
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      ++counts.nodes;
      counts.converted += countFloat32(&op);
    }
    before.push_back(std::move(counts));
  }
}

std::vector<ConversionCounts> tf::ConversionLog::finish() {
  size_t i = 0;
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    ConversionCounts &counts = before[i++];
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      if (!op.hasAttr(kGeneratedAttr)) {
        counts.converted -= countFloat32(&op);
        continue;
      }
      auto type = op.getAttrOfType<TypeAttr>("DstT");
      Operation *source = op.getOperand(0).getDefiningOp();
      counts.casts += type && !type.getValue().isF32() &&
                      !(source && isConstantOrVariable(source));
    }
  }
  return std::move(before);
}

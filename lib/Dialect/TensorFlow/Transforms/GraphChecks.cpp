//===- GraphChecks.cpp - What no TensorFlow graph may have --------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// TensorFlow finds these around its pass, when it reads a graph and when it
// sorts what came out. A graph in the order in which it runs, as most are, is
// not sorted.
//===----------------------------------------------------------------------===//

#include "Devices.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "llvm/ADT/DenseSet.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

static LogicalResult checkDevices(FunctionOpInterface function) {
  auto name = StringAttr::get(function.getContext(), kDeviceAttr);
  llvm::DenseSet<StringAttr> known;
  for (Operation &op :
       function.getFunctionBody().front().without_terminator()) {
    auto text = dyn_cast_or_null<StringAttr>(op.getDiscardableAttr(name));
    if (text && known.insert(text).second && !deviceType(text.getValue()))
      return op.emitError() << "Unable to parse " << text.getValue()
                            << " as a device name";
  }
  return success();
}

/// A loop goes from NextIteration back to Merge.
static bool closesLoop(Operation *from, Operation *to) {
  llvm::StringRef source = getOpName(from), target = getOpName(to);
  return (source == "NextIteration" || source == "RefNextIteration") &&
         (target == "Merge" || target == "RefMerge" || target == "_XlaMerge");
}

static LogicalResult checkOrder(FunctionOpInterface function) {
  Block &block = function.getFunctionBody().front();
  llvm::DenseMap<Operation *, unsigned> waiting;
  bool isOrdered = true;
  for (Operation &op : block.without_terminator())
    isOrdered &= llvm::all_of(op.getOperands(), [&](Value value) {
      Operation *from = value.getDefiningOp();
      return !from || (from != &op && from->isBeforeInBlock(&op)) ||
             closesLoop(from, &op);
    });
  if (isOrdered)
    return success();
  llvm::SmallVector<Operation *> ready;
  for (Operation &op : block.without_terminator()) {
    unsigned count = llvm::count_if(op.getOperands(), [&](Value value) {
      Operation *from = value.getDefiningOp();
      return from && !closesLoop(from, &op);
    });
    if (count)
      waiting[&op] = count;
    else
      ready.push_back(&op);
  }
  while (!ready.empty()) {
    Operation *op = ready.pop_back_val();
    for (OpOperand &use : op->getUses()) {
      auto it = waiting.find(use.getOwner());
      if (it != waiting.end() && !closesLoop(op, use.getOwner()) &&
          --it->second == 0) {
        ready.push_back(use.getOwner());
        waiting.erase(it);
      }
    }
  }
  if (waiting.empty())
    return success();
  // Back from one that waits, to what it waits for: in the end, in circles.
  Operation *op = waiting.begin()->first;
  for (Operation &each : block.without_terminator())
    if (waiting.contains(&each)) {
      op = &each;
      break;
    }
  llvm::DenseSet<Operation *> seen;
  while (seen.insert(op).second)
    for (Value value : op->getOperands()) {
      Operation *from = value.getDefiningOp();
      if (from && waiting.contains(from) && !closesLoop(from, op)) {
        op = from;
        break;
      }
    }
  return op->emitError() << "node '" << getNodeName(op->getLoc())
                         << "' waits for itself: the graph couldn't be sorted "
                         << "in topological order";
}

LogicalResult tf::checkBody(FunctionOpInterface function) {
  return failure(failed(checkDevices(function)) ||
                 failed(checkOrder(function)));
}

LogicalResult tf::checkGraph(ModuleOp module) {
  for (auto function : module.getOps<FunctionOpInterface>())
    if (!function->hasAttr(kFunctionAttr))
      return checkBody(function);
  return success();
}

bool tf::hasLowReferences(FunctionOpInterface function) {
  Type low[] = {
      tensorType(function.getContext(), graphdef::kRefOffset + graphdef::kHalf),
      tensorType(function.getContext(),
                 graphdef::kRefOffset + graphdef::kBFloat16)};
  return llvm::any_of(
      function.getFunctionBody().front().without_terminator(),
      [&](Operation &op) {
        return llvm::any_of(op.getResultTypes(), [&](Type type) {
          return type == low[0] || type == low[1];
        });
      });
}

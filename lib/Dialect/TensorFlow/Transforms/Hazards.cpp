//===- Hazards.cpp - What TensorFlow's pass breaks ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The policy `tensorflow` rewrites as TensorFlow does and warns; the others
// keep out of it.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSwitch.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

/// "float16" or "bfloat16" for a type that mixed precision lowers to.
static llvm::StringRef lowName(DataType type) {
  return type == graphdef::kHalf        ? "float16"
         : type == graphdef::kBFloat16 ? "bfloat16"
                                        : llvm::StringRef();
}

static DataType typeOf(Operation *op, llvm::StringRef attr) {
  auto type = op->getAttrOfType<TypeAttr>(attr);
  return type ? dataType(type.getValue()) : 0;
}

/// The type of a list's elements where it is no longer float32.
static DataType loweredElement(Operation *op) {
  for (const TypeVertex &vertex : getNodeTypes(op).vertices)
    if (!vertex.attr.empty() && vertex.index < 0)
      if (DataType type = getVertexType(op, vertex); !lowName(type).empty())
        return type;
  return 0;
}

/// The vertices of a node that are float32 by an attribute.
static llvm::SmallVector<TypeVertex, 4> findFloat32(Operation *op) {
  llvm::SmallVector<TypeVertex, 4> found;
  for (const TypeVertex &vertex : getNodeTypes(op).vertices)
    if (!vertex.attr.empty() && getVertexType(op, vertex) == graphdef::kFloat)
      found.push_back(vertex);
  return found;
}

tf::Hazards::Hazards(ModuleOp module) : module(module) {
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    for (TensorListCluster &list : findTensorLists(function))
      if (list.nests || list.wanted || list.handsOn)
        lists.push_back(std::move(list));
    auto preserve = StringAttr::get(module.getContext(), kPreserveAttr);
    auto called = StringAttr::get(module.getContext(), kCallsAttr);
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      if (op.getDiscardableAttr(preserve)) {
        if (getOpName(&op) == "Cast" && typeOf(&op, "DstT") == graphdef::kFloat)
          casts.push_back(&op);
      } else if (op.getDiscardableAttr(called) && !op.hasAttr(kSignatureAttr)) {
        if (auto vertices = findFloat32(&op); !vertices.empty())
          calls.emplace_back(&op, std::move(vertices));
      }
    }
  }
}

void tf::Hazards::avoid() {
  // A list with a member that stays does so itself.
  for (TensorListCluster &list : lists)
    for (Operation *op : list.members)
      op->setAttr(kPreserveAttr, UnitAttr::get(op->getContext()));
  for (auto &[op, vertices] : calls)
    op->setAttr(kPreserveAttr, UnitAttr::get(op->getContext()));
}

void tf::Hazards::warnOfLists() {
  for (TensorListCluster &list : lists) {
    auto lowered = llvm::find_if(list.members, loweredElement);
    if (lowered == list.members.end())
      continue;
    llvm::StringRef type = lowName(loweredElement(*lowered));
    if (list.wanted)
      list.wanted->emitWarning()
          << "node '" << getNodeName(list.wanted->getLoc())
          << "' hands out a tensor list whose elements are " << type
          << " now: reading them as float32 fails in TensorFlow";
    if (list.handsOn)
      list.handsOn->emitWarning()
          << "node '" << getNodeName(list.handsOn->getLoc()) << "' ("
          << getOpName(list.handsOn) << ") hands a tensor list to functions, "
          << "and the elements of '" << getNodeName((*lowered)->getLoc())
          << "' are " << type << " now: TensorFlow fails where a function "
          << "takes them for float32";
    if (list.nests)
      list.nests->emitWarning()
          << "node '" << getNodeName(list.nests->getLoc())
          << "' has a tensor list as an element of another, and the elements "
          << "of '" << getNodeName((*lowered)->getLoc()) << "' are " << type
          << " now: TensorFlow fails where the inner list is read as float32";
  }
}

/// Ops whose functions TensorFlow compares with their types behind its pass: an
/// error there, and the graph comes back as it was.
static bool isRegional(llvm::StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"If", "StatelessIf", "Case", "StatelessCase", "While",
              "StatelessWhile", "For"},
             true)
      .Default(false);
}

/// Of a loop all of whose types are on the clear list, and none of whose
/// functions is looked into.
LogicalResult tf::Hazards::checkCalls() {
  bool failed = false;
  for (auto &[op, vertices] : calls) {
    llvm::StringRef type;
    for (const TypeVertex &vertex : vertices)
      if (type.empty())
        type = lowName(getVertexType(op, vertex));
    if (type.empty())
      continue;
    if (isRegional(getOpName(op))) {
      failed = true;
      op->emitError() << "node '" << getNodeName(op->getLoc()) << "' ("
                      << getOpName(op) << ") takes " << type
                      << " now, and its functions still take float32, at which "
                      << "TensorFlow gives up: keep it with --tf-keep, or take "
                      << "another policy";
      continue;
    }
    op->emitWarning() << "node '" << getNodeName(op->getLoc()) << "' ("
                        << getOpName(op) << ") takes " << type
                        << " now, and its functions still take float32: it "
                        << "fails when the node runs, as with TensorFlow's "
                        << "pass";
  }
  return failure(failed);
}

void tf::Hazards::warnOfCasts() {
  for (Operation *cast : casts) {
    llvm::StringRef type = lowName(typeOf(cast, "DstT"));
    if (type.empty())
      continue;
    InFlightDiagnostic diag =
        cast->emitWarning() << "cast '" << getNodeName(cast->getLoc());
    if (cast->hasAttr(kWantedAttr))
      diag << "' is wanted and gives " << type
           << " now, not float32, as with TensorFlow's pass";
    else
      diag << "' is on another device and gives " << type
           << " now all the same, as with TensorFlow's pass";
    if (type == "float16")
      diag << ": what is beyond 65504 becomes infinite";
  }
}

/// Infer ops that follow an allow op, and allow ops themselves, are lowered
/// without a look at kernels.
void tf::Hazards::warnOfKernels() {
  auto isLow = [](Value value) {
    auto tensor = dyn_cast<mlir::TensorType>(value.getType());
    return tensor && (tensor.getElementType().isF16() ||
                      tensor.getElementType().isBF16());
  };
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    auto kernels = function->getAttrOfType<StringAttr>(kKernelsAttr);
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      llvm::StringRef name = getOpName(&op);
      if (name == "Cast" || op.hasAttr(kPreserveAttr) || !getSpec(&op) ||
          op.hasAttr(kSignatureAttr) ||
          (llvm::none_of(op.getResults(), isLow) &&
           llvm::none_of(op.getOperands(), isLow)))
        continue;
      auto interface = dyn_cast<PrecisionOpInterface>(&op);
      if (!interface)
        continue;
      NodeTypes types = getNodeTypes(&op);
      for (unsigned v = 0; v < types.vertices.size(); ++v) {
        DataType type = getVertexType(&op, types.vertices[v]);
        if (lowName(type).empty() || types.vertices[v].attr.empty() ||
            interface.canExecute(
                v, cast<FloatType>(elementType(op.getContext(), type))))
          continue;
        op.emitWarning() << "node '" << getNodeName(op.getLoc()) << "' ("
                         << name << ") has " << lowName(type)
                         << " in type attribute '" << types.vertices[v].attr
                         << "', for which TensorFlow has no "
                         << (kernels && kernels.getValue() == "cpu" ? "CPU"
                                                                    : "GPU")
                         << " kernel: it fails when the node runs";
      }
    }
  }
}

LogicalResult tf::Hazards::report() {
  if (failed(checkCalls()))
    return failure();
  warnOfLists();
  warnOfCasts();
  warnOfKernels();
  return success();
}

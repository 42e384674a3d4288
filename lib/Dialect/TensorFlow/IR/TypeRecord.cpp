//===- TypeRecord.cpp - Types of nodes before and after a rewrite ------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// No op of the dialect has a verifier: what a file says of types is what it
// says. So a rewrite is held against how the module was.
//===----------------------------------------------------------------------===//

#include "OpLayout.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {
/// A port whose type is another than its vertex says.
struct Mismatch {
  bool isInput = false;
  unsigned port = 0, vertex = 0;
  std::string attr;
  DataType says = 0, has = 0;
};
} // namespace

/// Of 16 bits, as a rewrite makes them.
static bool isLow(const Mismatch &mismatch) {
  for (DataType type : {mismatch.says, mismatch.has})
    if (type == graphdef::kHalf || type == graphdef::kBFloat16)
      return true;
  return false;
}

/// Types as numbers, references as what they refer to; unknown ones fit all.
static bool differ(DataType a, DataType b) {
  return a % graphdef::kRefOffset != b % graphdef::kRefOffset && a && b;
}

/// The first port that does not fit. `typeOf` gives a vertex's type.
template <typename TypeOf, typename ForEach>
static std::optional<Mismatch> findMismatch(Operation *op, ForEach &&forEach,
                                            TypeOf &&typeOf) {
  std::optional<Mismatch> found;
  for (bool isInput : {true, false}) {
    unsigned port = 0;
    const unsigned ports = isInput ? getNumInputs(op) : getNumOutputs(op);
    forEach(isInput, [&](unsigned vertex) {
      if (found || port >= ports)
        return;
      Type type = isInput ? op->getOperand(port).getType()
                          : op->getResult(port).getType();
      Type has = getElementTypeOrSelf(type), says = typeOf(vertex);
      if (has != says && differ(dataType(has), says ? dataType(says) : 0))
        found =
            Mismatch{isInput, port, vertex, {}, dataType(says), dataType(has)};
      ++port;
    });
  }
  return found;
}

namespace {
/// Looks at nodes one behind the other, most of which are of few ops.
class TypeCheck {
public:
  std::optional<Mismatch> find(Operation *op);

private:
  llvm::DenseMap<const void *, const OpLayout *> layouts;
};
} // namespace

std::optional<Mismatch> TypeCheck::find(Operation *op) {
  const OpLayout *&layout = layouts[op->getName().getAsOpaquePointer()];
  if (!layout)
    layout = &getLayout(op->getName());
  std::optional<Mismatch> found;
  if (layout->spec && layout->fits(op)) {
    // Most ports have the vertex of the port before.
    std::pair<unsigned, Type> last = {~0u, Type()};
    found = findMismatch(
        op,
        [&](bool isInput, auto visit) {
          layout->forEachPort(op, isInput ? layout->inputs : layout->outputs,
                              visit);
        },
        [&](unsigned v) -> Type {
          const OpLayout::Vertex &vertex = layout->vertices[v];
          if (!vertex.attr)
            return vertex.fixed;
          if (last.first != v) {
            auto type =
                dyn_cast_or_null<TypeAttr>(getNodeAttr(op, vertex.attr));
            last = {v, type ? type.getValue() : Type()};
          }
          return last.second;
        });
    if (found)
      found->attr = layout->vertices[found->vertex].id.attr.str();
    return found;
  }
  if (!getSpec(op))
    return std::nullopt;
  NodeTypes types = getNodeTypes(op);
  found = findMismatch(
      op,
      [&](bool isInput, auto visit) {
        for (unsigned v : isInput ? types.inputs : types.outputs)
          visit(v);
      },
      [&](unsigned v) -> Type {
        DataType type = getVertexType(op, types.vertices[v]);
        return type ? elementType(op->getContext(), type) : Type();
      });
  if (found)
    found->attr = types.vertices[found->vertex].attr.str();
  return found;
}

/// All types that a node's attributes give.
static size_t typesOf(Operation *op) {
  llvm::hash_code hash = 0;
  for (NamedAttribute attr : op->getDiscardableAttrs())
    if (isa<TypeAttr, ArrayAttr>(attr.getValue()) &&
        !attr.getName().getValue().starts_with("tf."))
      hash = llvm::hash_combine(hash, attr.getName().getAsOpaquePointer(),
                                attr.getValue().getAsOpaquePointer());
  return hash;
}

/// TensorFlow's pass takes casts to another type and loops along, whatever is
/// to stay as it is.
static bool mayChange(Operation *op) {
  llvm::StringRef name = getOpName(op);
  return name == "NextIteration" ||
         (name == "Cast" && !op->getParentOp()->hasAttr(kStrictAttr));
}

TypeRecord::TypeRecord(ModuleOp module) : module(module) {
  MLIRContext *context = module.getContext();
  auto preserve = StringAttr::get(context, kPreserveAttr);
  const Type half = tensorType(context, graphdef::kHalf),
             brain = tensorType(context, graphdef::kBFloat16);
  // A mismatch that the rewrite brings about is one of 16 bits, so that few
  // modules need to be looked at before it.
  bool hasLow = false;
  for (auto function : module.getOps<FunctionOpInterface>())
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      for (Type type : op.getResultTypes())
        hasLow |= type == half || type == brain;
      for (Type type : op.getOperandTypes())
        hasLow |= type == half || type == brain;
      if (getNumOutputs(&op) == 0)
        for (NamedAttribute attr : op.getDiscardableAttrs())
          if (auto type = dyn_cast<TypeAttr>(attr.getValue()))
            hasLow |= type.getValue().isF16() || type.getValue().isBF16();
      if (op.getDiscardableAttr(preserve) && !mayChange(&op))
        preserved[&op] = typesOf(&op);
    }
  if (!hasLow)
    return;
  TypeCheck check;
  for (auto function : module.getOps<FunctionOpInterface>())
    for (Operation &op :
         function.getFunctionBody().front().without_terminator())
      if (check.find(&op))
        mismatched.insert(&op);
}

LogicalResult TypeRecord::verify() {
  TypeCheck check;
  for (auto function : module.getOps<FunctionOpInterface>())
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      auto before = preserved.find(&op);
      if (before != preserved.end() && before->second != typesOf(&op))
        return op.emitError() << "contract: '" << getNodeName(op.getLoc())
                              << "' (" << getOpName(&op)
                              << ") is preserved, and its types have changed";
      std::optional<Mismatch> found = check.find(&op);
      if (!found || !isLow(*found) || mismatched.contains(&op))
        continue;
      return op.emitError()
             << "contract: " << (found->isInput ? "input " : "output ")
             << found->port << " of '" << getNodeName(op.getLoc()) << "' ("
             << getOpName(&op) << ") is "
             << llvm::StringRef(graphdef::typeName(found->has)) << ", and "
             << (found->attr.empty() ? "the op has "
                                     : "attribute '" + found->attr + "' says ")
             << llvm::StringRef(graphdef::typeName(found->says));
    }
  return success();
}

//===- ValueTypes.cpp - Types with the names of sizes ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Values have the type that MLIR gives them first; what is dynamic is then
// inferred, operands before the nodes that read them.
//===----------------------------------------------------------------------===//

#include "ValueTypes.h"

#include "FileKeys.h"

using namespace amp;
using namespace amp::graph;
using namespace mlir;

/// More kinds than a network has; each takes memory until the end.
static constexpr size_t kMostKinds = 100'000;

const OpDef *ValueTypes::defOf(Operation *op) {
  auto [it, isNew] = defs.try_emplace(op->getName().getTypeID(), nullptr);
  if (isNew)
    it->second = getOpDef(op);
  return it->second;
}

const amp::TensorType *ValueTypes::plainType(Type type) {
  if (type == lastType)
    return lastPlain;
  auto [it, isNew] = plainTypes.try_emplace(type, nullptr);
  if (isNew)
    if (std::optional<amp::TensorType> tensor = toTensorType(type))
      it->second = sharedType(*tensor);
  lastType = type;
  return lastPlain = it->second;
}

const amp::TensorType *ValueTypes::sharedType(const amp::TensorType &type) {
  std::string key(1, static_cast<char>(type.dtype));
  for (const Dim &dim : type.shape) {
    int64_t size = dim.isFixed() ? dim.size()
                   : dim.isNamed() ? -2 - int64_t(dim.name().size())
                                   : -1;
    key.append(reinterpret_cast<const char *>(&size), sizeof(size));
    if (dim.isNamed())
      key.append(dim.name());
  }
  std::unique_ptr<amp::TensorType> &shared = sharedTypes[key];
  if (!shared)
    shared = std::make_unique<amp::TensorType>(type);
  return shared.get();
}

/// Names that nothing infers: of variables and of opaque nodes.
void ValueTypes::nameResults(const Body &body, uint32_t index,
                             ArrayAttr shapes) {
  for (unsigned i = 0; i < body.op(index)->getNumResults(); ++i) {
    auto sizes = i < shapes.size() ? dyn_cast<ArrayAttr>(shapes[i]) : nullptr;
    if (!sizes)
      continue;
    const amp::TensorType *&shared = types[body.result(index, i)];
    amp::TensorType type = *shared;
    nameSizes(type, sizes);
    shared = sharedType(type);
  }
}

std::vector<const amp::TensorType *>
ValueTypes::inferKind(const Body &body, uint32_t index, const OpDef *def) {
  Operation *op = body.op(index);
  std::vector<amp::TensorType> operands, inferred;
  for (unsigned i = 0; i < body.numOperands(index); ++i)
    operands.push_back(*types[body.operand(index, i)]);
  std::vector<Attr> attrs;
  std::string_view wrong;
  bool good = def && succeeded(readNodeAttrs(op, *def, attrs, wrong)) &&
              !inferTypes(*def, operands, attrs, inferred) &&
              inferred.size() == op->getNumResults();
  std::vector<const amp::TensorType *> results;
  for (unsigned k = 0; k < op->getNumResults(); ++k) {
    amp::TensorType type = *types[body.result(index, k)];
    if (good) {
      const amp::Shape &shape = inferred[k].shape;
      for (size_t i = 0; i < type.shape.size() && i < shape.size(); ++i)
        if (type.shape[i].isUnknown())
          type.shape[i] = shape[i];
    }
    results.push_back(sharedType(type));
  }
  return results;
}

void ValueTypes::inferOp(const Body &body, uint32_t index) {
  Operation *op = body.op(index);
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto variable = variables.lookup(read.getVariable());
    if (Attribute sizes = variable ? variable.getShapeNamesAttr() : ArrayAttr())
      nameResults(body, index, ArrayAttr::get(op->getContext(), sizes));
    return;
  }
  if (!op->getRawDictionaryAttrs().empty())
    if (auto shapes = op->getAttrOfType<ArrayAttr>(kShapesAttr))
      return nameResults(body, index, shapes);
  const OpDef *def = defOf(op);
  key.start(op);
  for (unsigned i = 0; i < body.numOperands(index); ++i)
    key.add(types[body.operand(index, i)]);
  key.add(nullptr);
  for (Type type : op->getResultTypes())
    key.add(type.getAsOpaquePointer());
  auto it = known.find(key.bytes());
  if (it == known.end()) {
    Kind kind{0, inferKind(body, index, def)};
    setResults(body, index, kind);
    if (known.size() == kMostKinds)
      return;
    // The elements of a constant are not to be kept as text.
    if (def && !isa<ConstantOp>(op))
      kind.number = known.size() + 1;
    it = known.try_emplace(key.bytes(), std::move(kind)).first;
  }
  kinds[index] = it->second.number;
  setResults(body, index, it->second);
}

/// The types that MLIR has.
LogicalResult ValueTypes::start(FuncOp function, const Body &body) {
  types.assign(body.numValues(), nullptr);
  kinds.assign(body.numOps(), 0);
  for (BlockArgument argument : function.getArguments()) {
    const amp::TensorType *type = plainType(argument.getType());
    if (!type)
      return function.emitError("argument ")
             << argument.getArgNumber() << " has type " << argument.getType()
             << ", which graph files do not have";
    types[argument.getArgNumber()] = type;
  }
  for (uint32_t i = 0; i < body.numOps(); ++i)
    for (OpResult result : body.op(i)->getResults()) {
      const amp::TensorType *type = plainType(result.getType());
      if (!type)
        return body.op(i)->emitError("has a result of type ")
               << result.getType() << ", which graph files do not have";
      types[body.result(i, result.getResultNumber())] = type;
    }
  for (BlockArgument argument : function.getArguments())
    if (auto shape = function.getArgAttrOfType<ArrayAttr>(
            argument.getArgNumber(), kShapeAttr)) {
      amp::TensorType type = *types[argument.getArgNumber()];
      nameSizes(type, shape);
      types[argument.getArgNumber()] = sharedType(type);
    }
  return success();
}

/// Block order where operands stand first; else depth first over operands with
/// a stack of our own, and a cycle is cut.
LogicalResult ValueTypes::infer(FuncOp function, const Body &body) {
  if (failed(start(function, body)))
    return failure();
  if (body.isTopological()) {
    for (uint32_t i = 0; i < body.numOps(); ++i)
      inferOp(body, i);
    return success();
  }
  std::vector<bool> seen(body.numOps());
  SmallVector<std::pair<uint32_t, unsigned>> stack;
  for (uint32_t root = 0; root < body.numOps(); ++root) {
    if (seen[root])
      continue;
    seen[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[op, next] = stack.back();
      if (next == body.numOperands(op)) {
        inferOp(body, op);
        stack.pop_back();
        continue;
      }
      uint32_t source = body.definingOp(body.operand(op, next++));
      if (source != kNone && !seen[source]) {
        seen[source] = true;
        stack.push_back({source, 0});
      }
    }
  }
  return success();
}

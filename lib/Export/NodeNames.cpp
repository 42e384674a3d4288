//===- NodeNames.cpp - The names of a function's nodes --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Mostly all names are there and distinct, and casts can be named by what they
// cast: then no name is compared with another as text.
//===----------------------------------------------------------------------===//

#include "NodeNames.h"

#include "FileKeys.h"
#include "amp/Dialect/Graph/IR/CastNames.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace amp::graph;
using namespace mlir;
namespace gf = amp::graphfile;

bool amp::isFileName(StringRef name) {
  return !name.empty() && name.size() <= gf::Limits().nameBytes &&
         llvm::none_of(name, [](unsigned char c) {
           return c == ':' || c < 0x20 || c == 0x7F;
         });
}

/// Whether the name could be one that a cast gets.
static bool isLikeCast(StringRef name) {
  return (name.ends_with("16") || name.ends_with("32") ||
          name.ends_with("64")) &&
         name.contains("/cast_");
}

/// Names the casts that have none. False where a name would not be theirs
/// alone: `similar` are the others that could be equal to one.
bool NodeNames::nameCasts(const Body &body, ArrayRef<uint32_t> casts,
                          ArrayRef<std::string_view> similar) {
  llvm::DenseSet<StringRef> taken;
  for (std::string_view name : similar)
    taken.insert(StringRef(name));
  llvm::SmallString<128> name;
  for (uint32_t cast : casts) {
    uint32_t value = body.operand(cast, 0);
    // The name of another result holds a number, and so may that of a node.
    if (body.resultNumber(value) != 0)
      return false;
    name = StringRef(names[body.definingOp(value)]);
    name += castSuffix(mlir::cast<FloatType>(
        getElementTypeOrSelf(body.op(cast)->getResult(0).getType())));
    if (name.size() > gf::Limits().nameBytes || taken.contains(name))
      return false;
    names[cast] = arena.intern(view(name));
  }
  return true;
}

/// Reads the names if every node has one that a graph file can hold and that
/// no input, variable or other node has. Equal names are one attribute.
bool NodeNames::readDistinct(FuncOp function, const Body &body) {
  std::vector<std::string_view> similar;
  std::vector<uint32_t> casts;
  PointerIndex seen(body.numOps() + function.getNumArguments(), /*shift=*/5);
  auto isGood = [&](StringAttr name) {
    if (isLikeCast(name))
      similar.push_back(view(name));
    return !variables.contains(name) && seen.add(name.getAsOpaquePointer());
  };
  for (StringAttr variable : variables)
    if (isLikeCast(variable))
      similar.push_back(view(variable));
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kNameAttr);
    if (!name || !isGood(name))
      return false;
  }
  names.assign(body.numOps(), {});
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    Operation *op = body.op(i);
    if (auto read = dyn_cast<ReadOp>(op)) {
      names[i] = view(read.getVariable());
      continue;
    }
    if (isUnnamedCast(op)) {
      casts.push_back(i);
      continue;
    }
    auto loc = dyn_cast<NameLoc>(op->getLoc());
    if (!loc)
      return false;
    StringAttr name = loc.getName();
    if (!isFileName(name) || !isGood(name))
      return false;
    names[i] = view(name);
  }
  return nameCasts(body, casts, similar);
}

/// Gives nodes that have no name, or that of another, one of their own: MLIR
/// in text holds such nodes. An input or a node that a pass did not make keeps
/// its name, so that a variable of that name, such as one of the optimizer's
/// state, is an error.
LogicalResult NodeNames::makeDistinct(FuncOp function, const Body &body) {
  NameAllocator allocator;
  for (StringAttr variable : variables)
    allocator.take(variable);
  auto isVariable = [&](StringRef name) {
    return variables.contains(StringAttr::get(function.getContext(), name));
  };
  for (BlockArgument argument : function.getArguments()) {
    std::string name = valueName(argument);
    if (isVariable(name))
      return emitError(argument.getLoc())
             << "input '" << name << "' has the name of a variable";
    allocator.take(name);
  }
  names.assign(body.numOps(), {});
  SmallVector<uint32_t> nameless;
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    Operation *op = body.op(i);
    StringRef name = nodeName(op);
    if (isa<ReadOp>(op))
      names[i] = view(name);
    else if (!isFileName(name.take_front(gf::Limits().nameBytes)))
      nameless.push_back(i);
    else if (isVariable(name) && !op->hasAttr(kGeneratedAttr))
      return op->emitError("node '") << name << "' has the name of a variable";
    else
      names[i] = arena.intern(allocator.fresh(name));
  }
  for (uint32_t i : nameless)
    names[i] =
        arena.intern(allocator.fresh(body.op(i)->getName().stripDialect()));
  return success();
}

LogicalResult NodeNames::read(FuncOp function, const Body &body) {
  arguments.clear();
  for (BlockArgument argument : function.getArguments())
    arguments.push_back(arena.intern(valueName(argument)));
  if (readDistinct(function, body))
    return success();
  // What the rewrite would have done, had it not left it to us.
  bool anyUnnamed = false;
  for (uint32_t i = 0; i < body.numOps() && !anyUnnamed; ++i)
    anyUnnamed = isUnnamedCast(body.op(i));
  if (anyUnnamed) {
    nameGenerated(function);
    if (readDistinct(function, body))
      return success();
  }
  return makeDistinct(function, body);
}

//===- GraphNames.cpp - Names and creation of nodes -----------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names live in locations; nodes made by passes get names that nothing else in
// the function has.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/CastNames.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

StringRef graph::nodeName(Operation *op) {
  if (auto variable = dyn_cast<VariableOp>(op))
    return variable.getSymName();
  if (auto read = dyn_cast<ReadOp>(op))
    return read.getVariable();
  return getNodeName(op->getLoc());
}

Location graph::namedLoc(StringRef name, Location loc) {
  while (auto named = dyn_cast<NameLoc>(loc))
    loc = named.getChildLoc();
  return NameLoc::get(StringAttr::get(loc.getContext(), name), loc);
}

StringRef graph::castSuffix(FloatType type) {
  return type.isF16()    ? "/cast_float16"
         : type.isBF16() ? "/cast_bfloat16"
         : type.isF32()  ? "/cast_float32"
         : type.isF64()  ? "/cast_float64"
                         : "/cast_?";
}

bool graph::canNameLater(Value value, Location loc) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getLoc() != loc || isa<ReadOp, VariableOp>(op) ||
      isUnnamedCast(op))
    return false;
  auto named = dyn_cast<NameLoc>(loc);
  return named && !named.getName().empty();
}

bool graph::isUnnamedCast(Operation *op) {
  if (!isa<CastOp>(op) || op->getNumOperands() != 1)
    return false;
  Operation *source = op->getOperand(0).getDefiningOp();
  return source && source->getLoc() == op->getLoc() &&
         isa<NameLoc>(op->getLoc()) && op->hasAttr(kGeneratedAttr) &&
         isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
}

static std::string castName(Operation *op) {
  auto type = cast<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
  return graph::valueName(op->getOperand(0)) + graph::castSuffix(type).str();
}

std::string graph::valueName(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<FuncOp>(argument.getOwner()->getParentOp());
    auto name = function ? function.getArgAttrOfType<StringAttr>(
                               argument.getArgNumber(), kNameAttr)
                         : StringAttr();
    return name ? name.str() : "arg" + std::to_string(argument.getArgNumber());
  }
  auto result = cast<OpResult>(value);
  if (isUnnamedCast(result.getOwner()))
    return castName(result.getOwner());
  std::string name = nodeName(result.getOwner()).str();
  if (result.getResultNumber())
    name += "/" + std::to_string(result.getResultNumber());
  return name;
}

/// The name in a location, as the attribute that all equal names share; null
/// without one.
static StringAttr nameAttr(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (auto name = dyn_cast<NameLoc>(part))
        return name.getName();
  return {};
}

/// Calls `visit` with the name of each input, node and variable in reach; null
/// for a node without one.
static void
forEachName(FuncOp function,
            llvm::function_ref<void(StringAttr, Operation *)> visit) {
  if (auto module = function->getParentOfType<ModuleOp>())
    for (VariableOp variable : module.getOps<VariableOp>())
      visit(variable.getSymNameAttr(), nullptr);
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto name = function.getArgAttrOfType<StringAttr>(i, kNameAttr))
      visit(name, nullptr);
  if (function.isExternal())
    return;
  for (Operation &op : function.getBody().front())
    if (!isa<ReadOp, ReturnOp>(op))
      visit(nameAttr(op.getLoc()), &op);
}

NameAllocator::NameAllocator(FuncOp function) {
  forEachName(function, [&](StringAttr name, Operation *) {
    if (name && !name.empty())
      taken.insert(name.getValue());
  });
}

/// The most bytes that a graph file allows in a name, and what "_1", "_2", …
/// may need of them.
static constexpr size_t kMaxNameBytes = 1024, kSuffixBytes = 12;

/// A name of at most `size` bytes: its end tells what the node is and stays,
/// characters before it go.
static std::string shortened(StringRef name, size_t size) {
  if (name.size() <= size)
    return name.str();
  size_t slash = name.rfind('/');
  StringRef tail = slash == StringRef::npos ? "" : name.drop_front(slash);
  if (tail.size() > size / 2)
    tail = "";
  size_t head = size - tail.size();
  // Not within a character of UTF-8.
  while (head > 0 && (static_cast<unsigned char>(name[head]) & 0xC0) == 0x80)
    --head;
  return (name.take_front(head) + tail).str();
}

std::string NameAllocator::fresh(StringRef wanted) {
  std::string name = shortened(wanted, kMaxNameBytes);
  if (taken.insert(name).second)
    return name;
  std::string stem = shortened(name, kMaxNameBytes - kSuffixBytes);
  unsigned &suffix = next[stem];
  while (true) {
    std::string candidate = stem + "_" + std::to_string(++suffix);
    if (taken.insert(candidate).second)
      return candidate;
  }
}

/// Whether the nodes that passes made have names already that nothing else
/// has: the usual case, found out without a look at the characters.
static bool areNamesFresh(ArrayRef<std::pair<StringAttr, Operation *>> made,
                          ArrayRef<StringAttr> others) {
  llvm::DenseSet<StringAttr> names;
  names.reserve(made.size());
  for (const auto &[name, op] : made)
    if (!name || name.empty() || name.size() > kMaxNameBytes ||
        !names.insert(name).second)
      return false;
  return llvm::none_of(others,
                       [&](StringAttr name) { return names.contains(name); });
}

void graph::nameGenerated(FuncOp function) {
  if (function.isExternal())
    return;
  for (Operation &op : function.getBody().front())
    if (isUnnamedCast(&op))
      op.setLoc(namedLoc(castName(&op), op.getLoc()));
  SmallVector<std::pair<StringAttr, Operation *>> made;
  std::vector<StringAttr> others;
  auto generated = StringAttr::get(function.getContext(), kGeneratedAttr);
  forEachName(function, [&](StringAttr name, Operation *op) {
    if (op && (!name || name.empty() || op->hasAttr(generated)))
      made.push_back({name, op});
    else
      others.push_back(name);
  });
  if (areNamesFresh(made, others))
    return;
  NameAllocator names;
  for (StringAttr name : others)
    names.take(name.getValue());
  for (const auto &[wanted, op] : made) {
    std::string base = !wanted || wanted.empty()
                           ? op->getName().stripDialect().str()
                           : wanted.str();
    std::string name = names.fresh(base);
    if (!wanted || name != wanted.getValue())
      op->setLoc(namedLoc(name, op->getLoc()));
  }
}

Operation *graph::createNode(OpBuilder &builder, Location loc, StringRef op,
                             StringRef name, ValueRange operands,
                             ArrayRef<NamedAttribute> attrs, StringRef origin) {
  MLIRContext *context = builder.getContext();
  const OpDef *def = findOp(std::string_view(op.data(), op.size()));
  if (!def) {
    emitError(loc) << "'" << op << "' is not in the op table";
    return nullptr;
  }
  OperationState state(namedLoc(name, loc), "graph." + op.str());
  state.addOperands(operands);
  state.addAttributes(attrs);
  state.addAttribute(kGeneratedAttr, builder.getUnitAttr());
  if (!origin.empty())
    state.addAttribute(kOriginAttr, builder.getStringAttr(origin));
  std::vector<amp::TensorType> inputs, inferred;
  std::vector<Attr> values;
  for (Value operand : operands) {
    std::optional<amp::TensorType> type =
        operand ? toTensorType(operand.getType()) : std::nullopt;
    if (!type) {
      emitError(loc) << "'" << op << "' cannot take this operand";
      return nullptr;
    }
    inputs.push_back(std::move(*type));
  }
  for (const NamedAttribute &attr : attrs) {
    StringRef key = attr.getName().getValue();
    if (op == "constant" && key == "value") {
      auto elements = cast<ElementsAttr>(attr.getValue());
      state.addTypes(elements.getShapedType());
      continue;
    }
    const AttrDef *attrDef = def->findAttr(key);
    if (!attrDef)
      continue;
    std::optional<AttrValue> value =
        fromMLIRAttr(attrDef->kind, attr.getValue());
    if (!value) {
      emitError(loc) << "attribute '" << key << "' of '" << op
                     << "' has the wrong kind";
      return nullptr;
    }
    values.push_back({attrDef->name, std::move(*value)});
  }
  if (op != "constant") {
    if (std::optional<OpError> error =
            inferTypes(*def, inputs, values, inferred)) {
      emitError(loc) << "'" << op << "': " << error->message;
      return nullptr;
    }
    for (const amp::TensorType &type : inferred)
      state.addTypes(toMLIRType(context, type));
  }
  return builder.create(state);
}

/// Functions and variables may have the same name in a file, but not the same
/// symbol: a function leaves its own to a new variable. Functions stand behind
/// the variables.
static void leaveSymbol(Block &block, StringRef name) {
  for (Operation &op : llvm::reverse(block)) {
    if (isa<VariableOp>(op))
      return;
    auto function = dyn_cast<FuncOp>(op);
    if (!function || function.getSymName() != name)
      continue;
    if (!function->hasAttr(kNameAttr))
      function->setAttr(kNameAttr, function.getSymNameAttr());
    std::string free;
    for (unsigned i = 1; free.empty(); ++i) {
      std::string candidate = (name + "_" + Twine(i)).str();
      if (!SymbolTable::lookupSymbolIn(block.getParentOp(), candidate))
        free = candidate;
    }
    function.setSymName(free);
    return;
  }
}

VariableOp graph::createVariable(OpBuilder &builder, Location loc,
                                 StringRef name, RankedTensorType type,
                                 DictionaryAttr init, ArrayAttr shapeNames) {
  leaveSymbol(*builder.getInsertionBlock(), name);
  OperationState state(loc, VariableOp::getOperationName());
  state.addAttribute("sym_name", builder.getStringAttr(name));
  state.addAttribute("type", TypeAttr::get(type));
  if (init)
    state.addAttribute("init", init);
  if (shapeNames)
    state.addAttribute("shape_names", shapeNames);
  return cast<VariableOp>(builder.create(state));
}

ReadOp graph::createRead(OpBuilder &builder, Location loc,
                         VariableOp variable) {
  OperationState state(namedLoc(variable.getSymName(), loc),
                       ReadOp::getOperationName());
  state.addAttribute("variable_ref", FlatSymbolRefAttr::get(variable));
  state.addTypes(variable.getType());
  return cast<ReadOp>(builder.create(state));
}

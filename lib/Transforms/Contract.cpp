//===- Contract.cpp - What a rewrite promises -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The fingerprint of a function modulo casts, and the record that
// amp-verify-contract compares with.
//===----------------------------------------------------------------------===//

#include "Contract.h"

#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace amp;
using namespace mlir;

std::string amp::elementTypeName(Type type) {
  if (!type)
    return {};
  type = getElementTypeOrSelf(type);
  if (type.isInteger(1))
    return "bool";
  if (auto integer = dyn_cast<IntegerType>(type))
    return (integer.isUnsigned() ? "uint" : "int") +
           std::to_string(integer.getWidth());
  if (type.isBF16())
    return "bfloat16";
  if (type.isF16() || type.isF32() || type.isF64())
    return "float" + std::to_string(type.getIntOrFloatBitWidth());
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

namespace {

/// Two independent 64-bit lanes of multiply and xor-shift.
class Hash {
public:
  void add(uint64_t value) {
    first = mix(first ^ value, 0x9E3779B97F4A7C15ull);
    second = mix(second + value, 0xD6E8FEB86659FD93ull);
  }
  void add(llvm::StringRef text) { addBytes(text.data(), text.size()); }
  void addBytes(const char *data, size_t size) {
    add(size);
    for (size_t i = 0; i < size; i += 8) {
      uint64_t word = 0;
      for (size_t k = 0; k < 8 && i + k < size; ++k)
        word |= uint64_t(static_cast<unsigned char>(data[i + k])) << (8 * k);
      add(word);
    }
  }
  std::string hex() const {
    return llvm::utohexstr(first, /*LowerCase=*/true, 16) +
           llvm::utohexstr(second, /*LowerCase=*/true, 16);
  }

private:
  static uint64_t mix(uint64_t x, uint64_t odd) {
    x *= odd;
    x ^= x >> 32;
    x *= odd;
    return x ^ (x >> 29);
  }
  uint64_t first = 1, second = 2;
};

class Fingerprint {
public:
  explicit Fingerprint(FunctionOpInterface function) : function(function) {}
  std::string run();

private:
  static bool changes(Type element) {
    return element.isF32() || element.isF16() || element.isBF16();
  }
  bool isTransparent(Operation *op) const;
  Value resolve(Value value);
  void add(Type type);
  void add(Attribute attr, unsigned depth);
  void add(Value value);
  void add(Operation &op);

  FunctionOpInterface function;
  Hash hash;
  llvm::DenseMap<Value, uint64_t> ids;
  /// What a transparent op stands for.
  llvm::DenseMap<Value, Value> roots;
};

} // namespace

/// A cast among the types that the pass changes, or a converted constant.
bool Fingerprint::isTransparent(Operation *op) const {
  if (op->hasAttr(kConvertedAttr))
    return op->getNumResults() == 1;
  const auto *dialect = ModelSet::getDialectInterface(op);
  return dialect && op->getNumOperands() == 1 && op->getNumResults() == 1 &&
         dialect->isCast(op) &&
         changes(getElementTypeOrSelf(op->getOperand(0).getType())) &&
         changes(getElementTypeOrSelf(op->getResult(0).getType()));
}

Value Fingerprint::resolve(Value value) {
  llvm::SmallVector<Value, 4> path;
  llvm::SmallPtrSet<Operation *, 4> seen;
  while (true) {
    if (auto known = roots.find(value); known != roots.end()) {
      value = known->second;
      break;
    }
    Operation *op = value.getDefiningOp();
    // A cycle of nothing but casts ends where it began.
    if (!op || !isTransparent(op) || !seen.insert(op).second)
      break;
    path.push_back(value);
    if (!op->hasAttr(kConvertedAttr)) {
      value = op->getOperand(0);
      continue;
    }
    // The original stands before its twins.
    Operation *original = op->getPrevNode();
    while (original &&
           (original->hasAttr(kConvertedAttr) ||
            (original->hasAttr(kGeneratedAttr) && isTransparent(original))))
      original = original->getPrevNode();
    if (!original || original->getNumResults() != 1)
      break;
    value = original->getResult(0);
  }
  for (Value step : path)
    roots[step] = value;
  return value;
}

void Fingerprint::add(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (auto shaped = dyn_cast<ShapedType>(type)) {
    hash.add(shaped.hasRank() ? shaped.getRank() + 1 : 0);
    if (shaped.hasRank())
      for (int64_t size : shaped.getShape())
        hash.add(static_cast<uint64_t>(size));
  }
  hash.add(changes(element) ? "float" : elementTypeName(element));
}

void Fingerprint::add(Attribute attr, unsigned depth) {
  // Numbers of an op may saturate when it is lowered, so that only their kind
  // counts; those of constants do not change.
  if (isa<FloatAttr>(attr))
    return hash.add(1);
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return hash.add(integer.getValue().getRawData()[0]);
  if (auto text = dyn_cast<StringAttr>(attr))
    return hash.add(text.getValue());
  if (auto symbol = dyn_cast<SymbolRefAttr>(attr))
    return hash.add(symbol.getLeafReference().getValue());
  if (auto type = dyn_cast<TypeAttr>(attr))
    return add(type.getValue());
  if (auto elements = dyn_cast<DenseIntOrFPElementsAttr>(attr)) {
    add(elements.getType());
    return hash.addBytes(elements.getRawData().data(),
                         elements.getRawData().size());
  }
  if (auto array = dyn_cast<DenseArrayAttr>(attr))
    return hash.addBytes(array.getRawData().data(), array.getRawData().size());
  if (auto array = dyn_cast<ArrayAttr>(attr)) {
    hash.add(array.size());
    if (depth < 16)
      for (Attribute item : array)
        add(item, depth + 1);
    return;
  }
  hash.add(attr.getAbstractAttribute().getName());
}

void Fingerprint::add(Value value) {
  value = resolve(value);
  auto it = ids.find(value);
  hash.add(it == ids.end() ? ~uint64_t(0) : it->second);
}

void Fingerprint::add(Operation &op) {
  hash.add(op.getName().getStringRef());
  hash.add(op.getNumOperands());
  for (Value operand : op.getOperands())
    add(operand);
  hash.add(op.getNumResults());
  for (Type type : op.getResultTypes())
    add(type);
  for (NamedAttribute attr : op.getAttrDictionary()) {
    llvm::StringRef name = attr.getName().getValue();
    if (name == kGeneratedAttr || name == kContractAttr)
      continue;
    // An element type that may be lowered is that of a result too, and stands
    // here only where it differs from the op's default (one_hot's dtype).
    auto type = dyn_cast<TypeAttr>(attr.getValue());
    if (type && (type.getValue().isF32() || type.getValue().isF16() ||
                 type.getValue().isBF16()))
      continue;
    // A type that the pass changes shows in the results; the attribute that
    // names it may be absent where it is the default.
    if (auto type = dyn_cast<TypeAttr>(attr.getValue());
        type && changes(getElementTypeOrSelf(type.getValue())))
      continue;
    hash.add(name);
    add(attr.getValue(), 0);
  }
}

std::string Fingerprint::run() {
  // Numbers first: in a graph region a value may be used before it is defined.
  uint64_t next = 0;
  for (Block &block : function.getFunctionBody()) {
    for (BlockArgument argument : block.getArguments())
      ids[argument] = next++;
    for (Operation &op : block)
      if (!isTransparent(&op))
        for (Value value : op.getResults())
          ids[value] = next++;
  }
  for (Block &block : function.getFunctionBody()) {
    hash.add(block.getNumArguments());
    for (Type type : block.getArgumentTypes())
      add(type);
    for (Operation &op : block)
      if (!isTransparent(&op))
        add(op);
  }
  return hash.hex();
}

std::string amp::fingerprint(FunctionOpInterface function) {
  return Fingerprint(function).run();
}

DictionaryAttr amp::buildContract(const FunctionPainting &painting,
                                  const ModelSet &models) {
  FunctionOpInterface function = painting.function;
  Builder builder(function.getContext());
  llvm::StringMap<int64_t> low;
  for (const PaintedOp &painted : painting.ops) {
    if (painted.count == 0 || painted.isCast ||
        (painted.list != ListKind::Deny && painted.list != ListKind::Keep))
      continue;
    int64_t &count = low[models.getPolicyName(painted.op)];
    for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
      const PaintVertex &vertex = painting.graph[v];
      if (vertex.isFloat32) {
        count += vertex.pin == Pin::OtherLow ||
                 (vertex.pin == Pin::Target && vertex.allowsTarget);
        continue;
      }
      count += isLowGroup(painted.op, painting.groups[v]);
    }
  }
  llvm::SmallVector<NamedAttribute> counts;
  for (const auto &entry : low)
    counts.push_back(builder.getNamedAttr(
        entry.getKey(), builder.getI64IntegerAttr(entry.getValue())));
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("fingerprint",
                            builder.getStringAttr(fingerprint(function))),
       builder.getNamedAttr("low", builder.getDictionaryAttr(counts)),
       builder.getNamedAttr("type",
                            TypeAttr::get(function.getFunctionType()))});
}

bool amp::isLowGroup(Operation *op, const TypeGroup &group) {
  Type type;
  if (!group.operands.empty())
    type = op->getOperand(group.operands.front()).getType();
  else if (!group.results.empty())
    type = op->getResult(group.results.front()).getType();
  if (!type)
    return false;
  type = getElementTypeOrSelf(type);
  return type.isF16() || type.isBF16();
}

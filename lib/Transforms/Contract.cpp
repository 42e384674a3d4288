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

#include "Rewrite.h"
#include "amp/Analysis/OpNameMap.h"
#include "amp/Interfaces/ElementTypes.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

#include <cstring>
#include <optional>

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

/// Two independent 64-bit lanes of multiply and xor-shift. Each step is a
/// bijection of the state, so that a difference in one value stays one.
class Hash {
public:
  void add(uint64_t value) {
    first = (first ^ value) * 0x9E3779B97F4A7C15ull;
    first ^= first >> 32;
    second = (second + value) * 0xD6E8FEB86659FD93ull;
    second ^= second >> 29;
  }
  /// Of another hash.
  void add(std::pair<uint64_t, uint64_t> lanes) {
    first = (first ^ lanes.first) * 0x9E3779B97F4A7C15ull;
    first ^= first >> 32;
    second = (second + lanes.second) * 0xD6E8FEB86659FD93ull;
    second ^= second >> 29;
  }
  void add(llvm::StringRef text) { addBytes(text.data(), text.size()); }
  void addBytes(const char *data, size_t size) {
    add(size);
    if (size <= 8) {
      uint64_t word = 0;
      if (size) // of an empty text there is no address
        std::memcpy(&word, data, size);
      return add(word);
    }
    llvm::XXH128_hash_t bytes = llvm::xxh3_128bits(
        llvm::ArrayRef(reinterpret_cast<const uint8_t *>(data), size));
    add(bytes.low64);
    add(bytes.high64);
  }
  std::pair<uint64_t, uint64_t> value() const { return {first, second}; }
  std::string hex() const {
    return llvm::utohexstr(finish(first), /*LowerCase=*/true, 16) +
           llvm::utohexstr(finish(second), /*LowerCase=*/true, 16);
  }

private:
  static uint64_t finish(uint64_t x) {
    x ^= x >> 31;
    x *= 0xBF58476D1CE4E5B9ull;
    return x ^ (x >> 30);
  }
  uint64_t first = 1, second = 2;
};

/// Numbers of the values of a region. Most regions have a handful.
class InnerNumbers {
public:
  void clear() {
    few.clear();
    many.clear();
  }
  void set(Value value, uint32_t number) {
    if (few.size() < kFew)
      few.push_back({value, number});
    else
      many[value] = number;
  }
  std::optional<uint32_t> find(Value value) const {
    for (size_t i = few.size(); i > 0; --i)
      if (few[i - 1].first == value)
        return few[i - 1].second;
    auto known = many.empty() ? many.end() : many.find(value);
    return known == many.end() ? std::nullopt
                               : std::optional<uint32_t>(known->second);
  }

private:
  static constexpr size_t kFew = 24;
  llvm::SmallVector<std::pair<Value, uint32_t>, kFew> few;
  llvm::DenseMap<Value, uint32_t> many;
};

class Fingerprint {
public:
  Fingerprint(const BodyIndex &body, const OpKinds &kinds,
              const ModelSet &models)
      : body(body), kinds(kinds), models(models) {}
  std::string run();

private:
  /// What all ops of one name share.
  struct NameInfo {
    const PrecisionDialectInterface *dialect;
    std::pair<uint64_t, uint64_t> hash;
    /// Properties that have been met, by their hash: to list the attributes in
    /// them takes longer than all the rest, and most ops of a name have the same.
    struct Properties {
      Operation *op;
      std::pair<uint64_t, uint64_t> hash;
    };
    llvm::DenseMap<uint64_t, Properties> properties, inRegions;
  };
  /// Ops of a name with more properties than these, as constants, are no use.
  static constexpr size_t kMaxProperties = 256;

  static bool changes(Type element) {
    return element.isF32() || element.isF16() || element.isBF16();
  }
  NameInfo &infoOf(Operation *op);
  bool isConverted(Operation *op) const {
    return static_cast<bool>(op->getDiscardableAttr(convertedName));
  }
  bool computeTransparent(Operation *op);
  bool findTransparent(uint32_t op);
  uint32_t original(uint32_t twin) const;
  ValueId next(ValueId value) const;
  ValueId resolve(ValueId value);
  /// Of what a value stands for.
  uint32_t numberOf(ValueId value) {
    if (numbers[value] != kSeenThrough)
      return numbers[value];
    value = resolve(value);
    return value == kNoValue || numbers[value] == kSeenThrough ? kNoNumber
                                                               : numbers[value];
  }
  void add(Type type);
  void add(Attribute attr, unsigned depth);
  void add(NamedAttribute attr);
  void addProperties(Operation *op, NameInfo &info);
  void addAttributes(Operation *op, NameInfo &info);
  void addRegions(Operation *op);
  void addInner(Operation *op);
  uint32_t innerNumber(OpOperand &operand);
  std::pair<uint64_t, uint64_t> ownHash(uint32_t op);
  void addOp(uint32_t op);

  const BodyIndex &body;
  const OpKinds &kinds;
  const ModelSet &models;
  Hash hash;
  StringAttr convertedName, generatedName, contractName;
  OpNameMap<NameInfo> infos;
  llvm::DenseMap<Type, std::pair<uint64_t, uint64_t>> types;
  Type lastType;
  std::pair<uint64_t, uint64_t> lastTypeHash;
  /// What ops of one kind share.
  struct KindInfo {
    bool isKnown = false, isTransparent = false, hasHash = false;
    std::pair<uint64_t, uint64_t> hash;
  };
  std::vector<KindInfo> kindInfos;
  /// A cast among the types that the pass changes, or a converted constant.
  std::vector<bool> isTransparent;
  /// Numbers of the values of the other ops; kNoNumber for what has none, as
  /// values from outside, kSeenThrough for those of transparent ops.
  static constexpr uint32_t kNoNumber = ~uint32_t(0);
  static constexpr uint32_t kSeenThrough = kNoNumber - 1;
  static constexpr uint64_t kFloatScalar = 0x666c6f6174;
  std::vector<uint32_t> numbers;
  /// What the value of a transparent op stands for; kNoValue until it is known.
  std::vector<ValueId> roots;
  NamedAttrList attributes;
  /// Ops whose regions are a part of the body.
  std::vector<bool> isFlow;
  /// Of the regions of one op: what their values are numbered, and whether it is
  /// they that are added.
  InnerNumbers inner;
  uint32_t nextInner = 0;
  bool isInner = false;
  /// The values of the body that regions of ops read.
  llvm::DenseMap<OpOperand *, ValueId> nested;
};

} // namespace

Fingerprint::NameInfo &Fingerprint::infoOf(Operation *op) {
  return infos.get(op->getName(), [&](OperationName name) {
    NameInfo info;
    info.dialect = models.kindOf(name).dialect;
    Hash text;
    text.add(name.getStringRef());
    info.hash = text.value();
    return info;
  });
}

bool amp::isOneToOne(Operation *op, const PrecisionDialectInterface &dialect) {
  if (dialect.castsAreNodes())
    return op->getNumOperands() != 0 && op->getNumResults() != 0;
  return op->getNumOperands() == 1 && op->getNumResults() == 1;
}

bool Fingerprint::computeTransparent(Operation *op) {
  if (isConverted(op))
    return op->getNumResults() == 1;
  const auto *dialect = infoOf(op).dialect;
  if (!dialect || !isOneToOne(op, *dialect) || !dialect->isCast(op) ||
      !changes(elementTypeOf(op->getResult(0).getType())))
    return false;
  // A reference to float32 is read as what it refers to.
  Type from = elementTypeOf(op->getOperand(0).getType());
  return changes(from) ||
         (dialect->castsAreNodes() && !isa<FloatType, IntegerType>(from) &&
          op->getDiscardableAttr(generatedName));
}

bool Fingerprint::findTransparent(uint32_t index) {
  const uint32_t kind = kinds[index];
  if (kind == OpKinds::kNone)
    return computeTransparent(body.op(index));
  KindInfo &info = kindInfos[kind];
  if (!info.isKnown)
    info.isTransparent = computeTransparent(body.op(index));
  info.isKnown = true;
  return info.isTransparent;
}

/// The constant before its converted twins; kNoOp without one.
uint32_t Fingerprint::original(uint32_t twin) const {
  for (uint32_t i = twin; body.op(i)->getPrevNode();) {
    Operation *op = body.op(--i);
    if (!isConverted(op) &&
        !(isTransparent[i] && op->getDiscardableAttr(generatedName)))
      return op->getNumResults() == 1 ? i : kNoOp;
  }
  return kNoOp;
}

/// What the value of a transparent op is made from; kNoValue for any other.
ValueId Fingerprint::next(ValueId value) const {
  uint32_t op = body.definingOp(value);
  if (op == kNoOp || !isTransparent[op])
    return kNoValue;
  if (!isConverted(body.op(op)))
    return body.operandValue(body.operandIndex(op, 0));
  uint32_t constant = original(op);
  return constant == kNoOp ? kNoValue : body.result(constant, 0);
}

ValueId Fingerprint::resolve(ValueId value) {
  llvm::SmallVector<ValueId, 4> path;
  while (value != kNoValue) {
    if (roots[value] != kNoValue) {
      value = roots[value];
      break;
    }
    // A cycle of nothing but casts ends where it began.
    roots[value] = value;
    ValueId source = next(value);
    if (source == kNoValue)
      break;
    path.push_back(value);
    value = source;
  }
  for (ValueId step : path)
    roots[step] = value;
  return value;
}

void Fingerprint::add(Type type) {
  if (type == lastType)
    return hash.add(lastTypeHash);
  // The scalars of regions.
  if (changes(type))
    return hash.add(kFloatScalar);
  auto [it, isNew] = types.try_emplace(type);
  if (isNew) {
    Hash text;
    Type element = elementTypeOf(type);
    if (auto shaped = dyn_cast<ShapedType>(type)) {
      text.add(shaped.hasRank() ? shaped.getRank() + 1 : 0);
      if (shaped.hasRank())
        for (int64_t size : shaped.getShape())
          text.add(static_cast<uint64_t>(size));
    }
    text.add(changes(element) ? "float" : elementTypeName(element));
    it->second = text.value();
  }
  lastType = type;
  lastTypeHash = it->second;
  hash.add(lastTypeHash);
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
    // Within a region constants change with it.
    if (isInner && changes(elements.getElementType()))
      return;
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
  if (auto dictionary = dyn_cast<DictionaryAttr>(attr)) {
    hash.add(dictionary.size());
    if (depth < 16)
      for (NamedAttribute entry : dictionary) {
        hash.add(entry.getName().getValue());
        add(entry.getValue(), depth + 1);
      }
    return;
  }
  // An attribute of a dialect that is not there.
  if (auto opaque = dyn_cast<OpaqueAttr>(attr)) {
    hash.add(opaque.getDialectNamespace().getValue());
    return hash.add(opaque.getAttrData());
  }
  hash.add(attr.getAbstractAttribute().getName());
}

void Fingerprint::add(NamedAttribute attr) {
  if (attr.getName() == generatedName || attr.getName() == contractName)
    return;
  // An element type that may be lowered is that of a result too, and stands
  // here only where it differs from the op's default (one_hot's dtype).
  if (auto type = dyn_cast<TypeAttr>(attr.getValue());
      type && changes(elementTypeOf(type.getValue())))
    return;
  hash.add(attr.getName().getValue());
  add(attr.getValue(), 0);
}

/// The attributes in the properties of an op.
void Fingerprint::addProperties(Operation *op, NameInfo &info) {
  // The two largest numbers are the map's own.
  const uint64_t key = uint64_t(size_t(op->hashProperties())) >> 1;
  auto &properties = isInner ? info.inRegions : info.properties;
  auto known = properties.find(key);
  if (known != properties.end() &&
      op->getName().compareOpProperties(
          op->getPropertiesStorage(),
          known->second.op->getPropertiesStorage()))
    return hash.add(known->second.hash);
  Hash around = hash;
  hash = Hash();
  attributes.clear();
  if (op->isRegistered())
    op->getName().populateInherentAttrs(op, attributes);
  else if (auto all = dyn_cast_or_null<DictionaryAttr>(
               op->getPropertiesAsAttribute()))
    attributes.append(all.begin(), all.end());
  for (NamedAttribute attr : attributes)
    add(attr);
  std::pair<uint64_t, uint64_t> own = hash.value();
  hash = around;
  hash.add(own);
  if (known == properties.end() && properties.size() < kMaxProperties)
    properties[key] = {op, own};
}

/// Of all that an op is but for what makes its operands.
std::pair<uint64_t, uint64_t> Fingerprint::ownHash(uint32_t index) {
  Operation *op = body.op(index);
  NameInfo &info = infoOf(op);
  const Hash around = hash;
  hash = Hash();
  hash.add(info.hash);
  hash.add(uint64_t(body.numOperands(index)) << 32 | op->getNumResults());
  for (Type type : op->getResultTypes())
    add(type);
  addAttributes(op, info);
  if (op->getNumRegions() != 0 && !isFlow[index])
    addRegions(op);
  const std::pair<uint64_t, uint64_t> own = hash.value();
  hash = around;
  return own;
}

void Fingerprint::addOp(uint32_t index) {
  if (const uint32_t kind = kinds[index]; kind == OpKinds::kNone) {
    hash.add(ownHash(index));
  } else {
    KindInfo &info = kindInfos[kind];
    if (!info.hasHash)
      info.hash = ownHash(index);
    info.hasHash = true;
    hash.add(info.hash);
  }
  const uint32_t first = body.operandIndex(index, 0);
  for (uint32_t k = first; k < first + body.numOperands(index); ++k) {
    ValueId value = body.operandValue(k);
    hash.add(value == kNoValue ? kNoNumber : numberOf(value));
  }
}

void Fingerprint::addAttributes(Operation *op, NameInfo &info) {
  // Not getAttrDictionary, which makes a new attribute where an op has
  // properties.
  if (!op->getRawDictionaryAttrs().empty())
    for (NamedAttribute attr : op->getDiscardableAttrs())
      add(attr);
  if (op->getPropertiesStorageSize() != 0)
    addProperties(op, info);
}

/// Regions that an op computes with, which are retyped with it: as the body, with
/// the same ops, attributes and edges, and casts that come and go.
void Fingerprint::addRegions(Operation *op) {
  inner.clear();
  nextInner = 0;
  isInner = true;
  addInner(op);
  isInner = false;
}

uint32_t Fingerprint::innerNumber(OpOperand &operand) {
  if (std::optional<uint32_t> known = inner.find(operand.get()))
    return *known;
  auto outside = nested.find(&operand);
  if (outside == nested.end())
    return kNoNumber;
  // Apart from the numbers of the region.
  uint32_t number = numberOf(outside->second);
  return number == kNoNumber ? kNoNumber : ~number;
}

void Fingerprint::addInner(Operation *op) {
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      hash.add(block.getNumArguments());
      for (BlockArgument argument : block.getArguments()) {
        inner.set(argument, nextInner++);
        add(argument.getType());
      }
      for (Operation &each : block) {
        NameInfo &info = infoOf(&each);
        if (info.dialect && each.getNumOperands() == 1 &&
            each.getNumResults() == 1 && info.dialect->isCast(&each) &&
            changes(elementTypeOf(each.getOperand(0).getType())) &&
            changes(elementTypeOf(each.getResult(0).getType()))) {
          inner.set(each.getResult(0), innerNumber(each.getOpOperand(0)));
          continue;
        }
        hash.add(info.hash);
        hash.add(uint64_t(each.getNumOperands()) << 32 | each.getNumResults());
        for (OpOperand &operand : each.getOpOperands())
          hash.add(innerNumber(operand));
        for (Value result : each.getResults()) {
          inner.set(result, nextInner++);
          add(result.getType());
        }
        addAttributes(&each, info);
        if (each.getNumRegions() != 0)
          addInner(&each);
      }
    }
}

std::string Fingerprint::run() {
  if (body.blocks().empty())
    return hash.hex();
  MLIRContext *context =
      body.blocks().front().block->getParentOp()->getContext();
  convertedName = StringAttr::get(context, kConvertedAttr);
  generatedName = StringAttr::get(context, kGeneratedAttr);
  contractName = StringAttr::get(context, kContractAttr);
  isTransparent.resize(body.numOps());
  numbers.assign(body.numValues(), kNoNumber);
  kindInfos.resize(kinds.size());
  isFlow.resize(body.numOps());
  for (const BodyIndex::BlockEntry &entry : body.blocks())
    if (entry.parent != kNoOp)
      isFlow[entry.parent] = true;
  for (auto [value, operand] : body.nestedUses())
    nested[operand] = value;
  // Numbers first: in a graph region a value may be used before it is defined.
  // And numbers of ops that casts do not change, for those with regions.
  std::vector<uint32_t> places(body.hasNested() ? body.numOps() : 0);
  uint32_t next = 0, place = 0;
  bool anyTransparent = false;
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    const BodyIndex::BlockEntry &entry = body.blocks()[b];
    for (unsigned i = 0; i < entry.block->getNumArguments(); ++i)
      numbers[entry.firstArgument + i] = next++;
    for (uint32_t op = entry.firstOp; op < body.endOp(b); ++op) {
      const bool isThrough = findTransparent(op);
      isTransparent[op] = isThrough;
      if (!places.empty())
        places[op] = isThrough ? place : place++;
      for (unsigned i = 0; i < body.numResults(op); ++i)
        numbers[body.result(op, i)] = isThrough ? kSeenThrough : next++;
      anyTransparent |= isThrough;
    }
  }
  if (anyTransparent)
    roots.assign(body.numValues(), kNoValue);
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    const BodyIndex::BlockEntry &entry = body.blocks()[b];
    hash.add(entry.block->getNumArguments());
    if (entry.isNested)
      hash.add(places[entry.parent]);
    for (Type type : entry.block->getArgumentTypes())
      add(type);
    for (uint32_t op = entry.firstOp; op < body.endOp(b); ++op) {
      if (!isTransparent[op])
        addOp(op);
    }
  }
  return hash.hex();
}

std::string amp::fingerprint(const BodyIndex &body, const OpKinds &kinds,
                             const ModelSet &models) {
  return Fingerprint(body, kinds, models).run();
}

static bool isLow(Type type) {
  if (!type)
    return false;
  type = getElementTypeOrSelf(type);
  return type.isF16() || type.isBF16();
}

DictionaryAttr amp::buildContract(const FunctionPainting &painting,
                                  const ModelSet &models,
                                  FunctionOpInterface function) {
  const bool isAlone = painting.unit.functions.size() == 1;
  Builder builder(function.getContext());
  llvm::StringMap<int64_t> low;
  // Where a part of a softmax is on another list than its name is, the others of
  // that name may be lowered, and nothing is promised of the name.
  llvm::StringMap<bool> isMixed;
  for (const PaintedOp &painted : painting.ops)
    if (painted.partOf != SpelledOp::None)
      isMixed[models.getPolicyName(painted.op)] = false;
  OpNameMap<OpKind> kinds;
  auto kindOf = [&](OperationName name) { return models.kindOf(name); };
  auto staysByList = [](const PaintedOp &painted) {
    return painted.list == ListKind::Deny || painted.list == ListKind::Keep;
  };
  if (!isMixed.empty())
    for (const PaintedOp &painted : painting.ops)
      if (auto it = isMixed.find(models.getPolicyName(painted.op));
          it != isMixed.end() && !staysByList(painted))
        it->second = true;
  for (auto [index, painted] : llvm::enumerate(painting.ops)) {
    if (painted.count == 0 || painted.isCast || painted.isFlow ||
        !staysByList(painted) ||
        (!isAlone && painting.functionOf(index) != function) ||
        ModelSet::isCast(painted.op, kinds.get(painted.op->getName(), kindOf)))
      continue;
    if (!isMixed.empty() && isMixed.lookup(models.getPolicyName(painted.op)))
      continue;
    int64_t &count = low[models.getPolicyName(painted.op)];
    for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
      const PaintVertex &vertex = painting.graph[v];
      if (vertex.isFloat32) {
        // A list that stands on no list of the policy goes with who reads it.
        const Rule rule = painting.result.reasons[v].rule;
        count += vertex.pin == Pin::OtherLow ||
                 (vertex.pin == Pin::Target && vertex.allowsTarget) ||
                 ((rule == Rule::Tied || rule == Rule::Forced) &&
                  painting.loweredType(v) && painting.typeOf(v));
        continue;
      }
      count += isLow(painting.typeOf(v));
    }
  }
  llvm::SmallVector<NamedAttribute> counts;
  for (const auto &entry : low)
    counts.push_back(builder.getNamedAttr(
        entry.getKey(), builder.getI64IntegerAttr(entry.getValue())));
  // A signature that calls retype is promised as it will be.
  Type type = function.getFunctionType();
  if (FunctionType after = signatureAfter(painting, function))
    type = after;
  std::string print;
  if (isAlone && painting.body.blockOps() == painting.body.numOps()) {
    print = fingerprint(painting.body, painting.kinds, models);
  } else {
    BodyIndex body(function.getFunctionBody(), models);
    print = fingerprint(body, OpKinds(body), models);
  }
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("fingerprint", builder.getStringAttr(print)),
       builder.getNamedAttr("low", builder.getDictionaryAttr(counts)),
       builder.getNamedAttr("type", TypeAttr::get(type))});
}

bool amp::isLowGroup(Operation *op, const TypeGroup &group) {
  Type type;
  if (!group.operands.empty())
    type = op->getOperand(group.operands.front()).getType();
  else if (!group.results.empty())
    type = op->getResult(group.results.front()).getType();
  return isLow(type);
}

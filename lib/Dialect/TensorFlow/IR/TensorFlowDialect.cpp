//===- TensorFlowDialect.cpp - The dialect `tf` -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Types, and the typing of nodes from the op table.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"

#include "Precision.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringMap.h"

#include <mutex>

using namespace amp;
using namespace amp::tf;
using namespace mlir;

MLIR_DEFINE_EXPLICIT_TYPE_ID(amp::tf::TensorFlowDialect)

struct amp::tf::detail::NamedTypeStorage : public TypeStorage {
  using KeyTy = int;
  explicit NamedTypeStorage(int number) : number(number) {}
  bool operator==(const KeyTy &key) const { return key == number; }
  static NamedTypeStorage *construct(TypeStorageAllocator &allocator,
                                     const KeyTy &key) {
    return new (allocator.allocate<NamedTypeStorage>()) NamedTypeStorage(key);
  }
  int number;
};

NamedType NamedType::get(MLIRContext *context, DataType type) {
  return Base::get(context, type);
}
DataType NamedType::getNumber() const { return getImpl()->number; }

TensorFlowDialect::TensorFlowDialect(MLIRContext *context)
    : Dialect(getDialectNamespace(), context,
              TypeID::get<TensorFlowDialect>()),
      precisionModels(makePrecisionModels(context)) {
  addTypes<NamedType, ControlType, ValueType>();
  allowUnknownOperations();
  addPrecisionInterfaces(*this);
}

TensorFlowDialect::~TensorFlowDialect() = default;

void *TensorFlowDialect::getRegisteredInterfaceForOp(TypeID interface,
                                                     OperationName name) {
  return interface == TypeID::get<PrecisionOpInterface>()
             ? precisionModels->getModel(name)
             : nullptr;
}

Type TensorFlowDialect::parseType(DialectAsmParser &parser) const {
  llvm::StringRef word;
  llvm::SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return {};
  if (word == "control")
    return ControlType::get(getContext());
  if (word == "value")
    return ValueType::get(getContext());
  if (word == "unknown")
    return NamedType::get(getContext(), 0);
  if (std::optional<DataType> type =
          graphdef::typeNumber(std::string_view(word.data(), word.size())))
    return NamedType::get(getContext(), *type);
  parser.emitError(loc) << "unknown type '" << word << "' of dialect tf";
  return {};
}

void TensorFlowDialect::printType(Type type,
                                  DialectAsmPrinter &printer) const {
  if (isa<ControlType>(type))
    printer << "control";
  else if (isa<ValueType>(type))
    printer << "value";
  else if (auto named = dyn_cast<NamedType>(type)) {
    std::string_view word = graphdef::typeName(named.getNumber());
    printer << (word.empty() ? "unknown"
                             : llvm::StringRef(word.data(), word.size()));
  }
}

Type tf::elementType(MLIRContext *context, DataType type) {
  Builder b(context);
  switch (type) {
  case 1:
    return b.getF32Type();
  case 2:
    return b.getF64Type();
  case 3:
    return b.getI32Type();
  case 4:
    return b.getIntegerType(8, false);
  case 5:
    return b.getIntegerType(16);
  case 6:
    return b.getIntegerType(8);
  case 8:
    return ComplexType::get(b.getF32Type());
  case 9:
    return b.getI64Type();
  case 10:
    return b.getI1Type();
  case 14:
    return b.getBF16Type();
  case 17:
    return b.getIntegerType(16, false);
  case 18:
    return ComplexType::get(b.getF64Type());
  case 19:
    return b.getF16Type();
  case 22:
    return b.getIntegerType(32, false);
  case 23:
    return b.getIntegerType(64, false);
  default:
    return NamedType::get(context, type);
  }
}

DataType tf::dataType(Type element) {
  if (auto named = dyn_cast<NamedType>(element))
    return named.getNumber();
  if (element.isF32())
    return 1;
  if (element.isF64())
    return 2;
  if (element.isBF16())
    return 14;
  if (element.isF16())
    return 19;
  if (auto complex = dyn_cast<ComplexType>(element))
    return complex.getElementType().isF32() ? 8 : 18;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return 10;
    case 8:
      return isUnsigned ? 4 : 6;
    case 16:
      return isUnsigned ? 17 : 5;
    case 32:
      return isUnsigned ? 22 : 3;
    case 64:
      return isUnsigned ? 23 : 9;
    }
  }
  return 0;
}

Type tf::tensorType(MLIRContext *context, DataType type) {
  return UnrankedTensorType::get(elementType(context, type));
}

llvm::StringRef tf::getOpName(Operation *op) {
  llvm::StringRef name = op->getName().getStringRef();
  name.consume_front("tf.");
  return name;
}

/// Definitions of library functions, by their lines. They are few, and live as
/// long as the program, as the table's do.
static const graphdef::OpSpec *functionSpec(llvm::StringRef line) {
  struct Entry {
    std::string text;
    graphdef::OpSpec spec;
  };
  static std::mutex lock;
  static llvm::StringMap<std::unique_ptr<Entry>> specs;
  std::lock_guard<std::mutex> guard(lock);
  std::unique_ptr<Entry> &entry = specs[line];
  if (!entry) {
    entry = std::make_unique<Entry>();
    entry->text = line.str();
    entry->spec = graphdef::parseOpLine(entry->text);
  }
  return &entry->spec;
}

const OpLayout &tf::getLayout(OperationName name) {
  return cast<TensorFlowDialect>(name.getDialect())
      ->getPrecisionModels()
      .getLayout(name);
}

const graphdef::OpSpec *tf::getSpec(Operation *op) {
  if (!isa_and_nonnull<TensorFlowDialect>(op->getDialect()))
    return nullptr;
  if (const auto *spec = getLayout(op->getName()).spec)
    return spec;
  if (auto line = op->getAttrOfType<StringAttr>(kSignatureAttr))
    return functionSpec(line.getValue());
  return nullptr;
}

std::vector<const graphdef::OpSpec *> tf::librarySpecs(ModuleOp module) {
  std::vector<const graphdef::OpSpec *> specs;
  llvm::DenseSet<StringAttr> seen;
  module.walk([&](Operation *op) {
    if (auto line = op->getAttrOfType<StringAttr>(kSignatureAttr))
      if (seen.insert(line).second)
        specs.push_back(functionSpec(line.getValue()));
  });
  return specs;
}

unsigned tf::getNumInputs(Operation *op) {
  unsigned count = op->getNumOperands();
  while (count && isa<ControlType>(op->getOperand(count - 1).getType()))
    --count;
  return count;
}

unsigned tf::getNumOutputs(Operation *op) {
  unsigned count = op->getNumResults();
  return count ? count - 1 : 0;
}

NodeTypes tf::getNodeTypes(
    const graphdef::OpSpec &spec,
    llvm::function_ref<
        std::optional<llvm::SmallVector<DataType>>(llvm::StringRef)>
        typesOf,
    llvm::function_ref<int64_t(llvm::StringRef)> numberOf) {
  NodeTypes result;
  auto vertex = [&](const TypeVertex &wanted) -> unsigned {
    for (unsigned i = 0; i < result.vertices.size(); ++i)
      if (result.vertices[i] == wanted)
        return i;
    result.vertices.push_back(wanted);
    return result.vertices.size() - 1;
  };
  auto ports = [&](const std::vector<graphdef::ArgSpec> &args,
                   llvm::SmallVectorImpl<unsigned> &out) {
    for (const graphdef::ArgSpec &arg : args) {
      if (arg.isList) {
        size_t count = 0;
        if (auto types = typesOf(arg.typeAttr))
          count = types->size();
        for (size_t i = 0; i < count; ++i)
          out.push_back(vertex({arg.typeAttr, static_cast<int>(i), 0}));
        continue;
      }
      unsigned id = vertex(arg.typeAttr.empty()
                               ? TypeVertex{{}, -1, arg.fixed}
                               : TypeVertex{arg.typeAttr, -1, 0});
      int64_t count = arg.numberAttr.empty() ? 1 : numberOf(arg.numberAttr);
      for (int64_t i = 0; i < count; ++i)
        out.push_back(id);
    }
  };
  ports(spec.inputs, result.inputs);
  ports(spec.outputs, result.outputs);
  // Type attributes that no port uses have vertices too.
  for (const graphdef::AttrSpec &attr : spec.attrs) {
    if (attr.name.front() == '_')
      continue;
    if (attr.kind == graphdef::AttrKind::Type) {
      if (typesOf(attr.name))
        vertex({attr.name, -1, 0});
    } else if (attr.kind == graphdef::AttrKind::TypeList) {
      if (auto types = typesOf(attr.name))
        for (size_t i = 0; i < types->size(); ++i)
          vertex({attr.name, static_cast<int>(i), 0});
    }
  }
  return result;
}

static std::optional<llvm::SmallVector<DataType>>
typesOfAttr(Operation *op, llvm::StringRef name) {
  Attribute attr = op->getAttr(name);
  if (auto type = dyn_cast_or_null<TypeAttr>(attr))
    return llvm::SmallVector<DataType>{dataType(type.getValue())};
  if (auto list = dyn_cast_or_null<ArrayAttr>(attr)) {
    llvm::SmallVector<DataType> types;
    for (Attribute entry : list)
      if (auto type = dyn_cast<TypeAttr>(entry))
        types.push_back(dataType(type.getValue()));
    return types;
  }
  return std::nullopt;
}

NodeTypes tf::getNodeTypes(Operation *op) {
  if (isa_and_nonnull<TensorFlowDialect>(op->getDialect()))
    if (const OpLayout &layout = getLayout(op->getName()); layout.fits(op))
      return layout.nodeTypes(op);
  const graphdef::OpSpec *spec = getSpec(op);
  if (!spec)
    return {};
  return getNodeTypes(
      *spec, [&](llvm::StringRef name) { return typesOfAttr(op, name); },
      [&](llvm::StringRef name) -> int64_t {
        auto number = op->getAttrOfType<IntegerAttr>(name);
        return number ? number.getInt() : 0;
      });
}

DataType tf::getVertexType(Operation *op, const TypeVertex &vertex) {
  if (vertex.attr.empty())
    return vertex.fixed;
  Attribute attr = op->getAttr(vertex.attr);
  if (vertex.index >= 0) {
    auto list = dyn_cast_or_null<ArrayAttr>(attr);
    if (!list || static_cast<size_t>(vertex.index) >= list.size())
      return 0;
    attr = list[vertex.index];
  }
  auto type = dyn_cast_or_null<TypeAttr>(attr);
  return type ? dataType(type.getValue()) : 0;
}

void tf::setVertexType(Operation *op, const NodeTypes &types, unsigned vertex,
                       DataType type) {
  MLIRContext *context = op->getContext();
  const TypeVertex &which = types.vertices[vertex];
  Attribute value = TypeAttr::get(elementType(context, type));
  if (which.index >= 0) {
    auto list = op->getAttrOfType<ArrayAttr>(which.attr);
    llvm::SmallVector<Attribute> entries(list.begin(), list.end());
    entries[which.index] = value;
    value = ArrayAttr::get(context, entries);
  }
  op->setAttr(which.attr, value);
  for (unsigned i = 0; i < types.outputs.size(); ++i) {
    if (types.outputs[i] != vertex)
      continue;
    // A reference stays one.
    bool isRef = dataType(cast<mlir::TensorType>(op->getResult(i).getType())
                              .getElementType()) > graphdef::kRefOffset;
    op->getResult(i).setType(
        tensorType(context, type + (isRef ? graphdef::kRefOffset : 0)));
  }
}

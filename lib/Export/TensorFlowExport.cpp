//===- TensorFlowExport.cpp - MLIR to GraphDefs -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The reverse of the import, op by op in the order of the block.
//===----------------------------------------------------------------------===//

#include "amp/Export/TensorFlowExport.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "graph_def.pb.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;
namespace pb = amp::tensorflow;

namespace {

class Exporter {
public:
  Exporter(ModuleOp module, pb::GraphDef &graph)
      : module(module), graph(graph),
        generated(StringAttr::get(module.getContext(), kGeneratedAttr)) {}
  LogicalResult run();

private:
  using NodeList = google::protobuf::RepeatedPtrField<pb::NodeDef>;

  LogicalResult exportBody(graph::FuncOp function, NodeList &nodes);
  LogicalResult exportNode(Operation *op, pb::NodeDef &node);
  LogicalResult exportFunction(graph::FuncOp function);
  LogicalResult setAttr(Operation *op, Attribute attr, pb::AttrValue &value);
  /// How a node's input names a value.
  std::string inputText(Value value, Operation *user) const;
  std::string functionInput(OpResult result) const;
  /// The name of a node; casts may have got theirs here.
  llvm::StringRef nameOf(Operation *op) const;
  bool isNewCast(Operation *op) const {
    return op->getDiscardableAttr(generated) && getOpName(op) == "Cast";
  }

  ModuleOp module;
  pb::GraphDef &graph;
  StringAttr generated;
  bool inFunction = false;
  /// Of the body at hand.
  llvm::DenseMap<Operation *, std::string> castNames;
};

/// Whether the file left an attribute to its default, which it still has.
bool isDefault(Operation *op, ArrayAttr defaulted, NamedAttribute attr) {
  if (!defaulted || !llvm::is_contained(defaulted, attr.getName()))
    return false;
  const graphdef::OpSpec *spec = getSpec(op);
  llvm::StringRef name = attr.getName().getValue();
  const graphdef::AttrSpec *def =
      spec ? spec->attr(std::string_view(name.data(), name.size())) : nullptr;
  if (def && def->defaultNumber)
    return true;
  if (!def || !def->defaults)
    return false;
  llvm::SmallVector<DataType> types;
  if (auto type = dyn_cast<TypeAttr>(attr.getValue()))
    types.push_back(dataType(type.getValue()));
  else if (auto list = dyn_cast<ArrayAttr>(attr.getValue()))
    for (Attribute entry : list)
      if (auto type = dyn_cast<TypeAttr>(entry))
        types.push_back(dataType(type.getValue()));
  return llvm::equal(types, *def->defaults);
}

} // namespace

llvm::StringRef Exporter::nameOf(Operation *op) const {
  if (isNewCast(op))
    if (auto it = castNames.find(op); it != castNames.end())
      return it->second;
  return getNodeName(op->getLoc());
}

std::string Exporter::functionInput(OpResult result) const {
  Operation *op = result.getOwner();
  std::string text = nameOf(op).str();
  unsigned port = result.getResultNumber();
  const graphdef::OpSpec *spec = getSpec(op);
  if (!spec)
    return text + ":output:" + std::to_string(port);
  for (const graphdef::ArgSpec &arg : spec->outputs) {
    unsigned count = 1;
    llvm::StringRef type(arg.typeAttr.data(), arg.typeAttr.size());
    llvm::StringRef number(arg.numberAttr.data(), arg.numberAttr.size());
    if (arg.isList) {
      auto list = op->getAttrOfType<ArrayAttr>(type);
      count = list ? list.size() : 0;
    } else if (!number.empty()) {
      auto n = op->getAttrOfType<IntegerAttr>(number);
      count = n ? n.getInt() : 0;
    }
    if (port < count)
      return text + ":" + std::string(arg.name) + ":" + std::to_string(port);
    port -= count;
  }
  return text + ":output:" + std::to_string(port);
}

std::string Exporter::inputText(Value value, Operation *user) const {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function =
        cast<graph::FuncOp>(argument.getOwner()->getParentOp());
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      "graph.name");
    return name ? name.str() : std::string();
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  std::string name = nameOf(op).str();
  if (isa<ControlType>(result.getType()))
    return "^" + name;
  if (inFunction)
    return functionInput(result);
  // TensorFlow's pass writes the port of a cast's source even when it is 0.
  if (result.getResultNumber() == 0 && !(user && isNewCast(user)))
    return name;
  return name + ":" + std::to_string(result.getResultNumber());
}

LogicalResult Exporter::setAttr(Operation *op, Attribute attr,
                                pb::AttrValue &value) {
  if (auto type = dyn_cast<TypeAttr>(attr)) {
    DataType number = dataType(type.getValue());
    if (!number)
      return op->emitError() << "TensorFlow has no type " << type.getValue();
    value.set_type(static_cast<pb::DataType>(number));
    return success();
  }
  if (auto text = dyn_cast<StringAttr>(attr)) {
    if (!isa<ValueType>(text.getType())) {
      value.set_s(text.str());
      return success();
    }
    if (value.ParseFromArray(text.data(), text.size()))
      return success();
    return op->emitError("an attribute of type !tf.value holds no AttrValue");
  }
  if (auto boolean = dyn_cast<BoolAttr>(attr)) {
    value.set_b(boolean.getValue());
    return success();
  }
  if (auto integer = dyn_cast<IntegerAttr>(attr)) {
    value.set_i(integer.getInt());
    return success();
  }
  if (auto real = dyn_cast<FloatAttr>(attr)) {
    value.set_f(real.getValue().convertToFloat());
    return success();
  }
  if (auto list = dyn_cast<ArrayAttr>(attr)) {
    auto *types = value.mutable_list();
    for (Attribute entry : list) {
      auto type = dyn_cast<TypeAttr>(entry);
      DataType number = type ? dataType(type.getValue()) : 0;
      if (!number)
        return op->emitError("a list attribute holds no types");
      types->add_type(static_cast<pb::DataType>(number));
    }
    return success();
  }
  return op->emitError() << "attribute " << attr
                         << " has no form in a GraphDef";
}

LogicalResult Exporter::exportNode(Operation *op, pb::NodeDef &node) {
  if (!isa_and_nonnull<TensorFlowDialect>(op->getDialect()))
    return op->emitError("is no op of dialect tf, and a GraphDef holds "
                         "nothing else");
  if (auto extra = op->getAttrOfType<StringAttr>(kExtraAttr))
    if (!node.ParseFromArray(extra.data(), extra.size()))
      return op->emitError() << "attribute " << kExtraAttr
                             << " holds no NodeDef";
  llvm::StringRef name = nameOf(op);
  if (name.empty())
    return op->emitError("has no name (print with --mlir-print-debuginfo to "
                         "keep them)");
  node.set_name(name.str());
  node.set_op(getOpName(op).str());
  auto defaulted = op->getAttrOfType<ArrayAttr>(kDefaultedAttr);
  for (NamedAttribute attr : op->getAttrs()) {
    if (isDefault(op, defaulted, attr))
      continue;
    llvm::StringRef key = attr.getName().getValue();
    if (key == kDeviceAttr) {
      node.set_device(cast<StringAttr>(attr.getValue()).str());
      continue;
    }
    if (!key.consume_front(kDottedPrefix) &&
        (key.starts_with("tf.") || key.starts_with("amp.")))
      continue;
    if (failed(setAttr(op, attr.getValue(),
                       (*node.mutable_attr())[key.str()])))
      return failure();
  }
  llvm::ArrayRef<int32_t> spelled;
  if (auto attr = op->getAttrOfType<DenseI32ArrayAttr>(kSpelledAttr))
    spelled = attr.asArrayRef();
  for (OpOperand &operand : op->getOpOperands()) {
    std::string &text = *node.add_input();
    text = inputText(operand.get(), op);
    Operation *source = operand.get().getDefiningOp();
    if (llvm::is_contained(spelled, operand.getOperandNumber()) &&
        (!source || !isNewCast(source)) && text.find(':') == text.npos)
      text += ":0";
    if (llvm::is_contained(spelled, ~operand.getOperandNumber()) &&
        source && !isNewCast(source))
      text.resize(text.rfind(':'));
  }
  if (auto waited = op->getAttrOfType<ArrayAttr>(kArgumentControlsAttr))
    for (auto entry : waited.getAsRange<StringAttr>()) {
      auto [place, input] = entry.getValue().split(' ');
      int at = node.input_size();
      *node.add_input() = input.str();
      unsigned wanted = 0;
      if (place.getAsInteger(10, wanted))
        continue;
      for (; at > static_cast<int>(wanted); --at)
        node.mutable_input()->SwapElements(at, at - 1);
    }
  return success();
}

LogicalResult Exporter::exportBody(graph::FuncOp function, NodeList &nodes) {
  castNames.clear();
  std::optional<CastNames> names;
  for (Operation &op : function.getBody().front().without_terminator())
    if (isNewCast(&op) && isUnnamedCast(&op)) {
      if (!names)
        names.emplace(function);
      castNames[&op] = names->next(&op);
    }
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(exportNode(&op, *nodes.Add())))
      return failure();
  return success();
}

LogicalResult Exporter::exportFunction(graph::FuncOp function) {
  auto bytes = function->getAttrOfType<StringAttr>(kFunctionAttr);
  pb::FunctionDef &out = *graph.mutable_library()->add_function();
  if (!bytes || !out.ParseFromArray(bytes.data(), bytes.size()))
    return function.emitError() << "attribute " << kFunctionAttr
                                << " holds no FunctionDef";
  inFunction = true;
  if (failed(exportBody(function, *out.mutable_node_def())))
    return failure();
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [arg, value] : llvm::zip(out.signature().output_arg(),
                                     terminator->getOperands())) {
    std::string text = inputText(value, nullptr);
    // What has not changed keeps its spelling.
    std::string &ret = (*out.mutable_ret())[arg.name()];
    if (ret != text)
      ret = text;
  }
  return success();
}

LogicalResult Exporter::run() {
  graph.Clear();
  if (auto rest = module->getAttrOfType<StringAttr>(kGraphAttr))
    if (!graph.ParseFromArray(rest.data(), rest.size()))
      return module.emitError() << "attribute " << kGraphAttr
                                << " holds no GraphDef";
  bool hasMain = false;
  for (Operation &op : *module.getBody()) {
    if (op.getName().getStringRef() == "tf.library_function") {
      auto bytes = op.getAttrOfType<StringAttr>(kFunctionAttr);
      pb::FunctionDef &out = *graph.mutable_library()->add_function();
      if (!bytes || !out.ParseFromArray(bytes.data(), bytes.size()))
        return op.emitError() << "attribute " << kFunctionAttr
                              << " holds no FunctionDef";
      continue;
    }
    auto function = dyn_cast<graph::FuncOp>(op);
    if (!function)
      return op.emitError("has no place in a GraphDef");
    if (function->hasAttr(kFunctionAttr)) {
      if (failed(exportFunction(function)))
        return failure();
      continue;
    }
    if (hasMain)
      return op.emitError("a GraphDef has one graph besides its library");
    hasMain = true;
    inFunction = false;
    if (failed(exportBody(function, *graph.mutable_node())))
      return failure();
  }
  return success();
}

LogicalResult amp::exportGraphDef(ModuleOp module, pb::GraphDef &graph) {
  return Exporter(module, graph).run();
}

//===- TensorFlowImport.cpp - GraphDefs to MLIR -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Nodes are made in the order of the file without operands, which loops need,
// and then connected. Everything is checked before the IR is touched.
//===----------------------------------------------------------------------===//

#include "amp/Import/TensorFlowImport.h"

#include "GraphMessages.h"
#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "graph_def.pb.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;
namespace pb = amp::tensorflow;
using graphfile::Offset;

namespace {

using NodeList = google::protobuf::RepeatedPtrField<pb::NodeDef>;

class Importer {
public:
  Importer(const pb::GraphDef &graph, const graphdef::NodePlaces &places,
           const graphfile::SourceText &source, MLIRContext *context)
      : graph(graph), places(places), source(source), context(context),
        builder(context), control(ControlType::get(context)),
        valueType(ValueType::get(context)),
        nowhere(FileLineColLoc::get(context, source.name(), 0, 0)) {}

  OwningOpRef<ModuleOp> run();

private:
  /// What the nodes of one op share.
  struct OpInfo {
    OperationName name;
    /// The table's, that of the library function it calls, or null.
    const graphdef::OpSpec *spec = nullptr;
    /// The line of a library function; null for other ops.
    StringAttr signature;
    /// Names of attributes that such nodes had.
    llvm::SmallVector<std::pair<std::string, StringAttr>, 8> attrs;
  };
  /// A node and what the name of each output says.
  struct Imported {
    Operation *op = nullptr;
    const graphdef::OpSpec *spec = nullptr;
    unsigned outputs = 0;
    bool isConnected = false;
  };

  bool importBody(const NodeList &nodes, const std::vector<Offset> &at,
                  graph::FuncOp function);
  bool importFunction(const pb::FunctionDef &function,
                      const std::vector<Offset> &at);
  bool importNode(const pb::NodeDef &node, Location loc);
  OpInfo &infoOf(const std::string &op);
  StringAttr attrName(OpInfo &info, const std::string &name);
  Type tensorOf(DataType type);
  bool addTypes(const pb::NodeDef &node, Location loc,
                const graphdef::OpSpec &spec, OperationState &state);
  bool findOperands(const pb::NodeDef &node,
                    llvm::SmallVectorImpl<Value> &operands,
                    llvm::SmallVectorImpl<int32_t> &spelled);
  bool connect(const pb::NodeDef &node, unsigned index);
  Value findValue(const pb::NodeDef &node, llvm::StringRef input);
  Value functionValue(llvm::StringRef text, Location loc,
                      llvm::StringRef user);
  Attribute toAttribute(const pb::AttrValue &value);
  void addCalls(const pb::NodeDef &node, OperationState &state);
  void addDefaults(const pb::NodeDef &node, const graphdef::OpSpec &spec,
                   OperationState &state);
  Attribute verbatim(const google::protobuf::Message &message);
  void countUnknownOutputs(const NodeList &nodes);
  Location locate(llvm::StringRef name, Offset at);
  bool fail(Location loc, const llvm::Twine &message) {
    emitError(loc) << message;
    return false;
  }

  const pb::GraphDef &graph;
  const graphdef::NodePlaces &places;
  const graphfile::SourceText &source;
  MLIRContext *context;
  OpBuilder builder;
  ControlType control;
  ValueType valueType;
  /// Functions of the library by name: a line of the op table each.
  llvm::StringMap<std::string> signatures;
  llvm::StringMap<graphdef::OpSpec> signatureSpecs;
  /// Functions that compute the gradients of others, by the names of those.
  llvm::StringMap<std::string> gradients;
  llvm::StringSet<> symbols;
  llvm::StringMap<OpInfo> infos;
  std::vector<Type> tensors;
  /// Where there is a name and nothing else.
  Location nowhere;
  /// Of the body at hand.
  bool inFunction = false;
  std::vector<Imported> imported;
  /// By names that stand in the graph.
  llvm::DenseMap<llvm::StringRef, unsigned> nodeIndex;
  llvm::StringMap<Value> arguments;
  /// Outputs of nodes of unknown ops that others read.
  llvm::StringMap<unsigned> unknownOutputs;
};

llvm::StringRef ref(std::string_view text) {
  return {text.data(), text.size()};
}

bool hasUnknownFields(const google::protobuf::Message &message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

/// "name", "name:3", "^name".
struct InputName {
  llvm::StringRef name;
  unsigned port = 0;
  bool isControl = false, isValid = true;
};

InputName splitInput(llvm::StringRef text) {
  InputName input;
  if (text.consume_front("^")) {
    input.isControl = true;
    input.name = text;
    return input;
  }
  // A name may hold colons too.
  llvm::StringRef digits = text.take_back(
      text.size() - 1 - text.find_last_not_of("0123456789"));
  llvm::StringRef name = text.drop_back(digits.size());
  if (digits.empty() || !name.consume_back(":") || name.empty()) {
    input.name = text;
    return input;
  }
  input.name = name;
  input.isValid = !digits.getAsInteger(10, input.port);
  return input;
}

} // namespace

Location Importer::locate(llvm::StringRef name, Offset at) {
  Location place = nowhere;
  if (at != graphfile::kNowhere) {
    graphfile::LineColumn where = source.lineColumn(at);
    place = FileLineColLoc::get(context, source.name(), where.line,
                                where.column);
  }
  if (name.empty())
    return place;
  return NameLoc::get(StringAttr::get(context, name), place);
}

Attribute Importer::verbatim(const google::protobuf::Message &message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return StringAttr::get(bytes, valueType);
}

Attribute Importer::toAttribute(const pb::AttrValue &value) {
  if (hasUnknownFields(value))
    return verbatim(value);
  switch (value.value_case()) {
  case pb::AttrValue::kType:
    if (!graphdef::typeName(value.type()).empty())
      return TypeAttr::get(elementType(context, value.type()));
    break;
  case pb::AttrValue::kI:
    return builder.getI64IntegerAttr(value.i());
  case pb::AttrValue::kB:
    return builder.getBoolAttr(value.b());
  case pb::AttrValue::kF:
    return builder.getF32FloatAttr(value.f());
  case pb::AttrValue::kS:
    return StringAttr::get(context, value.s());
  case pb::AttrValue::kList: {
    const auto &list = value.list();
    if (list.type_size() == 0 || list.s_size() || list.i_size() ||
        list.f_size() || list.b_size() || list.shape_size() ||
        list.tensor_size() || list.func_size() ||
        hasUnknownFields(list))
      break;
    llvm::SmallVector<Attribute> types;
    for (int type : list.type()) {
      if (graphdef::typeName(type).empty())
        return verbatim(value);
      types.push_back(TypeAttr::get(elementType(context, type)));
    }
    return builder.getArrayAttr(types);
  }
  default:
    break;
  }
  return verbatim(value);
}

/// Nodes whose op nobody knows have as many outputs as somebody reads.
void Importer::countUnknownOutputs(const NodeList &nodes) {
  unknownOutputs.clear();
  llvm::StringSet<> unknown;
  for (const pb::NodeDef &node : nodes)
    if (!infoOf(node.op()).spec)
      unknown.insert(node.name());
  if (unknown.empty())
    return;
  for (const pb::NodeDef &node : nodes)
    for (const std::string &text : node.input()) {
      InputName input = splitInput(text);
      llvm::StringRef name = input.name;
      if (inFunction)
        name = name.take_front(name.find(':'));
      if (!input.isControl && unknown.contains(name) && input.port < 1024) {
        unsigned &count = unknownOutputs[name];
        count = std::max(count, input.port + 1);
      }
    }
}

void Importer::addCalls(const pb::NodeDef &node, OperationState &state) {
  std::vector<std::string> names;
  if (signatures.contains(node.op()))
    names.push_back(node.op());
  for (const auto &[name, value] : node.attr())
    collectCalls(value, names);
  if (names.empty())
    return;
  llvm::sort(names);
  llvm::SmallVector<Attribute> calls;
  for (const std::string &name : names)
    calls.push_back(builder.getStringAttr(name));
  state.addAttribute(kCallsAttr, builder.getArrayAttr(calls));
}

/// Files may leave out attributes that have their default; types and numbers of
/// ports are needed.
void Importer::addDefaults(const pb::NodeDef &node,
                           const graphdef::OpSpec &spec,
                           OperationState &state) {
  llvm::SmallVector<Attribute> names;
  for (const graphdef::AttrSpec &attr : spec.attrs) {
    bool isNumber = attr.kind == graphdef::AttrKind::Int;
    if (isNumber ? !attr.defaultNumber : !attr.defaults)
      continue;
    std::string name(attr.name);
    if (node.attr().contains(name))
      continue;
    names.push_back(builder.getStringAttr(name));
    if (isNumber) {
      state.addAttribute(name, builder.getI64IntegerAttr(*attr.defaultNumber));
      continue;
    }
    llvm::SmallVector<Attribute> types;
    for (DataType type : *attr.defaults)
      types.push_back(TypeAttr::get(elementType(context, type)));
    state.addAttribute(name, attr.kind == graphdef::AttrKind::Type
                                 ? types[0]
                                 : Attribute(builder.getArrayAttr(types)));
  }
  if (!names.empty())
    state.addAttribute(kDefaultedAttr, builder.getArrayAttr(names));
}

Importer::OpInfo &Importer::infoOf(const std::string &op) {
  auto it = infos.find(op);
  if (it != infos.end())
    return it->second;
  OpInfo info{OperationName("tf." + op, context), graphdef::findOp(op), {}, {}};
  if (auto function = signatureSpecs.find(op);
      !info.spec && function != signatureSpecs.end()) {
    info.spec = &function->second;
    info.signature = builder.getStringAttr(signatures.lookup(op));
  }
  return infos.try_emplace(op, std::move(info)).first->second;
}

StringAttr Importer::attrName(OpInfo &info, const std::string &name) {
  for (auto &[known, attr] : info.attrs)
    if (known == name)
      return attr;
  bool isDotted = llvm::StringRef(name).contains('.');
  auto attr = StringAttr::get(context,
                              isDotted ? (kDottedPrefix + name).str() : name);
  if (info.attrs.size() < 32)
    info.attrs.emplace_back(name, attr);
  return attr;
}

/// The types of a node's outputs. What its ports need must be there, and be what
/// it has to be.
bool Importer::addTypes(const pb::NodeDef &node, Location loc,
                        const graphdef::OpSpec &spec, OperationState &state) {
  // The values of the attributes that the definition has; null where the file
  // leaves them out.
  llvm::SmallVector<const pb::AttrValue *, 8> values(spec.attrs.size());
  for (const auto &[name, value] : node.attr()) {
    size_t i = 0;
    while (i < spec.attrs.size() && spec.attrs[i].name != name)
      ++i;
    if (i < spec.attrs.size())
      values[i] = &value;
    else if (name.front() != '_')
      state.addAttribute(kUnknownAttr, builder.getStringAttr(name));
  }
  auto valueOf = [&](std::string_view name) -> const pb::AttrValue * {
    for (size_t i = 0; i < spec.attrs.size(); ++i)
      if (spec.attrs[i].name == name)
        return values[i];
    // The signature of a function may not declare what its ports need.
    auto it = node.attr().find(std::string(name));
    return it == node.attr().end() ? nullptr : &it->second;
  };
  auto typesOf = [&](std::string_view name, bool isList,
                     llvm::SmallVectorImpl<DataType> &types) {
    types.clear();
    if (const pb::AttrValue *value = valueOf(name)) {
      if (value->value_case() !=
          (isList ? pb::AttrValue::kList : pb::AttrValue::kType))
        return false;
      if (isList)
        types.append(value->list().type().begin(), value->list().type().end());
      else
        types.push_back(value->type());
      return true;
    }
    const graphdef::AttrSpec *attr = spec.attr(name);
    if (!attr || !attr->defaults)
      return false;
    types.append(attr->defaults->begin(), attr->defaults->end());
    return true;
  };
  llvm::SmallVector<DataType> types;
  int64_t inputs = 0;
  for (const auto *args : {&spec.inputs, &spec.outputs})
    for (const graphdef::ArgSpec &arg : *args) {
      int64_t count = 1;
      if (!arg.typeAttr.empty()) {
        if (!typesOf(arg.typeAttr, arg.isList, types))
          return fail(loc, "type attribute '" + ref(arg.typeAttr) +
                               "' of node '" + node.name() + "' (" +
                               node.op() + ") is missing or no type");
        for (DataType t : types)
          if (graphdef::typeName(t).empty())
            return fail(loc, "type attribute '" + ref(arg.typeAttr) +
                                 "' of node '" + node.name() +
                                 "' has the unknown type " + llvm::Twine(t));
        if (arg.isList)
          count = types.size();
      } else {
        types.assign(1, arg.fixed);
      }
      if (!arg.numberAttr.empty()) {
        const pb::AttrValue *value = valueOf(arg.numberAttr);
        const graphdef::AttrSpec *attr = spec.attr(arg.numberAttr);
        count = value                          ? value->i()
                : attr && attr->defaultNumber ? *attr->defaultNumber
                                              : -1;
        if (count < 0 || count > 1 << 20)
          return fail(loc, "attribute '" + ref(arg.numberAttr) +
                               "' of node '" + node.name() + "' (" +
                               node.op() +
                               ") is missing or no number of values");
      }
      if (args == &spec.inputs) {
        inputs += count;
        continue;
      }
      for (int64_t k = 0; k < count; ++k) {
        DataType type = types[arg.isList ? k : 0];
        if (arg.isRef && type < graphdef::kRefOffset)
          type += graphdef::kRefOffset;
        state.types.push_back(tensorOf(type));
      }
    }
  int64_t given = 0;
  for (const std::string &input : node.input())
    given += input.empty() || input.front() != '^';
  if (given != inputs)
    return fail(loc, "node '" + node.name() + "' (" + node.op() + ") has " +
                         llvm::Twine(given) + " inputs, but the op takes " +
                         llvm::Twine(inputs));
  return true;
}

/// `tensor<*xT>`, looked up once for each T.
Type Importer::tensorOf(DataType type) {
  if (type < 0 || type > 2 * graphdef::kRefOffset)
    return tensorType(context, type);
  if (static_cast<size_t>(type) >= tensors.size())
    tensors.resize(type + 1);
  Type &tensor = tensors[type];
  if (!tensor)
    tensor = tensorType(context, type);
  return tensor;
}

bool Importer::importNode(const pb::NodeDef &node, Location loc) {
  Imported result;
  OpInfo &info = infoOf(node.op());
  result.spec = info.spec;
  OperationState state(loc, info.name);
  for (const auto &[name, value] : node.attr()) {
    if (name.empty())
      return fail(loc, "node '" + node.name() + "' has an attribute without a "
                                                "name");
    state.addAttribute(attrName(info, name), toAttribute(value));
  }
  if (!node.device().empty())
    state.addAttribute(kDeviceAttr, builder.getStringAttr(node.device()));
  addCalls(node, state);
  if (info.signature)
    state.addAttribute(kSignatureAttr, info.signature);
  if (node.has_experimental_debug_info() || node.has_experimental_type() ||
      hasUnknownFields(node)) {
    pb::NodeDef extra = node;
    extra.clear_name();
    extra.clear_op();
    extra.clear_input();
    extra.clear_device();
    extra.clear_attr();
    state.addAttribute(kExtraAttr, verbatim(extra));
  }
  if (info.spec) {
    addDefaults(node, *info.spec, state);
    if (!addTypes(node, loc, *info.spec, state))
      return false;
    result.outputs = state.types.size();
  } else {
    result.outputs = unknownOutputs.lookup(node.name());
    for (unsigned i = 0; i < result.outputs; ++i)
      state.types.push_back(UnrankedTensorType::get(
          NamedType::get(context, 0)));
  }
  state.types.push_back(control);
  // Inputs that stand before the node, as most do, are connected at once.
  llvm::SmallVector<int32_t> spelled;
  result.isConnected = findOperands(node, state.operands, spelled);
  if (!result.isConnected)
    state.operands.clear();
  else if (!spelled.empty())
    state.addAttribute(kSpelledAttr, builder.getDenseI32ArrayAttr(spelled));
  result.op = builder.create(state);
  imported.push_back(result);
  return true;
}

/// False, without a message, where an input is not known yet or wrong.
bool Importer::findOperands(const pb::NodeDef &node,
                            llvm::SmallVectorImpl<Value> &operands,
                            llvm::SmallVectorImpl<int32_t> &spelled) {
  if (inFunction)
    return false;
  bool seenControl = false;
  for (llvm::StringRef text : node.input()) {
    InputName input = splitInput(text);
    if (!input.isValid || (seenControl && !input.isControl))
      return false;
    seenControl |= input.isControl;
    auto it = nodeIndex.find(input.name);
    if (it == nodeIndex.end() || it->second >= imported.size())
      return false;
    const Imported &from = imported[it->second];
    if (!input.isControl && input.port >= from.outputs)
      return false;
    if (!input.isControl && text.ends_with(":0"))
      spelled.push_back(operands.size());
    operands.push_back(input.isControl
                           ? Value(from.op->getResult(from.outputs))
                           : from.op->getResult(input.port));
  }
  return true;
}

/// The value that an input of a library function's node names: an argument, or
/// "node:output:index".
Value Importer::functionValue(llvm::StringRef text, Location loc,
                              llvm::StringRef user) {
  auto [name, rest] = text.split(':');
  if (auto it = arguments.find(name); it != arguments.end())
    return it->second;
  auto it = nodeIndex.find(name);
  if (it == nodeIndex.end()) {
    emitError(loc) << "input '" << name << "' of node '" << user
                   << "' is not in the function";
    return {};
  }
  const Imported &from = imported[it->second];
  auto [output, number] = rest.split(':');
  unsigned index = 0, port = 0;
  bool found = false;
  // The first of an output may go without a number.
  bool isFirst = !output.empty() && !rest.contains(':');
  if ((isFirst || !number.getAsInteger(10, index)) && from.spec) {
    for (const graphdef::ArgSpec &arg : from.spec->outputs) {
      unsigned count = 1;
      if (arg.isList) {
        auto list = from.op->getAttrOfType<ArrayAttr>(ref(arg.typeAttr));
        count = list ? list.size() : 0;
      } else if (!arg.numberAttr.empty()) {
        auto n = from.op->getAttrOfType<IntegerAttr>(ref(arg.numberAttr));
        count = n ? n.getInt() : 0;
      }
      if (ref(arg.name) == output) {
        found = index < count;
        port += index;
        break;
      }
      port += count;
    }
  } else if (!from.spec) {
    port = index;
    found = port < from.outputs;
  }
  if (!found || port >= from.outputs) {
    emitError(loc) << "input '" << text << "' of node '" << user
                   << "' names an output that '" << name << "' has not";
    return {};
  }
  return from.op->getResult(port);
}

Value Importer::findValue(const pb::NodeDef &node, llvm::StringRef text) {
  Operation *op = imported[nodeIndex.lookup(node.name())].op;
  if (inFunction && !text.starts_with("^"))
    return functionValue(text, op->getLoc(), node.name());
  InputName input = splitInput(text);
  auto it = nodeIndex.find(input.name);
  if (!input.isValid || it == nodeIndex.end()) {
    // The whole text may be a name.
    emitError(op->getLoc()) << "input '" << text << "' of node '"
                            << node.name() << "' is not in the graph";
    return {};
  }
  const Imported &from = imported[it->second];
  if (input.isControl)
    return from.op->getResults().back();
  if (input.port >= from.outputs) {
    emitError(op->getLoc()) << "input '" << text << "' of node '"
                            << node.name() << "' names an output that '"
                            << input.name << "' has not";
    return {};
  }
  return from.op->getResult(input.port);
}

bool Importer::connect(const pb::NodeDef &node, unsigned index) {
  Operation *op = imported[index].op;
  llvm::SmallVector<Value> operands;
  llvm::SmallVector<int32_t> spelled;
  llvm::SmallVector<Attribute> waited;
  bool seenControl = false;
  int place = -1;
  for (const std::string &input : node.input()) {
    ++place;
    bool isControl = !input.empty() && input.front() == '^';
    // A function's argument is there before anything runs.
    if (isControl && inFunction && arguments.contains(input.substr(1))) {
      waited.push_back(builder.getStringAttr(llvm::Twine(place) + " " + input));
      seenControl = true;
      continue;
    }
    if (seenControl && !isControl)
      return fail(op->getLoc(), "node '" + node.name() +
                                    "' has a control input before input '" +
                                    input + "'");
    seenControl |= isControl;
    Value value = findValue(node, input);
    if (!value)
      return false;
    if (llvm::StringRef(input).ends_with(":0") &&
        (!inFunction || isa<BlockArgument>(value)))
      spelled.push_back(operands.size());
    else if (inFunction && !isControl && isa<OpResult>(value) &&
             llvm::StringRef(input).count(':') == 1)
      spelled.push_back(~static_cast<int32_t>(operands.size()));
    operands.push_back(value);
  }
  if (!waited.empty())
    op->setAttr(kArgumentControlsAttr, builder.getArrayAttr(waited));
  if (!spelled.empty())
    op->setAttr(kSpelledAttr, builder.getDenseI32ArrayAttr(spelled));
  op->setOperands(operands);
  return true;
}

bool Importer::importBody(const NodeList &nodes,
                          const std::vector<Offset> &at,
                          graph::FuncOp function) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&function.getBody().front());
  imported.clear();
  nodeIndex.clear();
  imported.reserve(nodes.size());
  nodeIndex.reserve(nodes.size());
  countUnknownOutputs(nodes);
  for (const auto &entry : llvm::enumerate(nodes)) {
    const pb::NodeDef &node = entry.value();
    size_t i = entry.index();
    Location loc = locate(node.name(), i < at.size() ? at[i]
                                                     : graphfile::kNowhere);
    if (node.name().empty() || node.op().empty())
      return fail(loc, node.name().empty()
                           ? llvm::Twine("a node without a name")
                           : "node '" + node.name() + "' has no op");
    if (node.op().find_first_of(" \t\n\"") != std::string::npos ||
        node.op().find('\0') != std::string::npos)
      return fail(loc, "node '" + node.name() + "' has an op of no valid name");
    if (arguments.contains(node.name()) ||
        !nodeIndex.try_emplace(node.name(), i).second)
      return fail(loc, "two nodes have the name '" + node.name() + "'");
    if (!importNode(node, loc))
      return false;
  }
  for (const auto &entry : llvm::enumerate(nodes))
    if (!imported[entry.index()].isConnected &&
        !connect(entry.value(), entry.index()))
      return false;
  return true;
}

static graph::FuncOp createFunction(OpBuilder &builder, Location loc,
                                    llvm::StringRef symbol,
                                    llvm::ArrayRef<Type> inputs) {
  OperationState state(loc, graph::FuncOp::getOperationName());
  state.addAttribute("sym_name", builder.getStringAttr(symbol));
  state.addAttribute("function_type",
                     TypeAttr::get(builder.getFunctionType(inputs, {})));
  state.addRegion()->emplaceBlock();
  return cast<graph::FuncOp>(builder.create(state));
}

bool Importer::importFunction(const pb::FunctionDef &function,
                              const std::vector<Offset> &at) {
  const std::string &name = function.signature().name();
  Location loc = locate(name, graphfile::kNowhere);
  pb::FunctionDef rest = function;
  if (isParametrised(function)) {
    OperationState state(loc, "tf.library_function");
    state.addAttribute(kFunctionAttr, verbatim(rest));
    state.addAttribute("sym_name", builder.getStringAttr(name));
    llvm::StringSet<> called;
    llvm::SmallVector<Attribute> calls;
    for (const pb::NodeDef &node : function.node_def()) {
      std::vector<std::string> names{node.op()};
      for (const auto &[attr, value] : node.attr())
        collectCalls(value, names);
      for (const std::string &name : names)
        if (signatures.contains(name) && called.insert(name).second)
          calls.push_back(builder.getStringAttr(name));
    }
    if (auto it = gradients.find(name); it != gradients.end())
      calls.push_back(builder.getStringAttr(it->second));
    if (!calls.empty())
      state.addAttribute(kCallsAttr, builder.getArrayAttr(calls));
    builder.create(state);
    return true;
  }
  rest.clear_node_def();
  llvm::SmallVector<Type> types;
  llvm::SmallVector<Attribute> names;
  for (const auto &arg : function.signature().input_arg()) {
    if (graphdef::typeName(arg.type()).empty())
      return fail(loc, "argument '" + arg.name() + "' of function '" + name +
                           "' has no type");
    types.push_back(tensorType(context, arg.type()));
    names.push_back(DictionaryAttr::get(
        context, NamedAttribute(builder.getStringAttr("graph.name"),
                                builder.getStringAttr(arg.name()))));
  }
  std::string symbol = name.empty() ? "function" : name;
  while (!symbols.insert(symbol).second)
    symbol += "_";
  graph::FuncOp func = createFunction(builder, loc, symbol, types);
  func->setAttr(kFunctionAttr, verbatim(rest));
  func->setAttr(kFunctionNameAttr, builder.getStringAttr(name));
  // tf.data optimizes these itself.
  if (auto it = function.attr().find("_tf_data_function");
      it != function.attr().end() && it->second.b())
    func->setAttr(kPreserveAttr, builder.getUnitAttr());
  if (auto it = gradients.find(name); it != gradients.end())
    func->setAttr(kCallsAttr,
                  builder.getArrayAttr(builder.getStringAttr(it->second)));
  if (!names.empty())
    func.setArgAttrsAttr(builder.getArrayAttr(names));
  Block &block = func.getBody().front();
  arguments.clear();
  for (auto [arg, type] : llvm::zip(function.signature().input_arg(), types))
    arguments[arg.name()] = block.addArgument(type, loc);
  inFunction = true;
  if (!importBody(function.node_def(), at, func))
    return false;
  for (const auto &[output, node] : function.control_ret()) {
    auto it = nodeIndex.find(node);
    if (it == nodeIndex.end())
      return fail(loc, "function '" + name + "' returns control of '" + node +
                           "', which is no node of it");
    imported[it->second].op->setAttr(kControlReturnAttr,
                                     builder.getUnitAttr());
  }
  llvm::SmallVector<Value> results;
  llvm::SmallVector<Attribute> outputs;
  for (const auto &arg : function.signature().output_arg()) {
    auto it = function.ret().find(arg.name());
    if (it == function.ret().end())
      return fail(loc, "function '" + name + "' returns no '" + arg.name() +
                           "'");
    Value value = functionValue(it->second, loc, name);
    if (!value)
      return false;
    results.push_back(value);
    outputs.push_back(builder.getStringAttr(arg.name()));
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&block);
  graph::ReturnOp::create(builder, loc, results);
  func.setFunctionType(builder.getFunctionType(
      types, llvm::to_vector(ValueRange(results).getTypes())));
  func.setOutputNamesAttr(builder.getArrayAttr(outputs));
  return true;
}

OwningOpRef<ModuleOp> Importer::run() {
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(locate({}, graphfile::kNowhere));
  builder.setInsertionPointToEnd(module->getBody());
  pb::GraphDef rest;
  copyAllBut(graph, rest,
             {pb::GraphDef::kNodeFieldNumber, pb::GraphDef::kLibraryFieldNumber});
  if (graph.has_library())
    copyAllBut(graph.library(), *rest.mutable_library(),
               {pb::FunctionDefLibrary::kFunctionFieldNumber});
  (*module)->setAttr(kGraphAttr, verbatim(rest));
  for (const pb::FunctionDef &function : graph.library().function()) {
    std::string &line = signatures[function.signature().name()];
    line = signatureLine(function.signature());
    signatureSpecs[function.signature().name()] = graphdef::parseOpLine(line);
  }
  for (const pb::GradientDef &gradient : graph.library().gradient())
    gradients[gradient.function_name()] = gradient.gradient_func();
  std::string symbol = "main";
  while (signatures.contains(symbol))
    symbol += "_";
  symbols.insert(symbol);
  graph::FuncOp main = createFunction(
      builder, locate({}, graphfile::kNowhere), symbol, {});
  if (!importBody(graph.node(), places.nodes, main))
    return {};
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(&main.getBody().front());
    graph::ReturnOp::create(builder, main.getLoc(), ValueRange());
  }
  static const std::vector<Offset> nowhere;
  for (const auto &entry : llvm::enumerate(graph.library().function()))
    if (!importFunction(entry.value(),
                        entry.index() < places.functions.size()
                            ? places.functions[entry.index()]
                            : nowhere))
      return {};
  return module;
}

OwningOpRef<ModuleOp>
amp::importGraphDef(const pb::GraphDef &graph,
                    const graphdef::NodePlaces &places,
                    const graphfile::SourceText &source,
                    MLIRContext *context) {
  context->loadDialect<graph::GraphDialect, TensorFlowDialect>();
  return Importer(graph, places, source, context).run();
}

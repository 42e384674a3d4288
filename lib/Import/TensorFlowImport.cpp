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
        valueType(ValueType::get(context)) {}

  OwningOpRef<ModuleOp> run();

private:
  /// A node and what the name of each output says.
  struct Imported {
    Operation *op = nullptr;
    const graphdef::OpSpec *spec = nullptr;
    unsigned outputs = 0;
  };

  void readSignatures();
  bool importBody(const NodeList &nodes, const std::vector<Offset> &at,
                  graph::FuncOp function);
  bool importFunction(const pb::FunctionDef &function,
                      const std::vector<Offset> &at);
  bool isParametrised(const pb::FunctionDef &function) const;
  bool importNode(const pb::NodeDef &node, Location loc);
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
  llvm::StringSet<> symbols;
  /// Of the body at hand.
  bool inFunction = false;
  std::vector<Imported> imported;
  llvm::StringMap<unsigned> nodeIndex;
  llvm::StringMap<Value> arguments;
  /// Outputs of nodes of unknown ops that others read.
  llvm::StringMap<unsigned> unknownOutputs;
};

llvm::StringRef ref(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(llvm::StringRef text) {
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
  size_t colon = text.rfind(':');
  input.name = text.take_front(colon);
  if (colon != llvm::StringRef::npos)
    input.isValid = !text.drop_front(colon + 1).getAsInteger(10, input.port);
  return input;
}

} // namespace

Location Importer::locate(llvm::StringRef name, Offset at) {
  Location place = FileLineColLoc::get(context, source.name(), 0, 0);
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

/// Definitions of the library's functions as lines of the op table, which a
/// call carries along.
void Importer::readSignatures() {
  auto code = [](int type) {
    return static_cast<char>(type <= 26 ? 64 + type : 70 + type);
  };
  auto args = [&](const auto &list) {
    std::string text;
    for (const auto &arg : list) {
      if (!text.empty())
        text += ' ';
      text += arg.name() + ":";
      if (!arg.type_list_attr().empty()) {
        text += "@" + arg.type_list_attr();
      } else {
        if (!arg.number_attr().empty())
          text += arg.number_attr() + "*";
        if (!arg.type_attr().empty())
          text += arg.type_attr();
        else
          text += std::string("=") + code(arg.type());
      }
      if (arg.is_ref())
        text += "&";
    }
    return text;
  };
  for (const pb::FunctionDef &function : graph.library().function()) {
    const pb::OpDef &signature = function.signature();
    std::string line = signature.name() + "\t" +
                       (signature.is_stateful() ? "s" : "") + "\t" +
                       args(signature.input_arg()) + "\t" +
                       args(signature.output_arg()) + "\t";
    bool first = true;
    for (const auto &attr : signature.attr()) {
      line += (first ? "" : " ") + attr.name() + ":" +
              (attr.type() == "type"         ? "t"
               : attr.type() == "list(type)" ? "T"
               : attr.type() == "int"        ? "i"
                                             : "o");
      first = false;
    }
    line += "\t\t\t\t";
    std::string &kept = signatures[signature.name()];
    kept = line;
    signatureSpecs[signature.name()] = graphdef::parseOpLine(kept);
  }
}

/// Nodes whose op nobody knows have as many outputs as somebody reads.
void Importer::countUnknownOutputs(const NodeList &nodes) {
  unknownOutputs.clear();
  llvm::StringSet<> unknown;
  for (const pb::NodeDef &node : nodes)
    if (!graphdef::findOp(node.op()) && !signatures.contains(node.op()))
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

/// Functions that the attributes of a node name.
static void collectCalls(const pb::AttrValue &value,
                         llvm::SmallVectorImpl<std::string> &names) {
  auto add = [&](const pb::NameAttrList &function) {
    names.push_back(function.name());
    for (const auto &[name, inner] : function.attr())
      collectCalls(inner, names);
  };
  if (value.value_case() == pb::AttrValue::kFunc)
    add(value.func());
  if (value.value_case() == pb::AttrValue::kList)
    for (const pb::NameAttrList &function : value.list().func())
      add(function);
}

void Importer::addCalls(const pb::NodeDef &node, OperationState &state) {
  llvm::SmallVector<std::string> names;
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

/// Files may leave out attributes that have their default; types are needed.
void Importer::addDefaults(const pb::NodeDef &node,
                           const graphdef::OpSpec &spec,
                           OperationState &state) {
  llvm::SmallVector<Attribute> names;
  for (const graphdef::AttrSpec &attr : spec.attrs) {
    bool isType = attr.kind == graphdef::AttrKind::Type;
    if (!attr.defaults || (!isType && attr.kind != graphdef::AttrKind::TypeList))
      continue;
    std::string name(attr.name);
    if (node.attr().contains(name))
      continue;
    llvm::SmallVector<Attribute> types;
    for (DataType type : *attr.defaults)
      types.push_back(TypeAttr::get(elementType(context, type)));
    state.addAttribute(name, isType ? types[0]
                                    : Attribute(builder.getArrayAttr(types)));
    names.push_back(builder.getStringAttr(name));
  }
  if (!names.empty())
    state.addAttribute(kDefaultedAttr, builder.getArrayAttr(names));
}

bool Importer::importNode(const pb::NodeDef &node, Location loc) {
  Imported result;
  result.spec = graphdef::findOp(node.op());
  bool isCall = false;
  if (auto it = signatureSpecs.find(node.op());
      !result.spec && it != signatureSpecs.end()) {
    result.spec = &it->second;
    isCall = true;
  }
  OperationState state(loc, "tf." + node.op());
  for (const auto &[name, value] : node.attr()) {
    if (name.empty())
      return fail(loc, "node '" + node.name() + "' has an attribute without a "
                                                "name");
    bool isDotted = llvm::StringRef(name).contains('.');
    state.addAttribute(isDotted ? (kDottedPrefix + name).str() : name,
                       toAttribute(value));
  }
  if (!node.device().empty())
    state.addAttribute(kDeviceAttr, builder.getStringAttr(node.device()));
  addCalls(node, state);
  if (isCall)
    state.addAttribute(kSignatureAttr,
                       builder.getStringAttr(signatures.lookup(node.op())));
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
  if (result.spec) {
    addDefaults(node, *result.spec, state);
    auto typesOf = [&](llvm::StringRef name)
        -> std::optional<llvm::SmallVector<DataType>> {
      auto it = node.attr().find(name.str());
      llvm::SmallVector<DataType> types;
      if (it != node.attr().end()) {
        if (it->second.value_case() == pb::AttrValue::kType)
          types.push_back(it->second.type());
        else if (it->second.value_case() == pb::AttrValue::kList)
          types.append(it->second.list().type().begin(),
                       it->second.list().type().end());
        else
          return std::nullopt;
        return types;
      }
      const graphdef::AttrSpec *attr = result.spec->attr(view(name));
      if (!attr || !attr->defaults)
        return std::nullopt;
      types.append(attr->defaults->begin(), attr->defaults->end());
      return types;
    };
    auto numberOf = [&](llvm::StringRef name) -> int64_t {
      auto it = node.attr().find(name.str());
      return it == node.attr().end() ? -1 : it->second.i();
    };
    // What the ports need must be there, and be what it has to be.
    for (const auto *args : {&result.spec->inputs, &result.spec->outputs})
      for (const graphdef::ArgSpec &arg : *args) {
        llvm::StringRef type = ref(arg.typeAttr), number = ref(arg.numberAttr);
        if (!type.empty()) {
          auto types = typesOf(type);
          if (!types || (!arg.isList && types->size() != 1))
            return fail(loc, "type attribute '" + type + "' of node '" +
                                 node.name() + "' (" + node.op() +
                                 ") is missing or no type");
          for (DataType t : *types)
            if (graphdef::typeName(t).empty())
              return fail(loc, "type attribute '" + type + "' of node '" +
                                   node.name() + "' has the unknown type " +
                                   llvm::Twine(t));
        }
        if (!number.empty() &&
            (numberOf(number) < 0 || numberOf(number) > 1 << 20))
          return fail(loc, "attribute '" + number + "' of node '" +
                               node.name() + "' (" + node.op() +
                               ") is missing or no number of values");
      }
    NodeTypes types = getNodeTypes(*result.spec, typesOf, numberOf);
    unsigned port = 0;
    for (const graphdef::ArgSpec &arg : result.spec->outputs) {
      size_t count = 1;
      if (arg.isList)
        count = typesOf(ref(arg.typeAttr))->size();
      else if (!arg.numberAttr.empty())
        count = numberOf(ref(arg.numberAttr));
      for (size_t i = 0; i < count; ++i, ++port) {
        const TypeVertex &vertex = types.vertices[types.outputs[port]];
        DataType type = vertex.fixed;
        if (!vertex.attr.empty())
          type = (*typesOf(vertex.attr))[std::max(vertex.index, 0)];
        if (arg.isRef && type < graphdef::kRefOffset)
          type += graphdef::kRefOffset;
        state.types.push_back(tensorType(context, type));
      }
    }
    result.outputs = port;
    // Inputs are counted before anything reads them as groups.
    unsigned inputs = 0;
    for (const std::string &input : node.input())
      inputs += input.empty() || input.front() != '^';
    if (inputs != types.inputs.size())
      return fail(loc, "node '" + node.name() + "' (" + node.op() + ") has " +
                           llvm::Twine(inputs) + " inputs, but the op takes " +
                           llvm::Twine(types.inputs.size()));
  } else {
    result.outputs = unknownOutputs.lookup(node.name());
    for (unsigned i = 0; i < result.outputs; ++i)
      state.types.push_back(UnrankedTensorType::get(
          NamedType::get(context, 0)));
  }
  state.types.push_back(control);
  result.op = builder.create(state);
  imported.push_back(result);
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
  if (!number.getAsInteger(10, index) && from.spec) {
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
  bool seenControl = false;
  for (const std::string &input : node.input()) {
    bool isControl = !input.empty() && input.front() == '^';
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
    operands.push_back(value);
  }
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
    if (!connect(entry.value(), entry.index()))
      return false;
  return true;
}

bool Importer::isParametrised(const pb::FunctionDef &function) const {
  if (function.signature().attr_size())
    return true;
  for (const auto *args : {&function.signature().input_arg(),
                           &function.signature().output_arg()})
    for (const auto &arg : *args)
      if (!arg.type_attr().empty() || !arg.type_list_attr().empty() ||
          !arg.number_attr().empty())
        return true;
  for (const pb::NodeDef &node : function.node_def())
    for (const auto &[name, value] : node.attr())
      if (value.value_case() == pb::AttrValue::kPlaceholder)
        return true;
  return false;
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
      llvm::SmallVector<std::string> names{node.op()};
      for (const auto &[attr, value] : node.attr())
        collectCalls(value, names);
      for (const std::string &name : names)
        if (signatures.contains(name) && called.insert(name).second)
          calls.push_back(builder.getStringAttr(name));
    }
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
  // Compiled or run elsewhere: TensorFlow's optimizers leave them alone.
  for (const char *mark : {"_XlaMustCompile", "_tf_data_function"})
    if (auto it = function.attr().find(mark);
        it != function.attr().end() && it->second.b())
      func->setAttr(kPreserveAttr, builder.getUnitAttr());
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

/// What a message holds besides some fields: messages and 32-bit numbers, and
/// what we do not know. The nodes of a graph are most of it.
static void copyAllBut(const google::protobuf::Message &from,
                       google::protobuf::Message &to,
                       std::initializer_list<int> skipped) {
  const google::protobuf::Reflection *read = from.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor *> fields;
  read->ListFields(from, &fields);
  for (const google::protobuf::FieldDescriptor *field : fields) {
    if (llvm::is_contained(skipped, field->number()))
      continue;
    if (field->is_repeated())
      for (int i = 0, e = read->FieldSize(from, field); i < e; ++i)
        read->AddMessage(&to, field)
            ->CopyFrom(read->GetRepeatedMessage(from, field, i));
    else if (field->message_type())
      read->MutableMessage(&to, field)->CopyFrom(read->GetMessage(from, field));
    else
      read->SetInt32(&to, field, read->GetInt32(from, field));
  }
  read->MutableUnknownFields(&to)->MergeFrom(read->GetUnknownFields(from));
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
  readSignatures();
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

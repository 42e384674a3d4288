//===- GraphFileExport.cpp - Module to graph file -------------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Types with names of sizes are inferred again through OpSet, node by node in
// an order that has operands first; everything else is read off the ops. Most
// nodes of a network are like another one, so each kind of node is inferred
// once: types are shared, and a kind is its op, attributes and types.
//===----------------------------------------------------------------------===//

#include "amp/Export/GraphFileExport.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/OpSet/Optimizers.h"

using namespace amp;
using namespace amp::graph;
using namespace mlir;
namespace gf = amp::graphfile;

static std::string_view view(StringRef text) {
  return {text.data(), text.size()};
}

/// All attributes of an op. Ops without properties, as ours are, hold them as
/// one dictionary, and need none to be made.
static DictionaryAttr attrsOf(Operation *op) {
  return op->getPropertiesStorageSize() ? op->getAttrDictionary()
                                        : op->getRawDictionaryAttrs();
}

namespace {

class Exporter {
public:
  Exporter(ModuleOp module, GraphFileVisitor &visitor)
      : module(module), visitor(visitor) {}
  LogicalResult run();
  gf::GraphFile takeFile() { return std::move(file); }

private:
  void exportFileKeys();
  gf::Variable exportVariable(VariableOp variable);
  LogicalResult exportFunction(FuncOp function);
  LogicalResult exportNode(Operation *op, gf::Node &node);
  LogicalResult checkTypes(FuncOp function);
  LogicalResult checkTraining(FuncOp op, const gf::Training &training);
  LogicalResult nameNodes(FuncOp function);
  void inferFunction(FuncOp function);
  void inferNode(Operation *op);
  gf::ValueName valueOf(Value value);
  std::string_view nameOf(Operation *op);
  bool hasDistinctNames(FuncOp function);
  const amp::TensorType *plainType(Type type);
  const amp::TensorType *sharedType(const amp::TensorType &type);
  const amp::TensorType &typeOf(Value value);
  std::string kindOf(Operation *op, const OpDef *def);
  std::shared_ptr<const Literal> literalOf(ConstantOp constant);
  gf::Setting settingOf(DictionaryAttr dictionary);
  gf::Training trainingOf(DictionaryAttr dictionary);
  gf::ValueName parseValue(StringRef text);
  void readDoc(Operation *op, gf::Doc &doc, bool &isString);
  void readDoc(Attribute attr, gf::Doc &doc, bool &isString);
  bool isRewritten();

  ModuleOp module;
  GraphFileVisitor &visitor;
  gf::GraphFile file;
  bool withTypes = false;
  llvm::DenseMap<StringRef, VariableOp> variables;
  llvm::DenseSet<StringAttr> variableNames;

  /// Each type once, by the MLIR type or by all there is to it.
  llvm::DenseMap<Type, const amp::TensorType *> plainTypes;
  llvm::StringMap<std::unique_ptr<amp::TensorType>> sharedTypes;
  /// By the kind of a node, what OpSet infers for its results.
  llvm::StringMap<std::vector<const amp::TensorType *>> kinds;

  /// Of the function at hand: types of values with sizes that are no numbers.
  llvm::DenseMap<Value, const amp::TensorType *> types;
  /// Names of its nodes, each once; empty where their own names are distinct.
  llvm::DenseMap<Operation *, std::string_view> nodeNames;
  std::vector<std::string_view> argumentNames;
};

} // namespace

/// Whether a pass has changed the file: then every node says its types.
bool Exporter::isRewritten() {
  for (FuncOp function : module.getOps<FuncOp>())
    if (!function.isExternal())
      for (Operation &op : function.getBody().front())
        if (op.hasAttr(kGeneratedAttr) || op.hasAttr(kTypedAttr) ||
            op.hasAttr(kOriginAttr))
          return true;
  return false;
}

void Exporter::readDoc(Attribute attr, gf::Doc &doc, bool &isString) {
  isString = true;
  if (auto text = dyn_cast_or_null<StringAttr>(attr))
    doc.push_back(view(text.getValue()));
  auto lines = dyn_cast_or_null<ArrayAttr>(attr);
  if (!lines)
    return;
  isString = false;
  for (auto line : lines.getAsRange<StringAttr>())
    doc.push_back(view(line.getValue()));
}

void Exporter::readDoc(Operation *op, gf::Doc &doc, bool &isString) {
  readDoc(op->getAttr(kDocAttr), doc, isString);
}

void Exporter::exportFileKeys() {
  file.version = "1.0";
  auto keys = module->getAttrOfType<DictionaryAttr>(kFileAttr);
  if (!keys)
    return;
  auto text = [&](StringRef key, std::string_view &field) {
    if (auto attr = keys.getAs<StringAttr>(key))
      field = view(attr.getValue());
  };
  text("version", file.version);
  text("schema", file.schema);
  text("name", file.name);
  text("weights", file.weights);
  readDoc(keys.get("doc"), file.doc, file.docIsString);
}

/// Settings are bools, integers and numbers.
static AttrValue settingValue(Attribute attr) {
  if (auto flag = dyn_cast<BoolAttr>(attr))
    return flag.getValue();
  if (auto number = dyn_cast<IntegerAttr>(attr))
    return number.getInt();
  if (auto real = dyn_cast<FloatAttr>(attr))
    return real.getValueAsDouble();
  return std::string();
}

/// A kind and its numbers, in the order in which they are documented.
gf::Setting Exporter::settingOf(DictionaryAttr dictionary) {
  gf::Setting setting;
  if (auto kind = dictionary.getAs<StringAttr>("kind"))
    setting.kind = view(kind.getValue());
  std::vector<std::string_view> order;
  if (const OptimizerDef *optimizer = findOptimizer(setting.kind))
    for (const OptimizerParam &param : optimizer->params)
      order.push_back(param.name);
  else
    order = {"value", "low",          "high",        "mean", "stddev",
             "seed",  "warmup_steps", "total_steps", "end"};
  for (std::string_view name : order) {
    Attribute attr = dictionary.get(StringRef(name.data(), name.size()));
    if (!attr)
      continue;
    Attr &param = setting.params.emplace_back();
    param.name = name;
    param.value = settingValue(attr);
  }
  return setting;
}

/// Puts the names that `sizes` holds where a size is not a number.
static void nameSizes(amp::TensorType &type, ArrayAttr sizes) {
  if (type.shape.size() != sizes.size())
    return;
  for (auto [dim, size] : llvm::zip(type.shape, sizes))
    if (auto name = dyn_cast<StringAttr>(size); name && dim.isUnknown())
      dim = Dim::named(view(name.getValue()));
}

gf::Variable Exporter::exportVariable(VariableOp op) {
  gf::Variable variable;
  variable.name = view(op.getSymName());
  variable.type = *toTensorType(op.getType());
  if (std::optional<DictionaryAttr> init = op.getInit())
    variable.init = settingOf(*init);
  if (std::optional<StringRef> weights = op.getWeights())
    variable.weights = view(*weights);
  variable.trainable = op.getTrainable();
  if (std::optional<ArrayAttr> names = op.getShapeNames())
    nameSizes(variable.type, *names);
  readDoc(op, variable.doc, variable.docIsString);
  return variable;
}

/// "n" or "n:1", as attributes of the training section hold it.
gf::ValueName Exporter::parseValue(StringRef text) {
  auto [name, number] = text.rsplit(':');
  gf::ValueName value;
  value.name = view(name);
  if (!number.empty() && number.getAsInteger(10, value.result))
    value = {view(text), 0};
  return value;
}

gf::Training Exporter::trainingOf(DictionaryAttr dictionary) {
  gf::Training training;
  auto names = [&](ArrayAttr array) {
    std::vector<gf::ValueName> list;
    for (auto name : array.getAsRange<StringAttr>())
      list.push_back(parseValue(name.getValue()));
    return list;
  };
  if (auto loss = dictionary.getAs<StringAttr>("loss"))
    training.loss = parseValue(loss.getValue());
  if (auto optimizer = dictionary.getAs<DictionaryAttr>("optimizer"))
    training.optimizer = settingOf(optimizer);
  if (auto variables = dictionary.getAs<ArrayAttr>("variables"))
    training.variables = names(variables);
  if (auto norm = dictionary.getAs<FloatAttr>("clip_norm"))
    training.clipNorm = norm.getValueAsDouble();
  if (auto steps = dictionary.getAs<IntegerAttr>("accumulate_steps"))
    training.accumulateSteps = steps.getInt();
  if (auto schedule = dictionary.getAs<DictionaryAttr>("schedule"))
    training.schedule = settingOf(schedule);
  if (auto noDecay = dictionary.getAs<ArrayAttr>("no_decay"))
    training.noDecay = names(noDecay);
  if (auto gradients = dictionary.getAs<DictionaryAttr>("gradients")) {
    auto add = [&](StringAttr variable) {
      if (auto value = gradients.getAs<StringAttr>(variable))
        training.gradients.push_back(
            {view(variable.getValue()), parseValue(value.getValue())});
    };
    // A dictionary is sorted; the file's order stands beside it.
    if (auto order = dictionary.getAs<ArrayAttr>("gradients_order"))
      llvm::for_each(order.getAsRange<StringAttr>(), add);
    else
      for (NamedAttribute gradient : gradients)
        add(gradient.getName());
  }
  if (auto seed = dictionary.getAs<StringAttr>("loss_gradient"))
    training.lossGradient = parseValue(seed.getValue());
  return training;
}

std::string_view Exporter::nameOf(Operation *op) {
  if (!nodeNames.empty())
    return nodeNames.lookup(op);
  return view(nodeName(op));
}

gf::ValueName Exporter::valueOf(Value value) {
  gf::ValueName name;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    name.name = argumentNames[argument.getArgNumber()];
    return name;
  }
  auto result = cast<OpResult>(value);
  name.name = nameOf(result.getOwner());
  name.result = result.getResultNumber();
  return name;
}

/// The type with unknown sizes where it is dynamic; null for one that graph
/// files do not have.
const amp::TensorType *Exporter::plainType(Type type) {
  auto [it, isNew] = plainTypes.try_emplace(type, nullptr);
  if (isNew)
    if (std::optional<amp::TensorType> tensor = toTensorType(type))
      it->second = sharedType(*tensor);
  return it->second;
}

const amp::TensorType *Exporter::sharedType(const amp::TensorType &type) {
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

static bool isStatic(Type type) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  return ranked && ranked.hasStaticShape();
}

/// The type with what names of sizes are known.
const amp::TensorType &Exporter::typeOf(Value value) {
  if (!isStatic(value.getType()))
    if (const amp::TensorType *named = types.lookup(value))
      return *named;
  return *plainType(value.getType());
}

/// What decides the types of a node: equal bytes, equal types.
std::string Exporter::kindOf(Operation *op, const OpDef *def) {
  std::string key;
  auto add = [&](const void *pointer) {
    key.append(reinterpret_cast<const char *>(&pointer), sizeof(pointer));
  };
  add(def);
  for (NamedAttribute attr : attrsOf(op)) {
    // Attributes of dialects say where a node comes from, not what it is.
    if (attr.getName().strref().contains('.'))
      continue;
    add(attr.getName().getAsOpaquePointer());
    add(attr.getValue().getAsOpaquePointer());
  }
  add(nullptr);
  for (Value operand : op->getOperands())
    add(&typeOf(operand));
  add(nullptr);
  for (Type type : op->getResultTypes())
    add(type.getAsOpaquePointer());
  return key;
}

void Exporter::inferNode(Operation *op) {
  // Names that nothing infers: of opaque nodes and of variables.
  auto shapes = op->getAttrOfType<ArrayAttr>(kShapesAttr);
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto variable = variables.lookup(read.getVariable());
    Attribute sizes = variable ? variable.getShapeNamesAttr() : ArrayAttr();
    shapes = sizes ? ArrayAttr::get(op->getContext(), sizes) : ArrayAttr();
  }
  if (shapes) {
    for (OpResult result : op->getResults()) {
      amp::TensorType type = *plainType(result.getType());
      if (result.getResultNumber() < shapes.size())
        if (auto sizes = dyn_cast<ArrayAttr>(shapes[result.getResultNumber()]))
          nameSizes(type, sizes);
      types[result] = sharedType(type);
    }
    return;
  }
  const OpDef *def = getOpDef(op);
  auto [it, isNew] = kinds.try_emplace(kindOf(op, def));
  std::vector<const amp::TensorType *> &results = it->second;
  if (isNew) {
    std::vector<amp::TensorType> operands, inferred;
    for (Value operand : op->getOperands())
      operands.push_back(typeOf(operand));
    std::vector<Attr> attrs;
    std::string_view wrong;
    bool good = def && succeeded(readNodeAttrs(op, *def, attrs, wrong)) &&
                !inferTypes(*def, operands, attrs, inferred) &&
                inferred.size() == op->getNumResults();
    for (OpResult result : op->getResults()) {
      amp::TensorType type = *plainType(result.getType());
      if (good) {
        const amp::Shape &shape = inferred[result.getResultNumber()].shape;
        for (size_t i = 0; i < type.shape.size() && i < shape.size(); ++i)
          if (type.shape[i].isUnknown())
            type.shape[i] = shape[i];
      }
      results.push_back(sharedType(type));
    }
  }
  for (auto [result, type] : llvm::zip(op->getResults(), results))
    if (!isStatic(result.getType()))
      types[result] = type;
}

/// Whether the node has a result whose type is still to be inferred.
static bool isOpen(Operation *op,
                   const llvm::DenseMap<Value, const amp::TensorType *> &types) {
  return op && llvm::any_of(op->getResults(), [&](Value result) {
    return !isStatic(result.getType()) && !types.contains(result);
  });
}

/// Block order where operands stand first; else depth first over operands with
/// a stack of our own, and a cycle is cut.
void Exporter::inferFunction(FuncOp function) {
  types.clear();
  for (BlockArgument argument : function.getArguments()) {
    amp::TensorType type = *plainType(argument.getType());
    if (auto shape = function.getArgAttrOfType<ArrayAttr>(
            argument.getArgNumber(), kShapeAttr))
      nameSizes(type, shape);
    types[argument] = sharedType(type);
  }
  llvm::DenseSet<Operation *> seen;
  SmallVector<std::pair<Operation *, unsigned>> stack;
  for (Operation &root : function.getBody().front().without_terminator()) {
    if (!isOpen(&root, types) || !seen.insert(&root).second)
      continue;
    stack.push_back({&root, 0});
    while (!stack.empty()) {
      auto &[op, next] = stack.back();
      if (next == op->getNumOperands()) {
        inferNode(op);
        stack.pop_back();
        continue;
      }
      Operation *source = op->getOperand(next++).getDefiningOp();
      if (isOpen(source, types) && seen.insert(source).second)
        stack.push_back({source, 0});
    }
  }
}

std::shared_ptr<const Literal> Exporter::literalOf(ConstantOp constant) {
  auto literal = std::make_shared<Literal>();
  if (std::optional<StringRef> weights = constant.getWeights()) {
    literal->weights = weights->str();
    return literal;
  }
  auto value = cast<DenseElementsAttr>(*constant.getValue());
  auto nesting = constant->getAttrOfType<DenseI64ArrayAttr>(kNestingAttr);
  literal->splat = value.isSplat() && !nesting && value.getNumElements() != 0;
  if (!literal->splat) {
    ArrayRef<int64_t> sizes =
        nesting ? nesting.asArrayRef() : value.getType().getShape();
    literal->nesting.assign(sizes.begin(), sizes.end());
  }
  int64_t count = literal->splat ? 1 : value.getNumElements();
  Type element = value.getElementType();
  auto copy = [&](auto values, auto &to) {
    to.assign(values.begin(), values.begin() + count);
  };
  if (element.isF32())
    copy(value.getValues<float>(), literal->floats);
  else if (element.isF64())
    copy(value.getValues<double>(), literal->floats);
  else if (element.isSignlessInteger(32))
    copy(value.getValues<int32_t>(), literal->ints);
  else if (element.isSignlessInteger(64))
    copy(value.getValues<int64_t>(), literal->ints);
  else if (isa<FloatType>(element)) {
    auto values = value.getValues<APFloat>();
    literal->floats.reserve(count);
    for (APFloat number :
         llvm::make_range(values.begin(), values.begin() + count)) {
      bool lossy;
      number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                     &lossy);
      literal->floats.push_back(number.convertToDouble());
    }
  } else {
    auto values = value.getValues<APInt>();
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    literal->ints.reserve(count);
    for (const APInt &number :
         llvm::make_range(values.begin(), values.begin() + count))
      literal->ints.push_back(isUnsigned ? int64_t(number.getZExtValue())
                                         : number.getSExtValue());
  }
  return literal;
}

/// Fills a node, whose memory is used again.
LogicalResult Exporter::exportNode(Operation *op, gf::Node &node) {
  node.name = nameOf(op);
  node.inputs.clear();
  node.attrs.clear();
  node.precision.reset();
  node.origin = node.opaqueAttrs = {};
  node.doc.clear();
  node.docIsString = true;
  if (auto opaque = dyn_cast<OpaqueOp>(op)) {
    node.op = view(opaque.getOp());
    if (std::optional<StringRef> attrs = opaque.getAttrs())
      node.opaqueAttrs = view(*attrs);
  } else {
    const OpDef *def = getOpDef(op);
    if (!def)
      return op->emitError("has no place in a graph file");
    node.op = def->name;
    std::string_view wrong;
    if ((!attrsOf(op).empty() || isa<ConstantOp>(op)) &&
        failed(readNodeAttrs(op, *def, node.attrs, wrong)))
      return op->emitError("attribute '")
             << StringRef(wrong) << "' has no place in a graph file";
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      if (!constant.getWeights() &&
          !isa_and_nonnull<DenseElementsAttr>(
              constant.getValue().value_or(ElementsAttr())))
        return op->emitError("has a value that a graph file cannot hold");
      node.attrs.push_back({"value", literalOf(constant)});
    }
  }
  for (Value operand : op->getOperands())
    node.inputs.push_back(valueOf(operand));
  if (!attrsOf(op).empty()) {
    if (auto pin = op->getAttrOfType<TypeAttr>(kPrecisionAttr))
      node.precision = toDType(pin.getValue());
    if (auto origin = op->getAttrOfType<StringAttr>(kOriginAttr))
      node.origin = view(origin.getValue());
    readDoc(op, node.doc, node.docIsString);
  }
  if (!withTypes && !isa<OpaqueOp>(op)) {
    node.types.reset();
    return success();
  }
  if (!node.types)
    node.types.emplace();
  node.types->resize(op->getNumResults());
  for (OpResult result : op->getResults())
    (*node.types)[result.getResultNumber()] = typeOf(result);
  return success();
}

/// Whether every node has a name that a graph file can hold and that no input,
/// variable or other node has. Equal names are one attribute.
bool Exporter::hasDistinctNames(FuncOp function) {
  llvm::DenseSet<StringAttr> names;
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kNameAttr);
    if (!name || variableNames.contains(name) || !names.insert(name).second)
      return false;
  }
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (isa<ReadOp>(op))
      continue;
    auto loc = dyn_cast<NameLoc>(op.getLoc());
    if (!loc)
      return false;
    StringAttr name = loc.getName();
    if (name.empty() || name.size() > gf::Limits().nameBytes ||
        name.getValue().contains(':') || variableNames.contains(name) ||
        !names.insert(name).second)
      return false;
  }
  return true;
}

/// Gives nodes that have no name, or that of another, one of their own: MLIR
/// in text holds such nodes. An input or a node that a pass did not make keeps
/// its name, so that a variable of that name, such as one of the optimizer's
/// state, is an error.
LogicalResult Exporter::nameNodes(FuncOp function) {
  nodeNames.clear();
  argumentNames.clear();
  for (BlockArgument argument : function.getArguments())
    argumentNames.push_back(file.names->intern(valueName(argument)));
  if (hasDistinctNames(function))
    return success();
  NameAllocator names;
  for (auto &variable : variables)
    names.take(variable.first);
  for (BlockArgument argument : function.getArguments()) {
    std::string name = valueName(argument);
    if (variables.contains(name))
      return emitError(argument.getLoc())
             << "input '" << name << "' has the name of a variable";
    names.take(name);
  }
  SmallVector<Operation *> nameless;
  for (Operation &op : function.getBody().front().without_terminator()) {
    StringRef name = nodeName(&op);
    if (isa<ReadOp>(op))
      nodeNames[&op] = view(name);
    else if (name.empty() || name.contains(':'))
      nameless.push_back(&op);
    else if (variables.contains(name) && !op.hasAttr(kGeneratedAttr))
      return op.emitError("node '") << name << "' has the name of a variable";
    else
      nodeNames[&op] = file.names->intern(names.fresh(name));
  }
  for (Operation *op : nameless)
    nodeNames[op] =
        file.names->intern(names.fresh(op->getName().stripDialect()));
  return success();
}

/// Every value has a type that graph files have.
LogicalResult Exporter::checkTypes(FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (!plainType(argument.getType()))
      return function.emitError("argument ")
             << argument.getArgNumber() << " has type " << argument.getType()
             << ", which graph files do not have";
  for (Operation &op : function.getBody().front())
    for (Type type : op.getResultTypes())
      if (!plainType(type))
        return op.emitError("has a result of type ")
               << type << ", which graph files do not have";
  return success();
}

/// The training section names values by text: what lost its names, as
/// --strip-debuginfo and MLIR without locations do, has none of them left.
LogicalResult Exporter::checkTraining(FuncOp op,
                                      const gf::Training &training) {
  llvm::DenseSet<StringRef> names;
  for (std::string_view name : argumentNames)
    names.insert(name);
  for (Operation &node : op.getBody().front())
    names.insert(nameOf(&node));
  auto check = [&](const gf::ValueName &value) -> LogicalResult {
    if (names.contains(value.name) || variables.contains(value.name))
      return success();
    return op.emitError("the training section names '")
           << StringRef(value.name) << "', but no node has that name";
  };
  if (failed(check(training.loss)))
    return failure();
  for (const gf::Gradient &gradient : training.gradients)
    if (failed(check(gradient.value)))
      return failure();
  return training.lossGradient ? check(*training.lossGradient) : success();
}

LogicalResult Exporter::exportFunction(FuncOp op) {
  if (op.isExternal())
    return op.emitError("has no body and so no place in a graph file");
  gf::Function function;
  auto name = op->getAttrOfType<StringAttr>(kNameAttr);
  function.name = view(name ? name.getValue() : op.getSymName());
  readDoc(op, function.doc, function.docIsString);
  if (failed(checkTypes(op)))
    return failure();
  inferFunction(op);
  if (failed(nameNodes(op)))
    return failure();
  for (BlockArgument argument : op.getArguments())
    function.inputs.push_back(
        {valueOf(argument).name, typeOf(argument), gf::kNowhere});
  visitor.beginFunction(function);
  gf::Node node;
  for (Operation &nodeOp : op.getBody().front().without_terminator()) {
    if (isa<ReadOp>(nodeOp))
      continue;
    if (failed(exportNode(&nodeOp, node)))
      return failure();
    visitor.node(node);
  }
  Operation *terminator = op.getBody().front().getTerminator();
  std::optional<ArrayAttr> names = op.getOutputNames();
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    gf::ValueName result = valueOf(value);
    std::string_view outputName =
        names ? view(cast<StringAttr>((*names)[index]).getValue())
              : result.name;
    function.outputs.push_back({outputName, result, gf::kNowhere});
  }
  if (std::optional<DictionaryAttr> training = op.getTraining()) {
    function.training = trainingOf(*training);
    if (failed(checkTraining(op, *function.training)))
      return failure();
  }
  visitor.endFunction(function);
  return success();
}

LogicalResult Exporter::run() {
  exportFileKeys();
  withTypes = isRewritten();
  for (Operation &op : *module.getBody()) {
    if (auto variable = dyn_cast<VariableOp>(op)) {
      if (!toTensorType(variable.getType()))
        return op.emitError("has type ")
               << variable.getType() << ", which graph files do not have";
      if (variable.getSymName().size() > gf::Limits().nameBytes)
        return op.emitError("the name of variable '")
               << variable.getSymName().take_front(64)
               << "…' is longer than a graph file allows";
      variables.try_emplace(variable.getSymName(), variable);
      variableNames.insert(variable.getSymNameAttr());
      file.variables.push_back(exportVariable(variable));
    } else if (!isa<FuncOp>(op))
      return op.emitError("has no place in a graph file");
  }
  if (!visitor.begin(file))
    return failure();
  for (FuncOp function : module.getOps<FuncOp>())
    if (failed(exportFunction(function)))
      return failure();
  return success();
}

LogicalResult amp::exportGraphFile(ModuleOp module, GraphFileVisitor &visitor) {
  return Exporter(module, visitor).run();
}

namespace {
/// Keeps everything. The arena of names stays the exporter's until the end.
class Collector : public GraphFileVisitor {
public:
  bool begin(gf::GraphFile &given) override {
    source = &given;
    return true;
  }
  void beginFunction(gf::Function &) override { nodes.clear(); }
  void node(gf::Node &node) override { nodes.push_back(std::move(node)); }
  void endFunction(gf::Function &function) override {
    function.nodes = std::move(nodes);
    source->functions.push_back(std::move(function));
  }

private:
  gf::GraphFile *source = nullptr;
  std::vector<gf::Node> nodes;
};
} // namespace

FailureOr<gf::GraphFile> amp::exportGraphFile(ModuleOp module) {
  Collector collector;
  Exporter exporter(module, collector);
  if (failed(exporter.run()))
    return failure();
  return exporter.takeFile();
}

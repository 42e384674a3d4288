//===- GraphFileImport.cpp - Graph file to module ------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One walk over the nodes in the order of the file, and a second over those
// that read a node which stands behind them. Their locations are made before:
// the context keeps each name and place once, in tables in which each step of
// a large file waits for memory, and short loops have several waits at once.
//===----------------------------------------------------------------------===//

#include "amp/Import/GraphFileImport.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "mlir/IR/Builders.h"

#include <array>
#include <pthread.h>
#include <thread>

using namespace amp;
using namespace amp::graph;
using namespace mlir;
namespace gf = amp::graphfile;

namespace {

StringAttr toAttr(MLIRContext *context, std::string_view text) {
  return StringAttr::get(context, StringRef(text.data(), text.size()));
}

/// Makes locations in one source.
class Locator {
public:
  Locator(const gf::SourceText &source, MLIRContext *context)
      : source(source), context(context),
        fileName(StringAttr::get(context, source.name())) {}

  Location locate(gf::Offset at) {
    gf::LineColumn place = source.lineColumn(at, &nearLine);
    return FileLineColLoc::get(fileName, place.line, place.column);
  }
  Location locate(gf::Offset at, std::string_view name) {
    return NameLoc::get(toAttr(context, name), locate(at));
  }
  /// Those of all nodes, function by function.
  std::vector<LocationAttr> locateNodes(const gf::GraphFile &file);

private:
  const gf::SourceText &source;
  MLIRContext *context;
  StringAttr fileName;
  /// Where the last place was: the next is near.
  size_t nearLine = 0;
};

class Importer {
public:
  /// `nodeLocs` are those that a Locator gives.
  Importer(const gf::GraphFile &file,
           const std::vector<gf::FunctionTypes> &types, Locator &locator,
           const std::vector<LocationAttr> &nodeLocs, MLIRContext *context)
      : file(file), types(types), locator(locator), nodeLocs(nodeLocs),
        context(context), builder(context) {}

  OwningOpRef<ModuleOp> run();

private:
  void importFileKeys(ModuleOp module);
  void importVariable(const gf::Variable &variable);
  bool importFunction(const gf::Function &function,
                      const gf::FunctionTypes &inferred);
  Operation *importNode(const gf::Node &node, Location loc,
                        const std::vector<amp::TensorType> &results,
                        ValueRange operands);
  Value value(const gf::ValueName &name, gf::ValueTarget target);

  StringAttr str(std::string_view text) { return toAttr(context, text); }
  /// What nodes of one op share.
  struct KnownOp {
    const OpDef *def;
    OperationName name;
  };
  const KnownOp &knownOp(std::string_view op);
  RankedTensorType typeOf(const amp::TensorType &type);
  Attribute doc(const gf::Doc &doc, bool isString);
  ArrayAttr shapeNames(const amp::Shape &shape);
  DictionaryAttr setting(const gf::Setting &setting);
  void importTraining(const gf::Training &training, FuncOp function);
  ElementsAttr elements(const Literal &literal, RankedTensorType type);
  /// A symbol for the function that no variable has.
  StringAttr functionSymbol(std::string_view name);

  const gf::GraphFile &file;
  const std::vector<gf::FunctionTypes> &types;
  Locator &locator;
  const std::vector<LocationAttr> &nodeLocs;
  MLIRContext *context;
  OpBuilder builder;
  std::vector<VariableOp> variables;
  /// By the characters of Node::op, which are those of the op table.
  llvm::DenseMap<const char *, KnownOp> knownOps;
  /// Nodes next to each other have the same few types. The last one of each
  /// hash.
  struct KnownType {
    amp::TensorType type;
    RankedTensorType mlirType;
  };
  std::array<KnownType, 64> knownTypes;
  llvm::StringSet<> symbols;
  /// Nodes of the functions that are imported.
  size_t nodesBefore = 0;
  /// Of the function that is being imported.
  SmallVector<Value> arguments;
  std::vector<Operation *> nodes;
  llvm::DenseMap<uint32_t, ReadOp> reads;
};

} // namespace

std::vector<LocationAttr> Locator::locateNodes(const gf::GraphFile &file) {
  std::vector<LocationAttr> locs;
  size_t count = 0;
  for (const gf::Function &function : file.functions)
    count += function.nodes.size();
  locs.reserve(count);
  constexpr size_t kAtOnce = 64;
  std::array<StringAttr, kAtOnce> names;
  std::array<LocationAttr, kAtOnce> places;
  for (const gf::Function &function : file.functions)
    for (size_t first = 0; first < function.nodes.size(); first += kAtOnce) {
      auto nodes = ArrayRef<gf::Node>(function.nodes).drop_front(first);
      nodes = nodes.take_front(kAtOnce);
      for (auto [i, node] : llvm::enumerate(nodes))
        names[i] = toAttr(context, node.name);
      for (auto [i, node] : llvm::enumerate(nodes))
        places[i] = locate(node.nameAt);
      for (size_t i = 0; i < nodes.size(); ++i)
        locs.push_back(NameLoc::get(names[i], places[i]));
    }
  return locs;
}

Attribute Importer::doc(const gf::Doc &doc, bool isString) {
  if (isString)
    return str(doc.empty() ? std::string_view() : doc.front());
  SmallVector<Attribute> lines;
  for (std::string_view line : doc)
    lines.push_back(str(line));
  return builder.getArrayAttr(lines);
}

/// Numbers and names of sizes, for shapes that have a name.
ArrayAttr Importer::shapeNames(const amp::Shape &shape) {
  return cast<ArrayAttr>(toMLIRAttr(context, AttrValue(shape)));
}

DictionaryAttr Importer::setting(const gf::Setting &setting) {
  NamedAttrList attrs;
  attrs.set("kind", str(setting.kind));
  for (const Attr &param : setting.params)
    attrs.set(StringRef(param.name.data(), param.name.size()),
              toMLIRAttr(context, param.value));
  return attrs.getDictionary(context);
}

void Importer::importFileKeys(ModuleOp module) {
  NamedAttrList attrs;
  attrs.set("version", str(file.version));
  if (!file.schema.empty())
    attrs.set("schema", str(file.schema));
  if (!file.name.empty())
    attrs.set("name", str(file.name));
  if (!file.doc.empty())
    attrs.set("doc", doc(file.doc, file.docIsString));
  if (!file.weights.empty())
    attrs.set("weights", str(file.weights));
  module->setAttr(kFileAttr, attrs.getDictionary(context));
}

void Importer::importVariable(const gf::Variable &variable) {
  VariableOp op = createVariable(
      builder, locator.locate(variable.at, variable.name), variable.name,
      toMLIRType(context, variable.type),
      variable.init ? setting(*variable.init) : DictionaryAttr());
  if (llvm::any_of(variable.type.shape,
                   [](const Dim &size) { return !size.isFixed(); }))
    op.setShapeNamesAttr(shapeNames(variable.type.shape));
  if (!variable.weights.empty())
    op.setWeightsAttr(str(variable.weights));
  if (!variable.trainable)
    op.setTrainable(false);
  if (!variable.doc.empty())
    op->setAttr(kDocAttr, doc(variable.doc, variable.docIsString));
  variables.push_back(op);
  symbols.insert(op.getSymName());
}

const Importer::KnownOp &Importer::knownOp(std::string_view op) {
  auto it = knownOps.find(op.data());
  if (it != knownOps.end())
    return it->second;
  const OpDef *def = findOp(op);
  OperationName name(def ? "graph." + std::string(op)
                         : OpaqueOp::getOperationName().str(),
                     context);
  return knownOps.try_emplace(op.data(), KnownOp{def, name}).first->second;
}

RankedTensorType Importer::typeOf(const amp::TensorType &type) {
  size_t hash = static_cast<size_t>(type.dtype);
  for (const Dim &dim : type.shape)
    hash = hash * 31 + (dim.isFixed() ? static_cast<size_t>(dim.size()) : 7);
  KnownType &known = knownTypes[(hash ^ (hash >> 6)) % knownTypes.size()];
  if (!known.mlirType || known.type != type)
    known = {type, toMLIRType(context, type)};
  return known.mlirType;
}

StringAttr Importer::functionSymbol(std::string_view name) {
  std::string symbol(name);
  while (!symbols.insert(symbol).second)
    symbol += "$function";
  return str(symbol);
}

/// Whether the export would write the literal in another form than the file
/// has: one number where all elements are equal, else a nested list.
static bool hasOwnForm(const Literal &literal, ElementsAttr value) {
  return !literal.splat &&
         (value.isSplat() || ArrayRef<int64_t>(literal.nesting) !=
                                 value.getShapedType().getShape());
}

/// Elements in the constant's dtype, null if their number is wrong. The reader
/// has checked that they fit.
ElementsAttr Importer::elements(const Literal &literal,
                                RankedTensorType type) {
  Type element = type.getElementType();
  if (!type.hasStaticShape())
    return {};
  size_t count = isa<FloatType>(element) ? literal.floats.size()
                                         : literal.ints.size();
  // A number for all of no elements is not repeated.
  bool none = type.getNumElements() == 0;
  if (count != (literal.splat ? 1 : size_t(type.getNumElements())))
    return {};
  if (auto floating = dyn_cast<FloatType>(element)) {
    SmallVector<APFloat> values;
    values.reserve(literal.floats.size());
    for (double real : ArrayRef<double>(literal.floats).drop_back(none && literal.splat)) {
      APFloat value(real);
      bool lossy;
      value.convert(floating.getFloatSemantics(),
                    APFloat::rmNearestTiesToEven, &lossy);
      values.push_back(value);
    }
    return DenseElementsAttr::get(type, values);
  }
  SmallVector<APInt> values;
  values.reserve(literal.ints.size());
  unsigned width = element.getIntOrFloatBitWidth();
  for (int64_t integer : ArrayRef<int64_t>(literal.ints).drop_back(none && literal.splat))
    values.push_back(APInt(width, static_cast<uint64_t>(integer),
                           /*isSigned=*/true, /*implicitTrunc=*/true));
  return DenseElementsAttr::get(type, values);
}

Operation *
Importer::importNode(const gf::Node &node, Location loc,
                     const std::vector<amp::TensorType> &results,
                     ValueRange operands) {
  const KnownOp &known = knownOp(node.op);
  const OpDef *def = known.def;
  OperationState state(loc, known.name);
  state.addOperands(operands);
  for (const amp::TensorType &type : results)
    state.addTypes(typeOf(type));
  if (!def) {
    state.addAttribute("op", str(node.op));
    if (!node.opaqueAttrs.empty())
      state.addAttribute("attrs", str(node.opaqueAttrs));
    // Nothing infers the names of their sizes again.
    SmallVector<Attribute> shapes;
    for (const amp::TensorType &type : results)
      shapes.push_back(shapeNames(type.shape));
    state.addAttribute(kShapesAttr, builder.getArrayAttr(shapes));
  }
  for (const Attr &attr : node.attrs) {
    StringRef name(attr.name.data(), attr.name.size());
    if (def->name != "constant") {
      state.addAttribute(name, toMLIRAttr(context, attr.value));
      continue;
    }
    if (name != "value")
      continue;
    const Literal &literal =
        *std::get<std::shared_ptr<const Literal>>(attr.value);
    if (!literal.weights.empty()) {
      state.addAttribute("weights", str(literal.weights));
      continue;
    }
    ElementsAttr value =
        elements(literal, cast<RankedTensorType>(state.types[0]));
    if (!value) {
      emitError(state.location)
          << "the value does not fit the shape of the constant";
      return nullptr;
    }
    state.addAttribute("value", value);
    if (hasOwnForm(literal, value))
      state.addAttribute(kNestingAttr,
                         builder.getDenseI64ArrayAttr(literal.nesting));
  }
  if (node.precision)
    state.addAttribute(kPrecisionAttr,
                       TypeAttr::get(toMLIRType(context, *node.precision)));
  if (!node.origin.empty()) {
    state.addAttribute(kOriginAttr, str(node.origin));
    state.addAttribute(kGeneratedAttr, builder.getUnitAttr());
  }
  // An opaque node has them in every file.
  if (node.types && def)
    state.addAttribute(kTypedAttr, builder.getUnitAttr());
  if (!node.doc.empty())
    state.addAttribute(kDocAttr, doc(node.doc, node.docIsString));
  return builder.create(state);
}

Value Importer::value(const gf::ValueName &name, gf::ValueTarget target) {
  switch (target.kind) {
  case gf::ValueTarget::Input:
    return arguments[target.index];
  case gf::ValueTarget::Node: {
    Operation *node = nodes[target.index];
    return node && name.result < node->getNumResults()
               ? Value(node->getResult(name.result))
               : Value();
  }
  case gf::ValueTarget::Variable: {
    ReadOp read = reads.lookup(target.index);
    return read ? Value(read.getResult()) : Value();
  }
  case gf::ValueTarget::Missing:
    break;
  }
  return {};
}

/// Mirrors the section, and notes where its keys stand.
void Importer::importTraining(const gf::Training &training, FuncOp function) {
  NamedAttrList attrs, locs;
  auto put = [&](StringRef key, Attribute attr, gf::Offset at) {
    attrs.set(key, attr);
    locs.set(key, cast<LocationAttr>(Attribute(locator.locate(at))));
  };
  auto names = [&](const std::vector<gf::ValueName> &list) {
    SmallVector<Attribute> array;
    for (const gf::ValueName &name : list)
      array.push_back(str(name.name));
    return builder.getArrayAttr(array);
  };
  put("loss", str(toString(training.loss)), training.loss.at);
  put("optimizer", setting(*training.optimizer), training.optimizer->at);
  if (training.variables)
    put("variables", names(*training.variables), training.at);
  if (training.clipNorm)
    put("clip_norm", builder.getF64FloatAttr(*training.clipNorm),
        training.clipNormAt);
  if (training.accumulateSteps)
    put("accumulate_steps",
        builder.getI64IntegerAttr(*training.accumulateSteps),
        training.accumulateStepsAt);
  if (training.schedule)
    put("schedule", setting(*training.schedule), training.schedule->at);
  if (training.noDecayAt != gf::kNowhere)
    put("no_decay", names(training.noDecay), training.noDecayAt);
  if (!training.gradients.empty()) {
    NamedAttrList gradients;
    SmallVector<Attribute> order;
    for (const gf::Gradient &gradient : training.gradients) {
      order.push_back(str(gradient.variable));
      gradients.set(
          StringRef(gradient.variable.data(), gradient.variable.size()),
          str(toString(gradient.value)));
    }
    put("gradients", gradients.getDictionary(context), training.gradientsAt);
    // A dictionary sorts its keys; the file's order is kept beside it.
    put("gradients_order", builder.getArrayAttr(order), training.gradientsAt);
  }
  if (training.lossGradient)
    put("loss_gradient", str(toString(*training.lossGradient)),
        training.lossGradient->at);
  function.setTrainingAttr(attrs.getDictionary(context));
  function->setAttr(kTrainingLocsAttr, locs.getDictionary(context));
}

bool Importer::importFunction(const gf::Function &function,
                              const gf::FunctionTypes &inferred) {
  SmallVector<Type> inputTypes;
  SmallVector<Attribute> inputAttrs;
  for (const gf::Input &input : function.inputs) {
    inputTypes.push_back(toMLIRType(context, input.type));
    NamedAttrList attrs;
    attrs.set(kNameAttr, str(input.name));
    attrs.set(kShapeAttr, shapeNames(input.type.shape));
    inputAttrs.push_back(attrs.getDictionary(context));
  }

  OperationState state(locator.locate(function.at, function.name),
                       FuncOp::getOperationName());
  StringAttr symbol = functionSymbol(function.name);
  state.addAttribute("sym_name", symbol);
  if (symbol != str(function.name))
    state.addAttribute(kNameAttr, str(function.name));
  state.addAttribute(
      "function_type",
      TypeAttr::get(builder.getFunctionType(inputTypes, {})));
  if (!inputAttrs.empty())
    state.addAttribute("arg_attrs", builder.getArrayAttr(inputAttrs));
  if (!function.doc.empty())
    state.addAttribute(kDocAttr, doc(function.doc, function.docIsString));
  Block *block = &state.addRegion()->emplaceBlock();
  auto func = cast<FuncOp>(builder.create(state));

  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(block);
  arguments.clear();
  for (auto [input, type] : llvm::zip(function.inputs, inputTypes))
    arguments.push_back(
        block->addArgument(type, locator.locate(input.at, input.name)));
  // Variables in the order of the file, so that it does not depend on that of
  // the nodes.
  SmallVector<uint32_t> used;
  for (const std::vector<gf::ValueTarget> *targets :
       {&inferred.operands, &inferred.outputs})
    for (gf::ValueTarget target : *targets)
      if (target.kind == gf::ValueTarget::Variable)
        used.push_back(target.index);
  llvm::sort(used);
  used.erase(llvm::unique(used), used.end());
  reads.clear();
  for (uint32_t i : used)
    reads[i] = createRead(builder, locator.locate(file.variables[i].at),
                          variables[i]);

  // A graph region lets a node stand before the nodes it reads; those get
  // their operands when all nodes are there.
  nodes.assign(function.nodes.size(), nullptr);
  SmallVector<Value> operands;
  auto collect = [&](const gf::ValueName &name, gf::ValueTarget target) {
    Value operand = value(name, target);
    if (operand)
      operands.push_back(operand);
    return static_cast<bool>(operand);
  };
  SmallVector<std::pair<uint32_t, const gf::ValueTarget *>> early;
  const gf::ValueTarget *target = inferred.operands.data();
  for (uint32_t i = 0; i < function.nodes.size(); ++i) {
    const gf::Node &node = function.nodes[i];
    operands.clear();
    bool isEarly = false;
    for (size_t k = 0; k < node.inputs.size() && !isEarly; ++k)
      isEarly = !collect(node.inputs[k], target[k]);
    if (isEarly) {
      early.push_back({i, target});
      operands.clear();
    }
    nodes[i] = importNode(node, nodeLocs[nodesBefore + i], inferred.results[i],
                          operands);
    if (!nodes[i])
      return false;
    target += node.inputs.size();
  }
  nodesBefore += function.nodes.size();
  for (auto [i, targets] : early) {
    operands.clear();
    for (const gf::ValueName &input : function.nodes[i].inputs)
      if (!collect(input, *targets++))
        return false;
    nodes[i]->setOperands(operands);
  }
  operands.clear();
  SmallVector<Attribute> outputNames;
  for (auto [output, target] : llvm::zip(function.outputs, inferred.outputs)) {
    if (!collect(output.value, target))
      return false;
    outputNames.push_back(str(output.name));
  }
  ReturnOp::create(builder, func.getLoc(), operands);
  func.setFunctionType(builder.getFunctionType(
      inputTypes, llvm::to_vector(ValueRange(operands).getTypes())));
  func.setOutputNamesAttr(builder.getArrayAttr(outputNames));
  if (function.training)
    importTraining(*function.training, func);
  return true;
}

OwningOpRef<ModuleOp> Importer::run() {
  context->loadDialect<GraphDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(locator.locate(0));
  importFileKeys(*module);
  builder.setInsertionPointToEnd(module->getBody());
  for (const gf::Variable &variable : file.variables)
    importVariable(variable);
  for (auto [function, inferred] : llvm::zip(file.functions, types))
    if (!importFunction(function, inferred)) {
      emitError(locator.locate(function.at))
          << "this function cannot be imported";
      return {};
    }
  return module;
}

OwningOpRef<ModuleOp> amp::importGraphFile(const gf::CheckedFile &file,
                                           const gf::SourceText &source,
                                           MLIRContext *context) {
  Locator locator(source, context);
  std::vector<LocationAttr> nodeLocs = locator.locateNodes(file.file);
  return Importer(file.file, file.types, locator, nodeLocs, context).run();
}

namespace {
/// The rules of a file, checked by another thread.
class CheckThread {
public:
  CheckThread(const gf::GraphFile &file, gf::Diagnostics &diags,
              const std::string &folder)
      : file(file), diags(diags), folder(folder) {
    // Not std::thread, which throws where the system gives no thread.
    isRunning = pthread_create(&thread, nullptr, check, this) == 0;
    if (!isRunning)
      check(this);
  }
  ~CheckThread() { join(); }
  std::optional<std::vector<gf::FunctionTypes>> take() {
    join();
    return std::move(types);
  }

private:
  static void *check(void *data) {
    auto *self = static_cast<CheckThread *>(data);
    self->types = gf::checkGraphFile(self->file, self->diags, self->folder);
    return nullptr;
  }
  void join() {
    if (isRunning)
      pthread_join(thread, nullptr);
    isRunning = false;
  }

  const gf::GraphFile &file;
  gf::Diagnostics &diags;
  const std::string &folder;
  std::optional<std::vector<gf::FunctionTypes>> types;
  pthread_t thread;
  bool isRunning = false;
};
} // namespace

OwningOpRef<ModuleOp> amp::importGraphFile(const gf::SourceText &source,
                                           gf::Diagnostics &diags,
                                           const std::string &folder,
                                           MLIRContext *context) {
  std::optional<gf::GraphFile> file = gf::parseGraphFile(source, diags);
  if (!file)
    return {};
  Locator locator(source, context);
  std::vector<LocationAttr> nodeLocs;
  std::optional<std::vector<gf::FunctionTypes>> types;
  // From this size on, a thread pays off.
  constexpr size_t kLargeFile = 256 * 1024;
  if (source.text().size() >= kLargeFile &&
      std::thread::hardware_concurrency() > 1) {
    CheckThread thread(*file, diags, folder);
    nodeLocs = locator.locateNodes(*file);
    types = thread.take();
  } else if ((types = gf::checkGraphFile(*file, diags, folder))) {
    nodeLocs = locator.locateNodes(*file);
  }
  if (!types)
    return {};
  return Importer(*file, *types, locator, nodeLocs, context).run();
}

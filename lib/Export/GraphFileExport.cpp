//===- GraphFileExport.cpp - Module to graph file -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One walk over the nodes in block order. Types with the names of sizes and the
// names of nodes are found first, for a function as a whole.
//===----------------------------------------------------------------------===//

#include "amp/Export/GraphFileExport.h"

#include "FileKeys.h"
#include "NodeNames.h"
#include "ValueTypes.h"

using namespace amp;
using namespace amp::graph;
using namespace mlir;
namespace gf = amp::graphfile;

namespace {

class Exporter {
public:
  Exporter(ModuleOp module, GraphFileVisitor &visitor)
      : module(module), visitor(visitor), types(variables), names(*file.names),
        precisionName(StringAttr::get(module.getContext(), kPrecisionAttr)),
        originName(StringAttr::get(module.getContext(), kOriginAttr)),
        docName(StringAttr::get(module.getContext(), kDocAttr)) {}
  LogicalResult run();
  gf::GraphFile takeFile() { return std::move(file); }

private:
  LogicalResult exportFunction(FuncOp function);
  LogicalResult exportNode(const Body &body, uint32_t index, gf::Node &node);
  LogicalResult exportAttrs(Operation *op, gf::Node &node);
  void exportMarks(Operation *op, gf::Node &node);
  LogicalResult checkTraining(FuncOp op, const Body &body,
                              const gf::Training &training);
  gf::ValueName nameOfValue(const Body &body, uint32_t value) const;
  bool isRewritten();

  ModuleOp module;
  GraphFileVisitor &visitor;
  gf::GraphFile file;
  bool withTypes = false;
  ValueTypes::Variables variables;
  ValueTypes types;
  NodeNames names;
  StringAttr precisionName, originName, docName;
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

gf::ValueName Exporter::nameOfValue(const Body &body, uint32_t value) const {
  gf::ValueName name;
  if (body.definingOp(value) == kNone) {
    name.name = names.argument(value);
  } else {
    name.name = names[body.definingOp(value)];
    name.result = body.resultNumber(value);
  }
  return name;
}

/// The op's own attributes.
LogicalResult Exporter::exportAttrs(Operation *op, gf::Node &node) {
  std::string_view wrong;
  auto constant = dyn_cast<ConstantOp>(op);
  bool hasAny = op->getPropertiesStorageSize() ||
                !op->getRawDictionaryAttrs().empty() || constant;
  if (hasAny && failed(readNodeAttrs(op, *types.defOf(op), node.attrs, wrong)))
    return op->emitError("attribute '")
           << StringRef(wrong) << "' has no place in a graph file";
  if (!constant)
    return success();
  if (!constant.getWeights() &&
      !isa_and_nonnull<DenseElementsAttr>(
          constant.getValue().value_or(ElementsAttr())))
    return op->emitError("has a value that a graph file cannot hold");
  node.attrs.push_back({"value", exportLiteral(constant)});
  return success();
}

/// What users and passes say of the node.
void Exporter::exportMarks(Operation *op, gf::Node &node) {
  node.precision.reset();
  node.origin = {};
  node.doc.clear();
  node.docIsString = true;
  DictionaryAttr marks = op->getRawDictionaryAttrs();
  if (marks.empty())
    return;
  if (auto pin = marks.getAs<TypeAttr>(precisionName))
    node.precision = toDType(pin.getValue());
  if (auto origin = marks.getAs<StringAttr>(originName))
    node.origin = view(origin.getValue());
  readDoc(marks.get(docName), node.doc, node.docIsString);
}

/// Fills a node, whose memory is used again.
LogicalResult Exporter::exportNode(const Body &body, uint32_t index,
                                   gf::Node &node) {
  Operation *op = body.op(index);
  node.name = names[index];
  node.inputs.clear();
  for (unsigned i = 0; i < body.numOperands(index); ++i)
    node.inputs.push_back(nameOfValue(body, body.operand(index, i)));
  exportMarks(op, node);
  auto opaque = dyn_cast<OpaqueOp>(op);
  const OpDef *def = opaque ? nullptr : types.defOf(op);
  if (!opaque && !def)
    return op->emitError("has no place in a graph file");
  node.op = opaque ? view(opaque.getOp()) : def->name;
  const uint32_t kind = types.kindOf(index);
  if (kind && visitor.knows(kind)) {
    visitor.node(node, kind);
    return success();
  }
  node.attrs.clear();
  node.opaqueAttrs = {};
  if (opaque && opaque.getAttrs())
    node.opaqueAttrs = view(*opaque.getAttrs());
  if (!opaque && failed(exportAttrs(op, node)))
    return failure();
  node.types.reset();
  if (withTypes || opaque) {
    node.types.emplace(op->getNumResults());
    for (unsigned i = 0; i < op->getNumResults(); ++i)
      (*node.types)[i] = types.of(body.result(index, i));
  }
  visitor.node(node, kind);
  return success();
}

/// The training section names values by text: what lost its names, as
/// --strip-debuginfo and MLIR without locations do, has none of them left.
LogicalResult Exporter::checkTraining(FuncOp op, const Body &body,
                                      const gf::Training &training) {
  llvm::DenseSet<StringRef> known;
  for (unsigned i = 0; i < names.numArguments(); ++i)
    known.insert(names.argument(i));
  for (uint32_t i = 0; i < body.numOps(); ++i)
    known.insert(names[i]);
  auto check = [&](const gf::ValueName &value) -> LogicalResult {
    if (known.contains(value.name) || variables.contains(value.name))
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

/// A name that comes from MLIR's text, in which every one is allowed.
static LogicalResult checkName(Operation *op, StringRef what, StringRef name) {
  if (isFileName(name))
    return success();
  if (name.size() > gf::Limits().nameBytes)
    return op->emitError("the name of ")
           << what << " '" << name.take_front(64)
           << "…' is longer than a graph file allows";
  std::string shown = name.str();
  for (char &c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return op->emitError("the name of ")
         << what << " '" << shown << "' is none that a graph file allows";
}

LogicalResult Exporter::exportFunction(FuncOp op) {
  if (op.isExternal())
    return op.emitError("has no body and so no place in a graph file");
  gf::Function function;
  auto name = op->getAttrOfType<StringAttr>(kNameAttr);
  function.name = view(name ? name.getValue() : op.getSymName());
  if (failed(checkName(op, "function", function.name)))
    return failure();
  readDoc(op->getAttr(kDocAttr), function.doc, function.docIsString);
  const Body body(op);
  if (failed(types.infer(op, body)) || failed(names.read(op, body)))
    return failure();
  for (unsigned i = 0; i < names.numArguments(); ++i) {
    if (failed(checkName(op, "input", names.argument(i))))
      return failure();
    function.inputs.push_back({names.argument(i), types.of(i), gf::kNowhere});
  }
  visitor.beginFunction(function);
  gf::Node node;
  for (uint32_t i = 0; i < body.numOps(); ++i)
    if (!isa<ReadOp>(body.op(i)) && failed(exportNode(body, i, node)))
      return failure();
  std::optional<ArrayAttr> outputs = op.getOutputNames();
  for (auto [index, value] : llvm::enumerate(body.outputs())) {
    gf::ValueName result = nameOfValue(body, value);
    std::string_view outputName =
        outputs ? view(cast<StringAttr>((*outputs)[index]).getValue())
                : result.name;
    if (outputs && failed(checkName(op, "output", outputName)))
      return failure();
    function.outputs.push_back({outputName, result, gf::kNowhere});
  }
  if (std::optional<DictionaryAttr> training = op.getTraining()) {
    function.training = exportTraining(*training);
    if (failed(checkTraining(op, body, *function.training)))
      return failure();
  }
  visitor.endFunction(function);
  return success();
}

LogicalResult Exporter::run() {
  exportFileKeys(module, file);
  withTypes = isRewritten();
  for (Operation &op : *module.getBody()) {
    if (auto variable = dyn_cast<VariableOp>(op)) {
      if (!toTensorType(variable.getType()))
        return op.emitError("has type ")
               << variable.getType() << ", which graph files do not have";
      if (failed(checkName(variable, "variable", variable.getSymName())))
        return failure();
      variables.try_emplace(variable.getSymName(), variable);
      names.addVariable(variable.getSymNameAttr());
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
  void node(gf::Node &node, uint32_t) override {
    nodes.push_back(std::move(node));
  }
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

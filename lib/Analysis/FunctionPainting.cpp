//===- FunctionPainting.cpp - A function, painted -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Vertices in topological order (iterative; a cycle is cut where it comes back
// to an op that is being visited), edges from the uses of values in groups,
// pins from attributes. Then the painting.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"

using namespace amp;
using namespace mlir;

FloatType FunctionPainting::loweredType(VertexId v) const {
  if (result.colours[v] == Colour::Allow)
    return target;
  if (result.reasons[v].rule == Rule::PinOther)
    return other;
  return {};
}

VertexId FunctionPainting::vertexOfUse(OpOperand &use) const {
  auto it = opIndex.find(use.getOwner());
  if (it == opIndex.end())
    return kNoVertex;
  return operandVertex[operandStart[it->second] + use.getOperandNumber()];
}

FloatType FunctionPainting::loweredType(Value value) const {
  auto it = vertexOf.find(value);
  return it == vertexOf.end() ? FloatType() : loweredType(it->second);
}

namespace {

class BodyPainter {
public:
  BodyPainter(FunctionOpInterface function, const PaintSettings &settings,
              FunctionPainting &painting)
      : function(function), settings(settings), painting(painting),
        models(settings.models) {}

  LogicalResult run();

private:
  void collectOps();
  void collectOutputs();
  LogicalResult readPins();
  std::vector<uint32_t> sweepOrder() const;
  void addVertices(PaintedOp &op);
  void addCastVertex(PaintedOp &op);
  void indexOperands();
  void addEdges();
  void bypassCasts();
  LogicalResult checkPin(PaintedOp &op);
  void describe(PaintedOp &op);
  ListKind listOf(llvm::StringRef name);
  void refineReasons();

  FunctionOpInterface function;
  const PaintSettings &settings;
  FunctionPainting &painting;
  const ModelSet &models;
  llvm::StringMap<std::pair<ListKind, bool>> lists;
  llvm::DenseSet<Value> outputs;
  llvm::StringMap<bool> warnedLosses;
};

} // namespace

static Type elementType(Value value) {
  return getElementTypeOrSelf(value.getType());
}

/// The element type that all members of a group share; null without one.
static Type groupType(Operation *op, const TypeGroup &group) {
  Type type;
  auto matches = [&](Value value) {
    Type element = elementType(value);
    if (!type)
      type = element;
    return type == element;
  };
  for (unsigned i : group.operands)
    if (!matches(op->getOperand(i)))
      return {};
  for (unsigned i : group.results)
    if (!matches(op->getResult(i)))
      return {};
  for (BlockArgument argument : group.blockArguments)
    if (!matches(argument))
      return {};
  return type;
}

void BodyPainter::collectOps() {
  for (Block &block : function.getFunctionBody())
    for (Operation &op : block) {
      if (op.hasTrait<OpTrait::IsTerminator>())
        continue;
      painting.opIndex[&op] = painting.ops.size();
      PaintedOp painted;
      painted.op = &op;
      describe(painted);
      painting.ops.push_back(painted);
    }
}

ListKind BodyPainter::listOf(llvm::StringRef name) {
  auto [it, isNew] = lists.try_emplace(name);
  if (isNew)
    it->second = {settings.policy.list(name.str()),
                  settings.policy.lists(name.str())};
  return it->second.first;
}

void BodyPainter::describe(PaintedOp &painted) {
  Operation *op = painted.op;
  const auto *dialect = ModelSet::getDialectInterface(op);
  if (dialect && dialect->isVariableRead(op))
    return;
  llvm::StringRef name = models.getPolicyName(op);
  painted.list = listOf(name);
  painted.isCast = models.isCast(op);
  painted.isLoss = models.isLoss(op);
  painted.isUnknown = !painted.isCast &&
                      (!models.describes(op) || !lists[name].second) &&
                      !(dialect && dialect->isConvertibleConstant(op));
  if (painted.isUnknown) {
    auto &entry = painting.unknown[name];
    if (!entry.first)
      entry.first = op;
    ++entry.second;
  }
  if (painted.isLoss && painted.list != ListKind::Deny &&
      painted.list != ListKind::Keep) {
    if (!warnedLosses.lookup(name)) {
      warnedLosses[name] = true;
      op->emitWarning() << "'" << name << "' is a loss and stays float32, "
                        << "although the policy lists it as "
                        << llvm::StringRef(listName(painted.list));
    }
    painted.list = ListKind::Deny;
  }
}

void BodyPainter::collectOutputs() {
  for (Block &block : function.getFunctionBody())
    if (!block.empty() && block.back().hasTrait<OpTrait::IsTerminator>() &&
        block.back().getNumSuccessors() == 0)
      for (Value operand : block.back().getOperands())
        outputs.insert(operand);
}

/// Pins from `amp.precision`, else from a flag; backward nodes have the pin of
/// the node that they come from.
LogicalResult BodyPainter::readPins() {
  llvm::StringMap<Pin> byName;
  bool failed = false;
  for (PaintedOp &painted : painting.ops) {
    Operation *op = painted.op;
    if (Attribute attr = op->getDiscardableAttr(kPrecisionAttr)) {
      auto type = dyn_cast<TypeAttr>(attr);
      if (type && type.getValue().isF32())
        painted.pin = Pin::Float32;
      else if (type && type.getValue() == painting.target)
        painted.pin = Pin::Target;
      else if (type && type.getValue() == painting.other)
        painted.pin = Pin::OtherLow;
      else {
        op->emitError() << "attribute '" << kPrecisionAttr
                        << "' is none of f32, f16 and bf16";
        failed = true;
      }
    } else if (settings.pinnedByFlag.contains(op)) {
      painted.pin = Pin::Float32;
    }
    if (painted.pin != Pin::None)
      if (llvm::StringRef name = getNodeName(op->getLoc()); !name.empty())
        byName[name] = painted.pin;
  }
  if (failed)
    return failure();
  if (byName.empty())
    return success();
  for (PaintedOp &painted : painting.ops) {
    if (painted.pin != Pin::None)
      continue;
    if (auto origin = painted.op->getAttrOfType<StringAttr>(kOriginAttr)) {
      auto it = byName.find(origin.getValue());
      if (it != byName.end())
        painted.pin = it->second;
    }
  }
  return success();
}

std::vector<uint32_t> BodyPainter::sweepOrder() const {
  std::vector<uint32_t> order;
  order.reserve(painting.ops.size());
  if (settings.keepBlockOrder) {
    for (uint32_t i = 0; i < painting.ops.size(); ++i)
      order.push_back(i);
    return order;
  }
  // Depth first over operands: an op comes out behind all that it reads. An
  // operand that is still open closes a cycle and is skipped.
  std::vector<bool> seen(painting.ops.size());
  std::vector<std::pair<uint32_t, unsigned>> stack;
  for (uint32_t root = 0; root < painting.ops.size(); ++root) {
    if (seen[root])
      continue;
    seen[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[index, next] = stack.back();
      Operation *op = painting.ops[index].op;
      if (next == op->getNumOperands()) {
        order.push_back(index);
        stack.pop_back();
        continue;
      }
      Operation *source = op->getOperand(next++).getDefiningOp();
      auto it = painting.opIndex.find(source);
      if (source && it != painting.opIndex.end() && !seen[it->second]) {
        seen[it->second] = true;
        stack.push_back({it->second, 0});
      }
    }
  }
  return order;
}

/// A vertex for an existing cast to float32, which R10 may retarget: all its
/// users must read it in a group, and it must be no output.
void BodyPainter::addCastVertex(PaintedOp &painted) {
  Operation *op = painted.op;
  const auto *dialect = ModelSet::getDialectInterface(op);
  if (!dialect || op->getNumResults() != 1 || op->getNumOperands() != 1 ||
      !elementType(op->getResult(0)).isF32() ||
      outputs.contains(op->getResult(0)))
    return;
  PaintVertex vertex;
  vertex.retargetable = true;
  painted.first = painting.graph.addVertex(vertex);
  painted.count = 1;
  painting.opOf.push_back(painting.opIndex[op]);
  painting.groups.emplace_back();
  painting.vertexOf[op->getResult(0)] = painted.first;
}

void BodyPainter::addVertices(PaintedOp &painted) {
  if (painted.isCast)
    return addCastVertex(painted);
  Operation *op = painted.op;
  llvm::SmallVector<TypeGroup, 2> groups;
  models.getTypeGroups(op, groups);
  if (groups.empty())
    return;
  bool isPreserved = false;
  if (settings.policy.outputs == OutputRule::Node)
    isPreserved = llvm::any_of(op->getResults(), [&](Value result) {
      return outputs.contains(result);
    });
  painted.first = painting.graph.size();
  painted.count = groups.size();
  for (unsigned i = 0; i < groups.size(); ++i) {
    PaintVertex vertex;
    vertex.list = painted.isUnknown ? ListKind::Keep : painted.list;
    vertex.pin = painted.pin;
    Type type = groupType(op, groups[i]);
    vertex.isFloat32 = type && type.isF32();
    vertex.allowsTarget = vertex.supportsTarget =
        models.supportsElementType(op, i, painting.target);
    vertex.processable = !isPreserved && !painted.isLoss;
    if (vertex.pin == Pin::OtherLow &&
        !models.supportsElementType(op, i, painting.other))
      vertex.pin = Pin::Float32;
    VertexId id = painting.graph.addVertex(vertex);
    painting.opOf.push_back(painting.opIndex[op]);
    for (unsigned result : groups[i].results)
      painting.vertexOf[op->getResult(result)] = id;
    for (BlockArgument argument : groups[i].blockArguments)
      painting.vertexOf[argument] = id;
    painting.groups.push_back(std::move(groups[i]));
  }
}

void BodyPainter::indexOperands() {
  uint32_t count = 0;
  for (PaintedOp &painted : painting.ops) {
    painting.operandStart.push_back(count);
    count += painted.op->getNumOperands();
  }
  painting.operandVertex.assign(count, kNoVertex);
  for (VertexId v = 0; v < painting.graph.size(); ++v)
    for (unsigned i : painting.groups[v].operands)
      painting.operandVertex[painting.operandStart[painting.opOf[v]] + i] = v;
}

void BodyPainter::addEdges() {
  PaintGraph &graph = painting.graph;
  for (VertexId v = 0; v < graph.size(); ++v) {
    Operation *op = painting.ops[painting.opOf[v]].op;
    for (unsigned i : painting.groups[v].operands) {
      auto it = painting.vertexOf.find(op->getOperand(i));
      if (it == painting.vertexOf.end())
        continue;
      graph.addEdge(it->second, v);
      Operation *source = painting.ops[painting.opOf[it->second]].op;
      if (models.isRecurrence(source))
        graph.addRecurrence(it->second, v);
    }
    // A cast with a user that reads it outside a group stays.
    if (graph[v].retargetable)
      for (OpOperand &use : op->getResult(0).getUses())
        if (painting.vertexOfUse(use) == kNoVertex)
          graph[v].retargetable = false;
  }
  graph.finish();
}

/// A cast that R10 would retarget although its source has the type already
/// stays, and its users read the source.
void BodyPainter::bypassCasts() {
  for (VertexId v = 0; v < painting.graph.size(); ++v) {
    if (painting.result.reasons[v].rule != Rule::CastRetargeted)
      continue;
    Operation *op = painting.ops[painting.opOf[v]].op;
    Value source = op->getOperand(0);
    FloatType lowered = painting.loweredType(source);
    if ((lowered ? Type(lowered) : elementType(source)) != painting.target)
      continue;
    painting.result.colours[v] = Colour::Unpainted;
    painting.bypassed.insert(op);
  }
}

LogicalResult BodyPainter::checkPin(PaintedOp &painted) {
  Operation *op = painted.op;
  Attribute attr = op->getDiscardableAttr(kPrecisionAttr);
  if (!attr)
    return success();
  Type type = cast<TypeAttr>(attr).getValue();
  auto name = [&] {
    llvm::StringRef text = getNodeName(op->getLoc());
    return text.empty() ? op->getName().getStringRef() : text;
  };
  auto spelled = [&] {
    return type.isF16() ? "float16" : type.isBF16() ? "bfloat16" : "float32";
  };
  bool hasGroup = false;
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    if (painting.graph[v].retargetable)
      continue;
    Type before = groupType(op, painting.groups[v]);
    hasGroup |= before && (before.isF32() || before == type);
    if (type.isF32() || !painting.graph[v].isFloat32)
      continue;
    if (painted.isLoss)
      return op->emitError() << "'" << name() << "' is a loss and stays "
                             << "float32; it cannot be pinned to " << spelled();
    for (unsigned i : painting.groups[v].results)
      if (outputs.contains(op->getResult(i)))
        return op->emitError()
               << "'" << name() << "' is a function output and stays float32; "
               << "put an identity behind it to pin it to " << spelled();
    if (!models.supportsElementType(op, painting.groupIndex(v),
                                    cast<FloatType>(type)))
      op->emitWarning() << "'" << name() << "' cannot have type " << spelled()
                        << ", the pin has no effect";
  }
  if (!hasGroup)
    op->emitWarning() << "'" << name() << "' has nothing to lower, its pin to "
                      << spelled() << " has no effect";
  return success();
}

/// What the painter cannot know: that a vertex is a loss, or an unknown op.
void BodyPainter::refineReasons() {
  for (VertexId v = 0; v < painting.graph.size(); ++v) {
    PaintReason &reason = painting.result.reasons[v];
    const PaintedOp &op = painting.ops[painting.opOf[v]];
    if (painting.result.colours[v] == Colour::Allow ||
        reason.rule == Rule::NotFloat32)
      continue;
    if (op.isLoss)
      reason = {Rule::Loss, {kNoVertex, kNoVertex}};
    else if (op.isUnknown && reason.rule == Rule::KeepList)
      reason.rule = Rule::UnknownOp;
  }
}

LogicalResult BodyPainter::run() {
  painting.function = function;
  painting.dialect = ModelSet::getBodyInterface(function);
  painting.target = settings.target;
  MLIRContext *context = function.getContext();
  painting.other = settings.target.isF16()
                       ? cast<FloatType>(Type(BFloat16Type::get(context)))
                       : cast<FloatType>(Type(Float16Type::get(context)));
  collectOps();
  collectOutputs();
  if (failed(readPins()))
    return failure();
  painting.order = sweepOrder();
  for (uint32_t index : painting.order)
    addVertices(painting.ops[index]);
  indexOperands();
  addEdges();
  bool failed = false;
  for (PaintedOp &painted : painting.ops)
    failed |= mlir::failed(checkPin(painted));
  if (failed)
    return failure();
  painting.result = paint(painting.graph, settings.inferRule);
  bypassCasts();
  refineReasons();
  return success();
}

LogicalResult amp::paintFunction(FunctionOpInterface function,
                                 const PaintSettings &settings,
                                 FunctionPainting &painting) {
  return BodyPainter(function, settings, painting).run();
}

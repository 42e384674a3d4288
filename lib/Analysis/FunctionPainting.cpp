//===- FunctionPainting.cpp - A function, painted -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Builds the graph, paints it, and brings home what the painter cannot know:
// casts that may be bypassed, pins that have no effect, losses.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"

#include "GraphBuilder.h"
#include "TypeGroups.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

using namespace amp;
using namespace mlir;

Type FunctionPainting::typeOf(VertexId v) const {
  const uint32_t op = opOf[v];
  for (unsigned i = 0; i < body.numResults(op); ++i)
    if (valueVertex[body.result(op, i)] == v)
      return ops[op].op->getResult(i).getType();
  for (unsigned i = 0; i < body.numOperands(op); ++i)
    if (operandVertex[body.operandIndex(op, i)] == v)
      return ops[op].op->getOperand(i).getType();
  if (auto flow = flows.find(op); flow != flows.end()) {
    const FlowGroup &group = flow->second[groupIndex(v)];
    if (!group.blockArguments.empty())
      return group.blockArguments.front().getType();
    if (!group.handedOver.empty())
      return group.handedOver.front()->get().getType();
  }
  return {};
}

namespace {

class BodyPainter {
public:
  /// The types of the painting are set.
  BodyPainter(const PaintSettings &settings, FunctionPainting &painting)
      : settings(settings), painting(painting), body(painting.body),
        describer(settings, painting), builder(settings, painting, describer) {}

  LogicalResult run();

private:
  void bypassCasts();
  LogicalResult checkPin(const PaintedOp &op);
  void refineReasons();

  const PaintSettings &settings;
  FunctionPainting &painting;
  const BodyIndex &body;
  OpDescriber describer;
  GraphBuilder builder;
};

} // namespace

/// A cast that R10 would retarget although its source has the type already
/// stays, and its users read the source.
void BodyPainter::bypassCasts() {
  for (VertexId v = 0; v < painting.graph.size(); ++v) {
    if (painting.result.reasons[v].rule != Rule::CastRetargeted)
      continue;
    const PaintedOp &painted = painting.ops[painting.opOf[v]];
    if (!painted.isCast)
      continue;
    Operation *op = painted.op;
    Value source = op->getOperand(0);
    ValueId value = body.operandValue(body.operandIndex(painting.opOf[v], 0));
    VertexId from = value == kNoValue ? kNoVertex : painting.valueVertex[value];
    FloatType lowered =
        from == kNoVertex ? FloatType() : painting.loweredType(from);
    if ((lowered ? Type(lowered) : elementTypeOf(source)) != painting.target)
      continue;
    painting.result.colours[v] = Colour::Unpainted;
    painting.bypassed.insert(op);
  }
}

/// A pin that asks for what cannot be.
LogicalResult BodyPainter::checkPin(const PaintedOp &painted) {
  Operation *op = painted.op;
  // An attribute that says no pin is an error already.
  if (painted.pin == Pin::None)
    return success();
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
  const uint32_t index = &painted - painting.ops.data();
  const OpKind &kind = describer.kindOf(op);
  llvm::SmallVector<TypeGroup, 2> groups;
  if (!painted.isCast)
    builder.getGroups(index, kind, groups);
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    if (painting.graph[v].retargetable)
      continue;
    const TypeGroup &group = groups[painting.groupIndex(v)];
    Type before = groupType(op, group);
    hasGroup |= before && (before.isF32() || before == type);
    if (type.isF32() || !painting.graph[v].isFloat32)
      continue;
    if (painted.isLoss)
      return op->emitError() << "'" << name() << "' is a loss and stays "
                             << "float32; it cannot be pinned to " << spelled();
    for (unsigned i : group.results)
      if (builder.isOutput(index, i))
        return op->emitError()
               << "'" << name() << "' is a function output and stays float32; "
               << "put an identity behind it to pin it to " << spelled();
    if (!painted.isFlow &&
        !ModelSet::supportsElementType(op, kind, painting.groupIndex(v),
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
  builder.collectOps();
  builder.addVertices();
  if (builder.isMalformed() || failed(describer.readPins()))
    return failure();
  describer.findSpelledOutOps();
  builder.updateVertices();
  builder.addEdges();
  if (describer.anyPinAttribute()) {
    bool anyWrong = false;
    for (const PaintedOp &painted : painting.ops)
      anyWrong |= failed(checkPin(painted));
    if (anyWrong)
      return failure();
  }
  painting.result = paint(painting.graph, settings.inferRule);
  if (builder.anyCast())
    bypassCasts();
  if (describer.anyLossOrUnknown())
    refineReasons();
  return success();
}

LogicalResult amp::paintFunction(FunctionOpInterface function,
                                 const PaintSettings &settings,
                                 FunctionPainting &painting) {
  FunctionUnit unit;
  unit.functions.push_back(function);
  return paintUnit(unit, settings, painting);
}

LogicalResult amp::paintUnit(const FunctionUnit &unit,
                             const PaintSettings &settings,
                             FunctionPainting &painting) {
  painting.unit = unit;
  painting.function = unit.functions.front();
  painting.dialect = settings.models.getBodyInterface(painting.function);
  // A function of nothing but calls has the casts of those that it calls.
  for (FunctionOpInterface other : unit.functions)
    if (const auto *dialect = settings.models.getBodyInterface(other);
        dialect && !dialect->getDialect() &&
        (!painting.dialect || painting.dialect->getDialect()))
      painting.dialect = dialect;
  painting.target = settings.target;
  MLIRContext *context = painting.function.getContext();
  painting.other = settings.target.isF16()
                       ? cast<FloatType>(Type(BFloat16Type::get(context)))
                       : cast<FloatType>(Type(Float16Type::get(context)));
  return BodyPainter(settings, painting).run();
}

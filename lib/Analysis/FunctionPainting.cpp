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

#include "SpelledOut.h"
#include "TypeGroups.h"
#include "amp/Analysis/OpNameMap.h"
#include "amp/Interfaces/ElementTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "llvm/ADT/StringMap.h"

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
  BodyPainter(const PaintSettings &settings, FunctionPainting &painting)
      : function(painting.unit.functions.front()), settings(settings),
        painting(painting), body(painting.body) {}

  LogicalResult run();

private:
  /// What all ops of a name share, and the policy's word on the last one.
  struct NameInfo {
    OpKind kind;
    /// Of an op of a models file, whatever its regions hold.
    SoftmaxStep step = SoftmaxStep::None;
    llvm::StringRef policyName;
    ListKind list = ListKind::Keep;
    bool isListed = false;
  };

  NameInfo &infoOf(Operation *op);
  void collectOps();
  void collectOutputs();
  void findSpelledOutOps();
  LogicalResult readPins();
  std::vector<uint32_t> sweepOrder(bool insideOut) const;
  void addVertices(uint32_t index);
  void findFlows();
  void findBranches();
  void getGroups(uint32_t index, llvm::SmallVectorImpl<TypeGroup> &groups);
  void tieCalls();
  void addCastVertex(uint32_t index);
  void addEdges();
  void bypassCasts();
  LogicalResult checkPin(const PaintedOp &op);
  void describe(PaintedOp &op);
  void refineReasons();
  bool isOutput(const PaintedOp &op, unsigned result) const;

  FunctionOpInterface function;
  const PaintSettings &settings;
  FunctionPainting &painting;
  BodyIndex &body;
  OpNameMap<NameInfo> infos;
  /// Values that the function returns.
  std::vector<bool> outputs;
  llvm::StringMap<bool> warnedLosses;
  bool anyRecurrence = false, anyPin = false;
  /// Parallel to the ops, where a models file describes any.
  std::vector<SoftmaxStep> steps;
  /// kPreserveAttr, kPrecisionAttr.
  StringAttr preserve, precision;
  llvm::SmallVector<TypeGroup, 2> groups;
  /// The numbers of the terminators, and others, that hand values over.
  llvm::MapVector<Operation *, uint32_t> handing;
  /// The first arguments of the body's blocks, where there are flows.
  llvm::DenseMap<Block *, ValueId> firstArguments;
};

} // namespace

BodyPainter::NameInfo &BodyPainter::infoOf(Operation *op) {
  return infos.get(op->getName(), [&](OperationName name) {
    NameInfo info;
    info.kind = settings.models.kindOf(name);
    if (info.kind.model)
      info.step = softmaxStep(info.kind.model->as);
    return info;
  });
}

void BodyPainter::collectOps() {
  llvm::SmallVector<Region *, 1> bodies;
  for (FunctionOpInterface function : painting.unit.functions)
    bodies.push_back(&function.getFunctionBody());
  llvm::SmallVector<Operation *, 1> owners(painting.unit.retypable.begin(),
                                           painting.unit.retypable.end());
  body = BodyIndex(bodies, owners, settings.models);
  painting.kinds = OpKinds(body);
  painting.ops.resize(body.numOps());
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    PaintedOp &painted = painting.ops[i];
    painted.op = body.op(i);
    painted.isTerminator = body.isTerminator(i);
  }
  findFlows();
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    body.fetchAhead(i);
    PaintedOp &painted = painting.ops[i];
    if (painted.isTerminator)
      continue;
    anyPin |= painted.op->getDiscardableAttr(precision) != nullptr;
    describe(painted);
  }
}

/// The ops that carry values from one place to another, with their groups.
void BodyPainter::findFlows() {
  for (const BodyIndex::BlockEntry &entry : body.blocks())
    if (entry.isNested && !painting.flows.count(entry.parent)) {
      painting.ops[entry.parent].isFlow = true;
      getRegionGroups(painting.ops[entry.parent].op, settings.models,
                      painting.flows[entry.parent]);
    }
  findBranches();
  for (uint32_t i = body.blockOps(); i < body.numOps(); ++i) {
    painting.ops[i].isFlow = true;
    auto function = cast<FunctionOpInterface>(painting.ops[i].op);
    auto &groups = painting.flows[i];
    for (BlockArgument argument : function.getArguments())
      groups.emplace_back().blockArguments.push_back(argument);
    const size_t results = groups.size();
    groups.resize(results + function.getNumResults());
    for (Block &block : function.getFunctionBody()) {
      Operation *end = block.empty() ? nullptr : &block.back();
      if (!end || !end->hasTrait<OpTrait::IsTerminator>() ||
          end->getNumSuccessors() != 0 ||
          end->getNumOperands() != function.getNumResults())
        continue;
      for (OpOperand &operand : end->getOpOperands())
        groups[results + operand.getOperandNumber()].handedOver.push_back(
            &operand);
    }
  }
  if (painting.unit.calls.empty())
    return;
  for (uint32_t i = 0; i < body.blockOps(); ++i) {
    Operation *op = painting.ops[i].op;
    if (!painting.unit.calls.count(op))
      continue;
    painting.ops[i].isFlow = true;
    auto &groups = painting.flows[i];
    groups.resize(op->getNumOperands() + op->getNumResults());
    for (unsigned k = 0; k < op->getNumOperands(); ++k)
      groups[k].operands.push_back(k);
    for (unsigned k = 0; k < op->getNumResults(); ++k)
      groups[op->getNumOperands() + k].results.push_back(k);
  }
}

/// What branches between blocks hand over belongs to the first of them.
void BodyPainter::findBranches() {
  BranchGroups groups;
  for (const BodyIndex::BlockEntry &entry : body.blocks())
    if (entry.block->isEntryBlock() && !entry.block->getParent()->hasOneBlock())
      getBranchGroups(*entry.block->getParent(), groups);
  if (groups.empty())
    return;
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    const uint32_t end = body.endOp(b) - 1;
    if (body.blocks()[b].block->empty())
      continue;
    auto found = groups.find(body.op(end));
    if (found == groups.end())
      continue;
    painting.flows[end] = std::move(found->second);
    painting.ops[end].isFlow = true;
    painting.ops[end].isTerminator = false;
  }
}

/// What a call hands over has one type at all calls and in the function.
void BodyPainter::tieCalls() {
  if (painting.unit.calls.empty())
    return;
  llvm::DenseMap<Operation *, uint32_t> owners;
  for (uint32_t i = body.blockOps(); i < body.numOps(); ++i)
    owners[painting.ops[i].op] = i;
  for (uint32_t i = 0; i < body.blockOps(); ++i) {
    auto call = painting.unit.calls.find(painting.ops[i].op);
    if (call == painting.unit.calls.end())
      continue;
    const VertexId inside = painting.ops[owners.lookup(call->second)].first;
    const VertexId outside = painting.ops[i].first;
    const unsigned operands = call->first->getNumOperands();
    for (unsigned k = 0; k < painting.ops[i].count; ++k) {
      if (!painting.graph[inside + k].isFloat32)
        continue;
      painting.graph.tie(outside + k, inside + k);
      if (k < operands)
        painting.graph.addEdge(outside + k, inside + k);
      else
        painting.graph.addEdge(inside + k, outside + k);
    }
  }
}

void BodyPainter::getGroups(uint32_t index,
                            llvm::SmallVectorImpl<TypeGroup> &groups) {
  groups.clear();
  if (auto flow = painting.flows.find(index); flow != painting.flows.end())
    groups.append(flow->second.begin(), flow->second.end());
  else
    ModelSet::getTypeGroups(painting.ops[index].op,
                            infoOf(painting.ops[index].op).kind, groups);
}

void BodyPainter::describe(PaintedOp &painted) {
  Operation *op = painted.op;
  NameInfo &info = infoOf(op);
  const auto *dialect = info.kind.dialect;
  anyRecurrence |= ModelSet::isRecurrence(op, info.kind);
  painted.isRead = dialect && dialect->isVariableRead(op);
  if (painted.isRead)
    return;
  llvm::StringRef name = ModelSet::getPolicyName(op, info.kind);
  // Most dialects have one name for all ops of a kind.
  if (name != info.policyName || !info.policyName.data()) {
    info.policyName = name;
    info.isListed = settings.policy.lists(name.str());
    // Where the policy does not know the op, it may know what kind of op it is.
    std::string known = name.str();
    if (!info.isListed)
      if (llvm::StringRef family = ModelSet::getPolicyFamily(op, info.kind);
          !family.empty() && settings.policy.lists(family.str())) {
        known = family.str();
        info.isListed = true;
      }
    info.list = settings.policy.list(known);
  }
  painted.list = info.list;
  if (painted.isFlow) {
    // What only passes a value on takes its neighbours' type.
    if (!info.isListed)
      painted.list = ListKind::Clear;
    return;
  }
  if (info.kind.model && !info.kind.interface) {
    SoftmaxStep step =
        info.kind.model->bodies.empty()
            ? info.step
            : softmaxStep(ModelSet::getMeaning(op, info.kind));
    if (step != SoftmaxStep::None) {
      steps.resize(painting.ops.size());
      steps[&painted - painting.ops.data()] = step;
    }
  }
  painted.isCast = ModelSet::isTransparentCast(op, info.kind);
  painted.isLoss = ModelSet::isLoss(op, info.kind);
  painted.isUnknown = !painted.isCast &&
                      (!info.kind.isDescribed() || !info.isListed) &&
                      !(dialect && (dialect->isCast(op) ||
                                    dialect->isConvertibleConstant(op)));
  // A call of a function that keeps its signature is known to hand over what
  // the signature says.
  if (painted.isUnknown && !info.kind.isDescribed() &&
      (isa<CallOpInterface>(op) || !touchesFloats(op)))
    painted.isUnknown = false;
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

/// Ops that together are a softmax are on its list where that keeps it float32.
void BodyPainter::findSpelledOutOps() {
  if (llvm::none_of(steps,
                    [](SoftmaxStep s) { return s == SoftmaxStep::Exp; }))
    return;
  body.indexUses();
  findSpelledOut(body, steps, painting.ops);
  for (PaintedOp &painted : painting.ops) {
    if (painted.partOf == SpelledOp::None)
      continue;
    // Who asks for an op by its name, or for what it is, gets it.
    llvm::StringRef name = settings.models.getPolicyName(painted.op);
    const OpKind &kind = infoOf(painted.op).kind;
    llvm::StringRef meaning = ModelSet::getMeaning(painted.op, kind);
    ListKind list = settings.policy.list(spelledName(painted.partOf).str());
    if ((list == ListKind::Deny || list == ListKind::Keep) &&
        !settings.policy.isAsked(std::string_view(name.data(), name.size())) &&
        !settings.policy.isAsked(
            std::string_view(meaning.data(), meaning.size())))
      painted.list = list;
  }
}

void BodyPainter::collectOutputs() {
  outputs.resize(body.numValues());
  for (const BodyIndex::BlockEntry &entry : body.blocks()) {
    // What leaves a region, or a function whose signature may change, is no
    // output.
    if (entry.isNested || entry.parent != kNoOp || entry.block->empty() ||
        !entry.block->back().hasTrait<OpTrait::IsTerminator>() ||
        entry.block->back().getNumSuccessors() != 0)
      continue;
    uint32_t end = body.endOp(&entry - body.blocks().begin()) - 1;
    for (unsigned i = 0; i < body.numOperands(end); ++i)
      if (ValueId value = body.operandValue(body.operandIndex(end, i));
          value != kNoValue)
        outputs[value] = true;
  }
}

bool BodyPainter::isOutput(const PaintedOp &painted, unsigned result) const {
  return outputs[body.result(&painted - painting.ops.data(), result)];
}

/// Pins from `amp.precision`, else from a flag; backward nodes have the pin of
/// the node that they come from.
LogicalResult BodyPainter::readPins() {
  if (!anyPin && settings.pinnedByFlag.empty())
    return success();
  llvm::StringMap<Pin> byName;
  bool failed = false;
  for (PaintedOp &painted : painting.ops) {
    Operation *op = painted.op;
    if (painted.isTerminator)
      continue;
    if (Attribute attr = op->getDiscardableAttr(precision)) {
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
    } else if (!settings.pinnedByFlag.empty() &&
               settings.pinnedByFlag.contains(op)) {
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
    if (painted.pin != Pin::None || painted.isTerminator)
      continue;
    if (auto origin = painted.op->getAttrOfType<StringAttr>(kOriginAttr)) {
      auto it = byName.find(origin.getValue());
      if (it != byName.end())
        painted.pin = it->second;
    }
  }
  return success();
}

/// Inside out, an op that hands values over comes behind what they are made by.
std::vector<uint32_t> BodyPainter::sweepOrder(bool insideOut) const {
  std::vector<uint32_t> order;
  order.reserve(body.numOps());
  // Signatures come first: the arguments of a body have their types from there.
  for (uint32_t i = body.blockOps(); i < body.numOps(); ++i)
    order.push_back(i);
  // Depth first over operands, from the ops in their order, leaves an order
  // that is topological as it is.
  if (!insideOut && (settings.keepBlockOrder || body.isTopological())) {
    for (uint32_t i = 0; i < body.blockOps(); ++i)
      if (!painting.ops[i].isTerminator)
        order.push_back(i);
    return order;
  }
  // Depth first over operands: an op comes out behind all that it reads. An
  // operand that is still open closes a cycle and is skipped.
  std::vector<bool> seen(body.numOps());
  std::vector<std::pair<uint32_t, unsigned>> stack;
  // What the regions of an op hand over, as if it were operands.
  llvm::DenseMap<uint32_t, llvm::SmallVector<ValueId, 4>> handedOver;
  if (insideOut)
    for (const auto &[index, flow] : painting.flows)
      for (const FlowGroup &group : flow)
        for (OpOperand *operand : group.handedOver)
          if (auto owner = handing.find(operand->getOwner());
              owner != handing.end() && index < body.blockOps())
            handedOver[index].push_back(body.operandValue(
                body.operandIndex(owner->second, operand->getOperandNumber())));
  for (uint32_t root = 0; root < body.blockOps(); ++root) {
    if (seen[root] || painting.ops[root].isTerminator)
      continue;
    seen[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[index, next] = stack.back();
      const unsigned own = body.numOperands(index);
      const auto handed = handedOver.find(index);
      if (next == own + (handed == handedOver.end() ? 0 : handed->second.size())) {
        order.push_back(index);
        stack.pop_back();
        continue;
      }
      ValueId value = next < own
                          ? body.operandValue(body.operandIndex(index, next))
                          : handed->second[next - own];
      ++next;
      uint32_t source = value == kNoValue ? kNoOp : body.definingOp(value);
      if (source != kNoOp && !seen[source] && !body.isTerminator(source)) {
        seen[source] = true;
        stack.push_back({source, 0});
      }
    }
  }
  return order;
}

/// A vertex for an existing cast to float32, which R10 may retarget: all its
/// users must read it in a group, and it must be no output.
void BodyPainter::addCastVertex(uint32_t index) {
  PaintedOp &painted = painting.ops[index];
  Operation *op = painted.op;
  if (!infoOf(op).kind.dialect || op->getNumResults() != 1 ||
      op->getNumOperands() != 1 || !elementTypeOf(op->getResult(0)).isF32() ||
      isOutput(painted, 0) ||
      !infoOf(op).kind.dialect->canRetargetCast(op, painting.target))
    return;
  PaintVertex vertex;
  vertex.retargetable = true;
  painted.first = painting.graph.addVertex(vertex);
  painted.count = 1;
  painting.opOf.push_back(index);
  painting.valueVertex[body.result(index, 0)] = painted.first;
}

void BodyPainter::addVertices(uint32_t index) {
  PaintedOp &painted = painting.ops[index];
  if (painted.isCast)
    return addCastVertex(index);
  Operation *op = painted.op;
  const OpKind &kind = infoOf(op).kind;
  getGroups(index, groups);
  if (groups.empty())
    return;
  const auto flow = painted.isFlow ? painting.flows.find(index)
                                   : painting.flows.end();
  bool isPreserved = op->getDiscardableAttr(preserve) != nullptr;
  if (settings.policy.outputs == OutputRule::Node)
    for (unsigned i = 0; i < op->getNumResults(); ++i)
      isPreserved |= isOutput(painted, i);
  const bool isForced = settings.forced && settings.forced->contains(op);
  const bool readsVariable =
      kind.dialect && !painted.isFlow && kind.dialect->readsReference(op);
  painted.first = painting.graph.size();
  painted.count = groups.size();
  for (unsigned i = 0; i < groups.size(); ++i) {
    const TypeGroup &group = groups[i];
    PaintVertex vertex;
    vertex.list = painted.isUnknown ? ListKind::Keep : painted.list;
    vertex.pin = painted.pin;
    if (painted.isFlow) {
      Type type = groupType(op, group);
      for (OpOperand *operand : flow->second[i].handedOver) {
        Type handed = elementTypeOf(operand->get());
        type = !type && !hasMembers(group) ? handed
               : type == handed            ? type
                                           : Type();
      }
      // Scalars keep their types.
      vertex.isFloat32 = type && type.isF32() && isShaped(op, flow->second[i]);
      vertex.allowsTarget = vertex.supportsTarget =
          !kind.interface ||
          ModelSet::supportsElementType(op, kind, i, painting.target);
    } else {
      Type type = ModelSet::getGroupType(op, kind, i);
      if (!type)
        type = groupType(op, group);
      vertex.isFloat32 = type && type.isF32();
      // Nothing asks of other types whether they could be lowered.
      vertex.allowsTarget =
          vertex.isFloat32 &&
          ModelSet::supportsElementType(op, kind, i, painting.target);
      vertex.supportsTarget =
          vertex.allowsTarget &&
          ModelSet::canExecute(op, kind, i, painting.target);
    }
    vertex.processable = !isPreserved && !painted.isLoss;
    vertex.forced = isForced;
    vertex.readsVariable = readsVariable;
    vertex.retargetable = vertex.isFloat32 && kind.dialect &&
                          !painted.isFlow && kind.dialect->isCastResult(op, i);
    if (vertex.pin == Pin::OtherLow && !painted.isFlow &&
        !ModelSet::supportsElementType(op, kind, i, painting.other))
      vertex.pin = Pin::Float32;
    VertexId id = painting.graph.addVertex(vertex);
    painting.opOf.push_back(index);
    for (unsigned operand : group.operands)
      painting.operandVertex[body.operandIndex(index, operand)] = id;
    for (unsigned result : group.results)
      painting.valueVertex[body.result(index, result)] = id;
    for (unsigned result : group.wideResults) {
      painting.valueVertex[body.result(index, result)] = id;
      painting.wide.insert(body.result(index, result));
    }
    if (painted.isFlow)
      for (OpOperand *operand : flow->second[i].handedOver)
        painting.operandVertex[body.operandIndex(
            handing.lookup(operand->getOwner()),
            operand->getOperandNumber())] = id;
    // Arguments of the op's own regions are its own business; one of the body
    // is a value that casts may read.
    for (BlockArgument argument : group.blockArguments)
      if (auto first = firstArguments.find(argument.getOwner());
          first != firstArguments.end())
        painting.valueVertex[first->second + argument.getArgNumber()] = id;
  }
}

void BodyPainter::addEdges() {
  PaintGraph &graph = painting.graph;
  tieCalls();
  // What is handed over reaches the op around them.
  for (uint32_t end : llvm::make_second_range(handing))
    for (unsigned i = 0; i < body.numOperands(end); ++i) {
      VertexId to = painting.operandVertex[body.operandIndex(end, i)];
      ValueId value = body.operandValue(body.operandIndex(end, i));
      VertexId from =
          value == kNoValue ? kNoVertex : painting.valueVertex[value];
      if (to != kNoVertex && from != kNoVertex)
        graph.addEdge(from, to);
    }
  for (VertexId v = 0; v < graph.size(); ++v) {
    const uint32_t index = painting.opOf[v];
    const uint32_t first = body.operandIndex(index, 0);
    for (uint32_t k = first; k < first + body.numOperands(index); ++k) {
      // Branches hand over what they read.
      if (painting.operandVertex[k] != v || body.isTerminator(index))
        continue;
      ValueId value = body.operandValue(k);
      VertexId from =
          value == kNoValue ? kNoVertex : painting.valueVertex[value];
      if (from == kNoVertex)
        continue;
      graph.addEdge(from, v);
      if (anyRecurrence &&
          ModelSet::isRecurrence(
              painting.ops[painting.opOf[from]].op,
              infoOf(painting.ops[painting.opOf[from]].op).kind))
        graph.addRecurrence(from, v);
    }
    // A cast with a user that reads it outside a group stays.
    if (graph[v].retargetable) {
      body.indexUses();
      ValueId value = body.result(index, 0);
      for (const BodyIndex::Use &use : body.uses(value))
        if (painting.operandVertex[body.operandIndex(use.op, use.operand)] ==
            kNoVertex)
          graph[v].retargetable = false;
      if (!body.nestedUses(value).empty())
        graph[v].retargetable = false;
    }
  }
  if (painting.dialect) {
    PaintedRelations relations(painting);
    for (FunctionOpInterface function : painting.unit.functions)
      painting.dialect->getGroupRelations(function, relations);
  }
  graph.finish();
}

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
  const OpKind &kind = infoOf(op).kind;
  groups.clear();
  if (!painted.isCast)
    getGroups(&painted - painting.ops.data(), groups);
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
      if (isOutput(painted, i))
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
  painting.function = function;
  preserve = StringAttr::get(function.getContext(), kPreserveAttr);
  precision = StringAttr::get(function.getContext(), kPrecisionAttr);
  painting.dialect = settings.models.getBodyInterface(function);
  // A function of nothing but calls has the casts of those that it calls.
  for (FunctionOpInterface other : painting.unit.functions)
    if (const auto *dialect = settings.models.getBodyInterface(other);
        dialect && !dialect->getDialect() &&
        (!painting.dialect || painting.dialect->getDialect()))
      painting.dialect = dialect;
  painting.target = settings.target;
  MLIRContext *context = function.getContext();
  painting.other = settings.target.isF16()
                       ? cast<FloatType>(Type(BFloat16Type::get(context)))
                       : cast<FloatType>(Type(Float16Type::get(context)));
  collectOps();
  collectOutputs();
  if (failed(readPins()))
    return failure();
  painting.order = sweepOrder(/*insideOut=*/false);
  findSpelledOutOps();
  painting.valueVertex.assign(body.numValues(), kNoVertex);
  painting.operandVertex.assign(body.numOperands(), kNoVertex);
  painting.opOf.reserve(body.numOps());
  painting.graph.reserve(body.numOps(), body.numOperands());
  for (const auto &flow : painting.flows)
    for (const FlowGroup &group : flow.second)
      for (OpOperand *operand : group.handedOver)
        handing[operand->getOwner()] = kNoOp;
  for (uint32_t i = 0; i < body.blockOps() && !handing.empty(); ++i)
    if (auto found = handing.find(body.op(i)); found != handing.end())
      found->second = i;
  if (!painting.flows.empty())
    for (const BodyIndex::BlockEntry &entry : body.blocks())
      firstArguments[entry.block] = entry.firstArgument;
  // The rewrite types an op before what its regions hold, R6 asks for what they
  // hand over first.
  bool anyInfer = llvm::any_of(painting.flows, [&](const auto &flow) {
    return painting.ops[flow.first].list == ListKind::Infer;
  });
  std::vector<uint32_t> insideOut;
  if (anyInfer && !settings.keepBlockOrder)
    insideOut = sweepOrder(/*insideOut=*/true);
  for (uint32_t index : insideOut.empty() ? painting.order : insideOut) {
    body.fetchAhead(index);
    addVertices(index);
  }
  addEdges();
  bool failed = false;
  for (const PaintedOp &painted : painting.ops)
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
  FunctionUnit unit;
  unit.functions.push_back(function);
  return paintUnit(unit, settings, painting);
}

LogicalResult amp::paintUnit(const FunctionUnit &unit,
                             const PaintSettings &settings,
                             FunctionPainting &painting) {
  painting.unit = unit;
  return BodyPainter(settings, painting).run();
}

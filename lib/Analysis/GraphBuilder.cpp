//===- GraphBuilder.cpp - The graph of a body -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Vertices in topological order (iterative; a cycle is cut where it comes back
// to an op that is being visited), then edges.
//===----------------------------------------------------------------------===//

#include "GraphBuilder.h"

#include "TypeGroups.h"
#include "amp/Interfaces/ElementTypes.h"

using namespace amp;
using namespace mlir;

void GraphBuilder::collectOps() {
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
  findOutputs();
}

void GraphBuilder::findFlows() {
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
void GraphBuilder::findBranches() {
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

void GraphBuilder::findOutputs() {
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

/// Inside out, an op that hands values over comes behind what they are made by.
std::vector<uint32_t> GraphBuilder::sweepOrder(bool insideOut) const {
  std::vector<uint32_t> order;
  order.reserve(body.numOps());
  // Signatures come first: the arguments of a body have their types from there.
  for (uint32_t i = body.blockOps(); i < body.numOps(); ++i)
    order.push_back(i);
  // Depth first over operands, from the ops in their order, leaves an order
  // that is topological as it is.
  if (!insideOut && isBlockOrder()) {
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

void GraphBuilder::getGroups(uint32_t index, const OpKind &kind,
                             llvm::SmallVectorImpl<TypeGroup> &groups) {
  groups.clear();
  if (painting.ops[index].isFlow) {
    const auto &flow = painting.flows.find(index)->second;
    groups.append(flow.begin(), flow.end());
  } else {
    ModelSet::getTypeGroups(painting.ops[index].op, kind, groups);
  }
}

/// A vertex for an existing cast to float32, which R10 may retarget: all its
/// users must read it in a group, and it must be no output.
void GraphBuilder::addCastVertex(uint32_t index, const OpKind &kind) {
  PaintedOp &painted = painting.ops[index];
  Operation *op = painted.op;
  if (!kind.dialect || op->getNumResults() != 1 || op->getNumOperands() != 1 ||
      !elementTypeOf(op->getResult(0)).isF32() || isOutput(index, 0) ||
      !kind.dialect->canRetargetCast(op, painting.target))
    return;
  PaintVertex vertex;
  vertex.retargetable = true;
  painted.first = painting.graph.addVertex(vertex);
  painted.count = 1;
  painting.opOf.push_back(index);
  painting.valueVertex[body.result(index, 0)] = painted.first;
  hasCast = true;
}

/// The vertex of a group, but for what its op says.
PaintVertex GraphBuilder::makeVertex(uint32_t index, const OpKind &kind,
                                     unsigned group, const TypeGroup &members) {
  const PaintedOp &painted = painting.ops[index];
  Operation *op = painted.op;
  PaintVertex vertex;
  if (painted.isFlow) {
    const FlowGroup &flow = painting.flows.find(index)->second[group];
    Type type = groupType(op, members);
    for (OpOperand *operand : flow.handedOver) {
      Type handed = elementTypeOf(operand->get());
      type = !type && !hasMembers(members) ? handed
             : type == handed              ? type
                                           : Type();
    }
    // Scalars keep their types.
    vertex.isFloat32 = type && type.isF32() && isShaped(op, flow);
    vertex.allowsTarget = vertex.supportsTarget =
        !kind.interface ||
        ModelSet::supportsElementType(op, kind, group, painting.target);
    return vertex;
  }
  Type type = ModelSet::getGroupType(op, kind, group);
  if (!type)
    type = groupType(op, members);
  vertex.isFloat32 = type && type.isF32();
  // Nothing asks of other types whether they could be lowered.
  vertex.allowsTarget =
      vertex.isFloat32 &&
      ModelSet::supportsElementType(op, kind, group, painting.target);
  vertex.supportsTarget =
      vertex.allowsTarget &&
      ModelSet::canExecute(op, kind, group, painting.target);
  vertex.retargetable = vertex.isFloat32 && kind.dialect &&
                        kind.dialect->isCastResult(op, group);
  return vertex;
}

/// A policy may keep the nodes of outputs as they are.
bool GraphBuilder::isPreservedByOutput(uint32_t index) const {
  if (settings.policy.outputs == OutputRule::Node)
    for (unsigned i = 0; i < body.numResults(index); ++i)
      if (isOutput(index, i))
        return true;
  return false;
}

/// As another op of its kind, but for what does not follow from the op alone.
void GraphBuilder::addVerticesLike(uint32_t index, const Example &example) {
  PaintedOp &painted = painting.ops[index];
  const PaintedOp &from = painting.ops[example.op];
  if (from.count == 0)
    return;
  painted.first = painting.graph.size();
  painted.count = from.count;
  const bool isForced = settings.forced && settings.forced->contains(painted.op);
  const bool readsVariable =
      example.dialect && example.dialect->readsReference(painted.op);
  for (unsigned i = 0; i < from.count; ++i) {
    PaintVertex vertex = painting.graph[from.first + i];
    vertex.forced = isForced;
    vertex.readsVariable = readsVariable;
    painting.graph.addVertex(vertex);
    painting.opOf.push_back(index);
  }
  const VertexId step = painted.first - from.first;
  auto take = [&](VertexId &vertex, VertexId other) {
    if (other != kNoVertex)
      vertex = other + step;
  };
  for (unsigned i = 0, e = body.numOperands(index); i < e; ++i)
    take(painting.operandVertex[body.operandIndex(index, i)],
         painting.operandVertex[body.operandIndex(example.op, i)]);
  for (unsigned i = 0, e = body.numResults(index); i < e; ++i) {
    take(painting.valueVertex[body.result(index, i)],
         painting.valueVertex[body.result(example.op, i)]);
    if (!painting.wide.empty() &&
        painting.wide.contains(body.result(example.op, i)))
      painting.wide.insert(body.result(index, i));
  }
}

void GraphBuilder::addVertices(uint32_t index) {
  PaintedOp &painted = painting.ops[index];
  const bool isPreservedOutput = isPreservedByOutput(index);
  const uint32_t number = painted.isFlow || painted.isCast || isPreservedOutput
                              ? OpKinds::kNone
                              : painting.kinds[index];
  if (number != OpKinds::kNone && examples[number].op != kNoOp)
    return addVerticesLike(index, examples[number]);
  Operation *op = painted.op;
  const OpKind &kind = describer.kindOf(op);
  if (number != OpKinds::kNone)
    examples[number] = {index, kind.dialect};
  if (painted.isCast)
    return addCastVertex(index, kind);
  getGroups(index, kind, groups);
  if (groups.empty())
    return;
  const bool isPreserved = isPreservedOutput || describer.isPreserved(op);
  const bool isForced = settings.forced && settings.forced->contains(op);
  const bool readsVariable =
      kind.dialect && !painted.isFlow && kind.dialect->readsReference(op);
  painted.first = painting.graph.size();
  painted.count = groups.size();
  for (unsigned i = 0; i < groups.size(); ++i) {
    const TypeGroup &group = groups[i];
    if (!painted.isFlow && !hasPlaces(op, group)) {
      // Once, where many ops are of that kind.
      if (!malformed)
        op->emitError() << "has a model whose type group " << i << " is of more "
                        << "operands or results than the op has";
      malformed = true;
      painted.count = i;
      return;
    }
    PaintVertex vertex = makeVertex(index, kind, i, group);
    vertex.list = painted.isUnknown ? ListKind::Keep : painted.list;
    vertex.processable = !isPreserved && !painted.isLoss;
    vertex.forced = isForced;
    vertex.readsVariable = readsVariable;
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
      for (OpOperand *operand :
           painting.flows.find(index)->second[i].handedOver)
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

void GraphBuilder::addVertices() {
  painting.order = sweepOrder(/*insideOut=*/false);
  painting.valueVertex.assign(body.numValues(), kNoVertex);
  painting.operandVertex.assign(body.numOperands(), kNoVertex);
  painting.opOf.reserve(body.numOps());
  painting.graph.reserve(body.numOps(), body.numOperands());
  examples.assign(painting.kinds.size(), {});
  // Each op of a large body is fetched from memory once where possible, and
  // those that are like others not at all.
  const bool areVaried = painting.kinds.size() * 8 > body.numOps();
  if (painting.flows.empty() && isBlockOrder()) {
    for (uint32_t index : painting.order) {
      if (areVaried)
        body.fetchAhead(index);
      describer.describe(index);
      addVertices(index);
    }
    return;
  }
  for (uint32_t i = 0; i < body.numOps(); ++i)
    if (body.fetchAhead(i); !painting.ops[i].isTerminator)
      describer.describe(i);
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
}

void GraphBuilder::updateVertices() {
  if (!describer.anyUpdate())
    return;
  for (const PaintedOp &painted : painting.ops) {
    if (painted.isCast ||
        (painted.pin == Pin::None && painted.partOf == SpelledOp::None))
      continue;
    const OpKind &kind = describer.kindOf(painted.op);
    for (unsigned i = 0; i < painted.count; ++i) {
      PaintVertex &vertex = painting.graph[painted.first + i];
      vertex.list = painted.isUnknown ? ListKind::Keep : painted.list;
      vertex.pin = painted.pin;
      if (vertex.pin == Pin::OtherLow && !painted.isFlow &&
          !ModelSet::supportsElementType(painted.op, kind, i, painting.other))
        vertex.pin = Pin::Float32;
    }
  }
}

/// What a call hands over has one type at all calls and in the function.
void GraphBuilder::tieCalls() {
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

void GraphBuilder::addEdges() {
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
      if (!describer.anyRecurrence())
        continue;
      if (Operation *source = painting.ops[painting.opOf[from]].op;
          ModelSet::isRecurrence(source, describer.kindOf(source)))
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

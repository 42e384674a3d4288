//===- ReportBuilder.cpp - Records what the pass does ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The only place that turns ops into names: NameLocs of nodes, `n:1` for a
// second result, `argument 0` and `linalg.matmul#3` where there is no name.
//===----------------------------------------------------------------------===//

#include "ReportBuilder.h"

#include "Contract.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"

using namespace amp;
using namespace mlir;

llvm::StringRef amp::getFunctionName(FunctionOpInterface function) {
  llvm::StringRef name = getNodeName(function.getLoc());
  return name.empty() ? function.getName() : name;
}

ReportBuilder::ReportBuilder(PrecisionReport &report, const Policy &policy,
                             const PaintSettings &settings)
    : report(report), settings(settings),
      originName(StringAttr::get(settings.target.getContext(), kOriginAttr)),
      generatedName(
          StringAttr::get(settings.target.getContext(), kGeneratedAttr)) {
  report = PrecisionReport();
  report.policy = policy.name;
  report.lowersNothing = policy.name == "none";
  report.target = targetName(policy.target);
}

/// The first position in a file under a location.
static FileLineColLoc findFile(Location loc) {
  while (true) {
    if (auto file = dyn_cast<FileLineColLoc>(loc))
      return file;
    if (auto name = dyn_cast<NameLoc>(loc))
      loc = name.getChildLoc();
    else if (auto site = dyn_cast<CallSiteLoc>(loc))
      loc = site.getCallee();
    else if (auto fused = dyn_cast<FusedLoc>(loc);
             fused && !fused.getLocations().empty())
      loc = fused.getLocations().front();
    else
      return {};
  }
}

std::string ReportBuilder::nameOf(Operation *op) const {
  llvm::StringRef name = getNodeName(op->getLoc());
  return name.empty() ? op->getName().getStringRef().str() : name.str();
}

std::string ReportBuilder::nameOf(const FunctionPainting &painting,
                                  Value value) const {
  Operation *op = value.getDefiningOp();
  if (painting.dialect && (!op || painting.dialect->isVariableRead(op)))
    if (std::string name = painting.dialect->getInputName(value); !name.empty())
      return name;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    llvm::StringRef name = getNodeName(argument.getLoc());
    return name.empty() ? "argument " + std::to_string(argument.getArgNumber())
                        : name.str();
  }
  auto result = cast<OpResult>(value);
  std::string name = nameOf(result.getOwner());
  if (result.getResultNumber() != 0)
    name += ":" + std::to_string(result.getResultNumber());
  return name;
}

static bool isConsidered(const FunctionPainting &painting, VertexId v) {
  return painting.graph[v].isFloat32 && !painting.graph[v].retargetable &&
         !painting.ops[painting.opOf[v]].isCast;
}

bool ReportBuilder::isGenerated(Operation *op) const {
  if (op->getDiscardableAttr(generatedName))
    return true;
  auto origin =
      dyn_cast_or_null<StringAttr>(op->getDiscardableAttr(originName));
  return origin && !origin.getValue().empty();
}

void ReportBuilder::addNode(const FunctionPainting &painting,
                            const PaintedOp &painted, size_t opNumber) {
  Operation *op = painted.op;
  ReportNode node;
  node.function = firstFunction + painting.body.bodyOf(
                                      &painted - painting.ops.data());
  node.name = nameOf(op);
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    node.name = getFunctionName(function).str();
  else if (getNodeName(op->getLoc()).empty())
    node.name += "#" + std::to_string(opNumber);
  node.op = settings.models.getPolicyName(op).str();
  if (auto origin = op->getAttrOfType<StringAttr>(originName))
    node.origin = origin.getValue().str();
  node.generated = isGenerated(op);
  node.list = painted.list;
  node.isPreserved = op->hasAttr(kPreserveAttr);
  node.partOf = spelledName(painted.partOf).str();
  node.pinnedByFlag =
      settings.pinnedByFlag.contains(op) && !op->hasAttr(kPrecisionAttr);
  if (FileLineColLoc file = findFile(op->getLoc())) {
    node.file = file.getFilename().str();
    node.line = file.getLine();
    node.column = file.getColumn();
  }

  // Of several groups the one that tells most: lowered, else float32.
  VertexId shown = kNoVertex;
  for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
    node.considered |= isConsidered(painting, v);
    bool lowered = static_cast<bool>(painting.loweredType(v));
    node.lowered |= lowered && isConsidered(painting, v);
    auto rank = [&](VertexId u) {
      return painting.loweredType(u) ? 2 : painting.graph[u].isFloat32 ? 1 : 0;
    };
    if (shown == kNoVertex || rank(v) > rank(shown))
      shown = v;
  }
  if (shown != kNoVertex) {
    Type type = painting.typeOf(shown);
    if (!type && op->getNumResults() != 0)
      type = op->getResult(0).getType();
    node.before = node.after = elementTypeName(type);
    if (FloatType lowered = painting.loweredType(shown))
      node.after = elementTypeName(lowered);
    node.reason = painting.result.reasons[shown];
  } else {
    if (op->getNumResults() != 0)
      node.before = node.after = elementTypeName(op->getResult(0).getType());
    node.reason.rule = painted.isUnknown                ? Rule::UnknownOp
                       : painted.list == ListKind::Keep ? Rule::KeepList
                       // Listed, but without a group that could be lowered.
                       : node.before == "float32" ? Rule::UnknownOp
                                                  : Rule::NotFloat32;
  }
  report.nodes.push_back(std::move(node));
}

void ReportBuilder::countFunction(const FunctionPainting &painting) {
  enum class Known : uint8_t { No, Input, Generated };
  std::vector<Known> known(painting.kinds.size());
  auto isOfPass = [&](uint32_t index) {
    const uint32_t kind = painting.kinds[index];
    if (kind == OpKinds::kNone)
      return isGenerated(painting.ops[index].op);
    if (known[kind] == Known::No)
      known[kind] = isGenerated(painting.ops[index].op) ? Known::Generated
                                                        : Known::Input;
    return known[kind] == Known::Generated;
  };
  for (uint32_t i = 0; i < painting.ops.size(); ++i) {
    const PaintedOp &painted = painting.ops[i];
    if (painted.isRead || painted.isTerminator)
      continue;
    ReportCounts &counts = isOfPass(i) ? report.generated : report.input;
    bool considered = false, lowered = false;
    for (VertexId v = painted.first; v < painted.first + painted.count; ++v) {
      considered |= isConsidered(painting, v);
      lowered |= isConsidered(painting, v) && painting.loweredType(v);
    }
    ++counts.nodes;
    counts.considered += considered;
    counts.lowered += lowered;
  }
}

void ReportBuilder::addFunction(const FunctionPainting &painting) {
  firstFunction = report.functions.size();
  for (FunctionOpInterface function : painting.unit.functions)
    report.functions.push_back(getFunctionName(function).str());
  nodeOf.assign(painting.ops.size(), kNoNode);
  size_t number = 0;
  uint32_t lastBody = 0;
  for (size_t i = 0; i < painting.ops.size(); ++i) {
    const PaintedOp &painted = painting.ops[i];
    if (painting.unit.functions.size() > 1)
      if (uint32_t inBody = painting.body.bodyOf(i); inBody != lastBody) {
        lastBody = inBody;
        number = 0;
      }
    if (!painted.isRead && !painted.isTerminator) {
      nodeOf[i] = report.nodes.size();
      addNode(painting, painted, number);
    }
    number += !painted.isTerminator;
  }
  for (size_t i = 0; i < nodeOf.size(); ++i) {
    if (nodeOf[i] == kNoNode)
      continue;
    ReportNode &node = report.nodes[nodeOf[i]];
    for (int k = 0; k < 2; ++k) {
      VertexId v = node.reason.because[k];
      if (v != kNoVertex)
        node.because[k] = nodeOf[painting.opOf[v]];
    }
    emitRemark(painting.ops[i], node);
  }
  addUpdates(painting);
}

void ReportBuilder::addUpdates(const FunctionPainting &painting) {
  auto isRead = [&](Operation *op) {
    return painting.dialect && painting.dialect->isVariableRead(op);
  };
  auto firstOperand = [&](Operation *op, bool read) -> Value {
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp();
          source && isRead(source) == read)
        return operand;
    return {};
  };
  llvm::DenseMap<Operation *, uint32_t> nodes;
  for (const PaintedOp &painted : painting.ops) {
    auto update = dyn_cast<VariableUpdateOpInterface>(painted.op);
    OpOperand *gradient = update ? update.getGradientOperand() : nullptr;
    Value variable = gradient ? firstOperand(painted.op, true) : Value();
    if (!variable)
      continue;
    if (nodes.empty())
      for (size_t i = 0; i < painting.ops.size(); ++i)
        if (nodeOf[i] != kNoNode)
          nodes[painting.ops[i].op] = nodeOf[i];
    ReportUpdate entry;
    entry.function = firstFunction +
                     painting.body.bodyOf(&painted - painting.ops.data());
    entry.variable = nameOf(painting, variable);
    entry.nodes.push_back(nodes.lookup(painted.op));
    // Back over what a pass put between the backward part and the update.
    Value value = gradient->get();
    while (Operation *op = value ? value.getDefiningOp() : nullptr) {
      auto node = nodes.find(op);
      if (node == nodes.end())
        break;
      entry.nodes.push_back(node->second);
      auto origin = op->getAttrOfType<StringAttr>(originName);
      llvm::StringRef name = settings.models.getPolicyName(op);
      bool isBetween = !origin && (op->hasAttr(generatedName) ||
                                   name == "unscale" || name == "cast");
      value = isBetween ? firstOperand(op, false) : Value();
    }
    std::reverse(entry.nodes.begin(), entry.nodes.end());
    report.updates.push_back(std::move(entry));
  }
}

static remark::RemarkOpts remarkOptions(bool lowered) {
  return remark::RemarkOpts::name(lowered ? "Lowered" : "Stays")
      .category("amp")
      .subCategory("auto-mixed-precision");
}

bool ReportBuilder::wantsRemarks(MLIRContext *context) {
  if (!context->getRemarkEngine())
    return false;
  // mlir-opt always has an engine, whose filters are its own secret. A remark
  // that is overwritten is not reported.
  Location loc = UnknownLoc::get(context);
  auto probe = remark::passed(loc, remarkOptions(/*lowered=*/true));
  bool wants = bool(probe);
  probe = {};
  probe = remark::missed(loc, remarkOptions(/*lowered=*/false));
  wants |= bool(probe);
  probe = {};
  return wants;
}

void ReportBuilder::emitRemark(const PaintedOp &painted,
                               const ReportNode &node) {
  if (!node.considered)
    return;
  auto options =
      remarkOptions(node.lowered).function(report.functions[node.function]);
  Location loc = painted.op->getLoc();
  auto remark = node.lowered ? remark::passed(loc, options)
                             : remark::missed(loc, options);
  if (!remark)
    return;
  remark << (node.lowered ? remark::add("lowered to {0}", node.after)
                          : remark::add("stays {0}", node.before))
         << remark::reason("{0}", report.reasonText(node))
         << remark::metric("rule", ruleLabel(node.reason.rule));
}

void ReportBuilder::addCast(const FunctionPainting &painting,
                            const InsertedCast &inserted) {
  ReportCast cast;
  cast.function = firstFunction;
  if (auto function = inserted.op->getParentOfType<FunctionOpInterface>())
    if (auto it = llvm::find(painting.unit.functions, function);
        it != painting.unit.functions.end())
      cast.function += it - painting.unit.functions.begin();
  cast.name = nameOf(inserted.op);
  cast.source = nameOf(painting, inserted.source);
  cast.from = elementTypeName(inserted.from);
  cast.to = elementTypeName(inserted.to);
  for (auto [user, index, operand] : inserted.users) {
    if (user->hasTrait<OpTrait::IsTerminator>() &&
        (index == kNoOp || nodeOf[index] == kNoNode)) {
      llvm::StringRef output;
      if (painting.dialect)
        output = painting.dialect->getOutputName(painting.function, operand);
      cast.users.push_back(output.empty() ? "output " + std::to_string(operand)
                                          : output.str());
      continue;
    }
    uint32_t node = index == kNoOp ? kNoNode : nodeOf[index];
    cast.users.push_back(node == kNoNode ? nameOf(user)
                                         : report.nodes[node].name);
  }
  auto bits = [](Type type) { return type.getIntOrFloatBitWidth(); };
  if (auto shaped = dyn_cast<ShapedType>(inserted.source.getType());
      !shaped || shaped.hasStaticShape()) {
    uint64_t elements = shaped ? shaped.getNumElements() : 1;
    cast.bytes = elements * (bits(inserted.from) + bits(inserted.to)) / 8;
  }
  report.casts.push_back(std::move(cast));
}

void ReportBuilder::addRewrite(const FunctionPainting &painting,
                               const RewriteResult &result) {
  for (const InsertedCast &cast : result.casts)
    addCast(painting, cast);
  report.castsToLow += result.castsToLow;
  report.castsToFloat32 += result.castsToFloat32;
  report.convertedConstants += result.convertedConstants;
}

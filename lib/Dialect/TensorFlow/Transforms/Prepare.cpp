//===- Prepare.cpp - What comes before the painting ---------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which nodes TensorFlow's pass may touch: those that are not preserved and
// are on the mode's device; and its conversion of FusedBatchNorm.
//===----------------------------------------------------------------------===//

#include "Devices.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {

class Preparer {
public:
  Preparer(ModuleOp module, const RewriteSettings &settings,
           const Policy &policy, llvm::DenseSet<Operation *> &forced)
      : module(module), settings(settings), policy(policy), forced(forced),
        builder(module.getContext()),
        preserveName(builder.getStringAttr(kPreserveAttr)),
        deviceName(builder.getStringAttr(kDeviceAttr)) {}
  LogicalResult run();

private:
  LogicalResult prepareBody(FunctionOpInterface function, bool isMain);
  LogicalResult markNames(FunctionOpInterface main);
  LogicalResult checkRecurrences(FunctionOpInterface function);
  LogicalResult checkLists(FunctionOpInterface function);
  LogicalResult checkAttributes(FunctionOpInterface function);
  bool lowersAnything(FunctionOpInterface function);
  /// What all ops of a name share.
  struct NameInfo {
    bool isAllowed, isPlaceholder, isBatchNorm, isRecurrence, isListWriter;
    /// Has a side effect, or makes a dataset, by the table.
    bool isStateful;
  };
  const NameInfo &infoOf(Operation *op);
  void markQuantized(FunctionOpInterface function);
  void convertBatchNorms(FunctionOpInterface function);
  bool isSuitable(const std::string &device) const;
  void preserve(Operation *op) {
    op->setDiscardableAttr(preserveName, builder.getUnitAttr());
  }
  bool isPreserved(Operation *op) const {
    return op->getDiscardableAttr(preserveName) != nullptr;
  }

  void preserveFunctions();
  LogicalResult checkRecursion();
  void force(FunctionOpInterface function);

  ModuleOp module;
  const RewriteSettings &settings;
  const Policy &policy;
  llvm::DenseSet<Operation *> &forced;
  OpBuilder builder;
  StringAttr preserveName, deviceName;
  llvm::DenseMap<OperationName, NameInfo> infos;
  bool hasGpu = false;
};

} // namespace

static bool hasFastFloat16(const RewriteSettings &settings) {
  return parseArch(settings.gpuArch) >= std::pair<int, int>(7, 0);
}

bool tf::isSkipped(const RewriteSettings &settings, std::string &why) {
  if (settings.mode != Mode::Cuda)
    return false;
  if (!settings.hasGpu && settings.simulateGpu)
    return false;
  if (settings.hasGpu &&
      (settings.ignorePerformance || hasFastFloat16(settings) ||
       settings.simulateGpu))
    return false;
  why = "No (suitable) GPUs detected, skipping auto_mixed_precision graph "
        "optimizer";
  return true;
}

bool Preparer::isSuitable(const std::string &device) const {
  // The type of a device may hold both words.
  if (device.find(settings.mode == Mode::Cuda ? "GPU" : "CPU") ==
      std::string::npos)
    return false;
  if (settings.mode != Mode::Cuda)
    return true;
  return settings.ignorePerformance || !settings.hasGpu ||
         hasFastFloat16(settings);
}

LogicalResult Preparer::prepareBody(FunctionOpInterface function,
                                    bool isMain) {
  if (!isMain && failed(checkBody(function)))
    return failure();
  function->setAttr(kKernelsAttr,
                    builder.getStringAttr(
                        settings.mode == Mode::Cuda ? "gpu" : "cpu"));
  if (settings.isStrict)
    function->setAttr(kStrictAttr, builder.getUnitAttr());
  bool isStandard = isSuitable(hasGpu ? "GPU" : "CPU");
  // Whether it is suitable, and one of another kind.
  llvm::DenseMap<StringAttr, std::pair<bool, bool>> devices;
  auto doNotRemove = builder.getStringAttr("_grappler_do_not_remove");
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    bool isOnDevice = isStandard;
    if (auto text =
            dyn_cast_or_null<StringAttr>(op.getDiscardableAttr(deviceName))) {
      auto [it, isNew] = devices.try_emplace(text, false, false);
      if (isNew) {
        std::string type = deviceType(text.getValue()).value_or(std::string());
        // Kernels are looked up by the type as it is written.
        it->second = {isSuitable(llvm::StringRef(type).upper()), type != "GPU" && type != "CPU"};
      }
      isOnDevice = it->second.first;
      if (isOnDevice && it->second.second)
        op.setAttr(kOtherDeviceAttr, builder.getUnitAttr());
    }
    bool isPreserved = !isOnDevice;
    if (auto mark = dyn_cast_or_null<BoolAttr>(op.getAttr(doNotRemove)))
      isPreserved |= mark.getValue();
    // Placeholders are fed. In a body, what has side effects stays.
    if (isMain) {
      isPreserved |= infoOf(&op).isPlaceholder;
    } else {
      isPreserved |= op.hasAttr(kControlReturnAttr) || infoOf(&op).isStateful;
      // The function that it calls may have a side effect.
      if (op.hasAttr(kSignatureAttr))
        isPreserved |=
            getSpec(&op)->isStateful || getOpName(&op).contains("Dataset");
    }
    if (isPreserved)
      preserve(&op);
  }
  return success();
}

/// TensorFlow's pass looks all attributes up, those for itself aside.
LogicalResult Preparer::checkAttributes(FunctionOpInterface function) {
  auto unknown = builder.getStringAttr(kUnknownAttr);
  for (Operation &op : function.getFunctionBody().front().without_terminator())
    if (auto attr = dyn_cast_or_null<StringAttr>(op.getDiscardableAttr(unknown));
        attr && !getSpec(&op)->attr(std::string_view(attr.getValue().data(),
                                                     attr.getValue().size())))
      return op.emitError()
             << "AttrDef not found for attribute " << attr.getValue()
             << " of node " << getNodeName(op.getLoc());
  return success();
}

const Preparer::NameInfo &Preparer::infoOf(Operation *op) {
  auto [it, isNew] = infos.try_emplace(op->getName());
  if (isNew) {
    llvm::StringRef name = getOpName(op);
    const graphdef::OpSpec *spec =
        graphdef::findOp(std::string_view(name.data(), name.size()));
    it->second = {policy.list(name.str()) == ListKind::Allow,
                  name == "Placeholder" || name == "PlaceholderV2",
                  name == "FusedBatchNorm" || name == "FusedBatchNormGrad",
                  name == "NextIteration",
                  isListWriter(op),
                  spec && (spec->isStateful || name.contains("Dataset"))};
  }
  return it->second;
}

/// Without an op to start from, TensorFlow's pass ends before it looks at loops.
bool Preparer::lowersAnything(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front().without_terminator())
    if (!isPreserved(&op) && (forced.contains(&op) || infoOf(&op).isAllowed))
      return true;
  return false;
}

/// An allow op that computes on quantized values stays as it is.
void Preparer::markQuantized(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    if (!infoOf(&op).isAllowed)
      continue;
    for (const TypeVertex &vertex : getNodeTypes(&op).vertices)
      if (graphdef::isQuantized(getVertexType(&op, vertex))) {
        op.setAttr(kQuantizedAttr, builder.getUnitAttr());
        break;
      }
  }
}

/// The values of a loop's next iteration go to merges and nowhere else.
LogicalResult Preparer::checkRecurrences(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    if (!infoOf(&op).isRecurrence)
      continue;
    for (Operation *user : op.getResult(0).getUsers())
      if (getOpName(user) != "Merge")
        return op.emitError() << "Expected Merge node after NextIteration, got "
                              << getOpName(user);
  }
  return success();
}

/// A list that takes elements of another type and gives them as float32 ends
/// TensorFlow's process.
LogicalResult Preparer::checkLists(FunctionOpInterface function) {
  auto elementOf = [](Operation *op) -> DataType {
    auto type = op->getAttrOfType<TypeAttr>("element_dtype");
    return type ? dataType(type.getValue()) : 0;
  };
  // Values that hold such a list, and who put the element in.
  llvm::SmallVector<std::pair<Value, Operation *>> stack;
  llvm::DenseSet<Value> seen;
  auto follow = [&](Operation *op, const NodeTypes &types, unsigned vertex,
                    Operation *writer) {
    for (unsigned i = 0; i < types.outputs.size() && i < getNumOutputs(op); ++i)
      if (types.outputs[i] == vertex &&
          getVertexType(op, types.vertices[vertex]) == graphdef::kVariant &&
          seen.insert(op->getResult(i)).second)
        stack.push_back({op->getResult(i), writer});
  };
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    if (!infoOf(&op).isListWriter || isPreserved(&op))
      continue;
    DataType element = elementOf(&op);
    if (!element || element == graphdef::kFloat)
      continue;
    NodeTypes types = getNodeTypes(&op);
    for (unsigned v = 0; v < types.vertices.size(); ++v)
      if (types.vertices[v].attr.empty())
        follow(&op, types, v, &op);
  }
  while (!stack.empty()) {
    auto [value, writer] = stack.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      Operation *op = use.getOwner();
      if (op->hasAttr(kPreserveAttr) || op->hasTrait<OpTrait::IsTerminator>())
        continue;
      if (isListReader(op) && elementOf(op) == graphdef::kFloat) {
        InFlightDiagnostic diag =
            op->emitError()
            << "node '" << getNodeName(op->getLoc())
            << "' reads elements of type float from a list";
        diag.attachNote(writer->getLoc())
            << "node '" << getNodeName(writer->getLoc())
            << "' writes elements of another type into it";
        return failure();
      }
      NodeTypes types = getNodeTypes(op);
      if (use.getOperandNumber() < types.inputs.size())
        follow(op, types, types.inputs[use.getOperandNumber()], writer);
    }
  }
  return success();
}

LogicalResult Preparer::markNames(FunctionOpInterface main) {
  auto nodeOf = [](const std::string &name) {
    // Not the port, which is digits.
    llvm::StringRef node = llvm::StringRef(name).rtrim("0123456789");
    if (node.size() == name.size() || !node.consume_back(":") || node.empty())
      node = name;
    node.consume_front("^");
    return node;
  };
  const std::pair<const std::vector<std::string> *, const char *> flags[] = {
      {&settings.fetches, "--fetch"},
      {&settings.feeds, "--feed"},
      {&settings.keep, "--tf-keep"}};
  llvm::StringMap<Operation *> found;
  for (auto [names, flag] : flags)
    for (const std::string &name : *names)
      found.try_emplace(nodeOf(name), nullptr);
  if (found.empty())
    return success();
  auto body = main.getFunctionBody().front().without_terminator();
  for (Operation &op : body)
    if (auto it = found.find(getNodeName(op.getLoc())); it != found.end())
      it->second = &op;
  bool failed = false;
  for (auto [names, flag] : flags)
    for (const std::string &name : *names) {
      llvm::StringRef node = nodeOf(name);
      if (Operation *op = found.lookup(node)) {
        preserve(op);
        op->setAttr(kWantedAttr, builder.getUnitAttr());
        continue;
      }
      failed = true;
      std::vector<std::string_view> known;
      for (Operation &op : body) {
        llvm::StringRef name = getNodeName(op.getLoc());
        known.emplace_back(name.data(), name.size());
      }
      InFlightDiagnostic diag = module.emitError()
                                << flag << ": no node '" << node << "'";
      std::string_view nearest =
          nearestName(std::string_view(node.data(), node.size()), known);
      if (!nearest.empty())
        diag << ", did you mean '" << llvm::StringRef(nearest) << "'?";
    }
  return failure(failed);
}

/// Their second version types scale and statistics apart, so that only x is
/// lowered.
void Preparer::convertBatchNorms(FunctionOpInterface function) {
  llvm::SmallVector<Operation *> found;
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    if (infoOf(&op).isBatchNorm && !isPreserved(&op))
      found.push_back(&op);
  }
  for (Operation *op : found) {
    builder.setInsertionPoint(op);
    OperationState state(op->getLoc(),
                         (op->getName().getStringRef() + "V2").str());
    state.addOperands(op->getOperands());
    state.addTypes(op->getResultTypes());
    state.addAttributes(op->getAttrs());
    state.attributes.set("U", TypeAttr::get(builder.getF32Type()));
    Operation *converted = builder.create(state);
    op->replaceAllUsesWith(converted);
    op->erase();
  }
}

LogicalResult Preparer::run() {
  hasGpu = settings.hasGpu || settings.simulateGpu;
  preserveFunctions();
  if (failed(checkRecursion()))
    return failure();
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    bool isMain = !function->hasAttr(kFunctionAttr);
    if (failed(prepareBody(function, isMain)))
      return failure();
    if (isMain && failed(markNames(function)))
      return failure();
    convertBatchNorms(function);
    if (!settings.isStrict && failed(checkAttributes(function)))
      return failure();
    markQuantized(function);
    if (settings.level == Level::UnsafeForceAll)
      force(function);
    if (failed(checkLists(function)) ||
        (lowersAnything(function) && failed(checkRecurrences(function))))
      return failure();
  }
  return success();
}

/// Functions that TensorFlow's optimizers leave alone: those that the graph does
/// not reach, what XLA compiles, and all where the graph is one for TPUs.
void Preparer::preserveFunctions() {
  llvm::StringMap<Operation *> functions;
  std::vector<Operation *> stack;
  for (Operation &op : *module.getBody()) {
    auto name = op.getAttrOfType<StringAttr>(
        op.getName().getStringRef() == "tf.library_function"
            ? llvm::StringRef("sym_name")
            : llvm::StringRef(kFunctionNameAttr));
    if (name)
      functions[name.getValue()] = &op;
    else
      stack.push_back(&op);
  }
  if (functions.empty())
    return;
  using Functions = llvm::DenseSet<Operation *>;
  auto follow = [&](Operation *op, Functions &reached,
                    std::vector<Operation *> &stack) {
    auto calls = op->getAttrOfType<ArrayAttr>(kCallsAttr);
    if (!calls)
      return;
    for (Attribute call : calls) {
      auto name = dyn_cast<StringAttr>(call);
      Operation *callee = name ? functions.lookup(name.getValue()) : nullptr;
      if (callee && reached.insert(callee).second)
        stack.push_back(callee);
    }
  };
  for (const std::string &name : settings.calledFunctions)
    if (Operation *function = functions.lookup(name))
      stack.push_back(function);
  Functions reached(stack.begin(), stack.end()), compiled;
  std::vector<Operation *> launched;
  bool isForTpu = false;
  while (!stack.empty()) {
    Operation *function = stack.back();
    stack.pop_back();
    function->walk([&](Operation *op) {
      follow(op, reached, stack);
      llvm::StringRef name = getOpName(op);
      if (name == "XlaLaunch")
        follow(op, compiled, launched);
      isForTpu |= name == "TPUCompile" || name == "TPUPartitionedCall";
    });
  }
  while (!launched.empty()) {
    Operation *function = launched.back();
    launched.pop_back();
    // As TensorFlow follows them: by single functions among the attributes.
    function->walk([&](Operation *op) {
      if (!op->hasAttr(kSignatureAttr) && !getOpName(op).ends_with("Case"))
        follow(op, compiled, launched);
    });
  }
  for (auto &entry : functions)
    if (isForTpu || !reached.contains(entry.second) ||
        compiled.contains(entry.second))
      preserve(entry.second);
}

/// A function that calls itself, at each of its calls, never ends. One that a
/// branch or a loop calls may.
LogicalResult Preparer::checkRecursion() {
  llvm::StringMap<Operation *> functions;
  for (auto function : module.getOps<FunctionOpInterface>())
    if (auto name = function->getAttrOfType<StringAttr>(kFunctionNameAttr))
      functions[name.getValue()] = function;
  if (functions.empty())
    return success();
  // Calls of each function: the node and what it calls.
  using Call = std::pair<Operation *, Operation *>;
  llvm::MapVector<Operation *, llvm::SmallVector<Call>> calls;
  for (auto function : module.getOps<FunctionOpInterface>()) {
    auto &made = calls[function];
    for (Operation &op :
         function.getFunctionBody().front().without_terminator()) {
      auto called = op.getAttrOfType<ArrayAttr>(kCallsAttr);
      if (!called ||
          (!op.hasAttr(kSignatureAttr) && getOpName(&op) != "PartitionedCall" &&
           getOpName(&op) != "StatefulPartitionedCall"))
        continue;
      for (Attribute name : called)
        if (Operation *callee = functions.lookup(
                isa<StringAttr>(name) ? cast<StringAttr>(name).getValue()
                                      : llvm::StringRef()))
          made.push_back({&op, callee});
    }
  }
  enum class State : uint8_t { New, Open, Done };
  llvm::DenseMap<Operation *, State> states;
  for (auto &[root, unused] : calls) {
    if (states[root] != State::New)
      continue;
    llvm::SmallVector<std::pair<Operation *, size_t>> stack{{root, 0}};
    states[root] = State::Open;
    while (!stack.empty()) {
      auto &[function, next] = stack.back();
      const auto &made = calls[function];
      if (next == made.size()) {
        states[function] = State::Done;
        stack.pop_back();
        continue;
      }
      auto [op, callee] = made[next++];
      State &state = states[callee];
      if (state == State::New) {
        state = State::Open;
        stack.push_back({callee, 0});
        continue;
      }
      if (state == State::Done)
        continue;
      auto name = callee->getAttrOfType<StringAttr>(kFunctionNameAttr);
      InFlightDiagnostic diag =
          op->emitError() << "node '" << getNodeName(op->getLoc())
                          << "' calls function '" << name.getValue() << "'";
      if (callee == function)
        diag << ", in which it stands: that never ends";
      else
        diag << ", from which it is called: that never ends";
      return diag;
    }
  }
  return success();
}

/// Everything that has a value and no effect, but for calls.
void Preparer::force(FunctionOpInterface function) {
  auto isRef = [](Value value) {
    auto tensor = dyn_cast<mlir::TensorType>(value.getType());
    return tensor &&
           dataType(tensor.getElementType()) > graphdef::kRefOffset;
  };
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    llvm::StringRef name = getOpName(&op);
    const graphdef::OpSpec *spec = getSpec(&op);
    if (!spec || op.hasAttr(kPreserveAttr) || op.hasAttr(kSignatureAttr) ||
        name == "Const" || name == "SoftmaxCrossEntropyWithLogits" ||
        spec->isStateful)
      continue;
    bool hasRef = llvm::any_of(op.getResults(), isRef);
    for (const graphdef::ArgSpec &arg : spec->inputs)
      hasRef |= arg.isRef;
    if (!hasRef)
      forced.insert(&op);
  }
}

LogicalResult tf::prepare(ModuleOp module, const RewriteSettings &settings,
                          const Policy &policy,
                          llvm::DenseSet<Operation *> &forced) {
  return Preparer(module, settings, policy, forced).run();
}

tf::Emulation::Emulation(ModuleOp module) : module(module) {
  for (auto function : module.getOps<FunctionOpInterface>())
    function->setAttr(kEmulatedAttr, UnitAttr::get(module.getContext()));
  module.walk([&](Operation *op) {
    if (!isa_and_nonnull<TensorFlowDialect>(op->getDialect()))
      return;
    NodeTypes types = getNodeTypes(op);
    llvm::SmallVector<int, 2> &kept = before[op];
    for (const TypeVertex &vertex : types.vertices)
      kept.push_back(getVertexType(op, vertex));
  });
}

/// Whether a vertex, of a fixed type or not, has been lowered.
static bool isLowered(Operation *op, const NodeTypes &types, unsigned vertex) {
  if (!types.vertices[vertex].attr.empty())
    return getVertexType(op, types.vertices[vertex]) == graphdef::kHalf;
  auto isHalf = [](Value value) {
    auto tensor = dyn_cast<mlir::TensorType>(value.getType());
    return tensor && tensor.getElementType().isF16();
  };
  for (unsigned i = 0; i < types.inputs.size(); ++i)
    if (types.inputs[i] == vertex)
      return isHalf(op->getOperand(i));
  for (unsigned i = 0; i < types.outputs.size(); ++i)
    if (types.outputs[i] == vertex)
      return isHalf(op->getResult(i));
  return false;
}

void tf::Emulation::apply() {
  OpBuilder builder(module.getContext());
  FloatType half = builder.getF16Type(), single = builder.getF32Type();
  for (auto function : module.getOps<FunctionOpInterface>()) {
    function->removeAttr(kEmulatedAttr);
    const PrecisionDialectInterface *dialect = nullptr;
    llvm::SmallVector<Operation *> ops;
    for (Operation &op :
         function.getFunctionBody().front().without_terminator())
      ops.push_back(&op);
    for (Operation *op : ops) {
      auto it = before.find(op);
      if (it == before.end())
        continue;
      if (!dialect)
        dialect = op->getDialect()
                      ->getRegisteredInterface<PrecisionDialectInterface>();
      auto cast = [&](Value value, FloatType type) {
        Value result = dialect->buildCast(builder, op->getLoc(), value, type);
        result.getDefiningOp()->setAttr(kGeneratedAttr, builder.getUnitAttr());
        return result;
      };
      NodeTypes types = getNodeTypes(op);
      for (unsigned v = 0; v < types.vertices.size(); ++v) {
        if (it->second[v] != graphdef::kFloat || !isLowered(op, types, v))
          continue;
        if (!types.vertices[v].attr.empty())
          setVertexType(op, types, v, graphdef::kFloat);
        else
          for (unsigned i = 0; i < types.outputs.size(); ++i)
            if (types.outputs[i] == v)
              op->getResult(i).setType(
                  tensorType(op->getContext(), graphdef::kFloat));
        for (unsigned i = 0; i < types.inputs.size(); ++i)
          if (types.inputs[i] == v) {
            builder.setInsertionPoint(op);
            op->setOperand(i, cast(op->getOperand(i), single));
          }
        for (unsigned i = 0; i < types.outputs.size(); ++i) {
          Value result = op->getResult(i);
          if (types.outputs[i] != v || result.use_empty())
            continue;
          builder.setInsertionPointAfter(op);
          Value rounded = cast(result, half);
          result.replaceAllUsesExcept(rounded, rounded.getDefiningOp());
        }
      }
    }
    if (dialect)
      dialect->nameGenerated(function);
  }
}

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

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {

/// "8.6" as a pair, which compares as TensorFlow compares it; "x" and "8.6+PTX"
/// are 0.0.
std::pair<int, int> parseArch(llvm::StringRef text) {
  auto [major, minor] = text.split('.');
  std::pair<int, int> arch{0, 0};
  if (major.getAsInteger(10, arch.first) ||
      (!minor.empty() && minor.getAsInteger(10, arch.second)))
    return {0, 0};
  return arch;
}

enum class Device : uint8_t { None, Cpu, Gpu, Other, Invalid };

/// A number, or any ("*").
bool readDigits(llvm::StringRef text) {
  unsigned value;
  return text == "*" || !text.getAsInteger(10, value);
}

/// The device of a device string: "/job:a/replica:0/task:1/device:GPU:0",
/// "/gpu:0", "GPU:0". A name without a device part is none.
Device parseDevice(llvm::StringRef text) {
  Device found = Device::None;
  auto kind = [](llvm::StringRef type) {
    std::string name = type.upper();
    return llvm::StringRef(name).contains("GPU")   ? Device::Gpu
           : llvm::StringRef(name).contains("CPU") ? Device::Cpu
                                                   : Device::Other;
  };
  if (text.empty() || text == "/")
    return Device::None;
  if (!text.starts_with("/"))
    return Device::Invalid;
  llvm::SmallVector<llvm::StringRef, 8> parts;
  text.drop_front().split(parts, '/');
  for (llvm::StringRef part : parts) {
    llvm::SmallVector<llvm::StringRef, 3> words;
    part.split(words, ':');
    llvm::StringRef key = words[0];
    if (key == "job" && words.size() == 2 && !words[1].empty())
      continue;
    if ((key == "replica" || key == "task") && words.size() == 2 &&
        readDigits(words[1]))
      continue;
    if (key == "device" && words.size() == 3 && readDigits(words[2]))
      found = kind(words[1]);
    else if (key == "device" && words.size() == 2 && words[1] == "*")
      found = Device::Other;
    else if ((key.equals_insensitive("gpu") || key.equals_insensitive("cpu")) &&
             words.size() == 2 && readDigits(words[1]))
      found = kind(key);
    else
      return Device::Invalid;
  }
  return found;
}

class Preparer {
public:
  Preparer(ModuleOp module, const RewriteSettings &settings,
           const Policy &policy, llvm::DenseSet<Operation *> &forced)
      : module(module), settings(settings), policy(policy), forced(forced),
        builder(module.getContext()) {}
  LogicalResult run();

private:
  LogicalResult prepareBody(FunctionOpInterface function, bool isMain);
  LogicalResult markNames(FunctionOpInterface main);
  LogicalResult checkRecurrences(FunctionOpInterface function);
  LogicalResult checkLists(FunctionOpInterface function);
  bool lowersAnything(FunctionOpInterface function);
  bool isAllowed(Operation *op);
  void markQuantized(FunctionOpInterface function);
  void convertBatchNorms(FunctionOpInterface function);
  bool isSuitable(Device device) const;
  void preserve(Operation *op) {
    op->setAttr(kPreserveAttr, builder.getUnitAttr());
  }

  void preserveUnreachable();
  void force(FunctionOpInterface function);

  ModuleOp module;
  const RewriteSettings &settings;
  const Policy &policy;
  llvm::DenseSet<Operation *> &forced;
  OpBuilder builder;
  /// Whether ops of a name are on the allow list.
  llvm::DenseMap<OperationName, bool> allowed;
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

bool Preparer::isSuitable(Device device) const {
  if (device == Device::None || device == Device::Other)
    return false;
  if (settings.mode != Mode::Cuda)
    return device == Device::Cpu;
  if (device != Device::Gpu)
    return false;
  return settings.ignorePerformance || !settings.hasGpu ||
         hasFastFloat16(settings);
}

LogicalResult Preparer::prepareBody(FunctionOpInterface function,
                                    bool isMain) {
  function->setAttr(kKernelsAttr,
                    builder.getStringAttr(
                        settings.mode == Mode::Cuda ? "gpu" : "cpu"));
  if (settings.isStrict)
    function->setAttr(kStrictAttr, builder.getUnitAttr());
  Device standard = hasGpu ? Device::Gpu : Device::Cpu;
  llvm::StringMap<Device> devices;
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    Device device = standard;
    if (auto text = op.getAttrOfType<StringAttr>(kDeviceAttr)) {
      auto [it, isNew] = devices.try_emplace(text.getValue(), Device::None);
      if (isNew)
        it->second = parseDevice(text.getValue());
      device = it->second;
      if (device == Device::Invalid)
        return op.emitError() << "Unable to parse " << text.getValue()
                              << " as a device name";
    }
    bool isPreserved = !isSuitable(device);
    if (auto mark = op.getAttrOfType<BoolAttr>("_grappler_do_not_remove"))
      isPreserved |= mark.getValue();
    // Placeholders are fed. In a body, what has side effects stays.
    if (isMain) {
      llvm::StringRef name = getOpName(&op);
      isPreserved |= name == "Placeholder" || name == "PlaceholderV2";
    } else {
      const graphdef::OpSpec *spec = getSpec(&op);
      isPreserved |= op.hasAttr(kControlReturnAttr) ||
                     (spec && (spec->isStateful ||
                               getOpName(&op).contains("Dataset")));
    }
    if (isPreserved)
      preserve(&op);
  }
  return success();
}

bool Preparer::isAllowed(Operation *op) {
  auto [it, isNew] = allowed.try_emplace(op->getName(), false);
  if (isNew)
    it->second = policy.list(getOpName(op).str()) == ListKind::Allow;
  return it->second;
}

/// Without an op to start from, TensorFlow's pass ends before it looks at loops.
bool Preparer::lowersAnything(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front().without_terminator())
    if (!op.hasAttr(kPreserveAttr) && (forced.contains(&op) || isAllowed(&op)))
      return true;
  return false;
}

/// An allow op that computes on quantized values stays as it is.
void Preparer::markQuantized(FunctionOpInterface function) {
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    if (!isAllowed(&op))
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
    if (getOpName(&op) != "NextIteration")
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
    DataType element = elementOf(&op);
    if (!element || element == graphdef::kFloat || op.hasAttr(kPreserveAttr) ||
        !isListWriter(&op))
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
  llvm::StringMap<Operation *> nodes;
  for (Operation &op : main.getFunctionBody().front().without_terminator())
    nodes[getNodeName(op.getLoc())] = &op;
  bool failed = false;
  auto mark = [&](const std::vector<std::string> &names, const char *flag) {
    for (const std::string &name : names) {
      llvm::StringRef node = llvm::StringRef(name).take_front(name.find(':'));
      node.consume_front("^");
      auto it = nodes.find(node);
      if (it != nodes.end()) {
        preserve(it->second);
        it->second->setAttr(kWantedAttr, builder.getUnitAttr());
        continue;
      }
      failed = true;
      std::vector<std::string_view> known;
      for (auto &entry : nodes)
        known.emplace_back(entry.first().data(), entry.first().size());
      InFlightDiagnostic diag = module.emitError()
                                << flag << ": no node '" << node << "'";
      std::string_view nearest =
          nearestName(std::string_view(node.data(), node.size()), known);
      if (!nearest.empty())
        diag << ", did you mean '" << llvm::StringRef(nearest) << "'?";
    }
  };
  mark(settings.fetches, "--fetch");
  mark(settings.feeds, "--feed");
  mark(settings.keep, "--tf-keep");
  return failure(failed);
}

/// Their second version types scale and statistics apart, so that only x is
/// lowered.
void Preparer::convertBatchNorms(FunctionOpInterface function) {
  llvm::SmallVector<Operation *> found;
  for (Operation &op : function.getFunctionBody().front().without_terminator()) {
    llvm::StringRef name = getOpName(&op);
    if ((name == "FusedBatchNorm" || name == "FusedBatchNormGrad") &&
        !op.hasAttr(kPreserveAttr))
      found.push_back(&op);
  }
  for (Operation *op : found) {
    builder.setInsertionPoint(op);
    OperationState state(op->getLoc(),
                         (op->getName().getStringRef() + "V2").str());
    state.addOperands(op->getOperands());
    state.addTypes(op->getResultTypes());
    state.addAttributes(op->getAttrs());
    state.addAttribute("U", TypeAttr::get(builder.getF32Type()));
    Operation *converted = builder.create(state);
    op->replaceAllUsesWith(converted);
    op->erase();
  }
}

LogicalResult Preparer::run() {
  hasGpu = settings.hasGpu || (settings.simulateGpu && settings.mode == Mode::Cuda);
  preserveUnreachable();
  for (auto function : module.getOps<FunctionOpInterface>()) {
    if (function->hasAttr(kPreserveAttr))
      continue;
    bool isMain = !function->hasAttr(kFunctionAttr);
    if (failed(prepareBody(function, isMain)))
      return failure();
    if (isMain && failed(markNames(function)))
      return failure();
    convertBatchNorms(function);
    markQuantized(function);
    if (settings.level == Level::UnsafeForceAll)
      force(function);
    if (failed(checkLists(function)) ||
        (lowersAnything(function) && failed(checkRecurrences(function))))
      return failure();
  }
  return success();
}

/// Functions that the graph does not reach.
void Preparer::preserveUnreachable() {
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
  for (const std::string &name : settings.calledFunctions)
    if (Operation *function = functions.lookup(name))
      stack.push_back(function);
  llvm::DenseSet<Operation *> reached(stack.begin(), stack.end());
  while (!stack.empty()) {
    Operation *function = stack.back();
    stack.pop_back();
    function->walk([&](Operation *op) {
      auto calls = op->getAttrOfType<ArrayAttr>(kCallsAttr);
      if (!calls)
        return;
      for (Attribute call : calls) {
        auto name = dyn_cast<StringAttr>(call);
        Operation *callee = name ? functions.lookup(name.getValue()) : nullptr;
        if (callee && reached.insert(callee).second)
          stack.push_back(callee);
      }
    });
  }
  for (auto &entry : functions)
    if (!reached.contains(entry.second))
      preserve(entry.second);
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
  module.walk([&](Operation *op) {
    if (!isa_and_nonnull<TensorFlowDialect>(op->getDialect()))
      return;
    NodeTypes types = getNodeTypes(op);
    llvm::SmallVector<int, 2> &kept = before[op];
    for (const TypeVertex &vertex : types.vertices)
      kept.push_back(getVertexType(op, vertex));
  });
}

void tf::Emulation::apply() {
  OpBuilder builder(module.getContext());
  FloatType half = builder.getF16Type(), single = builder.getF32Type();
  for (auto function : module.getOps<FunctionOpInterface>()) {
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
        if (it->second[v] != graphdef::kFloat ||
            getVertexType(op, types.vertices[v]) != graphdef::kHalf)
          continue;
        setVertexType(op, types, v, graphdef::kFloat);
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

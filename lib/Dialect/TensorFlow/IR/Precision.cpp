//===- Precision.cpp - What mixed precision asks of `tf` ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A type group is a (node, type attribute), as in TensorFlow's pass
// auto_mixed_precision; casts are made and named as it makes them.
//===----------------------------------------------------------------------===//

#include "Precision.h"

#include "TensorLists.h"
#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

#include <array>
#include <mutex>

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {

/// Names of attributes as MLIR keeps them.
struct Names {
  explicit Names(MLIRContext *context)
      : context(context), strict(StringAttr::get(context, kStrictAttr)),
        quantized(StringAttr::get(context, kQuantizedAttr)),
        kernels(StringAttr::get(context, kKernelsAttr)),
        otherDevice(StringAttr::get(context, kOtherDeviceAttr)) {
    Builder b(context);
    for (auto [i, type] : llvm::enumerate(std::array<Type, 2>{
             b.getF16Type(), b.getBF16Type()})) {
      low[i] = type;
      lowTypes[i] = TypeAttr::get(type);
      lowTensors[i] = UnrankedTensorType::get(type);
    }
    float32Tensor = UnrankedTensorType::get(b.getF32Type());
  }
  MLIRContext *context;
  StringAttr strict, quantized, kernels, otherDevice;
  /// By OpLayout::lowIndex.
  Type low[2];
  TypeAttr lowTypes[2];
  Type lowTensors[2];
  Type float32Tensor;

  bool isStrict(Operation *op) const {
    Operation *function = op->getParentOp();
    return function && function->getDiscardableAttr(strict);
  }
};

/// Ops that every device runs in 16 bits, those of XLA and of plugins too.
bool runsAnywhere(llvm::StringRef op) {
  return op.starts_with("TensorList") ||
         llvm::StringSwitch<bool>(op)
             .Cases({"EnsureShape", "Enter", "Exit", "ExpandDims", "Identity",
                     "IdentityN", "Merge", "NextIteration", "PreventGradient",
                     "Rank", "Reshape", "Shape", "ShapeN", "Size", "Squeeze",
                     "StatelessWhile", "StopGradient", "Switch", "While"},
                    true)
             .Default(false);
}

/// Answers for every op of one name from the table.
struct PrecisionModel
    : public PrecisionOpInterface::FallbackModel<PrecisionModel> {
  PrecisionModel(const Names &names, OperationName name)
      : names(names), layout(names.strict.getContext(), opName(name)),
        isLossName(isLossOp(opName(name))),
        isForAll(runsAnywhere(opName(name))) {}
  static bool classof(Operation *) { return true; }

  static llvm::StringRef opName(OperationName name) {
    llvm::StringRef text = name.getStringRef();
    text.consume_front("tf.");
    return text;
  }
  static bool isLossOp(llvm::StringRef name) {
    return name == "SoftmaxCrossEntropyWithLogits" ||
           name == "SparseSoftmaxCrossEntropyWithLogits" || name == "L2Loss";
  }

  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    // Behind the ports of the definition there is nothing but control.
    unsigned in = 0, inputs = op->getNumOperands();
    unsigned out = 0, outputs = getNumOutputs(op);
    auto addInput = [&](unsigned vertex) {
      if (in < inputs)
        groups[vertex].operands.push_back(in++);
    };
    auto addOutput = [&](unsigned vertex) {
      if (out < outputs)
        groups[vertex].results.push_back(out++);
    };
    if (layout.fits(op)) {
      groups.resize(layout.vertices.size());
      layout.forEachPort(op, layout.inputs, addInput);
      layout.forEachPort(op, layout.outputs, addOutput);
      return;
    }
    NodeTypes types = getNodeTypes(op);
    groups.resize(types.vertices.size());
    llvm::for_each(types.inputs, addInput);
    llvm::for_each(types.outputs, addOutput);
  }

  bool supportsElementType(Operation *op, unsigned group,
                           FloatType type) const {
    Facts own;
    const Facts &facts = factsOf(op, own);
    if (facts.isQuantized)
      return false;
    if (facts.isStrict)
      return canExecute(op, group, type);
    return isAllowedType(op, group, type);
  }

  bool isAllowedType(Operation *op, unsigned group, FloatType type) const {
    // A function of the library computes what it computes.
    if (!layout.spec)
      return false;
    if (layout.fits(op) && isLowType(type))
      return layout.vertices[group].allows[lowIndex(type)];
    NodeTypes types = getNodeTypes(op);
    const TypeVertex &vertex = types.vertices[group];
    if (vertex.attr.empty())
      return vertex.fixed == dataType(type);
    const graphdef::AttrSpec *attr = getSpec(op)->attr(
        std::string_view(vertex.attr.data(), vertex.attr.size()));
    return attr && attr->allows(dataType(type));
  }

  bool canExecute(Operation *op, unsigned group, FloatType type) const {
    if (!isAllowedType(op, group, type) ||
        (!isForAll && op->getDiscardableAttr(names.otherDevice)))
      return false;
    Facts own;
    const Facts &facts = factsOf(op, own);
    if (!facts.fits || !isLowType(type))
      return hasKernel(op, getNodeTypes(op).vertices[group].attr, type,
                       facts.device);
    const OpLayout::Vertex &vertex = layout.vertices[group];
    const Kernel kernel =
        vertex.kernels[unsigned(facts.device)][lowIndex(type)];
    if (kernel != Kernel::Depends)
      return kernel == Kernel::Yes;
    return hasKernel(op, vertex.id.attr, type, facts.device);
  }

  static bool hasKernel(Operation *op, llvm::StringRef name, FloatType type,
                        graphdef::KernelDevice device) {
    if (name.empty())
      return true;
    auto valueOf = [&](std::string_view name) {
      graphdef::AttrText value;
      Attribute attr = op->getAttr(llvm::StringRef(name.data(), name.size()));
      if (auto typed = dyn_cast_or_null<TypeAttr>(attr))
        value.type = dataType(typed.getValue());
      else if (auto text = dyn_cast_or_null<StringAttr>(attr))
        value.text = std::string_view(text.data(), text.size());
      return value;
    };
    return graphdef::hasKernel(*getSpec(op),
                               std::string_view(name.data(), name.size()),
                               dataType(type), device, valueOf);
  }

  Type getGroupType(Operation *op, unsigned group) const {
    Facts own;
    if (const Facts &facts = factsOf(op, own); facts.fits)
      return facts.types[group];
    NodeTypes types = getNodeTypes(op);
    DataType type = getVertexType(op, types.vertices[group]);
    return type ? elementType(op->getContext(), type) : Type();
  }

  LogicalResult retargetGroup(Operation *op, unsigned group,
                              FloatType type) const {
    if (layout.fits(op) && isLowType(type) && layout.vertices[group].attr &&
        retarget(op, group, lowIndex(type)))
      return success();
    NodeTypes types = getNodeTypes(op);
    if (types.vertices[group].attr.empty()) {
      if (!op->getParentOp()->hasAttr(kEmulatedAttr))
        return op->emitError() << "Failed to set type attribute";
      for (unsigned i = 0; i < types.outputs.size(); ++i)
        if (types.outputs[i] == group)
          op->getResult(i).setType(UnrankedTensorType::get(type));
      return success();
    }
    setVertexType(op, types, group, dataType(type));
    return success();
  }

  /// As setVertexType, for values that are tensors of float32. Nodes of one op
  /// mostly have the same attributes, and then get the same.
  bool retarget(Operation *op, unsigned group, unsigned low) const {
    unsigned port = 0, outputs = getNumOutputs(op);
    bool isPlain = true;
    layout.forEachPort(op, layout.outputs, [&](unsigned vertex) {
      if (vertex == group && port < outputs)
        isPlain &= op->getResult(port).getType() == names.float32Tensor;
      ++port;
    });
    if (!isPlain)
      return false;
    port = 0;
    layout.forEachPort(op, layout.outputs, [&](unsigned vertex) {
      if (vertex == group && port < outputs)
        op->getResult(port).setType(names.lowTensors[low]);
      ++port;
    });
    StringAttr attr = layout.vertices[group].attr;
    DictionaryAttr before = op->getDiscardableAttrDictionary();
    if (names.context->isMultithreadingEnabled() || !before.get(attr)) {
      op->setAttr(attr, names.lowTypes[low]);
      return true;
    }
    Retyped &known = retyped[low];
    if (known.group != group || known.before != before) {
      op->setAttr(attr, names.lowTypes[low]);
      known = {group, before, op->getDiscardableAttrDictionary()};
    }
    op->setDiscardableAttrs(known.after);
    return true;
  }

  bool getAccumulatingGroups(Operation *,
                             llvm::SmallVectorImpl<TypeGroup> &) const {
    return false;
  }
  bool isLoss(Operation *op) const { return isLossName && names.isStrict(op); }
  llvm::StringRef getPolicyName(Operation *op) const { return getOpName(op); }
  llvm::StringRef getPolicyFamily(Operation *) const { return {}; }

  bool isLowType(FloatType type) const {
    return type == names.low[0] || type == names.low[1];
  }
  /// As OpLayout's.
  unsigned lowIndex(FloatType type) const { return type == names.low[1]; }

  /// What the attributes of a node, and those of its function, say.
  struct Facts {
    DictionaryAttr attrs, ofFunction;
    bool isQuantized = false, isStrict = false;
    graphdef::KernelDevice device = graphdef::KernelDevice::Gpu;
    /// OpLayout::fits, and then the type of each vertex.
    bool fits = false;
    llvm::SmallVector<Type, 4> types;
  };

  /// Nodes of one op mostly have the same attributes. `own` is for those that
  /// stand for themselves.
  const Facts &factsOf(Operation *op, Facts &own) const {
    Operation *function = op->getParentOp();
    const DictionaryAttr attrs = op->getRawDictionaryAttrs();
    const DictionaryAttr ofFunction =
        function ? function->getRawDictionaryAttrs() : DictionaryAttr();
    const bool isShared =
        !names.context->isMultithreadingEnabled() && !hasProperties(op);
    Facts &facts =
        isShared ? known[(size_t(attrs.getAsOpaquePointer()) >> 4) % kKnown]
                 : own;
    if (isShared && facts.attrs == attrs && facts.ofFunction == ofFunction)
      return facts;
    facts.attrs = attrs;
    facts.ofFunction = ofFunction;
    facts.isQuantized = bool(op->getDiscardableAttr(names.quantized));
    facts.isStrict = names.isStrict(op);
    auto kernels = function ? dyn_cast_or_null<StringAttr>(
                                  function->getDiscardableAttr(names.kernels))
                            : StringAttr();
    facts.device = kernels && kernels.getValue() == "cpu"
                       ? graphdef::KernelDevice::Cpu
                       : graphdef::KernelDevice::Gpu;
    facts.fits = layout.fits(op);
    facts.types.clear();
    if (facts.fits)
      for (const OpLayout::Vertex &vertex : layout.vertices)
        facts.types.push_back(typeOf(op, vertex));
    return facts;
  }

  static Type typeOf(Operation *op, const OpLayout::Vertex &vertex) {
    if (!vertex.attr)
      return vertex.fixed;
    auto type = dyn_cast_or_null<TypeAttr>(getNodeAttr(op, vertex.attr));
    if (!type)
      return {};
    Type element = type.getValue();
    return element.isF32() || dataType(element) ? element : Type();
  }

  /// Attributes in the properties are in no dictionary of the op.
  static bool hasProperties(Operation *op) {
    return op->isRegistered() ||
           (op->getPropertiesStorageSize() != 0 &&
            *op->getPropertiesStorage().as<Attribute *>());
  }

  const Names &names;
  const OpLayout layout;
  const bool isLossName, isForAll;
  /// The attributes of the last node that was retyped, by OpLayout::lowIndex.
  struct Retyped {
    unsigned group = ~0u;
    DictionaryAttr before, after;
  };
  mutable Retyped retyped[2];
  static constexpr size_t kKnown = 8;
  mutable std::array<Facts, kKnown> known;
};

/// A context that is used by one thread alone needs no lock.
class Models : public tf::detail::PrecisionModels {
public:
  explicit Models(MLIRContext *context) : context(context), names(context) {}
  void *getModel(OperationName name) override { return &get(name); }
  const OpLayout &getLayout(OperationName name) override {
    return get(name).layout;
  }

private:
  PrecisionModel &get(OperationName name) {
    if (!context->isMultithreadingEnabled())
      return find(name);
    std::lock_guard<std::mutex> guard(lock);
    return find(name);
  }
  PrecisionModel &find(OperationName name) {
    const void *key = name.getAsOpaquePointer();
    if (key == lastKey)
      return *last;
    std::unique_ptr<PrecisionModel> &model = models[key];
    if (!model)
      model = std::make_unique<PrecisionModel>(names, name);
    lastKey = key;
    last = model.get();
    return *last;
  }

  MLIRContext *context;
  Names names;
  llvm::DenseMap<const void *, std::unique_ptr<PrecisionModel>> models;
  const void *lastKey = nullptr;
  PrecisionModel *last = nullptr;
  std::mutex lock;
};

/// "Fp16", "Bf16" or "Fp32", as in the names of casts.
llvm::StringRef castSuffix(Type type) {
  return type.isF16() ? "Fp16" : type.isBF16() ? "Bf16" : "Fp32";
}

struct DialectModel : public PrecisionDialectInterface {
  explicit DialectModel(Dialect *dialect)
      : PrecisionDialectInterface(dialect),
        castName("tf.Cast", dialect->getContext()),
        nextIteration("tf.NextIteration", dialect->getContext()),
        identity("tf.Identity", dialect->getContext()),
        enter("tf.Enter", dialect->getContext()),
        generated(StringAttr::get(dialect->getContext(), kGeneratedAttr)),
        device(StringAttr::get(dialect->getContext(), kDeviceAttr)),
        control(ControlType::get(dialect->getContext())) {}

  /// One table is behind groups and types, and there is no verifier to ask.
  bool needsRehearsal() const override { return false; }

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    auto tensor = dyn_cast<mlir::TensorType>(value.getType());
    if (!tensor)
      return {};
    Attribute place;
    if (Operation *source = value.getDefiningOp())
      place = source->getDiscardableAttr(device);
    OperationState state(loc, castName);
    state.addOperands(value);
    state.addTypes({tensor.clone(type), control});
    state.attributes =
        NamedAttrList(castAttrs(builder, tensor.getElementType(), type, place));
    return builder.create(state)->getResult(0);
  }

  /// Casts differ in little, and mostly follow one of the same kind.
  DictionaryAttr castAttrs(Builder &builder, Type from, FloatType type,
                           Attribute place) const {
    auto make = [&] {
      DataType source = dataType(from);
      if (source > graphdef::kRefOffset)
        source -= graphdef::kRefOffset;
      NamedAttrList attrs;
      attrs.set("SrcT", TypeAttr::get(elementType(type.getContext(), source)));
      attrs.set("DstT", TypeAttr::get(type));
      attrs.set("Truncate", builder.getBoolAttr(false));
      attrs.set(generated, builder.getUnitAttr());
      if (place)
        attrs.set(device, place);
      return attrs.getDictionary(type.getContext());
    };
    if (type.getContext()->isMultithreadingEnabled())
      return make();
    LastCast &last = lastCasts[type.isF32()];
    if (last.from != from || last.to != type || last.place != place)
      last = {from, type, place, make()};
    return last.attrs;
  }

  bool isCast(Operation *op) const override {
    return op->getName() == castName;
  }
  bool castsAreNodes() const override { return true; }
  bool isCastResult(Operation *op, unsigned group) const override {
    if (!isCast(op) || (op->hasAttr(kPreserveAttr) &&
                        op->getParentOp()->hasAttr(kStrictAttr)))
      return false;
    NodeTypes types = getNodeTypes(op);
    return types.vertices[group].attr == "DstT";
  }
  void retargetCast(Operation *cast, FloatType type) const override {
    NodeTypes types = getNodeTypes(cast);
    for (unsigned i = 0; i < types.vertices.size(); ++i)
      if (types.vertices[i].attr == "DstT")
        setVertexType(cast, types, i, dataType(type));
  }

  /// TensorFlow folds constants in another pass.
  bool isConvertibleConstant(Operation *) const override { return false; }
  Operation *buildConvertedConstant(OpBuilder &, Operation *,
                                    FloatType) const override {
    return nullptr;
  }
  bool isVariableRead(Operation *) const override { return false; }

  /// An Identity of a reference variable, or an Enter of such an Identity.
  bool readsReference(Operation *op) const override {
    while (op) {
      OperationName name = op->getName();
      if ((name != identity && name != enter) || !getNumInputs(op))
        return false;
      Operation *source = op->getOperand(0).getDefiningOp();
      if (!source)
        return false;
      llvm::StringRef of = getOpName(source);
      if (name == identity)
        return of == "Variable" || of == "VariableV2";
      if (of != "Identity" && of != "Enter")
        return false;
      op = source;
    }
    return false;
  }

  bool isRecurrence(Operation *op) const override {
    return op->getName() == nextIteration;
  }

  void getGroupRelations(Operation *function,
                         GroupRelations &relations) const override {
    relateTensorLists(cast<FunctionOpInterface>(function), relations);
  }

  void nameGenerated(Operation *function) const override {
    CastNames names(cast<FunctionOpInterface>(function));
    for (Block &block : cast<FunctionOpInterface>(function).getFunctionBody())
      for (Operation &op : block) {
        if (!isGeneratedCast(&op))
          continue;
        Location place = op.getLoc();
        if (auto named = dyn_cast<NameLoc>(place))
          place = named.getChildLoc();
        op.setLoc(NameLoc::get(
            StringAttr::get(op.getContext(), names.next(&op)), place));
      }
  }

  std::string getInputName(Value value) const override {
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument)
      return {};
    auto function =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    if (!function)
      return {};
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      "graph.name");
    return name ? name.str() : std::string();
  }

  OperationName castName, nextIteration, identity, enter;
  StringAttr generated, device;
  Type control;
  struct LastCast {
    Type from, to;
    Attribute place;
    DictionaryAttr attrs;
  };
  /// Of casts to 16 bits, and of those back.
  mutable LastCast lastCasts[2];
};

} // namespace

bool tf::isGeneratedCast(Operation *op) {
  return getOpName(op) == "Cast" && op->hasAttr(kGeneratedAttr);
}

bool tf::isUnnamedCast(Operation *op) {
  return isGeneratedCast(op) && op->getNumOperands() != 0 &&
         op->getLoc() == op->getOperand(0).getLoc();
}

static constexpr llvm::StringLiteral kCastNameEnd = "-AutoMixedPrecision";

tf::CastNames::CastNames(FunctionOpInterface function) {
  for (Block &block : function.getFunctionBody())
    for (Operation &op : block)
      if (llvm::StringRef name = getNodeName(op.getLoc());
          name.ends_with(kCastNameEnd) && !isGeneratedCast(&op))
        used.insert(name);
}

std::string tf::CastNames::next(Operation *castOp) {
  Value source = castOp->getOperand(0);
  std::string stem;
  unsigned port = 0;
  if (auto result = dyn_cast<OpResult>(source)) {
    stem = getNodeName(result.getOwner()->getLoc()).str();
    port = result.getResultNumber();
  } else {
    auto argument = cast<BlockArgument>(source);
    auto function =
        cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    if (auto name = function.getArgAttrOfType<StringAttr>(
            argument.getArgNumber(), "graph.name"))
      stem = name.str();
  }
  stem += "-" + std::to_string(port) + "-CastTo";
  stem += castSuffix(
      cast<mlir::TensorType>(castOp->getResult(0).getType()).getElementType());
  for (unsigned k = 0;; ++k) {
    std::string name = stem + "-" + std::to_string(k) + kCastNameEnd.str();
    if (used.insert(name).second)
      return name;
  }
}

std::unique_ptr<tf::detail::PrecisionModels>
tf::makePrecisionModels(MLIRContext *context) {
  return std::make_unique<Models>(context);
}
void tf::addPrecisionInterfaces(TensorFlowDialect &dialect) {
  dialect.addInterfaces<DialectModel>();
}

//===- Precision.cpp - What mixed precision asks of `tf` ----------------- -===//
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

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {

bool isStrict(Operation *op) {
  Operation *function = op->getParentOp();
  return function && function->hasAttr(kStrictAttr);
}

/// Answers for every op of the dialect from the table.
struct PrecisionModel
    : public PrecisionOpInterface::FallbackModel<PrecisionModel> {
  static bool classof(Operation *) { return true; }

  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    NodeTypes types = getNodeTypes(op);
    groups.resize(types.vertices.size());
    unsigned inputs = std::min<unsigned>(types.inputs.size(),
                                         getNumInputs(op));
    for (unsigned i = 0; i < inputs; ++i)
      groups[types.inputs[i]].operands.push_back(i);
    unsigned outputs = std::min<unsigned>(types.outputs.size(),
                                          getNumOutputs(op));
    for (unsigned i = 0; i < outputs; ++i)
      groups[types.outputs[i]].results.push_back(i);
  }

  bool supportsElementType(Operation *op, unsigned group,
                           FloatType type) const {
    if (op->hasAttr(kQuantizedAttr))
      return false;
    if (isStrict(op))
      return canExecute(op, group, type);
    return isAllowedType(op, group, type);
  }

  static bool isAllowedType(Operation *op, unsigned group, FloatType type) {
    NodeTypes types = getNodeTypes(op);
    const TypeVertex &vertex = types.vertices[group];
    if (vertex.attr.empty())
      return vertex.fixed == dataType(type);
    const graphdef::AttrSpec *attr = getSpec(op)->attr(
        std::string_view(vertex.attr.data(), vertex.attr.size()));
    return attr && attr->allows(dataType(type));
  }

  bool canExecute(Operation *op, unsigned group, FloatType type) const {
    if (!isAllowedType(op, group, type))
      return false;
    NodeTypes types = getNodeTypes(op);
    const TypeVertex &vertex = types.vertices[group];
    if (vertex.attr.empty())
      return true;
    graphdef::KernelDevice device = graphdef::KernelDevice::Gpu;
    if (Operation *function = op->getParentOp())
      if (auto kernels = function->getAttrOfType<StringAttr>(kKernelsAttr))
        if (kernels.getValue() == "cpu")
          device = graphdef::KernelDevice::Cpu;
    auto valueOf = [&](std::string_view name) {
      graphdef::AttrText value;
      Attribute attr = op->getAttr(llvm::StringRef(name.data(), name.size()));
      if (auto typed = dyn_cast_or_null<TypeAttr>(attr))
        value.type = dataType(typed.getValue());
      else if (auto text = dyn_cast_or_null<StringAttr>(attr))
        value.text = std::string_view(text.data(), text.size());
      return value;
    };
    return graphdef::hasKernel(
        *getSpec(op),
        std::string_view(vertex.attr.data(), vertex.attr.size()),
        dataType(type), device, valueOf);
  }

  Type getGroupType(Operation *op, unsigned group) const {
    NodeTypes types = getNodeTypes(op);
    DataType type = getVertexType(op, types.vertices[group]);
    return type ? elementType(op->getContext(), type) : Type();
  }

  LogicalResult retargetGroup(Operation *op, unsigned group,
                              FloatType type) const {
    NodeTypes types = getNodeTypes(op);
    if (types.vertices[group].attr.empty())
      return op->emitError() << "Failed to set type attribute";
    setVertexType(op, types, group, dataType(type));
    return success();
  }

  bool getAccumulatingGroups(Operation *,
                             llvm::SmallVectorImpl<TypeGroup> &) const {
    return false;
  }
  bool isLoss(Operation *op) const {
    llvm::StringRef name = getOpName(op);
    return (name == "SoftmaxCrossEntropyWithLogits" ||
            name == "SparseSoftmaxCrossEntropyWithLogits" ||
            name == "L2Loss") &&
           isStrict(op);
  }
  llvm::StringRef getPolicyName(Operation *op) const { return getOpName(op); }
  llvm::StringRef getPolicyFamily(Operation *) const { return {}; }
};

/// "Fp16", "Bf16" or "Fp32", as in the names of casts.
llvm::StringRef castSuffix(Type type) {
  return type.isF16() ? "Fp16" : type.isBF16() ? "Bf16" : "Fp32";
}

struct DialectModel : public PrecisionDialectInterface {
  using PrecisionDialectInterface::PrecisionDialectInterface;

  /// One table is behind groups and types, and there is no verifier to ask.
  bool needsRehearsal() const override { return false; }

  Value buildCast(OpBuilder &builder, Location loc, Value value,
                  FloatType type) const override {
    MLIRContext *context = builder.getContext();
    auto tensor = dyn_cast<mlir::TensorType>(value.getType());
    if (!tensor)
      return {};
    OperationState state(loc, "tf.Cast");
    state.addOperands(value);
    state.addTypes({tensor.clone(type), ControlType::get(context)});
    DataType from = dataType(tensor.getElementType());
    if (from > graphdef::kRefOffset)
      from -= graphdef::kRefOffset;
    state.addAttribute("SrcT", TypeAttr::get(elementType(context, from)));
    state.addAttribute("DstT", TypeAttr::get(type));
    state.addAttribute("Truncate", builder.getBoolAttr(false));
    if (Operation *source = value.getDefiningOp())
      if (Attribute device = source->getAttr(kDeviceAttr))
        state.addAttribute(kDeviceAttr, device);
    return builder.create(state)->getResult(0);
  }

  bool isCast(Operation *op) const override { return getOpName(op) == "Cast"; }
  bool castsAreNodes() const override { return true; }
  bool isCastResult(Operation *op, unsigned group) const override {
    if (!isCast(op) || (op->hasAttr(kPreserveAttr) && isStrict(op)))
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
      llvm::StringRef name = getOpName(op);
      if ((name != "Identity" && name != "Enter") || !getNumInputs(op))
        return false;
      Operation *source = op->getOperand(0).getDefiningOp();
      if (!source)
        return false;
      llvm::StringRef of = getOpName(source);
      if (name == "Identity")
        return of == "Variable" || of == "VariableV2";
      if (of != "Identity" && of != "Enter")
        return false;
      op = source;
    }
    return false;
  }

  bool isRecurrence(Operation *op) const override {
    return getOpName(op) == "NextIteration";
  }

  void getGroupRelations(Operation *function,
                         GroupRelations &relations) const override {
    relateTensorLists(cast<FunctionOpInterface>(function), relations);
  }

  /// `SOURCE-PORT-CastToFp16-K-AutoMixedPrecision`, K the first that is free.
  void nameGenerated(Operation *function) const override {
    auto body = cast<FunctionOpInterface>(function);
    llvm::StringSet<> used;
    bool any = false;
    auto isNew = [&](Operation &op) {
      return op.hasAttr(kGeneratedAttr) && isCast(&op);
    };
    for (Block &block : body.getFunctionBody())
      for (Operation &op : block) {
        if (isNew(op))
          any = true;
        else if (llvm::StringRef name = getNodeName(op.getLoc());
                 !name.empty())
          used.insert(name);
      }
    if (!any)
      return;
    for (Block &block : body.getFunctionBody())
      for (Operation &op : block) {
        if (!isNew(op))
          continue;
        Value source = op.getOperand(0);
        std::string stem = getInputName(source);
        unsigned port = 0;
        if (auto result = dyn_cast<OpResult>(source)) {
          stem = getNodeName(result.getOwner()->getLoc()).str();
          port = result.getResultNumber();
        }
        stem += "-" + std::to_string(port) + "-CastTo";
        stem += castSuffix(
            cast<mlir::TensorType>(op.getResult(0).getType()).getElementType());
        std::string name;
        for (unsigned k = 0;; ++k) {
          name = stem + "-" + std::to_string(k) + "-AutoMixedPrecision";
          if (used.insert(name).second)
            break;
        }
        Location place = op.getLoc();
        if (auto named = dyn_cast<NameLoc>(place))
          place = named.getChildLoc();
        op.setLoc(NameLoc::get(StringAttr::get(op.getContext(), name), place));
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
};

} // namespace

void *tf::makePrecisionModel() { return new PrecisionModel; }
void tf::deletePrecisionModel(void *model) {
  delete static_cast<PrecisionModel *>(model);
}
void tf::addPrecisionInterfaces(TensorFlowDialect &dialect) {
  dialect.addInterfaces<DialectModel>();
}

//===- Linalg.cpp - Structured ops of linalg ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The tensors of an op are one group, its destination among them; the region
// that holds the scalar computation is retyped with it. An op that a name says
// nothing about (linalg.generic, map, reduce) goes by what its region computes.
//===----------------------------------------------------------------------===//

#include "Models.h"

#include "amp/Interfaces/ElementTypes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace amp;

llvm::ArrayRef<OpEntry> amp::linalgOps() {
  static constexpr OpEntry ops[] = {
      {"linalg.matmul", OpShape::Own, "matmul"},
      {"linalg.batch_matmul", OpShape::Own, "matmul"},
      {"linalg.batch_matvec", OpShape::Own, "matmul"},
      {"linalg.batch_mmt4d", OpShape::Own, "matmul"},
      {"linalg.batch_reduce_matmul", OpShape::Own, "matmul"},
      {"linalg.batch_vecmat", OpShape::Own, "matmul"},
      {"linalg.contract", OpShape::Own, "matmul"},
      {"linalg.dot", OpShape::Own, "matmul"},
      {"linalg.matvec", OpShape::Own, "matmul"},
      {"linalg.mmt4d", OpShape::Own, "matmul"},
      {"linalg.vecmat", OpShape::Own, "matmul"},
      {"linalg.conv_1d", OpShape::Own, "conv2d"},
      {"linalg.conv_1d_ncw_fcw", OpShape::Own, "conv2d"},
      {"linalg.conv_1d_nwc_wcf", OpShape::Own, "conv2d"},
      {"linalg.conv_2d", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_nchw_fchw", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_ngchw_fgchw", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_ngchw_gfchw", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_nhwc_fhwc", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_nhwc_hwcf", OpShape::Own, "conv2d"},
      {"linalg.conv_2d_nhwgc_gfhwc", OpShape::Own, "conv2d"},
      {"linalg.conv_3d", OpShape::Own, "conv2d"},
      {"linalg.conv_3d_ncdhw_fcdhw", OpShape::Own, "conv2d"},
      {"linalg.conv_3d_ndhwc_dhwcf", OpShape::Own, "conv2d"},
      {"linalg.depthwise_conv_1d_ncw_cw", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_1d_nwc_wc", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_1d_nwc_wcm", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_2d_nchw_chw", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_2d_nhwc_hwc", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_2d_nhwc_hwcm", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_3d_ncdhw_cdhw", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_3d_ndhwc_dhwc", OpShape::Own, "depthwise_conv2d"},
      {"linalg.depthwise_conv_3d_ndhwc_dhwcm", OpShape::Own, "depthwise_conv2d"},
      {"linalg.pooling_nchw_max", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_ncw_max", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_ndhwc_max", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_ndhwc_min", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nhwc_max", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nhwc_max_unsigned", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nhwc_min", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nhwc_min_unsigned", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nwc_max", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nwc_max_unsigned", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nwc_min", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nwc_min_unsigned", OpShape::Own, "max_pool2d"},
      {"linalg.pooling_nchw_sum", OpShape::Own, "avg_pool2d"},
      {"linalg.pooling_ncw_sum", OpShape::Own, "avg_pool2d"},
      {"linalg.pooling_ndhwc_sum", OpShape::Own, "avg_pool2d"},
      {"linalg.pooling_nhwc_sum", OpShape::Own, "avg_pool2d"},
      {"linalg.pooling_nwc_sum", OpShape::Own, "avg_pool2d"},
      {"linalg.abs", OpShape::Own, "abs"},
      {"linalg.add", OpShape::Own, "add"},
      {"linalg.broadcast", OpShape::Own, "broadcast_to"},
      {"linalg.ceil", OpShape::Own, "ceil"},
      {"linalg.copy", OpShape::Own, "identity"},
      {"linalg.div", OpShape::Own, "div"},
      {"linalg.div_unsigned", OpShape::Own, "div"},
      {"linalg.erf", OpShape::Own, "erf"},
      {"linalg.exp", OpShape::Own, "exp"},
      {"linalg.fill", OpShape::Own, "broadcast_to"},
      {"linalg.floor", OpShape::Own, "floor"},
      {"linalg.log", OpShape::Own, "log"},
      {"linalg.max", OpShape::Own, "maximum"},
      {"linalg.min", OpShape::Own, "minimum"},
      {"linalg.mul", OpShape::Own, "mul"},
      {"linalg.negf", OpShape::Own, "neg"},
      {"linalg.powf", OpShape::Own, "pow"},
      {"linalg.reciprocal", OpShape::Own, "reciprocal"},
      {"linalg.round", OpShape::Own, "round"},
      {"linalg.rsqrt", OpShape::Own, "rsqrt"},
      {"linalg.select", OpShape::Own, "where"},
      {"linalg.sqrt", OpShape::Own, "sqrt"},
      {"linalg.square", OpShape::Own, "square"},
      {"linalg.sub", OpShape::Own, "sub"},
      {"linalg.tanh", OpShape::Own, "tanh"},
      {"linalg.transpose", OpShape::Own, "transpose"},
      {"linalg.elementwise", OpShape::Own, ""},
      {"linalg.generic", OpShape::Own, ""},
      {"linalg.map", OpShape::Own, ""},
      {"linalg.reduce", OpShape::Own, ""},
      {"linalg.softmax", OpShape::Tensors, "softmax"},
      {"linalg.pack", OpShape::Values, "identity"},
      {"linalg.unpack", OpShape::Values, "identity"},
      {"linalg.conv_2d_nchw_fchw_q", OpShape::None, "cast"},
      {"linalg.conv_2d_ngchw_gfchw_q", OpShape::None, "cast"},
      {"linalg.conv_2d_nhwc_fhwc_q", OpShape::None, "cast"},
      {"linalg.conv_2d_nhwc_hwcf_q", OpShape::None, "cast"},
      {"linalg.conv_2d_nhwgc_gfhwc_q", OpShape::None, "cast"},
      {"linalg.conv_3d_ndhwc_dhwcf_q", OpShape::None, "cast"},
      {"linalg.depthwise_conv_2d_nhwc_hwc_q", OpShape::None, "cast"},
      {"linalg.depthwise_conv_2d_nhwc_hwcm_q", OpShape::None, "cast"},
      {"linalg.quantized_batch_matmul", OpShape::None, "cast"},
      {"linalg.quantized_matmul", OpShape::None, "cast"},
      {"linalg.fill_rng_2d", OpShape::None, "cast"},
      {"linalg.winograd_filter_transform", OpShape::None, "cast"},
      {"linalg.winograd_input_transform", OpShape::None, "cast"},
      {"linalg.winograd_output_transform", OpShape::None, "cast"},
  };
  return ops;
}

/// How carefully ops are to be handled, so that the most delicate one of a body
/// names it.
static unsigned delicacy(llvm::StringRef family) {
  static constexpr llvm::StringLiteral delicate[] = {"exp", "expm1", "pow",
                                                     "square"};
  static constexpr llvm::StringLiteral harmless[] = {
      "identity", "neg",  "abs",  "sign",    "clip",      "maximum",
      "minimum",  "where", "less", "floor",  "ceil",      "round",
      "constant", "cast", "is_finite", "broadcast_to"};
  if (llvm::is_contained(delicate, family))
    return 3;
  return llvm::is_contained(harmless, family) ? 1 : 2;
}

/// What the body of an op computes, as an op of Amp's table; empty when that is
/// none of them.
static llvm::StringRef familyOfBody(linalg::LinalgOp op) {
  if (linalg::isaContractionOpInterface(op))
    return "matmul";
  if (linalg::isaConvolutionOpInterface(op))
    return "conv2d";
  llvm::StringRef found, combiner;
  unsigned most = 0;
  Block *body = op.getBlock();
  for (Operation &inner : body->without_terminator()) {
    if (isa<linalg::IndexOp>(inner))
      continue;
    llvm::StringRef family = familyOf(inner.getName().getStringRef());
    bool anyFloat = llvm::any_of(inner.getResultTypes(),
                                 [](Type t) { return isa<FloatType>(t); });
    if (family.empty()) {
      if (anyFloat)
        return {};
      continue;
    }
    if (family == "mul" && inner.getOperand(0) == inner.getOperand(1))
      family = "square";
    if (unsigned rank = delicacy(family); rank > most) {
      most = rank;
      found = family;
    }
    if (inner.getNumResults() == 1 && anyFloat &&
        llvm::is_contained(body->getTerminator()->getOperands(),
                           inner.getResult(0)))
      combiner = family;
  }
  if (op.getNumReductionLoops() != 0 && most < 3) {
    if (combiner == "add")
      return "reduce_sum";
    if (combiner == "mul")
      return "reduce_prod";
    if (combiner == "maximum")
      return "reduce_max";
    return combiner == "minimum" ? "reduce_min" : "";
  }
  return found.empty() ? "identity" : found;
}

namespace {

struct StructuredModel : ModelBase<StructuredModel> {
  void getTypeGroups(Operation *op,
                     llvm::SmallVectorImpl<TypeGroup> &groups) const {
    // Of destinations in memory and in tensors, only these could change.
    if (!hasTensorsOnly(op) && op->getNumResults() != numYields(op))
      return;
    // A fill takes its value in the type of the tensor.
    getFloatGroup(op, /*scalars=*/isa<linalg::FillOp>(op), groups);
  }

  /// Sums are the destination's business: it keeps its type, and so does the
  /// result.
  bool getAccumulatingGroups(Operation *op,
                             llvm::SmallVectorImpl<TypeGroup> &groups) const {
    auto linalgOp = cast<linalg::LinalgOp>(op);
    if (op->getNumResults() == 0 || op->getNumResults() != numYields(op) ||
        linalgOp.getNumReductionLoops() == 0)
      return false;
    llvm::StringRef what = whatItIs(op);
    if (what == "reduce_max" || what == "reduce_min" || what == "max_pool2d")
      return false;
    TypeGroup group;
    for (OpOperand *input : linalgOp.getDpsInputOperands())
      if (isa<ShapedType>(input->get().getType()) &&
          isa<FloatType>(getElementTypeOrSelf(input->get().getType())))
        group.operands.push_back(input->getOperandNumber());
    if (group.operands.empty())
      return false;
    for (OpResult result : op->getResults())
      group.wideResults.push_back(result.getResultNumber());
    groups.push_back(std::move(group));
    return true;
  }

  LogicalResult retargetGroup(Operation *op, unsigned, FloatType type) const {
    auto linalgOp = cast<linalg::LinalgOp>(op);
    llvm::SmallVector<Type> arguments, yields;
    Block *body = linalgOp.getBlock();
    for (BlockArgument argument : body->getArguments())
      arguments.push_back(argument.getType());
    for (OpOperand &operand : op->getOpOperands()) {
      unsigned i = operand.getOperandNumber();
      // map need not hand over what others do.
      if (arguments.size() != op->getNumOperands()) {
        if (i >= arguments.size() &&
            !linalgOp.payloadUsesValueFromOperand(&operand))
          continue;
        BlockArgument argument = linalgOp.getMatchingBlockArgument(&operand);
        if (!argument)
          continue;
        i = argument.getArgNumber();
      }
      arguments[i] = elementTypeOf(operand.get());
    }
    // Destinations come last. Asking the op for them makes attributes.
    OperandRange inits = op->getOperands().take_back(op->getNumResults());
    for (Value init : inits)
      yields.push_back(elementTypeOf(init));
    retypeScalarBody(*body, arguments, yields, type);
    // A result has the type of its destination.
    for (auto [result, init] : llvm::zip_equal(op->getResults(), inits))
      result.setType(init.getType());
    return success();
  }

  llvm::StringRef getPolicyName(Operation *op) const {
    llvm::StringRef name = op->getName().getStringRef();
    // Those whose family is empty in the table.
    if (!isa<linalg::ElementwiseOp, linalg::GenericOp, linalg::MapOp,
             linalg::ReduceOp>(op))
      return name;
    llvm::StringRef body = familyOfBody(cast<linalg::LinalgOp>(op));
    return body.empty() ? name : body;
  }

private:
  /// Without buffers there is a result for each destination. This is asked
  /// first, since a region is far away in memory.
  static bool hasTensorsOnly(Operation *op) {
    Type last;
    for (Value operand : op->getOperands()) {
      if (operand.getType() == last)
        continue;
      last = operand.getType();
      if (!isa<RankedTensorType>(last))
        return false;
    }
    return true;
  }
  static unsigned numYields(Operation *op) {
    return op->getRegion(0).front().getTerminator()->getNumOperands();
  }
  static llvm::StringRef whatItIs(Operation *op) {
    llvm::StringRef family = familyOf(op->getName().getStringRef());
    return family.empty() ? familyOfBody(cast<linalg::LinalgOp>(op)) : family;
  }
};

} // namespace

void amp::registerLinalgModels(DialectRegistry &registry) {
  registry.insert<linalg::LinalgDialect>();
  registry.addExtension(
      +[](MLIRContext *context, linalg::LinalgDialect *dialect) {
        addArithCasts(dialect);
        attachModels(context, linalgOps());
        attachOwnModel<StructuredModel>(context, linalgOps());
      });
}

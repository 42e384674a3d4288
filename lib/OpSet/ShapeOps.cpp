//===- ShapeOps.cpp - Ops that move elements ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reshapes, slices, joins and look-ups, with their backward ops.
//===----------------------------------------------------------------------===//

#include "Rules.h"
#include "Table.h"
#include "amp/OpSet/Limits.h"

#include <cmath>

namespace amp::opset {

namespace {

Failure inferReshape(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  TensorType type{x.dtype, {}};
  if (auto why = reshape(x.shape, args.getDims("shape"), type.shape))
    return failAttr("shape", *why);
  results.push_back(std::move(type));
  return ok;
}

Failure inferTranspose(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  Span<int64_t> perm = ints(args, "perm");
  if (perm.size() != x.shape.size())
    return failAttr("perm", "attribute 'perm' has ",
                    counted(perm.size(), "element"), ", expected ",
                    x.shape.size(), " for ", x);
  std::vector<bool> seen(perm.size());
  TensorType type{x.dtype, {}};
  type.shape.reserve(perm.size());
  for (int64_t value : perm) {
    size_t axis;
    if (Failure failure = resolveAxis("perm", value, perm.size(), axis))
      return failure;
    if (seen[axis])
      return failAttr("perm", "attribute 'perm' names axis ", axis, " twice");
    seen[axis] = true;
    type.shape.push_back(x.shape[axis]);
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferBroadcastTo(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  Shape shape = args.getDims("shape"), both;
  // Broadcasting must not change `shape` itself.
  if (x.shape.size() > shape.size() || !broadcast(x.shape, shape, both) ||
      both != shape)
    return failAttr("shape", x.shape, " does not broadcast to ", shape);
  results.push_back({x.dtype, std::move(shape)});
  return ok;
}

Failure inferSumTo(const OpArgs &args, Results &results) {
  const TensorType &gradient = args.operands[0];
  Shape shape = args.getDims("shape"), both;
  if (shape.size() > gradient.shape.size() ||
      !broadcast(gradient.shape, shape, both) || !fits(both, gradient.shape))
    return failAttr("shape", shape, " does not broadcast to ", gradient.shape);
  size_t lead = gradient.shape.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    shape[i] = meet(shape[i], gradient.shape[lead + i]);
  results.push_back({gradient.dtype, std::move(shape)});
  return ok;
}

Failure inferConcat(const OpArgs &args, Results &results) {
  TensorType type = args.operands[0];
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", type.shape.size(), axis))
    return failure;
  for (size_t i = 1; i < args.operands.size(); ++i) {
    const TensorType &next = args.operands[i];
    bool fitting = next.shape.size() == type.shape.size();
    for (size_t d = 0; fitting && d < type.shape.size(); ++d)
      fitting = d == axis || fits(type.shape[d], next.shape[d]);
    if (!fitting)
      return failOperand(i, "cannot concatenate ", next, " to ",
                         args.operands[0], " along axis ", axis);
    for (size_t d = 0; d < type.shape.size(); ++d) {
      if (d != axis) {
        type.shape[d] = meet(type.shape[d], next.shape[d]);
        continue;
      }
      std::optional<Dim> sum = addSizes(type.shape[d], next.shape[d]);
      if (!sum)
        return failOperand(i, "the size of axis ", axis,
                           " does not fit 64 bits");
      type.shape[d] = *sum;
    }
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferSplit(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", x.shape.size(), axis))
    return failure;
  Span<int64_t> sizes = ints(args, "sizes");
  if (sizes.empty())
    return failAttr("sizes", "attribute 'sizes' is empty");
  int64_t sum = 0;
  for (int64_t size : sizes)
    if (__builtin_add_overflow(sum, size, &sum))
      return failAttr("sizes", "the sum of 'sizes' does not fit 64 bits");
  if (!fits(x.shape[axis], Dim::fixed(sum)))
    return failAttr("sizes", "the sum of 'sizes' is ", sum, ", expected ",
                    x.shape[axis], ", axis ", axis, " of ", x);
  for (int64_t size : sizes) {
    results.push_back(x);
    results.back().shape[axis] = Dim::fixed(size);
  }
  return ok;
}

Failure expectPerAxis(std::string_view attr, size_t count, size_t expected,
                      const TensorType &x) {
  if (count == expected)
    return ok;
  return failAttr(attr, "attribute '", attr, "' has ",
                  counted(count, "element"), ", expected ", expected, " for ",
                  x);
}

Failure inferSlice(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  size_t rank = x.shape.size();
  Span<int64_t> begin = ints(args, "begin"), strides = ints(args, "strides");
  Shape end = args.getDims("end");
  if (Failure failure = expectPerAxis("begin", begin.size(), rank, x))
    return failure;
  if (Failure failure = expectPerAxis("end", end.size(), rank, x))
    return failure;
  if (strides.size() != 1)
    if (Failure failure = expectPerAxis("strides", strides.size(), rank, x))
      return failure;
  TensorType type{x.dtype, {}};
  type.shape.reserve(rank);
  for (size_t i = 0; i < rank; ++i) {
    int64_t stride = strides[strides.size() == 1 ? 0 : i];
    const Dim &size = x.shape[i];
    const Dim &stop = end[i].isUnknown() ? size : end[i];
    if (stop.isFixed() && begin[i] > stop.size())
      return failAttr("begin", "attribute 'begin' is ", begin[i], " at axis ",
                      i, ", beyond the end, ", stop);
    if (stop.isFixed() && size.isFixed() && stop.size() > size.size())
      return failAttr("end", "attribute 'end' is ", stop, " at axis ", i,
                      " of ", x, ", expected at most ", size);
    if (stop.isFixed()) {
      int64_t length = stop.size() - begin[i];
      type.shape.push_back(
          Dim::fixed(length / stride + (length % stride != 0)));
    } else {
      bool whole = begin[i] == 0 && stride == 1;
      type.shape.push_back(whole ? stop : Dim::unknown());
    }
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferPad(const OpArgs &args, Results &results) {
  TensorType type = args.operands[0];
  Span<int64_t> paddings = ints(args, "paddings");
  size_t rank = type.shape.size();
  if (paddings.size() % 2)
    return failAttr("paddings", "attribute 'paddings' is not a list of pairs");
  if (paddings.size() != 2 * rank)
    return failAttr("paddings", "attribute 'paddings' has ",
                    counted(paddings.size() / 2, "pair"), ", expected ", rank,
                    " for ", type);
  for (size_t i = 0; i < 2 * rank; ++i) {
    std::optional<Dim> sum =
        addSizes(type.shape[i / 2], Dim::fixed(paddings[i]));
    if (!sum)
      return failAttr("paddings", "the size of axis ", i / 2,
                      " does not fit 64 bits");
    type.shape[i / 2] = *sum;
  }
  double value = args.getFloat("value");
  if (Failure failure = expectFitting("value", value, type.dtype))
    return failure;
  // The padding is elements of the result, like those of a constant.
  if (std::isfinite(value) && std::abs(value) >= overflowLimit(type.dtype))
    return failAttr("value", "attribute 'value' is ", value,
                    ", which does not fit ", type.dtype);
  results.push_back(std::move(type));
  return ok;
}

Failure inferExpandDims(const OpArgs &args, Results &results) {
  TensorType type = args.operands[0];
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", type.shape.size() + 1, axis))
    return failure;
  type.shape.insert(type.shape.begin() + axis, Dim::fixed(1));
  results.push_back(std::move(type));
  return ok;
}

Failure inferSqueeze(const OpArgs &args, Results &results) {
  const TensorType &x = args.operands[0];
  std::vector<bool> removed;
  if (Failure failure = resolveAxes(args, "axes", x.shape.size(), removed))
    return failure;
  TensorType type{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (!removed[i])
      type.shape.push_back(x.shape[i]);
    else if (!fits(x.shape[i], Dim::fixed(1)))
      return failAttr("axes", "attribute 'axes' names axis ", i, " of ", x,
                      ", which is not 1");
  }
  results.push_back(std::move(type));
  return ok;
}

Failure inferGather(const OpArgs &args, Results &results) {
  const TensorType &params = args.operands[0];
  const Shape &indices = args.operands[1].shape;
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", params.shape.size(), axis))
    return failure;
  TensorType type = params;
  auto at = type.shape.erase(type.shape.begin() + axis);
  type.shape.insert(at, indices.begin(), indices.end());
  results.push_back(std::move(type));
  return ok;
}

Failure inferOneHot(const OpArgs &args, Results &results) {
  TensorType type{args.getDType("dtype"), args.operands[0].shape};
  type.shape.push_back(Dim::fixed(args.getInt("depth")));
  results.push_back(std::move(type));
  return ok;
}

Failure inferStack(const OpArgs &args, Results &results) {
  size_t before = results.size();
  if (Failure failure = inferLikeAll(args, results))
    return failure;
  Shape &shape = results[before].shape;
  size_t axis;
  if (Failure failure = resolveAxis(args, "axis", shape.size() + 1, axis))
    return failure;
  shape.insert(shape.begin() + axis, Dim::fixed(int64_t(args.operands.size())));
  return ok;
}

Failure inferConcatGrad(const OpArgs &args, Results &results) {
  if (Failure failure = expectGradientOf(inferConcat, args))
    return failure;
  for (size_t i = 1; i < args.operands.size(); ++i)
    addGradient(args, i, i - 1, results);
  return ok;
}

/// Any gradient whose elements are as many as those of x.
Failure inferReshapeGrad(const OpArgs &args, Results &results) {
  if (auto why = sameElements(args.operands[0].shape, args.operands[1].shape))
    return failOperand(0, *why);
  addGradient(args, 1, 0, results);
  return ok;
}

} // namespace

namespace {
constexpr DTypes any = DTypes::Any;
} // namespace

void addShapeOps(Table &table) {
  auto op = [&](std::string_view name, TypeRule infer, std::string_view how,
                std::string_view doc, DTypes dtypes = any) {
    Entry entry = table.op(name, Family::Shape, infer);
    entry.in("x", dtypes).out().gradient(how).doc(doc);
    return entry;
  };
  AttrDef target = dimsAttr("shape");
  target.allowNames = true;
  AttrDef open = target, end = dimsAttr("end"),
          paddings = intsAttr("paddings", std::nullopt);
  open.allowMinusOne = true;
  end.allowNull = true;
  paddings.pairs = true;

  op("reshape", inferReshape, "reshape_grad",
     "The same elements in row-major order; one size may be −1.")
      .attr(open);
  op("transpose", inferTranspose, "transpose",
     "Axis i of the result is axis perm[i] of x.")
      .attr(intsAttr("perm", std::nullopt));
  op("broadcast_to", inferBroadcastTo, "sum_to", "x broadcast to a shape.")
      .attr(target);
  table.op("concat", Family::Shape, inferConcat)
      .in("values", any)
      .variadic()
      .attr(intAttr("axis", std::nullopt))
      .out()
      .gradient("concat_grad")
      .doc("The values one after the other along an axis.");
  table.op("split", Family::Shape, inferSplit)
      .in("x", any)
      .attr(intAttr("axis", std::nullopt))
      .attr(within(intsAttr("sizes", std::nullopt), 0))
      .out("part")
      .variadicResults()
      .gradient("concat")
      .doc("One result for each of `sizes`, which add up to the axis.");
  op("slice", inferSlice, "slice_grad",
     "Elements begin, begin + stride, … before end of each axis; an end of "
     "null is the end of the axis.")
      .attr(within(intsAttr("begin", std::nullopt), 0))
      .attr(end)
      .attr(within(scalarOr(intsAttr("strides", std::vector<int64_t>{1})), 1));
  op("pad", inferPad, "pad_grad",
     "`paddings` has a pair [before, after] for each axis.", DTypes::Numeric)
      .attr(within(paddings, 0))
      .attr(nonFinite(floatAttr("value", 0.0)));
  op("expand_dims", inferExpandDims, "squeeze",
     "A new axis of size 1 before axis `axis`.")
      .attr(intAttr("axis", std::nullopt));
  op("squeeze", inferSqueeze, "expand_dims", "Without these axes of size 1.")
      .attr(scalarOr(intsAttr("axes", std::nullopt)));
  table.op("gather", Family::Shape, inferGather)
      .in("params", any)
      .side("indices", DTypes::Index)
      .attr(intAttr("axis", 0))
      .out()
      .gradient("gather_grad")
      .doc("The slices of `params` along an axis that `indices` name; the "
           "sizes of `indices` take the place of that axis.");
  table.op("one_hot", Family::Shape, inferOneHot)
      .side("indices", DTypes::Index)
      .attr(within(intAttr("depth", std::nullopt), 0))
      .attr(dtypeAttr("dtype", DType::Float32))
      .out()
      .doc("1 at the index, else 0, along a new last axis.");
  table.op("stack", Family::Shape, inferStack)
      .in("values", any)
      .variadic()
      .attr(intAttr("axis", std::nullopt))
      .out()
      .gradient("split, squeeze")
      .doc("Values of one shape along a new axis.");

  AttrDef sumShape = target;
  sumShape.allowNull = true;
  table.gradAlone("sum_to", "broadcast_to", inferSumTo)
      .attr(sumShape)
      .out("x_gradient")
      .doc("The sum over the axes that broadcasting added or widened, of any "
           "op, accumulated in float32.");
  table.grad("reshape_grad", "reshape", inferReshapeGrad)
      .without("shape")
      .shapeOnly("x")
      .out("x_gradient")
      .doc("The gradient in the shape of x.");
  table.grad("concat_grad", "concat", inferConcatGrad)
      .shapeOnly("values")
      .out("values_gradient")
      .variadicResults()
      .doc("One result for each value.");
  table.grad("slice_grad", "slice", inferGradients<inferSlice, 1>)
      .shapeOnly("x")
      .out("x_gradient")
      .doc("Zero where x was not taken.");
  table.grad("pad_grad", "pad", inferGradients<inferPad, 1>)
      .without("value")
      .shapeOnly("x")
      .out("x_gradient");
  table.grad("gather_grad", "gather", inferGradients<inferGather, 1>)
      .shapeOnly("params")
      .out("params_gradient")
      .doc("Gradients of equal indices are added.");
}

} // namespace amp::opset

//===- Advice.cpp - Sizes and ranges that 16 bits do not like -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Tensor cores take 16 bytes at a time: eight numbers of 16 bits, sixteen of
// 8. TensorFlow's guide asks for sizes that are multiples of that, NVIDIA's
// also for 128 bytes where they cost little. One size is often that of many
// nodes, as of the steps of an LSTM: it is remarked on once, at the first.
//===----------------------------------------------------------------------===//

#include "Advice.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace amp;
using namespace mlir;

namespace {

/// What numbers of this many bytes are to come in multiples of.
int64_t alignmentOf(unsigned bytes) { return 16 / bytes; }

/// Whole 128 bytes where that makes the size at most a 32nd larger, as for a
/// vocabulary, else whole 16 bytes.
int64_t paddedSize(int64_t size, unsigned bytes) {
  int64_t least = alignmentOf(bytes), best = 128 / bytes;
  int64_t large = (size + best - 1) / best * best;
  if (large - size <= size / 32)
    return large;
  return (size + least - 1) / least * least;
}

/// One size that does not fit.
struct Misfit {
  Operation *first;
  /// "dimension 1 of 'out/kernel' is 10".
  std::string text;
  int64_t padded, alignment;
  /// Of the nodes, in all functions.
  llvm::SmallSetVector<StringRef, 4> names;
};

class SizeAdvice {
public:
  void look(Operation *op, const OpDef &def);
  void print();

private:
  void check(Operation *op, Value value, int64_t dimension, int64_t parts = 1);
  void lookAtProduct(graph::MatmulOp op);

  /// By what is said: the same size of the same value is one remark.
  llvm::MapVector<StringAttr, Misfit> misfits;
};

/// The value behind the casts that the rewrite put before it.
Value beforeCasts(Value value) {
  while (auto cast = value.getDefiningOp<graph::CastOp>()) {
    if (!cast->hasAttr(kGeneratedAttr))
      break;
    value = cast->getOperand(0);
  }
  return value;
}

/// Looks at one dimension, which groups divide into parts. Sizes that are
/// known at run time only are amp-run's to look at.
void SizeAdvice::check(Operation *op, Value value, int64_t dimension,
                       int64_t parts) {
  auto type = cast<RankedTensorType>(value.getType());
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  unsigned bytes = llvm::divideCeil(result.getElementTypeBitWidth(), 8);
  int64_t size = type.getDimSize(dimension);
  if (ShapedType::isDynamic(size) || bytes > 2 || size % parts)
    return;
  size /= parts;
  int64_t alignment = alignmentOf(bytes);
  if (size % alignment == 0)
    return;
  std::string text = "dimension " + std::to_string(dimension) + " of '" +
                     graph::valueName(beforeCasts(value)) + "' is " +
                     std::to_string(size * parts);
  if (parts != 1)
    text += ", in " + std::to_string(parts) + " groups of " +
            std::to_string(size);
  auto [it, isNew] = misfits.insert(
      {StringAttr::get(op->getContext(), text),
       {op, text, paddedSize(size, bytes) * parts, alignment, {}}});
  it->second.names.insert(graph::nodeName(op));
}

void SizeAdvice::lookAtProduct(graph::MatmulOp op) {
  Value a = op->getOperand(0), b = op->getOperand(1);
  auto rankOf = [](Value v) {
    return cast<RankedTensorType>(v.getType()).getRank();
  };
  int64_t rankA = rankOf(a), rankB = rankOf(b);
  bool swapA = op.getTransposeA(), swapB = op.getTransposeB();
  // Rows of a stack of matrices times one matrix are one dimension: its size
  // has the batch in it.
  if (rankA == 2 || rankB > 2)
    check(op, a, swapA ? rankA - 1 : rankA - 2);
  // The inner size is that of both; a variable is what can be padded.
  bool isVariable = beforeCasts(b).getDefiningOp<graph::ReadOp>() != nullptr;
  if (isVariable)
    check(op, b, swapB ? rankB - 1 : rankB - 2);
  else
    check(op, a, swapA ? rankA - 2 : rankA - 1);
  check(op, b, swapB ? rankB - 2 : rankB - 1);
}

void SizeAdvice::look(Operation *op, const OpDef &def) {
  if (auto product = dyn_cast<graph::MatmulOp>(op))
    return lookAtProduct(product);
  if (op->getNumOperands() < 2)
    return;
  // Filters are [height, width, channels in, channels out].
  auto filter = dyn_cast<RankedTensorType>(op->getOperand(1).getType());
  if (!filter || filter.getRank() != 4)
    return;
  int64_t groups = 1;
  if (auto attr = op->getAttrOfType<IntegerAttr>("groups"))
    groups = attr.getInt();
  check(op, op->getOperand(1), 2);
  if (!isa<graph::DepthwiseConv2dOp>(op))
    check(op, op->getOperand(1), 3, groups);
}

void SizeAdvice::print() {
  for (auto &entry : misfits) {
    Misfit &misfit = entry.second;
    auto remark = misfit.first->emitRemark()
                  << "'" << misfit.names.front()
                  << "': " << misfit.text << ", no multiple of "
                  << misfit.alignment << "; pad it to " << misfit.padded;
    if (size_t others = misfit.names.size() - 1)
      remark << " (also in " << others
             << (others == 1 ? " other node)" : " other nodes)");
  }
}

/// How many elements a converted copy holds another value of: beyond the
/// largest number of the type, and so small that the smallest stands for them.
struct OutOfRange {
  uint64_t large = 0, small = 0;
};

OutOfRange countOutOfRange(DenseFPElementsAttr values, FloatType type) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  double largest = llvm::APFloat::getLargest(semantics).convertToDouble();
  double smallest = llvm::APFloat::getSmallest(semantics).convertToDouble();
  OutOfRange count;
  for (const llvm::APFloat &value : values.getValues<llvm::APFloat>()) {
    if (!value.isFinite() || value.isZero())
      continue;
    double magnitude = std::abs(value.convertToDouble());
    // Half a step beyond the largest still rounds to it, which is no loss.
    count.large += magnitude > largest;
    count.small += magnitude < smallest / 2;
  }
  return count;
}

/// Constants whose copies in the low type were converted by the rewrite.
void adviseOnConstants(graph::FuncOp function) {
  llvm::StringMap<graph::ConstantOp> originals;
  function.walk([&](graph::ConstantOp constant) {
    if (!constant->hasAttr(kGeneratedAttr)) {
      originals[graph::nodeName(constant)] = constant;
      return;
    }
    auto type =
        dyn_cast<FloatType>(getElementTypeOrSelf(constant->getResult(0)));
    auto original =
        originals.find(graph::nodeName(constant).rsplit("/cast_").first);
    if (!type || type.getWidth() != 16 || original == originals.end())
      return;
    graph::ConstantOp source = original->second;
    auto values = dyn_cast_or_null<DenseFPElementsAttr>(
        source.getValue().value_or(ElementsAttr()));
    if (!values)
      return;
    OutOfRange count = countOutOfRange(values, type);
    llvm::StringRef name = type.isF16() ? "float16" : "bfloat16";
    auto say = [&](uint64_t n, const char *what, const char *becomes) {
      if (n)
        source->emitRemark()
            << n << " of " << values.getNumElements()
            << (values.getNumElements() == 1 ? " value of '" : " values of '")
            << graph::nodeName(source) << "' " << (n == 1 ? "is" : "are")
            << " too " << what << " for " << name << ": "
            << (n == 1 ? "its copy is" : "their copies are") << " the "
            << becomes << " number there is";
    };
    say(count.large, "large", "largest");
    say(count.small, "small", "smallest");
  });
}

} // namespace

void opt::giveAdvice(ModuleOp module, const Policy &policy) {
  SizeAdvice sizes;
  module.walk([&](graph::FuncOp function) {
    function.walk([&](Operation *op) {
      // The sizes of a backward node are those of its forward node.
      const OpDef *def = graph::getOpDef(op);
      if (def && !op->hasAttr(kGeneratedAttr) && !op->hasAttr(kOriginAttr) &&
          op->getNumResults() && policy.list(def->name) == ListKind::Allow)
        sizes.look(op, *def);
    });
  });
  sizes.print();
  module.walk([&](graph::FuncOp function) { adviseOnConstants(function); });
}

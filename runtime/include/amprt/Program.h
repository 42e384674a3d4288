//===- Program.h - What a device executes -----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A planned function: a flat list of steps over buffers with fixed places, and
// the sizes and totals that follow. Every decision about fusion, layout and
// memory has been made; a device only executes. Programs print as text, so
// plans for any device are tested without it.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_PROGRAM_H
#define AMPRT_PROGRAM_H

#include "amprt/Tensor.h"

namespace amprt {

/// In place of a buffer's index.
inline constexpr uint32_t kNoBuffer = ~uint32_t(0);

/// Where a buffer lives.
enum class Space : uint8_t {
  Arena,    ///< the program's own memory, shared by buffers in turn
  Input,    ///< an argument of the call
  Output,   ///< a result of the call
  Variable, ///< the session's
  Constant, ///< fixed data of the program
  Cache     ///< follows from variables alone; kept between calls
};
std::string_view spaceName(Space space);

/// A tensor with its place. Rows (the last dimension) are `pitch` elements
/// apart; a buffer is dense when that is its last size. Elements between are
/// zero.
struct Buffer {
  std::string name; ///< of the graph's value
  DType dtype = DType::Float32;
  Dims dims;
  int64_t pitch = 1;
  Space space = Space::Arena;
  /// Which input, output, variable, constant or cache entry; 0 in the arena.
  uint32_t index = 0;
  /// Byte offset in the arena.
  size_t offset = 0;
  /// Steps that touch it, inclusive.
  uint32_t firstStep = 0, lastStep = 0;

  int64_t rows() const;
  size_t bytes() const;
  bool isDense() const { return dims.empty() || pitch == dims.back(); }
};

/// One operation of a fused element-wise step. Arithmetic is in float32 for
/// float16, bfloat16 and float32, in float64 for float64, in int64 for
/// integers and bool.
enum class ScalarOp : uint8_t {
  Load,  ///< operand number `a` of the step
  Const, ///< the number `imm`
  Cast,  ///< to `dtype`, rounded
  // Unary.
  Neg,
  Abs,
  Sign,
  Exp,
  Expm1,
  Log,
  Log1p,
  Sqrt,
  Rsqrt,
  Reciprocal,
  Square,
  Sin,
  Cos,
  Tanh,
  Sigmoid,
  Relu,
  Relu6,
  Silu,
  Softplus,
  Erf,
  Erfc,
  Floor,
  Ceil,
  Round,
  IsFinite,
  Not,
  Gelu,
  GeluTanh,
  Elu,
  LeakyRelu, ///< with `imm`
  // Binary.
  Add,
  Sub,
  Mul,
  Div,
  Pow,
  Max,
  Min,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  And,
  Or,
  ReluGrad, ///< a where b > 0, else 0
  Where,    ///< a ? b : c
  // Random.
  Call,  ///< how often the function has run before; int64
  Random ///< uniform in [0, 1): seed a, node b, call c; by element
};
std::string_view scalarOpName(ScalarOp op);

/// The result of an instruction is its number; `a`, `b`, `c` are earlier ones.
struct Instr {
  ScalarOp op;
  DType dtype; ///< of the result
  int32_t a = -1, b = -1, c = -1;
  double imm = 0;
};

/// The tree of a fused step as a list, operands before their users. The last
/// instruction is the value that is stored.
using Expression = std::vector<Instr>;

enum class Kernel : uint8_t {
  Elementwise,    ///< expression over broadcast operands
  Matmul,         ///< (a, b [, bias]) with epilogue
  Reduce,         ///< (x)
  Softmax,        ///< (x)
  LogSoftmax,     ///< (x)
  SparseLoss,     ///< (logits, labels): softmax cross-entropy per row
  SparseLossGrad, ///< (gradient per row or scalar, logits, labels)
  DenseLoss,      ///< (logits, probabilities)
  DenseLossGrad,  ///< (gradient, logits, probabilities)
  SparseLossBoth, ///< as the gradient; results: loss, gradient
  DenseLossBoth,  ///< the same
  SoftmaxGrad,    ///< (gradient, x)
  LogSoftmaxGrad, ///< (gradient, x)
  // softmax(f(q · kᵀ)) · v without the score matrix in memory. Of each batch
  // q is [m, k], k [n, k], v [n, size]; f is the step's expression, in which
  // load 0 is the score, in float32, and others are operands over [m, n].
  // StepParams::strides has those of each operand and result.
  Attention, ///< (q, k, v, …): out, and ln Σ e^score of each row in float32
  /// (gradient of out, q, k, v, out, ln Σ e^score, …): of q, k, v.
  /// Step::backward is f's gradient.
  AttentionGrad,
  ReduceGrad,     ///< (gradient, x), of the largest, smallest or product
  Cumsum,         ///< (x)
  Transpose,      ///< (x)
  Slice,          ///< (x): elements at offset and strides
  Pad,            ///< (x): elements to offset and strides, the rest `fill`
  Concat,         ///< (x, …)
  Split,          ///< (x); one result for each part
  Gather,         ///< (x, indices)
  GatherGrad,     ///< (gradient, indices)
  RowNorm,        ///< (x, scale [, offset]): layer and rms normalisation
  RowNormGrad,    ///< (gradient, x, scale): of x, scale [, offset]
  Moments,        ///< (x): mean and variance of each channel
  ChannelGrad,    ///< (gradient, x, mean): Σ g and Σ g·(x − mean)
  Pool,           ///< (x): the largest or mean of windows
  PoolGrad,       ///< (gradient [, x])
  Conv,           ///< (x, filter)
  ConvInputGrad,  ///< (gradient, filter); also conv2d_transpose
  ConvFilterGrad, ///< (gradient, x)
  ArgMax,         ///< (x)
  AllFinite,      ///< of the parts
  SumSquares,     ///< of each part; one result each
  LossScale,      ///< (scale, good, bad, finite): the new three
  // One flat pass over all variables that have the same settings, one part
  // each. Operands: the rate, then what the gradients read.
  ApplySgd,      ///< results of a part: variable
  ApplyMomentum, ///< variable, slot
  ApplyRmsprop,  ///< variable, rms [, mg] [, momentum]
  ApplyAdam      ///< the iterations come before the rate; variable, m, v
};
std::string_view kernelName(Kernel kernel);

enum class ReduceOp : uint8_t { Sum, Mean, Max, Min, Prod };

/// Windows that slide over images, for height and for width.
struct Window2d {
  int64_t in[2] = {}, out[2] = {}, window[2] = {}, stride[2] = {};
  int64_t dilation[2] = {1, 1};
  int64_t before[2] = {}; ///< padding in front
  /// Elements from the first to the last tap of a window.
  int64_t span(int axis) const {
    return (window[axis] - 1) * dilation[axis] + 1;
  }
  /// Padding behind: as far as windows reach.
  int64_t behind(int axis) const {
    const int64_t reach = (out[axis] - 1) * stride[axis] + span(axis);
    return reach > before[axis] + in[axis] ? reach - before[axis] - in[axis]
                                           : 0;
  }
};

/// Numbers of a step; which ones count depends on the kernel.
struct StepParams {
  // Matmul: c[m, n] = op(a) · op(b), `batch` times.
  int64_t batch = 1, m = 0, n = 0, k = 0;
  bool transposeA = false, transposeB = false;
  bool bias = false, relu = false; ///< epilogue
  // More of the epilogue, of one 16-bit product. Step::expression is GELU (its
  // tanh form) or its gradient over the product's value, and what is kept.
  bool gelu = false;
  /// Also gives, behind the result, what the gradient needs: of ReLU one bit
  /// for each element, in rows of maskPitch() bits; of GELU the value it reads.
  bool keepsInput = false;
  /// The gradient of ReLU or GELU for the product's value; what was kept is
  /// the last operand.
  bool reluGrad = false, geluGrad = false;
  /// The last result but scratch memory: Σ over the rows of the result, or of
  /// `b` (whose columns are those of the result), in its type.
  bool sumsResult = false, sumsB = false;
  /// The operand is float32 and is rounded to this type as it is converted.
  std::optional<DType> castA, castB;
  /// For product i of a batch, which matrix of `a` and of `b` it takes:
  /// entries 2 * i and 2 * i + 1; empty when there is one product.
  std::vector<int64_t> batchMatrices;
  /// The last result is scratch memory: for converted operands, or for cuDNN's
  /// copies of images that lie otherwise than it multiplies them.
  bool hasScratch = false;
  /// Few rows: `b` is read once, as it is stored, and nothing is converted to
  /// memory.
  bool fewRows = false;

  // Elementwise: the loop nest, outer first, and the strides of each operand
  // and then of the result, in elements. Attention: the loops are the batch;
  // strides are those of the batch, then of rows and of columns.
  Dims loops;
  std::vector<Dims> strides;
  /// Attention: f gives `fill` in each column behind the row's own number, so
  /// that e^(fill − largest of the row) may be left out where it is 0.
  bool causal = false;

  // Reduce and what moves elements: kept loops then reduced loops with strides
  // of the input, for Pad of the result.
  ReduceOp reduce = ReduceOp::Sum;
  Dims reduceLoops, reduceStrides;
  int64_t offset = 0; ///< Slice, Pad: of the first element
  double fill = 0;    ///< Pad; Attention, when causal

  // Row kernels: [outer, size, inner].
  int64_t outer = 1, size = 1, inner = 1;
  Window2d spatial; ///< Pool: `outer` images of `inner` channels
  // Convolutions: from `outer` images of channelsIn to those of channelsOut.
  int64_t groups = 1, channelsIn = 0, channelsOut = 0;
  bool channelsFirst = false;
  /// Of the filter by group, channel out and in (of the group), row, column.
  Dims filterStrides;
  /// By cuDNN where the machine has it. The filter lies as it wants it: by
  /// channel out, row, column, channel in.
  bool library = false;
  Dims parts;           ///< Concat, Split: what `size` is made of
  bool reverse = false; ///< Cumsum: from the end
  /// Losses: the factor of mean (1 / rows), or 1; per row without reduction.
  double factor = 1;
  bool perRow = false;

  // Optimizers and the loss scale.
  double rho = 0, momentum = 0, epsilon = 0, beta1 = 0, beta2 = 0,
         weightDecay = 0, growth = 0, backoff = 0, minimum = 0, maximum = 0;
  int64_t growthSteps = 0, decreaseEvery = 0;
  bool nesterov = false, centered = false;
};

/// One variable of an optimizer step, or one tensor of a finite check.
struct Part {
  /// The gradient in float32, over operands of the step that have its number
  /// of elements or one.
  Expression gradient;
  /// Its results among those of the step.
  uint32_t firstResult = 0, results = 0;
  /// The last result is the updated variable, rounded to 16 bits.
  bool copies = false;
};

/// One kernel call. Operands and results are indices of buffers.
struct Step {
  Kernel kernel = Kernel::Elementwise;
  std::string name; ///< of the last node fused into it
  std::vector<uint32_t> operands, results;
  /// Runs only when this bool scalar is true; kNoBuffer runs always.
  uint32_t condition = kNoBuffer;
  Expression expression;
  /// AttentionGrad: the gradient of the score from that of f's value, which is
  /// load 0.
  Expression backward;
  std::vector<Part> parts;
  StepParams params;
  /// Depends on variables alone and its results are in the cache.
  bool cached = false;
  /// The ops of the nodes fused into it, in order: "matmul", "bias_add".
  std::vector<std::string> nodes;
};
/// Sums over one run of a program.
struct Totals {
  uint64_t kernels = 0;
  uint64_t flop = 0;        ///< of products, 2·m·n·k each
  uint64_t bytes = 0;       ///< read and written by all steps
  uint64_t casts = 0;       ///< cast nodes of the graph that it executes
  uint64_t castKernels = 0; ///< steps that do nothing but cast
  size_t arenaBytes = 0;    ///< size of the arena
  size_t peakLive = 0;      ///< most bytes of the arena live at one step
  /// Seconds that the device's rates allow at least, step by step; of products
  /// and of memory alone. 0 where the rates are not known.
  double limit = 0, productLimit = 0, memoryLimit = 0;
};

/// A planned function.
struct Program {
  std::string function;
  std::string device; ///< name of the traits it is planned for
  /// The numbers of the named sizes, in the order of the inputs.
  std::vector<std::pair<std::string, int64_t>> sizes;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  std::vector<Tensor> constants;
  /// Buffer of each input, output; kNoBuffer for an input that nothing reads.
  std::vector<uint32_t> inputs, outputs;
  /// What each cache entry holds, equal texts for equal values:
  /// `cast_float16(dense_1/kernel)`; and the variables it follows from.
  struct CacheEntry {
    std::string key;
    std::vector<uint32_t> variables;
    size_t bytes;
  };
  std::vector<CacheEntry> cache;
  /// Buffers to look at for a CallReport; kNoBuffer where there is none.
  uint32_t lossScale = kNoBuffer, finite = kNoBuffer;
  Totals totals;
};

/// The most rows of a product that is done as products with vectors.
inline constexpr int64_t kVectorRows = 4;
/// Whether a product is one that reads `b` as it is stored.
bool isVectorProduct(const Program &program, const Step &step);

/// Bits from one row of ReLU's mask to the next, for rows of n elements.
inline constexpr int64_t maskPitch(int64_t n) { return (n + 127) / 128 * 128; }

/// Where a product keeps its operands and result in float32, as byte offsets
/// into its scratch memory; absent where no conversion is needed. Large ones
/// are converted and multiplied block by block.
struct MatmulScratch {
  std::optional<size_t> a, b, c;
  size_t bytes = 0;
  /// Rows of `a` and of the result per block; 0: all of them.
  int64_t blockM = 0;
  /// Terms of the sums per block, rows of `a` (transposed) and mostly of `b`;
  /// 0: all of them. `c` then gathers the sums in float32.
  int64_t blockK = 0;
};
/// `multiplies16`: the device multiplies the operands' 16-bit type itself.
/// `cutsSums`: long sums over a transposed operand are cut into blocks of one
/// length, where a library would cut them by the number of threads.
MatmulScratch matmulScratch(const Program &program, const Step &step,
                            bool multiplies16, bool cutsSums);

/// Additions and multiplications of a product or convolution; 0 for others.
uint64_t flopOf(const Program &program, const Step &step);

/// The whole program as text, one step per line.
std::string toString(const Program &program);

} // namespace amprt

#endif // AMPRT_PROGRAM_H

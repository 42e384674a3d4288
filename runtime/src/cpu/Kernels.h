//===- Kernels.h - The kernels of the cpu device ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a kernel sees of its step, and one function per family. Kernels do not
// depend on the number of threads in any way but speed, except products.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CPU_KERNELS_H
#define AMPRT_CPU_KERNELS_H

#include "amprt/Device.h"

namespace amprt::cpu {

/// A step with the addresses of one call.
struct StepCall {
  const Program &program;
  const Step &step;
  const Bindings &bindings;

  void *address(uint32_t buffer) const {
    return addressOf(bindings, program, buffer);
  }
  const Buffer &operandBuffer(size_t i) const {
    return program.buffers[step.operands[i]];
  }
  const Buffer &resultBuffer(size_t i) const {
    return program.buffers[step.results[i]];
  }
  template <typename T = void> const T *operand(size_t i) const {
    return static_cast<const T *>(address(step.operands[i]));
  }
  template <typename T = void> T *result(size_t i) const {
    return static_cast<T *>(address(step.results[i]));
  }
  /// Elements of an operand or result.
  int64_t operandSize(size_t i) const {
    return elementCount(operandBuffer(i).dims);
  }
  int64_t resultSize(size_t i) const {
    return elementCount(resultBuffer(i).dims);
  }
};

/// Fewer elements than this are not worth a second thread.
inline constexpr int64_t kParallelElements = 1 << 15;

/// Zeroes the elements between the rows of a padded buffer.
void clearPadding(const Buffer &buffer, std::byte *memory);

void runElementwise(const StepCall &call);
void runReduce(const StepCall &call);
/// RowNorm and RowNormGrad.
void runRowNorm(const StepCall &call);
/// Moments and ChannelGrad.
void runChannels(const StepCall &call);
/// Pool and PoolGrad.
void runPool(const StepCall &call);
void runReduceGrad(const StepCall &call);
void runCumsum(const StepCall &call);
/// Transpose and Slice.
void runTranspose(const StepCall &call);
void runPad(const StepCall &call);
void runConcat(const StepCall &call);
void runSplit(const StepCall &call);
/// Fail where an index is out of range.
Status runGather(const StepCall &call);
Status runGatherGrad(const StepCall &call);
void runArgMax(const StepCall &call);
void runSoftmax(const StepCall &call);
void runSoftmaxGrad(const StepCall &call);
void runLoss(const StepCall &call);
void runLossGrad(const StepCall &call);
void runLossBoth(const StepCall &call);
void runAllFinite(const StepCall &call);
void runSumSquares(const StepCall &call);
void runLossScale(const StepCall &call);
void runOptimizer(const StepCall &call);

/// A product made ready for its shapes.
class Product {
public:
  virtual ~Product() = default;
  /// `scratch` has the bytes that scratchBytes() says.
  virtual Status run(const StepCall &call, void *scratch) = 0;
  virtual size_t scratchBytes() const = 0;
};
Result<std::unique_ptr<Product>> makeProduct(const Program &program,
                                             const Step &step);
/// What a product does for gradients, behind it.
void runGradientEpilogue(const StepCall &call);
/// Attention or its gradient; needs no scratch memory from outside.
Result<std::unique_ptr<Product>> makeAttention(const Step &step);
inline bool isAttention(Kernel kernel) {
  return kernel == Kernel::Attention || kernel == Kernel::AttentionGrad;
}
/// A convolution or one of its gradients; needs no scratch memory from outside.
Result<std::unique_ptr<Product>> makeConvolution(const Program &program,
                                                 const Step &step);
inline bool isConvolution(Kernel kernel) {
  return kernel == Kernel::Conv || kernel == Kernel::ConvInputGrad ||
         kernel == Kernel::ConvFilterGrad;
}
/// The CPU has instructions that multiply bfloat16, and oneDNN uses them.
bool canMultiplyBFloat16();
/// They are faster than converting to float32 and multiplying that.
bool multipliesBFloat16();

/// Opens the device; `threads` 0 takes all cores.
Result<std::unique_ptr<Device>> openCpu(int threads);

} // namespace amprt::cpu

#endif // AMPRT_CPU_KERNELS_H

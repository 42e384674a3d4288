//===- StepCode.h - One step, ready to be put into a stream -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A step of a Program with its kernels found and its numbers set. It is put
// into the stream with the addresses of a call; the same again while a graph is
// captured.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_STEPCODE_H
#define AMPRT_CUDA_STEPCODE_H

#include "Context.h"
#include "amprt/Device.h"
#include "kernels/Args.h"

namespace amprt::cuda {

/// A step with the addresses of one call.
struct StepCall {
  const Program &program;
  const Step &step;
  const Bindings &bindings;
  cudaStream_t stream;
  void *scratch;      ///< as many bytes as the largest step asks for
  const uint64_t *state; ///< on the device: calls before, session's seed
  uint64_t *fault;    ///< on the device: this step's first bad index

  void *address(uint32_t buffer) const {
    return addressOf(bindings, program, buffer);
  }
  const void *operand(size_t i) const { return address(step.operands[i]); }
  void *result(size_t i) const { return address(step.results[i]); }
  const unsigned char *condition() const {
    return step.condition == kNoBuffer
               ? nullptr
               : static_cast<const unsigned char *>(address(step.condition));
  }
};

class StepCode {
public:
  virtual ~StepCode() = default;
  /// Bytes of scratch memory that it uses.
  virtual size_t scratchBytes() const { return 0; }
  /// Called when the addresses are others than in the last call, never while a
  /// graph is captured.
  virtual Status bind(const StepCall &call) { return okStatus(); }
  virtual Status enqueue(const StepCall &call) = 0;
};

/// What a family needs to make a step ready.
struct StepContext {
  Context &context;
  const Program &program;
  const Step &step;

  const Buffer &operand(size_t i) const {
    return program.buffers[step.operands[i]];
  }
  const Buffer &result(size_t i) const {
    return program.buffers[step.results[i]];
  }
};
using MadeStep = Result<std::unique_ptr<StepCode>>;

MadeStep makeElementwise(const StepContext &step);
MadeStep makeUpdate(const StepContext &step);
MadeStep makeMatmul(const StepContext &step);
MadeStep makeAttention(const StepContext &step);
MadeStep makeReduce(const StepContext &step);
MadeStep makeRows(const StepContext &step);     ///< softmax and losses
MadeStep makeNorm(const StepContext &step);
MadeStep makeMove(const StepContext &step);
MadeStep makeGather(const StepContext &step);
MadeStep makeScan(const StepContext &step);
MadeStep makeImage(const StepContext &step);    ///< pooling, convolutions
/// By cuDNN; null where there is none, or it has no algorithm for the step.
MadeStep makeConvolution(const StepContext &step);
MadeStep makeLossScale(const StepContext &step);
/// By the step's kernel.
MadeStep makeStep(const StepContext &step);
/// False where the kernels' arguments have no room for the step.
bool hasCode(const Step &step, const Program &program);

/// The size of a launch.
struct Launch {
  unsigned gridX = 1, gridY = 1, blockX = amprt_kernels::kThreads, blockY = 1;
};
/// Every element has a thread, up to what keeps the device busy.
Launch launchFlat(const Context &context, int64_t count);
/// Groups of threads take rows: as many threads as a row has use for.
Launch launchRows(const Context &context, int64_t rows, int64_t size);

/// Puts a kernel with one struct of arguments into the stream.
template <typename Args>
Status launch(const Context &context, cudaKernel_t kernel, const Launch &size,
              cudaStream_t stream, const Args &args) {
  void *pointers[] = {const_cast<Args *>(&args)};
  AMPRT_CUDA(context.api(), cudaLaunchKernel,
             (reinterpret_cast<const void *>(kernel), dim3(size.gridX, size.gridY),
              dim3(size.blockX, size.blockY), pointers, 0, stream));
  return okStatus();
}

/// As the kernels number the types.
inline int typeOf(const Buffer &buffer) { return int(buffer.dtype); }
/// "_f64" where the registers are double, else "_f32"; "_int" for integers.
std::string suffixOf(DType dtype);
void setNest(amprt_kernels::Nest &nest, const Dims &sizes, const Dims &strides);

} // namespace amprt::cuda

#endif // AMPRT_CUDA_STEPCODE_H

//===- Trial.cpp - How long a call takes ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Between two events of the device, so that the host's part does not count.
//===----------------------------------------------------------------------===//

#include "Trial.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cuda;

Result<Memory> amprt::cuda::randomMemory(Context &context, size_t bytes) {
  const Api &api = context.api();
  AMPRT_ASSIGN_OR_RETURN(Memory memory, allocateDevice(api, bytes));
  std::vector<uint16_t> block(std::min<size_t>(bytes / 2 + 1, 1 << 19));
  uint32_t state = 1;
  for (uint16_t &number : block) {
    state = state * 1664525u + 1013904223u;
    // Between 1/8 and 1 in float16, small in bfloat16 and float32.
    number = uint16_t((state >> 16 & 0x8fff) | 0x3000);
  }
  size_t filled = std::min(bytes, block.size() * 2);
  AMPRT_CUDA(api, cudaMemcpyAsync,
             (memory.get(), block.data(), filled, cudaMemcpyHostToDevice,
              context.stream()));
  AMPRT_CUDA(api, cudaStreamSynchronize, (context.stream()));
  while (filled < bytes) {
    const size_t more = std::min(filled, bytes - filled);
    AMPRT_CUDA(api, cudaMemcpyAsync,
               (static_cast<std::byte *>(memory.get()) + filled, memory.get(),
                more, cudaMemcpyDeviceToDevice, context.stream()));
    filled += more;
  }
  return memory;
}

Result<Stopwatch> Stopwatch::create(Context &context) {
  AMPRT_ASSIGN_OR_RETURN(Event before, makeEvent(context.api(), true));
  AMPRT_ASSIGN_OR_RETURN(Event after, makeEvent(context.api(), true));
  return Stopwatch(context, std::move(before), std::move(after));
}

Result<float> Stopwatch::median(const std::function<Status()> &enqueue) {
  const Api &api = context->api();
  const cudaStream_t stream = context->stream();
  float times[5] = {};
  for (float &time : times) {
    AMPRT_CUDA(api, cudaEventRecord, (before.get(), stream));
    AMPRT_RETURN_IF_ERROR(enqueue());
    AMPRT_CUDA(api, cudaEventRecord, (after.get(), stream));
    AMPRT_CUDA(api, cudaEventSynchronize, (after.get()));
    AMPRT_CUDA(api, cudaEventElapsedTime, (&time, before.get(), after.get()));
  }
  std::sort(std::begin(times), std::end(times));
  return times[2];
}

//===- Emulator.cpp - Runs emulated kernels -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A thread that never waits at a barrier shows that none of its block does, so
// the others need no fiber.
//===----------------------------------------------------------------------===//

#include "Emulator.h"
#include "Emulation.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <ucontext.h>
#include <vector>

EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

namespace {

std::map<std::string, amprt::test::Emulated, std::less<>> &registry() {
  static std::map<std::string, amprt::test::Emulated, std::less<>> kernels;
  return kernels;
}

// A change of stacks. glibc's asks the system about signals each time, which
// takes ten times as long as the threads' work between two barriers.
#ifdef __x86_64__
struct Context {
  void *stack = nullptr;
};
extern "C" void amprtEmulatedSwitch(Context *from, const Context *to);
asm(".text\n.type amprtEmulatedSwitch, @function\n"
    "amprtEmulatedSwitch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n"
    "  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq (%rsi), %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n"
    "  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size amprtEmulatedSwitch, .-amprtEmulatedSwitch\n");
void switchTo(Context &from, const Context &to) {
  amprtEmulatedSwitch(&from, &to);
}
void prepare(Context &context, char *stack, size_t bytes, void (*entry)()) {
  // As behind a call: the stack is 8 bytes off a multiple of 16.
  auto **top = reinterpret_cast<void **>(
      (reinterpret_cast<uintptr_t>(stack) + bytes) / 16 * 16);
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(entry);
  for (int i = 0; i < 6; ++i)
    *--top = nullptr;
  context.stack = top;
}
#else
using Context = ucontext_t;
void switchTo(Context &from, const Context &to) { swapcontext(&from, &to); }
void prepare(Context &context, char *stack, size_t bytes, void (*entry)()) {
  getcontext(&context);
  context.uc_stack.ss_sp = stack;
  context.uc_stack.ss_size = bytes;
  context.uc_link = nullptr;
  makecontext(&context, entry, 0);
}
#endif

struct Fiber {
  Context context;
  std::unique_ptr<char[]> stack;
  bool done = false;
  unsigned barriers = 0;
};
constexpr size_t kStack = size_t(128) << 10;

struct Block {
  const amprt::test::Emulated *kernel = nullptr;
  const void *args = nullptr;
  std::vector<Fiber> fibers;
  Context scheduler;
  Fiber *current = nullptr; ///< null while threads run without fibers
  bool diverged = false;
} block;

void runFiber() {
  block.kernel->function(block.args);
  block.current->done = true;
  switchTo(block.current->context, block.scheduler);
}

void setThread(unsigned i) {
  threadIdx.x = i % blockDim.x;
  threadIdx.y = i / blockDim.x;
  threadIdx.z = 0;
}

void resume(unsigned i) {
  setThread(i);
  block.current = &block.fibers[i];
  switchTo(block.scheduler, block.current->context);
  block.current = nullptr;
}

void start(unsigned i) {
  Fiber &fiber = block.fibers[i];
  fiber.done = false;
  fiber.barriers = 0;
  if (!fiber.stack)
    fiber.stack = std::make_unique<char[]>(kStack);
  prepare(fiber.context, fiber.stack.get(), kStack, runFiber);
  resume(i);
}

void runBlock(unsigned threads) {
  if (block.fibers.size() < threads)
    block.fibers.resize(threads);
  start(0);
  if (block.fibers[0].done) {
    for (unsigned i = 1; i < threads; ++i) {
      setThread(i);
      block.kernel->function(block.args);
    }
    return;
  }
  for (unsigned i = 1; i < threads; ++i)
    start(i);
  for (bool more = true; more;) {
    more = false;
    // All are at a barrier or at the end: the same one for all.
    for (unsigned i = 0; i < threads; ++i) {
      block.diverged |= block.fibers[i].barriers != block.fibers[0].barriers ||
                        block.fibers[i].done != block.fibers[0].done;
    }
    for (unsigned i = 0; i < threads; ++i)
      if (!block.fibers[i].done) {
        resume(i);
        more |= !block.fibers[i].done;
      }
  }
}

} // namespace

amprt_kernels::EmulatedKernel::EmulatedKernel(const char *name,
                                              EmulatedFunction function,
                                              size_t argBytes) {
  registry()[name] = {function, argBytes};
}

extern "C" void amprtEmulatedBarrier() {
  if (!block.current) {
    block.diverged = true; // the first thread came to none
    return;
  }
  ++block.current->barriers;
  switchTo(block.current->context, block.scheduler);
}

amprt::test::Emulated amprt::test::findEmulated(std::string_view name) {
  auto found = registry().find(name);
  return found == registry().end() ? Emulated() : found->second;
}

bool amprt::test::runEmulated(const Emulated &kernel, const LaunchSize &size,
                              const void *args) {
  block.kernel = &kernel;
  block.args = args;
  block.diverged = false;
  gridDim = {size.gridX, size.gridY, 1};
  blockDim = {size.blockX, size.blockY, 1};
  for (unsigned y = 0; y < size.gridY; ++y)
    for (unsigned x = 0; x < size.gridX; ++x) {
      blockIdx = {x, y, 0};
      runBlock(size.blockX * size.blockY);
    }
  return !block.diverged;
}

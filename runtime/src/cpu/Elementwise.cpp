//===- Elementwise.cpp - Fused element-wise steps -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Interprets the expression of a step block by block: every instruction runs
// over a few hundred elements that stay in the first-level cache, so memory is
// read and written once however long the expression is.
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "ScalarLoops.h"
#include "amprt/Philox.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::cpu;

namespace {

constexpr int64_t kBlock = 512;

/// Walks over one operand in the order of the loop nest.
struct Walk {
  const Dims &loops;
  const Dims &strides;
  bool isDense = false; ///< elements lie in the order of the loops

  static bool liesDense(const Dims &loops, const Dims &strides) {
    int64_t expected = 1;
    for (size_t i = loops.size(); i-- > 0;) {
      if (strides[i] != expected)
        return false;
      expected *= loops[i];
    }
    return true;
  }
  bool isUniform() const {
    return std::all_of(strides.begin(), strides.end(),
                       [](int64_t s) { return s == 0; });
  }
  /// The same elements in every run of the innermost loop, which is short and
  /// not the only one: of that a block may be more than there is to read.
  bool isPeriodic() const {
    return loops.size() > 1 && loops.back() <= kBlock &&
           std::all_of(strides.begin(), strides.end() - 1,
                       [](int64_t s) { return s == 0; });
  }
  /// Calls `visit(offset, stride, run)` for the runs of `count` elements from
  /// flat index `start`.
  template <typename F>
  void forEachRun(int64_t start, int64_t count, F visit) const {
    if (loops.empty())
      return visit(int64_t(0), int64_t(0), count);
    if (isDense)
      return visit(start, int64_t(1), count);
    int64_t inner = loops.back(), stride = strides.back();
    int64_t at = start % inner, row = start / inner;
    while (count > 0) {
      int64_t offset = at * stride, rest = row;
      for (size_t i = loops.size() - 1; i-- > 0;) {
        offset += rest % loops[i] * strides[i];
        rest /= loops[i];
      }
      int64_t run = std::min(count, inner - at);
      visit(offset, stride, run);
      count -= run;
      at = 0;
      ++row;
    }
  }
  /// The offset of `count` elements that lie one behind the other, or nothing.
  std::optional<int64_t> contiguous(int64_t start, int64_t count) const {
    if (loops.empty())
      return 0;
    if (isDense)
      return start;
    if (strides.back() != 1 || start % loops.back() + count > loops.back())
      return std::nullopt;
    std::optional<int64_t> found;
    forEachRun(start, count,
               [&](int64_t offset, int64_t, int64_t) { found = offset; });
    return found;
  }
};

class Interpreter {
public:
  explicit Interpreter(const StepCall &call)
      : call(call), code(call.step.expression), p(call.step.params) {
    for (const Dims &strides : p.strides)
      dense.push_back(Walk::liesDense(p.loops, strides));
    // Whole runs of the innermost loop, where an operand repeats with them.
    for (const Instr &instr : code)
      if (instr.op == ScalarOp::Load && walk(size_t(instr.a)).isPeriodic())
        block = kBlock / p.loops.back() * p.loops.back();
    for (const Instr &instr : code) {
      registerAt.push_back(bytes);
      // One cache line more, so that registers do not share cache sets.
      bytes += kBlock * registerBytes(registerClass(instr.dtype)) + 64;
      bool uniform = true;
      RunFunction function = nullptr;
      if (instr.op == ScalarOp::Load) {
        Walk from = walk(size_t(instr.a));
        uniform = from.isUniform() || from.isPeriodic();
      } else if (instr.op == ScalarOp::Random) {
        uniform = false; // its operands are, and have no loop of their own
      } else if (instr.op != ScalarOp::Const && instr.op != ScalarOp::Call) {
        for (int32_t operand : {instr.a, instr.b, instr.c})
          uniform &= operand < 0 || isUniform[operand];
        int32_t typed = instr.op == ScalarOp::Where ? instr.b : instr.a;
        function = runFunction(instr.op, registerClass(code[typed].dtype));
      }
      isUniform.push_back(uniform);
      functions.push_back(function);
    }
  }

  /// Elements [begin, end) of the result; `begin` is a multiple of `block`.
  void run(int64_t begin, int64_t end) const;
  int64_t block = kBlock;

private:
  Walk walk(size_t tensor) const {
    return {p.loops, p.strides[tensor], dense[tensor]};
  }
  const void *load(const Instr &instr, std::byte *to, int64_t start,
                   int64_t count) const;
  void evaluate(size_t i, void *to, std::vector<const void *> &values,
                int64_t start, int64_t count) const;
  void fillRandom(float *to, int64_t seed, int64_t node, int64_t step,
                  int64_t start, int64_t count) const;

  const StepCall &call;
  const Expression &code;
  const StepParams &p;
  std::vector<size_t> registerAt;
  std::vector<bool> dense;     ///< by operand, then the result
  std::vector<bool> isUniform; ///< the same in every block
  std::vector<RunFunction> functions;
  size_t bytes = 0;
};

} // namespace

const void *Interpreter::load(const Instr &instr, std::byte *to, int64_t start,
                              int64_t count) const {
  const auto *memory = call.operand<std::byte>(size_t(instr.a));
  size_t size = amp::dtypeSize(instr.dtype);
  Walk from = walk(size_t(instr.a));
  bool direct = instr.dtype == DType::Float32 ||
                instr.dtype == DType::Float64 || instr.dtype == DType::Int64;
  if (direct && !from.isUniform())
    if (auto offset = from.contiguous(start, count))
      return memory + *offset * int64_t(size);
  size_t step = registerBytes(registerClass(instr.dtype));
  from.forEachRun(
      start, count, [&](int64_t offset, int64_t stride, int64_t run) {
        loadRun(to, memory + offset * int64_t(size), instr.dtype, stride, run);
        to += size_t(run) * step;
      });
  return nullptr;
}

void Interpreter::evaluate(size_t i, void *to,
                           std::vector<const void *> &values, int64_t start,
                           int64_t count) const {
  const Instr &instr = code[i];
  if (instr.op == ScalarOp::Call)
    return std::fill_n(static_cast<int64_t *>(to), count,
                       int64_t(call.bindings.call)),
           void();
  if (instr.op == ScalarOp::Const) {
    switch (registerClass(instr.dtype)) {
    case RegisterClass::F32:
      std::fill_n(static_cast<float *>(to), count, float(instr.imm));
      return;
    case RegisterClass::F64:
      std::fill_n(static_cast<double *>(to), count, instr.imm);
      return;
    case RegisterClass::I64:
      std::fill_n(static_cast<int64_t *>(to), count, int64_t(instr.imm));
      return;
    }
  }
  auto value = [&](int32_t operand) {
    return operand < 0 ? nullptr : values[operand];
  };
  if (instr.op == ScalarOp::Random) {
    auto first = [&](int32_t operand) {
      return *static_cast<const int64_t *>(value(operand));
    };
    return fillRandom(static_cast<float *>(to), first(instr.a), first(instr.b),
                      first(instr.c), start, count);
  }
  if (instr.op == ScalarOp::Cast)
    return castRun(to, instr.dtype, value(instr.a), code[instr.a].dtype, count);
  functions[i](to, value(instr.a), value(instr.b), value(instr.c), count,
               instr.imm);
  if (amp::isInteger(instr.dtype) && instr.dtype != DType::Int64)
    wrapRun(static_cast<int64_t *>(to), instr.dtype, count);
}

/// Elements [start, start + count) of the stream of a node in a call.
void Interpreter::fillRandom(float *to, int64_t seed, int64_t node,
                             int64_t step, int64_t start, int64_t count) const {
  uint64_t mixed = mixSeeds(uint64_t(seed), call.bindings.seed);
  for (int64_t i = 0; i < count;) {
    int64_t element = start + i;
    Philox4 words = philoxBlock(mixed, uint64_t(element) / 4, uint32_t(step),
                                uint32_t(node));
    for (int64_t word = element % 4; word < 4 && i < count; ++word, ++i)
      to[i] = float(philoxUniform(words[size_t(word)]));
  }
}

void Interpreter::run(int64_t begin, int64_t end) const {
  AlignedBytes registers = allocateAligned(bytes);
  std::vector<const void *> values(code.size(), nullptr);
  std::vector<bool> ready(code.size(), false);
  const Buffer &result = call.resultBuffer(0);
  auto *memory = call.result<std::byte>(0);
  auto size = int64_t(amp::dtypeSize(result.dtype));
  Walk out = walk(p.strides.size() - 1);
  bool direct = result.dtype == DType::Float32 ||
                result.dtype == DType::Float64 || result.dtype == DType::Int64;
  for (int64_t start = begin; start < end; start += block) {
    int64_t count = std::min(block, end - start);
    for (size_t i = 0; i < code.size(); ++i) {
      if (ready[i])
        continue;
      std::byte *own = registers.get() + registerAt[i];
      const Instr &instr = code[i];
      bool last = i + 1 == code.size();
      if (instr.op == ScalarOp::Load) {
        const void *inPlace =
            load(instr, own, start, isUniform[i] ? block : count);
        values[i] = inPlace ? inPlace : own;
      } else if (auto offset = last && direct && !isUniform[i]
                                   ? out.contiguous(start, count)
                                   : std::nullopt) {
        void *to = memory + *offset * size;
        evaluate(i, to, values, start, count);
        values[i] = to;
      } else {
        evaluate(i, own, values, start, isUniform[i] ? block : count);
        values[i] = own;
      }
      ready[i] = isUniform[i];
    }
    const auto *value = static_cast<const std::byte *>(values.back());
    auto step = int64_t(registerBytes(registerClass(result.dtype)));
    out.forEachRun(start, count, [&](int64_t offset, int64_t, int64_t run) {
      std::byte *to = memory + offset * size;
      if (to != value)
        storeRun(to, result.dtype, value, run);
      value += run * step;
    });
  }
}

void amprt::cpu::clearPadding(const Buffer &buffer, std::byte *memory) {
  if (buffer.isDense())
    return;
  auto size = int64_t(amp::dtypeSize(buffer.dtype));
  int64_t used = buffer.dims.back() * size, pitch = buffer.pitch * size;
  for (int64_t row = 0, rows = buffer.rows(); row < rows; ++row)
    std::memset(memory + row * pitch + used, 0, size_t(pitch - used));
}

void amprt::cpu::runElementwise(const StepCall &call) {
  int64_t count = call.resultSize(0);
  if (count == 0)
    return;
  Interpreter interpreter(call);
  if (count < kParallelElements) {
    interpreter.run(0, count);
  } else {
    // Parts are whole blocks, so that what a block holds does not depend on
    // the number of threads.
    int64_t block = interpreter.block;
    int64_t blocks = (count + block - 1) / block;
    int64_t parts = std::min<int64_t>(blocks, 64);
#pragma omp parallel for schedule(static)
    for (int64_t part = 0; part < parts; ++part)
      interpreter.run(std::min(count, blocks * part / parts * block),
                      std::min(count, blocks * (part + 1) / parts * block));
  }
  clearPadding(call.resultBuffer(0), call.result<std::byte>(0));
}

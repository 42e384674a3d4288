//===- AttentionScore.cpp - What happens to scores ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Most expressions are a factor and a causal mask; the factor goes into the
// product and the mask into its sizes. The rest is interpreted in blocks.
//===----------------------------------------------------------------------===//

#include "AttentionScore.h"
#include "ScalarLoops.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cpu;

ScoreFunction::ScoreFunction(const Step &step, const Expression &code,
                             bool causal)
    : code(code), p(step.params) {
  findFactor(step, causal);
}

void ScoreFunction::findFactor(const Step &step, bool causal) {
  auto isConst = [&](int32_t i) {
    return code[size_t(i)].op == ScalarOp::Const;
  };
  // The mask that makes the step causal; the gradient has the same one.
  const Instr &masked = step.expression.back();
  uint32_t condition = kNoBuffer;
  bool fillsWhereFalse = false;
  if (causal && masked.op == ScalarOp::Where) {
    condition = step.operands[size_t(step.expression[size_t(masked.a)].a)];
    fillsWhereFalse = step.expression[size_t(masked.c)].op == ScalarOp::Const;
  }
  double factor = 1;
  auto at = int32_t(code.size()) - 1;
  while (true) {
    const Instr &instr = code[size_t(at)];
    if (instr.op == ScalarOp::Load && instr.a == 0)
      break;
    if (instr.op == ScalarOp::Cast && instr.dtype == DType::Float32) {
      at = instr.a;
    } else if (instr.op == ScalarOp::Mul && isConst(instr.b)) {
      factor *= code[size_t(instr.b)].imm;
      at = instr.a;
    } else if (instr.op == ScalarOp::Mul && isConst(instr.a)) {
      factor *= code[size_t(instr.a)].imm;
      at = instr.b;
    } else if (instr.op == ScalarOp::Div && isConst(instr.b)) {
      factor /= code[size_t(instr.b)].imm;
      at = instr.a;
    } else if (instr.op == ScalarOp::Where && condition != kNoBuffer &&
               code[size_t(instr.a)].op == ScalarOp::Load &&
               step.operands[size_t(code[size_t(instr.a)].a)] == condition &&
               isConst(fillsWhereFalse ? instr.c : instr.b)) {
      at = fillsWhereFalse ? instr.b : instr.c;
    } else {
      return;
    }
  }
  factorOnly = true;
  scale = float(factor);
}

void ScoreFunction::apply(const StepCall &call, const ScoreRow &at,
                          float *scores, std::byte *registers) const {
  std::vector<const void *> values(code.size());
  for (int64_t from = 0; from < at.columns; from += kBlock) {
    int64_t count = std::min(kBlock, at.columns - from);
    for (size_t i = 0; i < code.size(); ++i) {
      const Instr &instr = code[i];
      void *own = registers + i * kBytes;
      values[i] = own;
      switch (instr.op) {
      case ScalarOp::Load: {
        if (instr.a == 0) {
          values[i] = scores + from;
          break;
        }
        const Buffer &buffer = call.operandBuffer(size_t(instr.a));
        const Dims &strides = p.strides[size_t(instr.a)];
        size_t loops = p.loops.size();
        int64_t column = strides[loops + 1];
        int64_t offset = at.row * strides[loops] + from * column;
        for (size_t l = 0; l < loops; ++l)
          offset += at.batch[l] * strides[l];
        loadRun(own,
                call.operand<std::byte>(size_t(instr.a)) +
                    offset * int64_t(amp::dtypeSize(buffer.dtype)),
                buffer.dtype, column, count);
        break;
      }
      case ScalarOp::Const:
        if (registerClass(instr.dtype) == RegisterClass::I64)
          std::fill_n(static_cast<int64_t *>(own), count, int64_t(instr.imm));
        else
          std::fill_n(static_cast<float *>(own), count, float(instr.imm));
        break;
      case ScalarOp::Cast:
        castRun(own, instr.dtype, values[size_t(instr.a)],
                code[size_t(instr.a)].dtype, count);
        break;
      default: {
        auto value = [&](int32_t operand) {
          return operand < 0 ? nullptr : values[size_t(operand)];
        };
        int32_t typed = instr.op == ScalarOp::Where ? instr.b : instr.a;
        runFunction(instr.op, registerClass(code[size_t(typed)].dtype))(
            own, value(instr.a), value(instr.b), value(instr.c), count,
            instr.imm);
        if (amp::isInteger(instr.dtype) && instr.dtype != DType::Int64)
          wrapRun(static_cast<int64_t *>(own), instr.dtype, count);
      }
      }
    }
    if (values.back() != scores + from)
      std::copy_n(static_cast<const float *>(values.back()), count,
                  scores + from);
  }
}

//===- FlatExpression.cpp - Expressions over tensors of one size ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Block by block, one instruction after the other; what follows from scalars
// alone is computed once.
//===----------------------------------------------------------------------===//

#include "FlatExpression.h"
#include "Convert.h"
#include "ScalarLoops.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::cpu;

FlatExpression::FlatExpression(const StepCall &call, const Expression &code)
    : code(code), memory(code.size()), uniform(code.size()),
      constants(registerFloats()) {
  const float *values[kLongest] = {};
  for (size_t i = 0; i < code.size(); ++i) {
    const Instr &instr = code[i];
    if (instr.op == ScalarOp::Load) {
      memory[i] = call.operand(size_t(instr.a));
      uniform[i] = call.operandSize(size_t(instr.a)) == 1;
    } else {
      uniform[i] = true;
      for (int32_t operand : {instr.a, instr.b, instr.c})
        if (operand >= 0 && !uniform[size_t(operand)])
          uniform[i] = false;
    }
    if (!uniform[i])
      continue;
    float *to = constants.data() + i * size_t(kBlock);
    const float *first = step(i, values, 0, 1, to);
    std::fill_n(to, kBlock, *first);
    values[i] = to;
  }
}

const float *FlatExpression::step(size_t i,
                                  const float *const *values,
                                  int64_t begin, int64_t count,
                                  float *to) const {
  const Instr &instr = code[i];
  switch (instr.op) {
  case ScalarOp::Load: {
    if (instr.dtype == DType::Float32)
      return static_cast<const float *>(memory[i]) + begin;
    toFloats(to, static_cast<const uint16_t *>(memory[i]) + begin, instr.dtype,
             count);
    return to;
  }
  case ScalarOp::Const:
    std::fill_n(to, count, float(instr.imm));
    return to;
  case ScalarOp::Cast:
    castRun(to, instr.dtype, values[size_t(instr.a)],
            code[size_t(instr.a)].dtype, count);
    return to;
  default: {
    auto value = [&](int32_t operand) -> const void * {
      return operand < 0 ? nullptr : values[size_t(operand)];
    };
    runFunction(instr.op, RegisterClass::F32)(
        to, value(instr.a), value(instr.b), value(instr.c), count, instr.imm);
    return to;
  }
  }
}

const float *FlatExpression::evaluate(int64_t begin, int64_t count,
                                      float *registers) const {
  if (code.size() == 1 && code[0].dtype == DType::Float32 && !uniform[0])
    return static_cast<const float *>(memory[0]) + begin;
  const float *values[kLongest];
  for (size_t i = 0; i < code.size(); ++i)
    values[i] = uniform[i] ? constants.data() + i * size_t(kBlock)
                           : step(i, values, begin, count,
                                  registers + i * size_t(kBlock));
  return values[code.size() - 1];
}

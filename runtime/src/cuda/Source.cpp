//===- Source.cpp - Sources of fused kernels ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One line per instruction, in the order of the expression. Numbers are printed
// as their bits.
//===----------------------------------------------------------------------===//

#include "Source.h"

#include "amprt/Half.h"

#include <algorithm>
#include <cstring>
#include <functional>

using namespace amprt;
using namespace amprt::cuda;

namespace {

enum class Class : uint8_t { Float, Double, Int };

Class classOf(DType dtype) {
  if (dtype == DType::Float64)
    return Class::Double;
  return amp::isFloating(dtype) ? Class::Float : Class::Int;
}
const char *typeOf(Class c) {
  return c == Class::Float ? "float" : c == Class::Double ? "double" : "i64";
}
/// The name that kernels/Args.h gives the type.
const char *codeOf(DType dtype) {
  static constexpr const char *names[] = {"F16", "BF16", "F32", "F64", "I8",
                                          "U8",  "I32",  "I64", "Bool"};
  return names[size_t(dtype)];
}

std::string constant(double value, Class c) {
  char text[64];
  if (c == Class::Float) {
    std::snprintf(text, sizeof text, "bitsFloat(0x%08xu)",
                  floatBits(float(value)));
  } else if (c == Class::Double) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    std::snprintf(text, sizeof text, "bitsDouble(0x%016llxull)",
                  (unsigned long long)bits);
  } else {
    // The smallest integer has no literal of its own.
    std::snprintf(text, sizeof text, "i64(0x%016llxull)",
                  (unsigned long long)int64_t(value));
  }
  return text;
}

/// The lines that compute `v0`, `v1`, …; `load(operand)` gives the expression
/// that loads it.
std::string instructions(const Expression &code, const std::string &indent,
                         const std::function<std::string(const Instr &)> &load,
                         const std::string &element) {
  std::string text;
  auto value = [](int32_t at) { return "v" + std::to_string(at); };
  for (size_t i = 0; i < code.size(); ++i) {
    const Instr &instr = code[i];
    Class c = classOf(instr.dtype);
    std::string right;
    switch (instr.op) {
    case ScalarOp::Load:
      right = load(instr);
      break;
    case ScalarOp::Const:
      right = constant(instr.imm, c);
      break;
    case ScalarOp::Call:
      right = "i64(a.state[0])";
      break;
    case ScalarOp::Random:
      right = "randomUniform(" + value(instr.a) + ", " + value(instr.b) + ", " +
              value(instr.c) + ", " + element + ", a.state[1])";
      break;
    case ScalarOp::Cast:
      if (c == Class::Double)
        right = "castDouble(" + value(instr.a) + ")";
      else
        right = std::string(c == Class::Float ? "castFloat(" : "castInt(") +
                value(instr.a) + ", " + codeOf(instr.dtype) + ")";
      break;
    default: {
      // Float operands of a double operation are made wide first.
      right = "op_" + std::string(scalarOpName(instr.op)) + "(";
      bool first = true;
      int32_t typed = instr.op == ScalarOp::Where ? instr.b : instr.a;
      Class of = classOf(code[size_t(typed)].dtype);
      for (int32_t operand : {instr.a, instr.b, instr.c}) {
        if (operand < 0)
          continue;
        bool isFlag = instr.op == ScalarOp::Where && first;
        right += (first ? "" : ", ") +
                 (isFlag ? value(operand)
                         : std::string(typeOf(of)) + "(" + value(operand) + ")");
        first = false;
      }
      if (instr.op == ScalarOp::Elu || instr.op == ScalarOp::LeakyRelu)
        right += ", " + constant(instr.imm, of);
      right += ")";
      if (c == Class::Int && instr.dtype != DType::Int64)
        right = "wrapTo(" + right + ", " + codeOf(instr.dtype) + ")";
    }
    }
    text += indent + typeOf(c) + " " + value(int32_t(i)) + " = " + right + ";\n";
  }
  return text;
}

constexpr const char *kHead = "using namespace amprt_kernels;\n";

} // namespace

std::string amprt::cuda::elementwiseSource(const Program &program,
                                           const Step &step) {
  const StepParams &p = step.params;
  const DType out = program.buffers[step.results[0]].dtype;
  std::string text = "#include \"Scalar.cuh\"\n" + std::string(kHead) +
                     "AMPRT_KERNEL(fused, ElementwiseArgs) {\n";
  if (step.condition != kNoBuffer)
    text += "  if (!*a.condition)\n    return;\n";
  text += "  for (i64 at = firstIndex(); at < a.count; at += indexStep()) {\n";
  // The place in an operand, by how its strides look.
  const size_t rank = p.loops.size(), operands = step.operands.size();
  auto strides = [&](size_t operand) -> const Dims & {
    return p.strides[operand];
  };
  auto isUniform = [&](size_t operand) {
    return std::all_of(strides(operand).begin(), strides(operand).end(),
                       [](int64_t s) { return s == 0; });
  };
  auto isDense = [&](size_t operand) {
    return rank == 1 && strides(operand)[0] == 1;
  };
  for (size_t i = 0; i < rank; ++i)
    if (rank > 1)
      text += "    i64 i" + std::to_string(rank - 1 - i) + " = " +
              (i == 0 ? "at" : "rest" + std::to_string(i - 1)) +
              (i + 1 < rank ? " % a.size[" + std::to_string(rank - 1 - i) + "]"
                            : "") +
              ";\n" +
              (i + 1 < rank ? "    i64 rest" + std::to_string(i) + " = " +
                                  (i == 0 ? "at" : "rest" + std::to_string(i - 1)) +
                                  " / a.size[" + std::to_string(rank - 1 - i) +
                                  "];\n"
                            : "");
  auto place = [&](size_t operand) -> std::string {
    if (rank == 0 || isUniform(operand))
      return "0";
    if (isDense(operand))
      return "at";
    std::string sum;
    for (size_t i = 0; i < rank; ++i) {
      if (strides(operand)[i] == 0)
        continue;
      sum += (sum.empty() ? "" : " + ") +
             (rank > 1 ? "i" + std::to_string(i) : std::string("at"));
      if (strides(operand)[i] != 1)
        sum += " * a.stride[" + std::to_string(operand) + "][" +
               std::to_string(i) + "]";
    }
    return sum;
  };
  text += instructions(
      step.expression, "    ",
      [&](const Instr &instr) {
        return "load<" + std::string(typeOf(classOf(instr.dtype))) +
               ">(a.operand[" + std::to_string(instr.a) + "], " +
               codeOf(instr.dtype) + ", " + place(size_t(instr.a)) + ")";
      },
      "at");
  text += "    store(a.result, " + std::string(codeOf(out)) + ", " +
          place(operands) + ", " + typeOf(classOf(out)) + "(v" +
          std::to_string(step.expression.size() - 1) + "));\n  }\n}\n";
  return text;
}

UpdateSource amprt::cuda::updateSource(const Program &program,
                                       const Step &step) {
  UpdateSource source;
  std::vector<std::string> cases;
  const bool checks = step.kernel == Kernel::AllFinite;
  for (const Part &part : step.parts) {
    // Operands by their order in this part; equal texts are one case.
    std::vector<uint32_t> operands;
    std::string body = instructions(
        part.gradient, "      ",
        [&](const Instr &instr) {
          auto found = std::find(operands.begin(), operands.end(),
                                 uint32_t(instr.a));
          size_t number = size_t(found - operands.begin());
          if (found == operands.end())
            operands.push_back(uint32_t(instr.a));
          const Buffer &buffer = program.buffers[step.operands[size_t(instr.a)]];
          return "load<" + std::string(typeOf(classOf(instr.dtype))) +
                 ">(p.operand[" + std::to_string(number) + "], " +
                 codeOf(instr.dtype) + ", " +
                 (elementCount(buffer.dims) == 1 ? "0" : "i") + ")";
        },
        "i");
    std::string last = "v" + std::to_string(part.gradient.size() - 1);
    body += "      return " + (checks ? "op_is_finite(" + last + ")" : last) +
            ";\n";
    size_t kind = size_t(std::find(cases.begin(), cases.end(), body) -
                         cases.begin());
    if (kind == cases.size())
      cases.push_back(std::move(body));
    source.kinds.push_back(int(kind));
    source.operands.push_back(std::move(operands));
  }
  source.text = "#include \"Update.cuh\"\n" + std::string(kHead) +
                "struct Gradient {\n  static __device__ " +
                (checks ? "bool" : "float") +
                " at(const UpdatePart &p, i64 i) {\n    switch (p.kind) {\n";
  for (size_t i = 0; i < cases.size(); ++i)
    source.text += (i + 1 == cases.size()
                        ? std::string("    default: {\n")
                        : "    case " + std::to_string(i) + ": {\n") +
                   cases[i] + "    }\n";
  source.text += "    }\n  }\n};\nAMPRT_KERNEL(fused, UpdateArgs) { ";
  if (checks) {
    source.text += "checkFinite<Gradient>(a); }\n";
  } else {
    const char *rule = step.kernel == Kernel::ApplySgd        ? "Sgd"
                       : step.kernel == Kernel::ApplyMomentum ? "Momentum"
                       : step.kernel == Kernel::ApplyRmsprop  ? "Rmsprop"
                                                              : "Adam";
    source.text +=
        "applyUpdate<" + std::string(rule) + ", Gradient>(a); }\n";
  }
  return source;
}

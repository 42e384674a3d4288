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

} // namespace

std::string amprt::cuda::typeCode(DType dtype) { return codeOf(dtype); }

std::string amprt::cuda::registerType(DType dtype) {
  return typeOf(classOf(dtype));
}

std::string amprt::cuda::instructionLines(
    const Expression &code, const std::string &indent,
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

static constexpr const char *kHead = "using namespace amprt_kernels;\n";

/// Along the one loop of a step.
static bool isDense(const StepParams &p, size_t operand) {
  return p.loops.size() == 1 && p.strides[operand][0] == 1;
}
static bool isUniform(const StepParams &p, size_t operand) {
  return std::all_of(p.strides[operand].begin(), p.strides[operand].end(),
                     [](int64_t s) { return s == 0; });
}

int amprt::cuda::vectorWidth(const Program &program, const Step &step) {
  const StepParams &p = step.params;
  size_t least = amp::dtypeSize(program.buffers[step.results[0]].dtype);
  if (!isDense(p, step.operands.size()))
    return 1;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    if (isUniform(p, i))
      continue;
    if (!isDense(p, i))
      return 1;
    least = std::min(least, amp::dtypeSize(program.buffers[step.operands[i]].dtype));
  }
  return int(std::min<size_t>(16 / least, 8));
}

namespace {

/// Where an element of an operand, or of the result, lies.
std::string placeIn(const StepParams &p, size_t operand) {
  const size_t rank = p.loops.size();
  if (rank == 0 || isUniform(p, operand))
    return "0";
  if (isDense(p, operand))
    return "at";
  std::string sum;
  for (size_t i = 0; i < rank; ++i) {
    if (p.strides[operand][i] == 0)
      continue;
    sum += (sum.empty() ? "" : " + ") +
           (rank > 1 ? "i" + std::to_string(i) : std::string("at"));
    if (p.strides[operand][i] != 1)
      sum += " * a.stride[" + std::to_string(operand) + "][" +
             std::to_string(i) + "]";
  }
  return sum;
}

/// The indices along several loops, from the number of the element.
std::string indexLines(size_t rank) {
  std::string text, rest = "at";
  for (size_t i = rank; rank > 1 && i-- > 0;) {
    const std::string number = std::to_string(i);
    const std::string size = "a.size[" + number + "]";
    text += "    i64 i" + number + " = " + rest +
            (i ? " % " + size : "") + ";\n";
    if (i)
      text += "    i64 rest" + number + " = " + rest + " / " + size + ";\n";
    rest = "rest" + number;
  }
  return text;
}

} // namespace

std::string amprt::cuda::elementwiseSource(const Program &program,
                                           const Step &step) {
  const StepParams &p = step.params;
  const DType out = program.buffers[step.results[0]].dtype;
  std::string text = "#include \"Scalar.cuh\"\n" + std::string(kHead) +
                     "AMPRT_KERNEL(fused, ElementwiseArgs) {\n";
  if (step.condition != kNoBuffer)
    text += "  if (!*a.condition)\n    return;\n";
  const size_t operands = step.operands.size();
  const int width = vectorWidth(program, step);
  auto dtypeOf = [&](size_t operand) {
    return operand < operands ? program.buffers[step.operands[operand]].dtype
                              : out;
  };
  // `from` gives the memory of an operand, `at` the element in it.
  auto body = [&](const std::string &indent, auto &&from, auto &&at) {
    std::string lines = instructionLines(
        step.expression, indent,
        [&](const Instr &instr) {
          return "load<" + registerType(instr.dtype) + ">(" +
                 from(size_t(instr.a)) + ", " + typeCode(instr.dtype) + ", " +
                 at(size_t(instr.a)) + ")";
        },
        "at");
    return lines + indent + "store(" + from(operands) + ", " + typeCode(out) +
           ", " + at(operands) + ", " + registerType(out) + "(v" +
           std::to_string(step.expression.size() - 1) + "));\n";
  };
  auto inMemory = [&](size_t operand) {
    return operand < operands
               ? "a.operand[" + std::to_string(operand) + "]"
               : std::string("a.result");
  };
  std::string first = "firstIndex()";
  if (width > 1) {
    // Vectors of 16 bytes, a few elements of each operand at a time.
    const std::string count = std::to_string(width);
    auto bytes = [&](size_t operand) {
      return std::to_string(width * int(amp::dtypeSize(dtypeOf(operand))));
    };
    auto vector = [](size_t operand) {
      return "p" + std::to_string(operand);
    };
    text += "  i64 whole = a.aligned ? a.count / " + count +
            " : 0;\n  for (i64 group = firstIndex(); group < whole; group += "
            "indexStep()) {\n";
    for (size_t i = 0; i <= operands; ++i)
      if (i == operands || !isUniform(p, i))
        text += "    alignas(16) unsigned char " + vector(i) + "[" + bytes(i) +
                "];\n" +
                (i < operands ? "    loadBytes<" + bytes(i) + ">(" + vector(i) +
                                    ", " + inMemory(i) + ", group);\n"
                              : "");
    text += "#pragma unroll\n    for (int j = 0; j < " + count +
            "; ++j) {\n      i64 at = group * " + count + " + j;\n" +
            body(
                "      ",
                [&](size_t i) {
                  return i < operands && isUniform(p, i) ? inMemory(i)
                                                         : vector(i);
                },
                [&](size_t i) -> std::string {
                  return i < operands && isUniform(p, i) ? "0" : "j";
                }) +
            "    }\n    storeBytes<" + bytes(operands) + ">(a.result, " +
            vector(operands) + ", group);\n  }\n";
    first = "whole * " + count + " + firstIndex()";
  }
  return text + "  for (i64 at = " + first +
         "; at < a.count; at += indexStep()) {\n" +
         indexLines(p.loops.size()) +
         body("    ", inMemory,
              [&](size_t operand) { return placeIn(p, operand); }) +
         "  }\n}\n";
}

UpdateSource amprt::cuda::updateSource(const Program &program,
                                       const Step &step) {
  UpdateSource source;
  std::vector<std::string> cases;
  const bool checks = step.kernel == Kernel::AllFinite;
  for (const Part &part : step.parts) {
    // Operands by their order in this part; equal texts are one case.
    std::vector<uint32_t> operands;
    std::string body = instructionLines(
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
  } else if (step.kernel == Kernel::SumSquares) {
    source.text += "sumSquares<Gradient>(a); }\nAMPRT_KERNEL(sum_parts, "
                   "UpdateArgs) { sumParts(a); }\n";
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

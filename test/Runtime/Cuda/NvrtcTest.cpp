//===- NvrtcTest.cpp - Every kernel compiles for every GPU ----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// NVRTC needs no GPU: the sources of fused kernels and the kernels of the
// build, for sm_75, sm_80 and sm_90, without any header of the toolkit. What
// ptxas says of registers and shared memory stays within bounds: a block of 256
// threads must fit, and two of them on every multiprocessor.
//===----------------------------------------------------------------------===//

#include "../Support.h"
#include "Context.h"
#include "Embedded.h"
#include "Source.h"
#include "amprt/Planner.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace amprt;
using namespace amprt::test;

namespace {

struct Usage {
  int registers = 0, shared = 0, kernels = 0;
};

/// One source with all the kernels: the headers are parsed once.
std::string joined(const std::set<std::string> &sources) {
  std::string text;
  int number = 0;
  for (std::string source : sources) {
    const std::string end = "_" + std::to_string(number++);
    for (const std::string &name : {std::string("Gradient"),
                                    std::string("AMPRT_KERNEL(fused")})
      for (size_t at = source.find(name); at != std::string::npos;
           at = source.find(name, at + name.size()))
        source.insert(at + name.size(), end);
    text += source;
  }
  return text;
}

class Nvrtc : public ::testing::TestWithParam<const char *> {
protected:
  static const cuda::Api *table() {
    static const auto api = cuda::loadApi();
    return api.ok() ? (*api).get() : nullptr;
  }
  void SetUp() override {
    if (!table())
      GTEST_SKIP() << "not run here: no NVRTC on this machine";
  }

  /// Compiles and returns the most that a kernel uses.
  Usage compile(const std::string &source, const std::string &what) {
    const cuda::Api &api = *table();
    std::vector<const char *> texts, names;
    for (const cuda::EmbeddedFile &file : cuda::embeddedFiles()) {
      texts.push_back(file.text);
      names.push_back(file.name);
    }
    nvrtcProgram program = nullptr;
    EXPECT_EQ(api.nvrtcCreateProgram(&program, source.c_str(), "kernel.cu",
                                     int(texts.size()), texts.data(),
                                     names.data()),
              NVRTC_SUCCESS);
    const std::string arch = "--gpu-architecture=" + std::string(GetParam());
    const char *options[] = {arch.c_str(), "--std=c++17", "--fmad=false",
                             "--ptxas-options=-v"};
    nvrtcResult result =
        api.nvrtcCompileProgram(program, int(std::size(options)), options);
    size_t size = 0;
    api.nvrtcGetProgramLogSize(program, &size);
    std::string log(size, '\0');
    api.nvrtcGetProgramLog(program, log.data());
    EXPECT_EQ(result, NVRTC_SUCCESS) << what << "\n" << source << log;
    api.nvrtcDestroyProgram(&program);
    Usage most;
    static const std::regex used(
        R"(Used (\d+) registers(?:, used \d+ barriers)?(?:, (\d+) bytes smem)?)");
    for (std::sregex_iterator at(log.begin(), log.end(), used), end; at != end;
         ++at) {
      ++most.kernels;
      most.registers = std::max(most.registers, std::stoi((*at)[1]));
      if ((*at)[2].matched)
        most.shared = std::max(most.shared, std::stoi((*at)[2]));
    }
    EXPECT_GT(most.kernels, 0) << what << log;
    return most;
  }
  void expectWithin(const Usage &usage, int registers, int shared,
                    const std::string &what) {
    EXPECT_LE(usage.registers, registers) << what;
    EXPECT_LE(usage.shared, shared) << what;
  }
};

TEST_P(Nvrtc, KernelsOfTheBuild) {
  // 65,536 registers: two blocks of 256 threads have 128 each. The convolutions
  // in float64 take the most.
  for (const char *family : {"Conv", "Epilogue", "Gather", "Loss", "Move", "Norm", "Pool",
                             "Reduce", "Scan", "Softmax", "State"}) {
    std::ifstream in(std::string(AMP_SOURCE_DIR) + "/runtime/src/cuda/kernels/" +
                     family + ".cu");
    ASSERT_TRUE(in) << family;
    std::stringstream source;
    source << in.rdbuf();
    expectWithin(compile(source.str(), family), 128, 16384, family);
  }
}

/// The sources of a planned step.
std::set<std::string> sourcesOf(const Program &program) {
  std::set<std::string> sources;
  for (const Step &step : program.steps)
    if (step.kernel == Kernel::Elementwise)
      sources.insert(cuda::elementwiseSource(program, step));
    else if (!step.parts.empty())
      sources.insert(cuda::updateSource(program, step).text);
  return sources;
}

TEST_P(Nvrtc, TrainingStepsOfEveryOptimizer) {
  std::set<std::string> sources;
  for (const char *optimizer : {"sgd", "momentum", "rmsprop", "adam"})
    for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
      MlpOptions options;
      options.type = type;
      options.optimizer = optimizer;
      if (type == DType::Float16)
        options.lossScale = 1024;
      auto file = readGraph(mlpGraph(options));
      ASSERT_TRUE(file);
      for (size_t function : {0, 1}) {
        auto program =
            planFunction(*file, function, {{"batch", 8}}, DeviceTraits::h200());
        ASSERT_TRUE(program.ok()) << program.status().toString();
        sources.merge(sourcesOf(*program));
      }
    }
  EXPECT_GT(sources.size(), 20u);
  // Adam's powers are in float64.
  expectWithin(compile(joined(sources), "steps"), 96, 0, "steps");
}

/// Attention or its gradient over q [2, 100, depth], with a factor and a mask.
std::string attentionOf(Kernel kernel, DType type, int64_t depth) {
  Program program;
  Step step;
  step.kernel = kernel;
  StepParams &p = step.params;
  p.loops = {2};
  p.batch = 2;
  p.m = p.n = 100;
  p.k = p.size = depth;
  p.causal = true;
  auto add = [&](DType dtype, std::vector<uint32_t> &to) {
    Buffer buffer;
    buffer.dtype = dtype;
    program.buffers.push_back(buffer);
    to.push_back(uint32_t(program.buffers.size() - 1));
    p.strides.push_back({100 * depth, depth, 1});
  };
  const bool isGradient = kernel == Kernel::AttentionGrad;
  for (int i = 0; i < (isGradient ? 5 : 3); ++i)
    add(type, step.operands);
  if (isGradient)
    add(DType::Float32, step.operands);
  const auto mask = int32_t(step.operands.size());
  add(DType::Bool, step.operands);
  add(type, step.results);
  add(isGradient ? type : DType::Float32, step.results);
  if (isGradient)
    add(type, step.results);
  step.expression = {{ScalarOp::Load, DType::Float32, 0},
                     {ScalarOp::Const, DType::Float32, -1, -1, -1, 0.125},
                     {ScalarOp::Mul, DType::Float32, 0, 1},
                     {ScalarOp::Load, DType::Bool, mask},
                     {ScalarOp::Where, DType::Float32, 3, 2, 1}};
  step.backward = step.expression;
  EXPECT_TRUE(cuda::hasAttention(program, step));
  return cuda::attentionSource(program, step);
}

TEST_P(Nvrtc, AttentionOfEveryType) {
  // Blocks of at most 128 threads, with 48 KiB of shared memory as any GPU has.
  for (Kernel kernel : {Kernel::Attention, Kernel::AttentionGrad})
    for (auto [type, depth] :
         {std::pair(DType::Float16, 64), {DType::Float16, 128},
          {DType::BFloat16, 64}, {DType::Float32, 64}}) {
      if (type == DType::BFloat16 && GetParam() == std::string("sm_75"))
        continue; // not planned for it
      // The others take as long again.
      if (!std::getenv("AMP_TEST_FULL") &&
          (depth > 64 || (type != DType::Float32) !=
                             (GetParam() != std::string("sm_75"))))
        continue;
      const std::string what = std::string(kernelName(kernel)) + " " +
                               std::string(amp::dtypeName(type)) + " " +
                               std::to_string(depth);
      expectWithin(compile(attentionOf(kernel, type, depth), what), 240, 49152,
                   what);
    }
}

TEST_P(Nvrtc, EveryScalarOperation) {
  // The others take minutes, float64 most of them.
  std::vector<DType> types = {DType::BFloat16, DType::Int32};
  if (std::getenv("AMP_TEST_FULL"))
    types = {DType::Float16, DType::BFloat16, DType::Float32,
             DType::Float64, DType::Int8,     DType::UInt8,
             DType::Int32,   DType::Int64,    DType::Bool};
  for (DType dtype : types) {
    const bool isFloat = amp::isFloating(dtype);
    std::set<std::string> sources;
    Program program;
    auto addBuffer = [&](DType type) {
      Buffer buffer;
      buffer.dtype = type;
      buffer.dims = {3, 5};
      buffer.pitch = 5;
      program.buffers.push_back(buffer);
      return uint32_t(program.buffers.size() - 1);
    };
    for (int at = int(ScalarOp::Cast); at <= int(ScalarOp::Where); ++at) {
      auto op = ScalarOp(at);
      // What the class of the operands has.
      const bool onlyFloats = (op >= ScalarOp::Exp && op <= ScalarOp::Erfc &&
                               op != ScalarOp::Square && op != ScalarOp::Relu &&
                               op != ScalarOp::Relu6) ||
                              (op >= ScalarOp::Gelu && op <= ScalarOp::LeakyRelu);
      const bool onlyInts = op == ScalarOp::Not || op == ScalarOp::And ||
                            op == ScalarOp::Or;
      if ((onlyFloats && !isFloat) || (onlyInts && isFloat))
        continue;
      const bool isTest = (op >= ScalarOp::Equal && op <= ScalarOp::Or) ||
                          op == ScalarOp::IsFinite || op == ScalarOp::Not;
      Step step;
      step.kernel = Kernel::Elementwise;
      step.params.loops = {3, 5};
      step.operands = {addBuffer(dtype), addBuffer(dtype),
                       addBuffer(DType::Bool)};
      step.params.strides.assign(4, {5, 1});
      step.expression = {{ScalarOp::Load, dtype, 0},
                         {ScalarOp::Load, dtype, 1},
                         {ScalarOp::Load, DType::Bool, 2}};
      const bool isBinary = op >= ScalarOp::Add && op <= ScalarOp::ReluGrad;
      Instr instr{op, isTest ? DType::Bool : dtype, 0, isBinary ? 1 : -1};
      instr.imm = 0.25;
      if (op == ScalarOp::Where)
        instr.a = 2, instr.b = 0, instr.c = 1;
      step.expression.push_back(instr);
      if (op == ScalarOp::Cast)
        for (DType to : {DType::Float16, DType::BFloat16, DType::Float32,
                         DType::Float64, DType::Int32, DType::UInt8})
          step.expression.push_back({ScalarOp::Cast, to, 0});
      step.results = {addBuffer(step.expression.back().dtype)};
      sources.insert(cuda::elementwiseSource(program, step));
    }
    const std::string what(amp::dtypeName(dtype));
    // Powers are in float64.
    expectWithin(compile(joined(sources), what), 128, 0, what);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Nvrtc,
                         ::testing::Values("sm_75", "sm_80", "sm_90"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace

//===- Attention.cpp - Attention and its gradient -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Chooses tiles that fit into 48 KiB of shared memory, prints the score's
// function for kernels/Attention.cuh, and launches.
//===----------------------------------------------------------------------===//

#include "Source.h"
#include "StepCode.h"

#include <algorithm>
#include <optional>

using namespace amprt;
using namespace amprt::cuda;
namespace k = amprt_kernels;

namespace {

/// Rows and keys of a tile, forward and backward.
struct Tiles {
  int64_t rows, keys, backRows, backKeys;
};

int64_t roundedUp(int64_t value) {
  return std::max<int64_t>((value + 15) / 16 * 16, 16);
}

/// What tensor cores multiply; float32 where the matrices are of several types.
DType tileType(const Program &program, const Step &step) {
  const size_t matrices = step.kernel == Kernel::Attention ? 3 : 4;
  const DType first = program.buffers[step.operands[0]].dtype;
  for (size_t i = 1; i < matrices; ++i)
    if (program.buffers[step.operands[i]].dtype != first)
      return DType::Float32;
  return amp::isLow(first) ? first : DType::Float32;
}

std::optional<Tiles> tilesFor(DType type, int64_t columns) {
  const int64_t bytes = columns * int64_t(amp::dtypeSize(type));
  if (bytes > k::kAttentionRowBytes)
    return std::nullopt;
  if (amp::isLow(type))
    return columns <= 64 ? Tiles{64, 64, 32, 64} : Tiles{64, 32, 16, 32};
  return Tiles{32, 32, 16, 32};
}

/// The value of an expression whose load 0 is `first`.
std::string function(const Program &program, const Step &step,
                     const Expression &code, const std::string &first) {
  std::string text = instructionLines(
      code, "    ",
      [&](const Instr &instr) -> std::string {
        if (instr.a == 0)
          return first;
        const std::string number = std::to_string(instr.a);
        const DType dtype =
            program.buffers[step.operands[size_t(instr.a)]].dtype;
        return "load<" + registerType(dtype) + ">(a.operand[" + number + "], " +
               typeCode(dtype) + ", placeOf(a, bases, " + number +
               ", row, column))";
      },
      "row");
  return text + "    return float(v" + std::to_string(code.size() - 1) + ");\n";
}

} // namespace

bool amprt::cuda::hasAttention(const Program &program, const Step &step) {
  const StepParams &p = step.params;
  return p.loops.size() <= size_t(k::kMaxRank) &&
         step.operands.size() + step.results.size() <= size_t(k::kMaxMatrices) &&
         tilesFor(tileType(program, step), roundedUp(std::max(p.k, p.size)))
             .has_value();
}

std::string amprt::cuda::attentionSource(const Program &program,
                                         const Step &step) {
  const StepParams &p = step.params;
  const DType type = tileType(program, step);
  const int64_t columns = roundedUp(std::max(p.k, p.size));
  const Tiles tiles = *tilesFor(type, columns);
  auto constant = [](const char *name, int64_t value) {
    return "  static constexpr int " + std::string(name) + " = " +
           std::to_string(value) + ";\n";
  };
  std::string text = "#include \"Attention.cuh\"\n"
                     "using namespace amprt_kernels;\n"
                     "struct Step {\n  static constexpr int kType = " +
                     typeCode(type) + ";\n" +
                     constant("kDepth", roundedUp(p.k)) +
                     constant("kWidth", roundedUp(p.size)) +
                     constant("kRows", tiles.rows) +
                     constant("kKeys", tiles.keys) +
                     constant("kBackRows", tiles.backRows) +
                     constant("kBackKeys", tiles.backKeys);
  const std::string arguments =
      "i64 row,\n                               i64 column) {\n";
  text += "  static __device__ float score(const AttentionArgs &a, const Bases "
          "&bases,\n                               float s, " +
          arguments + function(program, step, step.expression, "s") + "  }\n";
  if (step.kernel == Kernel::Attention)
    return text + "};\nAMPRT_KERNEL(fused, AttentionArgs) { attention<Step>(a); "
                  "}\n";
  text += "  static __device__ float back(const AttentionArgs &a, const Bases "
          "&bases,\n                               float s, float g, " +
          arguments + function(program, step, step.backward, "g") + "  }\n};\n";
  return text +
         "AMPRT_KERNEL(attention_delta, AttentionArgs) { attentionDelta(a); }\n"
         "AMPRT_KERNEL(attention_of_keys, AttentionArgs) { "
         "attentionOfKeys<Step>(a); }\n"
         "AMPRT_KERNEL(attention_of_queries, AttentionArgs) { "
         "attentionOfQueries<Step>(a); }\n";
}

namespace {

class Attention : public StepCode {
public:
  explicit Attention(const StepContext &s)
      : context(s.context), isGradient(s.step.kernel == Kernel::AttentionGrad),
        tiles(*tilesFor(tileType(s.program, s.step),
                        roundedUp(std::max(s.step.params.k,
                                           s.step.params.size)))) {
    const StepParams &p = s.step.params;
    args.batch = p.batch;
    args.m = p.m;
    args.n = p.n;
    args.depth = p.k;
    args.width = p.size;
    args.causal = p.causal;
    args.fill = float(p.fill);
    args.rank = int(p.loops.size());
    args.operands = int(s.step.operands.size());
    args.matrices = int(p.strides.size());
    for (size_t i = 0; i < p.loops.size(); ++i)
      args.size[i] = p.loops[i];
    for (size_t j = 0; j < p.strides.size(); ++j) {
      const size_t rank = p.loops.size();
      for (size_t i = 0; i < rank; ++i)
        args.stride[j][i] = p.strides[j][i];
      args.rowStride[j] = p.strides[j][rank];
      args.columnStride[j] = p.strides[j][rank + 1];
      args.type[j] = typeOf(j < s.step.operands.size()
                                ? s.operand(j)
                                : s.result(j - s.step.operands.size()));
    }
  }
  Status prepare(const StepContext &s) {
    const std::string source = attentionSource(s.program, s.step);
    if (!isGradient) {
      AMPRT_ASSIGN_OR_RETURN(kernels[0], context.compiled(source, kFusedKernel));
      return okStatus();
    }
    const char *names[] = {"attention_delta", "attention_of_keys",
                           "attention_of_queries"};
    for (size_t i = 0; i < 3; ++i) {
      AMPRT_ASSIGN_OR_RETURN(kernels[i], context.compiled(source, names[i]));
    }
    return okStatus();
  }
  size_t scratchBytes() const override {
    return isGradient ? size_t(args.batch * args.m) * sizeof(float) : 0;
  }
  Status enqueue(const StepCall &call) override {
    if (args.batch == 0 || args.m == 0 || args.n == 0)
      return okStatus();
    for (size_t i = 0; i < call.step.operands.size(); ++i)
      args.operand[i] = call.operand(i);
    for (size_t i = 0; i < call.step.results.size(); ++i)
      args.result[i] = call.result(i);
    args.delta = static_cast<float *>(call.scratch);
    if (!isGradient)
      return launchTiles(call, kernels[0], args.m, tiles.rows);
    AMPRT_RETURN_IF_ERROR(launch(context, kernels[0],
                                 launchFlat(context, args.batch * args.m),
                                 call.stream, args));
    AMPRT_RETURN_IF_ERROR(
        launchTiles(call, kernels[1], args.n, tiles.backKeys));
    return launchTiles(call, kernels[2], args.m, tiles.backKeys);
  }

private:
  /// A block for each tile; a warp for 16 rows of it.
  Status launchTiles(const StepCall &call, cudaKernel_t kernel, int64_t rows,
                     int64_t tile) {
    Launch size;
    size.blockX = unsigned(tile / 16 * 32);
    size.gridX = unsigned(std::min<int64_t>(
        args.batch * ((rows + tile - 1) / tile), int64_t(1) << 20));
    return launch(context, kernel, size, call.stream, args);
  }

  Context &context;
  bool isGradient;
  Tiles tiles;
  cudaKernel_t kernels[3] = {};
  k::AttentionArgs args = {};
};

} // namespace

MadeStep amprt::cuda::makeAttention(const StepContext &s) {
  auto step = std::make_unique<Attention>(s);
  AMPRT_RETURN_IF_ERROR(step->prepare(s));
  return std::unique_ptr<StepCode>(std::move(step));
}

//===- Print.cpp - Programs as text ---------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One line per step, with places, so that plans can be read and compared as
// files. The text of a program is the same on every machine.
//===----------------------------------------------------------------------===//

#include "amprt/Program.h"

#include <cstdio>

using namespace amprt;

static std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

static std::string list(const Dims &dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

/// `float16[8, 10] pitch 16 arena+512`, `float32[784, 4096] variable 0`.
static std::string place(const Program &program, uint32_t index) {
  const Buffer &buffer = program.buffers[index];
  std::string text(amp::dtypeName(buffer.dtype));
  text += list(buffer.dims);
  if (!buffer.isDense())
    text += " pitch " + std::to_string(buffer.pitch);
  text += " " + std::string(spaceName(buffer.space));
  if (buffer.space == Space::Arena)
    text += "+" + std::to_string(buffer.offset);
  else
    text += " " + std::to_string(buffer.index);
  return text;
}

/// The expression as a term; loads are `$0`, `$1`.
static std::string term(const Expression &expression, int32_t at) {
  const Instr &instr = expression[at];
  if (instr.op == ScalarOp::Load)
    return "$" + std::to_string(instr.a);
  if (instr.op == ScalarOp::Const)
    return number(instr.imm);
  std::string text(scalarOpName(instr.op));
  if (instr.op == ScalarOp::Cast)
    text = amp::dtypeName(instr.dtype);
  if (instr.a < 0)
    return text;
  text += "(" + term(expression, instr.a);
  if (instr.b >= 0)
    text += ", " + term(expression, instr.b);
  if (instr.c >= 0)
    text += ", " + term(expression, instr.c);
  if (instr.op == ScalarOp::Elu || instr.op == ScalarOp::LeakyRelu)
    text += ", " + number(instr.imm);
  return text + ")";
}

/// What the parts of a flat step read.
static std::string gradients(const Step &step) {
  std::string text;
  for (const Part &part : step.parts)
    text += (text.empty() ? " of " : ", ") +
            term(part.gradient, int32_t(part.gradient.size()) - 1);
  return text;
}

static std::string parameters(const Step &step) {
  const StepParams &p = step.params;
  std::string text;
  auto add = [&](const char *name, const std::string &value) {
    text += " " + std::string(name) + "=" + value;
  };
  switch (step.kernel) {
  case Kernel::Elementwise:
    return " " + term(step.expression, int32_t(step.expression.size()) - 1);
  case Kernel::Matmul:
    if (p.batch != 1)
      add("batch", std::to_string(p.batch));
    add("m", std::to_string(p.m));
    add("n", std::to_string(p.n));
    add("k", std::to_string(p.k));
    if (p.transposeA)
      text += " transpose_a";
    if (p.transposeB)
      text += " transpose_b";
    if (p.castA)
      add("cast_a", std::string(amp::dtypeName(*p.castA)));
    if (p.castB)
      add("cast_b", std::string(amp::dtypeName(*p.castB)));
    if (p.fewRows)
      text += " few_rows";
    if (p.bias)
      text += " +bias";
    if (p.relu)
      text += p.keepsInput ? " +relu_mask" : " +relu";
    if (p.gelu)
      text += p.keepsInput ? " +gelu_input" : " +gelu";
    if (p.reluGrad)
      text += " +relu_grad";
    if (p.geluGrad)
      text += " +gelu_grad";
    if (p.sumsResult)
      text += " +sum_rows";
    if (p.sumsB)
      text += " +sum_b";
    return text;
  case Kernel::Reduce:
  case Kernel::ReduceGrad: {
    static constexpr const char *names[] = {"sum", "mean", "max", "min",
                                            "prod"};
    add("op", names[size_t(p.reduce)]);
    add("over", list(p.reduceLoops));
    return text;
  }
  case Kernel::Softmax:
  case Kernel::LogSoftmax:
  case Kernel::SparseLoss:
  case Kernel::SparseLossGrad:
  case Kernel::DenseLoss:
  case Kernel::DenseLossGrad:
  case Kernel::SparseLossBoth:
  case Kernel::DenseLossBoth:
  case Kernel::SoftmaxGrad:
  case Kernel::LogSoftmaxGrad:
  case Kernel::Cumsum:
  case Kernel::Gather:
  case Kernel::GatherGrad:
  case Kernel::ArgMax:
    if (p.reverse)
      text += " reverse";
    add("size", std::to_string(p.size));
    if (p.factor != 1)
      add("factor", number(p.factor));
    if (p.perRow)
      text += " per_row";
    return text;
  case Kernel::Attention:
  case Kernel::AttentionGrad:
    add("batch", list(p.loops));
    add("queries", std::to_string(p.m));
    add("keys", std::to_string(p.n));
    add("depth", std::to_string(p.k));
    if (p.size != p.k)
      add("values", std::to_string(p.size));
    if (p.causal)
      add("causal", number(p.fill));
    add("score", term(step.expression, int32_t(step.expression.size()) - 1));
    if (!step.backward.empty())
      add("back", term(step.backward, int32_t(step.backward.size()) - 1));
    return text;
  case Kernel::LossScale:
    add("growth_steps", std::to_string(p.growthSteps));
    add("growth", number(p.growth));
    add("backoff", number(p.backoff));
    add("min", number(p.minimum));
    add("max", number(p.maximum));
    add("decrease_every", std::to_string(p.decreaseEvery));
    return text;
  case Kernel::ApplyRmsprop:
    add("rho", number(p.rho));
    add("momentum", number(p.momentum));
    add("epsilon", number(p.epsilon));
    if (p.centered)
      text += " centered";
    return text + gradients(step);
  case Kernel::ApplyAdam:
    add("beta_1", number(p.beta1));
    add("beta_2", number(p.beta2));
    add("epsilon", number(p.epsilon));
    if (p.weightDecay != 0)
      add("weight_decay", number(p.weightDecay));
    return text + gradients(step);
  case Kernel::ApplyMomentum:
    add("momentum", number(p.momentum));
    if (p.nesterov)
      text += " nesterov";
    [[fallthrough]];
  case Kernel::ApplySgd:
    if (p.weightDecay != 0)
      add("weight_decay", number(p.weightDecay));
    return text + gradients(step);
  case Kernel::RowNorm:
  case Kernel::RowNormGrad:
    add("size", std::to_string(p.size));
    add("epsilon", number(p.epsilon));
    if (p.centered)
      text += " centered";
    return text;
  case Kernel::Moments:
  case Kernel::ChannelGrad:
    add("channels", std::to_string(p.size));
    return text;
  case Kernel::Conv:
  case Kernel::ConvInputGrad:
  case Kernel::ConvFilterGrad: {
    const Window2d &w = p.spatial;
    add("channels", list({p.channelsIn, p.channelsOut}));
    add("window", list({w.window[0], w.window[1]}));
    add("stride", list({w.stride[0], w.stride[1]}));
    add("before", list({w.before[0], w.before[1]}));
    if (w.dilation[0] != 1 || w.dilation[1] != 1)
      add("dilation", list({w.dilation[0], w.dilation[1]}));
    if (p.groups != 1)
      add("groups", std::to_string(p.groups));
    if (p.channelsFirst)
      text += " channels_first";
    if (p.library)
      text += " cudnn";
    return text;
  }
  case Kernel::Pool:
  case Kernel::PoolGrad: {
    const Window2d &w = p.spatial;
    add("op", p.reduce == ReduceOp::Mean ? "mean" : "max");
    add("window", list({w.window[0], w.window[1]}));
    add("stride", list({w.stride[0], w.stride[1]}));
    add("before", list({w.before[0], w.before[1]}));
    return text;
  }
  case Kernel::Slice:
  case Kernel::Pad:
    add("offset", std::to_string(p.offset));
    add("strides", list(p.strides[0]));
    if (p.fill != 0)
      add("fill", number(p.fill));
    return text;
  case Kernel::Concat:
  case Kernel::Split:
    add("parts", list(p.parts));
    return text;
  case Kernel::AllFinite:
  case Kernel::SumSquares:
    return gradients(step);
  case Kernel::Transpose:
    return text;
  }
  return text;
}

std::string amprt::toString(const Program &program) {
  std::string text = "program " + program.function + " for " + program.device;
  for (const auto &[name, size] : program.sizes)
    text += ", " + name + " = " + std::to_string(size);
  const Totals &t = program.totals;
  text += "\n  kernels " + std::to_string(t.kernels) + ", flop " +
          std::to_string(t.flop) + ", bytes " + std::to_string(t.bytes) +
          ", casts " + std::to_string(t.casts) + " (" +
          std::to_string(t.castKernels) + " kernels)\n  arena " +
          std::to_string(t.arenaBytes) + ", peak live " +
          std::to_string(t.peakLive) + "\n";
  if (t.limit > 0) {
    char line[128];
    std::snprintf(line, sizeof(line),
                  "  limit %.4f ms (products %.4f, memory %.4f)\n",
                  t.limit * 1e3, t.productLimit * 1e3, t.memoryLimit * 1e3);
    text += line;
  }
  for (size_t i = 0; i < program.cache.size(); ++i)
    text += "  cache " + std::to_string(i) + " = " + program.cache[i].key +
            ", " + std::to_string(program.cache[i].bytes) + " bytes\n";
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step &step = program.steps[i];
    text += std::to_string(i) + ": " + std::string(kernelName(step.kernel)) +
            " " + step.name + parameters(step);
    if (step.cached)
      text += " once";
    text += " (";
    for (size_t j = 0; j < step.operands.size(); ++j)
      text += (j ? ", " : "") + place(program, step.operands[j]);
    text += ")";
    if (step.condition != kNoBuffer)
      text += " if " + place(program, step.condition);
    for (size_t j = 0; j < step.results.size(); ++j) {
      bool scratch = step.params.hasScratch && j + 1 == step.results.size();
      text += (j ? ", " : " -> ") + std::string(scratch ? "scratch " : "") +
              place(program, step.results[j]);
    }
    text += "\n";
  }
  return text;
}

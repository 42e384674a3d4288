//===- Numerics.cpp - Numbers that go wrong on the way --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Steps come in program order, so the first value that is not finite was made
// by the step that reports it, unless it was handed to it from outside.
//===----------------------------------------------------------------------===//

#include "Numerics.h"
#include "Exact.h"
#include "amp/GraphFile/Diagnostics.h"
#include "amp/OpSet/Words.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace amprun {
namespace {

namespace gf = amp::graphfile;

std::string number(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string position(int64_t flat, const amprt::Dims &dims) {
  std::string text = "]";
  for (size_t i = dims.size(); i-- > 0;) {
    text = (i ? ", " : "") + std::to_string(flat % dims[i]) + text;
    flat /= dims[i];
  }
  return "[" + text;
}

/// "n:1" is a result of node "n".
std::string nodeOf(const std::string &value) {
  return value.substr(0, value.find(':'));
}

const gf::Node *findNode(const gf::GraphFile &file, std::string_view function,
                         std::string_view name) {
  for (const gf::Function &candidate : file.functions)
    if (candidate.name == function)
      for (const gf::Node &node : candidate.nodes)
        if (node.name == name)
          return &node;
  return nullptr;
}

/// `node 'n' of function 'f'`, and for a generated one where it comes from.
std::string nameOf(const gf::Node *node, const std::string &name,
                   const std::string &function) {
  std::string text =
      "node " + amp::quoted(name) + " of function " + amp::quoted(function);
  if (node && !node->origin.empty())
    text += ", generated for " + amp::quoted(node->origin) + ",";
  return text;
}

} // namespace

NumericsCheck::Range NumericsCheck::look(const amprt::Program &program,
                                         const amprt::StepEvent::Value &value) {
  const amprt::Buffer &buffer = program.buffers[value.buffer];
  Range range;
  range.value = buffer.name;
  range.dtype = buffer.dtype;
  range.dims = buffer.dims;
  range.space = buffer.space;
  range.least = std::numeric_limits<double>::infinity();
  range.most = -range.least;
  const int64_t width = buffer.dims.empty() ? 1 : buffer.dims.back();
  const int64_t rows = buffer.rows();
  range.total = rows * width;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < width; ++i) {
      const double found =
          numberAt(buffer.dtype, value.data, row * buffer.pitch + i);
      if (std::isfinite(found)) {
        range.least = std::min(range.least, found);
        range.most = std::max(range.most, found);
        continue;
      }
      range.nans += std::isnan(found);
      if (!range.notFinite++) {
        range.firstAt = row * width + i;
        range.first = found;
      }
    }
  return range;
}

void NumericsCheck::observe(const amprt::StepEvent &event) {
  const amprt::Program &program = *event.program;
  const amprt::Step &step = program.steps[event.step];
  for (const amprt::StepEvent::Value &value : event.results) {
    if (found || !value.data ||
        !amp::isFloating(program.buffers[value.buffer].dtype))
      continue;
    Range range = look(program, value);
    if (!range.notFinite)
      continue;
    Finding finding{program.function, std::move(range), {}};
    for (const amprt::StepEvent::Value &operand : event.operands)
      if (operand.data &&
          amp::isFloating(program.buffers[operand.buffer].dtype))
        finding.operands.push_back(look(program, operand));
    if (isMeant(event, finding.result, finding.operands))
      meant.insert(finding.result.value);
    else
      found = std::move(finding);
  }
  const Flushed flushed = countFlushed(event);
  const std::pair key(program.function, step.name);
  ++runs[key];
  if (!flushed.count && flushed.all)
    return;
  Flush &flush = flushes[key];
  ++flush.calls;
  flush.all &= flushed.all;
  if (flushed.count >= flush.worst) {
    const amprt::Buffer &buffer = program.buffers[step.results[0]];
    flush.worst = flushed.count;
    flush.total = amprt::elementCount(buffer.dims);
    flush.dtype = buffer.dtype;
  }
}

bool NumericsCheck::isMeant(const amprt::StepEvent &event, const Range &result,
                            const std::vector<Range> &operands) {
  if (result.nans)
    return false;
  bool any = false;
  for (const amprt::Instr &instr : event.program->steps[event.step].expression)
    any |= instr.op == amprt::ScalarOp::Const && std::isinf(instr.imm);
  for (const Range &operand : operands) {
    if (!operand.notFinite)
      continue;
    if (operand.space != amprt::Space::Constant && !meant.count(operand.value))
      return false;
    any = true;
  }
  return any;
}

std::string NumericsCheck::describe(const Range &range) {
  std::string text = amp::quoted(range.value) + ", " +
                     amprt::describe(range.dtype, range.dims);
  if (range.least <= range.most)
    text += ", is from " + number(range.least) + " to " + number(range.most);
  else if (range.total == 0)
    text += ", is empty";
  else
    text += ", has no finite number";
  if (range.notFinite)
    text += range.least <= range.most
                ? ", and " + std::to_string(range.notFinite) +
                      " numbers are not finite"
                : "";
  return text;
}

std::string NumericsCheck::renderFailure(const gf::SourceText &source,
                                         const gf::GraphFile &file,
                                         bool asWarning) {
  if (!found)
    return {};
  const std::string name = nodeOf(found->result.value);
  if (asWarning && !told.insert(found->function + '\0' + name).second)
    return {};
  const gf::Node *node = findNode(file, found->function, name);
  const gf::Offset at = node ? node->nameAt : gf::kNowhere;
  auto given = std::find_if(
      found->operands.begin(), found->operands.end(), [&](const Range &range) {
        return range.notFinite && range.space != amprt::Space::Constant &&
               !meant.count(range.value);
      });
  const Range &bad = given == found->operands.end() ? found->result : *given;
  std::string message = nameOf(node, name, found->function);
  message += given == found->operands.end()
                 ? " is the first to make a number that is not finite: "
                 : " reads numbers that are not finite and that no node made, "
                   "in " +
                       amp::quoted(given->value) + ": ";
  message += std::to_string(bad.notFinite) + " of " +
             amprt::describe(bad.dtype, bad.dims) + ", the first is " +
             number(bad.first) + " at " + position(bad.firstAt, bad.dims);
  gf::Diagnostics diagnostics;
  if (asWarning)
    diagnostics.warning(at, std::move(message));
  else
    diagnostics.error(at, std::move(message));
  for (const Range &operand : found->operands) {
    gf::Offset where = at;
    if (node)
      for (const gf::ValueName &input : node->inputs)
        if (gf::toString(input) == operand.value)
          where = input.at;
    diagnostics.note(where, "its input " + describe(operand));
  }
  if (node && !node->origin.empty())
    if (const gf::Node *origin = findNode(file, found->function, node->origin))
      diagnostics.note(origin->nameAt, "it was generated for this node");
  return diagnostics.render(source);
}

std::string NumericsCheck::renderFlushes(const gf::SourceText &source,
                                         const gf::GraphFile &file) const {
  std::string text;
  for (const auto &[key, flush] : flushes) {
    const auto &[function, value] = key;
    const std::string name = nodeOf(value);
    const gf::Node *node = findNode(file, function, name);
    std::string message = nameOf(node, name, function) + " flushes to zero ";
    message += (flush.all ? "" : "at least ") + std::to_string(flush.worst) +
               " of " + std::to_string(flush.total) +
               " numbers, too small for " +
               std::string(amp::dtypeName(flush.dtype));
    if (const int64_t count = runs.at(key); count > 1)
      message += ", in the worst of " + std::to_string(flush.calls) +
                 " calls of " + std::to_string(count);
    // One at a time: each node is said, whatever the limit on messages.
    gf::Diagnostics diagnostics;
    diagnostics.warning(node ? node->nameAt : gf::kNowhere, std::move(message));
    text += diagnostics.render(source);
  }
  return text;
}

} // namespace amprun

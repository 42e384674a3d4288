//===- Inspect.cpp - Looks at every step of a run -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Steps come in program order, so the first value that is not finite was made
// by the step that reports it and not handed to it.
//===----------------------------------------------------------------------===//

#include "Inspect.h"
#include "amprt/Half.h"

#include <algorithm>
#include <cmath>

namespace amprun {
namespace {

double numberAt(amprt::DType dtype, const void *data, int64_t index) {
  using amprt::DType;
  switch (dtype) {
  case DType::Float16:
    return amprt::halfToFloat(static_cast<const uint16_t *>(data)[index]);
  case DType::BFloat16:
    return amprt::bfloatToFloat(static_cast<const uint16_t *>(data)[index]);
  case DType::Float64:
    return static_cast<const double *>(data)[index];
  default:
    return static_cast<const float *>(data)[index];
  }
}

const char *numberName(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

std::string position(int64_t flat, const amprt::Dims &dims) {
  std::string text = "]";
  for (size_t i = dims.size(); i-- > 0;) {
    text = (i ? ", " : "") + std::to_string(flat % dims[i]) + text;
    flat /= dims[i];
  }
  return "[" + text;
}

} // namespace

void NumericsCheck::observe(const amprt::StepEvent &event) {
  if (found)
    return;
  const amprt::Program &program = *event.program;
  for (const amprt::StepEvent::Value &value : event.results) {
    const amprt::Buffer &buffer = program.buffers[value.buffer];
    if (!amp::isFloating(buffer.dtype) || !value.data)
      continue;
    const int64_t width = buffer.dims.empty() ? 1 : buffer.dims.back();
    const int64_t rows = buffer.rows();
    Finding finding;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < width; ++i) {
        const double number =
            numberAt(buffer.dtype, value.data, row * buffer.pitch + i);
        if (std::isfinite(number))
          continue;
        if (!finding.count++) {
          finding.first = row * width + i;
          finding.number = number;
        }
      }
    if (!finding.count)
      continue;
    finding.function = program.function;
    finding.value = buffer.name;
    finding.dtype = buffer.dtype;
    finding.dims = buffer.dims;
    finding.total = rows * width;
    found = std::move(finding);
    return;
  }
}

std::string NumericsCheck::render(const amp::graphfile::SourceText &source,
                                  const amp::graphfile::GraphFile &file,
                                  bool asWarning) const {
  if (!found)
    return {};
  // "n:1" is a result of node "n".
  const std::string node = found->value.substr(0, found->value.find(':'));
  amp::graphfile::Offset at = amp::graphfile::kNowhere;
  for (const amp::graphfile::Function &function : file.functions)
    if (function.name == found->function)
      for (const amp::graphfile::Node &candidate : function.nodes)
        if (candidate.name == node)
          at = candidate.nameAt;
  std::string message =
      "node '" + node + "' of function '" + found->function +
      "' is the first " +
      "to make a number that is not finite: " + std::to_string(found->count) +
      " of " + amprt::describe(found->dtype, found->dims) + ", the first is " +
      numberName(found->number) + " at " + position(found->first, found->dims);
  amp::graphfile::Diagnostics diagnostics;
  if (asWarning)
    diagnostics.warning(at, std::move(message));
  else
    diagnostics.error(at, std::move(message));
  return diagnostics.render(source);
}

void Profile::observe(const amprt::StepEvent &event) {
  const amprt::Step &step = event.program->steps[event.step];
  Entry &entry =
      entries[{event.program->function,
               std::string(amprt::kernelName(step.kernel)), step.name}];
  entry.seconds += event.seconds;
  ++entry.calls;
}

std::string Profile::render() const {
  using Row = std::pair<std::array<std::string, 3>, Entry>;
  std::vector<Row> rows(entries.begin(), entries.end());
  std::stable_sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return a.second.seconds > b.second.seconds;
  });
  double total = 0;
  for (const Row &row : rows)
    total += row.second.seconds;
  std::string text =
      "   seconds  share   calls  ms/call  kernel          step\n";
  char line[96];
  for (const auto &[key, entry] : rows) {
    std::snprintf(line, sizeof line, "%10.3f %5.1f%% %7lld %8.3f  %-15s ",
                  entry.seconds, total > 0 ? 100 * entry.seconds / total : 0.,
                  static_cast<long long>(entry.calls),
                  1000 * entry.seconds / double(entry.calls), key[1].c_str());
    text += line + key[0] + ": " + key[2] + "\n";
  }
  std::snprintf(line, sizeof line, "%10.3f 100.0%%  in all\n", total);
  return text + line;
}

} // namespace amprun

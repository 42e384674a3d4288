//===- Profile.cpp - Where the time goes ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Programs of other sizes have lines of their own: a rate is of one shape.
//===----------------------------------------------------------------------===//

#include "Profile.h"

#include <algorithm>

namespace amprun {
namespace {

std::string sizes(const amprt::Dims &dims) {
  std::string text;
  for (int64_t size : dims)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

/// m x n x k of a product; else the sizes of its largest operand or result.
std::string shapeOf(const amprt::Program &program, const amprt::Step &step) {
  const amprt::StepParams &p = step.params;
  if (step.kernel == amprt::Kernel::Matmul)
    return (p.batch == 1 ? "" : std::to_string(p.batch) + "x") +
           sizes({p.m, p.n, p.k});
  const amprt::Dims *largest = nullptr;
  for (const std::vector<uint32_t> *list : {&step.results, &step.operands})
    for (uint32_t index : *list) {
      const amprt::Dims &dims = program.buffers[index].dims;
      if (!largest || amprt::elementCount(dims) > amprt::elementCount(*largest))
        largest = &dims;
    }
  return largest ? sizes(*largest) : "scalar";
}

/// The types that go in and out: `float16`, `float16>float32`.
std::string dtypeOf(const amprt::Program &program, const amprt::Step &step) {
  auto name = [&](const std::vector<uint32_t> &list) {
    for (uint32_t index : list)
      if (amp::isFloating(program.buffers[index].dtype))
        return std::string(amp::dtypeName(program.buffers[index].dtype));
    return list.empty()
               ? std::string()
               : std::string(amp::dtypeName(program.buffers[list[0]].dtype));
  };
  const std::string in = name(step.operands), out = name(step.results);
  return in == out || in.empty() ? out : out.empty() ? in : in + ">" + out;
}

/// `12.3`, or a dash where nothing is counted.
std::string rate(double amount, double seconds) {
  if (amount == 0 || seconds <= 0)
    return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", amount / seconds * 1e-9);
  return text;
}

} // namespace

void Profile::observe(const amprt::StepEvent &event) {
  const amprt::Program &program = *event.program;
  const amprt::Step &step = program.steps[event.step];
  Entry &entry =
      entries[{program.function, std::string(amprt::kernelName(step.kernel)),
               dtypeOf(program, step), shapeOf(program, step), step.name}];
  entry.seconds += event.seconds;
  ++entry.calls;
  const amprt::StepParams &p = step.params;
  if (step.kernel == amprt::Kernel::Matmul)
    entry.flop +=
        2. * double(p.batch) * double(p.m) * double(p.n) * double(p.k);
  for (const std::vector<uint32_t> *list : {&step.operands, &step.results})
    for (uint32_t index : *list)
      entry.bytes += double(program.buffers[index].bytes());
}

std::string Profile::render() const {
  using Row = std::pair<Key, Entry>;
  std::vector<Row> rows(entries.begin(), entries.end());
  std::stable_sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return a.second.seconds > b.second.seconds;
  });
  Entry total;
  size_t shapes = 5, dtypes = 5;
  for (const Row &row : rows) {
    total.seconds += row.second.seconds;
    total.flop += row.second.flop;
    total.bytes += row.second.bytes;
    shapes = std::max(shapes, row.first.shape.size());
    dtypes = std::max(dtypes, row.first.dtype.size());
  }
  auto pad = [](std::string text, size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
  };
  std::string text = "   seconds  share   calls  ms/call  GFLOP/s    GB/s  "
                     "kernel            " +
                     pad("dtype", dtypes) + "  " + pad("shape", shapes) +
                     "  step\n";
  auto line = [&](const Entry &entry) {
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, "%10.3f %5.1f%% ", entry.seconds,
                  total.seconds > 0 ? 100 * entry.seconds / total.seconds : 0.);
    text += numbers;
    if (entry.calls)
      std::snprintf(numbers, sizeof numbers, "%7lld %8.3f ",
                    static_cast<long long>(entry.calls),
                    1000 * entry.seconds / double(entry.calls));
    else
      std::snprintf(numbers, sizeof numbers, "%7s %8s ", "", "");
    text += numbers;
    std::snprintf(numbers, sizeof numbers, "%8s %7s  ",
                  rate(entry.flop, entry.seconds).c_str(),
                  rate(entry.bytes, entry.seconds).c_str());
    text += numbers;
  };
  for (const auto &[key, entry] : rows) {
    line(entry);
    text += pad(key.kernel, 16) + "  " + pad(key.dtype, dtypes) + "  " +
            pad(key.shape, shapes) + "  " + key.function + ": " + key.step +
            "\n";
  }
  line(total);
  return text + "in all\n";
}

} // namespace amprun

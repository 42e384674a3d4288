//===- Convolutions.cpp - Convolutions for cuDNN --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// cuDNN's fast kernels read filters by channel out, row, column and channel in;
// a graph file has them by row, column, channel in and out. So a filter is
// turned once per version of its variable, like its cast, and its gradient is
// turned back.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <algorithm>
#include <limits>
#include <map>

using namespace amprt;
using namespace amprt::planner;

namespace {

class Convolutions {
public:
  Convolutions(Builder &builder, const DeviceTraits &traits)
      : builder(builder), traits(traits) {}
  void run();

private:
  bool takes(const Step &step) const;
  int64_t workspace(const Step &step) const;
  uint32_t turned(uint32_t filter, const Step &user);
  void putIntoCache(uint32_t filter, uint32_t copy, Step &step);

  Builder &builder;
  const DeviceTraits &traits;
  std::vector<Step> steps;
  /// By filter and the strides it is read with.
  std::map<std::pair<uint32_t, Dims>, uint32_t> copies;
};

bool isConvolution(Kernel kernel) {
  return kernel == Kernel::Conv || kernel == Kernel::ConvInputGrad ||
         kernel == Kernel::ConvFilterGrad;
}

/// Sizes by group, channel out and in (of the group), row, column.
Dims filterSizes(const StepParams &p) {
  return {p.groups, p.channelsOut / p.groups, p.channelsIn / p.groups,
          p.spatial.window[0], p.spatial.window[1]};
}

/// Strides in the same order of a filter as cuDNN wants it.
Dims wantedStrides(const Dims &sizes) {
  const int64_t column = sizes[2], row = sizes[4] * column,
                out = sizes[3] * row, group = sizes[1] * out;
  return {group, out, 1, row, column};
}

/// A walk over the filter in the order of the memory that has strides `to`.
void setWalk(StepParams &p, const Dims &sizes, const Dims &from,
             const Dims &to) {
  std::vector<size_t> axes;
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (sizes[axis] != 1)
      axes.push_back(axis);
  std::sort(axes.begin(), axes.end(),
            [&](size_t a, size_t b) { return to[a] > to[b]; });
  p.strides.assign(1, {});
  for (size_t axis : axes) {
    p.loops.push_back(sizes[axis]);
    p.strides[0].push_back(from[axis]);
  }
}

} // namespace

/// Types and sizes that cuDNN multiplies; it counts in ints.
bool Convolutions::takes(const Step &step) const {
  if (!isConvolution(step.kernel))
    return false;
  const StepParams &p = step.params;
  const DType dtype = builder.dtype(step.results[0]);
  if (!amp::isLow(dtype) && dtype != DType::Float32)
    return false;
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  auto counts = [&](int64_t size) { return size > 0 && size <= most; };
  if (!counts(p.outer) || !counts(p.channelsIn) || !counts(p.channelsOut) ||
      !counts(p.groups))
    return false;
  for (int i : {0, 1})
    if (!counts(p.spatial.in[i]) || !counts(p.spatial.out[i]) ||
        !counts(p.spatial.window[i]) || !counts(p.spatial.stride[i]) ||
        !counts(p.spatial.dilation[i]) || !counts(p.spatial.span(i)))
      return false;
  return true;
}

/// Bytes beside what every product may use. Images whose channels do not come
/// in 16 bytes, or lie apart, are copied by the kernels that use tensor cores.
int64_t Convolutions::workspace(const Step &step) const {
  const StepParams &p = step.params;
  const auto size = int64_t(amp::dtypeSize(builder.dtype(step.results[0])));
  const int64_t together = 16 / size;
  auto copyOf = [&](int64_t channels, const int64_t (&image)[2]) -> int64_t {
    const bool fits =
        !p.channelsFirst && channels / p.groups % together == 0;
    const int64_t padded = (channels + together - 1) / together * together;
    return fits ? 0 : p.outer * image[0] * image[1] * padded * size;
  };
  const int64_t copies = copyOf(p.channelsIn, p.spatial.in) +
                         copyOf(p.channelsOut, p.spatial.out);
  constexpr int64_t sums = int64_t(8) << 20, most = int64_t(1) << 30;
  // What fits into the memory that every product has needs no other.
  return copies <= sums ? 0 : std::min(copies + sums, most);
}

/// A copy that follows from a variable alone is kept like the variable's cast.
void Convolutions::putIntoCache(uint32_t filter, uint32_t copy, Step &step) {
  const Buffer &source = builder.buffer(builder.base[filter]);
  Program &program = builder.program;
  std::string of;
  std::vector<uint32_t> variables;
  if (source.space == Space::Variable) {
    of = source.name;
    variables = {source.index};
  } else if (source.space == Space::Cache) {
    of = program.cache[source.index].key;
    variables = program.cache[source.index].variables;
  } else {
    return;
  }
  auto list = [](const Dims &dims) {
    std::string text;
    for (int64_t value : dims)
      text += (text.empty() ? "" : ", ") + std::to_string(value);
    return "[" + text + "]";
  };
  const uint32_t index = uint32_t(program.cache.size());
  program.cache.push_back({"filter " + list(step.params.loops) + " by " +
                               list(step.params.strides[0]) + " of " + of,
                           std::move(variables), 0});
  builder.buffer(copy).space = Space::Cache;
  builder.buffer(copy).index = index;
  step.cached = true;
}

/// The filter as cuDNN wants it.
uint32_t Convolutions::turned(uint32_t filter, const Step &user) {
  const StepParams &p = user.params;
  auto [entry, isNew] = copies.try_emplace({filter, p.filterStrides}, 0);
  if (!isNew)
    return entry->second;
  const Dims sizes = filterSizes(p);
  Step step;
  step.kernel = Kernel::Transpose;
  step.name = builder.buffer(filter).name;
  step.nodes = {"filter"};
  setWalk(step.params, sizes, p.filterStrides, wantedStrides(sizes));
  const uint32_t copy = builder.addBuffer(
      step.name, builder.dtype(filter),
      {p.channelsOut, sizes[3], sizes[4], sizes[2]});
  step.operands = {filter};
  step.results = {copy};
  if (traits.fuse)
    putIntoCache(filter, copy, step);
  steps.push_back(std::move(step));
  return entry->second = copy;
}

void Convolutions::run() {
  for (Step &step : builder.program.steps) {
    if (!takes(step)) {
      steps.push_back(std::move(step));
      continue;
    }
    StepParams &p = step.params;
    p.library = true;
    const Dims sizes = filterSizes(p), wanted = wantedStrides(sizes);
    bool lies = true;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      lies &= sizes[axis] == 1 || p.filterStrides[axis] == wanted[axis];
    std::optional<Step> back;
    if (!lies && step.kernel != Kernel::ConvFilterGrad) {
      step.operands[1] = turned(step.operands[1], step);
    } else if (!lies) {
      back = Step();
      back->kernel = Kernel::Transpose;
      back->name = step.name;
      back->nodes = {"filter"};
      setWalk(back->params, sizes, wanted, p.filterStrides);
      back->results = step.results;
      step.results = {builder.addBuffer(
          step.name, builder.dtype(step.results[0]),
          {p.channelsOut, sizes[3], sizes[4], sizes[2]})};
      back->operands = step.results;
    }
    p.filterStrides = wanted;
    if (int64_t bytes = workspace(step)) {
      p.hasScratch = true;
      step.results.push_back(builder.addBuffer(
          step.name, DType::Float32, {bytes / int64_t(sizeof(float))}));
    }
    steps.push_back(std::move(step));
    if (back)
      steps.push_back(*std::move(back));
  }
  builder.program.steps = std::move(steps);
}

void amprt::planner::layOutConvolutions(Builder &builder,
                                        const DeviceTraits &traits) {
  if (traits.convolutionLibrary)
    Convolutions(builder, traits).run();
}

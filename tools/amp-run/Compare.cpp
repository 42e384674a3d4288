//===- Compare.cpp - Two graphs, node by node -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The values of the first graph are kept; those of the second are compared as
// they come. Both sessions fuse nothing.
//===----------------------------------------------------------------------===//

#include "Compare.h"
#include "Driver.h"
#include "Exact.h"
#include "Messages.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

namespace amprun {

namespace gf = amp::graphfile;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string nodeOf(const std::string &value) {
  return value.substr(0, value.find(':'));
}

/// The nodes whose values are multiplied by the loss scale: behind scale_loss,
/// up to unscale. Backward nodes are linear in the gradient that they get.
std::set<std::string, std::less<>> scaledNodes(const gf::CheckedFile &file,
                                               const gf::Function &function) {
  std::set<std::string, std::less<>> scaled;
  const size_t index = size_t(&function - file.file.functions.data());
  for (uint32_t at : file.types[index].order) {
    const gf::Node &node = function.nodes[at];
    bool is = node.op == "scale_loss";
    for (const gf::ValueName &input : node.inputs)
      is |= scaled.count(input.name) != 0;
    if (is && node.op != "unscale" && node.op != "all_finite")
      scaled.emplace(node.name);
  }
  return scaled;
}

/// A value, or for an update the variable that it changed.
std::string keyOf(const amprt::Program &program, const amprt::Step &step,
                  uint32_t buffer) {
  const amprt::Buffer &result = program.buffers[buffer];
  if (result.space == amprt::Space::Variable)
    return step.name + " > " + result.name;
  return result.name;
}

/// The scale, when this is the step that multiplies the loss gradient by it.
std::optional<double> scaleOf(const amprt::StepEvent &event) {
  const amprt::Program &program = *event.program;
  const auto &nodes = program.steps[event.step].nodes;
  if (nodes.empty() || nodes[0] != "scale_loss")
    return std::nullopt;
  for (const amprt::StepEvent::Value &operand : event.operands)
    if (operand.buffer == program.lossScale && operand.data)
      return numberAt(program.buffers[operand.buffer].dtype, operand.data, 0);
  return std::nullopt;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

} // namespace

Comparison::Comparison(const gf::CheckedFile &reference,
                       const gf::Function &referenceFunction,
                       const gf::CheckedFile &other,
                       const gf::Function &otherFunction)
    : referenceScaled(scaledNodes(reference, referenceFunction)),
      otherScaled(scaledNodes(other, otherFunction)) {
  std::set<std::string_view> names;
  for (const gf::Node &node : referenceFunction.nodes)
    names.insert(node.name);
  using Kind = std::pair<std::string_view, std::string_view>;
  std::map<Kind, std::vector<std::string_view>> left;
  std::set<std::string_view> matched;
  for (const gf::Node &node : otherFunction.nodes)
    if (names.count(node.name)) {
      partners.emplace(node.name, node.name);
      matched.insert(node.name);
    }
  for (const gf::Node &node : referenceFunction.nodes)
    if (!matched.count(node.name) && !node.origin.empty())
      left[{node.origin, node.op}].push_back(node.name);
  std::map<Kind, size_t> used;
  for (const gf::Node &node : otherFunction.nodes) {
    if (matched.count(node.name))
      continue;
    const Kind kind(node.origin, node.op);
    const auto list = left.find(kind);
    if (node.origin.empty() || list == left.end() ||
        used[kind] == list->second.size()) {
      ++onlyOther;
      continue;
    }
    partners.emplace(node.name, list->second[used[kind]++]);
  }
  onlyReference = referenceFunction.nodes.size() - partners.size();
}

const std::string *Comparison::partnerOf(const std::string &value) const {
  const auto found = partners.find(value);
  return found == partners.end() ? nullptr : &found->second;
}

void Comparison::observeReference(const amprt::StepEvent &event) {
  const amprt::Program &program = *event.program;
  referenceScale = scaleOf(event).value_or(referenceScale);
  for (const amprt::StepEvent::Value &value : event.results) {
    if (!value.data)
      continue;
    const amprt::Buffer &buffer = program.buffers[value.buffer];
    Held copy;
    copy.dtype = buffer.dtype;
    copy.dims = buffer.dims;
    const bool narrow =
        amp::isLow(buffer.dtype) || buffer.dtype == amprt::DType::Float32;
    const int64_t width = buffer.dims.empty() ? 1 : buffer.dims.back();
    for (int64_t row = 0, e = buffer.rows(); row < e; ++row)
      for (int64_t i = 0; i < width; ++i) {
        const double element =
            numberAt(buffer.dtype, value.data, row * buffer.pitch + i);
        if (narrow)
          copy.floats.push_back(float(element));
        else
          copy.wide.push_back(element);
      }
    held[keyOf(program, program.steps[event.step], value.buffer)] =
        std::move(copy);
  }
}

void Comparison::observeOther(const amprt::StepEvent &event) {
  const amprt::Program &program = *event.program;
  const amprt::Step &step = program.steps[event.step];
  otherScale = scaleOf(event).value_or(otherScale);
  for (const amprt::StepEvent::Value &value : event.results) {
    const amprt::Buffer &buffer = program.buffers[value.buffer];
    const std::string key = keyOf(program, step, value.buffer);
    const std::string name =
        buffer.space == amprt::Space::Variable ? step.name : nodeOf(key);
    const std::string *partner = partnerOf(name);
    if (!partner || !value.data)
      continue;
    const auto found = held.find(*partner + key.substr(name.size()));
    if (found == held.end())
      continue;
    const Held &copy = found->second;
    Row row;
    row.value = key;
    row.reference = copy.dtype;
    row.other = buffer.dtype;
    row.dims = buffer.dims;
    row.sameShape = copy.dims == buffer.dims;
    const double ours = referenceScaled.count(*partner) ? referenceScale : 1;
    const double theirs = otherScaled.count(name) ? otherScale : 1;
    const int64_t width = buffer.dims.empty() ? 1 : buffer.dims.back();
    const int64_t count = row.sameShape ? amprt::elementCount(buffer.dims) : 0;
    for (int64_t i = 0; i < count; ++i) {
      const double a = copy.at(size_t(i)) / ours;
      const double b = numberAt(buffer.dtype, value.data,
                                i / width * buffer.pitch + i % width) /
                       theirs;
      if (std::isfinite(a)) {
        row.largest = std::max(row.largest, std::abs(a));
        row.reference2 += a * a;
      }
      if (a == b || (std::isnan(a) && std::isnan(b)))
        continue;
      const double difference = std::abs(a - b);
      row.squares += difference * difference;
      row.absolute = std::isfinite(difference)
                         ? std::max(row.absolute, difference)
                         : kInfinity;
    }
    if (!row.sameShape)
      row.absolute = kInfinity;
    // A node of several steps may have given others its name on the way.
    const auto [place, isNew] = rowOf.emplace(key, rows.size());
    if (isNew)
      rows.push_back(std::move(row));
    else
      rows[place->second] = std::move(row);
  }
}

double Comparison::Row::relative() const {
  if (absolute == 0)
    return 0;
  return largest > 0 ? absolute / largest : kInfinity;
}

double Comparison::Row::rms() const {
  if (absolute == 0)
    return 0;
  const double share = std::sqrt(squares / reference2);
  return std::isfinite(share) ? share : kInfinity;
}

double Comparison::worst() const {
  double most = 0;
  for (const Row &row : rows)
    most = std::max(most, row.relative());
  return most;
}

std::string Comparison::render(
    double bound, const std::string &referenceName,
    const std::string &otherName,
    const std::function<std::string(std::string_view)> &place) const {
  std::string text = std::to_string(rows.size()) + " values compared; nodes " +
                     "without a partner: " + std::to_string(onlyReference) +
                     " of '" + referenceName + "', " +
                     std::to_string(onlyOther) + " of '" + otherName + "'\n";
  const auto first =
      std::find_if(rows.begin(), rows.end(),
                   [&](const Row &row) { return row.relative() > bound; });
  if (first == rows.end())
    text += "no relative error exceeds " + number(bound) + "\n";
  else
    text += place(nodeOf(first->value.substr(0, first->value.find(" > ")))) +
            ": the first beyond " + number(bound) + ": '" + first->value +
            "', relative error " + number(first->relative()) + "\n";
  std::vector<const Row *> sorted;
  for (const Row &row : rows)
    sorted.push_back(&row);
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const Row *a, const Row *b) { return a->relative() > b->relative(); });
  text += "  relative        rms   absolute    largest  reference  other      "
          "value\n";
  for (const Row *row : sorted) {
    char line[96];
    std::snprintf(line, sizeof line,
                  "%10.3g %10.3g %10.3g %10.3g  %-9s  %-9s  ", row->relative(),
                  row->rms(), row->absolute, row->largest,
                  std::string(amp::dtypeName(row->reference)).c_str(),
                  std::string(amp::dtypeName(row->other)).c_str());
    text += line + row->value + (row->sameShape ? "" : " (other sizes)") + "\n";
  }
  return text;
}

int Driver::compare() {
  Options otherOptions = options;
  otherOptions.model = options.compare;
  otherOptions.function = std::string(function->name);
  otherOptions.load.clear();
  Driver other(otherOptions);
  if (int code = other.readModel())
    return code;
  if (int code = other.chooseFunction())
    return code;
  if (int code = other.openSession())
    return code;
  // The same variables; what only one has keeps its initial value.
  for (const gf::Variable &variable : other.session->file().file.variables) {
    auto value = session->variable(variable.name);
    if (!value.ok())
      continue;
    if (amprt::Status s = other.session->setVariable(variable.name, *value);
        !s.ok())
      return fail(amprt::Status(s.code(), "cannot compare with '" +
                                              options.compare +
                                              "': " + s.message()));
  }
  std::vector<amprt::Tensor> tensors;
  std::vector<amprt::NamedTensor> inputs;
  if (int code = options.data.empty() ? readInputs(tensors, inputs)
                                      : firstBatch(tensors, inputs))
    return code;
  Comparison comparison(session->file(), *function, other.session->file(),
                        *other.function);
  session->setObserver([&](const amprt::StepEvent &event) {
    comparison.observeReference(event);
  });
  other.session->setObserver(
      [&](const amprt::StepEvent &event) { comparison.observeOther(event); });
  auto outputs = session->run(function->name, inputs);
  if (!outputs.ok())
    return fail(outputs.status());
  outputs = other.session->run(other.function->name, inputs);
  if (!outputs.ok())
    return fail(amprt::Status(outputs.status().code(),
                              "cannot compare with '" + options.compare +
                                  "': " + outputs.status().message()));
  constexpr double kBound = 0.01;
  auto place = [&](std::string_view name) {
    for (const gf::Node &node : other.function->nodes)
      if (node.name == name && node.nameAt != gf::kNowhere) {
        const gf::LineColumn at = other.source->lineColumn(node.nameAt);
        return other.source->name() + ":" + std::to_string(at.line) + ":" +
               std::to_string(at.column);
      }
    return other.source->name();
  };
  std::fputs(comparison
                 .render(options.compareLimit.value_or(kBound), options.model,
                         options.compare, place)
                 .c_str(),
             stdout);
  std::fflush(stdout);
  if (options.compareLimit && comparison.worst() > *options.compareLimit)
    return fail(kDifferent, "the relative error " + number(comparison.worst()) +
                                " exceeds --compare-limit=" +
                                number(*options.compareLimit));
  return kOk;
}

int Driver::firstBatch(std::vector<amprt::Tensor> &tensors,
                       std::vector<amprt::NamedTensor> &inputs) {
  if (int code = checkBindings())
    return code;
  auto data = amprt::io::loadDataset(options.data);
  if (!data.ok())
    return fail(data.status());
  auto bindings = amprt::io::bindInputs(*function, *data, options.bind);
  if (!bindings.ok())
    return fail(bindings.status());
  const int64_t all = data->train.examples();
  const int64_t count = std::min(options.batch.value_or(128), all);
  const std::vector<int64_t> order =
      amprt::io::shuffledOrder(all, options.seed.value_or(0), 0);
  if (amprt::Status s = amprt::io::gatherBatch(data->train, *bindings,
                                               order.data(), count, tensors);
      !s.ok())
    return fail(s);
  for (size_t i = 0; i < bindings->size(); ++i)
    inputs.push_back({(*bindings)[i].input, &tensors[i]});
  if (amprt::Status s =
          amprt::io::checkLabels(*session, function->name, inputs);
      !s.ok())
    return fail(s);
  return kOk;
}

} // namespace amprun

//===- Checkpoint.cpp - The variables of a session in a file --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loading compares all names and types before it sets the first variable.
//===----------------------------------------------------------------------===//

#include "amprt/io/Checkpoint.h"
#include "amprt/io/Safetensors.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace amprt::io {
namespace {

/// What differs between a checkpoint and the model, up to a readable number.
class Differences {
public:
  void add(std::string text) {
    if (++count <= kShown)
      list += (list.empty() ? "" : "; ") + text;
  }
  bool any() const { return count != 0; }
  std::string text() const {
    return count <= kShown
               ? list
               : list + "; and " + std::to_string(count - kShown) + " more";
  }

private:
  static constexpr size_t kShown = 8;
  std::string list;
  size_t count = 0;
};

Dims dimsOf(const amp::graphfile::Variable &variable) {
  Dims dims;
  for (const amp::Dim &dim : variable.type.shape)
    dims.push_back(dim.size());
  return dims;
}

constexpr std::string_view kCalls = "amp.calls/";

/// The metadata of a file, read by key. The first text that is not what its key
/// asks for becomes the failure.
class MetadataReader {
public:
  MetadataReader(const Metadata &metadata, const std::string &path)
      : metadata(metadata), path(path) {}

  const std::string *find(std::string_view key) const {
    for (const auto &[name, text] : metadata)
      if (name == key)
        return &text;
    return nullptr;
  }
  template <typename T> void number(const std::string &key, T &value) {
    const std::string text = required(key);
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (text.empty() || text[0] == '-' || read.ec != std::errc() ||
        read.ptr != end)
      reject(key, text);
  }
  /// Hexadecimal, as printf's %a: every bit comes back.
  void real(const std::string &key, double &value) {
    const std::string text = required(key);
    char *end = nullptr;
    value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end)
      reject(key, text);
  }
  void flag(const std::string &key, bool &value) {
    const std::string text = required(key);
    value = text == "true";
    if (!value && text != "false")
      reject(key, text);
  }
  void reject(const std::string &key, const std::string &text) {
    if (status.ok())
      status = Status(Code::InvalidArgument,
                      "'" + path + "' has metadata that no checkpoint has: '" +
                          key + "' is '" + text + "'");
  }

  Status status;

private:
  std::string required(const std::string &key) const {
    const std::string *text = find(key);
    return text ? *text : std::string();
  }

  const Metadata &metadata;
  const std::string &path;
};

void addPosition(Metadata &metadata, const TrainPosition &position) {
  auto add = [&](const char *key, const std::string &text) {
    metadata.emplace_back(key, text);
  };
  add("amp.function", position.function);
  add("amp.epoch", std::to_string(position.epoch));
  add("amp.epoch_step", std::to_string(position.epochStep));
  add("amp.step", std::to_string(position.step));
  add("amp.seen", std::to_string(position.seen));
  add("amp.skipped", std::to_string(position.skipped));
  char sum[64];
  std::snprintf(sum, sizeof sum, "%a", position.lossSum);
  add("amp.loss_sum", sum);
  add("amp.seed", std::to_string(position.seed));
  add("amp.batch", std::to_string(position.batch));
  add("amp.examples", std::to_string(position.examples));
  add("amp.drop_last", position.dropLast ? "true" : "false");
}

/// The counts of calls; of functions that this model does not have, none.
Status readCalls(const Session &session, const Metadata &metadata,
                 const std::string &path,
                 std::vector<std::pair<std::string, uint64_t>> &calls) {
  MetadataReader reader(metadata, path);
  for (const auto &[key, text] : metadata) {
    if (key.compare(0, kCalls.size(), kCalls) != 0)
      continue;
    const std::string function = key.substr(kCalls.size());
    uint64_t count = 0;
    reader.number(key, count);
    if (session.findFunction(function))
      calls.emplace_back(function, count);
  }
  return reader.status;
}

} // namespace

Status saveCheckpoint(const Session &session, const std::string &path,
                      const TrainPosition *position) {
  Metadata metadata;
  if (position)
    addPosition(metadata, *position);
  for (const auto &function : session.file().file.functions) {
    AMPRT_ASSIGN_OR_RETURN(uint64_t count, session.calls(function.name));
    if (count)
      metadata.emplace_back(std::string(kCalls) + std::string(function.name),
                            std::to_string(count));
  }
  std::vector<NamedValue> values;
  for (const auto &variable : session.file().file.variables) {
    AMPRT_ASSIGN_OR_RETURN(Tensor value, session.variable(variable.name));
    values.push_back({std::string(variable.name), std::move(value)});
  }
  return writeSafetensors(path, values, metadata);
}

Result<std::optional<TrainPosition>> readPosition(const std::string &path) {
  AMPRT_ASSIGN_OR_RETURN(const Metadata metadata, readMetadata(path));
  MetadataReader reader(metadata, path);
  const std::string *function = reader.find("amp.function");
  if (!function)
    return std::optional<TrainPosition>();
  TrainPosition position;
  position.function = *function;
  reader.number("amp.epoch", position.epoch);
  reader.number("amp.epoch_step", position.epochStep);
  reader.number("amp.step", position.step);
  reader.number("amp.seen", position.seen);
  reader.number("amp.skipped", position.skipped);
  reader.real("amp.loss_sum", position.lossSum);
  reader.number("amp.seed", position.seed);
  reader.number("amp.batch", position.batch);
  reader.number("amp.examples", position.examples);
  reader.flag("amp.drop_last", position.dropLast);
  AMPRT_RETURN_IF_ERROR(reader.status);
  return std::optional<TrainPosition>(std::move(position));
}

Status loadCheckpoint(Session &session, const std::string &path) {
  Metadata metadata;
  AMPRT_ASSIGN_OR_RETURN(std::vector<NamedValue> values,
                         readSafetensors(path, &metadata));
  std::vector<std::pair<std::string, uint64_t>> calls;
  AMPRT_RETURN_IF_ERROR(readCalls(session, metadata, path, calls));
  const auto &variables = session.file().file.variables;
  auto find = [&](std::string_view name) -> const Tensor * {
    for (const NamedValue &value : values)
      if (value.name == name)
        return &value.tensor;
    return nullptr;
  };
  Differences differences;
  for (const auto &variable : variables) {
    const std::string name = "'" + std::string(variable.name) + "'";
    const Tensor *value = find(variable.name);
    if (!value)
      differences.add(name + " is missing there");
    else if (value->dtype() != variable.type.dtype ||
             value->dims() != dimsOf(variable))
      differences.add(name + " is " + describe(value->dtype(), value->dims()) +
                      " there and " +
                      describe(variable.type.dtype, dimsOf(variable)) +
                      " here");
  }
  for (const NamedValue &value : values) {
    bool known = false;
    for (const auto &variable : variables)
      known |= variable.name == value.name;
    if (!known)
      differences.add("'" + value.name + "' is not a variable here");
  }
  if (differences.any())
    return Status(Code::InvalidArgument,
                  "'" + path + "' is a checkpoint of another model: " +
                      differences.text());
  for (const NamedValue &value : values)
    AMPRT_RETURN_IF_ERROR(session.setVariable(value.name, value.tensor));
  for (const auto &function : session.file().file.functions)
    AMPRT_RETURN_IF_ERROR(session.setCalls(function.name, 0));
  for (const auto &[function, count] : calls)
    AMPRT_RETURN_IF_ERROR(session.setCalls(function, count));
  return okStatus();
}

} // namespace amprt::io

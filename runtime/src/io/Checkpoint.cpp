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

} // namespace

Status saveCheckpoint(const Session &session, const std::string &path) {
  std::vector<NamedValue> values;
  for (const auto &variable : session.file().file.variables) {
    AMPRT_ASSIGN_OR_RETURN(Tensor value, session.variable(variable.name));
    values.push_back({std::string(variable.name), std::move(value)});
  }
  return writeSafetensors(path, values);
}

Status loadCheckpoint(Session &session, const std::string &path) {
  AMPRT_ASSIGN_OR_RETURN(std::vector<NamedValue> values, readSafetensors(path));
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
  return okStatus();
}

} // namespace amprt::io

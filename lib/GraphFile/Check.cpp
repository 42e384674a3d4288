//===- Check.cpp - The rules that need the whole file -------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names of variables and functions, then each function, then the weights.
//===----------------------------------------------------------------------===//

#include "Check.h"

#include <unordered_set>

using namespace amp;
using namespace amp::graphfile;

ResultTypes::ResultTypes(size_t nodes)
    : lists(1), listOf(nodes), recent(nodes ? 256 : 0) {}

void ResultTypes::set(size_t node, const List &list) {
  size_t hash = list.size();
  for (const TensorType &type : list) {
    hash = hash * 31 + static_cast<size_t>(type.dtype);
    for (const Dim &dim : type.shape)
      hash = hash * 31 + (dim.isFixed() ? static_cast<size_t>(dim.size()) : 7);
  }
  uint32_t &known = recent[(hash ^ (hash >> 8)) % recent.size()];
  if (lists[known] != list) {
    known = static_cast<uint32_t>(lists.size());
    lists.push_back(list);
  }
  listOf[node] = known;
}

bool ResultTypes::operator!=(const ResultTypes &other) const {
  bool differ = size() != other.size();
  for (size_t node = 0; !differ && node < size(); ++node)
    differ = (*this)[node] != other[node];
  return differ;
}

std::optional<std::vector<FunctionTypes>>
amp::graphfile::checkGraphFile(const GraphFile &file, Diagnostics &diags,
                               const std::string &folder) {
  std::unordered_set<std::string_view> names;
  for (const Variable &variable : file.variables)
    if (!names.insert(variable.name).second)
      diags.error(variable.at, "two variables are named '" +
                                   std::string(variable.name) + "'");
  names.clear();
  for (const Function &function : file.functions)
    if (!names.insert(function.name).second)
      diags.error(function.at, "two functions are named '" +
                                   std::string(function.name) + "'");
  std::vector<FunctionTypes> types;
  VariableTable variables(file);
  for (const Function &function : file.functions) {
    types.push_back(checkFunction(variables, function, diags));
    if (diags.full())
      break;
  }
  checkWeights(file, folder, diags);
  if (diags.hasErrors())
    return std::nullopt;
  return types;
}

std::optional<CheckedFile>
amp::graphfile::readGraphFile(const SourceText &source, Diagnostics &diags,
                              const std::string &folder,
                              const Limits &limits) {
  std::optional<GraphFile> file = parseGraphFile(source, diags, limits);
  if (!file)
    return std::nullopt;
  auto types = checkGraphFile(*file, diags, folder);
  if (!types)
    return std::nullopt;
  return CheckedFile{std::move(*file), std::move(*types)};
}

//===- NameTable.cpp - Names of one function ----------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Inputs, nodes and variables by name, in open addressing over numbers: half a
// cache line per name, and one table of variables for all functions. The first
// of two equal names wins; that there are two is the check's business.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Reader.h"

#include <algorithm>
#include <functional>

using namespace amp;
using namespace amp::graphfile;

uint32_t NameIndex::hashOf(std::string_view name) {
  uint64_t hash = std::hash<std::string_view>()(name);
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

NameIndex::NameIndex(size_t count) {
  size_t size = 8;
  while (size * 2 < count * 3)
    size *= 2;
  slots.resize(size);
  mask = size - 1;
}

VariableTable::VariableTable(const GraphFile &file)
    : file(file), index(file.variables.size()) {
  auto nameOf = [&](uint32_t number) { return file.variables[number].name; };
  for (uint32_t i = 0; i < file.variables.size(); ++i)
    index.insert(nameOf(i), i, nameOf);
}

uint32_t VariableTable::find(std::string_view name) const {
  return index.find(
      name, [&](uint32_t number) { return file.variables[number].name; });
}

NameTable::NameTable(const GraphFile &file, const Function &function)
    : owned(std::make_shared<VariableTable>(file)), variables(owned.get()),
      function(function),
      index(function.inputs.size() + function.nodes.size()) {
  build(nullptr);
}

NameTable::NameTable(const VariableTable &variables, const Function &function,
                     std::vector<Clash> *clashes)
    : variables(&variables), function(function),
      index(function.inputs.size() + function.nodes.size()) {
  build(clashes);
}

std::string_view NameTable::nameOf(uint32_t number) const {
  size_t inputs = function.inputs.size();
  return number < inputs ? function.inputs[number].name
                         : function.nodes[number - inputs].name;
}

ValueTarget NameTable::targetOf(uint32_t number) const {
  uint32_t inputs = static_cast<uint32_t>(function.inputs.size());
  return number < inputs ? ValueTarget{ValueTarget::Input, number}
                         : ValueTarget{ValueTarget::Node, number - inputs};
}

void NameTable::build(std::vector<Clash> *clashes) {
  auto name = [&](uint32_t number) { return nameOf(number); };
  size_t count = function.inputs.size() + function.nodes.size();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t other = index.insert(name(i), i, name);
    if (!clashes)
      continue;
    uint32_t variable = variables->find(name(i));
    if (variable != NameIndex::none)
      clashes->push_back({{ValueTarget::Variable, variable}, targetOf(i)});
    else if (other != NameIndex::none)
      clashes->push_back({targetOf(other), targetOf(i)});
  }
}

ValueTarget NameTable::find(std::string_view name) const {
  uint32_t number =
      index.find(name, [&](uint32_t number) { return nameOf(number); });
  if (number != NameIndex::none)
    return targetOf(number);
  uint32_t variable = variables->find(name);
  return variable == NameIndex::none
             ? ValueTarget()
             : ValueTarget{ValueTarget::Variable, variable};
}

std::string_view NameTable::nearest(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const Variable &variable : variables->graphFile().variables)
    names.push_back(variable.name);
  for (const Input &input : function.inputs)
    names.push_back(input.name);
  for (const Node &node : function.nodes)
    names.push_back(node.name);
  // Sorted, so that of two equally near names the choice is nobody's accident.
  std::sort(names.begin(), names.end());
  return didYouMean(name, names);
}

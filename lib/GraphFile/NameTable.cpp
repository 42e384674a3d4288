//===- NameTable.cpp - Names of one function ----------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Inputs, nodes and variables by name. The first of two equal names wins; that
// there are two is the check's business.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Reader.h"

#include <algorithm>
#include <unordered_map>

using namespace amp;
using namespace amp::graphfile;

struct NameTable::Impl {
  std::unordered_map<std::string_view, ValueTarget> targets;
};

NameTable::NameTable(const GraphFile &file, const Function &function)
    : impl(std::make_unique<Impl>()) {
  auto &targets = impl->targets;
  targets.reserve(function.inputs.size() + function.nodes.size() +
                  file.variables.size());
  for (uint32_t i = 0; i < function.inputs.size(); ++i)
    targets.try_emplace(function.inputs[i].name,
                        ValueTarget{ValueTarget::Input, i});
  for (uint32_t i = 0; i < file.variables.size(); ++i)
    targets.try_emplace(file.variables[i].name,
                        ValueTarget{ValueTarget::Variable, i});
  for (uint32_t i = 0; i < function.nodes.size(); ++i)
    targets.try_emplace(function.nodes[i].name,
                        ValueTarget{ValueTarget::Node, i});
}

NameTable::~NameTable() = default;

ValueTarget NameTable::find(std::string_view name) const {
  auto it = impl->targets.find(name);
  return it == impl->targets.end() ? ValueTarget() : it->second;
}

std::string_view NameTable::nearest(std::string_view name) const {
  std::vector<std::string_view> names;
  names.reserve(impl->targets.size());
  for (const auto &target : impl->targets)
    names.push_back(target.first);
  // A hash table has no order; messages must.
  std::sort(names.begin(), names.end());
  return didYouMean(name, names);
}

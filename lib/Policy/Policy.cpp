//===- Policy.cpp - The effective lists -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A table from op name to list, with the spelling of lists, targets and rules.
//===----------------------------------------------------------------------===//

#include "amp/Policy/Policy.h"

#include <algorithm>

using namespace amp;

std::string_view amp::listName(ListKind list) {
  switch (list) {
  case ListKind::Allow:
    return "allow";
  case ListKind::Infer:
    return "infer";
  case ListKind::Clear:
    return "clear";
  case ListKind::Deny:
    return "deny";
  case ListKind::Keep:
    return "keep";
  }
  return {};
}

std::string_view amp::targetName(Target target) {
  return target == Target::Float16 ? "float16" : "bfloat16";
}

ListKind Policy::list(std::string_view op) const {
  auto it = table.find(std::string(op));
  return it == table.end() ? ListKind::Keep : it->second;
}

bool Policy::lists(std::string_view op) const {
  return table.count(std::string(op)) != 0;
}

void Policy::move(std::string_view op, ListKind to) {
  table[std::string(op)] = to;
}

std::vector<std::string> Policy::members(ListKind list) const {
  std::vector<std::string> names;
  for (const auto &entry : table)
    if (entry.second == list)
      names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  return names;
}

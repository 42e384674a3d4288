//===- FunctionGraph.cpp - The body of a function as a graph ----------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Only spellings change. Inputs that name nothing are left to who checks the
// graph.
//===----------------------------------------------------------------------===//

#include "FunctionGraph.h"

#include "GraphNodes.h"

#include <algorithm>
#include <charconv>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

FunctionGraph::FunctionGraph(const pb::FunctionDef &function)
    : arguments(function.signature().input_arg_size()) {
  for (const pb::OpDef::ArgDef &arg : function.signature().input_arg()) {
    pb::NodeDef &node = *graph.add_node();
    node.set_name(arg.name());
    node.set_op("Placeholder");
    (*node.mutable_attr())["dtype"].set_type(arg.type());
  }
  for (const pb::NodeDef &node : function.node_def())
    *graph.add_node() = node;
  for (int i = 0; i < graph.node_size(); ++i)
    byName.emplace(graph.node(i).name(), i);
  for (int i = arguments; i < graph.node_size(); ++i)
    for (std::string &input : *graph.mutable_node(i)->mutable_input())
      input = toGraph(input);
  // Names that no node can have.
  std::map<std::string, std::string> results(function.ret().begin(),
                                             function.ret().end());
  controls.insert(function.control_ret().begin(), function.control_ret().end());
  for (const auto &[name, value] : results)
    addEnd(kResult, "=" + name, toGraph(value));
  for (const auto &[name, node] : controls)
    addEnd(kControlResult, "=^" + name, "^" + node);
}

void FunctionGraph::addEnd(const char *op, const std::string &name,
                           const std::string &input) {
  ends.insert(graph.node_size());
  pb::NodeDef &node = *graph.add_node();
  node.set_name(name);
  node.set_op(op);
  node.add_input(input);
}

void FunctionGraph::addControlResult(const std::string &node) {
  addEnd(kControlResult, "=^" + node, "^" + node);
}

std::string FunctionGraph::toGraph(const std::string &text) {
  size_t colon = text.find(':');
  if (text.empty() || text[0] == '^' || colon == text.npos)
    return text;
  std::string name = text.substr(0, colon), rest = text.substr(colon + 1);
  auto it = byName.find(name);
  if (it == byName.end())
    return text;
  const pb::NodeDef &node = graph.node(it->second);
  size_t second = rest.find(':');
  std::string output = rest.substr(0, second);
  int64_t within = 0;
  if (second != rest.npos)
    std::from_chars(rest.data() + second + 1, rest.data() + rest.size(),
                    within);
  within = std::clamp<int64_t>(within, 0, 1 << 20);
  int64_t port = 0;
  if (const OpSpec *spec = findOp(node.op()))
    for (const ArgSpec &arg : spec->outputs) {
      if (arg.name == output)
        return name + ":" + std::to_string(port + within);
      port += portsOf(arg, node);
    }
  std::string &number = numbers[text];
  if (number.empty()) {
    number = name + ":" + std::to_string(met[name]++);
    spellings[number] = text;
  }
  return number;
}

std::string
FunctionGraph::toFunction(const std::string &text,
                          const std::map<std::string, int> &index) const {
  if (text.empty() || text[0] == '^')
    return text;
  size_t colon = text.find(':');
  std::string name = text.substr(0, colon);
  auto it = index.find(name);
  if (it == index.end())
    return text;
  // An argument has one value.
  if (it->second < arguments)
    return name;
  int64_t port = 0;
  if (colon != text.npos)
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (auto spelled = spellings.find(name + ":" + std::to_string(port));
      spelled != spellings.end())
    return spelled->second;
  const pb::NodeDef &node = graph.node(it->second);
  if (const OpSpec *spec = findOp(node.op()))
    for (const ArgSpec &arg : spec->outputs) {
      int64_t count = portsOf(arg, node);
      if (port < count)
        return name + ":" + std::string(arg.name) + ":" + std::to_string(port);
      port -= count;
    }
  return text;
}

void FunctionGraph::store(pb::FunctionDef &function) const {
  std::map<std::string, int> index;
  for (int i = 0; i < graph.node_size(); ++i)
    index.emplace(graph.node(i).name(), i);
  function.clear_node_def();
  function.clear_ret();
  function.clear_control_ret();
  for (int i = arguments; i < graph.node_size(); ++i) {
    const pb::NodeDef &node = graph.node(i);
    bool isEnd = ends.count(i) != 0;
    if (isEnd && node.op() == kResult) {
      (*function.mutable_ret())[node.name().substr(1)] =
          toFunction(node.input(0), index);
      continue;
    }
    if (isEnd) {
      std::string name = node.name().substr(2), end = node.input(0).substr(1);
      // What has moved is called by the node that it is now, and once.
      auto before = controls.find(name);
      bool isSame = before != controls.end() && before->second == end;
      (*function.mutable_control_ret())[isSame ? name : end] = end;
      continue;
    }
    pb::NodeDef &stored = *function.add_node_def();
    stored = node;
    for (std::string &input : *stored.mutable_input())
      input = toFunction(input, index);
  }
  // Where the signature names its control outputs, it names all of them.
  auto &names = *function.mutable_signature()->mutable_control_output();
  if (names.empty())
    return;
  auto isGone = [&](const std::string &name) {
    return !function.control_ret().count(name);
  };
  names.erase(std::remove_if(names.begin(), names.end(), isGone), names.end());
  for (const auto &[name, node] : function.control_ret())
    if (std::find(names.begin(), names.end(), name) == names.end())
      *names.Add() = name;
}

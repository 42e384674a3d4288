//===- GraphNodes.cpp - Nodes of a GraphDef, to be changed --------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Inputs that name nothing are left to who checks the graph.
//===----------------------------------------------------------------------===//

#include "GraphNodes.h"

#include <algorithm>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

/// "name", "name:3", "^name".
static std::pair<std::string, int> split(const std::string &text) {
  if (!text.empty() && text[0] == '^')
    return {text.substr(1), -1};
  size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != text.npos ||
      text.size() - colon > 7)
    return {text, 0};
  return {text.substr(0, colon), std::stoi(text.substr(colon + 1))};
}

int64_t amp::graphdef::portsOf(const ArgSpec &arg, const pb::NodeDef &node) {
  auto it = node.attr().find(
      std::string(arg.isList ? arg.typeAttr : arg.numberAttr));
  if (arg.isList)
    return it == node.attr().end() ? 0 : it->second.list().type_size();
  if (arg.numberAttr.empty())
    return 1;
  // A number that no node can have is found when the graph is checked.
  return it == node.attr().end()
             ? 0
             : std::clamp<int64_t>(it->second.i(), 0, 1 << 20);
}

GraphNodes::GraphNodes(pb::GraphDef &graph, std::vector<std::string> &added)
    : graph(graph), added(added), usesOf(graph.node_size()) {
  for (int i = 0; i < graph.node_size(); ++i)
    index.emplace(graph.node(i).name(), i);
  for (int i = 0; i < graph.node_size(); ++i)
    for (int k = 0; k < graph.node(i).input_size(); ++k) {
      auto [name, port] = split(graph.node(i).input(k));
      if (int source = find(name); source >= 0)
        usesOf[source].push_back({i, k, port, port < 0});
    }
}

int GraphNodes::find(const std::string &name) const {
  auto it = index.find(name);
  return it == index.end() ? -1 : it->second;
}

GraphNodes::Port GraphNodes::source(int node, int input) const {
  auto [name, port] = split(graph.node(node).input(input));
  return {find(name), port};
}

const ArgSpec *GraphNodes::argOf(const Port &port, bool isOutput,
                                 int &within) const {
  const pb::NodeDef &node = graph.node(port.node);
  const OpSpec *spec = findOp(node.op());
  within = port.port;
  if (!spec)
    return nullptr;
  for (const ArgSpec &arg : isOutput ? spec->outputs : spec->inputs) {
    int64_t count = portsOf(arg, node);
    if (within < count)
      return &arg;
    within -= static_cast<int>(count);
  }
  return nullptr;
}

DataType GraphNodes::portType(const Port &port) const {
  int within = 0;
  const ArgSpec *arg = argOf(port, /*isOutput=*/true, within);
  if (!arg)
    return 0;
  if (arg->typeAttr.empty())
    return arg->fixed;
  const pb::NodeDef &node = graph.node(port.node);
  auto it = node.attr().find(std::string(arg->typeAttr));
  if (it != node.attr().end())
    return arg->isList ? DataType(it->second.list().type(within))
                       : DataType(it->second.type());
  const AttrSpec *attr = findOp(node.op())->attr(arg->typeAttr);
  if (!attr || !attr->defaults || attr->defaults->empty())
    return 0;
  return (*attr->defaults)[arg->isList ? within : 0];
}

bool GraphNodes::isReference(const Port &port) const {
  int within = 0;
  const ArgSpec *arg = argOf(port, /*isOutput=*/true, within);
  return arg && arg->isRef;
}

bool GraphNodes::takesReference(int node, int input) const {
  int within = 0;
  const ArgSpec *arg = argOf({node, input}, /*isOutput=*/false, within);
  return arg && arg->isRef;
}

std::string GraphNodes::text(const Port &port) const {
  const std::string &name = graph.node(port.node).name();
  return port.port == 0 ? name : name + ":" + std::to_string(port.port);
}

std::string GraphNodes::freeName(const std::string &name) const {
  std::string text = name;
  for (int k = 1; index.count(text); ++k)
    text = name + "_" + std::to_string(k);
  return text;
}

std::string GraphNodes::add(const std::string &name, const char *op,
                            const Inputs &inputs, const Types &types,
                            const std::string &device) {
  std::string free = freeName(name);
  addNamed(free, op, inputs, types, device);
  return free;
}

void GraphNodes::addNamed(const std::string &name, const char *op,
                          const Inputs &inputs, const Types &types,
                          const std::string &device) {
  index[name] = graph.node_size();
  pb::NodeDef &node = *graph.add_node();
  node.set_name(name);
  node.set_op(op);
  node.set_device(device);
  for (const std::string &input : inputs)
    node.add_input(input);
  for (const auto &[attr, type] : types)
    (*node.mutable_attr())[attr].set_type(static_cast<pb::DataType>(type));
  added.push_back(name);
}

std::string GraphNodes::addConst(const std::string &name,
                                 pb::TensorProto tensor,
                                 const Inputs &inputs) {
  DataType type = tensor.dtype();
  tensor.mutable_tensor_shape();
  std::string free = add(name, "Const", inputs, {{"dtype", type}});
  *(*graph.mutable_node(find(free))->mutable_attr())["value"]
       .mutable_tensor() = std::move(tensor);
  return free;
}

std::string GraphNodes::addFloat(const std::string &name, float value,
                                 const Inputs &inputs) {
  pb::TensorProto tensor;
  tensor.set_dtype(pb::DT_FLOAT);
  tensor.add_float_val(value);
  return addConst(name, std::move(tensor), inputs);
}

std::string GraphNodes::addInt32(const std::string &name, int32_t value) {
  pb::TensorProto tensor;
  tensor.set_dtype(pb::DT_INT32);
  tensor.add_int_val(value);
  return addConst(name, std::move(tensor), {});
}

std::string GraphNodes::addInt64(const std::string &name, int64_t value,
                                 const Inputs &inputs) {
  pb::TensorProto tensor;
  tensor.set_dtype(pb::DT_INT64);
  tensor.add_int64_val(value);
  return addConst(name, std::move(tensor), inputs);
}

void GraphNodes::addHandle(const std::string &name,
                           const std::string &sharedName, DataType type) {
  addNamed(name, "VarHandleOp", {}, {{"dtype", type}});
  auto &attr = *graph.mutable_node(find(name))->mutable_attr();
  attr["shared_name"].set_s(sharedName);
  attr["container"].set_s("");
  attr["shape"].mutable_shape();
}

void GraphNodes::setInt(const std::string &name, const char *attr,
                        int64_t value) {
  (*graph.mutable_node(find(name))->mutable_attr())[attr].set_i(value);
}

void GraphNodes::setInput(const Use &use, const std::string &text) {
  *graph.mutable_node(use.node)->mutable_input(use.input) = text;
}

void GraphNodes::addInput(int node, const std::string &text) {
  graph.mutable_node(node)->add_input(text);
}

std::string GraphNodes::rename(int node, const std::string &name) {
  std::string free = freeName(name);
  index.erase(graph.node(node).name());
  index[free] = node;
  graph.mutable_node(node)->set_name(free);
  return free;
}

bool GraphNodes::feedConditionally(int node, const std::set<int> &inner,
                                   Conditional &conditional) {
  bool depends = false;
  // The inputs may be those of a node that adding nodes moves.
  for (int k = 0; k < graph.node(node).input_size(); ++k) {
    std::string text = graph.node(node).input(k);
    auto [name, port] = split(text);
    int source = find(name);
    if (inner.count(source)) {
      depends = true;
      continue;
    }
    if (port < 0 || source < 0)
      continue;
    Port from{source, port};
    DataType type = portType(from);
    if (!type)
      continue;
    std::string routed = conditional.onTrue(text, type, isReference(from));
    *graph.mutable_node(node)->mutable_input(k) = routed;
    depends = true;
  }
  return depends;
}

Conditional::Conditional(GraphNodes &nodes, const std::string &scope,
                         const std::string &condition)
    : nodes(nodes), scope(scope) {
  std::string both = nodes.add(scope + "Switch", "Switch",
                               {condition, condition}, {{"T", kBool}});
  pivotTrue =
      nodes.add(scope + "switch_t", "Identity", {both + ":1"}, {{"T", kBool}});
  pivotFalse =
      nodes.add(scope + "switch_f", "Identity", {both}, {{"T", kBool}});
  this->condition =
      nodes.add(scope + "pred_id", "Identity", {condition}, {{"T", kBool}});
}

std::string Conditional::route(const std::string &value, DataType type,
                               bool isReference) {
  std::string &name = switches[value];
  if (name.empty())
    name = nodes.add(scope + "value/Switch",
                     isReference ? "RefSwitch" : "Switch", {value, condition},
                     {{"T", type}});
  return name;
}

std::string Conditional::onTrue(const std::string &value, DataType type,
                                bool isReference) {
  return route(value, type, isReference) + ":1";
}

std::string Conditional::onFalse(const std::string &value, DataType type) {
  return route(value, type, false);
}

std::string Conditional::merge(const GraphNodes::Inputs &onTrue,
                               const GraphNodes::Inputs &onFalse) {
  auto end = [&](const std::string &pivot, const GraphNodes::Inputs &waits) {
    std::vector<std::string> inputs = {pivot};
    inputs.insert(inputs.end(), waits.begin(), waits.end());
    return nodes.add(scope + "control_dependency", "Identity", inputs,
                     {{"T", kBool}});
  };
  std::string yes = end(pivotTrue, onTrue), no = end(pivotFalse, onFalse);
  std::string merged =
      nodes.add(scope + "Merge", "Merge", {no, yes}, {{"T", kBool}});
  nodes.setInt(merged, "N", 2);
  return merged;
}

//===- SavedModelScale.cpp - Loss scaling in a SavedModel -------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Loaders restore the variables of the checkpoint, then run one op: the one of
// the signature "__saved_model_init_op", else of the collections
// "saved_model_main_op" or "legacy_init_op".
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/SavedModelScale.h"

#include "amp/GraphDef/OpTable.h"
#include "graph_def.pb.h"

#include <algorithm>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <map>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;

static constexpr const char *kInitSignature = "__saved_model_init_op",
                            *kMainOp = "saved_model_main_op",
                            *kLegacyOp = "legacy_init_op";

static pb::NodeDef *findNode(pb::GraphDef &graph, const std::string &name) {
  for (pb::NodeDef &node : *graph.mutable_node())
    if (node.name() == name)
      return &node;
  return nullptr;
}

/// The name that loaders look up first; empty if there is none.
static std::string initOpOf(const pb::MetaGraphDef &meta) {
  auto signature = meta.signature_def().find(kInitSignature);
  if (signature != meta.signature_def().end())
    for (const auto &[key, info] : signature->second.outputs())
      if (!info.name().empty())
        return info.name();
  for (const char *key : {kMainOp, kLegacyOp})
    if (auto it = meta.collection_def().find(key);
        it != meta.collection_def().end() &&
        it->second.node_list().value_size() > 0)
      return it->second.node_list().value(0);
  return {};
}

static std::string nodeOf(const std::string &tensor) {
  return tensor.substr(0, tensor.rfind(':'));
}

/// A VariableDef.
static std::string describeVariable(const std::string &name,
                                    const std::string &initializer,
                                    const std::string &snapshot,
                                    const std::string &initial) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  auto text = [&](int field, const std::string &value) {
    coded.WriteTag(field << 3 | 2);
    coded.WriteVarint32(value.size());
    coded.WriteString(value);
  };
  text(1, name + ":0");
  text(2, initializer);
  text(3, snapshot + ":0");
  // It is a resource.
  coded.WriteTag(5 << 3);
  coded.WriteVarint32(1);
  text(6, initial + ":0");
  coded.Trim();
  return bytes;
}

/// So that whoever goes on training initializes and saves them with the others.
static void describeVariables(pb::MetaGraphDef &meta,
                              TrainingScaleResult &result) {
  auto variables = meta.mutable_collection_def()->find("variables");
  // A loader that knows no saver restores all variables.
  if (variables == meta.mutable_collection_def()->end() ||
      !variables->second.has_bytes_list() || !meta.has_saver_def())
    return;
  for (const std::string &initializer : result.initializers) {
    const pb::NodeDef *assign =
        findNode(*meta.mutable_graph_def(), initializer);
    std::string name = assign->input(0), initial = assign->input(1);
    pb::AttrValue type = assign->attr().at("dtype");
    std::string read = name + "/Read/ReadVariableOp";
    if (findNode(*meta.mutable_graph_def(), read))
      return;
    pb::NodeDef &node = *meta.mutable_graph_def()->add_node();
    node.set_name(read);
    node.set_op("ReadVariableOp");
    node.add_input(name);
    (*node.mutable_attr())["dtype"] = type;
    result.nodes.push_back({"", read});
    variables->second.mutable_bytes_list()->add_value(
        describeVariable(name, initializer, read, initial));
  }
}

std::string amp::graphdef::addToLoader(pb::MetaGraphDef &meta,
                                       TrainingScaleResult &result) {
  if (result.initializers.empty())
    return {};
  describeVariables(meta, result);
  pb::GraphDef &graph = *meta.mutable_graph_def();
  std::string name = nodeOf(initOpOf(meta));
  pb::NodeDef *init = name.empty() ? nullptr : findNode(graph, name);
  const auto &extended = result.initializedBy;
  if (init && init->op() == "NoOp") {
    if (std::find(extended.begin(), extended.end(), name) == extended.end())
      for (const std::string &initializer : result.initializers)
        init->add_input("^" + initializer);
    return name;
  }
  std::string made = "loss_scale/init_op";
  for (int k = 1; findNode(graph, made); ++k)
    made = "loss_scale/init_op_" + std::to_string(k);
  pb::NodeDef &node = *graph.add_node();
  node.set_name(made);
  node.set_op("NoOp");
  if (init)
    node.add_input("^" + name);
  for (const std::string &initializer : result.initializers)
    node.add_input("^" + initializer);
  result.nodes.push_back({"", made});
  auto &collections = *meta.mutable_collection_def();
  auto legacy = collections.find(kLegacyOp);
  pb::CollectionDef &main = init && legacy != collections.end()
                                ? legacy->second
                                : collections[kMainOp];
  main.mutable_node_list()->clear_value();
  main.mutable_node_list()->add_value(made);
  // Where there was neither, loaders of both versions find the op.
  auto &signatures = *meta.mutable_signature_def();
  if (!init || signatures.count(kInitSignature)) {
    auto &outputs = *signatures[kInitSignature].mutable_outputs();
    pb::TensorInfo &info =
        outputs.empty() ? outputs[kInitSignature] : outputs.begin()->second;
    info.set_name(made);
    info.mutable_tensor_shape()->set_unknown_rank(true);
  }
  return made;
}

/// The kind of an attribute's value, as definitions call it.
static const char *kindOf(const pb::AttrValue &value) {
  switch (value.value_case()) {
  case pb::AttrValue::kS:
    return "string";
  case pb::AttrValue::kI:
    return "int";
  case pb::AttrValue::kF:
    return "float";
  case pb::AttrValue::kB:
    return "bool";
  case pb::AttrValue::kType:
    return "type";
  case pb::AttrValue::kShape:
    return "shape";
  case pb::AttrValue::kTensor:
    return "tensor";
  case pb::AttrValue::kFunc:
    return "func";
  default:
    return nullptr;
  }
}

static void define(const OpSpec &spec, const pb::NodeDef &node, pb::OpDef &op) {
  op.set_name(node.op());
  auto describe = [](const ArgSpec &arg, pb::OpDef::ArgDef &into) {
    into.set_name(std::string(arg.name));
    if (arg.typeAttr.empty())
      into.set_type(static_cast<pb::DataType>(arg.fixed));
    else if (arg.isList)
      into.set_type_list_attr(std::string(arg.typeAttr));
    else
      into.set_type_attr(std::string(arg.typeAttr));
    into.set_number_attr(std::string(arg.numberAttr));
    into.set_is_ref(arg.isRef);
  };
  for (const ArgSpec &arg : spec.inputs)
    describe(arg, *op.add_input_arg());
  for (const ArgSpec &arg : spec.outputs)
    describe(arg, *op.add_output_arg());
  op.set_is_stateful(spec.isStateful);
  for (const AttrSpec &attr : spec.attrs) {
    const char *kind = nullptr;
    if (attr.kind == AttrKind::Type)
      kind = "type";
    else if (attr.kind == AttrKind::TypeList)
      kind = "list(type)";
    else if (attr.kind == AttrKind::Int)
      kind = "int";
    else if (auto it = node.attr().find(std::string(attr.name));
             it != node.attr().end())
      kind = kindOf(it->second);
    if (!kind)
      continue;
    auto *into = op.add_attr();
    into->set_name(std::string(attr.name));
    into->set_type(kind);
  }
  // Consumers fill in what a node leaves out.
  if (node.op() == "Cast")
    for (auto &attr : *op.mutable_attr())
      if (attr.name() == "Truncate")
        attr.mutable_default_value()->set_b(false);
}

/// A node of each op of the graph and of its functions.
static std::map<std::string, const pb::NodeDef *>
nodesByOp(const pb::MetaGraphDef &meta) {
  std::map<std::string, const pb::NodeDef *> found;
  auto look = [&](const pb::NodeDef &node) { found[node.op()] = &node; };
  const pb::GraphDef &graph = meta.graph_def();
  std::for_each(graph.node().begin(), graph.node().end(), look);
  for (const pb::FunctionDef &function : graph.library().function())
    std::for_each(function.node_def().begin(), function.node_def().end(), look);
  return found;
}

std::set<std::string> amp::graphdef::opsOf(const pb::MetaGraphDef &meta) {
  std::set<std::string> ops;
  for (const auto &[op, node] : nodesByOp(meta))
    ops.insert(op);
  return ops;
}

void amp::graphdef::listNewOps(pb::MetaGraphDef &meta,
                               const std::set<std::string> &before) {
  if (meta.meta_info_def().stripped_op_list().op().empty())
    return;
  auto &list =
      *meta.mutable_meta_info_def()->mutable_stripped_op_list()->mutable_op();
  std::map<std::string, const pb::NodeDef *> missing = nodesByOp(meta);
  for (const std::string &op : before)
    missing.erase(op);
  for (const pb::OpDef &op : list)
    missing.erase(op.name());
  for (const auto &[name, node] : missing)
    if (const OpSpec *spec = findOp(name))
      define(*spec, *node, *list.Add());
  if (!missing.empty())
    std::stable_sort(list.pointer_begin(), list.pointer_end(),
                     [](const pb::OpDef *a, const pb::OpDef *b) {
                       return a->name() < b->name();
                     });
}

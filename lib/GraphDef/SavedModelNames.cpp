//===- SavedModelNames.cpp - What a SavedModel wants of its graph -------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Of messages that are kept as bytes, the few fields that hold names are read
// without their definitions.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/SavedModelNames.h"

#include "ObjectGraphText.h"
#include "graph_def.pb.h"

#include <algorithm>
#include <google/protobuf/unknown_field_set.h>
#include <map>

using namespace amp;
using namespace amp::graphdef;
namespace pb = amp::tensorflow;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

static void addTensors(const pb::TensorInfo &info, const std::string &what,
                       std::vector<SignatureTensor> &into) {
  auto add = [&](const std::string &name) {
    if (!name.empty())
      into.push_back({name, what});
  };
  switch (info.encoding_case()) {
  case pb::TensorInfo::kName:
    return add(info.name());
  case pb::TensorInfo::kCooSparse:
    add(info.coo_sparse().values_tensor_name());
    add(info.coo_sparse().indices_tensor_name());
    return add(info.coo_sparse().dense_shape_tensor_name());
  case pb::TensorInfo::kCompositeTensor:
    for (const pb::TensorInfo &part : info.composite_tensor().components())
      addTensors(part, what, into);
    return;
  case pb::TensorInfo::ENCODING_NOT_SET:
    return;
  }
}

/// The strings of a message in bytes, by field.
static void addStrings(const std::string &bytes, int firstField, int lastField,
                       std::vector<std::string> &into) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(bytes))
    return;
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField &field = fields.field(i);
    if (field.type() == UnknownField::TYPE_LENGTH_DELIMITED &&
        field.number() >= firstField && field.number() <= lastField)
      into.push_back(field.length_delimited());
  }
}

SavedModelNames amp::graphdef::namesOf(const pb::MetaGraphDef &meta) {
  SavedModelNames names;
  // In the order of the names, so that messages have one.
  std::map<std::string, const pb::SignatureDef *> signatures;
  for (const auto &[name, signature] : meta.signature_def())
    signatures[name] = &signature;
  auto addAll = [](const char *kind, const std::string &signature,
                   const auto &infos, std::vector<SignatureTensor> &into) {
    std::map<std::string, const pb::TensorInfo *> sorted;
    for (const auto &[name, info] : infos)
      sorted[name] = &info;
    for (const auto &[name, info] : sorted)
      addTensors(*info,
                 std::string(kind) + " '" + name + "' of signature '" +
                     signature + "'",
                 into);
  };
  for (const auto &[name, signature] : signatures) {
    addAll("output", name, signature->outputs(), names.outputs);
    addAll("input", name, signature->inputs(), names.inputs);
  }
  names.keep = {meta.saver_def().filename_tensor_name(),
                meta.saver_def().save_tensor_name(),
                meta.saver_def().restore_op_name()};
  for (const pb::AssetFileDef &asset : meta.asset_file_def()) {
    std::vector<SignatureTensor> tensors;
    addTensors(asset.tensor_info(), {}, tensors);
    for (SignatureTensor &tensor : tensors)
      names.keep.push_back(std::move(tensor.tensor));
  }
  for (const auto &[key, collection] : meta.collection_def()) {
    for (const char *op :
         {"saved_model_main_op", "legacy_init_op", "saved_model_train_op",
          "train_op", "init_op", "local_init_op", "ready_op",
          "ready_for_local_init_op", "summary_op", "table_initializer"})
      if (key == op)
        for (const std::string &name : collection.node_list().value())
          names.keep.push_back(name);
    // A QueueRunnerDef: the queue, and the ops that fill, close and cancel it.
    if (key == "queue_runners")
      for (const std::string &runner : collection.bytes_list().value())
        addStrings(runner, 1, 4, names.keep);
  }
  names.keep.erase(std::remove(names.keep.begin(), names.keep.end(), ""),
                   names.keep.end());
  std::sort(names.keep.begin(), names.keep.end());
  if (isObjectText(meta.object_graph_def())) {
    names.functions = functionsOfObjectText(meta.object_graph_def());
    return names;
  }
  // A SavedObjectGraph: field 2 is the map of its concrete functions, and the
  // key of an entry is field 1.
  std::vector<std::string> entries;
  addStrings(meta.object_graph_def(), 2, 2, entries);
  for (const std::string &entry : entries)
    addStrings(entry, 1, 1, names.functions);
  return names;
}

std::string amp::graphdef::tagsOf(const pb::MetaGraphDef &meta) {
  std::string text;
  for (const std::string &tag : meta.meta_info_def().tags())
    text += (text.empty() ? "" : ", ") + tag;
  return text.empty() ? "no tags" : text;
}

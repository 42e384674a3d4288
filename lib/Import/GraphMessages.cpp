//===- GraphMessages.cpp - What messages of a graph say -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Through the generated classes, or through reflection where any field will do.
//===----------------------------------------------------------------------===//

#include "GraphMessages.h"

#include <algorithm>

using namespace amp;
namespace pb = amp::tensorflow;

static char typeCode(int type) {
  return static_cast<char>(type <= 26 ? 64 + type : 70 + type);
}

template <typename Args> static std::string portsText(const Args &args) {
  std::string text;
  for (const auto &arg : args) {
    if (!text.empty())
      text += ' ';
    text += arg.name() + ":";
    if (!arg.type_list_attr().empty()) {
      text += "@" + arg.type_list_attr();
    } else {
      if (!arg.number_attr().empty())
        text += arg.number_attr() + "*";
      if (!arg.type_attr().empty())
        text += arg.type_attr();
      else
        text += std::string("=") + typeCode(arg.type());
    }
    if (arg.is_ref())
      text += "&";
  }
  return text;
}

std::string amp::signatureLine(const pb::OpDef &signature) {
  std::string line = signature.name() + "\t" +
                     (signature.is_stateful() ? "s" : "") + "\t" +
                     portsText(signature.input_arg()) + "\t" +
                     portsText(signature.output_arg()) + "\t";
  bool first = true;
  for (const auto &attr : signature.attr()) {
    line += (first ? "" : " ") + attr.name() + ":" +
            (attr.type() == "type"         ? "t"
             : attr.type() == "list(type)" ? "T"
             : attr.type() == "int"        ? "i"
                                           : "o");
    first = false;
  }
  return line + "\t\t\t\t";
}

void amp::collectCalls(const pb::AttrValue &value,
                       std::vector<std::string> &names) {
  auto add = [&](const pb::NameAttrList &function) {
    names.push_back(function.name());
    for (const auto &[name, inner] : function.attr())
      collectCalls(inner, names);
  };
  if (value.value_case() == pb::AttrValue::kFunc)
    add(value.func());
  if (value.value_case() == pb::AttrValue::kList)
    for (const pb::NameAttrList &function : value.list().func())
      add(function);
}

bool amp::isParametrised(const pb::FunctionDef &function) {
  if (function.signature().attr_size())
    return true;
  for (const auto *args : {&function.signature().input_arg(),
                           &function.signature().output_arg()})
    for (const auto &arg : *args)
      if (!arg.type_attr().empty() || !arg.type_list_attr().empty() ||
          !arg.number_attr().empty())
        return true;
  for (const pb::NodeDef &node : function.node_def())
    for (const auto &[name, value] : node.attr())
      if (value.value_case() == pb::AttrValue::kPlaceholder)
        return true;
  return false;
}

void amp::copyAllBut(const google::protobuf::Message &from,
                     google::protobuf::Message &to,
                     std::initializer_list<int> skipped) {
  const google::protobuf::Reflection *read = from.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor *> fields;
  read->ListFields(from, &fields);
  for (const google::protobuf::FieldDescriptor *field : fields) {
    if (std::find(skipped.begin(), skipped.end(), field->number()) !=
        skipped.end())
      continue;
    if (field->is_repeated())
      for (int i = 0, e = read->FieldSize(from, field); i < e; ++i)
        read->AddMessage(&to, field)
            ->CopyFrom(read->GetRepeatedMessage(from, field, i));
    else if (field->message_type())
      read->MutableMessage(&to, field)->CopyFrom(read->GetMessage(from, field));
    else
      read->SetInt32(&to, field, read->GetInt32(from, field));
  }
  read->MutableUnknownFields(&to)->MergeFrom(read->GetUnknownFields(from));
}

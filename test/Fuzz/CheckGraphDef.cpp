//===- CheckGraphDef.cpp - What holds for GraphDefs ---------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A file that is recognised is read or refused with a message, and a graph that
// was read comes back the same from all three forms.
//===----------------------------------------------------------------------===//

#include "Mutate.h"
#include "Readers.h"

#include "amp/GraphDef/GraphDefFile.h"
#include "graph_def.pb.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace amp;
using namespace amp::graphdef;
using namespace amp::test;

/// Text and JSON say of a NaN only that it is one.
static void plainNaNs(google::protobuf::Message &message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection *reflection = message.GetReflection();
  std::vector<const FieldDescriptor *> fields;
  reflection->ListFields(message, &fields);
  auto plain = [](auto value) {
    return std::isnan(value)
               ? std::numeric_limits<decltype(value)>::quiet_NaN()
               : value;
  };
  for (const FieldDescriptor *field : fields) {
    int count = field->is_repeated() ? reflection->FieldSize(message, field)
                                     : 0;
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!field->is_repeated())
        plainNaNs(*reflection->MutableMessage(&message, field));
      for (int i = 0; i < count; ++i)
        plainNaNs(*reflection->MutableRepeatedMessage(&message, field, i));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      if (!field->is_repeated())
        reflection->SetFloat(&message, field,
                             plain(reflection->GetFloat(message, field)));
      for (int i = 0; i < count; ++i)
        reflection->SetRepeatedFloat(
            &message, field, i,
            plain(reflection->GetRepeatedFloat(message, field, i)));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (!field->is_repeated())
        reflection->SetDouble(&message, field,
                              plain(reflection->GetDouble(message, field)));
      for (int i = 0; i < count; ++i)
        reflection->SetRepeatedDouble(
            &message, field, i,
            plain(reflection->GetRepeatedDouble(message, field, i)));
      break;
    default:
      break;
    }
  }
}

static ReaderOutcome checkAs(Format format, std::string bytes) {
  graphfile::SourceText source("graph", std::move(bytes));
  graphfile::Diagnostics diags;
  NodePlaces places;
  tensorflow::GraphDef graph;
  if (!readGraphDef(source, format, graph, places, diags)) {
    if (!diags.hasErrors() || diags.render(source).empty())
      return {false, "refused without a message"};
    return {};
  }
  if (diags.hasErrors())
    return {true, "accepted, with an error"};
  std::string first;
  if (auto error = writeGraphDef(graph, Format::Binary, false, first))
    return {true, *error};
  tensorflow::GraphDef plain = graph;
  plainNaNs(plain);
  std::string firstPlain;
  if (auto error = writeGraphDef(plain, Format::Binary, false, firstPlain))
    return {true, *error};
  for (Format other : {Format::Binary, Format::Text, Format::Json}) {
    // What only binary holds is lost elsewhere, and then there is nothing to
    // compare; a name that is no UTF-8 neither.
    if (other != Format::Binary && findUnknownField(graph))
      continue;
    std::string text, again;
    if (auto error = writeGraphDef(graph, other, false, text))
      return {true, *error};
    graphfile::SourceText written("written", text);
    graphfile::Diagnostics messages;
    NodePlaces unused;
    tensorflow::GraphDef back;
    if (!readGraphDef(written, other, back, unused, messages))
      return {true, "what was written is refused: " +
                        messages.render(written).substr(0, 500)};
    bool isBinary = other == Format::Binary;
    if (!isBinary)
      plainNaNs(back);
    if (auto error = writeGraphDef(back, Format::Binary, false, again))
      return {true, *error};
    if (again != (isBinary ? first : firstPlain))
      return {true, "written and read, the graph differs"};
  }
  return {true, std::nullopt};
}

ReaderOutcome amp::test::checkGraphDef(std::string bytes) {
  std::optional<Format> format = recognise(bytes);
  return format ? checkAs(*format, std::move(bytes)) : ReaderOutcome();
}
// Each reader for itself, whatever the bytes look like.
ReaderOutcome amp::test::checkGraphDefBinary(std::string bytes) {
  return checkAs(Format::Binary, std::move(bytes));
}
ReaderOutcome amp::test::checkGraphDefText(std::string bytes) {
  return checkAs(Format::Text, std::move(bytes));
}
ReaderOutcome amp::test::checkGraphDefJson(std::string bytes) {
  return checkAs(Format::Json, std::move(bytes));
}

std::vector<std::string> amp::test::graphDefSeeds() {
  tensorflow::GraphDef graph;
  auto node = [&](const char *name, const char *op,
                  std::initializer_list<const char *> inputs) {
    tensorflow::NodeDef *made = graph.add_node();
    made->set_name(name);
    made->set_op(op);
    for (const char *input : inputs)
      made->add_input(input);
    (*made->mutable_attr())["T"].set_type(tensorflow::DT_FLOAT);
    return made;
  };
  node("x", "Placeholder", {})->set_device("/device:GPU:0");
  auto *constant = node("c", "Const", {});
  auto *tensor = (*constant->mutable_attr())["value"].mutable_tensor();
  tensor->set_dtype(tensorflow::DT_FLOAT);
  tensor->mutable_tensor_shape()->add_dim()->set_size(2);
  tensor->add_float_val(1.5);
  // A NaN that is not the usual one.
  uint32_t bits = 0x7fc00001;
  float odd;
  std::memcpy(&odd, &bits, sizeof odd);
  tensor->add_float_val(odd);
  tensor->set_tensor_content(std::string("\0\1\xff", 3));
  auto *call = node("f", "F", {"x", "c", "^x"});
  auto *list = (*call->mutable_attr())["L"].mutable_list();
  list->add_type(tensorflow::DT_HALF);
  list->add_i(-5);
  list->add_s("s");
  (*call->mutable_attr())["body"].mutable_func()->set_name("F");
  (*call->mutable_attr())["shape"].mutable_shape()->set_unknown_rank(true);
  node("m", "MatMul", {"x", "f:1"});
  auto *function = graph.mutable_library()->add_function();
  function->mutable_signature()->set_name("F");
  function->mutable_signature()->add_input_arg()->set_name("a");
  function->add_node_def()->set_name("inner");
  (*function->mutable_ret())["y"] = "inner:y:0";
  graph.mutable_versions()->set_producer(2474);
  std::vector<std::string> seeds(3);
  writeGraphDef(graph, Format::Binary, false, seeds[0]);
  writeGraphDef(graph, Format::Text, false, seeds[1]);
  writeGraphDef(graph, Format::Json, false, seeds[2]);
  return seeds;
}

std::string amp::test::mutateGraphDef(const std::string &bytes,
                                      std::mt19937_64 &random) {
  static const std::vector<std::string> kPieces = {
      "\"node\":[", "{",     "}",        "[",      "]",        ",",
      "\"T\":",     "null",  "1e400",    "-0",     "\"\\u0000\"", "node {",
      "attr { key: \"T\" value { type: DT_FLOAT } }", "DT_HALF", "\"18446744073709551616\"",
      "\n\x02",     "\x12\x7f", "\x22\xff\xff\xff\xff\x0f", "\"list\":{}",
      "\"s\":\"AA==\"", "NaN"};
  std::string out = bytes;
  for (size_t changes = 1 + random() % 3; changes-- > 0;)
    mutateBytes(out, kPieces, random);
  return out;
}

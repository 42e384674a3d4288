//===- FormatsTest.cpp - GraphDefs in three forms ------------------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random messages through our JSON and protobuf's own, both ways; binary and
// text there and back; fields that nobody knows.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/GraphDefFile.h"

#include "graph_def.pb.h"

#include <cstdlib>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <random>

using namespace amp;
using namespace amp::graphdef;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

namespace {

/// Fills a message with random values of every kind, down to a depth.
class Filler {
public:
  explicit Filler(uint64_t seed) : random(seed) {}

  void fill(Message &message, int depth) {
    const auto *type = message.GetDescriptor();
    const auto *r = message.GetReflection();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor *field = type->field(i);
      if (pick(3) == 0)
        continue;
      if (const auto *oneof = field->real_containing_oneof())
        if (r->HasOneof(message, oneof))
          continue;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        if (depth == 0)
          continue;
        if (field->is_map())
          fillMap(message, field, depth);
        else if (field->is_repeated())
          for (uint64_t k = pick(3); k--;)
            fill(*r->AddMessage(&message, field), depth - 1);
        else
          fill(*r->MutableMessage(&message, field), depth - 1);
      } else if (field->is_repeated()) {
        for (uint64_t k = pick(4); k--;)
          scalar(message, field, true);
      } else {
        scalar(message, field, false);
      }
    }
  }

private:
  uint64_t pick(uint64_t n) { return random() % n; }

  void fillMap(Message &message, const FieldDescriptor *field, int depth) {
    const auto *r = message.GetReflection();
    for (uint64_t k = 0, n = pick(4); k < n; ++k) {
      Message *entry = r->AddMessage(&message, field);
      const FieldDescriptor *key = field->message_type()->map_key();
      const auto *of = entry->GetReflection();
      if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
        of->SetString(entry, key, "k" + std::to_string(k));
      else if (key->cpp_type() == FieldDescriptor::CPPTYPE_UINT32)
        of->SetUInt32(entry, key, static_cast<uint32_t>(k * 7));
      else
        of->SetUInt64(entry, key, k << 60);
      const FieldDescriptor *value = field->message_type()->map_value();
      if (value->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
        fill(*of->MutableMessage(entry, value), depth - 1);
      else
        scalar(*entry, value, false);
    }
  }

  void scalar(Message &message, const FieldDescriptor *field, bool repeated) {
    const auto *r = message.GetReflection();
    switch (field->cpp_type()) {
#define AMP_SET(CASE, NAME, VALUE)                                             \
  case FieldDescriptor::CPPTYPE_##CASE:                                        \
    repeated ? r->Add##NAME(&message, field, VALUE)                            \
             : r->Set##NAME(&message, field, VALUE);                           \
    break;
      AMP_SET(INT32, Int32, static_cast<int32_t>(random()))
      AMP_SET(INT64, Int64, static_cast<int64_t>(random()))
      AMP_SET(UINT32, UInt32, static_cast<uint32_t>(random()))
      AMP_SET(UINT64, UInt64, random())
      AMP_SET(BOOL, Bool, (random() & 1) != 0)
      AMP_SET(FLOAT, Float, static_cast<float>(real()))
      AMP_SET(DOUBLE, Double, real())
#undef AMP_SET
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto *type = field->enum_type();
      int number = type->value(pick(type->value_count()))->number();
      repeated ? r->AddEnumValue(&message, field, number)
               : r->SetEnumValue(&message, field, number);
      break;
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text;
      for (uint64_t k = pick(9); k--;)
        text += field->type() == FieldDescriptor::TYPE_BYTES
                    ? static_cast<char>(random())
                    : "ab\"\\/\n\t\x01{}<>&"[pick(13)];
      repeated ? r->AddString(&message, field, text)
               : r->SetString(&message, field, text);
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
    }
  }

  double real() {
    static const double kSpecial[] = {
        0.1,   -0.0, std::numeric_limits<double>::infinity(),
        -1e-9, 3e38, -std::numeric_limits<double>::infinity()};
    if (pick(3) == 0)
      return kSpecial[pick(std::size(kSpecial))];
    return std::ldexp(static_cast<double>(random() >> 11),
                      static_cast<int>(pick(60)) - 90);
  }

  std::mt19937_64 random;
};

uint64_t seed() {
  const char *text = std::getenv("AMP_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

class RandomGraphs : public ::testing::Test {
protected:
  template <typename Check> void each(Check check) {
    for (uint64_t s = seed(); s < seed() + 60; ++s) {
      SCOPED_TRACE("AMP_TEST_SEED=" + std::to_string(s));
      tensorflow::GraphDef graph;
      Filler(s).fill(graph, 5);
      check(graph);
      if (HasFatalFailure())
        return;
    }
  }
};

bool read(const std::string &text, Format format, tensorflow::GraphDef &graph,
          std::string &messages) {
  graphfile::SourceText source("graph", text);
  graphfile::Diagnostics diags;
  NodePlaces places;
  bool ok = readGraphDef(source, format, graph, places, diags);
  messages = diags.render(source);
  return ok;
}

} // namespace

TEST_F(RandomGraphs, JsonOfOursIsReadByProtobuf) {
  each([](const tensorflow::GraphDef &graph) {
    std::string text;
    writeJson(graph, text);
    tensorflow::GraphDef back;
    auto status = google::protobuf::util::JsonStringToMessage(text, &back);
    ASSERT_TRUE(status.ok()) << status.ToString() << text.substr(0, 2000);
    EXPECT_TRUE(MessageDifferencer::Equals(graph, back)) << text;
  });
}

TEST_F(RandomGraphs, JsonOfProtobufIsReadByUs) {
  each([](const tensorflow::GraphDef &graph) {
    std::string text, messages;
    auto status = google::protobuf::util::MessageToJsonString(graph, &text);
    ASSERT_TRUE(status.ok()) << status.ToString();
    tensorflow::GraphDef back;
    ASSERT_TRUE(read(text, Format::Json, back, messages)) << messages;
    EXPECT_TRUE(MessageDifferencer::Equals(graph, back)) << text;
  });
}

TEST_F(RandomGraphs, EveryFormThereAndBack) {
  each([](const tensorflow::GraphDef &graph) {
    for (Format format : {Format::Binary, Format::Text, Format::Json}) {
      std::string text, again, messages;
      ASSERT_EQ(writeGraphDef(graph, format, false, text), std::nullopt);
      tensorflow::GraphDef back;
      ASSERT_TRUE(read(text, format, back, messages)) << messages;
      EXPECT_TRUE(MessageDifferencer::Equals(graph, back))
          << static_cast<int>(format);
      // Equal graphs give equal bytes.
      ASSERT_EQ(writeGraphDef(back, format, false, again), std::nullopt);
      EXPECT_EQ(text, again);
    }
  });
}

TEST(GraphDefFormats, AreToldByContent) {
  EXPECT_EQ(recognise("{\"node\": []}"), Format::Json);
  EXPECT_EQ(recognise("{\"versions\": {\"producer\": 1}, \"node\": []}"),
            Format::Json);
  EXPECT_EQ(recognise("{\"format\": \"amp-graph\", \"node\": 1}"),
            std::nullopt);
  EXPECT_EQ(recognise("{\"a\": {\"node\": []}}"), std::nullopt);
  EXPECT_EQ(recognise("# a comment\nnode {\n  name: \"a\"\n}"), Format::Text);
  EXPECT_EQ(recognise("versions { producer: 1 }"), Format::Text);
  EXPECT_EQ(recognise("module {\n}"), std::nullopt);
  EXPECT_EQ(recognise("\n\n  func.func @f() {"), std::nullopt);
  EXPECT_EQ(recognise(""), std::nullopt);
  tensorflow::GraphDef graph;
  graph.add_node()->set_name("a");
  std::string text;
  ASSERT_EQ(writeGraphDef(graph, Format::Binary, false, text), std::nullopt);
  EXPECT_EQ(recognise(text), Format::Binary);
}

TEST(GraphDefFormats, UnknownFieldsLiveInBinaryOnly) {
  tensorflow::GraphDef graph;
  tensorflow::NodeDef *node = graph.add_node();
  node->set_name("a");
  node->set_op("NoOp");
  std::string binary = graph.SerializeAsString(), text, messages;
  // Field 999, a varint, at the end of the node.
  tensorflow::NodeDef parsed;
  std::string bytes = node->SerializeAsString() + "\xb8\x3e\x05";
  ASSERT_TRUE(parsed.ParseFromString(bytes));
  *graph.mutable_node(0) = parsed;
  EXPECT_EQ(findUnknownField(graph), "field 999 of NodeDef 'a'");
  ASSERT_EQ(writeGraphDef(graph, Format::Binary, false, text), std::nullopt);
  tensorflow::GraphDef back;
  ASSERT_TRUE(read(text, Format::Binary, back, messages));
  EXPECT_EQ(findUnknownField(back), "field 999 of NodeDef 'a'");
  for (Format format : {Format::Text, Format::Json}) {
    EXPECT_EQ(writeGraphDef(graph, format, false, text),
              "field 999 of NodeDef 'a' is unknown to this version and only a "
              "binary file can hold it: write .pb, or add --drop-unknown");
    EXPECT_EQ(writeGraphDef(graph, format, true, text), std::nullopt);
    ASSERT_TRUE(read(text, format, back, messages)) << messages;
    EXPECT_EQ(findUnknownField(back), std::nullopt);
  }
}

TEST(GraphDefFormats, NodesHavePlaces) {
  for (Format format : {Format::Json, Format::Text}) {
    tensorflow::GraphDef graph;
    for (const char *name : {"a", "b"}) {
      graph.add_node()->set_name(name);
      graph.mutable_library()->add_function()->add_node_def()->set_name(name);
    }
    std::string text;
    ASSERT_EQ(writeGraphDef(graph, format, false, text), std::nullopt);
    graphfile::SourceText source("graph", text);
    graphfile::Diagnostics diags;
    NodePlaces places;
    tensorflow::GraphDef back;
    ASSERT_TRUE(readGraphDef(source, format, back, places, diags));
    ASSERT_EQ(places.nodes.size(), 2u);
    ASSERT_EQ(places.functions.size(), 2u);
    EXPECT_EQ(places.functions[1].size(), 1u);
    EXPECT_LT(places.nodes[0], places.nodes[1]);
    size_t second = text.find("\"b\"");
    EXPECT_LT(places.nodes[1], second);
    EXPECT_GT(places.nodes[1], text.find("\"a\""));
  }
}

TEST(GraphDefFormats, CutBytesAreNoGraph) {
  tensorflow::GraphDef graph;
  for (int i = 0; i < 20; ++i) {
    graph.add_node()->set_name("node_" + std::to_string(i));
    graph.mutable_node(i)->set_op("NoOp");
  }
  std::string bytes = graph.SerializeAsString(), messages;
  for (size_t size = 1; size < bytes.size(); ++size) {
    tensorflow::GraphDef back;
    // A prefix that ends between two nodes is a graph.
    if (read(bytes.substr(0, size), Format::Binary, back, messages)) {
      EXPECT_LT(back.node_size(), 20);
    } else {
      EXPECT_NE(messages.find("not a whole GraphDef"), std::string::npos);
    }
  }
}

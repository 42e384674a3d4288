//===- GraphDefFile.cpp - TensorFlow's graph files ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Which form a file has, the binary and text forms, and unknown fields.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/GraphDefFile.h"

#include "ObjectGraphText.h"
#include "graph_def.pb.h"

#include <cctype>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

using namespace amp;
using namespace amp::graphdef;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
namespace io = google::protobuf::io;

static std::string_view trimFront(std::string_view text) {
  size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? std::string_view() : text.substr(at);
}

static bool isGraphKey(std::string_view key) {
  for (std::string_view known :
       {"node", "versions", "library", "debugInfo", "debug_info"})
    if (key == known)
      return true;
  return false;
}

/// The first key of an object that tells a GraphDef from another file: only
/// keys of the top level count, found by counting brackets outside strings.
static bool hasGraphKey(std::string_view text) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '{' || c == '[')
      ++depth;
    else if (c == '}' || c == ']') {
      if (depth-- <= 1)
        return false;
    } else if (c == '"') {
      size_t start = ++i;
      while (i < text.size() && text[i] != '"')
        i += text[i] == '\\' ? 2 : 1;
      if (i >= text.size())
        return false;
      if (depth != 1)
        continue;
      std::string_view word = text.substr(start, i - start);
      std::string_view rest = trimFront(text.substr(i + 1));
      if (rest.empty() || rest.front() != ':')
        continue;
      if (isGraphKey(word))
        return true;
      if (word == "format" || word == "functions" || word == "variables")
        return false;
    }
  }
  return false;
}

std::optional<Format> amp::graphdef::recognise(std::string_view text) {
  std::string_view start = trimFront(text);
  if (!start.empty() && start.front() == '{')
    return hasGraphKey(start) ? std::optional(Format::Json) : std::nullopt;
  // Text: comments, then the name of a field and a bracket or colon.
  std::string_view line = start;
  while (!line.empty() && line.front() == '#') {
    size_t end = line.find('\n');
    line = end == std::string_view::npos ? std::string_view()
                                         : trimFront(line.substr(end));
  }
  size_t length = 0;
  while (length < line.size() &&
         (std::isalpha(static_cast<unsigned char>(line[length])) ||
          line[length] == '_'))
    ++length;
  std::string_view word = line.substr(0, length);
  std::string_view rest = trimFront(line.substr(length));
  if ((isGraphKey(word) || word == "version") && !rest.empty() &&
      (rest.front() == '{' || rest.front() == ':' || rest.front() == '<'))
    return Format::Text;
  // Binary: the tags of node, library, version, versions and debug_info. A
  // length-delimited field must end inside the file.
  if (text.empty())
    return std::nullopt;
  unsigned char tag = text.front();
  if (tag == 0x18)
    return Format::Binary;
  if (tag != 0x0a && tag != 0x12 && tag != 0x22 && tag != 0x2a)
    return std::nullopt;
  io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(text.data()) + 1,
      static_cast<int>(std::min<size_t>(text.size() - 1, 16)));
  uint64_t size;
  if (!stream.ReadVarint64(&size))
    return std::nullopt;
  size_t at = 1 + stream.CurrentPosition();
  if (size > text.size() - at)
    return std::nullopt;
  // "\n" also starts a text: a node must begin with one of its fields, whole.
  if (tag != 0x0a || size == 0)
    return Format::Binary;
  unsigned char inner = text[at];
  if ((inner & 7) != 2 || inner < 0x0a || inner > 0x3a)
    return std::nullopt;
  std::string_view node = text.substr(at + 1, size - 1);
  io::CodedInputStream field(reinterpret_cast<const uint8_t *>(node.data()),
                             static_cast<int>(std::min<size_t>(node.size(), 16)));
  uint64_t inside;
  if (!field.ReadVarint64(&inside) ||
      inside > node.size() - field.CurrentPosition())
    return std::nullopt;
  return Format::Binary;
}

namespace {

/// Errors of the text format's parser, at their places.
class Collector : public io::ErrorCollector {
public:
  Collector(const graphfile::SourceText &source,
            graphfile::Diagnostics &diags)
      : source(source), diags(diags) {
    std::string_view text = source.text();
    lines.push_back(0);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n')
        lines.push_back(i + 1);
  }
  Offset offset(int line, int column) const {
    if (line < 0 || static_cast<size_t>(line) >= lines.size())
      return 0;
    // The tokenizer counts a tab as up to eight columns.
    std::string_view text = source.text();
    Offset at = lines[line];
    for (int c = 0; at < text.size() && c < column && text[at] != '\n'; ++at)
      c += text[at] == '\t' ? 8 - c % 8 : 1;
    return at;
  }
  void AddError(int line, int column, const std::string &message) override {
    std::string text = message;
    if (!text.empty() && text.back() == '.')
      text.pop_back();
    if (!text.empty())
      text.front() = static_cast<char>(
          std::tolower(static_cast<unsigned char>(text.front())));
    // Our package is of no use to the reader.
    for (size_t at; (at = text.find("amp.tensorflow.")) != std::string::npos;)
      text.erase(at, sizeof("amp.tensorflow.") - 1);
    diags.error(offset(line, column), text);
  }
  void AddWarning(int line, int column, const std::string &message) override {
    diags.warning(offset(line, column), message);
  }

private:
  const graphfile::SourceText &source;
  graphfile::Diagnostics &diags;
  std::vector<Offset> lines;
};

} // namespace

using google::protobuf::TextFormat;

static bool parseText(std::string_view text, Message &message,
                      Collector &collector, TextFormat::ParseInfoTree &tree,
                      graphfile::Diagnostics &diags) {
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.SetRecursionLimit(200);
  parser.WriteLocationsTo(&tree);
  io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message)) {
    if (!diags.hasErrors())
      diags.error(0, "not a " + message.GetDescriptor()->name() +
                         " in protobuf's text format");
    return false;
  }
  // The parser takes any bytes for a string; binary files and the rest of us
  // take UTF-8.
  std::unique_ptr<Message> again(message.New());
  if (!again->ParseFromString(message.SerializeAsString())) {
    diags.error(0, "a string of this graph is not UTF-8");
    return false;
  }
  // Of a key that stands twice, the last entry counts, here and in TensorFlow.
  message.GetReflection()->Swap(&message, again.get());
  return true;
}

static void locateNodes(const TextFormat::ParseInfoTree &tree,
                        const tensorflow::GraphDef &graph,
                        const Collector &collector, NodePlaces &places) {
  const auto *type = tensorflow::GraphDef::descriptor();
  const FieldDescriptor *node = type->FindFieldByName("node");
  for (int i = 0; i < graph.node_size(); ++i) {
    auto at = tree.GetLocation(node, i);
    places.nodes.push_back(collector.offset(at.line, at.column));
  }
  places.functions.resize(graph.library().function_size());
  const auto *library =
      tree.GetTreeForNested(type->FindFieldByName("library"), -1);
  const FieldDescriptor *function =
      tensorflow::FunctionDefLibrary::descriptor()->FindFieldByName("function");
  const FieldDescriptor *body =
      tensorflow::FunctionDef::descriptor()->FindFieldByName("node_def");
  for (int f = 0; library && f < graph.library().function_size(); ++f)
    if (const auto *inside = library->GetTreeForNested(function, f))
      for (int i = 0; i < graph.library().function(f).node_def_size(); ++i) {
        auto at = inside->GetLocation(body, i);
        places.functions[f].push_back(collector.offset(at.line, at.column));
      }
}

static bool readText(const graphfile::SourceText &source,
                     tensorflow::GraphDef &graph, NodePlaces &places,
                     graphfile::Diagnostics &diags) {
  Collector collector(source, diags);
  TextFormat::ParseInfoTree tree;
  if (!parseText(source.text(), graph, collector, tree, diags))
    return false;
  locateNodes(tree, graph, collector, places);
  return true;
}

static bool readBinary(std::string_view text, Message &message,
                       graphfile::Diagnostics &diags) {
  io::ArrayInputStream bytes(text.data(), static_cast<int>(text.size()));
  io::CodedInputStream stream(&bytes);
  stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
  stream.SetRecursionLimit(200);
  if (message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage())
    return true;
  diags.error(std::min<Offset>(stream.CurrentPosition(), text.size()),
              "not a whole " + message.GetDescriptor()->name() +
                  ": the bytes are cut or damaged before byte " +
                  std::to_string(stream.CurrentPosition()));
  return false;
}

/// What all readers need: the library reports on standard error what we report
/// as errors, and counts bytes in int.
static bool beginReading(const graphfile::SourceText &source,
                         std::string_view what,
                         graphfile::Diagnostics &diags) {
  static auto *const silence = google::protobuf::SetLogHandler(nullptr);
  (void)silence;
  if (source.text().size() <= std::numeric_limits<int>::max())
    return true;
  diags.error(0, "the file is larger than 2 GiB, which no " +
                     std::string(what) + " can be");
  return false;
}

bool amp::graphdef::readGraphDef(const graphfile::SourceText &source,
                                 Format format, tensorflow::GraphDef &graph,
                                 NodePlaces &places,
                                 graphfile::Diagnostics &diags) {
  if (!beginReading(source, "GraphDef", diags))
    return false;
  switch (format) {
  case Format::Binary:
    return readBinary(source.text(), graph, diags);
  case Format::Text:
    return readText(source, graph, places, diags);
  case Format::Json:
    return readJson(source, graph, &places, diags);
  }
  return false;
}

bool amp::graphdef::readSavedModel(const graphfile::SourceText &source,
                                   Format format,
                                   tensorflow::SavedModel &model,
                                   std::vector<NodePlaces> &places,
                                   graphfile::Diagnostics &diags) {
  if (!beginReading(source, "SavedModel", diags))
    return false;
  if (format == Format::Binary) {
    if (!readBinary(source.text(), model, diags))
      return false;
    places.resize(model.meta_graphs_size());
    return true;
  }
  Collector collector(source, diags);
  TextFormat::ParseInfoTree tree;
  std::vector<std::string> objects;
  std::string text = cutObjectTexts(
      source.text(),
      [&](int line, int column) { return collector.offset(line, column); },
      objects);
  if (!parseText(text, model, collector, tree, diags))
    return false;
  restoreObjectTexts(objects, model);
  places.resize(model.meta_graphs_size());
  const FieldDescriptor *metas =
      tensorflow::SavedModel::descriptor()->FindFieldByName("meta_graphs");
  const FieldDescriptor *graph =
      tensorflow::MetaGraphDef::descriptor()->FindFieldByName("graph_def");
  for (int i = 0; i < model.meta_graphs_size(); ++i)
    if (const auto *meta = tree.GetTreeForNested(metas, i))
      if (const auto *inside = meta->GetTreeForNested(graph, -1))
        locateNodes(*inside, model.meta_graphs(i).graph_def(), collector,
                    places[i]);
  return true;
}

std::optional<std::string>
amp::graphdef::findUnknownField(const Message &message) {
  const Reflection *r = message.GetReflection();
  const auto &unknown = r->GetUnknownFields(message);
  if (!unknown.empty()) {
    const auto *type = message.GetDescriptor();
    std::string text = "field " + std::to_string(unknown.field(0).number()) +
                       " of " + type->name();
    const FieldDescriptor *name = type->FindFieldByName("name");
    if (name && name->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
        !name->is_repeated())
      text += " '" + r->GetString(message, name) + "'";
    return text;
  }
  std::vector<const FieldDescriptor *> fields;
  r->ListFields(message, &fields);
  for (const FieldDescriptor *field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      continue;
    if (!field->is_repeated()) {
      if (auto found = findUnknownField(r->GetMessage(message, field)))
        return found;
      continue;
    }
    for (int i = 0; i < r->FieldSize(message, field); ++i)
      if (auto found =
              findUnknownField(r->GetRepeatedMessage(message, field, i)))
        return found;
  }
  return std::nullopt;
}

static std::optional<std::string> writeBinary(const Message &message,
                                              std::string &text) {
  const std::string &type = message.GetDescriptor()->name();
  if (message.ByteSizeLong() > std::numeric_limits<int>::max())
    return "the graph is larger than 2 GiB, which no " + type + " can be";
  io::StringOutputStream bytes(&text);
  io::CodedOutputStream stream(&bytes);
  // Map entries in a fixed order.
  stream.SetSerializationDeterministic(true);
  if (!message.SerializeToCodedStream(&stream))
    return "the " + type + " cannot be written in binary";
  return std::nullopt;
}

static std::optional<std::string> checkUnknown(const Message &message,
                                               bool dropUnknown) {
  if (dropUnknown)
    return std::nullopt;
  if (auto field = findUnknownField(message))
    return *field + " is unknown to this version and only a binary file can "
                    "hold it: write .pb, or add --drop-unknown";
  return std::nullopt;
}

static std::optional<std::string> writeText(const Message &message,
                                            std::string &text) {
  TextFormat::Printer printer;
  printer.SetHideUnknownFields(true);
  printer.SetUseUtf8StringEscaping(true);
  printObjectTexts(printer);
  if (!printer.PrintToString(message, &text))
    return "the graph cannot be written as text";
  return std::nullopt;
}

std::optional<std::string>
amp::graphdef::writeGraphDef(const tensorflow::GraphDef &graph, Format format,
                             bool dropUnknown, std::string &text) {
  text.clear();
  if (format == Format::Binary)
    return writeBinary(graph, text);
  if (auto error = checkUnknown(graph, dropUnknown))
    return error;
  if (format == Format::Json) {
    writeJson(graph, text);
    return std::nullopt;
  }
  return writeText(graph, text);
}

std::optional<std::string>
amp::graphdef::writeSavedModel(const tensorflow::SavedModel &model,
                               Format format, bool dropUnknown,
                               std::string &text) {
  text.clear();
  if (format == Format::Binary)
    return writeBinary(model, text);
  if (auto error = checkUnknown(model, dropUnknown))
    return error;
  return writeText(model, text);
}

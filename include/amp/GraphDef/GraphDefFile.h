//===- GraphDefFile.h - TensorFlow's graph files ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// GraphDef files in and out: binary (.pb), protobuf's text format (.pbtxt) and
// proto3 JSON. Nothing is lost on the way: unknown fields stay in binary, and
// stop the writing of the other two, which cannot hold them.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHDEF_GRAPHDEFFILE_H
#define AMP_GRAPHDEF_GRAPHDEFFILE_H

#include "amp/GraphFile/Diagnostics.h"

#include <memory>

namespace google::protobuf {
class Message;
} // namespace google::protobuf

namespace amp::tensorflow {
class GraphDef;
class SavedModel;
} // namespace amp::tensorflow

namespace amp::graphdef {

using graphfile::Offset;

enum class Format : uint8_t { Binary, Text, Json };

/// Whether a file holds a GraphDef, and in which form, by its content: JSON
/// with a GraphDef's key at the top, text with `node {` or its like, else
/// binary that starts with a plausible field. Nothing for anything else.
std::optional<Format> recognise(std::string_view text);

/// Where the nodes of a graph stand in its text, for messages. Empty for
/// binary files.
struct NodePlaces {
  /// Of each NodeDef of the graph, in its order.
  std::vector<Offset> nodes;
  /// The same for each function of the library.
  std::vector<std::vector<Offset>> functions;
};

/// Reads a graph. Errors point into the text; those of a binary file name a
/// byte or a node. False after an error.
bool readGraphDef(const graphfile::SourceText &source, Format format,
                  tensorflow::GraphDef &graph, NodePlaces &places,
                  graphfile::Diagnostics &diags);

/// Writes a graph, map entries in the order of their keys, so that equal
/// graphs give equal bytes. `dropUnknown` leaves out fields that the text
/// formats cannot hold; without it they are an error. Returns what went wrong,
/// or nothing.
std::optional<std::string> writeGraphDef(const tensorflow::GraphDef &graph,
                                         Format format, bool dropUnknown,
                                         std::string &text);

/// The same for the file of a SavedModel folder, saved_model.pb or .pbtxt;
/// `places` has an entry for each meta graph.
bool readSavedModel(const graphfile::SourceText &source, Format format,
                    tensorflow::SavedModel &model,
                    std::vector<NodePlaces> &places,
                    graphfile::Diagnostics &diags);
std::optional<std::string>
writeSavedModel(const tensorflow::SavedModel &model, Format format,
                bool dropUnknown, std::string &text);

/// Reads one message from proto3 JSON over its descriptor. Repeated NodeDefs
/// met on the way note their places when `places` is given.
bool readJson(const graphfile::SourceText &source,
              google::protobuf::Message &message, NodePlaces *places,
              graphfile::Diagnostics &diags);
/// Writes proto3 JSON with the names that protobuf's own printer gives; nodes
/// and functions start a line each.
void writeJson(const google::protobuf::Message &message, std::string &text);

/// The first field that its descriptor does not know, as "field 17 of
/// NodeDef 'n'", or nothing.
std::optional<std::string>
findUnknownField(const google::protobuf::Message &message);

} // namespace amp::graphdef

#endif // AMP_GRAPHDEF_GRAPHDEFFILE_H

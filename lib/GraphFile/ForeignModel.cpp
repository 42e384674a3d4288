//===- ForeignModel.cpp - Model files of other programs -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// HDF5, FlatBuffers and ZIP files have signatures. Protocol buffers have none:
// those are told by the numbers and kinds of their first fields.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/ForeignModel.h"

#include <cstdint>
#include <utility>

using namespace amp;
using namespace amp::graphfile;

namespace {

constexpr std::string_view kOnnx = "an ONNX model",
                           kExported = "a program exported by PyTorch",
                           kTorch = "a pickled PyTorch model",
                           kKeras = "a Keras model",
                           kHdf5 = "an HDF5 file, as Keras writes models",
                           kLite = "a TensorFlow Lite model",
                           kSavedModel = "a TensorFlow SavedModel";

bool startsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// A varint at the start of `bytes`, which it takes off; false when there is
/// none.
bool takeVarint(std::string_view &bytes, uint64_t &value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < bytes.size(); ++i) {
    uint64_t byte = static_cast<unsigned char>(bytes[i]);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

/// A field that holds bytes, at the start of `bytes`, taken off; nothing when
/// another field stands there or it is longer than what is left.
bool takeBytes(std::string_view &bytes, uint64_t field,
               std::string_view &value) {
  std::string_view rest = bytes;
  uint64_t tag = 0, length = 0;
  if (!takeVarint(rest, tag) || tag != (field << 3 | 2) ||
      !takeVarint(rest, length) || length > rest.size())
    return false;
  value = rest.substr(0, length);
  bytes = rest.substr(length);
  return true;
}

bool isName(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return false;
  return !text.empty();
}

/// ModelProto of ONNX begins with its version (field 1), then names the
/// producer (2, 3), or holds the graph (7) or the operator sets (8). SavedModel
/// is version 1 and graphs (2) which begin with notes or a graph.
std::string_view kindOfVersioned(std::string_view bytes) {
  uint64_t tag = 0, version = 0;
  if (!takeVarint(bytes, tag) || tag != 0x08 || !takeVarint(bytes, version))
    return {};
  std::string_view value;
  if (version == 1 && takeBytes(bytes, 2, value) && !value.empty() &&
      (value[0] == 0x0a || value[0] == 0x12))
    return kSavedModel;
  if (version < 1 || version > 100)
    return {};
  for (uint64_t field : {2, 3})
    if (takeBytes(bytes, field, value))
      return value.empty() || isName(value) ? kOnnx : std::string_view();
  for (uint64_t field : {7, 8})
    if (takeBytes(bytes, field, value))
      return kOnnx;
  return {};
}

/// GraphDef begins with a node (field 1) that begins with its name (1) and its
/// op (2).
bool isGraphDef(std::string_view bytes) {
  std::string_view node, name, op;
  return takeBytes(bytes, 1, node) && takeBytes(node, 1, name) &&
         takeBytes(node, 2, op) && isName(name) && isName(op);
}

/// By the names of the files in a ZIP file.
std::string_view kindOfArchive(std::string_view bytes) {
  auto holds = [&](std::string_view name) {
    return bytes.find(name) != std::string_view::npos;
  };
  if (holds("model.weights.h5") && holds("config.json"))
    return kKeras;
  if (holds("archive_format") || holds("serialized_exported_program"))
    return kExported;
  if (holds("data.pkl"))
    return kTorch;
  return {};
}

std::string_view kindByContents(std::string_view bytes) {
  if (startsWith(bytes, "\x89HDF\r\n\x1a\n"))
    return kHdf5;
  if (bytes.size() >= 8 && bytes.substr(4, 4) == "TFL3")
    return kLite;
  if (startsWith(bytes, "PK\x03\x04"))
    return kindOfArchive(bytes);
  if (isGraphDef(bytes))
    return kGraphDefKind;
  return kindOfVersioned(bytes);
}

std::string_view kindByName(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kinds[] = {
      {".onnx", kOnnx},   {".pt2", kExported},   {".pt", kTorch},
      {".pth", kTorch},   {".keras", kKeras},    {".h5", kHdf5},
      {".hdf5", kHdf5},   {".tflite", kLite},    {".pb", kGraphDefKind},
      {".pbtxt", kGraphDefKind}};
  for (auto [extension, kind] : kinds)
    if (path.size() > extension.size() &&
        path.substr(path.size() - extension.size()) == extension)
      return kind;
  return {};
}

} // namespace

std::string_view graphfile::foreignModelKind(std::string_view contents,
                                             std::string_view path) {
  std::string_view kind = kindByContents(contents);
  if (!kind.empty())
    return kind;
  // A graph file or MLIR under another's name is what it holds.
  size_t first = contents.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos &&
      (contents[first] == '{' || startsWith(contents, "ML\xefR")))
    return {};
  return kindByName(path);
}

std::string graphfile::describeForeignModel(std::string_view contents,
                                            std::string_view path,
                                            std::string_view works) {
  std::string_view kind = foreignModelKind(contents, path);
  if (kind.empty())
    return {};
  std::string text = "'";
  text += path;
  text += "' is ";
  text += kind;
  text += ", which is not read; what works is ";
  text += works;
  return text;
}

//===- Dot.cpp - Graph file as a Graphviz drawing ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Writes the drawing. Names are quoted for Graphviz, never trusted.
//===----------------------------------------------------------------------===//

#include "amp/Export/Dot.h"

#include <unordered_set>

using namespace amp;
using namespace amp::graphfile;

namespace {

/// Text inside double quotes of the dot language.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

/// Fill colour by element type: low precision, float32, everything else.
std::string_view fill(const Node &node) {
  if (!node.types || node.types->empty())
    return "white";
  DType dtype = node.types->front().dtype;
  if (isLow(dtype))
    return "palegreen";
  return dtype == DType::Float32 ? "lightblue" : "lightgrey";
}

class DotWriter {
public:
  explicit DotWriter(const GraphFile &file) : file(file) {}

  std::string write() {
    out = "digraph " + quoted(file.name.empty() ? "graph" : file.name) +
          " {\n  rankdir=TB;\n  node [shape=box, style=filled];\n";
    for (size_t i = 0; i < file.functions.size(); ++i)
      writeFunction(i);
    return std::move(out) + "}\n";
  }

private:
  /// Identity of a value's owner, unique across functions.
  std::string id(size_t function, std::string_view name) {
    return quoted(std::to_string(function) + "/" + std::string(name));
  }

  void writeBox(size_t function, std::string_view name, std::string_view label,
                std::string_view colour, std::string_view shape) {
    out += "    " + id(function, name) + " [label=" + quoted(label) +
           ", fillcolor=" + std::string(colour) +
           ", shape=" + std::string(shape) + "];\n";
  }

  void writeFunction(size_t index) {
    const Function &function = file.functions[index];
    out += "  subgraph cluster_" + std::to_string(index) +
           " {\n    label=" + quoted(function.name) + ";\n";
    for (const Input &input : function.inputs)
      writeBox(index, input.name, input.name, "white", "ellipse");
    std::unordered_set<std::string_view> used = readNames(function);
    for (const Variable &variable : file.variables)
      if (used.count(variable.name))
        writeBox(index, variable.name, variable.name, "khaki", "cylinder");
    for (const Node &node : function.nodes) {
      std::string label =
          std::string(node.name) + "\n" + std::string(node.op);
      if (node.types && !node.types->empty())
        label += " " + std::string(dtypeName(node.types->front().dtype));
      writeBox(index, node.name, label, fill(node), "box");
      for (const ValueName &input : node.inputs)
        out += "    " + id(index, input.name) + " -> " +
               id(index, node.name) + ";\n";
    }
    for (const Output &output : function.outputs) {
      std::string name = "output:" + std::string(output.name);
      writeBox(index, name, output.name, "white", "ellipse");
      out += "    " + id(index, output.value.name) + " -> " + id(index, name) +
             ";\n";
    }
    out += "  }\n";
  }

  /// Names that nodes and outputs of the function refer to.
  std::unordered_set<std::string_view> readNames(const Function &function) {
    std::unordered_set<std::string_view> names;
    for (const Node &node : function.nodes)
      for (const ValueName &input : node.inputs)
        names.insert(input.name);
    for (const Output &output : function.outputs)
      names.insert(output.value.name);
    return names;
  }

  const GraphFile &file;
  std::string out;
};

} // namespace

std::string amp::writeDot(const GraphFile &file) {
  return DotWriter(file).write();
}

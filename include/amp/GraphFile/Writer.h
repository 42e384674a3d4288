//===- Writer.h - Writes graph files ----------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Structs to JSON text: keys and attributes in the format's order, one node
// per line, numbers in their shortest form. Writing what was read from a
// written file gives the same bytes.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_WRITER_H
#define AMP_GRAPHFILE_WRITER_H

#include "amp/GraphFile/GraphFile.h"

#include <functional>

namespace amp::graphfile {

/// The JSON text of the file, ending in a newline.
std::string writeGraphFile(const GraphFile &file);

/// The same text in pieces, for a file that is never in memory as a whole. The
/// calls come in the order of the file.
class GraphFileStream {
public:
  /// `sink` receives the text, piece by piece.
  explicit GraphFileStream(std::function<void(std::string_view)> sink);

  /// The keys of the file and its variables; its functions are not looked at.
  void begin(const GraphFile &file);
  /// Name, doc and inputs of a function.
  void beginFunction(const Function &function);
  /// Nodes of one kind other than zero have the same op, attributes and types,
  /// which are put into words once and are not looked at again.
  void node(const Node &node, uint32_t kind = 0);
  bool knows(uint32_t kind) const {
    return kind < wordings.size() && wordings[kind].isKnown;
  }
  /// Outputs and training of the function.
  void endFunction(const Function &function);
  void end();

private:
  void flush(size_t atLeast);
  void lineKey(std::string_view name, std::string_view indent, bool &first);
  void appendDoc(const Doc &doc, bool isString, std::string_view separator);
  void writeDocKey(const Doc &doc, bool isString);
  void writeVariable(const Variable &variable);
  void writeOutputs(const std::vector<Output> &outputs);
  void writeTraining(const Training &training);
  void value(const ValueName &name);
  void values(const std::vector<ValueName> &names);

  /// Attributes and types of a kind of nodes.
  struct Wording {
    std::string attrs, types;
    bool isKnown = false;
  };
  void appendTypes(const Node &node);

  std::function<void(std::string_view)> sink;
  std::string out;
  std::vector<Wording> wordings;
  bool anyFunction = false, anyNode = false;
};

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_WRITER_H

//===- GraphOutput.h - A graph file, written as it comes -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the export visits goes to the output file in pieces; the file appears
// when it is complete.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_GRAPHOUTPUT_H
#define AMP_TOOLS_AMP_OPT_GRAPHOUTPUT_H

#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Writer.h"

namespace amp::opt {

class GraphOutput : public GraphFileVisitor {
public:
  /// `prepare` is called with the keys of the file before anything is written,
  /// and stops the export when it returns false. "-" is standard output.
  GraphOutput(const std::string &path,
              std::function<bool(const graphfile::GraphFile &)> prepare);

  bool begin(graphfile::GraphFile &file) override;
  void beginFunction(graphfile::Function &function) override;
  void node(graphfile::Node &node, uint32_t kind) override;
  bool knows(uint32_t kind) const override { return stream.knows(kind); }
  void endFunction(graphfile::Function &function) override;

  /// Completes the file. What went wrong here or before, or nothing.
  std::optional<std::string> commit();

private:
  void put(std::string_view text);

  std::string path;
  std::function<bool(const graphfile::GraphFile &)> prepare;
  /// What cannot be taken back waits here until the export has succeeded.
  bool waits;
  std::string waiting;
  graphfile::AtomicFile file;
  graphfile::GraphFileStream stream;
  std::optional<std::string> error;
};

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_GRAPHOUTPUT_H

//===- FunctionGraph.h - The body of a function as a graph ------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Functions of a library name inputs by argument or by "node:output:index".
// What changes graphs changes functions too, if their bodies are spelled as
// graphs are for as long as that takes.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHDEF_FUNCTIONGRAPH_H
#define AMP_LIB_GRAPHDEF_FUNCTIONGRAPH_H

#include "graph_def.pb.h"

#include <map>
#include <set>
#include <string>

namespace amp::graphdef {

class FunctionGraph {
public:
  /// Ops that stand for what the function returns: the values, and the nodes
  /// that its end waits for.
  static constexpr const char *kResult = "=value", *kControlResult = "=end";

  explicit FunctionGraph(const tensorflow::FunctionDef &function);
  /// The function's end also waits for `node`.
  void addControlResult(const std::string &node);
  /// The body, the results and the control results, as `graph` has them now.
  void store(tensorflow::FunctionDef &function) const;

  /// Placeholders for the arguments, the nodes, then the ends.
  tensorflow::GraphDef graph;

private:
  void addEnd(const char *op, const std::string &name,
              const std::string &input);
  std::string toGraph(const std::string &text);
  std::string toFunction(const std::string &text,
                         const std::map<std::string, int> &index) const;

  int arguments;
  /// The nodes that stand for what is returned.
  std::set<int> ends;
  /// Nodes at the beginning.
  std::map<std::string, int> byName;
  /// The control results at the beginning.
  std::map<std::string, std::string> controls;
  /// Outputs of ops that the table does not know, in both directions: they are
  /// numbered as they are met.
  std::map<std::string, std::string> numbers, spellings;
  std::map<std::string, int> met;
};

} // namespace amp::graphdef

#endif // AMP_LIB_GRAPHDEF_FUNCTIONGRAPH_H

//===- NodeNames.h - The names of a function's nodes ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names are in locations. A cast may have none yet, and MLIR in text holds
// nodes without a name, or two of one.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_EXPORT_NODENAMES_H
#define AMP_LIB_EXPORT_NODENAMES_H

#include "Body.h"
#include "amp/GraphFile/GraphFile.h"

namespace amp {

/// Whether a graph file can hold the name: MLIR has none too long, empty or not
/// fit to be printed.
bool isFileName(llvm::StringRef name);

/// The names of one function at a time, each once in a file.
class NodeNames {
public:
  /// Names that are in no attribute go to the arena.
  explicit NodeNames(graphfile::NameArena &arena) : arena(arena) {}
  void addVariable(mlir::StringAttr name) { variables.insert(name); }

  /// Fails with a diagnostic where a node or input of the user's has the name
  /// of a variable.
  llvm::LogicalResult read(graph::FuncOp function, const Body &body);

  std::string_view argument(unsigned i) const { return arguments[i]; }
  size_t numArguments() const { return arguments.size(); }
  std::string_view operator[](uint32_t op) const { return names[op]; }

private:
  bool readDistinct(graph::FuncOp function, const Body &body);
  bool nameCasts(const Body &body, llvm::ArrayRef<uint32_t> casts,
                 llvm::ArrayRef<std::string_view> similar);
  llvm::LogicalResult makeDistinct(graph::FuncOp function, const Body &body);

  graphfile::NameArena &arena;
  llvm::DenseSet<mlir::StringAttr> variables;
  std::vector<std::string_view> arguments, names;
};

} // namespace amp

#endif // AMP_LIB_EXPORT_NODENAMES_H

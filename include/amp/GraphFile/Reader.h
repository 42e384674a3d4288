//===- Reader.h - Reads and checks graph files ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// JSON text to structs (nlohmann's SAX interface, no DOM, no recursion), then
// a check of everything the format promises: names, arity, attributes, types,
// cycles, the training section. Bad input gives messages, never a crash.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_READER_H
#define AMP_GRAPHFILE_READER_H

#include "amp/GraphFile/Diagnostics.h"

namespace amp::graphfile {

/// Types of all values of a function, and an order to compute them in.
struct FunctionTypes {
  /// Per node (same index as Function::nodes) the types of its results.
  std::vector<std::vector<TensorType>> results;
  /// Node indices so that every node stands after its inputs; ties in file
  /// order.
  std::vector<uint32_t> order;
};

/// What a value name refers to.
struct ValueTarget {
  enum Kind : uint8_t { Missing, Input, Node, Variable } kind = Missing;
  uint32_t index = 0;
};

/// A file that keeps all rules of the format.
struct CheckedFile {
  GraphFile file;
  std::vector<FunctionTypes> types; ///< parallel to file.functions
};

/// Looks names of one function up: inputs, nodes, and the file's variables.
class NameTable {
public:
  NameTable(const GraphFile &file, const Function &function);
  ValueTarget find(std::string_view name) const;
  /// The known name nearest to `name`, or empty.
  std::string_view nearest(std::string_view name) const;
  ~NameTable();

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// JSON to structs: syntax, keys, kinds of values. Nothing on error.
std::optional<GraphFile> parseGraphFile(const SourceText &source,
                                        Diagnostics &diags,
                                        const Limits &limits = {});

/// The rules that need the whole file. `folder` is where `weights` paths
/// start; the header of that file is read and checked when it is named.
std::optional<std::vector<FunctionTypes>>
checkGraphFile(const GraphFile &file, Diagnostics &diags,
               const std::string &folder = ".");

/// Both, as every program wants it.
std::optional<CheckedFile> readGraphFile(const SourceText &source,
                                         Diagnostics &diags,
                                         const std::string &folder = ".",
                                         const Limits &limits = {});

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_READER_H

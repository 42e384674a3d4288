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

/// What a value name refers to.
struct ValueTarget {
  enum Kind : uint8_t { Missing, Input, Node, Variable } kind = Missing;
  uint32_t index = 0;
};

/// The types of the results of nodes, by their index. Nodes are many and lists
/// of types few: a list that was set lately is kept once.
class ResultTypes {
public:
  using List = std::vector<TensorType>;

  /// So many nodes, without results.
  explicit ResultTypes(size_t nodes = 0);
  void set(size_t node, const List &list);
  size_t size() const { return listOf.size(); }
  const List &operator[](size_t node) const { return lists[listOf[node]]; }
  bool operator!=(const ResultTypes &other) const;

private:
  /// A deque, since lists are referred to.
  std::deque<List> lists;
  std::vector<uint32_t> listOf;
  /// The last list of each hash.
  std::vector<uint32_t> recent;
};

/// Types of all values of a function, and an order to compute them in.
struct FunctionTypes {
  /// Per node (same index as Function::nodes).
  ResultTypes results;
  /// Node indices so that every node stands after its inputs; ties in file
  /// order.
  std::vector<uint32_t> order;
  /// What the inputs of all nodes name, one after the other in the order of
  /// the file, and what the outputs name.
  std::vector<ValueTarget> operands, outputs;
};

/// A file that keeps all rules of the format.
struct CheckedFile {
  GraphFile file;
  std::vector<FunctionTypes> types; ///< parallel to file.functions
};

/// Names to numbers, without copies of the names: whoever asks knows the name
/// that belongs to a number.
class NameIndex {
public:
  static constexpr uint32_t none = ~uint32_t(0);

  explicit NameIndex(size_t count = 0);
  /// The number of `name`, or none. `nameOf(number)` gives a name.
  template <typename NameOf>
  uint32_t find(std::string_view name, NameOf &&nameOf) const {
    if (slots.empty())
      return none;
    uint32_t hash = hashOf(name);
    for (size_t at = hash & mask; slots[at].number != none;
         at = (at + 1) & mask)
      if (slots[at].hash == hash && nameOf(slots[at].number) == name)
        return slots[at].number;
    return none;
  }
  /// The same, but a name that is not there gets `number`. At most as many
  /// names as were announced.
  template <typename NameOf>
  uint32_t insert(std::string_view name, uint32_t number, NameOf &&nameOf) {
    uint32_t hash = hashOf(name);
    size_t at = hash & mask;
    for (; slots[at].number != none; at = (at + 1) & mask)
      if (slots[at].hash == hash && nameOf(slots[at].number) == name)
        return slots[at].number;
    slots[at] = {hash, number};
    return none;
  }

private:
  struct Slot {
    uint32_t hash = 0, number = none;
  };
  static uint32_t hashOf(std::string_view name);
  /// A power of two, at most two thirds taken.
  std::vector<Slot> slots;
  size_t mask = 0;
};

/// The variables of a file by name, for all of its functions. The file must
/// outlive it.
class VariableTable {
public:
  explicit VariableTable(const GraphFile &file);
  /// The number of the variable, or NameIndex::none.
  uint32_t find(std::string_view name) const;
  const GraphFile &graphFile() const { return file; }

private:
  const GraphFile &file;
  NameIndex index;
};

/// Looks names of one function up: inputs, nodes, and the file's variables.
/// File and function must outlive it.
class NameTable {
public:
  /// A name that something else has already.
  struct Clash {
    ValueTarget taken, other;
  };

  NameTable(const GraphFile &file, const Function &function);
  /// The same with a table that all functions of a file share. Notes clashes
  /// in the order of the file.
  NameTable(const VariableTable &variables, const Function &function,
            std::vector<Clash> *clashes = nullptr);
  ValueTarget find(std::string_view name) const;
  /// The known name nearest to `name`, or empty.
  std::string_view nearest(std::string_view name) const;

private:
  void build(std::vector<Clash> *clashes);
  std::string_view nameOf(uint32_t number) const;
  ValueTarget targetOf(uint32_t number) const;

  std::shared_ptr<const VariableTable> owned;
  const VariableTable *variables;
  const Function &function;
  /// Inputs, then nodes.
  NameIndex index;
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

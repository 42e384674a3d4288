//===- GraphNodes.h - Nodes of a GraphDef, to be changed --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// An index of who uses what, and builders of nodes with names of their own.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHDEF_GRAPHNODES_H
#define AMP_LIB_GRAPHDEF_GRAPHNODES_H

#include "amp/GraphDef/OpTable.h"
#include "graph_def.pb.h"

#include <set>
#include <unordered_map>

namespace amp::graphdef {

inline constexpr DataType kInt32 = 3, kInt64 = 9, kBool = 10;

/// How many ports of a node an argument of its op's definition stands for.
int64_t portsOf(const ArgSpec &arg, const tensorflow::NodeDef &node);

class Conditional;

class GraphNodes {
public:
  /// An output of a node.
  struct Port {
    int node, port;
    friend bool operator<(const Port &a, const Port &b) {
      return a.node != b.node ? a.node < b.node : a.port < b.port;
    }
    friend bool operator==(const Port &a, const Port &b) {
      return a.node == b.node && a.port == b.port;
    }
  };
  /// An input of `node` that names an output, or the end, of another.
  struct Use {
    int node, input, port;
    bool isControl;
  };
  using Types = std::vector<std::pair<const char *, DataType>>;
  using Inputs = std::vector<std::string>;

  /// Names of what is added go to `added`.
  GraphNodes(tensorflow::GraphDef &graph, std::vector<std::string> &added);

  int size() const { return graph.node_size(); }
  const tensorflow::NodeDef &operator[](int node) const {
    return graph.node(node);
  }
  int find(const std::string &name) const;
  /// What an input names: port -1 for a control input, node -1 for nothing.
  Port source(int node, int input) const;
  /// Of the nodes that were there at the beginning.
  const std::vector<Use> &uses(int node) const { return usesOf[node]; }
  /// The type of an output, without "reference"; 0 when nobody knows.
  DataType portType(const Port &port) const;
  bool isReference(const Port &port) const;
  /// Whether an input takes a reference.
  bool takesReference(int node, int input) const;
  std::string text(const Port &port) const;

  /// Adds a node of the next free name. Returns the name.
  std::string add(const std::string &name, const char *op, const Inputs &inputs,
                  const Types &types, const std::string &device = {});
  /// Of exactly this name.
  void addNamed(const std::string &name, const char *op, const Inputs &inputs,
                const Types &types, const std::string &device = {});
  std::string addFloat(const std::string &name, float value,
                       const Inputs &inputs = {});
  std::string addInt32(const std::string &name, int32_t value);
  std::string addInt64(const std::string &name, int64_t value,
                       const Inputs &inputs);
  /// A resource variable of a scalar, of exactly this name.
  void addHandle(const std::string &name, const std::string &sharedName,
                 DataType type);
  /// `name`, or with a number behind it, as no node is called.
  std::string freeName(const std::string &name) const;
  void setInt(const std::string &name, const char *attr, int64_t value);
  void setInput(const Use &use, const std::string &text);
  void addInput(int node, const std::string &text);
  /// Returns the new name, which is free.
  std::string rename(int node, const std::string &name);
  /// Leads what the node reads from nodes outside of `inner` through switches.
  /// False if then nothing of it depends on the conditional.
  bool feedConditionally(int node, const std::set<int> &inner,
                         Conditional &conditional);

private:
  std::string addConst(const std::string &name, tensorflow::TensorProto tensor,
                       const Inputs &inputs);
  const ArgSpec *argOf(const Port &port, bool isOutput, int &within) const;

  tensorflow::GraphDef &graph;
  std::vector<std::string> &added;
  std::unordered_map<std::string, int> index;
  std::vector<std::vector<Use>> usesOf;
};

/// A conditional of TensorFlow 1: switches lead values into one of two
/// branches, whose ends are merged.
class Conditional {
public:
  /// `scope` ends in "/".
  Conditional(GraphNodes &nodes, const std::string &scope,
              const std::string &condition);
  /// The value, for nodes of a branch.
  std::string onTrue(const std::string &value, DataType type,
                     bool isReference = false);
  std::string onFalse(const std::string &value, DataType type);
  /// The end of both branches, which wait for their nodes.
  std::string merge(const GraphNodes::Inputs &onTrue,
                    const GraphNodes::Inputs &onFalse);

  /// Run where the condition holds, or does not.
  std::string pivotTrue, pivotFalse;
  /// What the end of the true branch waits for.
  std::string waitOnTrue;

private:
  std::string route(const std::string &value, DataType type, bool isReference);

  GraphNodes &nodes;
  std::string scope, condition;
  std::unordered_map<std::string, std::string> switches;
};

} // namespace amp::graphdef

#endif // AMP_LIB_GRAPHDEF_GRAPHNODES_H

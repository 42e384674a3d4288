//===- TensorLists.cpp - Elements of tensor lists ------------------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lists are values of type variant. Everything that variant edges connect is
// one cluster, found once (TensorFlow's pass searches it again from each
// member).
//===----------------------------------------------------------------------===//

#include "TensorLists.h"

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

namespace {

enum class Role : uint8_t { Other, Reader, Writer };

Role roleOf(llvm::StringRef op) {
  return llvm::StringSwitch<Role>(op)
      .Cases({"TensorListConcat", "TensorListConcatV2", "TensorListGather",
              "TensorListGetItem", "TensorListPopBack", "TensorListStack"},
             Role::Reader)
      .Cases({"TensorListFromTensor", "TensorListPushBack",
              "TensorListPushBackBatch", "TensorListScatter",
              "TensorListScatterV2", "TensorListScatterIntoExistingList",
              "TensorListSetItem", "TensorListSplit"},
             Role::Writer)
      .Default(Role::Other);
}

/// Where a list comes from or goes to, out of sight.
bool isSourceOrSink(Operation *op) {
  if (op->hasAttr(kSignatureAttr))
    return true;
  return llvm::StringSwitch<bool>(getOpName(op))
      .Cases({"_Arg", "_Retval", "OptionalFromValue", "OptionalGetValue",
              "PartitionedCall", "Placeholder", "StatefulPartitionedCall"},
             true)
      .Default(false);
}

bool isVariant(Value value) {
  auto tensor = dyn_cast<mlir::TensorType>(value.getType());
  return tensor && dataType(tensor.getElementType()) == graphdef::kVariant;
}

class Clusters {
public:
  explicit Clusters(FunctionOpInterface function) : function(function) {}
  void relateAll(GroupRelations &relations);
  std::vector<TensorListCluster> describeAll();

private:
  /// A variant vertex of an op: the ports that share it.
  struct Node {
    Operation *op;
    unsigned vertex;
    /// The group of the op's float32 elements, or -1.
    int group = -1;
  };

  void collect();
  void forEachCluster(llvm::function_ref<void(llvm::ArrayRef<unsigned>)> visit);
  void relate(llvm::ArrayRef<unsigned> cluster, GroupRelations &relations);
  void addImplicitEdges(llvm::ArrayRef<unsigned> cluster,
                        llvm::ArrayRef<unsigned> members,
                        GroupRelations &relations);
  /// The node of a port's vertex, made at the first call.
  unsigned node(Operation *op, unsigned vertex, const NodeTypes &types);

  FunctionOpInterface function;
  std::vector<Node> nodes;
  llvm::DenseMap<std::pair<Operation *, unsigned>, unsigned> index;
  /// Per node: where its lists come from, and who uses them. An operand that
  /// is an argument, or a use by the terminator, is out of sight.
  std::vector<llvm::SmallVector<unsigned, 2>> sources, users;
  std::vector<bool> leaves;
};

} // namespace

unsigned Clusters::node(Operation *op, unsigned vertex,
                        const NodeTypes &types) {
  auto [it, isNew] = index.try_emplace({op, vertex}, nodes.size());
  if (!isNew)
    return it->second;
  Node node{op, vertex};
  if (getOpName(op).contains("TensorList"))
    for (unsigned i = 0; i < types.vertices.size() && node.group < 0; ++i)
      if (!types.vertices[i].attr.empty() && types.vertices[i].index < 0 &&
          getVertexType(op, types.vertices[i]) == graphdef::kFloat)
        node.group = i;
  nodes.push_back(node);
  sources.emplace_back();
  users.emplace_back();
  leaves.push_back(isSourceOrSink(op));
  return nodes.size() - 1;
}

/// The variant vertices and the edges between them.
void Clusters::collect() {
  llvm::DenseMap<Value, unsigned> producer;
  for (Operation &op :
       function.getFunctionBody().front().without_terminator()) {
    if (!llvm::any_of(op.getResults(), isVariant))
      continue;
    NodeTypes types = getNodeTypes(&op);
    for (unsigned i = 0; i < std::min<size_t>(types.outputs.size(),
                                              getNumOutputs(&op));
         ++i)
      if (isVariant(op.getResult(i)))
        producer[op.getResult(i)] = node(&op, types.outputs[i], types);
  }
  for (Operation &op : function.getFunctionBody().front()) {
    if (!llvm::any_of(op.getOperands(), isVariant))
      continue;
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      for (Value operand : op.getOperands())
        if (auto it = producer.find(operand); it != producer.end())
          leaves[it->second] = true;
      continue;
    }
    NodeTypes types = getNodeTypes(&op);
    for (unsigned i = 0;
         i < std::min<size_t>(types.inputs.size(), getNumInputs(&op)); ++i) {
      if (!isVariant(op.getOperand(i)))
        continue;
      unsigned user = node(&op, types.inputs[i], types);
      auto it = producer.find(op.getOperand(i));
      if (it == producer.end()) {
        leaves[user] = true;
        continue;
      }
      sources[user].push_back(it->second);
      users[it->second].push_back(user);
    }
  }
}

void Clusters::relate(llvm::ArrayRef<unsigned> cluster,
                      GroupRelations &relations) {
  llvm::SmallVector<unsigned> members;
  bool isUnsafe = false, hasRoot = false;
  for (unsigned i : cluster) {
    isUnsafe |= leaves[i];
    if (nodes[i].group < 0)
      continue;
    members.push_back(i);
    if (nodes[i].op->hasAttr(kPreserveAttr))
      isUnsafe = true;
    else
      hasRoot = true;
  }
  if (!hasRoot)
    return;
  for (size_t k = 1; k < members.size(); ++k)
    relations.tie(nodes[members[0]].op, nodes[members[0]].group,
                  nodes[members[k]].op, nodes[members[k]].group);
  if (isUnsafe)
    for (unsigned i : members)
      if (!nodes[i].op->hasAttr(kPreserveAttr))
        relations.keepFloat32(nodes[i].op, nodes[i].group);
  addImplicitEdges(cluster, members, relations);
}

/// From every writer to each reader that its list reaches. A reader may have
/// as many writers as there are, so the edges go along with the list: from an
/// element into its list's handle, from handle to handle, and out to elements.
void Clusters::addImplicitEdges(llvm::ArrayRef<unsigned> cluster,
                                llvm::ArrayRef<unsigned> members,
                                GroupRelations &relations) {
  auto hasRole = [&](Role role) {
    return llvm::any_of(members, [&](unsigned i) {
      return roleOf(getOpName(nodes[i].op)) == role &&
             !nodes[i].op->hasAttr(kPreserveAttr);
    });
  };
  if (!hasRole(Role::Reader) || !hasRole(Role::Writer))
    return;
  for (unsigned i : cluster) {
    const Node &node = nodes[i];
    if (node.op->hasAttr(kPreserveAttr))
      continue;
    for (unsigned from : sources[i])
      if (!nodes[from].op->hasAttr(kPreserveAttr))
        relations.addEdge(nodes[from].op, nodes[from].vertex, node.op,
                          node.vertex);
  }
  for (unsigned i : members) {
    const Node &node = nodes[i];
    if (node.op->hasAttr(kPreserveAttr))
      continue;
    Role role = roleOf(getOpName(node.op));
    if (role == Role::Writer)
      relations.addEdge(node.op, node.group, node.op, node.vertex);
    else if (role == Role::Reader)
      relations.addEdge(node.op, node.vertex, node.op, node.group);
  }
}

void Clusters::forEachCluster(
    llvm::function_ref<void(llvm::ArrayRef<unsigned>)> visit) {
  collect();
  std::vector<bool> seen(nodes.size());
  for (unsigned root = 0; root < nodes.size(); ++root) {
    if (seen[root])
      continue;
    seen[root] = true;
    llvm::SmallVector<unsigned> cluster{root};
    for (size_t k = 0; k < cluster.size(); ++k)
      for (const auto *next : {&sources[cluster[k]], &users[cluster[k]]})
        for (unsigned i : *next)
          if (!seen[i]) {
            seen[i] = true;
            cluster.push_back(i);
          }
    visit(cluster);
  }
}

void Clusters::relateAll(GroupRelations &relations) {
  forEachCluster([&](llvm::ArrayRef<unsigned> cluster) {
    relate(cluster, relations);
  });
}

std::vector<TensorListCluster> Clusters::describeAll() {
  std::vector<TensorListCluster> all;
  forEachCluster([&](llvm::ArrayRef<unsigned> cluster) {
    TensorListCluster found;
    for (unsigned i : cluster) {
      Operation *op = nodes[i].op;
      bool isList = getOpName(op).contains("TensorList");
      if (nodes[i].group >= 0)
        found.members.push_back(op);
      else if (op->hasAttr(kWantedAttr) &&
               llvm::any_of(op->getResults(), isVariant))
        found.wanted = op;
      // The handle of a list is a fixed type; as an element it is an attribute.
      if (isList && !getNodeTypes(op).vertices[nodes[i].vertex].attr.empty())
        found.nests = op;
    }
    if (!found.members.empty())
      all.push_back(std::move(found));
  });
  return all;
}

bool tf::isListReader(Operation *op) {
  return roleOf(getOpName(op)) == Role::Reader;
}
bool tf::isListWriter(Operation *op) {
  return roleOf(getOpName(op)) == Role::Writer;
}

void tf::relateTensorLists(FunctionOpInterface function,
                           GroupRelations &relations) {
  Clusters(function).relateAll(relations);
}

std::vector<TensorListCluster> tf::findTensorLists(Operation *function) {
  return Clusters(cast<FunctionOpInterface>(function)).describeAll();
}

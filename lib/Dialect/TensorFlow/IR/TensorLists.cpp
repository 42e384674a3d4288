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

#include <array>

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
bool isSourceOrSink(llvm::StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"_Arg", "_Retval", "OptionalFromValue", "OptionalGetValue",
              "PartitionedCall", "Placeholder", "StatefulPartitionedCall"},
             true)
      .Default(false);
}

class Clusters {
public:
  explicit Clusters(FunctionOpInterface function)
      : function(function),
        variant(NamedType::get(function.getContext(), graphdef::kVariant)),
        preserve(StringAttr::get(function.getContext(), kPreserveAttr)),
        signature(StringAttr::get(function.getContext(), kSignatureAttr)) {}
  void relateAll(GroupRelations &relations);
  std::vector<TensorListCluster> describeAll();

private:
  /// What all ops of a name share.
  struct NameInfo {
    Role role;
    bool isList, isSourceOrSink;
  };
  /// A variant vertex of an op: the ports that share it.
  struct Node {
    Operation *op;
    unsigned vertex;
    /// The group of the op's float32 elements, or -1.
    int group = -1;
    /// The op's next node in `nodes`, or kNone.
    unsigned next;
    Role role;
    /// Goes where nobody sees it: an operand that is an argument, a use by the
    /// terminator, or what isSourceOrSink says.
    bool leaves, isPreserved;
  };
  static constexpr unsigned kNone = ~0u;
  using Edge = std::pair<unsigned, unsigned>;

  bool isVariant(Value value) const {
    // Nearly all values have one of a few types.
    const Type type = value.getType();
    Type &other = others[(size_t(type.getAsOpaquePointer()) >> 4) % kOthers];
    if (type == other)
      return false;
    auto tensor = dyn_cast<mlir::TensorType>(type);
    if (tensor && tensor.getElementType() == variant)
      return true;
    other = type;
    return false;
  }
  NameInfo &infoOf(OperationName name);
  bool collect();
  void forEachCluster(llvm::function_ref<void(llvm::ArrayRef<unsigned>)> visit);
  void relate(llvm::ArrayRef<unsigned> cluster, GroupRelations &relations);
  void addImplicitEdges(llvm::ArrayRef<unsigned> cluster,
                        llvm::ArrayRef<unsigned> members,
                        GroupRelations &relations);
  /// The node of a port's vertex, made at the first call.
  unsigned node(Operation *op, unsigned &first, unsigned vertex,
                const NodeTypes &types);
  unsigned producerOf(OpResult result) const;

  FunctionOpInterface function;
  Type variant;
  StringAttr preserve, signature;
  /// Types that are no variants.
  static constexpr size_t kOthers = 16;
  mutable std::array<Type, kOthers> others;
  llvm::DenseMap<const void *, NameInfo> infos;
  std::vector<Node> nodes;
  /// The first node of an op.
  llvm::DenseMap<Operation *, unsigned> firstNode;
  /// From who makes a list to who uses it, and where those of a user and of a
  /// maker start in `sources` and `users`.
  std::vector<Edge> edges;
  std::vector<unsigned> sourceStart, userStart, sources, users;

  llvm::ArrayRef<unsigned> sourcesOf(unsigned node) const {
    return llvm::ArrayRef(sources).slice(
        sourceStart[node], sourceStart[node + 1] - sourceStart[node]);
  }
  llvm::ArrayRef<unsigned> usersOf(unsigned node) const {
    return llvm::ArrayRef(users).slice(userStart[node],
                                       userStart[node + 1] - userStart[node]);
  }
};

} // namespace

Clusters::NameInfo &Clusters::infoOf(OperationName name) {
  auto [it, isNew] = infos.try_emplace(name.getAsOpaquePointer());
  if (isNew) {
    llvm::StringRef op = name.getStringRef();
    op.consume_front("tf.");
    it->second = {roleOf(op), op.contains("TensorList"), isSourceOrSink(op)};
  }
  return it->second;
}

unsigned Clusters::node(Operation *op, unsigned &first, unsigned vertex,
                        const NodeTypes &types) {
  for (unsigned i = first; i != kNone; i = nodes[i].next)
    if (nodes[i].vertex == vertex)
      return i;
  const NameInfo &info = infoOf(op->getName());
  Node node{op,
            vertex,
            -1,
            first,
            info.role,
            info.isSourceOrSink || op->getDiscardableAttr(signature),
            op->getDiscardableAttr(preserve) != nullptr};
  if (info.isList)
    for (unsigned i = 0; i < types.vertices.size() && node.group < 0; ++i)
      if (!types.vertices[i].attr.empty() && types.vertices[i].index < 0 &&
          getVertexType(op, types.vertices[i]) == graphdef::kFloat)
        node.group = i;
  first = nodes.size();
  nodes.push_back(node);
  return first;
}

/// The node that makes a variant value; kNone for one of another function.
unsigned Clusters::producerOf(OpResult result) const {
  auto it = firstNode.find(result.getOwner());
  if (it == firstNode.end())
    return kNone;
  unsigned node = it->second;
  if (nodes[node].next == kNone)
    return node;
  unsigned vertex =
      getNodeTypes(result.getOwner()).outputs[result.getResultNumber()];
  while (node != kNone && nodes[node].vertex != vertex)
    node = nodes[node].next;
  return node;
}

/// The starts of lists in an array that is ordered by the given ends of edges,
/// and the other ends in it, those of one list in the order of the edges.
static void groupEdges(llvm::ArrayRef<std::pair<unsigned, unsigned>> edges,
                       size_t nodes, bool byFirst,
                       std::vector<unsigned> &start,
                       std::vector<unsigned> &ends) {
  start.assign(nodes + 1, 0);
  for (auto [from, to] : edges)
    ++start[(byFirst ? from : to) + 1];
  for (size_t i = 0; i < nodes; ++i)
    start[i + 1] += start[i];
  ends.resize(edges.size());
  std::vector<unsigned> next(start.begin(), start.end() - 1);
  for (auto [from, to] : edges)
    ends[next[byFirst ? from : to]++] = byFirst ? to : from;
}

/// The variant vertices and the edges between them. False where there are none.
bool Clusters::collect() {
  auto isHandle = [&](Value value) { return isVariant(value); };
  // Values that nodes use, in the order of the nodes.
  std::vector<std::pair<Value, unsigned>> uses;
  Block &block = function.getFunctionBody().front();
  // Most functions have no lists, and of an op's results we know without a look
  // elsewhere.
  auto makesHandle = [&](Operation &op) {
    for (unsigned i = 0, e = op.getNumResults(); i < e; ++i)
      if (isVariant(op.getResult(i)))
        return true;
    return false;
  };
  if (!llvm::any_of(function.getArguments(), isHandle) &&
      llvm::none_of(block, makesHandle))
    return false;
  for (Operation &op : block.without_terminator()) {
    bool makes = makesHandle(op);
    if (!makes && !llvm::any_of(op.getOperands(), isHandle))
      continue;
    NodeTypes types = getNodeTypes(&op);
    unsigned first = kNone;
    unsigned outputs =
        std::min<unsigned>(types.outputs.size(), getNumOutputs(&op));
    for (unsigned i = 0; makes && i < outputs; ++i)
      if (isVariant(op.getResult(i)))
        node(&op, first, types.outputs[i], types);
    unsigned inputs =
        std::min<unsigned>(types.inputs.size(), getNumInputs(&op));
    for (unsigned i = 0; i < inputs; ++i)
      if (isVariant(op.getOperand(i)))
        uses.emplace_back(op.getOperand(i),
                          node(&op, first, types.inputs[i], types));
    if (first != kNone)
      firstNode[&op] = first;
  }
  if (nodes.empty())
    return false;
  for (auto [value, user] : uses) {
    auto result = dyn_cast<OpResult>(value);
    unsigned producer = result ? producerOf(result) : kNone;
    if (producer == kNone)
      nodes[user].leaves = true;
    else
      edges.emplace_back(producer, user);
  }
  if (block.mightHaveTerminator())
    for (Value operand : block.getTerminator()->getOperands())
      if (auto result = dyn_cast<OpResult>(operand);
          result && isVariant(operand))
        if (unsigned producer = producerOf(result); producer != kNone)
          nodes[producer].leaves = true;
  groupEdges(edges, nodes.size(), /*byFirst=*/false, sourceStart, sources);
  groupEdges(edges, nodes.size(), /*byFirst=*/true, userStart, users);
  return true;
}

void Clusters::relate(llvm::ArrayRef<unsigned> cluster,
                      GroupRelations &relations) {
  llvm::SmallVector<unsigned> members;
  bool isUnsafe = false, hasRoot = false;
  for (unsigned i : cluster) {
    isUnsafe |= nodes[i].leaves;
    if (nodes[i].group < 0)
      continue;
    members.push_back(i);
    if (nodes[i].isPreserved)
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
      if (!nodes[i].isPreserved)
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
      return nodes[i].role == role && !nodes[i].isPreserved;
    });
  };
  if (!hasRole(Role::Reader) || !hasRole(Role::Writer))
    return;
  for (unsigned i : cluster) {
    const Node &node = nodes[i];
    if (node.isPreserved)
      continue;
    for (unsigned from : sourcesOf(i))
      if (!nodes[from].isPreserved)
        relations.addEdge(nodes[from].op, nodes[from].vertex, node.op,
                          node.vertex);
  }
  for (unsigned i : members) {
    const Node &node = nodes[i];
    if (node.isPreserved)
      continue;
    if (node.role == Role::Writer)
      relations.addEdge(node.op, node.group, node.op, node.vertex);
    else if (node.role == Role::Reader)
      relations.addEdge(node.op, node.vertex, node.op, node.group);
  }
}

void Clusters::forEachCluster(
    llvm::function_ref<void(llvm::ArrayRef<unsigned>)> visit) {
  if (!collect())
    return;
  std::vector<bool> seen(nodes.size());
  llvm::SmallVector<unsigned> cluster;
  for (unsigned root = 0; root < nodes.size(); ++root) {
    if (seen[root])
      continue;
    seen[root] = true;
    cluster.assign(1, root);
    for (size_t k = 0; k < cluster.size(); ++k)
      for (llvm::ArrayRef<unsigned> next :
           {sourcesOf(cluster[k]), usersOf(cluster[k])})
        for (unsigned i : next)
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
      bool isList = infoOf(op->getName()).isList;
      if (nodes[i].group >= 0)
        found.members.push_back(op);
      else if (op->hasAttr(kWantedAttr) &&
               llvm::any_of(op->getResults(),
                            [&](Value value) { return isVariant(value); }))
        found.wanted = op;
      if (op->hasAttr(kCallsAttr) && !nodes[i].leaves)
        found.handsOn = op;
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

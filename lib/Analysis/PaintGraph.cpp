//===- PaintGraph.cpp - The painting, on a graph of indices ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The graph of indices and the rules R1 to R10 that paint it, one function per
// rule, in their order. Every walk is breadth first from all roots at once, so
// that each vertex is visited once and its witness is a nearest one.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/PaintGraph.h"

#include <algorithm>
#include <numeric>

using namespace amp;

void PaintGraph::reserve(size_t vertexCount, size_t edgeCount) {
  vertices.reserve(vertexCount);
  edges.reserve(edgeCount);
}

void PaintGraph::tie(VertexId a, VertexId b) { tied.emplace_back(a, b); }

void PaintGraph::addRecurrence(VertexId next, VertexId merge) {
  recurrent.emplace_back(next, merge);
}

/// Lists of neighbours from (key, value) pairs: a counting sort by key keeps
/// the order of the values.
static void buildLists(size_t count, std::vector<uint32_t> &start,
                       std::vector<VertexId> &list,
                       const std::vector<std::pair<VertexId, VertexId>> &edges,
                       bool byTarget) {
  // One place further: each start moves to the end of its list while that is
  // filled, which is where the next one starts.
  start.assign(count + 2, 0);
  for (const auto &edge : edges)
    ++start[(byTarget ? edge.second : edge.first) + 2];
  std::partial_sum(start.begin(), start.end(), start.begin());
  list.resize(edges.size());
  for (const auto &edge : edges) {
    VertexId key = byTarget ? edge.second : edge.first;
    list[start[key + 1]++] = byTarget ? edge.first : edge.second;
  }
  start.pop_back();
}

void PaintGraph::finish() {
  // Counting sorts order the edges by their ends, then by their starts, in
  // linear time.
  if (!inOrder) {
    buildLists(vertices.size(), inStart, in, edges, /*byTarget=*/true);
    size_t position = 0;
    for (VertexId v = 0; v < vertices.size(); ++v)
      for (uint32_t i = inStart[v]; i < inStart[v + 1]; ++i)
        edges[position++] = {in[i], v};
  }
  buildLists(vertices.size(), outStart, out, edges, /*byTarget=*/false);
  size_t position = 0, kept = 0;
  for (VertexId v = 0; v < vertices.size(); ++v) {
    // Equal edges are next to each other now.
    const size_t first = kept;
    for (; position < outStart[v + 1]; ++position)
      if (kept == first || out[kept - 1] != out[position]) {
        out[kept] = out[position];
        edges[kept++] = {v, out[position]};
      }
    outStart[v] = first;
  }
  outStart.back() = kept;
  out.resize(kept);
  edges.resize(kept);
  buildLists(vertices.size(), inStart, in, edges, /*byTarget=*/true);
  edges = {};
  std::stable_sort(
      recurrent.begin(), recurrent.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
}

PaintGraph::Range PaintGraph::fanIn(VertexId v) const {
  return {in.data() + inStart[v], in.data() + inStart[v + 1]};
}

PaintGraph::Range PaintGraph::fanOut(VertexId v) const {
  return {out.data() + outStart[v], out.data() + outStart[v + 1]};
}

std::string amp::ruleLabel(Rule rule) {
  return "R" + std::to_string(static_cast<unsigned>(rule));
}

namespace {

/// What the rules see of a vertex, folded from its list, pin and abilities.
class Painter {
public:
  Painter(const PaintGraph &graph, InferRule inferRule)
      : graph(graph), inferRule(inferRule), size(graph.size()), lists(size) {
    result.colours.assign(size, Colour::Unpainted);
    result.reasons.resize(size);
    flags.resize(size);
    for (VertexId v = 0; v < size; ++v) {
      const PaintVertex &vertex = graph[v];
      lists[v] = listOf(vertex);
      if (canChange(vertex)) {
        flags[v] = kCanChange;
        if (isInferOrClear(v) && vertex.supportsTarget)
          flags[v] |= kCanFollow;
      }
      hasConduits |= vertex.isConduit;
      anyForced |= vertex.forced;
      anyRetargetable |= vertex.retargetable;
    }
    steps = hasConduits ? 2 * size : size;
    flags.resize(steps);
    before.assign(steps, kNoVertex);
    queue.reserve(steps);
  }

  PaintResult run() {
    findClusters();
    denyUnsafeClusters();
    allowListOps();
    spreadDeny();
    matchClusters();
    lowerBetween();
    if (inferRule == InferRule::Follow)
      lowerFollowing();
    lowerClearNeighbours();
    removeNotAllowed();
    matchClusters();
    matchRecurrences();
    retargetCasts();
    finish();
    return std::move(result);
  }

private:
  /// Pins change the list a node counts as: one to the target type makes it an
  /// allow op, one to the other type a barrier. One to float32 leaves it.
  static ListKind listOf(const PaintVertex &vertex) {
    if (vertex.pin == Pin::Target)
      return ListKind::Allow;
    if (vertex.pin == Pin::OtherLow)
      return ListKind::Keep;
    return vertex.list;
  }

  /// Walks go over steps: a vertex, or (its number plus `size`) a conduit that
  /// is passed through on the way between float32 vertices. The edges between
  /// such a vertex and a conduit are for this alone.
  template <typename Enter>
  void forEachNext(VertexId step, bool forward, Enter enter) const {
    if (!hasConduits) {
      for (VertexId next : forward ? graph.fanOut(step) : graph.fanIn(step))
        enter(next);
      return;
    }
    bool isPassing = step >= size;
    VertexId v = isPassing ? step - size : step;
    for (VertexId next : forward ? graph.fanOut(v) : graph.fanIn(v)) {
      if (graph[next].isConduit && (isPassing || graph[v].isFloat32))
        enter(static_cast<VertexId>(next + size));
      else if (isPassing ? graph[next].isFloat32
                         : !(graph[v].isConduit && graph[next].isFloat32))
        enter(next);
    }
  }
  bool isPassed(VertexId step) const { return step >= size; }

  bool isInferOrClear(VertexId v) const {
    return lists[v] == ListKind::Infer || lists[v] == ListKind::Clear;
  }
  /// May be painted at all.
  static bool canChange(const PaintVertex &vertex) {
    return vertex.processable && vertex.isFloat32 &&
           vertex.pin != Pin::Float32 && vertex.pin != Pin::OtherLow;
  }
  bool canChange(VertexId v) const { return flags[v] & kCanChange; }
  bool isAllowed(VertexId v) const { return flags[v] & kAllowed; }
  bool isDenied(VertexId v) const { return flags[v] & kDenied; }
  bool isAllowRoot(VertexId v) const {
    return lists[v] == ListKind::Allow && canChange(v);
  }
  void setAllowed(VertexId v, Rule rule, VertexId a = kNoVertex,
                  VertexId b = kNoVertex) {
    flags[v] |= kAllowed;
    result.reasons[v] = {rule, {a, b}};
  }
  void setDenied(VertexId v, Rule rule, VertexId a = kNoVertex) {
    flags[v] = (flags[v] | kDenied) & ~kAllowed;
    result.reasons[v] = {rule, {a, kNoVertex}};
  }

  void findClusters();
  void denyUnsafeClusters();
  void allowListOps();
  void spreadDeny();
  void matchClusters();
  void lowerBetween();
  void lowerFollowing();
  void lowerClearNeighbours();
  void removeNotAllowed();
  void matchRecurrences();
  void retargetCasts();
  void finish();
  PaintReason reasonToStay(VertexId v) const;
  PaintGraph::Range sourcesOf(VertexId v) const;

  const PaintGraph &graph;
  const InferRule inferRule;
  const size_t size;
  std::vector<ListKind> lists;
  enum Flag : uint8_t {
    kAllowed = 1,
    kDenied = 2,
    kCanChange = 4,
    /// An infer or clear vertex that a rule may lower next to another.
    kCanFollow = 8,
    /// R3: a deny or infer vertex, or what leads to one through clear ones.
    kLeadsToDeny = 16,
    /// R5: the walk back from allow ops has met it.
    kIsBefore = 32,
  };
  /// Of all steps, a byte each, since the walks ask for them at random.
  std::vector<uint8_t> flags;
  bool hasConduits = false, anyForced = false, anyRetargetable = false;
  /// How many steps there are.
  size_t steps = 0;
  /// R5: the nearest allow op before a step; kNoVertex without one.
  std::vector<VertexId> before;
  /// R4: members of clusters, cluster by cluster, and where each starts.
  std::vector<VertexId> clusterMembers;
  std::vector<size_t> clusterStarts;
  /// Of sourcesOf.
  mutable std::vector<VertexId> sources;
  /// One queue, reused by all walks.
  std::vector<VertexId> queue;
  PaintResult result;
};

} // namespace

/// Groups the ties into clusters (union-find with path halving).
void Painter::findClusters() {
  if (graph.ties().empty())
    return;
  std::vector<VertexId> parent(size);
  std::iota(parent.begin(), parent.end(), 0);
  auto find = [&](VertexId v) {
    while (parent[v] != v)
      v = parent[v] = parent[parent[v]];
    return v;
  };
  for (auto [a, b] : graph.ties()) {
    a = find(a), b = find(b);
    parent[std::max(a, b)] = std::min(a, b);
  }
  std::vector<VertexId> members;
  for (auto [a, b] : graph.ties()) {
    members.push_back(a);
    members.push_back(b);
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  std::stable_sort(members.begin(), members.end(),
                   [&](VertexId a, VertexId b) { return find(a) < find(b); });
  for (size_t i = 0; i < members.size(); ++i)
    if (i == 0 || find(members[i]) != find(members[i - 1]))
      clusterStarts.push_back(i);
  clusterStarts.push_back(members.size());
  clusterMembers = std::move(members);
}

/// R4, before all others: a cluster with a member that cannot change.
void Painter::denyUnsafeClusters() {
  for (size_t c = 0; c + 1 < clusterStarts.size(); ++c) {
    auto first = clusterMembers.begin() + clusterStarts[c];
    auto last = clusterMembers.begin() + clusterStarts[c + 1];
    auto fixed = std::find_if(first, last, [&](VertexId v) {
      return !canChange(v) || !graph[v].allowsTarget || graph[v].escapes;
    });
    if (fixed == last)
      continue;
    for (auto it = first; it != last; ++it)
      if (canChange(*it))
        setDenied(*it, Rule::Tied, *fixed);
  }
}

/// R1 (and R11): allow ops.
void Painter::allowListOps() {
  for (VertexId v = 0; v < size; ++v)
    if (isAllowRoot(v) && !isDenied(v))
      setAllowed(v, graph[v].pin == Pin::Target ? Rule::PinTarget
                                                : Rule::AllowList);
  for (VertexId v = 0; anyForced && v < size; ++v)
    if (graph[v].forced && graph[v].isFloat32 && graph[v].processable &&
        !isAllowed(v) && !isDenied(v))
      setAllowed(v, Rule::Forced);
}

/// R2 and R3: deny ops, and what lies between them and a deny or infer op
/// through infer and clear ops. What must not change spreads deny too.
void Painter::spreadDeny() {
  // Nothing spreads from nowhere.
  queue.clear();
  for (VertexId v = 0; v < size; ++v)
    if (lists[v] == ListKind::Deny && !isDenied(v)) {
      setDenied(v, Rule::DenyList);
      queue.push_back(v);
    }
  if (queue.empty())
    return;
  const std::vector<VertexId> roots = queue;
  queue.clear();
  for (VertexId v = 0; v < size; ++v) {
    if (lists[v] != ListKind::Deny && lists[v] != ListKind::Infer)
      continue;
    flags[v] |= kLeadsToDeny;
    queue.push_back(v);
  }
  for (size_t i = 0; i < queue.size(); ++i)
    forEachNext(queue[i], /*forward=*/false, [&](VertexId from) {
      if (!(flags[from] & kLeadsToDeny) &&
          (isPassed(from) || lists[from] == ListKind::Clear)) {
        flags[from] |= kLeadsToDeny;
        queue.push_back(from);
      }
    });

  queue.assign(roots.begin(), roots.end());
  // Conduits note the deny op here, and that they are passed.
  std::vector<VertexId> passed(steps - size, kNoVertex);
  for (size_t i = 0; i < queue.size(); ++i) {
    VertexId v = queue[i];
    VertexId root = isPassed(v) ? passed[v - size]
                    : result.reasons[v].rule == Rule::DenyList
                        ? v
                        : result.reasons[v].because[0];
    forEachNext(v, /*forward=*/true, [&](VertexId to) {
      if (!(flags[to] & kLeadsToDeny))
        return;
      if (isPassed(to)) {
        if (passed[to - size] != kNoVertex)
          return;
        passed[to - size] = root;
      } else if (isDenied(to)) {
        return;
      } else {
        setDenied(to, Rule::DenySpreads, root);
      }
      queue.push_back(to);
    });
  }
}

/// R4: one colour per cluster; deny wins over allow.
void Painter::matchClusters() {
  for (size_t c = 0; c + 1 < clusterStarts.size(); ++c) {
    auto first = clusterMembers.begin() + clusterStarts[c];
    auto last = clusterMembers.begin() + clusterStarts[c + 1];
    auto deny =
        std::find_if(first, last, [&](VertexId v) { return isDenied(v); });
    auto allow =
        std::find_if(first, last, [&](VertexId v) { return isAllowed(v); });
    if (deny != last) {
      for (auto it = first; it != last; ++it)
        if (!isDenied(*it))
          setDenied(*it, Rule::Tied, *deny);
    } else if (allow != last) {
      for (auto it = first; it != last; ++it)
        if (!isAllowed(*it))
          setAllowed(*it, Rule::Tied, *allow);
    }
  }
}

/// R5: infer and clear vertices on a path from an allow op to an allow op.
/// The ends are ops of the allow list, not whatever is painted.
void Painter::lowerBetween() {
  queue.clear();
  for (VertexId v = 0; v < size; ++v)
    if (isAllowRoot(v)) {
      before[v] = v;
      queue.push_back(v);
    }
  const size_t roots = queue.size();
  for (size_t i = 0; i < queue.size(); ++i)
    forEachNext(queue[i], /*forward=*/true, [&](VertexId to) {
      if ((isPassed(to) || (flags[to] & (kCanFollow | kDenied)) == kCanFollow) &&
          before[to] == kNoVertex) {
        before[to] = before[queue[i]];
        queue.push_back(to);
      }
    });

  // And back, on what was met on the way. Parallel to the queue: the nearest
  // allow op behind.
  queue.resize(roots);
  std::vector<VertexId> behind(queue);
  for (VertexId v : queue)
    flags[v] |= kIsBefore;
  for (size_t i = 0; i < queue.size(); ++i) {
    const VertexId root = behind[i];
    forEachNext(queue[i], /*forward=*/false, [&](VertexId from) {
      if (before[from] == kNoVertex || (flags[from] & kIsBefore))
        return;
      flags[from] |= kIsBefore;
      queue.push_back(from);
      behind.push_back(root);
      if (!isPassed(from) && !isAllowed(from))
        setAllowed(from, Rule::Between, before[from], root);
    });
  }
}

/// R6: infer vertices behind a lowered one and behind no denied one. One sweep
/// in vertex order: in a topological order all fan-ins are final before.
void Painter::lowerFollowing() {
  for (VertexId v = 0; v < size; ++v) {
    if (lists[v] != ListKind::Infer || !canChange(v) || isDenied(v) ||
        isAllowed(v) || !graph[v].allowsTarget)
      continue;
    VertexId witness = kNoVertex;
    bool follows = true;
    for (VertexId from : sourcesOf(v)) {
      if (isDenied(from)) {
        follows = false;
        break;
      }
      if (isAllowed(from) && witness == kNoVertex)
        witness = from;
    }
    if (follows && witness != kNoVertex)
      setAllowed(v, Rule::Follows, witness);
  }
}

/// The fan-in of a vertex; behind a conduit, what can be reached through it.
PaintGraph::Range Painter::sourcesOf(VertexId v) const {
  PaintGraph::Range in = graph.fanIn(v);
  if (!hasConduits || std::none_of(in.begin(), in.end(), [&](VertexId from) {
        return graph[from].isConduit;
      }))
    return in;
  sources.assign(1, v);
  std::vector<VertexId> found;
  std::vector<bool> seen(steps);
  for (size_t i = 0; i < sources.size(); ++i)
    forEachNext(sources[i], /*forward=*/false, [&](VertexId from) {
      if (seen[from])
        return;
      seen[from] = true;
      (isPassed(from) ? sources : found).push_back(from);
    });
  sources = std::move(found);
  return {sources.data(), sources.data() + sources.size()};
}

/// R7: clear vertices that touch a lowered one through clear ones.
void Painter::lowerClearNeighbours() {
  queue.clear();
  for (VertexId v = 0; v < size; ++v)
    if (isAllowed(v))
      queue.push_back(v);
  // Conduits are passed in the direction in which they were entered: what two
  // writers of one list hold does not meet. Each direction notes its root.
  std::vector<VertexId> passed[2];
  for (auto &roots : passed)
    roots.assign(steps - size, kNoVertex);
  std::vector<VertexId> passing[2];
  auto enter = [&](VertexId next, VertexId root, bool forward) {
    if (isPassed(next)) {
      if (passed[forward][next - size] == kNoVertex) {
        passed[forward][next - size] = root;
        passing[forward].push_back(next);
      }
      return;
    }
    if ((flags[next] & (kCanFollow | kAllowed | kDenied)) != kCanFollow ||
        lists[next] != ListKind::Clear || graph[next].readsVariable)
      return;
    setAllowed(next, Rule::ClearNeighbour, root);
    queue.push_back(next);
  };
  const size_t roots = queue.size();
  for (size_t i = 0; i < queue.size(); ++i) {
    VertexId v = queue[i];
    VertexId root = i < roots ? v : result.reasons[v].because[0];
    for (bool forward : {false, true}) {
      forEachNext(v, forward,
                  [&](VertexId next) { enter(next, root, forward); });
      if (!hasConduits)
        continue;
      for (size_t k = 0; k < passing[forward].size(); ++k) {
        VertexId step = passing[forward][k];
        forEachNext(step, forward,
                    [&](VertexId next) { enter(next, root, forward); });
      }
      passing[forward].clear();
    }
  }
}

/// R8: allow ops that cannot have the type; they have served as roots.
void Painter::removeNotAllowed() {
  for (VertexId v = 0; v < size; ++v)
    if (isAllowed(v) && lists[v] == ListKind::Allow &&
        !graph[v].allowsTarget) {
      flags[v] &= ~kAllowed;
      result.reasons[v] = {Rule::NotAllowed, {kNoVertex, kNoVertex}};
    }
}

/// R9: the value of a loop's next iteration has the type of its merges.
void Painter::matchRecurrences() {
  const auto &pairs = graph.recurrences();
  for (size_t i = 0; i < pairs.size();) {
    size_t end = i;
    VertexId stays = kNoVertex;
    for (; end < pairs.size() && pairs[end].first == pairs[i].first; ++end)
      if (!isAllowed(pairs[end].second) && stays == kNoVertex)
        stays = pairs[end].second;
    VertexId next = pairs[i].first;
    if (stays == kNoVertex) {
      if (!isAllowed(next))
        setAllowed(next, Rule::Recurrence, pairs[i].second);
    } else {
      auto remove = [&](VertexId v) {
        if (isAllowed(v)) {
          flags[v] &= ~kAllowed;
          result.reasons[v] = {Rule::Recurrence, {stays, kNoVertex}};
        }
      };
      remove(next);
      for (size_t k = i; k < end; ++k)
        remove(pairs[k].second);
    }
    i = end;
  }
}

/// R10: a cast to float32 all of whose users are lowered.
void Painter::retargetCasts() {
  for (VertexId v = 0; anyRetargetable && v < size; ++v) {
    if (!graph[v].retargetable)
      continue;
    PaintGraph::Range users = graph.fanOut(v);
    if (users.size() == 0)
      continue;
    auto stays = std::find_if(users.begin(), users.end(),
                              [&](VertexId user) { return !isAllowed(user); });
    if (stays == users.end())
      setAllowed(v, Rule::CastRetargeted, *users.begin());
    else
      result.reasons[v] = {Rule::CastStays, {*stays, kNoVertex}};
  }
}

/// Why a vertex that no rule painted stays as it is.
PaintReason Painter::reasonToStay(VertexId v) const {
  const PaintVertex &vertex = graph[v];
  auto reason = [](Rule rule, VertexId a = kNoVertex) {
    return PaintReason{rule, {a, kNoVertex}};
  };
  switch (lists[v]) {
  case ListKind::Allow:
    return reason(Rule::NotAllowed);
  case ListKind::Deny:
    return reason(Rule::DenyList);
  case ListKind::Keep:
    return reason(vertex.retargetable ? Rule::CastStays : Rule::KeepList);
  case ListKind::Infer:
  case ListKind::Clear:
    break;
  }
  if (!vertex.supportsTarget || !vertex.allowsTarget)
    return reason(Rule::NotSupported);
  if (lists[v] == ListKind::Clear)
    // Its own witness: there may well be a lowered neighbour.
    return reason(Rule::NoNeighbour, vertex.readsVariable ? v : kNoVertex);
  if (inferRule == InferRule::Follow) {
    VertexId lowered = kNoVertex, deny = kNoVertex;
    for (VertexId from : sourcesOf(v)) {
      if (isAllowed(from))
        lowered = from;
      if (isDenied(from))
        deny = from;
    }
    if (lowered != kNoVertex && deny != kNoVertex)
      return reason(Rule::InputDenied, deny);
  }
  if (before[v] != kNoVertex)
    return reason(Rule::NoAllowBehind, before[v]);
  return reason(Rule::NoAllowBefore);
}

void Painter::finish() {
  for (VertexId v = 0; v < size; ++v) {
    if (isAllowed(v)) {
      result.colours[v] = Colour::Allow;
      continue;
    }
    if (isDenied(v))
      result.colours[v] = Colour::Deny;
    const PaintVertex &vertex = graph[v];
    // What takes a node out of the painting explains more than what its list
    // would have done.
    Rule rule = Rule::None;
    if (!vertex.isFloat32)
      rule = Rule::NotFloat32;
    else if (vertex.pin == Pin::Float32)
      rule = Rule::PinFloat32;
    else if (vertex.pin == Pin::OtherLow)
      rule = Rule::PinOther;
    else if (!vertex.processable)
      rule = Rule::Preserved;
    if (rule != Rule::None)
      result.reasons[v] = {rule, {kNoVertex, kNoVertex}};
    else if (result.reasons[v].rule == Rule::None)
      result.reasons[v] = reasonToStay(v);
  }
}

PaintResult amp::paint(const PaintGraph &graph, InferRule inferRule) {
  return Painter(graph, inferRule).run();
}

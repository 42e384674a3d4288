//===- NaivePainter.cpp - The painting by its definitions -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "NaivePainter.h"

#include <map>
#include <set>

using namespace amp;

using Set = std::vector<bool>;
using Matrix = std::vector<Set>;

PaintGraph naive::Graph::build() const {
  PaintGraph result;
  for (const PaintVertex &vertex : vertices)
    result.addVertex(vertex);
  for (auto [from, to] : edges)
    result.addEdge(from, to);
  for (auto [a, b] : ties)
    result.tie(a, b);
  for (auto [next, merge] : recurrences)
    result.addRecurrence(next, merge);
  result.finish();
  return result;
}

std::string naive::Graph::print() const {
  static const char *pins[] = {"", " pin=f32", " pin=target", " pin=other"};
  std::string text;
  for (size_t v = 0; v < vertices.size(); ++v) {
    const PaintVertex &vertex = vertices[v];
    text += std::to_string(v) + " " + std::string(listName(vertex.list)) +
            pins[size_t(vertex.pin)];
    if (!vertex.isFloat32)
      text += " notf32";
    if (!vertex.allowsTarget)
      text += " notallowed";
    if (!vertex.supportsTarget)
      text += " nokernel";
    if (!vertex.processable)
      text += " preserved";
    if (vertex.readsVariable)
      text += " reads";
    if (vertex.retargetable)
      text += " cast";
    text += " ->";
    for (auto [from, to] : edges)
      if (from == v)
        text += " " + std::to_string(to);
    text += "\n";
  }
  for (auto [a, b] : ties)
    text += "tie " + std::to_string(a) + " " + std::to_string(b) + "\n";
  for (auto [a, b] : recurrences)
    text += "recurrence " + std::to_string(a) + " " + std::to_string(b) + "\n";
  return text;
}

/// reach[a][b]: an edge path from a to b whose vertices, without its ends, are
/// all in `inner` (Warshall). A path has at least one edge.
static Matrix closure(const naive::Graph &graph, const Set &inner) {
  size_t n = graph.vertices.size();
  Matrix reach(n, Set(n));
  for (auto [from, to] : graph.edges)
    reach[from][to] = true;
  for (size_t k = 0; k < n; ++k)
    if (inner[k])
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < n; ++j)
          if (reach[i][k] && reach[k][j])
            reach[i][j] = true;
  return reach;
}

std::vector<Colour> naive::paint(const Graph &graph, InferRule inferRule) {
  size_t n = graph.vertices.size();
  std::vector<ListKind> list(n);
  Set free(n); // may change at all
  for (size_t v = 0; v < n; ++v) {
    const PaintVertex &x = graph.vertices[v];
    list[v] = x.pin == Pin::Target     ? ListKind::Allow
              : x.pin == Pin::OtherLow ? ListKind::Keep
                                       : x.list;
    free[v] = x.isFloat32 && x.processable &&
              (x.pin == Pin::None || x.pin == Pin::Target);
  }
  auto pick = [&](auto &&test) {
    Set result(n);
    for (size_t v = 0; v < n; ++v)
      result[v] = test(v);
    return result;
  };
  Set denied(n), allowed(n);

  // Clusters as the transitive closure of ties.
  Matrix together(n, Set(n));
  for (auto [a, b] : graph.ties)
    together[a][b] = together[b][a] = together[a][a] = together[b][b] = true;
  for (size_t k = 0; k < n; ++k)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        if (together[i][k] && together[k][j])
          together[i][j] = true;
  for (size_t v = 0; v < n; ++v)
    for (size_t u = 0; u < n; ++u)
      if (together[v][u] && free[v] &&
          (!free[u] || !graph.vertices[u].allowsTarget))
        denied[v] = true;
  Set unsafe = denied;

  // R1.
  Set roots =
      pick([&](size_t v) { return list[v] == ListKind::Allow && free[v]; });
  for (size_t v = 0; v < n; ++v)
    allowed[v] = roots[v] && !unsafe[v];

  // R2, R3: v is denied when a deny op reaches it and it reaches (or is) a deny
  // or infer op, all steps soft and none of them in an unsafe cluster.
  Set soft = pick([&](size_t v) {
    return (list[v] == ListKind::Infer || list[v] == ListKind::Clear);
  });
  Set clear = pick([&](size_t v) { return list[v] == ListKind::Clear; });
  Matrix throughClear = closure(graph, clear);
  Set up = pick([&](size_t v) {
    if (list[v] == ListKind::Deny || list[v] == ListKind::Infer)
      return true;
    if (list[v] != ListKind::Clear)
      return false;
    for (size_t u = 0; u < n; ++u)
      if (throughClear[v][u] &&
          (list[u] == ListKind::Deny || list[u] == ListKind::Infer))
        return true;
    return false;
  });
  Set passable = pick([&](size_t v) { return soft[v] && up[v] && !unsafe[v]; });
  Matrix fromDeny = closure(graph, passable);
  for (size_t v = 0; v < n; ++v)
    if (list[v] == ListKind::Deny && !unsafe[v]) {
      denied[v] = true;
      allowed[v] = false;
      for (size_t u = 0; u < n; ++u)
        if (fromDeny[v][u] && up[u]) {
          denied[u] = true;
          allowed[u] = false;
        }
    }

  auto matchClusters = [&] {
    for (size_t v = 0; v < n; ++v) {
      if (!together[v][v])
        continue;
      bool anyDenied = false, anyAllowed = false;
      for (size_t u = 0; u < n; ++u)
        if (together[v][u]) {
          anyDenied |= denied[u];
          anyAllowed |= allowed[u];
        }
      for (size_t u = 0; u < n; ++u)
        if (together[v][u] && anyDenied) {
          denied[u] = true;
          allowed[u] = false;
        } else if (together[v][u] && anyAllowed) {
          allowed[u] = true;
        }
    }
  };
  matchClusters();

  // R5.
  Set bridge = pick([&](size_t v) {
    return soft[v] && free[v] && !denied[v] && graph.vertices[v].supportsTarget;
  });
  Set inner = pick([&](size_t v) { return bridge[v] || roots[v]; });
  Matrix between = closure(graph, inner);
  for (size_t v = 0; v < n; ++v) {
    if (!bridge[v])
      continue;
    bool before = false, behind = false;
    for (size_t u = 0; u < n; ++u) {
      before |= roots[u] && between[u][v];
      behind |= roots[u] && between[v][u];
    }
    if (before && behind)
      allowed[v] = true;
  }

  // R6.
  if (inferRule == InferRule::Follow)
    for (size_t v = 0; v < n; ++v) {
      if (list[v] != ListKind::Infer || !free[v] || denied[v] || allowed[v] ||
          !graph.vertices[v].allowsTarget)
        continue;
      bool anyAllowed = false, anyDenied = false;
      for (auto [from, to] : graph.edges)
        if (to == v) {
          anyAllowed |= allowed[from];
          anyDenied |= denied[from];
        }
      allowed[v] = anyAllowed && !anyDenied;
    }

  // R7: until nothing changes.
  Set spread = pick([&](size_t v) {
    return clear[v] && free[v] && !denied[v] &&
           graph.vertices[v].supportsTarget && !graph.vertices[v].readsVariable;
  });
  Set source = allowed;
  for (size_t v = 0; v < n; ++v)
    source[v] = allowed[v] && graph.vertices[v].processable;
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [from, to] : graph.edges)
      for (auto [a, b] : {std::make_pair(from, to), std::make_pair(to, from)})
        if (source[a] && spread[b] && !allowed[b]) {
          source[b] = allowed[b] = true;
          changed = true;
        }
  }

  // R8.
  for (size_t v = 0; v < n; ++v)
    if (list[v] == ListKind::Allow && !graph.vertices[v].allowsTarget)
      allowed[v] = false;
  matchClusters();

  // R9.
  std::map<VertexId, std::vector<VertexId>> merges;
  for (auto [next, merge] : graph.recurrences)
    merges[next].push_back(merge);
  for (const auto &[next, list] : merges) {
    bool all = true;
    for (VertexId merge : list)
      all &= allowed[merge];
    allowed[next] = all;
    for (VertexId merge : list)
      if (!all)
        allowed[merge] = false;
  }

  // R10.
  for (size_t v = 0; v < n; ++v) {
    if (!graph.vertices[v].retargetable)
      continue;
    bool any = false, all = true;
    for (auto [from, to] : graph.edges)
      if (from == v) {
        any = true;
        all &= allowed[to];
      }
    if (any && all)
      allowed[v] = true;
  }

  std::vector<Colour> colours(n);
  for (size_t v = 0; v < n; ++v)
    colours[v] = allowed[v]  ? Colour::Allow
                 : denied[v] ? Colour::Deny
                             : Colour::Unpainted;
  return colours;
}

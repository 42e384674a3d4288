//===- RandomPaintTest.cpp - The painter against the naive one ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Thousands of random graphs, cycles, pins and clusters included. A failure
// prints its seed and the graph; AMP_SEED runs that seed alone.
//===----------------------------------------------------------------------===//

#include "NaivePainter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <random>

using namespace amp;

static naive::Graph randomGraph(uint64_t seed) {
  std::mt19937_64 random(seed);
  auto below = [&](unsigned n) { return unsigned(random() % n); };
  naive::Graph graph;
  unsigned n = 1 + below(below(4) == 0 ? 40 : 12);
  bool hasCycles = below(3) == 0, hasTies = below(3) == 0,
       hasRecurrences = hasCycles && below(2) == 0, isPlain = below(2) == 0;
  for (unsigned v = 0; v < n; ++v) {
    PaintVertex vertex;
    // Mostly soft ops, so that paths are long.
    static const ListKind lists[] = {
        ListKind::Allow, ListKind::Allow, ListKind::Infer, ListKind::Infer,
        ListKind::Infer, ListKind::Clear, ListKind::Clear, ListKind::Clear,
        ListKind::Deny,  ListKind::Keep};
    vertex.list = lists[below(10)];
    if (!isPlain) {
      vertex.pin = below(8) == 0 ? Pin(below(4)) : Pin::None;
      vertex.isFloat32 = below(12) != 0;
      vertex.allowsTarget = below(12) != 0;
      vertex.supportsTarget = vertex.allowsTarget && below(12) != 0;
      vertex.processable = below(10) != 0;
      vertex.readsVariable = below(16) == 0;
    }
    if (below(12) == 0) {
      vertex = PaintVertex();
      vertex.retargetable = true;
    }
    graph.vertices.push_back(vertex);
  }
  unsigned edges = below(3 * n + 1);
  for (unsigned i = 0; i < edges; ++i) {
    unsigned a = below(n), b = below(n);
    if (!hasCycles) {
      if (a == b)
        continue;
      if (a > b)
        std::swap(a, b);
    }
    graph.edges.emplace_back(a, b);
  }
  if (hasTies)
    for (unsigned i = below(4); i > 0; --i)
      graph.ties.emplace_back(below(n), below(n));
  if (hasRecurrences)
    for (auto [from, to] : graph.edges)
      if (below(8) == 0)
        graph.recurrences.emplace_back(from, to);
  return graph;
}

static uint64_t firstSeed(uint64_t &count) {
  if (const char *seed = std::getenv("AMP_SEED")) {
    count = 1;
    return std::strtoull(seed, nullptr, 10);
  }
  return 1;
}

TEST(RandomPaint, equalsTheNaivePainter) {
  uint64_t count = 20000, seed = firstSeed(count);
  size_t allowed = 0, denied = 0;
  for (uint64_t end = seed + count; seed < end; ++seed) {
    naive::Graph graph = randomGraph(seed);
    PaintGraph built = graph.build();
    for (InferRule rule : {InferRule::Between, InferRule::Follow}) {
      PaintResult result = paint(built, rule);
      std::vector<Colour> expected = naive::paint(graph, rule);
      ASSERT_EQ(result.colours, expected)
          << "AMP_SEED=" << seed << " rule " << int(rule) << "\n"
          << graph.print();
      for (VertexId v = 0; v < expected.size(); ++v) {
        // Everything has a reason, and its witnesses are vertices.
        ASSERT_NE(result.reasons[v].rule, Rule::None) << "AMP_SEED=" << seed;
        for (VertexId witness : result.reasons[v].because)
          ASSERT_TRUE(witness == kNoVertex || witness < expected.size());
        allowed += expected[v] == Colour::Allow;
        denied += expected[v] == Colour::Deny;
      }
    }
  }
  // The generator makes all colours.
  if (count > 1) {
    EXPECT_GT(allowed, count);
    EXPECT_GT(denied, count);
  }
}

/// Conduits stand for the edges from whatever reaches them to whatever they
/// reach.
TEST(RandomPaint, conduitsEqualTheEdgesTheyStandFor) {
  uint64_t count = 10000, seed = firstSeed(count);
  for (uint64_t end = seed + count; seed < end; ++seed) {
    naive::Graph expanded = randomGraph(seed);
    std::mt19937_64 random(seed + (uint64_t(1) << 40));
    auto below = [&](unsigned n) { return unsigned(random() % n); };
    const unsigned n = expanded.vertices.size(), conduits = 1 + below(6);
    PaintVertex conduit;
    conduit.isFloat32 = false;
    for (unsigned i = 0; i < conduits; ++i)
      expanded.vertices.push_back(conduit);
    naive::Graph graph = expanded;
    const unsigned all = n + conduits;
    std::vector<std::vector<bool>> reaches(all, std::vector<bool>(all));
    auto connect = [&](unsigned from, unsigned to) {
      graph.edges.emplace_back(from, to);
      reaches[from][to] = true;
    };
    // No cast writes to a list itself.
    auto canWrite = [&](unsigned v) {
      return graph.vertices[v].isFloat32 && !graph.vertices[v].retargetable;
    };
    for (unsigned i = below(2 * conduits); i > 0; --i)
      connect(n + below(conduits), n + below(conduits));
    for (unsigned i = below(6); i > 0; --i)
      if (unsigned v = below(n); canWrite(v))
        connect(v, n + below(conduits));
    for (unsigned i = below(6); i > 0; --i)
      if (unsigned v = below(n); canWrite(v))
        connect(n + below(conduits), v);
    for (unsigned v = n; v < all; ++v)
      graph.vertices[v].isConduit = true;
    for (unsigned k = n; k < all; ++k)
      for (unsigned a = 0; a < all; ++a)
        for (unsigned b = 0; b < all; ++b)
          if (reaches[a][k] && reaches[k][b])
            reaches[a][b] = true;
    for (unsigned a = 0; a < n; ++a)
      for (unsigned b = 0; b < n; ++b)
        if (reaches[a][b])
          expanded.edges.emplace_back(a, b);
    PaintGraph built = graph.build();
    for (InferRule rule : {InferRule::Between, InferRule::Follow})
      ASSERT_EQ(paint(built, rule).colours, naive::paint(expanded, rule))
          << "AMP_SEED=" << seed << " rule " << int(rule) << "\n"
          << graph.print();
  }
}

/// Whether R6 painted a vertex must not depend on which topological order the
/// sweep takes, so that the order of a file does not matter.
TEST(RandomPaint, anyTopologicalOrderGivesTheSameColours) {
  uint64_t count = 3000, seed = firstSeed(count);
  for (uint64_t end = seed + count; seed < end; ++seed) {
    naive::Graph graph = randomGraph(seed);
    auto isForward = [](const auto &e) { return e.first < e.second; };
    if (!std::all_of(graph.edges.begin(), graph.edges.end(), isForward))
      continue;
    std::mt19937_64 random(seed);
    size_t n = graph.vertices.size();
    // Another topological order: repeatedly any vertex that is ready.
    std::vector<VertexId> position(n), missing(n), ready;
    for (auto [from, to] : graph.edges)
      ++missing[to];
    for (VertexId v = 0; v < n; ++v)
      if (missing[v] == 0)
        ready.push_back(v);
    for (VertexId next = 0; next < n; ++next) {
      std::swap(ready[random() % ready.size()], ready.back());
      VertexId v = ready.back();
      ready.pop_back();
      position[v] = next;
      for (auto [from, to] : graph.edges)
        if (from == v && --missing[to] == 0)
          ready.push_back(to);
    }
    naive::Graph moved = graph;
    for (VertexId v = 0; v < n; ++v)
      moved.vertices[position[v]] = graph.vertices[v];
    for (naive::Edges *edges : {&moved.edges, &moved.ties, &moved.recurrences})
      for (auto &[a, b] : *edges)
        a = position[a], b = position[b];
    for (InferRule rule : {InferRule::Between, InferRule::Follow}) {
      auto before = paint(graph.build(), rule).colours;
      auto after = paint(moved.build(), rule).colours;
      for (VertexId v = 0; v < n; ++v)
        ASSERT_EQ(before[v], after[position[v]])
            << "AMP_SEED=" << seed << " vertex " << v << "\n"
            << graph.print();
    }
  }
}

/// What is lowered is no float32 vertex any more: painting again finds nothing
/// that it did not find at first.
TEST(RandomPaint, paintingAgainPaintsNothing) {
  uint64_t count = 5000, seed = firstSeed(count);
  for (uint64_t end = seed + count; seed < end; ++seed) {
    naive::Graph graph = randomGraph(seed);
    for (InferRule rule : {InferRule::Between, InferRule::Follow}) {
      auto first = paint(graph.build(), rule).colours;
      naive::Graph again = graph;
      for (VertexId v = 0; v < first.size(); ++v)
        if (first[v] == Colour::Allow ||
            graph.vertices[v].pin == Pin::OtherLow) {
          again.vertices[v].isFloat32 = false;
          again.vertices[v].retargetable = false;
        }
      // Casts cut the edges between what is lowered and what is not.
      naive::Edges kept;
      for (auto [from, to] : graph.edges)
        if ((first[from] == Colour::Allow) == (first[to] == Colour::Allow))
          kept.push_back({from, to});
        else
          again.vertices[from].retargetable = false;
      again.edges = kept;
      auto second = paint(again.build(), rule).colours;
      if (!graph.ties.empty() || !graph.recurrences.empty())
        continue; // clusters change with their members' types
      for (VertexId v = 0; v < first.size(); ++v)
        ASSERT_FALSE(second[v] == Colour::Allow)
            << "AMP_SEED=" << seed << " vertex " << v << "\n"
            << graph.print();
    }
  }
}

/// A chain of 2^20 vertices: no recursion, and time that does not explode.
TEST(RandomPaint, longChains) {
  naive::Graph graph;
  const unsigned n = 1u << 20;
  for (unsigned v = 0; v < n; ++v) {
    PaintVertex vertex;
    vertex.list = v == 0 || v == n - 1 ? ListKind::Allow
                  : v % 2              ? ListKind::Infer
                                       : ListKind::Clear;
    graph.vertices.push_back(vertex);
    if (v != 0)
      graph.edges.emplace_back(v - 1, v);
  }
  PaintResult result = paint(graph.build(), InferRule::Between);
  EXPECT_EQ(
      std::count(result.colours.begin(), result.colours.end(), Colour::Allow),
      n);
  graph.vertices[0].list = ListKind::Deny;
  graph.vertices[n - 1].list = ListKind::Infer;
  result = paint(graph.build(), InferRule::Between);
  EXPECT_EQ(
      std::count(result.colours.begin(), result.colours.end(), Colour::Deny),
      n);
  EXPECT_EQ(result.reasons[n - 1].because[0], 0u);
}

//===- PaintRulesTest.cpp - Each rule of the painting ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One group of tests per rule of docs/Algorithm.md, under its label, on chains
// and small graphs written down by hand.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/PaintGraph.h"

#include <gtest/gtest.h>

using namespace amp;

namespace {

constexpr InferRule kBetween = InferRule::Between, kFollow = InferRule::Follow;

/// Vertices from letters: A allow, I infer, C clear, D deny, K keep.
class Graph {
public:
  explicit Graph(const std::string &letters, bool isChain = true) {
    for (char letter : letters) {
      PaintVertex vertex;
      vertex.list = letter == 'A'   ? ListKind::Allow
                    : letter == 'I' ? ListKind::Infer
                    : letter == 'C' ? ListKind::Clear
                    : letter == 'D' ? ListKind::Deny
                                    : ListKind::Keep;
      graph.addVertex(vertex);
    }
    for (VertexId v = 1; isChain && v < graph.size(); ++v)
      graph.addEdge(v - 1, v);
  }
  Graph &edge(VertexId from, VertexId to) {
    graph.addEdge(from, to);
    return *this;
  }
  PaintVertex &operator[](VertexId v) { return graph[v]; }
  /// Letters again: a lowered, d denied, - unpainted.
  std::string paint(InferRule rule = kBetween) {
    graph.finish();
    result = amp::paint(graph, rule);
    std::string text;
    for (Colour colour : result.colours)
      text += colour == Colour::Allow  ? 'a'
              : colour == Colour::Deny ? 'd'
                                       : '-';
    return text;
  }
  Rule rule(VertexId v) const { return result.reasons[v].rule; }
  VertexId because(VertexId v, int i = 0) const {
    return result.reasons[v].because[i];
  }

  PaintGraph graph;
  PaintResult result;
};

std::string chain(const std::string &letters, InferRule rule = kBetween) {
  return Graph(letters).paint(rule);
}

} // namespace

TEST(Paint, paint_r1_allow_ops) {
  EXPECT_EQ(chain("A"), "a");
  EXPECT_EQ(chain("AKA"), "a-a");
  Graph graph("AA");
  graph[0].isFloat32 = false;
  graph[1].processable = false;
  EXPECT_EQ(graph.paint(), "--");
  EXPECT_EQ(graph.rule(0), Rule::NotFloat32);
  EXPECT_EQ(graph.rule(1), Rule::Preserved);
}

TEST(Paint, paint_r2_deny_ops) {
  Graph graph("D");
  EXPECT_EQ(graph.paint(), "d");
  EXPECT_EQ(graph.rule(0), Rule::DenyList);
}

TEST(Paint, paint_r3_deny_spreads_to_the_last_infer_op) {
  // The example of TensorFlow's source.
  EXPECT_EQ(chain("DICICAI"), "ddddaa-");
  EXPECT_EQ(chain("DCCC"), "d---");
  EXPECT_EQ(chain("DCCD"), "dddd");
  EXPECT_EQ(chain("DAI"), "da-");
  EXPECT_EQ(chain("DKI"), "d--");
  Graph graph("DCI");
  EXPECT_EQ(graph.paint(), "ddd");
  EXPECT_EQ(graph.rule(2), Rule::DenySpreads);
  EXPECT_EQ(graph.because(2), 0u);
}

TEST(Paint, paint_r3_what_must_not_change_spreads_too) {
  Graph graph("DIIA");
  graph[0].processable = false;
  graph[1].pin = Pin::Float32;
  EXPECT_EQ(graph.paint(kFollow), "ddda");
  EXPECT_EQ(graph.rule(0), Rule::Preserved);
  EXPECT_EQ(graph.rule(1), Rule::PinFloat32);
  EXPECT_EQ(graph.rule(2), Rule::DenySpreads);
}

TEST(Paint, paint_r4_ties_take_one_colour) {
  Graph graph("ACKC", false);
  graph.edge(0, 1).edge(2, 3);
  graph.graph.tie(1, 3);
  EXPECT_EQ(graph.paint(), "aa-a");
  EXPECT_EQ(graph.rule(3), Rule::Tied);

  Graph denied("ADIK", false);
  denied.edge(1, 2);
  denied.graph.tie(0, 2);
  EXPECT_EQ(denied.paint(), "ddd-");
  EXPECT_EQ(denied.rule(0), Rule::Tied);
  EXPECT_EQ(denied.because(0), 2u);
}

TEST(Paint, paint_r4_a_member_that_cannot_change_denies_all) {
  Graph graph("AC", false);
  graph[1].processable = false;
  graph.graph.tie(0, 1);
  EXPECT_EQ(graph.paint(), "dd");
  EXPECT_EQ(graph.because(0), 1u);
}

TEST(Paint, paint_r5_between_allow_ops) {
  Graph graph("AICIA");
  EXPECT_EQ(graph.paint(), "aaaaa");
  EXPECT_EQ(graph.rule(2), Rule::Between);
  EXPECT_EQ(graph.because(2, 0), 0u);
  EXPECT_EQ(graph.because(2, 1), 4u);
  EXPECT_EQ(chain("AIKIA"), "a---a");
  EXPECT_EQ(chain("AIDIA"), "a-dda");
  EXPECT_EQ(chain("AI"), "a-");
  EXPECT_EQ(chain("IA"), "-a");
}

TEST(Paint, paint_r5_no_kernel_no_bridge) {
  Graph graph("AIIA");
  graph[1].supportsTarget = false;
  EXPECT_EQ(graph.paint(), "a--a");
  EXPECT_EQ(graph.rule(1), Rule::NotSupported);
  EXPECT_EQ(graph.rule(2), Rule::NoAllowBefore);
}

TEST(Paint, paint_r5_the_ends_are_ops_of_the_allow_list) {
  // The infer op follows a clear op that is lowered, not an allow op.
  Graph graph("CAIC", false);
  graph.edge(1, 0).edge(0, 2).edge(1, 3).edge(2, 3);
  EXPECT_EQ(graph.paint(), "aa-a");
  EXPECT_EQ(graph.rule(2), Rule::NoAllowBehind);
  EXPECT_EQ(graph.because(2), 1u);
}

TEST(Paint, paint_r6_infer_follows_in_vertex_order) {
  EXPECT_EQ(chain("AIII", kBetween), "a---");
  EXPECT_EQ(chain("AIII", kFollow), "aaaa");
  Graph graph("AI");
  EXPECT_EQ(graph.paint(kFollow), "aa");
  EXPECT_EQ(graph.rule(1), Rule::Follows);
  EXPECT_EQ(graph.because(1), 0u);
  // Against the order of the vertices only one link is made.
  Graph backwards("IIA", false);
  backwards.edge(2, 1).edge(1, 0);
  EXPECT_EQ(backwards.paint(kFollow), "-aa");
}

TEST(Paint, paint_r6_comes_before_r7) {
  // MatMul, Relu, Tanh: Relu is lowered by R7, too late for Tanh.
  EXPECT_EQ(chain("ACI", kFollow), "aa-");
}

TEST(Paint, paint_r6_not_behind_a_denied_op) {
  Graph graph("DAKI", false);
  graph.edge(0, 3).edge(1, 3);
  EXPECT_EQ(graph.paint(kFollow), "da-d");
  // The deny that spreads to an infer op is R3's; one that comes from a
  // cluster is not, and R6 asks.
  Graph cluster("CAIC", false);
  cluster[3].processable = false;
  cluster.graph.tie(0, 3);
  cluster.edge(0, 2).edge(1, 2);
  EXPECT_EQ(cluster.paint(kFollow), "da-d");
  EXPECT_EQ(cluster.rule(2), Rule::InputDenied);
  EXPECT_EQ(cluster.because(2), 0u);
  // An unpainted fan-in does no harm.
  Graph unpainted("KAI", false);
  unpainted.edge(0, 2).edge(1, 2);
  EXPECT_EQ(unpainted.paint(kFollow), "-aa");
}

TEST(Paint, paint_r6_asks_the_definition_not_the_kernel) {
  Graph graph("AI");
  graph[1].supportsTarget = false;
  EXPECT_EQ(graph.paint(kFollow), "aa");
  graph[1].allowsTarget = false;
  EXPECT_EQ(graph.paint(kFollow), "a-");
}

TEST(Paint, paint_r7_clear_in_both_directions) {
  EXPECT_EQ(chain("CCACC"), "aaaaa");
  EXPECT_EQ(chain("CKACIC"), "--aa--");
  Graph graph("CCA");
  EXPECT_EQ(graph.paint(), "aaa");
  EXPECT_EQ(graph.rule(0), Rule::ClearNeighbour);
  EXPECT_EQ(graph.because(0), 2u);
  Graph alone("C");
  EXPECT_EQ(alone.paint(), "-");
  EXPECT_EQ(alone.rule(0), Rule::NoNeighbour);
}

TEST(Paint, paint_r7_not_into_variable_reads_or_without_kernel) {
  Graph graph("CCAC");
  graph[0].readsVariable = true;
  graph[3].supportsTarget = false;
  EXPECT_EQ(graph.paint(), "-aa-");
}

TEST(Paint, paint_r8_roots_that_cannot_have_the_type) {
  // Painted by R1 and the end of R5, unpainted by R8.
  Graph graph("AIA");
  graph[2].allowsTarget = false;
  EXPECT_EQ(graph.paint(), "aa-");
  EXPECT_EQ(graph.rule(2), Rule::NotAllowed);
}

TEST(Paint, paint_r9_loops) {
  // 0 merge, 1 allow op, 2 next; enter 3 is denied.
  Graph graph("CAC", true);
  graph.edge(2, 0);
  graph.graph.addRecurrence(2, 0);
  EXPECT_EQ(graph.paint(), "aaa");
  Graph stays("CAC", true);
  stays[0].supportsTarget = false;
  stays.edge(2, 0);
  stays.graph.addRecurrence(2, 0);
  EXPECT_EQ(stays.paint(), "-a-");
  EXPECT_EQ(stays.rule(2), Rule::Recurrence);
  EXPECT_EQ(stays.because(2), 0u);
}

TEST(Paint, paint_r10_existing_casts) {
  Graph all("KAA", false);
  all[0].retargetable = true;
  all.edge(0, 1).edge(0, 2);
  EXPECT_EQ(all.paint(), "aaa");
  EXPECT_EQ(all.rule(0), Rule::CastRetargeted);
  Graph some("KAD", false);
  some[0].retargetable = true;
  some.edge(0, 1).edge(0, 2);
  EXPECT_EQ(some.paint(), "-ad");
  EXPECT_EQ(some.rule(0), Rule::CastStays);
  EXPECT_EQ(some.because(0), 2u);
  Graph none("K");
  none[0].retargetable = true;
  EXPECT_EQ(none.paint(), "-");
}

TEST(Paint, paint_r11_pin_to_the_target_starts_and_ends_between) {
  Graph graph("IIA");
  graph[0].pin = Pin::Target;
  EXPECT_EQ(graph.paint(), "aaa");
  EXPECT_EQ(graph.rule(0), Rule::PinTarget);
  Graph stops("DII");
  stops[1].pin = Pin::Target;
  EXPECT_EQ(stops.paint(), "da-");
}

TEST(Paint, paint_r12_pin_to_float32_leaves_its_list_to_r3) {
  Graph graph("AIA");
  graph[1].pin = Pin::Float32;
  EXPECT_EQ(graph.paint(), "a-a");
  EXPECT_EQ(graph.rule(1), Rule::PinFloat32);
  Graph denies("DI");
  denies[0].pin = Pin::Float32;
  EXPECT_EQ(denies.paint(), "dd");
}

TEST(Paint, paint_r13_pin_to_the_other_type_is_a_barrier) {
  Graph graph("AIICA");
  graph[2].pin = Pin::OtherLow;
  EXPECT_EQ(graph.paint(kFollow), "aa-aa");
  EXPECT_EQ(graph.rule(2), Rule::PinOther);
  Graph denies("DI");
  denies[0].pin = Pin::OtherLow;
  EXPECT_EQ(denies.paint(), "--");
}

TEST(Paint, paint_labels) {
  EXPECT_EQ(ruleLabel(Rule::AllowList), "R1");
  EXPECT_EQ(ruleLabel(Rule::UnknownOp), "R24");
}

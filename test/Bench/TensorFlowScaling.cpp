//===- TensorFlowScaling.cpp - Time per node of each step -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-tensorflow-scaling FILE.pb...: for each GraphDef, nanoseconds per vertex
// of the pass and per node of the other steps of amp-opt, the least of several
// runs. tensorflow_speed.py makes the files.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Export/TensorFlowExport.h"
#include "amp/GraphDef/GraphDefFile.h"
#include "amp/Import/TensorFlowImport.h"
#include "amp/Transforms/MixedPrecision.h"
#include "graph_def.pb.h"

#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

using namespace amp;

static constexpr int kRuns = 3;

namespace {

/// Processor seconds that `body` takes, if less than before: others may share
/// the machine.
template <typename Body> bool timed(double &least, Body &&body) {
  auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
  };
  double start = now();
  bool ok = body();
  double seconds = now() - start;
  least = seconds < least ? seconds : least;
  return ok;
}

struct Times {
  double read = 1e30, import = 1e30, prepare = 1e30, pass = 1e30,
         exported = 1e30, write = 1e30;
};

bool measure(const std::string &path, const std::string &text, Times &times,
             size_t &nodes, size_t &vertices) {
  graphfile::SourceText source(path, text);
  graphfile::Diagnostics diags;
  graphdef::NodePlaces places;
  google::protobuf::Arena arena, outArena;
  auto &graph =
      *google::protobuf::Arena::CreateMessage<tensorflow::GraphDef>(&arena);
  if (!timed(times.read, [&] {
        return graphdef::readGraphDef(source, graphdef::Format::Binary, graph,
                                      places, diags);
      })) {
    std::fputs(diags.render(source).c_str(), stderr);
    return false;
  }
  mlir::DialectRegistry registry;
  registry.insert<tf::TensorFlowDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.disableMultithreading();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  if (!timed(times.import, [&] {
        module = importGraphDef(graph, places, source, &context);
        return bool(module);
      }))
    return false;
  nodes = vertices = 0;
  module->walk([&](mlir::Operation *op) {
    if (!mlir::isa_and_nonnull<tf::TensorFlowDialect>(op->getDialect()) ||
        !tf::getSpec(op))
      return;
    ++nodes;
    vertices += tf::getNodeTypes(op).vertices.size();
  });
  tf::RewriteSettings settings;
  settings.fetches = {"fetch"};
  std::string error;
  std::optional<Policy> policy = tf::makePolicy(settings, error);
  if (!policy)
    return false;
  MixedPrecisionOptions options;
  if (!timed(times.prepare, [&] {
        return mlir::succeeded(
            tf::prepare(*module, settings, *policy, options.forced));
      }))
    return false;
  options.policy = std::make_shared<const Policy>(std::move(*policy));
  options.keepBlockOrder = true;
  options.nameLater = true;
  if (!timed(times.pass, [&] {
        return mlir::succeeded(autoMixedPrecision(*module, options));
      }))
    return false;
  auto &out =
      *google::protobuf::Arena::CreateMessage<tensorflow::GraphDef>(&outArena);
  if (!timed(times.exported, [&] {
        return mlir::succeeded(exportGraphDef(*module, out));
      }))
    return false;
  std::string written;
  return timed(times.write, [&] {
    return !graphdef::writeGraphDef(out, graphdef::Format::Binary, false,
                                    written);
  });
}

} // namespace

int main(int argc, char **argv) {
  std::printf("| file | nodes | vertices | pass, ns a vertex | read | import | "
              "prepare | pass | export | write | sum, ns a node |\n"
              "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
              "---: | ---: |\n");
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    Times t;
    size_t nodes = 0, vertices = 0;
    for (int run = 0; run < kRuns; ++run)
      if (!measure(argv[i], text.str(), t, nodes, vertices))
        return 1;
    double n = nodes ? 1e9 / double(nodes) : 0;
    std::string name = argv[i];
    name = name.substr(name.find_last_of('/') + 1);
    std::printf("| %s | %zu | %zu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | "
                "%.0f | %.0f |\n",
                name.c_str(), nodes, vertices, t.pass * 1e9 / double(vertices),
                t.read * n, t.import * n, t.prepare * n, t.pass * n,
                t.exported * n, t.write * n,
                (t.read + t.import + t.prepare + t.pass + t.exported +
                 t.write) *
                    n);
  }
  return 0;
}

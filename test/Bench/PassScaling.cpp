//===- PassScaling.cpp - Time per op of each step of amp-opt ---*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-pass-scaling FILE...: for each graph file, nanoseconds per node spent
// reading, importing, painting, rewriting, verifying and exporting, the
// smallest of several runs. test/Bench/pass_scaling.py makes the files.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/Reader.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/BuiltinTypes.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

using namespace amp;

namespace {

constexpr int kRuns = 3;

/// Nanoseconds that `body` takes.
template <typename Body> double timed(Body &&body) {
  auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now() - start)
      .count();
}

struct Times {
  double read = 1e30, import = 1e30, graph = 1e30, paint = 1e30, rewrite = 1e30,
         verify = 1e30, write = 1e30;
};

void keepLeast(double &least, double value) {
  least = value < least ? value : least;
}

/// One run over the file; false after an error.
bool measure(const std::string &path, const std::string &text, Times &times,
             size_t &nodes) {
  graphfile::SourceText source(path, text);
  std::optional<graphfile::CheckedFile> file;
  graphfile::Diagnostics diags;
  keepLeast(times.read,
            timed([&] { file = graphfile::readGraphFile(source, diags); }));
  if (!file) {
    std::fputs(diags.render(source).c_str(), stderr);
    return false;
  }
  nodes = 0;
  for (const graphfile::Function &function : file->file.functions)
    nodes += function.nodes.size();

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  keepLeast(times.import,
            timed([&] { module = importGraphFile(*file, source, &context); }));
  if (!module)
    return false;

  MixedPrecisionOptions options;
  std::vector<PolicyMessage> messages;
  std::optional<Policy> policy = loadPolicy({}, {}, messages);
  if (!policy)
    return false;
  options.policy = std::make_shared<Policy>(*policy);

  double built = 0, painted = 0;
  bool ok = true;
  module->walk([&](mlir::FunctionOpInterface function) {
    FunctionPainting painting;
    PaintSettings settings{*policy, policy->inferRule, options.models,
                           mlir::Float16Type::get(&context)};
    built += timed([&] {
      ok &= mlir::succeeded(paintFunction(function, settings, painting));
    });
    painted +=
        timed([&] { painting.result = paint(painting.graph, InferRule::Between); });
  });
  if (!ok)
    return false;
  keepLeast(times.graph, built);
  keepLeast(times.paint, painted);

  keepLeast(times.rewrite, timed([&] {
              ok = mlir::succeeded(autoMixedPrecision(*module, options));
            }));
  keepLeast(times.verify, timed([&] {
              ok = ok && mlir::succeeded(verifyContract(*module));
            }));
  std::string written;
  keepLeast(times.write, timed([&] {
              mlir::FailureOr<graphfile::GraphFile> out =
                  exportGraphFile(*module);
              if (mlir::succeeded(out))
                written = graphfile::writeGraphFile(*out);
            }));
  return ok && !written.empty();
}

} // namespace

int main(int argc, char **argv) {
  std::printf("| nodes | read | import | paint, with its graph | paint alone | "
              "paint and rewrite | verify | export | sum |\n"
              "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: "
              "|\n");
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    Times times;
    size_t nodes = 0;
    for (int run = 0; run < kRuns; ++run)
      if (!measure(argv[i], text.str(), times, nodes))
        return 1;
    double n = nodes ? double(nodes) : 1;
    std::printf("| %zu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f "
                "|\n",
                nodes, times.read / n, times.import / n, times.graph / n,
                times.paint / n, times.rewrite / n, times.verify / n,
                times.write / n,
                (times.read + times.import + times.rewrite + times.verify +
                 times.write) /
                    n);
  }
  return 0;
}

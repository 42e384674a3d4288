//===- PassSteps.cpp - Time per op of the steps of the pass ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-pass-steps [SHAPE SIZE [RUNS]]: nanoseconds per op that painting,
// rewriting and verifying take on graphs made in memory, the least of several
// runs, each in a context of its own. Without arguments all shapes and sizes.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/IR/Verifier.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

using namespace amp;
using namespace mlir;

namespace {

/// Nanoseconds of processor time: another process on the core costs none.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

template <typename Body> double timed(Body &&body) {
  double start = now();
  body();
  return now() - start;
}

/// Makes one function of a shape.
class GraphMaker {
public:
  GraphMaker(MLIRContext &context, size_t size)
      : size(size), builder(&context), f32(builder.getF32Type()),
        loc(builder.getUnknownLoc()), module(ModuleOp::create(loc)) {
    auto matrix = RankedTensorType::get({ShapedType::kDynamic, 64}, f32);
    builder.setInsertionPointToEnd(module.getBody());
    auto init = builder.getDictionaryAttr(
        {builder.getNamedAttr("kind", builder.getStringAttr("zeros"))});
    for (int k = 0; k < 2; ++k) {
      auto type = k == 0 ? RankedTensorType::get({64, 64}, f32)
                         : RankedTensorType::get({64}, f32);
      variables.push_back(graph::createVariable(
          builder, loc, k == 0 ? "kernel" : "bias", type, init));
    }
    OperationState state(loc, graph::FuncOp::getOperationName());
    state.addAttribute("sym_name", builder.getStringAttr("f"));
    state.addAttribute("function_type", TypeAttr::get(builder.getFunctionType(
                                            {matrix}, {matrix})));
    state.addAttribute("output_names", builder.getStrArrayAttr({"y"}));
    Region *region = state.addRegion();
    Block *block = new Block;
    region->push_back(block);
    x = block->addArgument(matrix, loc);
    builder.create(state);
    builder.setInsertionPointToStart(block);
    kernel = graph::createRead(builder, loc, variables[0]).getResult();
    bias = graph::createRead(builder, loc, variables[1]).getResult();
  }

  OwningOpRef<ModuleOp> finish(Value y) {
    OperationState end(loc, graph::ReturnOp::getOperationName());
    end.addOperands(y);
    builder.create(end);
    return module;
  }

  Value node(llvm::StringRef op, ValueRange operands,
             llvm::ArrayRef<NamedAttribute> attrs = {}) {
    Operation *made = graph::createNode(
        builder, loc, op, ("n" + llvm::Twine(count++)).str(), operands, attrs);
    made->removeAttr(kGeneratedAttr);
    return made->getResult(0);
  }
  bool isFull() const { return count >= size; }

  /// Blocks of product, bias, relu, add, tanh; a softmax after every tenth.
  Value residual() {
    Value value = x;
    for (int block = 0; !isFull(); ++block) {
      Value product = node("matmul", {value, kernel});
      Value biased = node("bias_add", {product, bias});
      Value sum = node("add", {node("relu", biased), value});
      value = node("tanh", sum);
      if (block % 10 == 9)
        value = node("softmax", value);
    }
    return value;
  }
  /// One value with `size` users, of which half need it in 16 bits.
  Value fanOut() {
    Value value = node("matmul", {x, kernel}), last = value;
    for (int i = 0; !isFull(); ++i)
      last = i % 2 ? node("exp", value) : node("matmul", {value, kernel});
    return last;
  }
  /// A sum and a concatenation of `size` values each, half of them 16-bit.
  Value fanIn() {
    llvm::SmallVector<Value> values;
    for (size_t i = 0; i < size; ++i)
      values.push_back(i % 2 ? node("exp", x) : node("matmul", {x, kernel}));
    Value sum = node("add_n", values);
    Value joined =
        node("concat", values,
             builder.getNamedAttr("axis", builder.getI64IntegerAttr(0)));
    node("matmul", {joined, kernel});
    return node("matmul", {sum, kernel});
  }

  size_t count = 0, size;
  OpBuilder builder;
  Type f32;
  Location loc;
  ModuleOp module;
  std::vector<graph::VariableOp> variables;
  Value x, kernel, bias;
};

struct Times {
  double walk = 1e30, graph = 1e30, colours = 1e30, pass = 1e30,
         contract = 1e30, verifier = 1e30;
  size_t nodes = 0;
  uint64_t casts = 0;
};

void keepLeast(double &least, double value) {
  least = value < least ? value : least;
}

std::shared_ptr<const Policy> loadDefault() {
  std::vector<PolicyMessage> messages;
  std::optional<Policy> policy = loadPolicy({}, {}, messages);
  return policy ? std::make_shared<Policy>(*policy) : nullptr;
}

bool measure(llvm::StringRef shape, size_t size,
             const std::shared_ptr<const Policy> &policy, Times &times) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  // The constructor leaves the locks of attributes and types on.
  context.disableMultithreading();
  context.loadDialect<graph::GraphDialect>();
  GraphMaker maker(context, size);
  Value end = shape == "residual"  ? maker.residual()
              : shape == "fan-out" ? maker.fanOut()
              : shape == "fan-in"  ? maker.fanIn()
                                   : Value();
  if (!end)
    return false;
  times.nodes = maker.count;
  OwningOpRef<ModuleOp> module = maker.finish(end);
  bool ok = true;
  keepLeast(times.verifier,
            timed([&] { ok &= succeeded(mlir::verify(*module)); }));

  size_t operands = 0;
  keepLeast(times.walk, timed([&] {
              module->walk([&](Operation *op) {
                for (Value operand : op->getOperands())
                  operands += operand.getDefiningOp() != nullptr;
              });
            }));

  MixedPrecisionOptions options;
  options.policy = policy;
  double colours = 0, painted = 0;
  module->walk([&](FunctionOpInterface function) {
    FunctionPainting painting;
    PaintSettings settings{*policy, policy->inferRule, options.models,
                           Float16Type::get(&context)};
    painted += timed(
        [&] { ok &= succeeded(paintFunction(function, settings, painting)); });
    colours += timed(
        [&] { painting.result = paint(painting.graph, InferRule::Between); });
  });
  keepLeast(times.graph, painted - colours);
  keepLeast(times.colours, colours);

  PrecisionReport report;
  options.reportNodes = false;
  keepLeast(times.pass, timed([&] {
              ok &= succeeded(autoMixedPrecision(*module, options, &report));
            }));
  keepLeast(times.contract,
            timed([&] { ok &= succeeded(verifyContract(*module)); }));
  times.casts = report.castsToLow + report.castsToFloat32;
  return ok && operands != 0;
}

void print(llvm::StringRef shape, const Times &times) {
  const double n = times.nodes;
  double paint = times.graph + times.colours;
  std::printf(
      "| %s | %zu | %llu | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n",
      shape.str().c_str(), times.nodes,
      static_cast<unsigned long long>(times.casts), times.walk / n,
      times.graph / n, times.colours / n, paint / n, (times.pass - paint) / n,
      times.contract / n, times.verifier / n);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  std::shared_ptr<const Policy> policy = loadDefault();
  if (!policy)
    return 1;
  std::printf("| graph | nodes | casts | a bare walk | paint: its graph | "
              "paint: colours | paint | rewrite | verify contract | MLIR's "
              "verifier |\n"
              "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
              "---: |\n");
  struct Case {
    llvm::StringRef shape;
    size_t size;
  };
  std::vector<Case> cases = {{"residual", 1000},   {"residual", 10000},
                             {"residual", 100000}, {"residual", 1000000},
                             {"fan-out", 100000},  {"fan-in", 10000}};
  if (argc >= 3)
    cases = {{argv[1], size_t(std::atoll(argv[2]))}};
  int wanted = argc >= 4 ? std::atoi(argv[3]) : 0;
  for (const Case &each : cases) {
    Times times;
    int runs = wanted               ? wanted
               : each.size > 100000 ? 3
               : each.size > 1000   ? 7
                                    : 30;
    for (int run = 0; run < runs; ++run)
      if (!measure(each.shape, each.size, policy, times)) {
        std::fprintf(stderr, "cannot measure %s\n", each.shape.str().c_str());
        return 1;
      }
    print(each.shape, times);
  }
  return 0;
}

//===- PassSteps.cpp - Time per op of the steps of the pass ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// amp-pass-steps [SHAPE SIZE [RUNS] | constants]: nanoseconds per op that
// painting, rewriting and verifying take on graphs made in memory, and per
// element of constants; the least of several runs, each in a context of its
// own. Without arguments all shapes and sizes; arith and linalg are shapes whose
// ops are of those dialects.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/FunctionPainting.h"
#include "amp/Interfaces/Constants.h"
#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/Models/RegisterModels.h"
#include "amp/Transforms/MixedPrecision.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Verifier.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

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

/// The function of test/Bench/foreign_ops.py: a product, and three element-wise
/// ops of arith or of linalg.
OwningOpRef<ModuleOp> makeForeign(MLIRContext &context, size_t size,
                                  bool isLinalg) {
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  auto type = RankedTensorType::get({8, 8}, builder.getF32Type());
  auto function = func::FuncOp::create(
      builder, loc, "f", builder.getFunctionType({type, type, type}, type));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value x = body->getArgument(0), w = body->getArgument(1),
        init = body->getArgument(2), last = x;
  auto structured = [&](auto op, Value left, Value right) -> Value {
    return decltype(op)::create(builder, loc, TypeRange(type),
                                ValueRange{left, right}, ValueRange(init))
        ->getResult(0);
  };
  for (size_t i = 0; i < size; ++i)
    switch (i % 4) {
    case 0:
      last = structured(linalg::MatmulOp(), last, w);
      break;
    case 1:
      last = isLinalg ? structured(linalg::AddOp(), last, x)
                      : arith::AddFOp::create(builder, loc, last, x).getResult();
      break;
    case 2:
      last = isLinalg
                 ? structured(linalg::SubOp(), last, x)
                 : arith::MaximumFOp::create(builder, loc, last, x).getResult();
      break;
    case 3:
      last = isLinalg ? structured(linalg::MulOp(), last, x)
                      : arith::SubFOp::create(builder, loc, last, x).getResult();
      break;
    }
  func::ReturnOp::create(builder, loc, last);
  return module;
}

/// Nanoseconds per element of a constant that a product reads.
struct ElementTimes {
  double loop16 = 1e30, loopB16 = 1e30, toFloat16 = 1e30, toBFloat16 = 1e30,
         pass = 1e30, contract = 1e30;
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
  OwningOpRef<ModuleOp> module;
  if (shape == "arith" || shape == "linalg") {
    DialectRegistry registry;
    registerAllModels(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<func::FuncDialect, arith::ArithDialect,
                        linalg::LinalgDialect>();
    module = makeForeign(context, size, shape == "linalg");
    times.nodes = size;
  } else {
    context.loadDialect<graph::GraphDialect>();
    GraphMaker maker(context, size);
    Value end = shape == "residual"  ? maker.residual()
                : shape == "fan-out" ? maker.fanOut()
                : shape == "fan-in"  ? maker.fanIn()
                                     : Value();
    if (!end)
      return false;
    times.nodes = maker.count;
    module = maker.finish(end);
  }
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
  // As amp-opt does from graph file to graph file.
  options.nameLater = true;
  keepLeast(times.pass, timed([&] {
              ok &= succeeded(autoMixedPrecision(*module, options, &report));
            }));
  keepLeast(times.contract,
            timed([&] { ok &= succeeded(verifyContract(*module)); }));
  times.casts = report.castsToLow + report.castsToFloat32;
  return ok && operands != 0;
}

bool measureConstant(size_t elements,
                     const std::shared_ptr<const Policy> &policy,
                     ElementTimes &times) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.disableMultithreading();
  context.loadDialect<graph::GraphDialect>();
  GraphMaker maker(context, 1);
  std::mt19937 random(1);
  std::vector<float> values(elements);
  for (float &value : values)
    value = std::ldexp(float(random()), int(random() % 80) - 72);
  auto type = RankedTensorType::get({64, int64_t(elements / 64)}, maker.f32);
  auto attr = DenseElementsAttr::get(type, llvm::ArrayRef(values));
  // The loops alone, on memory that has been touched: the second time.
  std::vector<uint16_t> low(elements);
  llvm::ArrayRef<char> raw = cast<DenseFPElementsAttr>(attr).getRawData();
  for (int time = 0; time < 2; ++time)
    for (bool isFloat16 : {true, false})
      keepLeast(isFloat16 ? times.loop16 : times.loopB16, timed([&] {
                  constants::convert(raw, low.data(), isFloat16);
                }));
  // The attribute, in a context where it is new.
  keepLeast(times.toBFloat16, timed([&] {
              amp::convertSaturating(cast<DenseFPElementsAttr>(attr),
                                       BFloat16Type::get(&context));
            }));
  Value constant =
      maker.node("constant", {}, maker.builder.getNamedAttr("value", attr));
  Value product = maker.node("matmul", {maker.x, constant});
  maker.node("softmax", product);
  OwningOpRef<ModuleOp> module = maker.finish(maker.node("relu", maker.x));

  MixedPrecisionOptions options;
  options.policy = policy;
  PrecisionReport report;
  options.reportNodes = false;
  bool ok = true;
  keepLeast(times.pass, timed([&] {
              ok &= succeeded(autoMixedPrecision(*module, options, &report));
            }));
  keepLeast(times.contract,
            timed([&] { ok &= succeeded(verifyContract(*module)); }));

  MLIRContext other(MLIRContext::Threading::DISABLED);
  other.disableMultithreading();
  auto again =
      DenseElementsAttr::get(RankedTensorType::get({64, int64_t(elements / 64)},
                                                   Float32Type::get(&other)),
                             llvm::ArrayRef(values));
  keepLeast(times.toFloat16, timed([&] {
              amp::convertSaturating(cast<DenseFPElementsAttr>(again),
                                       Float16Type::get(&other));
            }));
  return ok && report.convertedConstants == 1;
}

void printConstants(const std::shared_ptr<const Policy> &policy) {
  std::printf("\nNanoseconds per element of a constant:\n\n"
              "| elements | to float16 | to bfloat16 | attribute of float16 | "
              "of bfloat16 | the pass | verify contract |\n"
              "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (size_t elements : {size_t(1) << 16, size_t(1) << 20, size_t(1) << 24}) {
    ElementTimes times;
    for (int run = 0; run < 5; ++run)
      if (!measureConstant(elements, policy, times)) {
        std::fprintf(stderr, "cannot measure a constant\n");
        return;
      }
    const double n = elements;
    std::printf("| %zu | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", elements,
                times.loop16 / n, times.loopB16 / n, times.toFloat16 / n,
                times.toBFloat16 / n, times.pass / n, times.contract / n);
  }
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
  if (argc == 2 && llvm::StringRef(argv[1]) == "constants") {
    printConstants(policy);
    return 0;
  }
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
                             {"fan-out", 100000},  {"fan-in", 10000},
                             {"arith", 10000},     {"arith", 1000000},
                             {"linalg", 10000},    {"linalg", 1000000}};
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
  if (argc < 3)
    printConstants(policy);
  return 0;
}

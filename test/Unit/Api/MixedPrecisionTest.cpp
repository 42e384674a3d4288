//===- MixedPrecisionTest.cpp - The rewrite as one C++ call ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// enableMixedPrecisionGraphRewrite on a small training function: what each
// default means, and that the pipeline's text does the same.
//===----------------------------------------------------------------------===//

#include "amp/Api/MixedPrecision.h"
#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"
#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassRegistry.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace amp;

namespace {

const char *const kModule = R"(
graph.variable @w : tensor<2x2xf32> {init = {kind = "ones"}}
graph.func @train(%x: tensor<?x2xf32> {graph.name = "x", graph.shape = ["batch", 2]},
                  %t: tensor<?x2xf32> {graph.name = "t", graph.shape = ["batch", 2]})
    -> tensor<f32>
    attributes {output_names = ["loss"],
                training = {loss = "loss", optimizer = {kind = "sgd"}}} {
  %w = graph.read @w : tensor<2x2xf32>
  %y = graph.matmul %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("y")
  %z = graph.matmul %y, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("z")
  %loss = graph.mean_squared_error %z, %t : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<f32> loc("loss")
  graph.return %loss : tensor<f32>
}
)";

/// What a rewrite left in the module.
struct Found {
  unsigned low = 0, bfloat16 = 0, scaled = 0, updates = 0;
};

struct MixedPrecisionTest : testing::Test {
  MixedPrecisionTest() {
    context.loadDialect<graph::GraphDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
    parse();
  }

  void parse() { module = parseSourceString<ModuleOp>(kModule, &context); }

  Found count() {
    Found found;
    module->walk([&](Operation *op) {
      StringRef name = op->getName().stripDialect();
      found.scaled += name == "scale_loss";
      found.updates += name == "apply_sgd";
      if (name != "matmul")
        return;
      Type element =
          cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
      found.low += element.isF16();
      found.bfloat16 += element.isBF16();
    });
    return found;
  }

  Found rewrite(const MixedPrecisionRewriteOptions &options) {
    EXPECT_TRUE(module);
    EXPECT_TRUE(succeeded(enableMixedPrecisionGraphRewrite(*module, options)));
    EXPECT_TRUE(succeeded(verify(*module)));
    return count();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string messages;
};

TEST_F(MixedPrecisionTest, DefaultIsFloat16WithADynamicScale) {
  Found found = rewrite({});
  EXPECT_EQ(found.low, 5u); // two products and their three gradients
  EXPECT_EQ(found.scaled, 1u);
  EXPECT_EQ(found.updates, 1u);
}

/// The module as text.
std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

TEST_F(MixedPrecisionTest, WrapsOnce) {
  rewrite({});
  std::string once = print(*module);
  EXPECT_TRUE(failed(enableMixedPrecisionGraphRewrite(*module, {})));
  EXPECT_EQ(messages, "this module has mixed precision already: it is "
                      "rewritten once\n");
  EXPECT_EQ(print(*module), once);
}

TEST_F(MixedPrecisionTest, LossScaleAsTextOrNumber) {
  for (const LossScaleArgument &scale :
       {LossScaleArgument("dynamic"), LossScaleArgument(512),
        LossScaleArgument("128"), LossScaleArgument(0.5),
        LossScaleArgument("dynamic:preset=pytorch,growth_steps=7")}) {
    parse();
    EXPECT_TRUE(succeeded(enableMixedPrecisionGraphRewrite(*module, scale)));
    EXPECT_EQ(count().scaled, 1u);
  }
  parse();
  EXPECT_TRUE(succeeded(enableMixedPrecisionGraphRewrite(*module, "none")));
  EXPECT_EQ(count().scaled, 0u);
  EXPECT_EQ(messages, "");
}

TEST_F(MixedPrecisionTest, BadLossScaleIsAnError) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::string before = print(*module);
  for (const LossScaleArgument &scale :
       {LossScaleArgument("static"), LossScaleArgument(""),
        LossScaleArgument("dynamic:initial=0"), LossScaleArgument(0.0),
        LossScaleArgument(-2), LossScaleArgument(infinity),
        LossScaleArgument(std::nan("")), LossScaleArgument(1e39),
        LossScaleArgument(1e-60)}) {
    messages.clear();
    EXPECT_TRUE(failed(enableMixedPrecisionGraphRewrite(*module, scale)));
    EXPECT_NE(messages, "");
    EXPECT_EQ(print(*module), before) << messages;
  }
  MixedPrecisionRewriteOptions options;
  options.lossScale = LossScaleConfig::dynamic();
  options.lossScale->params.growthSteps = 0;
  EXPECT_TRUE(failed(enableMixedPrecisionGraphRewrite(*module, options)));
  EXPECT_EQ(print(*module), before);
}

TEST_F(MixedPrecisionTest, EveryOptimizer) {
  const std::pair<StringRef, StringRef> cases[] = {
      {"kind = \"sgd\", momentum = 9.0e-1, nesterov = true", "apply_momentum"},
      {"kind = \"sgd\", weight_decay = 1.0e-1", "apply_sgd"},
      {"kind = \"rmsprop\", centered = true, momentum = 5.0e-1",
       "apply_rmsprop"},
      {"kind = \"adam\"", "apply_adam"},
      {"kind = \"adamw\"", "apply_adamw"}};
  for (auto [settings, op] : cases) {
    std::string text = kModule;
    StringRef sgd = "kind = \"sgd\"";
    text.replace(text.find(sgd), sgd.size(), settings.str());
    module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    Found found = rewrite({});
    EXPECT_EQ(found.low, 5u);
    EXPECT_EQ(found.scaled, 1u);
    unsigned updates = 0, guarded = 0;
    module->walk([&](VariableUpdateOpInterface update) {
      bool isStep = update->getName().stripDialect() == op;
      updates += isStep;
      guarded += isStep && update.getUpdateCondition();
    });
    EXPECT_EQ(updates, 1u);
    EXPECT_EQ(guarded, 1u);
  }
}

/// The text that a graph file becomes under one of Keras's names.
std::string rewrittenFile(const std::string &path, StringRef policy) {
  std::string text;
  EXPECT_EQ(graphfile::readFile(path, text, uint64_t(1) << 30), std::nullopt);
  graphfile::SourceText source(path, text);
  graphfile::Diagnostics diags;
  std::optional<graphfile::CheckedFile> file =
      graphfile::readGraphFile(source, diags);
  if (!file)
    return diags.render(source);
  MLIRContext context;
  OwningOpRef<ModuleOp> module = importGraphFile(*file, source, &context);
  MixedPrecisionRewriteOptions options;
  options.precision.request.policy = policy.str();
  if (!module || failed(enableMixedPrecisionGraphRewrite(*module, options)))
    return "not rewritten";
  FailureOr<graphfile::GraphFile> result = exportGraphFile(*module);
  return failed(result) ? "not exported" : graphfile::writeGraphFile(*result);
}

// The golden files are what amp-opt makes; test/E2E/guide.test holds it to
// them.
TEST(GuideNetwork, SameFileAsAmpOpt) {
  std::string root = AMP_SOURCE_DIR;
  for (StringRef type : {"float16", "bfloat16"}) {
    std::string golden;
    EXPECT_EQ(graphfile::readFile(root + "/test/E2E/golden/mnist_mlp." +
                                      type.str() + ".json",
                                  golden, uint64_t(1) << 30),
              std::nullopt);
    EXPECT_EQ(rewrittenFile(root + "/docs/examples/mnist_mlp.json",
                            ("mixed_" + type).str()),
              golden);
  }
}

TEST_F(MixedPrecisionTest, KerasNames) {
  MixedPrecisionRewriteOptions options;
  options.precision.request.policy = "mixed_bfloat16";
  Found found = rewrite(options);
  EXPECT_EQ(found.low, 0u);
  EXPECT_EQ(found.bfloat16, 5u);
  EXPECT_EQ(found.scaled, 0u);
  EXPECT_EQ(found.updates, 1u);
}

TEST_F(MixedPrecisionTest, Float32ExpandsTrainingAndLowersNothing) {
  MixedPrecisionRewriteOptions options;
  options.precision.request.policy = "float32";
  options.lossScale = LossScaleConfig::fixed(8);
  Found found = rewrite(options);
  EXPECT_EQ(found.low + found.bfloat16, 0u);
  EXPECT_EQ(found.scaled, 1u);
  EXPECT_EQ(found.updates, 1u);
}

TEST_F(MixedPrecisionTest, Report) {
  PrecisionReport report;
  EXPECT_TRUE(
      succeeded(enableMixedPrecisionGraphRewrite(*module, {}, &report)));
  EXPECT_EQ(report.target, "float16");
  EXPECT_EQ(report.input.lowered, 2u);
  EXPECT_EQ(report.generated.lowered, 3u);
}

TEST_F(MixedPrecisionTest, PipelineText) {
  registerMixedPrecisionPipeline();
  auto run = [&](StringRef text) {
    module = parseSourceString<ModuleOp>(kModule, &context);
    PassManager manager(&context, ModuleOp::getOperationName());
    std::string errors;
    llvm::raw_string_ostream stream(errors);
    if (failed(parsePassPipeline(
            ("amp-enable-mixed-precision-graph-rewrite{" + text + "}").str(),
            manager, stream)))
      return "error: " + errors;
    if (failed(manager.run(*module)))
      return std::string("failed");
    Found found = count();
    return std::to_string(found.low) + " " + std::to_string(found.bfloat16) +
           " " + std::to_string(found.scaled);
  };
  EXPECT_EQ(run(""), "5 0 1");
  EXPECT_EQ(run("target=bfloat16"), "0 5 0");
  EXPECT_EQ(run("policy=mixed_bfloat16 loss-scale=16"), "0 5 1");
  EXPECT_EQ(run("loss-scale=dynamic:preset=keras3,growth_steps=5"), "5 0 1");
  EXPECT_EQ(run("policy=none"), "0 0 0");
  EXPECT_NE(run("target=float8").find("target is float16 or bfloat16"),
            std::string::npos);
  EXPECT_NE(run("loss-scale=0").find("positive"), std::string::npos);
}

TEST(DefaultLossScale, FollowsTargetAndPolicy) {
  MixedPrecisionOptions options;
  EXPECT_EQ(toString(defaultLossScale(options)), "dynamic");
  options.request.target = Target::BFloat16;
  EXPECT_EQ(toString(defaultLossScale(options)), "none");
  options.request.target = Target::Float16;
  options.request.policy = "none";
  EXPECT_EQ(toString(defaultLossScale(options)), "none");
}

} // namespace

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
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassRegistry.h"
#include "gtest/gtest.h"

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
    module = parseSourceString<ModuleOp>(kModule, &context);
  }

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
};

TEST_F(MixedPrecisionTest, DefaultIsFloat16WithADynamicScale) {
  Found found = rewrite({});
  EXPECT_EQ(found.low, 5u); // two products and their three gradients
  EXPECT_EQ(found.scaled, 1u);
  EXPECT_EQ(found.updates, 1u);
}

TEST_F(MixedPrecisionTest, SecondRewriteChangesNothing) {
  rewrite({});
  std::string once, twice;
  llvm::raw_string_ostream(once) << *module;
  rewrite({});
  llvm::raw_string_ostream(twice) << *module;
  EXPECT_EQ(once, twice);
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

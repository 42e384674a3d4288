//===- ContractTest.cpp - What the contract catches in GraphDefs ------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A GraphDef is rewritten, and the result broken by hand in each way in which a
// rewrite of TensorFlow's graphs can go wrong.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphDialect.h"
#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/GraphDef/GraphDefFile.h"
#include "amp/Import/TensorFlowImport.h"
#include "amp/Transforms/MixedPrecision.h"
#include "graph_def.pb.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace amp;
using namespace mlir;

namespace {

/// "wanted" is fetched; the Relu between two products runs in 16 bits, Exp does
/// not.
constexpr const char *kGraph = R"(
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "w" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "first" op: "MatMul" input: "x" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "relu" op: "Relu" input: "first" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "second" op: "MatMul" input: "relu" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "exp" op: "Exp" input: "second" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "wanted" op: "MatMul" input: "exp" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "concat" op: "ConcatV2" input: "exp" input: "wanted" input: "axis" attr { key: "T" value { type: DT_FLOAT } }
       attr { key: "Tidx" value { type: DT_INT32 } } attr { key: "N" value { i: 2 } } }
node { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
       attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
)";

class GraphDefContract : public ::testing::Test {
protected:
  GraphDefContract()
      : handler(&context, [this](Diagnostic &diag) {
          messages.push_back(diag.str());
          return success();
        }) {}

  void SetUp() override { load(kGraph); }
  void load(const std::string &text) {
    graph.Clear();
    graphfile::SourceText source("graph.pbtxt", text);
    graphfile::Diagnostics diags;
    graphdef::NodePlaces places;
    ASSERT_TRUE(graphdef::readGraphDef(source, graphdef::Format::Text, graph,
                                       places, diags))
        << diags.render(source);
    module = importGraphDef(graph, places, source, &context);
    ASSERT_TRUE(module);
    tf::RewriteSettings settings;
    settings.fetches = {"wanted"};
    std::string error;
    std::optional<Policy> policy = tf::makePolicy(settings, error);
    ASSERT_TRUE(policy) << error;
    MixedPrecisionOptions options;
    ASSERT_TRUE(
        succeeded(tf::prepare(*module, settings, *policy, options.forced)));
    options.policy = std::make_shared<const Policy>(std::move(*policy));
    options.keepBlockOrder = true;
    types.emplace(*module);
    ASSERT_TRUE(succeeded(autoMixedPrecision(*module, options)));
    ASSERT_EQ(typeOf("relu"), "f16");
    ASSERT_EQ(typeOf("wanted"), "f32");
    messages.clear();
  }
  Operation *find(llvm::StringRef name) {
    Operation *found = nullptr;
    module->walk([&](Operation *op) {
      if (getNodeName(op->getLoc()) == name)
        found = op;
    });
    EXPECT_TRUE(found) << name.str();
    return found;
  }
  /// The cast that an operand comes through.
  Operation *castBefore(llvm::StringRef name, unsigned operand) {
    Operation *cast = find(name)->getOperand(operand).getDefiningOp();
    EXPECT_TRUE(cast && tf::getOpName(cast) == "Cast") << name.str();
    return cast;
  }
  std::string typeOf(llvm::StringRef name) {
    std::string text;
    llvm::raw_string_ostream(text)
        << cast<TypeAttr>(find(name)->getAttr("T")).getValue();
    return text;
  }
  void setType(Operation *op, llvm::StringRef attr, Type type) {
    op->setAttr(attr, TypeAttr::get(type));
    if (attr != "SrcT")
      op->getResult(0).setType(UnrankedTensorType::get(type));
  }
  Type half() { return Float16Type::get(&context); }
  Type single() { return Float32Type::get(&context); }
  std::string broken() {
    if (succeeded(verifyContract(*module, {})) && succeeded(types->verify()))
      return "holds";
    return messages.empty() ? "" : messages.front();
  }
  static constexpr const char *kFingerprint =
      "contract: more than casts has changed, the fingerprint is another one";

  MLIRContext context;
  std::vector<std::string> messages;
  ScopedDiagnosticHandler handler;
  tensorflow::GraphDef graph;
  OwningOpRef<ModuleOp> module;
  std::optional<tf::TypeRecord> types;
};

} // namespace

TEST_F(GraphDefContract, holds) { EXPECT_EQ(broken(), "holds"); }

TEST_F(GraphDefContract, whatWasWrongBefore) {
  load(std::string(kGraph) +
       "node { name: 'odd' op: 'Neg' input: 'x' attr { key: 'T' value { type: "
       "DT_HALF } } }");
  EXPECT_EQ(broken(), "holds");
}

TEST_F(GraphDefContract, aLostCast) {
  find("first")->setOperand(0, castBefore("first", 0)->getOperand(0));
  EXPECT_EQ(broken(), "contract: input 0 of 'first' (MatMul) is float, and "
                      "attribute 'T' says half");
}

TEST_F(GraphDefContract, aLostCastOfADeniedOp) {
  Operation *cast = castBefore("exp", 0);
  cast->getResult(0).replaceAllUsesWith(cast->getOperand(0));
  EXPECT_EQ(broken(), "contract: 1 'Exp' are 16-bit and 0 may be: the policy "
                      "keeps this op float32");
}

TEST_F(GraphDefContract, aSecondCast) {
  Operation *cast = castBefore("second", 1);
  OpBuilder builder(cast);
  find("second")->setOperand(1, builder.clone(*cast)->getResult(0));
  EXPECT_EQ(broken(), "contract: a second cast of one value to 'f16'");
}

TEST_F(GraphDefContract, aCastToAnotherType) {
  setType(castBefore("first", 0), "DstT", BFloat16Type::get(&context));
  EXPECT_EQ(broken(), "contract: input 0 of 'first' (MatMul) is bfloat16, and "
                      "attribute 'T' says half");
}

TEST_F(GraphDefContract, aTypeAttributeWithoutItsCasts) {
  setType(find("relu"), "T", single());
  EXPECT_EQ(broken(), "contract: input 0 of 'relu' (Relu) is half, and "
                      "attribute 'T' says float");
}

TEST_F(GraphDefContract, aResultWithoutItsTypeAttribute) {
  find("concat")->getResult(0).setType(UnrankedTensorType::get(half()));
  EXPECT_EQ(broken(), "contract: output 0 of 'concat' (ConcatV2) is half, and "
                      "attribute 'T' says float");
}

TEST_F(GraphDefContract, anotherInteger) {
  setType(find("axis"), "dtype", IntegerType::get(&context, 64));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(GraphDefContract, aPreservedNodeRetyped) {
  Operation *wanted = find("wanted");
  OpBuilder builder(wanted);
  Operation *cast = builder.clone(*castBefore("first", 0));
  cast->setOperand(0, wanted->getOperand(0));
  wanted->setOperand(0, cast->getResult(0));
  wanted->setOperand(1, castBefore("first", 1)->getResult(0));
  setType(wanted, "T", half());
  builder.setInsertionPointAfter(wanted);
  Operation *back = builder.clone(*castBefore("exp", 0));
  back->setOperand(0, wanted->getResult(0));
  find("concat")->setOperand(1, back->getResult(0));
  EXPECT_EQ(broken(), "contract: 'wanted' (MatMul) is preserved, and its types "
                      "have changed");
}

TEST_F(GraphDefContract, anIntegerLowered) {
  setType(find("axis"), "dtype", half());
  EXPECT_EQ(broken(), "contract: 1 'Const' are 16-bit and 0 may be: the policy "
                      "keeps this op float32");
}

TEST_F(GraphDefContract, anotherAttribute) {
  Builder builder(&context);
  find("concat")->setAttr("N", builder.getI64IntegerAttr(3));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(GraphDefContract, anotherInput) {
  Operation *second = find("second");
  second->setOperand(0, second->getOperand(1));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(GraphDefContract, aNewControlEdge) {
  Operation *concat = find("concat");
  concat->insertOperands(concat->getNumOperands(), find("exp")->getResult(1));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(GraphDefContract, aLostNode) {
  find("concat")->erase();
  EXPECT_EQ(broken(), kFingerprint);
}

//===- ContractTest.cpp - What the contract catches
//------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A rewritten function is broken by hand in each way that amp-verify-contract
// looks for.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace amp;
using namespace amp::toy;
using namespace mlir;

namespace {

class Contract : public ToyTest {
protected:
  Operation *find(llvm::StringRef name) {
    Operation *found = nullptr;
    module->walk([&](Operation *op) {
      if (getNodeName(op->getLoc()) == name)
        found = op;
    });
    return found;
  }
  func::FuncOp function() {
    return cast<func::FuncOp>(*module->getBody()->begin());
  }
  /// A rewritten function that has kept its record.
  void SetUp() override {
    parse(R"(func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
      %c = "toy.constant"() {value = dense<2.0> : tensor<4xf32>} : () -> tensor<4xf32> loc("c")
      %x = "toy.matmul"(%a, %c) {axes = array<i64: 1, 2>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("x")
      %y = "toy.matmul"(%x, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> loc("y")
      return %y : tensor<4xf32>
    })");
    ASSERT_TRUE(succeeded(rewrite()));
    ASSERT_TRUE(function()->hasAttr(kContractAttr));
  }
  std::string broken() {
    if (succeeded(verify()))
      return "holds";
    EXPECT_TRUE(function()->hasAttr(kContractAttr));
    return messages.empty() ? "" : messages.front();
  }
  static constexpr const char *kFingerprint =
      "contract: more than casts has changed, the fingerprint is another one";
};

} // namespace

TEST_F(Contract, holdsAndIsRemoved) {
  EXPECT_EQ(broken(), "holds");
  EXPECT_FALSE(function()->hasAttr(kContractAttr));
}

TEST_F(Contract, anotherEdge) {
  Operation *y = find("y");
  y->setOperand(1, y->getOperand(0));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, swappedOperands) {
  Operation *y = find("y");
  Value first = y->getOperand(0);
  y->setOperand(0, y->getOperand(1));
  y->setOperand(1, first);
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, anotherAttribute) {
  Builder builder(&context);
  find("x")->setAttr("axes", builder.getDenseI64ArrayAttr({1, 3}));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, anotherConstant) {
  Operation *c = find("c");
  auto type = cast<ShapedType>(c->getResult(0).getType());
  c->setAttr("value", DenseElementsAttr::get(type, 3.0f));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, anotherShape) {
  Operation *x = find("x");
  x->getResult(0).setType(
      RankedTensorType::get({5}, Float16Type::get(&context)));
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, aRemovedOp) {
  Operation *y = find("y");
  y->getResult(0).replaceAllUsesWith(y->getOperand(0));
  y->erase();
  EXPECT_EQ(broken(), kFingerprint);
}

TEST_F(Contract, aSecondCast) {
  Operation *cast = find("a/f16");
  OpBuilder builder(cast);
  Operation *copy = builder.clone(*cast);
  find("y")->setOperand(1, copy->getResult(0));
  EXPECT_EQ(broken(), "contract: a second cast of one value to 'f16'");
}

TEST_F(Contract, anotherSignature) {
  Builder builder(&context);
  function().setType(builder.getFunctionType({}, {}));
  EXPECT_EQ(broken(), "contract: the type of the function was "
                      "'(tensor<4xf32>) -> tensor<4xf32>' and is now '() -> "
                      "()'");
}

TEST_F(Contract, anOutputOf16Bits) {
  Operation *end = &function().getBody().front().back();
  end->setOperand(0, find("y")->getResult(0));
  EXPECT_EQ(broken(), "contract: what the function returns does not have the "
                      "types that the function says");
}

TEST_F(Contract, aDeniedOpOf16Bits) {
  parse(R"(func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
    %s = "toy.softmax"(%a) : (tensor<4xf32>) -> tensor<4xf32> loc("s")
    return %s : tensor<4xf32>
  })");
  ASSERT_TRUE(succeeded(rewrite()));
  messages.clear();
  Operation *s = find("s");
  auto half = RankedTensorType::get({4}, Float16Type::get(&context));
  OpBuilder builder(s);
  OperationState down(s->getLoc(), "toy.cast"), up(s->getLoc(), "toy.cast");
  down.addOperands(s->getOperand(0));
  down.addTypes(half);
  s->setOperand(0, builder.create(down)->getResult(0));
  s->getResult(0).setType(half);
  builder.setInsertionPointAfter(s);
  up.addOperands(s->getResult(0));
  up.addTypes(RankedTensorType::get({4}, builder.getF32Type()));
  function().getBody().front().back().setOperand(
      0, builder.create(up)->getResult(0));
  EXPECT_EQ(broken(), "contract: 1 'toy.softmax' are 16-bit and 0 may be: the "
                      "policy keeps this op float32");
}

TEST_F(Contract, aMalformedRecord) {
  function()->setAttr(kContractAttr, DictionaryAttr::get(&context));
  EXPECT_EQ(broken(), "contract: the record is malformed");
}

TEST_F(Contract, functionsWithoutARecordAreLeftAlone) {
  function()->removeAttr(kContractAttr);
  find("y")->setOperand(1, find("y")->getOperand(0));
  EXPECT_TRUE(succeeded(verify()));
}

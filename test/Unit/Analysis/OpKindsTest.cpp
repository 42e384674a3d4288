//===- OpKindsTest.cpp - Kinds of ops, checked by their text --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random bodies of ops with few names, attributes, types and regions: two have
// one kind where a text of all that they are is the same.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/OpKinds.h"

#include "amp/Analysis/ModelSet.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace amp;
using namespace mlir;

namespace {

/// What an op is but for what makes its operands; empty where OpKinds need not
/// know it.
std::string textOf(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  std::map<void *, std::string> inner;
  bool isClosed = true;
  auto addOwn = [&](Operation *each) {
    stream << each->getName() << each->getAttrDictionary() << "|";
    if (Attribute properties = each->getPropertiesAsAttribute())
      stream << properties << "|";
    stream << each->getNumOperands() << each->getNumRegions();
    for (Type type : each->getOperandTypes())
      stream << type << ",";
    stream << "->";
    for (Type type : each->getResultTypes())
      stream << type << ",";
  };
  addOwn(op);
  for (Region &region : op->getRegions()) {
    isClosed &= region.hasOneBlock();
    for (Block &block : region) {
      inner.clear();
      stream << "(";
      for (BlockArgument argument : block.getArguments()) {
        inner[argument.getAsOpaquePointer()] =
            "a" + std::to_string(argument.getArgNumber());
        stream << argument.getType() << ",";
      }
      size_t number = 0;
      for (Operation &each : block) {
        addOwn(&each);
        isClosed &= each.getNumRegions() == 0;
        for (Value operand : each.getOperands()) {
          auto known = inner.find(operand.getAsOpaquePointer());
          isClosed &= known != inner.end();
          if (isClosed)
            stream << known->second << " ";
        }
        for (OpResult result : each.getResults())
          inner[result.getAsOpaquePointer()] =
              std::to_string(number) + "." +
              std::to_string(result.getResultNumber());
        ++number;
      }
      isClosed &= number <= 16;
      stream << ")";
    }
  }
  return isClosed ? text : std::string();
}

struct RandomOps {
  RandomOps(MLIRContext &context, unsigned seed)
      : context(context), builder(&context), random(seed) {
    types = {Float32Type::get(&context), Float16Type::get(&context),
             RankedTensorType::get({2}, Float32Type::get(&context))};
  }

  Operation *make(llvm::ArrayRef<Value> values, unsigned depth) {
    static const char *const names[] = {"t.a", "t.b"};
    OperationState state(UnknownLoc::get(&context), names[random() % 2]);
    for (unsigned k = random() % 3; k > 0 && !values.empty(); --k)
      state.addOperands(values[random() % values.size()]);
    for (unsigned k = random() % 3; k > 0; --k)
      state.addTypes(types[random() % types.size()]);
    if (random() % 3 == 0)
      state.addAttribute("x", builder.getI32IntegerAttr(random() % 2));
    if (random() % 4 == 0)
      state.propertiesAttr = builder.getDictionaryAttr(
          builder.getNamedAttr("p", builder.getI32IntegerAttr(random() % 2)));
    if (depth == 0 || random() % 3 == 0)
      return Operation::create(state);
    for (unsigned k = random() % 3; k > 0; --k) {
      Region *region = state.addRegion();
      for (unsigned blocks = random() % 8 == 0 ? 2 : 1; blocks > 0; --blocks) {
        Block &block = region->emplaceBlock();
        std::vector<Value> inner;
        for (unsigned i = random() % 3; i > 0; --i)
          inner.push_back(block.addArgument(types[random() % types.size()],
                                            UnknownLoc::get(&context)));
        if (random() % 8 == 0)
          inner.insert(inner.end(), values.begin(), values.end());
        unsigned count = random() % 20 == 0 ? 15 + random() % 4 : random() % 3;
        for (; count > 0; --count) {
          Operation *op = make(inner, random() % 8 == 0 ? depth - 1 : 0);
          block.push_back(op);
          inner.insert(inner.end(), op->result_begin(), op->result_end());
        }
      }
    }
    return Operation::create(state);
  }

  MLIRContext &context;
  Builder builder;
  std::mt19937 random;
  std::vector<Type> types;
};

TEST(OpKinds, RandomBodies) {
  MLIRContext context;
  context.allowUnregisteredDialects();
  size_t together = 0, withoutKind = 0, withRegions = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomOps ops(context, seed);
    Region region;
    Block *block = &region.emplaceBlock();
    std::vector<Value> values = {
        block->addArgument(ops.types[0], UnknownLoc::get(&context))};
    for (unsigned i = ops.random() % 2000; i > 0; --i) {
      Operation *op = ops.make(values, 2);
      block->push_back(op);
      values.insert(values.end(), op->result_begin(), op->result_end());
    }
    ModelSet models;
    BodyIndex body(region, models);
    OpKinds kinds(body);
    std::map<std::string, uint32_t> byText;
    std::map<uint32_t, std::string> byKind;
    for (uint32_t i = 0; i < body.numOps(); ++i) {
      std::string text = textOf(body.op(i));
      const uint32_t kind = kinds[i];
      if (text.empty()) {
        EXPECT_EQ(kind, OpKinds::kNone);
        ++withoutKind;
        continue;
      }
      ASSERT_LT(kind, kinds.size()) << text;
      auto [known, isNew] = byText.emplace(text, kind);
      EXPECT_EQ(known->second, kind) << text;
      EXPECT_EQ(byKind.emplace(kind, text).first->second, text);
      together += !isNew;
      withRegions += !isNew && body.op(i)->getNumRegions() != 0;
    }
    EXPECT_EQ(byKind.size(), kinds.size());
    region.dropAllReferences();
  }
  EXPECT_GT(together, 1000u);
  EXPECT_GT(withRegions, 30u);
  EXPECT_GT(withoutKind, 100u);
}

/// Ops of a name that are mostly different have no kinds in the end, and take
/// nothing from others.
TEST(OpKinds, ManyConstants) {
  MLIRContext context;
  context.allowUnregisteredDialects();
  context.loadDialect<arith::ArithDialect>();
  Region region;
  Block *block = &region.emplaceBlock();
  OpBuilder builder(&context);
  builder.setInsertionPointToStart(block);
  Location loc = UnknownLoc::get(&context);
  const unsigned count = 3000;
  for (unsigned i = 0; i < count; ++i) {
    Value constant =
        arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(i));
    arith::AddIOp::create(builder, loc, constant, constant);
  }
  ModelSet models;
  BodyIndex body(region, models);
  OpKinds kinds(body);
  std::map<uint32_t, unsigned> constants;
  unsigned without = 0;
  for (uint32_t i = 0; i < body.numOps(); i += 2) {
    EXPECT_EQ(kinds[i + 1], kinds[1]);
    if (kinds[i] == OpKinds::kNone)
      ++without;
    else
      EXPECT_EQ(++constants[kinds[i]], 1u);
  }
  EXPECT_GT(without, 0u);
  EXPECT_GT(constants.size(), 100u);
  region.dropAllReferences();
}

/// Ops of different blocks are of different kinds.
TEST(OpKinds, Blocks) {
  MLIRContext context;
  context.allowUnregisteredDialects();
  Region region;
  for (unsigned i = 0; i < 2; ++i) {
    Block *block = &region.emplaceBlock();
    for (unsigned k = 0; k < 2; ++k)
      block->push_back(Operation::create(
          OperationState(UnknownLoc::get(&context), "t.op")));
  }
  ModelSet models;
  BodyIndex body(region, models);
  OpKinds kinds(body);
  EXPECT_EQ(kinds[0], kinds[1]);
  EXPECT_EQ(kinds[2], kinds[3]);
  EXPECT_NE(kinds[0], kinds[2]);
}

} // namespace

//===- BodyIndexTest.cpp - Numbers of ops and values, checked naively -----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random bodies whose ops read any value, defined before or behind them or
// outside, made and erased in any order in memory; and loops, whose blocks are
// part of the body. What the index says is compared with maps of pointers.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/BodyIndex.h"

#include "amp/Analysis/ModelSet.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace amp;
using namespace mlir;

namespace {

/// Compares all that the index says with what the pointers say.
void check(BodyIndex &body) {
  std::map<Operation *, uint32_t> numbers;
  for (uint32_t i = 0; i < body.numOps(); ++i)
    ASSERT_TRUE(numbers.emplace(body.op(i), i).second);
  std::map<Block *, ValueId> arguments;
  std::vector<unsigned> times(body.numValues());
  for (size_t b = 0; b < body.blocks().size(); ++b) {
    const BodyIndex::BlockEntry &entry = body.blocks()[b];
    arguments[entry.block] = entry.firstArgument;
    for (unsigned i = 0; i < entry.block->getNumArguments(); ++i) {
      ++times.at(entry.firstArgument + i);
      EXPECT_EQ(body.definingOp(entry.firstArgument + i), kNoOp);
    }
    uint32_t next = entry.firstOp;
    for (Operation &op : *entry.block)
      EXPECT_EQ(body.op(next++), &op);
    EXPECT_EQ(next, body.endOp(b));
  }
  auto valueOf = [&](Value value) -> ValueId {
    if (auto result = dyn_cast<OpResult>(value)) {
      auto it = numbers.find(result.getOwner());
      return it == numbers.end()
                 ? kNoValue
                 : body.result(it->second, result.getResultNumber());
    }
    auto it = arguments.find(cast<BlockArgument>(value).getOwner());
    return it == arguments.end()
               ? kNoValue
               : it->second + cast<BlockArgument>(value).getArgNumber();
  };
  bool isTopological = true;
  std::map<ValueId, std::vector<std::pair<uint32_t, unsigned>>> uses;
  for (uint32_t i = 0; i < body.numOps(); ++i) {
    Operation *op = body.op(i);
    ASSERT_EQ(body.numOperands(i), op->getNumOperands());
    ASSERT_EQ(body.numResults(i), op->getNumResults());
    for (unsigned k = 0; k < op->getNumResults(); ++k) {
      ++times.at(body.result(i, k));
      EXPECT_EQ(body.definingOp(body.result(i, k)), i);
    }
    for (unsigned k = 0; k < op->getNumOperands(); ++k) {
      ValueId value = valueOf(op->getOperand(k));
      EXPECT_EQ(body.operandValue(body.operandIndex(i, k)), value);
      if (value == kNoValue)
        continue;
      uses[value].push_back({i, k});
      uint32_t definition = body.definingOp(value);
      isTopological &= definition == kNoOp || definition < i;
    }
  }
  for (unsigned time : times)
    EXPECT_EQ(time, 1u);
  EXPECT_EQ(body.isTopological(), isTopological);
  body.indexUses();
  for (ValueId value = 0; value < body.numValues(); ++value) {
    std::vector<std::pair<uint32_t, unsigned>> listed;
    for (const BodyIndex::Use &use : body.uses(value))
      listed.push_back({use.op, use.operand});
    EXPECT_EQ(listed, uses[value]);
  }
}

/// An op that no dialect has, reading any of the values.
Operation *makeOp(MLIRContext &context, std::mt19937 &random,
                  const std::vector<Value> &values, unsigned maxOperands) {
  OperationState state(UnknownLoc::get(&context), "t.op");
  for (unsigned k = random() % (maxOperands + 1); k > 0; --k)
    state.addOperands(values[random() % values.size()]);
  for (unsigned k = random() % 4; k > 0; --k)
    state.addTypes(Float32Type::get(&context));
  return Operation::create(state);
}

TEST(BodyIndex, RandomBodies) {
  MLIRContext context;
  context.allowUnregisteredDialects();
  unsigned unsorted = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Type type = Float32Type::get(&context);
    Location loc = UnknownLoc::get(&context);
    Block outside;
    Region region;
    Block *block = &region.emplaceBlock();
    std::vector<Value> values = {outside.addArgument(type, loc),
                                 block->addArgument(type, loc),
                                 block->addArgument(type, loc)};
    for (unsigned i = random() % 3000; i > 0; --i) {
      Operation *op = makeOp(context, random, values, 3);
      // Sometimes in front, so that it stands before what it reads.
      if (seed % 3 == 0 && random() % 8 == 0)
        block->push_front(op);
      else
        block->push_back(op);
      // Holes in memory, which later ops fill.
      if (op->getNumResults() == 0 && random() % 2)
        op->erase();
      else
        values.insert(values.end(), op->result_begin(), op->result_end());
    }
    ModelSet models;
    BodyIndex body(region, models);
    EXPECT_EQ(body.numOps(), block->getOperations().size());
    check(body);
    unsorted += !body.isTopological();
    region.dropAllReferences();
  }
  EXPECT_GT(unsorted, 10u);
}

TEST(BodyIndex, BlocksOfLoops) {
  MLIRContext context;
  context.allowUnregisteredDialects();
  context.loadDialect<arith::ArithDialect, func::FuncDialect,
                      scf::SCFDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"(
    func.func @f(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %y:2 = scf.for %i = %zero to %n step %one
          iter_args(%a = %x, %b = %x) -> (tensor<4xf32>, tensor<4xf32>) {
        %c = scf.for %j = %zero to %i step %one
            iter_args(%d = %b) -> (tensor<4xf32>) {
          %e = arith.addf %d, %a : tensor<4xf32>
          scf.yield %e : tensor<4xf32>
        }
        %g = "t.region"(%c) ({
          %h = arith.addf %c, %x : tensor<4xf32>
          "t.end"(%h, %a) : (tensor<4xf32>, tensor<4xf32>) -> ()
        }) : (tensor<4xf32>) -> tensor<4xf32>
        scf.yield %g, %a : tensor<4xf32>, tensor<4xf32>
      }
      %z = arith.addf %y#0, %y#1 : tensor<4xf32>
      func.return %z : tensor<4xf32>
    })", &context);
  ASSERT_TRUE(module);
  auto function = *module->getOps<func::FuncOp>().begin();
  ModelSet models;
  BodyIndex body(function.getBody(), models);
  // The function, two loops; what stands in t.region has no numbers.
  EXPECT_EQ(body.blocks().size(), 3u);
  EXPECT_EQ(body.numOps(), 5u + 3u + 2u);
  check(body);
  // %c, %x and %a are read in t.region.
  size_t nested = 0;
  for (ValueId value = 0; value < body.numValues(); ++value)
    nested += body.nestedUses(value).size();
  EXPECT_EQ(nested, 3u);
}

} // namespace

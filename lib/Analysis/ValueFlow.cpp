//===- ValueFlow.cpp - Values that live in several places -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Regions by RegionBranchOpInterface, calls by CallOpInterface and the uses of
// symbols; places that share a value are joined by union-find.
//===----------------------------------------------------------------------===//

#include "amp/Analysis/ValueFlow.h"

#include "amp/Analysis/ModelSet.h"
#include "amp/Interfaces/RegionFlow.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"

#include <optional>

using namespace amp;
using namespace mlir;

namespace {
/// A place where a value lives: an operand (of the op or of a terminator), or a
/// result or block argument.
using Place = const void *;

/// What one edge of control hands over.
struct Handover {
  OperandRange operands;
  ValueRange inputs;
};
} // namespace

/// All edges of control into, within and out of the op. False when one of them
/// is not described.
static bool collectHandovers(RegionBranchOpInterface branch,
                             llvm::SmallVectorImpl<Handover> &handovers) {
  llvm::SmallVector<RegionSuccessor, 2> successors;
  auto add = [&](OperandRange operands, const RegionSuccessor &successor) {
    ValueRange inputs = successor.getSuccessorInputs();
    handovers.push_back({operands, inputs});
    return operands.size() == inputs.size();
  };
  branch.getSuccessorRegions(RegionBranchPoint::parent(), successors);
  for (const RegionSuccessor &successor : successors)
    if (!add(branch.getEntrySuccessorOperands(successor), successor))
      return false;
  for (Region &region : branch->getRegions()) {
    for (Block &block : region) {
      if (block.empty() || !block.back().hasTrait<OpTrait::IsTerminator>())
        return false;
      Operation *end = &block.back();
      if (end->getNumSuccessors() != 0)
        continue;
      auto terminator = dyn_cast<RegionBranchTerminatorOpInterface>(end);
      if (!terminator)
        return false;
      successors.clear();
      branch.getSuccessorRegions(RegionBranchPoint(terminator), successors);
      for (const RegionSuccessor &successor : successors)
        if (!add(terminator.getSuccessorOperands(successor), successor))
          return false;
    }
  }
  return true;
}

/// What the dialect of the op says of it, else a models file.
static bool getCarriedValues(Operation *op, const ModelSet &models,
                             llvm::SmallVectorImpl<CarriedValue> &carried) {
  if (Dialect *dialect = op->getDialect())
    if (const auto *interface =
            dialect->getRegisteredInterface<RegionFlowDialectInterface>();
        interface && interface->getCarriedValues(op, carried))
      return true;
  if (models.foreign().empty() || op->isRegistered())
    return false;
  const OpModel *model = models.kindOf(op->getName()).model;
  switch (model ? model->flow : RegionFlow::None) {
  case RegionFlow::None:
    return false;
  case RegionFlow::Loop:
    return carriedByLoop(op, carried);
  case RegionFlow::Branch:
    return carriedByBranch(op, carried);
  }
  return false;
}

bool amp::flowsThrough(Operation *op, const ModelSet &models) {
  llvm::SmallVector<CarriedValue, 4> carried;
  if (getCarriedValues(op, models, carried))
    return true;
  auto branch = dyn_cast<RegionBranchOpInterface>(op);
  if (!branch)
    return false;
  llvm::SmallVector<Handover, 4> handovers;
  return collectHandovers(branch, handovers);
}

/// Values in memory are places of their own, which nobody retypes.
static bool isFloatTensor(Type type) {
  return isa<TensorType, VectorType>(type) &&
         isa<FloatType>(getElementTypeOrSelf(type));
}

static void addValue(FlowGroup &group, Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    group.blockArguments.push_back(argument);
  else
    group.results.push_back(cast<OpResult>(value).getResultNumber());
}

namespace {
/// Places joined by what hands a value from one to another.
class JoinedPlaces {
public:
  /// Nothing for values that are no tensors of floats.
  void join(OpOperand *operand, Value input) {
    if (!isFloatTensor(operand->get().getType()) &&
        !isFloatTensor(input.getType()))
      return;
    Place from = operand, to = input.getAsOpaquePointer();
    if (seen.insert(from).second)
      operands.push_back({from, operand});
    if (seen.insert(to).second)
      values.push_back({to, input});
    classes.unionSets(from, to);
  }
  /// A group for each set of places; `take` says where one stands.
  void forEachGroup(
      llvm::function_ref<void(llvm::ArrayRef<OpOperand *>,
                              llvm::ArrayRef<Value>)> take) const {
    struct Members {
      llvm::SmallVector<OpOperand *, 4> operands;
      llvm::SmallVector<Value, 4> values;
    };
    llvm::MapVector<Place, Members> groups;
    for (auto [place, operand] : operands)
      groups[classes.getLeaderValue(place)].operands.push_back(operand);
    for (auto [place, value] : values)
      groups[classes.getLeaderValue(place)].values.push_back(value);
    for (const auto &[leader, members] : groups)
      take(members.operands, members.values);
  }

private:
  llvm::EquivalenceClasses<Place> classes;
  // In the order in which they are met, so that groups have an order.
  llvm::SmallVector<std::pair<Place, OpOperand *>, 8> operands;
  llvm::SmallVector<std::pair<Place, Value>, 8> values;
  llvm::DenseSet<Place> seen;
};
} // namespace

static FlowGroup makeGroup(Operation *op, llvm::ArrayRef<OpOperand *> operands,
                           llvm::ArrayRef<Value> values) {
  FlowGroup group;
  for (OpOperand *operand : operands) {
    if (operand->getOwner() == op)
      group.operands.push_back(operand->getOperandNumber());
    else
      group.handedOver.push_back(operand);
  }
  for (Value value : values)
    addValue(group, value);
  return group;
}

void amp::getRegionGroups(Operation *op, const ModelSet &models,
                          llvm::SmallVectorImpl<FlowGroup> &groups) {
  llvm::SmallVector<CarriedValue, 4> carried;
  if (getCarriedValues(op, models, carried)) {
    for (const CarriedValue &each : carried)
      if (llvm::any_of(each.values, [](Value value) {
            return isFloatTensor(value.getType());
          }))
        groups.push_back(makeGroup(op, each.operands, each.values));
    return;
  }
  llvm::SmallVector<Handover, 4> handovers;
  collectHandovers(cast<RegionBranchOpInterface>(op), handovers);
  JoinedPlaces places;
  for (const Handover &handover : handovers) {
    if (handover.operands.empty())
      continue;
    OpOperand *first = handover.operands.getBase();
    for (unsigned i = 0; i < handover.inputs.size(); ++i)
      places.join(first + i, handover.inputs[i]);
  }
  places.forEachGroup([&](llvm::ArrayRef<OpOperand *> operands,
                          llvm::ArrayRef<Value> values) {
    groups.push_back(makeGroup(op, operands, values));
  });
}

void amp::getBranchGroups(Region &region, BranchGroups &groups) {
  JoinedPlaces places;
  // What comes from an op that does not say what it hands over, or that makes
  // it, has one type for good.
  llvm::DenseSet<Value> fixed;
  for (Block &block : region) {
    if (block.empty() || block.back().getNumSuccessors() == 0)
      continue;
    Operation *end = &block.back();
    auto branch = dyn_cast<BranchOpInterface>(end);
    for (unsigned i = 0; i < end->getNumSuccessors(); ++i)
      for (BlockArgument argument : end->getSuccessor(i)->getArguments()) {
        std::optional<SuccessorOperands> operands;
        if (branch)
          operands.emplace(branch.getSuccessorOperands(i));
        const unsigned number = argument.getArgNumber();
        if (!operands || number >= operands->size() ||
            operands->isOperandProduced(number))
          fixed.insert(argument);
        else
          places.join(&end->getOpOperand(operands->getOperandIndex(number)),
                      argument);
      }
  }
  places.forEachGroup([&](llvm::ArrayRef<OpOperand *> operands,
                          llvm::ArrayRef<Value> values) {
    if (llvm::none_of(values, [&](Value v) { return fixed.contains(v); }))
      groups[operands.front()->getOwner()].push_back(
          makeGroup(/*op=*/nullptr, operands, values));
  });
}

/// The function that a call of these types reaches by its symbol, or null.
static FunctionOpInterface calledFunction(CallOpInterface call,
                                          SymbolTableCollection &tables) {
  auto function =
      dyn_cast_or_null<FunctionOpInterface>(call.resolveCallableInTable(&tables));
  if (!function || call.getArgOperands().size() != call->getNumOperands() ||
      !llvm::equal(call->getOperandTypes(), function.getArgumentTypes()) ||
      !llvm::equal(call->getResultTypes(), function.getResultTypes()))
    return {};
  return function;
}

using SymbolUse = std::pair<Operation *, SymbolRefAttr>;

/// The symbols that ops of a symbol table name, as SymbolTable::getSymbolUses
/// does, but for ops of a models file, which are no symbol tables. False where
/// one might be.
static bool collectSymbolUses(Region &region, const ModelSet &models,
                              llvm::SmallVectorImpl<SymbolUse> &uses) {
  auto result = region.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getNumRegions() == 1 && !op->isRegistered() &&
        !models.describes(op))
      return WalkResult::interrupt();
    op->getAttrDictionary().walk<WalkOrder::PreOrder>([&](SymbolRefAttr symbol) {
      uses.emplace_back(op, symbol);
      return WalkResult::skip();
    });
    // Its ops name what it holds.
    return op->hasTrait<OpTrait::SymbolTable>() ? WalkResult::skip()
                                                : WalkResult::advance();
  });
  return !result.wasInterrupted();
}

std::vector<FunctionUnit>
amp::findUnits(llvm::ArrayRef<FunctionOpInterface> functions,
               const ModelSet &models) {
  llvm::DenseMap<Operation *, uint32_t> numbers;
  std::vector<bool> retypable(functions.size());
  bool any = false;
  for (auto [i, function] : llvm::enumerate(functions)) {
    numbers[function] = i;
    const auto *dialect =
        function->getDialect()
            ? function->getDialect()
                  ->getRegisteredInterface<PrecisionDialectInterface>()
            : nullptr;
    retypable[i] = dialect && !dialect->isBoundary(function);
    any = any || retypable[i];
  }
  std::vector<std::pair<Operation *, uint32_t>> calls;
  std::vector<uint32_t> leader(functions.size());
  for (uint32_t i = 0; i < leader.size(); ++i)
    leader[i] = i;
  auto find = [&](uint32_t i) {
    while (leader[i] != i)
      i = leader[i] = leader[leader[i]];
    return i;
  };
  if (any) {
    SymbolTableCollection tables;
    // A private symbol is seen in the table that holds it, and nowhere else.
    llvm::SetVector<Operation *> holders;
    for (auto [i, function] : llvm::enumerate(functions)) {
      Operation *holder = function->getParentOp();
      if (!retypable[i])
        continue;
      if (holder && holder->hasTrait<OpTrait::SymbolTable>() &&
          holder != function)
        holders.insert(holder);
      else
        retypable[i] = false;
    }
    std::vector<bool> isCalled(functions.size());
    for (Operation *holder : holders) {
      llvm::SmallVector<SymbolUse> uses;
      // An op of an unknown kind may use symbols in ways that nobody sees.
      if (!collectSymbolUses(holder->getRegion(0), models, uses)) {
        for (auto [i, function] : llvm::enumerate(functions))
          if (function->getParentOp() == holder)
            retypable[i] = false;
        continue;
      }
      for (auto [user, symbol] : uses) {
        auto named = dyn_cast_or_null<FunctionOpInterface>(
            tables.lookupNearestSymbolFrom(user, symbol));
        auto target = named ? numbers.find(named) : numbers.end();
        if (target == numbers.end() || !retypable[target->second])
          continue;
        auto call = dyn_cast<CallOpInterface>(user);
        FunctionOpInterface called =
            call ? calledFunction(call, tables) : FunctionOpInterface();
        // From within a region that nothing is known of, a call is a use that
        // the painting does not see.
        Operation *around = user->getParentOp();
        while (around && !isa<FunctionOpInterface>(around) &&
               flowsThrough(around, models))
          around = around->getParentOp();
        if (called != named || !numbers.count(around))
          retypable[target->second] = false;
        else
          calls.emplace_back(user, target->second);
        isCalled[target->second] = true;
      }
    }
    for (size_t i = 0; i < functions.size(); ++i)
      retypable[i] = retypable[i] && isCalled[i];
    for (auto [call, callee] : calls)
      if (retypable[callee])
        leader[find(numbers.lookup(
            call->getParentOfType<FunctionOpInterface>()))] = find(callee);
  }

  std::vector<FunctionUnit> units;
  llvm::DenseMap<uint32_t, size_t> unitOf;
  for (auto [i, function] : llvm::enumerate(functions)) {
    auto [it, isNew] = unitOf.try_emplace(find(i), units.size());
    if (isNew)
      units.emplace_back();
    FunctionUnit &unit = units[it->second];
    unit.functions.push_back(function);
    if (retypable[i])
      unit.retypable.push_back(function);
  }
  for (auto [call, callee] : calls)
    if (retypable[callee])
      units[unitOf[find(callee)]].calls.insert({call, functions[callee]});
  return units;
}

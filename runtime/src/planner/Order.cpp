//===- Order.cpp - Updates behind readers ---------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A function reads every variable as it was on entry, and updates change
// variables in place. So every reader of a variable comes before its update.
// Where that is impossible (two variables that swap values), a reader gets a
// copy taken before the update. The same holds for the 16-bit copies of
// variables that an optimizer step writes.
//===----------------------------------------------------------------------===//

#include "Stages.h"

#include <queue>

using namespace amprt;
using namespace amprt::planner;

namespace {

class Orderer {
public:
  explicit Orderer(Builder &builder)
      : builder(builder), steps(builder.program.steps) {}
  void run();

private:
  void copySelfReads();
  void buildEdges();
  void addEdge(uint32_t from, uint32_t to);
  void emit(uint32_t step);
  bool breakCycle();
  bool updates(const Step &step, uint32_t base) const;
  bool isUpdate(const Step &step, uint32_t base) const;
  uint32_t snapshot(uint32_t variable, Step &copy);

  Builder &builder;
  std::vector<Step> &steps;
  std::vector<Step> ordered;
  std::vector<std::vector<uint32_t>> next;
  std::vector<uint32_t> waits;
  std::vector<bool> done;
  /// Steps by the variable (base buffer) that they read, that they update.
  std::unordered_map<uint32_t, std::vector<uint32_t>> readers;
  std::unordered_map<uint32_t, uint32_t> updater;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<uint32_t>>
      ready;
};

} // namespace

bool Orderer::updates(const Step &step, uint32_t base) const {
  for (uint32_t result : step.results)
    if (builder.base[result] == base)
      return true;
  return false;
}

/// Whether the step changes a variable, or a 16-bit copy of one, that other
/// steps read as it was before.
bool Orderer::isUpdate(const Step &step, uint32_t base) const {
  Space space = builder.program.buffers[base].space;
  return space == Space::Variable || (space == Space::Cache && !step.cached);
}

/// A buffer that holds the variable as it is when `copy` runs.
uint32_t Orderer::snapshot(uint32_t variable, Step &copy) {
  std::string name = builder.buffer(variable).name;
  uint32_t value =
      builder.addBuffer(name, builder.dtype(variable), builder.dims(variable));
  ExpressionBuilder e(builder);
  e.load(variable);
  copy = Step();
  copy.kernel = Kernel::Elementwise;
  copy.name = name;
  copy.nodes = {"copy"};
  e.finish(copy, value);
  return value;
}

/// An update may read its own variable element by element, nothing else of it.
void Orderer::copySelfReads() {
  std::vector<Step> copies;
  for (Step &step : steps) {
    for (uint32_t &operand : step.operands) {
      uint32_t base = builder.base[operand];
      if (builder.buffer(base).space != Space::Variable ||
          !updates(step, base) ||
          (step.kernel == Kernel::Elementwise &&
           builder.dims(operand) == builder.dims(step.results[0])))
        continue;
      Step copy;
      operand = snapshot(operand, copy);
      copies.push_back(std::move(copy));
    }
  }
  steps.insert(steps.begin(), std::make_move_iterator(copies.begin()),
               std::make_move_iterator(copies.end()));
}

void Orderer::addEdge(uint32_t from, uint32_t to) {
  if (from == to)
    return;
  next[from].push_back(to);
  ++waits[to];
}

void Orderer::buildEdges() {
  next.assign(steps.size(), {});
  waits.assign(steps.size(), 0);
  done.assign(steps.size(), false);
  std::unordered_map<uint32_t, uint32_t> writer;
  for (uint32_t i = 0; i < steps.size(); ++i)
    for (uint32_t result : steps[i].results) {
      uint32_t base = builder.base[result];
      (isUpdate(steps[i], base) ? updater : writer)[base] = i;
    }
  for (uint32_t i = 0; i < steps.size(); ++i) {
    auto read = [&](uint32_t operand) {
      uint32_t base = builder.base[operand];
      Space space = builder.buffer(base).space;
      if (space == Space::Variable || space == Space::Cache)
        readers[base].push_back(i);
      if (auto found = writer.find(base); found != writer.end())
        addEdge(found->second, i);
    };
    for (uint32_t operand : steps[i].operands)
      read(operand);
    if (steps[i].condition != kNoBuffer)
      read(steps[i].condition);
  }
  for (auto &[variable, update] : updater)
    for (uint32_t reader : readers[variable])
      addEdge(reader, update);
}

void Orderer::emit(uint32_t step) {
  done[step] = true;
  ordered.push_back(std::move(steps[step]));
  for (uint32_t after : next[step])
    if (--waits[after] == 0)
      ready.push(after);
}

/// Nothing is ready: the first update that waits only for readers of its
/// variables gets its variables copied for them.
bool Orderer::breakCycle() {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (done[i])
      continue;
    std::vector<std::pair<uint32_t, uint32_t>> blocking; // reader, variable
    for (uint32_t result : steps[i].results) {
      uint32_t base = builder.base[result];
      if (!isUpdate(steps[i], base))
        continue;
      for (uint32_t reader : readers[base])
        if (!done[reader] && reader != i)
          blocking.push_back({reader, base});
    }
    if (blocking.empty() || waits[i] != blocking.size())
      continue;
    std::unordered_map<uint32_t, uint32_t> copies;
    for (const auto &[reader, base] : blocking) {
      auto [entry, isNew] = copies.try_emplace(base, 0);
      if (isNew) {
        Step copy;
        entry->second = snapshot(base, copy);
        ordered.push_back(std::move(copy));
      }
      // A lambda of C++17 cannot capture structured bindings.
      auto redirect = [this, variable = base,
                       old = entry->second](uint32_t &operand) {
        if (operand == kNoBuffer || builder.base[operand] != variable)
          return;
        operand = operand == variable
                      ? old
                      : builder.addView(old, builder.buffer(operand).name,
                                        builder.dims(operand));
      };
      for (uint32_t &operand : steps[reader].operands)
        redirect(operand);
      redirect(steps[reader].condition);
      auto &edges = next[reader];
      for (size_t e = 0; e < edges.size(); ++e)
        if (edges[e] == i) {
          edges.erase(edges.begin() + long(e));
          break;
        }
    }
    waits[i] = 0;
    ready.push(i);
    return true;
  }
  return false;
}

void Orderer::run() {
  copySelfReads();
  buildEdges();
  for (uint32_t i = 0; i < steps.size(); ++i)
    if (!waits[i])
      ready.push(i);
  do {
    while (!ready.empty()) {
      uint32_t step = ready.top();
      ready.pop();
      emit(step);
    }
  } while (ordered.size() < steps.size() && breakCycle());
  steps = std::move(ordered);
}

void amprt::planner::order(Builder &builder) { Orderer(builder).run(); }

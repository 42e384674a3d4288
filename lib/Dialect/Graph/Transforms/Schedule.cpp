//===- Schedule.cpp - The learning rate as a function of the step ---------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Nodes on scalars: a linear rise over the warm-up, then a constant, linear or
// cosine course to the end. Follows the step counter, which stands still when a
// step is skipped.
//===----------------------------------------------------------------------===//

#include "Training.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace amp;
using namespace amp::graph;

namespace {

class ScheduleBuilder {
public:
  ScheduleBuilder(StepBuilder &nodes, const Schedule &schedule, Value step)
      : nodes(nodes), schedule(schedule), step(step) {}

  /// The factor of the learning rate; null when it is always 1.
  Value factor() {
    Value course = afterWarmup();
    if (schedule.warmupSteps == 0)
      return course;
    Value steps = real("warmup_steps", schedule.warmupSteps);
    Value rise = node("div", "warmup", {step, steps});
    Value rising = node("less", "is_warmup", {step, steps});
    return node("where", "factor",
                {rising, rise, course ? course : real("one", 1)});
  }

private:
  /// The factor from the end of the warm-up on.
  Value afterWarmup() {
    if (!schedule.totalSteps)
      return {};
    int64_t length = *schedule.totalSteps - schedule.warmupSteps;
    Value end = real("end", schedule.end);
    if (schedule.kind == Schedule::Kind::Constant) {
      Value ended = node("greater_equal", "is_over",
                         {step, real("total_steps", *schedule.totalSteps)});
      return node("where", "course", {ended, end, real("one", 1)});
    }
    if (length == 0)
      return end;
    // How much of the way is left, from 1 down to 0.
    Value passed = step;
    if (schedule.warmupSteps)
      passed = node("sub", "passed",
                    {step, real("warmup_end", schedule.warmupSteps)});
    Value done = node("div", "done", {passed, real("length", length)});
    done = node("minimum", "progress", {done, real("whole", 1)});
    Value left;
    if (schedule.kind == Schedule::Kind::Linear) {
      left = node("sub", "left", {real("one", 1), done});
    } else {
      Value angle =
          node("mul", "angle", {done, real("pi", 3.14159265358979323846)});
      Value cosine = node("cos", "cosine", {angle});
      Value raised = node("add", "raised", {cosine, real("one", 1)});
      left = node("mul", "left", {raised, real("half", 0.5)});
    }
    if (schedule.end == 0)
      return left;
    Value scaled =
        node("mul", "scaled", {left, real("range", 1 - schedule.end)});
    return node("add", "course", {scaled, end});
  }

  Value node(StringRef op, StringRef name, ValueRange operands) {
    return nodes.createPinned(op, prefix + name, operands);
  }

  Value real(StringRef name, double value) {
    return nodes.createReal(prefix + name, value);
  }

  static constexpr StringLiteral prefix = "optimizer/schedule/";
  StepBuilder &nodes;
  const Schedule &schedule;
  Value step;
};

} // namespace

Value graph::buildSchedule(StepBuilder &nodes, const Schedule &schedule,
                           Value rate, Value iterations) {
  if (schedule.warmupSteps == 0 && !schedule.totalSteps)
    return rate;
  nodes.setKey("schedule");
  Builder &builder = nodes.getBuilder();
  Value step = nodes.createValue(
      "cast", "optimizer/schedule/step", {iterations},
      builder.getNamedAttr("to", TypeAttr::get(builder.getF32Type())));
  Value factor = ScheduleBuilder(nodes, schedule, step).factor();
  return nodes.createPinned("mul", "optimizer/schedule/learning_rate",
                            {rate, factor});
}

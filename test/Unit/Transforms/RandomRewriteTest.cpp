//===- RandomRewriteTest.cpp - Properties of the rewrite
//-------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random functions of the foreign dialect: the contract holds, edges have one
// type at both ends, a second run changes nothing, and the order of the lines
// decides nothing. A failure prints its seed; AMP_SEED runs that one alone.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

#include "mlir/IR/TypeUtilities.h"

#include <cstdlib>
#include <map>
#include <random>

using namespace amp;
using namespace amp::toy;
using namespace mlir;

namespace {

class RandomRewrite : public ToyTest {
protected:
  /// Lines of a body, definitions before uses, the return last.
  static std::vector<std::string> randomBody(uint64_t seed) {
    std::mt19937_64 random(seed);
    auto below = [&](size_t n) { return size_t(random() % n); };
    std::vector<std::string> floats = {"a", "b"}, lines, others = {"i"};
    static const char *pins[] = {"", "", "", "", "", "", "f16", "bf16", "f32"};
    size_t count = 1 + below(14);
    for (size_t k = 0; k < count; ++k) {
      std::string name = "v" + std::to_string(k);
      auto any = [&] { return floats[below(floats.size())]; };
      std::string pin = pins[below(9)];
      std::string attrs = pin.empty() ? "" : " [amp.precision = " + pin + "]";
      switch (below(11)) {
      case 0:
      case 1:
      case 2:
        lines.push_back(name + " = matmul(" + any() + " " + any() + ") f32" +
                        attrs);
        break;
      case 3:
        lines.push_back(name + " = add(" + any() + " " + any() + ") f32" +
                        attrs);
        break;
      case 4:
        lines.push_back(name + " = relu(" + any() + ") f32" + attrs);
        break;
      case 5:
        lines.push_back(name + " = softmax(" + any() + ") f32" + attrs);
        break;
      case 6:
        lines.push_back(name + " = norm(" + any() + " " + any() + ") f32 f32" +
                        attrs);
        floats.push_back(name + "#1");
        break;
      case 7:
        lines.push_back(name + " = constant() f32");
        break;
      case 8:
        lines.push_back(name + " = cast(" + (below(2) ? any() : others[0]) +
                        ") f32");
        break;
      case 9: {
        // A value of another type, and back.
        std::string low = below(2) ? "f16" : "bf16";
        lines.push_back(name + " = cast(" + any() + ") " + low);
        lines.push_back(name + "b = cast(" + name + ") f32");
        name += "b";
        break;
      }
      case 10:
        lines.push_back(name + " = concat(" + any() + " " + any() + " " +
                        any() + ") f32" + attrs);
        break;
      }
      floats.push_back(name);
    }
    // Outputs that nobody pins low.
    std::string outputs;
    for (size_t k = below(3) + 1; k > 0; --k) {
      std::string name = floats[below(floats.size())];
      bool isPinned = false;
      for (const std::string &line : lines)
        isPinned |=
            line.rfind(name + " =", 0) == 0 && line.find("= f16]") + 1 != 0;
      for (const std::string &line : lines)
        isPinned |=
            line.rfind(name + " =", 0) == 0 && line.find("= bf16]") + 1 != 0;
      if (!isPinned)
        outputs += (outputs.empty() ? "" : " ") + name;
    }
    lines.push_back("return(" + outputs + ")");
    return lines;
  }
  static std::string join(const std::vector<std::string> &lines) {
    std::string text;
    for (const std::string &line : lines)
      text += line + "\n";
    return text;
  }
  /// Name to the type that its op computes in.
  std::map<std::string, std::string> decisions() {
    std::map<std::string, std::string> result;
    for (const ReportNode &node : report.nodes)
      result[node.name] = node.after;
    return result;
  }
  /// Every group has one element type, and no 16-bit value is used for a
  /// float32 one.
  void checkTypes() {
    module->walk([&](Operation *op) {
      llvm::SmallVector<TypeGroup, 2> groups;
      options.models.getTypeGroups(op, groups);
      for (const TypeGroup &group : groups) {
        Type type;
        auto check = [&](Value value) {
          Type element = getElementTypeOrSelf(value.getType());
          EXPECT_TRUE(!type || type == element);
          type = element;
        };
        for (unsigned i : group.operands)
          check(op->getOperand(i));
        for (unsigned i : group.results)
          check(op->getResult(i));
      }
      if (op->getName().getStringRef() == "toy.norm") {
        EXPECT_TRUE(getElementTypeOrSelf(op->getOperand(1).getType()).isF32());
      }
    });
  }
};

} // namespace

TEST_F(RandomRewrite, properties) {
  uint64_t seed = 1, end = 1500;
  if (const char *text = std::getenv("AMP_SEED")) {
    seed = std::strtoull(text, nullptr, 10);
    end = seed + 1;
  }
  size_t lowered = 0, casts = 0;
  for (; seed < end; ++seed) {
    std::vector<std::string> lines = randomBody(seed);
    SCOPED_TRACE("AMP_SEED=" + std::to_string(seed) + "\n" + join(lines));
    std::string once = rewritten(join(lines));
    ASSERT_EQ(once.find("failed"), std::string::npos);
    ASSERT_EQ(once.find("contract broken"), std::string::npos) << once;
    checkTypes();
    lowered += report.input.lowered;
    casts += report.casts.size();
    auto before = decisions();

    ASSERT_TRUE(succeeded(rewrite()));
    ASSERT_TRUE(succeeded(verify())) << messages.back();
    ASSERT_EQ(print(), once);
    ASSERT_TRUE(report.casts.empty());

    std::mt19937_64 random(seed);
    std::shuffle(lines.begin(), lines.end() - 1, random);
    ASSERT_NE(rewritten(join(lines)), "failed");
    ASSERT_EQ(decisions(), before) << join(lines);
    checkTypes();
    if (HasFailure())
      return;
  }
  if (!std::getenv("AMP_SEED")) {
    EXPECT_GT(lowered, 1000u);
    EXPECT_GT(casts, 1000u);
  }
}

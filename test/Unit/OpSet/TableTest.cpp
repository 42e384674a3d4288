//===- TableTest.cpp - The op table as a whole ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The table is consistent in itself and holds what the format promises: names,
// operands, attributes and defaults are written here a second time, since they
// outlive any version of the code.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

using namespace amp;

namespace {

bool isForward(const OpDef &def) {
  return def.differentiable != Differentiable::Backward;
}

std::string print(const AttrValue &value) {
  struct {
    std::string operator()(bool v) { return v ? "true" : "false"; }
    std::string operator()(int64_t v) { return std::to_string(v); }
    std::string operator()(double v) {
      char text[32];
      std::snprintf(text, sizeof text, "%g", v);
      return text;
    }
    std::string operator()(DType v) { return std::string(dtypeName(v)); }
    std::string operator()(const std::string &v) { return v; }
    std::string operator()(const std::vector<int64_t> &v) {
      std::string text = "[";
      for (int64_t element : v)
        text += (text.size() > 1 ? "," : "") + std::to_string(element);
      return text + "]";
    }
    std::string operator()(const Shape &v) { return toString(v); }
    std::string operator()(const std::shared_ptr<const Literal> &) {
      return "literal";
    }
  } printer;
  return std::visit(printer, value);
}

/// `(a, b) {transpose_a=false, axes?, depth}`: `?` may be left out, no mark
/// must be written.
std::string describe(const OpDef &def) {
  std::string text = def.signature();
  if (def.attrs.empty())
    return text;
  text += " {";
  for (const AttrDef &attr : def.attrs) {
    if (text.back() != '{')
      text += ", ";
    text += attr.name;
    if (attr.defaultValue)
      text += "=" + print(*attr.defaultValue);
    if (attr.optional)
      text += "?";
  }
  return text + "}";
}

constexpr std::pair<std::string_view, std::string_view> forwardOps[] = {
    {"iota", "() {shape, axis, dtype}"},
    {"constant", "() {dtype, shape, value}"},
    {"identity", "(x)"},
    {"cast", "(x) {to}"},
    {"stop_gradient", "(x)"},
    {"neg", "(x)"},
    {"abs", "(x)"},
    {"sign", "(x)"},
    {"exp", "(x)"},
    {"expm1", "(x)"},
    {"log", "(x)"},
    {"log1p", "(x)"},
    {"sqrt", "(x)"},
    {"rsqrt", "(x)"},
    {"reciprocal", "(x)"},
    {"square", "(x)"},
    {"sin", "(x)"},
    {"cos", "(x)"},
    {"tanh", "(x)"},
    {"sigmoid", "(x)"},
    {"relu", "(x)"},
    {"relu6", "(x)"},
    {"silu", "(x)"},
    {"softplus", "(x)"},
    {"erf", "(x)"},
    {"floor", "(x)"},
    {"ceil", "(x)"},
    {"round", "(x)"},
    {"is_finite", "(x)"},
    {"logical_not", "(x)"},
    {"gelu", "(x) {approximate=false}"},
    {"elu", "(x) {alpha=1}"},
    {"leaky_relu", "(x) {alpha=0.2}"},
    {"clip", "(x) {min, max}"},
    {"add", "(a, b)"},
    {"sub", "(a, b)"},
    {"mul", "(a, b)"},
    {"div", "(a, b)"},
    {"pow", "(a, b)"},
    {"maximum", "(a, b)"},
    {"minimum", "(a, b)"},
    {"equal", "(a, b)"},
    {"not_equal", "(a, b)"},
    {"less", "(a, b)"},
    {"less_equal", "(a, b)"},
    {"greater", "(a, b)"},
    {"greater_equal", "(a, b)"},
    {"logical_and", "(a, b)"},
    {"logical_or", "(a, b)"},
    {"where", "(condition, a, b)"},
    {"add_n", "(values, …)"},
    {"matmul", "(a, b) {transpose_a=false, transpose_b=false}"},
    {"bias_add", "(x, bias) {axis=-1}"},
    {"conv2d", "(x, filter) {strides=[1], padding=same, dilations=[1], "
               "groups=1, layout=NHWC}"},
    {"depthwise_conv2d", "(x, filter) {strides=[1], padding=same, "
                         "dilations=[1], layout=NHWC}"},
    {"conv2d_transpose", "(x, filter) {strides=[1], padding=same, "
                         "dilations=[1], groups=1, layout=NHWC}"},
    {"max_pool2d", "(x) {window, strides?, padding=valid, layout=NHWC}"},
    {"avg_pool2d", "(x) {window, strides?, padding=valid, layout=NHWC}"},
    {"global_avg_pool2d", "(x) {layout=NHWC}"},
    {"batch_norm", "(x, scale, offset, moving_mean, moving_variance) "
                   "{epsilon=0.001, momentum=0.99, training=false, "
                   "layout=NHWC}"},
    {"layer_norm", "(x, scale, offset) {axis=-1, epsilon=0.001}"},
    {"rms_norm", "(x, scale[, offset]) {axis=-1, epsilon=0.001}"},
    {"softmax", "(x) {axis=-1}"},
    {"log_softmax", "(x) {axis=-1}"},
    {"softmax_cross_entropy", "(logits, probabilities) {reduction=mean}"},
    {"sparse_softmax_cross_entropy", "(logits, labels) {reduction=mean}"},
    {"sigmoid_cross_entropy", "(logits, labels) {reduction=mean}"},
    {"mean_squared_error", "(predictions, targets) {reduction=mean}"},
    {"reduce_sum", "(x) {axes?, keep_dims=false}"},
    {"reduce_mean", "(x) {axes?, keep_dims=false}"},
    {"reduce_max", "(x) {axes?, keep_dims=false}"},
    {"reduce_min", "(x) {axes?, keep_dims=false}"},
    {"reduce_prod", "(x) {axes?, keep_dims=false}"},
    {"argmax", "(x) {axis}"},
    {"cumsum", "(x) {axis}"},
    {"reshape", "(x) {shape}"},
    {"transpose", "(x) {perm}"},
    {"broadcast_to", "(x) {shape}"},
    {"concat", "(values, …) {axis}"},
    {"split", "(x) {axis, sizes}"},
    {"slice", "(x) {begin, end, strides=[1]}"},
    {"pad", "(x) {paddings, value=0}"},
    {"expand_dims", "(x) {axis}"},
    {"squeeze", "(x) {axes}"},
    {"gather", "(params, indices) {axis=0}"},
    {"one_hot", "(indices) {depth, dtype=float32}"},
    {"stack", "(values, …) {axis}"},
    {"dropout", "(x) {rate, seed, training=false}"},
    {"assign", "(variable, value[, condition])"},
    {"assign_add", "(variable, value[, condition])"},
    {"apply_sgd", "(variable, learning_rate, gradient[, condition]) "
                  "{weight_decay=0}"},
    {"apply_momentum",
     "(variable, slot, learning_rate, gradient[, condition]) {momentum, "
     "nesterov=false, weight_decay=0}"},
    {"apply_rmsprop",
     "(variable, rms[, mg][, momentum], learning_rate, gradient[, condition]) "
     "{rho=0.9, momentum=0, epsilon=1e-07, centered=false}"},
    {"apply_adam",
     "(variable, m, v, iterations, learning_rate, gradient[, condition]) "
     "{beta_1=0.9, beta_2=0.999, epsilon=1e-07}"},
    {"apply_adamw",
     "(variable, m, v, iterations, learning_rate, gradient[, condition]) "
     "{beta_1=0.9, beta_2=0.999, epsilon=1e-07, weight_decay=0.004}"},
    {"scale_loss", "(loss_gradient, scale)"},
    {"all_finite", "(gradients, …)"},
    {"unscale", "(gradient, scale)"},
    {"update_loss_scale",
     "(scale, good_steps, bad_steps, finite) {growth_steps, growth, backoff, "
     "min, max, decrease_every}"},
};

/// Names for good: rewritten training graphs hold them.
constexpr std::pair<std::string_view, std::string_view> backwardOps[] = {
    {"abs_grad", "(gradient, x)"},
    {"exp_grad", "(gradient, x)"},
    {"expm1_grad", "(gradient, x)"},
    {"log_grad", "(gradient, x)"},
    {"log1p_grad", "(gradient, x)"},
    {"sqrt_grad", "(gradient, x)"},
    {"rsqrt_grad", "(gradient, x)"},
    {"reciprocal_grad", "(gradient, x)"},
    {"square_grad", "(gradient, x)"},
    {"sin_grad", "(gradient, x)"},
    {"cos_grad", "(gradient, x)"},
    {"tanh_grad", "(gradient, x)"},
    {"sigmoid_grad", "(gradient, x)"},
    {"relu_grad", "(gradient, x)"},
    {"relu6_grad", "(gradient, x)"},
    {"silu_grad", "(gradient, x)"},
    {"softplus_grad", "(gradient, x)"},
    {"erf_grad", "(gradient, x)"},
    {"gelu_grad", "(gradient, x) {approximate=false}"},
    {"elu_grad", "(gradient, x) {alpha=1}"},
    {"leaky_relu_grad", "(gradient, x) {alpha=0.2}"},
    {"clip_grad", "(gradient, x) {min, max}"},
    {"div_grad", "(gradient, a, b)"},
    {"pow_grad", "(gradient, a, b)"},
    {"maximum_grad", "(gradient, a, b)"},
    {"minimum_grad", "(gradient, a, b)"},
    {"bias_add_grad", "(gradient) {axis=-1}"},
    {"conv2d_input_grad", "(gradient, x, filter) {strides=[1], padding=same, "
                          "dilations=[1], groups=1, layout=NHWC}"},
    {"conv2d_filter_grad", "(gradient, x, filter) {strides=[1], padding=same, "
                           "dilations=[1], groups=1, layout=NHWC}"},
    {"depthwise_conv2d_input_grad", "(gradient, x, filter) {strides=[1], "
                                    "padding=same, dilations=[1], "
                                    "layout=NHWC}"},
    {"depthwise_conv2d_filter_grad", "(gradient, x, filter) {strides=[1], "
                                     "padding=same, dilations=[1], "
                                     "layout=NHWC}"},
    {"conv2d_transpose_input_grad", "(gradient, x, filter) {strides=[1], "
                                    "padding=same, dilations=[1], groups=1, "
                                    "layout=NHWC}"},
    {"conv2d_transpose_filter_grad", "(gradient, x, filter) {strides=[1], "
                                     "padding=same, dilations=[1], groups=1, "
                                     "layout=NHWC}"},
    {"max_pool2d_grad",
     "(gradient, x) {window, strides?, padding=valid, layout=NHWC}"},
    {"avg_pool2d_grad",
     "(gradient, x) {window, strides?, padding=valid, layout=NHWC}"},
    {"global_avg_pool2d_grad", "(gradient, x) {layout=NHWC}"},
    {"batch_norm_grad",
     "(gradient, x, scale, offset, moving_mean, moving_variance) "
     "{epsilon=0.001, training=false, layout=NHWC}"},
    {"layer_norm_grad",
     "(gradient, x, scale, offset) {axis=-1, epsilon=0.001}"},
    {"rms_norm_grad",
     "(gradient, x, scale[, offset]) {axis=-1, epsilon=0.001}"},
    {"softmax_grad", "(gradient, x) {axis=-1}"},
    {"log_softmax_grad", "(gradient, x) {axis=-1}"},
    {"softmax_cross_entropy_grad",
     "(gradient, logits, probabilities) {reduction=mean}"},
    {"sparse_softmax_cross_entropy_grad",
     "(gradient, logits, labels) {reduction=mean}"},
    {"sigmoid_cross_entropy_grad",
     "(gradient, logits, labels) {reduction=mean}"},
    {"mean_squared_error_grad",
     "(gradient, predictions, targets) {reduction=mean}"},
    {"reduce_sum_grad", "(gradient, x) {axes?, keep_dims=false}"},
    {"reduce_mean_grad", "(gradient, x) {axes?, keep_dims=false}"},
    {"reduce_max_grad", "(gradient, x) {axes?, keep_dims=false}"},
    {"reduce_min_grad", "(gradient, x) {axes?, keep_dims=false}"},
    {"reduce_prod_grad", "(gradient, x) {axes?, keep_dims=false}"},
    {"cumsum_grad", "(gradient, x) {axis}"},
    {"sum_to", "(gradient) {shape}"},
    {"reshape_grad", "(gradient, x)"},
    {"concat_grad", "(gradient, values, …) {axis}"},
    {"slice_grad", "(gradient, x) {begin, end, strides=[1]}"},
    {"pad_grad", "(gradient, x) {paddings}"},
    {"gather_grad", "(gradient, params, indices) {axis=0}"},
    {"dropout_grad", "(gradient, x) {rate, seed, training=false}"},
};

TEST(Table, HoldsWhatTheFormatPromises) {
  size_t index = 0;
  for (auto ops :
       {Span<std::pair<std::string_view, std::string_view>>(forwardOps),
        Span<std::pair<std::string_view, std::string_view>>(backwardOps)})
    for (auto [name, description] : ops) {
      ASSERT_LT(index, allOps().size());
      const OpDef &def = allOps()[index++];
      EXPECT_EQ(def.name, name);
      EXPECT_EQ(describe(def), description) << name;
    }
  EXPECT_EQ(index, allOps().size());
}

TEST(Table, EveryNameIsFoundOnce) {
  std::set<std::string_view> names;
  for (const OpDef &def : allOps()) {
    EXPECT_TRUE(names.insert(def.name).second) << def.name;
    EXPECT_EQ(findOp(def.name), &def);
    EXPECT_EQ(
        def.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
        std::string_view::npos)
        << def.name;
  }
  EXPECT_EQ(findOp(""), nullptr);
  EXPECT_EQ(findOp("Matmul"), nullptr);
}

TEST(Table, ForwardOpsComeFirstInTheOrderOfFamilies) {
  bool backward = false;
  Family last = Family::Values;
  for (const OpDef &def : allOps()) {
    if (!backward && !isForward(def)) {
      backward = true;
      last = Family::Values;
    }
    EXPECT_EQ(isForward(def), !backward) << def.name;
    EXPECT_GE(def.family, last) << def.name;
    last = def.family;
  }
}

TEST(Table, EveryEntryIsWhole) {
  for (const OpDef &def : allOps()) {
    SCOPED_TRACE(def.name);
    EXPECT_NE(def.infer, nullptr);
    EXPECT_EQ(def.isUpdate, def.results.empty());
    EXPECT_EQ(def.isUpdate, def.family == Family::Variable);
    EXPECT_TRUE(!isForward(def) || !def.doc.empty());
    size_t variadic = 0;
    bool sawPlainOptional = false;
    std::set<std::string_view> names;
    for (const OperandDef &operand : def.operands) {
      EXPECT_TRUE(names.insert(operand.name).second) << operand.name;
      variadic += operand.arity == Arity::Variadic;
      // What the count alone decides stands last.
      bool plainOptional = operand.arity == Arity::Optional && !operand.present;
      EXPECT_TRUE(!sawPlainOptional || plainOptional) << operand.name;
      sawPlainOptional |= plainOptional;
      EXPECT_FALSE(operand.shapeOnly && operand.inGroup) << operand.name;
      EXPECT_FALSE(operand.isVariable && !def.isUpdate) << operand.name;
    }
    EXPECT_LE(variadic, 1u);
    if (variadic) {
      EXPECT_EQ(def.operands.back().arity, Arity::Variadic);
    }
    if (def.isUpdate) {
      EXPECT_TRUE(def.operands.front().isVariable);
    }
  }
}

TEST(Table, DefaultsAreOfTheKindOfTheirAttribute) {
  for (const OpDef &def : allOps()) {
    std::set<std::string_view> names;
    for (const AttrDef &attr : def.attrs) {
      SCOPED_TRACE(std::string(def.name) + "." + std::string(attr.name));
      EXPECT_TRUE(names.insert(attr.name).second);
      EXPECT_EQ(def.findAttr(attr.name), &attr);
      EXPECT_EQ(attr.choices.empty(), attr.kind != AttrKind::Enum);
      EXPECT_FALSE(attr.optional && attr.defaultValue);
      EXPECT_FALSE(attr.allowScalar && attr.kind != AttrKind::Ints);
      if (!attr.defaultValue)
        continue;
      EXPECT_EQ(attr.defaultValue->index(), size_t(attr.kind));
      if (const auto *number = std::get_if<double>(&*attr.defaultValue)) {
        EXPECT_GE(*number, attr.min);
        EXPECT_LE(*number, attr.max);
      }
      if (const auto *text = std::get_if<std::string>(&*attr.defaultValue)) {
        bool isChoice = false;
        for (std::string_view choice : attr.choices)
          isChoice |= choice == *text;
        EXPECT_TRUE(isChoice);
      }
    }
    EXPECT_EQ(def.findAttr("no_such_attribute"), nullptr);
  }
}

/// `<op>_grad(gradients of results…, forward operands…)`, but where the format
/// names another signature.
TEST(Table, BackwardOpsTakeTheGradientAndTheForwardOperands) {
  for (const OpDef &def : allOps()) {
    SCOPED_TRACE(def.name);
    EXPECT_EQ(isForward(def), def.forward.empty());
    if (isForward(def))
      continue;
    const OpDef *forward = findOp(def.forward);
    ASSERT_NE(forward, nullptr);
    EXPECT_TRUE(isForward(*forward));
    EXPECT_EQ(forward->differentiable, Differentiable::Yes);
    EXPECT_EQ(forward->family, def.family);
    EXPECT_EQ(forward->isLoss, def.isLoss);
    // Gradients find their operand by name.
    for (const ResultDef &result : def.results) {
      bool isGradient = false;
      for (const OperandDef &operand : forward->operands)
        isGradient |= result.name == std::string(operand.name) + "_gradient";
      EXPECT_TRUE(isGradient) << result.name;
    }
    EXPECT_EQ(def.operands[0].name, "gradient");
    EXPECT_EQ(def.operands[0].dtypes, DTypes::Floating);
    EXPECT_TRUE(def.operands[0].inGroup);
    if (def.name == "sum_to" || def.name == "bias_add_grad")
      continue;
    ASSERT_EQ(def.operands.size(), forward->operands.size() + 1);
    for (size_t i = 0; i < forward->operands.size(); ++i) {
      const OperandDef &operand = def.operands[i + 1],
                       &original = forward->operands[i];
      EXPECT_EQ(operand.name, original.name);
      EXPECT_EQ(operand.arity, original.arity);
      EXPECT_EQ(operand.dtypes, original.dtypes);
      // The group is that of the forward op, without what is not read.
      EXPECT_EQ(operand.inGroup, original.inGroup && !operand.shapeOnly);
    }
    for (const AttrDef &attr : def.attrs)
      EXPECT_NE(forward->findAttr(attr.name), nullptr) << attr.name;
  }
}

TEST(Table, EveryGradientIsMadeOfOpsAndEveryBackwardOpIsUsed) {
  std::set<std::string> used;
  for (const OpDef &def : allOps()) {
    EXPECT_EQ(def.differentiable == Differentiable::Yes, !def.gradient.empty())
        << def.name;
    std::string word;
    for (char c : std::string(def.gradient) + ",") {
      if (isalnum(c) || c == '_') {
        word += c;
        continue;
      }
      if (word.size() > 5 && word.substr(word.size() - 5) == "_grad") {
        EXPECT_NE(findOp(word), nullptr) << def.name << ": " << word;
      }
      used.insert(word);
      word.clear();
    }
  }
  for (const OpDef &def : allOps())
    EXPECT_TRUE(isForward(def) || used.count(std::string(def.name)))
        << def.name;
}

/// What stays out of every group: a list of its own, so that an op that joins
/// or leaves it is a decision.
TEST(Table, GroupsAreThoseOfThePolicy) {
  const std::set<std::string_view> without = {
      "iota",           "constant",         "cast",
      "logical_not",    "logical_and",      "logical_or",
      "assign",         "assign_add",       "apply_sgd",
      "apply_momentum", "apply_rmsprop",    "apply_adam",
      "apply_adamw",    "scale_loss",       "all_finite",
      "unscale",        "update_loss_scale"};
  for (const OpDef &def : allOps())
    EXPECT_EQ(hasGroup(def, {}), !without.count(def.name)) << def.name;

  const OpDef &oneHot = *findOp("one_hot");
  EXPECT_TRUE(hasGroup(oneHot, test::parseAttrs(oneHot, "depth=2 dtype=f16")));
  EXPECT_FALSE(hasGroup(oneHot, test::parseAttrs(oneHot, "depth=2 dtype=i32")));

  // The members, as g (in the group) and - (not), operands then results.
  const std::pair<std::string_view, std::string_view> members[] = {
      {"where", "-gg g"},
      {"equal", "gg -"},
      {"is_finite", "g -"},
      {"argmax", "g -"},
      {"gather", "g- g"},
      {"one_hot", "- g"},
      {"batch_norm", "g---- g--"},
      {"layer_norm", "g-- g"},
      {"rms_norm", "g-- g"},
      {"softmax_cross_entropy", "gg g"},
      {"sparse_softmax_cross_entropy", "g- g"},
      {"bias_add", "gg g"},
      {"matmul", "gg g"},
      {"batch_norm_grad", "gg---- g--"},
      {"layer_norm_grad", "gg-- g--"},
      {"conv2d_input_grad", "g-g g"},
      {"conv2d_filter_grad", "gg- g"},
      {"sparse_softmax_cross_entropy_grad", "gg- g"},
      {"reduce_sum_grad", "g- g"},
      {"relu_grad", "gg g"},
  };
  for (auto [name, expected] : members) {
    const OpDef &def = *findOp(name);
    std::string text;
    for (const OperandDef &operand : def.operands)
      text += operand.inGroup ? 'g' : '-';
    text += ' ';
    for (const ResultDef &result : def.results)
      text += result.inGroup ? 'g' : '-';
    EXPECT_EQ(text, expected) << name;
  }
}

std::string names(const OpDef &def, size_t count, std::string_view attrs) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    const OperandDef *operand =
        def.operand(i, count, test::parseAttrs(def, attrs));
    text += operand ? std::string(operand->name) + " " : "? ";
  }
  EXPECT_EQ(def.operand(count, count, {}), nullptr);
  return text;
}

TEST(Table, OptionalOperandsAreResolved) {
  const OpDef &rmsprop = *findOp("apply_rmsprop");
  EXPECT_EQ(names(rmsprop, 4, ""), "variable rms learning_rate gradient ");
  EXPECT_EQ(names(rmsprop, 5, ""),
            "variable rms learning_rate gradient condition ");
  EXPECT_EQ(names(rmsprop, 5, "centered=true"),
            "variable rms mg learning_rate gradient ");
  EXPECT_EQ(names(rmsprop, 5, "momentum=0.5"),
            "variable rms momentum learning_rate gradient ");
  EXPECT_EQ(names(rmsprop, 7, "momentum=0.5 centered=true"),
            "variable rms mg momentum learning_rate gradient condition ");
  EXPECT_EQ(names(rmsprop, 4, "centered=true"), "? ? ? ? ");
  EXPECT_EQ(names(rmsprop, 6, ""), "? ? ? ? ? ? ");
  EXPECT_EQ(rmsprop.minOperands(), 4u);
  EXPECT_EQ(rmsprop.maxOperands(), 7u);
  EXPECT_EQ(rmsprop.signature(test::parseAttrs(rmsprop, "momentum=0.5")),
            "(variable, rms, momentum, learning_rate, gradient[, condition])");

  // By count alone nothing but a slot is taken for a variable.
  for (std::string_view attrs :
       {"", "centered=true", "momentum=0.5", "centered=true momentum=0.5"})
    for (size_t count = 4; count <= 7; ++count)
      for (size_t i = 0; i < count; ++i) {
        const OperandDef *exact =
            rmsprop.operand(i, count, test::parseAttrs(rmsprop, attrs));
        const OperandDef *guess = rmsprop.operand(i, count);
        ASSERT_NE(guess, nullptr);
        EXPECT_TRUE(!exact || !guess->isVariable || exact->isVariable)
            << attrs << " " << count << " " << i;
      }

  const OpDef &addN = *findOp("add_n");
  EXPECT_EQ(names(addN, 3, ""), "values values values ");
  EXPECT_EQ(addN.operand(2, 3), &addN.operands[0]);
  EXPECT_EQ(addN.minOperands(), 1u);
  EXPECT_EQ(addN.maxOperands(), SIZE_MAX);

  const OpDef &matmul = *findOp("matmul");
  EXPECT_EQ(names(matmul, 2, ""), "a b ");
  EXPECT_EQ(names(matmul, 3, ""), "? ? ? ");
  EXPECT_EQ(matmul.operand(0, 1), nullptr);

  const OpDef &rmsNorm = *findOp("rms_norm");
  EXPECT_EQ(names(rmsNorm, 2, ""), "x scale ");
  EXPECT_EQ(names(rmsNorm, 3, ""), "x scale offset ");
  EXPECT_EQ(findOp("iota")->signature(), "()");
}

TEST(Table, ResultDefinitions) {
  const OpDef &batchNorm = *findOp("batch_norm");
  EXPECT_EQ(batchNorm.result(1).name, "batch_mean");
  const OpDef &split = *findOp("split");
  EXPECT_EQ(&split.result(0), &split.result(5));
}

} // namespace

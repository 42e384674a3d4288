//===- OpTest.cpp - Conformance: every op against its reference -----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Runs every case in every type: forward against the reference, backward
// against finite differences of it, each result bit for bit the same with 1, 2
// and 3 threads; and holds the list of cases against the op table.
//===----------------------------------------------------------------------===//

#include "../../../runtime/src/planner/Lowering.h"
#include "Reference.h"

#include <algorithm>
#include <numeric>

using namespace amprt;
using namespace amprt::test;

namespace {

std::vector<OpCase> allCases() {
  std::vector<OpCase> all;
  for (auto *family : {unaryCases, binaryCases, matrixCases, lossCases,
                       reductionCases, shapeCases, normCases, convCases})
    for (OpCase &c : family())
      all.push_back(std::move(c));
  return all;
}

class OpConformance : public Conformance {
protected:
  Tensor sample(const Operand &operand, DType tested);
  void compare(const Tensor &got, const Array &expected, const Array &condition,
               double roundings, double terms, double slack, DType tested,
               const std::string &what);
  std::vector<Tensor>
  runEverywhere(const std::string &op, const std::vector<Tensor> &inputs,
                const std::string &attrs, size_t results,
                std::vector<std::vector<Tensor>> *others = nullptr);
  void test(const std::vector<OpCase> &cases);
  void test(const OpCase &c, DType tested);
  void testBackward(const OpCase &c, const Backward &backward, DType tested,
                    const std::vector<Tensor> &inputs, const Arrays &arrays,
                    const std::vector<size_t> &floating, const Array &result);
};

Array arrayOf(const Tensor &tensor) {
  Array array{tensor.dims(), {}};
  for (int64_t i = 0; i < tensor.size(); ++i)
    array.values.push_back(tensor.dtype() == DType::Int64
                               ? Real(tensor.as<int64_t>()[i])
                               : Real(tensor.at(i)));
  return array;
}

std::string withType(std::string attrs, DType dtype) {
  const std::string mark = "$dtype";
  if (size_t at = attrs.find(mark); at != std::string::npos)
    attrs.replace(at, mark.size(), amp::dtypeName(dtype));
  return attrs;
}

std::string describeCase(const std::string &op, const std::string &attrs,
                         const std::vector<Tensor> &inputs) {
  std::string text = op + " {" + attrs + "}";
  for (const Tensor &input : inputs)
    text += " " + describe(input.dtype(), input.dims());
  return text + ", seed " + std::to_string(testSeed());
}

} // namespace

Tensor OpConformance::sample(const Operand &operand, DType tested) {
  DType dtype = tested;
  if (operand.kind == Kind::Params)
    dtype = tested == DType::Float64 ? tested : DType::Float32;
  else if (operand.kind == Kind::Int32)
    dtype = DType::Int32;
  else if (operand.kind == Kind::Int64)
    dtype = DType::Int64;
  else if (operand.kind == Kind::Bool)
    dtype = DType::Bool;
  double low = operand.low, high = operand.high;
  if (dtype == DType::Bool)
    low = 0, high = 2;
  if (dtype == DType::UInt8)
    low = std::max(low, 0.0);
  bool whole = operand.whole || !amp::isFloating(dtype);
  auto count = size_t(elementCount(operand.dims));
  std::vector<double> values(count);
  if (operand.distinct) {
    std::iota(values.begin(), values.end(),
              dtype == DType::UInt8 ? 0.0 : -double(count / 2));
    for (size_t i = count; i > 1; --i)
      std::swap(values[i - 1], values[random() % i]);
    if (!whole)
      for (double &value : values)
        value *= 0.05;
    return tensorOf(dtype, operand.dims, values);
  }
  for (double &value : values) {
    auto nearKink = [&] {
      return std::any_of(
          operand.kinks.begin(), operand.kinks.end(),
          [&](double kink) { return std::fabs(value - kink) < 0.05; });
    };
    do {
      value = low + (high - low) * double(random() >> 11) * 0x1p-53;
      if (whole)
        value = std::floor(value);
    } while (nearKink());
  }
  return tensorOf(dtype, operand.dims, values);
}

void OpConformance::compare(const Tensor &got, const Array &expected,
                            const Array &condition, double roundings,
                            double terms, double slack, DType tested,
                            const std::string &what) {
  ASSERT_EQ(got.dims(), expected.dims) << what;
  if (isNull())
    return;
  double u = computeRoundoff(tested), store = unitRoundoff(got.dtype());
  double step = smallestStep(got.dtype()) / 2;
  for (size_t i = 0; i < expected.size(); ++i) {
    double value = got.at(int64_t(i)), exact = double(expected[i]);
    if (std::isnan(exact)) {
      ASSERT_TRUE(std::isnan(value)) << what << ", element " << i;
      continue;
    }
    if (std::isinf(exact)) {
      ASSERT_EQ(value, exact) << what << ", element " << i;
      continue;
    }
    double size = std::fabs(exact);
    double spread = size + (condition.size() ? double(condition[i]) : 0);
    double compute =
        (roundings * u + terms * 0x1p-53) * spread + slack * (1 + spread);
    double bound = compute + store * (size + compute) + step;
    ASSERT_LE(std::fabs(value - exact), bound)
        << what << ", element " << i << ": " << value << ", expected " << exact
        << ", condition " << spread;
  }
}

/// oneDNN adds up a filter's gradient in as many parts as there are threads;
/// that is promised within the bound only.
static bool sumsByThreads(const std::string &op) {
  const std::string suffix = "_filter_grad";
  return op.size() > suffix.size() &&
         op.compare(op.size() - suffix.size(), suffix.size(), suffix) == 0;
}

std::vector<Tensor>
OpConformance::runEverywhere(const std::string &op,
                             const std::vector<Tensor> &inputs,
                             const std::string &attrs, size_t results,
                             std::vector<std::vector<Tensor>> *others) {
  std::vector<Tensor> first;
  for (int threads : {1, 2, 3}) {
    // Threads are the cpu device's; the others only do it again.
    if (threads == 3 && GetParam() != std::string("cpu"))
      break;
    std::vector<Tensor> got = run(op, inputs, attrs, results, threads);
    if (threads == 1) {
      first = std::move(got);
      continue;
    }
    EXPECT_EQ(got.size(), first.size());
    for (size_t i = 0; i < got.size() && i < first.size() && !sumsByThreads(op);
         ++i)
      EXPECT_TRUE(sameBytes(got[i], first[i]))
          << describeCase(op, attrs, inputs) << ": " << threads
          << " threads differ from 1";
    if (others)
      others->push_back(std::move(got));
  }
  return first;
}

void OpConformance::test(const OpCase &c, DType tested) {
  std::vector<Tensor> inputs;
  Arrays arrays;
  std::vector<size_t> floating;
  Dims all;
  for (const Operand &operand : c.operands) {
    if (amp::isFloating(tested) &&
        (operand.kind == Kind::Tested || operand.kind == Kind::Params))
      floating.push_back(inputs.size());
    inputs.push_back(sample(operand, tested));
    arrays.push_back(arrayOf(inputs.back()));
    all = broadcastDims(all, operand.dims);
  }
  if (c.elementwise)
    for (Array &array : arrays)
      array = broadcastTo(array, all);
  Arrays expected = c.reference(arrays), condition(expected.size());
  if (!isNull() && (c.roundings > 0 || c.terms > 0))
    condition = conditionOf(c, c.reference, arrays, floating);
  std::string attrs = withType(c.attrs, tested);
  std::string what = describeCase(c.op, attrs, inputs);
  std::vector<Tensor> got = runEverywhere(c.op, inputs, attrs, expected.size());
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    compare(got[i], expected[i], condition[i], c.roundings, c.terms, 0, tested,
            what);
  if (amp::isFloating(tested))
    for (const Backward &backward : c.backward)
      testBackward(c, backward, tested, inputs, arrays, floating, expected[0]);
}

void OpConformance::testBackward(const OpCase &c, const Backward &backward,
                                 DType tested,
                                 const std::vector<Tensor> &inputs,
                                 const Arrays &arrays,
                                 const std::vector<size_t> &floating,
                                 const Array &result) {
  Operand like;
  like.dims = result.dims;
  std::vector<Tensor> operands;
  operands.push_back(sample(like, tested));
  Array g = arrayOf(operands[0]);
  if (!backward.gradientAlone)
    for (const Tensor &input : inputs)
      operands.push_back(*input.clone());
  if (isNull()) {
    runEverywhere(backward.op, operands,
                  withType(backward.attrs.value_or(c.attrs), tested),
                  backward.of.size());
    return;
  }
  Arrays expected = gradientsOf(c, arrays, g, backward.of);
  // The gradient as a function of itself and the operands.
  Arrays together = arrays;
  together.insert(together.begin(), g);
  std::vector<size_t> perturb = {0};
  for (size_t k : floating)
    perturb.push_back(k + 1);
  Reference gradient = [&](const Arrays &given) {
    return gradientsOf(c, Arrays(given.begin() + 1, given.end()), given[0],
                       backward.of);
  };
  double roundings = backward.roundings.value_or(c.roundings);
  Arrays condition(expected.size());
  if (roundings > 0 || c.terms > 0)
    condition = conditionOf(c, gradient, together, perturb);
  std::string attrs = withType(backward.attrs.value_or(c.attrs), tested);
  std::string what = describeCase(backward.op, attrs, operands);
  std::vector<std::vector<Tensor>> runs;
  runs.push_back({});
  runs[0] = runEverywhere(backward.op, operands, attrs, expected.size(), &runs);
  // Finite differences are themselves this good.
  constexpr double slack = 1e-12;
  for (const std::vector<Tensor> &got : runs) {
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (size_t i = 0; i < got.size(); ++i)
      compare(got[i], expected[i], condition[i], roundings, c.terms, slack,
              tested, what);
  }
}

void OpConformance::test(const std::vector<OpCase> &cases) {
  for (const OpCase &c : cases)
    for (DType dtype : c.dtypes) {
      test(c, dtype);
      if (HasFatalFailure())
        break; // the next case may be fine
    }
}

namespace {

TEST_P(OpConformance, Unary) { test(unaryCases()); }
TEST_P(OpConformance, Binary) { test(binaryCases()); }
TEST_P(OpConformance, Matrix) { test(matrixCases()); }
TEST_P(OpConformance, Losses) { test(lossCases()); }
TEST_P(OpConformance, Reductions) { test(reductionCases()); }
TEST_P(OpConformance, Shapes) { test(shapeCases()); }
TEST_P(OpConformance, Convolutions) { test(convCases()); }
TEST_P(OpConformance, Normalisations) { test(normCases()); }

/// Sizes at which kernels share their work among threads.
struct LargeCase {
  const char *op, *attrs;
  std::vector<Operand> operands;
  size_t results = 1;
};

Operand params(int64_t size) { return {{size}, 0.5, 2, Kind::Params}; }

Operand indices(int64_t count, double size) {
  return {{count}, 0, size, Kind::Int32};
}

TEST_P(OpConformance, SameAtAnyNumberOfThreads) {
  const Dims wide = {300, 257}, deep = {7, 129, 65};
  const LargeCase cases[] = {
      {"gelu", "", {{wide}}},
      {"gelu_grad", "", {{wide}, {wide}}},
      {"add", "", {{wide}, {{257}}}},
      {"matmul", "", {{{130, 200}}, {{200, 140}}}},
      {"matmul", "\"transpose_a\": true", {{{200, 130}}, {{200, 140}}}},
      {"bias_add_grad", "", {{wide}}},
      {"reduce_sum", "", {{{70000}}}},
      {"reduce_sum", "\"axes\": [0]", {{deep}}},
      {"reduce_mean", "\"axes\": [1]", {{deep}}},
      {"reduce_prod", "\"axes\": [2]", {{deep}}},
      {"reduce_max_grad", "\"axes\": [1]", {{{7, 65}}, {deep}}},
      {"reduce_prod_grad", "\"axes\": [2]", {{{7, 129}}, {deep}}},
      {"reduce_mean_grad", "\"axes\": [0]", {{{129, 65}}, {deep}}},
      {"softmax", "", {{wide}}},
      {"softmax_grad", "\"axis\": 0", {{wide}, {wide}}},
      {"log_softmax_grad", "", {{wide}, {wide}}},
      {"softmax_cross_entropy", "", {{wide}, {wide}}},
      {"sparse_softmax_cross_entropy", "", {{wide}, indices(300, 257)}},
      {"sparse_softmax_cross_entropy_grad",
       "",
       {{{}}, {wide}, indices(300, 257)}},
      {"sigmoid_cross_entropy", "", {{wide}, {wide}}},
      {"mean_squared_error", "", {{wide}, {wide}}},
      {"argmax", "\"axis\": 1", {{deep}}},
      {"cumsum", "\"axis\": 1", {{deep}}},
      {"cumsum", "\"axis\": 2", {{deep}}},
      {"cumsum_grad", "\"axis\": 0", {{wide}, {wide}}},
      {"transpose", "\"perm\": [2, 0, 1]", {{deep}}},
      {"slice",
       "\"begin\": [0, 1, 2], \"end\": [7, 129, null], \"strides\": [1, 1, 1]",
       {{deep}}},
      {"pad", "\"paddings\": [[1, 0], [2, 3], [0, 4]]", {{deep}}},
      {"concat", "\"axis\": 1", {{deep}, {deep}}},
      {"split", "\"axis\": 1, \"sizes\": [100, 29]", {{deep}}, 2},
      {"gather", "", {{{90, 257}}, indices(300, 90)}},
      {"gather_grad", "", {{wide}, {{90, 257}}, indices(300, 90)}},
      {"gather_grad", "\"axis\": 1", {{wide}, {{300, 20}}, indices(257, 20)}},
      {"conv2d", "", {{{3, 28, 28, 16}}, {{3, 3, 16, 24}}}},
      {"conv2d_input_grad",
       "",
       {{{3, 28, 28, 24}}, {{3, 28, 28, 16}}, {{3, 3, 16, 24}}}},
      {"conv2d_filter_grad",
       "",
       {{{3, 28, 28, 24}}, {{3, 28, 28, 16}}, {{3, 3, 16, 24}}}},
      {"depthwise_conv2d", "", {{{3, 28, 28, 16}}, {{3, 3, 16, 1}}}},
      {"conv2d_transpose",
       "\"strides\": 2",
       {{{3, 14, 14, 16}}, {{3, 3, 16, 24}}}},
      {"layer_norm", "", {{wide}, params(257), params(257)}},
      {"rms_norm", "", {{wide}, params(257)}},
      {"layer_norm_grad", "", {{wide}, {wide}, params(257), params(257)}, 3},
      {"batch_norm",
       "\"training\": true",
       {{wide}, params(257), params(257), params(257), params(257)},
       3},
      {"batch_norm_grad",
       "\"training\": true, \"layout\": \"NCHW\"",
       {{deep}, {deep}, params(129), params(129), params(129), params(129)},
       3},
      {"batch_norm_grad",
       "\"training\": true",
       {{deep}, {deep}, params(65), params(65), params(65), params(65)},
       3},
      {"max_pool2d",
       "\"window\": 3, \"strides\": 2, \"padding\": \"same\"",
       {{{2, 61, 33, 17}}}},
      {"max_pool2d_grad",
       "\"window\": 3, \"strides\": 1, \"padding\": \"same\"",
       {{{2, 61, 33, 17}}, {{2, 61, 33, 17}}}},
      {"avg_pool2d_grad",
       "\"window\": 2, \"strides\": 1, \"padding\": \"same\"",
       {{{2, 61, 33, 17}}, {{2, 61, 33, 17}}}},
      {"dropout", "\"rate\": 0.25, \"seed\": 7, \"training\": true", {{wide}}},
  };
  for (const LargeCase &c : cases)
    for (DType dtype : kFloats) {
      std::vector<Tensor> inputs;
      for (const Operand &operand : c.operands)
        inputs.push_back(sample(operand, dtype));
      runEverywhere(c.op, inputs, c.attrs, c.results);
    }
}

AMP_CONFORMANCE_DEVICES(OpConformance);

TEST(ConformanceSuite, EveryOpOfTheTableHasACase) {
  std::set<std::string> covered = Covers::all();
  for (const OpCase &c : allCases()) {
    covered.insert(c.op);
    for (const Backward &backward : c.backward)
      covered.insert(backward.op);
  }
  for (const amp::OpDef &def : amp::allOps())
    EXPECT_TRUE(covered.count(std::string(def.name)))
        << def.name << " has no conformance case";
  for (const std::string &op : covered)
    EXPECT_TRUE(amp::findOp(op) && planner::loweringTable().count(op)) << op;
}

} // namespace

//===- TensorTest.cpp - Conformance: products, reductions, losses *- C++
//-*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Ops that combine elements, against float64, with odd, empty and single sizes.
//===----------------------------------------------------------------------===//

#include "Conformance.h"

#include <algorithm>
#include <numeric>

using namespace amprt;
using namespace amprt::test;

namespace {

template <typename... Tensors> std::vector<Tensor> list(Tensors... tensors) {
  std::vector<Tensor> result;
  (result.push_back(std::move(tensors)), ...);
  return result;
}

class TensorConformance : public Conformance {};

TEST_P(TensorConformance, Matmul) {
  struct Sizes {
    int64_t m, n, k;
  };
  for (DType dtype : kFloats)
    for (Sizes s :
         {Sizes{7, 5, 13}, Sizes{1, 1, 1}, Sizes{33, 70, 129},
          Sizes{1, 300, 17}, Sizes{0, 3, 2}, Sizes{3, 0, 2}, Sizes{3, 2, 0}})
      for (int transposes = 0; transposes < 4; ++transposes) {
        bool ta = transposes & 1, tb = transposes & 2;
        Tensor a =
            randomTensor(dtype, ta ? Dims{s.k, s.m} : Dims{s.m, s.k}, random);
        Tensor b =
            randomTensor(dtype, tb ? Dims{s.n, s.k} : Dims{s.k, s.n}, random);
        std::vector<double> expected, magnitude;
        for (int64_t i = 0; i < s.m; ++i)
          for (int64_t j = 0; j < s.n; ++j) {
            double sum = 0, size = 0;
            for (int64_t l = 0; l < s.k; ++l) {
              double term = a.at(ta ? l * s.m + i : i * s.k + l) *
                            b.at(tb ? j * s.k + l : l * s.n + j);
              sum += term;
              size += std::fabs(term);
            }
            expected.push_back(sum);
            magnitude.push_back(size);
          }
        double u = computeRoundoff(dtype);
        expectNear(
            run("matmul", list(std::move(a), std::move(b)),
                std::string("\"transpose_a\": ") + (ta ? "true" : "false") +
                    ", \"transpose_b\": " + (tb ? "true" : "false")),
            expected, [&](size_t i) { return double(s.k) * u * magnitude[i]; },
            "matmul");
      }
}

TEST_P(TensorConformance, MatmulOfBatches) {
  struct Case {
    Dims a, b, batch;
    bool ta, tb;
  };
  for (const Case &c : {Case{{2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3}, false, false},
                        Case{{4, 2, 3}, {3, 5}, {4}, false, false},
                        Case{{4, 3, 2}, {3, 5}, {4}, true, false},
                        Case{{2, 3}, {4, 5, 3}, {4}, false, true},
                        Case{{2, 1, 2, 3}, {4, 3, 2}, {2, 4}, false, false},
                        Case{{0, 2, 3}, {0, 3, 2}, {0}, false, false}}) {
    Tensor a = randomTensor(DType::Float32, c.a, random);
    Tensor b = randomTensor(DType::Float32, c.b, random);
    int64_t rowsA = c.a[c.a.size() - 2], columnsA = c.a.back();
    int64_t rowsB = c.b[c.b.size() - 2], columnsB = c.b.back();
    int64_t m = c.ta ? columnsA : rowsA, k = c.ta ? rowsA : columnsA;
    int64_t n = c.tb ? rowsB : columnsB;
    auto matrixOf = [&](int64_t number, const Dims &dims) {
      int64_t index = 0, stride = 1;
      for (size_t d = 0; d < c.batch.size(); ++d) {
        int64_t size = c.batch[c.batch.size() - 1 - d];
        int64_t at = number % size;
        number /= size;
        if (d + 2 >= dims.size())
          continue;
        int64_t own = dims[dims.size() - 3 - d];
        index += (own == 1 ? 0 : at) * stride;
        stride *= own;
      }
      return index;
    };
    std::vector<double> expected;
    for (int64_t p = 0; p < elementCount(c.batch); ++p) {
      int64_t baseA = matrixOf(p, c.a) * rowsA * columnsA;
      int64_t baseB = matrixOf(p, c.b) * rowsB * columnsB;
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t l = 0; l < k; ++l)
            sum += a.at(baseA + (c.ta ? l * m + i : i * k + l)) *
                   b.at(baseB + (c.tb ? j * k + l : l * n + j));
          expected.push_back(sum);
        }
    }
    expectNear(
        run("matmul", list(std::move(a), std::move(b)),
            std::string("\"transpose_a\": ") + (c.ta ? "true" : "false") +
                ", \"transpose_b\": " + (c.tb ? "true" : "false")),
        expected, [&](size_t) { return double(k) * 4 * k * 0x1p-24; },
        "matmul of batches");
  }
}

TEST_P(TensorConformance, Bias) {
  for (DType dtype : kFloats) {
    for (const Dims &dims :
         {Dims{5, 9}, Dims{2, 3, 4}, Dims{0, 4}, Dims{1, 1}}) {
      Tensor x = randomTensor(dtype, dims, random);
      Tensor b = randomTensor(dtype, {dims.back()}, random);
      std::vector<double> expected = values(x);
      for (size_t i = 0; i < expected.size(); ++i)
        expected[i] += b.at(int64_t(i) % dims.back());
      expectNear(run("bias_add", list(std::move(x), std::move(b))), expected,
                 nullptr, "bias_add");
    }
    Tensor x = randomTensor(dtype, {2, 3, 4}, random);
    Tensor b = randomTensor(dtype, {3}, random);
    std::vector<double> expected = values(x);
    for (size_t i = 0; i < expected.size(); ++i)
      expected[i] += b.at(int64_t(i) / 4 % 3);
    expectNear(run("bias_add", list(*x.clone(), std::move(b)), "\"axis\": 1"),
               expected, nullptr, "bias_add along axis 1");
    std::vector<double> sums(3, 0), last(4, 0);
    for (int64_t i = 0; i < 24; ++i) {
      sums[size_t(i / 4 % 3)] += x.at(i);
      last[size_t(i % 4)] += x.at(i);
    }
    expectNear(
        run("bias_add_grad", list(*x.clone()), "\"axis\": 1"), sums,
        [](size_t) { return 0x1p-48; }, "bias_add_grad");
    expectNear(
        run("bias_add_grad", list(std::move(x))), last,
        [](size_t) { return 0x1p-48; }, "bias_add_grad");
  }
}

TEST_P(TensorConformance, LongSumsStayAccurate) {
  // 0.1 summed 100,000 times in float32 order would be off by 1e-2.
  Tensor x =
      tensorOf(DType::Float32, {50000, 2}, std::vector<double>(100000, 0.1));
  double tenth = double(0.1f);
  expectNear(
      run("reduce_sum", list(*x.clone())), {100000 * tenth},
      [](size_t) { return 1e-7; }, "reduce_sum");
  expectNear(
      run("bias_add_grad", list(*x.clone())), {50000 * tenth, 50000 * tenth},
      [](size_t) { return 1e-7; }, "bias_add_grad");
}

TEST_P(TensorConformance, Reductions) {
  struct Reduction {
    const char *op;
    double start;
    double (*combine)(double, double);
  };
  const Reduction reductions[] = {
      {"reduce_sum", 0, [](double a, double b) { return a + b; }},
      {"reduce_mean", 0, [](double a, double b) { return a + b; }},
      {"reduce_max", -INFINITY,
       [](double a, double b) { return std::max(a, b); }},
      {"reduce_min", INFINITY,
       [](double a, double b) { return std::min(a, b); }},
      {"reduce_prod", 1, [](double a, double b) { return a * b; }},
  };
  std::vector<DType> types = kFloats;
  types.push_back(DType::Int32);
  types.push_back(DType::Int64);
  Dims dims = {3, 4, 5, 2};
  for (const Reduction &r : reductions)
    for (DType dtype : types)
      for (int mask = 1; mask <= 16; ++mask) {
        if (!amp::isFloating(dtype) && std::string(r.op) == "reduce_mean")
          continue;
        Tensor x = randomTensor(dtype, dims, random, -1.5, 1.5);
        std::string axes;
        for (int d = 0; d < 4; ++d)
          if (mask >> d & 1)
            axes += (axes.empty() ? "" : ", ") +
                    std::to_string(d % 2 ? d - 4 : d); // both ways to count
        int64_t kept = 1;
        for (int d = 0; d < 4; ++d)
          kept *= mask == 16 || (mask >> d & 1) ? 1 : dims[size_t(d)];
        std::vector<double> expected(size_t(kept), r.start);
        double terms = double(x.size() / kept);
        for (int64_t i = 0; i < x.size(); ++i) {
          int64_t index = 0, rest = i;
          std::vector<int64_t> at(4);
          for (size_t d = 4; d-- > 0;) {
            at[d] = rest % dims[d];
            rest /= dims[d];
          }
          for (size_t d = 0; d < 4; ++d)
            if (mask != 16 && !(mask >> d & 1))
              index = index * dims[d] + at[d];
          double &total = expected[size_t(index)];
          total = r.combine(total, x.at(i));
        }
        if (std::string(r.op) == "reduce_mean")
          for (double &value : expected)
            value /= terms;
        std::string attrs =
            mask == 16 ? "" : "\"axes\": [" + axes + "], \"keep_dims\": true";
        expectNear(
            run(r.op, list(std::move(x)), attrs), expected,
            [&](size_t i) {
              return 120 * 0x1p-53 * (1 + std::fabs(expected[i])) *
                     (amp::isFloating(dtype) ? 1 : 0);
            },
            std::string(r.op) + " " + attrs);
      }
}

TEST_P(TensorConformance, ReductionsOfNothing) {
  Tensor x = tensorOf(DType::Float32, {0, 2}, {});
  expectExactly(run("reduce_sum", list(*x.clone()), "\"axes\": [0]"), {0, 0},
                "sum of nothing");
  if (!isNull())
    expectExactly(run("reduce_mean", list(*x.clone()), "\"axes\": [0]"),
                  {std::nan(""), std::nan("")}, "mean of nothing");
  expectExactly(run("reduce_sum", list(*x.clone()), "\"axes\": [1]"), {},
                "no sums");
}

TEST_P(TensorConformance, SumTo) {
  Tensor x = randomTensor(DType::Float32, {2, 3, 4}, random);
  std::vector<double> rows(3, 0), all = values(x);
  for (size_t i = 0; i < all.size(); ++i)
    rows[i / 4 % 3] += all[i];
  expectNear(
      run("sum_to", list(*x.clone()), "\"shape\": [3, 1]"), rows,
      [](size_t) { return 0x1p-48; }, "sum_to");
  expectExactly(run("sum_to", list(*x.clone()), "\"shape\": [2, 3, 4]"), all,
                "sum_to the same");
}

TEST_P(TensorConformance, ShapeOps) {
  std::vector<DType> types = kFloats;
  types.insert(types.end(), kInts.begin(), kInts.end());
  for (DType dtype : types) {
    Tensor x = randomTensor(dtype, {2, 3, 4}, random, 0, 9);
    std::vector<double> plain = values(x), moved;
    for (int64_t c = 0; c < 4; ++c)
      for (int64_t a = 0; a < 2; ++a)
        for (int64_t b = 0; b < 3; ++b)
          moved.push_back(plain[size_t((a * 3 + b) * 4 + c)]);
    expectExactly(run("transpose", list(*x.clone()), "\"perm\": [2, 0, 1]"),
                  moved, "transpose");
    expectExactly(run("reshape", list(*x.clone()), "\"shape\": [4, -1]"), plain,
                  "reshape");
    expectExactly(run("expand_dims", list(*x.clone()), "\"axis\": 1"), plain,
                  "expand_dims");
    Tensor one = randomTensor(dtype, {2, 1, 3}, random, 0, 9);
    std::vector<double> flat = values(one), wide;
    for (size_t i = 0; i < 6; ++i)
      for (int j = 0; j < 2; ++j)
        wide.push_back(flat[i / 3 * 3 + i % 3]);
    expectExactly(run("squeeze", list(*one.clone()), "\"axes\": [1]"), flat,
                  "squeeze");
    std::vector<double> repeated;
    for (size_t a = 0; a < 2; ++a)
      for (int j = 0; j < 2; ++j)
        for (size_t b = 0; b < 3; ++b)
          repeated.push_back(flat[a * 3 + b]);
    expectExactly(
        run("broadcast_to", list(*one.clone()), "\"shape\": [2, 2, 3]"),
        repeated, "broadcast_to");
    std::vector<double> best;
    for (size_t row = 0; row < 6; ++row)
      best.push_back(
          double(std::max_element(plain.begin() + long(row) * 4,
                                  plain.begin() + long(row) * 4 + 4) -
                 (plain.begin() + long(row) * 4)));
    expectExactly(run("argmax", list(*x.clone()), "\"axis\": -1"), best,
                  "argmax");
  }
  expectExactly(
      run("constant", {},
          "\"dtype\": \"float16\", \"shape\": [2], \"value\": [0.1, 3]"),
      isNull() ? std::vector<double>{0, 0}
               : std::vector<double>{0.0999755859375, 3},
      "constant");
  expectExactly(
      run("constant", {}, "\"dtype\": \"int64\", \"shape\": [2], \"value\": 7"),
      {7, 7}, "constant");
}

TEST_P(TensorConformance, Softmax) {
  for (DType dtype : kFloats)
    for (int axis : {0, 1, 2}) {
      Dims dims = {3, 5, 4};
      Tensor x = randomTensor(dtype, dims, random, -6, 6);
      int64_t size = dims[size_t(axis)], inner = axis == 0   ? 20
                                                 : axis == 1 ? 4
                                                             : 1;
      std::vector<double> soft, logs;
      for (int64_t i = 0; i < 60; ++i) {
        int64_t base = i / (size * inner) * size * inner + i % inner;
        double sum = 0;
        for (int64_t j = 0; j < size; ++j)
          sum += std::exp(x.at(base + j * inner));
        soft.push_back(std::exp(x.at(i)) / sum);
        logs.push_back(x.at(i) - std::log(sum));
      }
      double u = computeRoundoff(dtype);
      std::string attrs = "\"axis\": " + std::to_string(axis);
      expectNear(
          run("softmax", list(*x.clone()), attrs), soft,
          [&](size_t i) { return 20 * u * soft[i]; }, "softmax");
      expectNear(
          run("log_softmax", list(*x.clone()), attrs), logs,
          [&](size_t) { return 30 * u; }, "log_softmax");
    }
  // Large logits neither overflow nor lose the smaller ones.
  Tensor large = tensorOf(DType::Float32, {3}, {1000, 1001, 999});
  double sum = std::exp(-1) + 1 + std::exp(-2);
  expectNear(
      run("softmax", list(std::move(large))),
      {std::exp(-1) / sum, 1 / sum, std::exp(-2) / sum},
      [](size_t) { return 1e-6; }, "softmax of large logits");
}

TEST_P(TensorConformance, CrossEntropies) {
  for (DType dtype : kFloats)
    for (const char *reduction : {"mean", "sum", "none"}) {
      constexpr int64_t rows = 7, classes = 5;
      Tensor logits = randomTensor(dtype, {rows, classes}, random, -4, 4);
      Tensor probabilities = randomTensor(dtype, {rows, classes}, random, 0, 1);
      std::vector<double> labels;
      for (int64_t i = 0; i < rows; ++i)
        labels.push_back(double(random() % classes));
      bool perRow = reduction == std::string("none");
      double factor = reduction == std::string("mean") ? 1.0 / rows : 1;
      Tensor gradient =
          randomTensor(dtype, perRow ? Dims{rows} : Dims{}, random);
      std::vector<double> sparse, dense, sparseGrad, denseGrad;
      for (int64_t i = 0; i < rows; ++i) {
        double sum = 0, weight = 0, loss = 0;
        for (int64_t j = 0; j < classes; ++j) {
          sum += std::exp(logits.at(i * classes + j));
          weight += probabilities.at(i * classes + j);
        }
        double g = gradient.at(perRow ? i : 0) * factor;
        for (int64_t j = 0; j < classes; ++j) {
          double x = logits.at(i * classes + j);
          double p = probabilities.at(i * classes + j);
          loss += p * (std::log(sum) - x);
          double soft = std::exp(x) / sum;
          sparseGrad.push_back(
              g * (soft - double(j == int64_t(labels[size_t(i)]))));
          denseGrad.push_back(g * (soft * weight - p));
        }
        sparse.push_back(std::log(sum) -
                         logits.at(i * classes + int64_t(labels[size_t(i)])));
        dense.push_back(loss);
      }
      auto reduced = [&](const std::vector<double> &list) {
        if (perRow)
          return list;
        return std::vector<double>{
            factor * std::accumulate(list.begin(), list.end(), 0.0)};
      };
      std::string attrs = std::string("\"reduction\": \"") + reduction + "\"";
      // A row's loss is at most 10, seven of them are summed.
      double bound = 200 * computeRoundoff(dtype);
      auto near = [&](size_t) { return bound; };
      Tensor classesOf = tensorOf(DType::Int32, {rows}, labels);
      Tensor wide = tensorOf(DType::Int64, {rows}, labels);
      expectNear(run("sparse_softmax_cross_entropy",
                     list(*logits.clone(), *classesOf.clone()), attrs),
                 reduced(sparse), near, "sparse loss");
      expectNear(run("sparse_softmax_cross_entropy",
                     list(*logits.clone(), *wide.clone()), attrs),
                 reduced(sparse), near, "sparse loss, int64 labels");
      expectNear(run("softmax_cross_entropy",
                     list(*logits.clone(), *probabilities.clone()), attrs),
                 reduced(dense), near, "dense loss");
      expectNear(run("sparse_softmax_cross_entropy_grad",
                     list(*gradient.clone(), *logits.clone(), *wide.clone()),
                     attrs),
                 sparseGrad, near, "sparse gradient");
      expectNear(
          run("softmax_cross_entropy_grad",
              list(*gradient.clone(), *logits.clone(), *probabilities.clone()),
              attrs),
          denseGrad, near, "dense gradient");
    }
}

TEST_P(TensorConformance, MeanSquaredError) {
  for (DType dtype : kFloats)
    for (const char *reduction : {"mean", "sum", "none"}) {
      Tensor p = randomTensor(dtype, {3, 4}, random);
      Tensor t = randomTensor(dtype, {3, 4}, random);
      bool each = reduction == std::string("none");
      double factor = reduction == std::string("mean") ? 1.0 / 12 : 1;
      Tensor g = randomTensor(dtype, each ? Dims{3, 4} : Dims{}, random);
      std::vector<double> squares, gradient;
      double sum = 0;
      for (int64_t i = 0; i < 12; ++i) {
        double d = p.at(i) - t.at(i);
        squares.push_back(d * d);
        sum += d * d;
        gradient.push_back(2 * d * factor * g.at(each ? i : 0));
      }
      // The squares are stored in the type before they are summed.
      double u = std::max(unitRoundoff(dtype), computeRoundoff(dtype));
      std::string attrs = std::string("\"reduction\": \"") + reduction + "\"";
      expectNear(
          run("mean_squared_error", list(*p.clone(), *t.clone()), attrs),
          each ? squares : std::vector<double>{sum * factor},
          [&](size_t i) { return 4 * u * (each ? squares[i] : sum * factor); },
          "mean_squared_error");
      expectNear(
          run("mean_squared_error_grad",
              list(*g.clone(), *p.clone(), *t.clone()), attrs),
          gradient, [&](size_t) { return 40 * computeRoundoff(dtype); },
          "mean_squared_error_grad");
    }
}

TEST_P(TensorConformance, LossScaleOps) {
  Tensor g = randomTensor(DType::Float32, {5, 3}, random);
  Tensor scale = tensorOf(DType::Float32, {}, {1024});
  std::vector<double> up = values(g), down = values(g);
  for (size_t i = 0; i < up.size(); ++i) {
    up[i] *= 1024;
    down[i] /= 1024;
  }
  expectExactly(run("scale_loss", list(*g.clone(), *scale.clone())), up,
                "scale_loss");
  expectExactly(run("unscale", list(*g.clone(), *scale.clone())), down,
                "unscale");
  // By a scale that is no power of two it is g · (1 / s), not g / s.
  Tensor odd = tensorOf(DType::Float32, {}, {3});
  std::vector<double> third;
  for (double x : values(g))
    third.push_back(double(float(x) * (1.0f / 3.0f)));
  auto got = run("unscale", list(*g.clone(), std::move(odd)));
  EXPECT_EQ(values(got[0]), isNull() ? std::vector<double>(15, 0) : third);
  for (double poison : {double(INFINITY), -double(INFINITY), std::nan("")})
    for (int64_t at : {0, 99999}) {
      Tensor big =
          tensorOf(DType::Float32, {100000}, std::vector<double>(100000, 3e38));
      Tensor fine = tensorOf(DType::Float32, {2}, {1e-45, -3.4e38});
      expectExactly(run("all_finite", list(*fine.clone(), *big.clone())),
                    {isNull() ? 0.0 : 1.0}, "all_finite");
      big.set(at, poison);
      expectExactly(run("all_finite", list(*fine.clone(), std::move(big))), {0},
                    "all_finite");
    }
  std::vector<Tensor> state = run(
      "update_loss_scale",
      list(tensorOf(DType::Float32, {}, {8}), tensorOf(DType::Int32, {}, {2}),
           tensorOf(DType::Int32, {}, {0}), tensorOf(DType::Bool, {}, {1})),
      "\"growth_steps\": 3, \"growth\": 2.0, \"backoff\": 0.5, \"min\": 1.0, "
      "\"max\": 100.0, \"decrease_every\": 1",
      3);
  if (!isNull()) {
    EXPECT_EQ(state[0].at(0), 16);
    EXPECT_EQ(state[1].at(0), 0);
    EXPECT_EQ(state[2].at(0), 0);
  }
}

AMP_CONFORMANCE_DEVICES(TensorConformance);

} // namespace

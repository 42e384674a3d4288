//===- AttentionTest.cpp - Softmax between two products -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Random attention graphs, forward and backward as amp-opt writes them. The
// numbers are held against a plain computation in double, with a bound that
// follows from the float32 operations between q and the results; that
// computation against the same graph in float64, which is never fused.
//===----------------------------------------------------------------------===//

#ifdef AMPRT_EMULATED_DEVICE
#include "Conformance/Conformance.h"
#endif
#include "Support.h"
#include "amprt/Planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace amprt;
using namespace amprt::test;

namespace {

#ifdef AMPRT_EMULATED_DEVICE
bool isDry() { return conformanceIsDry(); }
/// Kernels of the cuda device, which round probabilities and their gradients to
/// the type of the tiles.
constexpr bool kIsGpu = true;
SessionOptions optionsFor(int) {
  SessionOptions options;
  options.openWith = conformanceCuda();
  return options;
}
#else
constexpr bool isDry() { return false; }
constexpr bool kIsGpu = false;
SessionOptions optionsFor(int threads) {
  SessionOptions options;
  options.threads = threads;
  return options;
}
#endif

struct Attention {
  DType type = DType::Float32;
  int64_t batch = 2, heads = 2; ///< heads 0: three dimensions
  int64_t m = 5, n = 7, k = 4, size = 3;
  /// none, causal, where (a condition from outside), add
  std::string mask = "none";
  std::string fill = "\"-inf\"";
  std::string scale = "mul"; ///< or div, none
  bool transposesK = false;  ///< with an op, in place of the attribute
  bool splitsHeads = false; ///< q, k, v and g come as [batch, rows, heads, …]
  bool gradient = true;
  bool maskOfKeys = false;  ///< the mask has no rows
  bool wholeCounts = false; ///< the causal mask compares whole matrices
};

std::string describe(const Attention &a) {
  return std::string(amp::dtypeName(a.type)) + " batch " +
         std::to_string(a.batch) + " heads " + std::to_string(a.heads) + " m " +
         std::to_string(a.m) + " n " + std::to_string(a.n) + " k " +
         std::to_string(a.k) + " size " + std::to_string(a.size) + " mask " +
         a.mask + " " + a.fill + (a.maskOfKeys ? " of keys" : "") + " scale " +
         a.scale + (a.transposesK ? " transposed" : "") +
         (a.splitsHeads ? " split" : "") + (a.gradient ? " gradient" : "") +
         " seed " + std::to_string(testSeed());
}

std::string text(const Dims &dims) {
  std::string result;
  for (int64_t size : dims)
    result += (result.empty() ? "[" : ", ") + std::to_string(size);
  return result + "]";
}

Dims dimsOf(const Attention &a, int64_t rows, int64_t columns) {
  if (!a.heads)
    return {a.batch, rows, columns};
  if (a.splitsHeads)
    return {a.batch, rows, a.heads, columns};
  return {a.batch, a.heads, rows, columns};
}

Dims maskDims(const Attention &a) {
  Dims dims = {a.maskOfKeys ? 1 : a.m, a.n};
  if (a.heads)
    dims.insert(dims.begin(), 1);
  dims.insert(dims.begin(), a.maskOfKeys ? a.batch : 1);
  return dims;
}

double scaleOf(const Attention &a) { return a.scale == "none" ? 1 : 0.3; }

std::string graphOf(const Attention &a) {
  std::string low(amp::dtypeName(a.type));
  std::string wide = a.type == DType::Float64 ? "float64" : "float32";
  bool casts = low != wide;
  std::string inputs, nodes;
  auto input = [&](const std::string &name, const std::string &dtype,
                   const Dims &dims) {
    inputs += (inputs.empty() ? "" : ", ") + ("{\"name\": \"" + name) +
              "\", \"dtype\": \"" + dtype + "\", \"shape\": " + text(dims) +
              "}";
  };
  auto node = [&](const std::string &name, const std::string &op,
                  const std::string &operands, const std::string &attrs = "") {
    std::string list;
    for (size_t at = 0; at < operands.size();) {
      size_t end = std::min(operands.find(' ', at), operands.size());
      list +=
          (list.empty() ? "\"" : ", \"") + operands.substr(at, end - at) + "\"";
      at = end + 1;
    }
    nodes += (nodes.empty() ? "" : ",\n") + ("{\"name\": \"" + name) +
             "\", \"op\": \"" + op + "\", \"inputs\": [" + list + "]" +
             (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") + "}";
    return name;
  };
  auto cast = [&](const std::string &value, const std::string &to) {
    return casts
               ? node(value + "_" + to, "cast", value, "\"to\": \"" + to + "\"")
               : value;
  };
  std::string perm = "\"perm\": [0, 2, 1, 3]";
  auto heads = [&](const std::string &name) {
    return a.splitsHeads ? node(name + "_heads", "transpose", name, perm)
                         : name;
  };
  input("q", low, dimsOf(a, a.m, a.k));
  input("k", low, dimsOf(a, a.n, a.k));
  input("v", low, dimsOf(a, a.n, a.size));
  if (a.gradient)
    input("g", low, dimsOf(a, a.m, a.size));
  std::string q = heads("q"), k = heads("k"), v = heads("v");
  std::string swap = a.heads ? "\"perm\": [0, 1, 3, 2]" : "\"perm\": [0, 2, 1]";
  if (a.transposesK)
    k = node("kt", "transpose", k, swap);
  std::string x =
      node("scores", "matmul", q + " " + k,
           a.transposesK ? "\"transpose_a\": false" : "\"transpose_b\": true");
  x = cast(x, wide);
  auto constant = [&](const std::string &name, const std::string &value) {
    node(name, "constant", "",
         "\"dtype\": \"" + wide + "\", \"shape\": [], \"value\": " + value);
  };
  if (a.scale != "none") {
    constant("scale", a.scale == "mul" ? "0.3" : "3.3333333333333335");
    x = node("scaled", a.scale, x + " scale");
  }
  if (a.mask == "causal") {
    std::string columns = a.wholeCounts ? std::to_string(a.n) : "1";
    node("rows", "iota", "",
         "\"shape\": [" + std::to_string(a.m) + ", " + columns +
             "], \"axis\": 0, \"dtype\": \"int32\"");
    std::string rows = a.wholeCounts ? std::to_string(a.m) : "1";
    node("columns", "iota", "",
         "\"shape\": [" + rows + ", " + std::to_string(a.n) +
             "], \"axis\": 1, \"dtype\": \"int32\"");
    node("keep", "greater_equal", "rows columns");
  }
  if (a.mask == "where")
    input("keep", "bool", maskDims(a));
  if (a.mask == "causal" || a.mask == "where") {
    constant("fill", a.fill);
    x = node("masked", "where", "keep " + x + " fill");
  }
  if (a.mask == "add") {
    input("bias", wide, maskDims(a));
    x = node("masked", "add", x + " bias");
  }
  std::string p = cast(node("p", "softmax", x), low);
  std::string out = node("out", "matmul", p + " " + v);
  if (a.splitsHeads)
    out = node("out_rows", "transpose", "out", perm);
  std::string outputs = "\"" + out + "\"";
  if (a.gradient) {
    std::string g = heads("g");
    auto output = [&](const std::string &value) {
      std::string result = value;
      if (a.splitsHeads)
        result = node(value + "_rows", "transpose", value, perm);
      outputs += ", \"" + result + "\"";
    };
    node("dp", "matmul", g + " " + v, "\"transpose_b\": true");
    node("dv", "matmul", p + " " + g, "\"transpose_a\": true");
    std::string dx = node("dx", "softmax_grad", cast("dp", wide) + " " + x);
    if (a.mask == "causal" || a.mask == "where") {
      constant("zero", "0");
      dx = node("dmasked", "where", "keep " + dx + " zero");
    }
    if (a.scale != "none")
      dx = node("dscaled", a.scale, dx + " scale");
    dx = cast(dx, low);
    node("dq", "matmul", dx + " " + k,
         a.transposesK ? "\"transpose_b\": true" : "\"transpose_b\": false");
    if (a.transposesK) {
      node("dkt", "matmul", q + " " + dx, "\"transpose_a\": true");
      node("dk", "transpose", "dkt", swap);
    } else {
      node("dk", "matmul", dx + " " + q, "\"transpose_a\": true");
    }
    output("dq");
    output("dk");
    output("dv");
  }
  return oneFunction("", inputs, nodes, outputs);
}

using Values = std::vector<double>;

struct Inputs {
  std::vector<Tensor> tensors;
  std::vector<std::string> names;
  std::vector<NamedTensor> named() const {
    std::vector<NamedTensor> result;
    for (size_t i = 0; i < tensors.size(); ++i)
      result.push_back({names[i], &tensors[i]});
    return result;
  }
  void add(std::string name, Tensor tensor) {
    names.push_back(std::move(name));
    tensors.push_back(std::move(tensor));
  }
  Values of(const std::string &name) const {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name)
        return values(tensors[i]);
    return {};
  }
};

Inputs randomInputs(const Attention &a, std::mt19937_64 &random) {
  Inputs inputs;
  inputs.add("q", randomTensor(a.type, dimsOf(a, a.m, a.k), random));
  inputs.add("k", randomTensor(a.type, dimsOf(a, a.n, a.k), random));
  inputs.add("v", randomTensor(a.type, dimsOf(a, a.n, a.size), random));
  if (a.gradient)
    inputs.add("g", randomTensor(a.type, dimsOf(a, a.m, a.size), random));
  Dims dims = maskDims(a);
  DType wide = a.type == DType::Float64 ? a.type : DType::Float32;
  if (a.mask == "add") {
    Tensor bias = randomTensor(wide, dims, random);
    for (int64_t i = 0; i < bias.size(); ++i)
      if (random() % 3 == 0)
        bias.set(i, -INFINITY);
    inputs.add("bias", std::move(bias));
  }
  if (a.mask == "where") {
    Values keep;
    for (int64_t i = 0; i < elementCount(dims); ++i)
      keep.push_back(double(random() % 3 != 0));
    inputs.add("keep", tensorOf(DType::Bool, dims, keep));
  }
  return inputs;
}

/// out, and the gradients of q, k and v, each with its bounds.
struct Expected {
  Values value, bound;
};
std::vector<Expected> expectedOf(const Attention &a, const Inputs &inputs) {
  constexpr double u = 0x1p-24, inf = INFINITY;
  const double tile = !kIsGpu                      ? 0
                      : a.type == DType::Float16    ? 0x1p-11
                      : a.type == DType::BFloat16   ? 0x1p-8
                      : a.type == DType::Float32    ? u
                                                    : 0;
  const double least = kIsGpu && a.type == DType::Float16 ? 0x1p-25 : 0;
  Values q = inputs.of("q"), k = inputs.of("k"), v = inputs.of("v"),
         g = inputs.of("g"), bias = inputs.of("bias"), keep = inputs.of("keep");
  double fill = a.fill == "\"-inf\"" ? -inf : std::stod(a.fill);
  double scale = scaleOf(a);
  auto m = size_t(a.m), n = size_t(a.n), depth = size_t(a.k),
       size = size_t(a.size), heads = size_t(std::max<int64_t>(a.heads, 1));
  std::vector<Expected> results(a.gradient ? 4 : 1);
  for (auto [i, from] : {std::pair{0, m * size},
                         {1, m * depth},
                         {2, n * depth},
                         {3, n * size}}) {
    if (size_t(i) >= results.size())
      break;
    results[size_t(i)].value.assign(size_t(a.batch) * heads * from, 0);
    results[size_t(i)].bound = results[size_t(i)].value;
  }
  for (size_t b = 0; b < size_t(a.batch); ++b)
    for (size_t h = 0; h < heads; ++h) {
      auto at = [&](size_t row, size_t rows, size_t column, size_t columns) {
        if (a.splitsHeads)
          return ((b * rows + row) * heads + h) * columns + column;
        return ((b * heads + h) * rows + row) * columns + column;
      };
      auto maskAt = [&](size_t i, size_t j) {
        return a.maskOfKeys ? b * n + j : i * n + j;
      };
      for (size_t i = 0; i < m; ++i) {
        Values x(n), es(n), p(n), dp(n), edp(n), passes(n, 1);
        double largest = -inf;
        for (size_t j = 0; j < n; ++j) {
          double sum = 0, terms = 0;
          for (size_t l = 0; l < depth; ++l) {
            double term = q[at(i, m, l, depth)] * k[at(j, n, l, depth)];
            sum += term;
            terms += std::fabs(term);
          }
          x[j] = sum * scale;
          es[j] = double(depth + 4) * u * terms * scale;
          bool isKept = a.mask == "causal"  ? i >= j
                        : a.mask == "where" ? keep[maskAt(i, j)] != 0
                                            : true;
          if (!isKept)
            x[j] = fill, es[j] = passes[j] = 0;
          if (a.mask == "add") {
            x[j] += bias[maskAt(i, j)];
            es[j] = std::isinf(x[j]) ? 0 : es[j] + u * std::fabs(x[j]);
          }
          largest = std::max(largest, x[j]);
        }
        double sum = 0, shift = 0;
        for (size_t j = 0; j < n; ++j) {
          p[j] = std::exp(x[j] - largest);
          sum += p[j];
        }
        // The subtraction of the largest, exp, the sum and the division; sums
        // have 32 terms and 16 lanes.
        for (size_t j = 0; j < n; ++j) {
          p[j] /= sum;
          es[j] += u * (p[j] == 0 ? 0 : std::fabs(x[j] - largest));
          shift += p[j] * (p[j] == 0 ? 0 : es[j]);
        }
        auto ep = [&](size_t j) {
          return p[j] * (es[j] + shift + 64 * u) + 1e-37;
        };
        for (size_t c = 0; c < size; ++c) {
          double value = 0, bound = 0;
          for (size_t j = 0; j < n; ++j) {
            double other = v[at(j, n, c, size)];
            value += p[j] * other;
            bound += (ep(j) + double(n + 2) * u * p[j] + tile * p[j] + least) *
                     std::fabs(other);
          }
          results[0].value[at(i, m, c, size)] = value;
          results[0].bound[at(i, m, c, size)] = bound;
        }
        if (!a.gradient)
          continue;
        double mean = 0, emean = 0;
        for (size_t j = 0; j < n; ++j) {
          double terms = 0;
          for (size_t c = 0; c < size; ++c) {
            double term = g[at(i, m, c, size)] * v[at(j, n, c, size)];
            dp[j] += term;
            terms += std::fabs(term);
          }
          edp[j] = double(size + 1) * u * terms;
          mean += p[j] * dp[j];
          emean += ep(j) * std::fabs(dp[j]) + p[j] * edp[j] +
                   40 * u * p[j] * std::fabs(dp[j]);
        }
        for (size_t c = 0; c < size; ++c) // out is read as it was stored
          emean += (tile + (kIsGpu ? double(size + 2) * u : 0)) *
                   std::fabs(g[at(i, m, c, size)] *
                             results[0].value[at(i, m, c, size)]);
        for (size_t j = 0; j < n; ++j) {
          double ds = p[j] * (dp[j] - mean);
          double eds = ep(j) * (std::fabs(dp[j]) + std::fabs(mean)) +
                       p[j] * (edp[j] + emean) + (3 * u + tile) * std::fabs(ds) +
                       least;
          if (passes[j] == 0)
            ds = eds = 0; // NaN too
          for (size_t l = 0; l < depth; ++l) {
            double ofKey = k[at(j, n, l, depth)] * scale;
            double ofQuery = q[at(i, m, l, depth)] * scale;
            size_t toQ = at(i, m, l, depth), toK = at(j, n, l, depth);
            results[1].value[toQ] += ds * ofKey;
            results[1].bound[toQ] +=
                (eds + double(n + 3) * u * std::fabs(ds)) * std::fabs(ofKey);
            results[2].value[toK] += ds * ofQuery;
            results[2].bound[toK] +=
                (eds + double(m + 3) * u * std::fabs(ds)) * std::fabs(ofQuery);
          }
          for (size_t c = 0; c < size; ++c) {
            double other = g[at(i, m, c, size)];
            size_t to = at(j, n, c, size);
            results[3].value[to] += p[j] * other;
            results[3].bound[to] +=
                (ep(j) + double(m + 2) * u * p[j] + tile * p[j] + least) *
                std::fabs(other);
          }
        }
      }
    }
  return results;
}

double roundoffOf(DType type) {
  return type == DType::Float16    ? 0x1p-11
         : type == DType::BFloat16 ? 0x1p-8
                                   : 0x1p-24;
}

size_t count(const Program &program, Kernel kernel) {
  return size_t(
      std::count_if(program.steps.begin(), program.steps.end(),
                    [&](const Step &step) { return step.kernel == kernel; }));
}

/// That the plan has the fused steps and no score matrix.
void expectFused(const Attention &a, const Program &program) {
  EXPECT_EQ(count(program, Kernel::Attention), 1u) << toString(program);
  EXPECT_EQ(count(program, Kernel::AttentionGrad), a.gradient ? 1u : 0u)
      << toString(program);
  for (Kernel kernel : {Kernel::Matmul, Kernel::Softmax, Kernel::SoftmaxGrad,
                        Kernel::Transpose})
    EXPECT_EQ(count(program, kernel), 0u) << toString(program);
}

void expectAttention(const Attention &a) {
  SCOPED_TRACE(describe(a));
  std::mt19937_64 random(testSeed());
  Inputs inputs = randomInputs(a, random);
  std::vector<Expected> expected = expectedOf(a, inputs);
  double store = roundoffOf(a.type);
  std::vector<Tensor> first;
  for (int threads : {1, 2, 3}) {
    if (kIsGpu && threads > 2)
      break;
    auto session = openSession(graphOf(a), optionsFor(threads));
    ASSERT_TRUE(session);
    auto plan = session->plan("f", {});
    ASSERT_TRUE(plan.ok()) << plan.status().toString();
    expectFused(a, **plan);
    auto got = session->run("f", inputs.named());
    ASSERT_TRUE(got.ok()) << got.status().toString();
    if (!first.empty()) {
      for (size_t i = 0; i < first.size(); ++i)
        EXPECT_TRUE(sameBytes(first[i], (*got)[i]))
            << "result " << i << " with " << threads << " threads";
      continue;
    }
    first = *std::move(got);
    ASSERT_EQ(first.size(), expected.size());
    for (size_t i = 0; i < first.size(); ++i)
      for (size_t j = 0; j < expected[i].value.size(); ++j) {
        double value = expected[i].value[j], found = first[i].at(int64_t(j));
        if (std::isnan(value)) {
          ASSERT_TRUE(std::isnan(found)) << "result " << i << " at " << j;
          continue;
        }
        double bound = expected[i].bound[j];
        bound += store * (std::fabs(value) + bound) + 0x1p-25;
        ASSERT_NEAR(found, value, bound) << "result " << i << " at " << j;
      }
  }
}

/// The same graph in float64 is what the reference says.
void expectReference(Attention a) {
  a.type = DType::Float64;
  SCOPED_TRACE(describe(a));
  std::mt19937_64 random(testSeed());
  Inputs inputs = randomInputs(a, random);
  std::vector<Expected> expected = expectedOf(a, inputs);
  auto session = openSession(graphOf(a));
  ASSERT_TRUE(session);
  auto plan = session->plan("f", {});
  ASSERT_TRUE(plan.ok()) << plan.status().toString();
  EXPECT_EQ(count(**plan, Kernel::Attention), 0u);
  auto got = session->run("f", inputs.named());
  ASSERT_TRUE(got.ok()) << got.status().toString();
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t j = 0; j < expected[i].value.size(); ++j) {
      double value = expected[i].value[j], found = (*got)[i].at(int64_t(j));
      if (std::isnan(value))
        ASSERT_TRUE(std::isnan(found)) << "result " << i << " at " << j;
      else
        ASSERT_NEAR(found, value, 1e-11 * (1 + std::fabs(value)))
            << "result " << i << " at " << j;
    }
}

TEST(Attention, MatchesFloat64InEveryForm) {
  std::mt19937_64 random(testSeed());
  auto pick = [&](auto list) {
    return *(list.begin() + long(random() % list.size()));
  };
  using Sizes = std::initializer_list<int64_t>;
  using Texts = std::initializer_list<const char *>;
  for (int round = 0; round < (kIsGpu ? 24 : 40); ++round) {
    Attention a;
    a.type = pick(std::initializer_list<DType>{DType::Float32, DType::Float16,
                                               DType::BFloat16});
    a.batch = pick(Sizes{1, 2, 3, 17});
    a.heads = pick(Sizes{0, 1, 2, 3});
    a.m = pick(Sizes{1, 3, 17, 64, 65, 130});
    a.n = random() % 2 ? a.m : pick(Sizes{1, 3, 18, 63, 64, 129, 600});
    a.k = pick(Sizes{1, 4, 8, 33});
    a.size = pick(Sizes{1, 4, 8, 31});
    if (kIsGpu) { // threads of the host take long
      a.batch = std::min<int64_t>(a.batch, 2);
      a.n = std::min<int64_t>(a.n, 129);
      a.k = pick(Sizes{1, 16, 33, 64});
      a.size = pick(Sizes{3, 16, 64});
      if (a.type != DType::Float32 && round % 4 == 0)
        a.k = 100;
    }
    a.mask = pick(Texts{"none", "causal", "where", "add"});
    a.fill = pick(Texts{"\"-inf\"", "-1e9", "-3"});
    a.scale = pick(Texts{"mul", "div", "none"});
    a.transposesK = random() % 2;
    a.splitsHeads = a.heads && random() % 2;
    a.gradient = random() % 3 != 0;
    a.maskOfKeys = random() % 2;
    a.wholeCounts = random() % 2;
    expectReference(a);
    expectAttention(a);
    if (HasFatalFailure() && !isDry())
      return;
  }
}

/// Rows whose every key is masked: with a finite number the mean of v, with
/// infinity NaN, as softmax itself.
TEST(Attention, RowsWithoutKeys) {
  for (const char *fill : {"-1e9", "\"-inf\""})
    for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
      Attention a;
      a.type = type;
      a.mask = "where";
      a.fill = fill;
      a.m = 70;
      std::mt19937_64 random(testSeed());
      Inputs inputs = randomInputs(a, random);
      Tensor &keep = inputs.tensors.back();
      for (int64_t row : {0, 3, 69})
        for (int64_t j = 0; j < a.n; ++j)
          keep.set(row * a.n + j, 0);
      std::vector<Expected> expected = expectedOf(a, inputs);
      auto session = openSession(graphOf(a), optionsFor(0));
      ASSERT_TRUE(session);
      auto got = session->run("f", inputs.named());
      ASSERT_TRUE(got.ok()) << got.status().toString();
      for (size_t j = 0; j < expected[0].value.size(); ++j) {
        double value = expected[0].value[j];
        if (std::isnan(value))
          EXPECT_TRUE(std::isnan((*got)[0].at(int64_t(j)))) << j;
        else
          EXPECT_NEAR((*got)[0].at(int64_t(j)), value,
                      2 * roundoffOf(type) * std::fabs(value) + 1e-5 +
                          (kIsGpu ? expected[0].bound[j] : 0))
              << j;
      }
    }
}

/// A causal mask with a number that the scores come near to counts.
TEST(Attention, CausalMaskThatIsNotFarBelow) {
  Attention a;
  a.mask = "causal";
  a.m = a.n = 150;
  for (const char *fill : {"-2", "-60", "-110", "40"}) {
    a.fill = fill;
    expectAttention(a);
  }
}

TEST(Attention, CausalIsSeenAndPrinted) {
  Attention a;
  a.mask = "causal";
  a.m = a.n = 9;
  for (const char *device : {"cpu", "h200", "null"}) {
    auto file = readGraph(graphOf(a));
    ASSERT_TRUE(file);
    DeviceTraits traits = *DeviceTraits::find(device);
    traits.fusesAttention = true;
    auto plan = planFunction(*file, 0, {}, traits);
    ASSERT_TRUE(plan.ok()) << plan.status().toString();
    expectFused(a, *plan);
    std::string dump = toString(*plan);
    EXPECT_NE(dump.find("attention out batch=[2, 2] queries=9 keys=9 depth=4 "
                        "values=3 causal=-inf score=where($3, mul($0, 0.3"),
              std::string::npos)
        << dump;
    EXPECT_NE(dump.find("back="), std::string::npos) << dump;
    a.wholeCounts = true; // for the next device
  }
  a.n = 12; // more keys than queries: the first ones
  auto file = readGraph(graphOf(a));
  auto plan = planFunction(*file, 0, {}, DeviceTraits::cpu());
  ASSERT_TRUE(plan.ok());
  for (const Step &step : plan->steps)
    if (step.kernel == Kernel::Attention) {
      EXPECT_TRUE(step.params.causal);
    }
}

/// A mask that lets a later key through is not causal.
/// A plan for a GPU has no step that the cuda device could not run: its kernels
/// have room for rows of 256 bytes.
TEST(Attention, LongRowsStayApartOnGpus) {
  for (auto [type, k, size, fused] :
       {std::tuple(DType::Float16, 128, 3, 1u), {DType::Float16, 129, 3, 0u},
        {DType::BFloat16, 3, 136, 0u},         {DType::Float32, 64, 64, 1u},
        {DType::Float32, 64, 65, 0u}}) {
    Attention a;
    a.type = type;
    a.k = k;
    a.size = size;
    auto file = readGraph(graphOf(a));
    ASSERT_TRUE(file);
    for (const char *device : {"h200", "cpu"}) {
      auto plan = planFunction(*file, 0, {}, *DeviceTraits::find(device));
      ASSERT_TRUE(plan.ok()) << plan.status().toString();
      const bool isGpu = device == std::string("h200");
      for (Kernel kernel : {Kernel::Attention, Kernel::AttentionGrad})
        EXPECT_EQ(count(*plan, kernel), isGpu ? fused : 1u)
            << describe(a) << " for " << device;
    }
  }
}

TEST(Attention, OtherMasksAreNotCausal) {
  for (const char *op : {"less_equal", "greater", "greater_equal", "less"}) {
    Attention a;
    a.mask = "causal";
    a.m = a.n = 9;
    std::string graph = graphOf(a);
    size_t at = graph.find("greater_equal");
    graph.replace(at, std::string("greater_equal").size(), op);
    auto file = readGraph(graph);
    ASSERT_TRUE(file);
    auto plan = planFunction(*file, 0, {}, DeviceTraits::cpu());
    ASSERT_TRUE(plan.ok());
    for (const Step &step : plan->steps)
      if (step.kernel == Kernel::Attention) {
        EXPECT_EQ(step.params.causal, op[0] == 'g') << op;
      }
  }
}

std::string withOutput(std::string graph, const std::string &name) {
  size_t at = graph.find("\"outputs\": [");
  EXPECT_NE(at, std::string::npos);
  return graph.insert(at + 12, "\"" + name + "\", ");
}

TEST(Attention, KeepsWhatSomebodyElseReads) {
  Attention a;
  a.mask = "where";
  for (bool gradient : {false, true})
    for (const char *name : {"scores", "scaled", "masked", "p", "dp", "dx",
                             "dmasked", "dscaled"}) {
      if (!gradient && name[0] == 'd')
        continue;
      a.gradient = gradient;
      auto file = readGraph(withOutput(graphOf(a), name));
      ASSERT_TRUE(file);
      auto plan = planFunction(*file, 0, {}, DeviceTraits::cpu());
      ASSERT_TRUE(plan.ok());
      EXPECT_EQ(count(*plan, Kernel::Attention), 0u) << name;
      EXPECT_EQ(count(*plan, Kernel::AttentionGrad), 0u) << name;
    }
  DeviceTraits traits = DeviceTraits::cpu();
  auto file = readGraph(graphOf(a));
  for (bool fuse : {false, true}) {
    traits.fuse = fuse;
    traits.fusesAttention = !fuse;
    auto plan = planFunction(*file, 0, {}, traits);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(count(*plan, Kernel::Attention), 0u);
    EXPECT_EQ(count(*plan, Kernel::Softmax), 1u);
  }
}

/// The scores are the largest values by far, and are gone.
TEST(Attention, PeakHasNoScores) {
  for (DType type : {DType::Float32, DType::Float16, DType::BFloat16}) {
    Attention a;
    a.type = type;
    a.batch = 4;
    a.heads = 8;
    a.m = a.n = 256;
    a.k = a.size = 32;
    a.mask = "causal";
    a.splitsHeads = true;
    auto file = readGraph(graphOf(a));
    ASSERT_TRUE(file);
    size_t peaks[2];
    for (bool fuses : {false, true}) {
      DeviceTraits traits = DeviceTraits::cpu();
      traits.fusesAttention = fuses;
      auto plan = planFunction(*file, 0, {}, traits);
      ASSERT_TRUE(plan.ok());
      peaks[fuses] = plan->totals.peakLive;
    }
    size_t scores = size_t(4 * 8 * 256 * 256) * 4;
    EXPECT_GT(peaks[0], 2 * scores);
    EXPECT_LT(peaks[1], scores / 20);
  }
}

} // namespace

//===- ShapeCases.cpp - What reductions and moves mean --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reductions over every set of axes, and the ops that move elements.
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>

using namespace amprt;
using namespace amprt::test;

namespace {

using Combine = Real (*)(Real, Real);

/// The elements of `x` that fall together over `axes`, combined.
Arrays reduce(const Array &x, const std::vector<bool> &axes, bool keep,
              Real start, Combine combine, bool mean) {
  Dims kept = x.dims, shape;
  Real terms = 1;
  for (size_t d = 0; d < kept.size(); ++d) {
    if (axes[d]) {
      terms *= Real(kept[d]);
      kept[d] = 1;
    }
    if (!axes[d] || keep)
      shape.push_back(kept[d]);
  }
  Array y = Array::zeros(kept);
  std::fill(y.values.begin(), y.values.end(), start);
  int64_t n = 0;
  forEachIndex(x.dims, [&](const Dims &index) {
    Real &total = y[flatIndex(kept, index)];
    total = combine(total, x[n++]);
  });
  if (mean)
    for (Real &value : y.values)
      value /= terms;
  y.dims = shape;
  return {y};
}

struct Reduction {
  const char *op;
  Real start;
  Combine combine;
  double roundings, backward;
};
const Reduction kReductions[] = {
    {"reduce_sum", 0, [](Real a, Real b) { return a + b; }, 1, 0},
    {"reduce_mean", 0, [](Real a, Real b) { return a + b; }, 1, 1},
    {"reduce_max", -INFINITY, [](Real a, Real b) { return std::max(a, b); }, 0,
     0},
    {"reduce_min", INFINITY, [](Real a, Real b) { return std::min(a, b); }, 0,
     0},
    {"reduce_prod", 1, [](Real a, Real b) { return a * b; }, 1, 2},
};

std::string intList(const std::vector<int64_t> &values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "[" + text + "]";
}

std::vector<DType> floatsAndIntegers() {
  std::vector<DType> types = kFloats;
  types.insert(types.end(), kInts.begin(), kInts.end());
  return types;
}
std::vector<DType> everyType() {
  std::vector<DType> types = floatsAndIntegers();
  types.push_back(DType::Bool);
  return types;
}

/// A case that moves elements: exact, in every type.
OpCase move(std::string op, std::string attrs, std::vector<Operand> operands,
            Reference reference, std::vector<DType> dtypes = everyType()) {
  OpCase c{std::move(op), std::move(attrs), std::move(operands),
           std::move(reference)};
  c.dtypes = std::move(dtypes);
  c.multilinear = true;
  return c;
}

/// y[index] = x[from(index)], or `fill` where `from` gives nothing.
using Source = std::function<std::optional<Dims>(const Dims &index)>;
Reference moved(Dims dims, Source from, Real fill = 0) {
  return [=](const Arrays &in) {
    Array y{dims, {}};
    forEachIndex(dims, [&](const Dims &index) {
      auto at = from(index);
      y.values.push_back(at ? in[0][flatIndex(in[0].dims, *at)] : fill);
    });
    return Arrays{y};
  };
}

Reference reshaped(Dims dims) {
  return [dims](const Arrays &in) { return Arrays{Array{dims, in[0].values}}; };
}

void addReductions(std::vector<OpCase> &cases) {
  for (const Reduction &r : kReductions)
    for (const Dims &dims :
         {Dims{3, 4, 2}, Dims{5, 7}, Dims{1, 1}, Dims{0, 3}, Dims{4}, Dims{}})
      for (size_t mask = 1; mask <= size_t(1) << dims.size(); ++mask) {
        // The last round: no attribute, all axes.
        bool all = mask == size_t(1) << dims.size(), keep = mask % 2 == 0;
        std::vector<bool> axes(dims.size());
        std::vector<int64_t> list;
        bool nothing = false;
        double terms = 1;
        for (size_t d = 0; d < dims.size(); ++d) {
          axes[d] = all || (mask >> d & 1);
          if (!axes[d])
            continue;
          terms *= double(dims[d]);
          nothing |= dims[d] == 0;
          // Both ways to count.
          list.push_back(int64_t(d) - (d % 2 ? int64_t(dims.size()) : 0));
        }
        std::string attrs = all ? "" : "\"axes\": " + intList(list) + ", ";
        attrs += std::string("\"keep_dims\": ") + (keep ? "true" : "false");
        bool mean = r.op == std::string("reduce_mean");
        OpCase c{r.op,
                 attrs,
                 {{dims, -1.5, 1.5}},
                 [=](const Arrays &in) {
                   return reduce(in[0], axes, keep, r.start, r.combine, mean);
                 },
                 r.roundings};
        c.operands[0].distinct = r.roundings == 0;
        c.terms = r.roundings == 0 ? 0 : terms;
        // What the largest of no integers is, is not said.
        if (!mean && !nothing)
          c.dtypes = floatsAndIntegers();
        c.backward.push_back({c.op + "_grad"});
        c.backward[0].roundings = r.backward;
        cases.push_back(std::move(c));
      }
  for (const Dims &dims :
       {Dims{7}, Dims{3, 5}, Dims{2, 3, 4}, Dims{1, 1}, Dims{0, 2}})
    for (int64_t axis = -1; axis < int64_t(dims.size()); ++axis) {
      size_t at = axisOf(axis, dims);
      std::string attrs = "\"axis\": " + std::to_string(axis);
      OpCase c{"cumsum",
               attrs,
               {{dims, -2, 3}},
               [at](const Arrays &in) {
                 Array y = in[0];
                 Rows rows(y.dims, at);
                 for (int64_t row = 0; row < rows.count(); ++row)
                   for (int64_t i = 1; i < rows.size; ++i)
                     y[rows.at(row, i)] += y[rows.at(row, i - 1)];
                 return Arrays{y};
               },
               1};
      c.terms = double(dims[at]);
      c.multilinear = true;
      c.dtypes = floatsAndIntegers();
      c.backward.push_back({"cumsum_grad"});
      cases.push_back(std::move(c));
      if (dims[at] == 0)
        continue; // there is no largest
      OpCase largest{"argmax", attrs, {{dims}}, [at](const Arrays &in) {
                       const Array &x = in[0];
                       Rows rows(x.dims, at);
                       Dims kept = x.dims;
                       kept.erase(kept.begin() + long(at));
                       Array y = Array::zeros(kept);
                       for (int64_t row = 0; row < rows.count(); ++row) {
                         int64_t best = 0;
                         for (int64_t i = 1; i < rows.size; ++i)
                           if (x[rows.at(row, i)] > x[rows.at(row, best)])
                             best = i;
                         y[row] = Real(best);
                       }
                       return Arrays{y};
                     }};
      largest.operands[0].whole = axis % 2 == 0; // with equal elements
      largest.dtypes = floatsAndIntegers();
      cases.push_back(std::move(largest));
    }
}

void addViews(std::vector<OpCase> &cases) {
  auto add = [&](const char *op, const std::string &attrs, const Dims &from,
                 const Dims &to) {
    cases.push_back(move(op, attrs, {{from}}, reshaped(to)));
    if (op == std::string("reshape"))
      cases.back().backward.push_back({"reshape_grad", {0}, ""});
  };
  add("reshape", "\"shape\": [4, -1]", {2, 3, 4}, {4, 6});
  add("reshape", "\"shape\": []", {1, 1}, {});
  add("reshape", "\"shape\": [3, 0, 5]", {0, 2}, {3, 0, 5});
  add("expand_dims", "\"axis\": 1", {2, 3}, {2, 1, 3});
  add("expand_dims", "\"axis\": -1", {2, 3}, {2, 3, 1});
  add("expand_dims", "\"axis\": 0", {}, {1});
  add("squeeze", "\"axes\": [1, -1]", {2, 1, 3, 1}, {2, 3});
  add("squeeze", "\"axes\": 0", {1, 0}, {0});
  struct Broadcast {
    Dims from, to;
  };
  for (const Broadcast &b :
       {Broadcast{{2, 1, 3}, {2, 2, 3}}, Broadcast{{3, 1}, {2, 3, 4}},
        Broadcast{{}, {5}}, Broadcast{{1}, {0}}, Broadcast{{4}, {4}},
        Broadcast{{2, 3}, {2, 3}}}) {
    OpCase c = move("broadcast_to", "\"shape\": " + intList(b.to), {{b.from}},
                    [to = b.to](const Arrays &in) {
                      return Arrays{broadcastTo(in[0], to)};
                    });
    c.backward.push_back({"sum_to", {0}, "\"shape\": " + intList(b.from)});
    c.backward[0].gradientAlone = true;
    c.backward[0].roundings = 1;
    cases.push_back(std::move(c));
  }
}

void addParts(std::vector<OpCase> &cases) {
  cases.push_back(move("transpose", "\"perm\": [2, 0, 1]", {{{2, 3, 4}}},
                       moved({4, 2, 3}, [](const Dims &i) {
                         return Dims{i[1], i[2], i[0]};
                       })));
  cases.push_back(move("transpose", "\"perm\": [-1, 0]", {{{5, 1}}},
                       moved({1, 5}, [](const Dims &i) {
                         return Dims{i[1], i[0]};
                       })));
  cases.push_back(move("transpose", "\"perm\": [1, 0]", {{{0, 3}}},
                       moved({3, 0}, [](const Dims &i) {
                         return Dims{i[1], i[0]};
                       })));
  cases.push_back(move("transpose", "\"perm\": []", {{{}}}, reshaped({})));

  struct Slice {
    Dims from, begin;
    std::string end;
    Dims strides, to;
  };
  for (const Slice &s :
       {Slice{{5, 7}, {1, 2}, "[4, null]", {1, 1}, {3, 5}},
        Slice{{5, 7}, {0, 1}, "[5, 7]", {2, 3}, {3, 2}},
        Slice{{2, 3, 4}, {1, 0, 3}, "[2, 3, 4]", {1, 1, 1}, {1, 3, 1}},
        Slice{{4}, {2}, "[2]", {1}, {0}},
        Slice{{0, 2}, {0, 1}, "[0, 2]", {1, 1}, {0, 1}},
        Slice{{1}, {0}, "[null]", {5}, {1}}, Slice{{}, {}, "[]", {}, {}}}) {
    std::string attrs =
        "\"begin\": " + intList(s.begin) + ", \"end\": " + s.end +
        (s.strides.empty() ? std::string()
                           : ", \"strides\": " + intList(s.strides));
    OpCase c = move("slice", attrs, {{s.from}}, moved(s.to, [s](const Dims &i) {
                      Dims at = i;
                      for (size_t d = 0; d < at.size(); ++d)
                        at[d] = s.begin[d] + i[d] * s.strides[d];
                      return at;
                    }));
    c.backward.push_back({"slice_grad"});
    cases.push_back(std::move(c));
  }
  struct Pad {
    Dims from, to;
    std::string paddings;
    Dims before;
    double value;
  };
  for (const Pad &p :
       {Pad{{2, 3}, {5, 3}, "[[1, 2], [0, 0]]", {1, 0}, 0},
        Pad{{2, 3}, {2, 7}, "[[0, 0], [3, 1]]", {0, 3}, 7},
        Pad{{0, 2}, {3, 4}, "[[1, 2], [1, 1]]", {1, 1}, 2.5},
        Pad{{1}, {1}, "[[0, 0]]", {0}, 1}, Pad{{}, {}, "[]", {}, 1}}) {
    std::string attrs = "\"paddings\": " + p.paddings;
    std::string value = p.value == 2.5 ? "2.5" : std::to_string(int(p.value));
    OpCase c = move("pad", attrs + ", \"value\": " + value, {{p.from}},
                    moved(
                        p.to,
                        [p](const Dims &i) -> std::optional<Dims> {
                          Dims at = i;
                          for (size_t d = 0; d < at.size(); ++d) {
                            at[d] -= p.before[d];
                            if (at[d] < 0 || at[d] >= p.from[d])
                              return std::nullopt;
                          }
                          return at;
                        },
                        p.value),
                    p.value == 2.5 ? kFloats : floatsAndIntegers());
    c.backward.push_back({"pad_grad", {0}, attrs});
    cases.push_back(std::move(c));
  }
}

/// Parts along an axis, joined.
Arrays join(const Arrays &in, size_t axis) {
  Dims dims = in[0].dims;
  for (size_t k = 1; k < in.size(); ++k)
    dims[axis] += in[k].dims[axis];
  Array y{dims, {}};
  forEachIndex(dims, [&](const Dims &index) {
    Dims at = index;
    size_t part = 0;
    while (at[axis] >= in[part].dims[axis])
      at[axis] -= in[part++].dims[axis];
    y.values.push_back(in[part][flatIndex(in[part].dims, at)]);
  });
  return {y};
}

void addJoints(std::vector<OpCase> &cases) {
  struct Joint {
    std::vector<Dims> parts;
    int64_t axis;
  };
  for (const Joint &j :
       {Joint{{{2, 3}, {2, 1}, {2, 4}}, 1}, Joint{{{2, 3}, {5, 3}}, 0},
        Joint{{{4}}, -1}, Joint{{{0, 2}, {0, 3}}, -1},
        Joint{{{2, 0, 3}, {2, 2, 3}}, 1}, Joint{{{1, 1}, {1, 1}}, 0}}) {
    std::vector<Operand> operands;
    std::vector<size_t> all;
    Dims whole = j.parts[0], sizes;
    size_t axis = axisOf(j.axis, whole);
    whole[axis] = 0;
    for (const Dims &part : j.parts) {
      all.push_back(operands.size());
      operands.push_back({part});
      whole[axis] += part[axis];
      sizes.push_back(part[axis]);
    }
    std::string attrs = "\"axis\": " + std::to_string(j.axis);
    OpCase c = move("concat", attrs, operands,
                    [axis](const Arrays &in) { return join(in, axis); });
    c.backward.push_back({"concat_grad", all});
    cases.push_back(std::move(c));
    cases.push_back(move("split", attrs + ", \"sizes\": " + intList(sizes),
                         {{whole}}, [=](const Arrays &in) {
                           Arrays parts;
                           int64_t first = 0;
                           for (size_t k = 0; k < sizes.size(); ++k) {
                             Dims dims = in[0].dims;
                             dims[axis] = sizes[k];
                             Array part{dims, {}};
                             forEachIndex(dims, [&](const Dims &index) {
                               Dims at = index;
                               at[axis] += first;
                               part.values.push_back(
                                   in[0][flatIndex(in[0].dims, at)]);
                             });
                             first += sizes[k];
                             parts.push_back(std::move(part));
                           }
                           return parts;
                         }));
  }
  for (int64_t axis : {0, 1, -1}) {
    Dims one = {3, 1};
    size_t at = axis < 0 ? 2 : size_t(axis);
    cases.push_back(move("stack", "\"axis\": " + std::to_string(axis),
                         {{{3, 2}}, {{3, 2}}, {{3, 2}}},
                         [at](const Arrays &in) {
                           Arrays parts = in;
                           for (Array &part : parts)
                             part.dims.insert(part.dims.begin() + long(at), 1);
                           return join(parts, at);
                         }));
  }
  cases.push_back(
      move("stack", "\"axis\": 0", {{{}}, {{}}}, [](const Arrays &in) {
        return Arrays{Array{{2}, {in[0].values[0], in[1].values[0]}}};
      }));
}

void addLookups(std::vector<OpCase> &cases) {
  struct Lookup {
    Dims params, indices;
    int64_t axis;
  };
  for (Kind kind : {Kind::Int32, Kind::Int64})
    for (const Lookup &l :
         {Lookup{{5, 3}, {7}, 0}, Lookup{{2, 5, 3}, {2, 2}, 1},
          Lookup{{2, 5}, {4}, -1}, Lookup{{5}, {}, 0}, Lookup{{5, 2}, {0}, 0},
          Lookup{{1, 1}, {3}, 0}, Lookup{{0, 4}, {2}, 1}}) {
      size_t axis = axisOf(l.axis, l.params);
      Operand indices{l.indices, 0, double(l.params[axis]), kind};
      Dims dims = l.params;
      dims.erase(dims.begin() + long(axis));
      dims.insert(dims.begin() + long(axis), l.indices.begin(),
                  l.indices.end());
      size_t rank = l.indices.size();
      OpCase c = move(
          "gather", "\"axis\": " + std::to_string(l.axis),
          {{l.params}, indices}, [=](const Arrays &in) {
            Array y{dims, {}};
            forEachIndex(dims, [&](const Dims &index) {
              auto first = index.begin() + long(axis);
              Dims which(first, first + long(rank)), at = index;
              at.erase(at.begin() + long(axis), at.begin() + long(axis + rank));
              at.insert(at.begin() + long(axis),
                        int64_t(in[1][flatIndex(l.indices, which)]));
              y.values.push_back(in[0][flatIndex(l.params, at)]);
            });
            return Arrays{y};
          });
      c.backward.push_back({"gather_grad"});
      c.backward[0].roundings = 1;
      cases.push_back(std::move(c));
    }
  for (Kind kind : {Kind::Int32, Kind::Int64})
    for (int64_t depth : {0, 1, 4})
      for (const Dims &dims : {Dims{}, Dims{5}, Dims{2, 3}, Dims{0}}) {
        // Also indices that are no class: all zeros.
        cases.push_back(move("one_hot",
                             "\"depth\": " + std::to_string(depth) +
                                 ", \"dtype\": \"$dtype\"",
                             {{dims, -1, 6, kind}}, [=](const Arrays &in) {
                               Array y{dims, {}};
                               y.dims.push_back(depth);
                               for (Real index : in[0].values)
                                 for (int64_t i = 0; i < depth; ++i)
                                   y.values.push_back(Real(index == Real(i)));
                               return Arrays{y};
                             }));
      }
  for (const Dims &dims : {Dims{5}, Dims{2, 3, 4}, Dims{0, 3}, Dims{1}})
    for (int64_t axis = -1; axis < int64_t(dims.size()); ++axis) {
      size_t at = axisOf(axis, dims);
      cases.push_back(move(
          "iota",
          "\"shape\": " + intList(dims) +
              ", \"axis\": " + std::to_string(axis) + ", \"dtype\": \"$dtype\"",
          {},
          [=](const Arrays &) {
            Array y{dims, {}};
            forEachIndex(dims, [&](const Dims &index) {
              y.values.push_back(Real(index[at]));
            });
            return Arrays{y};
          },
          floatsAndIntegers()));
    }
}

} // namespace

std::vector<OpCase> amprt::test::reductionCases() {
  std::vector<OpCase> cases;
  addReductions(cases);
  return cases;
}

std::vector<OpCase> amprt::test::shapeCases() {
  std::vector<OpCase> cases;
  addViews(cases);
  addParts(cases);
  addJoints(cases);
  addLookups(cases);
  return cases;
}

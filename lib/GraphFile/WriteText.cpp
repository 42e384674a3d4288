//===- WriteText.cpp - JSON text piece by piece ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every form here has exactly one spelling per value: a file that was written,
// read and written again has the same bytes.
//===----------------------------------------------------------------------===//

#include "WriteText.h"

#include "amp/OpSet/Optimizers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace amp;
using namespace amp::graphfile;

/// Whether all bytes of the text may stand in a string as they are; false also
/// for a few texts where they may.
static bool isPlain(std::string_view text) {
  constexpr uint64_t ones = ~uint64_t(0) / 255, high = ones * 0x80;
  auto marks = [](uint64_t word) {
    // A byte below 0x20, or one that is zero after the exclusive or, borrows.
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    return ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
           ((backslash - ones) & ~backslash);
  };
  const char *at = text.data(), *last = at + text.size();
  uint64_t word;
  for (; last - at >= 8; at += 8) {
    std::memcpy(&word, at, sizeof(word));
    if (marks(word) & high)
      return false;
  }
  // Filled up with a plain character.
  word = ones * ' ';
  std::memcpy(&word, at, last - at);
  return !(marks(word) & high);
}

void graphfile::appendString(std::string &out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  size_t start = 0;
  for (size_t i = isPlain(text) ? text.size() : 0; i < text.size(); ++i) {
    unsigned char c = text[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    out.append(text, start, i - start);
    start = i + 1;
    static constexpr char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    const char *found = c ? std::strchr(plain, c) : nullptr;
    out += '\\';
    if (found) {
      out += escaped[found - plain];
    } else {
      out += "u00";
      out += hex[c >> 4];
      out += hex[c & 15];
    }
  }
  out.append(text, start);
  out += '"';
}

void graphfile::appendInt(std::string &out, int64_t value) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out.append(buffer, end);
}

namespace {
template <typename Real> void appendRealOf(std::string &out, Real value) {
  if (std::isnan(value)) {
    out += "\"nan\"";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "\"-inf\"" : "\"inf\"";
    return;
  }
  // As most languages print numbers: digits where they are few, an exponent
  // elsewhere.
  Real magnitude = std::fabs(value);
  bool fixed =
      magnitude == 0 || (magnitude >= Real(1e-4) && magnitude < Real(1e16));
  char buffer[64];
  char *end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                            fixed ? std::chars_format::fixed
                                  : std::chars_format::scientific)
                  .ptr;
  out.append(buffer, end);
  if (fixed && !std::memchr(buffer, '.', end - buffer))
    out += ".0";
}
} // namespace

void graphfile::appendReal(std::string &out, double value) {
  appendRealOf(out, value);
}
void graphfile::appendReal(std::string &out, float value) {
  appendRealOf(out, value);
}

void graphfile::appendShape(std::string &out, const Shape &shape,
                            bool minusOne) {
  out += '[';
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i)
      out += ", ";
    if (shape[i].isFixed())
      appendInt(out, shape[i].size());
    else if (shape[i].isNamed())
      appendString(out, shape[i].name());
    else
      out += minusOne ? "-1" : "null";
  }
  out += ']';
}

void graphfile::appendType(std::string &out, const TensorType &type) {
  out += "\"dtype\": \"";
  out += dtypeName(type.dtype);
  out += "\", \"shape\": ";
  appendShape(out, type.shape);
}

namespace {

/// The number that a 16-bit element has, so that what is written fits the type
/// again; half to even.
float roundToLow(double value, DType dtype) {
  if (value == 0 || !std::isfinite(value))
    return static_cast<float>(value);
  int digits = dtype == DType::Float16 ? 11 : 8;
  int lowest = dtype == DType::Float16 ? -24 : -133;
  int exponent;
  std::frexp(value, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - digits, lowest));
  return static_cast<float>(std::nearbyint(value / unit) * unit);
}

void appendElement(std::string &out, const Literal &literal, DType dtype,
                   size_t index) {
  if (isFloating(dtype) && index < literal.floats.size()) {
    double value = literal.floats[index];
    if (dtype == DType::Float64)
      appendReal(out, value);
    else
      appendReal(out, isLow(dtype) ? roundToLow(value, dtype)
                                   : static_cast<float>(value));
  } else if (!isFloating(dtype) && index < literal.ints.size()) {
    if (dtype == DType::Bool)
      out += literal.ints[index] ? "true" : "false";
    else
      appendInt(out, literal.ints[index]);
  } else {
    out += "null";
  }
}

/// Sizes of the nested list that the elements are written as: the constant's
/// shape, or one flat list where that does not fit them.
std::vector<int64_t> nestingOf(const Shape &shape, size_t count) {
  std::vector<int64_t> sizes;
  size_t product = 1;
  for (const Dim &dim : shape) {
    if (!dim.isFixed() || dim.size() == 0 ||
        product > count / size_t(dim.size()))
      return {int64_t(count)};
    product *= size_t(dim.size());
    sizes.push_back(dim.size());
  }
  if (product != count)
    return {int64_t(count)};
  return sizes;
}

void appendLiteral(std::string &out, const Literal &literal, DType dtype,
                   const Shape &shape) {
  if (!literal.weights.empty()) {
    out += "{\"weights\": ";
    appendString(out, literal.weights);
    out += '}';
    return;
  }
  size_t count =
      isFloating(dtype) ? literal.floats.size() : literal.ints.size();
  if (literal.splat || (shape.empty() && count == 1))
    return appendElement(out, literal, dtype, 0);
  if (count == 0) {
    out += "[]";
    return;
  }
  // Elements per list of each level; a list opens where the index divides.
  std::vector<size_t> steps;
  size_t step = 1;
  std::vector<int64_t> sizes = nestingOf(shape, count);
  for (size_t i = sizes.size(); i-- > 0;)
    steps.push_back(step *= size_t(sizes[i]));
  for (size_t i = 0; i < count; ++i) {
    if (i)
      out += ", ";
    for (size_t s : steps)
      if (i % s == 0)
        out += '[';
    appendElement(out, literal, dtype, i);
    for (size_t s : steps)
      if ((i + 1) % s == 0)
        out += ']';
  }
}

void appendInts(std::string &out, const std::vector<int64_t> &ints,
                bool pairs) {
  out += '[';
  for (size_t i = 0; i < ints.size(); ++i) {
    if (i)
      out += ", ";
    if (pairs && i % 2 == 0)
      out += '[';
    appendInt(out, ints[i]);
    if (pairs && (i % 2 == 1 || i + 1 == ints.size()))
      out += ']';
  }
  out += ']';
}

const AttrValue *findAttr(const Node &node, std::string_view name) {
  for (const Attr &attr : node.attrs)
    if (attr.name == name)
      return &attr.value;
  return nullptr;
}

/// What a constant's elements need to know of their node.
struct ConstantType {
  DType dtype = DType::Float32;
  Shape shape;
  explicit ConstantType(const Node &node) {
    if (const AttrValue *value = findAttr(node, "dtype"))
      if (const DType *held = std::get_if<DType>(value))
        dtype = *held;
    if (const AttrValue *value = findAttr(node, "shape"))
      if (const Shape *held = std::get_if<Shape>(value))
        shape = *held;
  }
};

/// `def` is null for values that no table describes.
void appendValue(std::string &out, const AttrValue &value, const AttrDef *def,
                 const Node *node) {
  struct Visitor {
    std::string &out;
    const AttrDef *def;
    const Node *node;

    void operator()(bool held) { out += held ? "true" : "false"; }
    void operator()(int64_t held) { appendInt(out, held); }
    void operator()(double held) { appendReal(out, held); }
    void operator()(DType held) { appendString(out, dtypeName(held)); }
    void operator()(const std::string &held) { appendString(out, held); }
    void operator()(const std::vector<int64_t> &held) {
      // One number and a list of one mean the same: the shorter is written.
      if (def && def->allowScalar && held.size() == 1)
        appendInt(out, held[0]);
      else
        appendInts(out, held, def && def->pairs);
    }
    void operator()(const Shape &held) {
      appendShape(out, held, def && def->allowMinusOne && !def->allowNull);
    }
    void operator()(const std::shared_ptr<const Literal> &held) {
      if (!held || !node) {
        out += "null";
        return;
      }
      ConstantType type(*node);
      appendLiteral(out, *held, type.dtype, type.shape);
    }
  };
  std::visit(Visitor{out, def, node}, value);
}

} // namespace

void graphfile::appendAttrs(std::string &out, const Node &node) {
  static constexpr std::string_view key = ", \"attrs\": ";
  const OpDef *def = findOp(node.op);
  if (!def && !node.opaqueAttrs.empty()) {
    out += key;
    out += node.opaqueAttrs;
    return;
  }
  bool any = false;
  auto append = [&](std::string_view name, const AttrValue &value,
                    const AttrDef *attr) {
    if (!any) {
      out += key;
      out += '{';
    } else {
      out += ", ";
    }
    any = true;
    appendString(out, name);
    out += ": ";
    appendValue(out, value, attr, &node);
  };
  if (def) {
    for (const AttrDef &attr : def->attrs) {
      const AttrValue *value = findAttr(node, attr.name);
      // What the user wrote stays, also where it says what is so anyway.
      if (!value && attr.alwaysWritten && attr.defaultValue)
        value = &*attr.defaultValue;
      if (value)
        append(attr.name, *value, &attr);
    }
  } else {
    for (const Attr &attr : node.attrs)
      append(attr.name, attr.value, nullptr);
  }
  if (any)
    out += '}';
}

namespace {

/// Settings are written in the order in which the format lists them.
size_t rankOf(std::string_view kind, std::string_view param) {
  if (const OptimizerDef *optimizer = findOptimizer(kind)) {
    size_t rank = 0;
    for (const OptimizerParam &known : optimizer->params) {
      if (known.name == param)
        return rank;
      ++rank;
    }
    return rank;
  }
  static constexpr std::string_view order[] = {
      "value", "low",          "high",        "mean", "stddev",
      "seed",  "warmup_steps", "total_steps", "end"};
  size_t rank = 0;
  while (rank < std::size(order) && order[rank] != param)
    ++rank;
  return rank;
}

} // namespace

void graphfile::appendSetting(std::string &out, const Setting &setting) {
  std::vector<const Attr *> params;
  for (const Attr &param : setting.params)
    params.push_back(&param);
  std::stable_sort(
      params.begin(), params.end(), [&](const Attr *a, const Attr *b) {
        return rankOf(setting.kind, a->name) < rankOf(setting.kind, b->name);
      });
  out += '{';
  appendString(out, setting.kind);
  out += ": {";
  for (size_t i = 0; i < params.size(); ++i) {
    if (i)
      out += ", ";
    appendString(out, params[i]->name);
    out += ": ";
    appendValue(out, params[i]->value, nullptr, nullptr);
  }
  out += "}}";
}

//===- OpTable.cpp - TensorFlow's op definitions ------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The table is a text in the program, a line for each op (make_op_table.py says
// how). A graph uses few of the ops, so a line is read when it is asked for.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/OpTable.h"

#include <algorithm>
#include <cstdlib>
#include <atomic>
#include <mutex>
#include <unordered_map>

using namespace amp::graphdef;

namespace amp::graphdef {
/// The text of OpTable.txt, in a generated file.
extern const char *const kOpTablePieces[];
extern const size_t kOpTablePieceCount;
} // namespace amp::graphdef

static constexpr std::string_view kTypeNames[] = {
    "",         "float",         "double",          "int32",
    "uint8",    "int16",         "int8",            "string",
    "complex64", "int64",        "bool",            "qint8",
    "quint8",   "qint32",        "bfloat16",        "qint16",
    "quint16",  "uint16",        "complex128",      "half",
    "resource", "variant",       "uint32",          "uint64",
    "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz",
    "float8_e5m2fnuz", "int4",   "uint4",           "int2",
    "uint2",    "float4_e2m1fn"};
static constexpr DataType kTypeCount = std::size(kTypeNames);

static constexpr std::string_view kRefNames[] = {
    "",             "float_ref",     "double_ref",    "int32_ref",
    "uint8_ref",    "int16_ref",     "int8_ref",      "string_ref",
    "complex64_ref", "int64_ref",    "bool_ref",      "qint8_ref",
    "quint8_ref",   "qint32_ref",    "bfloat16_ref",  "qint16_ref",
    "quint16_ref",  "uint16_ref",    "complex128_ref", "half_ref",
    "resource_ref", "variant_ref",   "uint32_ref",    "uint64_ref",
    "float8_e5m2_ref", "float8_e4m3fn_ref", "float8_e4m3fnuz_ref",
    "float8_e4m3b11fnuz_ref", "float8_e5m2fnuz_ref", "int4_ref", "uint4_ref",
    "int2_ref",     "uint2_ref",     "float4_e2m1fn_ref"};
static_assert(std::size(kRefNames) == std::size(kTypeNames));

std::string_view amp::graphdef::typeName(DataType type) {
  if (type > 0 && type < kTypeCount)
    return kTypeNames[type];
  if (type > kRefOffset && type < kRefOffset + kTypeCount)
    return kRefNames[type - kRefOffset];
  return {};
}

std::optional<DataType> amp::graphdef::typeNumber(std::string_view name) {
  for (DataType type = 1; type < kTypeCount; ++type) {
    if (kTypeNames[type] == name)
      return type;
    if (kRefNames[type] == name)
      return kRefOffset + type;
  }
  return std::nullopt;
}

bool amp::graphdef::isQuantized(DataType type) {
  std::string_view name = typeName(type);
  return name.substr(0, 4) == "qint" || name.substr(0, 5) == "quint";
}

bool AttrSpec::allows(DataType type) const {
  return allowed.empty() ||
         std::find(allowed.begin(), allowed.end(), type) != allowed.end();
}

const AttrSpec *OpSpec::attr(std::string_view name) const {
  for (const AttrSpec &attr : attrs)
    if (attr.name == name)
      return &attr;
  return nullptr;
}

/// The text up to a separator, which is taken off with it.
static std::string_view take(std::string_view &text, char separator) {
  size_t at = text.find(separator);
  std::string_view front = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view()
                                      : text.substr(at + 1);
  return front;
}

static DataType decode(char code) {
  return code <= 'Z' ? code - 64 : code - 70;
}

static std::vector<ArgSpec> parseArgs(std::string_view text) {
  std::vector<ArgSpec> args;
  while (!text.empty()) {
    std::string_view word = take(text, ' ');
    ArgSpec arg;
    arg.name = take(word, ':');
    if (!word.empty() && word.back() == '&') {
      arg.isRef = true;
      word.remove_suffix(1);
    }
    if (word.find('*') != std::string_view::npos)
      arg.numberAttr = take(word, '*');
    if (!word.empty() && word.front() == '@') {
      arg.isList = true;
      arg.typeAttr = word.substr(1);
    } else if (word.size() > 1 && word.front() == '=') {
      arg.fixed = decode(word[1]);
    } else {
      arg.typeAttr = word;
    }
    args.push_back(arg);
  }
  return args;
}

static std::vector<DataType> parseTypes(std::string_view text) {
  std::vector<DataType> types;
  for (char c : text)
    types.push_back(decode(c));
  return types;
}

OpSpec amp::graphdef::parseOpLine(std::string_view line) {
  OpSpec op;
  op.name = take(line, '\t');
  op.isStateful = take(line, '\t') == "s";
  op.inputs = parseArgs(take(line, '\t'));
  op.outputs = parseArgs(take(line, '\t'));
  std::string_view attrs = take(line, '\t');
  while (!attrs.empty()) {
    std::string_view word = take(attrs, ' ');
    AttrSpec attr;
    attr.name = take(word, ':');
    char kind = word.empty() ? 'o' : word.front();
    attr.kind = kind == 't'   ? AttrKind::Type
                : kind == 'T' ? AttrKind::TypeList
                : kind == 'i' ? AttrKind::Int
                              : AttrKind::Other;
    if (size_t open = word.find('['); open != std::string_view::npos)
      attr.allowed =
          parseTypes(word.substr(open + 1, word.find(']') - open - 1));
    if (size_t mark = word.find('?'); mark != std::string_view::npos) {
      std::string_view text = word.substr(mark + 1);
      if (attr.kind == AttrKind::Int)
        attr.defaultNumber = std::atoi(std::string(text).c_str());
      else
        attr.defaults = parseTypes(text);
    }
    op.attrs.push_back(std::move(attr));
  }
  for (std::string_view &column : op.kernels)
    column = take(line, '\t');
  return op;
}

namespace {

/// A line of the table, and what it says once somebody has asked.
struct Entry {
  std::string_view line;
  std::atomic<const OpSpec *> read = nullptr;
};

struct Table {
  std::string text;
  std::vector<std::string_view> names;
  std::unordered_map<std::string_view, Entry> entries;
  std::mutex lock;
  std::vector<std::unique_ptr<const OpSpec>> specs;

  Table() {
    for (size_t i = 0; i < kOpTablePieceCount; ++i)
      text += kOpTablePieces[i];
    entries.reserve(2048);
    names.reserve(2048);
    std::string_view rest = text;
    while (!rest.empty()) {
      std::string_view line = take(rest, '\n');
      if (line.empty() || line.front() == '#')
        continue;
      std::string_view name = line.substr(0, line.find('\t'));
      names.push_back(name);
      entries[name].line = line;
    }
  }
};

Table &table() {
  static Table instance;
  return instance;
}

} // namespace

const OpSpec *amp::graphdef::findOp(std::string_view name) {
  Table &ops = table();
  auto found = ops.entries.find(name);
  if (found == ops.entries.end())
    return nullptr;
  // Asked several times for each node: a lock only at the first time.
  Entry &entry = found->second;
  if (const OpSpec *spec = entry.read.load(std::memory_order_acquire))
    return spec;
  std::lock_guard<std::mutex> guard(ops.lock);
  if (const OpSpec *spec = entry.read.load(std::memory_order_acquire))
    return spec;
  ops.specs.push_back(std::make_unique<const OpSpec>(parseOpLine(entry.line)));
  entry.read.store(ops.specs.back().get(), std::memory_order_release);
  return ops.specs.back().get();
}

const std::vector<std::string_view> &amp::graphdef::opNames() {
  return table().names;
}

/// One alternative of a kernel's condition: "Tindices=CI;policy="a,b"".
static bool holds(std::string_view conditions,
                  const std::function<AttrText(std::string_view)> &valueOf) {
  while (!conditions.empty()) {
    std::string_view name = take(conditions, '=');
    AttrText value = valueOf(name);
    bool found = false;
    if (!conditions.empty() && conditions.front() == '"') {
      conditions.remove_prefix(1);
      std::string_view words = take(conditions, '"');
      while (true) {
        bool isLast = words.find(',') == std::string_view::npos;
        found |= take(words, ',') == value.text;
        if (isLast)
          break;
      }
      take(conditions, ';');
    } else {
      for (char c : take(conditions, ';'))
        found |= decode(c) == value.type;
    }
    if (!found)
      return false;
  }
  return true;
}

bool amp::graphdef::hasKernel(
    const OpSpec &op, std::string_view attr, DataType type,
    KernelDevice device,
    const std::function<AttrText(std::string_view)> &valueOf) {
  if (type != kHalf && type != kBFloat16)
    return false;
  std::string_view column =
      op.kernels[(device == KernelDevice::Cpu ? 2 : 0) + (type == kBFloat16)];
  while (!column.empty()) {
    std::string_view word = take(column, ' ');
    size_t open = word.find('(');
    if (word.substr(0, open) != attr)
      continue;
    if (open == std::string_view::npos)
      return true;
    std::string_view alternatives =
        word.substr(open + 1, word.size() - open - 2);
    while (!alternatives.empty())
      if (holds(take(alternatives, '|'), valueOf))
        return true;
    return false;
  }
  return false;
}

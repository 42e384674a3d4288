//===- OpTable.h - TensorFlow's op definitions ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What TensorFlow knows of each op: its ports, its type attributes, and for
// which of them a 16-bit kernel is registered. The table is
// lib/GraphDef/OpTable.txt, made from TensorFlow 2.21's registries.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHDEF_OPTABLE_H
#define AMP_GRAPHDEF_OPTABLE_H

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::graphdef {

/// A type by TensorFlow's number (DT_FLOAT = 1, …; 100 more for a reference).
using DataType = int;
inline constexpr DataType kFloat = 1, kString = 7, kBFloat16 = 14, kHalf = 19,
                          kResource = 20, kVariant = 21, kRefOffset = 100;
/// "float", "half_ref", …; empty for a number that is no type.
std::string_view typeName(DataType type);
/// The number of a name, or nothing.
std::optional<DataType> typeNumber(std::string_view name);
/// DT_QINT8 and its like.
bool isQuantized(DataType type);

/// An input or output of an op's definition: one port, or as many as an
/// attribute says.
struct ArgSpec {
  std::string_view name;
  /// The attribute that gives the type (`isList`: the types); empty for a
  /// fixed type.
  std::string_view typeAttr;
  /// The int attribute that gives the number of ports; empty for one.
  std::string_view numberAttr;
  DataType fixed = 0;
  bool isList = false, isRef = false;
};

enum class AttrKind : uint8_t { Type, TypeList, Int, Other };

struct AttrSpec {
  std::string_view name;
  AttrKind kind = AttrKind::Other;
  /// What a type attribute may be; anything when empty.
  std::vector<DataType> allowed;
  /// Of a type attribute: its default, one type, or those of the list.
  std::optional<std::vector<DataType>> defaults;
  /// Of a number of ports.
  std::optional<int> defaultNumber;

  bool allows(DataType type) const;
};

struct OpSpec {
  std::string_view name;
  bool isStateful = false;
  std::vector<ArgSpec> inputs, outputs;
  std::vector<AttrSpec> attrs;
  /// Columns of the table: half_gpu, bf16_gpu, half_cpu, bf16_cpu.
  std::array<std::string_view, 4> kernels;

  const AttrSpec *attr(std::string_view name) const;
};

/// The definition of an op, or null. Thread-safe; lives as long as the program.
const OpSpec *findOp(std::string_view name);
/// Names of all ops, sorted.
const std::vector<std::string_view> &opNames();

/// Reads one line of the table's form. The views point into `line`.
OpSpec parseOpLine(std::string_view line);

enum class KernelDevice : uint8_t { Gpu, Cpu };

/// The value of another attribute of the node, for the condition of a kernel.
struct AttrText {
  DataType type = 0;    ///< of a type attribute
  std::string_view text; ///< of a string attribute
};

/// Whether a kernel is registered for the op on a device (or any device) with
/// the type attribute `attr` changed to `type`, float16 or bfloat16, and the
/// other attributes as they are.
bool hasKernel(const OpSpec &op, std::string_view attr, DataType type,
               KernelDevice device,
               const std::function<AttrText(std::string_view)> &valueOf);

} // namespace amp::graphdef

#endif // AMP_GRAPHDEF_OPTABLE_H

//===- Types.h - Element types, sizes and attribute values of graph files -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The vocabulary that graph files, the compiler and the runtime share: element
// types, sizes (numbers, names, unknown), tensor types and attribute values.
// Plain C++17 with no dependency, so that both sides can link it.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_TYPES_H
#define AMP_OPSET_TYPES_H

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace amp {

/// A read-only view of `size()` elements that somebody else owns.
template <typename T> class Span {
public:
  constexpr Span() = default;
  constexpr Span(const T *data, size_t size) : first(data), count(size) {}
  Span(const std::vector<T> &v) : first(v.data()), count(v.size()) {}
  template <size_t N>
  constexpr Span(const T (&array)[N]) : first(array), count(N) {}

  constexpr const T *begin() const { return first; }
  constexpr const T *end() const { return first + count; }
  constexpr size_t size() const { return count; }
  constexpr bool empty() const { return count == 0; }
  constexpr const T &operator[](size_t i) const { return first[i]; }

private:
  const T *first = nullptr;
  size_t count = 0;
};

/// Element types of tensors, in the order of the graph file's specification.
enum class DType : uint8_t {
  Float16,
  BFloat16,
  Float32,
  Float64,
  Int8,
  UInt8,
  Int32,
  Int64,
  Bool,
};
inline constexpr size_t numDTypes = 9;

/// The name that graph files use, e.g. "bfloat16".
std::string_view dtypeName(DType dtype);
/// The inverse of dtypeName; nothing for any other string.
std::optional<DType> parseDType(std::string_view name);
/// Bytes of one element in memory and in safetensors files (bool: 1).
size_t dtypeSize(DType dtype);

constexpr bool isFloating(DType d) { return d <= DType::Float64; }
/// float16 or bfloat16: a type that mixed precision lowers to.
constexpr bool isLow(DType d) { return d <= DType::BFloat16; }
constexpr bool isInteger(DType d) {
  return d >= DType::Int8 && d <= DType::Int64;
}

/// One size of a shape: a number, a name whose number is known only at run
/// time (the same name is the same number everywhere in a function), or
/// unknown. A name is a view; its characters are owned by the graph (the
/// arena of a GraphFile, or an attribute of an MLIR context).
class Dim {
public:
  static Dim fixed(int64_t size) { return Dim(size, {}); }
  static Dim named(std::string_view name) { return Dim(kNamed, name); }
  static Dim unknown() { return Dim(kUnknown, {}); }

  bool isFixed() const { return value >= 0; }
  bool isNamed() const { return value == kNamed; }
  bool isUnknown() const { return value == kUnknown; }
  /// The number; only if isFixed().
  int64_t size() const { return value; }
  /// The name; only if isNamed().
  std::string_view name() const { return text; }

  /// Equal numbers or equal names; unknown equals nothing but unknown.
  friend bool operator==(const Dim &a, const Dim &b) {
    return a.value == b.value && a.text == b.text;
  }
  friend bool operator!=(const Dim &a, const Dim &b) { return !(a == b); }

private:
  static constexpr int64_t kNamed = -2, kUnknown = -1;
  Dim(int64_t v, std::string_view t) : value(v), text(t) {}
  int64_t value;
  std::string_view text;
};

using Shape = std::vector<Dim>;

/// Element type and sizes of one value. Rank is always known.
struct TensorType {
  DType dtype = DType::Float32;
  Shape shape;

  friend bool operator==(const TensorType &a, const TensorType &b) {
    return a.dtype == b.dtype && a.shape == b.shape;
  }
  friend bool operator!=(const TensorType &a, const TensorType &b) {
    return !(a == b);
  }
};

/// Text for messages: `784`, `"batch"` or `null`; `["batch", 784]`; and
/// `float32 ["batch", 784]`.
std::string toString(const Dim &dim);
std::string toString(const Shape &shape);
std::string toString(const TensorType &type);

/// The `value` of a `constant`: its elements in row-major order, or the name
/// of an entry of the weights file.
struct Literal {
  /// Elements of a floating constant; empty otherwise.
  std::vector<double> floats;
  /// Elements of an integer or bool constant; empty otherwise.
  std::vector<int64_t> ints;
  /// One number stands for all elements.
  bool splat = false;
  /// Sizes of the nested list as written; one entry for a flat list, none for
  /// a splat.
  std::vector<int64_t> nesting;
  /// Entry of the file's weights, empty when the elements are inline.
  std::string weights;
};

/// The value of an attribute, by AttrKind of its definition:
///   Bool: bool; Int: int64_t; Float: double; DType: DType; Enum: std::string;
///   Ints: std::vector<int64_t>; Dims: Shape (-1 is Dim::unknown() in `shape`
///   of reshape, null is Dim::unknown() in `end` of slice); Value: Literal.
using AttrValue =
    std::variant<bool, int64_t, double, DType, std::string,
                 std::vector<int64_t>, Shape, std::shared_ptr<const Literal>>;

/// A named attribute. The name is a view of the op table's own text.
struct Attr {
  std::string_view name;
  AttrValue value;
};

/// The candidate nearest to `word` by edit distance, for "did you mean";
/// empty when none is near enough to be worth saying.
std::string_view didYouMean(std::string_view word,
                            Span<std::string_view> candidates);

} // namespace amp

#endif // AMP_OPSET_TYPES_H

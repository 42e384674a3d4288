//===- CountingIterator.h - How far a parser has read -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// SAX events of the JSON library carry no positions. Reading through this
// iterator tells how many bytes the lexer had taken at each event.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_COUNTINGITERATOR_H
#define AMP_OPSET_COUNTINGITERATOR_H

#include <cstddef>
#include <iterator>

namespace amp {

/// Walks over characters and notes in `*read` how many were taken.
class CountingIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  CountingIterator(const char *position, size_t *read)
      : position(position), read(read) {}
  reference operator*() const { return *position; }
  CountingIterator &operator++() {
    ++position;
    ++*read;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const CountingIterator &a,
                         const CountingIterator &b) {
    return a.position == b.position;
  }
  friend bool operator!=(const CountingIterator &a,
                         const CountingIterator &b) {
    return !(a == b);
  }

private:
  const char *position;
  size_t *read;
};

} // namespace amp

#endif // AMP_OPSET_COUNTINGITERATOR_H

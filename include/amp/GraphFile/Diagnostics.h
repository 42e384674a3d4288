//===- Diagnostics.h - Errors at file:line:col with a caret -----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A source text with its line table, and a list of messages that point into
// it. Rendered as compilers do: `file:line:col: error: text`, the line, a
// caret. Columns count bytes from 1.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_DIAGNOSTICS_H
#define AMP_GRAPHFILE_DIAGNOSTICS_H

#include "amp/GraphFile/GraphFile.h"

namespace amp::graphfile {

struct LineColumn {
  uint32_t line = 0, column = 0;
};

/// The text of a file and its name for messages. Owns the text.
class SourceText {
public:
  SourceText(std::string name, std::string text);
  const std::string &name() const { return fileName; }
  std::string_view text() const { return contents; }
  /// Line and column, both from 1, of a byte offset. Logarithmic; constant for
  /// a place near the last one that was asked for with the same `*hint`.
  LineColumn lineColumn(Offset at, size_t *hint = nullptr) const;
  /// The line that holds `at`, without its newline.
  std::string_view line(Offset at) const;

private:
  std::string fileName, contents;
  std::vector<Offset> lineStarts;
};

enum class Severity : uint8_t { Error, Warning, Note };

struct Diagnostic {
  Severity severity;
  Offset at;
  std::string message;
};

/// Collects messages about one source text, up to `Limits::errors` errors.
class Diagnostics {
public:
  explicit Diagnostics(size_t maxErrors = Limits().errors) : max(maxErrors) {}
  void error(Offset at, std::string message);
  /// An error that is about another file, one that the source names: missing
  /// weights. Programs exit with another code.
  void ioError(Offset at, std::string message);
  void warning(Offset at, std::string message);
  /// Belongs to the message before it.
  void note(Offset at, std::string message);

  bool hasErrors() const { return errors != 0; }
  bool hasIOErrors() const { return ioErrors; }
  /// True once the limit is reached: stop looking for more.
  bool full() const { return errors >= max; }
  const std::vector<Diagnostic> &all() const { return list; }
  /// All messages in the order of their offsets (notes stay with theirs), one
  /// line `… and more errors` at the end when the limit was reached.
  std::string render(const SourceText &source) const;

private:
  std::vector<Diagnostic> list;
  size_t errors = 0, warnings = 0, max;
  bool ioErrors = false;
  /// The last message was past the limit, and its notes are too.
  bool dropping = false;
};

/// What of a line is shown below a message, and a caret under byte `column`,
/// from 0, in a line of its own. Of a long line it is the part around the
/// caret; control characters are question marks.
std::string showLine(std::string_view line, size_t column);

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_DIAGNOSTICS_H

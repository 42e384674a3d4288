//===- Diagnostics.cpp - Errors at file:line:col with a caret -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The line table of a source text, and the rendering of messages about it.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Diagnostics.h"

#include <algorithm>
#include <cstring>

using namespace amp::graphfile;

SourceText::SourceText(std::string name, std::string text)
    : fileName(std::move(name)), contents(std::move(text)) {
  lineStarts.push_back(0);
  const char *first = contents.data(), *last = first + contents.size();
  for (const char *at = first; at != last;) {
    const void *newline = std::memchr(at, '\n', last - at);
    if (!newline)
      break;
    at = static_cast<const char *>(newline) + 1;
    lineStarts.push_back(at - first);
  }
}

LineColumn SourceText::lineColumn(Offset at, size_t *hint) const {
  at = std::min<Offset>(at, contents.size());
  auto first = lineStarts.begin(), last = lineStarts.end();
  if (hint && *hint < lineStarts.size() && first[*hint] <= at) {
    first += *hint;
    auto soon = last - first > 4 ? first + 4 : last;
    if (soon == last || *soon > at)
      last = soon;
  }
  auto next = std::upper_bound(first, last, at);
  if (hint)
    *hint = next - lineStarts.begin() - 1;
  return {static_cast<uint32_t>(next - lineStarts.begin()),
          static_cast<uint32_t>(at - *(next - 1) + 1)};
}

std::string_view SourceText::line(Offset at) const {
  at = std::min<Offset>(at, contents.size());
  auto next = std::upper_bound(lineStarts.begin(), lineStarts.end(), at);
  Offset start = *(next - 1);
  Offset end = next == lineStarts.end() ? contents.size() : *next - 1;
  if (end > start && contents[end - 1] == '\r')
    --end;
  return std::string_view(contents).substr(start, end - start);
}

void Diagnostics::error(Offset at, std::string message) {
  // Nobody reads past the limit, but a note must not join another message.
  if (full()) {
    dropping = true;
    return;
  }
  ++errors;
  dropping = false;
  list.push_back({Severity::Error, at, std::move(message)});
}

void Diagnostics::ioError(Offset at, std::string message) {
  if (!full())
    ioErrors = true;
  error(at, std::move(message));
}

void Diagnostics::warning(Offset at, std::string message) {
  // Warnings have a limit of their own size, so that neither hides the other.
  dropping = warnings >= max;
  if (dropping)
    return;
  ++warnings;
  list.push_back({Severity::Warning, at, std::move(message)});
}

void Diagnostics::note(Offset at, std::string message) {
  if (!dropping)
    list.push_back({Severity::Note, at, std::move(message)});
}

namespace {

/// A line of the source may be a whole file: only its part around the message
/// is shown.
constexpr size_t kShownBefore = 80, kShownWidth = 160;

bool isContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// Bytes of the UTF-8 character that starts `text`; 0 when none does.
size_t characterLength(std::string_view text) {
  unsigned char first = text[0];
  size_t length = first < 0x80   ? 1
                  : first < 0xC2 ? 0
                  : first < 0xE0 ? 2
                  : first < 0xF0 ? 3
                  : first < 0xF5 ? 4
                                 : 0;
  if (length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if (!isContinuation(text[i]))
      return 0;
  return length;
}

} // namespace

std::string amp::graphfile::showLine(std::string_view line, size_t column) {
  std::string out;
  column = std::min(column, line.size());
  size_t first =
      column > kShownWidth - kShownBefore && line.size() > kShownWidth
          ? column - kShownBefore
          : 0;
  // Do not cut a character in two.
  while (first > 0 && isContinuation(line[first]))
    --first;
  size_t last = std::min(line.size(), first + kShownWidth);
  while (last < line.size() && isContinuation(line[last]))
    ++last;
  std::string caret;
  if (first > 0) {
    out += "...";
    caret += "   ";
  }
  for (size_t i = first; i < last;) {
    size_t length = characterLength(line.substr(i));
    unsigned char c = line[i];
    // A terminal must not obey what a file holds, nor choke on it.
    bool isShown = length > 1 || c == '\t' || (c >= 0x20 && c < 0x7F);
    length = std::max<size_t>(length, 1);
    out += isShown ? line.substr(i, length) : "?";
    // One column per character, and a tab is as wide as the one above it.
    if (i < column && i + length <= column)
      caret += c == '\t' ? '\t' : ' ';
    i += length;
  }
  if (last < line.size())
    out += "...";
  out += '\n';
  out += caret;
  out += "^\n";
  return out;
}

namespace {

void renderOne(std::string &out, const SourceText &source,
               const Diagnostic &diagnostic) {
  static constexpr std::string_view kinds[] = {"error", "warning", "note"};
  out += source.name();
  bool isSomewhere = diagnostic.at != kNowhere;
  if (isSomewhere) {
    LineColumn place = source.lineColumn(diagnostic.at);
    out += ':';
    out += std::to_string(place.line);
    out += ':';
    out += std::to_string(place.column);
  }
  out += ": ";
  out += kinds[size_t(diagnostic.severity)];
  out += ": ";
  for (char c : diagnostic.message) {
    unsigned char byte = c;
    out += byte >= 0x20 && byte != 0x7F ? c : '?';
  }
  out += '\n';
  if (isSomewhere)
    out += showLine(source.line(diagnostic.at),
                    source.lineColumn(diagnostic.at).column - 1);
}

} // namespace

std::string Diagnostics::render(const SourceText &source) const {
  // Groups of a message and its notes, by the place of the message.
  std::vector<size_t> heads;
  for (size_t i = 0; i < list.size(); ++i)
    if (i == 0 || list[i].severity != Severity::Note)
      heads.push_back(i);
  std::stable_sort(heads.begin(), heads.end(),
                   [&](size_t a, size_t b) { return list[a].at < list[b].at; });
  std::string out;
  for (size_t head : heads) {
    renderOne(out, source, list[head]);
    for (size_t i = head + 1;
         i < list.size() && list[i].severity == Severity::Note; ++i)
      renderOne(out, source, list[i]);
  }
  if (full())
    out += source.name() + ": … and more errors\n";
  return out;
}

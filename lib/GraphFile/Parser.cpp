//===- Parser.cpp - JSON text to tokens to a file ----------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// nlohmann's SAX parser over an iterator that tells how far it has read, with
// a handler that keeps a token's place and hands complete elements over.
//
// Most of a graph file are strings, and most of a parser's time goes into their
// characters. So a file is read first with an iterator that leaves out what
// stands between the quotes of a plain string, and by two threads where it is
// large: the second one starts at a node near the middle, and what it has read
// counts if the first one comes to that place as behind a node. A file in which
// anything is wrong is then read once more, by one thread and character by
// character, for its messages.
//===----------------------------------------------------------------------===//

#include "Parse.h"
#include "amp/GraphFile/JsonPlaces.h"
#include "amp/GraphFile/Reader.h"
#include "amp/OpSet/CountingIterator.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <pthread.h>
#include <thread>

using namespace amp;
using namespace amp::graphfile;

namespace {

/// From this size on, a thread more and memory kept ready pay off.
constexpr size_t kLargeFile = 256 * 1024;

/// Whether a character may stand in a string as itself and is ASCII: then the
/// parser has nothing to check and nothing to translate.
constexpr bool isPlain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/// Bytes of `word` that are not plain have their high bit set. Carries may set
/// it in bytes behind those, so that it tells of the whole word alone.
constexpr uint64_t markNotPlain(uint64_t word) {
  constexpr uint64_t ones = ~uint64_t(0) / 255, high = ones * 0x80;
  auto zeroBytes = [](uint64_t x) { return (x - ones) & ~x; };
  return (word | (word - ones * 0x20) | (word + ones) |
          zeroBytes(word ^ ones * '"') | zeroBytes(word ^ ones * '\\')) &
         high;
}

/// The quote that ends the string whose characters start at `at`, or null where
/// one of them is not plain.
const char *endOfPlain(const char *at, const char *last) {
  for (uint64_t word; last - at >= 8; at += 8) {
    std::memcpy(&word, at, sizeof(word));
    if (markNotPlain(word))
      break;
  }
  while (at != last && isPlain(*at))
    ++at;
  return at != last && *at == '"' ? at : nullptr;
}

/// How far a SkippingIterator is, and what happens on its way.
struct Reading {
  Reading(std::string_view text, size_t *read)
      : first(text.data()), last(first + text.size()), read(read) {}
  const char *first, *last;
  /// Read as a bracket, whatever stands there.
  const char *bracket = nullptr;
  /// Where `jump` is asked for a place to go on at.
  const char *meeting = nullptr;
  std::function<const char *()> jump;
  size_t *read;
};

/// Walks over characters, but not over those within plain strings, of which the
/// parser sees the quotes, nor over blanks behind punctuation. Notes in `*read`
/// how far it is.
class SkippingIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = char;

  SkippingIterator(const char *position, Reading &reading)
      : position(position), reading(&reading) {}
  /// The parser has handled all events of what stands before.
  reference operator*() {
    if (position == reading->meeting) {
      reading->meeting = nullptr;
      position = reading->jump();
    }
    return position == reading->bracket ? '[' : *position;
  }
  SkippingIterator &operator++() {
    char c = position == reading->bracket ? '[' : *position;
    ++position;
    *reading->read = size_t(position - reading->first);
    if (inString)
      advanceInString(c);
    else if (c == '"')
      enterString();
    else if (c == ',' || c == ':' || c == '{' || c == '[')
      while (position != reading->last &&
             (*position == ' ' || *position == '\n'))
        ++position;
    return *this;
  }
  friend bool operator!=(const SkippingIterator &a, const SkippingIterator &b) {
    return a.position != b.position;
  }
  [[maybe_unused]] friend bool operator==(const SkippingIterator &a,
                                          const SkippingIterator &b) {
    return a.position == b.position;
  }

private:
  void enterString() {
    inString = true;
    if (const char *end = endOfPlain(position, reading->last))
      position = end;
  }
  void advanceInString(char c) {
    if (isEscaped)
      isEscaped = false;
    else if (c == '"')
      inString = false;
    else
      isEscaped = c == '\\';
  }

  const char *position;
  Reading *reading;
  bool inString = false, isEscaped = false;
};

/// Receives the SAX events of one file.
class Handler {
public:
  using json = nlohmann::json;

  Handler(const SourceText &source, Diagnostics &diags, const Limits &limits,
          GraphFile &file)
      : source(source), text(source.text()), diags(diags), limits(limits),
        file(file), elements(source, diags, *file.names, limits), reached(0) {
    tape.source = text;
  }

  bool run();
  /// The same, but the parser does not see what plain strings hold, and another
  /// thread may read the second half of the nodes: messages are not those that
  /// the user gets.
  bool runHastily();
  /// Reads the nodes behind the comma at `at`, to the end of their list,
  /// hastily.
  bool runAhead(Offset at);

  bool null() { return literal(TokenKind::Null, 0); }
  bool boolean(bool value) { return literal(TokenKind::Bool, value); }
  bool number_integer(json::number_integer_t value);
  bool number_unsigned(json::number_unsigned_t value);
  bool number_float(json::number_float_t value, const std::string &written);
  bool string(std::string &value);
  bool binary(json::binary_t &) { return false; }
  bool start_object(std::size_t) { return open(TokenKind::Object); }
  bool key(std::string &value);
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(TokenKind::Array); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string &token,
                   const json::exception &problem);

private:
  /// Where elements are handed over.
  enum class Place : uint8_t { Other, Variables, Functions, Inputs, Nodes };
  struct Level {
    size_t token, copies;
    /// For an array of elements; Other else.
    Place place;
  };

  Offset startOfToken();
  Token &add(TokenKind kind, Offset at);
  bool literal(TokenKind kind, int64_t value);
  std::string_view addString(TokenKind kind, Offset at,
                             const std::string &value);
  Token &number(TokenKind kind);
  bool open(TokenKind kind);
  bool close();
  Place placeOfArray() const;
  void take(size_t token, Place place);
  /// What a thread reads that starts in the middle of the nodes.
  struct Ahead;
  static void *readAhead(void *ahead);
  bool isWhole() const;
  Offset findMiddle() const;
  bool takeAhead(Ahead &ahead);

  std::string_view lastKey() const {
    const Token &token = tape.tokens.back();
    if (token.kind != TokenKind::Key)
      return {};
    return tape.string(token);
  }

  const SourceText &source;
  std::string_view text;
  Diagnostics &diags;
  const Limits &limits;
  GraphFile &file;
  ElementParser elements;
  Tape tape;
  std::vector<Level> levels;
  /// The function whose object is open.
  Function function;
  size_t nodes = 0;
  /// Bytes that the lexer has taken.
  size_t reached;
  /// Behind the last token.
  Offset previousEnd = 0;
  bool isVersionNext = false;
  /// The bracket that runAhead() puts in is still to come.
  bool isBracketNext = false;
};

struct Handler::Ahead {
  Ahead(const SourceText &source, const Limits &limits, Offset comma)
      : handler(source, diags, limits, file), comma(comma) {}
  Diagnostics diags{/*maxErrors=*/1};
  GraphFile file;
  Handler handler;
  Offset comma;
  bool isGood = false;
};

} // namespace

Offset Handler::startOfToken() { return startOfJsonToken(text, previousEnd); }

Token &Handler::add(TokenKind kind, Offset at) {
  Token token{};
  token.kind = kind;
  token.at = at;
  tape.tokens.push_back(token);
  return tape.tokens.back();
}

bool Handler::literal(TokenKind kind, int64_t value) {
  Offset at = startOfToken();
  add(kind, at).integer = value;
  previousEnd = reached;
  return !diags.full();
}

Token &Handler::number(TokenKind kind) {
  Offset at = startOfToken();
  Token &token = add(kind, at);
  previousEnd = endOfJsonNumber(text, at);
  return token;
}

bool Handler::number_integer(json::number_integer_t value) {
  Token &token = number(TokenKind::Integer);
  token.integer = value;
  token.negativeZero = value == 0 && text[token.at] == '-';
  return !diags.full();
}

bool Handler::number_unsigned(json::number_unsigned_t value) {
  if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    Token &token = number(TokenKind::Integer);
    token.integer = static_cast<int64_t>(value);
  } else {
    number(TokenKind::HugeInteger).real = static_cast<double>(value);
  }
  return !diags.full();
}

bool Handler::number_float(json::number_float_t value,
                           const std::string &written) {
  bool isInteger = written.find_first_of(".eE") == std::string::npos;
  Token &token =
      number(isInteger ? TokenKind::HugeInteger : TokenKind::Real);
  token.real = value;
  std::string mantissa = written.substr(0, written.find_first_of("eE"));
  if (value == 0 && mantissa.find_first_of("123456789") != std::string::npos)
    diags.error(token.at, "number '" + written + "' is too small for float64");
  return !diags.full();
}

/// Escapes make a string shorter, so that one of the length that it has in the
/// source is what stands there. Of a plain string, a hasty parser saw nothing.
std::string_view Handler::addString(TokenKind kind, Offset at,
                                    const std::string &value) {
  previousEnd = reached;
  size_t written = previousEnd - at - 2;
  Token &token = add(kind, at);
  token.isCopied = !value.empty() && value.size() != written;
  token.text = token.isCopied ? tape.copies.size() : at + 1;
  token.length = token.isCopied ? value.size() : written;
  if (token.isCopied)
    tape.copies += value;
  return tape.string(token);
}

bool Handler::string(std::string &value) {
  Offset at = startOfToken();
  std::string_view held = addString(TokenKind::String, at, value);
  if (isVersionNext && levels.size() == 1) {
    elements.version = file.names->intern(held);
    if (held.substr(0, held.find('.')) != "1" && !held.empty() &&
        held.find_first_not_of("0123456789.") == std::string_view::npos) {
      diags.error(at, "version " + std::string(held) +
                          " of the format is not supported; this program "
                          "reads 1.x");
      return false;
    }
  }
  isVersionNext = false;
  return !diags.full();
}

bool Handler::key(std::string &value) {
  std::string_view held = addString(TokenKind::Key, startOfToken(), value);
  isVersionNext = levels.size() == 1 && held == "version";
  return !diags.full();
}

/// What the array that opens now holds, by the key before it and its depth.
Handler::Place Handler::placeOfArray() const {
  if (levels.size() == 1) {
    if (lastKey() == "variables")
      return Place::Variables;
    if (lastKey() == "functions")
      return Place::Functions;
  }
  if (levels.size() == 3 && levels[1].place == Place::Functions) {
    if (lastKey() == "inputs")
      return Place::Inputs;
    if (lastKey() == "nodes")
      return Place::Nodes;
  }
  return Place::Other;
}

bool Handler::open(TokenKind kind) {
  if (isBracketNext) {
    isBracketNext = false;
    levels.push_back({0, 0, Place::Nodes});
    add(kind, previousEnd++);
    return true;
  }
  Offset at = startOfToken();
  if (levels.size() >= limits.depth) {
    diags.error(at, "nesting is deeper than " + std::to_string(limits.depth));
    return false;
  }
  Place place = Place::Other;
  if (kind == TokenKind::Array && !tape.tokens.empty())
    place = placeOfArray();
  if (levels.size() == 2 && levels[1].place == Place::Functions) {
    function = {};
    function.at = at;
  }
  // Memory that is not touched costs nothing, a vector that grows does.
  if (place == Place::Nodes && nodes == 0 && text.size() >= kLargeFile)
    function.nodes.reserve((text.size() - at) / 64);
  previousEnd = at + 1;
  levels.push_back({tape.tokens.size(), tape.copies.size(), place});
  add(kind, at);
  return !diags.full();
}

bool Handler::close() {
  Offset at = startOfToken();
  previousEnd = at + 1;
  auto [token, copies, unused] = levels.back();
  levels.pop_back();
  tape.tokens[token].end = tape.tokens.size();
  add(TokenKind::End, at);
  Place place = levels.empty() ? Place::Other : levels.back().place;
  if (place != Place::Other) {
    take(token, place);
    // The outer levels of the tape stay; names were copied to the arena.
    tape.copies.resize(copies);
    tape.tokens.resize(token);
  }
  return !diags.full();
}

/// Hands the element that starts at `token` over.
void Handler::take(size_t token, Place place) {
  Json element(tape, token);
  switch (place) {
  case Place::Variables:
    if (auto variable = elements.parseVariable(element))
      file.variables.push_back(std::move(*variable));
    break;
  case Place::Inputs:
    if (auto input = elements.parseInput(element))
      function.inputs.push_back(std::move(*input));
    break;
  case Place::Nodes:
    if (++nodes > limits.nodes)
      diags.error(element.at(), "the file has more than " +
                                    std::to_string(limits.nodes) + " nodes");
    else if (auto node = elements.parseNode(element))
      function.nodes.push_back(std::move(*node));
    break;
  case Place::Functions:
    elements.parseFunctionKeys(element, function);
    if (function.nodes.capacity() / 2 > function.nodes.size())
      function.nodes.shrink_to_fit();
    file.functions.push_back(std::move(function));
    function = {};
    break;
  case Place::Other:
    break;
  }
}

bool Handler::parse_error(std::size_t position, const std::string &token,
                          const json::exception &problem) {
  bool isRange = problem.id == kJsonRangeError;
  Offset at = isRange    ? startOfToken()
              : position ? std::min<Offset>(position - 1, text.size())
                         : 0;
  diags.error(at, describeJsonError(problem.what(), isRange, token));
  return false;
}

bool Handler::run() {
  if (text.size() > limits.fileBytes) {
    diags.error(0, "the file is larger than " +
                       std::to_string(limits.fileBytes) + " bytes");
    return false;
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    diags.error(0, "the file starts with a byte order mark");
    return false;
  }
  if (size_t zero = text.find('\0'); zero != std::string_view::npos) {
    diags.error(zero, "the file holds a zero byte");
    return false;
  }
  const char *first = text.data(), *last = first + text.size();
  if (!json::sax_parse(CountingIterator(first, &reached),
                       CountingIterator(last, &reached), this) ||
      diags.full())
    return false;
  if (!isWhole()) {
    diags.error(tape.tokens.empty() ? 0 : tape.tokens.front().at,
                "a graph file is a JSON object");
    return false;
  }
  elements.parseFileKeys(Json(tape, 0), file);
  return !diags.hasErrors();
}

bool Handler::isWhole() const {
  return !tape.tokens.empty() && tape.tokens.front().kind == TokenKind::Object;
}

/// A comma behind an element that stands at the end of a line, near the middle
/// of the text; kNowhere without one. A line never ends within a string.
Offset Handler::findMiddle() const {
  size_t line = text.size() / 2;
  for (int attempt = 0; attempt < 64; ++attempt, ++line) {
    line = text.find('\n', line);
    if (line == std::string_view::npos)
      return kNowhere;
    size_t comma = text.find_last_not_of(" \t\r\n", line);
    if (comma != std::string_view::npos && comma > 0 && text[comma] == ',' &&
        text[comma - 1] == '}')
      return comma;
  }
  return kNowhere;
}

bool Handler::runAhead(Offset at) {
  levels.assign(3, Level{0, 0, Place::Other});
  isBracketNext = true;
  previousEnd = at;
  Reading reading(text, &reached);
  reading.bracket = text.data() + at;
  return json::sax_parse(SkippingIterator(reading.bracket, reading),
                         SkippingIterator(reading.last, reading), this,
                         json::input_format_t::json, /*strict=*/false) &&
         !diags.hasErrors();
}

void *Handler::readAhead(void *argument) {
  auto *ahead = static_cast<Ahead *>(argument);
  ahead->isGood = ahead->handler.runAhead(ahead->comma);
  return nullptr;
}

/// Appends what was read ahead, if the parser is where that starts: behind a
/// node, in the list of a function.
bool Handler::takeAhead(Ahead &ahead) {
  if (!ahead.isGood || levels.size() != 4 || levels[3].place != Place::Nodes ||
      previousEnd != ahead.comma || diags.hasErrors() ||
      nodes + ahead.handler.nodes > limits.nodes)
    return false;
  std::vector<Node> &more = ahead.handler.function.nodes;
  function.nodes.insert(function.nodes.end(),
                        std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
  more = {};
  nodes += ahead.handler.nodes;
  file.names->adopt(std::move(*ahead.file.names));
  // Its last token is the bracket that ends the list, which comes again.
  previousEnd = ahead.handler.previousEnd - 1;
  return true;
}

bool Handler::runHastily() {
  if (text.size() > limits.fileBytes || text.find('\0') != text.npos)
    return false;
  Reading reading(text, &reached);
  std::unique_ptr<Ahead> ahead;
  pthread_t thread;
  if (text.size() >= kLargeFile && std::thread::hardware_concurrency() > 1)
    if (Offset comma = findMiddle(); comma != kNowhere) {
      ahead = std::make_unique<Ahead>(source, limits, comma);
      // Not std::thread, which throws where the system gives no thread.
      if (pthread_create(&thread, nullptr, readAhead, ahead.get()) != 0)
        ahead.reset();
    }
  bool isJoined = !ahead;
  if (ahead) {
    reading.meeting = text.data() + ahead->comma;
    reading.jump = [&] {
      pthread_join(thread, nullptr);
      isJoined = true;
      return text.data() + (takeAhead(*ahead) ? previousEnd : ahead->comma);
    };
  }
  bool isRead = json::sax_parse(SkippingIterator(reading.first, reading),
                                SkippingIterator(reading.last, reading), this);
  if (!isJoined)
    pthread_join(thread, nullptr);
  if (!isRead || diags.hasErrors() || !isWhole())
    return false;
  elements.parseFileKeys(Json(tape, 0), file);
  return !diags.hasErrors();
}

std::optional<GraphFile>
amp::graphfile::parseGraphFile(const SourceText &source, Diagnostics &diags,
                               const Limits &limits) {
  if (!diags.hasErrors()) {
    GraphFile file;
    Diagnostics none(/*maxErrors=*/1);
    if (Handler(source, none, limits, file).runHastily())
      return file;
  }
  GraphFile file;
  if (!Handler(source, diags, limits, file).run() || diags.hasErrors())
    return std::nullopt;
  return file;
}

//===- ObjectGraphText.cpp - Object graphs in text --------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Brackets are counted over protobuf's tokens, so that those in strings and
// comments are none.
//===----------------------------------------------------------------------===//

#include "ObjectGraphText.h"

#include "graph_def.pb.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

using namespace amp;
using namespace amp::graphdef;
namespace io = google::protobuf::io;

static constexpr std::string_view kField = "object_graph_def",
                                  kMark = "amp's object graph ";
/// How far fields of a meta graph stand to the right.
static constexpr size_t kIndent = 2;

namespace {
class Silence : public io::ErrorCollector {
  void AddError(int, int, const std::string &) override {}
};

/// The tokens of a text.
class Tokens {
public:
  explicit Tokens(std::string_view text)
      : stream(text.data(), static_cast<int>(text.size())),
        tokenizer(&stream, &silence) {
    tokenizer.set_comment_style(io::Tokenizer::SH_COMMENT_STYLE);
    tokenizer.set_allow_f_after_float(true);
    tokenizer.set_require_space_after_number(false);
  }
  bool next() { return tokenizer.Next(); }
  const io::Tokenizer::Token &now() { return tokenizer.current(); }
  bool is(std::string_view text) { return now().text == text; }
  bool opens() { return is("{") || is("<"); }
  bool closes() { return is("}") || is(">"); }

private:
  Silence silence;
  io::ArrayInputStream stream;
  io::Tokenizer tokenizer;
};
} // namespace

bool amp::graphdef::isObjectText(std::string_view bytes) {
  return !bytes.empty() && (bytes.front() == '{' || bytes.front() == '<');
}

std::string
amp::graphdef::cutObjectTexts(std::string_view text,
                              const std::function<size_t(int, int)> &offset,
                              std::vector<std::string> &cut) {
  std::string result(text);
  if (text.find(kField) == text.npos)
    return result;
  // From the end, so that what is behind a block keeps its place.
  struct Block {
    size_t first, last;
    bool hasColon;
  };
  std::vector<Block> blocks;
  Tokens tokens(text);
  bool more = tokens.next();
  while (more) {
    if (!tokens.is(kField)) {
      more = tokens.next();
      continue;
    }
    Block block{0, 0, false};
    more = tokens.next();
    if (more && tokens.is(":")) {
      block.hasColon = true;
      more = tokens.next();
    }
    if (!more || !tokens.opens())
      continue;
    block.first = offset(tokens.now().line, tokens.now().column);
    for (int depth = 0; more; more = tokens.next()) {
      depth += tokens.opens() ? 1 : tokens.closes() ? -1 : 0;
      if (depth != 0)
        continue;
      block.last = offset(tokens.now().line, tokens.now().column);
      if (block.first < block.last && block.last < text.size())
        blocks.push_back(block);
      break;
    }
  }
  cut.resize(blocks.size());
  for (size_t i = blocks.size(); i-- != 0;) {
    const Block &block = blocks[i];
    size_t size = block.last + 1 - block.first;
    // The printer indents it again.
    size_t blanks = kIndent;
    for (char c : text.substr(block.first, size)) {
      if (c == ' ' && blanks < kIndent) {
        ++blanks;
        continue;
      }
      blanks = c == '\n' ? 0 : kIndent;
      cut[i] += c;
    }
    std::string mark = (block.hasColon ? "\"" : ":\"") + std::string(kMark) +
                       std::to_string(i) + "\"";
    std::string filling;
    for (char c : text.substr(block.first, size))
      filling += c == '\n' ? '\n' : ' ';
    // A mark has no place in a short first line; then what stands behind the
    // block in its line moves.
    size_t line = std::min(filling.find('\n'), filling.size());
    filling.replace(0, std::min(line, mark.size()), mark);
    result.replace(block.first, size, filling);
  }
  return result;
}

void amp::graphdef::restoreObjectTexts(const std::vector<std::string> &cut,
                                       tensorflow::SavedModel &model) {
  for (tensorflow::MetaGraphDef &meta : *model.mutable_meta_graphs())
    for (size_t i = 0; i < cut.size(); ++i)
      if (meta.object_graph_def() == std::string(kMark) + std::to_string(i)) {
        meta.set_object_graph_def(cut[i]);
        break;
      }
}

namespace {
class ObjectPrinter
    : public google::protobuf::TextFormat::FastFieldValuePrinter {
public:
  void PrintBytes(
      const std::string &bytes,
      google::protobuf::TextFormat::BaseTextGenerator *out) const override {
    if (isObjectText(bytes))
      out->PrintString(bytes);
    else
      FastFieldValuePrinter::PrintBytes(bytes, out);
  }
};
} // namespace

void amp::graphdef::printObjectTexts(
    google::protobuf::TextFormat::Printer &printer) {
  const auto *field = tensorflow::MetaGraphDef::descriptor()->FindFieldByName(
      "object_graph_def");
  auto *own = new ObjectPrinter;
  if (!printer.RegisterFieldValuePrinter(field, own))
    delete own;
}

std::vector<std::string>
amp::graphdef::functionsOfObjectText(const std::string &text) {
  std::vector<std::string> names;
  Tokens tokens(text);
  int depth = 0;
  bool isEntry = false;
  for (bool more = tokens.next(); more; more = tokens.next()) {
    depth += tokens.opens() ? 1 : tokens.closes() ? -1 : 0;
    if (depth == 1 && tokens.now().type == io::Tokenizer::TYPE_IDENTIFIER)
      isEntry = tokens.is("concrete_functions");
    if (depth != 2 || !isEntry || !tokens.is("key"))
      continue;
    if ((more = tokens.next()) && tokens.is(":"))
      more = tokens.next();
    if (more && tokens.now().type == io::Tokenizer::TYPE_STRING) {
      names.emplace_back();
      io::Tokenizer::ParseStringAppend(tokens.now().text, &names.back());
    }
  }
  return names;
}

//===- PolicyJson.cpp - JSON with positions -------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// nlohmann's SAX events give no positions: the text is read through an
// iterator that counts, and a token starts at the first character behind the
// previous one that is neither space nor punctuation.
//===----------------------------------------------------------------------===//

#include "PolicyJson.h"
#include "amp/OpSet/CountingIterator.h"

#include <nlohmann/json.hpp>

using namespace amp::policy;

static constexpr size_t kMaxDepth = 64;

std::string_view JsonValue::kindName() const {
  switch (kind) {
  case String:
    return "a string";
  case List:
    return "a list";
  case Object:
    return "an object";
  case Other:
  case Integer:
  case Boolean:
    break;
  }
  return "a number, boolean or null";
}

const JsonValue *JsonValue::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key)
      return &items[i];
  return nullptr;
}

namespace {

class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
public:
  TreeBuilder(std::string_view text, const size_t &read, JsonError &failure)
      : text(text), read(read), failure(failure) {}

  bool null() override { return add(JsonValue::Other); }
  bool boolean(bool value) override {
    append(JsonValue::Boolean)->flag = value;
    return true;
  }
  bool number_integer(number_integer_t) override {
    return add(JsonValue::Other);
  }
  bool number_unsigned(number_unsigned_t value) override {
    append(JsonValue::Integer)->number = value;
    return true;
  }
  bool number_float(number_float_t, const string_t &) override {
    return add(JsonValue::Other);
  }
  bool binary(binary_t &) override { return add(JsonValue::Other); }
  bool string(string_t &value) override {
    return add(JsonValue::String, &value);
  }
  bool key(string_t &name) override {
    size_t at = tokenStart();
    JsonValue &object = *open.back();
    if (object.find(name)) {
      failure = {at, "duplicate key '" + name + "'"};
      return false;
    }
    object.keys.push_back(name);
    object.keysAt.push_back(at);
    end = read;
    return true;
  }
  bool start_object(std::size_t) override { return start(JsonValue::Object); }
  bool start_array(std::size_t) override { return start(JsonValue::List); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string &,
                   const nlohmann::detail::exception &error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    std::string message = error.what();
    size_t colon = message.find(": ");
    if (colon != std::string::npos)
      message.erase(0, colon + 2);
    failure = {position == 0 ? 0 : position - 1, message};
    return false;
  }

  JsonValue root;

private:
  size_t tokenStart() const {
    size_t at = end;
    while (at < text.size() && std::string_view(" \t\r\n,:").find(text[at]) !=
                                   std::string_view::npos)
      ++at;
    return at;
  }
  JsonValue *append(JsonValue::Kind kind) {
    JsonValue *value = &root;
    if (!open.empty()) {
      open.back()->items.emplace_back();
      value = &open.back()->items.back();
    }
    value->kind = kind;
    value->at = tokenStart();
    end = read;
    return value;
  }
  bool add(JsonValue::Kind kind, std::string *value = nullptr) {
    JsonValue *item = append(kind);
    if (value)
      item->text = std::move(*value);
    return true;
  }
  bool start(JsonValue::Kind kind) {
    if (open.size() == kMaxDepth) {
      failure = {tokenStart(),
                 "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
      return false;
    }
    // Only the innermost open value grows, so the outer pointers stay valid.
    open.push_back(append(kind));
    return true;
  }
  bool close() {
    open.pop_back();
    end = read;
    return true;
  }

  std::string_view text;
  const size_t &read;
  JsonError &failure;
  std::vector<JsonValue *> open;
  size_t end = 0;
};

} // namespace

std::optional<JsonValue> amp::policy::parseJson(std::string_view text,
                                                JsonError &error) {
  size_t read = 0;
  TreeBuilder builder(text, read, error);
  const char *first = text.data(), *last = first + text.size();
  // A byte order mark is no JSON; nlohmann would skip it silently.
  if (text.substr(0, 3) == "\xEF\xBB\xBF") {
    error = {0, "the file starts with a byte order mark"};
    return std::nullopt;
  }
  if (!nlohmann::json::sax_parse(CountingIterator(first, &read),
                                 CountingIterator(last, &read), &builder))
    return std::nullopt;
  return std::move(builder.root);
}

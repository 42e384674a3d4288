//===- JsonReader.cpp - proto3 JSON to messages -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// SAX events fill a message through its descriptor: no document in between,
// no recursion, and each error at its place. Protobuf's own JSON reader knows
// no places.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/GraphDefFile.h"
#include "amp/GraphFile/JsonPlaces.h"
#include "amp/OpSet/CountingIterator.h"
#include "amp/OpSet/Types.h"

#include <charconv>
#include <cmath>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

using namespace amp;
using namespace amp::graphdef;
using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

namespace {

constexpr size_t kMaxDepth = 256;

/// What a scalar token was.
struct Scalar {
  enum Kind : uint8_t { Null, Bool, Integer, Unsigned, Real, String } kind;
  int64_t integer = 0;
  uint64_t natural = 0;
  double real = 0;
  std::string *text = nullptr;
};

class Handler {
public:
  using json = nlohmann::json;

  Handler(const graphfile::SourceText &source, Message &root,
          NodePlaces *places, graphfile::Diagnostics &diags)
      : text(source.text()), root(root), places(places), diags(diags) {}

  bool run();

  bool null() { return scalar({Scalar::Null}, takeWord()); }
  bool boolean(bool value) {
    Scalar s{Scalar::Bool};
    s.integer = value;
    return scalar(s, takeWord());
  }
  bool number_integer(json::number_integer_t value) {
    Scalar s{Scalar::Integer};
    s.integer = value;
    Offset at = takeNumber();
    // The library takes "-0" for the integer 0.
    s.real = value == 0 && text[at] == '-' ? -0.0 : static_cast<double>(value);
    return scalar(s, at);
  }
  bool number_unsigned(json::number_unsigned_t value) {
    Scalar s{Scalar::Unsigned};
    s.natural = value;
    s.real = static_cast<double>(value);
    return scalar(s, takeNumber());
  }
  bool number_float(json::number_float_t value, const std::string &) {
    Scalar s{Scalar::Real};
    s.real = value;
    return scalar(s, takeNumber());
  }
  bool string(std::string &value) {
    Scalar s{Scalar::String};
    s.text = &value;
    return scalar(s, takeWord());
  }
  bool binary(json::binary_t &) { return false; }
  bool start_object(std::size_t);
  bool key(std::string &value);
  bool end_object() { return close(); }
  bool start_array(std::size_t);
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string &token,
                   const json::exception &problem);

private:
  enum class Kind : uint8_t { Message, Map, List, Skipped };
  struct Level {
    Kind kind;
    /// The message that the level fills, or that holds the map or list.
    Message *message;
    /// The field of a map or list; in a message, the one whose value is next.
    const FieldDescriptor *field = nullptr;
    /// In a map: the entry whose value is next.
    Message *entry = nullptr;
    /// Numbers of the fields seen, or keys of the map.
    std::vector<int> seen;
    std::unordered_set<std::string> keys;
  };

  Offset startOfToken() const;
  Offset takeWord() {
    Offset at = startOfToken();
    previousEnd = reached;
    return at;
  }
  Offset takeNumber();
  bool fail(Offset at, std::string message) {
    diags.error(at, std::move(message));
    return false;
  }
  /// The message and field that the next value belongs to.
  void target(Message *&message, const FieldDescriptor *&field,
              bool &repeated);
  bool enter(Message *message);
  bool close();
  bool scalar(const Scalar &value, Offset at);
  bool store(Message &message, const FieldDescriptor *field, bool repeated,
             const Scalar &value, Offset at);
  bool storeKey(Message &entry, const FieldDescriptor *field,
                const std::string &text, Offset at);
  std::optional<int> enumNumber(const FieldDescriptor *field,
                                const Scalar &value, Offset at);
  template <typename T>
  std::optional<T> integer(const FieldDescriptor *field, const Scalar &value,
                           Offset at);
  std::optional<double> real(const FieldDescriptor *field, const Scalar &value,
                             Offset at);
  bool wrongType(const FieldDescriptor *field, Offset at);
  /// The next value belongs to an unknown key.
  bool isSkipping() const {
    const Level &level = levels.back();
    return level.kind == Kind::Skipped ||
           (level.kind == Kind::Message && !level.field);
  }
  std::string describe(const FieldDescriptor *field) const {
    return "'" + field->json_name() + "' of " +
           field->containing_type()->name();
  }

  std::string_view text;
  Message &root;
  NodePlaces *places;
  graphfile::Diagnostics &diags;
  std::vector<Level> levels;
  size_t reached = 0;
  Offset previousEnd = 0;
  bool started = false;
};

/// Base64 in either alphabet, padded or not. False when it is none.
bool decodeBase64(std::string_view text, std::string &bytes) {
  while (!text.empty() && text.back() == '=')
    text.remove_suffix(1);
  if (text.size() % 4 == 1)
    return false;
  bytes.clear();
  bytes.reserve(text.size() / 4 * 3 + 3);
  uint32_t buffer = 0;
  unsigned bits = 0;
  for (char c : text) {
    unsigned value;
    if (c >= 'A' && c <= 'Z')
      value = c - 'A';
    else if (c >= 'a' && c <= 'z')
      value = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      value = c - '0' + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      return false;
    buffer = buffer << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(buffer >> bits);
    }
  }
  return true;
}

const char *typeWord(const FieldDescriptor *field) {
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
  case FieldDescriptor::CPPTYPE_INT64:
    return "an integer";
  case FieldDescriptor::CPPTYPE_UINT32:
  case FieldDescriptor::CPPTYPE_UINT64:
    return "an integer that is not negative";
  case FieldDescriptor::CPPTYPE_FLOAT:
  case FieldDescriptor::CPPTYPE_DOUBLE:
    return "a number";
  case FieldDescriptor::CPPTYPE_BOOL:
    return "true or false";
  case FieldDescriptor::CPPTYPE_ENUM:
    return "a name of the type";
  case FieldDescriptor::CPPTYPE_STRING:
    return field->type() == FieldDescriptor::TYPE_BYTES ? "a string in base64"
                                                        : "a string";
  case FieldDescriptor::CPPTYPE_MESSAGE:
    return "an object";
  }
  return "something else";
}

} // namespace

Offset Handler::startOfToken() const {
  return graphfile::startOfJsonToken(text, previousEnd);
}

Offset Handler::takeNumber() {
  Offset at = startOfToken();
  previousEnd = graphfile::endOfJsonNumber(text, at);
  return at;
}

void Handler::target(Message *&message, const FieldDescriptor *&field,
                     bool &repeated) {
  Level &level = levels.back();
  message = level.message;
  field = level.field;
  repeated = level.kind == Kind::List;
  if (level.kind == Kind::Map) {
    message = level.entry;
    field = field->message_type()->map_value();
  }
}

bool Handler::wrongType(const FieldDescriptor *field, Offset at) {
  return fail(at, describe(field) + " is " + typeWord(field));
}

bool Handler::enter(Message *message) {
  levels.push_back({Kind::Message, message, nullptr, nullptr, {}, {}});
  return true;
}

bool Handler::start_object(std::size_t) {
  Offset at = startOfToken();
  previousEnd = at + 1;
  if (levels.empty()) {
    started = true;
    return enter(&root);
  }
  if (levels.size() >= kMaxDepth)
    return fail(at, "nesting is deeper than " + std::to_string(kMaxDepth));
  if (isSkipping()) {
    levels.push_back({Kind::Skipped, nullptr, nullptr, nullptr, {}, {}});
    return true;
  }
  Message *message;
  const FieldDescriptor *field;
  bool repeated;
  target(message, field, repeated);
  const Reflection *reflection = message->GetReflection();
  if (field->is_map() && !repeated) {
    levels.push_back({Kind::Map, message, field, nullptr, {}, {}});
    return true;
  }
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
    return wrongType(field, at);
  if (field->is_repeated() && !repeated)
    return fail(at, describe(field) + " is an array");
  if (places && field->message_type()->name() == "NodeDef") {
    if (message == &root)
      places->nodes.push_back(at);
    else if (!places->functions.empty())
      places->functions.back().push_back(at);
  }
  if (places && field->message_type()->name() == "FunctionDef")
    places->functions.emplace_back();
  Message *child = repeated ? reflection->AddMessage(message, field)
                            : reflection->MutableMessage(message, field);
  return enter(child);
}

bool Handler::start_array(std::size_t) {
  Offset at = startOfToken();
  previousEnd = at + 1;
  if (levels.empty())
    return fail(at, "a graph in JSON is an object");
  if (levels.size() >= kMaxDepth)
    return fail(at, "nesting is deeper than " + std::to_string(kMaxDepth));
  if (isSkipping()) {
    levels.push_back({Kind::Skipped, nullptr, nullptr, nullptr, {}, {}});
    return true;
  }
  Message *message;
  const FieldDescriptor *field;
  bool repeated;
  target(message, field, repeated);
  if (repeated || !field->is_repeated() || field->is_map())
    return repeated ? fail(at, "an entry of " + describe(field) + " is " +
                                   typeWord(field))
                    : wrongType(field, at);
  levels.push_back({Kind::List, message, field, nullptr, {}, {}});
  return true;
}

bool Handler::key(std::string &name) {
  Offset at = takeWord();
  Level &level = levels.back();
  if (level.kind == Kind::Skipped)
    return true;
  if (level.kind == Kind::Map) {
    if (!level.keys.insert(name).second)
      return fail(at, "key '" + name + "' stands twice in " +
                          describe(level.field));
    level.entry =
        level.message->GetReflection()->AddMessage(level.message, level.field);
    return storeKey(*level.entry, level.field->message_type()->map_key(), name,
                    at);
  }
  const Descriptor *type = level.message->GetDescriptor();
  const FieldDescriptor *field = type->FindFieldByCamelcaseName(name);
  if (!field)
    field = type->FindFieldByName(name);
  if (!field) {
    std::string message = "unknown key '" + name + "' in " + type->name();
    std::vector<std::string_view> names;
    for (int i = 0; i < type->field_count(); ++i)
      names.emplace_back(type->field(i)->json_name());
    if (std::string_view nearest = didYouMean(name, names); !nearest.empty())
      message.append(", did you mean '").append(nearest).append("'?");
    diags.error(at, message);
    if (diags.full())
      return false;
    // Its value is read over.
    level.field = nullptr;
    return true;
  }
  for (int number : level.seen)
    if (number == field->number())
      return fail(at, "key '" + name + "' stands twice");
  if (const auto *oneof = field->real_containing_oneof())
    if (level.message->GetReflection()->HasOneof(*level.message, oneof))
      return fail(at, "'" + name + "' beside another value of " +
                          type->name());
  level.seen.push_back(field->number());
  level.field = field;
  return true;
}

bool Handler::close() {
  previousEnd = startOfToken() + 1;
  levels.pop_back();
  return true;
}

bool Handler::storeKey(Message &entry, const FieldDescriptor *field,
                       const std::string &name, Offset at) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    entry.GetReflection()->SetString(&entry, field, name);
    return true;
  }
  std::string copy = name;
  Scalar value{Scalar::String};
  value.text = &copy;
  return store(entry, field, false, value, at);
}

template <typename T>
std::optional<T> Handler::integer(const FieldDescriptor *field,
                                  const Scalar &value, Offset at) {
  bool fits = false, isNumber = true;
  T result = 0;
  switch (value.kind) {
  case Scalar::Integer:
    fits = std::is_signed_v<T> &&
           value.integer >= int64_t(std::numeric_limits<T>::min()) &&
           (sizeof(T) == 8 ||
            value.integer <= int64_t(std::numeric_limits<T>::max()));
    result = static_cast<T>(value.integer);
    break;
  case Scalar::Unsigned:
    fits = value.natural <= uint64_t(std::numeric_limits<T>::max());
    result = static_cast<T>(value.natural);
    break;
  case Scalar::Real:
    // 1e3 and 2.0 are integers in proto3 JSON.
    fits = value.real == std::trunc(value.real) &&
           value.real >= double(std::numeric_limits<T>::min()) &&
           value.real < std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (fits)
      result = static_cast<T>(value.real);
    isNumber = value.real == std::trunc(value.real);
    break;
  case Scalar::String: {
    const char *first = value.text->data(), *last = first + value.text->size();
    auto [end, error] = std::from_chars(first, last, result);
    isNumber = first != last && end == last &&
               error != std::errc::invalid_argument;
    fits = isNumber && error == std::errc();
    break;
  }
  default:
    isNumber = false;
  }
  if (fits)
    return result;
  if (isNumber)
    fail(at, "the number does not fit " + describe(field));
  else
    wrongType(field, at);
  return std::nullopt;
}

std::optional<double> Handler::real(const FieldDescriptor *field,
                                    const Scalar &value, Offset at) {
  switch (value.kind) {
  case Scalar::Integer:
  case Scalar::Unsigned:
  case Scalar::Real:
    return value.real;
  case Scalar::String: {
    const std::string &text = *value.text;
    if (text == "NaN")
      return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity")
      return std::numeric_limits<double>::infinity();
    if (text == "-Infinity")
      return -std::numeric_limits<double>::infinity();
    double result;
    const char *first = text.data(), *last = first + text.size();
    auto [end, error] = std::from_chars(first, last, result);
    if (first != last && end == last && error == std::errc())
      return result;
    break;
  }
  default:
    break;
  }
  wrongType(field, at);
  return std::nullopt;
}

std::optional<int> Handler::enumNumber(const FieldDescriptor *field,
                                       const Scalar &value, Offset at) {
  if (value.kind != Scalar::String) {
    if (value.kind == Scalar::Bool || value.kind == Scalar::Null) {
      wrongType(field, at);
      return std::nullopt;
    }
    return integer<int32_t>(field, value, at);
  }
  if (const EnumValueDescriptor *found =
          field->enum_type()->FindValueByName(*value.text))
    return found->number();
  fail(at, "unknown " + field->enum_type()->name() + " '" + *value.text + "'");
  return std::nullopt;
}

bool Handler::scalar(const Scalar &value, Offset at) {
  if (levels.empty())
    return fail(at, "a graph in JSON is an object");
  if (isSkipping())
    return true;
  Level &level = levels.back();
  Message *message;
  const FieldDescriptor *field;
  bool repeated;
  target(message, field, repeated);
  if (value.kind == Scalar::Null) {
    // null is the default of a field, and nothing inside a list or map.
    if (level.kind == Kind::Message)
      return true;
    return fail(at, "null inside " + describe(level.field));
  }
  if (field->is_repeated() && !repeated)
    return fail(at, describe(field) + " is an " +
                        (field->is_map() ? "object" : "array"));
  return store(*message, field, repeated, value, at);
}

bool Handler::store(Message &message, const FieldDescriptor *field,
                    bool repeated, const Scalar &value, Offset at) {
  const Reflection *r = message.GetReflection();
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32: {
    auto v = integer<int32_t>(field, value, at);
    if (v)
      repeated ? r->AddInt32(&message, field, *v)
               : r->SetInt32(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_INT64: {
    auto v = integer<int64_t>(field, value, at);
    if (v)
      repeated ? r->AddInt64(&message, field, *v)
               : r->SetInt64(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_UINT32: {
    auto v = integer<uint32_t>(field, value, at);
    if (v)
      repeated ? r->AddUInt32(&message, field, *v)
               : r->SetUInt32(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_UINT64: {
    auto v = integer<uint64_t>(field, value, at);
    if (v)
      repeated ? r->AddUInt64(&message, field, *v)
               : r->SetUInt64(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_FLOAT: {
    auto v = real(field, value, at);
    if (!v)
      return false;
    float narrow = static_cast<float>(*v);
    if (std::isinf(narrow) && !std::isinf(*v))
      return fail(at, "the number does not fit " + describe(field));
    repeated ? r->AddFloat(&message, field, narrow)
             : r->SetFloat(&message, field, narrow);
    return true;
  }
  case FieldDescriptor::CPPTYPE_DOUBLE: {
    auto v = real(field, value, at);
    if (v)
      repeated ? r->AddDouble(&message, field, *v)
               : r->SetDouble(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_BOOL: {
    bool isWord = value.kind == Scalar::String &&
                  (*value.text == "true" || *value.text == "false") &&
                  message.GetDescriptor()->options().map_entry();
    if (value.kind != Scalar::Bool && !isWord)
      return wrongType(field, at);
    bool v = isWord ? *value.text == "true" : value.integer != 0;
    repeated ? r->AddBool(&message, field, v) : r->SetBool(&message, field, v);
    return true;
  }
  case FieldDescriptor::CPPTYPE_ENUM: {
    auto v = enumNumber(field, value, at);
    if (v)
      repeated ? r->AddEnumValue(&message, field, *v)
               : r->SetEnumValue(&message, field, *v);
    return v.has_value();
  }
  case FieldDescriptor::CPPTYPE_STRING: {
    if (value.kind != Scalar::String)
      return wrongType(field, at);
    std::string bytes;
    if (field->type() == FieldDescriptor::TYPE_BYTES) {
      if (!decodeBase64(*value.text, bytes))
        return fail(at, describe(field) + " is no base64");
    } else {
      bytes = std::move(*value.text);
    }
    repeated ? r->AddString(&message, field, std::move(bytes))
             : r->SetString(&message, field, std::move(bytes));
    return true;
  }
  case FieldDescriptor::CPPTYPE_MESSAGE:
    break;
  }
  return repeated ? fail(at, "an entry of " + describe(field) + " is " +
                                 typeWord(field))
                  : wrongType(field, at);
}

bool Handler::parse_error(std::size_t position, const std::string &token,
                          const json::exception &problem) {
  bool isRange = problem.id == graphfile::kJsonRangeError;
  Offset at = isRange    ? startOfToken()
              : position ? std::min<Offset>(position - 1, text.size())
                         : 0;
  return fail(at, graphfile::describeJsonError(problem.what(), isRange, token));
}

bool Handler::run() {
  const char *first = text.data(), *last = first + text.size();
  bool complete = json::sax_parse(CountingIterator(first, &reached),
                                  CountingIterator(last, &reached), this);
  if (complete && !started)
    return fail(0, "a graph in JSON is an object");
  return complete && !diags.hasErrors();
}

bool amp::graphdef::readJson(const graphfile::SourceText &source,
                             Message &message, NodePlaces *places,
                             graphfile::Diagnostics &diags) {
  if (size_t zero = source.text().find('\0');
      zero != std::string_view::npos) {
    diags.error(zero, "the file holds a zero byte");
    return false;
  }
  return Handler(source, message, places, diags).run();
}

//===- JsonWriter.cpp - Messages to proto3 JSON -------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Over the descriptor, in the form that protobuf's own printer gives (64-bit
// integers as strings, bytes in base64, default values left out), but with
// nodes and functions on lines of their own and map entries sorted.
//===----------------------------------------------------------------------===//

#include "amp/GraphDef/GraphDefFile.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

using namespace amp;
using namespace amp::graphdef;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

namespace {

class Writer {
public:
  explicit Writer(std::string &out) : out(out) {}
  void message(const Message &message);

private:
  void field(const Message &message, const FieldDescriptor *field);
  void map(const Message &message, const FieldDescriptor *field);
  void list(const Message &message, const FieldDescriptor *field);
  /// One value: the field's, or its element `index` when it is not negative.
  void value(const Message &message, const FieldDescriptor *field, int index);
  void quoted(std::string_view text);
  void base64(std::string_view bytes);
  template <typename T> void number(T value);
  template <typename T> void real(T value);

  std::string &out;
};

} // namespace

template <typename T> void Writer::number(T value) {
  char buffer[24];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

template <typename T> void Writer::real(T value) {
  if (std::isnan(value))
    out += "\"NaN\"";
  else if (std::isinf(value))
    out += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  else {
    // The shortest text that reads back as the same number.
    char buffer[40];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out.append(buffer, end);
  }
}

void Writer::quoted(std::string_view text) {
  static const char hex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 15];
      } else {
        out += c;
      }
    }
  }
  out += '"';
}

void Writer::base64(std::string_view bytes) {
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  size_t i = 0;
  auto at = [&](size_t k) { return static_cast<unsigned char>(bytes[k]); };
  for (; i + 2 < bytes.size(); i += 3) {
    uint32_t v = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += digits[v >> 18];
    out += digits[v >> 12 & 63];
    out += digits[v >> 6 & 63];
    out += digits[v & 63];
  }
  if (size_t left = bytes.size() - i) {
    uint32_t v = at(i) << 16 | (left > 1 ? at(i + 1) << 8 : 0);
    out += digits[v >> 18];
    out += digits[v >> 12 & 63];
    out += left > 1 ? digits[v >> 6 & 63] : '=';
    out += '=';
  }
  out += '"';
}

void Writer::value(const Message &message, const FieldDescriptor *field,
                   int index) {
  const Reflection *r = message.GetReflection();
  bool one = index < 0;
  std::string scratch;
  switch (field->cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
    number(one ? r->GetInt32(message, field)
               : r->GetRepeatedInt32(message, field, index));
    break;
  case FieldDescriptor::CPPTYPE_UINT32:
    number(one ? r->GetUInt32(message, field)
               : r->GetRepeatedUInt32(message, field, index));
    break;
  case FieldDescriptor::CPPTYPE_INT64:
    out += '"';
    number(one ? r->GetInt64(message, field)
               : r->GetRepeatedInt64(message, field, index));
    out += '"';
    break;
  case FieldDescriptor::CPPTYPE_UINT64:
    out += '"';
    number(one ? r->GetUInt64(message, field)
               : r->GetRepeatedUInt64(message, field, index));
    out += '"';
    break;
  case FieldDescriptor::CPPTYPE_FLOAT:
    real(one ? r->GetFloat(message, field)
             : r->GetRepeatedFloat(message, field, index));
    break;
  case FieldDescriptor::CPPTYPE_DOUBLE:
    real(one ? r->GetDouble(message, field)
             : r->GetRepeatedDouble(message, field, index));
    break;
  case FieldDescriptor::CPPTYPE_BOOL:
    out += (one ? r->GetBool(message, field)
                : r->GetRepeatedBool(message, field, index))
               ? "true"
               : "false";
    break;
  case FieldDescriptor::CPPTYPE_ENUM: {
    int v = one ? r->GetEnumValue(message, field)
                : r->GetRepeatedEnumValue(message, field, index);
    if (const auto *named = field->enum_type()->FindValueByNumber(v))
      quoted(named->name());
    else
      number(v);
    break;
  }
  case FieldDescriptor::CPPTYPE_STRING: {
    const std::string &text =
        one ? r->GetStringReference(message, field, &scratch)
            : r->GetRepeatedStringReference(message, field, index, &scratch);
    if (field->type() == FieldDescriptor::TYPE_BYTES)
      base64(text);
    else
      quoted(text);
    break;
  }
  case FieldDescriptor::CPPTYPE_MESSAGE:
    this->message(one ? r->GetMessage(message, field)
                      : r->GetRepeatedMessage(message, field, index));
    break;
  }
}

void Writer::map(const Message &message, const FieldDescriptor *field) {
  const Reflection *r = message.GetReflection();
  const FieldDescriptor *key = field->message_type()->map_key();
  const FieldDescriptor *mapped = field->message_type()->map_value();
  std::vector<std::pair<std::string, const Message *>> entries;
  bool isText = key->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  for (int i = 0; i < r->FieldSize(message, field); ++i) {
    const Message &entry = r->GetRepeatedMessage(message, field, i);
    const Reflection *of = entry.GetReflection();
    std::string name;
    if (isText)
      name = of->GetString(entry, key);
    else if (key->cpp_type() == FieldDescriptor::CPPTYPE_UINT32)
      name = std::to_string(of->GetUInt32(entry, key));
    else
      name = std::to_string(of->GetUInt64(entry, key));
    entries.emplace_back(std::move(name), &entry);
  }
  std::sort(entries.begin(), entries.end(), [&](auto &a, auto &b) {
    if (!isText && a.first.size() != b.first.size())
      return a.first.size() < b.first.size();
    return a.first < b.first;
  });
  out += '{';
  bool first = true;
  for (auto &[name, entry] : entries) {
    if (!first)
      out += ',';
    first = false;
    quoted(name);
    out += ':';
    value(*entry, mapped, -1);
  }
  out += '}';
}

void Writer::list(const Message &message, const FieldDescriptor *field) {
  int size = message.GetReflection()->FieldSize(message, field);
  // A graph is read by people and compared by lines.
  bool lines = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
               (field->message_type()->name() == "NodeDef" ||
                field->message_type()->name() == "FunctionDef");
  out += '[';
  for (int i = 0; i < size; ++i) {
    if (i)
      out += ',';
    if (lines)
      out += '\n';
    value(message, field, i);
  }
  out += lines ? "\n]" : "]";
}

void Writer::field(const Message &message, const FieldDescriptor *field) {
  quoted(field->json_name());
  out += ':';
  if (field->is_map())
    map(message, field);
  else if (field->is_repeated())
    list(message, field);
  else
    value(message, field, -1);
}

void Writer::message(const Message &message) {
  const Reflection *r = message.GetReflection();
  const auto *type = message.GetDescriptor();
  out += '{';
  bool first = true;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor *f = type->field(i);
    if (f->is_repeated() ? r->FieldSize(message, f) == 0
                         : !r->HasField(message, f))
      continue;
    if (!first)
      out += ',';
    first = false;
    field(message, f);
  }
  out += '}';
}

void amp::graphdef::writeJson(const Message &message, std::string &text) {
  Writer(text).message(message);
  text += '\n';
}

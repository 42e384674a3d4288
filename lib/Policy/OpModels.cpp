//===- OpModels.cpp - Reads models of foreign ops -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// From JSON to descriptions of ops. Every message points at its place.
//===----------------------------------------------------------------------===//

#include "amp/Policy/OpModels.h"

#include "PolicyFile.h"
#include "PolicyJson.h"
#include "amp/OpSet/OpSet.h"

#include <algorithm>
#include <cstring>
#include <iterator>

using namespace amp;
using policy::JsonError;
using policy::JsonValue;
using policy::kLists;
using policy::kMaxErrors;
using policy::suggest;

/// More operands than any op has.
static constexpr uint64_t kMaxOperand = 1 << 20;

namespace {

class Reader {
public:
  Reader(OpModelsFile &file, std::vector<PolicyMessage> &messages)
      : file(file), messages(messages) {}

  bool open(const std::string &nameOrFile);
  bool read();

private:
  void message(std::string text, bool isIO = false) {
    if (++errors <= kMaxErrors)
      messages.push_back({true, std::move(text), isIO});
  }
  void error(size_t at, const std::string &text) {
    message(file.locate(at, "error: " + text));
  }
  /// Whether the value is of a kind; an error when it is not.
  bool expect(const JsonValue &value, JsonValue::Kind kind,
              const std::string &what, const char *wanted) {
    if (value.kind == kind)
      return true;
    error(value.at, what + " is " + std::string(value.kindName()) + ", not " +
                        wanted);
    return false;
  }
  void unknownKey(const JsonValue &object, size_t i,
                  const std::vector<std::string_view> &known) {
    error(object.keysAt[i],
          "unknown key '" + object.keys[i] + "'" + suggest(object.keys[i], known));
  }
  /// A name with its dialect. Names of the file's dialects may go without.
  std::string opName(const std::string &name, std::string_view dialect) {
    return name.find('.') == std::string::npos
               ? std::string(dialect) + "." + name
               : name;
  }

  void readDialects(const JsonValue &dialects);
  void readDialect(const JsonValue &value, DialectDescription &dialect);
  void readOp(const JsonValue &value, OpDescription &op);
  bool readListing(const JsonValue &object, size_t i, OpListing &listing);
  void readBodies(const JsonValue &value, OpDescription &op);
  void readGroups(const JsonValue &value, OpDescription &op);
  void readGroup(const JsonValue &value, OpDescription::Group &group);
  void readNumbers(const JsonValue &value, const std::string &what,
                   std::vector<unsigned> &numbers, bool &all);

  OpModelsFile &file;
  std::vector<PolicyMessage> &messages;
  JsonValue root;
  size_t errors = 0;
};

} // namespace

std::string OpModelsFile::locate(size_t at, const std::string &message) const {
  return policy::locate(fileName, text, at, message);
}

bool Reader::open(const std::string &nameOrFile) {
  if (std::string_view text = opModelsText(nameOrFile); !text.empty()) {
    file.fileName = "<models " + nameOrFile + ">";
    file.text = text;
  } else if (nameOrFile.size() > 5 &&
             nameOrFile.substr(nameOrFile.size() - 5) == ".json") {
    file.fileName = nameOrFile;
    int reason = policy::readFile(nameOrFile, file.text);
    // A name of ours with its ending, where there is no such file.
    std::string_view shipped =
        reason ? opModelsText(nameOrFile.substr(0, nameOrFile.size() - 5))
               : std::string_view();
    if (!shipped.empty()) {
      file.fileName = "<models " + nameOrFile + ">";
      file.text = shipped;
    } else if (reason) {
      message("error: cannot read models file '" + nameOrFile +
                  "': " + std::strerror(reason),
              /*isIO=*/true);
      return false;
    }
    if (file.text.size() > policy::kMaxBytes) {
      message("error: models file '" + nameOrFile + "' is larger than 16 MiB");
      return false;
    }
  } else {
    std::string shipped;
    for (std::string_view name : opModelsNames())
      shipped += (shipped.empty() ? "" : ", ") + std::string(name);
    message("error: unknown models '" + nameOrFile + "'; " + shipped +
            " ships, and files end in .json");
    return false;
  }
  JsonError failure;
  std::optional<JsonValue> parsed = policy::parseJson(file.text, failure);
  if (!parsed) {
    error(failure.at, failure.message);
    return false;
  }
  if (!expect(*parsed, JsonValue::Object, "a models file", "an object"))
    return false;
  root = std::move(*parsed);
  return true;
}

void Reader::readDialect(const JsonValue &value, DialectDescription &dialect) {
  if (!expect(value, JsonValue::Object, "'" + dialect.name + "'", "an object"))
    return;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string &key = value.keys[i];
    const JsonValue &item = value.items[i];
    if (key == "cast") {
      if (!expect(item, JsonValue::String, "'cast'", "the name of an op"))
        continue;
      if (item.text.empty())
        error(item.at, "'cast' is empty");
      else
        dialect.cast = opName(item.text, dialect.name);
      dialect.castAt = item.at;
    } else if (key == "constant") {
      if (!expect(item, JsonValue::Object, "'constant'",
                  "an object with op and attribute"))
        continue;
      for (size_t k = 0; k < item.keys.size(); ++k) {
        const JsonValue &part = item.items[k];
        if (item.keys[k] != "op" && item.keys[k] != "attribute")
          unknownKey(item, k, {"op", "attribute"});
        else if (expect(part, JsonValue::String, "'" + item.keys[k] + "'",
                        "a name"))
          (item.keys[k] == "op" ? dialect.constant
                                : dialect.constantAttribute) = part.text;
      }
      if (dialect.constant.empty() || dialect.constantAttribute.empty())
        error(item.at, "a constant needs 'op' and 'attribute'");
      else
        dialect.constant = opName(dialect.constant, dialect.name);
      dialect.constantAt = item.at;
    } else if (key != "doc") {
      unknownKey(value, i, {"cast", "constant", "doc"});
    }
  }
  if (!dialect.cast.empty() && dialect.cast == dialect.constant)
    error(dialect.castAt,
          "'" + dialect.cast + "' is the cast of its dialect and its constant");
}

void Reader::readDialects(const JsonValue &dialects) {
  if (!expect(dialects, JsonValue::Object, "'dialects'", "an object"))
    return;
  for (size_t i = 0; i < dialects.keys.size(); ++i) {
    DialectDescription dialect;
    dialect.name = dialects.keys[i];
    dialect.at = dialects.keysAt[i];
    if (dialect.name.empty() ||
        dialect.name.find('.') != std::string::npos) {
      error(dialect.at, "'" + dialect.name + "' is no name of a dialect");
      continue;
    }
    readDialect(dialects.items[i], dialect);
    file.dialects.push_back(std::move(dialect));
  }
}

/// Whether the key is one of a listing.
bool Reader::readListing(const JsonValue &object, size_t i,
                         OpListing &listing) {
  const std::string &key = object.keys[i];
  const JsonValue &value = object.items[i];
  if (key == "as") {
    if (!expect(value, JsonValue::String, "'as'",
                "the name of an op of the op table"))
      return true;
    listing.as = value.text;
    if (findOp(value.text))
      return true;
    std::vector<std::string_view> names;
    for (const OpDef &op : allOps())
      names.push_back(op.name);
    error(value.at, "the op table has no '" + value.text + "'" +
                        suggest(value.text, names));
    return true;
  }
  if (key != "list")
    return false;
  auto kind = std::find_if(std::begin(kLists), std::end(kLists),
                           [&](ListKind k) { return listName(k) == value.text; });
  // A wrong list is one all the same.
  listing.list = ListKind::Keep;
  if (value.kind != JsonValue::String || kind == std::end(kLists))
    error(value.at, "'list' is allow, infer, clear, deny or keep");
  else
    listing.list = *kind;
  return true;
}

void Reader::readBodies(const JsonValue &value, OpDescription &op) {
  if (!expect(value, JsonValue::Object, "'bodies'", "an object"))
    return;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const JsonValue &body = value.items[i];
    OpListing listing;
    if (value.keys[i].find('.') == std::string::npos) {
      error(value.keysAt[i],
            "'" + value.keys[i] + "' is no name of an op with its dialect");
      continue;
    }
    if (!expect(body, JsonValue::Object, "'" + value.keys[i] + "'",
                "an object"))
      continue;
    for (size_t k = 0; k < body.keys.size(); ++k)
      if (!readListing(body, k, listing))
        unknownKey(body, k, {"as", "list"});
    if (listing.as.empty() && !listing.list)
      error(body.at, "this body is on no list: it needs 'as' or 'list'");
    op.bodies.emplace_back(value.keys[i], std::move(listing));
  }
}

void Reader::readNumbers(const JsonValue &value, const std::string &what,
                         std::vector<unsigned> &numbers, bool &all) {
  if (value.kind == JsonValue::String && value.text == "all") {
    all = true;
    return;
  }
  if (!expect(value, JsonValue::List, "'" + what + "'",
              "\"all\" or a list of numbers"))
    return;
  for (const JsonValue &item : value.items) {
    if (item.kind != JsonValue::Integer || item.number >= kMaxOperand)
      error(item.at, "'" + what + "' are counted from 0");
    else if (std::find(numbers.begin(), numbers.end(), item.number) !=
             numbers.end())
      error(item.at, "twice in one group");
    else
      numbers.push_back(static_cast<unsigned>(item.number));
  }
}

void Reader::readGroup(const JsonValue &value, OpDescription::Group &group) {
  if (!expect(value, JsonValue::Object, "a group", "an object"))
    return;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string &key = value.keys[i];
    const JsonValue &item = value.items[i];
    if (key == "operands") {
      readNumbers(item, key, group.operands, group.allOperands);
    } else if (key == "results") {
      readNumbers(item, key, group.results, group.allResults);
    } else if (key == "operands_from") {
      if (item.kind != JsonValue::Integer || item.number >= kMaxOperand)
        error(item.at, "'operands_from' is a number, counted from 0");
      else
        group.operandsFrom = static_cast<unsigned>(item.number);
    } else if (key == "attribute") {
      if (expect(item, JsonValue::String, "'attribute'", "a name"))
        group.attribute = item.text;
    } else if (key == "types") {
      if (!expect(item, JsonValue::List, "'types'", "a list"))
        continue;
      group.float16 = group.bfloat16 = false;
      for (const JsonValue &type : item.items) {
        if (type.kind == JsonValue::String && type.text == "float16")
          group.float16 = true;
        else if (type.kind == JsonValue::String && type.text == "bfloat16")
          group.bfloat16 = true;
        else
          error(type.at, "a type is float16 or bfloat16");
      }
    } else {
      unknownKey(value, i,
                 {"operands", "results", "operands_from", "attribute", "types"});
    }
  }
  for (unsigned operand : group.operands)
    if (group.operandsFrom && operand >= *group.operandsFrom)
      error(value.at, "operand " + std::to_string(operand) +
                          " is also one of 'operands_from'");
}

void Reader::readGroups(const JsonValue &value, OpDescription &op) {
  op.groups.clear();
  if (value.kind == JsonValue::String && value.text == "none")
    return;
  if (value.kind == JsonValue::String && value.text == "all") {
    op.groups.emplace_back();
    op.groups.back().allOperands = op.groups.back().allResults = true;
    return;
  }
  if (!expect(value, JsonValue::List, "'groups'",
              "\"all\", \"none\" or a list of groups"))
    return;
  std::vector<unsigned> operands, results;
  for (const JsonValue &item : value.items) {
    op.groups.emplace_back();
    OpDescription::Group &group = op.groups.back();
    readGroup(item, group);
    if ((group.allOperands || group.allResults) && value.items.size() != 1)
      error(item.at, "a group of \"all\" is the only one of its op");
    for (auto [numbers, seen] : {std::pair(&group.operands, &operands),
                                 std::pair(&group.results, &results)})
      for (unsigned number : *numbers) {
        if (std::find(seen->begin(), seen->end(), number) != seen->end())
          error(item.at, std::to_string(number) + " is in two groups");
        seen->push_back(number);
      }
  }
}

void Reader::readOp(const JsonValue &value, OpDescription &op) {
  op.groups.emplace_back();
  op.groups.back().allOperands = op.groups.back().allResults = true;
  size_t dot = op.name.find('.');
  std::string dialect = op.name.substr(0, dot);
  auto isIt = [&](const DialectDescription &d) { return d.name == dialect; };
  auto found = std::find_if(file.dialects.begin(), file.dialects.end(), isIt);
  if (dot == std::string::npos || found == file.dialects.end()) {
    std::vector<std::string_view> names;
    for (const DialectDescription &d : file.dialects)
      names.push_back(d.name);
    error(op.at, "'" + op.name + "' is of none of the dialects of this file" +
                     suggest(dialect, names));
    return;
  }
  if (op.name == found->cast || op.name == found->constant)
    return error(op.at, "'" + op.name + "' is the " +
                            (op.name == found->cast ? "cast" : "constant") +
                            " of its dialect, and no more is to be said");
  if (!expect(value, JsonValue::Object, "'" + op.name + "'", "an object"))
    return;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string &key = value.keys[i];
    const JsonValue &item = value.items[i];
    if (readListing(value, i, op.listing))
      continue;
    if (key == "groups") {
      readGroups(item, op);
    } else if (key == "bodies") {
      readBodies(item, op);
    } else if (key == "regions") {
      if (item.kind == JsonValue::String &&
          (item.text == "retype" || item.text == "keep"))
        op.retypesRegions = item.text == "retype";
      else
        error(item.at, "'regions' is retype or keep");
    } else if (key == "flow") {
      if (item.kind == JsonValue::String &&
          (item.text == "loop" || item.text == "branch"))
        op.flow = item.text == "loop" ? RegionFlow::Loop : RegionFlow::Branch;
      else
        error(item.at, "'flow' is loop or branch");
    } else if (key == "loss") {
      if (expect(item, JsonValue::Boolean, "'loss'", "true or false"))
        op.isLoss = item.flag;
    } else if (key != "doc") {
      unknownKey(value, i, {"as", "list", "groups", "regions", "bodies", "flow",
                            "loss", "doc"});
    }
  }
  if (op.flow != RegionFlow::None &&
      (op.retypesRegions || !op.bodies.empty() || value.find("groups")))
    error(op.at, "'" + op.name + "' has a 'flow', which says all of its groups, "
                                 "regions and bodies");
  if (op.listing.as.empty() && !op.listing.list)
    error(op.at, "'" + op.name + "' is on no list: it needs 'as' or 'list'");
}

bool Reader::read() {
  const JsonValue *ops = nullptr;
  // Ops are checked against the dialects, wherever those stand.
  if (const JsonValue *dialects = root.find("dialects"))
    readDialects(*dialects);
  else
    error(root.at, "a models file needs 'dialects'");
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::string &key = root.keys[i];
    const JsonValue &value = root.items[i];
    if (key == "name") {
      if (expect(value, JsonValue::String, "'name'", "a string"))
        file.name = value.text;
    } else if (key == "ops") {
      if (expect(value, JsonValue::Object, "'ops'", "an object"))
        ops = &value;
    } else if (key != "dialects" && key != "doc" && key != "$schema") {
      unknownKey(root, i, {"name", "doc", "dialects", "ops"});
    }
  }
  if (!root.find("ops"))
    error(root.at, "a models file needs 'ops'");
  for (size_t i = 0; ops && i < ops->keys.size(); ++i) {
    OpDescription op;
    op.name = ops->keys[i];
    op.at = ops->keysAt[i];
    readOp(ops->items[i], op);
    file.ops.push_back(std::move(op));
  }
  if (errors > kMaxErrors)
    messages.push_back({true, "error: " + std::to_string(errors - kMaxErrors) +
                                  " more errors"});
  return errors == 0;
}

std::vector<std::string> OpModelsFile::policyNames() const {
  std::vector<std::string> names;
  for (const OpDescription &op : ops) {
    names.push_back(op.name);
    for (const auto &body : op.bodies)
      names.push_back(op.variantName(body.first));
  }
  for (const DialectDescription &dialect : dialects)
    for (const std::string &name : {dialect.cast, dialect.constant})
      if (!name.empty())
        names.push_back(name);
  return names;
}

std::shared_ptr<const OpModelsFile>
amp::loadOpModels(const std::string &nameOrFile,
                  std::vector<PolicyMessage> &messages) {
  auto file = std::make_shared<OpModelsFile>();
  Reader reader(*file, messages);
  if (!reader.open(nameOrFile) || !reader.read())
    return nullptr;
  if (file->name.empty())
    file->name = nameOrFile;
  return file;
}

void amp::addOpModels(Policy &policy, const OpModelsFile &models) {
  bool isUsed[std::size(kLists)];
  for (ListKind list : kLists)
    isUsed[static_cast<size_t>(list)] = !policy.members(list).empty();
  auto listOf = [&](const OpListing &listing) {
    if (listing.list)
      return isUsed[static_cast<size_t>(*listing.list)] ? *listing.list
                                                        : ListKind::Keep;
    return policy.list(listing.as);
  };
  for (const OpDescription &op : models.ops) {
    std::optional<ListKind> named;
    if (policy.lists(op.name))
      named = policy.list(op.name);
    else
      policy.move(op.name, listOf(op.listing));
    for (const auto &[body, listing] : op.bodies)
      if (std::string name = op.variantName(body); !policy.lists(name))
        policy.move(name, named ? *named : listOf(listing));
  }
  for (const DialectDescription &dialect : models.dialects)
    for (const std::string &name : {dialect.cast, dialect.constant})
      if (!name.empty() && !policy.lists(name))
        policy.move(name, ListKind::Keep);
}

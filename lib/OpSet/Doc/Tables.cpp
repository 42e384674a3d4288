//===- Tables.cpp - Markdown tables of the ops ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Operands, attributes, type groups and gradients of each op, as Markdown.
//===----------------------------------------------------------------------===//

#include "Doc.h"

#include "../Rules.h"
#include "amp/OpSet/Optimizers.h"

namespace amp::opset {

namespace {

std::string_view familyTitle(Family family) {
  switch (family) {
  case Family::Values:
    return "Values";
  case Family::Unary:
    return "Unary";
  case Family::Binary:
    return "Binary";
  case Family::Matrix:
    return "Matrix products";
  case Family::Convolution:
    return "Convolution and pooling";
  case Family::Normalisation:
    return "Normalisation";
  case Family::Loss:
    return "Softmax and losses";
  case Family::Reduction:
    return "Reductions";
  case Family::Shape:
    return "Shape";
  case Family::Random:
    return "Random";
  case Family::Variable:
    return "Variables";
  case Family::LossScale:
    return "Loss scale";
  }
  return {};
}

std::string_view dtypesText(DTypes dtypes) {
  switch (dtypes) {
  case DTypes::Any:
    return "any";
  case DTypes::Floating:
    return "floating";
  case DTypes::Numeric:
    return "number";
  case DTypes::Index:
    return "int32, int64";
  case DTypes::Bool:
    return "bool";
  case DTypes::Float32:
    return "float32";
  case DTypes::Int32:
    return "int32";
  case DTypes::Int64:
    return "int64";
  case DTypes::Params:
    return "float32 (float64)";
  }
  return {};
}

/// Pipes separate the cells of a table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|')
      escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string valueText(const AttrDef &attr) {
  struct Printer {
    std::string operator()(bool v) { return v ? "true" : "false"; }
    std::string operator()(int64_t v) { return cat(v); }
    std::string operator()(double v) { return cat(v); }
    std::string operator()(DType v) { return cat(v); }
    std::string operator()(const std::string &v) { return v; }
    std::string operator()(const std::vector<int64_t> &v) {
      // A list of one stands for the integer that means all.
      return v.size() == 1 ? cat(v.front()) : cat(v.size(), " integers");
    }
    std::string operator()(const Shape &v) { return cat(v); }
    std::string operator()(const std::shared_ptr<const Literal> &) {
      return {};
    }
  };
  return std::visit(Printer(), *attr.defaultValue);
}

std::string attrsText(const OpDef &def) {
  std::string text;
  for (const AttrDef &attr : def.attrs) {
    if (!text.empty())
      text += ", ";
    text += cat("`", attr.name, "`");
    if (attr.defaultValue)
      text += cat(" (", valueText(attr), ")");
    else if (attr.optional)
      text += cat(" (", attr.doc, ")");
  }
  return text;
}

/// The names of operands by dtype: `a`, `b` number; `condition` bool.
std::string operandsText(const OpDef &def) {
  std::string text;
  for (size_t i = 0; i < def.operands.size(); ++i) {
    const OperandDef &operand = def.operands[i];
    if (i)
      text += ", ";
    if (operand.arity == Arity::Optional)
      text += '[';
    text += cat("`", operand.name, "`");
    if (operand.arity == Arity::Variadic)
      text += ", …";
    if (operand.arity == Arity::Optional)
      text += ']';
    bool last = i + 1 == def.operands.size() ||
                def.operands[i + 1].dtypes != operand.dtypes;
    if (last)
      text += cat(" ", dtypesText(operand.dtypes),
                  i + 1 < def.operands.size() ? ";" : "");
  }
  for (size_t at; (at = text.find(";, ")) != std::string::npos;)
    text.replace(at, 3, "; ");
  return text;
}

std::string resultsText(const OpDef &def) {
  std::string text;
  for (const ResultDef &result : def.results)
    text += cat(text.empty() ? "`" : ", `", result.name, "`");
  // One that repeats; where there are several, the doc says which.
  if (def.variadicResults && def.results.size() == 1)
    text += ", …";
  return text.empty() ? "none" : text;
}

std::string groupText(const OpDef &def) {
  std::string members;
  size_t in = 0, out = 0;
  auto add = [&](std::string_view name, bool isMember) {
    (isMember ? in : out) += 1;
    if (isMember)
      members += cat(members.empty() ? "`" : ", `", name, "`");
  };
  for (const OperandDef &operand : def.operands)
    add(operand.name, operand.inGroup);
  for (const ResultDef &result : def.results)
    add(result.name, result.inGroup);
  if (!in)
    return "none";
  return out ? members : "all";
}

std::string shapeOnlyText(const OpDef &def) {
  std::string text;
  for (const OperandDef &operand : def.operands)
    if (operand.shapeOnly)
      text += cat(text.empty() ? "Of `" : ", `", operand.name, "`");
  return text.empty() ? text : text + " the sizes alone are read.";
}

std::string gradientText(const OpDef &def) {
  if (def.differentiable != Differentiable::Yes)
    return "none";
  std::string text, word;
  // Names of ops in code style, the words between them plain.
  for (char c : std::string(def.gradient) + "\n") {
    if (isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
      continue;
    }
    text += findOp(word) ? cat("`", word, "`") : word;
    word.clear();
    if (c != '\n')
      text += c;
  }
  return text;
}

} // namespace

std::string forwardTables() {
  std::string text;
  std::optional<Family> family;
  for (const OpDef &def : allOps()) {
    if (def.differentiable == Differentiable::Backward)
      continue;
    if (family != def.family) {
      family = def.family;
      text += cat("\n#### ", familyTitle(def.family),
                  "\n\n| op | operands | attributes (default) | results | type "
                  "group | gradient | what it gives |\n"
                  "| --- | --- | --- | --- | --- | --- | --- |\n");
    }
    text += cat("| `", def.name, "` | ", operandsText(def), " | ",
                attrsText(def), " | ", resultsText(def), " | ", groupText(def),
                " | ", gradientText(def), " | ", cell(def.doc), " |\n");
  }
  return text + "\n";
}

std::string backwardTable() {
  std::string text = "\n| op | operands | attributes (default) | results | "
                     "type group | backward of | notes |\n"
                     "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const OpDef &def : allOps()) {
    if (def.differentiable != Differentiable::Backward)
      continue;
    std::string notes = cell(def.doc), sizes = shapeOnlyText(def);
    if (!notes.empty() && !sizes.empty())
      notes += ' ';
    text += cat("| `", def.name, "` | ", operandsText(def), " | ",
                attrsText(def), " | ", resultsText(def), " | ", groupText(def),
                " | `", def.forward, "` | ", notes, sizes, " |\n");
  }
  return text + "\n";
}

std::string optimizerTable() {
  std::string text = "\n| optimizer | settings (default) |\n| --- | --- |\n";
  for (const OptimizerDef &optimizer : kOptimizers) {
    text += cat("| `", optimizer.kind, "` | ");
    std::string_view separator;
    for (const OptimizerParam &param : optimizer.params) {
      text += cat(separator, "`", param.name, "` (");
      append(text, param.isBool ? param.defaultValue ? "true" : "false"
                                : cat(param.defaultValue));
      text += ')';
      separator = ", ";
    }
    text += " |\n";
  }
  return text + "\n";
}

std::optional<std::string> regenerate(std::string_view document) {
  std::string text(document);
  struct {
    std::string_view name;
    std::string (*table)();
  } sections[] = {{"optimizers", optimizerTable},
                  {"forward ops", forwardTables},
                  {"backward ops", backwardTable}};
  for (auto [name, table] : sections) {
    std::string begin = cat("<!-- generated: ", name, " -->\n");
    size_t at = text.find(begin);
    if (at == std::string::npos)
      return std::nullopt;
    at += begin.size();
    size_t end = text.find("<!-- end generated -->", at);
    if (end == std::string::npos)
      return std::nullopt;
    text.replace(at, end - at, table());
  }
  return text;
}

} // namespace amp::opset

//===- Writer.cpp - Writes graph files ------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The layout of the file: which keys stand where, and on which lines.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Writer.h"

#include "WriteText.h"

#include <algorithm>

using namespace amp;
using namespace amp::graphfile;

/// Text is handed on when there is so much of it: few calls, little memory.
static constexpr size_t kPiece = 256 * 1024;

GraphFileStream::GraphFileStream(std::function<void(std::string_view)> sink)
    : sink(std::move(sink)) {
  out.reserve(kPiece + kPiece / 4);
}

void GraphFileStream::flush(size_t atLeast) {
  if (out.size() < atLeast)
    return;
  sink(out);
  out.clear();
}

void GraphFileStream::value(const ValueName &name) {
  if (name.result == 0)
    appendString(out, name.name);
  else
    appendString(out, toString(name));
}

void GraphFileStream::lineKey(std::string_view name, std::string_view indent,
                         bool &first) {
  out += first ? "\n" : ",\n";
  first = false;
  out += indent;
  appendString(out, name);
  out += ": ";
}

void GraphFileStream::appendDoc(const Doc &doc, bool isString,
                           std::string_view separator) {
  if (isString && doc.size() == 1)
    return appendString(out, doc.front());
  out += '[';
  for (size_t i = 0; i < doc.size(); ++i) {
    if (i)
      out += separator;
    appendString(out, doc[i]);
  }
  out += ']';
}

/// "doc" of an element that has one line.
void GraphFileStream::writeDocKey(const Doc &doc, bool isString) {
  if (doc.empty() && isString)
    return;
  out += ", \"doc\": ";
  appendDoc(doc, isString, ", ");
}

void GraphFileStream::values(const std::vector<ValueName> &names) {
  out += '[';
  for (size_t i = 0; i < names.size(); ++i) {
    if (i)
      out += ", ";
    value(names[i]);
  }
  out += ']';
}

void GraphFileStream::writeVariable(const Variable &variable) {
  out += "{\"name\": ";
  appendString(out, variable.name);
  writeDocKey(variable.doc, variable.docIsString);
  out += ", ";
  appendType(out, variable.type);
  if (variable.init) {
    out += ", \"init\": ";
    appendSetting(out, *variable.init);
  }
  if (!variable.weights.empty()) {
    out += ", \"weights\": ";
    appendString(out, variable.weights);
  }
  if (!variable.trainable)
    out += ", \"trainable\": false";
  out += '}';
}

void GraphFileStream::appendTypes(const Node &node) {
  if (!node.types)
    return;
  out += ", \"types\": [";
  for (size_t i = 0; i < node.types->size(); ++i) {
    out += i ? ", {" : "{";
    appendType(out, (*node.types)[i]);
    out += '}';
  }
  out += ']';
}

void GraphFileStream::node(const Node &node, uint32_t kind) {
  out += anyNode ? ",\n        {\"name\": " : "\n        {\"name\": ";
  anyNode = true;
  appendString(out, node.name);
  writeDocKey(node.doc, node.docIsString);
  out += ", \"op\": ";
  appendString(out, node.op);
  if (!node.inputs.empty()) {
    out += ", \"inputs\": ";
    values(node.inputs);
  }
  if (kind >= wordings.size())
    wordings.resize(std::max<size_t>(kind + 1, wordings.size() * 2));
  Wording &wording = wordings[kind];
  size_t start = out.size();
  if (wording.isKnown)
    out += wording.attrs;
  else
    appendAttrs(out, node);
  size_t end = out.size();
  if (node.precision) {
    out += ", \"precision\": ";
    appendString(out, dtypeName(*node.precision));
  }
  if (!node.origin.empty()) {
    out += ", \"origin\": ";
    appendString(out, node.origin);
  }
  if (wording.isKnown) {
    out += wording.types;
  } else {
    size_t types = out.size();
    appendTypes(node);
    if (kind)
      wording = {out.substr(start, end - start), out.substr(types), true};
  }
  out += '}';
  flush(kPiece);
}

void GraphFileStream::writeOutputs(const std::vector<Output> &outputs) {
  out += '[';
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Output &output = outputs[i];
    if (i)
      out += ", ";
    if (output.value.name == output.name && output.value.result == 0) {
      appendString(out, output.name);
      continue;
    }
    out += "{\"name\": ";
    appendString(out, output.name);
    out += ", \"value\": ";
    value(output.value);
    out += '}';
  }
  out += ']';
}

void GraphFileStream::writeTraining(const Training &training) {
  bool first = true;
  auto key = [&](std::string_view name) {
    out += first ? "{" : ", ";
    first = false;
    appendString(out, name);
    out += ": ";
  };
  key("loss");
  value(training.loss);
  if (training.optimizer) {
    key("optimizer");
    appendSetting(out, *training.optimizer);
  }
  if (training.variables) {
    key("variables");
    values(*training.variables);
  }
  if (training.clipNorm) {
    key("clip_norm");
    appendReal(out, *training.clipNorm);
  }
  if (training.accumulateSteps) {
    key("accumulate_steps");
    appendInt(out, *training.accumulateSteps);
  }
  if (training.schedule) {
    key("schedule");
    appendSetting(out, *training.schedule);
  }
  if (!training.noDecay.empty()) {
    key("no_decay");
    values(training.noDecay);
  }
  if (!training.gradients.empty()) {
    key("gradients");
    for (size_t i = 0; i < training.gradients.size(); ++i) {
      out += i ? ", " : "{";
      appendString(out, training.gradients[i].variable);
      out += ": ";
      value(training.gradients[i].value);
    }
    out += '}';
  }
  if (training.lossGradient) {
    key("loss_gradient");
    value(*training.lossGradient);
  }
  out += '}';
}

static constexpr std::string_view kFunctionIndent = "      ";

void GraphFileStream::beginFunction(const Function &function) {
  out += anyFunction ? ",\n" : "\n";
  anyFunction = true;
  bool first = true;
  out += "    {";
  lineKey("name", kFunctionIndent, first);
  appendString(out, function.name);
  if (!function.doc.empty() || !function.docIsString) {
    lineKey("doc", kFunctionIndent, first);
    appendDoc(function.doc, function.docIsString, ",\n              ");
  }
  lineKey("inputs", kFunctionIndent, first);
  out += '[';
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    if (i)
      out += ",\n                 ";
    out += "{\"name\": ";
    appendString(out, function.inputs[i].name);
    out += ", ";
    appendType(out, function.inputs[i].type);
    out += '}';
  }
  out += ']';
  lineKey("nodes", kFunctionIndent, first);
  out += '[';
  anyNode = false;
}

void GraphFileStream::endFunction(const Function &function) {
  bool first = false;
  if (anyNode)
    out += "\n      ";
  out += ']';
  lineKey("outputs", kFunctionIndent, first);
  writeOutputs(function.outputs);
  if (function.training) {
    lineKey("training", kFunctionIndent, first);
    writeTraining(*function.training);
  }
  out += "\n    }";
}

void GraphFileStream::begin(const GraphFile &file) {
  static constexpr std::string_view indent = "  ";
  bool first = true;
  out += '{';
  if (!file.schema.empty()) {
    lineKey("$schema", indent, first);
    appendString(out, file.schema);
  }
  lineKey("format", indent, first);
  out += "\"amp-graph\"";
  lineKey("version", indent, first);
  appendString(out, file.version.empty() ? "1.0" : file.version);
  if (!file.name.empty()) {
    lineKey("name", indent, first);
    appendString(out, file.name);
  }
  if (!file.doc.empty() || !file.docIsString) {
    lineKey("doc", indent, first);
    appendDoc(file.doc, file.docIsString, ",\n          ");
  }
  if (!file.weights.empty()) {
    lineKey("weights", indent, first);
    appendString(out, file.weights);
  }
  if (!file.variables.empty()) {
    lineKey("variables", indent, first);
    out += '[';
    for (size_t i = 0; i < file.variables.size(); ++i) {
      out += i ? ",\n    " : "\n    ";
      writeVariable(file.variables[i]);
      flush(kPiece);
    }
    out += "\n  ]";
  }
  lineKey("functions", indent, first);
  out += '[';
}

void GraphFileStream::end() {
  if (anyFunction)
    out += "\n  ";
  out += "]\n}\n";
  flush(1);
}

std::string amp::graphfile::writeGraphFile(const GraphFile &file) {
  std::string text;
  GraphFileStream stream([&](std::string_view piece) { text += piece; });
  stream.begin(file);
  for (const Function &function : file.functions) {
    stream.beginFunction(function);
    for (const Node &node : function.nodes)
      stream.node(node);
    stream.endFunction(function);
  }
  stream.end();
  return text;
}

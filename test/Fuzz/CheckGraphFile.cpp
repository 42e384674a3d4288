//===- CheckGraphFile.cpp - What holds for every graph file ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Read, write, read, write.
//===----------------------------------------------------------------------===//

#include "Readers.h"

#include "amp/GraphFile/Reader.h"
#include "amp/GraphFile/Writer.h"

using namespace amp;
using namespace amp::graphfile;
using namespace amp::test;

/// Every node once, after the nodes that it reads.
static bool isOrdered(const GraphFile &file, const Function &function,
                      const FunctionTypes &types) {
  size_t count = function.nodes.size();
  if (types.order.size() != count || types.results.size() != count)
    return false;
  NameTable names(file, function);
  std::vector<bool> done(count);
  for (uint32_t index : types.order) {
    if (index >= count || done[index])
      return false;
    for (const ValueName &input : function.nodes[index].inputs) {
      ValueTarget target = names.find(input.name);
      if (target.kind == ValueTarget::Missing ||
          (target.kind == ValueTarget::Node && !done[target.index]))
        return false;
    }
    done[index] = true;
  }
  return true;
}

ReaderOutcome amp::test::checkGraphFile(std::string text) {
  // A folder without weights: what a mutation names is not there.
  const std::string folder = "/nonexistent";
  SourceText source("first", std::move(text));
  Diagnostics diags;
  std::optional<CheckedFile> first = readGraphFile(source, diags, folder);
  std::string rendered = diags.render(source);
  if (first.has_value() == diags.hasErrors())
    return {first.has_value(), first ? "accepted, with an error: " + rendered
                                     : "refused without an error"};
  if (!first)
    return {};
  for (size_t i = 0; i < first->file.functions.size(); ++i)
    if (!isOrdered(first->file, first->file.functions[i], first->types[i]))
      return {true, "the order of a function is wrong"};

  SourceText written("written", writeGraphFile(first->file));
  Diagnostics again;
  std::optional<CheckedFile> second = readGraphFile(written, again, folder);
  if (!second)
    return {true, "what was written is refused: " + again.render(written)};
  if (writeGraphFile(second->file) != written.text())
    return {true, "written twice, the text differs"};
  // Reading lost nothing that the check sees: the types are the same.
  for (size_t i = 0; i < first->types.size(); ++i)
    if (first->types[i].results != second->types[i].results)
      return {true, "the types of a function changed"};
  return {true, std::nullopt};
}

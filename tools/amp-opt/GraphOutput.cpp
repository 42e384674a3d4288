//===- GraphOutput.cpp - A graph file, written as it comes ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A regular file is replaced as a whole, so it may be written while the export
// can still fail. A pipe or a device is not.
//===----------------------------------------------------------------------===//

#include "GraphOutput.h"

#include "llvm/Support/FileSystem.h"

using namespace amp;
using namespace amp::opt;

GraphOutput::GraphOutput(
    const std::string &path,
    std::function<bool(const graphfile::GraphFile &)> prepare)
    : path(path), prepare(std::move(prepare)),
      waits(path == "-" || (llvm::sys::fs::exists(path) &&
                            !llvm::sys::fs::is_regular_file(path))),
      stream([this](std::string_view text) { put(text); }) {}

void GraphOutput::put(std::string_view text) {
  if (waits)
    waiting += text;
  else if (!error)
    error = file.write(text);
}

bool GraphOutput::begin(graphfile::GraphFile &keys) {
  if (!prepare(keys))
    return false;
  if (!waits && (error = file.open(path)))
    return true;
  stream.begin(keys);
  return true;
}

void GraphOutput::beginFunction(graphfile::Function &function) {
  stream.beginFunction(function);
}

void GraphOutput::node(graphfile::Node &node, uint32_t kind) {
  stream.node(node, kind);
}

void GraphOutput::endFunction(graphfile::Function &function) {
  stream.endFunction(function);
}

std::optional<std::string> GraphOutput::commit() {
  if (!error)
    stream.end();
  if (error)
    return error;
  return waits ? graphfile::writeFile(path, waiting) : file.commit();
}

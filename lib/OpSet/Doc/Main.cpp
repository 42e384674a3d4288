//===- Main.cpp - amp-opset-doc -------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Writes the generated parts of docs/: amp-opset-doc DOCS-FOLDER. Without a
// folder it prints the schema.
//===----------------------------------------------------------------------===//

#include "Doc.h"

#include <fstream>
#include <iostream>
#include <sstream>

int main(int argc, char **argv) {
  using namespace amp::opset;
  if (argc < 2) {
    std::cout << jsonSchema();
    return 0;
  }
  std::string folder = argv[1], page = folder + "/GraphFile.md";
  std::ifstream in(page);
  std::stringstream old;
  old << in.rdbuf();
  std::optional<std::string> text = regenerate(old.str());
  if (!in || !text) {
    std::cerr << page << ": error: no such file, or a marker is missing\n";
    return 1;
  }
  in.close();
  std::ofstream(page) << *text;
  std::ofstream schema(folder + "/amp-graph.schema.json");
  schema << jsonSchema();
  if (!schema.flush()) {
    std::cerr << folder << ": error: cannot write\n";
    return 4;
  }
  return 0;
}

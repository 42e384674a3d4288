//===- Readers.cpp - The table of readers
//-----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Arrays and IDX files are read by the runtime, where it is built.
//===----------------------------------------------------------------------===//

#include "Readers.h"
#include "Mutate.h"

using namespace amp::test;

const std::vector<Reader> &amp::test::allReaders() {
  static const std::vector<Reader> readers = {
      {"graph", checkGraphFile, [] { return std::vector<std::string>(); },
       mutateGraphFile},
      {"safetensors", checkSafetensors, safetensorsSeeds, mutateSafetensors},
      {"policy", checkPolicy, policySeeds, mutatePolicy},
      {"op-models", checkOpModels, opModelsSeeds, mutatePolicy},
#ifdef AMP_TEST_GRAPHDEF
      {"graphdef", checkGraphDef, graphDefSeeds, mutateGraphDef},
      {"graphdef-binary", checkGraphDefBinary,
       [] { return std::vector<std::string>{graphDefSeeds()[0]}; },
       mutateGraphDef},
      {"graphdef-text", checkGraphDefText,
       [] { return std::vector<std::string>{graphDefSeeds()[1]}; },
       mutateGraphDef},
      {"graphdef-json", checkGraphDefJson,
       [] { return std::vector<std::string>{graphDefSeeds()[2]}; },
       mutateGraphDef},
#endif
#ifdef AMP_TEST_RUNTIME
      {"npy", checkNpy, npySeeds, mutateNpy},
      {"idx", checkIdx, idxSeeds, mutateIdx},
#endif
  };
  return readers;
}

const Reader *amp::test::findReader(std::string_view name) {
  for (const Reader &reader : allReaders())
    if (reader.name == name)
      return &reader;
  return nullptr;
}

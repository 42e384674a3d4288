//===- CheckWeights.cpp - Entries of the weights file ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads the header of the safetensors file that a graph file names, and holds
// every entry that variables and constants name against their type. A file
// that is not there is an I/O error; everything else is bad input.
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "amp/GraphFile/Safetensors.h"
#include "amp/OpSet/Words.h"

using namespace amp;
using namespace amp::graphfile;

namespace {

class WeightsChecker {
public:
  WeightsChecker(const GraphFile &file, Diagnostics &diags)
      : file(file), diags(diags) {}

  void run(const std::string &folder);

private:
  void checkEntry(std::string_view entry, const TensorType &type, Offset at);

  const GraphFile &file;
  Diagnostics &diags;
  std::unique_ptr<SafetensorsFile> weights;
};

} // namespace

void WeightsChecker::checkEntry(std::string_view entry, const TensorType &type,
                                Offset at) {
  std::string name = quoted(entry);
  if (file.weights.empty()) {
    diags.error(at, "entry " + name +
                        " needs the file's key 'weights', which is missing");
    return;
  }
  if (!weights)
    return;
  const SafetensorsEntry *found = weights->find(entry);
  if (!found) {
    std::vector<std::string_view> names;
    for (const SafetensorsEntry &known : weights->entries())
      names.push_back(known.name);
    diags.error(at, quoted(file.weights) + " has no entry " + name +
                        didYouMeanText(didYouMean(entry, names)));
    return;
  }
  TensorType actual;
  actual.dtype = found->dtype;
  for (int64_t size : found->dims)
    actual.shape.push_back(Dim::fixed(size));
  if (actual != type)
    diags.error(at, "entry " + name + " of '" + std::string(file.weights) +
                        "' is " + toString(actual) + ", not " + toString(type));
}

void WeightsChecker::run(const std::string &folder) {
  if (!file.weights.empty()) {
    std::string error;
    bool missing = false;
    weights = SafetensorsFile::openBeneath(folder, file.weights, error,
                                           SafetensorsFile::Mode::HeaderOnly,
                                           &missing);
    if (!weights && missing)
      diags.ioError(file.weightsAt, error);
    else if (!weights)
      diags.error(file.weightsAt, error);
  }
  for (const Variable &variable : file.variables)
    if (!variable.weights.empty())
      checkEntry(variable.weights, variable.type, variable.weightsAt);
  for (const Function &function : file.functions)
    for (const Node &node : function.nodes) {
      if (node.op != "constant")
        continue;
      TensorType type;
      const Literal *literal = nullptr;
      Offset at = node.at;
      for (size_t i = 0; i < node.attrs.size(); ++i) {
        const AttrValue &value = node.attrs[i].value;
        if (auto dtype = std::get_if<DType>(&value))
          type.dtype = *dtype;
        else if (auto shape = std::get_if<Shape>(&value))
          type.shape = *shape;
        else if (auto held =
                     std::get_if<std::shared_ptr<const Literal>>(&value)) {
          literal = held->get();
          at = node.attrsAt[i];
        }
      }
      if (literal && !literal->weights.empty())
        checkEntry(literal->weights, type, at);
    }
}

void amp::graphfile::checkWeights(const GraphFile &file,
                                  const std::string &folder,
                                  Diagnostics &diags) {
  WeightsChecker(file, diags).run(folder);
}

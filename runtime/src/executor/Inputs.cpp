//===- Inputs.cpp - Inputs of a call --------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Matches the caller's tensors with the inputs of a function.
//===----------------------------------------------------------------------===//

#include "SessionState.h"
#include "amp/OpSet/Words.h"

using namespace amprt;
namespace gf = amp::graphfile;

static Status bindInput(const gf::Input &input, const Tensor &tensor,
                        SizeBindings &sizes) {
  const amp::Shape &shape = input.type.shape;
  bool fits = tensor.dtype() == input.type.dtype &&
              tensor.dims().size() == shape.size();
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits = !shape[i].isFixed() || shape[i].size() == tensor.dims()[i];
  if (!fits)
    return Status(Code::InvalidArgument,
                  "input " + amp::quoted(input.name) + " is " +
                      amp::toString(input.type) + ", not " +
                      describe(tensor.dtype(), tensor.dims()));
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].isNamed())
      continue;
    auto [entry, isNew] =
        sizes.try_emplace(std::string(shape[i].name()), tensor.dims()[i]);
    if (!isNew && entry->second != tensor.dims()[i])
      return Status(Code::InvalidArgument,
                    "size " + amp::quoted(shape[i].name()) + " is " +
                        std::to_string(tensor.dims()[i]) + " in input " +
                        amp::quoted(input.name) + " and " +
                        std::to_string(entry->second) + " in another");
  }
  return okStatus();
}

Result<SizeBindings> amprt::bindInputs(const gf::Function &function,
                                       const std::vector<NamedTensor> &inputs,
                                       std::vector<const Tensor *> &ordered) {
  SizeBindings sizes;
  for (const NamedTensor &given : inputs) {
    bool known = false;
    for (const gf::Input &input : function.inputs)
      known |= input.name == given.name;
    if (!known)
      return Status(Code::NotFound, "function " + amp::quoted(function.name) +
                                        " has no input " +
                                        amp::quoted(given.name));
  }
  for (const gf::Input &input : function.inputs) {
    const Tensor *found = nullptr;
    for (const NamedTensor &given : inputs) {
      if (given.name != input.name)
        continue;
      if (found)
        return Status(Code::InvalidArgument,
                      "input " + amp::quoted(input.name) + " is given twice");
      found = given.tensor;
    }
    if (!found)
      return Status(Code::InvalidArgument,
                    "input " + amp::quoted(input.name) + " of function " +
                        amp::quoted(function.name) + " is missing");
    AMPRT_RETURN_IF_ERROR(bindInput(input, *found, sizes));
    ordered.push_back(found);
  }
  return sizes;
}

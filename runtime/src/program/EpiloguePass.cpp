//===- EpiloguePass.cpp - Steps behind a product --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "amprt/EpiloguePass.h"

using namespace amprt;

Step amprt::epiloguePass(const Program &program, const Step &product,
                         Expression expression, std::vector<uint32_t> operands,
                         uint32_t result) {
  Step pass;
  pass.name = product.name;
  pass.expression = std::move(expression);
  pass.operands = std::move(operands);
  pass.results = {result};
  pass.params.loops = {product.params.m, product.params.n};
  for (const std::vector<uint32_t> *list : {&pass.operands, &pass.results})
    for (uint32_t buffer : *list)
      pass.params.strides.push_back({program.buffers[buffer].pitch, 1});
  return pass;
}

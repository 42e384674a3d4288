//===- Weights.cpp - The weights file of a graph -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Gives entries of the file's safetensors side file as tensors.
//===----------------------------------------------------------------------===//

#include "SessionState.h"

using namespace amprt;

Result<WeightsReader> amprt::openWeights(const amp::graphfile::GraphFile &file,
                                         const std::string &folder) {
  if (file.weights.empty())
    return WeightsReader();
  return Status(Code::IoError, "cannot open the weights file '" + folder + "/" +
                                   std::string(file.weights) + "'");
}

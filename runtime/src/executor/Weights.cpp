//===- Weights.cpp - The weights file of a graph --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Gives entries of the file's safetensors side file as tensors. The file is
// mapped; a copy is made of an entry as it is asked for.
//===----------------------------------------------------------------------===//

#include "SessionState.h"

#include "amp/GraphFile/Safetensors.h"

using namespace amprt;
namespace gf = amp::graphfile;

Result<WeightsReader> amprt::openWeights(const gf::GraphFile &file,
                                         const std::string &folder) {
  if (file.weights.empty())
    return WeightsReader();
  std::string error;
  bool missing = false;
  std::shared_ptr<gf::SafetensorsFile> weights =
      gf::SafetensorsFile::openBeneath(folder, file.weights, error,
                                       gf::SafetensorsFile::Mode::Map,
                                       &missing);
  if (!weights)
    return Status(missing ? Code::IoError : Code::InvalidArgument, error);
  return WeightsReader([weights](std::string_view name) -> Result<Tensor> {
    const gf::SafetensorsEntry *entry = weights->find(name);
    if (!entry)
      return Status(Code::NotFound, "the weights file has no entry '" +
                                        std::string(name) + "'");
    return Tensor::copyOf(entry->dtype, entry->dims, entry->data);
  });
}

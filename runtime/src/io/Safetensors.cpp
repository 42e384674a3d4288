//===- Safetensors.cpp - Tensors of a safetensors file --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The format is GraphFile's business; here its entries become tensors.
//===----------------------------------------------------------------------===//

#include "amprt/io/Safetensors.h"
#include "amp/GraphFile/Safetensors.h"

#include <cstring>

namespace amprt::io {

using amp::graphfile::SafetensorsFile;

static Result<std::unique_ptr<SafetensorsFile>>
openFile(const std::string &path, SafetensorsFile::Mode mode) {
  std::string error;
  bool missing = false;
  auto file = SafetensorsFile::open(path, error, mode, &missing);
  if (!file)
    return Status(missing ? Code::IoError : Code::InvalidArgument, error);
  return file;
}

Result<Metadata> readMetadata(const std::string &path) {
  AMPRT_ASSIGN_OR_RETURN(const auto file,
                         openFile(path, SafetensorsFile::Mode::HeaderOnly));
  return file->metadata();
}

Result<std::vector<NamedValue>> readSafetensors(const std::string &path,
                                                Metadata *metadata) {
  AMPRT_ASSIGN_OR_RETURN(const auto file,
                         openFile(path, SafetensorsFile::Mode::Map));
  if (metadata)
    *metadata = file->metadata();
  std::vector<NamedValue> values;
  for (const amp::graphfile::SafetensorsEntry &entry : file->entries()) {
    AMPRT_ASSIGN_OR_RETURN(Tensor tensor,
                           Tensor::create(entry.dtype, entry.dims));
    if (entry.bytes)
      std::memcpy(tensor.data(), entry.data, entry.bytes);
    values.push_back({entry.name, std::move(tensor)});
  }
  return values;
}

Status writeSafetensors(const std::string &path,
                        const std::vector<NamedValue> &values,
                        const Metadata &metadata) {
  std::vector<amp::graphfile::SafetensorsTensor> tensors;
  for (const NamedValue &value : values)
    tensors.push_back({value.name, value.tensor.dtype(), value.tensor.dims(),
                       value.tensor.data(), value.tensor.bytes()});
  if (auto error = amp::graphfile::writeSafetensors(path, tensors, metadata))
    return Status(Code::IoError, *error);
  return okStatus();
}

} // namespace amprt::io

//===- Safetensors.h - Tensors of a safetensors file ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// GraphFile's reader and writer of safetensors files, in tensors and statuses:
// checkpoints and data sets.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_SAFETENSORS_H
#define AMPRT_IO_SAFETENSORS_H

#include "amprt/Tensor.h"

namespace amprt::io {

struct NamedValue {
  std::string name;
  Tensor tensor;
};

/// Keys and texts that a file carries beside its entries.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// All entries of a file.
Result<std::vector<NamedValue>> readSafetensors(const std::string &path,
                                                Metadata *metadata = nullptr);
/// The metadata alone; no entry is read.
Result<Metadata> readMetadata(const std::string &path);

/// Writes a file, replaced as a whole or not at all.
Status writeSafetensors(const std::string &path,
                        const std::vector<NamedValue> &values,
                        const Metadata &metadata = {});

} // namespace amprt::io

#endif // AMPRT_IO_SAFETENSORS_H

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

/// All entries of a file.
Result<std::vector<NamedValue>> readSafetensors(const std::string &path);

/// Writes a file, replaced as a whole or not at all.
Status writeSafetensors(const std::string &path,
                        const std::vector<NamedValue> &values);

} // namespace amprt::io

#endif // AMPRT_IO_SAFETENSORS_H

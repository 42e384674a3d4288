//===- Writer.h - Writes graph files ----------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Structs to JSON text: keys and attributes in the format's order, one node
// per line, numbers in their shortest form. Writing what was read from a
// written file gives the same bytes.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_WRITER_H
#define AMP_GRAPHFILE_WRITER_H

#include "amp/GraphFile/GraphFile.h"

namespace amp::graphfile {

/// The JSON text of the file, ending in a newline.
std::string writeGraphFile(const GraphFile &file);

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_WRITER_H

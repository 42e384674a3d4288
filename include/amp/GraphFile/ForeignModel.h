//===- ForeignModel.h - Model files of other programs -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Recognises models that nothing here reads, so that a program can say what a
// file is instead of what its first byte is not.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_FOREIGNMODEL_H
#define AMP_GRAPHFILE_FOREIGNMODEL_H

#include <string>
#include <string_view>

namespace amp::graphfile {

/// What foreignModelKind says of a GraphDef, which amp-opt reads.
inline constexpr std::string_view kGraphDefKind = "a TensorFlow graph";

/// What a model of another program is, such as "an ONNX model": by what the
/// file holds, else by how its name ends. Empty for everything else, graph
/// files and MLIR among it.
std::string_view foreignModelKind(std::string_view contents,
                                  std::string_view path);

/// The message about it: "'PATH' is an ONNX model, which …; WORKS". Empty where
/// the kind is.
std::string describeForeignModel(std::string_view contents,
                                 std::string_view path, std::string_view works);

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_FOREIGNMODEL_H

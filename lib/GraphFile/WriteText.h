//===- WriteText.h - JSON text piece by piece -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How the writer puts strings, numbers, types and attribute values as JSON.
// Private to lib/GraphFile.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHFILE_WRITETEXT_H
#define AMP_LIB_GRAPHFILE_WRITETEXT_H

#include "amp/GraphFile/GraphFile.h"

namespace amp::graphfile {

void appendString(std::string &out, std::string_view text);
void appendInt(std::string &out, int64_t value);
/// Shortest form that reads back as the same number, with a point or an
/// exponent so that it reads back as a real; "inf", "-inf", "nan" as strings.
void appendReal(std::string &out, double value);
/// The same for a number that is only as exact as float32.
void appendReal(std::string &out, float value);
void appendShape(std::string &out, const Shape &shape, bool minusOne = false);
/// `"dtype": …, "shape": …`, without braces.
void appendType(std::string &out, const TensorType &type);
void appendSetting(std::string &out, const Setting &setting);
/// The object of a node's attributes; nothing when it would be empty, else
/// starting with the comma in front of its key.
void appendAttrs(std::string &out, const Node &node);

} // namespace amp::graphfile

#endif // AMP_LIB_GRAPHFILE_WRITETEXT_H

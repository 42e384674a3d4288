//===- Check.h - The rules that need the whole file ----------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Parts of the check: functions, and entries of the weights file.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHFILE_CHECK_H
#define AMP_LIB_GRAPHFILE_CHECK_H

#include "amp/GraphFile/Reader.h"

namespace amp::graphfile {

/// Checks one function and infers its types.
FunctionTypes checkFunction(const VariableTable &variables,
                            const Function &function, Diagnostics &diags);

/// Checks the path of the weights file, and that each entry which variables
/// and constants name is there and has their type.
void checkWeights(const GraphFile &file, const std::string &folder,
                  Diagnostics &diags);

} // namespace amp::graphfile

#endif // AMP_LIB_GRAPHFILE_CHECK_H

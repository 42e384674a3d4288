//===- TensorFlow.h - GraphDefs through amp-opt -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads a GraphDef, rewrites it as TensorFlow's pass auto_mixed_precision does,
// and writes it.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_TENSORFLOW_H
#define AMP_TOOLS_AMP_OPT_TENSORFLOW_H

#include "Options.h"

namespace amp::opt {

/// What a GraphDef's run needs besides the options.
struct GraphDefInput {
  /// The whole file, and what messages call it.
  std::string_view text;
  std::string name;
  mlir::DialectRegistry &registry;
};

/// Whether the input is a GraphDef, in whatever form.
bool isGraphDef(const Options &options, std::string_view text);

/// Runs the program on it. Returns the exit code.
int runGraphDef(const Options &options, const GraphDefInput &input);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_TENSORFLOW_H

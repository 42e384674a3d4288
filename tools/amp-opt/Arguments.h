//===- Arguments.h - What can be wrong with the arguments -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Mistakes that LLVM's command-line library does not see, or words badly.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_ARGUMENTS_H
#define AMP_TOOLS_AMP_OPT_ARGUMENTS_H

#include "Options.h"

#include "llvm/ADT/StringRef.h"

namespace amp::opt {

/// Before the arguments are parsed: a flag that does not exist, or a second
/// input.
std::optional<std::string> checkArguments(int argc, char **argv);

/// Files that would replace each other, or the input.
std::optional<std::string> checkFiles(const Options &options);

/// The two paths name one file, which need not exist yet.
bool isSameFile(llvm::StringRef a, llvm::StringRef b);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_ARGUMENTS_H

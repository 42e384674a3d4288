//===- Conflicts.h - Files that are named twice -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A file that is written is no other one that is written or read, and standard
// input is read once: otherwise the last one to come would win silently.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_CONFLICTS_H
#define AMP_TOOLS_AMP_RUN_CONFLICTS_H

#include "Options.h"

namespace amprun {

/// What is named twice, or nothing.
std::string findConflict(const Options &options);

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_CONFLICTS_H

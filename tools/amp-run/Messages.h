//===- Messages.h - What amp-run says when something is wrong ---*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Every message has the program's name; every kind of failure its exit code.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_RUN_MESSAGES_H
#define AMP_TOOLS_AMP_RUN_MESSAGES_H

#include "Options.h"

namespace amprun {

/// Prints the message and returns the code.
int fail(Exit code, const std::string &message);
/// The same with the code that the status stands for.
int fail(const amprt::Status &status);
void warn(const std::string &message);
void note(const std::string &message);

/// `what 'name'`, and the nearest of the names there are.
std::string unknownName(const std::string &what, std::string_view name,
                        const std::vector<std::string_view> &names);

/// A file that can be written later, as far as can be told now: found before
/// the work of hours, not after it. Changes nothing.
int checkWritable(const std::string &path);

} // namespace amprun

#endif // AMP_TOOLS_AMP_RUN_MESSAGES_H

//===- PolicyFile.h - The text of a policy, and places in it ----*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reading a file whole, and messages that point into it and say what may have
// been meant. Internal to the Policy library.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_POLICY_POLICYFILE_H
#define AMP_LIB_POLICY_POLICYFILE_H

#include "amp/Policy/Policy.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace amp::policy {

inline constexpr size_t kMaxBytes = size_t(16) << 20;
inline constexpr size_t kMaxErrors = 20;
inline constexpr ListKind kLists[] = {ListKind::Allow, ListKind::Infer,
                                      ListKind::Clear, ListKind::Deny,
                                      ListKind::Keep};

/// `name:line:col: text`, the line of the file, and a caret under byte `at`.
std::string locate(const std::string &name, const std::string &file, size_t at,
                   const std::string &text);

/// "; did you mean '…'?", or nothing where no name is near.
std::string suggest(std::string_view name,
                    const std::vector<std::string_view> &names);

/// Reads a file, up to one byte more than is allowed; returns errno, or 0.
int readFile(const std::string &name, std::string &text);

} // namespace amp::policy

#endif // AMP_LIB_POLICY_POLICYFILE_H

//===- EditDistance.h - How far apart two words are -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What every "did you mean" of the project measures with.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_EDITDISTANCE_H
#define AMP_OPSET_EDITDISTANCE_H

#include <cstddef>
#include <string_view>
#include <vector>

namespace amp {

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or
/// `limit` + 1 when there are more than `limit`. `rows` is scratch that many
/// calls share.
size_t editDistance(std::string_view a, std::string_view b, size_t limit,
                    std::vector<size_t> (&rows)[3]);

} // namespace amp

#endif // AMP_OPSET_EDITDISTANCE_H

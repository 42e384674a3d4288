//===- Initialise.h - Initial values of variables ---------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Fills a tensor as the `init` of a variable says.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_EXECUTOR_INITIALISE_H
#define AMPRT_EXECUTOR_INITIALISE_H

#include "amp/GraphFile/GraphFile.h"
#include "amprt/Tensor.h"

namespace amprt {

/// The initial value of a variable with an `init`. The same on every machine:
/// element i of a variable depends on the seed, i and the variable's name.
/// `seed` is the session's and is mixed into the file's when it is not 0.
Result<Tensor> initialValue(const amp::graphfile::Variable &variable,
                            uint64_t seed);

} // namespace amprt

#endif // AMPRT_EXECUTOR_INITIALISE_H

//===- EpiloguePass.h - Steps behind a product ------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a device does behind a product whose epilogue it has no kernel for.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_EPILOGUEPASS_H
#define AMPRT_EPILOGUEPASS_H

#include "amprt/Program.h"

namespace amprt {

/// An element-wise step over matrices of a product's size, m x n, whose rows
/// may be padded.
Step epiloguePass(const Program &program, const Step &product,
                  Expression expression, std::vector<uint32_t> operands,
                  uint32_t result);

} // namespace amprt

#endif // AMPRT_EPILOGUEPASS_H

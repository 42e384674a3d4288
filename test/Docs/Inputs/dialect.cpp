//===- dialect.cpp - A frame for C++ of the documents ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Around pieces that describe an op: the ops of `my` stand for the reader's.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace my {
using MyDialect = mlir::linalg::LinalgDialect;
using mlir::linalg::MatmulOp;
} // namespace my
using namespace mlir;

// SNIPPET

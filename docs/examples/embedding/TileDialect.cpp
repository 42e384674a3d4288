//===- TileDialect.cpp - A dialect of one's own ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Registers the ops, and the dialect's side of mixed precision.
//===----------------------------------------------------------------------===//

#include "TileDialect.h"

#include "TileDialect.cpp.inc"
#define GET_OP_CLASSES
#include "TileOps.cpp.inc"

void tile::TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "TileOps.cpp.inc"
      >();
  addPrecisionInterface(this);
}

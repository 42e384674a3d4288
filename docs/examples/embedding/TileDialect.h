//===- TileDialect.h - A dialect of one's own -------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The classes that TableGen makes, and what the dialect tells Amp.
//===----------------------------------------------------------------------===//

#ifndef TILE_DIALECT_H
#define TILE_DIALECT_H

#include "amp/Interfaces/PrecisionInterfaces.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "TileDialect.h.inc"
#define GET_OP_CLASSES
#include "TileOps.h.inc"

namespace tile {
/// How the dialect casts, for the pass.
void addPrecisionInterface(mlir::Dialect *dialect);
} // namespace tile

#endif // TILE_DIALECT_H

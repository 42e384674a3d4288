//===- TileOps.td - A dialect of one's own --------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Products, element-wise ops and a normalisation on tensors. Each op says what it
// is through PrecisionOpInterface; what should run in 16 bits is policies/tile.json's
// matter.
//===----------------------------------------------------------------------===//

#ifndef TILE_OPS
#define TILE_OPS

include "amp/Interfaces/PrecisionInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::tile";
}

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits # [Pure,
         DeclareOpInterfaceMethods<PrecisionOpInterface>]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

// All operands and the result are one type group: the declarations below are
// implemented once, in TilePrecision.cpp.
class Tile_SameTypeOp<string mnemonic> : Tile_Op<mnemonic,
    [SameOperandsAndResultElementType]>;

def Tile_MatmulOp : Tile_SameTypeOp<"matmul"> {
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b);
  let results = (outs AnyRankedTensor:$y);
}
def Tile_AddOp : Tile_SameTypeOp<"add"> {
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b);
  let results = (outs AnyRankedTensor:$y);
}
def Tile_ReluOp : Tile_SameTypeOp<"relu"> {
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
}
def Tile_SoftmaxOp : Tile_SameTypeOp<"softmax"> {
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
}

// The scale stays float32: it is in no group.
def Tile_NormOp : Tile_Op<"norm"> {
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$scale);
  let results = (outs AnyRankedTensor:$y);
}

// Casts and constants are no ops for the painter: see TilePrecision.cpp.
def Tile_ConvertOp : Op<Tile_Dialect, "convert", [Pure]> {
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
}

#endif // TILE_OPS

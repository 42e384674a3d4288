//===- Contract.h - What a rewrite promises ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Transforms: the attribute `amp.contract` and the fingerprint of
// a function modulo casts.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_TRANSFORMS_CONTRACT_H
#define AMP_LIB_TRANSFORMS_CONTRACT_H

#include "amp/Analysis/FunctionPainting.h"

#include <string>

namespace amp {

/// 128 bits in hexadecimal over the ops, attributes, edges and shapes of a
/// body, that see through casts between float32, float16 and bfloat16 and
/// through converted constants. Linear time.
std::string fingerprint(const BodyIndex &body, const OpKinds &kinds,
                        const ModelSet &models);

/// `{fingerprint = "…", low = {softmax = 0, …}, type = …}`, from the painting
/// before the rewrite. `low` counts, by name, the type groups of ops that the
/// policy denies or keeps that are 16-bit all the same, because they were or
/// because the user pins them.
mlir::DictionaryAttr buildContract(const FunctionPainting &painting,
                                   const ModelSet &models,
                                   mlir::FunctionOpInterface function);

/// Whether an op makes one value of one, as a cast does. Where casts are nodes,
/// control may stand behind both.
bool isOneToOne(mlir::Operation *op, const PrecisionDialectInterface &dialect);

/// Whether a type group is float16 or bfloat16.
bool isLowGroup(mlir::Operation *op, const TypeGroup &group);

/// Element type names as graph files spell them.
std::string elementTypeName(mlir::Type type);

} // namespace amp

#endif // AMP_LIB_TRANSFORMS_CONTRACT_H

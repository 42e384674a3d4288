//===- ElementTypes.h - Element types of values -----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What MLIR asks an interface, without the question for what nearly all types
// are: ranked tensors.
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_ELEMENTTYPES_H
#define AMP_INTERFACES_ELEMENTTYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

namespace amp {

/// As getElementTypeOrSelf.
inline mlir::Type elementTypeOf(mlir::Type type) {
  if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type))
    return tensor.getElementType();
  return mlir::getElementTypeOrSelf(type);
}
inline mlir::Type elementTypeOf(mlir::Value value) {
  return elementTypeOf(value.getType());
}

/// The same type with another element type; for a scalar, that one.
inline mlir::Type withElementType(mlir::Type type, mlir::Type element) {
  if (auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type))
    return mlir::RankedTensorType::get(tensor.getShape(), element,
                                       tensor.getEncoding());
  auto shaped = mlir::dyn_cast<mlir::ShapedType>(type);
  return shaped ? mlir::Type(shaped.clone(element)) : element;
}

} // namespace amp

#endif // AMP_INTERFACES_ELEMENTTYPES_H

//===- Constants.h - Elements of converted constants ------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The twin of a constant in a 16-bit type: rounded to nearest even; what
// overflows becomes the largest finite value, what underflows the smallest,
// infinities, NaN and signs stay.
//===----------------------------------------------------------------------===//

#ifndef AMP_INTERFACES_CONSTANTS_H
#define AMP_INTERFACES_CONSTANTS_H

#include "mlir/IR/BuiltinAttributes.h"

namespace amp {

/// One number.
llvm::APFloat convertSaturating(const llvm::APFloat &value,
                                const llvm::fltSemantics &semantics);
/// All elements of `value` in `type`, float16 or bfloat16. Fast where they are
/// float32.
mlir::DenseElementsAttr convertSaturating(mlir::DenseFPElementsAttr value,
                                          mlir::FloatType type);

namespace constants {
/// The loop behind it: the bytes of float32 elements, to float16 or bfloat16.
void convert(llvm::ArrayRef<char> in, uint16_t *out, bool isFloat16);
/// The same without what only some processors have; for tests.
void convertPlain(llvm::ArrayRef<char> in, uint16_t *out, bool isFloat16);
} // namespace constants

} // namespace amp

#endif // AMP_INTERFACES_CONSTANTS_H

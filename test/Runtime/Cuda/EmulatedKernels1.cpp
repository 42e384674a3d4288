//===- EmulatedKernels1.cpp - The kernels for the host --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Families whose helpers have no names in common.
//===----------------------------------------------------------------------===//

#include "kernels/Epilogue.cu"
#include "kernels/Gather.cu"
#include "kernels/Move.cu"
#include "kernels/Reduce.cu"
#include "kernels/Softmax.cu"
#include "kernels/State.cu"

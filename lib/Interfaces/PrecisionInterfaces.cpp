//===- PrecisionInterfaces.cpp - What mixed precision asks an op ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Generated definitions of the op interfaces.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/PrecisionInterfaces.h"

#include "amp/Interfaces/PrecisionInterfaces.cpp.inc"

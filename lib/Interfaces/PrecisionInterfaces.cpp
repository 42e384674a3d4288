//===- PrecisionInterfaces.cpp - What mixed precision asks an op ----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Generated definitions of the op interfaces, and names of ops.
//===----------------------------------------------------------------------===//

#include "amp/Interfaces/PrecisionInterfaces.h"

#include "amp/Interfaces/PrecisionInterfaces.cpp.inc"

using namespace mlir;

llvm::StringRef amp::getNodeName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (auto name = dyn_cast<NameLoc>(part))
        return name.getName();
  return {};
}

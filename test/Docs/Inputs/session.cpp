//===- session.cpp - A frame for C++ of the documents -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Around pieces that run a graph file.
//===----------------------------------------------------------------------===//

#include "amprt/Session.h"

amprt::Status piece(amp::graphfile::CheckedFile checkedFile,
                    amprt::Tensor images) {
  // SNIPPET
  return amprt::okStatus();
}

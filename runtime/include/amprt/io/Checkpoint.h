//===- Checkpoint.h - The variables of a session in a file ------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A checkpoint is a safetensors file with one entry per variable of the graph
// file, optimizer and loss-scale state included, under the variable's name.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_CHECKPOINT_H
#define AMPRT_IO_CHECKPOINT_H

#include "amprt/Session.h"

namespace amprt::io {

/// Writes all variables; the file is replaced as a whole or not at all.
Status saveCheckpoint(const Session &session, const std::string &path);

/// Sets all variables. Nothing is set unless every entry fits: a checkpoint of
/// another model is an error that lists what differs.
Status loadCheckpoint(Session &session, const std::string &path);

} // namespace amprt::io

#endif // AMPRT_IO_CHECKPOINT_H

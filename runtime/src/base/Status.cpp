//===- Status.cpp - Outcome of a call -------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names of the codes, and the long text of a failure.
//===----------------------------------------------------------------------===//

#include "amprt/Status.h"

using namespace amprt;

std::string_view amprt::codeName(Code code) {
  switch (code) {
  case Code::Ok:
    return "OK";
  case Code::InvalidArgument:
    return "INVALID_ARGUMENT";
  case Code::NotFound:
    return "NOT_FOUND";
  case Code::FailedPrecondition:
    return "FAILED_PRECONDITION";
  case Code::Unimplemented:
    return "UNIMPLEMENTED";
  case Code::ResourceExhausted:
    return "RESOURCE_EXHAUSTED";
  case Code::Unavailable:
    return "UNAVAILABLE";
  case Code::IoError:
    return "IO_ERROR";
  case Code::Internal:
    return "INTERNAL";
  }
  return "UNKNOWN";
}

std::string Status::toString() const {
  if (ok())
    return "OK";
  std::string_view path = sourceFile;
  if (size_t slash = path.rfind('/'); slash != path.npos)
    path.remove_prefix(slash + 1);
  return std::string(codeName(errorCode)) + ": " + text + " [" +
         std::string(path) + ":" + std::to_string(sourceLine) + "]";
}

//===- Messages.cpp - What amp-run says when something is wrong -----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "Messages.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/OpSet/Words.h"

#include <cstdio>
#include <sys/stat.h>

namespace amprun {

using amprt::Code;
using amprt::Status;

static int exitCode(Code code) {
  switch (code) {
  case Code::Ok:
    return kOk;
  case Code::InvalidArgument:
  case Code::NotFound:
  case Code::FailedPrecondition:
    return kBadInput;
  case Code::IoError:
    return kIo;
  case Code::Unimplemented:
  case Code::ResourceExhausted:
  case Code::Unavailable:
    return kDevice;
  case Code::Internal:
    break;
  }
  return kInternal;
}

int fail(Exit code, const std::string &message) {
  std::fprintf(stderr, "amp-run: error: %s\n", message.c_str());
  return code;
}

int fail(const Status &status) {
  if (status.code() == Code::Internal)
    std::fprintf(stderr,
                 "amp-run: internal error: %s\n"
                 "amp-run: this is a mistake of amp-run; please report it with "
                 "the graph file and the command\n",
                 status.toString().c_str());
  else
    std::fprintf(stderr, "amp-run: error: %s\n", status.message().c_str());
  return exitCode(status.code());
}

void warn(const std::string &message) {
  std::fprintf(stderr, "amp-run: warning: %s\n", message.c_str());
}

void note(const std::string &message) {
  std::fprintf(stderr, "amp-run: note: %s\n", message.c_str());
}

std::string unknownName(const std::string &what, std::string_view name,
                        const std::vector<std::string_view> &names) {
  std::string text = what + " " + amp::quoted(name);
  if (const std::string_view near = amp::didYouMean(name, names); !near.empty())
    return text + amp::didYouMeanText(near);
  std::string all;
  for (std::string_view other : names)
    all += (all.empty() ? "" : ", ") + std::string(other);
  return text + (all.empty() ? "" : "; there is " + all);
}

int checkWritable(const std::string &path) {
  struct stat info;
  // Opening a pipe would already tell its reader something.
  if (path == "-" || (stat(path.c_str(), &info) == 0 &&
                      !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
    return kOk;
  amp::graphfile::AtomicFile file;
  if (const auto error = file.open(path))
    return fail(kIo, *error);
  return kOk;
}

} // namespace amprun

//===- TensorFlowFolder.cpp - A folder, written as a whole --------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Files are flushed before the folder gets its name.
//===----------------------------------------------------------------------===//

#include "TensorFlowFolder.h"

#include "amp/GraphFile/FileIO.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace amp;
using namespace amp::opt;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static std::string describe(const char *what, llvm::StringRef name,
                            std::error_code error) {
  return (llvm::Twine("cannot ") + what + " '" + name +
          "': " + error.message())
      .str();
}

static std::string join(llvm::StringRef folder, llvm::StringRef name) {
  llvm::SmallString<256> text(folder);
  path::append(text, name);
  return text.str().str();
}

/// To the disk, as far as the system does that.
static void flush(const std::string &name, int flags) {
  int fd = ::open(name.c_str(), flags | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)::fsync(fd);
  ::close(fd);
}

AtomicFolder::~AtomicFolder() {
  if (!temporary.empty())
    (void)fs::remove_directories(temporary);
}

std::optional<std::string> AtomicFolder::open(llvm::StringRef name) {
  target = name.rtrim('/').str();
  if (target.empty())
    return "cannot write '" + name.str() + "': it is the root";
  llvm::StringRef parent = path::parent_path(target);
  llvm::SmallString<256> unique;
  fs::createUniquePath(join(parent, ".amp-%%%%%%%%.tmp"), unique,
                       /*MakeAbsolute=*/false);
  if (std::error_code error =
          fs::create_directory(unique, /*IgnoreExisting=*/false,
                               fs::all_all))
    return describe("write", target, error);
  temporary = unique.str().str();
  return std::nullopt;
}

std::optional<std::string>
AtomicFolder::copyFolder(const std::string &from, const std::string &relative,
                         unsigned depth) {
  // Links may lead in circles.
  if (depth > 32)
    return "cannot read '" + from + "': more than 32 folders deep";
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(from, error), end; it != end && !error;
       it.increment(error))
    names.push_back(path::filename(it->path()).str());
  if (error)
    return describe("read", from, error);
  for (const std::string &name : names) {
    std::string source = join(from, name), inside = join(relative, name);
    if (!(*wanted)(inside))
      continue;
    std::string copy = join(temporary, inside);
    fs::file_status status;
    if ((error = fs::status(source, status)))
      return describe("read", source, error);
    if (status.type() == fs::file_type::directory_file) {
      if ((error = fs::create_directory(copy, true, fs::all_all)))
        return describe("write", copy, error);
      if (auto problem = copyFolder(source, inside, depth + 1))
        return problem;
      continue;
    }
    if (status.type() != fs::file_type::regular_file)
      return "cannot read '" + source + "': it is neither file nor folder";
    if ((error = fs::copy_file(source, copy)))
      return "cannot copy '" + source + "': " + error.message();
    flush(copy, O_WRONLY);
  }
  flush(join(temporary, relative), O_RDONLY | O_DIRECTORY);
  return std::nullopt;
}

std::optional<std::string>
AtomicFolder::copy(llvm::StringRef from,
                   const std::function<bool(llvm::StringRef)> &filter) {
  wanted = &filter;
  return copyFolder(from.str(), "", 0);
}

std::optional<std::string> AtomicFolder::write(llvm::StringRef name,
                                               std::string_view bytes) {
  return graphfile::writeFile(join(temporary, name), bytes);
}

std::optional<std::string> AtomicFolder::commit() {
  // What stands at the place now steps aside first, and comes back if the new
  // folder cannot take it: rename replaces empty folders alone.
  std::string aside;
  if (fs::exists(target)) {
    aside = temporary + ".old";
    if (::rename(target.c_str(), aside.c_str()) != 0)
      return "cannot replace '" + target + "': " + std::strerror(errno);
  }
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    int reason = errno;
    if (!aside.empty())
      (void)::rename(aside.c_str(), target.c_str());
    return "cannot write '" + target + "': " + std::strerror(reason);
  }
  temporary.clear();
  if (!aside.empty())
    (void)fs::remove_directories(aside);
  llvm::StringRef parent = path::parent_path(target);
  flush(parent.empty() ? "." : parent.str(), O_RDONLY | O_DIRECTORY);
  return std::nullopt;
}

//===- Conflicts.cpp - Files that are named twice -------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Compares files, not names: links and "./x" are seen through.
//===----------------------------------------------------------------------===//

#include "Conflicts.h"
#include "amp/GraphFile/FileIO.h"

#include <sys/stat.h>

namespace amprun {
namespace {

bool isSameInode(const std::string &a, const std::string &b) {
  struct stat first, second;
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool isDevice(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

/// One file, which need not exist yet. Devices and pipes take what several
/// writers say.
bool isSameFile(const std::string &a, const std::string &b) {
  if (a == "-" || b == "-")
    return a == b;
  if (isDevice(a))
    return false;
  if (a == b || isSameInode(a, b))
    return true;
  auto name = [](const std::string &path) {
    return path.substr(path.rfind('/') + 1);
  };
  using amp::graphfile::folderOf;
  return name(a) == name(b) && isSameInode(folderOf(a), folderOf(b));
}

/// A flag, as messages call it, and its file.
struct Named {
  std::string what;
  const std::string *path;
};

} // namespace

std::string findConflict(const Options &options) {
  std::vector<Named> read = {{"the model", &options.model}}, written;
  for (const NamedPath &input : options.inputs)
    read.push_back({"--input " + input.name, &input.path});
  const Named *reader = nullptr;
  for (const Named &file : read) {
    if (*file.path != "-")
      continue;
    if (reader)
      return "standard input is named twice, by " + reader->what + " and " +
             file.what;
    reader = &file;
  }

  for (const NamedPath &output : options.outputs)
    written.push_back({"--output " + output.name, &output.path});
  const Named flags[] = {{"--save", &options.save},
                         {"--metrics", &options.metrics},
                         {"--profile", &options.profileFile}};
  for (const Named &flag : flags)
    if (!flag.path->empty())
      written.push_back(flag);
  for (size_t i = 0; i < written.size(); ++i) {
    const Named &file = written[i];
    for (size_t j = 0; j < i; ++j)
      if (isSameFile(*file.path, *written[j].path))
        return written[j].what + " and " + file.what +
               (*file.path == "-" ? " both go to standard output"
                                  : " name one file, '" + *file.path + "'");
    if (*file.path == "-")
      continue;
    if (isSameFile(*file.path, options.model))
      return file.what + " names the model, '" + *file.path + "'";
    if (!options.data.empty() && isSameFile(*file.path, options.data))
      return file.what + " names the data, '" + *file.path + "'";
    // To go on from a checkpoint and to save there is what resuming does.
    if (!options.load.empty() && file.what != "--save" &&
        isSameFile(*file.path, options.load))
      return file.what + " and --load name one file, '" + *file.path + "'";
  }
  return {};
}

} // namespace amprun

//===- FileIO.h - Reads and replaces files ----------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Whole files in and out. An output is replaced as a whole or not at all: it is
// written beside its place, flushed to the disk, and renamed. Files that a
// graph file names are opened without leaving its folder.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_FILEIO_H
#define AMP_GRAPHFILE_FILEIO_H

#include "amp/GraphFile/GraphFile.h"

namespace amp::graphfile {

/// Reads a file, or standard input for "-". Returns what went wrong, as
/// "cannot read 'PATH': REASON", or nothing. `maxBytes` also ends the reading
/// of endless devices.
std::optional<std::string> readFile(const std::string &path, std::string &text,
                                    size_t maxBytes = Limits().fileBytes);

/// Replaces a file, or writes to standard output for "-". Returns what went
/// wrong, as "cannot write 'PATH': REASON", or nothing.
std::optional<std::string> writeFile(const std::string &path,
                                     std::string_view text);

/// A file that is written in pieces and appears when it is complete: whatever
/// happens to the process, there is the old file or the new one. A kill in the
/// moment between naming a file and moving it can leave a whole `.amp-*.tmp`,
/// which the next writer of the target replaces; where the system has no files
/// without a name, an unfinished one can stay. A target that exists and is no
/// regular file (a pipe, a device) is streamed to; a symbolic link stays, and
/// what it points to is replaced.
class AtomicFile {
public:
  AtomicFile() = default;
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  /// Removes what was written, unless it was committed.
  ~AtomicFile() { discard(); }

  /// Each returns what went wrong, after removing the temporary file, or
  /// nothing.
  std::optional<std::string> open(const std::string &path);
  std::optional<std::string> write(std::string_view bytes);
  std::optional<std::string> commit();
  void discard();

private:
  std::optional<std::string> fail(int reason);
  int createNamed();
  int place();

  std::string path;
  /// Where the file goes, links resolved; its folder; the temporary name where
  /// the system has no files without one.
  std::string target, folder, temporary;
  int fd = -1;
  bool ownsFd = false;
  /// A regular file appears at `target`; else what is there is written to.
  bool replaces = false;
  /// Bytes so far, and those that the system was told to put on the disk.
  uint64_t written = 0, started = 0;
};

/// The folder of a file, where the paths it names start: "." for a bare name
/// and for standard input.
std::string folderOf(const std::string &path);

/// Opens a regular file below `folder` for reading and returns its descriptor,
/// or -1 and what went wrong. `relativePath` must not be absolute, hold "..",
/// or lead out of the folder over a symbolic link: then `*refused` is set,
/// which tells a path that is not allowed from a file that is not there.
int openBeneath(const std::string &folder, std::string_view relativePath,
                std::string &error, bool *refused = nullptr);

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_FILEIO_H

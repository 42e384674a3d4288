//===- FileIO.cpp - Reads and replaces files ------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// POSIX calls with every result checked: a full disk or a lost connection must
// not leave half a model under the name of a whole one.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace amp::graphfile;

namespace {

std::string describe(std::string_view what, std::string_view path, int reason) {
  std::string text = "cannot ";
  text += what;
  if (path == "-") {
    text += what == "read" ? " standard input" : " standard output";
  } else {
    text += " '";
    text += path;
    text += "'";
  }
  text += ": ";
  text += std::strerror(reason);
  return text;
}

int openRetrying(const char *path, int flags, mode_t mode = 0) {
  int fd;
  do
    fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

/// Returns errno, or 0.
int readAll(int fd, std::string &text, size_t maxBytes) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return errno;
  if (S_ISDIR(info.st_mode))
    return EISDIR;
  // One byte more than the size shows the end without growing the buffer.
  size_t guess = S_ISREG(info.st_mode) ? size_t(info.st_size) + 1 : 0;
  if (guess > maxBytes + 1)
    return EFBIG;
  size_t used = 0;
  text.resize(std::max<size_t>(guess, 64 * 1024));
  while (true) {
    if (used > maxBytes)
      return EFBIG;
    if (used == text.size())
      text.resize(text.size() * 2);
    // Larger requests are cut by the kernel anyway.
    size_t want = std::min<size_t>(text.size() - used, 1 << 30);
    ssize_t got = ::read(fd, text.data() + used, want);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    if (got == 0)
      break;
    used += size_t(got);
  }
  text.resize(used);
  return 0;
}

/// Returns errno, or 0.
int writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t put =
        ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), 1 << 30));
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return errno;
    bytes.remove_prefix(size_t(put));
  }
  return 0;
}

/// Flushes to the disk; file systems that cannot are none of our business.
int flush(int fd) {
  if (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS)
    return 0;
  return errno;
}

std::string descriptorPath(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

/// A file in the folder that has no name yet, so that nothing of it stays when
/// the process is killed. Returns -1 where the system has no such files.
int openUnnamed(const std::string &folder) {
#ifdef O_TMPFILE
  int fd = openRetrying(folder.c_str(), O_WRONLY | O_TMPFILE, 0666);
  // It gets its name through /proc, which must be there.
  struct stat info;
  if (fd < 0 || stat(descriptorPath(fd).c_str(), &info) == 0)
    return fd;
  ::close(fd);
#endif
  return -1;
}

/// Follows links whose end does not exist yet. Returns errno, or 0.
int resolveDangling(std::string &path) {
  for (int hops = 0; hops < 40; ++hops) {
    char buffer[PATH_MAX];
    ssize_t length = readlink(path.c_str(), buffer, sizeof(buffer));
    if (length < 0)
      return errno == ENOENT || errno == EINVAL ? 0 : errno;
    std::string next(buffer, size_t(length));
    path = next[0] == '/' ? next : folderOf(path) + "/" + next;
  }
  return ELOOP;
}

} // namespace

std::string amp::graphfile::folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> amp::graphfile::readFile(const std::string &path,
                                                    std::string &text,
                                                    size_t maxBytes) {
  bool isStandard = path == "-";
  int fd = isStandard ? STDIN_FILENO : openRetrying(path.c_str(), O_RDONLY);
  int reason = fd < 0 ? errno : readAll(fd, text, maxBytes);
  if (fd >= 0 && !isStandard)
    ::close(fd);
  if (reason == 0)
    return std::nullopt;
  text.clear();
  return describe("read", path, reason);
}

std::optional<std::string> amp::graphfile::writeFile(const std::string &path,
                                                     std::string_view text) {
  AtomicFile file;
  if (auto error = file.open(path))
    return error;
  if (auto error = file.write(text))
    return error;
  return file.commit();
}

std::optional<std::string> AtomicFile::fail(int reason) {
  discard();
  return describe("write", path, reason);
}

void AtomicFile::discard() {
  if (fd >= 0 && ownsFd)
    ::close(fd);
  fd = -1;
  if (!temporary.empty())
    ::unlink(temporary.c_str());
  temporary.clear();
}

std::optional<std::string> AtomicFile::open(const std::string &wanted) {
  discard();
  path = target = wanted;
  replaces = false;
  written = started = 0;
  if (path == "-") {
    fd = STDOUT_FILENO;
    ownsFd = false;
    return std::nullopt;
  }
  ownsFd = true;
  struct stat info;
  bool exists = stat(path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT)
    return fail(errno);
  if (exists && S_ISDIR(info.st_mode))
    return fail(EISDIR);
  if (exists && !S_ISREG(info.st_mode)) {
    fd = openRetrying(path.c_str(), O_WRONLY);
    return fd < 0 ? fail(errno) : std::nullopt;
  }
  if (exists) {
    // Replacing needs no permission on the file, but its owner meant it.
    if (access(path.c_str(), W_OK) != 0)
      return fail(errno);
    char *real = realpath(path.c_str(), nullptr);
    if (!real)
      return fail(errno);
    target = real;
    std::free(real);
  } else if (int reason = resolveDangling(target)) {
    return fail(reason);
  }
  if (target.empty() || target.back() == '/')
    return fail(target.empty() ? ENOENT : EISDIR);
  folder = folderOf(target);

  replaces = true;
  fd = openUnnamed(folder);
  if (fd < 0)
    if (int reason = createNamed())
      return fail(reason);
  if (exists && fchmod(fd, info.st_mode & 0777) != 0)
    return fail(errno);
  return std::nullopt;
}

/// Returns errno, or 0.
int AtomicFile::createNamed() {
  // A name that another process left over is skipped.
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string name = folder + "/.amp-" + std::to_string(getpid()) + "-" +
                       std::to_string(counter++) + ".tmp";
    fd = openRetrying(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                      0666);
    if (fd >= 0) {
      temporary = std::move(name);
      return 0;
    }
    if (errno != EEXIST)
      return errno;
  }
  return EEXIST;
}

/// Gives the file without a name that of the target. Where something has it,
/// the file gets another name first, the same for each writer of the target:
/// what a killed one left there is replaced by the next. Files under either
/// name are whole, so that it does no harm to move that of a faster writer.
/// Returns errno, or 0.
int AtomicFile::place() {
  const std::string self = descriptorPath(fd);
  auto link = [&](const std::string &name) {
    return linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(),
                  AT_SYMLINK_FOLLOW) == 0
               ? 0
               : errno;
  };
  if (int reason = link(target); reason != EEXIST)
    return reason;
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016zx", std::hash<std::string>()(target));
  const std::string name = folder + "/.amp-" + hash + ".tmp";
  for (int attempt = 0; attempt < 1000; ++attempt) {
    int reason = link(name);
    if (reason == EEXIST) {
      ::unlink(name.c_str());
      continue;
    }
    if (reason)
      return reason;
    if (rename(name.c_str(), target.c_str()) == 0)
      return 0;
    if (errno != ENOENT) {
      reason = errno;
      ::unlink(name.c_str());
      return reason;
    }
  }
  return EEXIST;
}

std::optional<std::string> AtomicFile::write(std::string_view bytes) {
  if (fd < 0)
    return fail(EBADF);
  if (int reason = writeAll(fd, bytes))
    return fail(reason);
  written += bytes.size();
  // The disk starts while there is more to come, so that the flush at the end
  // waits for little. That flush says what went wrong.
  constexpr size_t kPiece = 8 << 20;
  if (replaces && written - started >= kPiece) {
#ifdef SYNC_FILE_RANGE_WRITE
    sync_file_range(fd, off64_t(started), off64_t(written - started),
                    SYNC_FILE_RANGE_WRITE);
#endif
    started = written;
  }
  return std::nullopt;
}

std::optional<std::string> AtomicFile::commit() {
  if (fd < 0)
    return fail(EBADF);
  if (!ownsFd) {
    fd = -1;
    return std::nullopt;
  }
  if (replaces) {
    if (int reason = flush(fd))
      return fail(reason);
    if (temporary.empty())
      if (int reason = place())
        return fail(reason);
  }
  int closing = std::exchange(fd, -1);
  // After EINTR the descriptor is closed all the same.
  if (::close(closing) != 0 && errno != EINTR)
    return fail(errno);
  if (!replaces)
    return std::nullopt;
  if (!temporary.empty() && rename(temporary.c_str(), target.c_str()) != 0)
    return fail(errno);
  temporary.clear();
  // The name itself must survive a power failure too.
  int directory = openRetrying(folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory < 0)
    return errno == EACCES ? std::nullopt : fail(errno);
  int reason = flush(directory);
  ::close(directory);
  return reason ? fail(reason) : std::nullopt;
}

namespace {

/// Opens a path without links, by one step per component: a link that comes in
/// between cannot lead away.
int openByComponents(int folder, const std::string &path) {
  int current = folder;
  for (size_t start = 0;;) {
    size_t slash = path.find('/', start);
    bool isLast = slash == std::string::npos;
    std::string part = path.substr(start, isLast ? slash : slash - start);
    int next = openat(current, part.c_str(),
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
                          (isLast ? 0 : O_DIRECTORY));
    int reason = errno;
    if (current != folder)
      ::close(current);
    if (next < 0 || isLast) {
      errno = reason;
      return next;
    }
    current = next;
    start = slash + 1;
  }
}

/// Where `path` below `folder` is when all links are followed, relative to
/// where `folder` is. Returns errno, EXDEV where it is not below, or 0.
int resolveBeneath(const std::string &folder, const std::string &path,
                   std::string &resolved) {
  auto real = [](const std::string &name, std::string &result) {
    char *text = realpath(name.c_str(), nullptr);
    if (!text)
      return errno;
    result = text;
    std::free(text);
    return 0;
  };
  std::string root;
  if (int reason = real(folder, root))
    return reason;
  if (int reason = real(folder + "/" + path, resolved))
    return reason;
  if (root.back() != '/')
    root += '/';
  if (resolved.compare(0, root.size(), root) != 0)
    return EXDEV;
  resolved.erase(0, root.size());
  return 0;
}

/// Why a path is not one that stays below its folder, or null.
const char *whyNotBeneath(std::string_view path) {
  if (path.empty())
    return "it is empty";
  if (path[0] == '/')
    return "it is absolute";
  if (path.find('\0') != std::string_view::npos)
    return "it holds a zero byte";
  if (path.back() == '/')
    return "it names a folder";
  for (size_t start = 0; start <= path.size();) {
    size_t slash = std::min(path.find('/', start), path.size());
    if (path.substr(start, slash - start) == "..")
      return "it leaves the folder of the graph file";
    start = slash + 1;
  }
  return nullptr;
}

} // namespace

int amp::graphfile::openBeneath(const std::string &folder,
                                std::string_view relativePath,
                                std::string &error, bool *refused) {
  if (refused)
    *refused = false;
  std::string path(relativePath);
  auto refuse = [&](const char *why) {
    if (refused)
      *refused = true;
    error = "the path '" + path + "' is not allowed: " + why;
    return -1;
  };
  if (const char *why = whyNotBeneath(relativePath))
    return refuse(why);
  // "a//b" and "./a" are the same file; the walk wants single steps.
  std::string steps;
  for (size_t start = 0; start < path.size();) {
    size_t slash = std::min(path.find('/', start), path.size());
    std::string_view part = relativePath.substr(start, slash - start);
    if (!part.empty() && part != ".") {
      if (!steps.empty())
        steps += '/';
      steps += part;
    }
    start = slash + 1;
  }
  if (steps.empty())
    return refuse("it names a folder");

  const std::string root = folder.empty() ? "." : folder;
  int directory = openRetrying(root.c_str(), O_RDONLY | O_DIRECTORY);
  if (directory < 0) {
    error = describe("read", root, errno);
    return -1;
  }
  std::string resolved;
  int fd = -1, reason = resolveBeneath(root, steps, resolved);
  if (reason == 0 && (fd = openByComponents(directory, resolved)) < 0)
    reason = errno;
  ::close(directory);
  if (reason == EXDEV)
    return refuse("it leads out of the folder of the graph file");
  struct stat info;
  if (fd >= 0 && fstat(fd, &info) != 0)
    reason = errno;
  else if (fd >= 0 && S_ISREG(info.st_mode))
    return fd;
  else if (fd >= 0)
    reason = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
  if (fd >= 0)
    ::close(fd);
  error = describe("read", path, reason);
  return -1;
}

//===- MemoryFile.h - A file without a disk ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For readers that take a path: a file in memory and a path to it.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_MEMORYFILE_H
#define AMP_TEST_FUZZ_MEMORYFILE_H

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace amp::test {

class MemoryFile {
public:
  explicit MemoryFile(std::string_view bytes) : fd(memfd_create("amp", 0)) {
    while (fd >= 0 && !bytes.empty()) {
      ssize_t put = ::write(fd, bytes.data(), bytes.size());
      if (put <= 0)
        break;
      bytes.remove_prefix(size_t(put));
    }
    // A test that cannot have its file is no test.
    if (fd < 0 || !bytes.empty()) {
      std::perror("a file in memory");
      std::abort();
    }
  }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() { ::close(fd); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd); }

private:
  int fd;
};

} // namespace amp::test

#endif // AMP_TEST_FUZZ_MEMORYFILE_H

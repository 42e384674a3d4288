//===- JsonFile.h - A file on the disk that ends in .json -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// For readers that take a path and look at its end: one file in a folder that
// goes when the program does. What is read may refer to itself.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_FUZZ_JSONFILE_H
#define AMP_TEST_FUZZ_JSONFILE_H

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <unistd.h>

namespace amp::test {

class JsonFile {
public:
  explicit JsonFile(const std::string &what)
      : folder(std::filesystem::temp_directory_path() /
               ("amp-" + what + "-" + std::to_string(getpid()))),
        file((folder / "file.json").string()) {
    std::filesystem::create_directories(folder);
  }
  JsonFile(const JsonFile &) = delete;
  JsonFile &operator=(const JsonFile &) = delete;
  ~JsonFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  const std::string &path() const { return file; }
  /// False where it cannot be written.
  bool put(std::string_view bytes) const {
    std::FILE *out = std::fopen(file.c_str(), "wb");
    if (!out)
      return false;
    const bool whole =
        std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
    return std::fclose(out) == 0 && whole;
  }

private:
  std::filesystem::path folder;
  std::string file;
};

} // namespace amp::test

#endif // AMP_TEST_FUZZ_JSONFILE_H

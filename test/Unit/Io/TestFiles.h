//===- TestFiles.h - Scratch files of the tests ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Each test program writes into a folder of its own, removed at its end.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_UNIT_IO_TESTFILES_H
#define AMP_TEST_UNIT_IO_TESTFILES_H

#include "amprt/Status.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace amptest {

/// A folder that lives as long as the object.
class ScratchFolder {
public:
  ScratchFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "amp-io-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(folder); }
  std::string path(const std::string &name) const {
    return (folder / name).string();
  }
  std::string write(const std::string &name, const std::string &text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  std::string read(const std::string &name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t files() const {
    return size_t(std::distance(std::filesystem::directory_iterator(folder),
                                std::filesystem::directory_iterator()));
  }

private:
  std::filesystem::path folder;
};

/// The failure has this code and says this, somewhere in its sentence.
inline void expectFailure(const amprt::Status &status, amprt::Code code,
                          const std::string &text) {
  EXPECT_EQ(amprt::codeName(status.code()), amprt::codeName(code))
      << status.message();
  EXPECT_NE(status.message().find(text), std::string::npos)
      << "the message is: " << status.message();
}

} // namespace amptest

#endif // AMP_TEST_UNIT_IO_TESTFILES_H

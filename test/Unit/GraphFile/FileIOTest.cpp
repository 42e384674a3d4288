//===- FileIOTest.cpp - Files in and out ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Replacing as a whole, modes and links, pipes, and paths that stay in their
// folder.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace amp::graphfile;
namespace fs = std::filesystem;

namespace {

class FileIOTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "amp-file-io-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string path(const std::string &name) { return (folder / name).string(); }
  std::string read(const std::string &name) {
    std::string text;
    std::optional<std::string> problem = readFile(path(name), text);
    EXPECT_FALSE(problem) << *problem;
    return text;
  }
  size_t filesIn(const fs::path &where) {
    return std::distance(fs::directory_iterator(where),
                         fs::directory_iterator());
  }
  /// The text of a file below the folder, or the error.
  std::string beneath(std::string_view relative, bool *refused = nullptr) {
    std::string error;
    int fd = openBeneath(folder.string(), relative, error, refused);
    if (fd < 0)
      return "error: " + error;
    char buffer[64];
    ssize_t count = ::read(fd, buffer, sizeof(buffer));
    ::close(fd);
    return std::string(buffer, count > 0 ? count : 0);
  }

  fs::path folder;
};

} // namespace

TEST_F(FileIOTest, WritesAndReads) {
  std::string text = "a\0b\xff\n";
  text.resize(5);
  EXPECT_FALSE(writeFile(path("a"), text));
  EXPECT_EQ(read("a"), text);
  EXPECT_FALSE(writeFile(path("a"), "short"));
  EXPECT_EQ(read("a"), "short");
  EXPECT_EQ(filesIn(folder), 1u);
}

TEST_F(FileIOTest, AMissingFileSaysSo) {
  std::string text;
  std::optional<std::string> problem = readFile(path("none"), text);
  ASSERT_TRUE(problem);
  EXPECT_EQ(*problem,
            "cannot read '" + path("none") + "': No such file or directory");
  EXPECT_TRUE(readFile(folder.string(), text)) << "a folder is no file";
}

TEST_F(FileIOTest, AFileBeyondTheLimitIsRefused) {
  EXPECT_FALSE(writeFile(path("a"), "0123456789"));
  std::string text;
  EXPECT_FALSE(readFile(path("a"), text, 10));
  EXPECT_TRUE(readFile(path("a"), text, 9));
  EXPECT_TRUE(readFile("/dev/zero", text, 1000)) << "endless";
}

TEST_F(FileIOTest, TheModeOfAReplacedFileStays) {
  EXPECT_FALSE(writeFile(path("a"), "old"));
  ASSERT_EQ(chmod(path("a").c_str(), 0640), 0);
  EXPECT_FALSE(writeFile(path("a"), "new"));
  struct stat info;
  ASSERT_EQ(stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(FileIOTest, ALinkStaysAndItsTargetIsReplaced) {
  fs::create_directory(folder / "far");
  EXPECT_FALSE(writeFile(path("far/a"), "old"));
  fs::create_symlink("far/a", folder / "link");
  EXPECT_FALSE(writeFile(path("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read("far/a"), "new");
}

TEST_F(FileIOTest, NothingChangesUntilCommit) {
  EXPECT_FALSE(writeFile(path("a"), "old"));
  {
    AtomicFile file;
    EXPECT_FALSE(file.open(path("a")));
    EXPECT_FALSE(file.write("new"));
    EXPECT_EQ(read("a"), "old");
  }
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(filesIn(folder), 1u) << "the temporary file is gone";
}

TEST_F(FileIOTest, AFolderThatIsNotThereIsAnError) {
  std::optional<std::string> problem = writeFile(path("none/a"), "x");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->substr(0, 12), "cannot write");
}

TEST_F(FileIOTest, APipeIsStreamedToAndStaysAPipe) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] {
    int fd = ::open(path("pipe").c_str(), O_RDONLY);
    char buffer[64];
    for (ssize_t count; (count = ::read(fd, buffer, sizeof(buffer))) > 0;)
      got.append(buffer, count);
    ::close(fd);
  });
  EXPECT_FALSE(writeFile(path("pipe"), "through"));
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
}

TEST_F(FileIOTest, OpensBelowTheFolder) {
  fs::create_directory(folder / "sub");
  EXPECT_FALSE(writeFile(path("sub/a"), "inside"));
  EXPECT_EQ(beneath("sub/a"), "inside");
  EXPECT_EQ(beneath("./sub/a"), "inside");
}

TEST_F(FileIOTest, TellsAPathThatIsNotAllowedFromAMissingFile) {
  fs::create_directory(folder / "sub");
  EXPECT_FALSE(writeFile(path("a"), "inside"));
  fs::create_symlink("a", folder / "link");
  fs::create_symlink("/", folder / "root");
  for (const char *bad :
       {"../a", "sub/../../a", "/etc/passwd", "link", "root/etc/passwd", ""}) {
    bool refused = false;
    EXPECT_EQ(beneath(bad, &refused).substr(0, 6), "error:") << bad;
    EXPECT_TRUE(refused) << bad;
  }
  bool refused = true;
  EXPECT_EQ(beneath("none", &refused).substr(0, 6), "error:");
  EXPECT_FALSE(refused);
  EXPECT_EQ(beneath("sub").substr(0, 6), "error:") << "a folder is no file";
}

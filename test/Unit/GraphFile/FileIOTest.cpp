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

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
       {"../a", "sub/../../a", "/etc/passwd", "root/etc/passwd", ""}) {
    bool refused = false;
    EXPECT_EQ(beneath(bad, &refused).substr(0, 6), "error:") << bad;
    EXPECT_TRUE(refused) << bad;
  }
  EXPECT_EQ(beneath("link"), "inside");
  bool refused = true;
  EXPECT_EQ(beneath("none", &refused).substr(0, 6), "error:");
  EXPECT_FALSE(refused);
  EXPECT_EQ(beneath("sub").substr(0, 6), "error:") << "a folder is no file";
}

TEST_F(FileIOTest, ANewFileHasTheModeOfNewFiles) {
  EXPECT_FALSE(writeFile(path("a"), "x"));
  mode_t mask = umask(0);
  umask(mask);
  struct stat info;
  ASSERT_EQ(stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0666 & ~mask);
}

TEST_F(FileIOTest, LinksToWhatIsNotThereYet) {
  fs::create_directory(folder / "far");
  fs::create_symlink("far/later", folder / "link");
  EXPECT_FALSE(writeFile(path("link"), "born"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read("far/later"), "born");
  fs::create_symlink("ring", folder / "ring");
  EXPECT_TRUE(writeFile(path("ring"), "x"));
}

TEST_F(FileIOTest, ErrorsNameTheFileAndTheReasonAndLeaveNothing) {
  EXPECT_EQ(writeFile(path("no/a"), "x"),
            "cannot write '" + path("no/a") + "': No such file or directory");
  EXPECT_EQ(writeFile(folder.string(), "x"),
            "cannot write '" + folder.string() + "': Is a directory");
  EXPECT_TRUE(writeFile(path("new/"), "x"));
  EXPECT_TRUE(writeFile("", "x"));
  EXPECT_EQ(filesIn(folder), 0u);
}

/// A limit on the size of files stands for a full disk.
TEST_F(FileIOTest, AFullDiskKeepsTheOldFile) {
  EXPECT_FALSE(writeFile(path("a"), "old"));
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto problem = writeFile(path("a"), std::string(100000, 'n'));
    _exit(problem == "cannot write '" + path("a") + "': File too large" ? 0
                                                                        : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(filesIn(folder), 1u);
}

/// Where the system has files without a name; elsewhere a temporary file stays.
TEST_F(FileIOTest, AProcessThatDiesLeavesNothing) {
  int unnamed = ::open(folder.c_str(), O_WRONLY | O_TMPFILE, 0666);
  if (unnamed < 0)
    GTEST_SKIP() << "this file system has no files without a name";
  ::close(unnamed);
  EXPECT_FALSE(writeFile(path("a"), "old"));
  for (const char *name : {"a", "b"}) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      AtomicFile file;
      _exit(file.open(path(name)) || file.write("half") ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(filesIn(folder), 1u);
}

/// Another writer was faster, and its file is whole too.
TEST_F(FileIOTest, TheLastOfTwoWritersWins) {
  AtomicFile first, second;
  EXPECT_FALSE(first.open(path("a")));
  EXPECT_FALSE(second.open(path("a")));
  EXPECT_FALSE(first.write("first"));
  EXPECT_FALSE(second.write("second"));
  EXPECT_FALSE(first.commit());
  EXPECT_EQ(read("a"), "first");
  EXPECT_FALSE(second.commit());
  EXPECT_EQ(read("a"), "second");
  EXPECT_EQ(filesIn(folder), 1u);
}

TEST_F(FileIOTest, PiecesAppearTogetherAndNothingFollows) {
  AtomicFile file;
  EXPECT_FALSE(file.open(path("a")));
  EXPECT_FALSE(file.write("one "));
  EXPECT_FALSE(file.write("two"));
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_FALSE(file.commit());
  EXPECT_EQ(read("a"), "one two");
  EXPECT_TRUE(file.write("late"));
  EXPECT_TRUE(file.commit());
  EXPECT_EQ(read("a"), "one two");
}

TEST_F(FileIOTest, FoldersOfPaths) {
  EXPECT_EQ(folderOf("a"), ".");
  EXPECT_EQ(folderOf("-"), ".");
  EXPECT_EQ(folderOf("a/b/c"), "a/b");
  EXPECT_EQ(folderOf("/a"), "/");
}

TEST_F(FileIOTest, EverySpellingThatLeavesIsRefused) {
  fs::create_directory(folder / "sub");
  EXPECT_FALSE(writeFile(path("a"), "inside"));
  EXPECT_FALSE(writeFile(path("sub/b"), "inside"));
  fs::create_symlink("sub", folder / "sublink");
  fs::create_symlink("../a", folder / "sub/back");
  fs::create_symlink(folder / "a", folder / "absolute");
  fs::create_symlink("/etc", folder / "out");
  fs::create_symlink("ring", folder / "ring");
  for (std::string_view bad :
       {std::string_view("sub/../a"), std::string_view("sub/.."),
        std::string_view("."), std::string_view("sub/"),
        std::string_view("out/passwd"), std::string_view("a\0b", 3)}) {
    bool refused = false;
    std::string answer = beneath(bad, &refused);
    EXPECT_TRUE(refused) << bad << ": " << answer;
    EXPECT_NE(answer.find("is not allowed: "), std::string::npos) << answer;
  }
  EXPECT_EQ(beneath("sub//./b"), "inside");
  // Links that stay are followed.
  for (const char *good : {"sublink/b", "sub/back", "sublink/back", "absolute"})
    EXPECT_EQ(beneath(good), "inside") << good;
  bool refused = true;
  EXPECT_EQ(beneath("ring", &refused).substr(0, 6), "error:");
  EXPECT_FALSE(refused);
}

TEST_F(FileIOTest, WhatIsNoRegularFileIsNotRefusedButUnreadable) {
  fs::create_directory(folder / "sub");
  EXPECT_FALSE(writeFile(path("a"), "inside"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  for (const char *bad : {"none", "sub/none", "none/x", "sub", "a/b", "pipe"}) {
    bool refused = true;
    std::string answer = beneath(bad, &refused);
    EXPECT_FALSE(refused) << bad;
    EXPECT_EQ(answer.find("error: cannot read '" + std::string(bad) + "': "),
              0u)
        << answer;
  }
}

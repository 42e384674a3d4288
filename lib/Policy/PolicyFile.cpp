//===- PolicyFile.cpp - The text of a policy, and places in it ------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What the readers of policies and of models share.
//===----------------------------------------------------------------------===//

#include "PolicyFile.h"

#include "amp/OpSet/Words.h"
#include "amp/Policy/Policy.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

using namespace amp;

/// A terminal must not obey what a file holds.
static std::string printable(std::string text) {
  for (char &c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      c = '?';
  return text;
}

std::string policy::locate(const std::string &name, const std::string &file,
                           size_t at, const std::string &text) {
  at = std::min(at, file.size());
  size_t line = 1 + std::count(file.begin(), file.begin() + at, '\n');
  size_t start = at == 0 ? 0 : file.rfind('\n', at - 1) + 1;
  if (start > at)
    start = 0;
  size_t end = std::min(file.find('\n', at), file.size());
  std::string shown = file.substr(start, end - start);
  // The caret goes under the character; tabs keep their width.
  std::string caret;
  for (size_t i = 0; i < at - start; ++i)
    if ((static_cast<unsigned char>(shown[i]) & 0xC0) != 0x80)
      caret += shown[i] == '\t' ? '\t' : ' ';
  return name + ":" + std::to_string(line) + ":" +
         std::to_string(at - start + 1) + ": " + printable(text) + "\n" +
         printable(shown) + "\n" + caret + "^";
}

std::string policy::suggest(std::string_view name,
                            const std::vector<std::string_view> &names) {
  return didYouMeanText(nearestName(name, names));
}

/// C streams, since those of C++ throw on a folder.
int policy::readFile(const std::string &name, std::string &text) {
  std::FILE *file = std::fopen(name.c_str(), "rb");
  if (!file)
    return errno ? errno : EIO;
  char buffer[1 << 14];
  size_t count;
  while (text.size() <= kMaxBytes &&
         (count = std::fread(buffer, 1, sizeof(buffer), file)) != 0)
    text.append(buffer, count);
  int reason = std::ferror(file) ? (errno ? errno : EIO) : 0;
  std::fclose(file);
  return reason;
}

//===- CacheFile.cpp - Files that are kept between runs -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "CacheFile.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace amprt::cuda;

uint64_t amprt::cuda::hashOf(std::string_view text, uint64_t hash) {
  for (unsigned char c : text)
    hash = (hash ^ c) * 1099511628211u;
  return hash;
}

std::string amprt::cuda::contentName(std::string_view text) {
  char name[40];
  std::snprintf(name, sizeof name, "%016llx%016llx",
                static_cast<unsigned long long>(hashOf(text)),
                static_cast<unsigned long long>(
                    hashOf(text, 1469598103934665603u)));
  return name;
}

std::optional<std::string> amprt::cuda::readWhole(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return std::nullopt;
  std::stringstream whole;
  whole << in.rdbuf();
  return whole.str();
}

void amprt::cuda::replaceWhole(const std::string &path,
                               const std::string &text) {
  for (size_t at = path.find('/', 1); at != std::string::npos;
       at = path.find('/', at + 1))
    (void)mkdir(path.substr(0, at).c_str(), 0777);
  // A name of its own, for threads and for processes on machines that share
  // the folder.
  std::string beside = path + ".XXXXXX";
  const int file = mkstemp(beside.data());
  if (file < 0)
    return;
  (void)close(file);
  std::ofstream out(beside, std::ios::binary);
  out << text;
  out.close();
  if (!out || std::rename(beside.c_str(), path.c_str()) != 0)
    (void)std::remove(beside.c_str());
}

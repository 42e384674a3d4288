//===- Arguments.cpp - What can be wrong with the arguments ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Walks the arguments as LLVM's parser will, with the flags it knows.
//===----------------------------------------------------------------------===//

#include "Arguments.h"

#include "amp/OpSet/Types.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <algorithm>

namespace cl = llvm::cl;
using namespace amp;
using namespace amp::opt;

std::optional<std::string> opt::checkArguments(int argc, char **argv) {
  const llvm::DenseMap<llvm::StringRef, cl::Option *> &known =
      cl::getRegisteredOptions();
  llvm::StringRef input;
  bool flagsEnded = false, hasInput = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (!flagsEnded && argument == "--") {
      flagsEnded = true;
      continue;
    }
    if (flagsEnded || argument == "-" || !argument.starts_with("-")) {
      if (hasInput)
        return ("more than one input: '" + input + "' and '" + argument + "'")
            .str();
      input = argument;
      hasInput = true;
      continue;
    }
    llvm::StringRef name = argument.split('=').first;
    bool isLong = name.consume_front("--");
    if (!isLong)
      name.consume_front("-");
    auto it = known.find(name);
    if (it != known.end()) {
      // The names of passes stand for themselves, whatever their option says.
      if (it->second->ArgStr == name && !argument.contains('=') &&
          it->second->getValueExpectedFlag() == cl::ValueRequired)
        ++i; // the value is the next argument
      continue;
    }
    // A short flag may have its value behind it: -oFILE.
    if (!isLong)
      continue;
    std::vector<std::string_view> names;
    for (const auto &option : known)
      names.push_back({option.first.data(), option.first.size()});
    // A hash table has no order; messages must.
    std::sort(names.begin(), names.end());
    std::string_view near =
        didYouMean(std::string_view(name.data(), name.size()), names);
    std::string text = "unknown flag '--" + name.str() + "'";
    if (!near.empty())
      return text + "; did you mean '--" + std::string(near) + "'?";
    return text + "; 'amp-opt --help' lists the flags";
  }
  return std::nullopt;
}

bool opt::isSameFile(llvm::StringRef a, llvm::StringRef b) {
  if (a == b)
    return true;
  bool same = false;
  if (!llvm::sys::fs::equivalent(a, b, same))
    return same;
  // What does not exist yet is where its folder and its name say.
  auto folderOf = [](llvm::StringRef path) {
    llvm::StringRef folder = llvm::sys::path::parent_path(path);
    return folder.empty() ? "." : folder;
  };
  return llvm::sys::path::filename(a) == llvm::sys::path::filename(b) &&
         !llvm::sys::fs::equivalent(folderOf(a), folderOf(b), same) && same;
}

std::optional<std::string> opt::checkFiles(const Options &options) {
  if (options.report.empty() || options.printPolicy)
    return std::nullopt;
  if (options.report == "-" && options.output == "-")
    return "--report and the graph both go to standard output: name a file "
           "with -o";
  // Devices and pipes take what several writers say.
  bool isRegular = !llvm::sys::fs::exists(options.report) ||
                   llvm::sys::fs::is_regular_file(options.report);
  if (options.report == "-" || !isRegular)
    return std::nullopt;
  if (isSameFile(options.report, options.output))
    return "--report and -o name one file, '" + options.report + "'";
  if (isSameFile(options.report, options.input))
    return "--report names the input, '" + options.report + "'";
  return std::nullopt;
}

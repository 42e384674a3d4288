//===- HostSources.cpp - Fused kernels for the host -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "HostSources.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <unistd.h>

using namespace amprt::test;

namespace {

/// Where they are built; gone when the program ends.
struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "amp-fused-XXXXXX";
    path = mkdtemp(name.data()) ? name : ".";
  }
  ~Folder() {
    std::error_code ignored;
    // A child that was forked leaves what is its parent's.
    if (path != "." && getpid() == owner)
      std::filesystem::remove_all(path, ignored);
  }
  std::string path;
  pid_t owner = getpid();
};

std::map<std::string, HostSource> built;
int alone = 0, libraries = 0;
bool collecting = false;
std::vector<std::string> collected;

/// The command up to its input, in a folder where the headers are parsed.
const std::string &compiler() {
  static const Folder folder;
  static const std::string command = [] {
    // Without unique symbols: the shared memory of one kernel is not another's.
    std::string text =
        std::string(AMP_CXX_COMPILER) +
        " " AMP_PLUGIN_FLAGS " -std=c++17 -O1 -ffp-contract=off -fPIC "
        "-DAMPRT_EMULATED -DAMPRT_EMULATED_PLUGIN -I. "
        "-I" AMP_SOURCE_DIR "/runtime/src/cuda/kernels "
        "-I" AMP_SOURCE_DIR "/test/Runtime/Cuda "
        "-I" AMP_SOURCE_DIR "/runtime/include ";
    std::ofstream(folder.path + "/all.h")
        << "#include \"Update.cuh\"\n#include \"Attention.cuh\"\n";
    text = "cd " + folder.path + " && " + text;
    (void)!std::system(
        (text + "-x c++-header all.h -o all.h.gch 2>all.log").c_str());
    return text;
  }();
  return command;
}
std::string pathOf(const std::string &name) {
  const std::string &command = compiler();
  return command.substr(3, command.find(' ', 3) - 3) + "/" + name;
}

/// Kernels of several sources have names of their own.
std::string renamed(std::string source, const std::string &prefix) {
  constexpr std::string_view mark = "AMPRT_KERNEL(";
  for (size_t at = 0; (at = source.find(mark, at)) != std::string::npos;) {
    source.replace(at, mark.size(), "AMPRT_KERNEL_AS(" + prefix + ", ");
    at += mark.size();
  }
  return source;
}

struct Library {
  std::string name;
  std::vector<std::string> sources;
};

/// Each in a namespace of its own.
void write(const Library &library) {
  std::ofstream file(pathOf(library.name + ".cpp"));
  for (size_t i = 0; i < library.sources.size(); ++i) {
    const std::string prefix = library.name + "_" + std::to_string(i);
    file << "namespace " << prefix << " {\n"
         << renamed(library.sources[i], prefix) << "}\n";
  }
}

std::string commandFor(const std::string &name) {
  return compiler() + "-shared -include all.h " + name + ".cpp -o " + name +
         ".so 2>" + name + ".log";
}

/// After its command has run.
void open(const Library &library) {
  void *opened =
      dlopen(pathOf(library.name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  std::string error;
  if (!opened) {
    std::ifstream log(pathOf(library.name + ".log"));
    error = "the host's compiler refuses a fused kernel:\n" +
            library.sources[0] +
            std::string(std::istreambuf_iterator<char>(log), {});
  }
  for (size_t i = 0; i < library.sources.size(); ++i)
    // Among several the wrong one is found when it is built alone.
    if (opened || library.sources.size() == 1)
      built[library.sources[i]] = {
          opened, library.name + "_" + std::to_string(i), error};
  for (const char *end : {".cpp", ".so", ".log"})
    (void)unlink(pathOf(library.name + end).c_str());
}

} // namespace

HostSource amprt::test::buildForHost(const std::string &source) {
  if (auto found = built.find(source); found != built.end())
    return found->second;
  if (collecting) {
    collected.push_back(source);
    return built[source];
  }
  ++alone;
  Library library = {"fused" + std::to_string(libraries++), {source}};
  write(library);
  (void)!std::system(commandFor(library.name).c_str());
  open(library);
  return built[source];
}

void amprt::test::buildTogether(const std::vector<std::string> &sources) {
  constexpr size_t most = 40;
  std::vector<Library> all;
  for (const std::string &source : sources) {
    if (all.empty() || all.back().sources.size() == most)
      all.push_back({"fused" + std::to_string(libraries++), {}});
    all.back().sources.push_back(source);
  }
  for (size_t i = 0; i < all.size(); i += 2) {
    write(all[i]);
    std::string both = "(" + commandFor(all[i].name) + ")";
    if (i + 1 < all.size()) {
      write(all[i + 1]);
      both += " & (" + commandFor(all[i + 1].name) + "); wait";
    }
    (void)!std::system(both.c_str());
    open(all[i]);
    if (i + 1 < all.size())
      open(all[i + 1]);
  }
}

Emulated amprt::test::findInSource(const HostSource &source,
                                   const std::string &kernel) {
  const std::string name = "emulated_" + source.prefix + "_" + kernel;
  Emulated found;
  found.function = reinterpret_cast<void (*)(const void *)>(
      dlsym(source.library, name.c_str()));
  auto bytes = reinterpret_cast<size_t (*)()>(
      dlsym(source.library, (name + "_bytes").c_str()));
  found.argBytes = bytes ? bytes() : 0;
  return found;
}

int amprt::test::builtAlone() { return alone; }
void amprt::test::collectSources() { collecting = true; }
bool amprt::test::isCollecting() { return collecting; }
const std::vector<std::string> &amprt::test::collectedSources() {
  return collected;
}

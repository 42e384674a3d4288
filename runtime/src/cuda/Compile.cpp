//===- Compile.cpp - Kernels from source, by NVRTC ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Compiles for one architecture and keeps the result on disk under a name made
// of everything that it depends on. A file is written beside its place and
// renamed, so that none is ever half there; a check sum finds one that was
// damaged, which is compiled again.
//===----------------------------------------------------------------------===//

#include "CacheFile.h"
#include "Context.h"
#include "Embedded.h"

#include <cstring>

using namespace amprt;
using namespace amprt::cuda;

namespace {

constexpr std::string_view kMagic = "amprt-cubin-1\n";

/// Magic, name, the hash of the rest, the rest.
std::optional<std::string> readCached(const std::string &path,
                                      const std::string &name) {
  std::optional<std::string> text = readWhole(path);
  const std::string head = std::string(kMagic) + name + "\n";
  if (!text || text->size() < head.size() + 8 ||
      text->compare(0, head.size(), head) != 0)
    return std::nullopt;
  uint64_t expected;
  std::memcpy(&expected, text->data() + head.size(), sizeof expected);
  text->erase(0, head.size() + sizeof expected);
  if (text->empty() || hashOf(*text) != expected)
    return std::nullopt;
  return text;
}

void writeCached(const std::string &path, const std::string &name,
                 const std::string &cubin) {
  const uint64_t sum = hashOf(cubin);
  std::string text = std::string(kMagic) + name + "\n";
  text.append(reinterpret_cast<const char *>(&sum), sizeof sum);
  replaceWhole(path, text + cubin);
}

} // namespace

Result<std::string> amprt::cuda::compileSource(const Api &api,
                                               const std::string &source,
                                               int major, int minor) {
  std::vector<const char *> texts, names;
  for (const EmbeddedFile &file : embeddedFiles()) {
    texts.push_back(file.text);
    names.push_back(file.name);
  }
  nvrtcProgram made = nullptr;
  AMPRT_CUDA(api, nvrtcCreateProgram,
             (&made, source.c_str(), "fused.cu", int(texts.size()),
              texts.data(), names.data()));
  Owned<nvrtcProgram> program(api, made, [](const Api &api, nvrtcProgram p) {
    (void)api.nvrtcDestroyProgram(&p);
  });
  const std::string arch =
      "--gpu-architecture=sm_" + std::to_string(major) + std::to_string(minor);
  // One rounding per operation, as on the cpu device.
  const char *options[] = {arch.c_str(), "--std=c++17", "--fmad=false"};
  nvrtcResult result =
      api.nvrtcCompileProgram(made, int(std::size(options)), options);
  if (result == NVRTC_ERROR_COMPILATION) {
    size_t size = 0;
    AMPRT_CUDA(api, nvrtcGetProgramLogSize, (made, &size));
    std::string log(size, '\0');
    AMPRT_CUDA(api, nvrtcGetProgramLog, (made, log.data()));
    return Status(Code::Internal,
                  "nvrtcCompileProgram failed: " + std::string(log.c_str()));
  }
  AMPRT_RETURN_IF_ERROR(check(api, result, "nvrtcCompileProgram"));
  size_t size = 0;
  AMPRT_CUDA(api, nvrtcGetCUBINSize, (made, &size));
  std::string cubin(size, '\0');
  AMPRT_CUDA(api, nvrtcGetCUBIN, (made, cubin.data()));
  return cubin;
}

Result<std::string> Context::cubinOf(const std::string &source) {
  std::string path, key;
  if (!chosen.cacheFolder.empty()) {
    int major = 0, minor = 0;
    AMPRT_CUDA(api(), nvrtcVersion, (&major, &minor));
    key = "nvrtc " + std::to_string(major) + "." + std::to_string(minor) +
          " sm_" + std::to_string(device.major) + std::to_string(device.minor) +
          "\n" + source;
    for (const EmbeddedFile &file : embeddedFiles())
      key += file.text;
    key = contentName(key);
    path = chosen.cacheFolder + "/" + key + ".cubin";
    if (auto cached = readCached(path, key)) {
      ++diskHits;
      return *std::move(cached);
    }
  }
  AMPRT_ASSIGN_OR_RETURN(
      std::string cubin,
      compileSource(api(), source, device.major, device.minor));
  ++compilations;
  if (!path.empty())
    writeCached(path, key, cubin);
  return cubin;
}

//===- OpenDevice.cpp - Devices by name -----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The devices that this build holds, and the one that is a module: opened only
// when it is asked for, so that a program starts on machines without a GPU.
//===----------------------------------------------------------------------===//

#include "../cpu/Kernels.h"
#include "../cuda/Module.h"
#include "../null/NullDevice.h"

#include <cstdlib>
#include <dlfcn.h>
#include <unistd.h>

using namespace amprt;

/// Where the program lies: the module is in ../lib of it, or beside it.
static std::string programFolder() {
  std::string path(4096, '\0');
  ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(length > 0 ? size_t(length) : 0);
  return path.substr(0, path.rfind('/') + 1);
}

static Result<const cuda::Module *> openModule() {
  const std::string name = "libamprt_cuda.so", folder = programFolder();
  void *handle = nullptr;
  std::string why;
  for (const std::string &path :
       {folder + "../lib/" + name, folder + name, name}) {
    if ((handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)))
      break;
    // Of a module that is there, but cannot be opened.
    const char *error = dlerror();
    if (access(path.c_str(), F_OK) == 0 && error)
      why = error;
  }
  if (!handle)
    return Status(Code::Unavailable,
                  why.empty() ? "this build has no device 'cuda' (" + name +
                                    ", which needs nvcc to be built); use "
                                    "--device=cpu"
                              : "cannot open the device 'cuda': " + why);
  // Never closed: devices live as long as the program wants.
  auto entry = reinterpret_cast<cuda::ModuleEntry>(
      dlsym(handle, "amprtCudaModule"));
  const cuda::Module *module = entry ? entry() : nullptr;
  if (!module || module->version != cuda::kModuleVersion)
    return Status(Code::Unavailable, "cannot open the device 'cuda': " + name +
                                         " is of another build");
  return module;
}

static std::string cacheFolder() {
  if (const char *own = std::getenv("AMP_CACHE"))
    return own;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::string(cache) + "/amp";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/amp";
  return {};
}

Result<std::unique_ptr<Device>>
amprt::openDevice(std::string_view name, const DeviceOptions &options) {
  if (name == "cpu")
    return cpu::openCpu(options.threads);
  if (name == "null")
    return null::openNull();
  if (name == "cuda") {
    AMPRT_ASSIGN_OR_RETURN(const cuda::Module *module, openModule());
    return module->open(
        {options.tf32, options.deterministic, options.cudnn, cacheFolder()});
  }
  return Status(Code::InvalidArgument, "unknown device '" + std::string(name) +
                                           "': it is cpu, cuda or null");
}

Result<std::vector<std::string>> amprt::listCudaDevices() {
  AMPRT_ASSIGN_OR_RETURN(const cuda::Module *module, openModule());
  return module->list();
}

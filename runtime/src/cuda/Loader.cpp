//===- Loader.cpp - Opens the CUDA libraries of the machine ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// By the names of the toolkit that this module is built with: an older or newer
// one has other interfaces.
//===----------------------------------------------------------------------===//

#include "Api.h"

#include <dlfcn.h>

using namespace amprt;
using namespace amprt::cuda;

namespace {

class Loader {
public:
  explicit Loader(Api &api) : api(api) {}

  /// Tries the names in turn; then every function must be there.
  bool open(const char *what, const std::vector<std::string> &names) {
    std::string tried;
    for (const std::string &name : names) {
      if ((handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL))) {
        api.libraries.emplace_back(handle, [](void *h) { dlclose(h); });
        library = name;
        return true;
      }
      tried += (tried.empty() ? "" : ", ") + name;
    }
    missing = std::string(what) + " (" + tried + ")";
    return false;
  }
  template <typename T> void find(T &function, const char *name) {
    function = reinterpret_cast<T>(dlsym(handle, name));
    if (!function && missing.empty())
      missing = std::string(name) + " in " + library;
  }
  std::string missing;

private:
  Api &api;
  void *handle = nullptr;
  std::string library;
};

} // namespace

#define AMPRT_TEXT_(NAME) #NAME
#define AMPRT_TEXT(NAME) AMPRT_TEXT_(NAME)
// Expanded, since a header may give a function another name.
#define AMPRT_FIND(NAME) loader.find(api->NAME, AMPRT_TEXT(NAME));

#ifdef AMPRT_HAS_CUDNN
static Status findCudnn(Api &api) {
  Loader loader(api);
  const std::string name = "libcudnn.so." + std::to_string(CUDNN_MAJOR);
  if (loader.open("cuDNN", {name, AMPRT_CUDA_LIBRARY_DIR "/" + name})) {
    Api *const table = &api;
#define AMPRT_FIND_CUDNN(NAME) loader.find(table->NAME, AMPRT_TEXT(NAME));
    AMPRT_CUDNN_CALLS(AMPRT_FIND_CUDNN)
#undef AMPRT_FIND_CUDNN
  }
  if (!loader.missing.empty())
    return Status(Code::NotFound, "there is no " + loader.missing);
  return okStatus();
}
#endif

Result<std::unique_ptr<Api>> amprt::cuda::loadApi(int wanted) {
  auto api = std::make_unique<Api>();
  Loader loader(*api);
  const std::string major = std::to_string(wanted);
  const std::string toolkit = AMPRT_CUDA_LIBRARY_DIR;
  auto names = [&](const char *stem) -> std::vector<std::string> {
    std::string name = std::string(stem) + ".so." + major;
    return {name, toolkit + "/" + name};
  };
  if (loader.open("the CUDA runtime", names("libcudart"))) {
    AMPRT_CUDART_CALLS(AMPRT_FIND)
  }
  if (loader.missing.empty() && loader.open("NVRTC", names("libnvrtc"))) {
    AMPRT_NVRTC_CALLS(AMPRT_FIND)
  }
  if (loader.missing.empty() && loader.open("cuBLASLt", names("libcublasLt"))) {
    AMPRT_CUBLASLT_CALLS(AMPRT_FIND)
  }
  if (!loader.missing.empty())
    return Status(Code::Unavailable,
                  "the device 'cuda' cannot be used: no library of CUDA " +
                      major + " for " + loader.missing +
                      "; use --device=cpu");
#ifdef AMPRT_HAS_CUDNN
  api->findCudnn = findCudnn;
#endif
  return api;
}

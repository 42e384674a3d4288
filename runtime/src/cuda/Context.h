//===- Context.h - An open GPU ----------------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The device, its streams, its kernels and the handles of the libraries; and
// owners of what the libraries hand out, so that nothing is left behind when a
// call in the middle fails.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_CONTEXT_H
#define AMPRT_CUDA_CONTEXT_H

#include "Algorithms.h"
#include "Api.h"
#include "amprt/Device.h"

#include <map>
#include <set>
#include <string>

namespace amprt::cuda {

/// Something that a library made and must destroy.
template <typename T> class Owned {
public:
  using Destroy = void (*)(const Api &, T);
  Owned() = default;
  Owned(const Api &api, T value, Destroy destroy)
      : api(&api), value(value), destroy(destroy) {}
  Owned(Owned &&other) noexcept { *this = std::move(other); }
  Owned &operator=(Owned &&other) noexcept {
    std::swap(api, other.api);
    std::swap(value, other.value);
    std::swap(destroy, other.destroy);
    return *this;
  }
  ~Owned() {
    if (value)
      destroy(*api, value);
  }
  T get() const { return value; }
  explicit operator bool() const { return value; }

private:
  const Api *api = nullptr;
  T value = nullptr;
  Destroy destroy = nullptr;
};

using Memory = Owned<void *>;
using Stream = Owned<cudaStream_t>;
using Event = Owned<cudaEvent_t>;
using Graph = Owned<cudaGraph_t>;
using GraphExec = Owned<cudaGraphExec_t>;
using Library = Owned<cudaLibrary_t>;

Result<Memory> allocateDevice(const Api &api, size_t bytes);
/// Memory of the host that the device reads and writes without a copy of the
/// driver's in between.
Result<Memory> allocatePinned(const Api &api, size_t bytes);
Result<Stream> makeStream(const Api &api);
Result<Event> makeEvent(const Api &api, bool timed = false);

/// Compiled kernels of one family, as the build put them into the module.
struct Image {
  const char *family;
  const unsigned char *begin, *end;
};
const Image *findImage(std::string_view family);

/// cuDNN's handle and how it is called; in a file of its own, since a build may
/// lack it.
class Cudnn;

/// What may be chosen when the device is opened.
struct Settings {
  /// Products of float32 run in TF32.
  bool tf32 = false;
  /// Takes the libraries' own choice of an algorithm, and no kept one.
  bool deterministic = false;
  /// How many algorithms of a product are timed; 1 takes the library's own
  /// choice.
  int tries = 8;
  CudnnUse cudnn = CudnnUse::Auto;
  /// Where compiled kernels and chosen algorithms are kept between runs; empty
  /// keeps none.
  std::string cacheFolder;
};

/// What a device is and has.
struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 1;
  size_t memory = 0;
  int driver = 0, runtime = 0; ///< 13000 is 13.0
};

/// `NVIDIA H200, compute capability 9.0, 143 GB, driver for CUDA 13.0`.
std::string describe(const DeviceInfo &device);

class Context {
public:
  /// Device 0, ready to run.
  static Result<std::unique_ptr<Context>> open(std::unique_ptr<Api> api,
                                               const Settings &settings);
  ~Context();

  const Api &api() const { return *table; }
  const DeviceInfo &info() const { return device; }
  const Settings &settings() const { return chosen; }
  cudaStream_t stream() const { return main.get(); }
  cublasLtHandle_t cublas() const { return lt.get(); }
  /// 32 MiB for cuBLASLt, the same for every product: they run in turn.
  void *workspace() const { return productMemory.get(); }
  static constexpr size_t kWorkspace = size_t(32) << 20;

  /// A kernel of a family that the build compiled.
  Result<cudaKernel_t> kernel(const char *family, const char *name);
  /// A kernel from source, compiled when it is first asked for.
  Result<cudaKernel_t> compiled(const std::string &source, const char *name);

  /// cuDNN, opened when it is first asked for; null where there is none, or
  /// none is wanted, which a note says. An error where it must be there.
  Result<Cudnn *> cudnn();
  /// Something that the user should know; the same is said once.
  void note(const std::string &text);
  /// What was noted since the last call.
  std::vector<std::string> takeNotes();

  /// The algorithms of products, and of cuDNN's convolutions.
  Algorithms algorithms;
  Choices convolutions;
  /// Masks of ReLU that kernels of our own write and read: cuBLASLt has no
  /// epilogue for one of the two products.
  std::set<std::pair<const Program *, uint32_t>> ownMasks;
  /// How often compiled() found a kernel on disk, and how often it compiled.
  int diskHits = 0, compilations = 0;

private:
  Context() = default;
  Result<std::string> cubinOf(const std::string &source);

  std::unique_ptr<Api> table;
  Settings chosen;
  DeviceInfo device;
  Stream main;
  Owned<cublasLtHandle_t> lt;
  Memory productMemory;
  std::shared_ptr<Cudnn> dnn;
  bool askedForCudnn = false;
  std::vector<std::string> notes;
  std::set<std::string> noted;
  std::map<std::string, Library, std::less<>> families;
  struct Compiled {
    std::string cubin;
    Library library;
  };
  std::map<std::string, Compiled, std::less<>> sources;
};

/// The devices there are; Unavailable says why there are none.
Result<std::vector<DeviceInfo>> listDevices(const Api &api);

/// A cubin of one source for one architecture, by NVRTC; needs no GPU.
Result<std::string> compileSource(const Api &api, const std::string &source,
                                  int major, int minor);

} // namespace amprt::cuda

#endif // AMPRT_CUDA_CONTEXT_H

//===- Context.cpp - An open GPU ------------------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Opens the first device and loads kernels as they are asked for.
//===----------------------------------------------------------------------===//

#include "Context.h"
#include "Cudnn.h"

using namespace amprt;
using namespace amprt::cuda;

Result<Memory> amprt::cuda::allocateDevice(const Api &api, size_t bytes) {
  void *memory = nullptr;
  AMPRT_CUDA(api, cudaMalloc, (&memory, bytes ? bytes : 1));
  return Memory(api, memory,
                [](const Api &api, void *m) { (void)api.cudaFree(m); });
}

Result<Memory> amprt::cuda::allocatePinned(const Api &api, size_t bytes) {
  void *memory = nullptr;
  AMPRT_CUDA(api, cudaHostAlloc,
             (&memory, bytes ? bytes : 1, cudaHostAllocDefault));
  return Memory(api, memory,
                [](const Api &api, void *m) { (void)api.cudaFreeHost(m); });
}

Result<Stream> amprt::cuda::makeStream(const Api &api) {
  cudaStream_t stream = nullptr;
  AMPRT_CUDA(api, cudaStreamCreateWithFlags, (&stream, cudaStreamNonBlocking));
  return Stream(api, stream, [](const Api &api, cudaStream_t s) {
    (void)api.cudaStreamDestroy(s);
  });
}

Result<Event> amprt::cuda::makeEvent(const Api &api, bool timed) {
  cudaEvent_t event = nullptr;
  AMPRT_CUDA(api, cudaEventCreateWithFlags,
             (&event, timed ? cudaEventDefault : cudaEventDisableTiming));
  return Event(api, event, [](const Api &api, cudaEvent_t e) {
    (void)api.cudaEventDestroy(e);
  });
}

static std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string amprt::cuda::describe(const DeviceInfo &device) {
  return device.name + ", compute capability " + std::to_string(device.major) +
         "." + std::to_string(device.minor) + ", " +
         std::to_string(device.memory / 1000000000) + " GB, driver for CUDA " +
         version(device.driver) + ", libraries of CUDA " +
         version(device.runtime);
}

Result<std::vector<DeviceInfo>> amprt::cuda::listDevices(const Api &api) {
  int driver = 0, runtime = 0, count = 0;
  AMPRT_CUDA(api, cudaDriverGetVersion, (&driver));
  AMPRT_CUDA(api, cudaRuntimeGetVersion, (&runtime));
  if (driver == 0)
    return Status(Code::Unavailable,
                  "the device 'cuda' cannot be used: this machine has no "
                  "NVIDIA driver (libcuda.so.1); use --device=cpu");
  cudaError_t error = api.cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver)
    return Status(Code::Unavailable,
                  "the device 'cuda' cannot be used: the driver is for CUDA " +
                      version(driver) + ", the libraries are of CUDA " +
                      version(runtime) + "; use --device=cpu");
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
    return Status(Code::Unavailable,
                  "the device 'cuda' cannot be used: the driver (CUDA " +
                      version(driver) +
                      ") finds no NVIDIA GPU; use --device=cpu");
  AMPRT_RETURN_IF_ERROR(check(api, error, "cudaGetDeviceCount"));
  std::vector<DeviceInfo> devices;
  for (int i = 0; i < count; ++i) {
    DeviceInfo info;
    cudaDeviceProp properties = {};
    AMPRT_CUDA(api, cudaGetDeviceProperties, (&properties, i));
    info.name = properties.name;
    info.memory = properties.totalGlobalMem;
    info.driver = driver;
    info.runtime = runtime;
    AMPRT_CUDA(api, cudaDeviceGetAttribute,
               (&info.major, cudaDevAttrComputeCapabilityMajor, i));
    AMPRT_CUDA(api, cudaDeviceGetAttribute,
               (&info.minor, cudaDevAttrComputeCapabilityMinor, i));
    AMPRT_CUDA(api, cudaDeviceGetAttribute,
               (&info.multiprocessors, cudaDevAttrMultiProcessorCount, i));
    devices.push_back(std::move(info));
  }
  return devices;
}

Result<std::unique_ptr<Context>> Context::open(std::unique_ptr<Api> api,
                                               const Settings &settings) {
  std::unique_ptr<Context> context(new Context());
  context->table = std::move(api);
  context->chosen = settings;
  if (settings.deterministic)
    context->chosen.tries = 1;
  const Api &a = *context->table;
  AMPRT_ASSIGN_OR_RETURN(std::vector<DeviceInfo> devices, listDevices(a));
  context->device = devices.front();
  AMPRT_CUDA(a, cudaSetDevice, (0));
  AMPRT_ASSIGN_OR_RETURN(context->main, makeStream(a));
  cublasLtHandle_t handle = nullptr;
  AMPRT_CUDA(a, cublasLtCreate, (&handle));
  context->lt = {a, handle, [](const Api &api, cublasLtHandle_t h) {
                   (void)api.cublasLtDestroy(h);
                 }};
  AMPRT_ASSIGN_OR_RETURN(context->productMemory, allocateDevice(a, kWorkspace));
  context->algorithms.open(settings.deterministic ? "" : settings.cacheFolder,
                           describe(context->device),
                           a.cublasLtGetVersion());
  return context;
}

Result<Cudnn *> Context::cudnn() {
  if (settings().cudnn == CudnnUse::Off || askedForCudnn)
    return dnn.get();
  auto opened = openCudnn(*table, main.get());
  if (opened.ok()) {
    dnn = *std::move(opened);
    convolutions.open(settings().deterministic ? "" : settings().cacheFolder,
                      "convolutions",
                      describeCudnn(*table) + " on " + describe(device));
  } else if (opened.status().code() != Code::NotFound) {
    return opened.status();
  } else if (settings().cudnn == CudnnUse::On) {
    return Status(Code::Unavailable, "--cudnn=on: " + opened.status().message());
  } else {
    note(opened.status().message() +
         "; convolutions run as plain loops, which is slow");
  }
  askedForCudnn = true;
  return dnn.get();
}

void Context::note(const std::string &text) {
  if (noted.insert(text).second)
    notes.push_back(text);
}

std::vector<std::string> Context::takeNotes() {
  return std::exchange(notes, {});
}

Context::~Context() {
  // What still runs reads what is about to be freed.
  if (main)
    (void)table->cudaStreamSynchronize(main.get());
}

static Result<Library> loadLibrary(const Api &api, const void *code) {
  cudaLibrary_t library = nullptr;
  AMPRT_CUDA(api, cudaLibraryLoadData,
             (&library, code, nullptr, nullptr, 0, nullptr, nullptr, 0));
  return Library(api, library, [](const Api &api, cudaLibrary_t l) {
    (void)api.cudaLibraryUnload(l);
  });
}

Result<cudaKernel_t> Context::kernel(const char *family, const char *name) {
  auto found = families.find(std::string_view(family));
  if (found == families.end()) {
    const Image *image = findImage(family);
    if (!image)
      return Status(Code::Internal, "this build has no kernels '" +
                                        std::string(family) + "'");
    AMPRT_ASSIGN_OR_RETURN(Library library, loadLibrary(api(), image->begin));
    found = families.emplace(family, std::move(library)).first;
  }
  cudaKernel_t kernel = nullptr;
  AMPRT_CUDA(api(), cudaLibraryGetKernel, (&kernel, found->second.get(), name));
  return kernel;
}

Result<cudaKernel_t> Context::compiled(const std::string &source,
                                       const char *name) {
  auto found = sources.find(source);
  if (found == sources.end()) {
    Compiled entry;
    AMPRT_ASSIGN_OR_RETURN(entry.cubin, cubinOf(source));
    AMPRT_ASSIGN_OR_RETURN(entry.library,
                           loadLibrary(api(), entry.cubin.data()));
    found = sources.emplace(source, std::move(entry)).first;
  }
  cudaKernel_t kernel = nullptr;
  AMPRT_CUDA(api(), cudaLibraryGetKernel,
             (&kernel, found->second.library.get(), name));
  return kernel;
}

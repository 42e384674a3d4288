//===- FakeCuda.cpp - CUDA without a GPU ----------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The runtime's and NVRTC's functions. Streams run at once; a captured stream
// keeps a list that a graph runs.
//===----------------------------------------------------------------------===//

#include "FakeCuda.h"
#include "Emulator.h"
#include "HostSources.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace amprt;
using namespace amprt::test;

namespace {

FakeCuda state;

struct FakeGraph {
  std::vector<std::function<void()>> work;
};
FakeGraph *capturing = nullptr;

struct FakeKernel {
  std::string name;
  Emulated emulated;
};
struct FakeLibrary {
  HostSource source; ///< that the host's compiler built
  std::map<std::string, FakeKernel> kernels;
};
struct FakeProgram {
  std::string source;
};
/// In front of the "cubin" of a source, which is the source.
constexpr std::string_view kSourceMark = "emulated source\n";

/// What NVRTC says of a source that it refuses.
constexpr std::string_view kSourceLog = "fused.cu(3): error: expected a \";\"";

void mistake(const std::string &text) { state.mistakes.push_back(text); }

template <typename T> T *born(const char *kind, T *object) {
  state.live[kind].insert(object);
  return object;
}
bool dies(const char *kind, const void *object) {
  if (state.live[kind].erase(object))
    return true;
  mistake(std::string(kind) + ": destroyed twice or never made");
  return false;
}

#define ENTER(NAME)                                                            \
  if (fakeFails(#NAME))                                                        \
    return cudaErrorUnknown

cudaError_t getDeviceCount(int *count) {
  ENTER(cudaGetDeviceCount);
  *count = state.devices;
  if (state.driverIsOld)
    return cudaErrorInsufficientDriver;
  return state.devices ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t setDevice(int) {
  ENTER(cudaSetDevice);
  return cudaSuccess;
}
cudaError_t getProperties(cudaDeviceProp *properties, int) {
  ENTER(cudaGetDeviceProperties);
  std::strcpy(properties->name, "Fake GPU");
  properties->totalGlobalMem = size_t(1) << 34;
  return cudaSuccess;
}
cudaError_t getAttribute(int *value, cudaDeviceAttr attribute, int) {
  ENTER(cudaDeviceGetAttribute);
  *value = attribute == cudaDevAttrComputeCapabilityMajor   ? state.computeMajor
           : attribute == cudaDevAttrComputeCapabilityMinor ? state.computeMinor
                                                            : 2;
  return cudaSuccess;
}
cudaError_t driverVersion(int *version) {
  ENTER(cudaDriverGetVersion);
  *version = state.driver;
  return cudaSuccess;
}
cudaError_t runtimeVersion(int *version) {
  ENTER(cudaRuntimeGetVersion);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

/// Filled with a pattern, so that what nobody wrote is not zero by chance.
void *allocate(size_t bytes) {
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(memory, 0x7b, std::min<size_t>(bytes, 1 << 20));
  return memory;
}
cudaError_t mallocDevice(void **memory, size_t bytes) {
  ENTER(cudaMalloc);
  *memory = born("cudaMalloc", allocate(bytes));
  return cudaSuccess;
}
cudaError_t freeDevice(void *memory) {
  state.calls.push_back("cudaFree");
  if (memory && dies("cudaMalloc", memory))
    std::free(memory);
  return cudaSuccess;
}
cudaError_t hostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER(cudaHostAlloc);
  *memory = born("cudaHostAlloc", allocate(bytes));
  return cudaSuccess;
}
cudaError_t freeHost(void *memory) {
  state.calls.push_back("cudaFreeHost");
  if (dies("cudaHostAlloc", memory))
    std::free(memory);
  return cudaSuccess;
}
cudaError_t memcpyAsync(void *to, const void *from, size_t bytes,
                        cudaMemcpyKind, cudaStream_t) {
  ENTER(cudaMemcpyAsync);
  fakeEnqueue([=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t memsetAsync(void *to, int value, size_t bytes, cudaStream_t) {
  ENTER(cudaMemsetAsync);
  fakeEnqueue([=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

cudaError_t streamCreate(cudaStream_t *stream, unsigned) {
  ENTER(cudaStreamCreateWithFlags);
  *stream = reinterpret_cast<cudaStream_t>(
      born("cudaStreamCreateWithFlags", new char));
  return cudaSuccess;
}
cudaError_t streamDestroy(cudaStream_t stream) {
  state.calls.push_back("cudaStreamDestroy");
  if (dies("cudaStreamCreateWithFlags", stream))
    delete reinterpret_cast<char *>(stream);
  return cudaSuccess;
}
cudaError_t streamSynchronize(cudaStream_t) {
  if (capturing)
    mistake("cudaStreamSynchronize while a graph is captured");
  ENTER(cudaStreamSynchronize);
  return cudaSuccess;
}
cudaError_t streamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  ENTER(cudaStreamWaitEvent);
  return cudaSuccess;
}
cudaError_t beginCapture(cudaStream_t, cudaStreamCaptureMode) {
  ENTER(cudaStreamBeginCapture);
  if (capturing)
    mistake("cudaStreamBeginCapture in a capture");
  capturing = new FakeGraph;
  return cudaSuccess;
}
cudaError_t endCapture(cudaStream_t, cudaGraph_t *graph) {
  FakeGraph *made = std::exchange(capturing, nullptr);
  if (fakeFails("cudaStreamEndCapture")) {
    delete made;
    return cudaErrorUnknown;
  }
  *graph = reinterpret_cast<cudaGraph_t>(born("cudaGraph", made));
  return cudaSuccess;
}
cudaError_t graphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                             unsigned long long) {
  ENTER(cudaGraphInstantiate);
  auto *made = new FakeGraph(*reinterpret_cast<FakeGraph *>(graph));
  *exec = reinterpret_cast<cudaGraphExec_t>(born("cudaGraphExec", made));
  return cudaSuccess;
}
cudaError_t graphLaunch(cudaGraphExec_t exec, cudaStream_t) {
  ENTER(cudaGraphLaunch);
  for (const auto &work : reinterpret_cast<FakeGraph *>(exec)->work)
    work();
  return cudaSuccess;
}
cudaError_t graphDestroy(cudaGraph_t graph) {
  state.calls.push_back("cudaGraphDestroy");
  if (dies("cudaGraph", graph))
    delete reinterpret_cast<FakeGraph *>(graph);
  return cudaSuccess;
}
cudaError_t graphExecDestroy(cudaGraphExec_t exec) {
  state.calls.push_back("cudaGraphExecDestroy");
  if (dies("cudaGraphExec", exec))
    delete reinterpret_cast<FakeGraph *>(exec);
  return cudaSuccess;
}
cudaError_t eventCreate(cudaEvent_t *event, unsigned) {
  ENTER(cudaEventCreateWithFlags);
  *event =
      reinterpret_cast<cudaEvent_t>(born("cudaEventCreateWithFlags", new char));
  return cudaSuccess;
}
cudaError_t eventRecord(cudaEvent_t, cudaStream_t) {
  ENTER(cudaEventRecord);
  return cudaSuccess;
}
cudaError_t eventSynchronize(cudaEvent_t) {
  ENTER(cudaEventSynchronize);
  return cudaSuccess;
}
cudaError_t eventElapsed(float *milliseconds, cudaEvent_t, cudaEvent_t) {
  ENTER(cudaEventElapsedTime);
  *milliseconds = 1;
  return cudaSuccess;
}
cudaError_t eventDestroy(cudaEvent_t event) {
  state.calls.push_back("cudaEventDestroy");
  if (dies("cudaEventCreateWithFlags", event))
    delete reinterpret_cast<char *>(event);
  return cudaSuccess;
}

cudaError_t libraryLoad(cudaLibrary_t *library, const void *code, cudaJitOption *,
                        void **, unsigned, cudaLibraryOption *, void **,
                        unsigned) {
  ENTER(cudaLibraryLoadData);
  auto *made = born("cudaLibraryLoadData", new FakeLibrary);
  const char *text = static_cast<const char *>(code);
  if (state.executes &&
      std::strncmp(text, kSourceMark.data(), kSourceMark.size()) == 0) {
    made->source = buildForHost(text + kSourceMark.size());
    if (!made->source.error.empty())
      mistake(made->source.error);
  }
  *library = reinterpret_cast<cudaLibrary_t>(made);
  return cudaSuccess;
}
cudaError_t libraryUnload(cudaLibrary_t library) {
  state.calls.push_back("cudaLibraryUnload");
  if (dies("cudaLibraryLoadData", library))
    delete reinterpret_cast<FakeLibrary *>(library);
  return cudaSuccess;
}
cudaError_t libraryGetKernel(cudaKernel_t *kernel, cudaLibrary_t library,
                             const char *name) {
  ENTER(cudaLibraryGetKernel);
  auto &from = *reinterpret_cast<FakeLibrary *>(library);
  auto [entry, isNew] = from.kernels.try_emplace(name, FakeKernel{name, {}});
  if (isNew) {
    entry->second.emulated = from.source.library
                                 ? findInSource(from.source, name)
                                 : findEmulated(name);
    if (!entry->second.emulated.function && state.executes && !isCollecting())
      mistake("no kernel '" + std::string(name) + "'");
  }
  *kernel = reinterpret_cast<cudaKernel_t>(&entry->second);
  return cudaSuccess;
}
cudaError_t launchKernel(const void *function, dim3 grid, dim3 block,
                         void **args, size_t, cudaStream_t) {
  ENTER(cudaLaunchKernel);
  const auto *kernel = static_cast<const FakeKernel *>(function);
  if (block.x * block.y * block.z > 1024 || block.x * block.y == 0 ||
      grid.x == 0 || grid.y == 0 || grid.y > 65535)
    mistake("a launch of " + kernel->name + " has a size that no GPU takes");
  std::string held;
  if (kernel->emulated.argBytes)
    held.assign(static_cast<const char *>(args[0]), kernel->emulated.argBytes);
  // Alignment of the copy: that of a vector of words.
  auto words = std::make_shared<std::vector<uint64_t>>((held.size() + 7) / 8);
  std::memcpy(words->data(), held.data(), held.size());
  fakeEnqueue([=] {
    state.launches.push_back(kernel->name);
    if (!state.executes || !kernel->emulated.function || isCollecting())
      return;
    if (!runEmulated(kernel->emulated, {grid.x, grid.y, block.x, block.y},
                     words->data()))
      mistake("threads of " + kernel->name + " come to different barriers");
  });
  return cudaSuccess;
}
cudaError_t lastError() {
  state.asked.insert("cudaGetLastError");
  return cudaSuccess;
}
const char *errorName(cudaError_t error) {
  state.asked.insert("cudaGetErrorName");
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                            : "cudaErrorUnknown";
}
const char *errorString(cudaError_t error) {
  state.asked.insert("cudaGetErrorString");
  return error == cudaErrorMemoryAllocation ? "out of memory" : "unknown error";
}

#undef ENTER
#define ENTER(NAME)                                                            \
  if (fakeFails(#NAME))                                                        \
    return NVRTC_ERROR_INTERNAL_ERROR

nvrtcResult rtcVersion(int *major, int *minor) {
  ENTER(nvrtcVersion);
  *major = 13;
  *minor = 0;
  return NVRTC_SUCCESS;
}
nvrtcResult rtcCreate(nvrtcProgram *program, const char *source, const char *,
                      int, const char *const *, const char *const *) {
  ENTER(nvrtcCreateProgram);
  *program = reinterpret_cast<nvrtcProgram>(
      born("nvrtcCreateProgram", new FakeProgram{source}));
  return NVRTC_SUCCESS;
}
nvrtcResult rtcCompile(nvrtcProgram, int, const char *const *) {
  ENTER(nvrtcCompileProgram);
  return state.refusesSources ? NVRTC_ERROR_COMPILATION : NVRTC_SUCCESS;
}
nvrtcResult rtcLogSize(nvrtcProgram, size_t *size) {
  ENTER(nvrtcGetProgramLogSize);
  *size = kSourceLog.size() + 1;
  return NVRTC_SUCCESS;
}
nvrtcResult rtcLog(nvrtcProgram, char *log) {
  ENTER(nvrtcGetProgramLog);
  std::memcpy(log, kSourceLog.data(), kSourceLog.size() + 1);
  return NVRTC_SUCCESS;
}
nvrtcResult rtcCubinSize(nvrtcProgram program, size_t *size) {
  ENTER(nvrtcGetCUBINSize);
  *size = kSourceMark.size() +
          reinterpret_cast<FakeProgram *>(program)->source.size() + 1;
  return NVRTC_SUCCESS;
}
nvrtcResult rtcCubin(nvrtcProgram program, char *cubin) {
  ENTER(nvrtcGetCUBIN);
  std::memcpy(cubin, kSourceMark.data(), kSourceMark.size());
  std::strcpy(cubin + kSourceMark.size(),
              reinterpret_cast<FakeProgram *>(program)->source.c_str());
  return NVRTC_SUCCESS;
}
nvrtcResult rtcDestroy(nvrtcProgram *program) {
  state.calls.push_back("nvrtcDestroyProgram");
  if (dies("nvrtcCreateProgram", *program))
    delete reinterpret_cast<FakeProgram *>(*program);
  return NVRTC_SUCCESS;
}
const char *rtcErrorString(nvrtcResult) {
  state.asked.insert("nvrtcGetErrorString");
  return "internal error";
}

} // namespace

bool amprt::test::fakeFails(const char *call) {
  const bool fails = long(state.calls.size()) == state.failAt;
  state.calls.emplace_back(call);
  return fails;
}

void amprt::test::fakeEnqueue(std::function<void()> work) {
  if (capturing)
    capturing->work.push_back(std::move(work));
  else
    work();
}

size_t FakeCuda::liveCount() const {
  size_t count = 0;
  for (const auto &[kind, objects] : live)
    count += objects.size();
  return count;
}

std::string FakeCuda::liveText() const {
  std::string text;
  for (const auto &[kind, objects] : live)
    if (!objects.empty())
      text += kind + " " + std::to_string(objects.size()) + "; ";
  return text;
}

long FakeCuda::count(std::string_view call) const {
  long number = 0;
  for (const std::string &one : calls)
    number += one == call;
  return number;
}

FakeCuda &amprt::test::fakeCuda() { return state; }

void amprt::test::resetFakeCuda() {
  state = FakeCuda();
  delete std::exchange(capturing, nullptr);
}

bool amprt::test::isCleanup(std::string_view call) {
  for (std::string_view part : {"Free", "Destroy", "Unload"})
    if (call.find(part) != std::string_view::npos)
      return true;
  return false;
}

std::unique_ptr<cuda::Api> amprt::test::fakeApi() {
  auto api = std::make_unique<cuda::Api>();
  api->cudaGetDeviceCount = getDeviceCount;
  api->cudaSetDevice = setDevice;
  api->cudaGetDeviceProperties = getProperties;
  api->cudaDeviceGetAttribute = getAttribute;
  api->cudaDriverGetVersion = driverVersion;
  api->cudaRuntimeGetVersion = runtimeVersion;
  api->cudaMalloc = mallocDevice;
  api->cudaFree = freeDevice;
  api->cudaHostAlloc = hostAlloc;
  api->cudaFreeHost = freeHost;
  api->cudaMemcpyAsync = memcpyAsync;
  api->cudaMemsetAsync = memsetAsync;
  api->cudaStreamCreateWithFlags = streamCreate;
  api->cudaStreamDestroy = streamDestroy;
  api->cudaStreamSynchronize = streamSynchronize;
  api->cudaStreamWaitEvent = streamWaitEvent;
  api->cudaStreamBeginCapture = beginCapture;
  api->cudaStreamEndCapture = endCapture;
  api->cudaGraphInstantiate = graphInstantiate;
  api->cudaGraphLaunch = graphLaunch;
  api->cudaGraphDestroy = graphDestroy;
  api->cudaGraphExecDestroy = graphExecDestroy;
  api->cudaEventCreateWithFlags = eventCreate;
  api->cudaEventRecord = eventRecord;
  api->cudaEventSynchronize = eventSynchronize;
  api->cudaEventElapsedTime = eventElapsed;
  api->cudaEventDestroy = eventDestroy;
  api->cudaLibraryLoadData = libraryLoad;
  api->cudaLibraryUnload = libraryUnload;
  api->cudaLibraryGetKernel = libraryGetKernel;
  api->cudaLaunchKernel = launchKernel;
  api->cudaGetLastError = lastError;
  api->cudaGetErrorName = errorName;
  api->cudaGetErrorString = errorString;
  api->nvrtcVersion = rtcVersion;
  api->nvrtcCreateProgram = rtcCreate;
  api->nvrtcCompileProgram = rtcCompile;
  api->nvrtcGetProgramLogSize = rtcLogSize;
  api->nvrtcGetProgramLog = rtcLog;
  api->nvrtcGetCUBINSize = rtcCubinSize;
  api->nvrtcGetCUBIN = rtcCubin;
  api->nvrtcDestroyProgram = rtcDestroy;
  api->nvrtcGetErrorString = rtcErrorString;
  fillFakeCublasLt(*api);
  fillFakeCudnn(*api);
  return api;
}

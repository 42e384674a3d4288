//===- Device.h - What executes programs ------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The interface of a backend, and the traits that the planner plans for. A
// backend holds memory and executes steps; it decides nothing.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_DEVICE_H
#define AMPRT_DEVICE_H

#include "amprt/Program.h"

#include <functional>

namespace amprt {

/// Operations and bytes per second that a device reaches; 0: not known.
struct DeviceRates {
  double flop16 = 0, flopTf32 = 0, flop32 = 0, flop64 = 0, bytes = 0;
};

/// How a device likes its programs. Planning for any device needs only this.
struct DeviceTraits {
  std::string name;
  /// Rows of the operands and results of 16-bit products are padded to a
  /// multiple of this many elements.
  int64_t padProducts = 1;
  /// A product adds a bias and applies ReLU before it stores.
  bool productEpilogue = true;
  /// A 16-bit product computes the gradient of ReLU and GELU for its result,
  /// and sums up rows for the gradient of a bias.
  bool gradientEpilogues = false;
  /// A product rounds its float32 sums to 16 bits as it stores, without
  /// scratch memory.
  bool stores16 = false;
  /// The device multiplies these types itself; others are converted to
  /// float32 in scratch memory first.
  bool multipliesFloat16 = false, multipliesBFloat16 = false;
  /// Products of at most kVectorRows rows read `b` as it is stored.
  bool vectorProducts = false;
  /// The device cuts long sums of products into blocks of one length.
  bool cutsSums = false;
  /// Softmax between two products becomes one step, and so does its gradient.
  bool fusesAttention = true;
  /// The longest row of q, k and v, in bytes of the type that is multiplied,
  /// for which that is so; 0: any.
  int64_t attentionRowBytes = 0;
  /// Convolutions of 16 and 32 bits by cuDNN, with filters as it wants them.
  bool convolutionLibrary = false;
  /// Longest expression of a fused element-wise step.
  size_t maxFused = 16;
  /// False plans one step per node, with nothing kept between calls, so that
  /// every value of the graph can be looked at.
  bool fuse = true;

  /// The device has bfloat16 at all.
  bool hasBFloat16 = true;
  /// Products of float32 run in TF32.
  bool tf32 = false;
  /// What plans are measured by.
  DeviceRates rates;

  static DeviceTraits cpu();
  static DeviceTraits h200();
  /// A GPU by compute capability; `rates` where its name is a known one's.
  static DeviceTraits gpu(std::string_view name, int major, int minor);
  static DeviceTraits null();
  /// By name; nothing for an unknown one.
  static std::optional<DeviceTraits> find(std::string_view name);
};

/// The places of one call: addresses on the device.
struct Bindings {
  void *arena = nullptr;
  std::vector<void *> inputs, outputs, variables, constants, cache;
  /// Per cache entry: its value is up to date, so steps that make it are left
  /// out.
  std::vector<bool> cacheValid;
  /// How often this function has run before, and the session's own seed:
  /// random numbers are drawn from them.
  uint64_t call = 0, seed = 0;
};

/// The address of a buffer in one call.
void *addressOf(const Bindings &bindings, const Program &program,
                uint32_t buffer);

/// Called after a step, with the seconds it took.
using StepHook = std::function<void(uint32_t step, double seconds)>;

/// A program made ready for a device (primitives built, kernels compiled).
class Executable {
public:
  virtual ~Executable() = default;
  virtual Status run(const Bindings &bindings, const StepHook &hook) = 0;
  /// What the device found wrong with the data of the runs since the last
  /// check; for a device that finds it out after run() has returned. Waits.
  virtual Status checkRuns() { return okStatus(); }
};

class Device {
public:
  virtual ~Device() = default;
  virtual const DeviceTraits &traits() const = 0;
  /// False for a step that this device has no kernel for.
  virtual bool supports(const Step &step, const Program &program) const = 0;

  /// Memory at a 256-byte boundary; null when there is none left.
  virtual void *allocate(size_t bytes) = 0;
  virtual void release(void *memory) = 0;
  virtual Status upload(void *to, const void *from, size_t bytes) = 0;
  virtual Status download(void *to, const void *from, size_t bytes) = 0;
  /// The same for devices that run behind the host: the copy is made in turn
  /// with the runs. `from` is the caller's again when this returns.
  virtual Status uploadInTurn(void *to, const void *from, size_t bytes) {
    return upload(to, from, bytes);
  }
  /// `to` is of allocateHost() and holds the bytes after finish().
  virtual Status downloadInTurn(void *to, const void *from, size_t bytes) {
    return download(to, from, bytes);
  }
  /// Waits for all runs and copies.
  virtual Status finish() { return okStatus(); }
  /// How many runs may wait for their results to be looked at.
  virtual size_t runsAhead() const { return 1; }
  /// Memory of the host that the device copies to without the driver's help;
  /// null when there is none left.
  virtual void *allocateHost(size_t bytes) {
    return allocateAligned(bytes).release();
  }
  virtual void releaseHost(void *memory) {
    AlignedBytes(static_cast<std::byte *>(memory)).reset();
  }
  /// False where what is uploaded is forgotten, so that it need not be made.
  virtual bool keepsData() const { return true; }
  /// An address that host code may read and write, or null.
  virtual void *hostAddress(void *memory) = 0;

  /// What the user should know of the programs that were made ready since the
  /// last call: sentences.
  virtual std::vector<std::string> takeNotes() { return {}; }

  /// Makes a program ready. It must outlive the executable.
  virtual Result<std::unique_ptr<Executable>> load(const Program &program) = 0;
};

/// Convolutions by cuDNN: where it is found; or else an error; or never.
enum class CudnnUse : uint8_t { Auto, On, Off };

struct DeviceOptions {
  /// 0: all cores.
  int threads = 0;
  /// cuda: products of float32 run in TF32.
  bool tf32 = false;
  /// cuda: which algorithm a product takes is not measured, so that it is the
  /// same in every run on this GPU and library.
  bool deterministic = false;
  CudnnUse cudnn = CudnnUse::Auto;
};
/// Opens a device by name: "cpu", "null" or "cuda", which is a module of its
/// own and Unavailable where it, its libraries, a driver or a GPU is missing.
Result<std::unique_ptr<Device>> openDevice(std::string_view name,
                                           const DeviceOptions &options = {});
/// The GPUs of this machine, one line each; Unavailable says why there are
/// none.
Result<std::vector<std::string>> listCudaDevices();

} // namespace amprt

#endif // AMPRT_DEVICE_H

//===- Devices.h - Names of devices ------------------------------- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to Transforms: device strings and architectures as TensorFlow reads
// them.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_DIALECT_TENSORFLOW_TRANSFORMS_DEVICES_H
#define AMP_LIB_DIALECT_TENSORFLOW_TRANSFORMS_DEVICES_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>
#include <utility>

namespace amp::tf {

/// The type of the device that a device string names: "GPU" for
/// "/job:a/replica:0/task:1/device:GPU:0" and "/gpu:0", "gpu" for "/device:gpu:0". Empty where it names no
/// one device ("/job:a", "/gpu:*"); nothing for what is no device string.
std::optional<std::string> deviceType(llvm::StringRef text);

/// "8.6" as a pair, which compares as TensorFlow compares it; "x" and "8.6+PTX"
/// are 0.0.
std::pair<int, int> parseArch(llvm::StringRef text);

} // namespace amp::tf

#endif // AMP_LIB_DIALECT_TENSORFLOW_TRANSFORMS_DEVICES_H

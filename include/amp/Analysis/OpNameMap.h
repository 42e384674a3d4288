//===- OpNameMap.h - What is known of all ops of one name -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A graph has many ops and few names: what follows from the name alone is
// found out once.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_OPNAMEMAP_H
#define AMP_ANALYSIS_OPNAMEMAP_H

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/DenseMap.h"

#include <memory>

namespace amp {

/// One T per op name, made by `make` when the name is first met. References
/// stay valid.
template <typename T> class OpNameMap {
public:
  template <typename Make> T &get(mlir::OperationName name, Make &&make) {
    const void *key = name.getAsOpaquePointer();
    Recent &recent = recents[(reinterpret_cast<uintptr_t>(key) >> 4) % kRecents];
    if (key == recent.key)
      return *recent.value;
    std::unique_ptr<T> &entry = entries[key];
    if (!entry)
      entry = std::make_unique<T>(make(name));
    recent = {key, entry.get()};
    return *recent.value;
  }

private:
  /// The names that were asked for last, most often all that there are.
  static constexpr size_t kRecents = 32;
  struct Recent {
    const void *key = nullptr;
    T *value = nullptr;
  };
  Recent recents[kRecents];
  llvm::DenseMap<const void *, std::unique_ptr<T>> entries;
};

} // namespace amp

#endif // AMP_ANALYSIS_OPNAMEMAP_H

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
    if (key == lastKey)
      return *last;
    std::unique_ptr<T> &entry = entries[key];
    if (!entry)
      entry = std::make_unique<T>(make(name));
    lastKey = key;
    last = entry.get();
    return *last;
  }

private:
  llvm::DenseMap<const void *, std::unique_ptr<T>> entries;
  const void *lastKey = nullptr;
  T *last = nullptr;
};

} // namespace amp

#endif // AMP_ANALYSIS_OPNAMEMAP_H

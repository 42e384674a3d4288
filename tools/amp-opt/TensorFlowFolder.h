//===- TensorFlowFolder.h - A folder, written as a whole --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A SavedModel is a folder. It is filled under another name beside its place
// and renamed when it is complete: there is the whole folder or none.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_TENSORFLOWFOLDER_H
#define AMP_TOOLS_AMP_OPT_TENSORFLOWFOLDER_H

#include "llvm/ADT/StringRef.h"

#include <functional>
#include <optional>
#include <string>

namespace amp::opt {

class AtomicFolder {
public:
  AtomicFolder() = default;
  AtomicFolder(const AtomicFolder &) = delete;
  AtomicFolder &operator=(const AtomicFolder &) = delete;
  /// Removes what was written, unless it was committed.
  ~AtomicFolder();

  /// Each returns what went wrong, or nothing. A folder at `path` stays until
  /// the commit, which replaces it.
  std::optional<std::string> open(llvm::StringRef path);
  /// Copies the files below `from` for whose path, relative to it, `wanted`
  /// holds. Links are followed.
  std::optional<std::string>
  copy(llvm::StringRef from,
       const std::function<bool(llvm::StringRef)> &wanted);
  std::optional<std::string> write(llvm::StringRef name,
                                   std::string_view bytes);
  std::optional<std::string> commit();

private:
  std::optional<std::string> copyFolder(const std::string &from,
                                        const std::string &relative,
                                        unsigned depth);

  std::string target, temporary;
  const std::function<bool(llvm::StringRef)> *wanted = nullptr;
};

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_TENSORFLOWFOLDER_H

//===- ForeignModels.h - A models file, as ops are asked --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Dialects that are data: their ops as a table, and for each dialect with a
// cast what PrecisionDialectInterface asks. Belongs to no context, and does not
// change: one object serves many threads.
//===----------------------------------------------------------------------===//

#ifndef AMP_ANALYSIS_FOREIGNMODELS_H
#define AMP_ANALYSIS_FOREIGNMODELS_H

#include "amp/Analysis/ModelSet.h"
#include "amp/Policy/OpModels.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace amp {

/// A models file that was read: what ModelSet and the pass ask of it.
class ForeignModels {
public:
  explicit ForeignModels(std::shared_ptr<const OpModelsFile> file);
  ~ForeignModels();

  const OpModelTable &table() const { return ops; }
  const OpModelsFile &file() const { return *source; }
  /// How a dialect of the file casts; null when it says nothing about it.
  const PrecisionDialectInterface *dialect(llvm::StringRef name) const;

private:
  std::shared_ptr<const OpModelsFile> source;
  OpModelTable ops;
  llvm::StringMap<std::unique_ptr<PrecisionDialectInterface>> dialects;
};

/// Reads models, that ship or of a file, and adds them to the set. False, with
/// messages, on error.
bool addForeignModels(ModelSet &models, const std::string &nameOrFile,
                      std::vector<PolicyMessage> &messages);

/// Holds the models files of a set against what a context has loaded: names
/// that a loaded dialect does not have are errors, and so are ops that have a
/// model in code, whose entry would mean nothing.
void checkForeignModels(const ModelSet &models, mlir::MLIRContext *context,
                        std::vector<PolicyMessage> &messages);

} // namespace amp

#endif // AMP_ANALYSIS_FOREIGNMODELS_H

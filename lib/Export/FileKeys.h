//===- FileKeys.h - What of a graph file is no node -------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Keys of the file, variables, settings and training sections, read off the
// attributes that mirror them.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_EXPORT_FILEKEYS_H
#define AMP_LIB_EXPORT_FILEKEYS_H

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/GraphFile/GraphFile.h"

namespace amp {

inline std::string_view view(llvm::StringRef text) {
  return {text.data(), text.size()};
}

/// Puts the names that `sizes` holds where a size is not a number.
/// Gives unknown sizes the names of `sizes`; nothing where the ranks differ.
void nameSizes(TensorType &type, mlir::ArrayAttr sizes);

/// A note, which is one string or a list of lines.
void readDoc(mlir::Attribute attr, graphfile::Doc &doc, bool &isString);
/// The keys at the top of a file but its variables and functions.
void exportFileKeys(mlir::ModuleOp module, graphfile::GraphFile &file);
graphfile::Variable exportVariable(graph::VariableOp op);
graphfile::Training exportTraining(mlir::DictionaryAttr dictionary);
/// The value of a constant; one element where all are equal.
std::shared_ptr<const Literal> exportLiteral(graph::ConstantOp constant);

} // namespace amp

#endif // AMP_LIB_EXPORT_FILEKEYS_H

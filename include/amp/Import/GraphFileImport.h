//===- GraphFileImport.h - Graph file to module ---------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Builds a module of the `graph` dialect from a checked graph file. Runs no
// pass. Every op carries its node's name and its place in the file.
//===----------------------------------------------------------------------===//

#ifndef AMP_IMPORT_GRAPHFILEIMPORT_H
#define AMP_IMPORT_GRAPHFILEIMPORT_H

#include "amp/GraphFile/Reader.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace amp {

/// The module of `file`, with locations in `source`. Null after an error that
/// was reported to the context. Loads the dialect it needs.
mlir::OwningOpRef<mlir::ModuleOp>
importGraphFile(const graphfile::CheckedFile &file,
                const graphfile::SourceText &source,
                mlir::MLIRContext *context);

/// Reads and checks the source, whose `weights` paths start in `folder`, and
/// imports it. Null after an error, which is in `diags` or was reported to the
/// context. Of a large file, another thread checks the rules while this one
/// makes the locations.
mlir::OwningOpRef<mlir::ModuleOp>
importGraphFile(const graphfile::SourceText &source,
                graphfile::Diagnostics &diags, const std::string &folder,
                mlir::MLIRContext *context);

} // namespace amp

#endif // AMP_IMPORT_GRAPHFILEIMPORT_H

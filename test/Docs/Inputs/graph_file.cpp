//===- graph_file.cpp - A frame for C++ of the documents ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Around the way of a graph file through the compiler; the text is the result.
//===----------------------------------------------------------------------===//

#include "amp/Api/MixedPrecision.h"
#include "amp/Export/GraphFileExport.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/Writer.h"
#include "amp/Import/GraphFileImport.h"

using namespace amp::graphfile;

std::string piece(const std::string &path, mlir::MLIRContext &context,
                  const amp::MixedPrecisionRewriteOptions &options) {
  // SNIPPET
}

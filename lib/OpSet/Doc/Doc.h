//===- Doc.h - Documentation generated from the op table --------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The tables of docs/GraphFile.md and the JSON Schema
// docs/amp-graph.schema.json are made from the op table, so that they cannot
// disagree with it.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_OPSET_DOC_DOC_H
#define AMP_LIB_OPSET_DOC_DOC_H

#include <optional>
#include <string>
#include <string_view>

namespace amp::opset {

/// One Markdown table per family of forward ops.
std::string forwardTables();
/// One Markdown table of all backward ops.
std::string backwardTable();

/// The settings of the optimizers.
std::string optimizerTable();

/// The text of docs/GraphFile.md with what stands between
/// `<!-- generated: forward ops -->` (`backward ops`, `optimizers`) and
/// `<!-- end generated -->` made anew. Nothing when a marker is missing.
std::optional<std::string> regenerate(std::string_view document);

/// JSON Schema (2020-12) of the graph file.
std::string jsonSchema();

} // namespace amp::opset

#endif // AMP_LIB_OPSET_DOC_DOC_H

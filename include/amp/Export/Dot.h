//===- Dot.h - Graph file as a Graphviz drawing ----------------*- C++ -* -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A drawing of the functions of a graph file for Graphviz: one box per node,
// filled by the precision of its first result.
//===----------------------------------------------------------------------===//

#ifndef AMP_EXPORT_DOT_H
#define AMP_EXPORT_DOT_H

#include "amp/GraphFile/GraphFile.h"

namespace amp {

/// The text of a `digraph` with one cluster per function. Nodes without
/// `types` are left white.
std::string writeDot(const graphfile::GraphFile &file);

} // namespace amp

#endif // AMP_EXPORT_DOT_H

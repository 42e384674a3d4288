//===- GraphMessages.h - What messages of a graph say -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Questions about the messages of a GraphDef that need no IR.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_IMPORT_GRAPHMESSAGES_H
#define AMP_LIB_IMPORT_GRAPHMESSAGES_H

#include "graph_def.pb.h"

#include <initializer_list>
#include <string>
#include <vector>

namespace amp {

/// The definition of a library function as a line of the op table, which a call
/// carries along.
std::string signatureLine(const tensorflow::OpDef &signature);

/// Functions that an attribute of a node names.
void collectCalls(const tensorflow::AttrValue &value,
                  std::vector<std::string> &names);

/// Whether the types of a function depend on who calls it.
bool isParametrised(const tensorflow::FunctionDef &function);

/// What a message holds besides some fields: messages and 32-bit numbers, and
/// what we do not know. The nodes of a graph are most of it.
void copyAllBut(const google::protobuf::Message &from,
                google::protobuf::Message &to,
                std::initializer_list<int> skipped);

} // namespace amp

#endif // AMP_LIB_IMPORT_GRAPHMESSAGES_H

//===- ObjectGraphText.h - Object graphs in text ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The object graph of a SavedModel goes along as it is: in a binary file as
// bytes, and in text as text, whose fields nobody here needs to know. So the
// field `object_graph_def` may hold a text, from bracket to bracket.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_GRAPHDEF_OBJECTGRAPHTEXT_H
#define AMP_LIB_GRAPHDEF_OBJECTGRAPHTEXT_H

#include <functional>
#include <google/protobuf/text_format.h>
#include <string>
#include <vector>

namespace amp::tensorflow {
class SavedModel;
} // namespace amp::tensorflow

namespace amp::graphdef {

/// Whether the bytes of the field are a text.
bool isObjectText(std::string_view bytes);

/// The text of a SavedModel with a string in place of each object graph, and
/// blanks for the rest, so that everything stands where it stood. `offset`
/// gives the place of a token's line and column.
std::string cutObjectTexts(std::string_view text,
                           const std::function<size_t(int, int)> &offset,
                           std::vector<std::string> &cut);
/// Puts them where the strings are.
void restoreObjectTexts(const std::vector<std::string> &cut,
                        tensorflow::SavedModel &model);
/// Prints such a field as the text that it is.
void printObjectTexts(google::protobuf::TextFormat::Printer &printer);

/// Names of the concrete functions.
std::vector<std::string> functionsOfObjectText(const std::string &text);

} // namespace amp::graphdef

#endif // AMP_LIB_GRAPHDEF_OBJECTGRAPHTEXT_H

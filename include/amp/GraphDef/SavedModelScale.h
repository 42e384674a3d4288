//===- SavedModelScale.h - Loss scaling in a SavedModel ---------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a loader must know of variables and ops that the graph of a SavedModel
// did not have when it was saved.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHDEF_SAVEDMODELSCALE_H
#define AMP_GRAPHDEF_SAVEDMODELSCALE_H

#include "amp/GraphDef/TrainingScale.h"

#include <set>

namespace amp::tensorflow {
class MetaGraphDef;
} // namespace amp::tensorflow

namespace amp::graphdef {

/// The variables of the loss scale get their values when the model is loaded,
/// since its checkpoint has none for them, and stand among the variables of the
/// graph. Returns the op that initializes them; empty if there are none.
std::string addToLoader(tensorflow::MetaGraphDef &meta,
                        TrainingScaleResult &result);

/// The ops of the graph and of its functions.
std::set<std::string> opsOf(const tensorflow::MetaGraphDef &meta);
/// Adds those that were not there `before` to the list of ops that a meta graph
/// may have: loaders refuse a node of an op that a list does not name.
void listNewOps(tensorflow::MetaGraphDef &meta,
                const std::set<std::string> &before);

} // namespace amp::graphdef

#endif // AMP_GRAPHDEF_SAVEDMODELSCALE_H

//===- SavedModelNames.h - What a SavedModel wants of its graph -*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Names of the nodes and functions of a meta graph that others reach by name:
// signatures, the saver, assets, initializers, queue runners, and the functions
// of the object graph.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHDEF_SAVEDMODELNAMES_H
#define AMP_GRAPHDEF_SAVEDMODELNAMES_H

#include <string>
#include <vector>

namespace amp::tensorflow {
class MetaGraphDef;
} // namespace amp::tensorflow

namespace amp::graphdef {

/// A tensor that a signature names, and how a message calls it:
/// "output 'y' of signature 'serving_default'".
struct SignatureTensor {
  std::string tensor, what;
};

struct SavedModelNames {
  std::vector<SignatureTensor> outputs, inputs;
  /// Ops and tensors that the loader runs or feeds. Some may not be there.
  std::vector<std::string> keep;
  /// Concrete functions of the object graph, which are called by name.
  std::vector<std::string> functions;
};

SavedModelNames namesOf(const tensorflow::MetaGraphDef &meta);

/// "serve, gpu": the tags of a meta graph.
std::string tagsOf(const tensorflow::MetaGraphDef &meta);

} // namespace amp::graphdef

#endif // AMP_GRAPHDEF_SAVEDMODELNAMES_H

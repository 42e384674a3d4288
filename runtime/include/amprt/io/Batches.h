//===- Batches.h - From a data set to the inputs of a function --*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Decides which array of the data feeds which input, checks once that every
// example will fit, and then gathers batches of examples by index.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_BATCHES_H
#define AMPRT_IO_BATCHES_H

#include "amprt/Session.h"
#include "amprt/io/Dataset.h"

namespace amprt::io {

/// `--bind=INPUT=ARRAY`.
struct BindRequest {
  std::string input, array;
};

/// One input of a function and the field that feeds it.
struct Binding {
  std::string_view input;
  DType dtype;
  /// Sizes of one example, as the input wants them.
  Dims example;
  std::string field;
};

/// The type of a value of a checked function; null when nothing has that name.
const amp::TensorType *typeOf(const amp::graphfile::CheckedFile &file,
                              size_t functionIndex,
                              const amp::graphfile::NameTable &names,
                              const amp::graphfile::ValueName &value);

/// One binding per input of the function, in its order. Requests for inputs
/// that the function does not have are left alone.
Result<std::vector<Binding>>
bindInputs(const amp::graphfile::Function &function, const Dataset &data,
           const std::vector<BindRequest> &requests);

/// Refuses labels that the losses of the function have no class for: every
/// element of the bound field must be in [0, classes).
Status checkLabels(const amp::graphfile::CheckedFile &file,
                   size_t functionIndex, const std::vector<Binding> &bindings,
                   const Split &split);

/// The same for the inputs of one call. Without it, a loss of such a label is
/// NaN.
Status checkLabels(const Session &session, std::string_view function,
                   const std::vector<NamedTensor> &inputs);

/// Inputs may have a fixed dimension 0: an error when one does and `batch`, or
/// the last batch of an epoch, is another number.
Status checkBatchSize(const amp::graphfile::Function &function, int64_t batch,
                      int64_t lastBatch);

/// Copies the examples `indices[0 … count)` into one tensor per binding,
/// converted to the type of the input.
Status gatherBatch(const Split &split, const std::vector<Binding> &bindings,
                   const int64_t *indices, int64_t count,
                   std::vector<Tensor> &batch);

/// How many rows of `scores` [count, classes] have their largest element at
/// the label of their example; the first one wins among equals.
Result<int64_t> countCorrect(const Tensor &scores, const Field &labels,
                             const int64_t *indices);

} // namespace amprt::io

#endif // AMPRT_IO_BATCHES_H

//===- Support.h - Graphs and sessions for tests ----------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads graph files from text, opens sessions on them, and writes the expanded
// training graph of a multi-layer perceptron as amp-opt would.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_SUPPORT_H
#define AMP_TEST_RUNTIME_SUPPORT_H

#include "amprt/Session.h"

#include <random>

namespace amprt::test {

/// A checked graph file; a failed test and nothing when it has errors.
std::optional<amp::graphfile::CheckedFile> readGraph(const std::string &text);

/// A session on a graph; null after a failed test.
std::unique_ptr<Session> openSession(const std::string &text,
                                     const SessionOptions &options = {});

/// A whole file from its variables (may be empty), inputs, nodes and outputs,
/// each the inside of the JSON list; the function is called "f".
std::string oneFunction(const std::string &variables, const std::string &inputs,
                        const std::string &nodes, const std::string &outputs);

struct MlpOptions {
  std::vector<int64_t> sizes = {5, 7, 7, 3};
  /// float16 or bfloat16: with casts, as the pass places them.
  DType type = DType::Float32;
  /// "none", or dynamic with this initial scale.
  std::optional<double> lossScale;
  /// rmsprop, sgd, momentum or adam.
  std::string optimizer = "rmsprop";
};
/// Functions "predict" (images -> probabilities) and "train" (images, labels
/// -> loss) of a ReLU network, training expanded by hand.
std::string mlpGraph(const MlpOptions &options);

/// A tensor of numbers from a list, or random ones in [low, high).
Tensor tensorOf(DType dtype, Dims dims, const std::vector<double> &values);
Tensor randomTensor(DType dtype, Dims dims, std::mt19937_64 &random,
                    double low = -2, double high = 2);
std::vector<double> values(const Tensor &tensor);
bool sameBytes(const Tensor &a, const Tensor &b);

/// The seed of a randomised test: AMP_TEST_SEED, or a fixed one; printed when
/// a test of the scope fails.
uint64_t testSeed();

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_SUPPORT_H

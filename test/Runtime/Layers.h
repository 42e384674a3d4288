//===- Layers.h - A dense layer, forward and backward -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The graph that products with epilogues for gradients are tested on, and a
// comparison of its results on two sessions.
//===----------------------------------------------------------------------===//

#ifndef AMP_TEST_RUNTIME_LAYERS_H
#define AMP_TEST_RUNTIME_LAYERS_H

#include "Support.h"

namespace amprt::test {

/// out = f(x · kernel + bias) · next, and its gradients for a gradient `g` of
/// out: those of next, of its bias, of bias and of kernel.
struct LayerOptions {
  DType type = DType::Float16;
  std::string activation = "relu"; ///< or gelu
  bool approximate = true;         ///< GELU's tanh form
  int64_t rows = 24, in = 16, hidden = 40, out = 8;
  /// One more output: a value of the graph.
  std::string alsoOutput;
};
std::string layerGraph(const LayerOptions &layer);
/// x, kernel, bias, next, g.
std::vector<Tensor> layerInputs(const LayerOptions &layer,
                                std::mt19937_64 &random);

/// Runs the layer on both and compares: no result is further from the other
/// than three roundings of its type, of its own size and of what its terms may
/// be off together.
void expectSameLayer(const LayerOptions &layer, const SessionOptions &first,
                     const SessionOptions &second,
                     const std::vector<Tensor> *inputs = nullptr);

} // namespace amprt::test

#endif // AMP_TEST_RUNTIME_LAYERS_H

//===- TensorFlowSummary.h - What became of a GraphDef ----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// --summary: the counts that NVIDIA's builds of TensorFlow log, which ops block
// most, and TensorFlow's own log line.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_TENSORFLOWSUMMARY_H
#define AMP_TOOLS_AMP_OPT_TENSORFLOWSUMMARY_H

#include "amp/Dialect/TensorFlow/Transforms/Rewrite.h"
#include "amp/Transforms/Report.h"

namespace amp::opt {

/// `report` holds its nodes.
void printGraphSummary(const PrecisionReport &report,
                       const std::vector<tf::ConversionCounts> &functions,
                       llvm::raw_ostream &os);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_TENSORFLOWSUMMARY_H

//===- Metrics.h - One line of JSON per training step -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The file that --metrics names. Each line is written out at once, so that a
// run that is watched, or stopped, has all its finished steps on disk.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_METRICS_H
#define AMPRT_IO_METRICS_H

#include "amprt/Status.h"

#include <cstdio>
#include <memory>

namespace amprt::io {

struct StepMetrics {
  int64_t step = 0; ///< from 1
  double loss = 0;  ///< unscaled
  double lossScale = 1;
  bool skipped = false, finite = true;
};

/// `{"step": 1, "loss": 2.25, "loss_scale": 32768, "skipped": false,
/// "finite": true}`. Numbers in the shortest form that reads back as the same
/// float32; those that are not finite as the strings of the graph file.
std::string formatMetrics(const StepMetrics &metrics);

class MetricsWriter {
public:
  /// Starts the file anew; `-` is standard output. A training that goes on
  /// behind step `after` keeps the lines of the steps up to there.
  static Result<MetricsWriter> open(const std::string &path, int64_t after = 0);
  Status write(const StepMetrics &metrics);

private:
  struct Close {
    void operator()(std::FILE *file) const;
  };
  std::string path;
  std::unique_ptr<std::FILE, Close> file;
};

} // namespace amprt::io

#endif // AMPRT_IO_METRICS_H

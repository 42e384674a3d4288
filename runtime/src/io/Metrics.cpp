//===- Metrics.cpp - One line of JSON per training step -------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Formats and writes the lines; a full disk is noticed at the line it hits.
//===----------------------------------------------------------------------===//

#include "amprt/io/Metrics.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

namespace amprt::io {
namespace {

std::string number(double value) {
  if (std::isnan(value))
    return "\"nan\"";
  if (std::isinf(value))
    return value > 0 ? "\"inf\"" : "\"-inf\"";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, float(value));
  return std::string(text, end.ptr);
}

const char *word(bool value) { return value ? "true" : "false"; }

} // namespace

std::string formatMetrics(const StepMetrics &metrics) {
  return "{\"step\": " + std::to_string(metrics.step) +
         ", \"loss\": " + number(metrics.loss) +
         ", \"loss_scale\": " + number(metrics.lossScale) +
         ", \"skipped\": " + word(metrics.skipped) +
         ", \"finite\": " + word(metrics.finite) + "}";
}

void MetricsWriter::Close::operator()(std::FILE *file) const {
  if (file != stdout)
    std::fclose(file);
}

Result<MetricsWriter> MetricsWriter::open(const std::string &path) {
  MetricsWriter writer;
  writer.path = path;
  writer.file.reset(path == "-" ? stdout : std::fopen(path.c_str(), "w"));
  if (!writer.file)
    return Status(Code::IoError,
                  "cannot write '" + path + "': " + std::strerror(errno));
  return writer;
}

Status MetricsWriter::write(const StepMetrics &metrics) {
  const std::string line = formatMetrics(metrics) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file.get()) != line.size() ||
      std::fflush(file.get()) != 0)
    return Status(Code::IoError,
                  "cannot write '" + path + "': " + std::strerror(errno));
  return okStatus();
}

} // namespace amprt::io

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
#include "amp/GraphFile/FileIO.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <sys/stat.h>

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

/// Cuts a metrics file off behind the line of step `after`. A run that was
/// killed may have written more lines than its checkpoint holds, and a part of
/// a line.
Status keepSteps(const std::string &path, int64_t after) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return okStatus(); // nothing there, or nothing that can be cut
  std::string text;
  if (const auto error = amp::graphfile::readFile(path, text))
    return Status(Code::IoError, *error);
  constexpr std::string_view begin = "{\"step\": ";
  size_t kept = 0;
  while (kept < text.size()) {
    const size_t end = text.find('\n', kept);
    const std::string_view line =
        std::string_view(text).substr(kept, end - kept);
    int64_t step = 0;
    const bool isMetrics = line.substr(0, begin.size()) == begin &&
                           std::from_chars(line.data() + begin.size(),
                                           line.data() + line.size(), step)
                                   .ec == std::errc();
    if (end == std::string::npos || step > after)
      break;
    if (!isMetrics)
      return Status(Code::InvalidArgument,
                    "'" + path +
                        "' holds other lines than those of a "
                        "training's steps, so it cannot be continued");
    kept = end + 1;
  }
  if (kept == text.size())
    return okStatus();
  text.resize(kept);
  if (const auto error = amp::graphfile::writeFile(path, text))
    return Status(Code::IoError, *error);
  return okStatus();
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

Result<MetricsWriter> MetricsWriter::open(const std::string &path,
                                          int64_t after) {
  MetricsWriter writer;
  writer.path = path;
  if (after && path != "-")
    AMPRT_RETURN_IF_ERROR(keepSteps(path, after));
  writer.file.reset(path == "-" ? stdout
                                : std::fopen(path.c_str(), after ? "a" : "w"));
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

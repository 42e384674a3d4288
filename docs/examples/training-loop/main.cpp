//===- main.cpp - A training loop of one's own ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Trains a rewritten graph file on the drawn digits, batch by batch, and
// measures its accuracy. The steps of the optimizer and the loss scale are in
// the graph: the loop only feeds it.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amprt/Session.h"
#include "amprt/io/Dataset.h"

#include <cstdio>

using amprt::DType;
using amprt::Result;
using amprt::Status;
using amprt::Tensor;

namespace {

constexpr int64_t kPixels = 28 * 28, kClasses = 10;

/// Examples `first` to `first + count`: pictures from 0 to 1, and labels.
struct Batch {
  Tensor images, labels;
};
Result<Batch> batchOf(const amprt::io::Split &split, int64_t first,
                      int64_t count) {
  const Tensor &pixels = split.find("images")->array;
  const Tensor &labels = split.find("labels")->array;
  Batch batch;
  AMPRT_ASSIGN_OR_RETURN(batch.images,
                         Tensor::create(DType::Float32, {count, kPixels}));
  AMPRT_ASSIGN_OR_RETURN(batch.labels, Tensor::create(DType::Int32, {count}));
  for (int64_t i = 0; i < count * kPixels; ++i)
    batch.images.as<float>()[i] =
        float(pixels.at(first * kPixels + i)) / 255.0f;
  for (int64_t i = 0; i < count; ++i)
    batch.labels.as<int32_t>()[i] = int32_t(labels.at(first + i));
  return batch;
}

Status train(amprt::Session &session, const amprt::io::Split &split,
             int64_t size) {
  for (int64_t first = 0; first + size <= split.examples(); first += size) {
    AMPRT_ASSIGN_OR_RETURN(Batch batch, batchOf(split, first, size));
    amprt::CallReport report;
    AMPRT_ASSIGN_OR_RETURN(
        std::vector<Tensor> outputs,
        session.run("train",
                    {{"images", &batch.images}, {"labels", &batch.labels}},
                    &report));
    if (first / size % 20 == 0)
      std::printf("step %lld  loss %.4f  loss scale %g%s\n",
                  static_cast<long long>(first / size + 1), outputs[0].at(0),
                  report.lossScale, report.skipped ? "  skipped" : "");
  }
  return amprt::okStatus();
}

Result<double> accuracy(amprt::Session &session,
                        const amprt::io::Split &split) {
  AMPRT_ASSIGN_OR_RETURN(Batch batch, batchOf(split, 0, split.examples()));
  AMPRT_ASSIGN_OR_RETURN(std::vector<Tensor> outputs,
                         session.run("predict", {{"images", &batch.images}}));
  int64_t right = 0;
  for (int64_t row = 0; row < split.examples(); ++row) {
    const float *scores = outputs[0].as<float>() + row * kClasses;
    int64_t best = 0;
    for (int64_t k = 1; k < kClasses; ++k)
      if (scores[k] > scores[best])
        best = k;
    right += best == batch.labels.as<int32_t>()[row];
  }
  return double(right) / double(split.examples());
}

Status runLoop(const std::string &path) {
  using namespace amp::graphfile;
  std::string text;
  if (std::optional<std::string> error = readFile(path, text))
    return Status(amprt::Code::IoError, *error);
  SourceText source(path, std::move(text));
  Diagnostics diagnostics;
  std::optional<CheckedFile> file =
      readGraphFile(source, diagnostics, folderOf(path));
  if (!file)
    return Status(amprt::Code::InvalidArgument, diagnostics.render(source));

  amprt::SessionOptions options;
  options.folder = folderOf(path);
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<amprt::Session> session,
                         amprt::Session::create(std::move(*file), options));
  AMPRT_ASSIGN_OR_RETURN(amprt::io::Dataset digits, amprt::io::makeDigits());
  AMPRT_RETURN_IF_ERROR(train(*session, digits.train, 128));
  AMPRT_ASSIGN_OR_RETURN(double right, accuracy(*session, digits.test));
  std::printf("accuracy %.4f\n", right);
  return amprt::okStatus();
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: training-loop MODEL.json\n");
    return 2;
  }
  Status status = runLoop(argv[1]);
  if (!status.ok())
    std::fprintf(stderr, "training-loop: error: %s\n",
                 status.message().c_str());
  return status.ok() ? 0 : 1;
}

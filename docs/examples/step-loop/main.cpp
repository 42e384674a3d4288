//===- main.cpp - The steps of amp-run in a loop of one's own -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Makes the steps that
//
//   amp-run MODEL.json --function=train --data=digits --batch=128 --epochs=2
//           --seed=1 --metrics=METRICS.jsonl --save=CHECKPOINT.safetensors
//
// makes, with the same numbers: the graph holds all arithmetic, so a loop that
// feeds it the same batches in the same order gives the same losses to the bit.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amprt/Session.h"
#include "amprt/io/Checkpoint.h"
#include "amprt/io/Dataset.h"
#include "amprt/io/Metrics.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <cstdio>

using amprt::DType;
using amprt::Result;
using amprt::Status;
using amprt::Tensor;

namespace {

constexpr int64_t kBatch = 128, kEpochs = 2, kPixels = 28 * 28;
constexpr uint64_t kSeed = 1;

/// The graph file, read and checked.
Result<amp::graphfile::CheckedFile> readModel(const std::string &path) {
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
  return std::move(*file);
}

/// Pictures from 0 to 1 and labels of the examples `order[0 … count)`.
struct Batch {
  Tensor images, labels;
};
Result<Batch> gather(const amprt::io::Split &split, const int64_t *order,
                     int64_t count) {
  const auto *pixels = split.find("images")->array.as<uint8_t>();
  const Tensor &labels = split.find("labels")->array;
  Batch batch;
  AMPRT_ASSIGN_OR_RETURN(batch.images,
                         Tensor::create(DType::Float32, {count, kPixels}));
  AMPRT_ASSIGN_OR_RETURN(batch.labels, Tensor::create(DType::Int32, {count}));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t k = 0; k < kPixels; ++k)
      batch.images.as<float>()[i * kPixels + k] =
          float(pixels[order[i] * kPixels + k]) / 255.f;
    batch.labels.as<int32_t>()[i] = int32_t(labels.at(order[i]));
  }
  return batch;
}

Status train(amprt::Session &session, const amprt::io::Split &split,
             amprt::io::MetricsWriter &metrics) {
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> order =
        amprt::io::shuffledOrder(split.examples(), kSeed, uint32_t(epoch));
    for (int64_t first = 0; first < split.examples(); first += kBatch) {
      const int64_t count = std::min(kBatch, split.examples() - first);
      AMPRT_ASSIGN_OR_RETURN(Batch batch,
                             gather(split, order.data() + first, count));
      amprt::CallReport report;
      AMPRT_ASSIGN_OR_RETURN(
          std::vector<Tensor> outputs,
          session.run("train",
                      {{"images", &batch.images}, {"labels", &batch.labels}},
                      &report));
      const float loss = outputs[0].as<float>()[0];
      AMPRT_RETURN_IF_ERROR(metrics.write(
          {++step, loss, report.lossScale, report.skipped, report.finite}));
    }
    std::printf("epoch %lld ends behind step %lld\n",
                static_cast<long long>(epoch + 1),
                static_cast<long long>(step));
  }
  return amprt::okStatus();
}

Status runLoop(const std::string &model, const std::string &metricsPath,
               const std::string &checkpoint) {
  AMPRT_ASSIGN_OR_RETURN(amp::graphfile::CheckedFile file, readModel(model));
  amprt::SessionOptions options;
  options.folder = amp::graphfile::folderOf(model);
  options.seed = kSeed;
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<amprt::Session> session,
                         amprt::Session::create(std::move(file), options));
  AMPRT_ASSIGN_OR_RETURN(amprt::io::Dataset digits, amprt::io::makeDigits());
  AMPRT_ASSIGN_OR_RETURN(amprt::io::MetricsWriter metrics,
                         amprt::io::MetricsWriter::open(metricsPath));
  AMPRT_RETURN_IF_ERROR(train(*session, digits.train, metrics));
  return amprt::io::saveCheckpoint(*session, checkpoint);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: step-loop MODEL.json METRICS.jsonl "
                         "CHECKPOINT.safetensors\n");
    return 2;
  }
  const Status status = runLoop(argv[1], argv[2], argv[3]);
  if (!status.ok())
    std::fprintf(stderr, "step-loop: error: %s\n", status.message().c_str());
  return status.ok() ? 0 : 1;
}

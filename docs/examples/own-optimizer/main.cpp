//===- main.cpp - An optimizer and a loss scale of one's own --------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The graph gives the loss and the gradients of a loss gradient that is its
// input; the steps, gradient descent with momentum in float32, are made here.
// In float16 the loss gradient has to be scaled, and LossScaler does that.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/FileIO.h"
#include "amprt/LossScaler.h"
#include "amprt/Session.h"
#include "amprt/io/Dataset.h"
#include "amprt/io/Random.h"

#include <cstdio>

using amprt::DType;
using amprt::Result;
using amprt::Status;
using amprt::Tensor;

namespace {

constexpr int64_t kBatch = 100, kEpochs = 3, kPixels = 28 * 28;
/// The loss is one of many and counts with a small weight, which its gradients
/// have too: in float16 they would all be 0. The rate makes up for it.
constexpr float kWeight = 1e-6f, kRate = 0.05f / kWeight, kMomentum = 0.9f;

/// The trained variables, in the order of the gradients among the outputs.
const char *const kVariables[] = {"hidden/kernel", "out/kernel"};

/// v ← 0.9 v − rate · g, w ← w + v; the variables are copied in and out.
class Momentum {
public:
  explicit Momentum(amprt::Session &session) : session(session) {}

  Status step(const std::vector<Tensor> &gradients) {
    slots.resize(gradients.size());
    for (size_t i = 0; i < gradients.size(); ++i) {
      AMPRT_ASSIGN_OR_RETURN(Tensor weight, session.variable(kVariables[i]));
      slots[i].resize(size_t(weight.size()));
      const float *g = gradients[i].as<float>();
      for (int64_t k = 0; k < weight.size(); ++k) {
        float &slot = slots[i][size_t(k)];
        slot = kMomentum * slot - kRate * g[k];
        weight.as<float>()[k] += slot;
      }
      AMPRT_RETURN_IF_ERROR(session.setVariable(kVariables[i], weight));
    }
    return amprt::okStatus();
  }

private:
  amprt::Session &session;
  std::vector<std::vector<float>> slots;
};

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
             amprt::LossScaler &scaler) {
  Momentum optimizer(session);
  AMPRT_ASSIGN_OR_RETURN(Tensor seed, Tensor::create(DType::Float32, {}));
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> order =
        amprt::io::shuffledOrder(split.examples(), 1, uint32_t(epoch));
    double sum = 0;
    int64_t steps = 0, skipped = 0;
    for (int64_t first = 0; first + kBatch <= split.examples();
         first += kBatch) {
      AMPRT_ASSIGN_OR_RETURN(Batch batch,
                             gather(split, order.data() + first, kBatch));
      // Scaling the seed of the backward part scales every gradient.
      seed.set(0, scaler.getScaledLoss(kWeight));
      AMPRT_ASSIGN_OR_RETURN(
          std::vector<Tensor> outputs,
          session.run("gradients", {{"images", &batch.images},
                                    {"labels", &batch.labels},
                                    {"loss_gradient", &seed}}));
      sum += outputs[0].at(0);
      outputs.erase(outputs.begin());
      AMPRT_ASSIGN_OR_RETURN(std::vector<Tensor> gradients,
                             scaler.getUnscaledGradients(outputs));
      Status made;
      skipped += !scaler.applyGradients(
          gradients, [&] { made = optimizer.step(gradients); });
      AMPRT_RETURN_IF_ERROR(made);
      ++steps;
    }
    std::printf("epoch %lld  loss %.4f  %lld steps, %lld skipped, scale %g\n",
                static_cast<long long>(epoch + 1), sum / double(steps),
                static_cast<long long>(steps), static_cast<long long>(skipped),
                scaler.scale());
  }
  return amprt::okStatus();
}

Status runLoop(const std::string &path, const std::string &scale) {
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
  AMPRT_ASSIGN_OR_RETURN(std::unique_ptr<amprt::Session> session,
                         amprt::Session::create(std::move(*file)));
  AMPRT_ASSIGN_OR_RETURN(amprt::LossScaler scaler,
                         scale == "none" ? amprt::LossScaler::fixed(1)
                                         : amprt::LossScaler::dynamic(scale));
  AMPRT_ASSIGN_OR_RETURN(amprt::io::Dataset digits, amprt::io::makeDigits());
  return train(*session, digits.train, scaler);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: own-optimizer MODEL.json "
                         "[none|tf1|tf_keras|keras3|pytorch|mxnet|paddle]\n");
    return 2;
  }
  const Status status = runLoop(argv[1], argc == 3 ? argv[2] : "tf1");
  if (!status.ok())
    std::fprintf(stderr, "own-optimizer: error: %s\n",
                 status.message().c_str());
  return status.ok() ? 0 : 1;
}

//===- CudnnTest.cpp - Convolutions by cuDNN, without a GPU ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What cuDNN is told of each form of a convolution, worked out here from the
// node alone; which of its engines is taken; and what happens without it.
//===----------------------------------------------------------------------===//

#include "../Support.h"
#include "CudaDevice.h"
#include "FakeCuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#ifdef AMPRT_HAS_CUDNN

using namespace amprt;
using namespace amprt::test;

namespace {

class Cudnn : public ::testing::Test {
protected:
  void SetUp() override { resetFakeCuda(); }
  void TearDown() override {
    EXPECT_TRUE(fakeCuda().mistakes.empty()) << fakeCuda().mistakes.front();
    EXPECT_EQ(fakeCuda().liveCount(), 0u) << fakeCuda().liveText();
  }
};

/// A node of the graph file.
struct Node {
  const char *op;
  Dims image, filter, strides = {1, 1};
  bool same = true;
  Dims dilations = {1, 1};
  int64_t groups = 1;
  bool first = false;
};

std::string list(const Dims &dims) {
  std::string text;
  for (int64_t size : dims)
    text += (text.empty() ? "" : ",") + std::to_string(size);
  return text;
}

struct Expected {
  Dims operand, result; ///< of the forward node, as the file has them
  Dims x, y, w, before, behind;
  std::string text(const Node &node, const char *form, const char *type) const;
};

/// TensorFlow's rules, once more: sizes, padding, which channels belong to
/// which.
Expected expected(const Node &n) {
  Expected e;
  const bool transposed = n.op == std::string("conv2d_transpose");
  const bool depthwise = n.op == std::string("depthwise_conv2d");
  const size_t row = n.first ? 2 : 1, channel = n.first ? 1 : 3;
  const int64_t outs =
      depthwise ? n.filter[2] * n.filter[3] : n.filter[3];
  e.operand = e.result = n.image;
  e.result[channel] = outs;
  e.before = e.behind = {0, 0};
  for (size_t i : {0, 1}) {
    const int64_t size = n.image[row + i], stride = n.strides[i];
    const int64_t span = (n.filter[i] - 1) * n.dilations[i] + 1;
    int64_t small, large;
    if (transposed) {
      small = size;
      large = n.same ? size * stride : (size - 1) * stride + span;
      e.result[row + i] = large;
    } else {
      large = size;
      small = n.same ? (size + stride - 1) / stride : (size - span) / stride + 1;
      e.result[row + i] = small;
    }
    const int64_t total =
        std::max<int64_t>(0, (small - 1) * stride + span - large);
    if (n.same) {
      e.before[i] = total / 2;
      e.behind[i] = total - total / 2;
    }
  }
  // Of a transposed convolution the small image is the operand.
  const Dims &x = transposed ? e.result : e.operand;
  const Dims &y = transposed ? e.operand : e.result;
  e.x = {x[0], x[channel], x[row], x[row + 1]};
  e.y = {y[0], y[channel], y[row], y[row + 1]};
  const int64_t groups = depthwise ? e.x[1] : n.groups;
  e.w = {e.y[1], e.x[1] / groups, n.filter[0], n.filter[1]};
  return e;
}

std::string Expected::text(const Node &n, const char *form,
                           const char *type) const {
  auto image = [&](const Dims &d) {
    return n.first ? Dims{d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}
                   : Dims{d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
  };
  const Dims filter = {w[1] * w[2] * w[3], 1, w[3] * w[1], w[1]};
  Dims dilation = n.dilations;
  for (size_t i : {0, 1})
    if (n.filter[i] == 1)
      dilation[i] = 1;
  return std::string(form) + " " + type + " x " + list(x) + " by " +
         list(image(x)) + " y " + list(y) + " by " + list(image(y)) + " w " +
         list(w) + " by " + list(filter) + " before " + list(before) +
         " behind " + list(behind) + " stride " + list(n.strides) +
         " dilation " + list(dilation);
}

std::string attributes(const Node &n) {
  std::string text = "\"strides\": [" + list(n.strides) + "], \"padding\": \"" +
                     (n.same ? "same" : "valid") + "\", \"dilations\": [" +
                     list(n.dilations) + "], \"layout\": \"" +
                     (n.first ? "NCHW" : "NHWC") + "\"";
  if (n.op != std::string("depthwise_conv2d"))
    text += ", \"groups\": " + std::to_string(n.groups);
  return text;
}

/// A function of one node.
std::string graphOf(const std::string &op, const std::string &attrs,
                    const std::vector<Dims> &operands, DType dtype) {
  std::string inputs, names;
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::string name = "i" + std::to_string(i);
    inputs += std::string(i ? ", " : "") + R"({"name": ")" + name +
              R"(", "dtype": ")" + std::string(amp::dtypeName(dtype)) +
              R"(", "shape": [)" + list(operands[i]) + "]}";
    names += std::string(i ? ", " : "") + "\"" + name + "\"";
  }
  return oneFunction("", inputs,
                     R"({"name": "n", "op": ")" + op + R"(", "inputs": [)" +
                         names + R"(], "attrs": {)" + attrs + "}}",
                     R"("n")");
}

/// Settings of the device, and what it notes.
struct Runner {
  cuda::Settings settings;
  std::vector<std::string> notes = {};
  int calls = 1;

  Status operator()(const std::string &graph) {
    SessionOptions options;
    options.openWith = [&] { return cuda::openCuda(fakeApi(), settings); };
    options.onNote = [&](const std::string &note) { notes.push_back(note); };
    auto file = readGraph(graph);
    if (!file)
      return Status(Code::Internal, "no file");
    auto session = Session::create(std::move(*file), options);
    if (!session.ok())
      return session.status();
    std::vector<Tensor> tensors;
    const auto *function = (*session)->findFunction("f");
    std::vector<NamedTensor> inputs;
    tensors.reserve(function->inputs.size());
    for (const auto &input : function->inputs) {
      Dims dims;
      for (const amp::Dim &dim : input.type.shape)
        dims.push_back(dim.size());
      auto tensor = Tensor::create(input.type.dtype, dims);
      if (!tensor.ok())
        return tensor.status();
      tensors.push_back(*std::move(tensor));
      inputs.push_back({input.name, &tensors.back()});
    }
    for (int i = 0; i < calls; ++i)
      AMPRT_RETURN_IF_ERROR((*session)->run("f", inputs).status());
    return okStatus();
  }
};

const std::vector<Node> kNodes = {
    {"conv2d", {2, 5, 4, 3}, {3, 2, 3, 4}},
    {"conv2d", {2, 8, 8, 16}, {3, 3, 16, 8}, {2, 2}}, // uneven padding
    {"conv2d", {1, 6, 5, 4}, {3, 3, 2, 6}, {2, 1}, false, {1, 1}, 2},
    {"conv2d", {2, 4, 5, 8}, {2, 3, 2, 8}, {1, 2}, true, {2, 1}, 4},
    {"conv2d", {2, 6, 4, 5}, {3, 2, 6, 2}, {2, 2}, true, {1, 2}, 1, true},
    {"conv2d", {1, 5, 5, 8}, {1, 1, 8, 8}, {3, 3}, true, {7, 1}},
    {"conv2d", {1, 1, 1, 1}, {1, 1, 1, 1}},
    {"depthwise_conv2d", {1, 5, 4, 3}, {3, 3, 3, 2}},
    {"depthwise_conv2d", {2, 5, 4, 3}, {2, 2, 5, 1}, {2, 2}, false, {1, 1}, 1, true},
    {"conv2d_transpose", {1, 3, 4, 3}, {3, 3, 3, 2}, {2, 2}},
    {"conv2d_transpose", {2, 3, 2, 2}, {2, 3, 2, 3}, {2, 1}, false},
    {"conv2d_transpose", {1, 4, 3, 2}, {3, 2, 2, 6}, {1, 2}, true, {1, 1}, 2, true},
    {"conv2d_transpose", {1, 2, 3, 2}, {1, 1, 2, 2}, {2, 2}}};

TEST_F(Cudnn, DescriptorsSayWhatTheNodeSays) {
  for (const Node &original : kNodes)
    for (DType dtype : {DType::Float16, DType::BFloat16, DType::Float32}) {
      Node n = original;
      const std::string type(amp::dtypeName(dtype));
      SCOPED_TRACE(std::string(n.op) + " " + list(n.image) + " " +
                   list(n.filter) + " " + type);
      const Expected e = expected(n);
      const std::string op = n.op;
      const bool transposed = op == "conv2d_transpose";
      auto runs = [&](const std::string &name, std::vector<Dims> operands,
                      const char *form) {
        resetFakeCuda();
        Runner run;
        run.settings.tries = 1;
        Status status =
            run(graphOf(name, attributes(n), operands, dtype));
        ASSERT_TRUE(status.ok()) << status.toString();
        EXPECT_EQ(fakeCuda().convolutions,
                  std::vector<std::string>{e.text(n, form, type.c_str())});
        EXPECT_TRUE(run.notes.empty()) << run.notes.front();
      };
      runs(op, {e.operand, n.filter}, transposed ? "input" : "forward");
      runs(op + "_input_grad", {e.result, e.operand, n.filter},
           transposed ? "forward" : "input");
      runs(op + "_filter_grad", {e.result, e.operand, n.filter}, "filter");
      EXPECT_TRUE(fakeCuda().mistakes.empty()) << fakeCuda().mistakes.front();
    }
}

const Node kOne = {"conv2d", {2, 8, 8, 16}, {3, 3, 16, 8}};
std::string one(DType dtype) {
  return graphOf(kOne.op, attributes(kOne), {kOne.image, kOne.filter}, dtype);
}

/// The engine that one run takes.
int64_t engine(DType dtype, const cuda::Settings &settings,
               std::vector<FakeEngine> engines = {}) {
  resetFakeCuda();
  if (!engines.empty())
    fakeCuda().engines = std::move(engines);
  Runner run{settings};
  Status status = run(one(dtype));
  EXPECT_TRUE(status.ok()) << status.toString();
  return fakeCuda().usedEngines.empty() ? -1 : fakeCuda().usedEngines.back();
}

TEST_F(Cudnn, EnginesThatComputeOtherwiseAreLeftOut) {
  cuda::Settings settings;
  settings.tries = 1;
  EXPECT_EQ(engine(DType::Float16, settings), 62);
  EXPECT_EQ(engine(DType::BFloat16, settings), 62);
  // Tensor cores multiply float32 as TF32.
  EXPECT_EQ(engine(DType::Float32, settings), 28);
  settings.tf32 = true;
  EXPECT_EQ(engine(DType::Float32, settings), 62);
  // Rounded inputs, rounded sums, transforms; then the one that is left.
  for (int note : {1, 2, 3, 5, 6, 7, 8}) {
    SCOPED_TRACE(note);
    EXPECT_EQ(engine(DType::Float16, settings, {{9, {0, note}}, {4, {0}}}), 4);
  }
  // In another order each time.
  const std::vector<FakeEngine> order = {{20, {0, 4}}, {21, {0}}};
  EXPECT_EQ(engine(DType::Float16, settings, order), 20);
  settings.deterministic = true;
  EXPECT_EQ(engine(DType::Float16, settings, order), 21);
  // Too much memory; what cuDNN proposes and then does not support; the last
  // resort.
  EXPECT_EQ(engine(DType::Float16, settings,
                   {{1, {}, int64_t(33) << 20},
                    {2, {}, 0, false, false},
                    {3, {}, int64_t(32) << 20}}),
            3);
  EXPECT_EQ(engine(DType::Float16, settings, {{1, {2}}, {5, {}, 0, true}}), 5);
}

/// Images with three channels are copied by the kernels of tensor cores.
TEST_F(Cudnn, WorkspaceIsAsLargeAsThePlanSays) {
  const Node wide = {"conv2d", {64, 112, 112, 3}, {3, 3, 3, 16}};
  const Node narrow = {"conv2d", {64, 112, 112, 16}, {3, 3, 16, 16}};
  const int64_t copy = int64_t(64) * 112 * 112 * 8 * 2;
  for (const Node &n : {wide, narrow}) {
    resetFakeCuda();
    fakeCuda().engines = {{1, {0}, copy}, {2, {0}, 0}};
    Runner run;
    run.settings.tries = 1;
    Status status = run(
        graphOf(n.op, attributes(n), {n.image, n.filter}, DType::Float16));
    ASSERT_TRUE(status.ok()) << status.toString();
    ASSERT_EQ(fakeCuda().usedEngines.size(), 1u);
    EXPECT_EQ(fakeCuda().usedEngines[0], n.image[3] == 3 || copy <= 32 << 20 ? 1 : 2);
  }
}

TEST_F(Cudnn, TheFastestIsFoundOnceAndKept) {
  char name[] = "/tmp/amp-cache-XXXXXX";
  const std::string folder = mkdtemp(name);
  auto runs = [&](bool deterministic = false) {
    Runner run;
    run.settings.cacheFolder = folder;
    run.settings.deterministic = deterministic;
    run.calls = 4;
    Status status = run(one(DType::Float16));
    EXPECT_TRUE(status.ok()) << status.toString();
    EXPECT_TRUE(fakeCuda().mistakes.empty()) << fakeCuda().mistakes.front();
    return fakeCuda().count("cudnnBackendExecute");
  };
  // Three engines are allowed, five runs each; then one call, one captured.
  EXPECT_EQ(runs(), 3 * 5 + 2);
  EXPECT_EQ(std::count(fakeCuda().launches.begin(), fakeCuda().launches.end(),
                       "cudnn"),
            3 * 5 + 4);
  EXPECT_EQ(fakeCuda().usedEngines.back(), 62);
  // Kept with its settings: no engine is asked for again.
  resetFakeCuda();
  EXPECT_EQ(runs(), 2);
  EXPECT_EQ(fakeCuda().usedEngines.back(), 62);
  EXPECT_EQ(fakeCuda().count("cudaEventElapsedTime"), 0);
  // What is kept is the engine's number and settings.
  std::string kept;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().rfind("convolutions-", 0) == 0) {
      auto size = std::filesystem::file_size(entry.path());
      kept.resize(size);
      FILE *file = std::fopen(entry.path().c_str(), "rb");
      EXPECT_EQ(std::fread(kept.data(), 1, size, file), size);
      std::fclose(file);
    }
  EXPECT_NE(kept.find("cuDNN 91900 on Fake GPU"), std::string::npos) << kept;
  EXPECT_NE(kept.find("\tengine 62 2=5 24=13\t"), std::string::npos) << kept;
  // An engine that a library no longer has, or no longer supports here.
  for (bool isThere : {false, true}) {
    resetFakeCuda();
    fakeCuda().engines = {{30, {0}}};
    if (isThere)
      fakeCuda().engines.push_back({62, {0}, 0, false, false});
    EXPECT_EQ(runs(), 2);
    EXPECT_EQ(fakeCuda().usedEngines.back(), 30);
    // The next run finds what this one kept.
    resetFakeCuda();
    EXPECT_EQ(runs(true), 2); // takes none that is kept
    std::filesystem::remove_all(folder);
    resetFakeCuda();
    runs();
  }
  std::filesystem::remove_all(folder);
}

TEST_F(Cudnn, WithoutItPlainLoopsRunAndOneNoteSaysSo) {
  fakeCuda().hasCudnn = false;
  Runner run;
  run.calls = 2;
  ASSERT_TRUE(run(one(DType::Float16)).ok());
  EXPECT_EQ(run.notes, std::vector<std::string>{
                           "there is no cuDNN (libcudnn.so.9); convolutions "
                           "run as plain loops, which is slow"});
  EXPECT_TRUE(std::count(fakeCuda().launches.begin(),
                         fakeCuda().launches.end(), "conv_f32"));

  resetFakeCuda();
  fakeCuda().cudnnCreateStatus = CUDNN_STATUS_NOT_INITIALIZED;
  run.notes.clear();
  ASSERT_TRUE(run(one(DType::Float16)).ok());
  EXPECT_EQ(run.notes,
            std::vector<std::string>{
                "cuDNN 91900 does not work on this machine: cudnnCreate "
                "failed: CUDNN_STATUS_OTHER (the fake's reason); convolutions "
                "run as plain loops, which is slow"});

  resetFakeCuda();
  fakeCuda().engines = {{1, {2}}};
  run.notes.clear();
  ASSERT_TRUE(run(one(DType::Float16)).ok());
  EXPECT_EQ(run.notes,
            std::vector<std::string>{"cuDNN has no algorithm for the "
                                     "convolution 'n'; it runs as plain loops, "
                                     "which is slow"});
}

TEST_F(Cudnn, WhereItMustBeThereItIsAnError) {
  Runner run;
  run.settings.cudnn = CudnnUse::On;
  fakeCuda().hasCudnn = false;
  Status status = run(one(DType::Float16));
  EXPECT_EQ(status.code(), Code::Unavailable);
  EXPECT_EQ(status.message(),
            "--cudnn=on: there is no cuDNN (libcudnn.so.9)");
  resetFakeCuda();
  fakeCuda().engines = {{1, {2}}};
  status = run(one(DType::Float16));
  EXPECT_EQ(status.code(), Code::Unimplemented);
  EXPECT_EQ(status.message(), "--cudnn=on: cuDNN has no algorithm for the "
                              "convolution 'n'");
  resetFakeCuda();
  EXPECT_TRUE(run(one(DType::Float16)).ok());
}

TEST_F(Cudnn, IsNotAskedWhereItIsNotWantedOrNotNeeded) {
  Runner run;
  run.settings.cudnn = CudnnUse::Off;
  ASSERT_TRUE(run(one(DType::Float16)).ok());
  EXPECT_EQ(fakeCuda().count("cudnnCreate"), 0);
  EXPECT_TRUE(run.notes.empty());
  // float64, and a program without convolutions.
  resetFakeCuda();
  run.settings.cudnn = CudnnUse::On;
  ASSERT_TRUE(run(one(DType::Float64)).ok());
  ASSERT_TRUE(run(graphOf("relu", "", {{3, 4}}, DType::Float16)).ok());
  EXPECT_EQ(fakeCuda().count("cudnnCreate"), 0);
}

} // namespace

#endif // AMPRT_HAS_CUDNN

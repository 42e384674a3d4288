//===- BatchesTest.cpp - Binding arrays to inputs and gathering batches ---===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Functions are built by hand: only their inputs matter here.
//===----------------------------------------------------------------------===//

#include "amprt/io/Batches.h"
#include "TestFiles.h"
#include "amprt/io/Convert.h"
#include "amprt/io/Metrics.h"

#include <cmath>

using namespace amprt;
using namespace amprt::io;
using namespace amptest;
using amp::Dim;
using amp::graphfile::Function;

namespace {

Tensor tensor(DType dtype, Dims dims, const std::vector<double> &values) {
  auto result = Tensor::create(dtype, std::move(dims));
  EXPECT_TRUE(result.ok());
  for (size_t i = 0; i < values.size(); ++i)
    result->set(int64_t(i), values[i]);
  return *std::move(result);
}

/// Three examples of 2x2 pixels with labels.
Dataset smallImages() {
  Dataset data;
  data.name = "small";
  data.imagesAndLabels = true;
  data.train.fields.push_back(
      {"images",
       tensor(DType::UInt8, {3, 2, 2},
              {0, 255, 51, 102, 1, 2, 3, 4, 5, 6, 7, 8}),
       true});
  data.train.fields.push_back(
      {"labels", tensor(DType::UInt8, {3}, {7, 1, 200}), false});
  return data;
}

Function function(std::vector<amp::graphfile::Input> inputs) {
  Function result;
  result.name = "train";
  result.inputs = std::move(inputs);
  return result;
}

amp::graphfile::Input input(std::string_view name, DType dtype,
                            amp::Shape shape) {
  amp::graphfile::Input result;
  result.name = name;
  result.type = {dtype, std::move(shape)};
  return result;
}

const Dim kBatch = Dim::named("batch");

TEST(Bind, ImagesAndLabelsFindTheirInputs) {
  const Dataset data = smallImages();
  const Function f =
      function({input("y", DType::Int64, {kBatch}),
                input("x", DType::Float32, {kBatch, Dim::fixed(4)})});
  auto bindings = bindInputs(f, data, {});
  ASSERT_TRUE(bindings.ok()) << bindings.status().message();
  EXPECT_EQ((*bindings)[0].field, "labels");
  EXPECT_EQ((*bindings)[1].field, "images");
  EXPECT_EQ((*bindings)[1].example, Dims{4});

  std::vector<Tensor> batch;
  const int64_t indices[] = {2, 0};
  ASSERT_TRUE(gatherBatch(data.train, *bindings, indices, 2, batch).ok());
  EXPECT_EQ(describe(batch[0].dtype(), batch[0].dims()), "int64 [2]");
  EXPECT_EQ(batch[0].at(0), 200);
  EXPECT_EQ(batch[0].at(1), 7);
  EXPECT_EQ(describe(batch[1].dtype(), batch[1].dims()), "float32 [2, 4]");
  EXPECT_FLOAT_EQ(float(batch[1].at(0)), 5 / 255.f);
  EXPECT_EQ(batch[1].at(5), 1);
  EXPECT_FLOAT_EQ(float(batch[1].at(6)), 0.2f);
}

TEST(Bind, EqualNamesComeFirstAndRequestsBeforeThem) {
  Dataset data = smallImages();
  data.train.fields.push_back(
      {"x", tensor(DType::Float32, {3, 1}, {1, 2, 3}), false});
  data.train.fields.push_back(
      {"z", tensor(DType::Float16, {3, 1}, {4, 5, 6}), false});
  const Function f =
      function({input("x", DType::Float32, {kBatch, Dim::named("n")})});
  auto byName = bindInputs(f, data, {});
  ASSERT_TRUE(byName.ok()) << byName.status().message();
  EXPECT_EQ((*byName)[0].field, "x");
  auto requested = bindInputs(f, data, {{"x", "z"}, {"other", "labels"}});
  ASSERT_TRUE(requested.ok()) << requested.status().message();
  EXPECT_EQ((*requested)[0].field, "z");
  std::vector<Tensor> batch;
  const int64_t index = 1;
  ASSERT_TRUE(gatherBatch(data.train, *requested, &index, 1, batch).ok());
  EXPECT_EQ(describe(batch[0].dtype(), batch[0].dims()), "float32 [1, 1]");
  EXPECT_EQ(batch[0].at(0), 5);
}

TEST(Bind, ConvertsPixelsToSixteenBits) {
  const Dataset data = smallImages();
  for (DType dtype : {DType::Float16, DType::BFloat16, DType::Float64}) {
    const Function f =
        function({input("x", dtype, {kBatch, Dim::fixed(2), Dim::fixed(2)})});
    auto bindings = bindInputs(f, data, {});
    ASSERT_TRUE(bindings.ok()) << bindings.status().message();
    std::vector<Tensor> batch;
    const int64_t index = 0;
    ASSERT_TRUE(gatherBatch(data.train, *bindings, &index, 1, batch).ok());
    EXPECT_EQ(batch[0].dtype(), dtype);
    EXPECT_NEAR(batch[0].at(2), 0.2, 1e-3);
  }
}

TEST(Bind, SaysWhatDoesNotFit) {
  const Dataset data = smallImages();
  const struct {
    amp::graphfile::Input input;
    std::vector<BindRequest> requests;
    const char *message;
  } cases[] = {
      {input("x", DType::Float32, {kBatch, Dim::fixed(5)}),
       {},
       "array 'images' is uint8 [3, 2, 2], which does not fit the input 'x' of "
       "function 'train', float32 [\"batch\", 5]"},
      {input("x", DType::Float32, {kBatch, Dim::named("n")}),
       {},
       "does not fit the input 'x'"},
      {input("x", DType::Float32, {}), {}, "is a scalar"},
      {input("x", DType::Bool, {kBatch}),
       {},
       "no array feeds the input 'x' of function 'train'; the data 'small' has "
       "images, labels: choose one with --bind=x=ARRAY"},
      {input("x", DType::Float32, {kBatch}),
       {{"x", "lables"}},
       "the data 'small' has no array 'lables'; it has images, labels"},
      {input("x", DType::Float32, {kBatch}),
       {{"x", "labels"}},
       "array 'labels' is uint8, but the input 'x' of function 'train' is "
       "float32"},
      {input("x", DType::Int8, {kBatch}),
       {},
       "array 'labels' holds 200, which does not fit the input 'x', int8"},
  };
  for (const auto &bad : cases) {
    const Function f = function({bad.input});
    auto bindings = bindInputs(f, data, bad.requests);
    ASSERT_FALSE(bindings.ok()) << bad.message;
    expectFailure(bindings.status(), Code::InvalidArgument, bad.message);
  }
}

TEST(Bind, OnlyTheFirstFloatingInputTakesTheImages) {
  const Dataset data = smallImages();
  const Function f =
      function({input("a", DType::Float32, {kBatch, Dim::fixed(4)}),
                input("b", DType::Float32, {kBatch, Dim::fixed(4)})});
  expectFailure(bindInputs(f, data, {}).status(), Code::InvalidArgument,
                "no array feeds the input 'b'");
}

TEST(BatchSize, FixedSizesWantExactBatches) {
  const Function f =
      function({input("x", DType::Float32, {Dim::fixed(4), Dim::fixed(2)})});
  EXPECT_TRUE(checkBatchSize(f, 4, 4).ok());
  expectFailure(checkBatchSize(f, 8, 8), Code::InvalidArgument,
                "takes exactly 4 examples; use --batch=4");
  expectFailure(checkBatchSize(f, 4, 1), Code::InvalidArgument,
                "the last batch of an epoch has 1; use --drop-last");
}

TEST(Labels, OutsideTheClassesAreRefused) {
  amp::graphfile::CheckedFile file;
  Function f =
      function({input("logits", DType::Float32, {kBatch, Dim::fixed(10)}),
                input("labels", DType::Int32, {kBatch})});
  amp::graphfile::Node loss;
  loss.name = "loss";
  loss.op = "sparse_softmax_cross_entropy";
  loss.inputs = {{"logits"}, {"labels"}};
  f.nodes.push_back(loss);
  file.file.functions.push_back(std::move(f));
  file.types.emplace_back();
  file.types[0].results = amp::graphfile::ResultTypes(/*nodes=*/1);
  file.types[0].results.set(0, {amp::TensorType()});

  Dataset data = smallImages();
  data.train.fields.push_back(
      {"logits", tensor(DType::Float32, {3, 10}, {}), false});
  auto bindings = bindInputs(file.file.functions[0], data, {});
  ASSERT_TRUE(bindings.ok()) << bindings.status().message();
  expectFailure(checkLabels(file, 0, *bindings, data.train),
                Code::InvalidArgument,
                "label 200 of example 2 in array 'labels' is not in [0, 10), "
                "the classes of node 'loss'");
  data.train.fields[1].array.set(2, 9);
  EXPECT_TRUE(checkLabels(file, 0, *bindings, data.train).ok());
}

TEST(Accuracy, CountsRowsWhoseLargestScoreIsTheLabel) {
  const Field labels = {"labels", tensor(DType::Int32, {4}, {0, 1, 2, 1}),
                        false};
  const double nan = std::nan("");
  const Tensor scores = tensor(DType::Float32, {4, 3},
                               {5, 1, 1, //
                                3, 3, 0, // a tie: the first wins, wrong
                                0, 0, 1, //
                                nan, 1, 0});
  const int64_t order[] = {0, 1, 2, 3};
  auto correct = countCorrect(scores, labels, order);
  ASSERT_TRUE(correct.ok());
  EXPECT_EQ(*correct, 2);
  expectFailure(
      countCorrect(tensor(DType::Float32, {4}, {}), labels, order).status(),
      Code::InvalidArgument,
      "accuracy needs an output of scores [batch, classes], not float32 [4]");
}

TEST(Convert, KeepsEveryBitOfIntegers) {
  Tensor wide = tensor(DType::Int64, {1}, {0});
  wide.as<int64_t>()[0] = (int64_t(1) << 62) + 1;
  EXPECT_EQ(integerAt(wide, 0), (int64_t(1) << 62) + 1);
  EXPECT_EQ(findMisfit(wide, DType::Int32), (int64_t(1) << 62) + 1);
  expectFailure(convertTensor(std::move(wide), DType::Int32).status(),
                Code::InvalidArgument, "which does not fit int32");
  expectFailure(
      convertTensor(tensor(DType::Float32, {1}, {1}), DType::Int32).status(),
      Code::InvalidArgument, "the array is float32, not int32");
}

TEST(Metrics, WritesOneLinePerStep) {
  ScratchFolder folder;
  {
    auto writer = MetricsWriter::open(folder.path("m.jsonl"));
    ASSERT_TRUE(writer.ok());
    StepMetrics step;
    step.step = 1;
    step.loss = double(2.3195f);
    step.lossScale = 32768;
    ASSERT_TRUE(writer->write(step).ok());
    step.step = 2;
    step.loss = HUGE_VAL;
    step.skipped = true;
    step.finite = false;
    ASSERT_TRUE(writer->write(step).ok());
    // Each line is on disk as soon as it is written.
    EXPECT_EQ(folder.read("m.jsonl"),
              "{\"step\": 1, \"loss\": 2.3195, \"loss_scale\": 32768, "
              "\"skipped\": false, \"finite\": true}\n"
              "{\"step\": 2, \"loss\": \"inf\", \"loss_scale\": 32768, "
              "\"skipped\": true, \"finite\": false}\n");
  }
  expectFailure(MetricsWriter::open(folder.path("no/m.jsonl")).status(),
                Code::IoError, "cannot write");
}

} // namespace

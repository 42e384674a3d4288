//===- CheckpointTest.cpp - Saving and loading variables ------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A session's variables go through a file and come back bit for bit; a file
// that does not fit changes nothing.
//===----------------------------------------------------------------------===//

#include "amprt/io/Checkpoint.h"
#include "TestFiles.h"

#include <cstring>

using namespace amprt;
using namespace amprt::io;
using namespace amptest;

namespace {

std::string model(const std::string &variables) {
  return R"({"format": "amp-graph", "version": "1.0", "name": "m",
"variables": [)" +
         variables + R"(],
"functions": [{"name": "f", "inputs": [], "nodes": [
{"name": "c", "op": "constant", "attrs": {"dtype": "float32", "shape": [], "value": 1}}],
"outputs": ["c"]}]})";
}

const char *const kVariables =
    R"({"name": "a/kernel", "dtype": "float32", "shape": [3, 2], "init": {"glorot_uniform": {"seed": 1}}},
{"name": "half", "dtype": "float16", "shape": [5], "init": {"ones": {}}},
{"name": "brain", "dtype": "bfloat16", "shape": [3], "init": {"ones": {}}},
{"name": "steps", "dtype": "int64", "shape": [], "init": {"zeros": {}}},
{"name": "flag", "dtype": "bool", "shape": [2], "init": {"ones": {}}})";

std::unique_ptr<Session> open(const std::string &text) {
  amp::graphfile::SourceText source("m.json", text);
  amp::graphfile::Diagnostics diagnostics;
  auto file = amp::graphfile::readGraphFile(source, diagnostics);
  EXPECT_TRUE(file.has_value()) << diagnostics.render(source);
  auto session = Session::create(std::move(*file));
  EXPECT_TRUE(session.ok()) << session.status().message();
  return *std::move(session);
}

std::string bytes(const Session &session, std::string_view name) {
  auto value = session.variable(name);
  EXPECT_TRUE(value.ok()) << value.status().message();
  return {static_cast<const char *>(value->data()), value->bytes()};
}

void setFirst(Session &session, std::string_view name, double number) {
  auto value = session.variable(name);
  ASSERT_TRUE(value.ok());
  value->set(0, number);
  ASSERT_TRUE(session.setVariable(name, *value).ok());
}

const char *const kNames[] = {"a/kernel", "half", "brain", "steps", "flag"};

TEST(Checkpoint, BringsEveryVariableBack) {
  ScratchFolder folder;
  auto saved = open(model(kVariables));
  setFirst(*saved, "a/kernel", 0.1);
  setFirst(*saved, "half", -0.25);
  setFirst(*saved, "brain", 3);
  setFirst(*saved, "steps", 12345678901.);
  setFirst(*saved, "flag", 0);
  const std::string path = folder.path("c.safetensors");
  ASSERT_TRUE(saveCheckpoint(*saved, path).ok());
  // Nothing but the checkpoint is left, also when it is replaced.
  ASSERT_TRUE(saveCheckpoint(*saved, path).ok());
  EXPECT_EQ(folder.files(), 1u);

  auto loaded = open(model(kVariables));
  ASSERT_NE(bytes(*saved, "steps"), bytes(*loaded, "steps"));
  const Status status = loadCheckpoint(*loaded, path);
  ASSERT_TRUE(status.ok()) << status.message();
  for (const char *name : kNames)
    EXPECT_EQ(bytes(*saved, name), bytes(*loaded, name)) << name;
}

TEST(Checkpoint, OfAnotherModelListsWhatDiffersAndChangesNothing) {
  ScratchFolder folder;
  auto other = open(model(
      R"({"name": "a/kernel", "dtype": "float32", "shape": [2, 3], "init": {"ones": {}}},
{"name": "half", "dtype": "float32", "shape": [5], "init": {"zeros": {}}},
{"name": "brain", "dtype": "bfloat16", "shape": [3], "init": {"zeros": {}}},
{"name": "surplus", "dtype": "int64", "shape": [], "init": {"zeros": {}}},
{"name": "flag", "dtype": "bool", "shape": [2], "init": {"zeros": {}}})"));
  const std::string path = folder.path("c.safetensors");
  ASSERT_TRUE(saveCheckpoint(*other, path).ok());

  auto session = open(model(kVariables));
  std::vector<std::string> before;
  for (const char *name : kNames)
    before.push_back(bytes(*session, name));
  const Status status = loadCheckpoint(*session, path);
  for (const char *part :
       {"c.safetensors' is a checkpoint of another model",
        "'a/kernel' is float32 [2, 3] there and float32 [3, 2] here",
        "'half' is float32 [5] there and float16 [5] here",
        "'steps' is missing there", "'surplus' is not a variable here"})
    expectFailure(status, Code::InvalidArgument, part);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(bytes(*session, kNames[i]), before[i]) << kNames[i];
}

TEST(Checkpoint, EveryTruncationIsRefused) {
  ScratchFolder folder;
  auto session = open(model(kVariables));
  ASSERT_TRUE(saveCheckpoint(*session, folder.path("c.safetensors")).ok());
  const std::string good = folder.read("c.safetensors");
  for (size_t length = 0; length < good.size(); ++length) {
    const std::string path = folder.write("cut", good.substr(0, length));
    EXPECT_FALSE(loadCheckpoint(*session, path).ok())
        << "the first " << length << " bytes were accepted";
  }
}

TEST(Checkpoint, NamesWhatCannotBeOpenedOrWritten) {
  ScratchFolder folder;
  auto session = open(model(kVariables));
  expectFailure(loadCheckpoint(*session, folder.path("absent")), Code::IoError,
                "absent");
  expectFailure(saveCheckpoint(*session, folder.path("no/c.safetensors")),
                Code::IoError, "no/c.safetensors");
}

TEST(Checkpoint, KeepsThePlaceOfATrainingToTheBit) {
  ScratchFolder folder;
  auto session = open(model(kVariables));
  ASSERT_TRUE(session->setCalls("f", 1234567890123u).ok());
  const std::string path = folder.path("c.safetensors");
  ASSERT_TRUE(saveCheckpoint(*session, path).ok());
  auto none = readPosition(path);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());

  for (double sum : {0.1, -3e300, 0., 1. / 0.}) {
    TrainPosition position;
    position.function = "train \"é\"";
    position.epoch = 3;
    position.epochStep = 5;
    position.step = 29;
    position.seen = 640;
    position.skipped = 2;
    position.lossSum = sum;
    position.seed = ~uint64_t(0);
    position.batch = 128;
    position.examples = 1000;
    position.dropLast = true;
    ASSERT_TRUE(saveCheckpoint(*session, path, &position).ok());
    auto read = readPosition(path);
    ASSERT_TRUE(read.ok()) << read.status().message();
    ASSERT_TRUE(read->has_value());
    const TrainPosition &back = **read;
    EXPECT_EQ(back.function, position.function);
    EXPECT_EQ(back.epoch, 3);
    EXPECT_EQ(back.epochStep, 5);
    EXPECT_EQ(back.step, 29);
    EXPECT_EQ(back.seen, 640);
    EXPECT_EQ(back.skipped, 2);
    EXPECT_EQ(back.lossSum, sum);
    EXPECT_EQ(back.seed, ~uint64_t(0));
    EXPECT_EQ(back.batch, 128);
    EXPECT_EQ(back.examples, 1000);
    EXPECT_TRUE(back.dropLast);
  }
  auto loaded = open(model(kVariables));
  ASSERT_TRUE(loadCheckpoint(*loaded, path).ok());
  EXPECT_EQ(*loaded->calls("f"), 1234567890123u);
}

} // namespace

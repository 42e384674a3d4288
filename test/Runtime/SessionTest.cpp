//===- SessionTest.cpp - Sessions: inputs, variables, updates -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What a caller of Session sees: checks of inputs, plans per binding of sizes,
// variables read as on entry, messages of every refusal.
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "amp/GraphFile/Safetensors.h"

#include <gtest/gtest.h>

#include <cstdio>

using namespace amprt;
using namespace amprt::test;

namespace {

std::string variable(const std::string &name, const std::string &shape,
                     double value, const std::string &dtype = "float32") {
  return "{\"name\": \"" + name + "\", \"dtype\": \"" + dtype +
         "\", \"shape\": " + shape + ", \"init\": {\"constant\": {\"value\": " +
         (dtype[0] == 'i' ? std::to_string(int64_t(value))
                          : std::to_string(value)) +
         "}}}";
}

std::string node(const std::string &name, const std::string &op,
                 const std::vector<std::string> &inputs,
                 const std::string &attrs = "") {
  std::string text =
      "{\"name\": \"" + name + "\", \"op\": \"" + op + "\", \"inputs\": [";
  for (size_t i = 0; i < inputs.size(); ++i)
    text += (i ? ", \"" : "\"") + inputs[i] + "\"";
  return text + "]" + (attrs.empty() ? "" : ", \"attrs\": {" + attrs + "}") +
         "}";
}

const std::string kX =
    "{\"name\": \"x\", \"dtype\": \"float32\", \"shape\": [\"n\", 2]}";

TEST(Session, NamedSizesComeFromTheInputs) {
  auto session =
      openSession(oneFunction("", kX, node("r", "relu", {"x"}), "\"r\""));
  ASSERT_TRUE(session);
  for (int64_t n : {3, 1, 0, 3, 700}) {
    std::mt19937_64 random(testSeed());
    Tensor x = randomTensor(DType::Float32, {n, 2}, random);
    auto outputs = session->run("f", {{"x", &x}});
    ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
    ASSERT_EQ((*outputs)[0].dims(), (Dims{n, 2}));
    for (int64_t i = 0; i < 2 * n; ++i)
      EXPECT_EQ((*outputs)[0].at(i), std::max(0.0, x.at(i)));
  }
}

TEST(Session, WrongInputsAreRefused) {
  auto session = openSession(oneFunction(
      "",
      kX + ", {\"name\": \"y\", \"dtype\": \"float32\", \"shape\": [\"n\", 2]}",
      node("s", "add", {"x", "y"}), "\"s\""));
  ASSERT_TRUE(session);
  Tensor a = tensorOf(DType::Float32, {1, 2}, {1, 2});
  Tensor b = tensorOf(DType::Float32, {2, 2}, {1, 2, 3, 4});
  Tensor c = tensorOf(DType::Float16, {1, 2}, {1, 2});
  auto failure = [&](const std::vector<NamedTensor> &inputs,
                     const std::string &function = "f") {
    auto result = session->run(function, inputs);
    EXPECT_FALSE(result.ok());
    return result.ok() ? "" : result.status().message();
  };
  EXPECT_EQ(failure({{"x", &a}}), "input 'y' of function 'f' is missing");
  EXPECT_EQ(failure({{"x", &a}, {"y", &a}, {"z", &a}}),
            "function 'f' has no input 'z'");
  EXPECT_EQ(failure({{"x", &a}, {"y", &a}, {"x", &a}}),
            "input 'x' is given twice");
  EXPECT_EQ(failure({{"x", &a}, {"y", &b}}),
            "size 'n' is 2 in input 'y' and 1 in another");
  EXPECT_EQ(failure({{"x", &c}, {"y", &a}}),
            "input 'x' is float32 [\"n\", 2], not float16 [1, 2]");
  EXPECT_EQ(failure({}, "g"), "the file has no function 'g'; it has f");
}

TEST(Session, UpdatesTakeEffectTogether) {
  // a and b swap, and c takes a's old value; the output is a's old value too.
  std::string graph =
      oneFunction(variable("a", "[2]", 1) + ", " + variable("b", "[2]", 2) +
                      ", " + variable("c", "[2]", 3),
                  "",
                  node("u1", "assign", {"a", "b"}) + ",\n" +
                      node("u2", "assign", {"b", "a"}) + ",\n" +
                      node("u3", "assign_add", {"c", "a"}),
                  "{\"name\": \"old\", \"value\": \"a\"}");
  auto session = openSession(graph);
  ASSERT_TRUE(session);
  auto outputs = session->run("f", {});
  ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
  EXPECT_EQ(values((*outputs)[0]), (std::vector<double>{1, 1}));
  EXPECT_EQ(values(*session->variable("a")), (std::vector<double>{2, 2}));
  EXPECT_EQ(values(*session->variable("b")), (std::vector<double>{1, 1}));
  EXPECT_EQ(values(*session->variable("c")), (std::vector<double>{4, 4}));
}

TEST(Session, UpdateMayReadItsVariableInAnotherShape) {
  // v + transpose(v), and v of its own first row.
  std::string graph = oneFunction(
      variable("v", "[2, 2]", 0) + ", " + variable("w", "[1, 2]", 0), "",
      node("t", "transpose", {"v"}, "\"perm\": [1, 0]") + ",\n" +
          node("u", "assign_add", {"v", "t"}),
      "{\"name\": \"o\", \"value\": \"t\"}");
  auto session = openSession(graph);
  ASSERT_TRUE(session);
  ASSERT_TRUE(
      session->setVariable("v", tensorOf(DType::Float32, {2, 2}, {1, 2, 3, 4}))
          .ok());
  auto outputs = session->run("f", {});
  ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
  EXPECT_EQ(values(*session->variable("v")), (std::vector<double>{2, 5, 5, 8}));
  EXPECT_EQ(values((*outputs)[0]), (std::vector<double>{1, 3, 2, 4}));
}

TEST(Session, ConditionSkipsUpdates) {
  std::string graph = oneFunction(
      variable("a", "[2]", 1) + ", " + variable("n", "[]", 5, "int64"),
      "{\"name\": \"go\", \"dtype\": \"bool\", \"shape\": []}",
      node("two", "constant", {},
           "\"dtype\": \"float32\", \"shape\": [2], \"value\": 2.0") +
          ",\n" +
          node("one", "constant", {},
               "\"dtype\": \"int64\", \"shape\": [], \"value\": 1") +
          ",\n" + node("u", "assign", {"a", "two", "go"}) + ",\n" +
          node("c", "assign_add", {"n", "one", "go"}),
      "{\"name\": \"o\", \"value\": \"a\"}");
  auto session = openSession(graph);
  ASSERT_TRUE(session);
  Tensor no = tensorOf(DType::Bool, {}, {0}),
         yes = tensorOf(DType::Bool, {}, {1});
  ASSERT_TRUE(session->run("f", {{"go", &no}}).ok());
  EXPECT_EQ(values(*session->variable("a")), (std::vector<double>{1, 1}));
  EXPECT_EQ(values(*session->variable("n")), (std::vector<double>{5}));
  ASSERT_TRUE(session->run("f", {{"go", &yes}}).ok());
  EXPECT_EQ(values(*session->variable("a")), (std::vector<double>{2, 2}));
  EXPECT_EQ(values(*session->variable("n")), (std::vector<double>{6}));
}

TEST(Session, CastsOfVariablesFollowTheVariable) {
  std::string graph =
      oneFunction(variable("w", "[2, 2]", 0.1), kX,
                  node("w16", "cast", {"w"}, "\"to\": \"float16\"") + ",\n" +
                      node("x16", "cast", {"x"}, "\"to\": \"float16\"") +
                      ",\n" + node("m", "matmul", {"x16", "w16"}),
                  "\"m\"");
  auto session = openSession(graph);
  ASSERT_TRUE(session);
  Tensor x = tensorOf(DType::Float32, {1, 2}, {1, 1});
  size_t casts = 0;
  session->setObserver([&](const StepEvent &event) {
    casts += event.program->steps[event.step].cached;
  });
  auto first = session->run("f", {{"x", &x}});
  auto second = session->run("f", {{"x", &x}});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(casts, 1u);
  EXPECT_TRUE(sameBytes((*first)[0], (*second)[0]));
  ASSERT_TRUE(
      session->setVariable("w", tensorOf(DType::Float32, {2, 2}, {1, 2, 3, 4}))
          .ok());
  auto third = session->run("f", {{"x", &x}});
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(casts, 2u);
  EXPECT_EQ(values((*third)[0]), (std::vector<double>{4, 6}));
}

TEST(Session, VariablesByName) {
  auto session = openSession(oneFunction(
      variable("v", "[2]", 3), "", node("i", "identity", {"v"}), "\"i\""));
  ASSERT_TRUE(session);
  EXPECT_EQ(values(*session->variable("v")), (std::vector<double>{3, 3}));
  EXPECT_EQ(session->variable("w").status().message(),
            "the file has no variable 'w'");
  Tensor wrong = tensorOf(DType::Float32, {3}, {1, 2, 3});
  EXPECT_EQ(session->setVariable("v", wrong).message(),
            "variable 'v' is float32 [2], not float32 [3]");
  Tensor right = tensorOf(DType::Float32, {2}, {1, 2});
  ASSERT_TRUE(session->setVariable("v", right).ok());
  EXPECT_EQ(values((*session->run("f", {}))[0]), (std::vector<double>{1, 2}));
  ASSERT_TRUE(session->initialise().ok());
  EXPECT_EQ(values(*session->variable("v")), (std::vector<double>{3, 3}));
}

TEST(Session, UnexpandedTrainingNamesTheCommand) {
  auto session = openSession(
      "{\"format\": \"amp-graph\", \"version\": \"1.0\", \"name\": \"t\", "
      "\"variables\": [" +
      variable("w", "[2]", 1) +
      "], \"functions\": [{\"name\": \"train\", \"inputs\": [{\"name\": "
      "\"y\", \"dtype\": \"float32\", \"shape\": [2]}], \"nodes\": [" +
      node("loss", "mean_squared_error", {"w", "y"}) +
      "], \"outputs\": [\"loss\"], \"training\": {\"loss\": \"loss\", "
      "\"optimizer\": {\"sgd\": {}}}}]}");
  ASSERT_TRUE(session);
  Tensor y = tensorOf(DType::Float32, {2}, {1, 2});
  auto result = session->run("train", {{"y", &y}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::FailedPrecondition);
  EXPECT_NE(result.status().message().find("amp-opt --policy=none"),
            std::string::npos);
}

TEST(Session, VariablesAndConstantsFromWeights) {
  std::string folder = ::testing::TempDir();
  std::string name = "amp_session_weights.safetensors";
  float kernel[] = {1, 2, 3, 4}, addend[] = {10, 20};
  auto error = amp::graphfile::writeSafetensors(
      folder + "/" + name,
      {{"w", DType::Float32, {2, 2}, kernel, sizeof(kernel)},
       {"c", DType::Float32, {2}, addend, sizeof(addend)}});
  ASSERT_FALSE(error) << *error;
  std::string graph =
      "{\"format\": \"amp-graph\", \"version\": \"1.0\", \"name\": \"t\", "
      "\"weights\": \"" +
      name +
      "\", \"variables\": [{\"name\": \"v\", \"dtype\": \"float32\", "
      "\"shape\": [2, 2], \"weights\": \"w\"}], \"functions\": [{\"name\": "
      "\"f\", \"inputs\": [" +
      kX + "], \"nodes\": [" +
      node("c", "constant", {},
           "\"dtype\": \"float32\", \"shape\": [2], \"value\": "
           "{\"weights\": \"c\"}") +
      ", " + node("m", "matmul", {"x", "v"}) + ", " +
      node("s", "add", {"m", "c"}) + "], \"outputs\": [\"s\"]}]}";
  amp::graphfile::SourceText source("test.json", graph);
  amp::graphfile::Diagnostics diagnostics;
  auto file = amp::graphfile::readGraphFile(source, diagnostics, folder);
  ASSERT_TRUE(file) << diagnostics.render(source);
  SessionOptions options;
  options.folder = folder;
  auto session = Session::create(std::move(*file), options);
  ASSERT_TRUE(session.ok()) << session.status().toString();
  Tensor x = tensorOf(DType::Float32, {1, 2}, {1, 1});
  auto outputs = (*session)->run("f", {{"x", &x}});
  ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
  EXPECT_EQ(values((*outputs)[0]), (std::vector<double>{14, 26}));
  std::remove((folder + "/" + name).c_str());
}

TEST(Session, UnknownDevices) {
  auto file = readGraph(oneFunction("", kX, node("r", "relu", {"x"}), "\"r\""));
  SessionOptions options;
  options.device = "tpu";
  auto session = Session::create(std::move(*file), options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().message(),
            "unknown device 'tpu': it is cpu, cuda or null");
}

TEST(Session, NullDevicePlansAndGivesZeros) {
  SessionOptions options;
  options.device = "null";
  MlpOptions mlp;
  mlp.lossScale = 1024;
  auto session = openSession(mlpGraph(mlp), options);
  ASSERT_TRUE(session);
  std::mt19937_64 random(testSeed());
  Tensor images = randomTensor(DType::Float32, {4, 5}, random);
  Tensor labels = tensorOf(DType::Int32, {4}, {0, 1, 2, 0});
  auto outputs =
      session->run("train", {{"images", &images}, {"labels", &labels}});
  ASSERT_TRUE(outputs.ok()) << outputs.status().toString();
  EXPECT_EQ(values((*outputs)[0]), (std::vector<double>{0}));
}

TEST(Session, ObserverSeesEveryStep) {
  auto session = openSession(oneFunction(
      "", kX, node("r", "relu", {"x"}) + ", " + node("s", "softmax", {"r"}),
      "\"s\""));
  ASSERT_TRUE(session);
  std::vector<std::string> names;
  session->setObserver([&](const StepEvent &event) {
    names.push_back(event.program->steps[event.step].name);
    ASSERT_EQ(event.results.size(), 1u);
    EXPECT_NE(event.results[0].data, nullptr);
    EXPECT_GE(event.seconds, 0);
  });
  Tensor x = tensorOf(DType::Float32, {1, 2}, {1, -1});
  ASSERT_TRUE(session->run("f", {{"x", &x}}).ok());
  EXPECT_EQ(names, (std::vector<std::string>{"r", "s"}));
}

/// Without fusion each node is a step of its own, in every call.
TEST(Session, ShowsEveryNodeWhenNothingIsFused) {
  MlpOptions mlp;
  mlp.type = DType::Float16;
  SessionOptions options;
  options.fuse = false;
  auto session = openSession(mlpGraph(mlp), options);
  ASSERT_TRUE(session);
  std::mt19937_64 random(testSeed());
  Tensor images = randomTensor(DType::Float32, {4, 5}, random);
  for (uint64_t call = 0; call < 2; ++call) {
    EXPECT_EQ(*session->calls("predict"), call);
    size_t steps = 0;
    session->setObserver([&](const StepEvent &event) {
      const Step &step = event.program->steps[event.step];
      EXPECT_EQ(step.nodes.size(), 1u) << step.name;
      EXPECT_EQ(event.operands.size(), step.operands.size());
      EXPECT_FALSE(step.cached);
      ++steps;
    });
    ASSERT_TRUE(session->run("predict", {{"images", &images}}).ok());
    const auto &functions = session->file().file.functions;
    EXPECT_EQ(functions[0].name, "predict");
    EXPECT_EQ(steps, functions[0].nodes.size());
  }
  EXPECT_EQ(*session->calls("train"), 0u);
  EXPECT_EQ(session->calls("no").status().code(), Code::NotFound);
  ASSERT_TRUE(session->setCalls("train", 7).ok());
  EXPECT_EQ(*session->calls("train"), 7u);
  ASSERT_TRUE(session->initialise().ok());
  EXPECT_EQ(*session->calls("train"), 0u);
  EXPECT_EQ(*session->calls("predict"), 0u);
}

} // namespace

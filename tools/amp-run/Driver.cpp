//===- Driver.cpp - What amp-run does with its options --------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Reads the model, opens the session, and makes one call or prints the program.
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "Messages.h"
#include "amp/GraphFile/FileIO.h"
#include "amp/GraphFile/ForeignModel.h"
#include "amprt/Device.h"
#include "amprt/Gpu.h"
#include "amprt/io/Checkpoint.h"
#include "amprt/io/Convert.h"
#include "amprt/io/Npy.h"

#include <algorithm>
#include <cstdio>

namespace amprun {

namespace gf = amp::graphfile;
using amprt::Code;
using amprt::Status;
using amprt::Tensor;

int Driver::readModel() {
  std::string text;
  if (const auto error = gf::readFile(options.model, text))
    return fail(kIo, *error);
  const std::string name =
      options.model == "-" ? "<standard input>" : options.model;
  std::string foreign = gf::describeForeignModel(
      text, name, "a graph file (.json), see docs/GraphFile.md");
  if (!foreign.empty())
    return fail(kBadInput, foreign);
  source = std::make_unique<gf::SourceText>(name, std::move(text));
  gf::Diagnostics diagnostics;
  checked =
      gf::readGraphFile(*source, diagnostics, gf::folderOf(options.model));
  std::fputs(diagnostics.render(*source).c_str(), stderr);
  return checked ? kOk : diagnostics.hasIOErrors() ? kIo : kBadInput;
}

int Driver::chooseFunction() {
  const std::vector<gf::Function> &functions = checked->file.functions;
  std::vector<std::string_view> names;
  for (const gf::Function &candidate : functions)
    names.push_back(candidate.name);
  if (options.function.empty()) {
    if (functions.size() != 1) {
      std::string all;
      for (std::string_view name : names)
        all += (all.empty() ? "" : ", ") + std::string(name);
      return fail(kUsage, "choose a function with --function=NAME: '" +
                              options.model + "' has " +
                              (all.empty() ? "none" : all));
    }
    function = &functions.front();
  }
  for (const gf::Function &candidate : functions)
    if (candidate.name == options.function)
      function = &candidate;
  if (!function)
    return fail(kBadInput,
                unknownName("'" + options.model + "' has no function",
                            options.function, names));
  if (function->training) {
    // The command that helps, with the user's own file name.
    std::string stem = options.model;
    if (const size_t dot = stem.rfind(".json"); dot != std::string::npos)
      stem.resize(dot);
    return fail(kBadInput,
                "the training of function '" + std::string(function->name) +
                    "' is not expanded; run first: amp-opt " + options.model +
                    " -o " + stem +
                    ".float16.json (for float32: amp-opt "
                    "--policy=none " +
                    options.model + " -o " + stem + ".float32.json)");
  }
  if (!options.eval.empty() &&
      std::find(names.begin(), names.end(), options.eval) == names.end())
    return fail(kBadInput,
                unknownName("'" + options.model + "' has no function",
                            options.eval, names));
  return kOk;
}

int Driver::openSession() {
  amprt::SessionOptions settings;
  // To print a program that is planned for a GPU, none is needed.
  const bool onlyPlans = options.device == "cuda" && options.dumpProgram &&
                         !options.assumeDevice.empty();
  settings.device = onlyPlans ? "null" : options.device;
  settings.tf32 = options.tf32;
  settings.deterministic = options.deterministic;
  settings.cudnn = options.cudnn;
  settings.onNote = warn;
  settings.threads = options.threads;
  if (!options.load.empty() && !options.restart) {
    auto position = amprt::io::readPosition(options.load);
    if (!position.ok())
      return fail(position.status());
    loaded = *std::move(position);
  }
  settings.seed = options.seed.value_or(loaded ? loaded->seed : 0);
  settings.folder = gf::folderOf(options.model);
  settings.planFor = options.assumeDevice;
  settings.fuse = !options.checkNumerics && options.compare.empty();
  // The function is found again by name: the session takes the file.
  const std::string name(function->name);
  auto created = amprt::Session::create(std::move(*checked), settings);
  if (!created.ok())
    return fail(created.status());
  session = *std::move(created);
  function = session->findFunction(name);
  if (!function)
    return fail(Status(Code::Internal, "the session lost a function"));
  if (!options.load.empty())
    if (Status s = amprt::io::loadCheckpoint(*session, options.load); !s.ok())
      return fail(s);
  if (settings.device == "cuda")
    describeGpu();
  if (options.device == "null" && !options.dumpProgram)
    warn("the device 'null' computes nothing: every number that comes out is "
         "0");
  watchSteps();
  return kOk;
}

/// Which GPU runs it, and whether its tensor cores do.
void Driver::describeGpu() {
  auto devices = amprt::listCudaDevices();
  if (!devices.ok() || devices->empty())
    return;
  const std::string &device = devices->front();
  const auto capability = amprt::computeCapability(device);
  const auto &functions = session->file().file.functions;
  const amprt::TensorCoreUse use =
      amprt::tensorCoreUse(capability, session->file(),
                           size_t(function - functions.data()), options.tf32);
  if (!options.quiet && !options.dumpProgram)
    std::printf("device: %s; %s\n", device.c_str(), use.describe().c_str());
  const bool hasTf32 = capability.first >= 8;
  if (const std::string text = use.warning(hasTf32); !text.empty())
    warn(text);
}

void Driver::watchSteps() {
  if (!options.checkNumerics && !options.profile)
    return;
  session->setObserver([this](const amprt::StepEvent &event) {
    if (options.checkNumerics)
      numerics.observe(event);
    if (options.profile)
      profile.observe(event);
  });
}

int Driver::reportNumerics(bool skipped) {
  if (!options.checkNumerics || !numerics.failed())
    return kOk;
  std::fputs(
      numerics.renderFailure(*source, session->file().file, skipped).c_str(),
      stderr);
  numerics.startCall();
  return skipped ? kOk : kBadInput;
}

int Driver::printProgram() {
  // Sizes by name; those of dimension 0 are the batch unless given.
  std::vector<amprt::NamedSize> sizes;
  for (const NamedNumber &size : options.sizes)
    sizes.push_back({size.name, size.value});
  std::vector<std::string_view> names;
  for (const gf::Input &input : function->inputs)
    for (const amp::Dim &dim : input.type.shape)
      if (dim.isNamed() &&
          std::find(names.begin(), names.end(), dim.name()) == names.end())
        names.push_back(dim.name());
  for (const NamedNumber &size : options.sizes)
    if (std::find(names.begin(), names.end(), size.name) == names.end())
      return fail(kBadInput,
                  unknownName("function '" + std::string(function->name) +
                                  "' has no size",
                              size.name, names));
  auto given = [&](std::string_view name) {
    return std::any_of(sizes.begin(), sizes.end(),
                       [&](const auto &size) { return size.name == name; });
  };
  for (const gf::Input &input : function->inputs)
    for (size_t i = 0; i < input.type.shape.size(); ++i) {
      const amp::Dim &dim = input.type.shape[i];
      if (!dim.isNamed() || given(dim.name()))
        continue;
      if (i != 0)
        return fail(kUsage, "the size '" + std::string(dim.name()) +
                                "' of input '" + std::string(input.name) +
                                "' has no number; give it with --size " +
                                std::string(dim.name()) + "=N");
      sizes.push_back({dim.name(), options.batch.value_or(128)});
    }
  auto text = session->dumpProgram(function->name, sizes);
  if (!text.ok())
    return fail(text.status());
  std::fputs(text->c_str(), stdout);
  return kOk;
}

/// The first numbers of a tensor on one line.
void printTensor(std::string_view name, const Tensor &tensor) {
  std::printf("%.*s: %s =", int(name.size()), name.data(),
              amprt::describe(tensor.dtype(), tensor.dims()).c_str());
  const int64_t shown = std::min<int64_t>(tensor.size(), 8);
  for (int64_t i = 0; i < shown; ++i)
    std::printf(" %.6g", tensor.at(i));
  std::puts(shown < tensor.size() ? " ..." : "");
}

int Driver::readInputs(std::vector<Tensor> &tensors,
                       std::vector<amprt::NamedTensor> &inputs) {
  std::vector<std::string_view> inputNames;
  for (const gf::Input &input : function->inputs)
    inputNames.push_back(input.name);
  const std::string where = "function '" + std::string(function->name) + "'";
  tensors.reserve(options.inputs.size());
  for (const NamedPath &path : options.inputs) {
    const auto input =
        std::find_if(function->inputs.begin(), function->inputs.end(),
                     [&](const auto &i) { return i.name == path.name; });
    if (input == function->inputs.end())
      return fail(kBadInput,
                  unknownName(where + " has no input", path.name, inputNames));
    auto tensor = amprt::io::readNpy(path.path);
    if (!tensor.ok())
      return fail(tensor.status());
    auto converted =
        amprt::io::convertTensor(*std::move(tensor), input->type.dtype);
    if (!converted.ok())
      return fail(kBadInput,
                  "input '" + path.name + "': " + converted.status().message());
    tensors.push_back(*std::move(converted));
    inputs.push_back({path.name, &tensors.back()});
  }
  for (std::string_view name : inputNames)
    if (std::none_of(inputs.begin(), inputs.end(),
                     [&](const auto &i) { return i.name == name; }))
      return fail(kUsage, where + " needs the input '" + std::string(name) +
                              "': give --input " + std::string(name) +
                              "=FILE.npy, or --data to train");

  if (Status s = amprt::io::checkLabels(*session, function->name, inputs);
      !s.ok())
    return fail(s);
  return kOk;
}

int Driver::callOnce() {
  std::vector<std::string_view> outputNames;
  for (const gf::Output &output : function->outputs)
    outputNames.push_back(output.name);
  const std::string where = "function '" + std::string(function->name) + "'";
  for (const NamedPath &output : options.outputs)
    if (std::find(outputNames.begin(), outputNames.end(), output.name) ==
        outputNames.end())
      return fail(kBadInput, unknownName(where + " has no output", output.name,
                                         outputNames));

  std::vector<Tensor> tensors;
  std::vector<amprt::NamedTensor> inputs;
  if (int code = readInputs(tensors, inputs))
    return code;
  amprt::CallReport report;
  auto outputs = session->run(function->name, inputs, &report);
  if (!outputs.ok())
    return fail(outputs.status());
  if (int code = reportNumerics(report.skipped))
    return code;
  for (size_t i = 0; i < outputNames.size(); ++i) {
    bool written = false;
    for (const NamedPath &output : options.outputs)
      if (output.name == outputNames[i]) {
        written = true;
        if (Status s = amprt::io::writeNpy(output.path, (*outputs)[i]); !s.ok())
          return fail(s);
      }
    if (!written && !options.quiet)
      printTensor(outputNames[i], (*outputs)[i]);
  }
  return save();
}

int Driver::save(const amprt::io::TrainPosition *position) {
  if (options.save.empty())
    return kOk;
  if (Status s = amprt::io::saveCheckpoint(*session, options.save, position);
      !s.ok())
    return fail(s);
  return kOk;
}

int Driver::checkFiles() {
  for (const std::string *path : {&options.save, &options.profileFile})
    if (!path->empty())
      if (int code = checkWritable(*path))
        return code;
  for (const NamedPath &output : options.outputs)
    if (int code = checkWritable(output.path))
      return code;
  return kOk;
}

int Driver::finish() {
  if (!options.profile)
    return kOk;
  const std::string table = profile.render();
  if (options.profileFile.empty()) {
    std::fputs(table.c_str(), stderr);
    return kOk;
  }
  if (const auto error = gf::writeFile(options.profileFile, table))
    return fail(kIo, *error);
  return kOk;
}

int Driver::listDevices() {
  auto devices = amprt::listCudaDevices();
  if (!devices.ok())
    return fail(devices.status());
  for (size_t i = 0; i < devices->size(); ++i)
    std::printf("cuda %zu: %s\n", i, (*devices)[i].c_str());
  return kOk;
}

int Driver::run() {
  if (options.listDevices)
    return listDevices();
  if (int code = readModel())
    return code;
  if (int code = chooseFunction())
    return code;
  if (int code = openSession())
    return code;
  if (options.dumpProgram)
    return printProgram();
  if (int code = checkFiles())
    return code;
  const int code = !options.compare.empty() ? compare()
                   : options.sample         ? sample()
                   : options.data.empty()   ? callOnce()
                                            : train();
  if (options.checkNumerics)
    std::fputs(numerics.renderFlushes(*source, session->file().file).c_str(),
               stderr);
  if (code)
    return code;
  if (int code = finish())
    return code;
  // A failure in the middle is remembered by the stream.
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return fail(kIo, "cannot write to standard output");
  return kOk;
}

} // namespace amprun

//===- Options.cpp - The command line of amp-run --------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// One table of flags; `--flag=value` and `--flag value` mean the same. A value
// that does not fit and a combination without meaning are usage errors.
//===----------------------------------------------------------------------===//

#include "Options.h"
#include "amp/OpSet/Words.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace amprun {
namespace {

/// A value could not be read: what the flag wants.
using Problem = std::string;

template <typename T>
Problem integer(std::string_view text, int64_t least, T &result) {
  const std::string copy(text);
  char *end = nullptr;
  errno = 0;
  const long long value = std::strtoll(copy.c_str(), &end, 10);
  if (copy.empty() || *end || errno || value < least ||
      static_cast<long long>(static_cast<T>(value)) != value)
    return least > 0    ? "a whole number of at least " + std::to_string(least)
           : least == 0 ? "a whole number that is not negative"
                        : "a whole number";
  result = static_cast<T>(value);
  return {};
}

template <typename T>
Problem integer(std::string_view text, int64_t least,
                std::optional<T> &result) {
  T value = 0;
  Problem problem = integer(text, least, value);
  if (problem.empty())
    result = value;
  return problem;
}

/// More threads than any machine has end a program where they are started.
Problem threads(std::string_view text, int &result) {
  int count = 0;
  if (!integer(text, 1, count).empty() || count > 1024)
    return "a whole number from 1 to 1024";
  result = count;
  return {};
}

Problem part(std::string_view text, double &result) {
  const std::string copy(text);
  char *end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end || !(value >= 0 && value < 1))
    return "a number of at least 0 and less than 1";
  result = value;
  return {};
}

Problem limit(std::string_view text, std::optional<double> &result) {
  const std::string copy(text);
  char *end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end || !(value >= 0) || std::isinf(value))
    return "a number that is not negative";
  result = value;
  return {};
}

/// `NAME=VALUE`, split at the first '='.
bool split(std::string_view text, std::string &name, std::string &value) {
  const size_t at = text.find('=');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    return false;
  name = std::string(text.substr(0, at));
  value = std::string(text.substr(at + 1));
  return true;
}

Problem path(std::string_view text, std::vector<NamedPath> &list) {
  NamedPath entry;
  if (!split(text, entry.name, entry.path))
    return "NAME=FILE.npy";
  for (const NamedPath &other : list)
    if (other.name == entry.name)
      return "each name once, but '" + entry.name + "' stands there twice";
  list.push_back(std::move(entry));
  return {};
}

Problem word(std::string_view text, std::string &result) {
  if (text.empty())
    return "a value";
  result = std::string(text);
  return {};
}

Problem word(std::string_view text, std::optional<std::string> &result) {
  std::string value;
  Problem problem = word(text, value);
  if (problem.empty())
    result = std::move(value);
  return problem;
}

Problem device(std::string_view text, std::string &result) {
  if (text != "cpu" && text != "cuda" && text != "null")
    return "cpu, cuda or null";
  result = std::string(text);
  return {};
}

Problem cudnnUse(std::string_view text, amprt::CudnnUse &result) {
  if (text != "auto" && text != "on" && text != "off")
    return "auto, on or off";
  result = text == "auto" ? amprt::CudnnUse::Auto
           : text == "on" ? amprt::CudnnUse::On
                          : amprt::CudnnUse::Off;
  return {};
}

Problem onOff(std::string_view text, bool &result) {
  if (text != "on" && text != "off")
    return "on or off";
  result = text == "on";
  return {};
}

Problem bindings(std::string_view text,
                 std::vector<amprt::io::BindRequest> &list) {
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    amprt::io::BindRequest request;
    if (!split(one, request.input, request.array))
      return "INPUT=ARRAY, separated by commas";
    for (const amprt::io::BindRequest &other : list)
      if (other.input == request.input)
        return "each input once, but '" + request.input +
               "' stands there twice";
    list.push_back(std::move(request));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
  }
  return list.empty() ? "INPUT=ARRAY, separated by commas" : "";
}

Problem size(std::string_view text, std::vector<NamedNumber> &list) {
  NamedNumber entry;
  std::string value;
  if (!split(text, entry.name, value) ||
      !integer(value, 1, entry.value).empty())
    return "NAME=NUMBER";
  for (const NamedNumber &other : list)
    if (other.name == entry.name)
      return "each name once, but '" + entry.name + "' stands there twice";
  list.push_back(std::move(entry));
  return {};
}

enum class Takes : uint8_t { Nothing, Value, MaybeValue };

struct Flag {
  std::string_view name;
  Takes takes;
  Problem (*set)(std::string_view value, Options &options);
};

#define AMP_FLAG(name, takes, call)                                            \
  {                                                                            \
    name, Takes::takes,                                                        \
        [](std::string_view v, Options &o) -> Problem { return call; }         \
  }
const Flag kFlags[] = {
    AMP_FLAG("--function", Value, word(v, o.function)),
    AMP_FLAG("--device", Value, device(v, o.device)),
    AMP_FLAG("--threads", Value, threads(v, o.threads)),
    AMP_FLAG("--input", Value, path(v, o.inputs)),
    AMP_FLAG("--output", Value, path(v, o.outputs)),
    AMP_FLAG("--data", Value, word(v, o.data)),
    AMP_FLAG("--eval", Value, word(v, o.eval)),
    AMP_FLAG("--batch", Value, integer(v, 1, o.batch)),
    AMP_FLAG("--epochs", Value, integer(v, 1, o.epochs)),
    AMP_FLAG("--seed", Value, integer(v, 0, o.seed)),
    AMP_FLAG("--validation-split", Value, part(v, o.validationSplit)),
    AMP_FLAG("--drop-last", Nothing, (o.dropLast = true, Problem())),
    AMP_FLAG("--bind", Value, bindings(v, o.bind)),
    AMP_FLAG("--metrics", Value, word(v, o.metrics)),
    AMP_FLAG("--save", Value, word(v, o.save)),
    AMP_FLAG("--save-every", Value, integer(v, 1, o.saveEvery)),
    AMP_FLAG("--load", Value, word(v, o.load)),
    AMP_FLAG("--restart", Nothing, (o.restart = true, Problem())),
    AMP_FLAG("--max-steps", Value, integer(v, 1, o.maxSteps)),
    AMP_FLAG("--check-numerics", Nothing, (o.checkNumerics = true, Problem())),
    AMP_FLAG("--profile", MaybeValue,
             (o.profile = true, o.profileFile = std::string(v), Problem())),
    AMP_FLAG("--compare", Value, word(v, o.compare)),
    AMP_FLAG("--compare-limit", Value, limit(v, o.compareLimit)),
    AMP_FLAG("--dump-program", Nothing, (o.dumpProgram = true, Problem())),
    AMP_FLAG("--assume-device", Value, word(v, o.assumeDevice)),
    AMP_FLAG("--list-devices", Nothing, (o.listDevices = true, Problem())),
    AMP_FLAG("--tf32", Value, onOff(v, o.tf32)),
    AMP_FLAG("--deterministic", Nothing, (o.deterministic = true, Problem())),
    AMP_FLAG("--cudnn", Value, cudnnUse(v, o.cudnn)),
    AMP_FLAG("--size", Value, size(v, o.sizes)),
    AMP_FLAG("--sample", Value, integer(v, 1, o.sample)),
    AMP_FLAG("--prompt", Value, word(v, o.prompt)),
    AMP_FLAG("--temperature", Value, limit(v, o.temperature)),
    AMP_FLAG("--top-k", Value, integer(v, 1, o.topK)),
    AMP_FLAG("--quiet", Nothing, (o.quiet = true, Problem())),
    AMP_FLAG("--help", Nothing, (o.help = true, Problem())),
    AMP_FLAG("--version", Nothing, (o.version = true, Problem())),
};
#undef AMP_FLAG

std::string unknownFlag(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Flag &flag : kFlags)
    names.push_back(flag.name);
  return "unknown flag " + amp::quoted(name) +
         amp::didYouMeanText(amp::didYouMean(name, names));
}

/// The first flag given that only has a meaning with another one.
std::string missingCompanion(const Options &o) {
  if (o.data.empty()) {
    const std::pair<bool, const char *> needsData[] = {
        {!o.eval.empty(), "--eval"},
        {o.validationSplit != 0, "--validation-split"},
        {o.dropLast, "--drop-last"},
        {!o.bind.empty(), "--bind"},
        {o.epochs != 1, "--epochs"},
        {o.maxSteps != 0, "--max-steps"},
        {o.saveEvery != 0, "--save-every"},
        {o.restart, "--restart"},
        {!o.metrics.empty(), "--metrics"}};
    for (const auto &[given, name] : needsData)
      if (given)
        return std::string(name) + " is for training and needs --data";
  } else if (!o.inputs.empty() || !o.outputs.empty()) {
    return std::string(o.inputs.empty() ? "--output" : "--input") +
           " is for one call of a function and does not go with --data";
  }
  if (o.compareLimit && o.compare.empty())
    return "--compare-limit needs --compare";
  if (!o.compare.empty()) {
    const std::pair<bool, const char *> others[] = {
        {!o.outputs.empty(), "--output"},
        {!o.eval.empty(), "--eval"},
        {!o.metrics.empty(), "--metrics"},
        {!o.save.empty(), "--save"},
        {o.epochs != 1, "--epochs"},
        {o.maxSteps != 0, "--max-steps"},
        {o.validationSplit != 0, "--validation-split"},
        {o.dropLast, "--drop-last"},
        {o.dumpProgram, "--dump-program"},
        {o.checkNumerics, "--check-numerics"},
        {o.profile, "--profile"},
        {o.device == "null", "--device=null"}};
    for (const auto &[given, name] : others)
      if (given)
        return std::string("--compare makes one call of each graph and does "
                           "not go with ") +
               name;
  }
  if (o.sample) {
    const std::pair<bool, const char *> others[] = {
        {!o.data.empty(), "--data"},     {!o.inputs.empty(), "--input"},
        {!o.outputs.empty(), "--output"}, {!o.compare.empty(), "--compare"},
        {o.dumpProgram, "--dump-program"}, {!o.save.empty(), "--save"}};
    for (const auto &[given, name] : others)
      if (given)
        return std::string("--sample writes text and does not go with ") + name;
  } else {
    const std::pair<bool, const char *> needsSample[] = {
        {o.prompt.has_value(), "--prompt"},
        {o.temperature.has_value(), "--temperature"},
        {o.topK.has_value(), "--top-k"}};
    for (const auto &[given, name] : needsSample)
      if (given)
        return std::string(name) + " is for text and needs --sample";
  }
  if (o.device == "cuda" && !o.assumeDevice.empty() && !o.dumpProgram)
    return "--assume-device with --device=cuda is for --dump-program: a GPU "
           "runs what is planned for it";
  if (o.device != "cuda" && o.tf32)
    return "--tf32=on is for --device=cuda";
  if (o.device != "cuda" && o.deterministic)
    return "--deterministic is for --device=cuda: others are so in any case";
  if (!o.sizes.empty() && !o.dumpProgram)
    return "--size is for --dump-program";
  if (o.saveEvery && o.save.empty())
    return "--save-every needs --save";
  if (o.restart && o.load.empty())
    return "--restart is for a checkpoint and needs --load";
  return {};
}

} // namespace

bool parseOptions(int argc, const char *const *argv, Options &options,
                  std::string &error) {
  bool flagsEnded = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!flagsEnded && argument == "--") {
      flagsEnded = true;
      continue;
    }
    if (flagsEnded || argument == "-" || argument.substr(0, 1) != "-") {
      if (!options.model.empty()) {
        error = "more than one model: '" + options.model + "' and '" +
                std::string(argument) + "'";
        return false;
      }
      options.model = std::string(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    std::string_view name = argument.substr(0, equals);
    if (name == "-h")
      name = "--help";
    const Flag *flag = nullptr;
    for (const Flag &candidate : kFlags)
      if (candidate.name == name)
        flag = &candidate;
    if (!flag) {
      error = unknownFlag(name);
      return false;
    }
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
      if (flag->takes == Takes::Nothing) {
        error = std::string(name) + " takes no value";
        return false;
      }
    } else if (flag->takes == Takes::Value) {
      if (i + 1 == argc) {
        error = std::string(name) + " needs a value";
        return false;
      }
      value = argv[++i];
    }
    if (const Problem problem = flag->set(value, options); !problem.empty()) {
      error = std::string(name) + " needs " + problem;
      if (!value.empty())
        error += ", not '" + std::string(value) + "'";
      return false;
    }
    if (options.help)
      return true;
  }
  if (options.help || options.version || options.listDevices)
    return true;
  if (options.model.empty()) {
    error = "no model given";
    return false;
  }
  error = missingCompanion(options);
  return error.empty();
}

const char *helpText() {
  return
      R"(usage: amp-run MODEL.json --function=NAME [flags]

Runs and trains the functions of a graph file. '-' is standard input.

One call
  --input NAME=FILE.npy      feeds an input; once per input
  --output NAME=FILE.npy     writes an output; '-' is standard output
Training
  --data=DATA                mnist:DIR (or mnist, and AMP_MNIST names the folder),
                             digits (drawn, no download), FILE.safetensors
  --batch=N (128)  --epochs=N (1)
  --seed=N (0)               order of the examples, and with another number than 0
                             other initial values than the file's seeds give
  --eval=FUNCTION            prints its accuracy on the test set after each epoch
  --validation-split=F       sets the last part of the data aside
  --drop-last                leaves the smaller last batch of an epoch out
  --bind=INPUT=ARRAY,...     which array feeds which input
  --metrics=FILE.jsonl       one line per step: step, loss, loss_scale, skipped, finite
  --max-steps=N              ends behind step N, also inside an epoch
Text, a token a byte, from a function of tokens [batch, length]
  --sample=N                 writes N bytes behind the prompt
  --prompt=TEXT (a new line)   --temperature=T (1; 0 takes the likeliest)   --top-k=K
                             (all)   --seed=N (0): the same text for the same seed
Checkpoints
  --save=FILE.safetensors    writes the variables and the place in the training, after
                             each epoch, at the end, and with --save-every=N after
                             every N steps
  --load=FILE.safetensors    goes on from there, to the bit as without the break;
                             with --restart it takes the variables only
Device
  --device=cpu|cuda|null (cpu)   --threads=N (all cores)
  --list-devices             the GPUs of this machine
  --tf32=on|off (off)        on a GPU, products of float32 in TF32
  --deterministic            on a GPU, no algorithm is chosen by measuring it
  --cudnn=auto|on|off (auto) on a GPU, convolutions by cuDNN where it is found;
                             on: an error where it is not
Looking inside
  --check-numerics           names the first node that makes a number not finite
  --profile[=FILE]           time per step of the program
  --compare=OTHER.json       each node beside that of another graph, from the same inputs
                             (--input, or the first batch of --data) and variables;
                             --compare-limit=R: exit code 3 beyond the relative error R
  --dump-program             prints the program and runs nothing; sizes from --batch
                             and --size NAME=N
  --assume-device=DEVICE     plans as for another device (h200), runs here; with
                             --device=cuda --dump-program also without a GPU
  --quiet   --version   --help

Examples
  amp-opt mnist_mlp.json -o m16.json
  amp-run m16.json --function=train --data=digits --epochs=3 --eval=predict
  amp-run m16.json --function=predict --input images=x.npy --output probabilities=p.npy

Exit codes: 0 ok, 1 bad input, 2 usage, 3 graphs differ (--compare-limit), 4 file, 5 device, 70 internal error
)";
}

} // namespace amprun

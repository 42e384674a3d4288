//===- Sample.cpp - Writes text with a language model ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A token is a byte. The function is called once per byte with the last bytes
// so far, zeros behind them; a causal model does not look there. What follows
// is drawn from the scores at the last byte, as softmax(scores / temperature)
// over the k largest of them.
//===----------------------------------------------------------------------===//

#include "Driver.h"
#include "Messages.h"
#include "amprt/io/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace amprun {

using amprt::Tensor;

namespace {

constexpr int64_t kBytes = 256;

/// Draws one of the scores; `uniform` is in [0, 1). Equal scores rank in their
/// order. No score is NaN or infinity, but some may be minus infinity.
int64_t draw(const std::vector<double> &scores, double temperature, size_t topK,
             double uniform) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t(0));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return scores[size_t(a)] > scores[size_t(b)];
  });
  if (temperature == 0)
    return order.front();
  order.resize(std::min(order.size(), topK));
  const double largest = scores[size_t(order.front())];
  std::vector<double> weights;
  double total = 0;
  for (int64_t index : order) {
    const double weight =
        std::exp((scores[size_t(index)] - largest) / temperature);
    weights.push_back(weight);
    total += weight;
  }
  double rest = uniform * total;
  for (size_t i = 0; i < order.size(); ++i) {
    rest -= weights[i];
    if (rest < 0)
      return order[i];
  }
  // Rounding used up the last weight.
  return order.front();
}

/// The scores of `count` tokens at one position of the first row.
int readScores(const Tensor &output, int64_t position, int64_t count,
               std::vector<double> &scores) {
  scores.clear();
  bool possible = false;
  for (int64_t i = 0; i < count; ++i) {
    const double score = output.at(position * count + i);
    if (std::isnan(score) || score == HUGE_VAL)
      return fail(kBadInput, "the scores of what may follow hold " +
                                 std::string(std::isnan(score) ? "nan" : "inf"));
    possible |= std::isfinite(score);
    scores.push_back(score);
  }
  if (!possible)
    return fail(kBadInput, "every score of what may follow is -inf");
  return kOk;
}

/// How many tokens a function of `length` tokens gives scores for.
int findVocabulary(const amp::graphfile::CheckedFile &file,
                   const amp::graphfile::Function &function, int64_t length,
                   const std::string &where, int64_t &vocabulary) {
  const amp::graphfile::NameTable names(file.file, function);
  const amp::TensorType *type = amprt::io::typeOf(
      file, size_t(&function - file.file.functions.data()), names,
      function.outputs[0].value);
  if (!type || !amp::isFloating(type->dtype) || type->shape.size() != 3 ||
      !type->shape[1].isFixed() || type->shape[1].size() != length ||
      !type->shape[2].isFixed() || type->shape[2].size() < 1)
    return fail(kBadInput, "--sample needs a function whose first output holds "
                           "a score for each token that may follow, [batch, " +
                               std::to_string(length) + ", vocabulary]; " +
                               where + " is another");
  vocabulary = type->shape[2].size();
  if (vocabulary > kBytes)
    return fail(kBadInput, "--sample writes bytes, of which there are 256: a "
                           "vocabulary of " +
                               std::to_string(vocabulary) +
                               " needs a tokenizer, which is not here");
  return kOk;
}

} // namespace

int Driver::sample() {
  const std::string where = "function '" + std::string(function->name) + "'";
  const auto &inputs = function->inputs;
  if (inputs.size() != 1 || !amp::isInteger(inputs[0].type.dtype) ||
      inputs[0].type.shape.size() != 2 || !inputs[0].type.shape[1].isFixed() ||
      inputs[0].type.shape[1].size() < 1 ||
      (inputs[0].type.shape[0].isFixed() &&
       inputs[0].type.shape[0].size() < 1) ||
      function->outputs.empty())
    return fail(kBadInput, "--sample needs a function of one input, tokens as "
                           "integers [batch, length] with a number for the "
                           "length; " +
                               where + " is another");
  const auto &rows = inputs[0].type.shape[0];
  const int64_t length = inputs[0].type.shape[1].size();
  auto tokens = Tensor::create(inputs[0].type.dtype,
                               {rows.isFixed() ? rows.size() : 1, length});
  if (!tokens.ok())
    return fail(tokens.status());

  int64_t vocabulary = 0;
  if (int code = findVocabulary(session->file(), *function, length, where,
                                vocabulary))
    return code;
  std::string text = options.prompt.value_or("\n");
  for (char c : text)
    if (uint8_t(c) >= vocabulary)
      return fail(kBadInput, "--prompt holds the byte " +
                                 std::to_string(uint8_t(c)) +
                                 ", but the vocabulary of " + where + " has " +
                                 std::to_string(vocabulary));
  amprt::io::RandomStream random(options.seed.value_or(0), amprt::io::RandomUse::Sample);
  std::vector<double> scores;
  for (int64_t i = 0; i < options.sample; ++i) {
    const int64_t used = std::min<int64_t>(length, int64_t(text.size()));
    for (int64_t at = 0; at < length; ++at)
      tokens->set(at, at < used
                          ? uint8_t(text[text.size() - size_t(used - at)])
                          : 0);
    amprt::CallReport report;
    auto outputs = session->run(function->name, {{inputs[0].name, &*tokens}},
                                &report);
    if (!outputs.ok())
      return fail(outputs.status());
    if (int code = reportNumerics(report.skipped))
      return code;
    if (int code = readScores((*outputs)[0], used - 1, vocabulary, scores))
      return code;
    if (i == 0)
      std::fwrite(text.data(), 1, text.size(), stdout);
    const int64_t next =
        draw(scores, options.temperature.value_or(1),
             size_t(options.topK.value_or(kBytes)), random.nextFloat());
    text += char(uint8_t(next));
    std::fputc(int(next), stdout);
    std::fflush(stdout);
  }
  std::fputc('\n', stdout);
  return kOk;
}

} // namespace amprun

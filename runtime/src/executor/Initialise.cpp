//===- Initialise.cpp - Initial values of variables -----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The rules are Keras's: glorot and he scale with the fans of the shape, and
// their normal forms are cut off at two standard deviations. Random numbers are
// Philox's, one counter per four elements.
//===----------------------------------------------------------------------===//

#include "Initialise.h"
#include "amprt/Philox.h"

#include <algorithm>
#include <cmath>

using namespace amprt;
namespace gf = amp::graphfile;

namespace {

double number(const gf::Setting &setting, std::string_view name,
              double otherwise) {
  for (const amp::Attr &param : setting.params) {
    if (param.name != name)
      continue;
    if (const auto *real = std::get_if<double>(&param.value))
      return *real;
    if (const auto *integer = std::get_if<int64_t>(&param.value))
      return double(*integer);
  }
  return otherwise;
}

uint64_t seedOf(const gf::Setting &setting) {
  for (const amp::Attr &param : setting.params)
    if (param.name == "seed")
      if (const auto *integer = std::get_if<int64_t>(&param.value))
        return uint64_t(*integer);
  return 0;
}

struct Fans {
  double in, out;
};

/// Of a matrix its sizes; of a filter the last two times the window.
Fans fansOf(const Dims &dims) {
  if (dims.empty())
    return {1, 1};
  if (dims.size() == 1)
    return {double(dims[0]), double(dims[0])};
  double window = 1;
  for (size_t i = 0; i + 2 < dims.size(); ++i)
    window *= double(dims[i]);
  return {window * double(dims[dims.size() - 2]), window * double(dims.back())};
}

/// Random numbers of one variable, by element.
struct Stream {
  uint64_t seed;
  uint32_t node;

  double uniform(int64_t element, uint32_t attempt = 0) const {
    Philox4 words = philoxBlock(seed, uint64_t(element) / 4, attempt, node);
    return philoxUniform(words[size_t(element % 4)]);
  }
  /// Box-Muller; the two numbers come from two attempts.
  double normal(int64_t element, uint32_t attempt) const {
    double radius = std::sqrt(-2 * std::log1p(-uniform(element, 2 * attempt)));
    double angle = 2 * M_PI * uniform(element, 2 * attempt + 1);
    return radius * std::cos(angle);
  }
  /// Within two standard deviations.
  double truncatedNormal(int64_t element) const {
    uint32_t attempt = 0;
    double value = normal(element, attempt);
    while (std::fabs(value) > 2)
      value = normal(element, ++attempt);
    return value;
  }
};

} // namespace

Result<Tensor> amprt::initialValue(const gf::Variable &variable,
                                   uint64_t seed) {
  Dims dims;
  for (const amp::Dim &dim : variable.type.shape) {
    if (!dim.isFixed())
      return Status(Code::InvalidArgument,
                    "variable '" + std::string(variable.name) +
                        "' has a size that is not a number");
    dims.push_back(dim.size());
  }
  AMPRT_ASSIGN_OR_RETURN(Tensor tensor,
                         Tensor::create(variable.type.dtype, dims));
  const gf::Setting &init = *variable.init;
  uint64_t mixed = mixSeeds(seedOf(init), seed);
  Stream stream{mixed, philoxNode(variable.name)};
  int64_t count = tensor.size();
  auto fill = [&](auto value) {
#pragma omp parallel for schedule(static) if (count > 100000)
    for (int64_t i = 0; i < count; ++i)
      tensor.set(i, value(i));
  };
  // One block of random words serves four elements.
  auto fillUniform = [&](auto value) {
    int64_t blocks = (count + 3) / 4;
#pragma omp parallel for schedule(static) if (count > 100000)
    for (int64_t block = 0; block < blocks; ++block) {
      Philox4 words = philoxBlock(stream.seed, uint64_t(block), 0, stream.node);
      for (int64_t i = block * 4; i < std::min(count, block * 4 + 4); ++i) {
        double number = value(philoxUniform(words[size_t(i % 4)]));
        if (tensor.dtype() == DType::Float32)
          tensor.as<float>()[i] = float(number);
        else
          tensor.set(i, number);
      }
    }
  };
  std::string_view kind = init.kind;
  if (kind == "zeros")
    return tensor;
  if (kind == "ones" || kind == "constant") {
    double value = kind == "ones" ? 1 : number(init, "value", 0);
    fill([=](int64_t) { return value; });
    return tensor;
  }
  if (kind == "uniform") {
    double low = number(init, "low", -0.05), high = number(init, "high", 0.05);
    fillUniform([=](double x) { return low + (high - low) * x; });
    return tensor;
  }
  if (kind == "normal") {
    double mean = number(init, "mean", 0),
           deviation = number(init, "stddev", 0.05);
    fill([=](int64_t i) { return mean + deviation * stream.normal(i, 0); });
    return tensor;
  }
  Fans fans = fansOf(dims);
  bool glorot = kind == "glorot_uniform" || kind == "glorot_normal";
  double variance = glorot ? 2 / (fans.in + fans.out) : 2 / fans.in;
  if (kind == "glorot_uniform" || kind == "he_uniform") {
    double limit = std::sqrt(3 * variance);
    fillUniform([=](double x) { return limit * (2 * x - 1); });
    return tensor;
  }
  if (kind == "glorot_normal" || kind == "he_normal") {
    // The standard deviation of a normal cut off at two of its own.
    double deviation = std::sqrt(variance) / 0.87962566103423978;
    fill([=](int64_t i) { return deviation * stream.truncatedNormal(i); });
    return tensor;
  }
  return Status(Code::Unimplemented, "variable '" + std::string(variable.name) +
                                         "' has the unknown init '" +
                                         std::string(kind) + "'");
}

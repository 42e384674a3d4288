//===- Gpu.cpp - What a GPU's tensor cores do -----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// By compute capability: float16 from 7.0 on; bfloat16, TF32 and float64 from
// 8.0 on.
//===----------------------------------------------------------------------===//

#include "amprt/Gpu.h"

#include <cstdio>

using namespace amprt;

static std::string listOf(const std::set<DType> &types) {
  std::string text;
  for (DType type : types)
    text += (text.empty() ? "" : ", ") + std::string(amp::dtypeName(type));
  return text;
}

std::string TensorCoreUse::describe() const {
  if (served.empty())
    return "tensor cores multiply nothing of this function";
  return "tensor cores multiply " + listOf(served);
}

std::string TensorCoreUse::warning(bool hasTf32) const {
  if (others.empty())
    return {};
  std::string text =
      "products of " + listOf(others) + " run outside the tensor cores";
  if (others.count(DType::Float32))
    text += hasTf32 ? "; --tf32=on or a file that amp-opt has rewritten uses "
                      "them"
                    : "; a file that amp-opt has rewritten uses them";
  return text;
}

std::pair<int, int> amprt::computeCapability(std::string_view device) {
  constexpr std::string_view mark = "compute capability ";
  const size_t at = device.find(mark);
  int major = 0, minor = 0;
  if (at == std::string_view::npos ||
      std::sscanf(std::string(device.substr(at + mark.size())).c_str(), "%d.%d",
                  &major, &minor) != 2)
    return {0, 0};
  return {major, minor};
}

TensorCoreUse amprt::tensorCoreUse(std::pair<int, int> capability,
                                   const amp::graphfile::CheckedFile &file,
                                   size_t function, bool tf32) {
  TensorCoreUse use;
  const auto &nodes = file.file.functions[function].nodes;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto &results = file.types[function].results[i];
    if (nodes[i].op != "matmul" || results.empty() ||
        !amp::isFloating(results[0].dtype))
      continue;
    const DType type = results[0].dtype;
    const int from = type == DType::Float16 ? 7 : 8;
    const bool serves =
        capability.first >= from && (type != DType::Float32 || tf32);
    (serves ? use.served : use.others).insert(type);
  }
  return use;
}

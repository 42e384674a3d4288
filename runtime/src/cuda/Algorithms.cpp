//===- Algorithms.cpp - Algorithms of products that were chosen before ----===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A text file: what it is for, then one line per product with the algorithm
// behind it, cuBLASLt's as hex digits, and a check sum of the line.
//===----------------------------------------------------------------------===//

#include "Algorithms.h"
#include "CacheFile.h"

#include <cstdio>
#include <cstring>
#include <sstream>

using namespace amprt;
using namespace amprt::cuda;

static std::string hexOf(const cublasLtMatmulAlgo_t &algorithm) {
  std::string text;
  unsigned char bytes[sizeof algorithm];
  std::memcpy(bytes, &algorithm, sizeof bytes);
  for (unsigned char byte : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    text += two;
  }
  return text;
}

static bool fromHex(const std::string &text, cublasLtMatmulAlgo_t &algorithm) {
  unsigned char bytes[sizeof algorithm];
  if (text.size() != 2 * sizeof bytes)
    return false;
  for (size_t i = 0; i < sizeof bytes; ++i) {
    unsigned value = 0;
    if (std::sscanf(text.c_str() + 2 * i, "%2x", &value) != 1)
      return false;
    bytes[i] = static_cast<unsigned char>(value);
  }
  std::memcpy(&algorithm, bytes, sizeof bytes);
  return true;
}

static std::string lineOf(const std::string &name, const std::string &choice) {
  const std::string text = name + "\t" + choice;
  return text + "\t" + contentName(text) + "\n";
}

void Choices::open(const std::string &folder, const std::string &kind,
                   const std::string &about) {
  known.clear();
  path.clear();
  if (folder.empty())
    return;
  head = about + "\n";
  path = folder + "/" + kind + "-" + contentName(head) + ".txt";
  auto text = readWhole(path);
  if (!text || text->compare(0, head.size(), head) != 0)
    return;
  std::istringstream lines(text->substr(head.size()));
  std::string line;
  while (std::getline(lines, line)) {
    const size_t first = line.find('\t'), last = line.rfind('\t');
    if (first == std::string::npos || first == last ||
        contentName(line.substr(0, last)) != line.substr(last + 1))
      continue;
    known[line.substr(0, first)] = line.substr(first + 1, last - first - 1);
  }
}

const std::string *Choices::find(const std::string &name) const {
  auto found = known.find(name);
  return found == known.end() ? nullptr : &found->second;
}

void Choices::keep(const std::string &name, const std::string &choice) {
  known[name] = choice;
  if (path.empty())
    return;
  std::string text = head;
  for (const auto &[key, chosen] : known)
    text += lineOf(key, chosen);
  replaceWhole(path, text);
}

void Algorithms::open(const std::string &folder, const std::string &device,
                      size_t version) {
  choices.open(folder, "products",
               "cublasLt " + std::to_string(version) + " on " + device);
}

std::optional<cublasLtMatmulAlgo_t>
Algorithms::find(const std::string &product) const {
  const std::string *text = choices.find(product);
  cublasLtMatmulAlgo_t algorithm;
  if (!text || !fromHex(*text, algorithm))
    return std::nullopt;
  return algorithm;
}

void Algorithms::keep(const std::string &product,
                      const cublasLtMatmulAlgo_t &algorithm) {
  choices.keep(product, hexOf(algorithm));
}

//===- Words.h - Names inside messages --------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// How every message quotes a name and asks whether another one was meant.
//===----------------------------------------------------------------------===//

#ifndef AMP_OPSET_WORDS_H
#define AMP_OPSET_WORDS_H

#include <string>
#include <string_view>

namespace amp {

inline std::string quoted(std::string_view name) {
  std::string text = "'";
  text += name;
  text += '\'';
  return text;
}

/// "; did you mean 'x'?", or nothing where no name is near.
inline std::string didYouMeanText(std::string_view nearest) {
  return nearest.empty() ? std::string()
                         : "; did you mean " + quoted(nearest) + "?";
}

} // namespace amp

#endif // AMP_OPSET_WORDS_H

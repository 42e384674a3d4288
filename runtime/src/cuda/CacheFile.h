//===- CacheFile.h - Files that are kept between runs -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Written beside their place and renamed, so that none is ever half there.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_CACHEFILE_H
#define AMPRT_CUDA_CACHEFILE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace amprt::cuda {

uint64_t hashOf(std::string_view text, uint64_t start = 14695981039346656037u);
/// 32 hex digits that follow from the text.
std::string contentName(std::string_view text);
std::optional<std::string> readWhole(const std::string &path);
/// Makes the folder. A file that cannot be written is no error: the next run
/// finds out again what it would have held.
void replaceWhole(const std::string &path, const std::string &text);

} // namespace amprt::cuda

#endif // AMPRT_CUDA_CACHEFILE_H

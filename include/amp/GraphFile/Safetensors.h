//===- Safetensors.h - Tensors in side files --------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Weights and checkpoints: a strict reader of safetensors files that maps them
// into memory, and a writer that replaces them as a whole. A file is the length
// of its header (8 bytes, little endian), the header as JSON, and the elements.
//===----------------------------------------------------------------------===//

#ifndef AMP_GRAPHFILE_SAFETENSORS_H
#define AMP_GRAPHFILE_SAFETENSORS_H

#include "amp/OpSet/Types.h"

#include <unordered_map>

namespace amp::graphfile {

/// One tensor of a file.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::Float32;
  std::vector<int64_t> dims;
  /// The elements, row-major and little endian; not aligned when the file's
  /// header is not. Null when only the header was read, and for no elements.
  const void *data = nullptr;
  size_t bytes = 0;
  /// Where `data` starts, counted from the end of the header.
  uint64_t offset = 0;
};

/// A safetensors file that is open for reading. Every rule of the format was
/// checked: entries have a known dtype, cover the file without holes or
/// overlaps, and are as long as their sizes say.
class SafetensorsFile {
public:
  enum class Mode : uint8_t {
    Map,       ///< header and elements
    HeaderOnly ///< names and types alone; reads nothing else
  };

  /// Longest header, as in the reference implementation.
  static constexpr uint64_t maxHeaderBytes = 100'000'000;

  /// Nothing, and what went wrong, when the file cannot be read or breaks a
  /// rule. `*missing`, when given, tells whether it could not be read at all.
  static std::unique_ptr<SafetensorsFile> open(const std::string &path,
                                               std::string &error,
                                               Mode mode = Mode::Map,
                                               bool *missing = nullptr);
  /// The same for a path that must stay below `folder`; a path that does not
  /// counts as not allowed, not as missing.
  static std::unique_ptr<SafetensorsFile>
  openBeneath(const std::string &folder, std::string_view relativePath,
              std::string &error, Mode mode = Mode::Map,
              bool *missing = nullptr);
  /// The bytes of a file, which must outlive the result.
  static std::unique_ptr<SafetensorsFile> parse(std::string_view bytes,
                                                std::string &error);

  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;

  /// In the order of the header.
  const std::vector<SafetensorsEntry> &entries() const { return list; }
  const SafetensorsEntry *find(std::string_view name) const;
  /// `__metadata__`, in the order of the header.
  const std::vector<std::pair<std::string, std::string>> &metadata() const {
    return notes;
  }

private:
  SafetensorsFile() = default;
  static std::unique_ptr<SafetensorsFile>
  fromDescriptor(int fd, const std::string &path, std::string &error, Mode mode,
                 bool *missing);
  bool readHeader(std::string_view json, uint64_t dataBytes,
                  std::string &error);
  void pointTo(const char *data);

  std::vector<SafetensorsEntry> list;
  std::unordered_map<std::string_view, size_t> byName;
  std::vector<std::pair<std::string, std::string>> notes;
  void *mapping = nullptr;
  size_t mappedBytes = 0;
};

/// A tensor to write; `data` holds `bytes` bytes.
struct SafetensorsTensor {
  std::string_view name;
  DType dtype = DType::Float32;
  std::vector<int64_t> dims;
  const void *data = nullptr;
  size_t bytes = 0;
};

/// Replaces a file as a whole. Tensors stand in the given order, except that
/// wider elements come first, which aligns all of them. Returns what went
/// wrong, or nothing.
std::optional<std::string> writeSafetensors(
    const std::string &path, const std::vector<SafetensorsTensor> &tensors,
    const std::vector<std::pair<std::string, std::string>> &metadata = {});

} // namespace amp::graphfile

#endif // AMP_GRAPHFILE_SAFETENSORS_H

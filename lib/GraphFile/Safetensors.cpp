//===- Safetensors.cpp - Tensors in side files ----------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The header is read with SAX events by a small state machine: nothing of a
// file is believed before it was checked against the file's own length.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Safetensors.h"

#include "WriteText.h"
#include "amp/GraphFile/FileIO.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

using namespace amp;
using namespace amp::graphfile;

namespace {

struct DTypeTag {
  std::string_view tag;
  DType dtype;
};
constexpr DTypeTag tags[] = {
    {"F16", DType::Float16}, {"BF16", DType::BFloat16}, {"F32", DType::Float32},
    {"F64", DType::Float64}, {"I8", DType::Int8},       {"U8", DType::UInt8},
    {"I32", DType::Int32},   {"I64", DType::Int64},     {"BOOL", DType::Bool},
};

/// Nothing on overflow or a negative size.
std::optional<uint64_t> byteCount(DType dtype,
                                  const std::vector<int64_t> &dims) {
  uint64_t bytes = dtypeSize(dtype);
  for (int64_t dim : dims)
    if (dim < 0 || __builtin_mul_overflow(bytes, uint64_t(dim), &bytes))
      return std::nullopt;
  // Sizes are added up and used as size_t and off_t.
  if (bytes > uint64_t(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return bytes;
}

/// Receives the events of a header. Every method returns false to stop, after
/// it has said why in `error`.
class HeaderHandler {
public:
  using json = nlohmann::json;

  HeaderHandler(std::vector<SafetensorsEntry> &entries,
                std::vector<std::pair<std::string, std::string>> &metadata)
      : entries(entries), metadata(metadata) {}

  std::string error;
  /// End of each entry's elements, parallel to entries.
  std::vector<uint64_t> ends;

  bool null() { return unexpected(); }
  bool boolean(bool) { return unexpected(); }
  bool number_integer(json::number_integer_t) { return unexpected(); }
  bool number_unsigned(json::number_unsigned_t value);
  bool number_float(json::number_float_t, const std::string &) {
    return unexpected();
  }
  bool string(std::string &value);
  bool binary(json::binary_t &) { return unexpected(); }
  bool start_object(std::size_t);
  bool key(std::string &name);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();
  bool parse_error(std::size_t position, const std::string &,
                   const json::exception &) {
    return fail("the header is not JSON at its byte " +
                std::to_string(position));
  }

private:
  enum class State : uint8_t {
    Start,
    Names,      ///< in the header's object
    EntryStart, ///< behind the name of an entry
    Entry,      ///< in its object
    DType,
    ShapeStart,
    Shape,
    OffsetsStart,
    Offsets,
    MetadataStart,
    Metadata,
    MetadataValue,
    Done
  };

  bool fail(std::string why) {
    error = std::move(why);
    return false;
  }
  std::string where() const {
    if (state == State::MetadataStart || state == State::Metadata ||
        state == State::MetadataValue)
      return "'__metadata__'";
    return entries.empty() || state == State::Names || state == State::Start
               ? "the header"
               : "entry '" + entries.back().name + "'";
  }
  bool unexpected() { return fail(where() + " holds a value of a wrong kind"); }

  std::vector<SafetensorsEntry> &entries;
  std::vector<std::pair<std::string, std::string>> &metadata;
  std::unordered_set<std::string> names, metadataNames;
  State state = State::Start;
  bool hasDType = false, hasShape = false, hasOffsets = false;
  bool hasMetadata = false;
  std::vector<uint64_t> offsets;
};

bool HeaderHandler::start_object(std::size_t) {
  switch (state) {
  case State::Start:
    state = State::Names;
    return true;
  case State::EntryStart:
    state = State::Entry;
    hasDType = hasShape = hasOffsets = false;
    offsets.clear();
    return true;
  case State::MetadataStart:
    state = State::Metadata;
    return true;
  default:
    return unexpected();
  }
}

bool HeaderHandler::key(std::string &name) {
  if (state == State::Names) {
    if (name == "__metadata__") {
      if (std::exchange(hasMetadata, true))
        return fail("'__metadata__' stands twice");
      state = State::MetadataStart;
      return true;
    }
    if (!names.insert(name).second)
      return fail("entry '" + name + "' stands twice");
    entries.emplace_back().name = name;
    state = State::EntryStart;
    return true;
  }
  if (state == State::Metadata) {
    if (!metadataNames.insert(name).second)
      return fail("key '" + name + "' of '__metadata__' stands twice");
    metadata.emplace_back(name, "");
    state = State::MetadataValue;
    return true;
  }
  bool *seen = name == "dtype"          ? &hasDType
               : name == "shape"        ? &hasShape
               : name == "data_offsets" ? &hasOffsets
                                        : nullptr;
  if (!seen)
    return fail(where() + " has an unknown key '" + name + "'");
  if (std::exchange(*seen, true))
    return fail(where() + " has the key '" + name + "' twice");
  state = seen == &hasDType   ? State::DType
          : seen == &hasShape ? State::ShapeStart
                              : State::OffsetsStart;
  return true;
}

bool HeaderHandler::string(std::string &value) {
  if (state == State::MetadataValue) {
    metadata.back().second = value;
    state = State::Metadata;
    return true;
  }
  if (state != State::DType)
    return unexpected();
  for (const DTypeTag &known : tags)
    if (known.tag == value) {
      entries.back().dtype = known.dtype;
      state = State::Entry;
      return true;
    }
  return fail(where() + " has the dtype '" + value +
              "', which is not supported");
}

bool HeaderHandler::start_array(std::size_t) {
  if (state == State::ShapeStart)
    state = State::Shape;
  else if (state == State::OffsetsStart)
    state = State::Offsets;
  else
    return unexpected();
  return true;
}

bool HeaderHandler::number_unsigned(json::number_unsigned_t value) {
  if (value > uint64_t(std::numeric_limits<int64_t>::max()))
    return fail(where() + " holds a number that is too large");
  if (state == State::Shape)
    entries.back().dims.push_back(int64_t(value));
  else if (state == State::Offsets)
    offsets.push_back(value);
  else
    return unexpected();
  return true;
}

bool HeaderHandler::end_array() {
  if (state == State::Offsets && offsets.size() != 2)
    return fail(where() + " has 'data_offsets' that are not two numbers");
  state = State::Entry;
  return true;
}

bool HeaderHandler::end_object() {
  if (state == State::Names) {
    state = State::Done;
    return true;
  }
  if (state == State::Metadata) {
    state = State::Names;
    return true;
  }
  if (!hasDType || !hasShape || !hasOffsets)
    return fail(where() + " has no '" +
                (!hasDType   ? "dtype"
                 : !hasShape ? "shape"
                             : "data_offsets") +
                "'");
  SafetensorsEntry &entry = entries.back();
  std::optional<uint64_t> bytes = byteCount(entry.dtype, entry.dims);
  if (!bytes)
    return fail(where() + " is too large");
  if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != *bytes)
    return fail(where() + " needs " + std::to_string(*bytes) +
                " bytes, but its 'data_offsets' are " +
                std::to_string(offsets[0]) + " and " +
                std::to_string(offsets[1]));
  entry.offset = offsets[0];
  entry.bytes = *bytes;
  ends.push_back(offsets[1]);
  state = State::Names;
  return true;
}

/// Reads exactly `size` bytes. Returns errno, or 0; a file that ends too early
/// is cut off while it is read: ENODATA.
int readExactly(int fd, char *to, size_t size, uint64_t at) {
  while (size > 0) {
    ssize_t got = pread(fd, to, std::min<size_t>(size, 1 << 30), off_t(at));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    if (got == 0)
      return ENODATA;
    to += got;
    at += uint64_t(got);
    size -= size_t(got);
  }
  return 0;
}

/// Checks the length in front of the header. Returns it, or 0 and why not.
uint64_t headerLength(const unsigned char (&bytes)[8], uint64_t fileBytes,
                      std::string &error) {
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | bytes[i];
  if (length > SafetensorsFile::maxHeaderBytes)
    error = "its header of " + std::to_string(length) +
            " bytes is longer than " +
            std::to_string(SafetensorsFile::maxHeaderBytes);
  else if (length > fileBytes - 8)
    error = "its header of " + std::to_string(length) +
            " bytes is longer than the file";
  else if (length < 2)
    error = "it has no header";
  else
    return length;
  return 0;
}

} // namespace

bool SafetensorsFile::readHeader(std::string_view json, uint64_t dataBytes,
                                 std::string &error) {
  if (json[0] != '{') {
    error = "its header is not a JSON object";
    return false;
  }
  // The JSON parser takes a zero byte for the end.
  if (json.find('\0') != std::string_view::npos) {
    error = "its header holds a zero byte";
    return false;
  }
  HeaderHandler handler(list, notes);
  if (!nlohmann::json::sax_parse(json.data(), json.data() + json.size(),
                                 &handler)) {
    error = handler.error.empty() ? "its header is not JSON" : handler.error;
    return false;
  }
  // Elements follow each other: from the first byte to the last, in any order.
  std::vector<size_t> order(list.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (list[a].offset != list[b].offset)
      return list[a].offset < list[b].offset;
    return handler.ends[a] != handler.ends[b]
               ? handler.ends[a] < handler.ends[b]
               : a < b;
  });
  uint64_t end = 0;
  for (size_t i : order) {
    if (list[i].offset != end) {
      error = "entry '" + list[i].name + "' starts at byte " +
              std::to_string(list[i].offset) + " of the data, not at " +
              std::to_string(end);
      return false;
    }
    end = handler.ends[i];
  }
  if (end != dataBytes) {
    error = "its entries hold " + std::to_string(end) + " bytes, the file " +
            std::to_string(dataBytes);
    return false;
  }
  byName.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i)
    byName.emplace(list[i].name, i);
  return true;
}

void SafetensorsFile::pointTo(const char *data) {
  for (SafetensorsEntry &entry : list)
    if (entry.bytes > 0)
      entry.data = data + entry.offset;
}

SafetensorsFile::~SafetensorsFile() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

const SafetensorsEntry *SafetensorsFile::find(std::string_view name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &list[found->second];
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::parse(std::string_view bytes,
                                                        std::string &error) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile());
  unsigned char start[8];
  if (bytes.size() < sizeof(start)) {
    error = "it is shorter than 8 bytes";
    return nullptr;
  }
  std::memcpy(start, bytes.data(), sizeof(start));
  uint64_t length = headerLength(start, bytes.size(), error);
  if (length == 0 || !file->readHeader(bytes.substr(8, length),
                                       bytes.size() - 8 - length, error))
    return nullptr;
  file->pointTo(bytes.data() + 8 + length);
  return file;
}

std::unique_ptr<SafetensorsFile>
SafetensorsFile::fromDescriptor(int fd, const std::string &path,
                                std::string &error, Mode mode, bool *missing) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile());
  auto unreadable = [&](int reason) {
    if (missing)
      *missing = true;
    error = "cannot read '" + path + "': " + std::strerror(reason);
    return nullptr;
  };
  auto broken = [&](const std::string &why) {
    error = "'" + path + "' is not a safetensors file: " + why;
    return nullptr;
  };
  struct stat info;
  if (fstat(fd, &info) != 0)
    return unreadable(errno);
  if (!S_ISREG(info.st_mode))
    return unreadable(S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
  uint64_t size = uint64_t(info.st_size);
  if (size < 8)
    return broken("it is shorter than 8 bytes");
  unsigned char start[8];
  if (int reason = readExactly(fd, reinterpret_cast<char *>(start), 8, 0))
    return unreadable(reason);
  std::string why;
  uint64_t length = headerLength(start, size, why);
  if (length == 0)
    return broken(why);
  std::string header(length, '\0');
  if (int reason = readExactly(fd, header.data(), length, 8))
    return unreadable(reason);
  if (!file->readHeader(header, size - 8 - length, why))
    return broken(why);
  if (mode == Mode::HeaderOnly)
    return file;
  void *memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED)
    return unreadable(errno);
  file->mapping = memory;
  file->mappedBytes = size;
  file->pointTo(static_cast<const char *>(memory) + 8 + length);
  return file;
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(const std::string &path,
                                                       std::string &error,
                                                       Mode mode,
                                                       bool *missing) {
  if (missing)
    *missing = false;
  int fd;
  do
    // A pipe under this name is refused, not waited for.
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    if (missing)
      *missing = true;
    error = "cannot read '" + path + "': " + std::strerror(errno);
    return nullptr;
  }
  auto file = fromDescriptor(fd, path, error, mode, missing);
  ::close(fd);
  return file;
}

std::unique_ptr<SafetensorsFile>
SafetensorsFile::openBeneath(const std::string &folder,
                             std::string_view relativePath, std::string &error,
                             Mode mode, bool *missing) {
  bool refused = false;
  int fd = graphfile::openBeneath(folder, relativePath, error, &refused);
  if (missing)
    *missing = fd < 0 && !refused;
  if (fd < 0)
    return nullptr;
  auto file =
      fromDescriptor(fd, std::string(relativePath), error, mode, missing);
  ::close(fd);
  return file;
}

static std::string_view tagOf(DType dtype) {
  for (const DTypeTag &known : tags)
    if (known.dtype == dtype)
      return known.tag;
  return "F32";
}

std::optional<std::string> amp::graphfile::writeSafetensors(
    const std::string &path, const std::vector<SafetensorsTensor> &tensors,
    const std::vector<std::pair<std::string, std::string>> &metadata) {
  std::vector<const SafetensorsTensor *> order;
  std::unordered_set<std::string_view> names;
  auto fail = [&](const std::string &why) {
    return std::optional<std::string>("cannot write '" + path + "': " + why);
  };
  for (const SafetensorsTensor &tensor : tensors) {
    std::string name(tensor.name);
    if (!names.insert(tensor.name).second || tensor.name == "__metadata__")
      return fail("the name '" + name + "' is taken");
    if (byteCount(tensor.dtype, tensor.dims) != tensor.bytes)
      return fail("'" + name + "' has " + std::to_string(tensor.bytes) +
                  " bytes, which its sizes are not");
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const SafetensorsTensor *a, const SafetensorsTensor *b) {
                     return dtypeSize(a->dtype) > dtypeSize(b->dtype);
                   });

  std::string header(8, '\0');
  header += '{';
  if (!metadata.empty()) {
    header += "\"__metadata__\":";
    char separator = '{';
    for (const auto &[key, value] : metadata) {
      header += std::exchange(separator, ',');
      appendString(header, key);
      header += ':';
      appendString(header, value);
    }
    header += '}';
  }
  uint64_t offset = 0;
  for (const SafetensorsTensor *tensor : order) {
    if (header.size() > 9)
      header += ',';
    appendString(header, tensor->name);
    header += ":{\"dtype\":\"";
    header += tagOf(tensor->dtype);
    header += "\",\"shape\":[";
    for (size_t i = 0; i < tensor->dims.size(); ++i) {
      if (i)
        header += ',';
      appendInt(header, tensor->dims[i]);
    }
    header += "],\"data_offsets\":[";
    header += std::to_string(offset);
    header += ',';
    offset += tensor->bytes;
    header += std::to_string(offset);
    header += "]}";
  }
  header += '}';
  while (header.size() % 8 != 0)
    header += ' ';
  if (header.size() - 8 > SafetensorsFile::maxHeaderBytes)
    return fail("the header is too long");
  for (int i = 0; i < 8; ++i)
    header[i] = static_cast<char>((header.size() - 8) >> (8 * i));

  AtomicFile file;
  if (auto error = file.open(path))
    return error;
  if (auto error = file.write(header))
    return error;
  for (const SafetensorsTensor *tensor : order)
    if (tensor->bytes > 0)
      if (auto error = file.write(std::string_view(
              static_cast<const char *>(tensor->data), tensor->bytes)))
        return error;
  return file.commit();
}

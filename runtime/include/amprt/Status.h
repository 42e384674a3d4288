//===- Status.h - Outcome of a call -----------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A code and one sentence, as every call of the runtime that can fail returns
// it, and Result<T>, which is a value or such a failure. Nothing here throws,
// aborts or prints.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_STATUS_H
#define AMPRT_STATUS_H

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace amprt {

/// What kind of failure; programs map it to their exit code.
enum class Code : uint8_t {
  Ok,
  InvalidArgument,    ///< the caller's input does not fit
  NotFound,           ///< no function, input, variable of that name
  FailedPrecondition, ///< the file is not in the state that the call needs
  Unimplemented,      ///< the device does not have an op
  ResourceExhausted,  ///< no memory
  Unavailable,        ///< the device cannot be used on this machine
  IoError,            ///< a file cannot be read or written
  Internal            ///< a mistake of the runtime's own
};

/// "INVALID_ARGUMENT" and so on.
std::string_view codeName(Code code);

/// Ok, or a code with one sentence (lower case, no trailing period) and the
/// place in the runtime's source that gave it.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message, const char *file = __builtin_FILE(),
         int line = __builtin_LINE())
      : errorCode(code), text(std::move(message)), sourceFile(file),
        sourceLine(line) {}

  bool ok() const { return errorCode == Code::Ok; }
  Code code() const { return errorCode; }
  /// One sentence for the user.
  const std::string &message() const { return text; }
  /// `CODE: message [file:line]`, for logs and bug reports.
  std::string toString() const;

private:
  Code errorCode = Code::Ok;
  std::string text;
  const char *sourceFile = "";
  int sourceLine = 0;
};

inline Status okStatus() { return Status(); }

/// A value, or why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)) {}
  Result(Status status) : failure(std::move(status)) {
    assert(!failure.ok() && "a Result without a value needs a failure");
  }

  bool ok() const { return held.has_value(); }
  const Status &status() const { return failure; }
  T &operator*() & { return *held; }
  const T &operator*() const & { return *held; }
  T &&operator*() && { return std::move(*held); }
  T *operator->() { return &*held; }
  const T *operator->() const { return &*held; }

private:
  std::optional<T> held;
  Status failure;
};

} // namespace amprt

/// Returns from the enclosing function when `call` fails.
#define AMPRT_RETURN_IF_ERROR(call)                                            \
  do {                                                                         \
    if (::amprt::Status amprtStatus = (call); !amprtStatus.ok())               \
      return amprtStatus;                                                      \
  } while (false)

#define AMPRT_CONCAT_(a, b) a##b
#define AMPRT_CONCAT(a, b) AMPRT_CONCAT_(a, b)
/// `AMPRT_ASSIGN_OR_RETURN(auto value, call());`
#define AMPRT_ASSIGN_OR_RETURN(declaration, call)                              \
  AMPRT_ASSIGN_OR_RETURN_(AMPRT_CONCAT(amprtResult, __LINE__), declaration,    \
                          call)
#define AMPRT_ASSIGN_OR_RETURN_(result, declaration, call)                     \
  auto result = (call);                                                        \
  if (!result.ok())                                                            \
    return result.status();                                                    \
  declaration = *std::move(result)

#endif // AMPRT_STATUS_H

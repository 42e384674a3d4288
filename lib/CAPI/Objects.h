//===- Objects.h - What the handles of the C API point to -------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Internal to the C API. Texts of a report are made when the report is, so that
// asking for them changes nothing.
//===----------------------------------------------------------------------===//

#ifndef AMP_LIB_CAPI_OBJECTS_H
#define AMP_LIB_CAPI_OBJECTS_H

#include "amp-c/Rewrite.h"
#include "amp/Api/MixedPrecision.h"
#include "amp/Policy/Policy.h"

#include <string>

struct AmpErrorImpl {
  AmpErrorKind kind;
  std::string message;
};

struct AmpOptionsImpl {
  amp::MixedPrecisionRewriteOptions rewrite;
  std::string folder = ".", inputName = "<input>";
};

struct AmpPolicyImpl {
  amp::Policy policy;
  std::string text;
};

struct AmpReportImpl {
  amp::PrecisionReport report;
  std::string summary, json, explanation, warnings;
};

struct AmpTextImpl {
  std::string text;
};

namespace amp::capi {

inline AmpStringRef wrap(const std::string &text) {
  return {text.data(), text.size()};
}
inline AmpStringRef wrap(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string unwrap(AmpStringRef text) {
  return text.data ? std::string(text.data, text.length) : std::string();
}

AmpError makeError(AmpErrorKind kind, std::string message);

/// The policy's messages as one error; null when they are none. Warnings are
/// appended to `warnings`.
AmpError takeMessages(const std::vector<PolicyMessage> &messages,
                      std::string &warnings);

/// Collects the diagnostics of a context on one thread, worded with their place
/// in the sources, while it lives.
class Collector {
public:
  Collector(mlir::MLIRContext *context, std::string_view name = {},
            std::string_view text = {});
  ~Collector();
  std::string errors, warnings;
  /// The contract did not hold.
  bool failedContract = false;

private:
  mlir::LogicalResult add(mlir::Diagnostic &diagnostic);
  std::string_view name, text;
  mlir::MLIRContext *context;
  mlir::DiagnosticEngine::HandlerID id;
};

/// Loads the policy and rewrites the module.
AmpError rewrite(mlir::ModuleOp module, const AmpOptionsImpl &options,
                 Collector &collector, PrecisionReport &report);

AmpReport makeReport(PrecisionReport &&report, std::string warnings);

} // namespace amp::capi

#endif // AMP_LIB_CAPI_OBJECTS_H

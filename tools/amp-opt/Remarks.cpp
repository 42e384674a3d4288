//===- Remarks.cpp - Optimization remarks of mlir-opt's flags ---------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The set-up that mlir-opt does inside MlirOptMain, for a module of ours.
//===----------------------------------------------------------------------===//

#include "Remarks.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "llvm/Remarks/RemarkFormat.h"

using namespace mlir;

llvm::LogicalResult amp::opt::enableRemarks(MLIRContext &context,
                                            const MlirOptMainConfig &config) {
  if (!config.shouldEmitRemarks())
    return success();
  auto filter = [](std::string text) -> std::optional<std::string> {
    if (text.empty())
      return std::nullopt;
    return text;
  };
  // Named, since the struct's fields are five strings in a row.
  remark::RemarkCategories categories;
  categories.all = filter(config.getRemarksAllFilter());
  categories.passed = filter(config.getRemarksPassedFilter());
  categories.missed = filter(config.getRemarksMissedFilter());
  categories.analysis = filter(config.getRemarksAnalyseFilter());
  categories.failed = filter(config.getRemarksFailedFilter());
  // A filter for all kinds stands for each kind that has none of its own.
  for (auto *kind : {&categories.passed, &categories.missed,
                     &categories.analysis, &categories.failed})
    if (!*kind)
      *kind = categories.all;

  std::unique_ptr<remark::detail::RemarkEmittingPolicyBase> policy;
  if (config.getRemarkPolicy() == RemarkPolicy::REMARK_POLICY_FINAL)
    policy = std::make_unique<remark::RemarkEmittingPolicyFinal>();
  else
    policy = std::make_unique<remark::RemarkEmittingPolicyAll>();

  if (config.getRemarkFormat() == RemarkFormat::REMARK_FORMAT_STDOUT)
    return remark::enableOptimizationRemarks(context, /*streamer=*/nullptr,
                                             std::move(policy), categories,
                                             /*printAsEmitRemarks=*/true);
  bool yaml = config.getRemarkFormat() == RemarkFormat::REMARK_FORMAT_YAML;
  std::string path = config.getRemarksOutputFile();
  if (path.empty())
    path = yaml ? "amp-remarks.yaml" : "amp-remarks.bitstream";
  return remark::enableOptimizationRemarksWithLLVMStreamer(
      context, path,
      yaml ? llvm::remarks::Format::YAML : llvm::remarks::Format::Bitstream,
      std::move(policy), categories);
}

//===- WeightsRange.cpp - Weights that a low type cannot hold -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Looks at the finished module: what is cast there is what matters.
//===----------------------------------------------------------------------===//

#include "WeightsRange.h"

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "amp/GraphFile/Safetensors.h"

#include <cmath>
#include <cstring>

using namespace amp;
using namespace mlir;

/// How many finite float32 elements have a greater magnitude than `limit`.
static uint64_t countBeyond(const graphfile::SafetensorsEntry &entry,
                            float limit) {
  uint64_t count = 0;
  const char *data = static_cast<const char *>(entry.data);
  for (size_t at = 0; data && at + sizeof(float) <= entry.bytes;
       at += sizeof(float)) {
    float value;
    std::memcpy(&value, data + at, sizeof(float));
    count += std::isfinite(value) && std::fabs(value) > limit;
  }
  return count;
}

void opt::warnOfWeightsOutOfRange(ModuleOp module, const std::string &folder) {
  auto keys = module->getAttrOfType<DictionaryAttr>(graph::kFileAttr);
  auto path = keys ? keys.getAs<StringAttr>("weights") : StringAttr();
  if (!path)
    return;
  std::unique_ptr<graphfile::SafetensorsFile> file;
  module.walk([&](graph::CastOp cast) {
    auto constant = cast->getOperand(0).getDefiningOp<graph::ConstantOp>();
    auto to =
        dyn_cast<FloatType>(getElementTypeOrSelf(cast->getResult(0).getType()));
    if (!cast->hasAttr(kGeneratedAttr) || !constant || !constant.getWeights() ||
        !to || to.getWidth() != 16)
      return WalkResult::advance();
    if (!file) {
      std::string error;
      file = graphfile::SafetensorsFile::openBeneath(folder, path.str(), error);
      // The importer has reported what is wrong with the file.
      if (!file)
        return WalkResult::interrupt();
    }
    const auto *entry = file->find(std::string_view(*constant.getWeights()));
    if (!entry || entry->dtype != DType::Float32)
      return WalkResult::advance();
    float limit =
        llvm::APFloat::getLargest(to.getFloatSemantics()).convertToDouble();
    if (uint64_t count = countBeyond(*entry, limit))
      constant.emitWarning()
          << count << (count == 1 ? " value" : " values") << " of '"
          << getNodeName(constant.getLoc()) << "' "
          << (count == 1 ? "is" : "are") << " out of the range of "
          << (to.isF16() ? "float16" : "bfloat16")
          << ": the cast makes infinities";
    return WalkResult::advance();
  });
}

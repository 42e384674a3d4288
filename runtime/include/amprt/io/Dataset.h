//===- Dataset.h - Examples to train on and where they come from -*- C++
//-*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A data set is a list of named arrays whose dimension 0 counts the examples:
// MNIST from a folder of IDX files, drawn digits that need no download, or the
// entries of a safetensors file.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_IO_DATASET_H
#define AMPRT_IO_DATASET_H

#include "amprt/Tensor.h"

namespace amprt::io {

/// A named array of a data set.
struct Field {
  std::string name;
  Tensor array;
  /// The bytes are pixels: as a floating input they are divided by 255.
  bool pixels = false;
};

/// Named arrays with the same number of examples in each.
struct Split {
  std::vector<Field> fields;
  int64_t examples() const {
    return fields.empty() ? 0 : fields.front().array.dims().front();
  }
  const Field *find(std::string_view name) const;
};

struct Dataset {
  std::string name;
  Split train;
  /// Without fields when the data comes without a test set.
  Split test;
  /// `images` and `labels`: they feed the first floating and the first
  /// integer input when the names of the inputs do not say otherwise.
  bool imagesAndLabels = false;
};

/// How many drawn digits there are, and from which seed.
struct DigitsOptions {
  int64_t train = 10000, test = 2000;
  uint64_t seed = 1;
};

/// 28x28 images of the ten digits as strokes: shifted, turned, scaled,
/// slanted, in varying thickness, with noise. The same on every machine.
Result<Dataset> makeDigits(const DigitsOptions &options = {});

/// The four IDX files of MNIST, each with or without `.gz`, in `folder`.
Result<Dataset> loadMnist(const std::string &folder);

/// Every entry of a safetensors file, as the training part.
Result<Dataset> loadSafetensors(const std::string &path);

/// What `--data` names: `mnist` (the folder is that of AMP_MNIST), `mnist:DIR`,
/// `digits` or `FILE.safetensors`.
Result<Dataset> loadDataset(const std::string &spec);

} // namespace amprt::io

#endif // AMPRT_IO_DATASET_H

//===- Dataset.cpp - Loads the data that --data names ---------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// MNIST from its four IDX files, the drawn digits, or a safetensors file.
//===----------------------------------------------------------------------===//

#include "amprt/io/Dataset.h"
#include "amprt/io/Idx.h"
#include "amprt/io/Safetensors.h"

#include <cstdlib>
#include <sys/stat.h>

namespace amprt::io {
namespace {

Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

/// Reads one IDX file of MNIST, gzipped or not, and checks that it is bytes of
/// this rank.
Result<Tensor> readMnistFile(const std::string &folder, const char *name,
                             size_t rank) {
  std::string path = folder + "/" + name;
  if (!exists(path)) {
    if (!exists(path + ".gz"))
      return Status(Code::IoError, "the folder '" + folder + "' has neither '" +
                                       name + "' nor '" + name + ".gz'");
    path += ".gz";
  }
  AMPRT_ASSIGN_OR_RETURN(Tensor tensor, readIdx(path));
  if (tensor.dtype() != DType::UInt8 || tensor.dims().size() != rank)
    return invalid("'" + path + "' holds " +
                   describe(tensor.dtype(), tensor.dims()) + ", not " +
                   (rank == 3 ? "images" : "labels") + " as bytes");
  return tensor;
}

Result<Split> readMnistSplit(const std::string &folder, const char *images,
                             const char *labels) {
  AMPRT_ASSIGN_OR_RETURN(Tensor pixels, readMnistFile(folder, images, 3));
  AMPRT_ASSIGN_OR_RETURN(Tensor classes, readMnistFile(folder, labels, 1));
  if (pixels.dims()[0] != classes.dims()[0])
    return invalid("'" + folder + "/" + images + "' has " +
                   std::to_string(pixels.dims()[0]) + " images, but '" +
                   labels + "' has " + std::to_string(classes.dims()[0]) +
                   " labels");
  Split split;
  split.fields.push_back({"images", std::move(pixels), true});
  split.fields.push_back({"labels", std::move(classes), false});
  return split;
}

} // namespace

const Field *Split::find(std::string_view name) const {
  for (const Field &field : fields)
    if (field.name == name)
      return &field;
  return nullptr;
}

Result<Dataset> loadMnist(const std::string &folder) {
  Dataset data;
  data.name = "mnist";
  data.imagesAndLabels = true;
  AMPRT_ASSIGN_OR_RETURN(data.train,
                         readMnistSplit(folder, "train-images-idx3-ubyte",
                                        "train-labels-idx1-ubyte"));
  AMPRT_ASSIGN_OR_RETURN(data.test,
                         readMnistSplit(folder, "t10k-images-idx3-ubyte",
                                        "t10k-labels-idx1-ubyte"));
  return data;
}

Result<Dataset> loadSafetensors(const std::string &path) {
  AMPRT_ASSIGN_OR_RETURN(std::vector<NamedValue> values, readSafetensors(path));
  Dataset data;
  data.name = path;
  for (NamedValue &value : values) {
    const Dims &dims = value.tensor.dims();
    if (dims.empty())
      return invalid("'" + path + "': the array '" + value.name +
                     "' is a scalar and has no examples");
    if (!data.train.fields.empty() && dims[0] != data.train.examples())
      return invalid("'" + path + "': the array '" + value.name + "' has " +
                     std::to_string(dims[0]) + " examples, but '" +
                     data.train.fields[0].name + "' has " +
                     std::to_string(data.train.examples()));
    data.train.fields.push_back(
        {std::move(value.name), std::move(value.tensor), false});
  }
  if (data.train.fields.empty())
    return invalid("'" + path + "' has no arrays");
  return data;
}

Result<Dataset> loadDataset(const std::string &spec) {
  if (spec == "digits")
    return makeDigits();
  if (spec == "mnist" || spec.rfind("mnist:", 0) == 0) {
    std::string folder = spec.size() > 6 ? spec.substr(6) : "";
    if (const char *named = std::getenv("AMP_MNIST"); folder.empty() && named)
      folder = named;
    if (folder.empty())
      return invalid("--data=mnist needs the folder of the IDX files: "
                     "--data=mnist:DIR, or the environment variable AMP_MNIST");
    return loadMnist(folder);
  }
  constexpr std::string_view ending = ".safetensors";
  if (spec.size() > ending.size() &&
      spec.compare(spec.size() - ending.size(), ending.size(), ending) == 0)
    return loadSafetensors(spec);
  return invalid("unknown data '" + spec +
                 "': it is mnist:DIR, digits or FILE.safetensors");
}

} // namespace amprt::io

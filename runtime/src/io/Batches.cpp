//===- Batches.cpp - Binds arrays to inputs and gathers batches -----------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// All checks that depend on the data alone happen at binding time, with the
// names of the input and of the array; gathering is then a plain copy.
//===----------------------------------------------------------------------===//

#include "amprt/io/Batches.h"
#include "amp/OpSet/Words.h"
#include "amprt/io/Convert.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace amprt::io {

using amp::quoted;
using amp::graphfile::CheckedFile;
using amp::graphfile::Function;
using amp::graphfile::Input;
using amp::graphfile::Node;
using amp::graphfile::ValueName;

namespace {

Status invalid(std::string message) {
  return Status(Code::InvalidArgument, std::move(message));
}

std::string fieldNames(const Split &split) {
  std::string names;
  for (const Field &field : split.fields)
    names += (names.empty() ? "" : ", ") + field.name;
  return names;
}

/// The field for an input that no request mentions, or null.
const Field *defaultField(const Function &function, const Input &input,
                          const Dataset &data) {
  if (const Field *same = data.train.find(input.name))
    return same;
  if (!data.imagesAndLabels)
    return nullptr;
  auto isKind = [&](DType dtype) {
    return amp::isFloating(input.type.dtype) ? amp::isFloating(dtype)
                                             : amp::isInteger(dtype);
  };
  for (const Input &other : function.inputs)
    if (isKind(other.type.dtype)) {
      if (&other != &input)
        return nullptr;
      break;
    }
  if (amp::isFloating(input.type.dtype))
    return data.train.find("images");
  return amp::isInteger(input.type.dtype) ? data.train.find("labels") : nullptr;
}

/// The sizes of one example as the input wants them, or why they cannot be.
Result<Dims> exampleDims(const Function &function, const Input &input,
                         const Field &field) {
  const amp::Shape &want = input.type.shape;
  const Dims &have = field.array.dims();
  auto mismatch = [&] {
    return invalid("array " + quoted(field.name) + " is " +
                   describe(field.array.dtype(), have) +
                   ", which does not fit the input " + quoted(input.name) +
                   " of function " + quoted(function.name) + ", " +
                   amp::toString(input.type));
  };
  if (want.empty())
    return invalid("input " + quoted(input.name) + " of function " +
                   quoted(function.name) +
                   " is a scalar and cannot take a batch of examples");
  const bool sameRank = want.size() == have.size();
  Dims example;
  int64_t product = 1, elements = 1;
  for (size_t i = 1; i < have.size(); ++i)
    elements *= have[i];
  for (size_t i = 1; i < want.size(); ++i) {
    if (!want[i].isFixed() && !sameRank)
      return mismatch();
    example.push_back(want[i].isFixed() ? want[i].size() : have[i]);
    if (__builtin_mul_overflow(product, example.back(), &product))
      return mismatch();
  }
  if (product != elements)
    return mismatch();
  return example;
}

Status checkConversion(const Function &function, const Input &input,
                       const Field &field) {
  const DType from = field.array.dtype(), to = input.type.dtype;
  if (!isConvertible(from, to) && !(field.pixels && amp::isFloating(to)))
    return invalid("array " + quoted(field.name) + " is " +
                   std::string(amp::dtypeName(from)) + ", but the input " +
                   quoted(input.name) + " of function " +
                   quoted(function.name) + " is " +
                   std::string(amp::dtypeName(to)));
  if (from == to || !amp::isInteger(to))
    return okStatus();
  if (const std::optional<int64_t> misfit = findMisfit(field.array, to))
    return invalid("array " + quoted(field.name) + " holds " +
                   std::to_string(*misfit) + ", which does not fit the input " +
                   quoted(input.name) + ", " + std::string(amp::dtypeName(to)));
  return okStatus();
}

/// Bytes to [0, 1].
void copyPixels(const Tensor &from, Tensor &to, const int64_t *indices,
                int64_t rows, int64_t rowSize) {
  float *target = to.as<float>();
  for (int64_t row = 0; row < rows; ++row) {
    const uint8_t *line = from.as<uint8_t>() + indices[row] * rowSize;
    for (int64_t i = 0; i < rowSize; ++i)
      *target++ = float(line[i]) / 255.f;
  }
}

} // namespace

const amp::TensorType *typeOf(const CheckedFile &file, size_t functionIndex,
                              const amp::graphfile::NameTable &names,
                              const ValueName &value) {
  using amp::graphfile::ValueTarget;
  const ValueTarget target = names.find(value.name);
  switch (target.kind) {
  case ValueTarget::Input:
    return &file.file.functions[functionIndex].inputs[target.index].type;
  case ValueTarget::Variable:
    return &file.file.variables[target.index].type;
  case ValueTarget::Node: {
    const auto &results = file.types[functionIndex].results[target.index];
    return value.result < results.size() ? &results[value.result] : nullptr;
  }
  case ValueTarget::Missing:
    break;
  }
  return nullptr;
}

Result<std::vector<Binding>>
bindInputs(const Function &function, const Dataset &data,
           const std::vector<BindRequest> &requests) {
  std::vector<Binding> bindings;
  for (const Input &input : function.inputs) {
    const Field *field = nullptr;
    const auto request =
        std::find_if(requests.begin(), requests.end(),
                     [&](const auto &r) { return r.input == input.name; });
    if (request != requests.end()) {
      field = data.train.find(request->array);
      if (!field)
        return invalid("the data " + quoted(data.name) + " has no array " +
                       quoted(request->array) + "; it has " +
                       fieldNames(data.train));
    } else {
      field = defaultField(function, input, data);
    }
    if (!field)
      return invalid("no array feeds the input " + quoted(input.name) +
                     " of function " + quoted(function.name) + "; the data " +
                     quoted(data.name) + " has " + fieldNames(data.train) +
                     ": choose one with --bind=" + std::string(input.name) +
                     "=ARRAY");
    AMPRT_RETURN_IF_ERROR(checkConversion(function, input, *field));
    AMPRT_ASSIGN_OR_RETURN(Dims example, exampleDims(function, input, *field));
    bindings.push_back(
        {input.name, input.type.dtype, std::move(example), field->name});
  }
  return bindings;
}

/// A label that its loss has no class for, as `label 7 of example 3 is not …`.
static Status checkLabels(const Tensor &labels, int64_t classes,
                          const Node &node, const std::string &where) {
  if (!amp::isInteger(labels.dtype()) || labels.dims().empty())
    return okStatus();
  const int64_t examples = labels.dims()[0];
  for (int64_t i = 0, e = labels.size(); i < e; ++i) {
    const int64_t label = integerAt(labels, i);
    if (label < 0 || label >= classes)
      return invalid("label " + std::to_string(label) + " of example " +
                     std::to_string(i / std::max<int64_t>(1, e / examples)) +
                     " in " + where + " is not in [0, " +
                     std::to_string(classes) + "), the classes of node " +
                     quoted(node.name));
  }
  return okStatus();
}

/// Calls `check(loss, labels, classes)` for each loss of a known number of
/// classes.
template <typename Check>
static Status forEachLabels(const CheckedFile &file, size_t functionIndex,
                            const Check &check) {
  const Function &function = file.file.functions[functionIndex];
  const amp::graphfile::NameTable names(file.file, function);
  for (const Node &node : function.nodes) {
    if (node.op != "sparse_softmax_cross_entropy")
      continue;
    const amp::TensorType *logits =
        typeOf(file, functionIndex, names, node.inputs[0]);
    if (logits && !logits->shape.empty() && logits->shape.back().isFixed())
      AMPRT_RETURN_IF_ERROR(
          check(node, node.inputs[1].name, logits->shape.back().size()));
  }
  return okStatus();
}

Status checkLabels(const CheckedFile &file, size_t functionIndex,
                   const std::vector<Binding> &bindings, const Split &split) {
  return forEachLabels(
      file, functionIndex,
      [&](const Node &node, std::string_view labels, int64_t classes) {
        for (const Binding &binding : bindings)
          if (binding.input == labels)
            if (const Field *field = split.find(binding.field))
              return checkLabels(field->array, classes, node,
                                 "array " + quoted(field->name));
        return okStatus();
      });
}

Status checkLabels(const Session &session, std::string_view function,
                   const std::vector<NamedTensor> &inputs) {
  const Function *found = session.findFunction(function);
  if (!found)
    return Status(Code::NotFound, "there is no function " + quoted(function));
  const CheckedFile &file = session.file();
  return forEachLabels(
      file, size_t(found - file.file.functions.data()),
      [&](const Node &node, std::string_view labels, int64_t classes) {
        for (const NamedTensor &input : inputs)
          if (input.name == labels)
            return checkLabels(*input.tensor, classes, node,
                               "input " + quoted(input.name));
        return okStatus();
      });
}

Status checkBatchSize(const Function &function, int64_t batch,
                      int64_t lastBatch) {
  for (const Input &input : function.inputs) {
    if (input.type.shape.empty() || !input.type.shape[0].isFixed())
      continue;
    const int64_t size = input.type.shape[0].size();
    const std::string where = "the input " + quoted(input.name) +
                              " of function " + quoted(function.name) +
                              " takes exactly " + std::to_string(size) +
                              " examples";
    if (batch != size)
      return invalid(where + "; use --batch=" + std::to_string(size));
    if (lastBatch != size)
      return invalid(where + ", but the last batch of an epoch has " +
                     std::to_string(lastBatch) + "; use --drop-last");
  }
  return okStatus();
}

Status gatherBatch(const Split &split, const std::vector<Binding> &bindings,
                   const int64_t *indices, int64_t count,
                   std::vector<Tensor> &batch) {
  batch.resize(bindings.size());
  for (size_t b = 0; b < bindings.size(); ++b) {
    const Binding &binding = bindings[b];
    const Field *field = split.find(binding.field);
    if (!field)
      return invalid("the data has no array " + quoted(binding.field));
    const Tensor &from = field->array;
    Dims dims = {count};
    dims.insert(dims.end(), binding.example.begin(), binding.example.end());
    if (batch[b].dtype() != binding.dtype || batch[b].dims() != dims) {
      AMPRT_ASSIGN_OR_RETURN(batch[b], Tensor::create(binding.dtype, dims));
    }
    Tensor &to = batch[b];
    const int64_t row = elementCount(binding.example);
    if (field->pixels && amp::isFloating(binding.dtype)) {
      if (binding.dtype == DType::Float32) {
        copyPixels(from, to, indices, count, row);
        continue;
      }
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < row; ++j)
          to.set(i * row + j, from.as<uint8_t>()[indices[i] * row + j] / 255.);
    } else if (from.dtype() == binding.dtype) {
      const size_t bytes = size_t(row) * amp::dtypeSize(binding.dtype);
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(to.as<char>() + size_t(i) * bytes,
                    from.as<char>() + size_t(indices[i]) * bytes, bytes);
    } else if (binding.dtype == DType::Int64) {
      // Through doubles, large numbers would lose their last bits.
      for (int64_t i = 0; i < count * row; ++i)
        to.as<int64_t>()[i] = integerAt(from, indices[i / row] * row + i % row);
    } else {
      for (int64_t i = 0; i < count * row; ++i)
        to.set(i, from.at(indices[i / row] * row + i % row));
    }
  }
  return okStatus();
}

Result<int64_t> countCorrect(const Tensor &scores, const Field &labels,
                             const int64_t *indices) {
  if (scores.dims().size() != 2 || !amp::isFloating(scores.dtype()) ||
      scores.dims()[1] == 0)
    return invalid("accuracy needs an output of scores [batch, classes], not " +
                   describe(scores.dtype(), scores.dims()));
  if (labels.array.size() != labels.array.dims()[0] ||
      !amp::isInteger(labels.array.dtype()))
    return invalid("accuracy needs one integer label per example, but array " +
                   quoted(labels.name) + " is " +
                   describe(labels.array.dtype(), labels.array.dims()));
  const int64_t rows = scores.dims()[0], classes = scores.dims()[1];
  int64_t correct = 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t best = 0;
    bool comparable = true;
    double most = scores.at(row * classes);
    for (int64_t c = 0; c < classes; ++c) {
      const double score = scores.at(row * classes + c);
      comparable &= !std::isnan(score);
      if (score > most) {
        most = score;
        best = c;
      }
    }
    correct += comparable && best == integerAt(labels.array, indices[row]);
  }
  return correct;
}

} // namespace amprt::io

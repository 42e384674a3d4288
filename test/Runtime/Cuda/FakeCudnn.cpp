//===- FakeCudnn.cpp - cuDNN without a GPU --------------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Descriptors with the attributes that the library's documentation lists, each
// in its type; what is missing or does not fit together is refused. A plan that
// runs does the convolution that its descriptors say, by their strides.
//===----------------------------------------------------------------------===//

#include "FakeCuda.h"
#include "HostSources.h"

#ifdef AMPRT_HAS_CUDNN

#include "amprt/Half.h"

#include <algorithm>
#include <cstring>

using namespace amprt;
using namespace amprt::test;

namespace {

/// An attribute: of which descriptor, in which type, how many values.
struct Known {
  cudnnBackendAttributeName_t name;
  cudnnBackendDescriptorType_t of;
  cudnnBackendAttributeType_t type;
  int64_t least, most;
  size_t bytes;
  bool needed;
};
constexpr Known kKnown[] = {
#define A(NAME, OF, TYPE, LEAST, MOST, C, NEEDED)                              \
  {CUDNN_ATTR_##NAME, CUDNN_BACKEND_##OF##_DESCRIPTOR, CUDNN_TYPE_##TYPE,      \
   LEAST, MOST, sizeof(C), NEEDED}
    A(TENSOR_UNIQUE_ID, TENSOR, INT64, 1, 1, int64_t, true),
    A(TENSOR_DATA_TYPE, TENSOR, DATA_TYPE, 1, 1, cudnnDataType_t, true),
    A(TENSOR_BYTE_ALIGNMENT, TENSOR, INT64, 1, 1, int64_t, true),
    A(TENSOR_DIMENSIONS, TENSOR, INT64, 4, 4, int64_t, true),
    A(TENSOR_STRIDES, TENSOR, INT64, 4, 4, int64_t, true),
    A(CONVOLUTION_SPATIAL_DIMS, CONVOLUTION, INT64, 1, 1, int64_t, true),
    A(CONVOLUTION_COMP_TYPE, CONVOLUTION, DATA_TYPE, 1, 1, cudnnDataType_t,
      true),
    A(CONVOLUTION_CONV_MODE, CONVOLUTION, CONVOLUTION_MODE, 1, 1,
      cudnnConvolutionMode_t, true),
    A(CONVOLUTION_PRE_PADDINGS, CONVOLUTION, INT64, 2, 2, int64_t, true),
    A(CONVOLUTION_POST_PADDINGS, CONVOLUTION, INT64, 2, 2, int64_t, true),
    A(CONVOLUTION_FILTER_STRIDES, CONVOLUTION, INT64, 2, 2, int64_t, true),
    A(CONVOLUTION_DILATIONS, CONVOLUTION, INT64, 2, 2, int64_t, true),
#define OPERATION(SHORT, LONG, X, Y, W)                                        \
  A(OPERATION_CONVOLUTION_##SHORT##_##X, OPERATION_CONVOLUTION_##LONG,         \
    BACKEND_DESCRIPTOR, 1, 1, void *, true),                                   \
      A(OPERATION_CONVOLUTION_##SHORT##_##Y, OPERATION_CONVOLUTION_##LONG,     \
        BACKEND_DESCRIPTOR, 1, 1, void *, true),                               \
      A(OPERATION_CONVOLUTION_##SHORT##_##W, OPERATION_CONVOLUTION_##LONG,     \
        BACKEND_DESCRIPTOR, 1, 1, void *, true),                               \
      A(OPERATION_CONVOLUTION_##SHORT##_CONV_DESC,                             \
        OPERATION_CONVOLUTION_##LONG, BACKEND_DESCRIPTOR, 1, 1, void *, true), \
      A(OPERATION_CONVOLUTION_##SHORT##_ALPHA, OPERATION_CONVOLUTION_##LONG,   \
        FLOAT, 1, 1, float, true),                                             \
      A(OPERATION_CONVOLUTION_##SHORT##_BETA, OPERATION_CONVOLUTION_##LONG,    \
        FLOAT, 1, 1, float, true)
    OPERATION(FORWARD, FORWARD, X, Y, W),
    OPERATION(BWD_DATA, BACKWARD_DATA, DX, DY, W),
    OPERATION(BWD_FILTER, BACKWARD_FILTER, X, DY, DW),
#undef OPERATION
    A(OPERATIONGRAPH_HANDLE, OPERATIONGRAPH, HANDLE, 1, 1, void *, true),
    A(OPERATIONGRAPH_OPS, OPERATIONGRAPH, BACKEND_DESCRIPTOR, 1, 1, void *,
      true),
    A(ENGINEHEUR_OPERATION_GRAPH, ENGINEHEUR, BACKEND_DESCRIPTOR, 1, 1, void *,
      true),
    A(ENGINEHEUR_MODE, ENGINEHEUR, HEUR_MODE, 1, 1, cudnnBackendHeurMode_t,
      true),
    A(ENGINE_OPERATION_GRAPH, ENGINE, BACKEND_DESCRIPTOR, 1, 1, void *, true),
    A(ENGINE_GLOBAL_INDEX, ENGINE, INT64, 1, 1, int64_t, true),
    A(KNOB_CHOICE_KNOB_TYPE, KNOB_CHOICE, KNOB_TYPE, 1, 1,
      cudnnBackendKnobType_t, true),
    A(KNOB_CHOICE_KNOB_VALUE, KNOB_CHOICE, INT64, 1, 1, int64_t, true),
    A(ENGINECFG_ENGINE, ENGINECFG, BACKEND_DESCRIPTOR, 1, 1, void *, true),
    A(ENGINECFG_KNOB_CHOICES, ENGINECFG, BACKEND_DESCRIPTOR, 1, 44, void *,
      false),
    A(EXECUTION_PLAN_HANDLE, EXECUTION_PLAN, HANDLE, 1, 1, void *, true),
    A(EXECUTION_PLAN_ENGINE_CONFIG, EXECUTION_PLAN, BACKEND_DESCRIPTOR, 1, 1,
      void *, true),
    A(VARIANT_PACK_UNIQUE_IDS, VARIANT_PACK, INT64, 3, 3, int64_t, true),
    A(VARIANT_PACK_DATA_POINTERS, VARIANT_PACK, VOID_PTR, 3, 3, void *, true),
    A(VARIANT_PACK_WORKSPACE, VARIANT_PACK, VOID_PTR, 1, 1, void *, true),
#undef A
};

struct Desc {
  cudnnBackendDescriptorType_t type;
  bool final = false;
  std::map<int, std::vector<unsigned char>> values;

  template <typename T> std::vector<T> many(int name) const {
    auto found = values.find(name);
    if (found == values.end())
      return {};
    std::vector<T> result(found->second.size() / sizeof(T));
    std::memcpy(result.data(), found->second.data(), found->second.size());
    return result;
  }
  template <typename T> T one(int name) const { return many<T>(name).at(0); }
  const Desc &child(int name) const {
    return *static_cast<const Desc *>(one<void *>(name));
  }
  template <typename T> void put(int name, T value) {
    const auto *from = reinterpret_cast<const unsigned char *>(&value);
    values[name] = std::vector<unsigned char>(from, from + sizeof value);
  }
};

std::set<const void *> &live() { return fakeCuda().live["cudnnBackendDescriptor"]; }
cudnnStatus_t refuse(const std::string &why) {
  fakeCuda().mistakes.push_back("cuDNN: " + why);
  return CUDNN_STATUS_BAD_PARAM;
}

/// A convolution as its descriptors have it.
struct Operation {
  int form; ///< 0 forward, 1 input gradient, 2 filter gradient
  cudnnDataType_t type;
  std::vector<int64_t> x, y, w, xStride, yStride, wStride;
  std::vector<int64_t> before, behind, stride, dilation;

  std::string text() const;
  std::string problem(const Desc &operation) const;
  void run(const void *a, const void *b, void *c) const;
};

/// Attributes of x, y, w, the convolution, alpha, beta.
constexpr int kNames[3][6] = {
    {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}};

int formOf(const Desc &operation) {
  switch (operation.type) {
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    return 0;
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    return 1;
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
    return 2;
  default:
    return -1;
  }
}

Operation operationOf(const Desc &d) {
  Operation o;
  o.form = formOf(d);
  const auto &names = kNames[o.form];
  const Desc &x = d.child(names[0]), &y = d.child(names[1]),
             &w = d.child(names[2]), &c = d.child(names[3]);
  o.type = x.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  auto dims = [](const Desc &t) {
    return t.many<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
  };
  auto strides = [](const Desc &t) {
    return t.many<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  };
  o.x = dims(x);
  o.y = dims(y);
  o.w = dims(w);
  o.xStride = strides(x);
  o.yStride = strides(y);
  o.wStride = strides(w);
  o.before = c.many<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  o.behind = c.many<int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  o.stride = c.many<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  o.dilation = c.many<int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  return o;
}

std::string Operation::text() const {
  auto list = [](const std::vector<int64_t> &values) {
    std::string text;
    for (int64_t value : values)
      text += (text.empty() ? "" : ",") + std::to_string(value);
    return text;
  };
  static constexpr const char *forms[] = {"forward", "input", "filter"};
  return std::string(forms[form]) +
         (type == CUDNN_DATA_HALF       ? " float16"
          : type == CUDNN_DATA_BFLOAT16 ? " bfloat16"
                                        : " float32") +
         " x " + list(x) + " by " + list(xStride) + " y " + list(y) + " by " +
         list(yStride) + " w " + list(w) + " by " + list(wStride) + " before " +
         list(before) + " behind " + list(behind) + " stride " + list(stride) +
         " dilation " + list(dilation);
}

/// What does not fit together; empty when everything does.
std::string Operation::problem(const Desc &d) const {
  const auto &names = kNames[form];
  const Desc &c = d.child(names[3]);
  for (int i = 0; i < 3; ++i)
    if (d.child(names[i]).one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE) !=
        type)
      return "tensors of different types";
  if (d.one<float>(names[4]) != 1 || d.one<float>(names[5]) != 0)
    return "factors other than 1 and 0";
  if (c.one<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2 ||
      c.one<cudnnDataType_t>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE) !=
          CUDNN_DATA_FLOAT ||
      c.one<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) !=
          CUDNN_CROSS_CORRELATION)
    return "another convolution than a cross correlation with float32 sums";
  if (x[0] != y[0] || w[0] != y[1] || w[1] == 0 || x[1] % w[1] ||
      y[1] % (x[1] / w[1]))
    return "images or channels that do not fit";
  for (size_t i : {0, 1}) {
    const int64_t span = (w[i + 2] - 1) * dilation[i] + 1;
    const int64_t room = x[i + 2] + before[i] + behind[i] - span;
    if (before[i] < 0 || behind[i] < 0 || stride[i] < 1 || dilation[i] < 1 ||
        room < 0 || room / stride[i] + 1 != y[i + 2])
      return "windows that do not fit: " + text();
  }
  // Its fast kernels want filters like this.
  const int64_t column = w[1], row = w[3] * column;
  const std::vector<int64_t> wanted = {w[2] * row, 1, row, column};
  if (wStride != wanted)
    return "a filter that lies otherwise: " + text();
  return {};
}

double load(const void *from, cudnnDataType_t type, int64_t at) {
  if (type == CUDNN_DATA_FLOAT)
    return static_cast<const float *>(from)[at];
  const uint16_t bits = static_cast<const uint16_t *>(from)[at];
  return type == CUDNN_DATA_HALF ? halfToFloat(bits) : bfloatToFloat(bits);
}
void store(void *to, cudnnDataType_t type, int64_t at, double value) {
  if (type == CUDNN_DATA_FLOAT)
    static_cast<float *>(to)[at] = float(value);
  else
    static_cast<uint16_t *>(to)[at] = type == CUDNN_DATA_HALF
                                          ? floatToHalf(float(value))
                                          : floatToBFloat(float(value));
}

/// Every product of the convolution is added where the form wants it.
void Operation::run(const void *a, const void *b, void *c) const {
  const std::vector<int64_t> *sizes[] = {&y, &x, &w};
  const std::vector<int64_t> *strides[] = {&yStride, &xStride, &wStride};
  const std::vector<int64_t> &size = *sizes[form], &by = *strides[form];
  int64_t last = 0;
  for (size_t i = 0; i < 4; ++i)
    last += (size[i] - 1) * by[i];
  std::vector<double> sums(size_t(last) + 1, 0.0);
  const int64_t groups = x[1] / w[1], outs = y[1] / groups;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < y[1]; ++k)
      for (int64_t oy = 0; oy < y[2]; ++oy)
        for (int64_t ox = 0; ox < y[3]; ++ox)
          for (int64_t ky = 0; ky < w[2]; ++ky)
            for (int64_t kx = 0; kx < w[3]; ++kx) {
              const int64_t iy = oy * stride[0] + ky * dilation[0] - before[0];
              const int64_t ix = ox * stride[1] + kx * dilation[1] - before[1];
              if (iy < 0 || ix < 0 || iy >= x[2] || ix >= x[3])
                continue;
              const int64_t atY = n * yStride[0] + k * yStride[1] +
                                  oy * yStride[2] + ox * yStride[3];
              for (int64_t i = 0; i < w[1]; ++i) {
                const int64_t atX = n * xStride[0] +
                                    (k / outs * w[1] + i) * xStride[1] +
                                    iy * xStride[2] + ix * xStride[3];
                const int64_t atW = k * wStride[0] + i * wStride[1] +
                                    ky * wStride[2] + kx * wStride[3];
                // Operands: (x, w), (y, w), (y, x).
                const double product =
                    load(a, type, form == 0 ? atX : atY) *
                    load(b, type, form == 2 ? atX : atW);
                sums[size_t(form == 0   ? atY
                            : form == 1 ? atX
                                        : atW)] += product;
              }
            }
  std::vector<int64_t> i(4, 0);
  for (i[0] = 0; i[0] < size[0]; ++i[0])
    for (i[1] = 0; i[1] < size[1]; ++i[1])
      for (i[2] = 0; i[2] < size[2]; ++i[2])
        for (i[3] = 0; i[3] < size[3]; ++i[3]) {
          const int64_t at =
              i[0] * by[0] + i[1] * by[1] + i[2] * by[2] + i[3] * by[3];
          store(c, type, at, sums[size_t(at)]);
        }
}

#define ENTER(NAME)                                                            \
  if (fakeFails(#NAME))                                                        \
    return CUDNN_STATUS_INTERNAL_ERROR

cudnnStatus_t create(cudnnHandle_t *handle) {
  ENTER(cudnnCreate);
  if (fakeCuda().cudnnCreateStatus != CUDNN_STATUS_SUCCESS)
    return static_cast<cudnnStatus_t>(fakeCuda().cudnnCreateStatus);
  *handle = reinterpret_cast<cudnnHandle_t>(new char);
  fakeCuda().live["cudnnCreate"].insert(*handle);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t destroy(cudnnHandle_t handle) {
  fakeCuda().calls.emplace_back("cudnnDestroy");
  if (!fakeCuda().live["cudnnCreate"].erase(handle))
    return refuse("a handle is destroyed twice");
  delete reinterpret_cast<char *>(handle);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t setStream(cudnnHandle_t, cudaStream_t stream) {
  ENTER(cudnnSetStream);
  return fakeCuda().live["cudaStreamCreateWithFlags"].count(stream)
             ? CUDNN_STATUS_SUCCESS
             : refuse("no such stream");
}
const char *errorString(cudnnStatus_t status) {
  fakeCuda().asked.insert("cudnnGetErrorString");
  return status == CUDNN_STATUS_INTERNAL_ERROR ? "CUDNN_STATUS_INTERNAL_ERROR"
                                               : "CUDNN_STATUS_OTHER";
}
void lastErrorString(char *message, size_t size) {
  fakeCuda().asked.insert("cudnnGetLastErrorString");
  std::strncpy(message, "the fake's reason", size);
}
size_t version() {
  fakeCuda().asked.insert("cudnnGetVersion");
  return 91900;
}

cudnnStatus_t descCreate(cudnnBackendDescriptorType_t type,
                         cudnnBackendDescriptor_t *descriptor) {
  ENTER(cudnnBackendCreateDescriptor);
  auto *made = new Desc;
  made->type = type;
  *descriptor = made;
  live().insert(made);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t descDestroy(cudnnBackendDescriptor_t descriptor) {
  fakeCuda().calls.emplace_back("cudnnBackendDestroyDescriptor");
  if (!live().erase(descriptor))
    return refuse("a descriptor is destroyed twice");
  delete static_cast<Desc *>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t descSet(cudnnBackendDescriptor_t descriptor,
                      cudnnBackendAttributeName_t name,
                      cudnnBackendAttributeType_t type, int64_t count,
                      const void *values) {
  ENTER(cudnnBackendSetAttribute);
  Desc &d = *static_cast<Desc *>(descriptor);
  const std::string what = "attribute " + std::to_string(name);
  if (!live().count(descriptor) || d.final)
    return refuse(what + " of a descriptor that is gone or final");
  for (const Known &known : kKnown) {
    if (known.name != name || known.of != d.type)
      continue;
    if (known.type != type || count < known.least || count > known.most)
      return refuse(what + " in another type, or too many");
    const auto *from = static_cast<const unsigned char *>(values);
    d.values[name].assign(from, from + size_t(count) * known.bytes);
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
      for (void *one : d.many<void *>(name))
        if (!live().count(one) || !static_cast<Desc *>(one)->final)
          return refuse(what + ": a descriptor that is not final");
    return CUDNN_STATUS_SUCCESS;
  }
  return refuse(what + " does not belong to this descriptor");
}

const FakeEngine *engineOf(int64_t number) {
  for (const FakeEngine &engine : fakeCuda().engines)
    if (engine.number == number)
      return &engine;
  return nullptr;
}

/// Settings that the heuristics gave hold the number of an engine and its
/// graph; others a descriptor of an engine.
constexpr int kNumber = -1, kGraph = -2;
int64_t numberOf(const Desc &settings) {
  return settings.values.count(kNumber)
             ? settings.one<int64_t>(kNumber)
             : settings.child(CUDNN_ATTR_ENGINECFG_ENGINE)
                   .one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
}

cudnnStatus_t descFinalize(cudnnBackendDescriptor_t descriptor) {
  ENTER(cudnnBackendFinalize);
  Desc &d = *static_cast<Desc *>(descriptor);
  if (d.final)
    return refuse("finalized twice");
  for (const Known &known : kKnown)
    if (known.of == d.type && known.needed && !d.values.count(known.name))
      return refuse("no attribute " + std::to_string(known.name));
  if (formOf(d) >= 0) {
    const std::string problem = operationOf(d).problem(d);
    if (!problem.empty())
      return refuse(problem);
  }
  if (d.type == CUDNN_BACKEND_ENGINE_DESCRIPTOR &&
      !engineOf(d.one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX)))
    return CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND;
  if (d.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR &&
      !engineOf(numberOf(d.child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)))
           ->supports)
    return CUDNN_STATUS_NOT_SUPPORTED_SHAPE;
  d.final = true;
  return CUDNN_STATUS_SUCCESS;
}

/// Descriptors that cuDNN made and its caller only has a name for.
void fill(void *to, cudnnBackendDescriptorType_t type, const Desc &with) {
  auto &d = *static_cast<Desc *>(to);
  if (d.type != type || d.final)
    refuse("a descriptor of another type is to be filled");
  d = with;
}

cudnnStatus_t descGet(cudnnBackendDescriptor_t descriptor,
                      cudnnBackendAttributeName_t name,
                      cudnnBackendAttributeType_t type, int64_t most,
                      int64_t *count, void *values) {
  ENTER(cudnnBackendGetAttribute);
  const Desc &d = *static_cast<const Desc *>(descriptor);
  if (!live().count(descriptor) || !d.final)
    return refuse("an attribute of a descriptor that is not final");
  auto give = [&](auto list, cudnnBackendAttributeType_t of) {
    if (type != of)
      return refuse("attribute " + std::to_string(name) + " in another type");
    *count = int64_t(list.size());
    for (size_t i = 0; i < std::min(size_t(most), list.size()); ++i)
      std::memcpy(static_cast<char *>(values) + i * sizeof list[0], &list[i],
                  sizeof list[0]);
    return CUDNN_STATUS_SUCCESS;
  };
  auto *places = static_cast<void **>(values);
  switch (name) {
  case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
    const bool fallback =
        d.one<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE) ==
        CUDNN_HEUR_MODE_FALLBACK;
    *count = 0;
    for (const FakeEngine &engine : fakeCuda().engines) {
      if (engine.isFallback != fallback)
        continue;
      if (*count < most) {
        Desc made = {CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, true, {}};
        made.put<int64_t>(kNumber, {engine.number});
        made.put<void *>(
            kGraph, {d.one<void *>(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH)});
        fill(places[*count], made.type, made);
      }
      ++*count;
    }
    return CUDNN_STATUS_SUCCESS;
  }
  case CUDNN_ATTR_ENGINECFG_ENGINE: {
    *count = 1;
    Desc made = {CUDNN_BACKEND_ENGINE_DESCRIPTOR, true, {}};
    made.put<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, {numberOf(d)});
    if (d.values.count(kGraph))
      made.put<void *>(CUDNN_ATTR_ENGINE_OPERATION_GRAPH,
                       {d.one<void *>(kGraph)});
    fill(places[0], made.type, made);
    return CUDNN_STATUS_SUCCESS;
  }
  case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES: {
    const FakeEngine &engine = *engineOf(numberOf(d));
    *count = 0;
    for (auto [knob, value] : engine.knobs) {
      Desc made = {CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, true, {}};
      made.put<int>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, {knob});
      made.put<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, {value});
      fill(places[(*count)++], made.type, made);
    }
    return CUDNN_STATUS_SUCCESS;
  }
  case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: {
    const FakeEngine &engine =
        *engineOf(d.one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
    std::vector<cudnnBackendNumericalNote_t> notes;
    for (int note : engine.notes)
      notes.push_back(static_cast<cudnnBackendNumericalNote_t>(note));
    return give(notes, CUDNN_TYPE_NUMERICAL_NOTE);
  }
  case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    return give(d.many<int64_t>(name), CUDNN_TYPE_INT64);
  case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
    return give(d.many<cudnnBackendKnobType_t>(name), CUDNN_TYPE_KNOB_TYPE);
  case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
    return give(d.many<int64_t>(name), CUDNN_TYPE_INT64);
  case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: {
    const Desc &settings = d.child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    return give(std::vector<int64_t>{engineOf(numberOf(settings))->workspace},
                CUDNN_TYPE_INT64);
  }
  default:
    return refuse("attribute " + std::to_string(name) + " cannot be read");
  }
}

cudnnStatus_t execute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                      cudnnBackendDescriptor_t pack) {
  ENTER(cudnnBackendExecute);
  if (!fakeCuda().live["cudnnCreate"].count(handle) || !live().count(plan) ||
      !live().count(pack))
    return refuse("a plan, a pack or a handle that is gone");
  const Desc &p = *static_cast<const Desc *>(plan);
  const Desc &v = *static_cast<const Desc *>(pack);
  if (!p.final || !v.final)
    return refuse("a plan or a pack that is not final");
  const void *settingsOf =
      p.one<void *>(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (!live().count(settingsOf))
    return refuse("settings of a plan that are gone");
  const Desc &settings = *static_cast<const Desc *>(settingsOf);
  const void *graphOf = nullptr;
  if (settings.values.count(kGraph)) {
    graphOf = settings.one<void *>(kGraph);
  } else {
    const void *engine = settings.one<void *>(CUDNN_ATTR_ENGINECFG_ENGINE);
    if (!live().count(engine))
      return refuse("an engine of a plan that is gone");
    graphOf = static_cast<const Desc *>(engine)->one<void *>(
        CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
  }
  const int64_t number = numberOf(settings);
  if (!live().count(graphOf))
    return refuse("the graph of a plan that is gone");
  const Desc &operation = static_cast<const Desc *>(graphOf)->child(
      CUDNN_ATTR_OPERATIONGRAPH_OPS);
  const Operation held = operationOf(operation);
  const auto names = v.many<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto places = v.many<void *>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  auto placeOf = [&](int which) -> void * {
    const int64_t name = operation.child(kNames[held.form][which])
                             .one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name)
        return places[i];
    return nullptr;
  };
  void *x = placeOf(0), *y = placeOf(1), *w = placeOf(2);
  for (void *place : {x, y, w})
    if (!place || reinterpret_cast<uintptr_t>(place) % 16)
      return refuse("a tensor without a place, or at an odd one");
  if (engineOf(number)->workspace &&
      !v.one<void *>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE))
    return refuse("no workspace");
  fakeCuda().convolutions.push_back(held.text());
  fakeCuda().usedEngines.push_back(number);
  fakeEnqueue([=] {
    fakeCuda().launches.emplace_back("cudnn");
    if (!fakeCuda().executes || isCollecting())
      return;
    if (held.form == 0)
      held.run(x, w, y);
    else if (held.form == 1)
      held.run(y, w, x);
    else
      held.run(y, x, w);
  });
  return CUDNN_STATUS_SUCCESS;
}

} // namespace

void amprt::test::fillFakeCudnn(cuda::Api &api) {
  api.findCudnn = [](cuda::Api &table) {
    if (!fakeCuda().hasCudnn)
      return Status(Code::NotFound, "there is no cuDNN (libcudnn.so.9)");
    table.cudnnGetVersion = version;
    table.cudnnCreate = create;
    table.cudnnDestroy = destroy;
    table.cudnnSetStream = setStream;
    table.cudnnGetErrorString = errorString;
    table.cudnnGetLastErrorString = lastErrorString;
    table.cudnnBackendCreateDescriptor = descCreate;
    table.cudnnBackendDestroyDescriptor = descDestroy;
    table.cudnnBackendSetAttribute = descSet;
    table.cudnnBackendGetAttribute = descGet;
    table.cudnnBackendFinalize = descFinalize;
    table.cudnnBackendExecute = execute;
    return okStatus();
  };
}

#else

void amprt::test::fillFakeCudnn(amprt::cuda::Api &) {}

#endif

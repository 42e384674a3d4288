//===- Cudnn.h - cuDNN's graph interface ------------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Everything in cuDNN is a descriptor with attributes: tensors, operations, a
// graph of them, engines that can run it, and the plan that does.
//===----------------------------------------------------------------------===//

#ifndef AMPRT_CUDA_CUDNN_H
#define AMPRT_CUDA_CUDNN_H

#include "Context.h"

namespace amprt::cuda {

/// cuDNN on this GPU; NotFound says why there is none.
Result<std::shared_ptr<Cudnn>> openCudnn(Api &api, cudaStream_t stream);
/// `cuDNN 91900`.
std::string describeCudnn(const Api &api);

#ifdef AMPRT_HAS_CUDNN

class Cudnn {
public:
  Cudnn(const Api &api, Owned<cudnnHandle_t> handle)
      : api(api), owned(std::move(handle)) {}
  cudnnHandle_t handle() const { return owned.get(); }

  const Api &api;

private:
  Owned<cudnnHandle_t> owned;
};

using Descriptor = Owned<cudnnBackendDescriptor_t>;
Result<Descriptor> makeDescriptor(const Api &api,
                                  cudnnBackendDescriptorType_t type);

/// cuDNN's name for the type of an attribute.
template <typename T> constexpr cudnnBackendAttributeType_t attributeType();
#define AMPRT_ATTRIBUTE(TYPE, NAME)                                            \
  template <>                                                                  \
  constexpr cudnnBackendAttributeType_t attributeType<TYPE>() {                \
    return CUDNN_TYPE_##NAME;                                                  \
  }
AMPRT_ATTRIBUTE(int64_t, INT64)
AMPRT_ATTRIBUTE(float, FLOAT)
AMPRT_ATTRIBUTE(cudnnHandle_t, HANDLE)
AMPRT_ATTRIBUTE(cudnnDataType_t, DATA_TYPE)
AMPRT_ATTRIBUTE(cudnnConvolutionMode_t, CONVOLUTION_MODE)
AMPRT_ATTRIBUTE(cudnnBackendHeurMode_t, HEUR_MODE)
AMPRT_ATTRIBUTE(cudnnBackendKnobType_t, KNOB_TYPE)
AMPRT_ATTRIBUTE(cudnnBackendNumericalNote_t, NUMERICAL_NOTE)
AMPRT_ATTRIBUTE(cudnnBackendDescriptor_t, BACKEND_DESCRIPTOR)
#undef AMPRT_ATTRIBUTE

/// A descriptor's attributes, one after the other. After the first call that
/// fails the others are left out.
class Attributes {
public:
  Attributes(const Api &api, const Descriptor &of)
      : api(api), of(of.get()) {}
  template <typename T>
  Attributes &set(cudnnBackendAttributeName_t name, const T &value) {
    return setMany(name, &value, 1);
  }
  template <typename T>
  Attributes &set(cudnnBackendAttributeName_t name,
                  const std::vector<T> &values) {
    return setMany(name, values.data(), values.size());
  }
  Attributes &set(cudnnBackendAttributeName_t name, const Descriptor &value) {
    return set(name, value.get());
  }
  /// Addresses: in C++ of the same type as a descriptor.
  Attributes &setPlaces(cudnnBackendAttributeName_t name,
                        const std::vector<void *> &places) {
    return setMany(name, places.data(), places.size(), CUDNN_TYPE_VOID_PTR);
  }
  /// Whether cuDNN takes them.
  cudnnStatus_t finalize() {
    if (status == CUDNN_STATUS_SUCCESS) {
      call = "cudnnBackendFinalize";
      status = api.cudnnBackendFinalize(of);
    }
    return status;
  }
  /// The same; an error where it does not.
  Status finish() {
    (void)finalize();
    return error();
  }
  Status error() const { return check(api, status, call); }

private:
  template <typename T>
  Attributes &setMany(cudnnBackendAttributeName_t name, const T *values,
                      size_t count,
                      cudnnBackendAttributeType_t type = attributeType<T>()) {
    if (status == CUDNN_STATUS_SUCCESS)
      status = api.cudnnBackendSetAttribute(of, name, type, int64_t(count),
                                            values);
    return *this;
  }

  const Api &api;
  cudnnBackendDescriptor_t of;
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  const char *call = "cudnnBackendSetAttribute";
};

/// Up to `most` values of an attribute.
template <typename T>
Result<std::vector<T>> getMany(const Api &api, const Descriptor &of,
                               cudnnBackendAttributeName_t name, size_t most) {
  std::vector<T> values(most);
  int64_t count = 0;
  AMPRT_CUDA(api, cudnnBackendGetAttribute,
             (of.get(), name, attributeType<T>(), int64_t(most), &count,
              values.data()));
  values.resize(std::min(most, size_t(count)));
  return values;
}
template <typename T>
Result<T> getOne(const Api &api, const Descriptor &of,
                 cudnnBackendAttributeName_t name) {
  T value = {};
  int64_t count = 0;
  AMPRT_CUDA(api, cudnnBackendGetAttribute,
             (of.get(), name, attributeType<T>(), 1, &count, &value));
  return value;
}
/// Up to `most` descriptors, which the attribute fills.
Result<std::vector<Descriptor>>
getDescriptors(const Api &api, const Descriptor &of,
               cudnnBackendAttributeName_t name,
               cudnnBackendDescriptorType_t type, size_t most);

/// Whether cuDNN only says that it cannot do this.
inline bool isUnsupported(cudnnStatus_t status) {
  return CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED ||
         status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED;
}

#endif // AMPRT_HAS_CUDNN

} // namespace amprt::cuda

#endif // AMPRT_CUDA_CUDNN_H

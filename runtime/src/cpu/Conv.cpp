//===- Conv.cpp - Convolutions and their gradients ------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Through oneDNN in float32, and in bfloat16 where the CPU is faster with it;
// other 16-bit images and filters are converted by our own code. It reads images
// with their channels together as they are; of others, and of filters, it makes
// layouts of its own at each call. Plain loops, with sums in float64, for float64,
// for sizes of 0 and without oneDNN.
//
// All three are about one convolution from images `x` to images `y` with a
// filter: forward x and the filter are given, and each gradient takes that of y
// and the other one.
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "Kernels.h"

#ifdef AMPRT_HAS_ONEDNN
#include <dnnl.hpp>
#endif

#include <algorithm>
#include <limits>

using namespace amprt;
using namespace amprt::cpu;

namespace {

/// Strides of images by image, channel, row, column.
struct ImageStrides {
  int64_t image, channel, row, column;
  ImageStrides(int64_t channels, const int64_t (&size)[2], bool first) {
    row = first ? size[1] : size[1] * channels;
    column = first ? 1 : channels;
    channel = first ? size[0] * size[1] : 1;
    image = size[0] * size[1] * channels;
  }
  int64_t at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return n * image + c * channel + y * row + x * column;
  }
};

/// The convolution as nested loops; a result is one sum, in one order.
template <typename T> class PlainConv {
public:
  explicit PlainConv(const StepParams &p)
      : p(p), w(p.spatial), x(p.channelsIn, w.in, p.channelsFirst),
        y(p.channelsOut, w.out, p.channelsFirst), ins(p.channelsIn / p.groups),
        outs(p.channelsOut / p.groups) {}

  void forward(const T *image, const T *filter, T *result) const;
  void inputGrad(const T *gradient, const T *filter, T *result) const;
  void filterGrad(const T *gradient, const T *image, T *result) const;

private:
  int64_t filterAt(int64_t g, int64_t o, int64_t i, int64_t ky,
                   int64_t kx) const {
    const Dims &s = p.filterStrides;
    return g * s[0] + o * s[1] + i * s[2] + ky * s[3] + kx * s[4];
  }
  /// The row or column of x under tap `k` of window `out`, or -1.
  int64_t under(int axis, int64_t out, int64_t k) const {
    int64_t at = out * w.stride[axis] + k * w.dilation[axis] - w.before[axis];
    return at < w.in[axis] ? at : -1;
  }
  /// The window whose tap `k` is at `in`, or -1.
  int64_t above(int axis, int64_t in, int64_t k) const {
    int64_t at = in + w.before[axis] - k * w.dilation[axis];
    if (at < 0 || at % w.stride[axis] || at / w.stride[axis] >= w.out[axis])
      return -1;
    return at / w.stride[axis];
  }

  const StepParams &p;
  const Window2d &w;
  ImageStrides x, y;
  int64_t ins, outs;
};

template <typename T>
void PlainConv<T>::forward(const T *image, const T *filter, T *result) const {
  int64_t rows = p.outer * p.channelsOut * w.out[0];
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t oy = row % w.out[0], c = row / w.out[0] % p.channelsOut;
    int64_t n = row / w.out[0] / p.channelsOut, g = c / outs;
    for (int64_t ox = 0; ox < w.out[1]; ++ox) {
      double sum = 0;
      for (int64_t ky = 0; ky < w.window[0]; ++ky)
        for (int64_t kx = 0; kx < w.window[1]; ++kx) {
          int64_t iy = under(0, oy, ky), ix = under(1, ox, kx);
          if (iy < 0 || ix < 0)
            continue;
          for (int64_t i = 0; i < ins; ++i)
            sum += double(image[x.at(n, g * ins + i, iy, ix)]) *
                   double(filter[filterAt(g, c % outs, i, ky, kx)]);
        }
      result[y.at(n, c, oy, ox)] = T(sum);
    }
  }
}

template <typename T>
void PlainConv<T>::inputGrad(const T *gradient, const T *filter,
                             T *result) const {
  int64_t rows = p.outer * p.channelsIn * w.in[0];
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t iy = row % w.in[0], c = row / w.in[0] % p.channelsIn;
    int64_t n = row / w.in[0] / p.channelsIn, g = c / ins;
    for (int64_t ix = 0; ix < w.in[1]; ++ix) {
      double sum = 0;
      for (int64_t ky = 0; ky < w.window[0]; ++ky)
        for (int64_t kx = 0; kx < w.window[1]; ++kx) {
          int64_t oy = above(0, iy, ky), ox = above(1, ix, kx);
          if (oy < 0 || ox < 0)
            continue;
          for (int64_t o = 0; o < outs; ++o)
            sum += double(gradient[y.at(n, g * outs + o, oy, ox)]) *
                   double(filter[filterAt(g, o, c % ins, ky, kx)]);
        }
      result[x.at(n, c, iy, ix)] = T(sum);
    }
  }
}

template <typename T>
void PlainConv<T>::filterGrad(const T *gradient, const T *image,
                              T *result) const {
  int64_t rows = p.channelsOut * ins;
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    int64_t c = row / ins, i = row % ins, g = c / outs;
    for (int64_t ky = 0; ky < w.window[0]; ++ky)
      for (int64_t kx = 0; kx < w.window[1]; ++kx) {
        double sum = 0;
        for (int64_t n = 0; n < p.outer; ++n)
          for (int64_t oy = 0; oy < w.out[0]; ++oy)
            for (int64_t ox = 0; ox < w.out[1]; ++ox) {
              int64_t iy = under(0, oy, ky), ix = under(1, ox, kx);
              if (iy >= 0 && ix >= 0)
                sum += double(gradient[y.at(n, c, oy, ox)]) *
                       double(image[x.at(n, g * ins + i, iy, ix)]);
            }
        result[filterAt(g, c % outs, i, ky, kx)] = T(sum);
      }
  }
}

/// Runs of this many elements are converted by one thread.
constexpr int64_t kConvert = 1 << 14;

class Convolution : public Product {
public:
  Convolution(const Program &program, const Step &step)
      : program(program), step(step), p(step.params) {}
  Status prepare();
  Status run(const StepCall &call, void *) override;
  size_t scratchBytes() const override { return 0; }

private:
  template <typename T> void runPlain(const T *a, const T *b, T *c) const {
    PlainConv<T> plain(p);
    if (step.kernel == Kernel::Conv)
      plain.forward(a, b, c);
    else if (step.kernel == Kernel::ConvInputGrad)
      plain.inputGrad(a, b, c);
    else
      plain.filterGrad(a, b, c);
  }
  Status multiply(const void *a, const void *b, void *c);
  bool isNative() const;
  /// An operand as float32: itself, or converted to memory of our own.
  const float *asFloats(const StepCall &call, size_t operand,
                        std::vector<float> &memory) const;

  const Program &program;
  const Step &step;
  const StepParams &p;
  std::vector<float> converted[3];
  bool native = false; ///< oneDNN multiplies bfloat16 as it is stored
#ifdef AMPRT_HAS_ONEDNN
  /// A tensor as we have it, and as oneDNN wants it.
  struct Side {
    dnnl::memory ours, theirs;
    dnnl::reorder reorder;
  };
  void setSide(size_t number, int name, const dnnl::memory::desc &ours,
               const dnnl::memory::desc &theirs);
  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::primitive primitive;
  int argument[3] = {};
  Side sides[3]; ///< the operands, the result
#endif
};

} // namespace

#ifdef AMPRT_HAS_ONEDNN

void Convolution::setSide(size_t number, int name,
                          const dnnl::memory::desc &ours,
                          const dnnl::memory::desc &theirs) {
  Side &side = sides[number];
  argument[number] = name;
  side.ours = dnnl::memory(ours, engine, nullptr);
  if (ours == theirs)
    return;
  side.theirs = dnnl::memory(theirs, engine);
  side.reorder = number == 2 ? dnnl::reorder(side.theirs, side.ours)
                             : dnnl::reorder(side.ours, side.theirs);
}

/// Whether all three are bfloat16 on a CPU that is faster with it.
bool Convolution::isNative() const {
  for (uint32_t buffer : {step.operands[0], step.operands[1], step.results[0]})
    if (program.buffers[buffer].dtype != DType::BFloat16)
      return false;
  return multipliesBFloat16();
}

/// oneDNN counts positions under a window in ints.
static bool fitsInt(const Window2d &w) {
  constexpr int64_t most = std::numeric_limits<int>::max();
  for (int i : {0, 1})
    if (w.stride[i] > most || w.before[i] > most || w.dilation[i] > most ||
        (w.window[i] - 1) * w.dilation[i] + 1 > most)
      return false;
  return true;
}

Status Convolution::prepare() {
  bool empty = false;
  for (uint32_t buffer : {step.operands[0], step.operands[1], step.results[0]})
    empty |= elementCount(program.buffers[buffer].dims) == 0;
  if (empty || program.buffers[step.results[0]].dtype == DType::Float64 ||
      !fitsInt(p.spatial))
    return okStatus();
  using dnnl::memory;
  native = isNative();
  const auto type =
      native ? memory::data_type::bf16 : memory::data_type::f32;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
  const Window2d &w = p.spatial;
  try {
    engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
    stream = dnnl::stream(engine);
    auto images = [&](int64_t channels, const int64_t(&size)[2]) {
      ImageStrides s(channels, size, p.channelsFirst);
      return memory::desc({p.outer, channels, size[0], size[1]}, type,
                          memory::dims{s.image, s.channel, s.row, s.column});
    };
    memory::dims sizes = {p.groups, p.channelsOut / p.groups,
                          p.channelsIn / p.groups, w.window[0], w.window[1]};
    memory::dims strides(p.filterStrides.begin(), p.filterStrides.end());
    if (p.groups == 1) {
      sizes.erase(sizes.begin());
      strides.erase(strides.begin());
    }
    memory::desc x = images(p.channelsIn, w.in);
    memory::desc y = images(p.channelsOut, w.out);
    memory::desc filter(sizes, type, strides);
    auto any = [&](const memory::desc &like) {
      return memory::desc(like.dims(), type, memory::format_tag::any);
    };
    // Its fast kernels read images with their channels together as they are;
    // what it has for other layouts is slower than changing the layout.
    auto isFast = [](const auto &description) {
      std::string name = description.impl_info_str();
      return name.find("gemm") == std::string::npos &&
             name.find("ref") == std::string::npos;
    };
    memory::dims stride = {w.stride[0], w.stride[1]}, dilation, before, behind;
    for (int i : {0, 1}) {
      dilation.push_back(w.dilation[i] - 1);
      before.push_back(w.before[i]);
      int64_t span = (w.window[i] - 1) * w.dilation[i] + 1;
      int64_t reach = (w.out[i] - 1) * w.stride[i] + span - w.before[i];
      behind.push_back(std::max<int64_t>(0, reach - w.in[i]));
    }
    dnnl::prop_kind kind = step.kernel == Kernel::Conv
                               ? dnnl::prop_kind::forward_inference
                               : dnnl::prop_kind::forward_training;
    /// With images as they are; false if no fast kernel takes them so.
    auto prepareWith = [&](const memory::desc &image,
                           const memory::desc &result, bool onlyFast) {
      dnnl::convolution_forward::primitive_desc forward(
          dnnl::convolution_forward::desc(kind, direct, image, any(filter),
                                          result, stride, dilation, before,
                                          behind),
          engine);
      if (step.kernel == Kernel::Conv) {
        if (onlyFast && !isFast(forward))
          return false;
        primitive = dnnl::convolution_forward(forward);
        setSide(0, DNNL_ARG_SRC, x, forward.src_desc());
        setSide(1, DNNL_ARG_WEIGHTS, filter, forward.weights_desc());
        setSide(2, DNNL_ARG_DST, y, forward.dst_desc());
      } else if (step.kernel == Kernel::ConvInputGrad) {
        dnnl::convolution_backward_data::primitive_desc backward(
            dnnl::convolution_backward_data::desc(direct, image, any(filter),
                                                  result, stride, dilation,
                                                  before, behind),
            engine, forward);
        if (onlyFast && !isFast(backward))
          return false;
        primitive = dnnl::convolution_backward_data(backward);
        setSide(0, DNNL_ARG_DIFF_DST, y, backward.diff_dst_desc());
        setSide(1, DNNL_ARG_WEIGHTS, filter, backward.weights_desc());
        setSide(2, DNNL_ARG_DIFF_SRC, x, backward.diff_src_desc());
      } else {
        dnnl::convolution_backward_weights::primitive_desc backward(
            dnnl::convolution_backward_weights::desc(direct, image, any(filter),
                                                     result, stride, dilation,
                                                     before, behind),
            engine, forward);
        if (onlyFast && !isFast(backward))
          return false;
        primitive = dnnl::convolution_backward_weights(backward);
        setSide(0, DNNL_ARG_DIFF_DST, y, backward.diff_dst_desc());
        setSide(1, DNNL_ARG_SRC, x, backward.src_desc());
        setSide(2, DNNL_ARG_DIFF_WEIGHTS, filter, backward.diff_weights_desc());
      }
      return true;
    };
    if (p.channelsFirst || !prepareWith(x, y, true))
      prepareWith(any(x), any(y), false);
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot prepare the "
                                              "convolution '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

Status Convolution::multiply(const void *a, const void *b, void *c) {
  if (!primitive) {
    runPlain(static_cast<const float *>(a), static_cast<const float *>(b),
             static_cast<float *>(c));
    return okStatus();
  }
  try {
    void *memory[3] = {const_cast<void *>(a), const_cast<void *>(b), c};
    std::unordered_map<int, dnnl::memory> arguments;
    for (size_t i : {0, 1, 2}) {
      Side &side = sides[i];
      side.ours.set_data_handle(memory[i]);
      if (i != 2 && side.reorder)
        side.reorder.execute(stream, side.ours, side.theirs);
      arguments[argument[i]] = side.reorder ? side.theirs : side.ours;
    }
    primitive.execute(stream, arguments);
    if (sides[2].reorder)
      sides[2].reorder.execute(stream, sides[2].theirs, sides[2].ours);
    stream.wait();
  } catch (const dnnl::error &error) {
    return Status(Code::Internal, std::string("oneDNN cannot run the "
                                              "convolution '") +
                                      step.name + "': " + error.what());
  }
  return okStatus();
}

#else

Status Convolution::prepare() { return okStatus(); }

Status Convolution::multiply(const void *a, const void *b, void *c) {
  runPlain(static_cast<const float *>(a), static_cast<const float *>(b),
           static_cast<float *>(c));
  return okStatus();
}

#endif

const float *Convolution::asFloats(const StepCall &call, size_t operand,
                                   std::vector<float> &memory) const {
  DType dtype = call.operandBuffer(operand).dtype;
  if (dtype == DType::Float32)
    return call.operand<float>(operand);
  int64_t count = call.operandSize(operand);
  memory.resize(size_t(count));
  const auto *from = call.operand<uint16_t>(operand);
#pragma omp parallel for schedule(static) if (count >= kParallelElements)
  for (int64_t at = 0; at < count; at += kConvert)
    toFloats(memory.data() + at, from + at, dtype,
             std::min(kConvert, count - at));
  return memory.data();
}

Status Convolution::run(const StepCall &call, void *) {
  DType dtype = call.resultBuffer(0).dtype;
  if (dtype == DType::Float64) {
    runPlain(call.operand<double>(0), call.operand<double>(1),
             call.result<double>(0));
    return okStatus();
  }
  if (native)
    return multiply(call.operand(0), call.operand(1), call.result(0));
  const float *a = asFloats(call, 0, converted[0]);
  const float *b = asFloats(call, 1, converted[1]);
  if (dtype == DType::Float32)
    return multiply(a, b, call.result<float>(0));
  int64_t count = call.resultSize(0);
  converted[2].resize(size_t(count));
  AMPRT_RETURN_IF_ERROR(multiply(a, b, converted[2].data()));
  auto *to = call.result<uint16_t>(0);
#pragma omp parallel for schedule(static) if (count >= kParallelElements)
  for (int64_t at = 0; at < count; at += kConvert)
    fromFloats(to + at, dtype, converted[2].data() + at,
               std::min(kConvert, count - at));
  return okStatus();
}

Result<std::unique_ptr<Product>>
amprt::cpu::makeConvolution(const Program &program, const Step &step) {
  auto convolution = std::make_unique<Convolution>(program, step);
  AMPRT_RETURN_IF_ERROR(convolution->prepare());
  return std::unique_ptr<Product>(std::move(convolution));
}

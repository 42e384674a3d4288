//===- Convolution.cpp - Convolutions, by cuDNN ---------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A step is a graph of one operation. cuDNN proposes engines with settings for
// it; those whose arithmetic is not what the step promises are left out, and of
// the others the fastest is found by trying, once per device and version.
//
// All three operations are about images x and y and a filter w. Strides say how
// they lie in memory, so nothing is copied for it.
//===----------------------------------------------------------------------===//

#include "Cudnn.h"
#include "StepCode.h"
#include "Trial.h"

#include <algorithm>
#include <cstdlib>

using namespace amprt;
using namespace amprt::cuda;

namespace {

/// What cuDNN knows the three tensors by.
enum Tensor : int64_t { X = 1, Y = 2, W = 3 };

/// The attributes of an operation.
struct Form {
  Kernel kernel;
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, y, w, convolution, alpha, beta;
  Tensor operands[2], result;
};
constexpr Form kForms[] = {
    {Kernel::Conv, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
     {X, W},
     Y},
    {Kernel::ConvInputGrad,
     CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
     {Y, W},
     X},
    {Kernel::ConvFilterGrad,
     CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
     {Y, X},
     W}};
const Form &formOf(Kernel kernel) {
  return *std::find_if(std::begin(kForms), std::end(kForms),
                       [&](const Form &f) { return f.kernel == kernel; });
}

cudnnDataType_t dataType(DType dtype) {
  return dtype == DType::Float16    ? CUDNN_DATA_HALF
         : dtype == DType::BFloat16 ? CUDNN_DATA_BFLOAT16
                                    : CUDNN_DATA_FLOAT;
}

/// More than that are not looked at.
constexpr size_t kMostProposals = 40;

class Convolution : public StepCode {
public:
  Convolution(const StepContext &s, Cudnn &cudnn)
      : context(s.context), api(s.context.api()), cudnn(cudnn),
        form(formOf(s.step.kernel)), p(s.step.params),
        dtype(s.result(0).dtype) {
    memory = Context::kWorkspace;
    if (p.hasScratch)
      memory = std::max(memory, s.result(1).bytes());
    bytes[0] = s.operand(0).bytes();
    bytes[1] = s.operand(1).bytes();
    bytes[2] = s.result(0).bytes();
  }
  /// False where cuDNN has nothing for the step.
  Result<bool> prepare();
  Status bind(const StepCall &call) override;
  Status enqueue(const StepCall &call) override {
    return execute(plans.front(), pack);
  }

private:
  /// An engine with its settings, ready to run.
  struct Plan {
    Descriptor settings, plan;
  };
  Result<Descriptor> tensor(Tensor name, const std::vector<int64_t> &sizes,
                            const std::vector<int64_t> &strides);
  Result<Descriptor> image(Tensor name, int64_t channels,
                           const int64_t (&size)[2]);
  Status makeGraph();
  Result<bool> isAllowed(const Descriptor &settings);
  Result<bool> addPlan(Descriptor settings);
  Status propose(cudnnBackendHeurMode_t mode);
  Result<bool> recall(const std::string &choice);
  Result<std::string> describe(const Descriptor &settings);
  Result<Descriptor> packOf(void *const (&places)[3], void *workspace);
  Status takeFastest(void *workspace);
  Status execute(const Plan &plan, const Descriptor &with);
  std::string name() const;

  Context &context;
  const Api &api;
  Cudnn &cudnn;
  const Form &form;
  const StepParams &p;
  DType dtype;
  size_t memory, bytes[3];
  std::vector<Descriptor> parts; ///< what the graph is made of
  Descriptor graph;
  std::vector<Plan> plans; ///< candidates; one when it is chosen
  bool chosen = false;
  Descriptor pack; ///< the addresses of the call
};

} // namespace

Result<Descriptor>
Convolution::tensor(Tensor name, const std::vector<int64_t> &sizes,
                    const std::vector<int64_t> &strides) {
  AMPRT_ASSIGN_OR_RETURN(Descriptor made,
                         makeDescriptor(api, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  constexpr int64_t alignment = 16; // of memory at 256 bytes
  AMPRT_RETURN_IF_ERROR(
      Attributes(api, made)
          .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, int64_t(name))
          .set(CUDNN_ATTR_TENSOR_DATA_TYPE, dataType(dtype))
          .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment)
          .set(CUDNN_ATTR_TENSOR_DIMENSIONS, sizes)
          .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
          .finish());
  return made;
}

/// By image, channel, row, column, as cuDNN counts.
Result<Descriptor> Convolution::image(Tensor name, int64_t channels,
                                      const int64_t (&size)[2]) {
  const int64_t area = size[0] * size[1];
  std::vector<int64_t> strides = {area * channels, 1, size[1] * channels,
                                  channels};
  if (p.channelsFirst)
    strides = {area * channels, area, size[1], 1};
  return tensor(name, {p.outer, channels, size[0], size[1]}, strides);
}

Status Convolution::makeGraph() {
  const Window2d &w = p.spatial;
  AMPRT_ASSIGN_OR_RETURN(Descriptor x, image(X, p.channelsIn, w.in));
  AMPRT_ASSIGN_OR_RETURN(Descriptor y, image(Y, p.channelsOut, w.out));
  // One group behind the other: all channels out have one stride.
  const Dims &s = p.filterStrides;
  AMPRT_ASSIGN_OR_RETURN(
      Descriptor filter,
      tensor(W, {p.channelsOut, p.channelsIn / p.groups, w.window[0], w.window[1]},
             {s[1], s[2], s[3], s[4]}));

  AMPRT_ASSIGN_OR_RETURN(
      Descriptor windows,
      makeDescriptor(api, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
  std::vector<int64_t> before, behind, stride, dilation;
  for (int i : {0, 1}) {
    before.push_back(w.before[i]);
    behind.push_back(w.behind(i));
    stride.push_back(w.stride[i]);
    dilation.push_back(w.window[i] == 1 ? 1 : w.dilation[i]);
  }
  // Sums are float32 whatever is multiplied.
  AMPRT_RETURN_IF_ERROR(
      Attributes(api, windows)
          .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t(2))
          .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
          .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
          .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before)
          .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, behind)
          .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride)
          .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilation)
          .finish());

  AMPRT_ASSIGN_OR_RETURN(Descriptor operation, makeDescriptor(api, form.type));
  AMPRT_RETURN_IF_ERROR(Attributes(api, operation)
                            .set(form.x, x)
                            .set(form.y, y)
                            .set(form.w, filter)
                            .set(form.convolution, windows)
                            .set(form.alpha, 1.0f)
                            .set(form.beta, 0.0f)
                            .finish());
  AMPRT_ASSIGN_OR_RETURN(
      graph, makeDescriptor(api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
  AMPRT_RETURN_IF_ERROR(
      Attributes(api, graph)
          .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, cudnn.handle())
          .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation)
          .finish());
  for (Descriptor *part : {&x, &y, &filter, &windows, &operation})
    parts.push_back(std::move(*part));
  return okStatus();
}

/// What the choice depends on.
std::string Convolution::name() const {
  const Window2d &w = p.spatial;
  std::string text = form.kernel == Kernel::Conv            ? "forward"
                     : form.kernel == Kernel::ConvInputGrad ? "input gradient"
                                                            : "filter gradient";
  text += " " + std::string(amp::dtypeName(dtype));
  if (dtype == DType::Float32 && context.settings().tf32)
    text += " tf32";
  auto add = [&](const char *what, std::initializer_list<int64_t> numbers) {
    text += std::string(" ") + what;
    for (int64_t number : numbers)
      text += " " + std::to_string(number);
  };
  add(p.channelsFirst ? "channels first" : "images", {p.outer});
  add("in", {p.channelsIn, w.in[0], w.in[1]});
  add("out", {p.channelsOut, w.out[0], w.out[1]});
  add("window", {w.window[0], w.window[1]});
  add("stride", {w.stride[0], w.stride[1]});
  add("dilation", {w.dilation[0], w.dilation[1]});
  add("padding", {w.before[0], w.before[1], w.behind(0), w.behind(1)});
  add("groups", {p.groups});
  add("memory", {int64_t(memory)});
  return text;
}

/// Whether the engine adds in float32, and multiplies what it is given: not in
/// TF32 or 16 bits where float32 was asked for, and not what a transform made of
/// it, whose error is larger than that of rounding.
Result<bool> Convolution::isAllowed(const Descriptor &settings) {
  AMPRT_ASSIGN_OR_RETURN(
      std::vector<Descriptor> engine,
      getDescriptors(api, settings, CUDNN_ATTR_ENGINECFG_ENGINE,
                     CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1));
  if (engine.empty())
    return false;
  AMPRT_ASSIGN_OR_RETURN(
      std::vector<cudnnBackendNumericalNote_t> notes,
      getMany<cudnnBackendNumericalNote_t>(api, engine[0],
                                           CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                           CUDNN_NUMERICAL_NOTE_TYPE_COUNT));
  for (cudnnBackendNumericalNote_t note : notes)
    switch (note) {
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: // of float32: TF32
      if (dtype == DType::Float32 && !context.settings().tf32)
        return false;
      break;
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      if (context.settings().deterministic)
        return false;
      break;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
    case CUDNN_NUMERICAL_NOTE_FFT:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
      return false;
    default:
      break;
    }
  return true;
}

/// Makes a plan of an engine's settings; false where cuDNN does not support it
/// after all, or not in this much memory.
Result<bool> Convolution::addPlan(Descriptor settings) {
  Plan made;
  AMPRT_ASSIGN_OR_RETURN(
      made.plan, makeDescriptor(api, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
  Attributes attributes(api, made.plan);
  attributes.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, cudnn.handle())
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, settings);
  if (isUnsupported(attributes.finalize()))
    return false;
  AMPRT_RETURN_IF_ERROR(attributes.error());
  AMPRT_ASSIGN_OR_RETURN(
      int64_t needed,
      getOne<int64_t>(api, made.plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
  if (needed > int64_t(memory))
    return false;
  made.settings = std::move(settings);
  plans.push_back(std::move(made));
  return true;
}

/// Adds plans, up to the number that will be tried.
Status Convolution::propose(cudnnBackendHeurMode_t mode) {
  const auto wanted = size_t(std::max(1, context.settings().tries));
  AMPRT_ASSIGN_OR_RETURN(
      Descriptor heuristics,
      makeDescriptor(api, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR));
  Attributes attributes(api, heuristics);
  attributes.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (isUnsupported(attributes.finalize()))
    return okStatus();
  AMPRT_RETURN_IF_ERROR(attributes.error());
  AMPRT_ASSIGN_OR_RETURN(
      std::vector<Descriptor> proposals,
      getDescriptors(api, heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                     CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMostProposals));
  for (Descriptor &settings : proposals) {
    if (plans.size() >= wanted)
      break;
    AMPRT_ASSIGN_OR_RETURN(bool allowed, isAllowed(settings));
    if (allowed)
      AMPRT_RETURN_IF_ERROR(addPlan(std::move(settings)).status());
  }
  return okStatus();
}

/// `engine 62 2=5 24=13`: the engine's number and its settings.
Result<std::string> Convolution::describe(const Descriptor &settings) {
  AMPRT_ASSIGN_OR_RETURN(
      std::vector<Descriptor> engine,
      getDescriptors(api, settings, CUDNN_ATTR_ENGINECFG_ENGINE,
                     CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1));
  AMPRT_ASSIGN_OR_RETURN(
      std::vector<Descriptor> knobs,
      getDescriptors(api, settings, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                     CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
                     CUDNN_KNOB_TYPE_COUNTS));
  AMPRT_ASSIGN_OR_RETURN(
      int64_t number,
      getOne<int64_t>(api, engine.front(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
  std::string text = "engine " + std::to_string(number);
  for (const Descriptor &knob : knobs) {
    AMPRT_ASSIGN_OR_RETURN(
        cudnnBackendKnobType_t type,
        getOne<cudnnBackendKnobType_t>(api, knob,
                                       CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE));
    AMPRT_ASSIGN_OR_RETURN(
        int64_t value,
        getOne<int64_t>(api, knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
    text += " " + std::to_string(int(type)) + "=" + std::to_string(value);
  }
  return text;
}

/// The plan of a choice that was kept; false where cuDNN does not take it.
Result<bool> Convolution::recall(const std::string &choice) {
  const char *at = choice.c_str();
  int64_t number = 0;
  int length = 0;
  if (std::sscanf(at, "engine %ld%n", &number, &length) != 1)
    return false;
  AMPRT_ASSIGN_OR_RETURN(Descriptor engine,
                         makeDescriptor(api, CUDNN_BACKEND_ENGINE_DESCRIPTOR));
  auto refuses = [](Attributes &attributes) {
    const cudnnStatus_t status = attributes.finalize();
    return isUnsupported(status) ||
           CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_BAD_PARAM;
  };
  Attributes ofEngine(api, engine);
  ofEngine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, number);
  if (refuses(ofEngine))
    return false;
  AMPRT_RETURN_IF_ERROR(ofEngine.error());
  std::vector<Descriptor> knobs;
  int type = 0;
  for (at += length; std::sscanf(at, " %d=%ld%n", &type, &number, &length) == 2;
       at += length) {
    AMPRT_ASSIGN_OR_RETURN(
        Descriptor knob,
        makeDescriptor(api, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR));
    Attributes ofKnob(api, knob);
    ofKnob
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
             static_cast<cudnnBackendKnobType_t>(type))
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, number);
    if (refuses(ofKnob))
      return false;
    AMPRT_RETURN_IF_ERROR(ofKnob.error());
    knobs.push_back(std::move(knob));
  }
  AMPRT_ASSIGN_OR_RETURN(
      Descriptor settings,
      makeDescriptor(api, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
  std::vector<cudnnBackendDescriptor_t> plain;
  for (const Descriptor &knob : knobs)
    plain.push_back(knob.get());
  Attributes attributes(api, settings);
  attributes.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!plain.empty())
    attributes.set(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, plain);
  if (refuses(attributes))
    return false;
  AMPRT_RETURN_IF_ERROR(attributes.error());
  parts.push_back(std::move(engine));
  for (Descriptor &knob : knobs)
    parts.push_back(std::move(knob));
  return addPlan(std::move(settings));
}

Result<bool> Convolution::prepare() {
  AMPRT_RETURN_IF_ERROR(makeGraph());
  if (const std::string *choice = context.convolutions.find(name())) {
    AMPRT_ASSIGN_OR_RETURN(chosen, recall(*choice));
    if (chosen)
      return true;
  }
  for (cudnnBackendHeurMode_t mode :
       {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    AMPRT_RETURN_IF_ERROR(propose(mode));
  return !plans.empty();
}

Result<Descriptor> Convolution::packOf(void *const (&places)[3],
                                       void *workspace) {
  AMPRT_ASSIGN_OR_RETURN(
      Descriptor made,
      makeDescriptor(api, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
  const std::vector<int64_t> names = {form.operands[0], form.operands[1],
                                      form.result};
  AMPRT_RETURN_IF_ERROR(
      Attributes(api, made)
          .set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names)
          .setPlaces(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                     {places[0], places[1], places[2]})
          .setPlaces(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {workspace})
          .finish());
  return made;
}

Status Convolution::execute(const Plan &plan, const Descriptor &with) {
  AMPRT_CUDA(api, cudnnBackendExecute,
             (cudnn.handle(), plan.plan.get(), with.get()));
  return okStatus();
}

Status Convolution::takeFastest(void *workspace) {
  Result<Memory> a = randomMemory(context, bytes[0]),
                 b = randomMemory(context, bytes[1]),
                 c = randomMemory(context, bytes[2]);
  for (const Result<Memory> *one : {&a, &b, &c})
    if (!one->ok())
      // Too large to have twice: cuDNN's own choice stands.
      return one->status().code() == Code::ResourceExhausted ? okStatus()
                                                             : one->status();
  AMPRT_ASSIGN_OR_RETURN(
      Descriptor places, packOf({a->get(), b->get(), c->get()}, workspace));
  AMPRT_ASSIGN_OR_RETURN(Stopwatch watch, Stopwatch::create(context));
  size_t best = 0;
  float least = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    AMPRT_ASSIGN_OR_RETURN(
        float time, watch.median([&] { return execute(plans[i], places); }));
    if (i == 0 || time < least) {
      best = i;
      least = time;
    }
  }
  std::swap(plans[0], plans[best]);
  return okStatus();
}

Status Convolution::bind(const StepCall &call) {
  // Before any step of the call: nothing in the arena is needed yet.
  void *workspace =
      p.hasScratch && call.program.buffers[call.step.results[1]].bytes() >=
                          Context::kWorkspace
          ? call.result(1)
          : context.workspace();
  if (!chosen) {
    if (plans.size() > 1)
      AMPRT_RETURN_IF_ERROR(takeFastest(workspace));
    plans.resize(1);
    AMPRT_ASSIGN_OR_RETURN(std::string choice, describe(plans[0].settings));
    context.convolutions.keep(name(), choice);
    chosen = true;
  }
  AMPRT_ASSIGN_OR_RETURN(
      pack, packOf({const_cast<void *>(call.operand(0)),
                    const_cast<void *>(call.operand(1)), call.result(0)},
                   workspace));
  return okStatus();
}

MadeStep amprt::cuda::makeConvolution(const StepContext &s) {
  AMPRT_ASSIGN_OR_RETURN(Cudnn * cudnn, s.context.cudnn());
  if (!cudnn)
    return std::unique_ptr<StepCode>();
  auto step = std::make_unique<Convolution>(s, *cudnn);
  AMPRT_ASSIGN_OR_RETURN(bool found, step->prepare());
  if (found)
    return std::unique_ptr<StepCode>(std::move(step));
  const std::string what =
      "cuDNN has no algorithm for the convolution '" + s.step.name + "'";
  if (s.context.settings().cudnn == CudnnUse::On)
    return Status(Code::Unimplemented, "--cudnn=on: " + what);
  s.context.note(what + "; it runs as plain loops, which is slow");
  return std::unique_ptr<StepCode>();
}

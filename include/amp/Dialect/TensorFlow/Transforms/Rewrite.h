//===- Rewrite.h - TensorFlow's rewrite of a GraphDef -----------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The settings of TensorFlow's pass auto_mixed_precision: its modes, lists,
// devices and environment variables, and what they make of a module before the
// painting.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_TENSORFLOW_TRANSFORMS_REWRITE_H
#define AMP_DIALECT_TENSORFLOW_TRANSFORMS_REWRITE_H

#include "amp/Dialect/TensorFlow/IR/TensorFlowDialect.h"
#include "amp/Policy/Policy.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

#include <functional>

namespace amp::tf {

/// TensorFlow's auto_mixed_precision, …_onednn_bfloat16 and …_cpu.
enum class Mode : uint8_t { Cuda, BFloat16, Cpu };

enum class Level : uint8_t {
  Default,
  TreatInferAsDeny,
  TensorCoresOnly,
  UnsafeForceAll
};

struct RewriteSettings {
  Mode mode = Mode::Cuda;
  /// 2.20 and later: infer ops follow allow ops in every mode.
  bool isTF219 = false;
  /// The cluster has a GPU; its architecture ("8.0"), and the versions of CUDA
  /// and cuDNN (12030, 8907; 0 when not said).
  bool hasGpu = true;
  std::string gpuArch = "8.0";
  int cuda = 12030, cudnn = 8907;
  std::vector<std::string> fetches, feeds, keep;
  /// Functions of the library that are called from outside of the graph.
  std::vector<std::string> calledFunctions;
  /// The graph runs as it comes out: nothing is lowered that has no kernel, no
  /// list takes a type that somebody outside does not know, and no cast that is
  /// wanted changes its type. TensorFlow's pass promises none of it.
  bool isStrict = false;
  /// The graph is one of a SavedModel, whose signatures say what is fetched.
  bool isSavedModel = false;

  // What the environment variables say.
  Level level = Level::Default;
  bool ignorePerformance = false, simulateGpu = false, emulateFloat16 = true;
  /// Edits of lists in the order in which they apply: add or remove.
  struct Edit {
    ListKind list;
    bool isRemoval;
    std::string op;
  };
  std::vector<Edit> edits;
};

/// Reads TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_* through `get`. Appends a note
/// for each that is set, a warning for a value that TensorFlow ignores, and an
/// error (a line that starts with "error: ") for one that ends its process.
void readEnvironment(
    const std::function<const char *(const char *)> &get,
    RewriteSettings &settings, std::vector<std::string> &notes);

/// The lists of a mode: `--policy=tensorflow` for TensorFlow's ops. An op in
/// two lists is an error, as it is there. Ops of the table that stand in no
/// list are on Keep.
std::optional<Policy> makePolicy(const RewriteSettings &settings,
                                 std::string &error);

/// Whether a policy is TensorFlow's own.
bool isTensorFlowPolicy(std::string_view name);
/// Any policy for TensorFlow's ops: TensorFlow's own, another preset, or a file,
/// which may name native ops or TensorFlow's; then the moves of the request, the
/// same. `functions` are those of the library. Names that are no op are errors.
std::optional<Policy>
makePolicyFor(const PolicyRequest &request, const RewriteSettings &settings,
              const std::vector<std::string> &functions,
              const std::vector<std::string_view> &nativeNames,
              std::vector<PolicyMessage> &messages);

/// Checks of the graph itself what TensorFlow checks around the pass, whatever
/// the cluster: names of devices, and that only loops go in circles. Bodies are
/// checked by `prepare`, if the graph reaches them.
llvm::LogicalResult checkGraph(mlir::ModuleOp module);
llvm::LogicalResult checkBody(mlir::FunctionOpInterface function);

/// Whether the pass does anything at all with this cluster.
bool isSkipped(const RewriteSettings &settings, std::string &why);

/// Marks what must not change (fetches, feeds, other devices, what has a side
/// effect in a function body), takes FusedBatchNorm to its second version, and
/// checks what TensorFlow's pass checks. Names in `fetches`, `feeds` and `keep`
/// that no node has are errors. `policy` says whether there is anything to do.
/// `forced` gets the nodes that the level UNSAFE_FORCE_ALL lowers.
llvm::LogicalResult prepare(mlir::ModuleOp module,
                            const RewriteSettings &settings,
                            const Policy &policy,
                            llvm::DenseSet<mlir::Operation *> &forced);

/// What TensorFlow's pass does although the graph then fails or changes what it
/// gives: a list type that somebody outside does not know, a loop whose body
/// takes another type, a cast that is wanted, a type without a kernel.
class Hazards {
public:
  /// Looks at a module that has been prepared.
  explicit Hazards(mlir::ModuleOp module);
  /// Keeps the rewrite from all of them, together with
  /// RewriteSettings::isStrict.
  void avoid();
  /// Warns of those that the rewrite has brought about; those at which
  /// TensorFlow gives up are errors.
  llvm::LogicalResult report();

private:
  void warnOfLists();
  void warnOfCasts();
  llvm::LogicalResult checkCalls();
  void warnOfKernels();

  mlir::ModuleOp module;
  /// Lists that leave the pass's sight.
  std::vector<TensorListCluster> lists;
  /// Nodes that hand float32 to functions, which keep their signatures, and
  /// what of them is float32.
  std::vector<std::pair<mlir::Operation *, llvm::SmallVector<TypeVertex, 4>>>
      calls;
  /// Casts to float32 that are to stay.
  std::vector<mlir::Operation *> casts;
};

/// What TensorFlow logs of one graph: "Converted 50/291 nodes … using 5
/// cast(s)".
struct ConversionCounts {
  /// Of the library; empty for the graph itself.
  std::string function;
  /// Type attributes that were changed, nodes before, and casts to 16 bits but
  /// those of constants and variables.
  uint64_t converted = 0, nodes = 0, casts = 0;
};
class ConversionLog {
public:
  /// Before the rewrite of a module that has been prepared.
  explicit ConversionLog(mlir::ModuleOp module);
  /// Behind it.
  std::vector<ConversionCounts> finish();

private:
  mlir::ModuleOp module;
  std::vector<ConversionCounts> before;
};

/// Whether a node gives a reference to a 16-bit type. That is another type than
/// one to float32; a list edit may bring it about.
bool hasLowReferences(mlir::FunctionOpInterface function);

/// Mode cpu computes in float32 and only rounds to float16: what was lowered
/// gets its type back, a cast to float32 before each input and a cast to
/// float16 behind each output.
class Emulation {
public:
  /// Notes the types before the rewrite, which may lower fixed ones too.
  explicit Emulation(mlir::ModuleOp module);
  void apply();

private:
  mlir::ModuleOp module;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<int, 2>> before;
};

} // namespace amp::tf

#endif // AMP_DIALECT_TENSORFLOW_TRANSFORMS_REWRITE_H

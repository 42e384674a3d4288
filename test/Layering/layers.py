# The layers of docs/Architecture.md as data, for check_layers.py (includes) and
# check_links.py (libraries).

# Folders, longest match first. For each: what it may include of amp/ and amprt/
# (itself is always allowed), and whether it may include MLIR and LLVM.
LEAVES = ["OpSet", "GraphFile", "Policy", "GraphDef"]
LAYERS = {
    "OpSet": {"amp": [], "mlir": False},
    "GraphFile": {"amp": ["OpSet"], "mlir": False},
    "Policy": {"amp": ["OpSet"], "mlir": False},
    "GraphDef": {"amp": ["OpSet", "GraphFile"], "mlir": False},
    # The rule of update_loss_scale is arithmetic, and a leaf: both sides use it.
    "Interfaces": {"amp": ["OpSet"], "mlir": True},
    "Analysis": {"amp": ["Policy", "Interfaces"], "mlir": True},
    "Transforms": {"amp": ["Analysis", "Policy", "Interfaces", "OpSet"], "mlir": True},
    "Dialect": {"amp": ["Interfaces", "OpSet", "GraphFile", "GraphDef", "Policy", "Transforms"], "mlir": True},
    "Import": {"amp": ["Dialect", "Interfaces", "GraphFile", "GraphDef", "OpSet"], "mlir": True},
    "Export": {"amp": ["Dialect", "Interfaces", "GraphFile", "GraphDef", "OpSet"], "mlir": True},
    "Models": {"amp": ["Interfaces"], "mlir": True},
    "Api": {"amp": ["*"], "mlir": True},
    "CAPI": {"amp": ["*"], "mlir": True},
}

# The runtime sees the two leaves it shares with the compiler and nothing else.
RUNTIME = {"amp": ["OpSet", "GraphFile"], "mlir": False}

# Devices do not know each other; each may use what is below them.
DEVICES = ["cpu", "cuda", "null"]

# Libraries: name -> what it must never reach, directly or through others.
MLIR_LIBRARY = r"(MLIR|LLVM|AmpMLIRStatic).*"
COMPILER_LIBRARY = (r"Amp(Interfaces|Analysis|Transforms|GraphDialect|GraphTransforms|"
                    r"TensorFlowDialect|TensorFlowTransforms|Import|"
                    r"Export|Models|Api|CAPI)")
FORBIDDEN_LINKS = [
    (r"Amp(OpSet|GraphFile|Policy|GraphDef)", MLIR_LIBRARY, "a leaf library"),
    (r"Amp(OpSet|GraphFile|Policy|GraphDef)", COMPILER_LIBRARY, "a leaf library"),
    (r"AmpRt.*|amp-run", MLIR_LIBRARY, "the runtime"),
    (r"AmpRt.*|amp-run", COMPILER_LIBRARY + "|AmpPolicy|AmpGraphDef", "the runtime"),
    (r"AmpAnalysis|AmpTransforms|AmpModels", r"Amp(Graph|TensorFlow)(Dialect|Transforms)", "it knows no dialect"),
    (r"AmpAnalysis|AmpTransforms", r"AmpImport|AmpExport|AmpModels|AmpApi", "it knows no format"),
    (COMPILER_LIBRARY, r"AmpRt.*", "the compiler"),
    (r"AmpRtCpu", r"AmpRt(Cuda.*|Null)", "devices do not know each other"),
    (r"AmpRtCuda.*|amprt_cuda", r"AmpRt(Cpu|Null)", "devices do not know each other"),
    (r"Amp.*", r"amp-.*", "nothing links a tool"),
]

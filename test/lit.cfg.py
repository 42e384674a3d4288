# The lit suite: .mlir and .test files as usual, and graph files (.json) whose
# "doc" lines hold RUN: and CHECK: lines. See test/README.md.

import os
import platform
import subprocess
import sys

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import graph_format  # noqa: E402

config.name = "Amp"
config.test_format = graph_format.GraphFormat(execute_external=False)
config.suffixes = [".mlir", ".json", ".test"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
config.test_exec_root = os.path.join(config.amp_binary_dir, "test")
# Inputs hold files that tests read; the others hold no lit tests.
config.excludes = ["Inputs", "Unit", "Runtime", "Fuzz", "Bench", "lib", "golden", "data", "gpu"]

config.available_features.add("compiler")
# Sanitizers need more addresses than a test may allow.
if not config.amp_sanitized:
    config.available_features.add("limited-memory")
if config.amp_build_runtime:
    config.available_features.add("runtime")
if os.path.exists(os.path.join(config.mlir_tools_dir, "mlir-opt")):
    config.available_features.add("mlir-opt")
if os.path.exists(os.path.join(config.amp_lib_dir, "AmpPlugin.so")):
    config.available_features.add("plugin")
if os.path.exists(os.path.join(config.amp_tools_dir, "amp-capi-test")):
    config.available_features.add("capi")
# MNIST as IDX files: $AMP_MNIST, or a folder beside the sources.
mnist = os.environ.get("AMP_MNIST") or os.path.join(
    config.amp_source_dir, os.pardir, "shared", "data", "mnist")
if os.path.isdir(mnist):
    config.available_features.add("mnist")

llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "TMPDIR", "AMP_MNIST"])
llvm_config.with_environment("PATH", config.mlir_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.amp_tools_dir, append_path=True)
llvm_config.with_environment(
    "FILECHECK_OPTS", "--enable-var-scope --allow-unused-prefixes=false")
llvm_config.use_default_substitutions()

config.substitutions.append(("%python", config.python_executable))
config.substitutions.append(("%cmake", config.cmake_executable))
config.substitutions.append(("%amp_src", config.amp_source_dir))
config.substitutions.append(("%amp_bin", config.amp_binary_dir))
config.substitutions.append(("%amp_lib", config.amp_lib_dir))
config.substitutions.append(("%mlir_tools", config.mlir_tools_dir))
config.substitutions.append(("%examples", os.path.join(config.amp_source_dir, "docs", "examples")))
config.substitutions.append(("%mnist", mnist))

# A Python that loads a library with a sanitizer, whose runtime must be there first.
python = config.python_executable
if "-fsanitize=address" in config.cxx_flags:
    runtime = subprocess.run(
        [config.cxx_compiler, "-print-file-name=libclang_rt.asan-%s.so" % platform.machine()],
        capture_output=True, text=True, check=True).stdout.strip()
    python = "env LD_PRELOAD=%s %s" % (runtime, python)
config.substitutions.append(("%loading_python", python))

# AMP_TEST_ROUNDTRIP=1 sends every amp-opt run through text and bytecode too.
amp_opt_args = ["--verify-roundtrip"] if os.environ.get("AMP_TEST_ROUNDTRIP") else []
llvm_config.add_tool_substitutions(
    [
        ToolSubst("amp-opt", extra_args=amp_opt_args, unresolved="ignore"),
        ToolSubst("amp-run", unresolved="ignore"),
        ToolSubst("amp-translate", unresolved="ignore"),
        ToolSubst("amp-lsp-server", unresolved="ignore"),
        ToolSubst("amp-test-opt", unresolved="ignore"),
        ToolSubst("amp-capi-test", unresolved="ignore"),
        ToolSubst("mlir-opt", unresolved="ignore"),
    ],
    [config.amp_tools_dir, config.mlir_tools_dir])

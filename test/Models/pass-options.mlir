// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{accumulate=float32},amp-verify-contract)' | FileCheck %s --check-prefix=WIDE
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(func.func(amp-auto-mixed-precision),amp-verify-contract)' | FileCheck %s --check-prefix=NESTED
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=linalg deny=linalg.matmul explain=f:linalg.matmul#4})' 2>&1 | FileCheck %s --check-prefix=DENIED
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{report=%t.json})' -o /dev/null && FileCheck %s --check-prefix=REPORT --input-file=%t.json
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{explain=linalg.matmul#5})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=NEAR
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{report=%t.none/report.json})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{accumulate=float64})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=SUMS
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(func.func(amp-loss-scale))' -o /dev/null 2>&1 | FileCheck %s --check-prefix=SCALE
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{allow=linalg.matmull,mathmul,my.op})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(func.func(amp-auto-mixed-precision{report=%t.json}))' -o /dev/null 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(func.func(amp-auto-mixed-precision{explain=linalg.matmul#4}))' -o /dev/null 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: echo '{"name": "p", "lists": {"allow": ["matmul", "math.tahn", "shape.any"], "deny": ["exq"]}}' > %t.policy.json
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=%t.policy.json})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=LISTED
// RUN: amp-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(func.func(amp-auto-mixed-precision),amp-verify-contract)' | FileCheck %s --check-prefix=NESTED

// Sums stay float32: the destination is not cast, float32 users read the result
// as it is, and lowered ones a cast of it.
// WIDE-LABEL: func.func private @f
// WIDE: %[[A:.*]] = linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<4x4xf16>, tensor<4x4xf16>) outs(%{{.*}} : tensor<4x4xf32>) -> tensor<4x4xf32>
// WIDE: %[[A16:.*]] = arith.truncf %[[A]] {amp.generated}
// WIDE: %[[B:.*]] = linalg.matmul ins(%[[A16]], %{{.*}} : tensor<4x4xf16>, tensor<4x4xf16>) {{.*}} -> tensor<4x4xf32>
// WIDE: math.exp %[[B]] : tensor<4x4xf32>

// A pass on one function does not see who calls it: signatures stay.
// NESTED-LABEL: func.func private @f(%{{.*}}: tensor<4x4xf32>, %{{.*}}: tensor<4x4xf32>) -> tensor<4x4xf32>
// NESTED: linalg.matmul {{.*}} -> tensor<4x4xf16>
// NESTED-LABEL: func.func @g
// NESTED-NEXT: call @f(%{{.*}}, %{{.*}}) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>

// DENIED: linalg.matmul#4 (linalg.matmul in f): stays float32
// DENIED-NEXT: R2: on the deny list

// REPORT: {"after":"float16",{{.*}}"function":"f","list":"allow","name":"linalg.matmul#4","op":"linalg.matmul"
// Names of ops are held against the dialects of the module, and against the op table.
// UNKNOWN-DAG: error: --allow: unknown op 'linalg.matmull'; did you mean 'linalg.matmul'?
// UNKNOWN-DAG: error: --allow: unknown op 'mathmul'; did you mean 'matmul'?
// UNKNOWN-NOT: unknown op 'my.op'
// LISTED-DAG: policy.json:1:45: error: unknown op 'math.tahn'; did you mean 'math.tanh'?
// LISTED-DAG: policy.json:1:81: error: unknown op 'exq'; did you mean 'exp'?
// LISTED-NOT: unknown op 'shape.any'

// ALONE: error: {{report|explain}}: on each function for itself, this pass knows nothing of the others; run it on the module

// NEAR: error: explain: no node 'linalg.matmul#5'; did you mean 'linalg.matmul#{{[34]}}'?
// NOWHERE: error: report: cannot write '{{.*}}report.json'
// SUMS: error: unknown value 'float64' of accumulate, it is float32
// SCALE: error: amp-loss-scale runs on a module, not on each function: the scale is a variable beside the functions

func.func private @f(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%i : tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = linalg.matmul ins(%a, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%i : tensor<4x4xf32>) -> tensor<4x4xf32>
  %c = math.exp %b : tensor<4x4xf32>
  return %c : tensor<4x4xf32>
}
func.func @g(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = func.call @f(%x, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each --verify-roundtrip \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{explain=all},amp-verify-contract)' \
// RUN:   2>%t.why | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY --input-file=%t.why
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract,amp-auto-mixed-precision,amp-verify-contract)' \
// RUN:   2>/dev/null | FileCheck %s

// Three functions that call each other. Private ones are retyped with all their
// calls; the public one keeps its signature and casts at the call.

// WHY: (func.call in block): float32 -> float16
// WHY: (math.tanh in block): float32 -> float16
// WHY-NEXT: R5: on the infer list, between linalg.matmul
// WHY: (func.call in main): float32 -> float16
// WHY: layer (func.func in layer): float32 -> float16

// CHECK-LABEL: func.func private @layer(%{{.*}}: tensor<4x4xf16>, %{{.*}}: tensor<4x4xf16>) -> tensor<4x4xf16>
// CHECK: linalg.matmul {{.*}} -> tensor<4x4xf16>
// CHECK-NOT: arith.extf
// CHECK-LABEL: func.func private @block(%{{.*}}: tensor<4x4xf16>, %{{.*}}: tensor<4x4xf16>) -> tensor<4x4xf16>
// CHECK-NEXT: call @layer(%{{.*}}, %{{.*}}) : (tensor<4x4xf16>, tensor<4x4xf16>) -> tensor<4x4xf16>
// CHECK-NEXT: math.tanh
// CHECK-NEXT: call @layer
// CHECK-NEXT: return
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>, %[[W:.*]]: tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK-DAG: %[[X16:.*]] = arith.truncf %[[X]]
// CHECK-DAG: %[[W16:.*]] = arith.truncf %[[W]]
// CHECK: %[[C:.*]] = call @block(%[[X16]], %[[W16]])
// CHECK-NEXT: %[[C32:.*]] = arith.extf %[[C]] {amp.generated}
// CHECK-NEXT: return %[[C32]]
func.func private @layer(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %m = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%f : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %m : tensor<4x4xf32>
}
func.func private @block(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = func.call @layer(%x, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = math.tanh %0 : tensor<4x4xf32>
  %2 = func.call @layer(%1, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
func.func @main(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = func.call @block(%x, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

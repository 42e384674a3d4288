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

// What a loop carries is one group: the initial value, the argument of the body,
// what is yielded and the result have one type, and casts stand outside.

// WHY: (scf.for in power): float32 -> float16
// WHY-NEXT: R5: on the clear list, between linalg.matmul
// WHY: (linalg.matmul in power): float32 -> float16
// WHY: (math.tanh in power): float32 -> float16
// WHY-NEXT: R5: on the infer list, between linalg.matmul

// CHECK-LABEL: func.func @power(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>, %[[W:.*]]: tensor<4x4xf32>, %{{.*}}: index) -> tensor<4x4xf32>
// CHECK-DAG: %[[X16:.*]] = arith.truncf %[[X]]
// CHECK-DAG: %[[W16:.*]] = arith.truncf %[[W]]
// CHECK: %[[L:.*]] = scf.for {{.*}} iter_args(%[[A:.*]] = %[[X16]]) -> (tensor<4x4xf16>) {
// CHECK: %[[M:.*]] = linalg.matmul ins(%[[A]], %[[W16]] : tensor<4x4xf16>, tensor<4x4xf16>)
// CHECK: %[[T:.*]] = math.tanh %[[M]] : tensor<4x4xf16>
// CHECK-NEXT: scf.yield %[[T]] : tensor<4x4xf16>
// CHECK: %[[L32:.*]] = arith.extf %[[L]] {amp.generated}
// CHECK: return %[[L32]]
func.func @power(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<4x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> (tensor<4x4xf32>) {
    %e = tensor.empty() : tensor<4x4xf32>
    %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
    %m = linalg.matmul ins(%a, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%f : tensor<4x4xf32>) -> tensor<4x4xf32>
    %t = math.tanh %m : tensor<4x4xf32>
    scf.yield %t : tensor<4x4xf32>
  }
  return %r : tensor<4x4xf32>
}

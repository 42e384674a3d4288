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

// Two products with a ReLU and a softmax between them: the softmax stays float32
// and is cast on both sides, all else is float16. Constants have twins.

// WHY: linalg.fill{{.*}} (linalg.fill in attention): float32 -> float16
// WHY-NEXT: R7: on the clear list, takes the type of linalg.matmul
// WHY: (linalg.matmul in attention): float32 -> float16
// WHY-NEXT: R1: on the allow list
// WHY: (arith.maximumf in attention): float32 -> float16
// WHY-NEXT: R7: on the clear list, takes the type of linalg.matmul
// WHY: (linalg.softmax in attention): stays float32
// WHY-NEXT: R2: on the deny list

// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:.*]]: tensor<8x16xf32>, %[[K:.*]]: tensor<16x8xf32>, %[[V:.*]]: tensor<8x16xf32>) -> tensor<8x16xf32>
// CHECK-DAG: %[[Q16:.*]] = arith.truncf %[[Q]] {amp.generated} : tensor<8x16xf32> to tensor<8x16xf16>
// CHECK-DAG: %[[K16:.*]] = arith.truncf %[[K]]
// CHECK-DAG: %[[V16:.*]] = arith.truncf %[[V]]
// CHECK: %[[Z:.*]] = arith.constant {amp.converted, amp.generated} 0.000000e+00 : f16
// CHECK: %[[F:.*]] = linalg.fill ins(%[[Z]] : f16)
// CHECK: %[[S:.*]] = linalg.matmul ins(%[[Q16]], %[[K16]] : tensor<8x16xf16>, tensor<16x8xf16>) outs(%[[F]] : tensor<8x8xf16>) -> tensor<8x8xf16>
// CHECK: %[[R:.*]] = arith.maximumf %[[S]], %{{.*}} : tensor<8x8xf16>
// CHECK: %[[R32:.*]] = arith.extf %[[R]] {amp.generated}
// CHECK: %[[P:.*]] = linalg.softmax dimension(1) ins(%[[R32]] : tensor<8x8xf32>) {{.*}} -> tensor<8x8xf32>
// CHECK: %[[P16:.*]] = arith.truncf %[[P]] {amp.generated}
// CHECK: %[[O:.*]] = linalg.matmul ins(%[[P16]], %[[V16]] : tensor<8x8xf16>, tensor<8x16xf16>)
// CHECK: %[[O32:.*]] = arith.extf %[[O]] {amp.generated}
// CHECK: return %[[O32]]
func.func @attention(%q: tensor<8x16xf32>, %k: tensor<16x8xf32>, %v: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %s = linalg.matmul ins(%q, %k : tensor<8x16xf32>, tensor<16x8xf32>) outs(%i : tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = arith.constant dense<0.0> : tensor<8x8xf32>
  %r = arith.maximumf %s, %c : tensor<8x8xf32>
  %se = tensor.empty() : tensor<8x8xf32>
  %p = linalg.softmax dimension(1) ins(%r : tensor<8x8xf32>) outs(%se : tensor<8x8xf32>) -> tensor<8x8xf32>
  %oe = tensor.empty() : tensor<8x16xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<8x16xf32>) -> tensor<8x16xf32>
  %o = linalg.matmul ins(%p, %v : tensor<8x8xf32>, tensor<8x16xf32>) outs(%oi : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %o : tensor<8x16xf32>
}

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

// A convolution network in TOSA: casts are tosa.cast, zero points have twins, the
// bounds of a clamp saturate, and sums of the convolution stay float32. The
// softmax that is spelled out at the end stays float32.

// WHY: (tosa.conv2d in network): float32 -> float16
// WHY-NEXT: R1: on the allow list
// WHY: (tosa.clamp in network): float32 -> float16
// WHY-NEXT: R5: on the clear list, between tosa.conv2d {{.*}} and tosa.matmul
// WHY: (tosa.exp in network): stays float32
// WHY-NEXT: R2: on the deny list

// CHECK-LABEL: func.func @network(
// CHECK-SAME: %[[I:[^:]*]]: tensor<1x8x8x1xf32>, %[[F:[^:]*]]: tensor<4x3x3x1xf32>, %[[B:[^:]*]]: tensor<4xf32>
// CHECK-DAG: %[[I16:.*]] = tosa.cast %[[I]] {amp.generated} : (tensor<1x8x8x1xf32>) -> tensor<1x8x8x1xf16>
// CHECK-DAG: %[[F16:.*]] = tosa.cast %[[F]]
// CHECK-DAG: %[[B16:.*]] = tosa.cast %[[B]]
// CHECK: %[[Z:.*]] = "tosa.const"() {{.*}} {amp.converted, amp.generated} : () -> tensor<1xf16>
// CHECK: %[[C:.*]] = tosa.conv2d %[[I16]], %[[F16]], %[[B16]], %[[Z]], %[[Z]] {acc_type = f32, {{.*}} -> tensor<1x8x8x4xf16>
// CHECK: tosa.clamp %[[C]] {max_val = 6.550400e+04 : f16, min_val = 0.000000e+00 : f16}
// CHECK: tosa.max_pool2d {{.*}} -> tensor<1x4x4x4xf16>
// CHECK: tosa.matmul {{.*}} -> tensor<1x1x10xf16>
// CHECK: %[[L:.*]] = tosa.reshape {{.*}} -> tensor<1x10xf16>
// CHECK: %[[L32:.*]] = tosa.cast %[[L]] {amp.generated}
// CHECK: tosa.exp %[[L32]] : (tensor<1x10xf32>) -> tensor<1x10xf32>
func.func @network(%image: tensor<1x8x8x1xf32>, %filter: tensor<4x3x3x1xf32>, %bias: tensor<4xf32>, %w: tensor<1x64x10xf32>) -> tensor<1x10xf32> {
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %c = tosa.conv2d %image, %filter, %bias, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 1, 1, 1, 1>, stride = array<i64: 1, 1>} : (tensor<1x8x8x1xf32>, tensor<4x3x3x1xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x8x8x4xf32>
  %r = tosa.clamp %c {min_val = 0.0 : f32, max_val = 3.4028235e+38 : f32} : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %p = tosa.max_pool2d %r {kernel = array<i64: 2, 2>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4x4x4xf32>
  %shape = tosa.const_shape {values = dense<[1, 1, 64]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %flat = tosa.reshape %p, %shape : (tensor<1x4x4x4xf32>, !tosa.shape<3>) -> tensor<1x1x64xf32>
  %m = tosa.matmul %flat, %w, %zp, %zp : (tensor<1x1x64xf32>, tensor<1x64x10xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x10xf32>
  %shape2 = tosa.const_shape {values = dense<[1, 10]> : tensor<2xindex>} : () -> !tosa.shape<2>
  %l = tosa.reshape %m, %shape2 : (tensor<1x1x10xf32>, !tosa.shape<2>) -> tensor<1x10xf32>
  %e = tosa.exp %l : (tensor<1x10xf32>) -> tensor<1x10xf32>
  %s = tosa.reduce_sum %e {axis = 1 : i32} : (tensor<1x10xf32>) -> tensor<1x1xf32>
  %i = tosa.reciprocal %s : (tensor<1x1xf32>) -> tensor<1x1xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %o = tosa.mul %e, %i, %shift : (tensor<1x10xf32>, tensor<1x1xf32>, tensor<1xi8>) -> tensor<1x10xf32>
  return %o : tensor<1x10xf32>
}

// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision)' \
// RUN:   | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{target=bfloat16})' \
// RUN:   | FileCheck %s --check-prefix=BF16

// Operands and destination are cast, the body of the product is retyped, and
// the function returns float32 as before.

// CHECK-LABEL: func.func @product(
// CHECK-SAME: -> tensor<4x16xf32>
// CHECK-DAG: %[[A:.*]] = arith.truncf %arg0 {amp.generated} : tensor<4x8xf32> to tensor<4x8xf16>
// CHECK-DAG: %[[B:.*]] = arith.truncf %arg1 {amp.generated} : tensor<8x16xf32> to tensor<8x16xf16>
// CHECK-DAG: %[[C:.*]] = arith.truncf %arg2 {amp.generated} : tensor<4x16xf32> to tensor<4x16xf16>
// CHECK: %[[R:.*]] = linalg.matmul ins(%[[A]], %[[B]] : tensor<4x8xf16>, tensor<8x16xf16>)
// CHECK-SAME: outs(%[[C]] : tensor<4x16xf16>) -> tensor<4x16xf16>
// CHECK: %[[W:.*]] = arith.extf %[[R]] {amp.generated} : tensor<4x16xf16> to tensor<4x16xf32>
// CHECK: return %[[W]]
// BF16-LABEL: func.func @product(
// BF16: linalg.matmul {{.*}} -> tensor<4x16xbf16>
func.func @product(%a: tensor<4x8xf32>, %b: tensor<8x16xf32>,
                   %c: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x8xf32>, tensor<8x16xf32>)
                     outs(%c : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}

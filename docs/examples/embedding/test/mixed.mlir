// RUN: tile-opt %s --pass-pipeline='builtin.module(tile-pipeline{policy=%policy})' | FileCheck %s
// RUN: tile-opt %s --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=%policy},amp-verify-contract)' \
// RUN:   --remarks-filter=amp 2>&1 | FileCheck %s --check-prefix=WHY

// CHECK-LABEL: func.func @head(
// CHECK-SAME: -> tensor<8x4xf32>
// CHECK: %[[X:.*]] = tile.convert %arg0 {{.*}} : tensor<8x16xf32> to tensor<8x16xbf16>
// CHECK: %[[M:.*]] = tile.matmul %[[X]], %{{.*}} -> tensor<8x16xbf16>
// CHECK: %[[N:.*]] = tile.norm %[[M]], %arg3 : (tensor<8x16xbf16>, tensor<16xf32>) -> tensor<8x16xbf16>
// CHECK: %[[R:.*]] = tile.relu %[[N]]
// CHECK: %[[L:.*]] = tile.matmul %[[R]], %{{.*}} -> tensor<8x4xbf16>
// CHECK: %[[W:.*]] = tile.convert %[[L]] {{.*}} to tensor<8x4xf32>
// CHECK: %[[S:.*]] = tile.softmax %[[W]] : (tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK: return %[[S]]
// WHY: remark: [Passed] Lowered
// WHY-SAME: on the allow list
// WHY: remark: [Missed] Stays
// WHY-SAME: on the deny list
func.func @head(%x: tensor<8x16xf32>, %w1: tensor<16x16xf32>, %w2: tensor<16x4xf32>, %s: tensor<16xf32>) -> tensor<8x4xf32> {
  %0 = tile.matmul %x, %w1 : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>
  %1 = tile.norm %0, %s : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  %2 = tile.relu %1 : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %3 = tile.matmul %2, %w2 : (tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<8x4xf32>
  %4 = tile.softmax %3 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %4 : tensor<8x4xf32>
}

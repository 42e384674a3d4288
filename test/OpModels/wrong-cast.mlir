// REQUIRES: mlir-opt, plugin
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --mlir-print-op-on-diagnostic=false --pass-pipeline='builtin.module(amp-auto-mixed-precision{op-models=%S/Inputs/wrong-cast.json})' 2>&1 | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{unknown-ops=ignore})' | FileCheck %s --check-prefix=WITHOUT

// A file that calls an op a cast whose verifier knows better: an error at the value,
// with what the verifier said, before anything has changed.

// CHECK: wrong-cast.mlir:[[@LINE+9]]:8: error: this value cannot be cast to 'f32'
// CHECK: note: 'vector.extract' op requires attribute 'static_position'
// WITHOUT: linalg.matmul {{.*}} -> tensor<4x4xf16>
// WITHOUT: vector.transfer_read {{.*}} : tensor<4x4xf32>, vector<4x4xf32>
func.func @f(%x: tensor<4x4xf32>, %v: vector<4x4xf32>) -> (tensor<4x4xf32>, vector<4x4xf32>) {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %m = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %r = vector.transfer_read %m[%c0, %c0], %z : tensor<4x4xf32>, vector<4x4xf32>
  %t = vector.transfer_write %r, %e[%c0, %c0] : vector<4x4xf32>, tensor<4x4xf32>
  %p = linalg.matmul ins(%t, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %p, %r : tensor<4x4xf32>, vector<4x4xf32>
}

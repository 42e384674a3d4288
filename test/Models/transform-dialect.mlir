// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --transform-interpreter | FileCheck %s

// The pass is driven from the transform dialect, with its options.

// CHECK-LABEL: func.func @f
// CHECK: linalg.matmul {{.*}} -> tensor<4x4xbf16>
module attributes {transform.with_named_sequence} {
  func.func @f(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %o: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %0 = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.consumed}) {
    %f = transform.structured.match ops{["func.func"]} in %m : (!transform.any_op) -> !transform.any_op
    %1 = transform.apply_registered_pass "amp-auto-mixed-precision" with options = {"target" = "bf16", "policy" = "linalg"} to %f : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

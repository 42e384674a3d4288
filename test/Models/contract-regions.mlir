// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=linalg})' -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: mlir-opt %t.mlir --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-verify-contract)' -o /dev/null
// RUN: sed 's/arith.maximumf/arith.minimumf/' %t.mlir > %t.op.mlir
// RUN: not mlir-opt %t.op.mlir --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-verify-contract)' -o /dev/null 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: sed 's/arith.divf %in, %in_0/arith.divf %in_0, %in/' %t.mlir > %t.edge.mlir
// RUN: not diff %t.mlir %t.edge.mlir
// RUN: not mlir-opt %t.edge.mlir --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-verify-contract)' -o /dev/null 2>&1 | FileCheck %s --check-prefix=BROKEN

// The contract holds the regions of ops too: casts come and go in them, constants
// are converted, and what they compute stays.

// CHECK: amp.contract
// CHECK: linalg.generic
// CHECK: arith.divf %in, %in_0 : f16
// CHECK: arith.maximumf {{.*}} : f16
// BROKEN: error: contract: more than casts has changed, the fingerprint is another one
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @f(%x: tensor<4x4xf32>, %s: f32) -> tensor<4x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %0 = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %0 : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%in: f32, %in_1: f32, %out: f32):
    %c = arith.constant 1.0e6 : f32
    %q = arith.divf %in, %in_1 : f32
    %m = arith.maximumf %q, %c : f32
    %a = arith.addf %m, %s : f32
    linalg.yield %a : f32
  } -> tensor<4x4xf32>
  %2 = linalg.matmul ins(%1, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

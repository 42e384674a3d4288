// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{explain=all},amp-verify-contract)' 2>%t.why | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY --input-file=%t.why

// A linalg.generic goes by what its region computes, and the region is retyped:
// a product is one, a sum and an exponential stay float32, a constant and a
// scalar from around the region are converted.

// WHY: (matmul in bodies): float32 -> float16
// WHY-NEXT: R1: on the allow list
// WHY: (mul in bodies): float32 -> float16
// WHY-NEXT: R5: on the infer list, between matmul {{.*}} and linalg.matmul
// WHY: (exp in bodies): stays float32
// WHY-NEXT: R2: on the deny list
// WHY: (reduce_sum in bodies): stays float32
// WHY: linalg.reduce{{.*}} (reduce_max in bodies): stays float32

// CHECK-LABEL: func.func @bodies(
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x4xf16>, tensor<4x4xf16>) outs(%{{.*}} : tensor<4x4xf16>)
// CHECK-NEXT: ^bb0(%{{.*}}: f16, %{{.*}}: f16, %{{.*}}: f16):
// CHECK-NEXT: arith.mulf %{{.*}}, %{{.*}} : f16
// CHECK-NEXT: arith.addf %{{.*}}, %{{.*}} : f16
// CHECK-NEXT: linalg.yield %{{.*}} : f16
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4x4xf16>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f16, %{{.*}}: f16):
// CHECK-NEXT: %[[S:.*]] = arith.truncf %{{.*}} : f32 to f16
// CHECK-NEXT: %[[C:.*]] = arith.constant 6.550400e+04 : f16
// CHECK-NEXT: %[[M:.*]] = arith.mulf %[[IN]], %[[S]] : f16
// CHECK-NEXT: arith.addf %[[M]], %[[C]] : f16
// CHECK: linalg.matmul {{.*}} -> tensor<4x4xf16>
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4x4xf32>)
// CHECK: math.exp %{{.*}} : f32
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4x4xf32>) outs(%{{.*}} : tensor<4xf32>)

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @bodies(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %o: tensor<4x4xf32>, %r: tensor<4xf32>, %s: f32) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %m = arith.mulf %p, %q : f32
    %n = arith.addf %acc, %m : f32
    linalg.yield %n : f32
  } -> tensor<4x4xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%a : tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %k = arith.constant 1.0e+6 : f32
    %m = arith.mulf %p, %s : f32
    %n = arith.addf %m, %k : f32
    linalg.yield %n : f32
  } -> tensor<4x4xf32>
  %c = linalg.matmul ins(%b, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
    ins(%c : tensor<4x4xf32>) outs(%o : tensor<4x4xf32>) {
  ^bb0(%p: f32, %q: f32):
    %m = arith.negf %p : f32
    %n = math.exp %m : f32
    linalg.yield %n : f32
  } -> tensor<4x4xf32>
  %e = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
    ins(%d : tensor<4x4xf32>) outs(%r : tensor<4xf32>) {
  ^bb0(%p: f32, %acc: f32):
    %n = arith.addf %acc, %p : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  %f = linalg.reduce { arith.maximumf } ins(%d : tensor<4x4xf32>) outs(%r : tensor<4xf32>) dimensions = [1]
  return %e, %f : tensor<4xf32>, tensor<4xf32>
}

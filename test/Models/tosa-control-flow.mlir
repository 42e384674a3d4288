// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract)' -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: mlir-opt %t.mlir --verify-each --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract)' 2>/dev/null | diff %t.mlir -

// What loops and branches of TOSA carry has one type at all its places.

// CHECK-LABEL: func.func @branch(
// CHECK: tosa.cond_if {{.*}} (tensor<1x4x4xf16>, tensor<1x4x4xf16>) -> tensor<1x4x4xf16>
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1x4x4xf16>, %{{.*}}: tensor<1x4x4xf16>):
// CHECK-NEXT: %[[M:.*]] = tosa.matmul {{.*}} -> tensor<1x4x4xf16>
// CHECK-NEXT: tosa.yield %[[M]] : tensor<1x4x4xf16>
func.func @branch(%c: tensor<i1>, %x: tensor<1x4x4xf32>, %w: tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %a = tosa.matmul %x, %w, %z, %z : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4xf32>
  %r = tosa.cond_if %c (%p = %a, %q = %w) : tensor<i1> (tensor<1x4x4xf32>, tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  ^bb0(%p: tensor<1x4x4xf32>, %q: tensor<1x4x4xf32>):
    %m = tosa.matmul %p, %q, %z, %z : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4xf32>
    tosa.yield %m : tensor<1x4x4xf32>
  } else {
  ^bb0(%p: tensor<1x4x4xf32>, %q: tensor<1x4x4xf32>):
    %m = tosa.abs %p : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
    tosa.yield %m : tensor<1x4x4xf32>
  }
  %y = tosa.matmul %r, %w, %z, %z : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}

// CHECK-LABEL: func.func @loop(
// CHECK: %[[X:.*]] = tosa.cast %arg0
// CHECK: tosa.while_loop (%{{.*}} = %{{.*}}, %{{.*}} = %[[X]]) : (tensor<i32>, tensor<1x4x4xf16>) -> (tensor<i32>, tensor<1x4x4xf16>)
// CHECK: tosa.yield %{{.*}} : tensor<i1>
// CHECK: ^bb0(%{{.*}}: tensor<i32>, %[[P:.*]]: tensor<1x4x4xf16>):
// CHECK: tosa.matmul %[[P]], {{.*}} -> tensor<1x4x4xf16>
// CHECK: tosa.yield %{{.*}}, %{{.*}} : tensor<i32>, tensor<1x4x4xf16>
func.func @loop(%x: tensor<1x4x4xf32>, %w: tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %i = "tosa.const"() <{values = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %one = "tosa.const"() <{values = dense<1> : tensor<i32>}> : () -> tensor<i32>
  %three = "tosa.const"() <{values = dense<3> : tensor<i32>}> : () -> tensor<i32>
  %r:2 = tosa.while_loop (%n = %i, %p = %x) : (tensor<i32>, tensor<1x4x4xf32>) -> (tensor<i32>, tensor<1x4x4xf32>) {
    %c = tosa.greater %three, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    tosa.yield %c : tensor<i1>
  } do {
  ^bb0(%n: tensor<i32>, %p: tensor<1x4x4xf32>):
    %k = tosa.add %n, %one : (tensor<i32>, tensor<i32>) -> tensor<i32>
    %m = tosa.matmul %p, %w, %z, %z : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4xf32>
    %t = tosa.abs %m : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
    tosa.yield %k, %t : tensor<i32>, tensor<1x4x4xf32>
  }
  %y = tosa.matmul %r#1, %w, %z, %z : (tensor<1x4x4xf32>, tensor<1x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}

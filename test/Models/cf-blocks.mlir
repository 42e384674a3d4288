// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each --verify-roundtrip \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{explain=all},amp-verify-contract)' \
// RUN:   2>%t.why | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY --input-file=%t.why
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=linalg deny=cf.switch},amp-verify-contract)' \
// RUN:   | FileCheck %s --check-prefix=DENIED

// Ways between blocks other than a loop.

// WHY: (cf.switch in ways): float32 -> float16
// WHY: (cf.cond_br in stays): stays float32

// A block that is reached in several ways, one of them from a float32 op, and one from
// where nothing leads; a scalar.
// CHECK-LABEL: func.func @ways(
// CHECK: %[[E32:.*]] = math.exp %{{.*}} : tensor<4x4xf32>
// CHECK: %[[E16:.*]] = arith.truncf %[[E32]]
// CHECK: cf.switch
// CHECK: default: ^bb2(%{{.*}}, %[[M:.*]] : f32, tensor<4x4xf16>)
// CHECK: 1: ^bb1(%[[M]] : tensor<4x4xf16>)
// CHECK: 2: ^bb1(%[[E16]] : tensor<4x4xf16>)
// CHECK: ^bb2(%{{.*}}: f32, %{{.*}}: tensor<4x4xf16>):
// CHECK: ^bb3(%[[D:.*]]: tensor<4x4xf32>): // no predecessors
// CHECK-NEXT: %[[D16:.*]] = arith.truncf %[[D]]
// CHECK: cf.br ^bb2(%{{.*}}, %[[D16]] : f32, tensor<4x4xf16>)
// DENIED-LABEL: func.func @ways(
// DENIED: 1: ^bb1(%{{.*}} : tensor<4x4xf32>)
func.func @ways(%x: tensor<4x4xf32>, %s: f32, %which: i32) -> tensor<4x4xf32> {
  %e = tensor.splat %s : tensor<4x4xf32>
  %m = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %n = math.exp %m : tensor<4x4xf32>
  cf.switch %which : i32, [
    default: ^last(%s, %m : f32, tensor<4x4xf32>),
    1: ^first(%m : tensor<4x4xf32>),
    2: ^first(%n : tensor<4x4xf32>)
  ]
^first(%q: tensor<4x4xf32>):
  cf.br ^last(%s, %q : f32, tensor<4x4xf32>)
^last(%t: f32, %r: tensor<4x4xf32>):
  %b = tensor.splat %t : tensor<4x4xf32>
  %p = linalg.matmul ins(%r, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%b : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %p : tensor<4x4xf32>
^dead(%d: tensor<4x4xf32>):
  cf.br ^last(%s, %d : f32, tensor<4x4xf32>)
}

// A float32 op on the way: what is handed over stays float32.
// CHECK-LABEL: func.func @stays(
// CHECK: ^bb2(%{{.*}}: tensor<4x4xf32>):
func.func @stays(%x: tensor<4x4xf32>, %c: i1) -> tensor<4x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %m = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  cf.cond_br %c, ^other, ^join(%m : tensor<4x4xf32>)
^other:
  %n = math.exp %m : tensor<4x4xf32>
  cf.br ^join(%n : tensor<4x4xf32>)
^join(%a: tensor<4x4xf32>):
  %t = math.tanh %a : tensor<4x4xf32>
  %p = linalg.matmul ins(%t, %m : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %p : tensor<4x4xf32>
}

// The blocks of a region that control flows through, not in the order of their
// dominance.
// CHECK-LABEL: func.func @region(
// CHECK: scf.execute_region -> tensor<4x4xf16>
// CHECK: cf.br ^bb1(%{{.*}} : tensor<4x4xf16>)
func.func @region(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %m = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %v = scf.execute_region -> tensor<4x4xf32> {
    cf.br ^first
  ^second(%r: tensor<4x4xf32>):
    scf.yield %r : tensor<4x4xf32>
  ^first:
    %t = math.tanh %m : tensor<4x4xf32>
    cf.br ^second(%t : tensor<4x4xf32>)
  }
  %p = linalg.matmul ins(%v, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %p : tensor<4x4xf32>
}

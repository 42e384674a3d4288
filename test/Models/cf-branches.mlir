// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each --verify-roundtrip \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{explain=all report=%t.json},amp-verify-contract)' \
// RUN:   2>%t.why | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY --input-file=%t.why
// RUN: FileCheck %s --check-prefix=REPORT --input-file=%t.json
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract,amp-auto-mixed-precision,amp-verify-contract)' \
// RUN:   2>/dev/null | FileCheck %s

// What branches hand to an argument of a block is one group with it, and the first
// of them stands for it. Casts stand before and behind.

// WHY: (cf.br in power): float32 -> float16
// WHY-NEXT: R5: on the clear list, between linalg.matmul
// WHY: (cf.cond_br in power): float32 -> float16

// REPORT: "source":"argument 0","to":"float16","users":["cf.br#{{[0-9]+}}"]

// CHECK-LABEL: func.func @power(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>, %[[W:.*]]: tensor<4x4xf32>, %{{.*}}: index) -> tensor<4x4xf32>
// CHECK-DAG: %[[X16:.*]] = arith.truncf %[[X]]
// CHECK-DAG: %[[W16:.*]] = arith.truncf %[[W]]
// CHECK: cf.br ^bb1(%{{.*}}, %[[X16]] : index, tensor<4x4xf16>)
// CHECK: ^bb1(%{{.*}}: index, %[[A:.*]]: tensor<4x4xf16>):
// CHECK: cf.cond_br %{{.*}}, ^bb2, ^bb3(%[[A]] : tensor<4x4xf16>)
// CHECK: linalg.matmul ins(%[[A]], %[[W16]] : tensor<4x4xf16>, tensor<4x4xf16>)
// CHECK: %[[T:.*]] = math.tanh %{{.*}} : tensor<4x4xf16>
// CHECK: cf.br ^bb1(%{{.*}}, %[[T]] : index, tensor<4x4xf16>)
// CHECK: ^bb3(%[[R:.*]]: tensor<4x4xf16>):
// CHECK-NEXT: %[[R32:.*]] = arith.extf %[[R]] {amp.generated}
// CHECK-NEXT: return %[[R32]]
func.func @power(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<4x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  cf.br ^head(%c0, %x : index, tensor<4x4xf32>)
^head(%i: index, %a: tensor<4x4xf32>):
  %more = arith.cmpi slt, %i, %n : index
  cf.cond_br %more, ^body, ^end(%a : tensor<4x4xf32>)
^body:
  %e = tensor.empty() : tensor<4x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %m = linalg.matmul ins(%a, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%f : tensor<4x4xf32>) -> tensor<4x4xf32>
  %t = math.tanh %m : tensor<4x4xf32>
  %j = arith.addi %i, %c1 : index
  cf.br ^head(%j, %t : index, tensor<4x4xf32>)
^end(%r: tensor<4x4xf32>):
  return %r : tensor<4x4xf32>
}


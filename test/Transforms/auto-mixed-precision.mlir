// RUN: amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision)' %s | FileCheck %s
// RUN: amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract,amp-auto-mixed-precision)' %s | FileCheck %s
// RUN: amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision{target=bfloat16 pin=c,d},amp-verify-contract)' %s | FileCheck %s --check-prefix=PIN
// RUN: not amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision{target=float8})' %s 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision{infer-rule=after})' %s 2>&1 | FileCheck %s --check-prefix=INFER
// RUN: not amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision{unknown-ops=maybe})' %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision{allow=sofmax,add})' %s 2>&1 | FileCheck %s --check-prefix=ALLOW

// TARGET: error: unknown target 'float8', it is float16 or bfloat16
// INFER: error: unknown infer rule 'after', it is between or follow
// UNKNOWN: error: unknown value 'maybe' of unknown-ops, it is error, warn or ignore
// ALLOW: error: --allow: unknown op 'sofmax'; did you mean 'softmax'?

graph.variable @w : tensor<4x4xf32> {init = {kind = "ones"}}

// CHECK-LABEL: graph.func @f
// CHECK-SAME: (%[[X:.*]]: tensor<4x4xf32> {{.*}}, %[[L:.*]]: tensor<4xi32> {{.*}}) -> (tensor<4x4xf32>, tensor<f32>)
// CHECK: %[[W:.*]] = graph.read @w
// CHECK-NEXT: %[[X16:.*]] = graph.cast %[[X]] {{.*}}to = f16
// CHECK-NEXT: %[[W16:.*]] = graph.cast %[[W]] {{.*}}to = f16
// CHECK-NEXT: graph.constant {{.*}}dense<1.000000e+05> : tensor<4x4xf32>
// CHECK-NEXT: %[[K16:.*]] = graph.constant {{.*}}dense<6.550400e+04> : tensor<4x4xf16>
// CHECK-NEXT: %[[A:.*]] = graph.matmul %[[X16]], %[[W16]]
// CHECK-NEXT: %[[C:.*]] = graph.add %[[A]], %[[K16]]
// CHECK-NEXT: %[[CLIP:.*]] = graph.clip %[[C]] {max = 6.550400e+04 : f64, min = -6.550400e+04 : f64}
// CHECK-NEXT: %[[D:.*]] = graph.matmul %[[CLIP]], %[[W16]]
// CHECK-NEXT: %[[D32:.*]] = graph.cast %[[D]] {{.*}}to = f32
// CHECK-NEXT: %[[S:.*]] = graph.softmax %[[D32]]
// CHECK-NEXT: %[[LOSS:.*]] = graph.sparse_softmax_cross_entropy %[[D32]], %[[L]]
// CHECK-NEXT: graph.return %[[S]], %[[LOSS]]

// PIN: graph.matmul {{.*}}tensor<4x4xbf16>
// PIN: graph.add {{.*}}tensor<4x4xf32>
// PIN: graph.matmul {{.*}}-> tensor<4x4xf32>
// PIN-NOT: amp.contract
graph.func @f(%x: tensor<4x4xf32> {graph.name = "x"}, %l: tensor<4xi32> {graph.name = "l"}) -> (tensor<4x4xf32>, tensor<f32>) attributes {output_names = ["o", "loss"]} {
  %w = graph.read @w : tensor<4x4xf32>
  %k = graph.constant {value = dense<1.0e5> : tensor<4x4xf32>} : () -> tensor<4x4xf32> loc("k")
  %a = graph.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("a")
  %c = graph.add %a, %k : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("c")
  %clip = graph.clip %c {min = -1.0e5 : f64, max = 1.0e5 : f64} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("clip")
  %d = graph.matmul %clip, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> loc("d")
  %s = graph.softmax %d : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("s")
  %loss = graph.sparse_softmax_cross_entropy %d, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32> loc("loss")
  graph.return %s, %loss : tensor<4x4xf32>, tensor<f32>
}

// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore 2>/dev/null | FileCheck %s
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore --target=bfloat16 2>/dev/null | FileCheck %s --check-prefix=BF16
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore --policy=none 2>/dev/null | FileCheck %s --check-prefix=NONE
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore --policy=minimal 2>/dev/null | FileCheck %s --check-prefix=MINIMAL
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore --keep=matmul 2>/dev/null | FileCheck %s --check-prefix=KEEP
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore --keep=toy.mm 2>/dev/null | FileCheck %s --check-prefix=KEEP
// RUN: mlir-opt %s --allow-unregistered-dialect --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --pass-pipeline='builtin.module(amp-auto-mixed-precision{op-models=%S/Inputs/toy.json unknown-ops=ignore},amp-verify-contract{op-models=%S/Inputs/toy.json})' \
// RUN:   | FileCheck %s
// RUN: amp-opt %s --op-models=%S/Inputs/toy.json --unknown-ops=ignore -o %t.once.mlir 2>/dev/null
// RUN: amp-opt %t.once.mlir --op-models=%S/Inputs/toy.json --unknown-ops=ignore 2>/dev/null | diff %t.once.mlir -
// REQUIRES: mlir-opt, plugin

// Lists by what an op is, casts and constants by the names of the file: the
// constant is converted and keeps its original for the float32 user.

// CHECK-LABEL: func.func @lists(
// CHECK: %[[X:.*]] = "toy.cast"(%arg0) {amp.generated} : (tensor<4x4xf32>) -> tensor<4x4xf16>
// CHECK: %[[C:.*]] = "toy.constant"() <{value = dense<1.000000e+05> : tensor<4x4xf32>}>
// CHECK: %[[CL:.*]] = "toy.constant"() <{value = dense<6.550400e+04> : tensor<4x4xf16>}> {amp.converted, amp.generated}
// CHECK: %[[M:.*]] = "toy.mm"(%[[X]], %[[CL]]) : (tensor<4x4xf16>, tensor<4x4xf16>) -> tensor<4x4xf16>
// CHECK: %[[R:.*]] = "toy.relu"(%[[M]]) {{.*}} -> tensor<4x4xf16>
// CHECK: %[[M2:.*]] = "toy.mm"(%[[R]], %[[CL]])
// CHECK: %[[W:.*]] = "toy.cast"(%[[M2]]) {amp.generated} : (tensor<4x4xf16>) -> tensor<4x4xf32>
// CHECK: %[[E:.*]] = "toy.exp"(%[[W]]) : (tensor<4x4xf32>)
// CHECK: "toy.add"(%[[E]], %[[C]]) {{.*}} -> tensor<4x4xf32>
// NONE-LABEL: func.func @lists(
// NONE-NOT: f16
// NONE: return
// MINIMAL-LABEL: func.func @lists(
// MINIMAL: "toy.mm"({{.*}} -> tensor<4x4xf16>
// MINIMAL: "toy.relu"({{.*}} -> tensor<4x4xf32>
// KEEP-LABEL: func.func @lists(
// KEEP-NOT: f16
// KEEP: return
func.func @lists(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %c = "toy.constant"() <{value = dense<1.0e5> : tensor<4x4xf32>}> : () -> tensor<4x4xf32>
  %0 = "toy.mm"(%x, %c) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "toy.relu"(%0) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = "toy.mm"(%1, %c) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = "toy.exp"(%2) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = "toy.add"(%3, %c) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}

// Groups: statistics stay, one type alone, several groups, a typed attribute.

// CHECK-LABEL: func.func @groups(
// CHECK: "toy.norm"({{.*}}) : (tensor<4x4xf16>, tensor<4xf32>) -> tensor<4x4xf16>
// CHECK: "toy.half"({{.*}}) : (tensor<4x4xf32>) -> tensor<4x4xf32>
// CHECK: "toy.iota"() <{dtype = f16}> : () -> tensor<4x4xf16>
// CHECK: "toy.pair"({{.*}}) : (tensor<4x4xf16>, tensor<4x4xf16>, tensor<4x4xf16>) -> (tensor<4x4xf16>, tensor<4x4xf16>)
// CHECK: "toy.loss"({{.*}}) : (tensor<4x4xf32>, tensor<4x4xi32>) -> tensor<f32>
// BF16-LABEL: func.func @groups(
// BF16: "toy.half"({{.*}}) : (tensor<4x4xbf16>) -> tensor<4x4xbf16>
func.func @groups(%x: tensor<4x4xf32>, %s: tensor<4xf32>, %l: tensor<4x4xi32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<f32>) {
  %0 = "toy.mm"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "toy.norm"(%0, %s) : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
  %2 = "toy.mm"(%1, %1) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = "toy.half"(%2) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = "toy.iota"() <{dtype = f32}> : () -> tensor<4x4xf32>
  %5:2 = "toy.pair"(%x, %4, %2) : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
  %6 = "toy.loss"(%5#1, %l) : (tensor<4x4xf32>, tensor<4x4xi32>) -> tensor<f32>
  return %3, %5#0, %6 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<f32>
}

// An op is what its region holds. The region is retyped, constants in it too.

// CHECK-LABEL: func.func @regions(
// CHECK: %[[M:.*]] = "toy.mm"({{.*}} -> tensor<4x4xf16>
// CHECK: "toy.reduce"(%[[M]], %{{.*}}) ({
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<f16>, %[[B:.*]]: tensor<f16>):
// CHECK-NEXT: "toy.max"(%[[A]], %[[B]]) : (tensor<f16>, tensor<f16>) -> tensor<f16>
// CHECK-NEXT: "toy.return"({{.*}}) : (tensor<f16>) -> ()
// CHECK-NEXT: }) : (tensor<4x4xf16>, tensor<f16>) -> tensor<4xf16>
// CHECK: "toy.reduce"(%{{.*}}) ({
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<f32>, %{{.*}}: tensor<f32>):
// CHECK-NEXT: "toy.add"
// CHECK: (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
// What no table describes, or reads a float from outside, stays as it is.
// CHECK: "toy.reduce"({{.*}}) ({
// CHECK: "toy.other"
// CHECK: (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK: "toy.reduce"({{.*}}) ({
// CHECK: "toy.max"(%arg{{.*}}, %{{.*}}) : (tensor<f32>, tensor<f32>) -> tensor<f32>
// CHECK: (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK: "toy.loop"({{.*}}) ({
// CHECK: (tensor<4x4xf32>) -> tensor<4x4xf32>
func.func @regions(%x: tensor<4x4xf32>, %i: tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4x4xf32>) {
  %0 = "toy.mm"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "toy.reduce"(%0, %i) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %9 = "toy.max"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "toy.return"(%9) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = "toy.reduce"(%0, %i) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %9 = "toy.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "toy.return"(%9) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = "toy.reduce"(%0, %i) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %9 = "toy.other"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "toy.return"(%9) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = "toy.reduce"(%0, %i) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %9 = "toy.max"(%a, %i) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "toy.return"(%9) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %5 = "toy.loop"(%0) ({
  ^bb0(%a: tensor<4x4xf32>):
    "toy.return"(%a) : (tensor<4x4xf32>) -> ()
  }) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %2, %3, %4, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4x4xf32>
}

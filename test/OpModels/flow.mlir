// RUN: amp-opt %s --op-models=stablehlo --mlir-print-op-generic -o %t.mlir 2>/dev/null && FileCheck %s --input-file=%t.mlir
// RUN: amp-opt %t.mlir --op-models=stablehlo --mlir-print-op-generic 2>/dev/null | diff %t.mlir -
// RUN: amp-opt %s --op-models=stablehlo --policy=none --mlir-print-op-generic 2>/dev/null | FileCheck %s --check-prefix=NONE
// RUN: amp-opt %s --op-models=stablehlo --keep=stablehlo.while --mlir-print-op-generic 2>/dev/null | FileCheck %s --check-prefix=KEEP
// REQUIRES: compiler

// Loops and branches that a models file describes: what they carry has one type,
// and what stands in their regions is painted, as in the function that is called
// from within: every call of it agrees.

// CHECK: %[[X:.*]] = "stablehlo.convert"(%{{.*}}) {amp.generated}
// CHECK: %[[W:.*]] = "stablehlo.convert"(%{{.*}}) {amp.generated}
// CHECK: %[[R:.*]]:2 = "stablehlo.while"(%{{.*}}, %[[X]]) ({
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<i32>, %{{.*}}: tensor<4x4xf16>):
// CHECK: ^bb0(%{{.*}}: tensor<i32>, %[[V:.*]]: tensor<4x4xf16>):
// CHECK: %[[M:.*]] = "stablehlo.dot_general"(%[[V]], %[[W]])
// CHECK: %[[T:.*]] = "func.call"(%[[M]]) <{callee = @relu}> : (tensor<4x4xf16>) -> tensor<4x4xf16>
// CHECK: "stablehlo.return"(%{{.*}}, %[[T]]) : (tensor<i32>, tensor<4x4xf16>) -> ()
// CHECK: : (tensor<i32>, tensor<4x4xf16>) -> (tensor<i32>, tensor<4x4xf16>)
// CHECK: %[[R32:.*]] = "stablehlo.convert"(%[[R]]#1)
// CHECK: "stablehlo.if"
// CHECK-NEXT: %[[E:.*]] = "stablehlo.exponential"(%[[R32]]) : (tensor<4x4xf32>)
// CHECK-NEXT: %[[E16:.*]] = "stablehlo.convert"(%[[E]])
// CHECK-NEXT: "stablehlo.return"(%[[E16]])
// CHECK: "stablehlo.return"(%[[R]]#1)
// CHECK: (tensor<i1>) -> tensor<4x4xf16>
// CHECK: "stablehlo.case"
// CHECK-NEXT: "stablehlo.abs"(%[[R]]#1) : (tensor<4x4xf16>)
// CHECK: (tensor<i32>) -> tensor<4x4xf16>
// CHECK: "stablehlo.reduce"
// CHECK: function_type = (tensor<4x4xf16>) -> tensor<4x4xf16>, sym_name = "relu"
// NONE-NOT: f16
// A loop that is kept is a float32 boundary for what it carries.
// KEEP: "stablehlo.while"(%{{.*}}, %{{.*}}) ({
// KEEP-NEXT: ^bb0(%{{.*}}: tensor<i32>, %{{.*}}: tensor<4x4xf32>):
// KEEP: "stablehlo.dot_general"({{.*}} -> tensor<4x4xf16>
// KEEP: (tensor<i32>, tensor<4x4xf32>) -> (tensor<i32>, tensor<4x4xf32>)
func.func @main(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %i = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %three = "stablehlo.constant"() <{value = dense<3> : tensor<i32>}> : () -> tensor<i32>
  %one = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
  %r:2 = "stablehlo.while"(%i, %x) ({
  ^bb0(%n: tensor<i32>, %v: tensor<4x4xf32>):
    %c = "stablehlo.compare"(%n, %three) <{comparison_direction = "LT"}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
    "stablehlo.return"(%c) : (tensor<i1>) -> ()
  }, {
  ^bb0(%n: tensor<i32>, %v: tensor<4x4xf32>):
    %k = "stablehlo.add"(%n, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
    %m = "stablehlo.dot_general"(%v, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %t = func.call @relu(%m) : (tensor<4x4xf32>) -> tensor<4x4xf32>
    "stablehlo.return"(%k, %t) : (tensor<i32>, tensor<4x4xf32>) -> ()
  }) : (tensor<i32>, tensor<4x4xf32>) -> (tensor<i32>, tensor<4x4xf32>)
  %p = "stablehlo.compare"(%r#0, %three) <{comparison_direction = "LT"}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
  %b = "stablehlo.if"(%p) ({
    %e = "stablehlo.exponential"(%r#1) : (tensor<4x4xf32>) -> tensor<4x4xf32>
    "stablehlo.return"(%e) : (tensor<4x4xf32>) -> ()
  }, {
    "stablehlo.return"(%r#1) : (tensor<4x4xf32>) -> ()
  }) : (tensor<i1>) -> tensor<4x4xf32>
  %q = "stablehlo.case"(%i) ({
    %e = "stablehlo.abs"(%r#1) : (tensor<4x4xf32>) -> tensor<4x4xf32>
    "stablehlo.return"(%e) : (tensor<4x4xf32>) -> ()
  }, {
    "stablehlo.return"(%r#1) : (tensor<4x4xf32>) -> ()
  }) : (tensor<i32>) -> tensor<4x4xf32>
  %m = "stablehlo.dot_general"(%b, %q) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %t = func.call @relu(%m) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %u = "stablehlo.dot_general"(%t, %w) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %z = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %d = "stablehlo.reduce"(%u, %z) <{dimensions = array<i64: 0>}> ({
  ^bb0(%l: tensor<f32>, %h: tensor<f32>):
    %s = "stablehlo.maximum"(%l, %h) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%s) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  return %u : tensor<4x4xf32>
}
func.func private @relu(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %z = "stablehlo.constant"() <{value = dense<0.0> : tensor<4x4xf32>}> : () -> tensor<4x4xf32>
  %y = "stablehlo.maximum"(%x, %z) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// A loop of another form than its file says is left with its regions.

// CHECK: sym_name = "odd"
// CHECK: "stablehlo.dot_general"({{.*}} -> tensor<4x4xf32>
// CHECK: "stablehlo.dot_general"({{.*}} -> tensor<4x4xf16>
func.func @odd(%x: tensor<4x4xf32>, %i: tensor<i1>) -> tensor<4x4xf32> {
  %r = "stablehlo.while"(%x) ({
  ^bb0(%v: tensor<4x4xf32>):
    "stablehlo.return"(%i) : (tensor<i1>) -> ()
  }, {
  ^bb0(%v: tensor<4x4xf32>):
    %m = "stablehlo.dot_general"(%v, %v) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    "stablehlo.return"(%m, %i) : (tensor<4x4xf32>, tensor<i1>) -> ()
  }) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %y = "stablehlo.dot_general"(%r, %r) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// RUN: amp-opt %s --op-models=stablehlo --mlir-print-op-generic 2>/dev/null | FileCheck %s
// RUN: amp-opt %s --op-models=stablehlo --allow=stablehlo.exponential --mlir-print-op-generic 2>/dev/null | FileCheck %s --check-prefix=ALLOW
// RUN: amp-opt %s --op-models=stablehlo --allow=exp --mlir-print-op-generic 2>/dev/null | FileCheck %s --check-prefix=ALLOW
// REQUIRES: compiler

// A softmax that is spelled out stays float32 as a whole; an op of it that the
// command line asks for by its name, or by what it is, does not.

// CHECK: "stablehlo.subtract"({{.*}} -> tensor<4x4xf32>
// CHECK: "stablehlo.exponential"({{.*}} -> tensor<4x4xf32>
// CHECK: "stablehlo.divide"({{.*}} -> tensor<4x4xf32>
// ALLOW: "stablehlo.subtract"({{.*}} -> tensor<4x4xf32>
// ALLOW: "stablehlo.exponential"({{.*}} -> tensor<4x4xf16>
// ALLOW: "stablehlo.divide"({{.*}} -> tensor<4x4xf32>
func.func @softmax(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %low = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %0 = "stablehlo.dot_general"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = "stablehlo.reduce"(%0, %low) <{dimensions = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %m = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%m) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = "stablehlo.broadcast_in_dim"(%1) <{broadcast_dimensions = array<i64: 0>}> : (tensor<4xf32>) -> tensor<4x4xf32>
  %3 = "stablehlo.subtract"(%0, %2) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = "stablehlo.exponential"(%3) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = "stablehlo.reduce"(%4, %zero) <{dimensions = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%s) : (tensor<f32>) -> ()
  }) : (tensor<4x4xf32>, tensor<f32>) -> tensor<4xf32>
  %6 = "stablehlo.broadcast_in_dim"(%5) <{broadcast_dimensions = array<i64: 0>}> : (tensor<4xf32>) -> tensor<4x4xf32>
  %7 = "stablehlo.divide"(%4, %6) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %8 = "stablehlo.dot_general"(%7, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %8 : tensor<4x4xf32>
}

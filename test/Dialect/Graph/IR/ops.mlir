// RUN: amp-opt %s | amp-opt | FileCheck %s

// CHECK: graph.variable @"dense/kernel" : tensor<4x3xf32>
graph.variable @"dense/kernel" : tensor<4x3xf32> {init = {kind = "glorot_uniform", seed = 1 : i64}}

// A node may stand before what it reads.
// CHECK-LABEL: graph.func @any_order
// CHECK: graph.relu %[[P:.*]] : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK: %[[P]] = graph.matmul %arg0, %{{.*}} : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
graph.func @any_order(%arg0: tensor<?x4xf32> {graph.name = "x", graph.shape = ["batch", 4]}) -> tensor<?x3xf32> attributes {output_names = ["y"]} {
  %kernel = graph.read @"dense/kernel" : tensor<4x3xf32>
  %0 = graph.relu %1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %1 = graph.matmul %arg0, %kernel : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  graph.return %0 : tensor<?x3xf32>
}

// CHECK-LABEL: graph.func @updates
// CHECK: graph.assign_add
graph.func @updates(%arg0: tensor<4x3xf32>, %arg1: tensor<i1>) {
  %kernel = graph.read @"dense/kernel" : tensor<4x3xf32>
  graph.assign_add %kernel, %arg0, %arg1 : (tensor<4x3xf32>, tensor<4x3xf32>, tensor<i1>) -> ()
  graph.return
}

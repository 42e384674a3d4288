// RUN: amp-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: graph.func @up_and_down_folds
// CHECK-NEXT: graph.return %arg0
graph.func @up_and_down_folds(%arg0: tensor<4xf16>) -> tensor<4xf16> {
  %0 = graph.cast %arg0 {to = f32} : (tensor<4xf16>) -> tensor<4xf32>
  %1 = graph.cast %0 {to = f16} : (tensor<4xf32>) -> tensor<4xf16>
  graph.return %1 : tensor<4xf16>
}

// CHECK-LABEL: graph.func @down_and_up_stays
// CHECK-COUNT-2: graph.cast
graph.func @down_and_up_stays(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.cast %arg0 {to = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %1 = graph.cast %0 {to = f32} : (tensor<4xf16>) -> tensor<4xf32>
  graph.return %1 : tensor<4xf32>
}

// bfloat16 is not a part of float16.
// CHECK-LABEL: graph.func @between_low_types_stays
// CHECK-COUNT-2: graph.cast
graph.func @between_low_types_stays(%arg0: tensor<4xbf16>) -> tensor<4xbf16> {
  %0 = graph.cast %arg0 {to = f16} : (tensor<4xbf16>) -> tensor<4xf16>
  %1 = graph.cast %0 {to = bf16} : (tensor<4xf16>) -> tensor<4xbf16>
  graph.return %1 : tensor<4xbf16>
}

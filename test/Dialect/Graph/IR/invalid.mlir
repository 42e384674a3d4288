// RUN: amp-opt %s --split-input-file --verify-diagnostics

graph.func @shapes(%arg0: tensor<4x5xf32>, %arg1: tensor<6x3xf32>) -> tensor<4x3xf32> {
  // expected-error @+1 {{5}}
  %0 = graph.matmul %arg0, %arg1 : (tensor<4x5xf32>, tensor<6x3xf32>) -> tensor<4x3xf32>
  graph.return %0 : tensor<4x3xf32>
}

// -----

graph.func @result_type(%arg0: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @+1 {{result 0 has type float32 [5] but the op makes float32 [4]}}
  %0 = graph.relu %arg0 : (tensor<4xf32>) -> tensor<5xf32>
  graph.return %0 : tensor<5xf32>
}

// -----

graph.func @result_count(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{has 2 results instead of 1}}
  %0:2 = graph.relu %arg0 : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  graph.return %0#0 : tensor<4xf32>
}

// -----

graph.func @foreign_type(%arg0: tensor<4xf80>) -> tensor<4xf80> {
  // expected-error @+1 {{has a value whose element type graph files do not have}}
  %0 = graph.relu %arg0 : (tensor<4xf80>) -> tensor<4xf80>
  graph.return %0 : tensor<4xf80>
}

// -----

graph.func @no_variable(%arg0: tensor<4xf32>) {
  // expected-error @+1 {{must be a variable}}
  graph.assign %arg0, %arg0 : (tensor<4xf32>, tensor<4xf32>) -> ()
  graph.return
}

// -----

graph.func @unknown_variable() -> tensor<4xf32> {
  // expected-error @+1 {{reads 'w', which is no variable}}
  %0 = graph.read @w : tensor<4xf32>
  graph.return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{needs either init or weights}}
graph.variable @w : tensor<4xf32>

// -----

graph.func @outputs(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{but the function returns}}
  graph.return
}

// -----

// expected-error @+1 {{has 2 output names for 1 results}}
graph.func @names(%arg0: tensor<4xf32>) -> tensor<4xf32> attributes {output_names = ["a", "b"]} {
  graph.return %arg0 : tensor<4xf32>
}

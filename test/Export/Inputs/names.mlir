graph.variable @"V" : tensor<4xf32> {init = {kind = "zeros"}}
graph.func @"F"(%arg0: tensor<4xf32> {graph.name = "X"}) -> tensor<4xf32> attributes {output_names = ["Y"]} {
  %0 = graph.relu %arg0 : (tensor<4xf32>) -> tensor<4xf32> loc("N")
  graph.return %0 : tensor<4xf32>
}

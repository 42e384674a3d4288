// RUN: amp-opt --pass-pipeline='builtin.module(amp-auto-mixed-precision)' --remarks-filter=amp --verify-diagnostics %s -o /dev/null

// A decision is a remark of category amp at the op.
graph.func @f(%x: tensor<4x4xf32> {graph.name = "x"}) -> (tensor<4x4xf32>) attributes {output_names = ["o"]} {
  // expected-remark @below {{[Passed] Lowered | Category:amp:auto-mixed-precision | Function=f | Reason="on the allow list", Remark="lowered to float16", rule=R1}}
  %a = graph.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  // expected-remark @below {{[Missed] Stays | Category:amp:auto-mixed-precision | Function=f | Reason="on the deny list", Remark="stays float32", rule=R2}}
  %s = graph.softmax %a : (tensor<4x4xf32>) -> tensor<4x4xf32>
  // expected-remark @below {{follows the denied softmax}}
  %t = graph.add %s, %s : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  graph.return %t : tensor<4x4xf32>
}

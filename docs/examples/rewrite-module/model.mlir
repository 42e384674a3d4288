// Two dense layers as a compiler for linalg holds them. Only the products and
// what lies between them may run in 16 bits: the policy says so, not this file.
func.func @model(%x: tensor<32x784xf32>, %w1: tensor<784x128xf32>, %w2: tensor<128x10xf32>) -> tensor<32x10xf32> {
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<32x128xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<32x128xf32>) -> tensor<32x128xf32>
  %hidden = linalg.matmul ins(%x, %w1 : tensor<32x784xf32>, tensor<784x128xf32>)
                          outs(%i1 : tensor<32x128xf32>) -> tensor<32x128xf32>
  %e2 = tensor.empty() : tensor<32x10xf32>
  %i2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<32x10xf32>) -> tensor<32x10xf32>
  %y = linalg.matmul ins(%hidden, %w2 : tensor<32x128xf32>, tensor<128x10xf32>)
                     outs(%i2 : tensor<32x10xf32>) -> tensor<32x10xf32>
  return %y : tensor<32x10xf32>
}

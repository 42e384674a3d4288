func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = "toy.mm"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(amp-loss-scale)'

// What loss scaling cannot do is an error at the op, before anything is changed; where
// it has nothing to do though a gradient is seeded, it says so.

// A store in memory cannot be skipped. The function before it is not scaled.
ml_program.global private mutable @w(dense<0.5> : tensor<4xf32>) : tensor<4xf32>
func.func @fine(%x: tensor<4xf32>) {
  %dy = arith.negf %x {amp.loss_gradient} : tensor<4xf32>
  %step = arith.mulf %x, %dy {amp.gradient_operands = array<i64: 1>} : tensor<4xf32>
  "ml_program.global_store"(%step) {amp.gradient_operands = array<i64>, global = @w} : (tensor<4xf32>) -> ()
  return
}
func.func @memory(%x: tensor<4xf32>, %w: memref<4xf32>) {
  %dy = arith.negf %x {amp.loss_gradient} : tensor<4xf32>
  %step = arith.mulf %x, %dy {amp.gradient_operands = array<i64: 1>} : tensor<4xf32>
  // expected-error @+1 {{is marked as an update, and nothing says how it is skipped: a step whose gradients are not finite would be taken}}
  bufferization.materialize_in_destination %step in writable %w {amp.gradient_operands = array<i64>} : (tensor<4xf32>, memref<4xf32>) -> ()
  return
}

// -----

func.func @gradients(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-warning @+1 {{seeds the backward part, and no variable is updated with a gradient: no loss scale is added}}
  %dy = arith.negf %x {amp.loss_gradient} : tensor<4xf32>
  %dx = arith.mulf %x, %dy : tensor<4xf32>
  return %dx : tensor<4xf32>
}

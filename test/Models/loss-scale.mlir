// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-loss-scale,amp-loss-scale,amp-auto-mixed-precision{unknown-ops=ignore},amp-verify-contract)' \
// RUN:   -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: mlir-opt %t.mlir --pass-pipeline='builtin.module(mlprogram-pipeline-globals,func.func(convert-elementwise-to-linalg),one-shot-bufferize{bufferize-function-boundaries=true},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-libm,arith-expand{include-bf16=true},convert-math-to-llvm,finalize-memref-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,convert-cf-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts)' \
// RUN:   | %mlir_tools/mlir-runner -e start --entry-point-result=void --shared-libs=%mlir_tools/../lib/libmlir_runner_utils.so,%mlir_tools/../lib/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s --check-prefix=STEP
// RUN: not mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-loss-scale{mode=dynamic:initial=0})' -o /dev/null 2>&1 | FileCheck %s --check-prefix=BAD

// A training module of linalg, with its variables in globals of ml_program. The
// seed of the gradients, the op that takes them and the store that updates are
// named by attributes. Loss scaling once more changes nothing.

// CHECK: ml_program.global private mutable @amp_loss_scale_good_steps
// CHECK: ml_program.global private mutable @amp_loss_scale(dense<1.024000e+03>
// CHECK-LABEL: func.func @train
// CHECK: %[[SCALE:.*]] = ml_program.global_load @amp_loss_scale :
// CHECK: %[[DY:.*]] = arith.subf {{.*}} {amp.loss_gradient}
// CHECK: %[[SCALED:.*]] = arith.mulf %[[DY]], %{{.*}}amp.scaled_loss} : tensor<2x2xf32>
// CHECK: %[[SCALED16:.*]] = arith.truncf %[[SCALED]]
// CHECK: %[[DW:.*]] = linalg.matmul ins(%{{.*}}, %[[SCALED16]] : tensor<2x2xf16>, tensor<2x2xf16>)
// CHECK: %[[DW32:.*]] = arith.extf %[[DW]]
// CHECK: %[[UNSCALED:.*]] = arith.divf %[[DW32]], %{{.*}} : tensor<2x2xf32>
// CHECK: arith.mulf %{{.*}}, %[[UNSCALED]] {amp.gradient_operands = array<i64: 1>} : tensor<2x2xf32>
// CHECK: %[[FINITE:.*]] = arith.cmpf olt
// CHECK: %[[NEW:.*]] = arith.select %[[FINITE]], %{{.*}}, %{{.*}} : tensor<2x2xf32>
// CHECK: ml_program.global_store @w = %[[NEW]]
// CHECK: ml_program.global_store @amp_loss_scale =

// A good step, one whose gradients overflow in float16, and a good one. The
// numbers of the first are exact: 0.5 + 0.375 / 16 and so on.
// STEP: [0.523438,{{ *}}-0.261719]
// STEP: [0.146484,{{ *}}0.984375]
// STEP: [1024]
// STEP: [0.523438,{{ *}}-0.261719]
// STEP: [0.146484,{{ *}}0.984375]
// STEP: [512]
// STEP: [0.545044,{{ *}}-0.272522]
// STEP: [0.16629,{{ *}}0.969971]
// STEP: [512]

// BAD: error:
ml_program.global private mutable @amp_loss_scale(dense<1024.0> : tensor<f32>) : tensor<f32>
ml_program.global private mutable @w(dense<[[0.5, -0.25], [0.125, 1.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @train(%x: tensor<2x2xf32>, %target: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %w = ml_program.global_load @w : tensor<2x2xf32>
  %zero = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zero : tensor<2x2xf32>) -> tensor<2x2xf32>
  // The gradient of half the squared difference, and of the weights.
  %dy = arith.subf %y, %target {amp.loss_gradient} : tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %xt = linalg.transpose ins(%x : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0]
  %dw = linalg.matmul ins(%xt, %dy : tensor<2x2xf32>, tensor<2x2xf32>) outs(%zero : tensor<2x2xf32>) -> tensor<2x2xf32>
  %rate = arith.constant dense<0.0625> : tensor<2x2xf32>
  %step = arith.mulf %rate, %dw {amp.gradient_operands = array<i64: 1>} : tensor<2x2xf32>
  %new = arith.subf %w, %step : tensor<2x2xf32>
  "ml_program.global_store"(%new) {amp.gradient_operands = array<i64>, global = @w} : (tensor<2x2xf32>) -> ()
  return %y : tensor<2x2xf32>
}
func.func private @printMemrefF32(memref<*xf32>)
func.func @show() {
  %w = ml_program.global_load @w : tensor<2x2xf32>
  %m = bufferization.to_buffer %w : tensor<2x2xf32> to memref<2x2xf32>
  %u = memref.cast %m : memref<2x2xf32> to memref<*xf32>
  func.call @printMemrefF32(%u) : (memref<*xf32>) -> ()
  %s = ml_program.global_load @amp_loss_scale : tensor<f32>
  %n = bufferization.to_buffer %s : tensor<f32> to memref<f32>
  %v = memref.cast %n : memref<f32> to memref<*xf32>
  func.call @printMemrefF32(%v) : (memref<*xf32>) -> ()
  return
}
func.func @start() {
  %t = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %good = arith.constant dense<[[1.0, 0.5], [-0.5, 1.0]]> : tensor<2x2xf32>
  %bad = arith.constant dense<[[60000.0, 60000.0], [60000.0, 60000.0]]> : tensor<2x2xf32>
  func.call @train(%good, %t) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.call @show() : () -> ()
  func.call @train(%bad, %t) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.call @show() : () -> ()
  func.call @train(%good, %t) : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.call @show() : () -> ()
  return
}

// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --verify-each --pass-pipeline='builtin.module(amp-loss-scale,amp-loss-scale,amp-auto-mixed-precision{unknown-ops=ignore},amp-verify-contract)' \
// RUN:   -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: mlir-opt %t.mlir --pass-pipeline='builtin.module(tosa-to-mlprogram,func.func(tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith,tosa-to-tensor),mlprogram-pipeline-globals,func.func(convert-elementwise-to-linalg),one-shot-bufferize{bufferize-function-boundaries=true},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-libm,arith-expand{include-bf16=true},convert-math-to-llvm,finalize-memref-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,convert-cf-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts)' \
// RUN:   | %mlir_tools/mlir-runner -e start --entry-point-result=void --shared-libs=%mlir_tools/../lib/libmlir_runner_utils.so,%mlir_tools/../lib/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s --check-prefix=STEP

// A training module of TOSA, with a variable of TOSA. What is stored is what was
// there where a gradient is not finite; the state of the scale stands in globals of
// ml_program, which is where tosa-to-mlprogram puts the variable too.

// CHECK: ml_program.global private mutable @amp_loss_scale(dense<1.024000e+03>
// CHECK: tosa.variable @w
// CHECK-LABEL: func.func @train
// CHECK: %[[SCALE:.*]] = ml_program.global_load @amp_loss_scale :
// CHECK: %[[DY:.*]] = tosa.sub {{.*}} {amp.loss_gradient}
// CHECK: %[[SCALED:.*]] = arith.mulf %[[DY]], %{{.*}}amp.scaled_loss} : tensor<1x2x2xf32>
// CHECK: %[[SCALED16:.*]] = arith.truncf %[[SCALED]]
// CHECK: %[[DW:.*]] = tosa.matmul %{{.*}}, %[[SCALED16]], {{.*}} -> tensor<1x2x2xf16>
// CHECK: %[[DW32:.*]] = tosa.cast %[[DW]]
// CHECK: %[[UNSCALED:.*]] = arith.divf %[[DW32]], %{{.*}} : tensor<1x2x2xf32>
// CHECK: tosa.mul %{{.*}}, %[[UNSCALED]], %{{.*}} {amp.gradient_operands = array<i64: 1>}
// CHECK: %[[FINITE:.*]] = arith.cmpf olt
// CHECK: %[[OLD:.*]] = tosa.variable_read @w
// CHECK: %[[NEW:.*]] = arith.select %[[FINITE]], %{{.*}}, %[[OLD]] {{.*}} : tensor<1x2x2xf32>
// CHECK: tosa.variable_write @w {{.*}}, %[[NEW]]
// CHECK: ml_program.global_store @amp_loss_scale =

// A good step, one whose gradients overflow in float16, and a good one: as in
// loss-scale.mlir, the numbers of the first are exact.
// STEP: [0.523438,{{ *}}-0.261719]
// STEP: [0.146484,{{ *}}0.984375]
// STEP: [1024]
// STEP: [0.523438,{{ *}}-0.261719]
// STEP: [0.146484,{{ *}}0.984375]
// STEP: [512]
// STEP: [0.545044,{{ *}}-0.272522]
// STEP: [0.16629,{{ *}}0.969971]
// STEP: [512]
ml_program.global private mutable @amp_loss_scale(dense<1024.0> : tensor<f32>) : tensor<f32>
tosa.variable @w = dense<[[[0.5, -0.25], [0.125, 1.0]]]> : tensor<1x2x2xf32>
func.func @train(%x: tensor<1x2x2xf32>, %target: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  %w = tosa.variable_read @w : tensor<1x2x2xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  // The gradient of half the squared difference, and of the weights.
  %dy = tosa.sub %y, %target {amp.loss_gradient} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %xt = tosa.transpose %x {perms = array<i32: 0, 2, 1>} : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  %dw = tosa.matmul %xt, %dy, %z, %z : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x2x2xf32>
  %rate = "tosa.const"() <{values = dense<0.0625> : tensor<1x2x2xf32>}> : () -> tensor<1x2x2xf32>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %step = tosa.mul %rate, %dw, %shift {amp.gradient_operands = array<i64: 1>} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi8>) -> tensor<1x2x2xf32>
  %new = tosa.sub %w, %step : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  tosa.variable_write @w {amp.gradient_operands = array<i64>}, %new : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
func.func private @printMemrefF32(memref<*xf32>)
func.func @show() {
  %w = tosa.variable_read @w : tensor<1x2x2xf32>
  %m = bufferization.to_buffer %w : tensor<1x2x2xf32> to memref<1x2x2xf32>
  %u = memref.cast %m : memref<1x2x2xf32> to memref<*xf32>
  func.call @printMemrefF32(%u) : (memref<*xf32>) -> ()
  %s = ml_program.global_load @amp_loss_scale : tensor<f32>
  %n = bufferization.to_buffer %s : tensor<f32> to memref<f32>
  %v = memref.cast %n : memref<f32> to memref<*xf32>
  func.call @printMemrefF32(%v) : (memref<*xf32>) -> ()
  return
}
func.func @start() {
  %t = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0]]]> : tensor<1x2x2xf32>
  %good = arith.constant dense<[[[1.0, 0.5], [-0.5, 1.0]]]> : tensor<1x2x2xf32>
  %bad = arith.constant dense<[[[60000.0, 60000.0], [60000.0, 60000.0]]]> : tensor<1x2x2xf32>
  func.call @train(%good, %t) : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  func.call @show() : () -> ()
  func.call @train(%bad, %t) : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  func.call @show() : () -> ()
  func.call @train(%good, %t) : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  func.call @show() : () -> ()
  return
}

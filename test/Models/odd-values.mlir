// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each --split-input-file \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{unknown-ops=ignore},amp-verify-contract)' \
// RUN:   | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --load-pass-plugin=%amp_lib/AmpPlugin.so --verify-each --split-input-file \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision{unknown-ops=ignore},amp-verify-contract,amp-auto-mixed-precision{unknown-ops=ignore},amp-verify-contract)' \
// RUN:   2>/dev/null | FileCheck %s

// What ops in the middle of a lowered function may be made of: types that arith does
// not cast, values of several types, bodies that hand their numbers elsewhere.

// Tensors without a rank: what makes and takes them stays as it is.
// CHECK-LABEL: func.func @unranked
// CHECK: linalg.matmul {{.*}} -> tensor<?x?xf16>
// CHECK: math.tanh %{{.*}} : tensor<*xf32>
// CHECK: tensor.cast %{{.*}} : tensor<*xf32> to tensor<?x?xf32>
// CHECK: linalg.matmul {{.*}} -> tensor<?x?xf16>
func.func @unranked(%y: tensor<?x?xf32>, %e: tensor<?x?xf32>) -> tensor<*xf32> {
  %m = linalg.matmul ins(%y, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %u = tensor.cast %m : tensor<?x?xf32> to tensor<*xf32>
  %t = math.tanh %u : tensor<*xf32>
  %r = tensor.cast %t : tensor<*xf32> to tensor<?x?xf32>
  %p = linalg.matmul ins(%r, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %o = tensor.cast %p : tensor<?x?xf32> to tensor<*xf32>
  return %o : tensor<*xf32>
}

// -----

// A loop that carries one, and one that carries memory.
// CHECK-LABEL: func.func @carried
// CHECK: scf.for {{.*}} -> (tensor<*xf32>, memref<4xf32>)
func.func @carried(%y: tensor<?x?xf32>, %b: memref<4xf32>, %n: index) -> (tensor<?x?xf32>, memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = linalg.matmul ins(%y, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%y : tensor<?x?xf32>) -> tensor<?x?xf32>
  %u = tensor.cast %m : tensor<?x?xf32> to tensor<*xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %u, %d = %b) -> (tensor<*xf32>, memref<4xf32>) {
    scf.yield %a, %d : tensor<*xf32>, memref<4xf32>
  }
  %v = tensor.cast %r#0 : tensor<*xf32> to tensor<?x?xf32>
  %p = linalg.matmul ins(%v, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%y : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %p, %r#1 : tensor<?x?xf32>, memref<4xf32>
}

// -----

// Numbers that become complex ones do so in float32.
// CHECK-LABEL: func.func @complex
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4xf16>)
// CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK-NEXT: complex.create %[[WIDE]], %[[WIDE]] : complex<f32>
#map = affine_map<(d0) -> (d0)>
func.func @complex(%x: tensor<4xf32>, %w: tensor<4x4xf32>) -> tensor<4xcomplex<f32>> {
  %e = tensor.empty() : tensor<4xf32>
  %v = linalg.matvec ins(%w, %x : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %c = tensor.empty() : tensor<4xcomplex<f32>>
  %g = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%v : tensor<4xf32>) outs(%c : tensor<4xcomplex<f32>>) {
  ^bb0(%a: f32, %o: complex<f32>):
    %z = complex.create %a, %a : complex<f32>
    linalg.yield %z : complex<f32>
  } -> tensor<4xcomplex<f32>>
  return %g : tensor<4xcomplex<f32>>
}

// -----

// What a body stores in memory keeps its type.
// CHECK-LABEL: func.func @store
// CHECK: linalg.generic
// CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK: memref.store %[[WIDE]]
#map = affine_map<(d0) -> (d0)>
func.func @store(%t: tensor<4xf32>, %w: tensor<4x4xf32>, %m: memref<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %v = linalg.matvec ins(%w, %t : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %g = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%v : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 0 : index
    memref.store %a, %m[%i] : memref<4xf32>
    linalg.yield %a : f32
  } -> tensor<4xf32>
  %p = linalg.matvec ins(%w, %g : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %p : tensor<4xf32>
}

// -----

// A float32 value of an op that has others too is cast for its lowered users.
// CHECK-LABEL: func.func @several
// CHECK: %[[G:.*]]:2 = linalg.generic
// CHECK: -> (tensor<4xf32>, tensor<4xf64>)
// CHECK: %[[LOW:.*]] = arith.truncf %[[G]]#0 {amp.generated} : tensor<4xf32> to tensor<4xf16>
// CHECK: arith.addf %{{.*}}, %[[LOW]] : tensor<4xf16>
#map = affine_map<(d0) -> (d0)>
func.func @several(%x: tensor<4xf32>, %w: tensor<4x4xf32>) -> (tensor<4xf32>, tensor<4xf64>) {
  %e = tensor.empty() : tensor<4xf32>
  %f = tensor.empty() : tensor<4xf64>
  %v = linalg.matvec ins(%w, %x : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %g:2 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%v : tensor<4xf32>) outs(%e, %f : tensor<4xf32>, tensor<4xf64>) {
  ^bb0(%a: f32, %o: f32, %o64: f64):
    %d = arith.extf %a : f32 to f64
    %n = arith.negf %a : f32
    linalg.yield %n, %d : f32, f64
  } -> (tensor<4xf32>, tensor<4xf64>)
  %s = arith.addf %v, %g#0 : tensor<4xf32>
  %p = linalg.matvec ins(%w, %s : tensor<4x4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %p, %g#1 : tensor<4xf32>, tensor<4xf64>
}

// -----

// The padding of a layout has the type of what is padded.
// CHECK-LABEL: func.func @packed
// CHECK: linalg.pack %{{.*}} padding_value(%{{.*}} : f16)
// CHECK-SAME: tensor<8x8xf16> -> tensor<2x2x4x4xf16>
func.func @packed(%x: tensor<8x8xf32>, %y: tensor<2x2x4x4xf32>) -> tensor<8x8xf32> {
  %e = tensor.empty() : tensor<8x8xf32>
  %z = arith.constant 0.0 : f32
  %m = linalg.matmul ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %t = tensor.empty() : tensor<2x2x4x4xf32>
  %p = linalg.pack %m padding_value(%z : f32) inner_dims_pos = [0, 1] inner_tiles = [4, 4] into %t : tensor<8x8xf32> -> tensor<2x2x4x4xf32>
  %u = linalg.unpack %p inner_dims_pos = [0, 1] inner_tiles = [4, 4] into %e : tensor<2x2x4x4xf32> -> tensor<8x8xf32>
  %r = linalg.matmul ins(%u, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %r : tensor<8x8xf32>
}

// -----

// Casts that are there already read what is lowered where they can, and else what it
// was: there is no arith.truncf from float16.
// CHECK-LABEL: func.func @casts
// CHECK: %[[P:.*]] = linalg.matmul {{.*}} -> tensor<4x4xf16>
// CHECK: %[[WIDE:.*]] = arith.extf %[[P]] {amp.generated}
// CHECK-DAG: arith.truncf %[[WIDE]] : tensor<4x4xf32> to tensor<4x4xf16>
// CHECK-DAG: arith.truncf %[[WIDE]] : tensor<4x4xf32> to tensor<4x4xbf16>
// CHECK-DAG: arith.extf %[[P]] : tensor<4x4xf16> to tensor<4x4xf64>
// CHECK-DAG: arith.fptosi %[[P]] : tensor<4x4xf16> to tensor<4x4xi32>
func.func @casts(%x: tensor<4x4xf32>) -> (tensor<4x4xf16>, tensor<4x4xbf16>, tensor<4x4xf64>, tensor<4x4xi32>) {
  %e = tensor.empty() : tensor<4x4xf32>
  %p = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = arith.truncf %p : tensor<4x4xf32> to tensor<4x4xf16>
  %b = arith.truncf %p : tensor<4x4xf32> to tensor<4x4xbf16>
  %c = arith.extf %p : tensor<4x4xf32> to tensor<4x4xf64>
  %d = arith.fptosi %p : tensor<4x4xf32> to tensor<4x4xi32>
  return %a, %b, %c, %d : tensor<4x4xf16>, tensor<4x4xbf16>, tensor<4x4xf64>, tensor<4x4xi32>
}

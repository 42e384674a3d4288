// REQUIRES: mlir-opt, plugin
// RUN: mlir-opt %s --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract)' -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: mlir-opt %t.mlir --verify-each --load-dialect-plugin=%amp_lib/AmpPlugin.so --load-pass-plugin=%amp_lib/AmpPlugin.so \
// RUN:   --pass-pipeline='builtin.module(amp-auto-mixed-precision,amp-verify-contract)' 2>/dev/null | diff %t.mlir -

// Loops that run in parallel: a destination, what is inserted into it and the
// result have one type, and so has what is reduced.

// CHECK-LABEL: func.func @forall(
// CHECK: scf.forall {{.*}} shared_outs(%[[O:.*]] = %{{.*}}) -> (tensor<8x4xf16>)
// CHECK: %[[P:.*]] = linalg.matmul {{.*}} -> tensor<2x4xf16>
// CHECK: tensor.parallel_insert_slice %[[P]] into %[[O]]{{.*}} : tensor<2x4xf16> into tensor<8x4xf16>
func.func @forall(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<8x4xf32>
  %zero = arith.constant dense<0.0> : tensor<2x4xf32>
  %a = linalg.matmul ins(%x, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  %r = scf.forall (%i) = (0) to (8) step (2) shared_outs(%out = %e) -> (tensor<8x4xf32>) {
    %s = tensor.extract_slice %a[%i, 0] [2, 4] [1, 1] : tensor<8x4xf32> to tensor<2x4xf32>
    %p = linalg.matmul ins(%s, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%zero : tensor<2x4xf32>) -> tensor<2x4xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %p into %out[%i, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<8x4xf32>
    }
  }
  %y = linalg.matmul ins(%r, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// What is inserted is float32 and stays so; the product before it does not.

// CHECK-LABEL: func.func @denied(
// CHECK: scf.forall {{.*}} -> (tensor<8x4xf32>)
// CHECK: %[[P:.*]] = linalg.matmul {{.*}} -> tensor<2x4xf16>
// CHECK: %[[W:.*]] = arith.extf %[[P]]
// CHECK: linalg.exp ins(%[[W]]
// CHECK: tensor.parallel_insert_slice {{.*}} : tensor<2x4xf32> into tensor<8x4xf32>
func.func @denied(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<8x4xf32>
  %zero = arith.constant dense<0.0> : tensor<2x4xf32>
  %a = linalg.matmul ins(%x, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  %r = scf.forall (%i) = (0) to (8) step (2) shared_outs(%out = %e) -> (tensor<8x4xf32>) {
    %s = tensor.extract_slice %a[%i, 0] [2, 4] [1, 1] : tensor<8x4xf32> to tensor<2x4xf32>
    %p = linalg.matmul ins(%s, %w : tensor<2x4xf32>, tensor<4x4xf32>) outs(%zero : tensor<2x4xf32>) -> tensor<2x4xf32>
    %q = linalg.exp ins(%p : tensor<2x4xf32>) outs(%zero : tensor<2x4xf32>) -> tensor<2x4xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %q into %out[%i, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<8x4xf32>
    }
  }
  %y = linalg.exp ins(%r: tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// CHECK-LABEL: func.func @parallel(
// CHECK: scf.parallel {{.*}} -> tensor<8x4xf16>
// CHECK: scf.reduce(%{{.*}} : tensor<8x4xf16>)
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<8x4xf16>, %{{.*}}: tensor<8x4xf16>):
// CHECK-NEXT: arith.addf {{.*}} : tensor<8x4xf16>
// CHECK-NEXT: scf.reduce.return {{.*}} : tensor<8x4xf16>
func.func @parallel(%x: tensor<8x4xf32>, %w: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<8x4xf32>
  %a = linalg.matmul ins(%x, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  %r = scf.parallel (%i) = (%c0) to (%c4) step (%c1) init(%a) -> tensor<8x4xf32> {
    %p = linalg.matmul ins(%a, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
    scf.reduce(%p : tensor<8x4xf32>) {
    ^bb0(%l: tensor<8x4xf32>, %m: tensor<8x4xf32>):
      %s = arith.addf %l, %m : tensor<8x4xf32>
      scf.reduce.return %s : tensor<8x4xf32>
    }
  }
  %y = linalg.matmul ins(%r, %w : tensor<8x4xf32>, tensor<4x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// A reduction that stays float32 in its own region: what it takes is cast there.

// CHECK-LABEL: func.func @cast_in_reduction(
// CHECK: scf.reduce(%{{.*}} : tensor<4x4xf16>)
// CHECK-NEXT: ^bb0(%[[L:.*]]: tensor<4x4xf16>, %[[H:.*]]: tensor<4x4xf16>):
// CHECK-DAG: %[[L32:.*]] = arith.extf %[[L]]
// CHECK: linalg.powf ins(%[[L32]],
// CHECK: %[[M:.*]] = linalg.matmul {{.*}} -> tensor<4x4xf16>
// CHECK: scf.reduce.return %[[M]] : tensor<4x4xf16>
func.func @cast_in_reduction(%x: tensor<4x4xf32>, %n: index) -> tensor<4x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<4x4xf32>
  %a = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  %r = scf.parallel (%i) = (%c0) to (%n) step (%c1) init(%a) -> tensor<4x4xf32> {
    scf.reduce(%a : tensor<4x4xf32>) {
    ^bb0(%l: tensor<4x4xf32>, %h: tensor<4x4xf32>):
      %p = linalg.powf ins(%l, %h : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
      %m = linalg.matmul ins(%p, %h : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
      scf.reduce.return %m : tensor<4x4xf32>
    }
  }
  %y = linalg.matmul ins(%r, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

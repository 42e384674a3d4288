// RUN: not tile-opt %s --pass-pipeline='builtin.module(amp-auto-mixed-precision{target=int8})' 2>&1 | FileCheck %s
// RUN: not tile-opt %s --pass-pipeline='builtin.module(amp-auto-mixed-precision{policy=absent.json})' 2>&1 | FileCheck %s --check-prefix=POLICY

// CHECK: error: unknown target 'int8', it is float16 or bfloat16
// POLICY: error: cannot read policy file 'absent.json'
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  return %x : tensor<4x4xf32>
}

// RUN: not amp-opt %s --no-amp --emit=json 2>&1 | FileCheck %s

// CHECK: :[[#@LINE+1]]:1: error: {{.*}}has no place in a graph file
func.func private @external()

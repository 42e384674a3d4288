//===- ShapeCases.cpp - Reductions and ops that move elements -------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Cases of reductions and of the ops that change shapes.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

namespace amp::test {

namespace {
std::vector<OpCase> makeCases() {
  std::vector<OpCase> cases = {
      // Reductions; what all of them share is in the loop below.
      {"reduce_sum", "i32[2,3]", "", "i32[]"},
      {"reduce_sum", "f32[]", "", "f32[]"},
      {"reduce_sum", "f32[batch,3,4]", "axes=0,-1", "f32[3]"},
      {"reduce_sum", "f32[batch,3,4]", "axes=1 keep_dims=true",
       "f32[batch,1,4]"},
      {"reduce_sum", "f32[2,3]",
       "axes=", "error at axes: attribute 'axes' is empty"},
      {"reduce_sum", "f32[2,3]", "axes=1,-1",
       "error at axes: attribute 'axes' names axis 1 twice"},
      {"reduce_sum", "b[2,3]", "",
       "error at 0: operand 'x' is bool, expected a number"},
      {"reduce_mean", "i32[2,3]", "",
       "error at 0: operand 'x' is int32, expected a floating dtype"},
      {"argmax", "f32[batch,10]", "axis=-1", "i32[batch]"},
      {"argmax", "i64[batch,10]", "axis=0", "i32[10]"},
      {"argmax", "f32[batch,10]", "",
       "error: 'argmax' needs the attribute 'axis'"},
      {"argmax", "f32[batch,10]", "axis=2",
       "error at axis: attribute 'axis' is 2, expected an axis from -2 to 1"},
      {"cumsum", "i32[batch,10]", "axis=1", "i32[batch,10]"},
      {"cumsum", "f32[batch,10]", "",
       "error: 'cumsum' needs the attribute 'axis'"},
      {"cumsum_grad", "f16[batch,10] f32[batch,10]", "axis=1", "f16[batch,10]"},
      {"cumsum_grad", "f16[batch,10] f32[batch,10]", "axis=2",
       "error at axis: attribute 'axis' is 2, expected an axis from -2 to 1"},

      // Shape.
      {"reshape", "f32[batch,28,28,1]", "shape=-1,784", "f32[batch,784]"},
      {"reshape", "f32[batch,28,28]", "shape=batch,-1", "f32[batch,784]"},
      {"reshape", "f32[batch,seq,64]", "shape=-1,seq,8,8",
       "f32[batch,seq,8,8]"},
      {"reshape", "f32[batch,seq,64]", "shape=-1,64", "f32[?,64]"},
      {"reshape", "f32[batch,6]", "shape=-1,3", "f32[?,3]"},
      {"reshape", "f32[2,6]", "shape=-1", "f32[12]"},
      {"reshape", "f32[]", "shape=1,1", "f32[1,1]"},
      {"reshape", "f32[1]", "shape=", "f32[]"},
      {"reshape", "b[?,3]", "shape=5,3", "b[5,3]"},
      {"reshape", "f32[?,3]", "shape=-1,3", "f32[?,3]"},
      {"reshape", "f32[?,3]", "shape=batch,3", "f32[batch,3]"},
      {"reshape", "f32[0,4]", "shape=2,0", "f32[2,0]"},
      {"reshape", "f32[2,6]", "shape=5,-1",
       "error at shape: [2, 6] has 12 elements, which 5 does not divide"},
      {"reshape", "f32[2,6]", "shape=3,5",
       "error at shape: [2, 6] does not have as many elements as [3, 5]"},
      {"reshape", "f32[batch,4]", "shape=seq,4",
       "error at shape: [\"batch\", 4] does not have as many elements as "
       "[\"seq\", 4]"},
      {"reshape", "f32[batch,4]", "shape=32",
       "error at shape: [\"batch\", 4] does not have as many elements as [32]"},
      {"reshape", "f32[0,4]", "shape=0,-1",
       "error at shape: -1 cannot be solved beside a size of 0"},
      {"reshape", "f32[4]", "shape=-1,-1",
       "error at shape: more than one size is -1"},
      {"reshape", "f32[4]", "shape=4611686018427387904,4,-1",
       "error at shape: the number of elements does not fit 64 bits"},
      {"reshape_grad", "f16[batch,784] f32[batch,28,28]", "",
       "f16[batch,28,28]"},
      {"reshape_grad", "f16[?,?] f32[batch,28,28]", "", "f16[batch,28,28]"},
      {"reshape_grad", "f16[batch,783] f32[batch,28,28]", "",
       "error at 0: [\"batch\", 783] does not have as many elements as "
       "[\"batch\", 28, 28]"},
      {"transpose", "f32[batch,2,3]", "perm=2,0,1", "f32[3,batch,2]"},
      {"transpose", "f32[batch,2,3]", "perm=0,-1,-2", "f32[batch,3,2]"},
      {"transpose", "f32[]", "perm=", "f32[]"},
      {"transpose", "f32[2,3]", "perm=0",
       "error at perm: attribute 'perm' has 1 element, expected 2 for float32 "
       "[2, 3]"},
      {"transpose", "f32[2,3]", "perm=0,0",
       "error at perm: attribute 'perm' names axis 0 twice"},
      {"transpose", "f32[2,3]", "perm=0,2",
       "error at perm: attribute 'perm' is 2, expected an axis from -2 to 1"},
      {"broadcast_to", "f32[3]", "shape=batch,3", "f32[batch,3]"},
      {"broadcast_to", "i32[1,3]", "shape=4,3", "i32[4,3]"},
      {"broadcast_to", "f32[]", "shape=0", "f32[0]"},
      {"broadcast_to", "f32[?]", "shape=7", "f32[7]"},
      {"broadcast_to", "f32[3]", "shape=batch",
       "error at shape: [3] does not broadcast to [\"batch\"]"},
      {"broadcast_to", "f32[3]", "shape=1",
       "error at shape: [3] does not broadcast to [1]"},
      {"broadcast_to", "f32[1,3]", "shape=3",
       "error at shape: [1, 3] does not broadcast to [3]"},
      {"broadcast_to", "f32[3]", "shape=-1,3",
       "error at shape: attribute 'shape' holds an unknown size"},
      {"sum_to", "f16[batch,3]", "shape=3", "f16[3]"},
      {"sum_to", "f16[batch,3]", "shape=batch,1", "f16[batch,1]"},
      {"sum_to", "f16[batch,3]", "shape=", "f16[]"},
      {"sum_to", "f16[batch,3]", "shape=?,1", "f16[batch,1]"},
      {"sum_to", "f16[?,3]", "shape=batch,3", "f16[batch,3]"},
      {"sum_to", "f16[batch,3]", "shape=2",
       "error at shape: [2] does not broadcast to [\"batch\", 3]"},
      {"sum_to", "f16[1,3]", "shape=2,3",
       "error at shape: [2, 3] does not broadcast to [1, 3]"},
      {"sum_to", "f16[3]", "shape=1,3",
       "error at shape: [1, 3] does not broadcast to [3]"},
      {"concat", "f32[batch,2] f32[batch,3]", "axis=1", "f32[batch,5]"},
      {"concat", "f32[batch,2] f32[?,2] f32[0,2]", "axis=0", "f32[?,2]"},
      {"concat", "f32[batch,?] f32[?,3]", "axis=-2", "f32[?,3]"},
      {"concat", "f32[batch,3]", "axis=0", "f32[batch,3]"},
      {"concat", "f32[0,3] f32[batch,3]", "axis=0", "f32[batch,3]"},
      {"concat", "f32[2,3] f32[2,4]", "axis=0",
       "error at 1: cannot concatenate float32 [2, 4] to float32 [2, 3] along "
       "axis 0"},
      {"concat", "f32[2,3] f32[2]", "axis=0",
       "error at 1: cannot concatenate float32 [2] to float32 [2, 3] along "
       "axis 0"},
      {"concat", "f32[9223372036854775807] f32[1]", "axis=0",
       "error at 1: the size of axis 0 does not fit 64 bits"},
      {"concat", "f32[2] f16[2]", "axis=0",
       "error at 1: operand 'values' is float16 but operand 'values' is "
       "float32; nothing is converted implicitly"},
      {"concat_grad", "f16[batch,5] f32[batch,2] f32[batch,3]", "axis=1",
       "f16[batch,2] f16[batch,3]"},
      {"concat_grad", "f16[batch,6] f32[batch,2] f32[batch,3]", "axis=1",
       "error at 0: operand 'gradient' is float16 [\"batch\", 6], expected "
       "[\"batch\", 5], the sizes of the forward result"},
      {"concat_grad", "f16[batch,6]", "axis=1",
       "error: 'concat_grad' takes 2 operands or more (gradient, values, …), "
       "got 1"},
      {"split", "f32[batch,5]", "axis=1 sizes=2,3",
       "f32[batch,2] f32[batch,3]"},
      {"split", "f32[?]", "axis=0 sizes=2,0", "f32[2] f32[0]"},
      {"split", "f32[batch,5]", "axis=1 sizes=2,2",
       "error at sizes: the sum of 'sizes' is 4, expected 5, axis 1 of float32 "
       "[\"batch\", 5]"},
      {"split", "f32[batch,5]", "axis=0 sizes=2,2",
       "error at sizes: the sum of 'sizes' is 4, expected \"batch\", axis 0 of "
       "float32 [\"batch\", 5]"},
      {"split", "f32[5]",
       "axis=0 sizes=", "error at sizes: attribute 'sizes' is empty"},
      {"split", "f32[5]", "axis=0 sizes=6,-1",
       "error at sizes: an element of attribute 'sizes' is -1, expected at "
       "least 0"},
      {"split", "f32[?]", "axis=0 sizes=9223372036854775807,1",
       "error at sizes: the sum of 'sizes' does not fit 64 bits"},
      {"slice", "f32[batch,10]", "begin=0,2 end=?,8", "f32[batch,6]"},
      {"slice", "f32[batch,10]", "begin=0,2 end=?,? strides=1,3",
       "f32[batch,3]"},
      {"slice", "f32[batch,10]", "begin=1,0 end=?,?", "f32[?,10]"},
      {"slice", "f32[batch,10]", "begin=0,0 end=4,? strides=2", "f32[2,5]"},
      {"slice", "f32[10]", "begin=10 end=10", "f32[0]"},
      {"slice", "f32[]", "begin= end=", "f32[]"},
      {"slice", "f32[10]", "begin=0 end=11",
       "error at end: attribute 'end' is 11 at axis 0 of float32 [10], "
       "expected at most 10"},
      {"slice", "f32[10]", "begin=5 end=4",
       "error at begin: attribute 'begin' is 5 at axis 0, beyond the end, 4"},
      {"slice", "f32[10]", "begin=11 end=?",
       "error at begin: attribute 'begin' is 11 at axis 0, beyond the end, "
       "10"},
      {"slice", "f32[10]", "begin=0,0 end=?",
       "error at begin: attribute 'begin' has 2 elements, expected 1 for "
       "float32 [10]"},
      {"slice", "f32[10]", "begin=0 end=",
       "error at end: attribute 'end' has 0 elements, expected 1 for float32 "
       "[10]"},
      {"slice", "f32[10]", "begin=0 end=? strides=1,1",
       "error at strides: attribute 'strides' has 2 elements, expected 1 for "
       "float32 [10]"},
      {"slice", "f32[10]", "begin=-1 end=?",
       "error at begin: an element of attribute 'begin' is -1, expected at "
       "least 0"},
      {"slice", "f32[10]", "begin=0 end=batch",
       "error at end: attribute 'end' holds the name \"batch\", expected "
       "numbers"},
      {"slice_grad", "f16[batch,6] f32[batch,10]", "begin=0,2 end=?,8",
       "f16[batch,10]"},
      {"slice_grad", "f16[batch,5] f32[batch,10]", "begin=0,2 end=?,8",
       "error at 0: operand 'gradient' is float16 [\"batch\", 5], expected "
       "[\"batch\", 6], the sizes of the forward result"},
      {"pad", "f32[batch,2]", "paddings=0,0,1,2", "f32[batch,5]"},
      {"pad", "f32[batch,2]", "paddings=1,0,0,0 value=-inf", "f32[?,2]"},
      {"pad", "i32[2]", "paddings=1,1 value=3", "i32[4]"},
      {"pad", "i32[2]", "paddings=1,1 value=0.5",
       "error at value: attribute 'value' is 0.5, expected an integer for "
       "int32"},
      {"pad", "i32[2]", "paddings=1,1 value=inf",
       "error at value: attribute 'value' is inf, expected an integer for "
       "int32"},
      {"pad", "u8[2]", "paddings=1,1 value=255", "u8[4]"},
      {"pad", "u8[2]", "paddings=1,1 value=256",
       "error at value: attribute 'value' is 256, which does not fit uint8"},
      {"pad", "i64[2]", "paddings=1,1 value=9223372036854775808",
       "error at value: attribute 'value' is 9.2233720368547758e+18, which "
       "does not "
       "fit "
       "int64"},
      {"pad", "f32[2]", "paddings=1,1,1",
       "error at paddings: attribute 'paddings' is not a list of pairs"},
      {"pad", "f32[batch,2]", "paddings=0,0",
       "error at paddings: attribute 'paddings' has 1 pair, expected 2 for "
       "float32 [\"batch\", 2]"},
      {"pad", "f32[2]", "paddings=9223372036854775807,1",
       "error at paddings: the size of axis 0 does not fit 64 bits"},
      {"pad_grad", "f16[batch,5] f32[batch,2]", "paddings=0,0,1,2",
       "f16[batch,2]"},
      {"pad_grad", "f16[batch,5] f32[batch,2]", "paddings=0,0,1,1",
       "error at 0: operand 'gradient' is float16 [\"batch\", 5], expected "
       "[\"batch\", 4], the sizes of the forward result"},
      {"expand_dims", "f32[batch,3]", "axis=1", "f32[batch,1,3]"},
      {"expand_dims", "f32[batch,3]", "axis=-1", "f32[batch,3,1]"},
      {"expand_dims", "f32[]", "axis=0", "f32[1]"},
      {"expand_dims", "f32[batch,3]", "axis=3",
       "error at axis: attribute 'axis' is 3, expected an axis from -3 to 2"},
      {"squeeze", "f32[batch,1,3,1]", "axes=1,-1", "f32[batch,3]"},
      {"squeeze", "f32[?,3]", "axes=0", "f32[3]"},
      {"squeeze", "f32[batch,3]", "axes=0",
       "error at axes: attribute 'axes' names axis 0 of float32 [\"batch\", "
       "3], which is not 1"},
      {"squeeze", "f32[1,3]", "",
       "error: 'squeeze' needs the attribute 'axes'"},
      {"gather", "f32[vocab,64] i32[batch,seq]", "", "f32[batch,seq,64]"},
      {"gather", "f32[2,9,4] i64[]", "axis=1", "f32[2,4]"},
      {"gather", "f32[2,9,4] i64[batch]", "axis=-1", "f32[2,9,batch]"},
      {"gather", "f32[2,9] f32[batch]", "",
       "error at 1: operand 'indices' is float32, expected int32 or int64"},
      {"gather", "f32[] i32[batch]", "",
       "error at axis: attribute 'axis' names axis 0, but the operand has no "
       "axes"},
      {"gather_grad", "f16[batch,64] f32[vocab,64] i32[batch]", "",
       "f16[vocab,64]"},
      {"gather_grad", "f16[batch,63] f32[vocab,64] i32[batch]", "",
       "error at 0: operand 'gradient' is float16 [\"batch\", 63], expected "
       "[\"batch\", 64], the sizes of the forward result"},
      {"one_hot", "i32[batch]", "depth=10", "f32[batch,10]"},
      {"one_hot", "i64[]", "depth=10 dtype=i32", "i32[10]"},
      {"one_hot", "f32[batch]", "depth=10",
       "error at 0: operand 'indices' is float32, expected int32 or int64"},
      {"one_hot", "i32[batch]", "depth=-1",
       "error at depth: attribute 'depth' is -1, expected at least 0"},
      {"stack", "f32[batch,3] f32[?,3]", "axis=0", "f32[2,batch,3]"},
      {"stack", "f32[batch,3]", "axis=-1", "f32[batch,3,1]"},
      {"stack", "f32[batch,3] f32[4,3]", "axis=0",
       "error at 1: operand 1 of 'values' is float32 [4, 3], expected "
       "[\"batch\", 3], the sizes of the others"},
      {"stack", "f32[batch,3]", "axis=3",
       "error at axis: attribute 'axis' is 3, expected an axis from -3 to 2"},
  };
  for (std::string_view name : {"reduce_sum", "reduce_mean", "reduce_max",
                                "reduce_min", "reduce_prod"}) {
    cases.push_back({name, "bf16[batch,?,4]", "axes=1", "bf16[batch,4]"});
    cases.push_back({name, "f32[batch,4]", "axes=2",
                     "error at axes: attribute 'axes' is 2, expected an axis "
                     "from -2 to 1"});
  }
  for (std::string_view name :
       {"reduce_sum_grad", "reduce_mean_grad", "reduce_max_grad",
        "reduce_min_grad", "reduce_prod_grad"}) {
    cases.push_back({name, "f32[4] f32[batch,4]", "axes=0", "f32[batch,4]"});
    cases.push_back({name, "f32[batch] f32[batch,4]", "axes=0",
                     "error at 0: operand 'gradient' is float32 [\"batch\"], "
                     "expected [4], the sizes of the forward result"});
  }
  return cases;
}
} // namespace

const std::vector<OpCase> shapeCases = makeCases();

} // namespace amp::test

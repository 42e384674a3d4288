//===- ElementwiseCases.cpp - Values, unary, binary, random ---------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Cases of the ops that work on each element alone.
//===----------------------------------------------------------------------===//

#include "OpCase.h"

namespace amp::test {

namespace {
std::vector<OpCase> makeCases() {
  std::vector<OpCase> cases = {
      // Values.
      {"iota", "", "shape=2,3 axis=1 dtype=i32", "i32[2,3]"},
      {"iota", "", "shape=2,3 axis=-2 dtype=f32", "f32[2,3]"},
      {"iota", "", "shape=2,3 axis=2 dtype=i32",
       "error at axis: attribute 'axis' is 2, expected an axis from -2 to 1"},
      {"iota", "", "shape= axis=0 dtype=i32",
       "error at axis: attribute 'axis' names axis 0, but the operand has no "
       "axes"},
      {"iota", "", "shape=2 axis=0 dtype=b",
       "error at dtype: attribute 'dtype' is bool, expected a number"},
      {"iota", "", "shape=batch axis=0 dtype=i32",
       "error at shape: attribute 'shape' holds the name \"batch\", expected "
       "numbers"},
      {"iota", "", "shape=-1 axis=0 dtype=i32",
       "error at shape: attribute 'shape' holds an unknown size"},
      {"iota", "f32[2]", "shape=2 axis=0 dtype=i32",
       "error: 'iota' takes no operands, got 1"},
      {"constant", "", "dtype=f32 shape= value=1.5", "f32[]"},
      {"constant", "", "dtype=f16 shape=2,2 value=1.5", "f16[2,2]"},
      {"constant", "", "dtype=i8 shape=3 value=1,2,-128", "i8[3]"},
      {"constant", "", "dtype=i32 shape=2,2 value=1,2,3,4", "i32[2,2]"},
      {"constant", "", "dtype=i32 shape=2,2 value=[2,2]1,2,3,4", "i32[2,2]"},
      {"constant", "", "dtype=f32 shape=5 value=@kernel", "f32[5]"},
      {"constant", "", "dtype=f32 shape=5 value=~", "f32[5]"},
      {"constant", "", "dtype=f32 shape= value=inf", "f32[]"},
      {"constant", "", "dtype=b shape=2 value=0,1", "b[2]"},
      {"constant", "", "dtype=i32 shape=4,1 value=[2,2]1,2,3,4",
       "error at value: attribute 'value' has the sizes [2, 2], expected [4, "
       "1]"},
      {"constant", "", "dtype=i32 shape=3 value=1,2",
       "error at value: attribute 'value' holds 2 elements, expected 3 for "
       "the shape [3]"},
      {"constant", "", "dtype=i32 shape=1 value=1.5",
       "error at value: the elements of a int32 constant are integer numbers"},
      {"constant", "", "dtype=f32 shape=1 value=1",
       "error at value: the elements of a float32 constant are real numbers"},
      {"constant", "", "dtype=u8 shape=1 value=256",
       "error at value: 256 does not fit uint8"},
      {"constant", "", "dtype=u8 shape=1 value=-1",
       "error at value: -1 does not fit uint8"},
      {"constant", "", "dtype=i8 shape=1 value=128",
       "error at value: 128 does not fit int8"},
      {"constant", "", "dtype=i32 shape=1 value=2147483648",
       "error at value: 2147483648 does not fit int32"},
      {"constant", "", "dtype=b shape=1 value=2",
       "error at value: 2 does not fit bool"},
      {"constant", "", "dtype=f16 shape= value=65519.9", "f16[]"},
      {"constant", "", "dtype=f16 shape= value=65520.0",
       "error at value: 65520 becomes infinite in float16"},
      {"constant", "", "dtype=f16 shape= value=-65520.0",
       "error at value: -65520 becomes infinite in float16"},
      {"constant", "", "dtype=bf16 shape= value=3.396e38", "bf16[]"},
      {"constant", "", "dtype=bf16 shape= value=3.3962e38",
       "error at value: 3.3962e+38 becomes infinite in bfloat16"},
      {"constant", "", "dtype=f32 shape= value=3.4028235e38", "f32[]"},
      {"constant", "", "dtype=f32 shape= value=3.4028236e38",
       "error at value: 3.4028236e+38 becomes infinite in float32"},
      {"constant", "", "dtype=f64 shape= value=1.0e300", "f64[]"},
      {"constant", "", "shape=1 value=1.5",
       "error: 'constant' needs the attribute 'dtype'"},
      {"constant", "", "dtype=f32 shape=4294967296,4294967296 value=1.0",
       "error: the result float32 [4294967296, 4294967296] does not fit 64 "
       "bits"},
      {"identity", "i32[batch,2]", "", "i32[batch,2]"},
      {"identity", "b[]", "", "b[]"},
      {"identity", "", "", "error: 'identity' takes 1 operand (x), got 0"},
      {"stop_gradient", "f32[?]", "", "f32[?]"},
      {"stop_gradient", "f32[] f32[]", "",
       "error: 'stop_gradient' takes 1 operand (x), got 2"},
      {"cast", "f32[batch,4]", "to=f16", "f16[batch,4]"},
      {"cast", "b[3]", "to=i64", "i64[3]"},
      {"cast", "f32[3]", "", "error: 'cast' needs the attribute 'to'"},
      {"cast", "f32[3]", "to=f16 dtype=f16",
       "error at dtype: 'cast' has no attribute 'dtype'"},

      // Unary, beyond what the loop below adds for each.
      {"neg", "i32[3]", "", "i32[3]"},
      {"neg", "b[3]", "", "error at 0: operand 'x' is bool, expected a number"},
      {"exp", "i32[3]", "",
       "error at 0: operand 'x' is int32, expected a floating dtype"},
      {"is_finite", "f16[batch,3]", "", "b[batch,3]"},
      {"is_finite", "i32[3]", "",
       "error at 0: operand 'x' is int32, expected a floating dtype"},
      {"logical_not", "b[?,3]", "", "b[?,3]"},
      {"logical_not", "f32[3]", "",
       "error at 0: operand 'x' is float32, expected bool"},
      {"gelu", "f32[3]", "approximate=true", "f32[3]"},
      {"gelu", "f32[3]", "aproximate=true",
       "error at aproximate: 'gelu' has no attribute 'aproximate'; did you "
       "mean 'approximate'"},
      {"elu", "f32[3]", "alpha=0.5", "f32[3]"},
      {"elu", "f32[3]", "alpha=inf",
       "error at alpha: attribute 'alpha' is not finite"},
      {"leaky_relu", "f32[3]", "alpha=0.1 alpha=0.2",
       "error at alpha: attribute 'alpha' is written twice"},
      {"clip", "f32[3]", "min=-1 max=inf", "f32[3]"},
      {"clip", "i32[3]", "min=0 max=6", "i32[3]"},
      {"clip", "i32[3]", "min=0.5 max=6",
       "error at min: attribute 'min' is 0.5, expected an integer for int32"},
      {"clip", "f32[3]", "min=0", "error: 'clip' needs the attribute 'max'"},
      {"clip", "f32[3]", "min=2 max=1",
       "error at min: attribute 'min' is 2, more than 'max', 1"},
      {"clip", "f32[3]", "min=nan max=1",
       "error at min: attribute 'min' is not a number"},
      {"clip_grad", "f16[b,3] f16[b,3]", "min=0 max=1", "f16[b,3]"},
      {"clip_grad", "f16[b,3] f16[b,3]", "min=1 max=0",
       "error at min: attribute 'min' is 1, more than 'max', 0"},
      {"relu_grad", "f32[3] f16[3]", "",
       "error at 1: operand 'x' is float16 but operand 'gradient' is float32; "
       "nothing is converted implicitly"},
      {"relu_grad", "i32[3] i32[3]", "",
       "error at 0: operand 'gradient' is int32, expected a floating dtype"},

      // Binary; broadcasting itself is tested against brute force.
      {"add", "f32[batch,3] f32[3]", "", "f32[batch,3]"},
      {"add", "f32[batch,1] f32[1,seq]", "", "f32[batch,seq]"},
      {"add", "f32[] f32[2,3]", "", "f32[2,3]"},
      {"add", "i64[?,3] i64[4,1]", "", "i64[4,3]"},
      {"add", "f32[?] f32[1]", "", "f32[?]"},
      {"add", "f32[?] f32[batch]", "", "f32[batch]"},
      {"add", "f32[batch] f32[seq]", "",
       "error at 1: shapes [\"batch\"] and [\"seq\"] do not broadcast"},
      {"add", "f32[batch] f32[4]", "",
       "error at 1: shapes [\"batch\"] and [4] do not broadcast"},
      {"add", "f32[2,3] f32[2]", "",
       "error at 1: shapes [2, 3] and [2] do not broadcast"},
      {"add", "f32[2] f16[2]", "",
       "error at 1: operand 'b' is float16 but operand 'a' is float32; nothing "
       "is converted implicitly"},
      {"add", "f32[2]", "", "error: 'add' takes 2 operands (a, b), got 1"},
      {"equal", "b[2] b[2]", "", "b[2]"},
      {"less", "b[2] b[2]", "",
       "error at 0: operand 'a' is bool, expected a number"},
      {"logical_and", "b[batch,1] b[3]", "", "b[batch,3]"},
      {"logical_and", "b[2] b[3]", "",
       "error at 1: shapes [2] and [3] do not broadcast"},
      {"logical_or", "b[] b[3]", "", "b[3]"},
      {"logical_or", "b[] i32[3]", "",
       "error at 1: operand 'b' is int32, expected bool"},
      {"where", "b[batch,1] f32[4] f32[]", "", "f32[batch,4]"},
      {"where", "b[] i32[4] i32[2,1]", "", "i32[2,4]"},
      {"where", "f32[] f32[] f32[]", "",
       "error at 0: operand 'condition' is float32, expected bool"},
      {"where", "b[] f32[] f16[]", "",
       "error at 2: operand 'b' is float16 but operand 'a' is float32; nothing "
       "is converted implicitly"},
      {"where", "b[3] f32[2] f32[]", "",
       "error at 1: shapes [3] and [2] do not broadcast"},
      {"add_n", "f32[?,3]", "", "f32[?,3]"},
      {"add_n", "f32[?,3] f32[batch,?] f32[batch,3]", "", "f32[batch,3]"},
      {"add_n", "f32[2] f32[2] f32[3]", "",
       "error at 2: operand 2 of 'values' is float32 [3], expected [2], the "
       "sizes of the others"},
      {"add_n", "f32[2] f32[1]", "",
       "error at 1: operand 1 of 'values' is float32 [1], expected [2], the "
       "sizes of the others"},
      {"add_n", "", "",
       "error: 'add_n' takes 1 operand or more (values, …), got 0"},
      {"div_grad", "f32[2,3] f32[2,1] f32[3]", "", "f32[2,3] f32[2,3]"},
      {"div_grad", "f32[2] f32[2,1] f32[3]", "",
       "error at 0: operand 'gradient' is float32 [2], expected [2, 3], the "
       "sizes of the forward result"},
      {"div_grad", "f32[2] f32[2] f32[3]", "",
       "error at 2: shapes [2] and [3] do not broadcast"},

      // Random.
      {"dropout", "f16[batch,3]", "rate=0.5 seed=1", "f16[batch,3]"},
      {"dropout", "f32[3]", "rate=0 seed=-1 training=true", "f32[3]"},
      {"dropout", "f32[3]", "rate=1 seed=1",
       "error at rate: attribute 'rate' is 1, expected from 0 to below 1"},
      {"dropout", "f32[3]", "rate=-0.1 seed=1",
       "error at rate: attribute 'rate' is -0.1, expected from 0 to below 1"},
      {"dropout", "f32[3]", "rate=0.1",
       "error: 'dropout' needs the attribute 'seed'"},
      {"dropout_grad", "f16[3] f32[3]", "rate=0.5 seed=1", "f16[3]"},
      {"dropout_grad", "f16[3] f32[4]", "rate=0.5 seed=1",
       "error at 0: operand 'gradient' is float16 [3], expected [4], the sizes "
       "of the forward result"},
  };

  for (std::string_view name :
       {"abs",   "neg",       "sign",  "exp",      "expm1",      "log",
        "log1p", "sqrt",      "rsqrt", "square",   "sin",        "cos",
        "tanh",  "sigmoid",   "relu",  "relu6",    "silu",       "erf",
        "floor", "ceil",      "round", "softplus", "reciprocal", "gelu",
        "elu",   "leaky_relu"}) {
    cases.push_back({name, "f16[batch,?,3]", "", "f16[batch,?,3]"});
    cases.push_back({name, "b[3]", "",
                     findOp(name)->operands[0].dtypes == DTypes::Numeric
                         ? "error at 0: operand 'x' is bool, expected a number"
                         : "error at 0: operand 'x' is bool, expected a "
                           "floating dtype"});
  }
  for (std::string_view name :
       {"abs_grad",       "exp_grad",  "expm1_grad", "log_grad",
        "log1p_grad",     "sqrt_grad", "rsqrt_grad", "reciprocal_grad",
        "square_grad",    "sin_grad",  "cos_grad",   "tanh_grad",
        "sigmoid_grad",   "relu_grad", "relu6_grad", "silu_grad",
        "softplus_grad",  "erf_grad",  "gelu_grad",  "elu_grad",
        "leaky_relu_grad"}) {
    cases.push_back({name, "f16[?,3] f16[batch,3]", "", "f16[batch,3]"});
    cases.push_back({name, "f32[2] f32[3]", "",
                     "error at 0: operand 'gradient' is float32 [2], expected "
                     "[3], the sizes of the forward result"});
  }
  for (std::string_view name :
       {"add", "sub", "mul", "div", "pow", "maximum", "minimum"}) {
    cases.push_back({name, "bf16[2,1] bf16[3]", "", "bf16[2,3]"});
    cases.push_back({name, "i32[2] i32[2]", "", "i32[2]"});
    cases.push_back({name, "b[2] b[2]", "",
                     "error at 0: operand 'a' is bool, expected a number"});
  }
  for (std::string_view name : {"equal", "not_equal", "less", "less_equal",
                                "greater", "greater_equal"}) {
    cases.push_back({name, "f32[batch,1] f32[3]", "", "b[batch,3]"});
    cases.push_back({name, "f32[2] f32[3]", "",
                     "error at 1: shapes [2] and [3] do not broadcast"});
  }
  for (std::string_view name : {"pow_grad", "maximum_grad", "minimum_grad"}) {
    cases.push_back(
        {name, "f32[n,3] f32[3] f32[n,1]", "", "f32[n,3] f32[n,3]"});
    cases.push_back({name, "f32[3] f32[3] f32[4]", "",
                     "error at 2: shapes [3] and [4] do not broadcast"});
  }
  return cases;
}
} // namespace

const std::vector<OpCase> elementwiseCases = makeCases();

} // namespace amp::test

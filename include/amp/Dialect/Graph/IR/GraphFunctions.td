//===- GraphFunctions.td - Functions, variables, verbatim nodes ------------ -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// What holds the nodes: functions with a graph region, variables, and nodes of
// ops that the op table does not have.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHFUNCTIONS_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHFUNCTIONS_TD

include "amp/Dialect/Graph/IR/GraphBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"

def Graph_FuncOp : Op<Graph_Dialect, "func", [
    FunctionOpInterface, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<RegionKindInterface>]> {
  let summary = "A function of the graph file";
  let description = [{
    The body is one block of a graph region in the order of the file.
    `output_names` names the operands of the terminator. `training` mirrors the
    file's section until `amp-gradients` expands it. Arguments carry
    `graph.name` and `graph.shape` (names of sizes).

    Example:

    ```mlir
    graph.func @predict(%arg0: tensor<?x4xf32> {graph.name = "x", graph.shape = ["batch", 4]}) -> tensor<?x4xf32> attributes {output_names = ["y"]} {
      %0 = graph.relu %arg0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
      graph.return %0 : tensor<?x4xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrArrayAttr>:$output_names,
                       OptionalAttr<DictionaryAttr>:$training,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() {
      return getFunctionType().getInputs();
    }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() {
      return getFunctionType().getResults();
    }
    ::mlir::Region *getCallableRegion() {
      return isExternal() ? nullptr : &getBody();
    }
  }];
}

def Graph_ReturnOp : Op<Graph_Dialect, "return", [
    Pure, ReturnLike, Terminator, HasParent<"FuncOp">]> {
  let summary = "The outputs of a function";
  let arguments = (ins Variadic<AnyTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 1;
}

def Graph_VariableOp : Op<Graph_Dialect, "variable", [
    Symbol, HasParent<"::mlir::ModuleOp">]> {
  let summary = "A variable that lives as long as the model";
  let description = [{
    `init` is `{kind = "glorot_uniform", seed = 1}`; in its place `weights`
    names an entry of the file's weights. `shape_names` has a string for each
    size with a name and a unit for each other.

    Example:

    ```mlir
    graph.variable @"dense/kernel" : tensor<784x10xf32> {init = {kind = "glorot_uniform", seed = 1 : i64}}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<Graph_Value>:$type,
                       OptionalAttr<ArrayAttr>:$shape_names,
                       OptionalAttr<DictionaryAttr>:$init,
                       OptionalAttr<StrAttr>:$weights,
                       DefaultValuedOptionalAttr<BoolAttr, "true">:$trainable,
                       OptionalAttr<StrAttr>:$sym_visibility);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Graph_ReadOp : Op<Graph_Dialect, "read", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A variable as it was when the function was entered";
  let description = [{
    Stands at the start of the block, once for each variable of a function. An
    update op takes it as its first operand.

    Example:

    ```mlir
    %kernel = graph.read @"dense/kernel" : tensor<784x10xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable_ref);
  let results = (outs Graph_Value:$result);
  let assemblyFormat = "$variable_ref attr-dict `:` type($result)";
  let extraClassDeclaration = [{
    ::llvm::StringRef getVariable() { return getVariableRef(); }
  }];
}

def Graph_OpaqueOp : Op<Graph_Dialect, "opaque", [PrecisionOpInterface]> {
  let summary = "A node of an op that the op table does not have";
  let description = [{
    Kept verbatim: `op` is its name, `attrs` the text of its attributes. Keeps
    its types, and nothing spreads through it.
  }];
  let arguments = (ins Variadic<Graph_Value>:$inputs, StrAttr:$op,
                       OptionalAttr<StrAttr>:$attrs);
  let results = (outs Variadic<Graph_Value>:$outputs);
  let assemblyFormat = [{
    $inputs attr-dict `:` functional-type($inputs, $outputs)
  }];
  // No group, and the name that the file has for it.
  let extraClassDeclaration = [{
    void getTypeGroups(::llvm::SmallVectorImpl<::amp::TypeGroup> &) {}
    ::llvm::LogicalResult retargetGroup(unsigned, ::mlir::FloatType) {
      return ::mlir::failure();
    }
    ::llvm::StringRef getPolicyName() { return getOp(); }
  }];
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHFUNCTIONS_TD

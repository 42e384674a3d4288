//===- GraphBase.td - Dialect and base classes ----------------------------- -===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The dialect, and the classes that make an op one line: all nodes share
// operands, results, assembly, verifier and precision model, which read OpSet.
//===----------------------------------------------------------------------===//

#ifndef AMP_DIALECT_GRAPH_IR_GRAPHBASE_TD
#define AMP_DIALECT_GRAPH_IR_GRAPHBASE_TD

include "amp/Interfaces/PrecisionInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::amp::graph";
  let summary = "Nodes of a graph file";
  let description = [{
    One op for each op of the graph file, with the file's names for op,
    attributes and variables, in functions whose body is a graph region: nodes
    stand in the order of the file, and that need not be an order to compute
    them in. A node's name is its `NameLoc`.

    What an op is (operands, type group, type rule) stands once in OpSet; the
    definitions here hold names and documentation.
  }];
}

/// Any value of a graph: a ranked tensor. Element types are OpSet's business.
def Graph_Value : Type<CPred<"::llvm::isa<::mlir::RankedTensorType>($_self)">,
                       "ranked tensor", "::mlir::RankedTensorType">;

/// Sizes: integers, names (strings), unknown (unit).
def Graph_DimsAttr : TypedArrayAttrBase<
    AnyAttrOf<[I64Attr, StrAttr, UnitAttr]>,
    "array of sizes, each an integer, a name or unit">;

/// Checks operands, attributes and results with OpSet.
def Graph_NodeTrait : NativeOpTrait<"NodeTrait"> {
  let cppNamespace = "::amp::graph";
}

/// A node of the graph file.
class Graph_NodeOp<string mnemonic, string text, list<Trait> traits = []>
    : Op<Graph_Dialect, mnemonic,
         !listconcat([Graph_NodeTrait, PrecisionOpInterface], traits)> {
  let summary = text;
  let arguments = (ins Variadic<Graph_Value>:$inputs);
  let results = (outs Variadic<Graph_Value>:$outputs);
  let assemblyFormat = [{
    $inputs attr-dict `:` functional-type($inputs, $outputs)
  }];
  code precisionMethods = [{
    void getTypeGroups(::llvm::SmallVectorImpl<::amp::TypeGroup> &groups) {
      ::amp::graph::getNodeTypeGroups(getOperation(), groups);
    }
    ::llvm::LogicalResult retargetGroup(unsigned, ::mlir::FloatType type) {
      return ::amp::graph::retargetNode(getOperation(), type);
    }
    bool isLoss() { return ::amp::graph::isLossNode(getOperation()); }
    ::llvm::StringRef getPolicyName() {
      return getOperation()->getName().stripDialect();
    }
  }];
  let extraClassDeclaration = precisionMethods;
}

/// A node without effects.
class Graph_PureOp<string mnemonic, string text, list<Trait> traits = []>
    : Graph_NodeOp<mnemonic, text, !listconcat(traits, [Pure])>;

/// A node that changes a variable at the end of the function.
class Graph_UpdateOp<string mnemonic, string text>
    : Graph_NodeOp<mnemonic, text, [VariableUpdateOpInterface]> {
  let extraClassDeclaration = precisionMethods # [{
    ::mlir::OpOperand *getGradientOperand() {
      return ::amp::graph::findGradientOperand(getOperation());
    }
    void setUpdateCondition(::mlir::Value condition) {
      ::amp::graph::setNodeCondition(getOperation(), condition);
    }
    ::mlir::Value getUpdateCondition() {
      return ::amp::graph::getNodeCondition(getOperation());
    }
  }];
}

#endif // AMP_DIALECT_GRAPH_IR_GRAPHBASE_TD

//===- GraphFunctions.cpp - Functions, variables, reads ------------------
//-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Assembly and verifiers of what holds the nodes.
//===----------------------------------------------------------------------===//

#include "amp/Dialect/Graph/IR/GraphOps.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace amp::graph;

//===----------------------------------------------------------------------===//
// func
//===----------------------------------------------------------------------===//

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> arguments,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(arguments, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

RegionKind FuncOp::getRegionKind(unsigned) { return RegionKind::Graph; }

LogicalResult FuncOp::verify() {
  for (Type type :
       llvm::concat<const Type>(getArgumentTypes(), getResultTypes()))
    if (!isa<mlir::TensorType>(type))
      return emitOpError("has a value of type ")
             << type << ", which is no tensor";
  if (std::optional<ArrayAttr> names = getOutputNames())
    if (names->size() != getResultTypes().size())
      return emitOpError("has ") << names->size() << " output names for "
                                 << getResultTypes().size() << " results";
  if (!isExternal() &&
      (getBody().front().empty() || !isa<ReturnOp>(getBody().front().back())))
    return emitOpError("must end in 'graph.return'");
  return success();
}

LogicalResult ReturnOp::verify() {
  auto function = cast<FuncOp>((*this)->getParentOp());
  TypeRange expected = function.getResultTypes();
  if (getValues().getTypes() != expected)
    return emitOpError("has operands of types (")
           << getValues().getTypes() << "), but the function returns ("
           << expected << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// variable and read
//===----------------------------------------------------------------------===//

LogicalResult VariableOp::verify() {
  if (getInit().has_value() == getWeights().has_value())
    return emitOpError("needs either init or weights");
  if (std::optional<ArrayAttr> names = getShapeNames())
    if (static_cast<int64_t>(names->size()) !=
        cast<RankedTensorType>(getType()).getRank())
      return emitOpError("has ")
             << names->size() << " names of sizes for another rank";
  return success();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto variable = symbolTable.lookupNearestSymbolFrom<VariableOp>(
      *this, getVariableRefAttr());
  if (!variable)
    return emitOpError("reads '") << getVariable() << "', which is no variable";
  if (variable.getType() != getResult().getType())
    return emitOpError("has type ")
           << getResult().getType() << ", but variable '" << getVariable()
           << "' has type " << variable.getType();
  return success();
}

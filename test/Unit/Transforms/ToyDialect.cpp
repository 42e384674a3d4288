//===- ToyDialect.cpp - A foreign dialect for tests
//------------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// See the header.
//===----------------------------------------------------------------------===//

#include "ToyDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"

using namespace amp;
using namespace amp::toy;
using namespace mlir;

static std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << getElementTypeOrSelf(type);
  return text;
}

static std::string valueName(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return std::string(1, "abi"[argument.getArgNumber() % 3]);
  auto result = cast<OpResult>(value);
  std::string name = getNodeName(result.getOwner()->getLoc()).str();
  if (result.getResultNumber() != 0)
    name += ":" + std::to_string(result.getResultNumber());
  return name;
}

namespace {

class ToyInterface : public PrecisionDialectInterface {
public:
  using PrecisionDialectInterface::PrecisionDialectInterface;

  static Operation *create(OpBuilder &builder, llvm::StringRef op,
                           llvm::StringRef name, ValueRange operands,
                           Type type) {
    OperationState state(NameLoc::get(builder.getStringAttr(name)), op);
    state.addOperands(operands);
    state.addTypes(type);
    return builder.create(state);
  }
  static Type withElement(Type type, FloatType element) {
    return cast<ShapedType>(type).clone(element);
  }

  Value buildCast(OpBuilder &builder, Location, Value value,
                  FloatType type) const override {
    return create(builder, "toy.cast", valueName(value) + "/" + typeName(type),
                  value, withElement(value.getType(), type))
        ->getResult(0);
  }
  bool isCast(Operation *op) const override {
    return op->getName().getStringRef() == "toy.cast";
  }
  void retargetCast(Operation *cast, FloatType type) const override {
    cast->getResult(0).setType(withElement(cast->getResult(0).getType(), type));
  }
  bool isConvertibleConstant(Operation *op) const override {
    return op->getName().getStringRef() == "toy.constant";
  }
  Operation *buildConvertedConstant(OpBuilder &builder, Operation *constant,
                                    FloatType type) const override {
    return create(builder, "toy.constant",
                  valueName(constant->getResult(0)) + "/" + typeName(type), {},
                  withElement(constant->getResult(0).getType(), type));
  }
  bool isVariableRead(Operation *op) const override {
    return op->getName().getStringRef() == "toy.read";
  }
  llvm::StringRef getOutputName(Operation *, unsigned index) const override {
    return index == 0 ? "out" : "";
  }
};

class ToyDialect : public Dialect {
public:
  explicit ToyDialect(MLIRContext *context)
      : Dialect("toy", context, TypeID::get<ToyDialect>()) {
    allowUnknownOperations();
    addInterfaces<ToyInterface>();
  }
  static llvm::StringRef getDialectNamespace() { return "toy"; }
};

} // namespace

OpModelTable toy::makeTable() {
  OpModelTable table;
  auto add = [&](llvm::StringRef name, std::initializer_list<unsigned> operands,
                 std::initializer_list<unsigned> results) -> OpModel & {
    OpModel &model = table[("toy." + name).str()];
    OpModel::Group group;
    group.operands = operands;
    group.results = results;
    model.groups.push_back(group);
    return model;
  };
  for (const char *name : {"matmul", "add"})
    add(name, {0, 1}, {0});
  for (const char *name : {"relu", "softmax"})
    add(name, {0}, {0});
  add("concat", {}, {0}).groups[0].operandsFrom = 0;
  add("loss", {0}, {0}).isLoss = true;
  // The second operand and result are statistics.
  add("norm", {0}, {0});
  add("pair", {0}, {0});
  add("pair", {1}, {1});
  table["toy.barrier"];
  table["toy.constant"];
  return table;
}

Policy toy::makePolicy() {
  Policy policy;
  policy.name = "toy";
  policy.move("toy.matmul", ListKind::Allow);
  for (const char *op : {"toy.add", "toy.norm"})
    policy.move(op, ListKind::Infer);
  for (const char *op : {"toy.relu", "toy.concat", "toy.pair"})
    policy.move(op, ListKind::Clear);
  for (const char *op : {"toy.softmax", "toy.loss"})
    policy.move(op, ListKind::Deny);
  for (const char *op : {"toy.cast", "toy.constant", "toy.barrier"})
    policy.move(op, ListKind::Keep);
  return policy;
}

ToyTest::ToyTest() : table(makeTable()), policy(makePolicy()) {
  context.getOrLoadDialect<ToyDialect>();
  context.loadDialect<func::FuncDialect>();
  context.allowUnregisteredDialects();
  options.models.addTable(table);
}

void ToyTest::parse(llvm::StringRef text) {
  ParserConfig config(&context, /*verifyAfterParse=*/false);
  module = parseSourceString<ModuleOp>(text, config);
  ASSERT_TRUE(module) << text.str();
}

LogicalResult ToyTest::rewrite() {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    messages.push_back(diagnostic.str());
    return success();
  });
  options.policy = std::make_shared<const Policy>(policy);
  return autoMixedPrecision(*module, options, &report);
}

LogicalResult ToyTest::verify() {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    messages.push_back(diagnostic.str());
    return success();
  });
  return verifyContract(*module, options.models);
}

std::string ToyTest::print() {
  std::string text;
  module->walk([&](Operation *op) {
    if (isa<ModuleOp, FunctionOpInterface>(op))
      return;
    bool isReturn = op->hasTrait<OpTrait::IsTerminator>();
    if (!isReturn)
      text += getNodeName(op->getLoc()).str() + " = " +
              op->getName().stripDialect().str();
    else
      text += "return";
    text += "(";
    for (OpOperand &operand : op->getOpOperands())
      text +=
          (operand.getOperandNumber() ? " " : "") + valueName(operand.get());
    text += ")";
    for (Type type : op->getResultTypes())
      text += " " + typeName(type);
    text += "\n";
  });
  return text;
}

std::string ToyTest::rewritten(llvm::StringRef body) {
  // `name = op(operands) types` to MLIR, so that tests read like their answers.
  std::string text = "func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>, "
                     "%i: tensor<4xi32>)";
  std::string ops, results;
  llvm::StringMap<std::string> types = {
      {"a", "f32"}, {"b", "f32"}, {"i", "i32"}};
  llvm::SmallVector<llvm::StringRef> lines;
  body.split(lines, '\n', -1, /*KeepEmpty=*/false);
  // Types first: a line may use a later one.
  for (llvm::StringRef line : lines) {
    llvm::StringRef name = line.split(" = ").first;
    llvm::SmallVector<llvm::StringRef> parts;
    line.split(") ").second.split("[").first.trim().split(parts, ' ');
    for (size_t k = 0; k < parts.size(); ++k)
      types[(k == 0 ? name.str() : name.str() + "#" + std::to_string(k))] =
          parts[k].str();
  }
  auto tensor = [&](llvm::StringRef name) {
    return "tensor<4x" + types[name] + ">";
  };
  for (const llvm::StringRef &line : lines) {
    bool isReturn = line.starts_with("return");
    llvm::StringRef name = line.split(" = ").first;
    llvm::StringRef call = isReturn ? line : line.split(" = ").second;
    llvm::StringRef op = call.split("(").first;
    llvm::SmallVector<llvm::StringRef> operands;
    call.split("(").second.split(")").first.split(operands, ' ', -1, false);
    std::string used, usedTypes;
    for (llvm::StringRef operand : operands) {
      used += (used.empty() ? "%" : ", %") + operand.str();
      usedTypes += (usedTypes.empty() ? "" : ", ") + tensor(operand);
    }
    if (isReturn) {
      results = usedTypes;
      ops +=
          "  return " + used + (used.empty() ? "" : " : ") + usedTypes + "\n";
      continue;
    }
    llvm::StringRef attrs = line.contains('[')
                                ? line.split("[").second.split("]").first
                                : llvm::StringRef();
    llvm::SmallVector<llvm::StringRef> parts;
    line.split(") ").second.split("[").first.trim().split(parts, ' ', -1,
                                                          false);
    std::string made;
    for (llvm::StringRef part : parts)
      made += (made.empty() ? "" : ", ") + ("tensor<4x" + part + ">").str();
    ops += "  %" + name.str() + (parts.size() > 1 ? ":2" : "") + " = \"toy." +
           op.str() + "\"(" + used + ") {" + attrs.str() + "} : (" + usedTypes +
           ") -> (" + made + ") loc(\"" + name.str() +
           "\"(\"f.json\":" + std::to_string(&line - lines.begin() + 1) +
           ":3))\n";
  }
  parse(text + (results.empty() ? "" : " -> (" + results + ")") + " {\n" + ops +
        "}");
  if (!module)
    return "does not parse";
  if (failed(rewrite()))
    return "failed";
  if (failed(verify()))
    return "contract broken: " + messages.back();
  return print();
}

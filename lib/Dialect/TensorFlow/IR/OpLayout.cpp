//===- OpLayout.cpp - What the nodes of one op share ----------------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The typing rules are those of getNodeTypes, asked with every attribute there
// and one port for each number.
//===----------------------------------------------------------------------===//

#include "OpLayout.h"

using namespace amp;
using namespace amp::tf;
using namespace mlir;

static llvm::StringRef ref(std::string_view text) {
  return {text.data(), text.size()};
}

static Kernel findKernel(const graphdef::OpSpec &op, std::string_view attr,
                         DataType type, graphdef::KernelDevice device) {
  bool asked = false;
  auto noted = [&](std::string_view) {
    asked = true;
    return graphdef::AttrText();
  };
  bool found = graphdef::hasKernel(op, attr, type, device, noted);
  return asked ? Kernel::Depends : found ? Kernel::Yes : Kernel::No;
}

OpLayout::OpLayout(MLIRContext *context, llvm::StringRef op)
    : spec(graphdef::findOp(std::string_view(op.data(), op.size()))) {
  if (!spec)
    return;
  isFixed = true;
  for (const auto *args : {&spec->inputs, &spec->outputs})
    for (const graphdef::ArgSpec &arg : *args)
      isFixed &= !arg.isList;
  for (const graphdef::AttrSpec &attr : spec->attrs)
    isFixed &= attr.kind != graphdef::AttrKind::TypeList;
  if (!isFixed)
    return;
  NodeTypes types = getNodeTypes(
      *spec, [](llvm::StringRef) { return llvm::SmallVector<DataType>{0}; },
      [](llvm::StringRef) { return 1; });
  llvm::SmallVector<bool> isUsed(types.vertices.size());
  auto addArgs = [&](const std::vector<graphdef::ArgSpec> &args,
                     llvm::ArrayRef<unsigned> ports,
                     llvm::SmallVectorImpl<Arg> &out) {
    for (auto [arg, vertex] : llvm::zip_equal(args, ports)) {
      out.push_back({vertex, arg.numberAttr.empty()
                                 ? StringAttr()
                                 : StringAttr::get(context,
                                                   ref(arg.numberAttr))});
      isUsed[vertex] = true;
    }
  };
  addArgs(spec->inputs, types.inputs, inputs);
  addArgs(spec->outputs, types.outputs, outputs);
  for (auto [i, id] : llvm::enumerate(types.vertices)) {
    Vertex vertex;
    vertex.id = id;
    std::string_view name(id.attr.data(), id.attr.size());
    const graphdef::AttrSpec *attr = nullptr;
    if (id.attr.empty()) {
      if (id.fixed)
        vertex.fixed = elementType(context, id.fixed);
    } else {
      vertex.attr = StringAttr::get(context, id.attr);
      attr = spec->attr(name);
      if (!isUsed[i])
        unused.push_back(vertex.attr);
    }
    for (unsigned low : {0u, 1u}) {
      DataType type = low ? graphdef::kBFloat16 : graphdef::kHalf;
      vertex.allows[low] =
          id.attr.empty() ? id.fixed == type : attr && attr->allows(type);
      for (auto device :
           {graphdef::KernelDevice::Gpu, graphdef::KernelDevice::Cpu})
        vertex.kernels[unsigned(device)][low] =
            id.attr.empty() ? Kernel::Yes
                            : findKernel(*spec, name, type, device);
    }
    vertices.push_back(vertex);
  }
}

bool OpLayout::hasUnused(Operation *op) const {
  return llvm::all_of(unused, [&](StringAttr name) {
    return isa_and_nonnull<TypeAttr, ArrayAttr>(getNodeAttr(op, name));
  });
}

int64_t OpLayout::portCount(Operation *op, StringAttr number) {
  auto count = dyn_cast_or_null<IntegerAttr>(getNodeAttr(op, number));
  return count ? count.getInt() : 0;
}

NodeTypes OpLayout::nodeTypes(Operation *op) const {
  NodeTypes types;
  for (const Vertex &vertex : vertices)
    types.vertices.push_back(vertex.id);
  forEachPort(op, inputs, [&](unsigned v) { types.inputs.push_back(v); });
  forEachPort(op, outputs, [&](unsigned v) { types.outputs.push_back(v); });
  return types;
}

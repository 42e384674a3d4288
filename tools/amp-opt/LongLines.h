//===- LongLines.h - Messages at long lines ---------------------*- C++ -*-===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A graph file may be one line, which no message shows whole.
//===----------------------------------------------------------------------===//

#ifndef AMP_TOOLS_AMP_OPT_LONGLINES_H
#define AMP_TOOLS_AMP_OPT_LONGLINES_H

namespace llvm {
class SourceMgr;
}

namespace amp::opt {

/// Messages that go through `sources` show of a long line the part around
/// their place, as those of the readers do.
void cutLongLines(llvm::SourceMgr &sources);

} // namespace amp::opt

#endif // AMP_TOOLS_AMP_OPT_LONGLINES_H

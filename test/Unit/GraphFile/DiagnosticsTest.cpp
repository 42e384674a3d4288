//===- DiagnosticsTest.cpp - Messages about a source text -----------------===//
//
// Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Lines, columns, carets, order and limits.
//===----------------------------------------------------------------------===//

#include "amp/GraphFile/Diagnostics.h"

#include <gtest/gtest.h>

#include <random>

using namespace amp::graphfile;

TEST(DiagnosticsTest, LinesAndColumnsCountBytesFromOne) {
  SourceText source("a.json", "ab\n\xC3\xA9x\r\n\nz");
  auto place = [&](Offset at) {
    LineColumn found = source.lineColumn(at);
    return std::to_string(found.line) + ":" + std::to_string(found.column);
  };
  EXPECT_EQ(place(0), "1:1");
  EXPECT_EQ(place(2), "1:3"); // the newline ends its line
  EXPECT_EQ(place(3), "2:1");
  EXPECT_EQ(place(5), "2:3"); // behind two bytes of one letter
  EXPECT_EQ(place(8), "3:1");
  EXPECT_EQ(place(9), "4:1");
  EXPECT_EQ(place(10), "4:2"); // the end
  EXPECT_EQ(place(1000), "4:2");
  EXPECT_EQ(source.line(3), "\xC3\xA9x");
  EXPECT_EQ(source.line(8), "");
  EXPECT_EQ(source.line(9), "z");
}

TEST(DiagnosticsTest, ANoteStaysWithItsMessage) {
  SourceText source("a.json", "first\nsecond\n");
  Diagnostics diags;
  diags.error(6, "two");
  diags.note(0, "because of this");
  diags.error(0, "one");
  EXPECT_EQ(diags.render(source), "a.json:1:1: error: one\n"
                                  "first\n"
                                  "^\n"
                                  "a.json:2:1: error: two\n"
                                  "second\n"
                                  "^\n"
                                  "a.json:1:1: note: because of this\n"
                                  "first\n"
                                  "^\n");
}

TEST(DiagnosticsTest, TheCaretStandsUnderTabsAndWideCharacters) {
  SourceText source("a.json", "\t\xC3\xA9 x");
  Diagnostics diags;
  diags.error(4, "here");
  EXPECT_EQ(diags.render(source), "a.json:1:5: error: here\n"
                                  "\t\xC3\xA9 x\n"
                                  "\t  ^\n");
}

TEST(DiagnosticsTest, AWholeFileOnOneLineIsNotPrintedWhole) {
  std::string text(100000, 'x');
  SourceText source("a.json", text);
  Diagnostics diags;
  diags.error(50000, "here");
  std::string rendered = diags.render(source);
  EXPECT_LT(rendered.size(), 600u);
  size_t line = rendered.find('\n') + 1;
  size_t next = rendered.find('\n', line) + 1;
  EXPECT_EQ(rendered[line + rendered.find('^') - next], 'x');
}

TEST(DiagnosticsTest, ControlCharactersDoNotReachATerminal) {
  SourceText source("a.json", "a\x1B[31mb");
  Diagnostics diags;
  diags.error(0, "bad \x1B[31m");
  EXPECT_EQ(diags.render(source).find('\x1B'), std::string::npos);
}

TEST(DiagnosticsTest, ErrorsEndAtTheLimitAndWarningsDoNotCount) {
  SourceText source("a.json", "x");
  Diagnostics diags(/*maxErrors=*/3);
  diags.warning(0, "w");
  EXPECT_FALSE(diags.hasErrors());
  for (int i = 0; i < 10; ++i)
    diags.error(0, "e" + std::to_string(i));
  EXPECT_TRUE(diags.full());
  EXPECT_EQ(diags.all().size(), 4u);
  std::string rendered = diags.render(source);
  EXPECT_NE(rendered.find("e2"), std::string::npos);
  EXPECT_EQ(rendered.find("e3"), std::string::npos);
  EXPECT_NE(rendered.find("more errors"), std::string::npos);
}

TEST(DiagnosticsTest, AnIOErrorIsAnErrorOfItsOwnKind) {
  Diagnostics diags;
  diags.error(0, "a");
  EXPECT_FALSE(diags.hasIOErrors());
  diags.ioError(0, "b");
  EXPECT_TRUE(diags.hasIOErrors());
  EXPECT_EQ(diags.all().size(), 2u);
}

TEST(DiagnosticsTest, PlacesMatchACountByHand) {
  constexpr unsigned seed = 7;
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (size_t i = random() % 60; i > 0; --i)
      text += "ab\n\n"[random() % 4];
    SourceText source("a.json", text);
    uint32_t line = 1, column = 1;
    size_t next = 0, far = 0;
    for (size_t at = 0; at <= text.size(); ++at) {
      LineColumn place = source.lineColumn(at);
      // A hint, near or far, changes nothing.
      size_t elsewhere = random() % (text.size() + 1);
      for (size_t *hint : {&next, &far}) {
        if (hint == &far)
          source.lineColumn(elsewhere, hint);
        LineColumn hinted = source.lineColumn(at, hint);
        ASSERT_EQ(hinted.line, place.line)
            << "seed " << seed << ", text " << text;
        ASSERT_EQ(hinted.column, place.column);
      }
      ASSERT_EQ(place.line, line) << "seed " << seed << ", text " << text;
      ASSERT_EQ(place.column, column) << "seed " << seed << ", text " << text;
      bool newline = at < text.size() && text[at] == '\n';
      line += newline;
      column = newline ? 1 : column + 1;
    }
  }
}

TEST(DiagnosticsTest, BytesThatAreNotUtf8AreReplaced) {
  SourceText source("a.json", "a\xFF\xC3_\xE2\x82");
  Diagnostics diags;
  diags.error(3, "bad");
  EXPECT_EQ(diags.render(source), "a.json:1:4: error: bad\n"
                                  "a??_??\n"
                                  "   ^\n");
}

TEST(DiagnosticsTest, NowhereHasNoPlace) {
  SourceText source("a.json", "abc");
  Diagnostics diags;
  diags.error(kNowhere, "bad");
  EXPECT_EQ(diags.render(source), "a.json: error: bad\n");
}

TEST(DiagnosticsTest, WhatIsPastTheLimitLeavesNoTrace) {
  SourceText source("a.json", "abc");
  Diagnostics diags(/*maxErrors=*/1);
  diags.error(0, "one");
  diags.note(0, "of one");
  diags.ioError(1, "two");
  diags.note(1, "of two");
  EXPECT_EQ(diags.all().size(), 2u);
  // Nobody sees it, so the exit code does not tell of it.
  EXPECT_FALSE(diags.hasIOErrors());
}

TEST(NameArenaTest, ViewsStayValid) {
  NameArena arena;
  std::vector<std::string> names;
  std::vector<std::string_view> views;
  for (size_t i = 0; i < 20000; ++i) {
    // Some are longer than a chunk.
    size_t length = i % 5000 == 0 ? 100000 : i % 97;
    names.push_back(std::string(length, char('a' + i % 26)));
    views.push_back(arena.intern(names.back()));
  }
  for (size_t i = 0; i < names.size(); ++i)
    ASSERT_EQ(views[i], names[i]);
}

TEST(ValueNameTest, TheTextNamesTheResultWhenItIsNotTheFirst) {
  EXPECT_EQ(toString(ValueName{"n"}), "n");
  EXPECT_EQ(toString(ValueName{"n", 2}), "n:2");
}

/*===- main.c - Mixed precision from C ------------------------------------===*\
|*                                                                            *|
|* Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions. *|
|* See LICENSE for license information.                                       *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|*===----------------------------------------------------------------------===*|
|*                                                                            *|
|* Reads a graph file, rewrites it to bfloat16, prints it, and says on        *|
|* standard error what was done.                                              *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#include "amp-c/Rewrite.h"

#include <stdio.h>
#include <stdlib.h>

static char *readFile(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  if (!file)
    return NULL;
  char *text = NULL;
  size_t room = 0;
  *size = 0;
  do {
    room = room * 2 + 65536;
    text = realloc(text, room);
    *size += fread(text + *size, 1, room - *size, file);
  } while (*size == room);
  fclose(file);
  return text;
}

static void print(FILE *file, AmpStringRef text) {
  fwrite(text.data, 1, text.length, file);
}

int main(int argc, char **argv) {
  size_t size = 0;
  char *text = argc == 2 ? readFile(argv[1], &size) : NULL;
  if (!text) {
    fprintf(stderr, "usage: rewrite-graph MODEL.json\n");
    return 2;
  }
  AmpOptions options = ampOptionsCreate();
  AmpText result = NULL;
  AmpReport report = NULL;
  AmpError error =
      ampOptionsSetTarget(options, ampStringRefCreate("bfloat16"));
  ampOptionsSetInputName(options, ampStringRefCreate(argv[1]));
  if (!error)
    error = ampRewriteGraph((AmpStringRef){text, size}, options, &result,
                            &report);
  int status = 0;
  if (error) {
    print(stderr, ampErrorGetMessage(error));
    fprintf(stderr, "\n");
    status = (int)ampErrorGetKind(error);
  } else {
    print(stdout, ampTextGet(result));
    print(stderr, ampReportGetSummary(report));
    fprintf(stderr, "\n");
  }
  ampErrorDestroy(error);
  ampReportDestroy(report);
  ampTextDestroy(result);
  ampOptionsDestroy(options);
  free(text);
  return status;
}

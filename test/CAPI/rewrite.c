/*===- rewrite.c - Texts through the C API --------------------------------===*\
|*                                                                            *|
|* Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions. *|
|* See LICENSE for license information.                                       *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|*===----------------------------------------------------------------------===*|
|*                                                                            *|
|* amp-capi-test GRAPH.json [THREADS]: rewrites the graph, from many threads   *|
|* at once, each with options of its own and all of them with shared ones, and *|
|* expects the same bytes everywhere; then tries what is wrong. Also rewrites  *|
|* a module through the types of MLIR's C API.                                *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#include "amp-c/Module.h"
#include "amp-c/Rewrite.h"

#include "mlir-c/Support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "failed: %s\n", what);
  __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

static AmpStringRef text(const char *characters) {
  return ampStringRefCreate(characters);
}

static bool holds(AmpStringRef whole, const char *part) {
  size_t length = strlen(part);
  for (size_t i = 0; i + length <= whole.length; ++i)
    if (memcmp(whole.data + i, part, length) == 0)
      return true;
  return false;
}

static bool same(AmpStringRef a, AmpStringRef b) {
  return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/** Fails unless the error is one of that kind that says so. */
static void expect(AmpError error, AmpErrorKind kind, const char *message) {
  check(error != NULL, message);
  if (!error)
    return;
  if (ampErrorGetKind(error) != kind ||
      !holds(ampErrorGetMessage(error), message)) {
    AmpStringRef said = ampErrorGetMessage(error);
    fprintf(stderr, "kind %d: %.*s\n", (int)ampErrorGetKind(error),
            (int)said.length, said.data);
    check(false, message);
  }
  ampErrorDestroy(error);
}

static void succeed(AmpError error) {
  if (!error)
    return;
  AmpStringRef said = ampErrorGetMessage(error);
  fprintf(stderr, "%.*s\n", (int)said.length, said.data);
  check(false, "no error");
  ampErrorDestroy(error);
}

static AmpStringRef graph;
static AmpOptions shared;
/** What one thread alone makes of the graph, to float16 and to bfloat16. */
static AmpText expected[2];

static const char *const kModule =
    "func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {\n"
    "  %0 = \"stablehlo.dot\"(%x, %x) : (tensor<4x4xf32>, tensor<4x4xf32>) -> "
    "tensor<4x4xf32>\n"
    "  return %0 : tensor<4x4xf32>\n"
    "}\n";

static AmpOptions makeOptions(int target) {
  AmpOptions options = ampOptionsCreate();
  succeed(ampOptionsSetTarget(options, text(target ? "bfloat16" : "float16")));
  return options;
}

static void *work(void *argument) {
  int target = (int)(size_t)argument % 2;
  for (int i = 0; i < 3; ++i) {
    AmpOptions own = target ? makeOptions(target) : NULL;
    AmpText result = NULL;
    AmpReport report = NULL;
    succeed(ampRewriteGraph(graph, own ? own : shared, &result, &report));
    if (result && report) {
      check(same(ampTextGet(result), ampTextGet(expected[target])),
            "every thread gets the same bytes");
      check(ampReportGetNumLowered(report) > 0 &&
                ampReportGetNumLowered(report) < ampReportGetNumNodes(report),
            "counts");
    }
    ampTextDestroy(result);
    ampReportDestroy(report);
    ampOptionsDestroy(own);
  }
  AmpOptions options = ampOptionsCreate();
  AmpText result = NULL;
  succeed(ampOptionsAddOpModels(options, text("stablehlo")));
  succeed(ampRewriteModuleText(text(kModule), options, true, &result, NULL));
  if (result)
    check(holds(ampTextGet(result), "\"stablehlo.dot\"(%0, %0) : "
                                    "(tensor<4x4xf16>, tensor<4x4xf16>) -> "
                                    "tensor<4x4xf16>") ||
              holds(ampTextGet(result), "\"stablehlo.dot\"(%1, %1) : "
                                        "(tensor<4x4xf16>, tensor<4x4xf16>) -> "
                                        "tensor<4x4xf16>"),
          "a module as text");
  ampTextDestroy(result);
  ampOptionsDestroy(options);
  return NULL;
}

static void errors(void) {
  AmpText result = NULL;
  AmpReport report = NULL;
  AmpOptions options = ampOptionsCreate();
  expect(ampOptionsSetTarget(options, text("float8")), AmpErrorBadOption,
         "a target is float16 or bfloat16, not 'float8'");
  expect(ampOptionsSetLossScale(options, text("static")), AmpErrorBadOption,
         "static");
  expect(ampOptionsMoveOp(options, text("relu"), text("high")),
         AmpErrorBadOption, "not 'high'");
  expect(ampOptionsSetUnknownOps(options, text("keep")), AmpErrorBadOption,
         "not 'keep'");
  expect(ampOptionsAddOpModels(options, text("absent.json")), AmpErrorIO,
         "cannot read models file 'absent.json'");
  expect(ampOptionsSetPolicy(options, text("")), AmpErrorBadOption, "preset");
  expect(ampRewriteGraph(text("{\"format\": 1}"), options, &result, &report),
         AmpErrorBadInput, "<input>:1:1: error: a graph file has no key 'version'");
  check(!result && !report, "no result behind an error");
  expect(ampRewriteModuleText(text("func.func @f("), options, false, &result,
                              &report),
         AmpErrorBadInput, "<input>:1:13: error: expected");
  expect(ampRewriteModuleText(text(kModule), options, false, &result, &report),
         AmpErrorBadInput, "unregistered dialect");
  ampOptionsSetInputName(options, text("g.json"));
  succeed(ampOptionsMoveOp(options, text("rellu"), text("deny")));
  expect(ampRewriteGraph(graph, options, &result, &report), AmpErrorBadOption,
         "unknown op 'rellu'; did you mean 'relu'?");
  AmpPolicy policy = NULL;
  expect(ampPolicyCreate(options, &policy), AmpErrorBadOption, "'rellu'");
  check(!policy, "no policy behind an error");
  ampOptionsDestroy(options);
  ampOptionsDestroy(NULL);
  ampErrorDestroy(NULL);
  ampTextDestroy(NULL);
  ampReportDestroy(NULL);
  ampPolicyDestroy(NULL);
}

static void policies(void) {
  AmpOptions options = ampOptionsCreate();
  AmpPolicy policy = NULL;
  succeed(ampOptionsSetPolicy(options, text("mixed_bfloat16")));
  succeed(ampOptionsAddOpModels(options, text("stablehlo")));
  succeed(ampOptionsMoveOp(options, text("gelu"), text("keep")));
  succeed(ampPolicyCreate(options, &policy));
  if (policy) {
    check(same(ampPolicyGetList(policy, text("matmul")), text("allow")) &&
              same(ampPolicyGetList(policy, text("gelu")), text("keep")) &&
              same(ampPolicyGetList(policy, text("reduce_sum")),
                   text("infer")) &&
              same(ampPolicyGetList(policy, text("stablehlo.dot")),
                   text("allow")) &&
              ampPolicyGetList(policy, text("nothing")).length == 0,
          "the list of an op");
    check(holds(ampPolicyGetText(policy), "compute dtype bfloat16"),
          "a policy as text");
  }
  ampPolicyDestroy(policy);
  ampOptionsDestroy(options);
}

/** Appends what MLIR prints to a string. */
static void append(MlirStringRef part, void *to) {
  strncat((char *)to, part.data, part.length);
}

static void modules(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  ampRegisterAllDialects(registry);
  MlirContext context = mlirContextCreateWithRegistry(registry, false);
  mlirContextSetAllowUnregisteredDialects(context, true);
  mlirContextLoadAllAvailableDialects(context);
  AmpOptions options = ampOptionsCreate();
  succeed(ampOptionsAddOpModels(options, text("stablehlo")));
  for (int asPasses = 0; asPasses < 3; ++asPasses) {
    MlirModule module = mlirModuleCreateParse(
        context, mlirStringRefCreateFromCString(kModule));
    check(!mlirModuleIsNull(module), "the module is read");
    AmpReport report = NULL;
    if (asPasses == 0) {
      succeed(ampRewriteModule(module, options, &report));
      if (report)
        check(holds(ampReportGetSummary(report),
                    "lowered 1 of 1 nodes to float16") &&
                  holds(ampReportGetExplanation(report), "on the allow list") &&
                  holds(ampReportGetJson(report), "\"casts\": [") &&
                  ampReportGetWarnings(report).length == 0,
              "a report");
    } else {
      MlirPassManager manager = mlirPassManagerCreateOnOperation(
          context, mlirStringRefCreateFromCString("builtin.module"));
      if (asPasses == 1) {
        mlirPassManagerAddOwnedPass(manager,
                                    ampCreateAutoMixedPrecisionPass(options));
        mlirPassManagerAddOwnedPass(manager,
                                    ampCreateVerifyContractPass(options));
      } else {
        succeed(
            ampAddPipeline(mlirPassManagerGetAsOpPassManager(manager), options));
        expect(ampAddPipeline(
                   mlirPassManagerGetNestedUnder(
                       manager, mlirStringRefCreateFromCString("func.func")),
                   options),
               AmpErrorBadOption, "this pass manager on 'func.func'");
      }
      check(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(
                manager, mlirModuleGetOperation(module))),
            "the passes run");
      mlirPassManagerDestroy(manager);
    }
    char printed[4096] = "";
    mlirOperationPrint(mlirModuleGetOperation(module), append, printed);
    check(holds(text(printed), "-> tensor<4x4xf16>") &&
              !holds(text(printed), "amp.contract"),
          "the module is rewritten");
    ampReportDestroy(report);
    mlirModuleDestroy(module);
  }
  ampOptionsDestroy(options);
  mlirContextDestroy(context);
  mlirDialectRegistryDestroy(registry);
}

static char *readFile(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file)
    return NULL;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *contents = malloc((size_t)size + 1);
  size_t count = fread(contents, 1, (size_t)size, file);
  contents[count] = 0;
  fclose(file);
  return contents;
}

int main(int argc, char **argv) {
  enum { kMaxThreads = 64 };
  int threads = argc > 2 ? atoi(argv[2]) : 8;
  char *contents = argc > 1 ? readFile(argv[1]) : NULL;
  if (!contents || threads < 1 || threads > kMaxThreads) {
    fprintf(stderr, "usage: amp-capi-test GRAPH.json [THREADS]\n");
    return 2;
  }
  graph = text(contents);
  shared = makeOptions(0);
  AmpReport report = NULL;
  succeed(ampRewriteGraph(graph, shared, &expected[0], &report));
  AmpOptions other = makeOptions(1);
  succeed(ampRewriteGraph(graph, other, &expected[1], NULL));
  ampOptionsDestroy(other);
  if (failures)
    return 1;
  check(!same(ampTextGet(expected[0]), ampTextGet(expected[1])),
        "the targets differ");

  pthread_t ids[kMaxThreads];
  for (int i = 0; i < threads; ++i)
    pthread_create(&ids[i], NULL, work, (void *)(size_t)i);
  for (int i = 0; i < threads; ++i)
    pthread_join(ids[i], NULL);
  errors();
  policies();
  modules();
  AmpStringRef summary = ampReportGetSummary(report);
  if (!failures)
    printf("%d threads: %.*s\n", threads, (int)summary.length, summary.data);
  ampReportDestroy(report);
  ampTextDestroy(expected[0]);
  ampTextDestroy(expected[1]);
  ampOptionsDestroy(shared);
  free(contents);
  return failures != 0;
}

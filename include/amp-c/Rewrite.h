/*===- amp-c/Rewrite.h - Mixed precision for texts ---------------*- C -*-===*\
|*                                                                            *|
|* Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions. *|
|* See LICENSE for license information.                                       *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|*===----------------------------------------------------------------------===*|
|*                                                                            *|
|* Graph files, and modules as text, rewritten without a type of MLIR in      *|
|* sight: a text goes in, a text and a report come out. For C, and for        *|
|* whatever calls C.                                                          *|
|*                                                                            *|
|* Conventions. A function that can fail returns an AmpError: null where it   *|
|* succeeded, else an object that says what was wrong, and is destroyed by    *|
|* ampErrorDestroy. Results are then null. What a function gives back belongs *|
|* to the caller until its Destroy; every Destroy takes null. Strings handed  *|
|* out live as long as the object they were asked of.                         *|
|*                                                                            *|
|* Threads. There is no state but in these objects: any number of threads may *|
|* call these functions at once, on objects of their own, or on one that      *|
|* nobody changes.                                                            *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#ifndef AMP_C_REWRITE_H
#define AMP_C_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define AMP_CAPI_EXPORTED __attribute__((visibility("default")))
#else
#define AMP_CAPI_EXPORTED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Characters that somebody else owns; no zero ends them. */
typedef struct AmpStringRef {
  const char *data;
  size_t length;
} AmpStringRef;

/** Of a string that ends in a zero. */
AMP_CAPI_EXPORTED AmpStringRef ampStringRefCreate(const char *text);

/*===--- Errors ------------------------------------------------------------===*/

typedef struct AmpErrorImpl *AmpError;

/** As the exit statuses of amp-opt. */
typedef enum AmpErrorKind {
  AmpErrorBadInput = 1,
  AmpErrorBadOption = 2,
  AmpErrorVerification = 3,
  AmpErrorIO = 4
} AmpErrorKind;

AMP_CAPI_EXPORTED AmpErrorKind ampErrorGetKind(AmpError error);
/** One diagnostic per paragraph, each with its place in the input. */
AMP_CAPI_EXPORTED AmpStringRef ampErrorGetMessage(AmpError error);
AMP_CAPI_EXPORTED void ampErrorDestroy(AmpError error);

/*===--- Options -----------------------------------------------------------===*/

typedef struct AmpOptionsImpl *AmpOptions;

/** Those of amp-opt without a flag: policy default, target float16. */
AMP_CAPI_EXPORTED AmpOptions ampOptionsCreate(void);
AMP_CAPI_EXPORTED void ampOptionsDestroy(AmpOptions options);

/** A preset, one of Keras's names, or a file ending in .json. */
AMP_CAPI_EXPORTED AmpError ampOptionsSetPolicy(AmpOptions options,
                                               AmpStringRef policy);
/** "float16" or "bfloat16". */
AMP_CAPI_EXPORTED AmpError ampOptionsSetTarget(AmpOptions options,
                                               AmpStringRef target);
/** What --loss-scale takes. */
AMP_CAPI_EXPORTED AmpError ampOptionsSetLossScale(AmpOptions options,
                                                  AmpStringRef lossScale);
/** "error", "warn" or "ignore". */
AMP_CAPI_EXPORTED AmpError ampOptionsSetUnknownOps(AmpOptions options,
                                                   AmpStringRef what);
/** Moves an op to a list: "allow", "infer", "clear", "deny" or "keep". */
AMP_CAPI_EXPORTED AmpError ampOptionsMoveOp(AmpOptions options, AmpStringRef op,
                                            AmpStringRef list);
/** "[FUNCTION:]GLOB", as --pin takes it. */
AMP_CAPI_EXPORTED void ampOptionsAddPin(AmpOptions options, AmpStringRef pin);
/** Models of ops of dialects that are not linked in: "stablehlo", or a file
 * ending in .json. They are read here. */
AMP_CAPI_EXPORTED AmpError ampOptionsAddOpModels(AmpOptions options,
                                                 AmpStringRef nameOrFile);
/** The folder of the files that a graph file names; "." by default. */
AMP_CAPI_EXPORTED void ampOptionsSetFolder(AmpOptions options,
                                           AmpStringRef folder);
/** What messages call the input; "<input>" by default. */
AMP_CAPI_EXPORTED void ampOptionsSetInputName(AmpOptions options,
                                              AmpStringRef name);

/*===--- Policies ----------------------------------------------------------===*/

typedef struct AmpPolicyImpl *AmpPolicy;

/** The policy that the options ask for, with the ops of their models. */
AMP_CAPI_EXPORTED AmpError ampPolicyCreate(AmpOptions options,
                                           AmpPolicy *policy);
AMP_CAPI_EXPORTED void ampPolicyDestroy(AmpPolicy policy);
/** "allow", "infer", "clear", "deny", "keep"; empty for an op on no list. */
AMP_CAPI_EXPORTED AmpStringRef ampPolicyGetList(AmpPolicy policy,
                                                AmpStringRef op);
/** The lists, as amp-opt --print-policy writes them. */
AMP_CAPI_EXPORTED AmpStringRef ampPolicyGetText(AmpPolicy policy);

/*===--- Reports -----------------------------------------------------------===*/

typedef struct AmpReportImpl *AmpReport;

AMP_CAPI_EXPORTED void ampReportDestroy(AmpReport report);
/** "lowered 12 of 30 nodes to float16 …". */
AMP_CAPI_EXPORTED AmpStringRef ampReportGetSummary(AmpReport report);
/** What amp-opt --report writes. */
AMP_CAPI_EXPORTED AmpStringRef ampReportGetJson(AmpReport report);
/** What amp-opt --explain writes, of all nodes. */
AMP_CAPI_EXPORTED AmpStringRef ampReportGetExplanation(AmpReport report);
/** Warnings, one per paragraph; empty without any. */
AMP_CAPI_EXPORTED AmpStringRef ampReportGetWarnings(AmpReport report);
AMP_CAPI_EXPORTED uint64_t ampReportGetNumNodes(AmpReport report);
AMP_CAPI_EXPORTED uint64_t ampReportGetNumLowered(AmpReport report);

/*===--- Texts -------------------------------------------------------------===*/

typedef struct AmpTextImpl *AmpText;

AMP_CAPI_EXPORTED AmpStringRef ampTextGet(AmpText text);
AMP_CAPI_EXPORTED void ampTextDestroy(AmpText text);

/** Rewrites a graph file (JSON). `report` may be null. */
AMP_CAPI_EXPORTED AmpError ampRewriteGraph(AmpStringRef graph,
                                           AmpOptions options, AmpText *result,
                                           AmpReport *report);

/** Rewrites a module of MLIR as text. Ops of dialects that are not linked in are
 * allowed where the options have models. `generic` asks for the generic form.
 * `report` may be null. */
AMP_CAPI_EXPORTED AmpError ampRewriteModuleText(AmpStringRef module,
                                                AmpOptions options,
                                                bool generic, AmpText *result,
                                                AmpReport *report);

#ifdef __cplusplus
}
#endif

#endif /* AMP_C_REWRITE_H */

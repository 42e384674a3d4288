/*===- amp-c/Module.h - Mixed precision for modules --------------*- C -*-===*\
|*                                                                            *|
|* Part of the Amp project, under the Apache License v2.0 with LLVM Exceptions. *|
|* See LICENSE for license information.                                       *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
|*===----------------------------------------------------------------------===*|
|*                                                                            *|
|* The same for who has a module, through the types of MLIR's C API: the      *|
|* rewrite as a function, and as passes. The conventions of amp-c/Rewrite.h   *|
|* hold; the objects of MLIR have their own, and one thread at a time works   *|
|* on a module.                                                               *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#ifndef AMP_C_MODULE_H
#define AMP_C_MODULE_H

#include "amp-c/Rewrite.h"
#include "mlir-c/IR.h"
#include "mlir-c/Pass.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Amp's dialects, and what it knows of those of MLIR. */
AMP_CAPI_EXPORTED void ampRegisterAllDialects(MlirDialectRegistry registry);

/** Rewrites every function of the module in place. On error the module must not
 * be used further. `report` may be null. */
AMP_CAPI_EXPORTED AmpError ampRewriteModule(MlirModule module,
                                            AmpOptions options,
                                            AmpReport *report);

/** amp-auto-mixed-precision and amp-verify-contract with these options, for a
 * pass manager on modules, which takes them. They copy the options. */
AMP_CAPI_EXPORTED MlirPass ampCreateAutoMixedPrecisionPass(AmpOptions options);
AMP_CAPI_EXPORTED MlirPass ampCreateVerifyContractPass(AmpOptions options);

/** The whole pipeline: gradients of training sections, loss scale, mixed
 * precision, contract. The manager is one on "builtin.module". */
AMP_CAPI_EXPORTED AmpError ampAddPipeline(MlirOpPassManager manager,
                                          AmpOptions options);

/** Registers the passes by name for textual pipelines, once per process: the
 * table of names is MLIR's, and the only thing here that is global. */
AMP_CAPI_EXPORTED void ampRegisterAllPasses(void);

#ifdef __cplusplus
}
#endif

#endif /* AMP_C_MODULE_H */

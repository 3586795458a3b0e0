// SPDX-License-Identifier: Apache-2.0
//
// Replaces operator new and delete of the program that links `sluice_malloc` by mimalloc's. The
// header defines them, so exactly one source file of a program may include it: this one.

#include <mimalloc-new-delete.h>

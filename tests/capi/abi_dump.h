/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary interface as text, one fact a line, as this compiler lays it out. */
#ifndef SLUICE_TESTS_CAPI_ABI_DUMP_H_
#define SLUICE_TESTS_CAPI_ABI_DUMP_H_

#ifdef __cplusplus
extern "C" {
#endif

/* Calls `line` with each, without its newline. */
void abi_dump(void (*line)(void* user, const char* text), void* user);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_TESTS_CAPI_ABI_DUMP_H_ */

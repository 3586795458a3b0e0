/* SPDX-License-Identifier: Apache-2.0
 *
 * The C ABI of Sluice. Conventions:
 *   - One function is exported. It fills in a table of functions that only ever grows at its end.
 *   - `size` in the table is set by the caller to what it was compiled with and by the library to what it
 *     filled in; a function beyond the latter does not exist in this library.
 *   - Text is UTF-8, ends with a zero byte, and stays the library's.
 *   - Nothing is thrown across this border.
 */
#ifndef SLUICE_SLUICE_H_
#define SLUICE_SLUICE_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SLUICE_SHARED is for who uses sluice.dll, and spares the call a jump. The library itself names its export in a .def
 * file, because the same objects go into the static library. */
#if defined(_WIN32) && defined(SLUICE_SHARED)
#define SLUICE_EXPORT __declspec(dllimport)
#elif defined(__GNUC__)
#define SLUICE_EXPORT __attribute__((visibility("default")))
#else
#define SLUICE_EXPORT
#endif

/* Major version in the upper half, minor in the lower. A library serves every minor up to its own. */
#define SLUICE_API_VERSION 0x00000001u

enum {
  SLUICE_OK = 0,
  SLUICE_BAD_VERSION = 1, /* this library does not serve that version */
  SLUICE_BAD_ARGUMENT = 2 /* a null table, or a size smaller than its first member */
};

typedef struct sluice_api {
  uint32_t size; /* bytes */
  uint32_t version; /* SLUICE_API_VERSION of the library */
  /* "0.1.0". Any thread. */
  const char* (*version_text)(void);
  /* "iocp", "io_uring" or "sim": the backend this library was linked with. Any thread. */
  const char* (*backend_name)(void);
} sluice_api;

/* Any thread; may be called any number of times. REQUIRES: api->size is set. */
SLUICE_EXPORT int32_t sluice_open(uint32_t version, sluice_api* api);

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_SLUICE_H_ */

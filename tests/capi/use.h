/* SPDX-License-Identifier: Apache-2.0
 *
 * What the C programs of this test share: the table, which of its functions were called, and plain
 * sockets. Each use_... function returns 0, or 1 after it has said which line is wrong. */
#ifndef SLUICE_TESTS_CAPI_USE_H_
#define SLUICE_TESTS_CAPI_USE_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sluice/sluice.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t (*use_open)(uint32_t version, sluice_api* api);

/* Every test begins with it; `open` is sluice_open, however it was found. */
int use_begin(use_open open);
int use_base(void);
int use_options(void);
int use_runtime(void);
int use_engine(void);
int use_turns(void);
int use_inspector(void);
int use_later(void);
int use_blocking(void);
int use_stop(void);
int use_own_redirect(void);
int use_emulated(void);
int use_callout(void);
int use_wfp(void);
/* All of the above, and then every function of the table must have been called. */
int use_all(use_open open);

extern sluice_api use_api;
void use_note(size_t offset);
int use_fail(const char* file, int line, const char* what);

/* A function of the table; notes that it is called. */
#define API(name) (use_note(offsetof(sluice_api, name)), use_api.name)
#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) return use_fail(__FILE__, __LINE__, #condition); \
  } while (0)
/* That the call failed with that code, and that its error names `word`. */
#define CHECK_ERROR(call, wanted, word)                                                    \
  do {                                                                                     \
    memset(&error, 0, sizeof error);                                                       \
    error.size = sizeof error;                                                             \
    CHECK((call) == (wanted));                                                             \
    CHECK(error.code == (wanted));                                                         \
    if (strstr(error.text, word) == NULL) return use_fail(__FILE__, __LINE__, error.text); \
  } while (0)
#define VIEW(text) ((sluice_view){(text), strlen(text)})

/* ---- Sockets: loopback, blocking, with a deadline of 20 s each ---- */

#define USE_NONE UINT64_MAX
int64_t use_now_ms(void);
void use_pause(void); /* a millisecond, between two looks at something that another thread does */
/* A port at which nobody listens, and which nobody else is given until it is closed. */
uint64_t use_reserve(sluice_address* where);
uint64_t use_listen(sluice_address* where);
uint64_t use_connect(const sluice_address* where);
int use_readable(uint64_t socket, int milliseconds);
uint64_t use_accept(uint64_t listener);
int use_send(uint64_t socket, const void* data, size_t size);
/* 1: exactly these bytes came next. */
int use_receives(uint64_t socket, const char* wanted);
int use_receives_bytes(uint64_t socket, const void* wanted, size_t size); /* 256 at most */
/* 1: the stream ended, or was reset. */
int use_ended(uint64_t socket);
/* 1: who connects there is reset, or sees the stream end; a reset may come before its connect was
 * looked at, and is what that reports then. */
int use_refused(const sluice_address* where);
void use_close(uint64_t socket);

/* An engine of its own from one loopback listener to `origin`, with `options` set so far. */
int use_started(sluice_engine_options* options, const sluice_runtime_options* runtime,
                sluice_engine** engine, sluice_address* where);
uint64_t use_metric(sluice_engine* engine, const char* name);
/* 1: the counter came to be at least that. */
int use_counted(sluice_engine* engine, const char* name, uint64_t value);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_TESTS_CAPI_USE_H_ */

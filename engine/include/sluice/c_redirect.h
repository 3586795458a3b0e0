/* SPDX-License-Identifier: Apache-2.0
 *
 * Redirect platforms and context codecs of the C ABI, and the control codes for a program's own
 * sockets. Include sluice.h. redirect.h, codec.h and wfp.h tell more about the same names. */
#ifndef SLUICE_C_REDIRECT_H_
#define SLUICE_C_REDIRECT_H_

#include "sluice/c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Codecs: layouts of the bytes that a callout attaches for its own proxy ---- */

/* The three known layouts. */
enum {
  SLUICE_LAYOUT_SLUICE = 0,       /* destination, source and pid in 64 bytes */
  SLUICE_LAYOUT_SOCKADDR = 1,     /* one Windows socket address */
  SLUICE_LAYOUT_SOCKADDR_PAIR = 2 /* two 128-byte storages, remote and local */
};

/* A layout of the embedder's own. The struct is copied; `user` is borrowed. [worker], several at a
 * time. */
typedef struct sluice_codec {
  uint32_t size;
  uint32_t reserved;
  void* user;
  sluice_view name; /* in logs */
  /* 1: `bytes` are exactly one context of this layout; `origin`, empty before, is filled in. Its
   * process_path may point into `bytes`. 0: they are something else. No byte may be trusted. */
  int32_t (*decode)(void* user, const void* bytes, size_t size, sluice_origin* origin);
  /* Writes the bytes that a callout would attach and returns how many they are; 0: cannot be
   * expressed. When they are more than `capacity` nothing need be written, and it is called again
   * with that much. NULL: the codec only reads. */
  size_t (*encode)(void* user, const sluice_origin* origin, void* bytes, size_t capacity);
} sluice_codec;

/* ---- The embedder's own platform ---- */

typedef struct sluice_found sluice_found; /* takes the answer of one sluice_own_redirect.find */

/* The struct is copied; `user` is borrowed until the engine is destroyed. */
typedef struct sluice_own_redirect {
  uint32_t size;
  uint32_t reserved;
  void* user;
  /* [worker], several at a time, once for each connection; must not block. Calls found_set and
   * returns 1, or returns 0: not delivered by redirection, on_query_failure decides. */
  int32_t (*find)(void* user, const sluice_address* client, const sluice_address* local,
                  sluice_found* found);
} sluice_own_redirect;

/* ---- WFP: the kernel, or an emulated platform ---- */

typedef struct sluice_wfp_options {
  uint32_t size;
  uint32_t standard_codecs;          /* 1: the three known layouts are tried last; default 1 */
  const sluice_codec* const* codecs; /* tried in this order */
  size_t codecs_count;
  uint32_t records_first; /* 1..65536 bytes; default 4096 */
  uint32_t context_first; /* 1..65536 bytes; default 512 */
  /* Asked where a redirected connection without a context was going. NULL: a failed query. */
  const sluice_own_redirect* without_context;
} sluice_wfp_options;

/* ---- The control codes, for a program's own sockets (SOCKET as a number) ---- */

/* What an answer means, whatever number it came with. */
enum {
  SLUICE_WFP_OK = 0,
  SLUICE_WFP_ABSENT = 1,      /* not delivered by redirection; asking again never helps */
  SLUICE_WFP_DENIED = 2,      /* not elevated */
  SLUICE_WFP_UNSUPPORTED = 3, /* the provider lacks the code */
  SLUICE_WFP_GONE = 4,        /* peer or socket gone */
  SLUICE_WFP_REJECTED = 5,    /* the records were refused */
  SLUICE_WFP_FAILED = 6
};

#define SLUICE_WFP_NOT_SUPPORTED 10045u /* every wfp_ function's error on anything but Windows */
#define SLUICE_WFP_REPLY_MAX 65536u     /* no answer is larger */

/* Which control code. */
enum { SLUICE_WFP_QUERY_RECORDS = 0, SLUICE_WFP_QUERY_CONTEXT = 1, SLUICE_WFP_SET_RECORDS = 2 };

typedef struct sluice_routine sluice_routine; /* a control call that ends in an alertable wait */

/* On the thread that issued the call, inside routine_wait (or SleepEx and the like). May issue the
 * next one. */
typedef void (*sluice_routine_done)(void* user, uint32_t error, uint32_t bytes);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_C_REDIRECT_H_ */

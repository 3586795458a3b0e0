/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspectors of the C ABI, and readers of what they see. Include sluice.h. inspector.h, bytes.h,
 * verdict.h and pending.h tell more about the same names. */
#ifndef SLUICE_C_INSPECT_H_
#define SLUICE_C_INSPECT_H_

#include "sluice/c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sluice_flow sluice_flow; /* one connection, from its on_open to its on_end */
typedef struct sluice_open_call sluice_open_call; /* one call of on_open */
typedef struct sluice_data_call sluice_data_call; /* one call of on_data */
typedef struct sluice_bytes sluice_bytes;         /* a piece of a stream, in the engine's buffers */
typedef struct sluice_pending sluice_pending;     /* the token of one verdict that comes later */

/* verdict.h says what each means where. */
enum {
  SLUICE_PASS = 0,
  SLUICE_MORE = 1,
  SLUICE_REPLACE = 2,
  SLUICE_DROP = 3,
  SLUICE_DETACH = 4,
  SLUICE_CLOSE = 5,
  SLUICE_RESET = 6,
  SLUICE_PEND = 7
};

enum { SLUICE_UP = 0 /* from the client */, SLUICE_DOWN = 1 /* back */ };

/* Why nobody looks at a flow any more. */
enum { SLUICE_END_DETACHED = 0, SLUICE_END_ENDED = 1 };

/* An inspector. The struct is copied by engine_create; `user` is borrowed until the engine is
 * destroyed. [worker], several at a time, for one flow always on the same thread and never two at
 * once. They must not block and return a verdict (SLUICE_PASS, ...); any other number counts as
 * `bad_verdict` and gives the default verdict. */
typedef struct sluice_inspector {
  uint32_t size;
  uint32_t reserved;
  void* user;
  sluice_view name; /* in logs; empty: "inspector" */
  /* Once for each connection, before it is connected. NULL: SLUICE_PASS. */
  int32_t (*on_open)(void* user, sluice_flow* flow, sluice_open_call* call);
  /* What came since, behind what was kept; never empty. May be changed in place. */
  int32_t (*on_data)(void* user, sluice_flow* flow, int32_t direction, sluice_bytes* data,
                     sluice_data_call* call);
  /* Once for each on_open, when nobody looks any more (SLUICE_END_...). NULL: not told. */
  void (*on_end)(void* user, sluice_flow* flow, int32_t end);
} sluice_inspector;

typedef struct sluice_flow_info {
  uint32_t size;
  uint32_t listener; /* which one of its engine took it */
  uint64_t id;       /* unique in its runtime */
  sluice_address client;
  sluice_address destination;
} sluice_flow_info;

/* What is known before a connection is connected. Views are valid during the call. */
typedef struct sluice_open_info {
  uint32_t size;
  uint32_t pid;          /* the application's process; 0: unknown */
  sluice_address source; /* the application's end; empty: unknown */
  sluice_view process_path;
  sluice_view context;
  uint32_t redirected; /* 1: with records, a kernel callout brought it here */
  uint32_t reserved;
} sluice_open_info;

/* A verdict with what belongs to it. Views are copied. */
typedef struct sluice_answer {
  uint32_t size;
  int32_t verdict;
  sluice_view replacement; /* with SLUICE_REPLACE */
  sluice_view inject_up;   /* sent first, whatever the verdict */
  sluice_view inject_down;
  sluice_address
      destination; /* of an on_open only: where to go instead; empty: where it was going */
} sluice_answer;

/* A walk over the slices of sluice_bytes; all zero at the beginning. Fixed for ever. */
typedef struct sluice_position {
  const void* node;
  uint64_t begun;
} sluice_position;

/* Bytes that may be written to. Fixed for ever. */
typedef struct sluice_slice {
  void* data;
  size_t size;
} sluice_slice;

/* Bounds of an engine's inspector. */
typedef struct sluice_inspection_policy {
  uint32_t size;
  /* What holds when an inspector does not say: late, given up, too many. SLUICE_PASS, DROP, DETACH,
   * CLOSE or RESET. */
  int32_t default_verdict;
  uint32_t pending_max;           /* verdicts waited for on each worker; default 1024 */
  int32_t opens_exceeded;         /* SLUICE_DETACH, CLOSE or RESET, the default */
  int64_t pending_timeout;        /* default 5 s */
  uint64_t more_bytes_max;        /* 1 or more; default 65536 */
  int64_t more_timeout;           /* default 5 s */
  int64_t slow_after;             /* 0 or more; default 10 ms */
  uint64_t flow_bytes_per_second; /* of each flow in each direction; 0: no limit */
  uint64_t bytes_per_second;      /* of all flows that the inspector looks at; 0: no limit */
  uint64_t opens_per_second;      /* 0: all */
} sluice_inspection_policy;

/* ---- The tap: hears what connections carry, and cannot change or delay it ---- */

enum { SLUICE_TAP_OPEN = 0, SLUICE_TAP_DATA = 1, SLUICE_TAP_END = 2 };

/* tap.h says what holds of their order, and of what is missed. Valid during the call. */
typedef struct sluice_tap_record {
  uint32_t size;
  int32_t kind; /* SLUICE_TAP_... */
  uint64_t flow;
  int64_t time_ns; /* since 1970, UTC */
  /* Open. */
  sluice_address client;
  sluice_address destination;
  uint32_t listener;
  /* Data. */
  int32_t direction;
  uint64_t offset; /* in the stream of its direction */
  uint64_t missed; /* bytes right in front of these that were dropped */
  sluice_view bytes;
  /* End: received in all. */
  uint64_t bytes_up;
  uint64_t bytes_down;
} sluice_tap_record;

/* The struct is copied; `user` is borrowed until the engine is destroyed. */
typedef struct sluice_tap {
  uint32_t size;
  uint32_t reserved;
  void* user;
  sluice_view name; /* in logs; empty: "tap" */
  /* One thread of each engine, which may block; caller-driven in runtime_turn, and must not. */
  void (*on_record)(void* user, const sluice_tap_record* record);
} sluice_tap;

/* ---- Blocking inspectors: code that may block, on threads of its own ---- */

typedef struct sluice_blocking sluice_blocking; /* the threads, and what waits for one */
typedef struct sluice_reply sluice_reply;       /* takes what belongs to a verdict */

/* One connection as a handler knows it. */
typedef struct sluice_blocking_flow {
  uint32_t size;
  uint32_t listener;
  uint64_t id;
  sluice_address client;
  sluice_address destination;
  void* user; /* the handler's own, to write to: NULL at first */
} sluice_blocking_flow;

typedef struct sluice_blocking_data {
  uint32_t size;
  int32_t direction;
  sluice_view bytes;    /* a copy, valid during the call */
  uint32_t ended;       /* as data_ended */
  uint32_t must_decide; /* as data_must_decide */
} sluice_blocking_data;

/* The struct is copied; `user` is borrowed until blocking_destroy. Several threads at once, for one
 * flow one call after the other. They may block, and return a verdict; reply_set adds to it. */
typedef struct sluice_blocking_handler {
  uint32_t size;
  uint32_t reserved;
  void* user;
  sluice_view name; /* in logs; empty: "blocking inspector" */
  /* NULL: SLUICE_PASS. */
  int32_t (*on_open)(void* user, sluice_blocking_flow* flow, const sluice_open_info* open,
                     sluice_reply* reply);
  int32_t (*on_data)(void* user, sluice_blocking_flow* flow, const sluice_blocking_data* data,
                     sluice_reply* reply);
  /* NULL: not told. */
  void (*on_end)(void* user, sluice_blocking_flow* flow);
} sluice_blocking_handler;

typedef struct sluice_blocking_options {
  uint32_t size;
  int32_t threads;          /* 1..1024; default 4 */
  uint64_t queue_max;       /* calls that wait; 1 or more; default 1024 */
  uint64_t queue_bytes_max; /* copied for them; default 64 MiB */
  int32_t overload;         /* past either: SLUICE_PASS, DETACH, CLOSE or RESET, the default */
  uint32_t ask_open;        /* 0 or 1; default 1 */
  uint32_t look_up;         /* 0 or 1; default 1 */
  uint32_t look_down;       /* 0 or 1; default 1 */
  int64_t slow_after;       /* default 1 s */
} sluice_blocking_options;

typedef struct sluice_blocking_stats {
  uint32_t size;
  uint32_t reserved;
  uint64_t calls;
  uint64_t overloaded;
  uint64_t abandoned;
  uint64_t late;
  uint64_t threw;
  uint64_t bad_verdict;
  uint64_t slow;
  uint64_t bytes_copied;
  int64_t longest_ns;
  uint64_t waiting; /* now */
  uint64_t running; /* now */
  uint64_t flows;   /* now */
} sluice_blocking_stats;

/* ---- Readers ---- */

enum {
  SLUICE_READING_MORE = 0,      /* so far a beginning of it: ask again when there are more bytes */
  SLUICE_READING_FOUND = 1,     /* whole; the members are set */
  SLUICE_READING_OTHER = 2,     /* something else, and more bytes will not change that */
  SLUICE_READING_MALFORMED = 3, /* begins like it and breaks its rules */
  SLUICE_READING_TOO_LONG = 4
};

typedef struct sluice_client_hello {
  uint32_t size;
  uint32_t server_name_size; /* 0: none */
  uint32_t protocols_size;
  uint32_t protocols_cut; /* 1: some did not fit and were left out */
  char server_name[256];  /* lower case; ends with a zero byte */
  char protocols[256];    /* in the client's order, each behind a byte with its length */
} sluice_client_hello;

typedef struct sluice_http_request {
  uint32_t size;
  uint32_t method_size;
  uint32_t host_size; /* 0: none */
  uint32_t port;      /* 0: none given */
  char method[40];    /* ends with a zero byte */
  char host[256];     /* lower case, without port; ends with a zero byte */
} sluice_http_request;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_C_INSPECT_H_ */

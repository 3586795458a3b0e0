/* SPDX-License-Identifier: Apache-2.0
 *
 * Runtimes (workers) and engines (one proxy each) of the C ABI. Include sluice.h. What each member
 * means is told at length in runtime.h, hooks.h and engine.h, which have the same names. */
#ifndef SLUICE_C_RUNTIME_H_
#define SLUICE_C_RUNTIME_H_

#include "sluice/c_inspect.h"
#include "sluice/c_redirect.h"
#include "sluice/c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sluice_runtime sluice_runtime; /* workers that engines share */
typedef struct sluice_engine sluice_engine;   /* one proxy */
typedef struct sluice_metrics sluice_metrics; /* a snapshot of an engine's counters */
typedef struct sluice_process sluice_process; /* of an emulated platform, c_emulated.h */

/* ---- Log ---- */

enum {
  SLUICE_LOG_DEBUG = 0,
  SLUICE_LOG_INFO = 1, /* what is said unless log_set_level says otherwise */
  SLUICE_LOG_WARNING = 2,
  SLUICE_LOG_ERROR = 3
};

/* Any thread that the library runs on, several at a time. `line` has no newline and is valid during
 * the call. Must not block for long. */
typedef void (*sluice_log_sink)(void* user, int32_t level, const char* line, size_t size);

/* ---- Runtime ---- */

/* Each worker's. */
typedef struct sluice_worker_options {
  uint32_t size;
  uint32_t chunk_bytes;  /* 512 or more; default 16384 */
  uint32_t chunks_max;   /* 1 or more; default 4096: 64 MiB of receives */
  uint32_t queue_depth;  /* Linux: 1..32768; default 1024 */
  uint64_t handover_max; /* a power of two, 2 or more; default 4096 */
  int64_t stall_timeout; /* more than 0; default 10 s */
} sluice_worker_options;

/* Guards against rings of proxies. */
typedef struct sluice_loop_policy {
  uint32_t size;
  uint32_t hops_max;   /* 1 or more; default 32 */
  uint32_t growth_max; /* 1 or more; default 2048 */
  uint32_t reserved;
  int64_t window; /* default 1 s */
  int64_t rest;   /* default 1 s */
} sluice_loop_policy;

/* The processors of one worker. Fixed for ever. */
typedef struct sluice_processors {
  const int32_t* numbers;
  size_t count;
} sluice_processors;

typedef struct sluice_runtime_options {
  uint32_t size;
  int32_t workers;        /* 1..1024; default 1 */
  uint32_t caller_driven; /* 1: no thread is made, the caller calls runtime_turn; default 0 */
  uint32_t reserved;
  sluice_view thread_name;           /* default "sluice" */
  const sluice_processors* affinity; /* worker i keeps to affinity[i % affinity_count] */
  size_t affinity_count;             /* 0: any processor */
  /* On the worker's own thread, before it serves anything and when it serves nothing any more. */
  void (*thread_started)(void* user, int32_t worker);
  void (*thread_stopping)(void* user, int32_t worker);
  void* thread_user;
  /* Instead of the library's own allocations of what is large or many. Both or none. Any thread. */
  void* (*memory_allocate)(void* user, size_t bytes); /* NULL: there is none */
  void (*memory_free)(void* user, void* memory, size_t bytes);
  void* memory_user;
  /* Nanoseconds: positive, never less than before. Workers' threads. */
  int64_t (*clock_now)(void* user);
  void* clock_user;
  const sluice_loop_policy* loops;     /* NULL: defaults */
  const sluice_worker_options* worker; /* NULL: defaults */
  sluice_process* process;             /* borrowed; NULL: the kernel itself */
} sluice_runtime_options;

/* What the workers of a runtime hold now. All zero after every engine stopped. */
typedef struct sluice_live_counts {
  uint32_t size;
  uint32_t reserved;
  uint64_t flows;
  uint64_t sockets;
  uint64_t operations;
  uint64_t chunks;
  uint64_t buffers;
  uint64_t pooled;
  uint64_t timers;
  uint64_t verdicts;
} sluice_live_counts;

/* The most memory that a runtime and its engines can come to hold, in bytes. */
typedef struct sluice_memory_bound {
  uint32_t size;
  uint32_t reserved;
  uint64_t total;
  uint64_t workers;
  uint64_t flows;
  uint64_t queries;
  uint64_t guards;
  uint64_t listeners;
  uint64_t verdicts;
} sluice_memory_bound;

/* ---- Engine ---- */

/* How many flows at once, and how fast. 0: no limit. */
typedef struct sluice_flow_limits {
  uint32_t size;
  uint32_t reserved;
  uint64_t flows_max; /* an engine's: 1 or more; default 100000 (a listener's: 0) */
  uint64_t flows_per_source_max;
  uint64_t accepts_per_second;
  uint64_t accepts_burst;
} sluice_flow_limits;

typedef struct sluice_listener_options {
  uint32_t size;
  int32_t backlog;     /* 1..65535; default 1024 */
  int32_t accepts;     /* 1..65536; default 64 */
  uint32_t reuse_port; /* 0 or 1, Linux only */
  uint32_t dual_stack; /* 0 or 1: a v6 wildcard listener also takes v4 */
  uint32_t reserved;
  int64_t retry_first;   /* default 10 ms */
  int64_t retry_longest; /* default 1 s */
} sluice_listener_options;

enum { SLUICE_QUERY_FAILURE_CLOSE = 0, SLUICE_QUERY_FAILURE_DIRECT = 1 };
enum { SLUICE_CARRY_FAILURE_CLOSE = 0, SLUICE_CARRY_FAILURE_WITHOUT_RECORDS = 1 };

/* quiet_after: what costs least on this operating system. */
#define SLUICE_QUIET_BY_SYSTEM (-1)

/* Times may be SLUICE_FOREVER unless it says otherwise, and are more than 0 unless 0 is explained.
 */
typedef struct sluice_flow_policy {
  uint32_t size;
  uint32_t splice;                   /* 0 or 1; default 1 */
  int64_t query_timeout;             /* default 2 s */
  int64_t connect_timeout;           /* default 5 s */
  int64_t idle_timeout;              /* default 1 h */
  int64_t half_closed_timeout;       /* default 60 s */
  int64_t lifetime;                  /* 0: no limit, the default */
  int64_t reset_check_every;         /* default 250 ms */
  int64_t linger_timeout;            /* default 2 s */
  int64_t quiet_after;               /* 0..a day, or SLUICE_QUIET_BY_SYSTEM, the default */
  uint64_t queue_high;               /* bytes, 1024 or more; default 262144 */
  int32_t on_query_failure;          /* SLUICE_QUERY_FAILURE_... */
  int32_t on_carry_failure;          /* SLUICE_CARRY_FAILURE_... */
  sluice_address direct_destination; /* for SLUICE_QUERY_FAILURE_DIRECT; empty: none */
  /* When the kernel asks the peers of a connection that lasts whether they are there. Whole
   * seconds, 1 s to 9 h. */
  int64_t keepalive_idle;     /* default 5 min; 0: never */
  int64_t keepalive_interval; /* default 75 s */
} sluice_flow_policy;

/* Where connections go. */
enum {
  SLUICE_REDIRECT_NOWHERE = 0, /* the default; engine_create refuses it */
  SLUICE_REDIRECT_TO = 1,      /* `upstream` */
  SLUICE_REDIRECT_WFP = 2,     /* `wfp`: where the kernel, or the emulated platform, says */
  SLUICE_REDIRECT_OWN = 3      /* `own_redirect`: where the embedder says */
};

typedef struct sluice_engine_options {
  uint32_t size;
  int32_t redirect;             /* SLUICE_REDIRECT_... */
  sluice_view name;             /* in log lines; default "sluice" */
  const sluice_address* listen; /* at least one; TCP port 0: any */
  size_t listen_count;
  sluice_address upstream;
  const sluice_wfp_options* wfp; /* NULL: defaults */
  const sluice_own_redirect* own_redirect;
  const sluice_listener_options* listener; /* of each address; NULL: defaults */
  const sluice_flow_policy* policy;        /* NULL: defaults */
  const sluice_flow_limits* limits;        /* NULL: defaults */
  /* For each address of `listen`, beside the engine's own; NULL and those left out have none. */
  const sluice_flow_limits* const* listener_limits;
  size_t listener_limits_count;
  const sluice_address* sources;              /* local addresses of onward connections, in turn */
  size_t sources_count;                       /* 0: the operating system's choice */
  uint64_t buffered_max;                      /* payload bytes in queues; 0: no limit of its own */
  const sluice_inspector* inspector;          /* NULL: nobody looks */
  const sluice_inspection_policy* inspection; /* NULL: defaults */
  sluice_blocking* blocking; /* instead of `inspector`; borrowed, outlives the engine */
  const sluice_tap* tap;     /* NULL: nobody listens in */
  uint64_t tap_bytes_max;    /* of each worker; 4096 or more; default 1 MiB */
} sluice_engine_options;

/* The last event of an engine whose stop was begun: no callback of that engine comes after it. On a
 * thread of its own; caller-driven in a runtime_turn. May call anything but engine_destroy of that
 * engine. */
typedef void (*sluice_stopped)(void* user);

/* One counter. It only grows, but for those whose help says "largest". */
typedef struct sluice_metric {
  uint32_t size;
  uint32_t reserved;
  uint64_t value;
  sluice_view name; /* static: "accepted", "bytes_up", ... */
  sluice_view help; /* static: one line for people */
} sluice_metric;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_C_RUNTIME_H_ */

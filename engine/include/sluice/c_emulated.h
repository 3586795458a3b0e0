/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulated WFP platform of the C ABI: a machine with processes, vendors and callouts, on any
 * operating system. Include sluice.h. emulated.h, emulated_callout.h and emulated_knobs.h tell more
 * about the same names. */
#ifndef SLUICE_C_EMULATED_H_
#define SLUICE_C_EMULATED_H_

#include "sluice/c_redirect.h"
#include "sluice/c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sluice_platform sluice_platform; /* the machine */
typedef struct sluice_access sluice_access;     /* what a callout may ask while it classifies */
typedef struct sluice_trace sluice_trace;       /* a snapshot of what happened */

/* ---- Knobs: what is unknown about the redirect service, and faults to inject ---- */

enum {
  SLUICE_TOO_SMALL_BUFFER = 0,
  SLUICE_TOO_SMALL_122 = 1,
  SLUICE_TOO_SMALL_INVALID = 2,
  SLUICE_TOO_SMALL_OVERFLOW = 3
};
enum {
  SLUICE_ZERO_PROBE_AS_TOO_SMALL = 0,
  SLUICE_ZERO_PROBE_SUCCESS = 1,
  SLUICE_ZERO_PROBE_NOT_FOUND = 2
};
enum {
  SLUICE_ABSENT_NOT_FOUND = 0,
  SLUICE_ABSENT_FWP_NOT_FOUND = 1,
  SLUICE_ABSENT_SUCCESS_EMPTY = 2
};
enum {
  SLUICE_SET_AFTER_BIND_EFFECTIVE = 0,
  SLUICE_SET_AFTER_BIND_IGNORED = 1,
  SLUICE_SET_AFTER_BIND_INVALID = 2
};
enum {
  SLUICE_COMPLETION_INLINE = 0,
  SLUICE_COMPLETION_PEND = 1,
  SLUICE_COMPLETION_RANDOM = 2,
  SLUICE_COMPLETION_FAIL_AFTER_PEND = 3
};

/* knobs_init gives the values that follow the best evidence. Members without a note are 0 or 1. */
typedef struct sluice_knobs {
  uint32_t size;
  int32_t too_small;      /* SLUICE_TOO_SMALL_... */
  int32_t zero_probe;     /* SLUICE_ZERO_PROBE_... */
  int32_t absent_code;    /* SLUICE_ABSENT_... */
  int32_t set_after_bind; /* SLUICE_SET_AFTER_BIND_... */
  int32_t completion;     /* SLUICE_COMPLETION_... */
  uint32_t report_need;
  uint32_t tiny_is_too_small;
  uint32_t unconnected_is_invalid;
  uint32_t set_late_is_ignored;
  uint32_t set_empty_clears;
  uint32_t set_requires_admin;
  uint32_t query_requires_admin;
  uint32_t client_side_query;
  uint32_t deliver_inherited;
  uint32_t records_lost_on_retry;
  uint32_t lan_target_loses_records;
  uint32_t scramble;
  uint32_t backlog_default; /* what SOMAXCONN means */
  uint32_t fail_status;     /* NTSTATUS, for SLUICE_COMPLETION_FAIL_AFTER_PEND */
  uint32_t record_pad;      /* bytes a hop takes at least */
  uint32_t max_hops;        /* loop guard; 0: off */
  uint32_t redirect_budget; /* loop guard; 0: off */
  uint32_t reserved;
  double strip_tag; /* share of SYNs that lose their records, 0..1 */
  uint64_t seed;    /* of everything random here */
} sluice_knobs;

/* ---- The machine ---- */

typedef struct sluice_platform_options {
  uint32_t size;
  uint32_t manual_completion;            /* 1: pended controls wait for platform_complete_pended */
  const sluice_knobs* knobs;             /* NULL: defaults */
  uint64_t trace_capacity;               /* records kept; 0: no tracing, no cost */
  const sluice_address* local_addresses; /* of this machine besides loopback */
  size_t local_addresses_count;
} sluice_platform_options;

typedef struct sluice_process_options {
  uint32_t size;
  uint32_t pid;      /* default 4242 */
  uint32_t elevated; /* 0 or 1: may set records; default 1 */
  uint32_t proxy;    /* 0 or 1: counts towards redirect_budget; default 1 */
  sluice_view path;  /* default "proxy" */
} sluice_process_options;

/* ---- Callouts ---- */

/* FWPS_CONNECTION_REDIRECT_STATE. */
enum {
  SLUICE_STATE_NOT_REDIRECTED = 0,
  SLUICE_STATE_BY_SELF = 1,
  SLUICE_STATE_BY_OTHER = 2,
  SLUICE_STATE_PREVIOUSLY_BY_SELF = 3
};
enum {
  SLUICE_LAYER_CONNECT_REDIRECT_V4 = 0,
  SLUICE_LAYER_CONNECT_REDIRECT_V6 = 1,
  SLUICE_LAYER_AUTH_CONNECT_V4 = 2,
  SLUICE_LAYER_AUTH_CONNECT_V6 = 3
};
enum { SLUICE_ACTION_CONTINUE = 0, SLUICE_ACTION_PERMIT = 1, SLUICE_ACTION_BLOCK = 2 };

/* Fixed values and metadata of one classify. Valid during the call. */
typedef struct sluice_classify_values {
  uint32_t size;
  int32_t layer; /* SLUICE_LAYER_... */
  uint64_t filter;
  sluice_address local; /* may be empty: not bound yet */
  sluice_address remote;
  sluice_view path;
  uint32_t pid;
  uint32_t has_records; /* 1: the redirect-records metadata field is present */
  /* AUTH_CONNECT of a redirected connect only. */
  uint32_t redirected;
  uint32_t target_pid;
  sluice_address original_remote;
} sluice_classify_values;

/* FWPS_CONNECT_REQUEST0. `modifier` and `versions` are the platform's; access_apply does not read
 * them. */
typedef struct sluice_connect_request {
  uint32_t size;
  uint32_t target_pid;
  sluice_address local;
  sluice_address remote;
  uint64_t port_reservation_token;
  uint64_t handle;   /* a redirect handle; 0: none */
  uint64_t modifier; /* the filter whose callout wrote this version */
  uint32_t context;  /* of access_allocate_context; 0: none */
  uint32_t versions; /* earlier ones in this evaluation: access_version gives them */
} sluice_connect_request;

typedef struct sluice_classify_out {
  uint32_t size;
  int32_t action;       /* SLUICE_ACTION_... */
  uint32_t write_right; /* returned 0: the decision is hard */
  uint32_t reserved;
} sluice_classify_out;

/* Connecting threads, several at a time; must not call the platform. `values`, `access` and `out`
 * are valid during the call. */
typedef void (*sluice_classify)(void* user, const sluice_classify_values* values,
                                sluice_access* access, sluice_classify_out* out);
/* 1: the filter holds for this connect. As sluice_classify. */
typedef int32_t (*sluice_condition)(void* user, const sluice_classify_values* values);

typedef struct sluice_filter_options {
  uint32_t size;
  uint32_t at_auth;         /* 1: AUTH_CONNECT instead of CONNECT_REDIRECT */
  sluice_view name;         /* for traces; empty: not traced */
  uint32_t sublayer_weight; /* 0..65535; default 32768 */
  int32_t action;           /* when `classify` is NULL; default SLUICE_ACTION_PERMIT */
  uint64_t weight;
  void* user;                 /* of the two functions; borrowed as long as the platform */
  sluice_condition condition; /* NULL: every connect */
  sluice_classify classify;   /* NULL: `action` alone decides */
  uint64_t handle;            /* whose state the trace shows */
  uint32_t hard_permit;       /* 0 or 1 */
  uint32_t reserved;
} sluice_filter_options;

/* ---- Vendors: a callout and where its proxy listens ---- */

enum {
  SLUICE_PERSONALITY_COOPERATIVE = 0,
  SLUICE_PERSONALITY_GREEDY = 1,
  SLUICE_PERSONALITY_TRUSTING = 2,
  SLUICE_PERSONALITY_PER_FAMILY_HANDLE = 3,
  SLUICE_PERSONALITY_NO_APPLY = 4,
  SLUICE_PERSONALITY_HARD_PERMIT = 5,
  SLUICE_PERSONALITY_VETO = 6,
  SLUICE_PERSONALITY_ZERO_PID = 7,
  SLUICE_PERSONALITY_NULL_HANDLE = 8,
  SLUICE_PERSONALITY_REMOTE_ONLY = 9,
  SLUICE_PERSONALITY_NO_CONTEXT = 10,
  SLUICE_PERSONALITY_BIG_CONTEXT = 11,
  SLUICE_PERSONALITY_DOUBLE_FREE = 12
};

typedef struct sluice_vendor_options {
  uint32_t size;
  int32_t personality;      /* SLUICE_PERSONALITY_... */
  sluice_view name;         /* for traces: "A" */
  uint32_t sublayer_weight; /* 0..65535; default 32768 */
  uint32_t target_pid;      /* not 0; default 4242 */
  uint64_t filter_weight;
  const sluice_address* listeners; /* where its proxy listens already */
  size_t listeners_count;
  const sluice_address*
      destinations; /* what it redirects; none: every destination but vendors' listeners */
  size_t destinations_count;
  /* What it attaches: by `make_context`, else by `codec` (destination, source and pid of the
   * connect), else by one of the known layouts. */
  int32_t context; /* SLUICE_LAYOUT_... */
  uint32_t reserved;
  const sluice_codec* codec;
  /* Returns how many bytes the context has, at most `capacity`; it is called again with more when
   * it says more. 0: none. Connecting threads. */
  size_t (*make_context)(void* user, const sluice_classify_values* values, void* bytes,
                         size_t capacity);
  void* make_context_user;
} sluice_vendor_options;

/* ---- What happened ---- */

enum {
  SLUICE_FAULT_NOT_APPLIED = 0,
  SLUICE_FAULT_NOT_RELEASED = 1,
  SLUICE_FAULT_ACQUIRE_WITHOUT_RIGHT = 2,
  SLUICE_FAULT_PERMIT_WITHOUT_RIGHT = 3,
  SLUICE_FAULT_CONTEXT_DOUBLE_FREE = 4,
  SLUICE_FAULT_CONTEXT_LEAK = 5,
  SLUICE_FAULT_TOO_MANY_VERSIONS = 6,
  SLUICE_FAULT_MAX_HOPS = 7,
  SLUICE_FAULT_REDIRECT_BUDGET = 8
};

typedef struct sluice_statistics {
  uint32_t size;
  uint32_t reserved;
  uint64_t connects;
  uint64_t redirected;
  uint64_t remote_redirects;
  uint64_t blocked;
  uint64_t refused;
  uint64_t vetoes;
  uint64_t auth_passes;
  uint64_t delivered;
  uint64_t stripped;
  uint64_t foreign;
  uint64_t queries_records;
  uint64_t queries_context;
  uint64_t sets;
  uint64_t sets_failed;
  uint64_t pended;
  uint64_t faults[16]; /* by SLUICE_FAULT_... */
} sluice_statistics;

enum {
  SLUICE_TRACE_PERMIT = 0,
  SLUICE_TRACE_REDIRECT = 1,
  SLUICE_TRACE_LEAVE = 2,
  SLUICE_TRACE_BLOCK = 3,
  SLUICE_TRACE_CONTINUE = 4
};

/* What one vendor did with one connect. Fixed for ever. */
typedef struct sluice_trace_step {
  uint32_t vendor;
  uint16_t state;  /* SLUICE_STATE_... */
  uint16_t action; /* SLUICE_TRACE_... */
} sluice_trace_step;

/* One connect. */
typedef struct sluice_trace_record {
  uint32_t size;
  uint32_t hops; /* in the records it carried */
  uint64_t sequence;
  uint64_t application; /* sequence of the application's connect that this one stands for */
  uint32_t step_count;
  uint32_t steps_left_out;
  uint32_t hop_vendors[8]; /* whose hops, oldest first */
  sluice_trace_step steps[8];
  sluice_address source; /* empty if it never got one */
  sluice_address destination;
  sluice_address effective; /* where it was sent */
  uint32_t refused;         /* 1: blocked or refused */
  uint32_t reserved;
} sluice_trace_record;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_C_EMULATED_H_ */

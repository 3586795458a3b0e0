/* SPDX-License-Identifier: Apache-2.0
 *
 * The C ABI of Sluice: everything of the C++ API, for whom C is the common language. One function
 * is exported, sluice_open; it fills in a table of functions that only ever grows at its end.
 *
 *   sluice_api api = {sizeof api};
 *   if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK) ...
 *   sluice_engine_options options;
 *   api.engine_options_init(&options, sizeof options);
 *
 * tools/examples/minimal_proxy_c.c is a whole program. Conventions, for all of it:
 *
 * - Sizes. A struct that may grow begins with `size`, set by who makes it. Options are made by
 *   their _init function; an older program's shorter struct is given the defaults of what it
 *   lacks, and a newer program's longer one is refused when it asks for what this library does
 *   not know (is not zero there). Of a struct that the library fills in it writes as much as
 *   `size` says, and sets `size` to what it wrote. `reserved` members are 0.
 *
 * - Errors. What can fail returns SLUICE_OK or another number of c_types.h. On the control plane
 *   it takes a `sluice_error*` last (or NULL) and says there what was wrong, where, and what would
 *   be right. What failed has changed nothing, unless it says otherwise.
 *
 * - Ownership. What a function gives as `sluice_x**` is the caller's and goes back to x_destroy.
 *   Options, and what they point to, are copied and may go when the function returns; every
 *   `user`, and `process`, is borrowed. Other handles are valid as long as what they came from.
 *
 * - Text is UTF-8. Functions that write text into a buffer end it with a zero byte, cut it when it
 *   is too long, and return the length of the whole without that byte, as snprintf does. What is
 *   returned as `const char*` is static.
 *
 * - Callbacks get the `user` that was given with them, and must not throw. What a C++ program
 *   throws nevertheless ends at this border, as if the callback had said the least that it can: no
 *   origin, the default verdict, no opinion. Not so the hooks for threads, memory and the clock:
 *   there it ends the program. The library throws nothing.
 *
 * - Threads, said of each function:
 *     [any]      any thread at any time, also inside callbacks
 *     [control]  one thread at a time for each runtime with its engines, and not inside a callback
 *                (SLUICE_WRONG_THREAD; a sluice_stopped may); caller-driven: the one that turns
 *     [call]     inside the callback that was given the handle, on its thread
 *     [worker]   (of callbacks) on the workers' threads, several at a time; must not block
 *   A platform and what belongs to it are [any], but must not be called by a callout.
 *
 * - Handles are not checked, but for NULL: it is SLUICE_BAD_ARGUMENT where a result can be given,
 *   and otherwise nothing is done and 0 returned. */
#ifndef SLUICE_SLUICE_H_
#define SLUICE_SLUICE_H_

#include "sluice/c_emulated.h"
#include "sluice/c_inspect.h"
#include "sluice/c_redirect.h"
#include "sluice/c_runtime.h"
#include "sluice/c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* SLUICE_SHARED is for who uses sluice.dll, and spares the call a jump. The library itself names
 * its export in a .def file, because the same objects go into the static library. */
#if defined(_WIN32) && defined(SLUICE_SHARED)
#define SLUICE_EXPORT __declspec(dllimport)
#elif defined(__GNUC__)
#define SLUICE_EXPORT __attribute__((visibility("default")))
#else
#define SLUICE_EXPORT
#endif

/* Major version in the upper half, minor in the lower. A library serves every minor up to its own.
 */
#define SLUICE_API_VERSION 0x00000002u

/* `size` is set by the caller to what it was compiled with and by sluice_open to what was filled
 * in; a function beyond the latter does not exist in this library. */
typedef struct sluice_api {
  uint32_t size;    /* bytes */
  uint32_t version; /* SLUICE_API_VERSION of the library */

  /* ---- Version 0.1 ---- */

  /* [any] "0.1.0". */
  const char* (*version_text)(void);
  /* [any] "iocp", "io_uring" or "sim": the backend this library was linked with. */
  const char* (*backend_name)(void);

  /* ---- Version 0.2: results and addresses. All [any]. ---- */

  /* One line about a result; for other numbers "unknown result". */
  const char* (*result_text)(int32_t code);
  /* "127.0.0.1:80", "[::1]:80", ":80" (all of IPv4), "[fe80::1%3]:80". BAD_ARGUMENT says what is
   * wrong. */
  int32_t (*address_parse)(const char* text, size_t size, sluice_address* address,
                           sluice_error* error);
  /* Text that address_parse reads back; "" for what is no address. */
  size_t (*address_format)(const sluice_address* address, char* buffer, size_t capacity);
  /* `family` is SLUICE_FAMILY_V4 or _V6: BAD_ARGUMENT otherwise. */
  int32_t (*address_loopback)(int32_t family, uint16_t tcp_port, sluice_address* address,
                              sluice_error* error);
  int32_t (*address_wildcard)(int32_t family, uint16_t tcp_port, sluice_address* address,
                              sluice_error* error);
  /* ::ffff:a.b.c.d becomes a.b.c.d; anything else stays: two spellings, one key. `from` and `to`
   * may be the same. */
  int32_t (*address_canonical)(const sluice_address* from, sluice_address* to, sluice_error* error);
  /* SLUICE_ADDRESS_... bits. */
  uint32_t (*address_kind)(const sluice_address* address);

  /* ---- Log ---- */

  /* One sink for the process; NULL: stderr again. No other thread may be logging: before the first
   * runtime or after the last. */
  void (*log_set_sink)(sluice_log_sink sink, void* user);
  /* [any] Drops what is below. BAD_ARGUMENT: no level. */
  int32_t (*log_set_level)(int32_t level, sluice_error* error);
  /* [any] "debug", "info", "warning", "error"; "?" for other numbers. */
  const char* (*log_level_name)(int32_t level);

  /* ---- Runtimes ---- */

  /* [any] Defaults. `size` is sizeof of the caller's struct, as for every _init. */
  void (*worker_options_init)(sluice_worker_options* options, size_t size);
  void (*loop_policy_init)(sluice_loop_policy* policy, size_t size);
  void (*runtime_options_init)(sluice_runtime_options* options, size_t size);
  /* [control] Starts the workers. `options` NULL: defaults. BAD_ARGUMENT, NO_MEMORY, SYSTEM. */
  int32_t (*runtime_create)(const sluice_runtime_options* options, sluice_runtime** runtime,
                            sluice_error* error);
  /* [control] NULL is nothing. BAD_STATE: an engine on it exists. */
  int32_t (*runtime_destroy)(sluice_runtime* runtime, sluice_error* error);
  /* [any] */
  size_t (*runtime_workers)(const sluice_runtime* runtime);
  int32_t (*runtime_caller_driven)(const sluice_runtime* runtime);
  /* [control] Caller-driven only (else BAD_STATE): does what there is to do,
   * and sleeps until there is something, for `wait_max` at most. *done (may be NULL): 0 when
   * nothing was done. */
  int32_t (*runtime_turn)(sluice_runtime* runtime, int64_t wait_max, int32_t* done,
                          sluice_error* error);
  /* [control] Caller-driven only (else BAD_STATE): after how long runtime_turn has something to do
   * if no outcome comes; SLUICE_FOREVER when nothing is timed. */
  int32_t (*runtime_time_to_turn)(const sluice_runtime* runtime, int64_t* time,
                                  sluice_error* error);
  /* [any] Ends a turn that sleeps, or the sleep of the next one. */
  void (*runtime_wake)(sluice_runtime* runtime);
  /* [control] */
  int32_t (*runtime_live)(sluice_runtime* runtime, sluice_live_counts* live, sluice_error* error);
  /* [control] Of it and the engines that exist now. */
  int32_t (*runtime_memory_bound)(const sluice_runtime* runtime, sluice_memory_bound* bound,
                                  sluice_error* error);
  /* [any] "at most 423 MiB: workers 68 MiB, ..." */
  size_t (*memory_bound_text)(const sluice_memory_bound* bound, char* buffer, size_t capacity);

  /* ---- Engines ---- */

  /* [any] */
  void (*listener_options_init)(sluice_listener_options* options, size_t size);
  void (*flow_policy_init)(sluice_flow_policy* policy, size_t size);
  void (*flow_limits_init)(sluice_flow_limits* limits,
                           size_t size); /* an engine's: flows_max is 100000 */
  void (*inspection_policy_init)(sluice_inspection_policy* policy, size_t size);
  void (*wfp_options_init)(sluice_wfp_options* options, size_t size);
  void (*engine_options_init)(sluice_engine_options* options, size_t size);
  /* [control] With workers of its own; `runtime` NULL: defaults. BAD_ARGUMENT, NO_MEMORY, SYSTEM.
   */
  int32_t (*engine_create)(const sluice_engine_options* options,
                           const sluice_runtime_options* runtime, sluice_engine** engine,
                           sluice_error* error);
  /* [control] On the workers of `runtime`, which outlives it. */
  int32_t (*engine_create_on)(sluice_runtime* runtime, const sluice_engine_options* options,
                              sluice_engine** engine, sluice_error* error);
  /* [control] Stops at once if it still runs, and waits for a stop that was begun; no callback of
   * this engine comes after it. NULL is nothing. WRONG_THREAD: in its sluice_stopped. */
  int32_t (*engine_destroy)(sluice_engine* engine, sluice_error* error);
  /* [control] Listens and accepts. SYSTEM names the address that could not be listened on; the
   * engine is then good for engine_destroy only. BAD_STATE: the second time. */
  int32_t (*engine_start)(sluice_engine* engine, sluice_error* error);
  /* [control] The real addresses, in the order of the options; 0 before engine_start. */
  size_t (*engine_address_count)(const sluice_engine* engine);
  int32_t (*engine_address)(const sluice_engine* engine, size_t index, sluice_address* address,
                            sluice_error* error);
  /* [control] Stops listening, waits up to `drain` for flows to end, resets the rest, waits until
   * all is given back. Caller-driven it runs the turns that this takes. Again: waits for the same.
   * BAD_STATE: not started. */
  int32_t (*engine_stop)(sluice_engine* engine, int64_t drain, sluice_error* error);
  /* [control] The same without waiting: `stopped` comes once, last. BAD_STATE: not started, or
   * stopped before. */
  int32_t (*engine_begin_stop)(sluice_engine* engine, int64_t drain, sluice_stopped stopped,
                               void* user, sluice_error* error);
  /* [any] Makes a stop that is draining end its flows now. */
  void (*engine_hurry_stop)(sluice_engine* engine);
  /* [any] Its workers; the engine's if it has its own, and then not to be destroyed. */
  sluice_runtime* (*engine_runtime)(sluice_engine* engine);
  /* [any] */
  uint64_t (*engine_flows)(const sluice_engine* engine);
  /* [any] A snapshot of all counters; metrics_destroy. */
  int32_t (*engine_metrics)(const sluice_engine* engine, sluice_metrics** metrics,
                            sluice_error* error);
  size_t (*metrics_count)(const sluice_metrics* metrics);
  /* NOT_FOUND: index is not below metrics_count. */
  int32_t (*metrics_get)(const sluice_metrics* metrics, size_t index, sluice_metric* metric,
                         sluice_error* error);
  /* NOT_FOUND: no counter is called so; *value is then 0. */
  int32_t (*metrics_find)(const sluice_metrics* metrics, const char* name, size_t size,
                          uint64_t* value, sluice_error* error);
  void (*metrics_destroy)(sluice_metrics* metrics);

  /* ---- Redirection ---- */

  /* [call] In sluice_own_redirect.find: `origin` is copied; the last one holds. BAD_ARGUMENT: no
   * destination in it. */
  int32_t (*found_set)(sluice_found* found, const sluice_origin* origin);
  /* [any] One of the known layouts (SLUICE_LAYOUT_...). *origin is filled in; its process_path
   * points into `bytes`. NOT_FOUND: the bytes are something else. */
  int32_t (*context_decode)(int32_t layout, const void* bytes, size_t size, sluice_origin* origin,
                            sluice_error* error);
  /* [any] Writes at most `capacity` bytes; *size (may be NULL) is what the whole takes. NO_ROOM:
   * more than `capacity`, nothing written. BAD_ARGUMENT: the layout cannot express it. */
  int32_t (*context_encode)(int32_t layout, const sluice_origin* origin, void* bytes,
                            size_t capacity, size_t* size, sluice_error* error);

  /* The control codes on a program's own sockets, behind which is the kernel or an emulated
   * platform. They block; [any], several at a time. Results are Winsock's numbers, 0: done;
   * SLUICE_WFP_NOT_SUPPORTED on anything but Windows. */
  uint32_t (*wfp_query_records)(uint64_t accepted, void* out, uint32_t size, uint32_t* bytes);
  uint32_t (*wfp_query_context)(uint64_t accepted, void* out, uint32_t size, uint32_t* bytes);
  uint32_t (*wfp_set_records)(uint64_t onward, const void* records, uint32_t size);
  /* The same with a meaning (SLUICE_WFP_...). An answer of more than `capacity` bytes is
   * SLUICE_WFP_FAILED and says in *bytes what it takes: at most SLUICE_WFP_REPLY_MAX. *error (may
   * be NULL) is the last number. */
  int32_t (*wfp_read_records)(uint64_t accepted, void* out, size_t capacity, size_t* bytes,
                              uint32_t* error);
  int32_t (*wfp_read_context)(uint64_t accepted, void* out, size_t capacity, size_t* bytes,
                              uint32_t* error);
  int32_t (*wfp_carry_records)(uint64_t onward, const void* records, size_t size);
  const char* (*wfp_verdict_text)(int32_t verdict);
  /* The base provider's handle; *base is `socket` when it fails. */
  uint32_t (*wfp_base_socket)(uint64_t socket, uint64_t* base);
  /* Control calls that end in an alertable wait of the thread that issues them, one at a time. All
   * but routine_create and routine_wait on that thread. */
  int32_t (*routine_create)(sluice_routine_done done, void* user, sluice_routine** routine,
                            sluice_error* error);
  /* BAD_STATE: a call is under way; the kernel still writes into it. */
  int32_t (*routine_destroy)(sluice_routine* routine, sluice_error* error);
  /* `code` is SLUICE_WFP_QUERY_RECORDS, ...; `buffer` belongs to the call until `done`. *result is
   * 0: `done` comes, once. Otherwise a Winsock number, and it never comes. BAD_STATE: a call is
   * under way. */
  int32_t (*routine_issue)(sluice_routine* routine, int32_t code, uint64_t socket, void* buffer,
                           uint32_t size, uint32_t* result, sluice_error* error);
  void (*routine_cancel)(sluice_routine* routine);
  int32_t (*routine_idle)(const sluice_routine* routine);
  /* Runs `done` of calls of this thread that have ended. 1: something ran; 0: not in that time. */
  int32_t (*routine_wait)(uint32_t milliseconds);

  /* ---- Inspection. All [call], but pending_... ---- */

  int32_t (*flow_info)(const sluice_flow* flow, sluice_flow_info* info);
  /* The inspector's own pointer of that flow: NULL at first. */
  void* (*flow_user)(const sluice_flow* flow);
  void (*flow_set_user)(sluice_flow* flow, void* user);
  /* Bytes a second from now on, whatever the policy says; 0: no limit. */
  void (*flow_set_rates)(sluice_flow* flow, uint64_t up, uint64_t down);
  int32_t (*open_info)(const sluice_open_call* call, sluice_open_info* info);
  /* Which directions on_data is asked about; both unless said otherwise. */
  void (*open_look)(sluice_open_call* call, int32_t up, int32_t down);
  /* Connect there instead. BAD_ARGUMENT: no address with a TCP port. */
  int32_t (*open_set_destination)(sluice_open_call* call, const sluice_address* destination);
  /* The token, once; then return SLUICE_PEND. NULL the second time, and when too many wait already.
   */
  sluice_pending* (*open_take_later)(sluice_open_call* call);
  /* 1: the stream ends behind these bytes. */
  int32_t (*data_ended)(const sluice_data_call* call);
  /* 1: nothing more will be waited for. */
  int32_t (*data_must_decide)(const sluice_data_call* call);
  /* The last `count` bytes stay and come again with what follows. BAD_ARGUMENT: more than there
   * are. */
  int32_t (*data_keep)(sluice_data_call* call, size_t count);
  /* What SLUICE_REPLACE sends; empty at first. */
  sluice_bytes* (*data_replacement)(sluice_data_call* call);
  /* Sends a copy in front of what this verdict sends there. NO_ROOM: nothing was injected. */
  int32_t (*data_inject)(sluice_data_call* call, int32_t direction, const void* bytes, size_t size);
  sluice_pending* (*data_take_later)(sluice_data_call* call); /* as open_take_later */

  size_t (*bytes_size)(const sluice_bytes* bytes);
  /* The next slice; 0 at the end. It may be written to. Changing the number of bytes ends the walk.
   */
  int32_t (*bytes_next)(sluice_bytes* bytes, sluice_position* position, sluice_slice* slice);
  /* Copies up to `count` bytes from `offset` on; returns how many. */
  size_t (*bytes_copy_out)(const sluice_bytes* bytes, size_t offset, void* out, size_t count);
  /* Adds bytes of `from`, shared, at the end of `to`. Both of the same call. NO_ROOM; BAD_ARGUMENT:
   * out of range, or itself. */
  int32_t (*bytes_append)(sluice_bytes* to, const sluice_bytes* from, size_t offset, size_t count);
  /* Adds a copy. NO_ROOM. */
  int32_t (*bytes_append_copy)(sluice_bytes* bytes, const void* data, size_t size);
  /* BAD_ARGUMENT: more than there are. */
  int32_t (*bytes_remove_prefix)(sluice_bytes* bytes, size_t count);
  void (*bytes_clear)(sluice_bytes* bytes);

  /* [any] Each of the three uses the token up, unless it returns BAD_ARGUMENT; a token not used up
   * leaks, and its flow waits for the deadline. It may outlive its engine. GONE: nobody waits any
   * more. */
  int32_t (*pending_resolve)(sluice_pending* pending, int32_t verdict);
  int32_t (*pending_answer)(sluice_pending* pending, const sluice_answer* answer);
  /* Unanswered: the default verdict, at once. NULL is nothing. */
  void (*pending_drop)(sluice_pending* pending);

  /* SLUICE_READING_...; the members are set exactly with FOUND. -1: `size` of the struct is too
   * small. */
  int32_t (*read_client_hello)(const sluice_bytes* bytes, sluice_client_hello* hello);
  /* [any] 1: the client offers that protocol, e.g. "h2". */
  int32_t (*client_hello_offers)(const sluice_client_hello* hello, const char* protocol,
                                 size_t size);
  int32_t (*read_http_request)(const sluice_bytes* bytes, sluice_http_request* request);

  /* ---- Blocking inspectors ---- */

  void (*blocking_options_init)(sluice_blocking_options* options, size_t size);
  /* [control] Starts the threads. `options` NULL: defaults. It may serve several engines. */
  int32_t (*blocking_create)(const sluice_blocking_handler* handler,
                             const sluice_blocking_options* options, sluice_blocking** blocking,
                             sluice_error* error);
  /* [control] Gives up what waits, and waits for the calls under way; from here on engines get the
   * overload verdict. Again: nothing. */
  int32_t (*blocking_stop)(sluice_blocking* blocking, sluice_error* error);
  /* [control] Stops. BAD_STATE: an engine that it inspects for exists. NULL is nothing. */
  int32_t (*blocking_destroy)(sluice_blocking* blocking, sluice_error* error);
  /* [any] */
  int32_t (*blocking_stats)(const sluice_blocking* blocking, sluice_blocking_stats* stats,
                            sluice_error* error);
  /* [call] What belongs to the verdict that the handler will return: replacement, bytes to inject,
   * destination. Copied; its `verdict` is ignored; the last one holds. */
  int32_t (*reply_set)(sluice_reply* reply, const sluice_answer* answer);

  /* ---- The emulated platform. All [any]. ---- */

  void (*knobs_init)(sluice_knobs* knobs, size_t size);
  void (*platform_options_init)(sluice_platform_options* options, size_t size);
  void (*process_options_init)(sluice_process_options* options, size_t size);
  void (*vendor_options_init)(sluice_vendor_options* options, size_t size);
  void (*filter_options_init)(sluice_filter_options* options, size_t size);
  /* `options` NULL: defaults. BAD_ARGUMENT, NO_MEMORY. */
  int32_t (*platform_create)(const sluice_platform_options* options, sluice_platform** platform,
                             sluice_error* error);
  /* BAD_STATE: a runtime lives on it. NULL is nothing. */
  int32_t (*platform_destroy)(sluice_platform* platform, sluice_error* error);
  /* The default process, for sluice_runtime_options.process. */
  sluice_process* (*platform_process)(sluice_platform* platform);
  /* The platform's, until it is destroyed. */
  int32_t (*platform_add_process)(sluice_platform* platform, const sluice_process_options* options,
                                  sluice_process** process, sluice_error* error);
  int32_t (*platform_add_vendor)(sluice_platform* platform, const sluice_vendor_options* options,
                                 uint32_t* vendor, sluice_error* error);
  void (*platform_remove_vendor)(sluice_platform* platform, uint32_t vendor);
  /* Redirect handles, for callouts of the embedder's own. Never reused. */
  uint64_t (*platform_create_handle)(sluice_platform* platform);
  void (*platform_destroy_handle)(sluice_platform* platform, uint64_t handle);
  int32_t (*platform_add_filter)(sluice_platform* platform, const sluice_filter_options* options,
                                 uint64_t* filter, sluice_error* error);
  void (*platform_remove_filter)(sluice_platform* platform, uint64_t filter);
  /* Who connects straight to `listener` counts as an application on its way to `destination`. */
  int32_t (*platform_adopt_foreign)(sluice_platform* platform, const sluice_address* listener,
                                    const sluice_address* destination, sluice_error* error);
  int32_t (*platform_forget_foreign)(sluice_platform* platform, const sluice_address* listener,
                                     sluice_error* error);
  int32_t (*platform_knobs)(const sluice_platform* platform, sluice_knobs* knobs,
                            sluice_error* error);
  int32_t (*platform_set_knobs)(sluice_platform* platform, const sluice_knobs* knobs,
                                sluice_error* error);
  /* Ends up to `limit` pended controls now, oldest first; returns how many. For manual_completion.
   */
  size_t (*platform_complete_pended)(sluice_platform* platform, size_t limit);
  size_t (*platform_pended)(const sluice_platform* platform);
  int32_t (*platform_statistics)(const sluice_platform* platform, sluice_statistics* statistics,
                                 sluice_error* error);
  const char* (*fault_text)(int32_t fault);
  /* Forgets what loop guards have counted. */
  void (*platform_reset_guards)(sluice_platform* platform);
  /* A snapshot, oldest first; trace_destroy. */
  int32_t (*platform_trace)(const sluice_platform* platform, sluice_trace** trace,
                            sluice_error* error);
  size_t (*trace_count)(const sluice_trace* trace);
  /* NOT_FOUND: index is not below trace_count. */
  int32_t (*trace_get)(const sluice_trace* trace, size_t index, sluice_trace_record* record,
                       sluice_error* error);
  void (*trace_destroy)(sluice_trace* trace);
  /* One line for each connect. */
  size_t (*platform_trace_text)(const sluice_platform* platform, char* buffer, size_t capacity);
  void (*platform_clear_trace)(sluice_platform* platform);

  /* [call] In a sluice_classify. The connect's records as `handle` sees them: SLUICE_STATE_...; -1:
   * no such call. *size (may be NULL) is the size of the context of the newest hop made by
   * `handle`, of which up to `capacity` bytes are copied. */
  int32_t (*access_query_state)(sluice_access* access, uint64_t handle, void* context,
                                size_t capacity, size_t* size);
  /* Classify handle and writable layer data. Sets the action to BLOCK and takes the write right:
   * the callout sets both as it wants them. BAD_STATE: no write right, an auth layer, or acquired
   * already. */
  int32_t (*access_acquire)(sluice_access* access, sluice_connect_request* request);
  /* An earlier version in this evaluation: 1 is the one before. NOT_FOUND. BAD_STATE: not acquired.
   */
  int32_t (*access_version)(sluice_access* access, uint32_t back, sluice_connect_request* request);
  /* Commits `request` (NULL: unchanged); always, also if nothing was written. A context in it
   * belongs to the platform from here on. BAD_STATE: not acquired. BAD_ARGUMENT: an address that is
   * none. */
  int32_t (*access_apply)(sluice_access* access, const sluice_connect_request* request);
  void (*access_release)(sluice_access* access);
  uint32_t (*access_allocate_context)(sluice_access* access, const void* bytes, size_t size);
  void (*access_free_context)(sluice_access* access,
                              uint32_t context); /* only what was not applied */

  /* ---- More of inspection ---- */

  /* [call] How many bytes data_keep may keep; 0 when nothing follows. */
  size_t (*data_keep_max)(const sluice_data_call* call);
} sluice_api;

/* [any] BAD_VERSION: another major version, or a minor one that this library does not know.
 * BAD_ARGUMENT: NULL, or `size` smaller than its first two members. REQUIRES: api->size is set. */
SLUICE_EXPORT int32_t sluice_open(uint32_t version, sluice_api* api);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_SLUICE_H_ */

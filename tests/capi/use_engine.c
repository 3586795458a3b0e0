/* SPDX-License-Identifier: Apache-2.0
 *
 * Runtimes with their hooks, engines, counters, and turns that the caller makes. */
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/capi/use.h"

static const int64_t kSecond = 1000000000;

static atomic_int started, stopping, allocated;
static atomic_llong ticks;

static void on_started(void* user, int32_t worker) {
  if (user == &started && worker >= 0) ++started;
}
static void on_stopping(void* user, int32_t worker) {
  if (user == &started && worker >= 0) ++stopping;
}
static void* on_allocate(void* user, size_t bytes) {
  if (user == &allocated) ++allocated;
  return malloc(bytes);
}
static void on_free(void* user, void* memory, size_t bytes) {
  (void)user;
  (void)bytes;
  free(memory);
}
static int64_t on_now(void* user) {
  (void)user;
  ++ticks;
  return use_now_ms() * 1000000 + 1;
}

int use_runtime(void) {
  sluice_error error = {.size = sizeof error};
  sluice_runtime_options options;
  sluice_worker_options worker;
  sluice_loop_policy loops;
  sluice_runtime* runtime = NULL;
  sluice_live_counts live = {.size = sizeof live};
  sluice_memory_bound bound = {.size = sizeof bound};
  char text[256];
  int64_t time = 0;
  const int32_t first[] = {0};
  const sluice_processors affinity[] = {{first, 1}};

  API(runtime_options_init)(&options, sizeof options);
  API(worker_options_init)(&worker, sizeof worker);
  API(loop_policy_init)(&loops, sizeof loops);
  CHECK(worker.chunk_bytes == 16384 && loops.hops_max == 32);
  worker.chunks_max = 64;
  options.workers = 2;
  options.thread_name = VIEW("c11");
  options.affinity = affinity;
  options.affinity_count = 1;
  options.thread_started = on_started;
  options.thread_stopping = on_stopping;
  options.thread_user = &started;
  options.memory_allocate = on_allocate;
  options.memory_free = on_free;
  options.memory_user = &allocated;
  options.clock_now = on_now;
  options.worker = &worker;
  options.loops = &loops;
  started = stopping = allocated = 0;
  CHECK(API(runtime_create)(&options, &runtime, &error) == SLUICE_OK);
  CHECK(started == 2 && allocated > 0 && ticks > 0);
  CHECK(API(runtime_workers)(runtime) == 2);
  CHECK(API(runtime_caller_driven)(runtime) == 0);
  API(runtime_wake)(runtime);
  CHECK(API(runtime_live)(runtime, &live, &error) == SLUICE_OK);
  CHECK(live.flows == 0 && live.sockets == 0 && live.timers == 0);
  CHECK(API(runtime_memory_bound)(runtime, &bound, &error) == SLUICE_OK);
  CHECK(bound.total >= bound.workers && bound.workers >= 2 * 64 * 16384);
  CHECK(API(memory_bound_text)(&bound, text, sizeof text) > 0);
  CHECK(strncmp(text, "at most ", 8) == 0);
  CHECK_ERROR(API(runtime_turn)(runtime, 0, NULL, &error), SLUICE_BAD_STATE, "caller_driven");
  CHECK_ERROR(API(runtime_time_to_turn)(runtime, &time, &error), SLUICE_BAD_STATE, "threads");
  CHECK(API(runtime_destroy)(runtime, &error) == SLUICE_OK);
  CHECK(stopping == 2);
  CHECK(API(runtime_destroy)(NULL, &error) == SLUICE_OK);

  options.memory_free = NULL;
  CHECK_ERROR(API(runtime_create)(&options, &runtime, &error), SLUICE_BAD_ARGUMENT, "memory");
  options.memory_free = on_free;
  worker.chunk_bytes = 1;
  CHECK_ERROR(API(runtime_create)(&options, &runtime, &error), SLUICE_BAD_ARGUMENT,
              "worker.chunk_bytes");
  worker.chunk_bytes = 512;
  worker.size = 1;
  CHECK_ERROR(API(runtime_create)(&options, &runtime, &error), SLUICE_BAD_ARGUMENT, "worker.size");
  return 0;
}

static int use_metrics(sluice_engine* engine) {
  sluice_error error = {.size = sizeof error};
  sluice_metrics* metrics = NULL;
  sluice_metric metric = {.size = sizeof metric};
  uint64_t value = 7;
  CHECK(API(engine_metrics)(engine, &metrics, &error) == SLUICE_OK);
  const size_t count = API(metrics_count)(metrics);
  CHECK(count > 20);
  int seen = 0;
  for (size_t i = 0; i < count; ++i) {
    CHECK(API(metrics_get)(metrics, i, &metric, &error) == SLUICE_OK);
    CHECK(metric.name.size > 0 && metric.help.size > 0);
    if (metric.name.size == 8 && memcmp(metric.name.data, "accepted", 8) == 0) {
      seen = metric.value == 1;
    }
  }
  CHECK(seen);
  CHECK_ERROR(API(metrics_get)(metrics, count, &metric, &error), SLUICE_NOT_FOUND, "index");
  CHECK(API(metrics_find)(metrics, "accepted", 8, &value, &error) == SLUICE_OK && value == 1);
  CHECK_ERROR(API(metrics_find)(metrics, "nonsense", 8, &value, &error), SLUICE_NOT_FOUND,
              "nonsense");
  CHECK(value == 0);
  API(metrics_destroy)(metrics);
  return 0;
}

static int use_flow(sluice_engine* engine, const sluice_address* where, uint64_t origin) {
  const uint64_t client = use_connect(where);
  const uint64_t server = use_accept(origin);
  CHECK(client != USE_NONE && server != USE_NONE);
  CHECK(use_send(client, "there", 5) && use_receives(server, "there"));
  CHECK(use_send(server, "back", 4) && use_receives(client, "back"));
  CHECK(API(engine_flows)(engine) == 1);
  if (use_metrics(engine) != 0) return 1;
  use_close(client);
  use_close(server);
  return 0;
}

/* What is wrong is named by its place. */
static int use_bad_engines(sluice_runtime* runtime, sluice_engine_options* options) {
  sluice_error error = {.size = sizeof error};
  sluice_engine* engine = NULL;
  sluice_flow_policy policy;
  sluice_address listen[2];
  const sluice_address* const right = options->listen;
  memcpy(listen, right, sizeof *right);
  memset(&listen[1], 0, sizeof listen[1]);
  listen[1].family = 9;
  options->listen = listen;
  options->listen_count = 2;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "listen[1]: family 9");
  options->listen = right;
  options->listen_count = 1;
  API(flow_policy_init)(&policy, sizeof policy);
  CHECK(policy.quiet_after == SLUICE_QUIET_BY_SYSTEM && policy.splice == 1);
  policy.idle_timeout = 0;
  options->policy = &policy;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "policy.idle_timeout");
  policy.idle_timeout = SLUICE_FOREVER;
  CHECK(policy.keepalive_idle == 300 * kSecond && policy.keepalive_interval == 75 * kSecond);
  policy.keepalive_idle = 1;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "policy.keepalive_idle");
  policy.keepalive_idle = 0;
  policy.keepalive_interval = 1;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "policy.keepalive_interval");
  policy.keepalive_interval = kSecond;
  policy.on_query_failure = 9;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "policy.on_query_failure: 9");
  options->policy = NULL;
  options->redirect = SLUICE_REDIRECT_NOWHERE;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "redirect");
  options->redirect = SLUICE_REDIRECT_OWN;
  CHECK_ERROR(API(engine_create_on)(runtime, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "own_redirect");
  options->redirect = SLUICE_REDIRECT_TO;
  CHECK_ERROR(API(engine_create_on)(NULL, options, &engine, &error), SLUICE_BAD_ARGUMENT,
              "runtime");
  CHECK(engine == NULL);
  return 0;
}

int use_engine(void) {
  sluice_error error = {.size = sizeof error};
  sluice_engine_options options;
  sluice_listener_options listener;
  sluice_flow_limits limits;
  sluice_flow_limits one;
  const sluice_flow_limits* const each[] = {&one};
  sluice_inspection_policy inspection;
  sluice_runtime* runtime = NULL;
  sluice_engine* engine = NULL;
  sluice_engine* second = NULL;
  sluice_address where;
  sluice_address listen;

  API(engine_options_init)(&options, sizeof options);
  API(listener_options_init)(&listener, sizeof listener);
  API(flow_limits_init)(&limits, sizeof limits);
  API(inspection_policy_init)(&inspection, sizeof inspection);
  CHECK(limits.flows_max == 100000 && inspection.default_verdict == SLUICE_RESET);
  API(flow_limits_init)(&one, sizeof one);
  one.flows_max = 10;
  listener.backlog = 16;
  options.name = VIEW("c11");
  options.redirect = SLUICE_REDIRECT_TO;
  options.listener = &listener;
  options.limits = &limits;
  options.listener_limits = each;
  options.listener_limits_count = 1;
  options.inspection = &inspection;
  const uint64_t origin = use_listen(&options.upstream);
  CHECK(origin != USE_NONE);
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 0, &listen, &error) == SLUICE_OK);
  options.listen = &listen;
  options.listen_count = 1;
  CHECK(API(runtime_create)(NULL, &runtime, &error) == SLUICE_OK);
  if (use_bad_engines(runtime, &options) != 0) return 1;
  CHECK(API(engine_create_on)(runtime, &options, &engine, &error) == SLUICE_OK);
  CHECK(API(engine_runtime)(engine) == runtime);
  CHECK_ERROR(API(engine_stop)(engine, 0, &error), SLUICE_BAD_STATE, "engine_start");
  CHECK(API(engine_start)(engine, &error) == SLUICE_OK);
  CHECK_ERROR(API(engine_start)(engine, &error), SLUICE_BAD_STATE, "only once");
  CHECK(API(engine_address)(engine, 0, &where, &error) == SLUICE_OK && where.tcp_port != 0);
  CHECK_ERROR(API(engine_address)(engine, 1, &where, &error), SLUICE_NOT_FOUND, "index");
  CHECK_ERROR(API(runtime_destroy)(runtime, &error), SLUICE_BAD_STATE, "engine_destroy");

  /* A port that is taken: the address by name, and the number of the operating system. */
  options.listen = &where;
  CHECK(API(engine_create_on)(runtime, &options, &second, &error) == SLUICE_OK);
  CHECK_ERROR(API(engine_start)(second, &error), SLUICE_SYSTEM, "127.0.0.1:");
  CHECK(error.os_code != 0);
  CHECK(API(engine_destroy)(second, &error) == SLUICE_OK);

  if (use_flow(engine, &where, origin) != 0) return 1;
  CHECK_ERROR(API(engine_stop)(engine, -1, &error), SLUICE_BAD_ARGUMENT, "drain");
  CHECK(API(engine_stop)(engine, SLUICE_FOREVER, &error) == SLUICE_OK);
  CHECK(API(engine_stop)(engine, 0, &error) == SLUICE_OK);
  CHECK_ERROR(API(engine_begin_stop)(engine, 0, NULL, NULL, &error), SLUICE_BAD_STATE, "begun");
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(API(engine_destroy)(NULL, &error) == SLUICE_OK);
  CHECK(API(runtime_destroy)(runtime, &error) == SLUICE_OK);
  use_close(origin);
  return 0;
}

static int told;
static void on_stopped(void* user) { ++*(int*)user; }

int use_turns(void) {
  sluice_error error = {.size = sizeof error};
  sluice_engine_options options;
  sluice_runtime_options turned;
  sluice_engine* engine = NULL;
  sluice_address where;
  sluice_live_counts live = {.size = sizeof live};
  int64_t time = -1;
  int32_t done = 0;

  API(engine_options_init)(&options, sizeof options);
  API(runtime_options_init)(&turned, sizeof turned);
  turned.caller_driven = 1;
  options.redirect = SLUICE_REDIRECT_TO;
  const uint64_t origin = use_listen(&options.upstream);
  if (use_started(&options, &turned, &engine, &where) != 0) return 1;
  sluice_runtime* runtime = API(engine_runtime)(engine);
  CHECK(API(runtime_caller_driven)(runtime) == 1);
  CHECK_ERROR(API(runtime_turn)(runtime, -1, NULL, &error), SLUICE_BAD_ARGUMENT, "wait_max");
  CHECK_ERROR(API(runtime_destroy)(runtime, &error), SLUICE_BAD_STATE, "belongs");

  const uint64_t client = use_connect(&where);
  CHECK(client != USE_NONE && use_send(client, "turned", 6));
  const int64_t until = use_now_ms() + 20000;
  while (!use_readable(origin, 0)) {
    CHECK(use_now_ms() < until);
    CHECK(API(runtime_turn)(runtime, 10000000, &done, &error) == SLUICE_OK);
  }
  const uint64_t server = use_accept(origin);
  while (!use_readable(server, 0)) {
    CHECK(use_now_ms() < until);
    CHECK(API(runtime_turn)(runtime, 10000000, &done, &error) == SLUICE_OK);
  }
  CHECK(use_receives(server, "turned"));
  CHECK(API(runtime_time_to_turn)(runtime, &time, &error) == SLUICE_OK && time >= 0);
  CHECK(API(runtime_live)(runtime, &live, &error) == SLUICE_OK && live.flows == 1);
  API(runtime_wake)(runtime);

  /* The flow holds the stop up, until it is hurried. */
  told = 0;
  CHECK(API(engine_begin_stop)(engine, SLUICE_FOREVER, on_stopped, &told, &error) == SLUICE_OK);
  CHECK(API(runtime_turn)(runtime, 0, &done, &error) == SLUICE_OK && told == 0);
  API(engine_hurry_stop)(engine);
  while (told == 0) {
    CHECK(use_now_ms() < until);
    CHECK(API(runtime_turn)(runtime, 10000000, &done, &error) == SLUICE_OK);
  }
  CHECK(API(runtime_live)(runtime, &live, &error) == SLUICE_OK && live.flows + live.sockets == 0);
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(told == 1);
  use_close(client);
  use_close(server);
  use_close(origin);
  return 0;
}

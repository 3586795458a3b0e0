/* SPDX-License-Identifier: Apache-2.0
 *
 * A flood of connections with an inspector, stopped in the middle: one final event, and no callback
 * after it. */
#include <stdatomic.h>

#include "tests/capi/use.h"

enum { kRounds = 6, kClients = 48 };

static struct {
  atomic_int inside; /* callbacks under way */
  atomic_int calls;
  atomic_int stopped; /* final events */
  atomic_int late;    /* callbacks under way at or after one */
  sluice_engine* engine;
  int32_t destroyed_inside;
} stop;

static void begin_call(void) {
  ++stop.inside;
  ++stop.calls;
  if (stop.stopped != 0) ++stop.late;
}
static void end_call(void) {
  if (stop.stopped != 0) ++stop.late;
  --stop.inside;
}

static int32_t on_open(void* user, sluice_flow* flow, sluice_open_call* call) {
  (void)user;
  (void)flow;
  (void)call;
  begin_call();
  end_call();
  return SLUICE_PASS;
}
static int32_t on_data(void* user, sluice_flow* flow, int32_t direction, sluice_bytes* data,
                       sluice_data_call* call) {
  (void)user;
  (void)flow;
  (void)direction;
  (void)data;
  begin_call();
  /* Some answers never come: the stop does not wait for them. */
  sluice_pending* later = stop.calls % 7 == 0 ? API(data_take_later)(call) : NULL;
  if (later != NULL) API(pending_drop)(later);
  end_call();
  return SLUICE_PASS;
}
static void on_end(void* user, sluice_flow* flow, int32_t end) {
  (void)user;
  (void)flow;
  (void)end;
  begin_call();
  end_call();
}

static void on_stopped(void* user) {
  (void)user;
  stop.late += stop.inside;
  /* From here on nothing may come. */
  ++stop.stopped;
  stop.destroyed_inside = API(engine_destroy)(stop.engine, NULL);
}

/* destroy: without waiting for the event. */
static int one_round(int destroy) {
  sluice_error error = {.size = sizeof error};
  sluice_engine_options options;
  sluice_runtime_options runtime;
  sluice_inspector inspector = {.size = sizeof inspector};
  sluice_address where;
  uint64_t clients[kClients];

  memset(&stop, 0, sizeof stop);
  inspector.on_open = on_open;
  inspector.on_data = on_data;
  inspector.on_end = on_end;
  API(runtime_options_init)(&runtime, sizeof runtime);
  API(engine_options_init)(&options, sizeof options);
  runtime.workers = 2;
  options.redirect = SLUICE_REDIRECT_TO;
  options.inspector = &inspector;
  const uint64_t origin = use_listen(&options.upstream);
  if (use_started(&options, &runtime, &stop.engine, &where) != 0) return 1;
  for (int i = 0; i < kClients; ++i) {
    clients[i] = use_connect(&where);
    for (int k = 0; k <= i; ++k) {
      if (clients[k] != USE_NONE) use_send(clients[k], "flood", 5);
    }
    if (i == kClients / 2) {
      CHECK(use_counted(stop.engine, "inspected", 1));
      CHECK(API(engine_begin_stop)(stop.engine, 2000000, on_stopped, NULL, &error) == SLUICE_OK);
      CHECK_ERROR(API(engine_begin_stop)(stop.engine, 0, on_stopped, NULL, &error),
                  SLUICE_BAD_STATE, "begun");
    }
    if (destroy && i == kClients * 3 / 4) break;
  }
  if (!destroy) {
    const int64_t until = use_now_ms() + 20000;
    while (stop.stopped == 0) {
      CHECK(use_now_ms() < until);
      use_pause();
    }
    for (int i = 0; i < kClients; ++i) {
      if (clients[i] != USE_NONE) use_send(clients[i], "late", 4);
    }
  }
  CHECK(API(engine_destroy)(stop.engine, &error) == SLUICE_OK);
  CHECK(stop.stopped == 1);
  CHECK(stop.destroyed_inside == SLUICE_WRONG_THREAD);
  CHECK(stop.calls > 0 && stop.inside == 0 && stop.late == 0);
  const int last = destroy ? kClients * 3 / 4 + 1 : kClients;
  for (int i = 0; i < last; ++i) use_close(clients[i]);
  use_close(origin);
  return 0;
}

int use_stop(void) {
  for (int i = 0; i < kRounds; ++i) {
    if (one_round(i % 2) != 0) return 1;
  }
  return 0;
}

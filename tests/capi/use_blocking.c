/* SPDX-License-Identifier: Apache-2.0
 *
 * An inspector that may block, and a tap that hears what the connection carried. */
#include <stdatomic.h>

#include "tests/capi/use.h"

static struct {
  atomic_int opened, ended, wrong;
  atomic_int tap_opened, tap_ended;
  char heard[2][64]; /* by the tap's one thread; read when the engine is gone */
  size_t heard_size[2];
  uint64_t counted[2];
  sluice_address destination;
} seen;

#define EXPECT(condition) \
  ((condition) ? (void)0 : (void)(use_fail(__FILE__, __LINE__, #condition), ++seen.wrong))

static int32_t on_open(void* user, sluice_blocking_flow* flow, const sluice_open_info* open,
                       sluice_reply* reply) {
  sluice_answer answer = {.size = sizeof answer};
  EXPECT(user == &seen && flow->user == NULL && flow->client.tcp_port != 0);
  EXPECT(open->redirected == 0);
  flow->user = &seen.opened;
  answer.destination.family = 9;
  EXPECT(API(reply_set)(reply, &answer) == SLUICE_BAD_ARGUMENT);
  answer.destination = seen.destination;
  EXPECT(API(reply_set)(reply, &answer) == SLUICE_OK);
  ++seen.opened;
  return SLUICE_PASS;
}

static int32_t on_data(void* user, sluice_blocking_flow* flow, const sluice_blocking_data* data,
                       sluice_reply* reply) {
  sluice_answer answer = {.size = sizeof answer};
  EXPECT(user == &seen && flow->user == &seen.opened);
  EXPECT(data->direction == SLUICE_UP && data->bytes.size > 0);
  use_pause(); /* it may */
  if (data->ended || memcmp(data->bytes.data, "ask", 3) != 0) return SLUICE_PASS;
  answer.replacement = VIEW("answered");
  EXPECT(API(reply_set)(reply, &answer) == SLUICE_OK);
  return SLUICE_REPLACE;
}

static void on_end(void* user, sluice_blocking_flow* flow) {
  EXPECT(user == &seen && flow->user == &seen.opened);
  ++seen.ended;
}

static void on_record(void* user, const sluice_tap_record* record) {
  EXPECT(user == &seen && record->size == sizeof *record && record->time_ns > 0);
  if (record->kind == SLUICE_TAP_OPEN) {
    EXPECT(record->client.tcp_port != 0);
    ++seen.tap_opened;
  } else if (record->kind == SLUICE_TAP_DATA) {
    const int way = record->direction;
    EXPECT(record->offset == seen.heard_size[way] && record->missed == 0);
    EXPECT(seen.heard_size[way] + record->bytes.size < sizeof seen.heard[way]);
    memcpy(seen.heard[way] + record->offset, record->bytes.data, record->bytes.size);
    seen.heard_size[way] += record->bytes.size;
  } else {
    seen.counted[SLUICE_UP] = record->bytes_up;
    seen.counted[SLUICE_DOWN] = record->bytes_down;
    ++seen.tap_ended;
  }
}

static int use_bad_blocking(void) {
  sluice_error error = {.size = sizeof error};
  sluice_blocking_handler handler = {.size = sizeof handler};
  sluice_blocking_options options;
  sluice_blocking* blocking = NULL;
  API(blocking_options_init)(&options, sizeof options);
  CHECK(options.threads == 4 && options.overload == SLUICE_RESET && options.look_down == 1);
  CHECK_ERROR(API(blocking_create)(&handler, &options, &blocking, &error), SLUICE_BAD_ARGUMENT,
              "handler.on_data");
  handler.on_data = on_data;
  options.threads = 0;
  CHECK_ERROR(API(blocking_create)(&handler, &options, &blocking, &error), SLUICE_BAD_ARGUMENT,
              "threads: 0");
  options.threads = 1;
  options.overload = SLUICE_PEND;
  CHECK_ERROR(API(blocking_create)(&handler, &options, &blocking, &error), SLUICE_BAD_ARGUMENT,
              "overload: 7");
  CHECK(blocking == NULL);
  return 0;
}

int use_blocking(void) {
  sluice_error error = {.size = sizeof error};
  sluice_blocking_handler handler = {.size = sizeof handler, .user = &seen};
  sluice_blocking_options options;
  sluice_blocking_stats stats = {.size = sizeof stats};
  sluice_blocking* blocking = NULL;
  sluice_tap tap = {.size = sizeof tap, .user = &seen, .name = VIEW("c11")};
  sluice_inspector inspector = {.size = sizeof inspector};
  sluice_engine_options engine_options;
  sluice_engine* engine = NULL;
  sluice_address where;

  if (use_bad_blocking() != 0) return 1;
  memset(&seen, 0, sizeof seen);
  handler.on_open = on_open;
  handler.on_data = on_data;
  handler.on_end = on_end;
  API(blocking_options_init)(&options, sizeof options);
  options.look_down = 0;
  CHECK(API(blocking_create)(&handler, &options, &blocking, &error) == SLUICE_OK);
  API(engine_options_init)(&engine_options, sizeof engine_options);
  CHECK(engine_options.tap_bytes_max == 1 << 20);
  engine_options.redirect = SLUICE_REDIRECT_TO;
  engine_options.blocking = blocking;
  engine_options.inspector = &inspector;
  engine_options.tap = &tap;
  const uint64_t origin = use_listen(&seen.destination);
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 1, &engine_options.upstream, &error) == SLUICE_OK);
  CHECK_ERROR(API(engine_create)(&engine_options, NULL, &engine, &error), SLUICE_BAD_ARGUMENT,
              "inspector.on_data");
  engine_options.inspector = NULL;
  CHECK_ERROR(API(engine_create)(&engine_options, NULL, &engine, &error), SLUICE_BAD_ARGUMENT,
              "tap.on_record");
  tap.on_record = on_record;
  if (use_started(&engine_options, NULL, &engine, &where) != 0) return 1;
  CHECK_ERROR(API(blocking_destroy)(blocking, &error), SLUICE_BAD_STATE, "engine_destroy");

  const uint64_t client = use_connect(&where);
  const uint64_t server = use_accept(origin);
  CHECK(client != USE_NONE && server != USE_NONE);
  CHECK(use_send(client, "ask", 3) && use_receives(server, "answered"));
  CHECK(use_send(server, "down", 4) && use_receives(client, "down"));
  use_close(client);
  use_close(server);
  CHECK(use_counted(engine, "joined", 1));
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(API(blocking_stats)(blocking, &stats, &error) == SLUICE_OK);
  CHECK(stats.calls >= 2 && stats.threw == 0 && stats.bad_verdict == 0);
  CHECK(API(blocking_stop)(blocking, &error) == SLUICE_OK);
  CHECK(seen.opened == 1 && seen.ended == 1);
  CHECK(API(blocking_destroy)(blocking, &error) == SLUICE_OK);
  CHECK(API(blocking_destroy)(NULL, &error) == SLUICE_OK);
  /* What was sent, before any verdict. */
  CHECK(seen.tap_opened == 1 && seen.tap_ended == 1);
  CHECK(seen.heard_size[SLUICE_UP] == 3 && memcmp(seen.heard[SLUICE_UP], "ask", 3) == 0);
  CHECK(seen.heard_size[SLUICE_DOWN] == 4 && memcmp(seen.heard[SLUICE_DOWN], "down", 4) == 0);
  CHECK(seen.counted[SLUICE_UP] == 3 && seen.counted[SLUICE_DOWN] == 4);
  CHECK(seen.wrong == 0);
  use_close(origin);
  return 0;
}

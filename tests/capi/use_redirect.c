/* SPDX-License-Identifier: Apache-2.0
 *
 * Where connections were going, said by the embedder, and the control codes on plain sockets. */
#include <stdatomic.h>

#include "tests/capi/use.h"

static struct {
  sluice_address destination;
  atomic_int found, opened, wrong;
} own;

#define EXPECT(condition) \
  ((condition) ? (void)0 : (void)(use_fail(__FILE__, __LINE__, #condition), ++own.wrong))

static int32_t find(void* user, const sluice_address* client, const sluice_address* local,
                    sluice_found* found) {
  sluice_origin origin = {.size = sizeof origin};
  EXPECT(user == &own && client->tcp_port != 0 && local->tcp_port != 0);
  EXPECT(API(found_set)(found, &origin) == SLUICE_BAD_ARGUMENT);
  origin.destination = own.destination;
  origin.source = *client;
  origin.pid = 77;
  origin.process_path = VIEW("/bin/curl");
  origin.context = VIEW("told");
  EXPECT(API(found_set)(found, &origin) == SLUICE_OK);
  /* The second connection was not redirected. */
  return ++own.found == 1;
}

static int32_t on_open(void* user, sluice_flow* flow, sluice_open_call* call) {
  sluice_open_info info = {.size = sizeof info};
  (void)user;
  (void)flow;
  EXPECT(API(open_info)(call, &info) == SLUICE_OK);
  EXPECT(info.pid == 77 && info.source.tcp_port != 0);
  EXPECT(info.process_path.size == 9 && memcmp(info.process_path.data, "/bin/curl", 9) == 0);
  EXPECT(info.context.size == 4 && memcmp(info.context.data, "told", 4) == 0);
  ++own.opened;
  return SLUICE_DETACH;
}
static int32_t on_data(void* user, sluice_flow* flow, int32_t direction, sluice_bytes* data,
                       sluice_data_call* call) {
  (void)user;
  (void)flow;
  (void)direction;
  (void)call;
  EXPECT(data == NULL); /* never: it was detached */
  return SLUICE_RESET;
}

int use_own_redirect(void) {
  sluice_error error = {.size = sizeof error};
  sluice_own_redirect redirect = {.size = sizeof redirect, .user = &own, .find = find};
  sluice_inspector inspector = {.size = sizeof inspector};
  sluice_engine_options options;
  sluice_engine* engine = NULL;
  sluice_address where;

  memset(&own, 0, sizeof own);
  inspector.on_open = on_open;
  inspector.on_data = on_data;
  API(engine_options_init)(&options, sizeof options);
  options.redirect = SLUICE_REDIRECT_OWN;
  options.own_redirect = &redirect;
  options.inspector = &inspector;
  const uint64_t origin = use_listen(&own.destination);
  if (use_started(&options, NULL, &engine, &where) != 0) return 1;
  const uint64_t client = use_connect(&where);
  const uint64_t server = use_accept(origin);
  CHECK(server != USE_NONE && use_send(client, "own", 3) && use_receives(server, "own"));
  use_close(client);
  use_close(server);
  CHECK(use_refused(&where));
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(own.found == 2 && own.opened == 1 && own.wrong == 0);
  use_close(origin);
  return 0;
}

static int use_layouts(void) {
  sluice_error error = {.size = sizeof error};
  sluice_origin origin = {.size = sizeof origin};
  sluice_origin read = {.size = sizeof read};
  unsigned char bytes[512];
  size_t size = 0;

  CHECK_ERROR(
      API(context_encode)(SLUICE_LAYOUT_SLUICE, &origin, bytes, sizeof bytes, &size, &error),
      SLUICE_BAD_ARGUMENT, "origin");
  CHECK(API(address_parse)("[2001:db8::1]:443", 17, &origin.destination, &error) == SLUICE_OK);
  for (int32_t layout = SLUICE_LAYOUT_SLUICE; layout <= SLUICE_LAYOUT_SOCKADDR_PAIR; ++layout) {
    CHECK_ERROR(API(context_encode)(layout, &origin, bytes, 1, &size, &error), SLUICE_NO_ROOM,
                "capacity: 1");
    CHECK(size > 1 && size <= sizeof bytes);
    CHECK(API(context_encode)(layout, &origin, bytes, sizeof bytes, &size, &error) == SLUICE_OK);
    CHECK(API(context_decode)(layout, bytes, size, &read, &error) == SLUICE_OK);
    CHECK(memcmp(&read.destination, &origin.destination, sizeof read.destination) == 0);
    CHECK_ERROR(API(context_decode)(layout, bytes, size - 1, &read, &error), SLUICE_NOT_FOUND,
                "bytes");
  }
  CHECK_ERROR(API(context_decode)(9, bytes, size, &read, &error), SLUICE_BAD_ARGUMENT, "layout: 9");
  return 0;
}

static int done;
static void on_done(void* user, uint32_t error, uint32_t bytes) {
  (void)bytes;
  if (user == &done && error != 0) ++done;
}

static int use_routine(uint64_t socket) {
  sluice_error error = {.size = sizeof error};
  sluice_routine* routine = NULL;
  unsigned char buffer[64];
  uint32_t result = 0;
  CHECK_ERROR(API(routine_create)(NULL, NULL, &routine, &error), SLUICE_BAD_ARGUMENT, "done");
  CHECK(API(routine_create)(on_done, &done, &routine, &error) == SLUICE_OK);
  CHECK(API(routine_idle)(routine) == 1);
  CHECK_ERROR(API(routine_issue)(routine, 5, socket, buffer, sizeof buffer, &result, &error),
              SLUICE_BAD_ARGUMENT, "code: 5");
  for (int32_t code = SLUICE_WFP_QUERY_RECORDS; code <= SLUICE_WFP_SET_RECORDS; ++code) {
    done = 0;
    CHECK(API(routine_issue)(routine, code, socket, buffer, sizeof buffer, &result, &error) ==
          SLUICE_OK);
    API(routine_cancel)(routine);
    const int64_t until = use_now_ms() + 20000;
    while (result == 0 && done == 0) {
      CHECK(use_now_ms() < until);
      API(routine_wait)(10);
    }
    CHECK(result != 0 || done == 1);
  }
  (void)API(routine_wait)(0);
  CHECK(API(routine_destroy)(routine, &error) == SLUICE_OK);
  CHECK(API(routine_destroy)(NULL, &error) == SLUICE_OK);
  return 0;
}

/* A socket that nobody redirected: every code fails, and the meaning is said. */
int use_wfp(void) {
  sluice_address where;
  unsigned char buffer[256];
  uint32_t bytes = 0;
  uint32_t error = 0;
  size_t size = 0;
  uint64_t base = 0;
  const uint64_t listener = use_listen(&where);
  const uint64_t client = use_connect(&where);
  const uint64_t accepted = use_accept(listener);
  CHECK(accepted != USE_NONE);
  CHECK(API(wfp_query_records)(accepted, buffer, sizeof buffer, &bytes) != 0);
  CHECK(API(wfp_query_context)(accepted, buffer, sizeof buffer, &bytes) != 0);
  CHECK(API(wfp_set_records)(client, "x", 1) != 0);
  int32_t verdict = API(wfp_read_records)(accepted, buffer, sizeof buffer, &size, &error);
  CHECK(verdict != SLUICE_WFP_OK && error != 0 && size == 0);
  CHECK(API(wfp_verdict_text)(verdict)[0] != '\0');
  verdict = API(wfp_read_context)(accepted, buffer, sizeof buffer, &size, &error);
  CHECK(verdict != SLUICE_WFP_OK && error != 0);
  CHECK(API(wfp_carry_records)(client, "x", 1) != SLUICE_WFP_OK);
  CHECK(strcmp(API(wfp_verdict_text)(99), "unknown verdict") == 0);
#if defined(_WIN32)
  (void)API(wfp_base_socket)(client, &base);
#else
  CHECK(error == SLUICE_WFP_NOT_SUPPORTED);
  CHECK(API(wfp_base_socket)(client, &base) == SLUICE_WFP_NOT_SUPPORTED && base == client);
#endif
  if (use_routine(accepted) != 0) return 1;
  use_close(client);
  use_close(accepted);
  use_close(listener);
  return use_layouts();
}

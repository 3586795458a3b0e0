/* SPDX-License-Identifier: Apache-2.0
 *
 * An inspector that does what the first byte of a message says, and one that answers later. */
#include "tests/capi/use.h"

#include <stdatomic.h>

static struct {
  atomic_int opened, ended, wrong, must_decide, dropped, read;
  sluice_address destination; /* where connections go instead */
  sluice_http_request request;
  sluice_client_hello hello;
  int32_t http, tls;
  _Atomic(sluice_pending*) token;
} seen;

/* In callbacks there is no line to return: it is counted. */
#define EXPECT(condition) \
  ((condition) ? (void)0 : (void)(use_fail(__FILE__, __LINE__, #condition), ++seen.wrong))

static int32_t on_open(void* user, sluice_flow* flow, sluice_open_call* call) {
  sluice_flow_info info = {.size = sizeof info};
  sluice_open_info open = {.size = sizeof open};
  sluice_error error = {.size = sizeof error};
  sluice_runtime* runtime = NULL;
  sluice_address nowhere = {{0}, 0, 0, 0, 0};
  EXPECT(user == &seen);
  EXPECT(API(flow_info)(flow, &info) == SLUICE_OK);
  EXPECT(info.listener == 0 && info.client.family == SLUICE_FAMILY_V4);
  EXPECT(API(open_info)(call, &open) == SLUICE_OK);
  EXPECT(open.redirected == 0 && open.pid == 0);
  API(open_look)(call, 1, 1);
  EXPECT(API(open_set_destination)(call, &nowhere) == SLUICE_BAD_ARGUMENT);
  EXPECT(API(open_set_destination)(call, &seen.destination) == SLUICE_OK);
  EXPECT(API(flow_user)(flow) == NULL);
  API(flow_set_user)(flow, &seen.opened);
  API(flow_set_rates)(flow, 100000000, 0);
  /* Where it would wait for itself. */
  EXPECT(API(runtime_create)(NULL, &runtime, &error) == SLUICE_WRONG_THREAD);
  ++seen.opened;
  return SLUICE_PASS;
}

static int32_t replace(sluice_bytes* data, sluice_data_call* call) {
  sluice_bytes* out = API(data_replacement)(call);
  const size_t size = API(bytes_size)(data);
  EXPECT(API(bytes_append_copy)(out, "zzz", 3) == SLUICE_OK);
  API(bytes_clear)(out);
  EXPECT(API(bytes_append_copy)(out, "z<", 2) == SLUICE_OK);
  EXPECT(API(bytes_remove_prefix)(out, 3) == SLUICE_BAD_ARGUMENT);
  EXPECT(API(bytes_remove_prefix)(out, 1) == SLUICE_OK);
  EXPECT(API(bytes_append)(out, data, 1, size) == SLUICE_BAD_ARGUMENT);
  EXPECT(API(bytes_append)(out, out, 0, 1) == SLUICE_BAD_ARGUMENT);
  EXPECT(API(bytes_append)(out, data, 1, size - 1) == SLUICE_OK);
  EXPECT(API(bytes_append_copy)(out, ">", 1) == SLUICE_OK);
  return SLUICE_REPLACE;
}

static int32_t write_in_place(sluice_bytes* data) {
  sluice_position position = {NULL, 0};
  sluice_slice slice;
  while (API(bytes_next)(data, &position, &slice)) {
    char* bytes = slice.data;
    for (size_t i = 0; i < slice.size; ++i) {
      if (bytes[i] >= 'a' && bytes[i] <= 'z') bytes[i] = (char)(bytes[i] - 'a' + 'A');
    }
  }
  return SLUICE_PASS;
}

static int32_t read_what_it_is(sluice_bytes* data, char first) {
  if (first == 'G') {
    seen.http = API(read_http_request)(data, &seen.request);
  } else {
    seen.tls = API(read_client_hello)(data, &seen.hello);
  }
  ++seen.read; /* what was written is the other thread's from here on */
  return SLUICE_PASS;
}

static int32_t on_data(void* user, sluice_flow* flow, int32_t direction, sluice_bytes* data,
                       sluice_data_call* call) {
  char first = 0;
  const size_t size = API(bytes_size)(data);
  EXPECT(user == &seen && API(flow_user)(flow) == &seen.opened);
  EXPECT(size > 0 && API(bytes_copy_out)(data, 0, &first, 1) == 1);
  if (API(data_must_decide)(call)) ++seen.must_decide;
  if (API(data_ended)(call)) return SLUICE_PASS;
  if (direction == SLUICE_DOWN) return SLUICE_PASS;
  switch (first) {
    case 'R':
      return replace(data, call);
    case 'W':
      return write_in_place(data);
    case 'I':
      EXPECT(API(data_inject)(call, 5, "x", 1) == SLUICE_BAD_ARGUMENT);
      EXPECT(API(data_inject)(call, SLUICE_UP, "[", 1) == SLUICE_OK);
      EXPECT(API(data_inject)(call, SLUICE_DOWN, "down", 4) == SLUICE_OK);
      return SLUICE_PASS;
    case 'K':
      EXPECT(API(data_keep)(call, size + 1) == SLUICE_BAD_ARGUMENT);
      EXPECT(API(data_keep_max)(call) == 65535);
      EXPECT(API(data_keep)(call, 1) == SLUICE_OK);
      return SLUICE_PASS;
    case 'M':
      return size < 5 ? SLUICE_MORE : SLUICE_PASS;
    case 'D':
      ++seen.dropped;
      return SLUICE_DROP;
    case 'G':
    case 0x16:
      return read_what_it_is(data, first);
    case 'L': {
      sluice_pending* token = API(data_take_later)(call);
      EXPECT(token != NULL && API(data_take_later)(call) == NULL);
      seen.token = token;
      return SLUICE_PEND;
    }
    case '?':
      return 1234; /* no verdict */
    default:
      return SLUICE_PASS;
  }
}

static void on_end(void* user, sluice_flow* flow, int32_t end) {
  EXPECT(user == &seen && flow != NULL);
  EXPECT(end == SLUICE_END_ENDED || end == SLUICE_END_DETACHED);
  ++seen.ended;
}

static sluice_pending* wait_for_token(void) {
  const int64_t until = use_now_ms() + 20000;
  for (;;) {
    sluice_pending* token = atomic_exchange(&seen.token, NULL);
    if (token != NULL || use_now_ms() > until) return token;
    use_pause();
  }
}

/* A hello for "example.com" that offers h2. */
static size_t make_hello(unsigned char* out) {
  static const unsigned char head[] = {0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
  static const unsigned char rest[] = {
      0,   0,   2,   0x13, 1,   1,   0, /* session, suites, compression */
      0,   29,  0,   0,    0,   16,  0, 14, 0, 0, 11, 'e', 'x', 'a', 'm', 'p',
      'l', 'e', '.', 'c',  'o', 'm', 0, 16, 0, 5, 0,  3,   2,   'h', '2'};
  memcpy(out, head, sizeof head);
  memset(out + sizeof head, 7, 32);
  memcpy(out + sizeof head + 32, rest, sizeof rest);
  const size_t size = sizeof head + 32 + sizeof rest;
  out[4] = (unsigned char)(size - 5);
  out[8] = (unsigned char)(size - 9);
  return size;
}

static int say(uint64_t client, uint64_t server, const char* message, const char* wanted) {
  return use_send(client, message, strlen(message)) && use_receives(server, wanted);
}

static int came_to(atomic_int* count, int wanted) {
  const int64_t until = use_now_ms() + 20000;
  while (*count < wanted && use_now_ms() < until) use_pause();
  return *count >= wanted;
}

static int converse(uint64_t client, uint64_t server) {
  unsigned char hello[128];
  CHECK(say(client, server, "Pass", "Pass"));
  CHECK(say(client, server, "Rabc", "<abc>"));
  CHECK(say(client, server, "Wabc", "WABC"));
  CHECK(say(client, server, "Iab", "[Iab") && use_receives(client, "down"));
  CHECK(say(client, server, "Kabc!", "Kabc") && say(client, server, "z", "!z"));
  CHECK(use_send(client, "Mab", 3));
  CHECK(say(client, server, "cd", "Mabcd"));
  CHECK(use_send(client, "Dropped", 7));
  CHECK(came_to(&seen.dropped, 1)); /* or what follows would be dropped with it */
  CHECK(use_send(server, "seen", 4) && use_receives(client, "seen"));
  static const char request[] = "GET / HTTP/1.1\r\nHost: Example.com:81\r\n\r\n";
  CHECK(say(client, server, request, request));
  CHECK(came_to(&seen.read, 1));
  CHECK(seen.http == SLUICE_READING_FOUND && strcmp(seen.request.host, "example.com") == 0);
  CHECK(seen.request.port == 81 && strcmp(seen.request.method, "GET") == 0);
  const size_t size = make_hello(hello);
  CHECK(use_send(client, hello, size));
  CHECK(use_receives_bytes(server, hello, size));
  return 0;
}

static int check_hello(void) {
  CHECK(came_to(&seen.read, 2));
  CHECK(seen.tls == SLUICE_READING_FOUND);
  CHECK(strcmp(seen.hello.server_name, "example.com") == 0);
  CHECK(API(client_hello_offers)(&seen.hello, "h2", 2) == 1);
  CHECK(API(client_hello_offers)(&seen.hello, "h3", 2) == 0);
  return 0;
}

static void make_inspector(sluice_inspector* inspector) {
  memset(&seen, 0, sizeof seen);
  memset(inspector, 0, sizeof *inspector);
  seen.request.size = sizeof seen.request;
  seen.hello.size = sizeof seen.hello;
  inspector->size = sizeof *inspector;
  inspector->user = &seen;
  inspector->name = VIEW("obedient");
  inspector->on_open = on_open;
  inspector->on_data = on_data;
  inspector->on_end = on_end;
}

int use_inspector(void) {
  sluice_error error = {.size = sizeof error};
  sluice_inspector inspector;
  sluice_engine_options options;
  sluice_engine* engine = NULL;
  sluice_address where;

  make_inspector(&inspector);
  API(engine_options_init)(&options, sizeof options);
  options.redirect = SLUICE_REDIRECT_TO;
  const uint64_t origin = use_listen(&seen.destination);
  /* Nobody is there: the inspector sends them elsewhere. */
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 1, &options.upstream, &error) == SLUICE_OK);
  inspector.on_data = NULL;
  options.inspector = &inspector;
  options.listen = &where;
  CHECK_ERROR(API(engine_create)(&options, NULL, &engine, &error), SLUICE_BAD_ARGUMENT,
              "inspector.on_data");
  inspector.on_data = on_data;
  if (use_started(&options, NULL, &engine, &where) != 0) return 1;
  /* It was copied. */
  memset(&inspector, 0, sizeof inspector);

  uint64_t client = use_connect(&where);
  uint64_t server = use_accept(origin);
  CHECK(client != USE_NONE && server != USE_NONE);
  if (converse(client, server) != 0 || check_hello() != 0) return 1;
  use_close(client);
  use_close(server);
  CHECK(use_counted(engine, "joined", 1));
  CHECK(seen.opened == 1 && seen.ended == 1 && seen.wrong == 0);

  /* What is no verdict gives the default one: reset. */
  client = use_connect(&where);
  server = use_accept(origin);
  CHECK(use_send(client, "?", 1) && use_ended(client));
  CHECK(use_metric(engine, "bad_verdict") == 1);
  use_close(client);
  use_close(server);
  CHECK(API(engine_stop)(engine, SLUICE_FOREVER, &error) == SLUICE_OK);
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(seen.wrong == 0 && seen.ended == 2);
  use_close(origin);
  return 0;
}

static int32_t open_later(void* user, sluice_flow* flow, sluice_open_call* call) {
  (void)user;
  API(flow_set_user)(flow, &seen.opened);
  seen.token = API(open_take_later)(call);
  return SLUICE_PEND;
}

/* Tokens: for opening, for bytes, dropped, and one that outlives its engine. */
int use_later(void) {
  sluice_error error = {.size = sizeof error};
  sluice_inspector inspector;
  sluice_engine_options options;
  sluice_inspection_policy policy;
  sluice_engine* engine = NULL;
  sluice_address where;
  sluice_answer answer = {.size = sizeof answer};

  make_inspector(&inspector);
  inspector.on_open = open_later;
  API(inspection_policy_init)(&policy, sizeof policy);
  policy.default_verdict = SLUICE_DROP;
  policy.pending_timeout = SLUICE_FOREVER;
  API(engine_options_init)(&options, sizeof options);
  options.redirect = SLUICE_REDIRECT_TO;
  options.inspector = &inspector;
  options.inspection = &policy;
  const uint64_t origin = use_listen(&seen.destination);
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 1, &options.upstream, &error) == SLUICE_OK);
  if (use_started(&options, NULL, &engine, &where) != 0) return 1;

  const uint64_t client = use_connect(&where);
  sluice_pending* token = wait_for_token();
  CHECK(token != NULL);
  answer.verdict = SLUICE_PEND;
  answer.destination = seen.destination;
  CHECK(API(pending_answer)(token, &answer) == SLUICE_BAD_ARGUMENT); /* the token stays */
  answer.verdict = SLUICE_PASS;
  CHECK(API(pending_answer)(token, &answer) == SLUICE_OK);
  const uint64_t server = use_accept(origin);
  CHECK(server != USE_NONE);

  CHECK(use_send(client, "Later", 5) && (token = wait_for_token()) != NULL);
  CHECK(API(pending_resolve)(token, SLUICE_PEND) == SLUICE_BAD_ARGUMENT);
  CHECK(API(pending_resolve)(token, SLUICE_PASS) == SLUICE_OK && use_receives(server, "Later"));
  CHECK(use_send(client, "Lost", 4) && (token = wait_for_token()) != NULL);
  memset(&answer, 0, sizeof answer);
  answer.size = sizeof answer;
  answer.verdict = SLUICE_REPLACE;
  answer.replacement = VIEW("found");
  answer.inject_down = VIEW("down");
  CHECK(API(pending_answer)(token, &answer) == SLUICE_OK);
  CHECK(use_receives(server, "found") && use_receives(client, "down"));
  CHECK(use_send(client, "Left", 4) && (token = wait_for_token()) != NULL);
  API(pending_drop)(token);
  API(pending_drop)(NULL);
  CHECK(say(client, server, "Pass", "Pass"));
  CHECK(use_send(client, "L", 1) && (token = wait_for_token()) != NULL);
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  CHECK(API(pending_resolve)(token, SLUICE_PASS) == SLUICE_GONE);
  CHECK(seen.wrong == 0);
  use_close(client);
  use_close(server);
  use_close(origin);
  return 0;
}

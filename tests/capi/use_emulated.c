/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulated platform: vendors with contexts of several origins, callouts of our own, knobs,
 * traces. */
#include <stdatomic.h>

#include "tests/capi/use.h"

static struct {
  sluice_platform* platform;
  sluice_engine* engine;
  sluice_address listener;
  sluice_address destination;
  uint64_t handle;
  atomic_int decoded, encoded, made, classified, conditions, asked, wrong;
} world;

#define EXPECT(condition) \
  ((condition) ? (void)0 : (void)(use_fail(__FILE__, __LINE__, #condition), ++world.wrong))

/* "ACME" and the destination as text. */
static int32_t decode(void* user, const void* bytes, size_t size, sluice_origin* origin) {
  EXPECT(user == &world);
  ++world.decoded;
  if (size < 4 || memcmp(bytes, "ACME", 4) != 0) return 0;
  return API(address_parse)((const char*)bytes + 4, size - 4, &origin->destination, NULL) ==
         SLUICE_OK;
}
static size_t encode(void* user, const sluice_origin* origin, void* bytes, size_t capacity) {
  char text[64];
  EXPECT(user == &world);
  ++world.encoded;
  const size_t size = 4 + API(address_format)(&origin->destination, text, sizeof text);
  if (size > capacity) return size;
  memcpy(bytes, "ACME", 4);
  memcpy((char*)bytes + 4, text, size - 4);
  return size;
}
static size_t make_context(void* user, const sluice_classify_values* values, void* bytes,
                           size_t capacity) {
  sluice_origin origin = {.size = sizeof origin};
  size_t size = 0;
  EXPECT(user == &world && values->size == sizeof *values);
  ++world.made;
  origin.destination = values->remote;
  origin.source = values->local;
  origin.pid = values->pid;
  (void)API(context_encode)(SLUICE_LAYOUT_SLUICE, &origin, bytes, capacity, &size, NULL);
  return size;
}
static int32_t without_context(void* user, const sluice_address* client,
                               const sluice_address* local, sluice_found* found) {
  sluice_origin origin = {.size = sizeof origin};
  (void)user;
  (void)client;
  (void)local;
  ++world.asked;
  origin.destination = world.destination;
  return API(found_set)(found, &origin) == SLUICE_OK;
}

static int begin(const sluice_platform_options* options) {
  sluice_error error = {.size = sizeof error};
  sluice_process_options process_options;
  sluice_process* process = NULL;
  sluice_runtime_options runtime;
  sluice_engine_options engine;
  sluice_wfp_options wfp;
  sluice_codec codec = {.size = sizeof codec, .user = &world, .name = VIEW("acme")};
  const sluice_codec* const codecs[] = {&codec};
  sluice_own_redirect other = {.size = sizeof other, .find = without_context};

  CHECK(API(platform_create)(options, &world.platform, &error) == SLUICE_OK);
  CHECK(API(platform_process)(world.platform) != NULL);
  API(process_options_init)(&process_options, sizeof process_options);
  CHECK(process_options.pid == 4242 && process_options.elevated == 1);
  process_options.path = VIEW("acme-proxy");
  CHECK(API(platform_add_process)(world.platform, &process_options, &process, &error) == SLUICE_OK);
  API(runtime_options_init)(&runtime, sizeof runtime);
  runtime.process = process;
  API(engine_options_init)(&engine, sizeof engine);
  API(wfp_options_init)(&wfp, sizeof wfp);
  CHECK(wfp.records_first == 4096 && wfp.standard_codecs == 1);
  engine.redirect = SLUICE_REDIRECT_WFP;
  engine.wfp = &wfp;
  engine.listen = &world.listener;
  engine.listen_count = 1;
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 0, &world.listener, &error) == SLUICE_OK);
  wfp.codecs = codecs;
  wfp.codecs_count = 1;
  wfp.without_context = &other;
  CHECK_ERROR(API(engine_create)(&engine, &runtime, &world.engine, &error), SLUICE_BAD_ARGUMENT,
              "wfp.codecs[0].decode");
  codec.decode = decode;
  codec.encode = encode;
  if (use_started(&engine, &runtime, &world.engine, &world.listener) != 0) return 1;
  CHECK_ERROR(API(platform_destroy)(world.platform, &error), SLUICE_BAD_STATE, "runtimes");
  CHECK(API(platform_adopt_foreign)(world.platform, &world.listener, &world.destination, &error) ==
        SLUICE_OK);
  return 0;
}

static int finish(void) {
  sluice_error error = {.size = sizeof error};
  CHECK(API(platform_forget_foreign)(world.platform, &world.listener, &error) == SLUICE_OK);
  CHECK(API(engine_destroy)(world.engine, &error) == SLUICE_OK);
  CHECK(API(platform_destroy)(world.platform, &error) == SLUICE_OK);
  CHECK(API(platform_destroy)(NULL, &error) == SLUICE_OK);
  CHECK(world.wrong == 0);
  return 0;
}

/* A connection of an application that knows nothing of it all. */
static int relay(uint64_t origin) {
  const uint64_t client = use_connect(&world.listener);
  const uint64_t server = use_accept(origin);
  CHECK(client != USE_NONE && server != USE_NONE);
  CHECK(use_send(client, "redirected", 10) && use_receives(server, "redirected"));
  use_close(client);
  use_close(server);
  return 0;
}

static int use_knobs(void) {
  sluice_error error = {.size = sizeof error};
  sluice_knobs knobs;
  sluice_knobs now = {.size = sizeof now};
  API(knobs_init)(&knobs, sizeof knobs);
  CHECK(knobs.record_pad == 552 && knobs.max_hops == 32 && knobs.seed == 1);
  knobs.record_pad = 1000;
  knobs.strip_tag = 0.25;
  knobs.completion = SLUICE_COMPLETION_RANDOM;
  CHECK(API(platform_set_knobs)(world.platform, &knobs, &error) == SLUICE_OK);
  CHECK(API(platform_knobs)(world.platform, &now, &error) == SLUICE_OK);
  CHECK(memcmp(&knobs, &now, sizeof knobs) == 0);
  knobs.strip_tag = 2;
  CHECK_ERROR(API(platform_set_knobs)(world.platform, &knobs, &error), SLUICE_BAD_ARGUMENT,
              "strip_tag: 2");
  knobs.strip_tag = 0;
  knobs.completion = 4;
  CHECK_ERROR(API(platform_set_knobs)(world.platform, &knobs, &error), SLUICE_BAD_ARGUMENT,
              "completion: 4");
  API(knobs_init)(&knobs, sizeof knobs);
  CHECK(API(platform_set_knobs)(world.platform, &knobs, &error) == SLUICE_OK);
  return 0;
}

static int use_trace(uint32_t vendor) {
  sluice_error error = {.size = sizeof error};
  sluice_trace* trace = NULL;
  sluice_trace_record record = {.size = sizeof record};
  sluice_statistics statistics = {.size = sizeof statistics};
  char text[1024];
  CHECK(API(platform_trace)(world.platform, &trace, &error) == SLUICE_OK);
  CHECK(API(trace_count)(trace) == 2);
  CHECK(API(trace_get)(trace, 0, &record, &error) == SLUICE_OK);
  CHECK(record.hops == 0 && record.step_count == 1 && record.steps[0].vendor == vendor);
  CHECK(record.steps[0].action == SLUICE_TRACE_REDIRECT);
  CHECK(memcmp(&record.effective, &world.listener, sizeof record.effective) == 0);
  CHECK(API(trace_get)(trace, 1, &record, &error) == SLUICE_OK && record.hops == 1);
  CHECK(record.hop_vendors[0] == vendor);
  CHECK_ERROR(API(trace_get)(trace, 2, &record, &error), SLUICE_NOT_FOUND, "index");
  API(trace_destroy)(trace);
  CHECK(API(platform_trace_text)(world.platform, text, sizeof text) > 0);
  CHECK(strstr(text, "acme: state 0 redirect") != NULL);
  CHECK(API(platform_statistics)(world.platform, &statistics, &error) == SLUICE_OK);
  CHECK(statistics.connects == 2 && statistics.redirected == 1 && statistics.sets == 1);
  for (int i = 0; i < 16; ++i) CHECK(statistics.faults[i] == 0);
  CHECK(strcmp(API(fault_text)(SLUICE_FAULT_MAX_HOPS), "unknown fault") != 0);
  CHECK(strcmp(API(fault_text)(99), "unknown fault") == 0);
  API(platform_reset_guards)(world.platform);
  API(platform_clear_trace)(world.platform);
  CHECK(API(platform_trace_text)(world.platform, text, sizeof text) == 0);
  return 0;
}

int use_emulated(void) {
  sluice_error error = {.size = sizeof error};
  sluice_platform_options options;
  sluice_vendor_options vendor;
  sluice_codec codec = {.size = sizeof codec, .user = &world, .decode = decode, .encode = encode};
  uint32_t id = 0;

  memset(&world, 0, sizeof world);
  API(platform_options_init)(&options, sizeof options);
  options.trace_capacity = 64;
  const uint64_t origin = use_listen(&world.destination);
  if (begin(&options) != 0 || use_knobs() != 0) return 1;
  API(vendor_options_init)(&vendor, sizeof vendor);
  vendor.name = VIEW("acme");
  CHECK_ERROR(API(platform_add_vendor)(world.platform, &vendor, &id, &error), SLUICE_BAD_ARGUMENT,
              "listeners");
  vendor.listeners = &world.listener;
  vendor.listeners_count = 1;
  vendor.destinations = &world.destination;
  vendor.destinations_count = 1;
  vendor.personality = 13;
  CHECK_ERROR(API(platform_add_vendor)(world.platform, &vendor, &id, &error), SLUICE_BAD_ARGUMENT,
              "personality: 13");
  vendor.personality = SLUICE_PERSONALITY_COOPERATIVE;
  vendor.codec = &codec;
  CHECK(API(platform_add_vendor)(world.platform, &vendor, &id, &error) == SLUICE_OK);
  if (relay(origin) != 0) return 1;
  CHECK(world.encoded > 0 && world.decoded > 0);
  if (use_trace(id) != 0) return 1;

  API(platform_remove_vendor)(world.platform, id);
  vendor.codec = NULL;
  vendor.make_context = make_context;
  vendor.make_context_user = &world;
  CHECK(API(platform_add_vendor)(world.platform, &vendor, &id, &error) == SLUICE_OK);
  if (relay(origin) != 0) return 1;
  CHECK(world.made > 0);

  API(platform_remove_vendor)(world.platform, id);
  vendor.make_context = NULL;
  vendor.personality = SLUICE_PERSONALITY_NO_CONTEXT;
  CHECK(API(platform_add_vendor)(world.platform, &vendor, &id, &error) == SLUICE_OK);
  if (relay(origin) != 0) return 1;
  CHECK(world.asked == 1);
  use_close(origin);
  return finish();
}

static int32_t condition(void* user, const sluice_classify_values* values) {
  EXPECT(user == &world);
  ++world.conditions;
  return memcmp(&values->remote, &world.destination, sizeof values->remote) == 0;
}

static void classify(void* user, const sluice_classify_values* values, sluice_access* access,
                     sluice_classify_out* out) {
  sluice_connect_request request = {.size = sizeof request};
  sluice_connect_request earlier = {.size = sizeof earlier};
  unsigned char context[256];
  size_t size = 0;
  EXPECT(user == &world && values->layer == SLUICE_LAYER_CONNECT_REDIRECT_V4);
  ++world.classified;
  out->action = SLUICE_ACTION_PERMIT;
  const int32_t state =
      API(access_query_state)(access, world.handle, context, sizeof context, &size);
  if (state != SLUICE_STATE_NOT_REDIRECTED) {
    EXPECT(state == SLUICE_STATE_BY_SELF || state == SLUICE_STATE_PREVIOUSLY_BY_SELF);
    EXPECT(size > 4 && memcmp(context, "ACME", 4) == 0);
    return;
  }
  EXPECT(API(access_apply)(access, NULL) == SLUICE_BAD_STATE);
  EXPECT(API(access_acquire)(access, &request) == SLUICE_OK);
  EXPECT(out->action == SLUICE_ACTION_BLOCK && out->write_right == 0);
  EXPECT(request.versions == 0);
  EXPECT(API(access_version)(access, 1, &earlier) == SLUICE_NOT_FOUND);
  API(access_free_context)(access, API(access_allocate_context)(access, "unused", 6));
  sluice_origin origin = {.size = sizeof origin, .destination = values->remote};
  size = encode(&world, &origin, context, sizeof context);
  request.remote = world.listener;
  request.target_pid = 4242;
  request.handle = world.handle;
  request.context = API(access_allocate_context)(access, context, size);
  EXPECT(request.context != 0);
  EXPECT(API(access_apply)(access, &request) == SLUICE_OK);
  EXPECT(API(access_apply)(access, &request) == SLUICE_BAD_STATE);
  API(access_release)(access);
  out->action = SLUICE_ACTION_PERMIT;
  out->write_right = 1;
}

/* Our own callout, and a platform that answers when it is told to. */
int use_callout(void) {
  sluice_error error = {.size = sizeof error};
  sluice_platform_options options;
  sluice_knobs knobs;
  sluice_filter_options filter;
  sluice_statistics statistics = {.size = sizeof statistics};
  uint64_t id = 0;

  memset(&world, 0, sizeof world);
  API(knobs_init)(&knobs, sizeof knobs);
  knobs.completion = SLUICE_COMPLETION_PEND;
  API(platform_options_init)(&options, sizeof options);
  options.manual_completion = 1;
  options.knobs = &knobs;
  const uint64_t origin = use_listen(&world.destination);
  if (begin(&options) != 0) return 1;
  world.handle = API(platform_create_handle)(world.platform);
  CHECK(world.handle != 0);
  API(filter_options_init)(&filter, sizeof filter);
  CHECK(filter.sublayer_weight == 0x8000 && filter.action == SLUICE_ACTION_PERMIT);
  filter.sublayer_weight = 65536;
  CHECK_ERROR(API(platform_add_filter)(world.platform, &filter, &id, &error), SLUICE_BAD_ARGUMENT,
              "sublayer_weight: 65536");
  filter.sublayer_weight = 1;
  filter.user = &world;
  filter.condition = condition;
  filter.classify = classify;
  filter.handle = world.handle;
  CHECK(API(platform_add_filter)(world.platform, &filter, &id, &error) == SLUICE_OK && id != 0);

  const uint64_t client = use_connect(&world.listener);
  const int64_t until = use_now_ms() + 20000;
  size_t completed = 0;
  while (!use_readable(origin, 0)) {
    CHECK(use_now_ms() < until);
    if (API(platform_pended)(world.platform) != 0) {
      completed += API(platform_complete_pended)(world.platform, SIZE_MAX);
    }
    use_pause();
  }
  const uint64_t server = use_accept(origin);
  CHECK(use_send(client, "pended", 6) && use_receives(server, "pended"));
  CHECK(completed >= 3); /* two queries and one set */
  CHECK(world.conditions >= 2 && world.classified == 2 && world.decoded == 1);
  CHECK(API(platform_statistics)(world.platform, &statistics, &error) == SLUICE_OK);
  for (int i = 0; i < 16; ++i) CHECK(statistics.faults[i] == 0);
  use_close(client);
  use_close(server);
  API(platform_remove_filter)(world.platform, id);
  API(platform_destroy_handle)(world.platform, world.handle);
  use_close(origin);
  return finish();
}

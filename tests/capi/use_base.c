/* SPDX-License-Identifier: Apache-2.0
 *
 * Results, addresses, the log, and sizes of structs. */
#include <stdlib.h>

#include "tests/capi/use.h"

static int use_addresses(void) {
  sluice_address address;
  sluice_address other;
  sluice_error error = {.size = sizeof error};
  char text[64];

  CHECK(API(address_parse)("[::ffff:127.0.0.1]:80", 21, &address, &error) == SLUICE_OK);
  CHECK(address.family == SLUICE_FAMILY_V6 && address.tcp_port == 80);
  CHECK(API(address_kind)(&address) == (SLUICE_ADDRESS_LOOPBACK | SLUICE_ADDRESS_V4_MAPPED));
  CHECK(API(address_canonical)(&address, &address, &error) == SLUICE_OK);
  CHECK(API(address_format)(&address, text, sizeof text) == 12);
  CHECK(strcmp(text, "127.0.0.1:80") == 0);
  /* Cut, and the whole length all the same. */
  CHECK(API(address_format)(&address, text, 4) == 12);
  CHECK(strcmp(text, "127") == 0);
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 80, &other, &error) == SLUICE_OK);
  CHECK(memcmp(&address, &other, sizeof address) == 0);
  CHECK(API(address_wildcard)(SLUICE_FAMILY_V6, 0, &other, &error) == SLUICE_OK);
  CHECK(API(address_kind)(&other) == SLUICE_ADDRESS_WILDCARD);

  CHECK_ERROR(API(address_parse)("localhost:80", 12, &address, &error), SLUICE_BAD_ARGUMENT,
              "localhost");
  CHECK_ERROR(API(address_loopback)(5, 80, &address, &error), SLUICE_BAD_ARGUMENT, "family");
  address.family = 5;
  CHECK_ERROR(API(address_canonical)(&address, &other, &error), SLUICE_BAD_ARGUMENT, "family 5");
  CHECK(API(address_format)(&address, text, sizeof text) == 0);
  return 0;
}

static int lines;
static void sink(void* user, int32_t level, const char* line, size_t size) {
  if (user == &lines && level >= SLUICE_LOG_DEBUG && line != NULL && size > 0) ++lines;
}

static int use_log(void) {
  sluice_error error = {.size = sizeof error};
  sluice_engine_options options;
  sluice_engine* engine = NULL;
  sluice_address where;
  CHECK(strcmp(API(log_level_name)(SLUICE_LOG_WARNING), "warning") == 0);
  CHECK(strcmp(API(log_level_name)(17), "?") == 0);
  CHECK_ERROR(API(log_set_level)(17, &error), SLUICE_BAD_ARGUMENT, "level");

  /* A connection that nobody upstream takes is worth a line. */
  lines = 0;
  API(log_set_sink)(sink, &lines);
  CHECK(API(log_set_level)(SLUICE_LOG_DEBUG, &error) == SLUICE_OK);
  API(engine_options_init)(&options, sizeof options);
  options.redirect = SLUICE_REDIRECT_TO;
  const uint64_t nobody = use_reserve(&options.upstream);
  CHECK(nobody != USE_NONE);
  if (use_started(&options, NULL, &engine, &where) != 0) return 1;
  CHECK(use_refused(&where));
  use_close(nobody);
  CHECK(API(engine_destroy)(engine, &error) == SLUICE_OK);
  API(log_set_sink)(NULL, NULL);
  CHECK(API(log_set_level)(SLUICE_LOG_WARNING, &error) == SLUICE_OK);
  CHECK(lines > 0);
  return 0;
}

int use_base(void) {
  CHECK(strcmp(API(version_text)(), "0.1.0") == 0);
  CHECK(API(backend_name)()[0] != '\0');
  CHECK(strcmp(API(result_text)(SLUICE_OK), "done") == 0);
  for (int32_t code = SLUICE_BAD_VERSION; code <= SLUICE_NO_ROOM; ++code) {
    CHECK(strcmp(API(result_text)(code), "unknown result") != 0);
  }
  CHECK(strcmp(API(result_text)(1000), "unknown result") == 0);
  if (use_addresses() != 0) return 1;
  return use_log();
}

/* Structs of older and newer callers. */
int use_options(void) {
  sluice_error error = {.size = sizeof error};
  sluice_runtime* runtime = NULL;
  struct {
    sluice_runtime_options options;
    uint64_t newer;
  } grown;
  unsigned char short_error[24];

  /* Newer: what it has beyond is 0, so nothing is asked for that is not known. */
  API(runtime_options_init)(&grown.options, sizeof grown);
  CHECK(grown.options.size == sizeof grown);
  CHECK(grown.newer == 0);
  CHECK(API(runtime_create)(&grown.options, &runtime, &error) == SLUICE_OK);
  CHECK(API(runtime_destroy)(runtime, &error) == SLUICE_OK);
  grown.newer = 1;
  CHECK_ERROR(API(runtime_create)(&grown.options, &runtime, &error), SLUICE_BAD_ARGUMENT, "newer");

  /* Older: it ends behind caller_driven, and what is behind that is not read. */
  const size_t older = offsetof(sluice_runtime_options, thread_name);
  memset(&grown, 0x5a, sizeof grown);
  API(runtime_options_init)(&grown.options, older);
  CHECK(grown.options.thread_name.size == (size_t)0x5a5a5a5a5a5a5a5aull);
  CHECK(grown.options.workers == 1);
  CHECK(API(runtime_create)(&grown.options, &runtime, &error) == SLUICE_OK);
  CHECK(API(runtime_destroy)(runtime, &error) == SLUICE_OK);
  grown.options.size = 4;
  CHECK_ERROR(API(runtime_create)(&grown.options, &runtime, &error), SLUICE_BAD_ARGUMENT, "size");

  /* Members that cannot work are named. */
  API(runtime_options_init)(&grown.options, sizeof grown.options);
  grown.options.workers = 0;
  CHECK_ERROR(API(runtime_create)(&grown.options, &runtime, &error), SLUICE_BAD_ARGUMENT,
              "workers");
  grown.options.workers = 1;
  grown.options.caller_driven = 7;
  CHECK_ERROR(API(runtime_create)(&grown.options, &runtime, &error), SLUICE_BAD_ARGUMENT,
              "caller_driven: 7 is neither 0 nor 1");
  CHECK(runtime == NULL);
  CHECK_ERROR(API(runtime_create)(NULL, NULL, &error), SLUICE_BAD_ARGUMENT, "runtime");

  /* A short error gets a short text, and nothing is written past it. */
  memset(short_error, 0x5a, sizeof short_error);
  const uint32_t size = 20;
  memcpy(short_error, &size, sizeof size);
  CHECK(API(runtime_create)(NULL, NULL, (sluice_error*)(void*)short_error) == SLUICE_BAD_ARGUMENT);
  CHECK(memcmp(short_error + 16, "run", 4) == 0 && short_error[20] == 0x5a);
  return 0;
}

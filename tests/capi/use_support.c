/* SPDX-License-Identifier: Apache-2.0 */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdatomic.h>
#include <stdio.h>

#include "tests/capi/abi_lists.h"
#include "tests/capi/use.h"

sluice_api use_api;
static atomic_uchar called[sizeof(sluice_api) / sizeof(void*)];

void use_note(size_t offset) { called[offset / sizeof(void*)] = 1; }

int use_fail(const char* file, int line, const char* what) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  return 1;
}

int use_begin(use_open open) {
  memset(&use_api, 0, sizeof use_api);
  CHECK(open(SLUICE_API_VERSION, NULL) == SLUICE_BAD_ARGUMENT);
  CHECK(open(SLUICE_API_VERSION, &use_api) == SLUICE_BAD_ARGUMENT);
  use_api.size = sizeof use_api;
  CHECK(open(SLUICE_API_VERSION + 0x10000u, &use_api) == SLUICE_BAD_VERSION);
  CHECK(open(SLUICE_API_VERSION + 1u, &use_api) == SLUICE_BAD_VERSION);
  CHECK(open(SLUICE_API_VERSION, &use_api) == SLUICE_OK);
  CHECK(use_api.size == sizeof use_api);
  CHECK(use_api.version == SLUICE_API_VERSION);
  return 0;
}

static int every_function_was_called(void) {
  int missing = 0;
#define ABI_FUNCTION(name, signature)                        \
  if (!called[offsetof(sluice_api, name) / sizeof(void*)]) { \
    fprintf(stderr, "never called: sluice_api.%s\n", #name); \
    ++missing;                                               \
  }
  ABI_FUNCTIONS
#undef ABI_FUNCTION
  CHECK(missing == 0);
  return 0;
}

int use_all(use_open open) {
  int (*const uses[])(void) = {use_base,  use_options,      use_runtime,  use_engine,
                               use_turns, use_inspector,    use_later,    use_blocking,
                               use_stop,  use_own_redirect, use_emulated, use_callout,
                               use_wfp};
  for (size_t i = 0; i < sizeof called / sizeof called[0]; ++i) called[i] = 0;
  if (use_begin(open) != 0) return 1;
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; ++i) {
    if (uses[i]() != 0) return 1;
  }
  return every_function_was_called();
}

int use_started(sluice_engine_options* options, const sluice_runtime_options* runtime,
                sluice_engine** engine, sluice_address* where) {
  sluice_address listen;
  sluice_error error = {.size = sizeof error};
  CHECK(API(address_loopback)(SLUICE_FAMILY_V4, 0, &listen, NULL) == SLUICE_OK);
  options->listen = &listen;
  options->listen_count = 1;
  if (API(engine_create)(options, runtime, engine, &error) != SLUICE_OK ||
      API(engine_start)(*engine, &error) != SLUICE_OK) {
    return use_fail(__FILE__, __LINE__, error.text);
  }
  CHECK(API(engine_address_count)(*engine) == 1);
  CHECK(API(engine_address)(*engine, 0, where, NULL) == SLUICE_OK);
  return 0;
}

uint64_t use_metric(sluice_engine* engine, const char* name) {
  sluice_metrics* metrics = NULL;
  uint64_t value = 0;
  if (API(engine_metrics)(engine, &metrics, NULL) != SLUICE_OK) return 0;
  if (API(metrics_find)(metrics, name, strlen(name), &value, NULL) != SLUICE_OK) value = 0;
  API(metrics_destroy)(metrics);
  return value;
}

int use_counted(sluice_engine* engine, const char* name, uint64_t value) {
  const int64_t until = use_now_ms() + 20000;
  while (use_metric(engine, name) < value) {
    if (use_now_ms() > until) return 0;
    use_pause();
  }
  return 1;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest proxy, in C: every connection goes to one upstream, until standard input ends.
 *
 *   minimal_proxy_c UPSTREAM */
#include <stdio.h>
#include <string.h>

#include "sluice/sluice.h"

static int fail(const sluice_error* error) {
  fprintf(stderr, "minimal_proxy_c: %s\n", error->text);
  return 1;
}

static int proxy(const sluice_api* api, const char* upstream) {
  sluice_error error = {.size = sizeof error};
  sluice_engine_options options;
  sluice_engine* engine = NULL;
  sluice_address address;
  char text[64];

  api->engine_options_init(&options, sizeof options);
  options.redirect = SLUICE_REDIRECT_TO;
  if (api->address_parse(upstream, strlen(upstream), &options.upstream, &error)) {
    return fail(&error);
  }
  api->address_loopback(SLUICE_FAMILY_V4, 0, &address, NULL);
  options.listen = &address;
  options.listen_count = 1;
  if (api->engine_create(&options, NULL, &engine, &error)) return fail(&error);
  if (api->engine_start(engine, &error)) return fail(&error);
  api->engine_address(engine, 0, &address, NULL);
  api->address_format(&address, text, sizeof text);
  printf("listening on %s\n", text);
  fflush(stdout);
  while (getchar() != EOF) continue;
  api->engine_stop(engine, INT64_C(30000000000), NULL);
  api->engine_destroy(engine, NULL);
  return 0;
}

int main(int argc, char** argv) {
  sluice_api api = {.size = sizeof api};
  if (argc != 2) {
    fprintf(stderr, "usage: minimal_proxy_c UPSTREAM, e.g. 127.0.0.1:80\n");
    return 64;
  }
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK) {
    fprintf(stderr, "minimal_proxy_c: the library is older than this program\n");
    return 1;
  }
  return proxy(&api, argv[1]);
}

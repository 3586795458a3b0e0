/* SPDX-License-Identifier: Apache-2.0
 *
 * The C ABI seen by a C11 compiler. Returns 0, or the line of the first thing that is wrong. */
#include <string.h>

#include "sluice/sluice.h"

int use_from_c(void);

int use_from_c(void) {
  sluice_api api;
  memset(&api, 0, sizeof api);
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_BAD_ARGUMENT) return __LINE__;
  if (sluice_open(SLUICE_API_VERSION, NULL) != SLUICE_BAD_ARGUMENT) return __LINE__;
  api.size = sizeof api;
  if (sluice_open(SLUICE_API_VERSION + 0x10000u, &api) != SLUICE_BAD_VERSION) return __LINE__;
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK) return __LINE__;
  if (api.size != sizeof api) return __LINE__;
  if (strcmp(api.version_text(), "0.1.0") != 0) return __LINE__;
  if (api.backend_name()[0] == '\0') return __LINE__;
  return 0;
}

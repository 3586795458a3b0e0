/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints what it was linked with. */
#include <sluice/sluice.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  sluice_api api;
  memset(&api, 0, sizeof api);
  api.size = sizeof api;
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK) return 1;
  printf("sluice %s on %s\n", api.version_text(), api.backend_name());
  return 0;
}

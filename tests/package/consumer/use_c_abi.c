/* SPDX-License-Identifier: Apache-2.0
 *
 * A C program on the C ABI. Ends with 0, or with the number of the first thing that is wrong. */
#include <sluice/sluice.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  sluice_api api;
  memset(&api, 0, sizeof api);
  api.size = sizeof api;
  if (sluice_open(SLUICE_API_VERSION + 0x10000u, &api) != SLUICE_BAD_VERSION) return 1;
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK) return 2;
  if (api.size != sizeof api) return 3;
  printf("c abi: sluice %s on %s\n", api.version_text(), api.backend_name());
  return 0;
}

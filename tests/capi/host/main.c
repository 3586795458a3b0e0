/* SPDX-License-Identifier: Apache-2.0
 *
 * host LIBRARY: a program that knows the shared library by its file only. It loads it, looks for
 * sluice_open, and plays everything that tests/capi plays. */
#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif
#include <stdio.h>

#include "tests/capi/use.h"

static use_open find_open(const char* path) {
  use_open open = NULL;
#if defined(_WIN32)
  const HMODULE library = LoadLibraryA(path);
  const FARPROC found = library == NULL ? NULL : GetProcAddress(library, "sluice_open");
  if (found == NULL) fprintf(stderr, "%s: error %lu\n", path, GetLastError());
  memcpy(&open, &found, sizeof open);
#else
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* found = library == NULL ? NULL : dlsym(library, "sluice_open");
  if (found == NULL) fprintf(stderr, "%s: %s\n", path, dlerror());
  memcpy(&open, &found, sizeof open);
#endif
  return open;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: host LIBRARY\n");
    return 64;
  }
  const use_open open = find_open(argv[1]);
  if (open == NULL || use_all(open) != 0) return 1;
  printf("%u functions of sluice %s on %s: all called\n",
         (unsigned)((use_api.size - offsetof(sluice_api, version_text)) / sizeof(void*)),
         use_api.version_text(), use_api.backend_name());
  return 0;
}

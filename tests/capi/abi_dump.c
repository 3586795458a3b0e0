/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/capi/abi_dump.h"

#include <inttypes.h>
#include <stdio.h>

#include "sluice/sluice.h"
#include "tests/capi/abi_lists.h"

typedef struct {
  void (*line)(void* user, const char* text);
  void* user;
} output;

static void say_struct(const output* to, const char* name, size_t size) {
  char text[512];
  snprintf(text, sizeof text, "struct %s size %" PRIu64, name, (uint64_t)size);
  to->line(to->user, text);
}

static void say_member(const output* to, const char* kind, const char* owner, size_t offset,
                       size_t size, const char* declaration) {
  char text[512];
  snprintf(text, sizeof text, "%s %s offset %" PRIu64 " size %" PRIu64 ": %s", kind, owner,
           (uint64_t)offset, (uint64_t)size, declaration);
  to->line(to->user, text);
}

static void say_constant(const output* to, const char* name, int64_t value) {
  char text[512];
  snprintf(text, sizeof text, "constant %s %" PRId64, name, value);
  to->line(to->user, text);
}

static void say_callback(const output* to, const char* declaration) {
  char text[512];
  snprintf(text, sizeof text, "callback %s", declaration);
  to->line(to->user, text);
}

void abi_dump(void (*line)(void* user, const char* text), void* user) {
  const output to = {line, user};
#define ABI_STRUCT(name) say_struct(&to, #name, sizeof(name));
#define ABI_MEMBER(name, member, declaration) \
  say_member(&to, "member", #name, offsetof(name, member), sizeof(((name*)0)->member), declaration);
#define ABI_CALLBACK(declaration) say_callback(&to, declaration);
#define ABI_CONSTANT(name) say_constant(&to, #name, (int64_t)(name));
  ABI_STRUCTS
  ABI_CALLBACKS
  ABI_CONSTANTS
}

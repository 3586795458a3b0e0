/* SPDX-License-Identifier: Apache-2.0
 *
 * What every part of the C ABI uses: results, errors, views, addresses. Include sluice.h. */
#ifndef SLUICE_C_TYPES_H_
#define SLUICE_C_TYPES_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. The numbers never change; later versions may add some. */
enum {
  SLUICE_OK = 0,
  SLUICE_BAD_VERSION = 1, /* this library does not serve that version */
  SLUICE_BAD_ARGUMENT =
      2, /* an argument, or a member of a struct, cannot work; the error names it */
  SLUICE_NO_MEMORY = 3,
  SLUICE_BAD_STATE = 4,    /* not now: the error says what has to come before */
  SLUICE_WRONG_THREAD = 5, /* called from inside a callback, where it would wait for itself */
  SLUICE_SYSTEM = 6,       /* the operating system refused; os_code is its number, if it gave one */
  SLUICE_NOT_FOUND = 7,    /* nothing has that name or index */
  SLUICE_GONE = 8,         /* nobody waits for this verdict any more */
  SLUICE_NO_ROOM = 9       /* the engine's buffers or limits are used up; nothing was changed */
};

/* A time without end. All times are nanoseconds. */
#define SLUICE_FOREVER INT64_MAX

/* What went wrong, in words. The caller sets `size`; functions that fail fill in the rest, those
 * that succeed touch nothing. */
typedef struct sluice_error {
  uint32_t size;   /* sizeof(sluice_error) */
  int32_t code;    /* what the function returned */
  int32_t os_code; /* errno or Winsock's number; 0: the operating system had no part in it */
  uint32_t reserved;
  char text[256]; /* UTF-8, ends with a zero byte; cut when it is too long */
} sluice_error;

/* Bytes or UTF-8 text of somebody else. No zero byte is needed at the end. {NULL, 0} is empty.
 * Fixed for ever. */
typedef struct sluice_view {
  const void* data;
  size_t size;
} sluice_view;

/* Fixed for ever. */
enum { SLUICE_FAMILY_NONE = 0, SLUICE_FAMILY_V4 = 4, SLUICE_FAMILY_V6 = 6 };

/* An address with a TCP port. All zero is the empty address; equal addresses are equal byte by
 * byte. Fixed for ever. */
typedef struct sluice_address {
  uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are 0 */
  uint32_t scope_id; /* IPv6 only */
  uint16_t tcp_port; /* host order */
  uint8_t family;    /* SLUICE_FAMILY_... */
  uint8_t reserved;  /* 0 */
} sluice_address;

/* Bits of address_kind. */
enum {
  SLUICE_ADDRESS_LOOPBACK = 1, /* 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104 */
  SLUICE_ADDRESS_WILDCARD = 2, /* 0.0.0.0, :: and ::ffff:0.0.0.0 */
  SLUICE_ADDRESS_V4_MAPPED = 4
};

/* Where a redirected connection was going, and who sent it there. */
typedef struct sluice_origin {
  uint32_t size; /* sizeof(sluice_origin) */
  uint32_t pid;  /* the application's process; 0: unknown */
  sluice_address destination;
  sluice_address source;    /* the application's end; empty: unknown */
  sluice_view process_path; /* the application's program; empty: unknown */
  sluice_view context;      /* own_redirect only: what inspectors shall see of it */
} sluice_origin;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SLUICE_C_TYPES_H_ */

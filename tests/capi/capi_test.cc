// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "gtest/gtest.h"
#include "sluice/sluice.h"

extern "C" int use_from_c(void);

namespace {

TEST(CApi, AC11ProgramCanUseIt) { EXPECT_EQ(use_from_c(), 0) << "see that line of use_from_c.c"; }

// A caller compiled against a shorter table must not be written past its end.
TEST(CApi, OlderCallersGetTheirPartOnly) {
  struct {
    sluice_api api;
  } caller;
  std::memset(&caller, 0x5a, sizeof caller);
  caller.api.size = offsetof(sluice_api, backend_name);
  ASSERT_EQ(sluice_open(SLUICE_API_VERSION, &caller.api), SLUICE_OK);
  EXPECT_STREQ(caller.api.version_text(), "0.1.0");
  unsigned char untouched[sizeof(void*)];
  std::memset(untouched, 0x5a, sizeof untouched);
  EXPECT_EQ(std::memcmp(&caller.api.backend_name, untouched, sizeof untouched), 0);
}

}  // namespace

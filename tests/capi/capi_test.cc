// SPDX-License-Identifier: Apache-2.0
//
// The C ABI, linked statically: each use_... of a C11 program, what older callers get, and what a
// C++ program throws from its callbacks.
#include <atomic>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "sluice/sluice.h"
#include "tests/capi/use.h"

namespace {

class CApi : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(use_begin(&sluice_open), 0); }
};

TEST_F(CApi, Base) { EXPECT_EQ(use_base(), 0); }
TEST_F(CApi, OptionsOfOlderAndNewerCallers) { EXPECT_EQ(use_options(), 0); }
TEST_F(CApi, Runtimes) { EXPECT_EQ(use_runtime(), 0); }
TEST_F(CApi, Engines) { EXPECT_EQ(use_engine(), 0); }
TEST_F(CApi, TurnsOfTheCaller) { EXPECT_EQ(use_turns(), 0); }
TEST_F(CApi, Inspectors) { EXPECT_EQ(use_inspector(), 0); }
TEST_F(CApi, VerdictsThatComeLater) { EXPECT_EQ(use_later(), 0); }
TEST_F(CApi, BlockingInspectorsAndTheTap) { EXPECT_EQ(use_blocking(), 0); }
TEST_F(CApi, NoCallbackComesAfterTheFinalEvent) { EXPECT_EQ(use_stop(), 0); }
TEST_F(CApi, OwnRedirect) { EXPECT_EQ(use_own_redirect(), 0); }
TEST_F(CApi, EmulatedPlatform) { EXPECT_EQ(use_emulated(), 0); }
TEST_F(CApi, OwnCallouts) { EXPECT_EQ(use_callout(), 0); }
TEST_F(CApi, ControlCodes) { EXPECT_EQ(use_wfp(), 0); }
TEST(CApiWhole, EveryFunctionOfTheTableIsCalled) { EXPECT_EQ(use_all(&sluice_open), 0); }

// A caller compiled against a shorter table must not be written past its end.
TEST(CApiTable, OlderCallersGetTheirPartOnly) {
  sluice_api caller;
  std::memset(static_cast<void*>(&caller), 0x5a, sizeof caller);
  caller.size = offsetof(sluice_api, backend_name);
  ASSERT_EQ(sluice_open(1, &caller), SLUICE_OK);
  EXPECT_EQ(caller.size, offsetof(sluice_api, backend_name));
  EXPECT_STREQ(caller.version_text(), "0.1.0");
  unsigned char untouched[sizeof(sluice_api)];
  std::memset(untouched, 0x5a, sizeof untouched);
  EXPECT_EQ(std::memcmp(&caller.backend_name, untouched,
                        sizeof caller - offsetof(sluice_api, backend_name)),
            0);
}

// Where nothing can be said, nothing is done.
TEST_F(CApi, NullHandlesAreRefused) {
  sluice_error error{};
  error.size = sizeof error;
  EXPECT_EQ(use_api.engine_start(nullptr, &error), SLUICE_BAD_ARGUMENT);
  EXPECT_STREQ(error.text, "engine: is NULL");
  EXPECT_EQ(use_api.engine_stop(nullptr, 0, nullptr), SLUICE_BAD_ARGUMENT);
  EXPECT_EQ(use_api.runtime_live(nullptr, nullptr, nullptr), SLUICE_BAD_ARGUMENT);
  EXPECT_EQ(use_api.bytes_size(nullptr), 0u);
  EXPECT_EQ(use_api.data_take_later(nullptr), nullptr);
  EXPECT_EQ(use_api.pending_resolve(nullptr, SLUICE_PASS), SLUICE_BAD_ARGUMENT);
  EXPECT_EQ(use_api.read_client_hello(nullptr, nullptr), -1);
  EXPECT_EQ(use_api.platform_statistics(nullptr, nullptr, nullptr), SLUICE_BAD_ARGUMENT);
  EXPECT_EQ(use_api.platform_process(nullptr), nullptr);
}

// ---- What is thrown ends at the border ----

struct Thrower {
  std::atomic<int> calls{0};
};

[[noreturn]] void Throw(void* user) {
  ++static_cast<Thrower*>(user)->calls;
  throw std::string("from a callback");
}

class CApiThrows : public CApi {
 protected:
  void SetUp() override {
    CApi::SetUp();
    use_api.engine_options_init(&options_, sizeof options_);
    options_.redirect = SLUICE_REDIRECT_TO;
    origin_ = use_listen(&options_.upstream);
    ASSERT_NE(origin_, USE_NONE);
  }
  void TearDown() override {
    use_close(client_);
    EXPECT_EQ(use_api.engine_destroy(engine_, nullptr), SLUICE_OK);
    use_close(origin_);
  }
  void StartEngine() { ASSERT_EQ(use_started(&options_, nullptr, &engine_, &where_), 0); }
  void Start() {
    StartEngine();
    client_ = use_connect(&where_);
    ASSERT_NE(client_, USE_NONE);
  }

  Thrower thrower_;
  sluice_engine_options options_;
  sluice_engine* engine_ = nullptr;
  sluice_address where_;
  std::uint64_t origin_ = USE_NONE;
  std::uint64_t client_ = USE_NONE;
};

TEST_F(CApiThrows, AnInspectorGivesTheDefaultVerdict) {
  sluice_inspector inspector{};
  inspector.size = sizeof inspector;
  inspector.user = &thrower_;
  inspector.on_data = [](void* user, sluice_flow*, int32_t, sluice_bytes*,
                         sluice_data_call*) -> int32_t { Throw(user); };
  options_.inspector = &inspector;
  Start();
  ASSERT_TRUE(use_send(client_, "x", 1));
  EXPECT_TRUE(use_ended(client_));
  EXPECT_EQ(use_metric(engine_, "bad_verdict"), 1u);
  EXPECT_EQ(thrower_.calls, 1);
}

TEST_F(CApiThrows, AnOwnRedirectFindsNothing) {
  sluice_own_redirect own{};
  own.size = sizeof own;
  own.user = &thrower_;
  own.find = [](void* user, const sluice_address*, const sluice_address*,
                sluice_found*) -> int32_t { Throw(user); };
  options_.redirect = SLUICE_REDIRECT_OWN;
  options_.own_redirect = &own;
  StartEngine();
  EXPECT_TRUE(use_refused(&where_));
  EXPECT_EQ(thrower_.calls, 1);
}

TEST_F(CApiThrows, AFinalEventWasTold) {
  Start();
  ASSERT_EQ(use_api.engine_begin_stop(
                engine_, 0, [](void* user) { Throw(user); }, &thrower_, nullptr),
            SLUICE_OK);
  ASSERT_EQ(use_api.engine_stop(engine_, 0, nullptr), SLUICE_OK);
  EXPECT_EQ(thrower_.calls, 1);
}

TEST_F(CApiThrows, ALogLineIsLost) {
  use_api.log_set_sink([](void* user, int32_t, const char*, size_t) { Throw(user); }, &thrower_);
  use_api.log_set_level(SLUICE_LOG_DEBUG, nullptr);
  use_close(origin_);
  origin_ = use_reserve(&options_.upstream);
  ASSERT_NE(origin_, USE_NONE);
  StartEngine();
  EXPECT_TRUE(use_refused(&where_));
  EXPECT_EQ(use_api.engine_destroy(engine_, nullptr), SLUICE_OK);
  engine_ = nullptr;
  use_api.log_set_sink(nullptr, nullptr);
  use_api.log_set_level(SLUICE_LOG_INFO, nullptr);
  EXPECT_GT(thrower_.calls, 0);
}

}  // namespace

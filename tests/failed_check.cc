// SPDX-License-Identifier: Apache-2.0
//
// Windows only. Takes the place of engine/base/check.cc, which the linker then leaves in its
// archive.
#include "tests/failed_check.h"

#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "engine/base/check.h"

namespace sluice {
namespace {

// Of a thread that is expected to fail a check.
thread_local std::promise<std::string>* expected = nullptr;

}  // namespace

std::string FailedCheckOf(std::function<void()> statement) {
  auto failed = std::make_shared<std::promise<std::string>>();
  std::future<std::string> answer = failed->get_future();
  std::thread([failed, statement = std::move(statement)] {
    expected = failed.get();
    statement();
    expected = nullptr;
    failed->set_value("");
  }).detach();
  return answer.get();
}

[[noreturn]] void CheckFailed(const char* file, int line, const char* text) {
  if (expected != nullptr) {
    std::exchange(expected, nullptr)->set_value(text);
    std::promise<void>().get_future().wait();
  }
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  std::fflush(stderr);
  std::abort();
}

}  // namespace sluice

// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/crash_note.h"

#include <atomic>
#include <csignal>
#include <cstdio>

namespace sluice::sim {
namespace {

std::atomic<std::uint64_t> current{0};

// The process is about to end; formatting is the least of its problems.
void Say(int number) {
  std::fprintf(stderr, "simulation died at seed %llu (signal %d): tests/sim/replay %llu\n",
               static_cast<unsigned long long>(current.load()), number,
               static_cast<unsigned long long>(current.load()));
  std::fflush(stderr);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

CrashNote::CrashNote(std::uint64_t seed) {
  if (current.exchange(seed) == 0) std::signal(SIGABRT, Say);
}

CrashNote::~CrashNote() = default;

}  // namespace sluice::sim

// SPDX-License-Identifier: Apache-2.0
//
// Runs the benchmarks that are linked in; flags are Google Benchmark's, and --sizes, which prints
// the sizes of the structs that each connection has. Exit code 1 when a benchmark failed.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/micro/report.h"
#include "engine/io/port.h"
#include "tests/cost/sizes.h"

namespace sluice::bench {
namespace {

std::atomic<bool> any_failed{false};

void PrintSizes() {
  for (const cost::HotSize& size : cost::kHotSizes) {
    std::printf("%-16s %5zu bytes  %s\n", size.name, size.bytes, size.how_many);
  }
}

std::string SizesInOneLine() {
  std::string line;
  for (const cost::HotSize& size : cost::kHotSizes) {
    absl::StrAppend(&line, line.empty() ? "" : " ", size.name, "=", size.bytes);
  }
  return line;
}

}  // namespace

void Fail(benchmark::State& state, const std::string& why) {
  any_failed = true;
  state.SkipWithError(why.c_str());
}

bool AnyFailed() { return any_failed; }

}  // namespace sluice::bench

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--sizes") == 0) {
    sluice::bench::PrintSizes();
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::AddCustomContext("backend", sluice::io::Port::BackendName());
  benchmark::AddCustomContext("sizes", sluice::bench::SizesInOneLine());
  const std::size_t run = benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return run == 0 || sluice::bench::AnyFailed() ? 1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// The smallest proxy: every connection goes to one upstream, until standard input ends.
//
//   minimal_proxy UPSTREAM
#include <cstdio>
#include <string>
#include <utility>

#include "sluice/engine.h"

namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "minimal_proxy: %s\n", std::string(status.message()).c_str());
  return 1;
}

// README begins
int Proxy(const sluice::Address& upstream) {
  sluice::EngineOptions options;
  options.listen = {sluice::Address::Loopback(sluice::Family::kV4, 0)};
  options.redirect = sluice::Redirect::To(upstream);
  auto engine = sluice::Engine::Create(std::move(options));
  if (!engine.ok()) return Fail(engine.status());
  if (auto started = (*engine)->Start(); !started.ok()) return Fail(started);
  std::printf("listening on %s\n", (*engine)->addresses()[0].ToString().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  (*engine)->Stop(absl::Seconds(30));
  return 0;
}
// README ends

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: minimal_proxy UPSTREAM, e.g. 127.0.0.1:80\n");
    return 64;
  }
  const absl::StatusOr<sluice::Address> upstream = sluice::Address::Parse(argv[1]);
  return upstream.ok() ? Proxy(*upstream) : Fail(upstream.status());
}

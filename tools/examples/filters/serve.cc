// SPDX-License-Identifier: Apache-2.0
#include "tools/examples/filters/serve.h"

#include <cstdio>
#include <utility>

namespace sluice::examples {
namespace {

int Fail(const char* program, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", program, std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int Serve(const char* program, const std::string& upstream, EngineOptions options) {
  const absl::StatusOr<Address> to = Address::Parse(upstream);
  if (!to.ok()) return Fail(program, to.status());
  options.listen = {Address::Loopback(Family::kV4, 0)};
  options.redirect = Redirect::To(*to);
  auto engine = Engine::Create(std::move(options));
  if (!engine.ok()) return Fail(program, engine.status());
  const absl::Status started = (*engine)->Start();
  if (!started.ok()) return Fail(program, started);
  std::printf("listening on %s\n", (*engine)->addresses()[0].ToString().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  (*engine)->Stop(absl::Seconds(30));
  return 0;
}

}  // namespace sluice::examples

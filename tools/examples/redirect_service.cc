// SPDX-License-Identifier: Apache-2.0
//
// A vendor's redirect service on the emulated platform, whole: the callout that would live in a
// driver, with a context layout of the vendor's own, and the proxy that reads it.
//
//   redirect_service DESTINATION
//
// listens, treats the client that comes as an application on its way to DESTINATION, and when that
// connection is over prints what the callout saw. With the real driver the same engine runs without
// RuntimeOptions::platform.
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "sluice/emulated.h"
#include "sluice/engine.h"

namespace {

using sluice::Address;
using sluice::Origin;

// Ours: four bytes "ACME", then the destination as text. A context comes from a driver, so nothing
// of it is trusted: wrong magic, text that is no address, or port 0 is refused.
class AcmeContext final : public sluice::ContextCodec {
 public:
  const char* name() const override { return "acme"; }

  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override {
    if (bytes.size() <= 4 || std::memcmp(bytes.data(), "ACME", 4) != 0) return std::nullopt;
    const auto* text = reinterpret_cast<const char*>(bytes.data()) + 4;
    const absl::StatusOr<Address> destination =
        Address::Parse(absl::string_view(text, bytes.size() - 4));
    if (!destination.ok() || destination->tcp_port() == 0) return std::nullopt;
    Origin origin;
    origin.destination = *destination;
    return origin;
  }

  std::string Encode(const Origin& origin) const override {
    return "ACME" + origin.destination.ToString();
  }
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "redirect_service: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Serve(const Address& destination) {
  sluice::emulated::PlatformOptions platform_options;
  platform_options.trace_capacity = 64;
  sluice::emulated::Platform platform(platform_options);

  sluice::WfpRedirectOptions wfp;
  wfp.standard_codecs = false;  // no layout but ours
  wfp.codecs.push_back(std::make_unique<AcmeContext>());
  sluice::EngineOptions options;
  options.name = "acme";
  options.listen = {Address::Loopback(sluice::Family::kV4, 0)};
  options.redirect = sluice::Redirect::Wfp(std::move(wfp));
  sluice::RuntimeOptions runtime;
  runtime.platform = platform.process();
  auto engine = sluice::Engine::Create(std::move(options), runtime);
  if (!engine.ok()) return Fail(engine.status());
  if (const absl::Status started = (*engine)->Start(); !started.ok()) return Fail(started);

  sluice::emulated::VendorOptions vendor;
  vendor.name = "acme";
  vendor.listeners = (*engine)->addresses();
  vendor.destinations = {destination};
  vendor.make_context = [](const sluice::emulated::ClassifyValues& values) {
    Origin origin;
    origin.destination = values.remote;
    return AcmeContext().Encode(origin);
  };
  if (const auto added = platform.AddVendor(vendor); !added.ok()) return Fail(added.status());
  platform.AdoptForeign((*engine)->addresses()[0], destination);

  std::printf("listening on %s\n", (*engine)->addresses()[0].ToString().c_str());
  std::fflush(stdout);
  while ((*engine)->metrics()["joined"] == 0) absl::SleepFor(absl::Milliseconds(10));
  (*engine)->Stop(absl::Seconds(1));
  std::printf("%s", platform.TraceText().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: redirect_service DESTINATION, e.g. 127.0.0.1:80\n");
    return 64;
  }
  const absl::StatusOr<Address> destination = Address::Parse(argv[1]);
  if (!destination.ok()) return Fail(destination.status());
  return Serve(*destination);
}

// SPDX-License-Identifier: Apache-2.0
//
// Redirect query and carry against the emulated platform: the engine's share and the emulator's.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "sluice/emulated.h"

namespace sluice::redirect {
namespace {

using bench::AllocationMeter;
using bench::Fail;

// A connection that the platform redirected to a listener here, accepted.
class Redirected {
 public:
  Redirected() {
    io::PortOptions options;
    options.platform = platform_.process();
    port_ = Make(options);
    client_port_ = Make(io::PortOptions{});
    const Address any = Address::Loopback(Family::kV4, 0);
    Check(port_->Listen(listener_, any, io::ListenOptions{}).ok(), "listen");
    emulated::VendorOptions vendor;
    vendor.name = "A";
    vendor.listeners = {listener_.local()};
    Check(platform_.AddVendor(vendor).ok(), "vendor");
    platform_.AdoptForeign(listener_.local(), Address::V4({93, 184, 216, 34}, 443));
    Accept();
  }
  ~Redirected() {
    client_port_->Abort(client_);
    for (io::Socket* socket : {&listener_, &accepted_, &onward_}) port_->Abort(*socket);
    while (!accept_.idle()) Turn();
  }

  const std::string& failure() const { return failure_; }
  io::Port& port() { return *port_; }
  io::Socket& accepted() { return accepted_; }
  io::Socket& onward() { return onward_; }
  WorkerView worker() { return WorkerView{port_.get(), &buffers_}; }
  void Turn() { port_->RunOnce(port_->now() + kSecond); }

 private:
  static std::unique_ptr<io::Port> Make(const io::PortOptions& options) {
    absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(options);
    SLUICE_CHECK(port.ok());
    return *std::move(port);
  }
  void Check(bool ok, const char* what) {
    if (!ok && failure_.empty()) failure_ = absl::StrCat("set-up failed: ", what);
  }
  void Accept() {
    if (!failure_.empty()) return;
    accept_.Bind(this, [](void* self, Outcome outcome) {
      auto* redirected = static_cast<Redirected*>(self);
      redirected->Check(outcome.ok(), "accept");
      if (!outcome.ok()) return;
      const OsError error =
          redirected->port_->Adopt(redirected->accepted_, redirected->accept_.Take());
      redirected->Check(error.ok(), "adopt");
    });
    connect_.Bind(this, [](void* self, Outcome outcome) {
      static_cast<Redirected*>(self)->Check(outcome.ok(), "connect");
    });
    port_->Accept(accept_, listener_);
    Check(client_port_->Open(client_, Family::kV4).ok(), "open");
    if (!failure_.empty()) return;
    client_port_->Connect(connect_, client_, listener_.local());
    for (int i = 0; i < 1000 && failure_.empty() && !(accept_.idle() && connect_.idle()); ++i) {
      client_port_->RunOnce(client_port_->now() + 10 * kMillisecond);
      port_->RunOnce(port_->now() + 10 * kMillisecond);
    }
    Check(accepted_.is_open(), "no connection");
    Check(port_->Open(onward_, Family::kV4).ok(), "open");
  }

  emulated::Platform platform_;
  memory::BufferPool buffers_;
  std::unique_ptr<io::Port> port_;
  std::unique_ptr<io::Port> client_port_;
  io::Socket listener_;
  io::Socket client_;
  io::Socket accepted_;
  io::Socket onward_;
  io::AcceptOp accept_;
  io::ConnectOp connect_;
  std::string failure_;
};

std::string QueryOnce(Redirected& redirected, WfpRedirector& redirector, QueryOp& query) {
  redirector.Query(query, redirected.worker(), redirected.accepted());
  while (!query.idle()) redirected.Turn();
  if (query.verdict() == Verdict::kOk) return "";
  return absl::StrCat("query: ", VerdictText(query.verdict()), " ", query.error().ToString());
}

void BM_RedirectQueryEmulated(benchmark::State& state) {
  Redirected redirected;
  WfpRedirector redirector;
  QueryOp query;
  query.Bind(nullptr, [](void*) {});
  std::string failure = redirected.failure();
  if (!failure.empty()) return Fail(state, failure);
  const AllocationMeter meter;
  for (auto _ : state) {
    query.Reset();
    failure = QueryOnce(redirected, redirector, query);
    if (!failure.empty()) return Fail(state, failure);
  }
  meter.Report(state);
  query.Reset();
}
BENCHMARK(BM_RedirectQueryEmulated);

void BM_RedirectCarryEmulated(benchmark::State& state) {
  Redirected redirected;
  WfpRedirector redirector;
  QueryOp query;
  CarryOp carry;
  query.Bind(nullptr, [](void*) {});
  carry.Bind(nullptr, [](void*) {});
  std::string failure = redirected.failure();
  if (failure.empty()) failure = QueryOnce(redirected, redirector, query);
  if (!failure.empty()) return Fail(state, failure);
  const AllocationMeter meter;
  for (auto _ : state) {
    redirector.Carry(carry, redirected.worker(), redirected.onward(), query);
    while (!carry.idle()) redirected.Turn();
    if (carry.verdict() == Verdict::kOk) continue;
    Fail(state, absl::StrCat("carry: ", VerdictText(carry.verdict())));
    break;
  }
  meter.Report(state);
  query.Reset();
}
BENCHMARK(BM_RedirectCarryEmulated);

}  // namespace
}  // namespace sluice::redirect

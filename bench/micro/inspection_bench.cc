// SPDX-License-Identifier: Apache-2.0
//
// What it costs to be looked at: one kept connection through one engine, over loopback sockets,
// with nobody to look, with an inspector that detaches, and with one that passes all it is shown.
// Small round trips show the cost of a call, large ones that of a byte.
//
// Compare inside one run whose repetitions are interleaved:
//   micro --benchmark_filter=Inspected --benchmark_repetitions=9
//         --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true
#include <cstdint>
#include <string>
#include <vector>

#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "engine/base/check.h"
#include "engine/io/port.h"
#include "sluice/inspector.h"
#include "tests/cost/chain.h"

namespace sluice::cost {
namespace {

enum class Look : std::uint8_t { kNever, kDetached, kPassed };

class FixedInspector final : public Inspector {
 public:
  explicit FixedInspector(Verdict verdict) : verdict_(verdict) {}
  Verdict OnData(InspectedFlow&, Direction, Bytes&, DataCall&) override { return verdict_; }

 private:
  const Verdict verdict_;
};

// Sends all of a buffer, or receives as many bytes.
class Mover {
 public:
  explicit Mover(std::size_t bytes) : out_(bytes, 'x'), in_(std::size_t{256} * 1024) {
    send_.Bind<&Mover::OnSent>(this);
    recv_.Bind<&Mover::OnReceived>(this);
  }
  void Move(io::Port& port, io::Socket& from, io::Socket& to) {
    port_ = &port;
    from_ = &from;
    to_ = &to;
    sent_ = received_ = 0;
    Send();
    Receive();
  }
  bool done() const { return failed_ || (sent_ == out_.size() && received_ == out_.size()); }
  bool failed() const { return failed_; }

 private:
  void Send() {
    const io::IoBuffer rest{out_.data() + sent_, out_.size() - sent_};
    port_->Send(send_, *from_, absl::MakeConstSpan(&rest, 1));
  }
  void Receive() {
    const io::IoBuffer room{in_.data(), in_.size()};
    port_->Recv(recv_, *to_, absl::MakeConstSpan(&room, 1));
  }
  void OnSent(Outcome outcome) {
    failed_ = failed_ || !outcome.ok();
    sent_ += outcome.bytes;
    if (!failed_ && sent_ < out_.size()) Send();
  }
  void OnReceived(Outcome outcome) {
    failed_ = failed_ || !outcome.ok() || outcome.bytes == 0;
    received_ += outcome.bytes;
    if (!failed_ && received_ < out_.size()) Receive();
  }

  io::Port* port_ = nullptr;
  io::Socket* from_ = nullptr;
  io::Socket* to_ = nullptr;
  std::vector<char> out_;
  std::vector<char> in_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool failed_ = false;
  io::SendOp send_;
  io::RecvOp recv_;
};

// One connection and its origin, both on this thread.
class Kept {
 public:
  explicit Kept(std::size_t bytes) : up_(bytes), down_(bytes) {
    auto port = io::Port::Create(io::PortOptions());
    SLUICE_CHECK(port.ok());
    port_ = *std::move(port);
    SLUICE_CHECK(
        port_->Listen(listener_, Address::Loopback(Family::kV4, 0), io::ListenOptions()).ok());
    SLUICE_CHECK(port_->Open(client_, Family::kV4).ok());
  }
  ~Kept() {
    for (io::Socket* socket : {&client_, &origin_, &listener_}) port_->Close(*socket);
  }
  const Address& origin() const { return listener_.local(); }

  bool Connect(const Address& front) {
    accept_.Bind<&Kept::OnAccepted>(this);
    connect_.Bind<&Kept::OnConnected>(this);
    port_->Accept(accept_, listener_);
    port_->Connect(connect_, client_, front);
    return Run([this] { return accepted_ && connected_; });
  }
  bool RoundTrip() {
    up_.Move(*port_, client_, origin_);
    if (!Run([this] { return up_.done(); })) return false;
    down_.Move(*port_, origin_, client_);
    return Run([this] { return down_.done(); }) && !up_.failed() && !down_.failed();
  }

 private:
  template <typename Done>
  bool Run(Done done) {
    const Instant end = port_->now() + 30 * kSecond;
    while (!done()) {
      if (port_->now() >= end) return false;
      port_->RunOnce(end);
    }
    return true;
  }
  void OnAccepted(Outcome outcome) {
    accepted_ = outcome.ok() && port_->Adopt(origin_, accept_.Take()).ok();
  }
  void OnConnected(Outcome outcome) { connected_ = outcome.ok(); }

  std::unique_ptr<io::Port> port_;
  io::Socket listener_;
  io::Socket client_;
  io::Socket origin_;
  io::AcceptOp accept_;
  io::ConnectOp connect_;
  Mover up_;
  Mover down_;
  bool accepted_ = false;
  bool connected_ = false;
};

void Inspected(benchmark::State& state, Look look) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  FixedInspector inspector(look == Look::kDetached ? Verdict::kDetach : Verdict::kPass);
  Kept kept(bytes);
  Chain chain(ChainOptions{.inspector = look == Look::kNever ? nullptr : &inspector},
              kept.origin());
  // The first trips find out how much comes at once, and detach.
  bool ok = kept.Connect(chain.front());
  for (int i = 0; ok && i < 16; ++i) ok = kept.RoundTrip();
  if (!ok) return bench::Fail(state, "warm-up failed");
  const Chain::Spent before = chain.spent();
  for (auto _ : state) {
    if (kept.RoundTrip()) continue;
    bench::Fail(state, "a round trip failed");
    break;
  }
  const Chain::Spent after = chain.spent();
  const auto trips = static_cast<double>(state.iterations());
  const double moved = 2 * static_cast<double>(bytes) * trips;
  state.SetBytesProcessed(static_cast<std::int64_t>(moved));
  state.counters["engine_us_per_trip"] = (after.cpu_seconds - before.cpu_seconds) * 1e6 / trips;
  state.counters["calls_per_trip"] = static_cast<double>(after.calls - before.calls) / trips;
  state.counters["copied"] = static_cast<double>(after.copied - before.copied);
  const auto spliced = static_cast<double>(after.spliced - before.spliced);
  state.counters["spliced_part"] = spliced / moved;
  if (after.copied != 0) bench::Fail(state, "bytes were copied");
  if (look == Look::kPassed && spliced != 0) bench::Fail(state, "bytes went by unseen");
}

void BM_InspectedNever(benchmark::State& state) { Inspected(state, Look::kNever); }
void BM_InspectedDetached(benchmark::State& state) { Inspected(state, Look::kDetached); }
void BM_InspectedPassed(benchmark::State& state) { Inspected(state, Look::kPassed); }
BENCHMARK(BM_InspectedNever)->Arg(64)->Arg(1 << 20)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_InspectedDetached)
    ->Arg(64)
    ->Arg(1 << 20)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_InspectedPassed)->Arg(64)->Arg(1 << 20)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::cost

// SPDX-License-Identifier: Apache-2.0
//
// One emulated redirection, end to end: an application connects to an origin, the callout sends it
// to the proxy, the proxy asks where it was going, carries the records onward and connects there.
#include <array>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/io/port.h"
#include "engine/memory/buffer_pool.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "sluice/emulated.h"
#include "tools/sluice/doctor.h"

namespace sluice::tool {
namespace {

constexpr Nanos kPatience = 10 * kSecond;

template <typename Op>
struct Step {
  Step() {
    op.Bind(this, [](void* self, Outcome result) {
      static_cast<Step*>(self)->outcome = result;
      static_cast<Step*>(self)->done = true;
    });
  }
  Op op;
  Outcome outcome;
  bool done = false;
  bool taken = false;  // an accepted socket has found its owner
};

template <typename Op>
struct Ask {
  Ask() {
    op.Bind(this, [](void* self) { static_cast<Ask*>(self)->done = true; });
  }
  Op op;
  bool done = false;
};

class Trial {
 public:
  explicit Trial(nlohmann::ordered_json* steps) : steps_(*steps) {}
  ~Trial();

  std::string Run();

 private:
  std::string Begin();
  std::string Accept(Step<io::AcceptOp>& accept, io::Port& port, io::Socket& socket);
  std::string Redirected();
  std::string Onward();
  bool Await(const std::function<bool()>& done);

  nlohmann::ordered_json& steps_;
  const Instant end_ = Instant::Now() + kPatience;
  emulated::Platform platform_;
  memory::BufferPool buffers_;
  redirect::WfpRedirector redirector_;
  std::unique_ptr<io::Port> proxy_;
  std::unique_ptr<io::Port> app_;
  io::Socket listener_, accepted_, onward_;  // the proxy's
  io::Socket origin_, client_, arrived_;     // the application's side
  Step<io::AcceptOp> proxy_accept_, origin_accept_;
  Step<io::ConnectOp> connect_, onward_connect_;
  Ask<redirect::QueryOp> query_;
  Ask<redirect::CarryOp> carry_;
};

Trial::~Trial() {
  const auto close = [](io::Port* port, std::array<io::Socket*, 3> sockets) {
    if (port == nullptr) return;
    for (io::Socket* socket : sockets) {
      if (socket->is_open()) port->Close(*socket);
      while (!socket->is_joined()) port->RunOnce(Instant::Now() + kMillisecond);
    }
  };
  close(proxy_.get(), {&listener_, &accepted_, &onward_});
  close(app_.get(), {&origin_, &client_, &arrived_});
  for (Step<io::AcceptOp>* accept : {&proxy_accept_, &origin_accept_}) {
    io::Port* port = accept == &proxy_accept_ ? proxy_.get() : app_.get();
    if (!accept->done || !accept->outcome.ok() || accept->taken) continue;
    io::Port::Discard(accept->op.Take(), port->platform());
  }
}

bool Trial::Await(const std::function<bool()>& done) {
  while (!done() && Instant::Now() < end_) {
    if (proxy_->RunOnce(Instant{0}) + app_->RunOnce(Instant{0}) == 0) {
      proxy_->RunOnce(Instant::Now() + kMillisecond);
    }
  }
  return done();
}

std::string Trial::Begin() {
  emulated::ProcessOptions application;
  application.pid = 1000;
  application.path = "application";
  application.elevated = false;
  application.proxy = false;
  for (const auto& [port, process] :
       {std::pair{&proxy_, platform_.process()}, {&app_, platform_.AddProcess(application)}}) {
    io::PortOptions options;
    options.platform = process;
    absl::StatusOr<std::unique_ptr<io::Port>> made = io::Port::Create(options);
    if (!made.ok()) return std::string(made.status().message());
    *port = *std::move(made);
  }
  const Address any = Address::Loopback(Family::kV4, 0);
  OsError error = proxy_->Listen(listener_, any, io::ListenOptions());
  if (error.ok()) error = app_->Listen(origin_, any, io::ListenOptions());
  if (error.ok()) error = app_->Open(client_, Family::kV4);
  if (error.ok()) error = proxy_->Open(onward_, Family::kV4);
  if (!error.ok()) return absl::StrCat("loopback sockets: ", error.ToString());
  emulated::VendorOptions vendor;
  vendor.name = "doctor";
  vendor.listeners = {listener_.local()};
  const absl::StatusOr<emulated::VendorId> added = platform_.AddVendor(vendor);
  return added.ok() ? "" : std::string(added.status().message());
}

std::string Trial::Accept(Step<io::AcceptOp>& accept, io::Port& port, io::Socket& socket) {
  if (!Await([&] { return accept.done; })) return "no connection arrived";
  if (!accept.outcome.ok()) return absl::StrCat("accept: ", accept.outcome.error.ToString());
  accept.taken = true;
  const OsError error = port.Adopt(socket, accept.op.Take());
  return error.ok() ? "" : absl::StrCat("adopt: ", error.ToString());
}

std::string Trial::Redirected() {
  proxy_->Accept(proxy_accept_.op, listener_);
  app_->Connect(connect_.op, client_, origin_.local());
  if (!Await([&] { return connect_.done; })) return "the application's connect does not end";
  if (!connect_.outcome.ok()) return absl::StrCat("connect: ", connect_.outcome.error.ToString());
  const std::string failure = Accept(proxy_accept_, *proxy_, accepted_);
  if (!failure.empty()) return absl::StrCat("redirected connection: ", failure);
  steps_["redirected"] = "ok";
  redirector_.Query(query_.op, {proxy_.get(), &buffers_}, accepted_);
  if (!Await([&] { return query_.done; })) return "the query does not end";
  steps_["query"] = redirect::VerdictText(query_.op.verdict());
  if (query_.op.verdict() != redirect::Verdict::kOk) {
    return absl::StrCat("query: ", redirect::VerdictText(query_.op.verdict()));
  }
  if (query_.op.origin().destination != origin_.local()) return "query: another destination";
  return "";
}

std::string Trial::Onward() {
  redirector_.Carry(carry_.op, {proxy_.get(), &buffers_}, onward_, query_.op);
  if (!Await([&] { return carry_.done; })) return "SET does not end";
  steps_["set"] = redirect::VerdictText(carry_.op.verdict());
  if (carry_.op.verdict() != redirect::Verdict::kOk) {
    return absl::StrCat("set: ", redirect::VerdictText(carry_.op.verdict()));
  }
  app_->Accept(origin_accept_.op, origin_);
  proxy_->Connect(onward_connect_.op, onward_, query_.op.origin().destination);
  if (!Await([&] { return onward_connect_.done; })) return "the onward connect does not end";
  if (!onward_connect_.outcome.ok()) {
    return absl::StrCat("onward connect: ", onward_connect_.outcome.error.ToString());
  }
  const std::string failure = Accept(origin_accept_, *app_, arrived_);
  if (!failure.empty()) return absl::StrCat("onward connection: ", failure);
  steps_["onward"] = "ok";
  const emulated::Statistics statistics = platform_.statistics();
  return statistics.redirected == 1 ? "" : "the onward connect was redirected again";
}

std::string Trial::Run() {
  std::string failure = Begin();
  if (failure.empty()) failure = Redirected();
  if (failure.empty()) failure = Onward();
  return failure;
}

}  // namespace

std::string TryEmulation(nlohmann::ordered_json* steps) {
  *steps = nlohmann::ordered_json::object();
  Trial trial(steps);
  return trial.Run();
}

}  // namespace sluice::tool

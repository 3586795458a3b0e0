// SPDX-License-Identifier: Apache-2.0
#include "tests/redirect/rig.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace sluice::emulated {
namespace {

constexpr Nanos kPatience = 20 * kSecond;

std::unique_ptr<io::Port> MakePort(io::Platform* platform) {
  io::PortOptions options;
  options.platform = platform;
  auto port = io::Port::Create(options);
  if (!port.ok()) {
    std::fprintf(stderr, "no port: %s\n", port.status().ToString().c_str());
    std::abort();
  }
  return std::move(*port);
}

Completion CompletionOf(Way way) {
  switch (way) {
    case Way::kSync:
    case Way::kInline:
      return Completion::kInline;
    case Way::kPend:
      return Completion::kPend;
    case Way::kRandom:
      return Completion::kRandom;
  }
  return Completion::kInline;
}

PlatformOptions MachineOptions(const RigOptions& rig) {
  PlatformOptions options;
  options.knobs = rig.knobs;
  options.knobs.completion = CompletionOf(rig.way);
  options.manual_completion = rig.manual_completion;
  options.trace_capacity = 64;
  return options;
}

template <typename Op>
struct Heard {
  Heard() {
    op.Bind(this, [](void* self, Outcome result) {
      auto* heard = static_cast<Heard*>(self);
      heard->outcome = result;
      heard->done = true;
    });
  }
  Op op;
  Outcome outcome;
  bool done = false;
};

RigOptions With(Way way, const Knobs& knobs) {
  RigOptions options;
  options.way = way;
  options.knobs = knobs;
  return options;
}

}  // namespace

std::string WayName(Way way) {
  switch (way) {
    case Way::kSync:
      return "Sync";
    case Way::kInline:
      return "Inline";
    case Way::kPend:
      return "Pend";
    case Way::kRandom:
      return "Random";
  }
  return "Unknown";
}

::testing::AssertionResult FailsWith(const Answer& answer, std::uint32_t at_once,
                                     std::uint32_t by_packet) {
  const std::uint32_t expected = answer.at_once ? at_once : by_packet;
  if (answer.number == expected) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "got " << answer.number << ", expected " << expected
                                       << (answer.at_once ? " (at once)" : " (by packet)");
}

Rig::Rig(Way way, const Knobs& knobs) : Rig(With(way, knobs)) {}

Rig::Rig(const RigOptions& options)
    : platform(std::make_unique<Platform>(MachineOptions(options))), options_(options) {
  ProcessOptions application;
  application.pid = 1000;
  application.path = "app";
  application.elevated = false;
  application.proxy = false;
  proxy_front_ = platform->AddProcess(options.proxy);
  proxy_port_ = MakePort(proxy_front_);
  app_port_ = MakePort(platform->AddProcess(application));
  listener_ = &Listen(*proxy_port_, options.family);
  origin_ = &Listen(*app_port_, options.family);
  if (!options.with_vendor) return;
  VendorOptions vendor;
  vendor.name = "A";
  vendor.sublayer_weight = 900;
  vendor.listeners = {listener_->local()};
  vendor.personality = options.personality;
  if (!options.context.empty()) {
    vendor.make_context = [context = options.context](const ClassifyValues&) { return context; };
  }
  EXPECT_TRUE(platform->AddVendor(vendor).ok());
}

Rig::~Rig() {
  for (const auto& owned : sockets_) {
    if (owned->socket.is_open()) owned->port->Close(owned->socket);
  }
  EXPECT_TRUE(RunUntil([&] {
    return std::all_of(sockets_.begin(), sockets_.end(),
                       [](const auto& owned) { return owned->socket.is_joined(); });
  }));
  for (io::Port* port : {proxy_port_.get(), app_port_.get()}) {
    EXPECT_EQ(port->stats().armed, 0u);
    EXPECT_EQ(port->stats().sockets, 0u);
  }
  EXPECT_EQ(machine().sockets(), 0u);
  EXPECT_EQ(platform->pended(), 0u);
  EXPECT_EQ(machine().syns().size(), 0u);
  EXPECT_EQ(buffers.live(), 0u);
  if (!expect_faults) {
    EXPECT_EQ(platform->statistics().FaultCount(), 0u);
  }
}

bool Rig::RunUntil(const std::function<bool()>& done) {
  const Instant end = Instant::Now() + kPatience;
  while (!done()) {
    const Instant now = Instant::Now();
    if (end < now) return false;
    // Neither port may sleep for long, or the other one starves.
    if (proxy_port_->RunOnce(Instant{0}) + app_port_->RunOnce(Instant{0}) == 0) {
      proxy_port_->RunOnce(now + kMillisecond);
    }
  }
  return true;
}

void Rig::RunFor(Nanos duration) {
  const Instant end = Instant::Now() + duration;
  EXPECT_TRUE(RunUntil([&] { return end <= Instant::Now(); }));
}

io::Socket& Rig::Own(io::Port& port) {
  sockets_.push_back(std::make_unique<Owned>());
  sockets_.back()->port = &port;
  return sockets_.back()->socket;
}

io::Port& Rig::PortOf(const io::Socket& socket) {
  for (const auto& owned : sockets_) {
    if (&owned->socket == &socket) return *owned->port;
  }
  std::abort();
}

io::Socket& Rig::Open(io::Port& port, Family family) {
  io::Socket& socket = Own(port);
  EXPECT_TRUE(port.Open(socket, family).ok());
  return socket;
}

io::Socket& Rig::Listen(io::Port& port, Family family) {
  io::Socket& socket = Own(port);
  const OsError error = port.Listen(socket, Address::Loopback(family, 0), io::ListenOptions());
  EXPECT_TRUE(error.ok()) << error.ToString();
  return socket;
}

void Rig::Close(io::Socket& socket) {
  PortOf(socket).Close(socket);
  EXPECT_TRUE(RunUntil([&] { return socket.is_joined(); }));
}

Outcome Rig::Connect(io::Socket& socket, const Address& remote) {
  Heard<io::ConnectOp> connect;
  PortOf(socket).Connect(connect.op, socket, remote);
  EXPECT_TRUE(RunUntil([&] { return connect.done; }));
  return connect.outcome;
}

io::Socket* Rig::Accept(io::Socket& listener) {
  io::Port& port = PortOf(listener);
  Heard<io::AcceptOp> accept;
  port.Accept(accept.op, listener);
  const bool came = RunUntil([&] { return accept.done; });
  if (!came) {
    port.Cancel(accept.op);
    RunUntil([&] { return accept.done; });
  }
  EXPECT_TRUE(came);
  if (!accept.outcome.ok()) return nullptr;
  io::Socket& socket = Own(port);
  const OsError error = port.Adopt(socket, accept.op.Take());
  EXPECT_TRUE(error.ok()) << error.ToString();
  return &socket;
}

bool Rig::Send(io::Socket& socket, const std::string& bytes) {
  std::string copy = bytes;
  Heard<io::SendOp> send;
  const io::IoBuffer buffer{copy.data(), copy.size()};
  PortOf(socket).Send(send.op, socket, absl::MakeConstSpan(&buffer, 1));
  EXPECT_TRUE(RunUntil([&] { return send.done; }));
  return send.outcome.ok() && send.outcome.bytes == bytes.size();
}

std::string Rig::Receive(io::Socket& socket, Outcome* outcome) {
  std::string bytes(4096, '\0');
  Heard<io::RecvOp> recv;
  const io::IoBuffer buffer{bytes.data(), bytes.size()};
  PortOf(socket).Recv(recv.op, socket, absl::MakeConstSpan(&buffer, 1));
  const bool came = RunUntil([&] { return recv.done; });
  EXPECT_TRUE(came);
  if (!came) {
    PortOf(socket).Cancel(recv.op);
    RunUntil([&] { return recv.done; });
  }
  if (outcome != nullptr) *outcome = recv.outcome;
  bytes.resize(recv.outcome.ok() ? recv.outcome.bytes : 0);
  return bytes;
}

Link Rig::ConnectApplication() {
  Link link;
  link.client = &Open(*app_port_, options_.family);
  const Outcome outcome = Connect(*link.client, destination());
  EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
  if (outcome.ok()) link.accepted = Accept(options_.with_vendor ? *listener_ : *origin_);
  return link;
}

Link Rig::ConnectDirectly() {
  Link link;
  link.client = &Open(*app_port_, options_.family);
  const Outcome outcome = Connect(*link.client, listener_->local());
  EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
  if (outcome.ok()) link.accepted = Accept(*listener_);
  return link;
}

Link Rig::ConnectThroughTwo() {
  io::Socket& second = Listen(*proxy_port_, options_.family);
  VendorOptions vendor;
  vendor.name = "B";
  vendor.sublayer_weight = 100;
  vendor.listeners = {second.local()};
  EXPECT_TRUE(platform->AddVendor(vendor).ok());
  const Link first = ConnectApplication();
  Link link;
  link.client = &Open(*proxy_port_, options_.family);
  EXPECT_TRUE(SetRecords(*link.client, BlobOf(*first.accepted)).ok());
  EXPECT_TRUE(Connect(*link.client, destination()).ok());
  link.accepted = Accept(second);
  return link;
}

Answer Rig::Ask(io::Socket& socket, std::uint32_t code, const void* in, std::size_t in_size,
                void* out, std::size_t out_size) {
  if (options_.way == Way::kSync) {
    io::ControlRequest request;
    request.socket = socket.native();
    request.code = code;
    request.in = in;
    request.in_size = static_cast<std::uint32_t>(in_size);
    request.out = out;
    request.out_size = static_cast<std::uint32_t>(out_size);
    io::ControlReply reply;
    EXPECT_EQ(proxy_front_->Control(request, &reply), io::ControlAnswer::kDone);
    const bool failed = reply.status != io::kStatusSuccess;
    const std::uint32_t number =
        reply.literal != 0 ? reply.literal : io::WinsockNumber(reply.status);
    return Answer{failed ? number : 0, reply.information, true};
  }
  Heard<io::ControlOp> control;
  PortOf(socket).Control(control.op, socket, code,
                         absl::MakeConstSpan(static_cast<const std::byte*>(in), in_size),
                         absl::MakeSpan(static_cast<std::byte*>(out), out_size));
  EXPECT_FALSE(control.done);
  EXPECT_TRUE(RunUntil([&] { return control.done; }));
  Answer answer;
  answer.number = static_cast<std::uint32_t>(control.outcome.error.raw);
  answer.bytes = control.outcome.bytes;
  answer.at_once = control.op.inline_failure();
  EXPECT_EQ(control.outcome.ok(), answer.number == 0);
  if (!control.outcome.ok() && options_.way != Way::kRandom) {
    EXPECT_EQ(answer.at_once, options_.way == Way::kInline);
  }
  return answer;
}

Answer Rig::QueryRecords(io::Socket& socket, std::string* out) {
  return Ask(socket, redirect::kQueryRedirectRecords, nullptr, 0, out->data(), out->size());
}

Answer Rig::QueryContext(io::Socket& socket, std::string* out) {
  return Ask(socket, redirect::kQueryRedirectContext, nullptr, 0, out->data(), out->size());
}

Answer Rig::SetRecords(io::Socket& socket, const std::string& blob) {
  return Ask(socket, redirect::kSetRedirectRecords, blob.data(), blob.size(), nullptr, 0);
}

std::string Rig::BlobOf(io::Socket& accepted) {
  std::string blob(redirect::kReplyMax, '\0');
  const Answer answer = QueryRecords(accepted, &blob);
  EXPECT_TRUE(answer.ok()) << answer.number;
  blob.resize(answer.ok() ? answer.bytes : 0);
  return blob;
}

std::uint32_t Rig::Installed(io::Socket& socket) {
  std::uint32_t hops = 0;
  EXPECT_TRUE(machine().Visit(socket.native(),
                              [&](Endpoint& endpoint) { hops = CountOf(endpoint.installed); }));
  return hops;
}

}  // namespace sluice::emulated

// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/callouts.h"

#include <array>
#include <utility>

#include "engine/redirect/context_layouts.h"

namespace sluice::emulated {
namespace {

constexpr std::size_t kBigContext = 4096;

// a.b.c.d as ::ffff:a.b.c.d, for a v6 socket.
Address Mapped(const Address& v4) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[10] = 0xFF;
  bytes[11] = 0xFF;
  for (std::size_t i = 0; i < 4; ++i) bytes[12 + i] = v4.bytes()[i];
  return Address::V6(bytes, v4.tcp_port());
}

// The inline sequence of the documentation. What a personality changes is one decision in it.
class VendorCallout final : public Callout {
 public:
  explicit VendorCallout(CalloutSpec spec) : spec_(std::move(spec)) {}

  void Classify(const ClassifyValues& values, RequestAccess& access, ClassifyOut& out) override {
    if (spec_.personality == Personality::kVeto) {
      out.action = Action::kBlock;
      return;
    }
    // Somebody decided hard: there is nothing we may do but veto.
    if (!out.write_right) return;
    if (!MayRedirect(access)) {
      out.action = Action::kPermit;
      return;
    }
    const Address target = Target(values.remote);
    if (target.empty()) return;
    ConnectRequest* request = access.Acquire();
    if (request == nullptr) return;
    if (spec_.personality == Personality::kNoApply) return;
    if (spec_.personality != Personality::kGreedy && RedirectedByOther(*request, values.filter)) {
      // Another vendor sent it to its proxy; we will see that proxy's own connect.
      access.Apply();
      access.Release();
      out.action = Action::kContinue;
      out.write_right = true;
      return;
    }
    Fill(values, target, access, *request);
    const ContextId context = request->context;
    access.Apply();
    if (spec_.personality == Personality::kDoubleFree && context != 0) access.FreeContext(context);
    access.Release();
    out.action = Action::kPermit;
    out.write_right = spec_.personality != Personality::kHardPermit;
  }

 private:
  bool MayRedirect(RequestAccess& access) const {
    switch (access.QueryState(spec_.handle, nullptr)) {
      case RedirectState::kNotRedirected:
        return true;
      case RedirectState::kRedirectedByOther:
        return spec_.personality != Personality::kTrusting;
      case RedirectState::kRedirectedBySelf:
      case RedirectState::kPreviouslyRedirectedBySelf:
        return spec_.personality == Personality::kGreedy;
    }
    return false;
  }

  // All earlier versions, not only the last one: a third callout may stand in between.
  static bool RedirectedByOther(const ConnectRequest& request, FilterId self) {
    for (const ConnectRequest* version = request.previous; version != nullptr;
         version = version->previous) {
      if (version->modifier != self && version->handle != 0) return true;
    }
    return false;
  }

  // The vendor's listener of the connect's family; empty if there is none a socket of it can reach.
  Address Target(const Address& remote) const {
    Address other;
    for (const Address& listener : spec_.listeners) {
      if (listener.family() == remote.family()) return listener;
      other = listener;
    }
    if (!other.empty() && remote.family() == Family::kV6) return Mapped(other);
    return Address();
  }

  void Fill(const ClassifyValues& values, const Address& target, RequestAccess& access,
            ConnectRequest& request) const {
    request.remote = target;
    request.handle = 0;
    request.target_pid = 0;
    request.context = 0;
    if (spec_.personality == Personality::kRemoteOnly) return;
    request.handle = spec_.personality == Personality::kNullHandle ? 0 : spec_.handle;
    request.target_pid = spec_.personality == Personality::kZeroPid ? 0 : spec_.target_pid;
    if (spec_.personality == Personality::kNoContext) return;
    if (spec_.personality == Personality::kBigContext) {
      std::string big(kBigContext, '\0');
      for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7 & 0x7F);
      request.context = access.AllocateContext(big);
      return;
    }
    request.context = access.AllocateContext(spec_.make_context(values));
  }

  const CalloutSpec spec_;
};

}  // namespace

std::shared_ptr<Callout> MakeCallout(CalloutSpec spec) {
  return std::make_shared<VendorCallout>(std::move(spec));
}

std::function<std::string(const ClassifyValues&)> ContextMaker(ContextLayout layout) {
  std::shared_ptr<const redirect::ContextCodec> codec;
  switch (layout) {
    case ContextLayout::kSluice:
      codec = std::make_shared<redirect::SluiceContext>();
      break;
    case ContextLayout::kSockaddr:
      codec = std::make_shared<redirect::SockaddrContext>();
      break;
    case ContextLayout::kSockaddrPair:
      codec = std::make_shared<redirect::SockaddrPairContext>();
      break;
  }
  return [codec](const ClassifyValues& values) {
    return codec->Encode(redirect::Origin{values.remote, values.local, values.pid});
  };
}

}  // namespace sluice::emulated

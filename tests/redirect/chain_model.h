// SPDX-License-Identifier: Apache-2.0
//
// ChainModel: an application, vendors with callouts and proxies, and no sockets: connects go
// straight through the emulated kernel, so that chains of any shape run in microseconds and loops
// are countable. Used by tests/redirect and tests/unit/redirect; header-only for that reason.
#ifndef SLUICE_TESTS_REDIRECT_CHAIN_MODEL_H_
#define SLUICE_TESTS_REDIRECT_CHAIN_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/redirect/context_codec.h"
#include "engine/redirect/control_codes.h"
#include "engine/redirect/emulated/blob.h"
#include "engine/redirect/emulated/kernel.h"
#include "engine/redirect/emulated/platform_impl.h"
#include "gtest/gtest.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

// How a vendor's proxy treats the records of a connection it forwards.
enum class ProxyBehaviour {
  kGood,           // sets them before connect; gives up if that fails
  kNoSet,          // forgets them
  kLateSet,        // sets them after connect and ignores the result
  kStaleBlob,      // sets another machine's blob and ignores the result
  kTruncatedBlob,  // sets half of it and ignores the result
  kPaddedBlob,     // sets a fixed 4,096 bytes and ignores the result
  kLegacyRelay,    // knows no records; connects to its own accepted address
};

struct ChainOutcome {
  int connections = 0;
  int redirections = 0;
  bool reached = false;  // the destination itself was connected to
  bool gave_up = false;  // a proxy found no records, or could not set them
  ConnectResult::Kind last = ConnectResult::Kind::kProceed;
  std::vector<std::uint32_t> hops_accepted;  // records each proxy in turn was given
  std::vector<std::string> contexts;
};

class ChainModel {
 public:
  static constexpr int kConnectionsMax = 1000;

  explicit ChainModel(const Knobs& knobs = Knobs()) {
    PlatformOptions options;
    options.knobs = knobs;
    options.trace_capacity = 256;
    platform = std::make_unique<Platform>(options);
    application_.pid = 1000;
    application_.path = "app";
    application_.elevated = false;
    application_.proxy = false;
  }

  Kernel& kernel() { return MachineOf(*platform).kernel(); }

  // Vendors are called A, B, C, ... and listen on 127.0.0.1 and ::1, ports 7001, 7002, ...
  VendorOptions MakeVendor(std::uint16_t weight,
                           Personality personality = Personality::kCooperative) const {
    const auto index = static_cast<std::uint16_t>(proxies_.size());
    VendorOptions vendor;
    vendor.name = std::string(1, static_cast<char>('A' + index));
    vendor.sublayer_weight = weight;
    vendor.listeners = {Address::Loopback(Family::kV4, static_cast<std::uint16_t>(7001 + index)),
                        Address::Loopback(Family::kV6, static_cast<std::uint16_t>(7001 + index))};
    vendor.target_pid = static_cast<std::uint32_t>(2000 + index);
    vendor.personality = personality;
    return vendor;
  }

  VendorId Add(const VendorOptions& vendor, ProxyBehaviour behaviour = ProxyBehaviour::kGood) {
    Proxy proxy;
    proxy.behaviour = behaviour;
    proxy.process = std::make_unique<ProcessOptions>();
    proxy.process->pid = vendor.target_pid;
    for (const Address& listener : vendor.listeners) proxy.listeners.push_back(KeyOf(listener));
    proxies_.push_back(std::move(proxy));
    const absl::StatusOr<VendorId> id = platform->AddVendor(vendor);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.ok() ? *id : 0;
  }

  VendorId Add(std::uint16_t weight, Personality personality = Personality::kCooperative,
               ProxyBehaviour behaviour = ProxyBehaviour::kGood) {
    return Add(MakeVendor(weight, personality), behaviour);
  }

  // The application connects to `destination`, and proxies forward until nobody does.
  ChainOutcome Run(const Address& destination) {
    ChainOutcome outcome;
    Endpoint endpoint;
    endpoint.process = &application_;
    endpoint.family = destination.family();
    Address remote = destination;
    while (outcome.connections < kConnectionsMax) {
      const ConnectResult result = kernel().Connect(endpoint, remote);
      ++outcome.connections;
      outcome.last = result.kind;
      if (result.kind != ConnectResult::Kind::kProceed) return outcome;
      if (result.redirected) ++outcome.redirections;
      Proxy* proxy = ProxyAt(result.remote);
      if (proxy == nullptr) {
        outcome.reached = result.remote == remote;
        return outcome;
      }
      outcome.hops_accepted.push_back(CountOf(result.tag));
      std::optional<Address> next = Forward(*proxy, result, &endpoint, &outcome);
      if (!next.has_value()) {
        outcome.gave_up = true;
        return outcome;
      }
      remote = *next;
    }
    return outcome;
  }

  io::ControlReply Control(Endpoint& endpoint, std::uint32_t code, const std::string& in,
                           std::string* out) {
    io::ControlRequest request;
    request.code = code;
    request.in = in.empty() ? nullptr : in.data();
    request.in_size = static_cast<std::uint32_t>(in.size());
    if (out != nullptr) {
      request.out = out->data();
      request.out_size = static_cast<std::uint32_t>(out->size());
    }
    const io::ControlReply reply = kernel().Control(&endpoint, request);
    if (out != nullptr && reply.status == io::kStatusSuccess) out->resize(reply.information);
    return reply;
  }

  std::unique_ptr<Platform> platform;

 private:
  struct Proxy {
    ProxyBehaviour behaviour = ProxyBehaviour::kGood;
    std::unique_ptr<ProcessOptions> process;
    std::vector<Address> listeners;
  };

  Proxy* ProxyAt(const Address& address) {
    for (Proxy& proxy : proxies_) {
      for (const Address& listener : proxy.listeners) {
        if (listener == KeyOf(address)) return &proxy;
      }
    }
    return nullptr;
  }

  // Accepts, queries, and makes the onward endpoint; where that one shall connect to, or nothing.
  std::optional<Address> Forward(Proxy& proxy, const ConnectResult& result, Endpoint* onward,
                                 ChainOutcome* outcome) {
    Endpoint accepted;
    accepted.process = proxy.process.get();
    accepted.state = Endpoint::State::kConnected;
    accepted.accepted = true;
    accepted.local = result.remote;
    accepted.inbound = result.tag;
    *onward = Endpoint();
    onward->process = proxy.process.get();
    if (proxy.behaviour == ProxyBehaviour::kLegacyRelay) return accepted.local;

    std::string blob(64 * 1024, '\0');
    std::string context(64 * 1024, '\0');
    if (Control(accepted, redirect::kQueryRedirectRecords, "", &blob).status != io::kStatusSuccess)
      return {};
    if (Control(accepted, redirect::kQueryRedirectContext, "", &context).status !=
        io::kStatusSuccess)
      return {};
    outcome->contexts.push_back(context);
    const std::optional<redirect::Origin> origin = codecs_.Decode(
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(context.data()), context.size()));
    if (!origin.has_value()) return {};
    // Onward sockets are of the destination's true family.
    const Address destination = origin->destination.Canonical();
    onward->family = destination.family();
    if (!SetRecords(proxy, *onward, blob, destination)) return {};
    return destination;
  }

  // False: this proxy will not connect without.
  bool SetRecords(Proxy& proxy, Endpoint& onward, std::string blob, const Address& destination) {
    switch (proxy.behaviour) {
      case ProxyBehaviour::kGood:
        return Control(onward, redirect::kSetRedirectRecords, blob, nullptr).status ==
               io::kStatusSuccess;
      case ProxyBehaviour::kLateSet: {
        // Connecting already, when the SET comes; the connect that counts is the classified one.
        Endpoint late = onward;
        late.state = Endpoint::State::kConnecting;
        late.remote = destination;
        Control(late, redirect::kSetRedirectRecords, blob, nullptr);
        onward.installed = late.installed;
        return true;
      }
      case ProxyBehaviour::kStaleBlob: {
        Kernel other{Knobs(), 0};
        HopList list;
        Hop hop;
        hop.handle = 1;
        hop.effective_remote = destination;
        list = Extend(list, hop);
        const BlobFormat format = other.blob_format();
        blob.assign(static_cast<std::size_t>(BlobSize(list, format)), '\0');
        EncodeBlob(list, format,
                   absl::MakeSpan(reinterpret_cast<std::byte*>(blob.data()), blob.size()));
        break;
      }
      case ProxyBehaviour::kTruncatedBlob:
        blob.resize(blob.size() / 2);
        break;
      case ProxyBehaviour::kPaddedBlob:
        blob.resize(4096, '\0');
        break;
      case ProxyBehaviour::kNoSet:
      case ProxyBehaviour::kLegacyRelay:
        return true;
    }
    Control(onward, redirect::kSetRedirectRecords, blob, nullptr);
    return true;
  }

  ProcessOptions application_;
  std::vector<Proxy> proxies_;
  redirect::ContextCodecs codecs_ = redirect::ContextCodecs::Standard();
};

}  // namespace sluice::emulated

#endif  // SLUICE_TESTS_REDIRECT_CHAIN_MODEL_H_

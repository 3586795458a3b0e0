// SPDX-License-Identifier: Apache-2.0
//
// Checks of `doctor`: own listeners, neighbours that are known to disturb, the emulated platform.
#include <algorithm>
#include <array>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/io/local_addresses.h"
#include "engine/io/port.h"
#include "engine/redirect/own_listeners.h"
#include "tools/sluice/doctor.h"

namespace sluice::tool {
namespace {

constexpr int kBacklog = io::ListenOptions().backlog;

Address Mapped(const Address& v4) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[10] = bytes[11] = 0xFF;
  for (std::size_t i = 0; i < 4; ++i) bytes[12 + i] = v4.bytes()[i];
  return Address::V6(bytes, v4.tcp_port());
}

// Destinations that would lead back to the listener, as the loop guard sees it.
std::vector<std::string> OwnSpellings(const Address& local) {
  redirect::OwnListeners own;
  own.AddListener(local);
  const std::vector<Address> machine = io::LocalAddresses();
  own.AddLocalAddresses(machine);
  const std::uint16_t tcp_port = local.tcp_port();
  std::vector<Address> tried = {local};
  for (const Family family : {Family::kV4, Family::kV6}) {
    tried.push_back(Address::Loopback(family, tcp_port));
    tried.push_back(Address::Wildcard(family, tcp_port));
  }
  for (const Address& address : machine) tried.push_back(address.WithPort(tcp_port));
  std::vector<std::string> spellings;
  const auto add = [&](const Address& address) {
    const std::string text = address.ToString();
    const bool known = std::find(spellings.begin(), spellings.end(), text) != spellings.end();
    if (!known && own.IsOurs(address)) spellings.push_back(text);
  };
  for (const Address& address : tried) {
    add(address);
    if (address.family() == Family::kV4) add(Mapped(address));
  }
  return spellings;
}

void CheckListener(io::Port& port, const Address& wanted, DoctorReport& report) {
  nlohmann::ordered_json json;
  json["listen"] = wanted.ToString();
  io::Socket socket;
  const OsError error = port.Listen(socket, wanted, io::ListenOptions());
  json["can_bind"] = error.ok();
  json["loopback"] = wanted.IsLoopback();
  if (!error.ok()) {
    json["error"] = error.ToString();
    report.Add(Severity::kFatal, "listen",
               absl::StrCat("cannot listen on ", wanted.ToString(), ": ", error.ToString()),
               "choose another address, or end the program that has it");
  } else {
    const std::vector<std::string> spellings = OwnSpellings(socket.local());
    json["local"] = socket.local().ToString();
    json["own_spellings"] = spellings;
    report.Add(Severity::kFine, "listen",
               absl::StrCat("can listen on ", socket.local().ToString(),
                            "; refused as a destination: ", absl::StrJoin(spellings, " ")));
    port.Close(socket);
    while (!socket.is_joined()) port.RunOnce(Instant::Now() + kMillisecond);
  }
  report.json["listeners"].push_back(json);
  if (wanted.IsLoopback()) return;
  report.Add(
      Severity::kWarning, "listen",
      absl::StrCat(wanted.ToString(), " is not a loopback address: other machines may reach it"),
      "redirect to a loopback address; a redirection to another own address can lose its records");
}

void CheckBacklog(DoctorReport& report) {
  nlohmann::ordered_json& json = report.json["backlog"];
  json["asked_for"] = kBacklog;
  if (report.facts.platform != "linux") {
    json["as"] = absl::StrCat("SOMAXCONN_HINT(", kBacklog, ")");
    report.Add(Severity::kNote, "backlog",
               absl::StrCat("listeners ask for SOMAXCONN_HINT(", kBacklog,
                            "); a full backlog loses records silently"),
               "watch the share of connections without records (`not_redirected`)");
    return;
  }
  const std::int64_t limit = report.facts.backlog_limit;
  json["limit"] = limit;
  if (limit >= 0 && limit < kBacklog) {
    report.Add(Severity::kWarning, "backlog",
               absl::StrCat("net.core.somaxconn is ", limit, "; listeners ask for ", kBacklog),
               absl::StrCat("sysctl -w net.core.somaxconn=", kBacklog));
  }
}

void CheckProviders(DoctorReport& report) {
  const SystemFacts& facts = report.facts;
  nlohmann::ordered_json& json = report.json["winsock"];
  json["skip_on_success_v4"] = facts.skip_on_success_v4;
  json["skip_on_success_v6"] = facts.skip_on_success_v6;
  json["providers"] = nlohmann::ordered_json::array();
  for (const Provider& provider : facts.providers) {
    nlohmann::ordered_json entry;
    entry["name"] = provider.name;
    entry["family"] = provider.family == Family::kV4 ? "v4" : "v6";
    entry["layered"] = provider.layered;
    entry["ifs_handles"] = provider.ifs;
    json["providers"].push_back(entry);
    if (!provider.layered && provider.ifs) continue;
    report.Add(
        Severity::kWarning, "winsock",
        absl::StrCat(provider.layered ? "layered" : "non-IFS", " service provider: ", provider.name,
                     provider.ifs ? "" : " (skip-on-success is off)"),
        "it may swallow the redirect codes: look at `netsh winsock show catalog`, remove the "
        "product, and run this again");
  }
  if (facts.skip_on_success_v4 && facts.skip_on_success_v6) {
    report.Add(Severity::kFine, "winsock", "skip-on-success is available for v4 and v6");
  } else {
    report.Add(
        Severity::kWarning, "winsock",
        absl::StrCat("skip-on-success is not available for", facts.skip_on_success_v4 ? "" : " v4",
                     facts.skip_on_success_v6 ? "" : " v6"),
        "the engine works without it, with one packet more for each operation");
  }
}

}  // namespace

void CheckListeners(const DoctorOptions& options, DoctorReport& report) {
  report.json["listeners"] = nlohmann::ordered_json::array();
  CheckBacklog(report);
  if (options.listen.empty()) return;
  const absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions());
  if (!port.ok()) return;  // CheckPort has said so
  for (const Address& address : options.listen) CheckListener(**port, address, report);
}

void CheckNeighbours(DoctorReport& report) {
  if (report.facts.platform == "linux") return;
  CheckProviders(report);
  nlohmann::ordered_json& json = report.json["neighbours"];
  json["found"] = nlohmann::ordered_json::array();
  for (const Product& product : report.facts.products) {
    nlohmann::ordered_json entry;
    entry["service"] = product.service;
    entry["what"] = product.what;
    entry["seen"] = product.seen;
    entry["state"] = product.state;
    json["found"].push_back(entry);
    const bool matters = product.taps_loopback && product.state != "stopped";
    report.Add(
        matters ? Severity::kWarning : Severity::kNote, "neighbours",
        absl::StrCat(product.what, " (", product.service, "): ", product.seen, ", ", product.state),
        "if connections arrive without records, stop it and compare; Npcap: install it without "
        "loopback support");
  }
  if (report.facts.products.empty()) {
    report.Add(Severity::kFine, "neighbours", "none of the products known to disturb is installed");
  }
  json["cannot_see"] = {
      "which callouts and filters are registered, by whom and in which order: `netsh wfp show "
      "state`, elevated",
      "products under a service name that is not in the list of this program",
      "whether records are really lost on loopback: only redirected connections show that"};
  report.Add(
      Severity::kNote, "neighbours",
      "registered callouts, and products that this program does not know, cannot be seen from here",
      "`netsh wfp show state` in an elevated prompt lists callouts and filters");
}

void CheckEmulation(const DoctorOptions& options, DoctorReport& report) {
  nlohmann::ordered_json steps;
  const std::string failure = TryEmulation(&steps);
  nlohmann::ordered_json& json = report.json["emulation"];
  json["works"] = failure.empty();
  json["steps"] = steps;
  if (failure.empty()) {
    report.Add(Severity::kFine, "emulation",
               "available: one connection was redirected, queried, set and sent onward");
    return;
  }
  json["failure"] = failure;
  report.Add(options.platform == AskedPlatform::kEmulated ? Severity::kFatal : Severity::kWarning,
             "emulation", absl::StrCat("the emulated platform does not work here: ", failure));
}

}  // namespace sluice::tool

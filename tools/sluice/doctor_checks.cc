// SPDX-License-Identifier: Apache-2.0
//
// Checks of `doctor`: the system, the port, the redirect platform.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/io/port.h"
#include "engine/redirect/wfp/probe.h"
#include "tools/sluice/doctor.h"

namespace sluice::tool {
namespace {

// What is not there is only a note to somebody who did not ask for it.
Severity Lacking(const DoctorOptions& options) {
  return options.platform == AskedPlatform::kReal ? Severity::kFatal : Severity::kNote;
}

constexpr char kElevate[] =
    "run from an elevated prompt (Run as administrator), or as a service of LocalSystem";

struct Answers {  // of one family
  const RawRow* query = nullptr;
  const RawRow* query_packet = nullptr;
  const RawRow* set = nullptr;
  const RawRow* set_packet = nullptr;
};

std::string Numbers(const RawRow* call, const RawRow* packet) {
  std::string text = call == nullptr ? "not asked" : absl::StrCat("call ", call->number);
  if (packet == nullptr) return text;
  if (packet->packet) {
    absl::StrAppend(&text, ", packet ", packet->packet_number);
  } else {
    absl::StrAppend(&text, ", overlapped call ", packet->number, " and no packet");
  }
  return absl::StrCat(text, " = ", MeaningOf(*packet));
}

void JudgeQuery(const DoctorOptions& options, const std::string& meaning, const std::string& what,
                DoctorReport& report) {
  if (meaning == "absent" || meaning == "empty") {
    report.Add(Severity::kFine, "platform", what);
  } else if (meaning == "ok") {
    report.Add(Severity::kWarning, "platform",
               what + ": a throw-away loopback connection has records",
               "some callout redirects this process's loopback connections; exempt it");
  } else if (meaning == "unsupported") {
    report.Add(Lacking(options), "platform", what,
               report.facts.platform == "wine"
                   ? "Wine has no redirect platform: use `chain --platform emulated` here, and a "
                     "real Windows for the rest"
                   : "a layered provider or an old system swallows the code: see `netsh winsock "
                     "show catalog`; Windows 8 or newer is needed");
  } else if (meaning == "denied") {
    report.Add(Lacking(options), "platform", what, kElevate);
  } else {
    report.Add(Lacking(options), "platform", what, "unexpected: please report these numbers");
  }
}

void JudgeSet(const DoctorOptions& options, const std::string& meaning, const std::string& what,
              DoctorReport& report) {
  if (meaning == "rejected") {
    report.Add(Severity::kFine, "platform", what + " (advisory: the first real SET decides)");
  } else if (meaning == "ok") {
    report.Add(Severity::kWarning, "platform", what + ": a malformed blob was accepted",
               "nothing checks blobs here, so a wrong one goes unnoticed; please report");
  } else if (meaning == "denied") {
    report.Add(Lacking(options), "platform", what, kElevate);
  } else {
    // The query has said what to do.
    report.Add(Lacking(options), "platform", what);
  }
}

void JudgeFamily(const DoctorOptions& options, const std::string& family, const Answers& answers,
                 DoctorReport& report) {
  if (answers.query == nullptr || answers.set == nullptr) {
    std::string why = "no loopback connection could be made";
    for (const RawRow& row : report.rows) {
      if (row.family == family && !row.ran && !row.note.empty()) why = row.note;
    }
    const Severity severity = family == "v4" ? Lacking(options) : Severity::kWarning;
    report.Add(severity, "platform", absl::StrCat(family, ": not asked: ", why),
               absl::StrCat("connections over IP", family, " cannot be redirected here"));
    return;
  }
  const RawRow& query = answers.query_packet != nullptr ? *answers.query_packet : *answers.query;
  const RawRow& set = answers.set_packet != nullptr ? *answers.set_packet : *answers.set;
  JudgeQuery(options, MeaningOf(query),
             absl::StrCat(family, " records query: ", Numbers(answers.query, &query)), report);
  JudgeSet(options, MeaningOf(set),
           absl::StrCat(family, " SET of a malformed blob: ", Numbers(answers.set, &set)), report);
}

void CheckEngineProbe(const DoctorOptions& options, DoctorReport& report) {
  const absl::StatusOr<redirect::ProbeResult> probe =
      redirect::ProbeRedirectService(io::PortOptions());
  nlohmann::ordered_json& json = report.json["platform"]["engine_probe"];
  if (!probe.ok()) {
    json["error"] = std::string(probe.status().message());
    report.Add(Lacking(options), "platform", std::string(probe.status().message()));
    return;
  }
  json["armed"] = probe->Armed();
  json["query"] = redirect::MeaningText(probe->query);
  json["query_number"] = probe->query_error.raw;
  json["set"] = redirect::MeaningText(probe->set);
  json["set_number"] = probe->set_error.raw;
  const std::string what = absl::StrCat(
      "the engine would ", probe->Armed() ? "arm" : "refuse to arm", ": ", probe->ToString());
  report.Add(probe->Armed() ? Severity::kFine : Lacking(options), "platform", what);
}

}  // namespace

const char* SeverityText(Severity severity) {
  switch (severity) {
    case Severity::kFine:
      return "ok";
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kFatal:
      return "fatal";
  }
  return "unknown";
}

Severity DoctorReport::Worst() const {
  Severity worst = Severity::kFine;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

void CheckSystem(DoctorReport& report) {
  const SystemFacts& facts = report.facts;
  nlohmann::ordered_json& json = report.json["system"];
  json["platform"] = facts.platform;
  json["version"] = facts.system;
  if (!facts.wine_version.empty()) json["wine_version"] = facts.wine_version;
  json["elevated"] = facts.elevated;
  json["identity"] = facts.identity;
  report.Add(Severity::kFine, "system", facts.system);
  if (facts.platform == "wine") {
    report.Add(Severity::kNote, "system",
               absl::StrCat("this is Wine ", facts.wine_version, ", not Windows"),
               "nothing that is found here says how a Windows machine behaves");
  }
  if (facts.platform == "linux") return;
  const std::string elevated =
      absl::StrCat(facts.elevated ? "elevated" : "not elevated", " (", facts.identity, ")");
  if (facts.elevated) {
    report.Add(Severity::kFine, "system", elevated);
  } else {
    report.Add(Severity::kWarning, "system", elevated + ": records cannot be set", kElevate);
  }
}

void CheckPort(DoctorReport& report) {
  nlohmann::ordered_json& json = report.json["port"];
  json["backend"] = io::Port::BackendName();
  const absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions());
  json["available"] = port.ok();
  if (report.facts.io_uring_disabled >= 0) {
    json["io_uring_disabled"] = report.facts.io_uring_disabled;
  }
  if (port.ok()) {
    report.Add(Severity::kFine, "port", absl::StrCat(io::Port::BackendName(), " is available"));
    return;
  }
  // Names the call that was refused, and what to change.
  json["refused"] = std::string(port.status().message());
  report.Add(Severity::kFatal, "port",
             absl::StrCat(io::Port::BackendName(), " is not available: ", port.status().message()));
}

void CheckPlatform(const DoctorOptions& options, DoctorReport& report) {
  nlohmann::ordered_json& json = report.json["platform"];
  json["present"] = false;
  if (report.facts.platform == "linux") {
    report.Add(Lacking(options), "platform", "the redirect platform is not present on this system",
               "it is part of Windows; here, use `chain --platform emulated`");
    return;
  }
  report.rows = ProbeRaw(options.acceptance ? ProbeDepth::kAll : ProbeDepth::kPlatform);
  json["probes"] = nlohmann::ordered_json::array();
  bool present = false;
  for (const char* family : {"v4", "v6"}) {
    Answers answers;
    answers.query = FindRow(report.rows, family, "accepted_updated", "records", "sync");
    answers.query_packet = FindRow(report.rows, family, "accepted_updated", "records", "port");
    answers.set = FindRow(report.rows, family, "created", "set", "sync");
    answers.set_packet = FindRow(report.rows, family, "created", "set", "port");
    for (const RawRow* row :
         {answers.query, answers.query_packet, answers.set, answers.set_packet}) {
      if (row != nullptr) json["probes"].push_back(RowJson(*row));
    }
    if (answers.query != nullptr && std::string(MeaningOf(*answers.query)) != "unsupported") {
      present = true;
    }
    JudgeFamily(options, family, answers, report);
  }
  json["present"] = present;
  CheckEngineProbe(options, report);
}

}  // namespace sluice::tool

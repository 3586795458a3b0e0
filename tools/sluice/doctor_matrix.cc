// SPDX-License-Identifier: Apache-2.0
//
// The rows of the redirect test matrix that are also expected on Windows, as far as a machine
// without a driver can show them.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/sluice/doctor_acceptance.h"
#include "tools/sluice/doctor_evidence.h"

namespace sluice::tool {
namespace {

struct MatrixRow {
  const char* id;
  const char* expected;
  std::vector<Pick> picks;
  std::vector<std::uint32_t> numbers;  // any of them, from either table
};

const std::vector<std::uint32_t> kAbsentNumbers = {10022, 1168, 0x80320008};

// Queries of sockets in their ordinary states.
const std::vector<MatrixRow>& StateRows() {
  static const std::vector<MatrixRow> rows = {
      {"T06",
       "records of a direct connection: 10022 or 1168",
       {{"accepted_updated", "records", "sync"},
        {"accepted_updated", "records", "port"},
        {"accepted_plain", "records", "sync"}},
       kAbsentNumbers},
      {"T07",
       "context of a direct connection: 10022 or 1168",
       {{"accepted_updated", "context", "sync"}, {"accepted_updated", "context", "port"}},
       kAbsentNumbers},
      {"T09",
       "asked again after 5, 25 and 100 ms: the same",
       {{"accepted_updated", "context", "sync", "after 5 ms"},
        {"accepted_updated", "context", "sync", "after 25 ms"},
        {"accepted_updated", "context", "sync", "after 100 ms"}},
       kAbsentNumbers},
      {"T10",
       "created and bound sockets: 10057, or 10022",
       {{"created", "records", "sync"},
        {"created", "context", "sync"},
        {"bound", "records", "sync"},
        {"bound", "context", "sync"},
        {"created", "records", "port"}},
       {10057, 10022, 59, 1168}},
      {"T11",
       "a client that is not redirected: 10022 or 1168",
       {{"connected", "records", "sync"},
        {"connected", "context", "sync"},
        {"connected", "records", "port"}},
       kAbsentNumbers},
      {"T12",
       "a listener: 10057 or 10022, never success",
       {{"listening", "records", "sync"}, {"listening", "records", "port"}},
       {10057, 10022, 59, 1168}},
      {"T13",
       "a closed handle: 10038",
       {{"closed", "records", "sync"}, {"not_a_socket", "records", "sync"}},
       {10038, 6}}};
  return rows;
}

// Wrong arguments, ways to ask, and calls beside the redirect codes.
const std::vector<MatrixRow>& CallRows() {
  static const std::vector<MatrixRow> rows = {
      {"T20",
       "no buffer and no record: 10022",
       {{"accepted_updated", "records", "sync", "null output"}},
       kAbsentNumbers},
      {"T21",
       "a null pointer with a size: 10014",
       {{"accepted_updated", "records", "sync", "null pointer with a size"}},
       {10014}},
      {"T29",
       "an AF_UNIX socket: 10045 or 10042",
       {{"unix_stream", "records", "sync"}},
       {10045, 10042}},
      {"T34",
       "SET of a null pointer with a length: 10014",
       {{"created", "set", "sync", "null pointer with a size"}},
       {10014}},
      {"T52",
       "an immediate failure: 10022 and no packet",
       {{"accepted_updated", "context", "port"}},
       {10022}},
      {"T57",
       "an event-based query of no record: 10022",
       {{"accepted_updated", "records", "event"}},
       kAbsentNumbers},
      {"T59",
       "without OVERLAPPED: finished on return",
       {{"accepted_updated", "records", "sync"}},
       kAbsentNumbers},
      {"T97",
       "getpeername before the context update: 10057",
       {{"accepted_not_updated", "getpeername", "sync"}},
       {10057}},
      {"T98",
       "getsockname of an accepted socket: succeeds",
       {{"accepted_updated", "getsockname", "sync"}},
       {0}},
      {"T99",
       "a query after the client's reset: 10022, 1168 or gone",
       {{"accepted_reset", "records", "sync"}, {"accepted_reset", "records", "port"}},
       {10022, 1168, 10057, 59, 10054, 64, 1236, 10053, 995}},
      {"T110",
       "options 60 and 70 on a stream socket: 10042",
       {{"accepted_updated", "option 60", "sync", "level 0"},
        {"accepted_updated", "option 70", "sync", "level 0"},
        {"accepted_updated", "option 60", "sync", "level 41"}},
       {10042}}};
  return rows;
}

// These need records, hence a callout that made them.
constexpr const char* kDriverRows[] = {"T02", "T03", "T04", "T05", "T08", "T14", "T15",
                                       "T16", "T17", "T18", "T19", "T30", "T47", "T48",
                                       "T67", "T77", "T78", "T92", "T93"};

nlohmann::ordered_json Entry(const char* id, const char* expected, const char* outcome) {
  nlohmann::ordered_json entry;
  entry["id"] = id;
  entry["expected"] = expected;
  entry["outcome"] = outcome;
  return entry;
}

bool IsRedirectCode(const RawRow& row) {
  return row.operation == "records" || row.operation == "context" || row.operation == "set";
}

// The matrix's own word for a row that has an extra condition besides the number.
bool AlsoHolds(const std::string& id, const RawRow& row) {
  if (id == "T52") return row.at_once && !row.packet;
  if (id == "T59") return row.at_once;
  if (id == "T98") return row.note == "the listener's address";
  return true;
}

nlohmann::ordered_json Judge(const MatrixRow& wanted, const DoctorReport& report, bool known) {
  const std::vector<const RawRow*> rows = RowsOf(report, wanted.picks);
  bool good = true;
  bool code = false;
  nlohmann::ordered_json seen = nlohmann::ordered_json::array();
  for (const RawRow* row : rows) {
    const auto found = std::find(wanted.numbers.begin(), wanted.numbers.end(), NumberOf(*row));
    good = good && found != wanted.numbers.end() && AlsoHolds(wanted.id, *row);
    code = code || IsRedirectCode(*row);
    seen.push_back(EvidenceText(*row));
  }
  const char* outcome = rows.empty()     ? "not_run"
                        : code && !known ? "unsupported_here"
                        : good           ? "as_expected"
                                         : "different";
  nlohmann::ordered_json entry = Entry(wanted.id, wanted.expected, outcome);
  entry["seen"] = seen;
  return entry;
}

// T31: whoever is not elevated is denied. An elevated run has only the restricted token to show it.
MatrixRow DeniedRow(const DoctorReport& report) {
  MatrixRow row{"T31", "SET when not elevated: 10013 or 5", {}, {10013, 5}};
  if (report.facts.elevated) {
    row.picks = {{"created", "set", "sync", "administrators disabled"}};
  } else {
    row.picks = {{"created", "set", "sync"}, {"created", "set", "port"}};
  }
  return row;
}

nlohmann::ordered_json ProbeEntry(const DoctorReport& report, bool known) {
  const nlohmann::ordered_json platform =
      report.json.contains("platform") ? report.json["platform"] : nlohmann::ordered_json();
  const bool armed =
      platform.contains("engine_probe") && platform["engine_probe"].value("armed", false);
  const bool elevated = report.facts.elevated;
  const char* outcome = !known              ? "unsupported_here"
                        : armed == elevated ? "as_expected"
                                            : "different";
  nlohmann::ordered_json entry =
      elevated ? Entry("T113", "start-up probe: absent, armed", outcome)
               : Entry("T114", "start-up probe, not elevated: denied, not armed", outcome);
  if (platform.contains("engine_probe")) entry["seen"] = platform["engine_probe"];
  return entry;
}

}  // namespace

nlohmann::ordered_json AnswerMatrix(const DoctorReport& report) {
  const bool known = CodesAreKnown(report);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  // This program would not have been compiled otherwise.
  all.push_back(Entry("T01", "the constants of the three codes", "as_expected"));
  for (const auto* rows : {&StateRows(), &CallRows()}) {
    for (const MatrixRow& row : *rows) all.push_back(Judge(row, report, known));
  }
  all.push_back(Judge(DeniedRow(report), report, known));
  all.push_back(ProbeEntry(report, known));
  for (const char* id : kDriverRows) {
    all.push_back(Entry(id, "needs a connection that a callout redirected", "needs_driver"));
  }
  return all;
}

}  // namespace sluice::tool

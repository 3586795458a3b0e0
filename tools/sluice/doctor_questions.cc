// SPDX-License-Identifier: Apache-2.0
//
// The open questions, what user mode alone can say to each, and how to settle the rest.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/sluice/doctor_acceptance.h"
#include "tools/sluice/doctor_evidence.h"

namespace sluice::tool {
namespace {

enum class Reach { kAnswers, kPartly, kNeedsDriver };

struct Question {
  const char* id;
  const char* text;
  Reach reach;  // of user mode, on a machine that knows the codes
  std::vector<Pick> picks;
  const char* procedure;  // what remains to be done; empty if nothing
};

// Every procedure starts from a test machine on which a signed test callout redirects connects to a
// port where a program of the user's listens; named "the proxy" below.
const std::vector<Question>& FirstQuestions() {
  static const std::vector<Question> questions = {
      {"Q1",
       "Code and reported size for a too-small buffer, by call and by port",
       Reach::kPartly,
       {{"accepted_updated", "records", "sync", "capacity 1"},
        {"accepted_updated", "records", "sync", "capacity 3"},
        {"accepted_updated", "records", "sync", "capacity 4"},
        {"accepted_updated", "records", "port", "capacity 3"},
        {"accepted_updated", "records", "port", "capacity 4"},
        {"accepted_updated", "records", "sync", "capacity 64 KiB"}},
       "Seen here: answers without a record. With the driver: in the proxy, query the records of a "
       "redirected accepted socket with capacity 3, 4, need-1 and need, without OVERLAPPED and "
       "through a port; note number and byte count of each, with event provider "
       "Microsoft-Windows-Winsock-AFD tracing."},
      {"Q2",
       "Zero-length probe: success or failure",
       Reach::kNeedsDriver,
       {{"accepted_updated", "records", "sync", "null output"},
        {"accepted_updated", "records", "port", "null output"}},
       "With the driver: query the records of a redirected accepted socket with NULL, 0; note "
       "number "
       "and byte count."},
      {"Q3",
       "Real blob sizes for 1, 2, 3 hops, v4 and v6, packaged applications",
       Reach::kNeedsDriver,
       {},
       "With one, two and three redirecting drivers, each with its proxy: run the proxies with the "
       "engine and read `largest_records`; from a desktop and a packaged application, v4 and v6."},
      {"Q4",
       "SET after bind: effective or not",
       Reach::kNeedsDriver,
       {{"bound", "set", "sync"}, {"bound", "set", "port"}},
       "With the driver: bind, SET the blob of a redirected connection, connect; the callout logs "
       "FwpsQueryConnectionRedirectState0: state 1 says effective, 0 not."}};
  return questions;
}

const std::vector<Question>& MiddleQuestions() {
  static const std::vector<Question> questions = {
      {"Q5",
       "SET on a connected or listening socket: error or silence",
       Reach::kPartly,
       {{"connected", "set", "sync"},
        {"connected", "set", "port"},
        {"connecting", "set", "sync"},
        {"listening", "set", "sync"},
        {"listening", "set", "port"},
        {"accepted_updated", "set", "sync"},
        {"bound", "set", "sync"}},
       "Seen here: with a malformed blob; a number unlike that of `created` is the state's. With "
       "the "
       "driver: repeat with the blob of a redirected connection."},
      {"Q6",
       "Exact privilege for SET; any for queries",
       Reach::kPartly,
       {{"created", "set", "sync"},
        {"created", "set", "sync", "administrators disabled"},
        {"accepted_updated", "records", "sync"}},
       "Run the kit elevated and not elevated and compare (`system.elevated`). Then as services of "
       "LocalService and NetworkService and in a container: `sc create`, or psexec -i -u."},
      {"Q7",
       "Query on a redirected client's own socket",
       Reach::kNeedsDriver,
       {{"connected", "records", "sync"}, {"connected", "context", "sync"}},
       "With the driver: after its redirected connect, the application queries its own socket."},
      {"Q8",
       "ENOTCONN or EINVAL on unconnected and listening sockets",
       Reach::kAnswers,
       {{"created", "records", "sync"},
        {"created", "records", "port"},
        {"bound", "records", "sync"},
        {"bound", "records", "port"},
        {"connecting", "records", "sync"},
        {"listening", "records", "sync"},
        {"listening", "records", "port"},
        {"created", "context", "sync"},
        {"listening", "context", "sync"}},
       ""}};
  return questions;
}

const std::vector<Question>& LastQuestions() {
  static const std::vector<Question> questions = {
      {"Q9",
       "Are inherited records visible to an ordinary local listener",
       Reach::kNeedsDriver,
       {},
       "With the driver: the proxy SETs a blob on a socket and connects it to a local listener "
       "that no "
       "callout redirects to; there, query the accepted socket's records."},
      {"Q10",
       "Blob validity after the accepted socket closed, across processes, across reboot",
       Reach::kNeedsDriver,
       {},
       "With the driver: save the blob of a redirected connection; SET it after closing the "
       "accepted "
       "socket, from another process, and after a reboot; connect and log the redirect state."},
      {"Q11",
       "Does the blob contain the context or only a reference",
       Reach::kNeedsDriver,
       {},
       "With the driver: attach contexts of 0 and of 4,096 bytes; compare the records' sizes."},
      {"Q12",
       "Several redirecting callouts in one evaluation: one hop or more",
       Reach::kNeedsDriver,
       {},
       "With two drivers in different sublayers redirecting the same connect: compare the records' "
       "size with that of one, and log each driver's redirect state on the onward connect."},
      {"Q13",
       "The application's getpeername after redirection",
       Reach::kNeedsDriver,
       {},
       "With the driver: the application calls getpeername after its connect; original destination "
       "or "
       "proxy?"},
      {"Q14",
       "SO_ORIGINAL_DST: minimum build, answer when not redirected, level for v6",
       Reach::kPartly,
       {{"accepted_updated", "SO_ORIGINAL_DST", "sync", "level 0"},
        {"accepted_updated", "SO_ORIGINAL_DST", "sync", "level 41"},
        {"accepted_updated", "SO_ORIGINAL_DST", "sync", "level 65535"},
        {"connected", "SO_ORIGINAL_DST", "sync", "level 0"},
        {"connected", "SO_ORIGINAL_DST", "sync", "level 41"}},
       "Seen here: the answer when not redirected, on this build (`system.version`). Run the kit "
       "on "
       "older builds to find the first that knows it; with the driver, ask on a redirected "
       "socket."},
      {"Q15",
       "Backlog loss on Server editions and older builds",
       Reach::kNeedsDriver,
       {},
       "With the driver: 232 simultaneous connects to a proxy with the default backlog, then with "
       "SOMAXCONN_HINT(1024); count connections without records, on client and Server editions."},
      {"Q16",
       "Is a wrong or trailing byte in the blob detected",
       Reach::kPartly,
       {{"created", "set", "sync", "empty"},
        {"created", "set", "sync", "4 bytes"},
        {"created", "set", "sync"},
        {"created", "set", "sync", "64 bytes"},
        {"created", "set", "sync", "600 bytes"},
        {"created", "set", "sync", "4096 bytes"},
        {"created", "set", "sync", "64 KiB"},
        {"created", "set", "port", "600 bytes"}},
       "Seen here: whether bytes that are no blob at all are refused. With the driver: SET a real "
       "blob "
       "with one bit flipped, one byte short and 16 bytes too long."}};
  return questions;
}

const char* StatusOf(const Question& question, bool known, bool any) {
  if (question.reach == Reach::kNeedsDriver) return "needs_driver";
  if (!known) return "unsupported_here";
  if (!any) return "not_run";
  return question.reach == Reach::kAnswers ? "answered" : "partly";
}

// What the rows of a question say in a sentence, where a sentence can be drawn from them.
std::string Conclusion(const Question& question, const DoctorReport& report,
                       const std::vector<const RawRow*>& rows) {
  if (rows.empty()) return "";
  const std::string id = question.id;
  if (id == "Q8") {
    std::vector<std::uint32_t> numbers;
    for (const RawRow* row : rows) numbers.push_back(NumberOf(*row));
    const auto all = [&](std::uint32_t call, std::uint32_t packet) {
      return std::all_of(numbers.begin(), numbers.end(),
                         [&](std::uint32_t number) { return number == call || number == packet; });
    };
    return all(10057, 59)     ? "always ENOTCONN"
           : all(10022, 1168) ? "always EINVAL"
                              : "mixed: see evidence";
  }
  if (id == "Q16") {
    const bool accepted = std::any_of(rows.begin(), rows.end(),
                                      [](const RawRow* row) { return NumberOf(*row) == 0; });
    return accepted ? "bytes that are no blob were accepted" : "no malformed blob was accepted";
  }
  if (id == "Q6")
    return absl::StrCat("this run was ", report.facts.elevated ? "elevated" : "not elevated");
  return "";
}

}  // namespace

nlohmann::ordered_json AnswerQuestions(const DoctorReport& report) {
  const bool known = CodesAreKnown(report);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto* questions : {&FirstQuestions(), &MiddleQuestions(), &LastQuestions()}) {
    for (const Question& question : *questions) {
      const std::vector<const RawRow*> rows = RowsOf(report, question.picks);
      nlohmann::ordered_json entry;
      entry["id"] = question.id;
      entry["question"] = question.text;
      entry["label"] = report.facts.platform;
      const std::string status = StatusOf(question, known, !rows.empty());
      entry["status"] = status;
      const bool says = status == "answered" || status == "partly";
      const std::string conclusion = says ? Conclusion(question, report, rows) : "";
      if (!conclusion.empty()) entry["answer"] = conclusion;
      entry["evidence"] = nlohmann::ordered_json::array();
      for (const RawRow* row : rows) entry["evidence"].push_back(EvidenceText(*row));
      if (*question.procedure != '\0') entry["procedure"] = question.procedure;
      all.push_back(entry);
    }
  }
  return all;
}

}  // namespace sluice::tool

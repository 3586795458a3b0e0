// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/doctor_acceptance.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "sluice/version.h"
#include "tools/sluice/doctor_evidence.h"

namespace sluice::tool {
namespace {

constexpr std::size_t kFailureTextMax = 600;

nlohmann::ordered_json FailureOf(const std::string& suite, const nlohmann::json& test) {
  nlohmann::ordered_json entry;
  entry["test"] = absl::StrCat(suite, ".", test.value("name", ""));
  std::string text;
  for (const nlohmann::json& failure : test["failures"]) {
    absl::StrAppend(&text, failure.value("failure", ""), "\n");
  }
  entry["failure"] = text.substr(0, kFailureTextMax);
  return entry;
}

// Counts and failures; the passed cases by name would be most of the document.
nlohmann::ordered_json SummaryOf(const nlohmann::json& result) {
  nlohmann::ordered_json json;
  std::uint64_t skipped = 0;
  nlohmann::ordered_json failed = nlohmann::ordered_json::array();
  for (const nlohmann::json& suite : result.value("testsuites", nlohmann::json::array())) {
    for (const nlohmann::json& test : suite.value("testsuite", nlohmann::json::array())) {
      if (test.value("result", "") == "SKIPPED") ++skipped;
      if (test.contains("failures")) failed.push_back(FailureOf(suite.value("name", ""), test));
    }
  }
  json["tests"] = result.value("tests", 0);
  json["failures"] = result.value("failures", 0);
  json["disabled"] = result.value("disabled", 0);
  json["skipped"] = skipped;
  json["time"] = result.value("time", "");
  json["failed"] = failed;
  return json;
}

nlohmann::ordered_json ReadAttachment(const std::string& path) {
  nlohmann::ordered_json json;
  json["file"] = path;
  std::ifstream file(path);
  if (!file) {
    json["error"] = "cannot be read: the program did not run, or ended before it wrote its result";
    return json;
  }
  const nlohmann::json result = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) {
    json["error"] = "is not a JSON document of GoogleTest";
    return json;
  }
  json.update(SummaryOf(result));
  return json;
}

}  // namespace

void AddAcceptance(const DoctorOptions& options, const DoctorReport& report,
                   nlohmann::ordered_json* document) {
  nlohmann::ordered_json attached = nlohmann::ordered_json::object();
  for (const std::string& text : options.attach) {
    const std::size_t equals = text.find('=');
    attached[text.substr(0, equals)] = ReadAttachment(text.substr(equals + 1));
  }
  // Whoever reads an answer must see at once where it comes from.
  (*document)["label"] = report.facts.platform;
  nlohmann::ordered_json& acceptance = (*document)["acceptance"];
  acceptance["label"] = report.facts.platform;
  acceptance["questions"] = AnswerQuestions(report);
  acceptance["matrix"] = AnswerMatrix(report);
  acceptance["attached"] = attached;
  acceptance["raw"] = nlohmann::ordered_json::array();
  for (const RawRow& row : report.rows) acceptance["raw"].push_back(RowJson(row));
}

}  // namespace sluice::tool

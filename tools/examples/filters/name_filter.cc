// SPDX-License-Identifier: Apache-2.0
#include "tools/examples/filters/name_filter.h"

#include <utility>
#include <vector>

#include "sluice/client_hello.h"
#include "sluice/http_request.h"

namespace sluice::examples {
namespace {

constexpr char kForbidden[] =
    "HTTP/1.1 403 Forbidden\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 8\r\n"
    "Connection: close\r\n"
    "\r\n"
    "blocked\n";

}  // namespace

NameFilter::NameFilter(Decider decider, std::size_t waiting_max)
    : decider_(std::move(decider)), waiting_max_(waiting_max), thread_([this] { Run(); }) {}

NameFilter::~NameFilter() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    came_.notify_one();
  }
  thread_.join();
}

// What comes back is nobody's concern here.
Verdict NameFilter::OnOpen(InspectedFlow&, OpenCall& call) {
  call.Look(true, false);
  return Verdict::kPass;
}

Verdict NameFilter::OnData(InspectedFlow&, Direction, Bytes& data, DataCall& call) {
  ClientHello hello;
  Reading reading = ReadClientHello(data, &hello);
  if (reading == Reading::kFound) return Ask(hello.server_name.view(), false, call);
  if (reading == Reading::kOther) {
    HttpRequest request;
    reading = ReadHttpRequest(data, &request);
    if (reading == Reading::kFound) return Ask(request.host.view(), true, call);
  }
  switch (reading) {
    case Reading::kMore:
      // A beginning that has no more to it names nobody.
      return call.must_decide() ? Verdict::kDetach : Verdict::kMore;
    case Reading::kOther:
      return Verdict::kDetach;
    default:
      return Verdict::kReset;
  }
}

// The queue is short of what its engines may wait for, so it is bounded anyway; this one says so.
Verdict NameFilter::Ask(absl::string_view name, bool http, DataCall& call) {
  if (name.empty()) return Verdict::kDetach;
  Question question;
  question.name = std::string(name);
  question.http = http;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (questions_.size() >= waiting_max_) return Verdict::kReset;
  question.token = call.TakeLater();
  // Without one the engine says no by itself.
  if (question.token) questions_.push_back(std::move(question));
  came_.notify_one();
  return Verdict::kPend;
}

void NameFilter::Run() {
  for (;;) {
    Question question;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      came_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    Answer(question);
  }
}

void NameFilter::Answer(Question& question) {
  if (decider_(question.name)) {
    allowed_.fetch_add(1, std::memory_order_relaxed);
    question.token.Resolve(Verdict::kDetach);
    return;
  }
  blocked_.fetch_add(1, std::memory_order_relaxed);
  if (!question.http) {
    question.token.Resolve(Verdict::kReset);
    return;
  }
  sluice::Answer answer;
  answer.verdict = Verdict::kClose;
  answer.inject_down = kForbidden;
  question.token.Resolve(std::move(answer));
}

NameFilter::Decider AllBut(std::vector<std::string> blocked) {
  return [blocked = std::move(blocked)](const std::string& name) {
    for (const std::string& domain : blocked) {
      if (name == domain) return false;
      const bool within = name.size() > domain.size() && name.ends_with(domain) &&
                          name[name.size() - domain.size() - 1] == '.';
      if (within) return false;
    }
    return true;
  };
}

}  // namespace sluice::examples

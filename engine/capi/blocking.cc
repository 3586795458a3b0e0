// SPDX-License-Identifier: Apache-2.0
#include "sluice/blocking_inspector.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/capi/adapters.h"
#include "engine/capi/border.h"
#include "engine/capi/table.h"

// Takes the answer of one call of a handler.
struct sluice_reply {
  sluice::Answer& answer;
};

namespace sluice::capi {
namespace {

sluice_blocking_flow ToC(const BlockingFlow& flow) {
  sluice_blocking_flow out{};
  out.size = sizeof out;
  out.listener = flow.listener;
  out.id = flow.id;
  out.client = capi::ToC(flow.client);
  out.destination = capi::ToC(flow.destination);
  out.user = flow.user;
  return out;
}

// What is no verdict at all is one that is allowed nowhere, and counts as such.
Verdict VerdictOf(std::int32_t verdict) {
  return static_cast<Verdict>(verdict >= 0 && verdict < 0xFF ? verdict : 0xFF);
}

// What these throw is BlockingInspector's to catch and count.
class HandlerAdapter final : public BlockingHandler {
 public:
  HandlerAdapter(const sluice_blocking_handler& handler, std::string name)
      : handler_(handler), name_(std::move(name)) {}

  const char* name() const override { return name_.c_str(); }

  Verdict OnOpen(BlockingFlow& flow, const BlockingOpen& open, Answer* answer) override {
    if (handler_.on_open == nullptr) return Verdict::kPass;
    const CallbackScope scope;
    sluice_blocking_flow given = ToC(flow);
    sluice_open_info info{};
    info.size = sizeof info;
    info.pid = open.pid;
    info.source = capi::ToC(open.source);
    info.process_path = ToView(open.process_path);
    info.context = ToView(open.context);
    info.redirected = open.redirected ? 1 : 0;
    sluice_reply reply{*answer};
    const std::int32_t verdict = handler_.on_open(handler_.user, &given, &info, &reply);
    flow.user = given.user;
    return VerdictOf(verdict);
  }

  Verdict OnData(BlockingFlow& flow, const BlockingData& data, Answer* answer) override {
    const CallbackScope scope;
    sluice_blocking_flow given = ToC(flow);
    sluice_blocking_data came{};
    came.size = sizeof came;
    came.direction = static_cast<std::int32_t>(data.direction);
    came.bytes = ToView(data.bytes);
    came.ended = data.ended ? 1 : 0;
    came.must_decide = data.must_decide ? 1 : 0;
    sluice_reply reply{*answer};
    const std::int32_t verdict = handler_.on_data(handler_.user, &given, &came, &reply);
    flow.user = given.user;
    return VerdictOf(verdict);
  }

  void OnEnd(BlockingFlow& flow) override {
    if (handler_.on_end == nullptr) return;
    const CallbackScope scope;
    sluice_blocking_flow given = ToC(flow);
    handler_.on_end(handler_.user, &given);
  }

 private:
  const sluice_blocking_handler handler_;
  const std::string name_;
};

}  // namespace
}  // namespace sluice::capi

struct sluice_blocking {
  sluice_blocking(const sluice_blocking_handler& given, std::string name,
                  const sluice::BlockingOptions& options)
      : handler(given, std::move(name)), inspector(handler, options) {}

  sluice::capi::HandlerAdapter handler;
  sluice::BlockingInspector inspector;
  std::atomic<int> engines{0};
};

namespace sluice::capi {

Inspector* Hold(sluice_blocking* blocking) {
  ++blocking->engines;
  return &blocking->inspector;
}

void LetGo(sluice_blocking* blocking) { --blocking->engines; }

Answer Convert(const sluice_answer& given, Reader& reader) {
  Answer answer;
  answer.destination = reader.OneAddress(given.destination, "destination");
  answer.replacement = reader.Text(given.replacement, "replacement");
  answer.inject_up = reader.Text(given.inject_up, "inject_up");
  answer.inject_down = reader.Text(given.inject_down, "inject_down");
  return answer;
}

namespace {

sluice_blocking_options Defaults() {
  const BlockingOptions from;
  sluice_blocking_options out{};
  out.size = sizeof out;
  out.threads = from.threads;
  out.queue_max = from.queue_max;
  out.queue_bytes_max = from.queue_bytes_max;
  out.overload = static_cast<std::int32_t>(from.overload);
  out.ask_open = from.ask_open ? 1 : 0;
  out.look_up = from.look_up ? 1 : 0;
  out.look_down = from.look_down ? 1 : 0;
  out.slow_after = from.slow_after_ns;
  return out;
}

void OptionsInit(sluice_blocking_options* options, std::size_t size) {
  Init(options, size, Defaults());
}

// All that BlockingInspector demands of its caller.
BlockingOptions Convert(const sluice_blocking_options* given, Reader& reader) {
  sluice_blocking_options options = Defaults();
  reader.Also(Read(given, "options", &options));
  reader.Need(options.threads >= 1 && options.threads <= 1024, "threads",
              absl::StrCat(options.threads, " is not between 1 and 1024"));
  reader.Need(options.queue_max >= 1, "queue_max", "0 is not 1 or more");
  const bool allowed = options.overload == SLUICE_PASS || options.overload == SLUICE_DETACH ||
                       options.overload == SLUICE_CLOSE || options.overload == SLUICE_RESET;
  reader.Need(allowed, "overload",
              absl::StrCat(options.overload,
                           " is none of SLUICE_PASS, SLUICE_DETACH, SLUICE_CLOSE, SLUICE_RESET"));
  reader.Need(options.slow_after >= 0, "slow_after",
              absl::StrCat(options.slow_after, " is not 0 or more nanoseconds"));
  BlockingOptions out;
  out.threads = options.threads;
  out.queue_max = options.queue_max;
  out.queue_bytes_max = options.queue_bytes_max;
  out.overload = VerdictOf(options.overload);
  out.ask_open = reader.Bool(options.ask_open, "ask_open");
  out.look_up = reader.Bool(options.look_up, "look_up");
  out.look_down = reader.Bool(options.look_down, "look_down");
  out.slow_after_ns = options.slow_after;
  return out;
}

std::int32_t Create(const sluice_blocking_handler* given, const sluice_blocking_options* options,
                    sluice_blocking** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "blocking");
  *out = nullptr;
  if (given == nullptr) return FailNull(error, "handler");
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    reader.Also(CheckControl());
    sluice_blocking_handler handler{};
    reader.Also(Read(given, "handler", &handler));
    reader.Need(handler.on_data != nullptr, "handler.on_data",
                "is NULL; it says what happens to bytes");
    std::string name = reader.Text(handler.name, "handler.name");
    if (name.empty()) name = "blocking inspector";
    const BlockingOptions converted = Convert(options, reader);
    if (!reader.ok()) return Fail(error, reader.status());
    *out = new sluice_blocking(handler, std::move(name), converted);
    return SLUICE_OK;
  });
}

std::int32_t Stop(sluice_blocking* blocking, sluice_error* error) {
  if (blocking == nullptr) return FailNull(error, "blocking");
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (status.ok()) blocking->inspector.Stop();
    return Result(error, status);
  });
}

std::int32_t Destroy(sluice_blocking* blocking, sluice_error* error) {
  if (blocking == nullptr) return SLUICE_OK;
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (!status.ok()) return Fail(error, status);
    if (const int engines = blocking->engines; engines != 0) {
      return Fail(error, SLUICE_BAD_STATE,
                  absl::StrCat("blocking: ", engines,
                               " engines that it inspects for still exist; engine_destroy comes "
                               "first"));
    }
    delete blocking;
    return SLUICE_OK;
  });
}

std::int32_t Stats(const sluice_blocking* blocking, sluice_blocking_stats* stats,
                   sluice_error* error) {
  if (blocking == nullptr) return FailNull(error, "blocking");
  return Guarded(error, [&]() -> std::int32_t {
    const BlockingStats from = blocking->inspector.stats();
    sluice_blocking_stats out{};
    out.calls = from.calls;
    out.overloaded = from.overloaded;
    out.abandoned = from.abandoned;
    out.late = from.late;
    out.threw = from.threw;
    out.bad_verdict = from.bad_verdict;
    out.slow = from.slow;
    out.bytes_copied = from.bytes_copied;
    out.longest_ns = from.longest_ns;
    out.waiting = from.waiting;
    out.running = from.running;
    out.flows = from.flows;
    return Fill(stats, out, "stats", error);
  });
}

std::int32_t ReplySet(sluice_reply* reply, const sluice_answer* given) {
  if (reply == nullptr || given == nullptr) return SLUICE_BAD_ARGUMENT;
  return Guarded(nullptr, [&]() -> std::int32_t {
    sluice_answer full{};
    Reader reader;
    reader.Also(Read(given, "answer", &full));
    Answer answer = capi::Convert(full, reader);
    if (!reader.ok()) return SLUICE_BAD_ARGUMENT;
    reply->answer = std::move(answer);
    return SLUICE_OK;
  });
}

}  // namespace

void AddBlocking(sluice_api& table) {
  table.blocking_options_init = &OptionsInit;
  table.blocking_create = &Create;
  table.blocking_stop = &Stop;
  table.blocking_destroy = &Destroy;
  table.blocking_stats = &Stats;
  table.reply_set = &ReplySet;
}

}  // namespace sluice::capi

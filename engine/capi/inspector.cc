// SPDX-License-Identifier: Apache-2.0
//
// Inspectors and the verdicts they give later.
#include "sluice/inspector.h"

#include <memory>
#include <new>
#include <utility>

#include "engine/capi/adapters.h"
#include "engine/capi/border.h"
#include "engine/capi/handles.h"
#include "engine/capi/table.h"

// One call of an inspector. Flows and bytes are their own handles.
struct sluice_open_call {
  sluice::OpenCall& call;
};
struct sluice_data_call {
  sluice::DataCall& call;
  sluice::Bytes& data;
};

namespace sluice::capi {
namespace {

static_assert(SLUICE_UP == static_cast<int>(Direction::kUp));
static_assert(SLUICE_DOWN == static_cast<int>(Direction::kDown));
static_assert(SLUICE_END_DETACHED == static_cast<int>(InspectionEnd::kDetached));
static_assert(SLUICE_END_ENDED == static_cast<int>(InspectionEnd::kEnded));

// What is no verdict at all is one that the engine does not know, and counts as such.
Verdict VerdictOf(std::int32_t verdict) {
  return static_cast<Verdict>(verdict >= 0 && verdict < 0xFF ? verdict : 0xFF);
}

sluice_flow* HandleOf(InspectedFlow& flow) { return reinterpret_cast<sluice_flow*>(&flow); }
InspectedFlow& FlowOf(sluice_flow* flow) { return *reinterpret_cast<InspectedFlow*>(flow); }
const InspectedFlow& FlowOf(const sluice_flow* flow) {
  return *reinterpret_cast<const InspectedFlow*>(flow);
}
sluice_bytes* HandleOf(Bytes& bytes) { return reinterpret_cast<sluice_bytes*>(&bytes); }

}  // namespace

absl::StatusOr<std::unique_ptr<InspectorAdapter>> InspectorAdapter::Make(
    const sluice_inspector* given, absl::string_view name) {
  sluice_inspector inspector{};
  Reader reader(absl::StrCat(name, "."));
  reader.Also(Read(given, name, &inspector));
  std::string text = reader.Text(inspector.name, "name");
  if (text.empty()) text = "inspector";
  reader.Need(inspector.on_data != nullptr, "on_data", "is NULL; it says what happens to bytes");
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<InspectorAdapter>(new InspectorAdapter(inspector, std::move(text)));
}

// What these throw is the engine's to catch and count.
Verdict InspectorAdapter::OnOpen(InspectedFlow& flow, OpenCall& call) {
  if (inspector_.on_open == nullptr) return Verdict::kPass;
  const CallbackScope scope;
  sluice_open_call handle{call};
  return VerdictOf(inspector_.on_open(inspector_.user, HandleOf(flow), &handle));
}

Verdict InspectorAdapter::OnData(InspectedFlow& flow, Direction direction, Bytes& data,
                                 DataCall& call) {
  const CallbackScope scope;
  sluice_data_call handle{call, data};
  return VerdictOf(inspector_.on_data(inspector_.user, HandleOf(flow),
                                      static_cast<std::int32_t>(direction), HandleOf(data),
                                      &handle));
}

void InspectorAdapter::OnEnd(InspectedFlow& flow, InspectionEnd end) {
  if (inspector_.on_end == nullptr) return;
  const CallbackScope scope;
  inspector_.on_end(inspector_.user, HandleOf(flow), static_cast<std::int32_t>(end));
}

namespace {

std::int32_t FlowInfo(const sluice_flow* flow, sluice_flow_info* info) {
  if (flow == nullptr) return SLUICE_BAD_ARGUMENT;
  sluice_flow_info out{};
  out.listener = FlowOf(flow).listener;
  out.id = FlowOf(flow).id;
  out.client = ToC(FlowOf(flow).client);
  out.destination = ToC(FlowOf(flow).destination);
  return Fill(info, out, "info", nullptr);
}

void* FlowUser(const sluice_flow* flow) { return flow == nullptr ? nullptr : FlowOf(flow).user; }

void FlowSetUser(sluice_flow* flow, void* user) {
  if (flow != nullptr) FlowOf(flow).user = user;
}

void FlowSetRates(sluice_flow* flow, std::uint64_t up, std::uint64_t down) {
  if (flow == nullptr) return;
  FlowOf(flow).bytes_per_second_up = up;
  FlowOf(flow).bytes_per_second_down = down;
}

std::int32_t OpenInfoOf(const sluice_open_call* call, sluice_open_info* info) {
  if (call == nullptr) return SLUICE_BAD_ARGUMENT;
  const OpenInfo& from = call->call.info();
  sluice_open_info out{};
  out.pid = from.pid;
  out.source = ToC(from.source);
  out.process_path = ToView(from.process_path);
  out.context = ToView(from.context);
  out.redirected = from.redirected ? 1 : 0;
  return Fill(info, out, "info", nullptr);
}

void OpenLook(sluice_open_call* call, std::int32_t up, std::int32_t down) {
  if (call != nullptr) call->call.Look(up != 0, down != 0);
}

std::int32_t OpenSetDestination(sluice_open_call* call, const sluice_address* destination) {
  Address address;
  const bool right = call != nullptr && destination != nullptr && FromC(*destination, &address) &&
                     !address.empty() && address.tcp_port() != 0;
  if (!right) return SLUICE_BAD_ARGUMENT;
  call->call.SetDestination(address);
  return SLUICE_OK;
}

// A handle first: a token that nobody can hold would be given up.
template <typename Call>
sluice_pending* TakeLater(Call* call) {
  if (call == nullptr) return nullptr;
  std::unique_ptr<sluice_pending> handle(new (std::nothrow) sluice_pending());
  if (handle == nullptr) return nullptr;
  handle->pending = call->call.TakeLater();
  return handle->pending ? handle.release() : nullptr;
}

std::int32_t DataEnded(const sluice_data_call* call) {
  return call != nullptr && call->call.ended() ? 1 : 0;
}

std::int32_t DataMustDecide(const sluice_data_call* call) {
  return call != nullptr && call->call.must_decide() ? 1 : 0;
}

std::int32_t DataKeep(sluice_data_call* call, std::size_t count) {
  if (call == nullptr || count > call->data.size()) return SLUICE_BAD_ARGUMENT;
  call->call.Keep(count);
  return SLUICE_OK;
}

std::size_t DataKeepMax(const sluice_data_call* call) {
  return call == nullptr ? 0 : call->call.keep_max();
}

sluice_bytes* DataReplacement(sluice_data_call* call) {
  return call == nullptr ? nullptr : HandleOf(call->call.replacement());
}

std::int32_t DataInject(sluice_data_call* call, std::int32_t direction, const void* bytes,
                        std::size_t size) {
  const bool right = call != nullptr && (direction == SLUICE_UP || direction == SLUICE_DOWN) &&
                     (bytes != nullptr || size == 0);
  if (!right) return SLUICE_BAD_ARGUMENT;
  const absl::string_view view(static_cast<const char*>(bytes), size);
  return call->call.Inject(static_cast<Direction>(direction), view) ? SLUICE_OK : SLUICE_NO_ROOM;
}

bool IsAnswer(std::int32_t verdict) { return verdict >= SLUICE_PASS && verdict < SLUICE_PEND; }

std::int32_t PendingResolve(sluice_pending* pending, std::int32_t verdict) {
  if (pending == nullptr || !IsAnswer(verdict)) return SLUICE_BAD_ARGUMENT;
  const std::unique_ptr<sluice_pending> used(pending);
  return Guarded(nullptr, [&]() -> std::int32_t {
    return used->pending.Resolve(VerdictOf(verdict)) ? SLUICE_OK : SLUICE_GONE;
  });
}

std::int32_t PendingAnswer(sluice_pending* pending, const sluice_answer* given) {
  if (pending == nullptr || given == nullptr) return SLUICE_BAD_ARGUMENT;
  return Guarded(nullptr, [&]() -> std::int32_t {
    sluice_answer full{};
    Reader reader;
    reader.Also(Read(given, "answer", &full));
    Answer answer = Convert(full, reader);
    reader.Need(IsAnswer(full.verdict), "verdict", "is no answer");
    if (!reader.ok()) return SLUICE_BAD_ARGUMENT;
    answer.verdict = VerdictOf(full.verdict);
    const std::unique_ptr<sluice_pending> used(pending);
    return used->pending.Resolve(std::move(answer)) ? SLUICE_OK : SLUICE_GONE;
  });
}

void PendingDrop(sluice_pending* pending) { delete pending; }

}  // namespace

void AddInspector(sluice_api& table) {
  table.flow_info = &FlowInfo;
  table.flow_user = &FlowUser;
  table.flow_set_user = &FlowSetUser;
  table.flow_set_rates = &FlowSetRates;
  table.open_info = &OpenInfoOf;
  table.open_look = &OpenLook;
  table.open_set_destination = &OpenSetDestination;
  table.open_take_later = &TakeLater<sluice_open_call>;
  table.data_ended = &DataEnded;
  table.data_must_decide = &DataMustDecide;
  table.data_keep = &DataKeep;
  table.data_keep_max = &DataKeepMax;
  table.data_replacement = &DataReplacement;
  table.data_inject = &DataInject;
  table.data_take_later = &TakeLater<sluice_data_call>;
  table.pending_resolve = &PendingResolve;
  table.pending_answer = &PendingAnswer;
  table.pending_drop = &PendingDrop;
}

}  // namespace sluice::capi

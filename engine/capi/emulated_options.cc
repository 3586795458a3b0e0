// SPDX-License-Identifier: Apache-2.0
#include "engine/capi/emulated_options.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/capi/adapters.h"
#include "engine/capi/border.h"
#include "engine/capi/table.h"

namespace sluice::capi {
namespace {

using emulated::Completion;
using emulated::Personality;

static_assert(SLUICE_TOO_SMALL_OVERFLOW == static_cast<int>(emulated::TooSmall::kBufferOverflow));
static_assert(SLUICE_ZERO_PROBE_NOT_FOUND == static_cast<int>(emulated::ZeroProbe::kNotFound));
static_assert(SLUICE_ABSENT_SUCCESS_EMPTY == static_cast<int>(emulated::AbsentCode::kSuccessEmpty));
static_assert(SLUICE_SET_AFTER_BIND_INVALID == static_cast<int>(emulated::SetAfterBind::kInvalid));
static_assert(SLUICE_COMPLETION_FAIL_AFTER_PEND == static_cast<int>(Completion::kFailAfterPend));
static_assert(SLUICE_LAYOUT_SLUICE == static_cast<int>(emulated::ContextLayout::kSluice));
static_assert(SLUICE_LAYOUT_SOCKADDR == static_cast<int>(emulated::ContextLayout::kSockaddr));
static_assert(SLUICE_LAYOUT_SOCKADDR_PAIR ==
              static_cast<int>(emulated::ContextLayout::kSockaddrPair));
static_assert(SLUICE_PERSONALITY_GREEDY == static_cast<int>(Personality::kGreedy));
static_assert(SLUICE_PERSONALITY_VETO == static_cast<int>(Personality::kVeto));
static_assert(SLUICE_PERSONALITY_DOUBLE_FREE == static_cast<int>(Personality::kDoubleFree));
static_assert(SLUICE_ACTION_BLOCK == static_cast<int>(emulated::Action::kBlock));

std::vector<Address> Addresses(const sluice_address* list, std::size_t count,
                               absl::string_view name, Reader& reader) {
  std::vector<Address> out;
  if (!reader.List(list, count, name)) return out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(reader.OneAddress(list[i], absl::StrCat(name, "[", i, "]")));
  }
  return out;
}

sluice_knobs KnobsDefaults() { return ToC(emulated::Knobs()); }

sluice_platform_options PlatformDefaults() {
  sluice_platform_options out{};
  out.size = sizeof out;
  return out;
}

sluice_process_options ProcessDefaults() {
  const emulated::ProcessOptions from;
  sluice_process_options out{};
  out.size = sizeof out;
  out.pid = from.pid;
  out.elevated = from.elevated ? 1 : 0;
  out.proxy = from.proxy ? 1 : 0;
  out.path = ToView("proxy");
  return out;
}

sluice_vendor_options VendorDefaults() {
  const emulated::VendorOptions from;
  sluice_vendor_options out{};
  out.size = sizeof out;
  out.sublayer_weight = from.sublayer_weight;
  out.target_pid = from.target_pid;
  return out;
}

sluice_filter_options FilterDefaults() {
  const emulated::FilterOptions from;
  sluice_filter_options out{};
  out.size = sizeof out;
  out.sublayer_weight = from.sublayer_weight;
  out.action = static_cast<std::int32_t>(from.action);
  return out;
}

}  // namespace

sluice_knobs ToC(const emulated::Knobs& knobs) {
  sluice_knobs out{};
  out.size = sizeof out;
  out.too_small = static_cast<std::int32_t>(knobs.too_small);
  out.zero_probe = static_cast<std::int32_t>(knobs.zero_probe);
  out.absent_code = static_cast<std::int32_t>(knobs.absent_code);
  out.set_after_bind = static_cast<std::int32_t>(knobs.set_after_bind);
  out.completion = static_cast<std::int32_t>(knobs.completion);
  out.report_need = knobs.report_need;
  out.tiny_is_too_small = knobs.tiny_is_too_small;
  out.unconnected_is_invalid = knobs.unconnected_is_invalid;
  out.set_late_is_ignored = knobs.set_late_is_ignored;
  out.set_empty_clears = knobs.set_empty_clears;
  out.set_requires_admin = knobs.set_requires_admin;
  out.query_requires_admin = knobs.query_requires_admin;
  out.client_side_query = knobs.client_side_query;
  out.deliver_inherited = knobs.deliver_inherited;
  out.records_lost_on_retry = knobs.records_lost_on_retry;
  out.lan_target_loses_records = knobs.lan_target_loses_records;
  out.scramble = knobs.scramble;
  out.backlog_default = knobs.backlog_default;
  out.fail_status = knobs.fail_status;
  out.record_pad = knobs.record_pad;
  out.max_hops = knobs.max_hops;
  out.redirect_budget = knobs.redirect_budget;
  out.strip_tag = knobs.strip_tag;
  out.seed = knobs.seed;
  return out;
}

absl::Status Convert(const sluice_knobs* given, absl::string_view name, emulated::Knobs* out) {
  sluice_knobs knobs = KnobsDefaults();
  Reader reader(name.empty() ? "" : absl::StrCat(name, "."));
  reader.Also(Read(given, name, &knobs));
  out->too_small = static_cast<emulated::TooSmall>(
      reader.Choice(knobs.too_small, 3, "too_small", "SLUICE_TOO_SMALL_..."));
  out->zero_probe = static_cast<emulated::ZeroProbe>(
      reader.Choice(knobs.zero_probe, 2, "zero_probe", "SLUICE_ZERO_PROBE_..."));
  out->absent_code = static_cast<emulated::AbsentCode>(
      reader.Choice(knobs.absent_code, 2, "absent_code", "SLUICE_ABSENT_..."));
  out->set_after_bind = static_cast<emulated::SetAfterBind>(
      reader.Choice(knobs.set_after_bind, 2, "set_after_bind", "SLUICE_SET_AFTER_BIND_..."));
  out->completion = static_cast<Completion>(
      reader.Choice(knobs.completion, 3, "completion", "SLUICE_COMPLETION_..."));
  out->report_need = reader.Bool(knobs.report_need, "report_need");
  out->tiny_is_too_small = reader.Bool(knobs.tiny_is_too_small, "tiny_is_too_small");
  out->unconnected_is_invalid = reader.Bool(knobs.unconnected_is_invalid, "unconnected_is_invalid");
  out->set_late_is_ignored = reader.Bool(knobs.set_late_is_ignored, "set_late_is_ignored");
  out->set_empty_clears = reader.Bool(knobs.set_empty_clears, "set_empty_clears");
  out->set_requires_admin = reader.Bool(knobs.set_requires_admin, "set_requires_admin");
  out->query_requires_admin = reader.Bool(knobs.query_requires_admin, "query_requires_admin");
  out->client_side_query = reader.Bool(knobs.client_side_query, "client_side_query");
  out->deliver_inherited = reader.Bool(knobs.deliver_inherited, "deliver_inherited");
  out->records_lost_on_retry = reader.Bool(knobs.records_lost_on_retry, "records_lost_on_retry");
  out->lan_target_loses_records =
      reader.Bool(knobs.lan_target_loses_records, "lan_target_loses_records");
  out->scramble = reader.Bool(knobs.scramble, "scramble");
  out->backlog_default = knobs.backlog_default;
  out->fail_status = knobs.fail_status;
  out->record_pad = knobs.record_pad;
  out->max_hops = knobs.max_hops;
  out->redirect_budget = knobs.redirect_budget;
  reader.Need(knobs.strip_tag >= 0 && knobs.strip_tag <= 1, "strip_tag",
              absl::StrCat(knobs.strip_tag, " is not between 0 and 1"));
  out->strip_tag = knobs.strip_tag;
  out->seed = knobs.seed;
  return reader.status();
}

absl::Status Convert(const sluice_platform_options* given, emulated::PlatformOptions* out) {
  sluice_platform_options options = PlatformDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  reader.Also(Convert(options.knobs, "knobs", &out->knobs));
  out->trace_capacity = options.trace_capacity;
  out->manual_completion = reader.Bool(options.manual_completion, "manual_completion");
  out->local_addresses =
      Addresses(options.local_addresses, options.local_addresses_count, "local_addresses", reader);
  return reader.status();
}

absl::Status Convert(const sluice_process_options* given, emulated::ProcessOptions* out) {
  sluice_process_options options = ProcessDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  out->pid = options.pid;
  out->path = reader.Text(options.path, "path");
  out->elevated = reader.Bool(options.elevated, "elevated");
  out->proxy = reader.Bool(options.proxy, "proxy");
  return reader.status();
}

namespace {

void ConvertContext(const sluice_vendor_options& options, emulated::VendorOptions* out,
                    Reader& reader) {
  out->context = static_cast<emulated::ContextLayout>(
      reader.Choice(options.context, SLUICE_LAYOUT_SOCKADDR_PAIR, "context",
                    "SLUICE_LAYOUT_SLUICE, SOCKADDR, SOCKADDR_PAIR"));
  if (options.make_context != nullptr) {
    out->make_context = [make = options.make_context,
                         user = options.make_context_user](const emulated::ClassifyValues& values) {
      const CallbackScope scope;
      const sluice_classify_values given = ToC(values);
      try {
        return Written(
            [&](char* bytes, std::size_t capacity) { return make(user, &given, bytes, capacity); });
      } catch (...) {
        return std::string();
      }
    };
  } else if (options.codec != nullptr) {
    auto made = CodecAdapter::Make(options.codec, "codec");
    reader.Also(made.status());
    if (!made.ok()) return;
    out->make_context = [codec = std::shared_ptr<CodecAdapter>(*std::move(made))](
                            const emulated::ClassifyValues& values) {
      return codec->Encode(Origin{values.remote, values.local, values.pid, values.path});
    };
  }
}

}  // namespace

absl::Status Convert(const sluice_vendor_options* given, emulated::VendorOptions* out) {
  sluice_vendor_options options = VendorDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  out->name = reader.Text(options.name, "name");
  out->sublayer_weight = reader.Short(options.sublayer_weight, "sublayer_weight");
  out->filter_weight = options.filter_weight;
  out->listeners = Addresses(options.listeners, options.listeners_count, "listeners", reader);
  out->target_pid = options.target_pid;
  out->destinations =
      Addresses(options.destinations, options.destinations_count, "destinations", reader);
  ConvertContext(options, out, reader);
  out->personality =
      static_cast<Personality>(reader.Choice(options.personality, SLUICE_PERSONALITY_DOUBLE_FREE,
                                             "personality", "SLUICE_PERSONALITY_..."));
  return reader.status();
}

absl::Status Convert(const sluice_filter_options* given, emulated::FilterOptions* out) {
  sluice_filter_options options = FilterDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  out->name = reader.Text(options.name, "name");
  out->at_auth = reader.Bool(options.at_auth, "at_auth");
  out->sublayer_weight = reader.Short(options.sublayer_weight, "sublayer_weight");
  out->weight = options.weight;
  out->action = static_cast<emulated::Action>(reader.Choice(
      options.action, SLUICE_ACTION_BLOCK, "action", "SLUICE_ACTION_CONTINUE, PERMIT, BLOCK"));
  out->hard_permit = reader.Bool(options.hard_permit, "hard_permit");
  out->handle = options.handle;
  ConvertCallout(options, out);
  return reader.status();
}

namespace {

template <typename T, T (*kDefaults)()>
void InitBy(T* out, std::size_t size) {
  Init(out, size, kDefaults());
}

}  // namespace

void AddEmulatedOptions(sluice_api& table) {
  table.knobs_init = &InitBy<sluice_knobs, &KnobsDefaults>;
  table.platform_options_init = &InitBy<sluice_platform_options, &PlatformDefaults>;
  table.process_options_init = &InitBy<sluice_process_options, &ProcessDefaults>;
  table.vendor_options_init = &InitBy<sluice_vendor_options, &VendorDefaults>;
  table.filter_options_init = &InitBy<sluice_filter_options, &FilterDefaults>;
}

}  // namespace sluice::capi

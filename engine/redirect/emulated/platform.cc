// SPDX-License-Identifier: Apache-2.0
//
// The public Platform: set-up on top of the machine.
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/redirect/emulated/callouts.h"
#include "engine/redirect/emulated/machine.h"
#include "engine/redirect/emulated/platform_impl.h"
#include "sluice/emulated.h"

namespace sluice::emulated {
namespace {

absl::Status CheckVendor(const VendorOptions& options) {
  if (options.name.empty())
    return absl::InvalidArgumentError("vendor: name is empty; traces need one");
  if (options.listeners.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("vendor ", options.name, ": listeners is empty; name at least one address"));
  }
  for (const Address& listener : options.listeners) {
    if (listener.empty() || listener.tcp_port() == 0 || listener.IsWildcard()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "vendor ", options.name, ": listener ", listener.ToString(),
          " is not an address that can be connected to; give a specific one with its port"));
    }
  }
  if (options.target_pid == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "vendor ", options.name, ": target_pid is 0; the platform refuses such redirections"));
  }
  return absl::OkStatus();
}

bool IsV6Layer(const ClassifyValues& values) {
  return values.layer == Layer::kConnectRedirectV6 || values.layer == Layer::kAuthConnectV6;
}

}  // namespace

const char* FaultText(Fault fault) {
  switch (fault) {
    case Fault::kNotApplied:
      return "request acquired and not applied";
    case Fault::kNotReleased:
      return "classify handle not released";
    case Fault::kAcquireWithoutRight:
      return "request acquired without the write right";
    case Fault::kPermitWithoutRight:
      return "permit written over a hard block";
    case Fault::kContextDoubleFree:
      return "context freed twice";
    case Fault::kContextLeak:
      return "context leaked";
    case Fault::kTooManyVersions:
      return "too many versions of one request";
    case Fault::kMaxHops:
      return "more hops than max_hops";
    case Fault::kRedirectBudget:
      return "redirect budget of a destination used up";
  }
  return "unknown";
}

Platform::Platform(const PlatformOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Platform::~Platform() = default;

io::Platform* Platform::process() { return &impl_->front; }

io::Platform* Platform::AddProcess(const ProcessOptions& options) {
  auto front = std::make_unique<ProcessFront>(impl_->machine, options);
  io::Platform* process = front.get();
  MutexLock lock(impl_->mutex);
  impl_->processes.push_back(std::move(front));
  return process;
}

absl::StatusOr<VendorId> Platform::AddVendor(const VendorOptions& options) {
  const absl::Status valid = CheckVendor(options);
  if (!valid.ok()) return valid;
  Kernel& kernel = impl_->machine.kernel();
  const bool per_family = options.personality == Personality::kPerFamilyHandle;
  Impl::Vendor vendor;
  std::vector<Filter> filters;
  for (int i = 0; i < (per_family ? 2 : 1); ++i) {
    Filter filter;
    filter.id = kernel.NewFilterId();
    filter.handle = kernel.CreateHandle();
    filter.weight = options.filter_weight;
    filter.is_vendor = true;
    for (const Address& destination : options.destinations)
      filter.destinations.insert(KeyOf(destination));
    CalloutSpec spec;
    spec.handle = filter.handle;
    spec.target_pid = options.target_pid;
    spec.listeners = options.listeners;
    spec.make_context =
        options.make_context != nullptr ? options.make_context : ContextMaker(options.context);
    spec.personality = options.personality;
    filter.callout = MakeCallout(std::move(spec));
    if (per_family) {
      const bool v6 = i == 1;
      filter.condition = [v6](const ClassifyValues& values) { return IsV6Layer(values) == v6; };
    }
    vendor.filters.push_back(filter.id);
    vendor.handles.push_back(filter.handle);
    filters.push_back(std::move(filter));
  }
  for (const Address& listener : options.listeners) vendor.listeners.push_back(KeyOf(listener));
  VendorId label = 0;
  kernel.Mutate([&](Config& config) {
    label = static_cast<VendorId>(config.labels.size());
    config.labels.push_back(options.name);
    for (Filter& filter : filters) {
      filter.label = label;
      config.handle_labels.emplace(filter.handle, label);
      config.Insert(false, options.sublayer_weight, std::move(filter));
    }
    for (const Address& listener : vendor.listeners) config.vendor_listeners.insert(listener);
  });
  MutexLock lock(impl_->mutex);
  impl_->vendors.emplace(label, std::move(vendor));
  return label;
}

void Platform::RemoveVendor(VendorId id) {
  Impl::Vendor vendor;
  {
    MutexLock lock(impl_->mutex);
    const auto found = impl_->vendors.find(id);
    if (found == impl_->vendors.end()) return;
    vendor = std::move(found->second);
    impl_->vendors.erase(found);
  }
  impl_->machine.kernel().Mutate([&](Config& config) {
    for (const FilterId filter : vendor.filters) config.Remove(filter);
    for (const HandleId handle : vendor.handles) config.handles.erase(handle);
    for (const Address& listener : vendor.listeners) config.vendor_listeners.erase(listener);
  });
}

HandleId Platform::CreateHandle() { return impl_->machine.kernel().CreateHandle(); }
void Platform::DestroyHandle(HandleId handle) { impl_->machine.kernel().DestroyHandle(handle); }
FilterId Platform::AddFilter(const FilterOptions& options) {
  return impl_->machine.kernel().AddFilter(options);
}
void Platform::RemoveFilter(FilterId filter) { impl_->machine.kernel().RemoveFilter(filter); }

void Platform::AdoptForeign(const Address& listener, const Address& destination) {
  impl_->machine.kernel().Mutate(
      [&](Config& config) { config.foreign[KeyOf(listener)] = destination; });
}

void Platform::ForgetForeign(const Address& listener) {
  impl_->machine.kernel().Mutate([&](Config& config) { config.foreign.erase(KeyOf(listener)); });
}

Knobs Platform::knobs() const { return impl_->machine.kernel().config().knobs; }

void Platform::SetKnobs(const Knobs& knobs) {
  impl_->machine.kernel().Mutate([&](Config& config) { config.knobs = knobs; });
}

std::size_t Platform::CompletePended(std::size_t limit) {
  return impl_->machine.pended().Complete(limit);
}
std::size_t Platform::pended() const { return impl_->machine.pended().size(); }
Statistics Platform::statistics() const { return impl_->machine.kernel().counters().Snapshot(); }
void Platform::ResetGuards() { impl_->machine.kernel().ResetGuards(); }

std::vector<TraceRecord> Platform::trace() const {
  return impl_->machine.kernel().trace().Records();
}

std::string Platform::TraceText() const {
  Kernel& kernel = impl_->machine.kernel();
  return FormatTrace(kernel.trace().Records(), kernel.config().labels);
}

void Platform::ClearTrace() { impl_->machine.kernel().trace().Clear(); }

Machine& MachineOf(Platform& platform) { return platform.impl_->machine; }

}  // namespace sluice::emulated

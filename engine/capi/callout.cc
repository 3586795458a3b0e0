// SPDX-License-Identifier: Apache-2.0
//
// Callouts of the embedder's own on the emulated platform.
#include "sluice/emulated_callout.h"

#include <memory>
#include <string>

#include "engine/capi/border.h"
#include "engine/capi/emulated_options.h"
#include "engine/capi/table.h"

// One classify.
struct sluice_access {
  sluice::emulated::RequestAccess& access;
  sluice_classify_out& said;
  sluice::emulated::ConnectRequest* request = nullptr;  // once acquired, until it is released
  bool applied = false;
};

namespace sluice::capi {
namespace {

using emulated::ClassifyOut;
using emulated::ClassifyValues;
using emulated::ConnectRequest;

static_assert(SLUICE_STATE_BY_SELF == static_cast<int>(emulated::RedirectState::kRedirectedBySelf));
static_assert(SLUICE_STATE_BY_OTHER ==
              static_cast<int>(emulated::RedirectState::kRedirectedByOther));
static_assert(SLUICE_STATE_PREVIOUSLY_BY_SELF ==
              static_cast<int>(emulated::RedirectState::kPreviouslyRedirectedBySelf));
static_assert(SLUICE_LAYER_CONNECT_REDIRECT_V6 ==
              static_cast<int>(emulated::Layer::kConnectRedirectV6));
static_assert(SLUICE_LAYER_AUTH_CONNECT_V6 == static_cast<int>(emulated::Layer::kAuthConnectV6));

class CalloutAdapter final : public emulated::Callout {
 public:
  CalloutAdapter(sluice_classify classify, void* user) : classify_(classify), user_(user) {}

  void Classify(const ClassifyValues& values, emulated::RequestAccess& access,
                ClassifyOut& out) override {
    const CallbackScope scope;
    const sluice_classify_values given = ToC(values);
    sluice_classify_out said{};
    said.size = sizeof said;
    said.action = static_cast<std::int32_t>(out.action);
    said.write_right = out.write_right ? 1 : 0;
    sluice_access handle{access, said};
    try {
      classify_(user_, &given, &handle, &said);
    } catch (...) {
      return;
    }
    if (said.action < SLUICE_ACTION_CONTINUE || said.action > SLUICE_ACTION_BLOCK) return;
    out.action = static_cast<emulated::Action>(said.action);
    out.write_right = said.write_right != 0;
  }

 private:
  const sluice_classify classify_;
  void* const user_;
};

sluice_connect_request ToC(const ConnectRequest& request) {
  sluice_connect_request out{};
  out.target_pid = request.target_pid;
  out.local = capi::ToC(request.local);
  out.remote = capi::ToC(request.remote);
  out.port_reservation_token = request.port_reservation_token;
  out.handle = request.handle;
  out.modifier = request.modifier;
  out.context = request.context;
  for (const ConnectRequest* at = request.previous; at != nullptr; at = at->previous) {
    ++out.versions;
  }
  return out;
}

}  // namespace

sluice_classify_values ToC(const ClassifyValues& values) {
  sluice_classify_values out{};
  out.size = sizeof out;
  out.layer = static_cast<std::int32_t>(values.layer);
  out.filter = values.filter;
  out.local = ToC(values.local);
  out.remote = ToC(values.remote);
  out.path = ToView(values.path);
  out.pid = values.pid;
  out.has_records = values.has_records ? 1 : 0;
  out.redirected = values.redirected ? 1 : 0;
  out.target_pid = values.target_pid;
  out.original_remote = ToC(values.original_remote);
  return out;
}

void ConvertCallout(const sluice_filter_options& options, emulated::FilterOptions* out) {
  if (options.condition != nullptr) {
    out->condition = [condition = options.condition,
                      user = options.user](const ClassifyValues& values) {
      const CallbackScope scope;
      const sluice_classify_values given = ToC(values);
      try {
        return condition(user, &given) != 0;
      } catch (...) {
        return false;
      }
    };
  }
  if (options.classify != nullptr) {
    out->callout = std::make_shared<CalloutAdapter>(options.classify, options.user);
  }
}

namespace {

std::int32_t QueryState(sluice_access* access, std::uint64_t handle, void* context,
                        std::size_t capacity, std::size_t* size) {
  if (access == nullptr) return -1;
  return GuardedOr<std::int32_t>(-1, [&] {
    std::string found;
    const emulated::RedirectState state = access->access.QueryState(handle, &found);
    if (size != nullptr) *size = found.size();
    const std::size_t count = context == nullptr ? 0 : std::min(capacity, found.size());
    if (count != 0) std::memcpy(context, found.data(), count);
    return static_cast<std::int32_t>(state);
  });
}

std::int32_t Acquire(sluice_access* access, sluice_connect_request* request) {
  if (access == nullptr || request == nullptr) return SLUICE_BAD_ARGUMENT;
  sluice_connect_request probe{};
  probe.size = request->size;
  if (Fill(&probe, sluice_connect_request{}, "request", nullptr) != SLUICE_OK) {
    return SLUICE_BAD_ARGUMENT;
  }
  return Guarded(nullptr, [&]() -> std::int32_t {
    ConnectRequest* acquired = access->access.Acquire();
    if (acquired == nullptr) return SLUICE_BAD_STATE;
    access->request = acquired;
    access->said.action = SLUICE_ACTION_BLOCK;
    access->said.write_right = 0;
    return Fill(request, ToC(*acquired), "request", nullptr);
  });
}

std::int32_t Version(sluice_access* access, std::uint32_t back, sluice_connect_request* request) {
  if (access == nullptr) return SLUICE_BAD_ARGUMENT;
  if (access->request == nullptr) return SLUICE_BAD_STATE;
  const ConnectRequest* version = access->request;
  for (std::uint32_t i = 0; i < back && version != nullptr; ++i) version = version->previous;
  if (version == nullptr) return SLUICE_NOT_FOUND;
  return Fill(request, ToC(*version), "request", nullptr);
}

std::int32_t Apply(sluice_access* access, const sluice_connect_request* given) {
  if (access == nullptr) return SLUICE_BAD_ARGUMENT;
  if (access->request == nullptr || access->applied) return SLUICE_BAD_STATE;
  return Guarded(nullptr, [&]() -> std::int32_t {
    ConnectRequest& request = *access->request;
    sluice_connect_request full = ToC(request);
    Reader reader;
    reader.Also(Read(given, "request", &full));
    const Address local = reader.OneAddress(full.local, "local");
    const Address remote = reader.OneAddress(full.remote, "remote");
    if (!reader.ok()) return SLUICE_BAD_ARGUMENT;
    request.local = local;
    request.remote = remote;
    request.port_reservation_token = full.port_reservation_token;
    request.target_pid = full.target_pid;
    request.handle = full.handle;
    request.context = full.context;
    access->applied = true;
    access->access.Apply();
    return SLUICE_OK;
  });
}

void Release(sluice_access* access) {
  if (access == nullptr) return;
  access->request = nullptr;
  access->access.Release();
}

std::uint32_t AllocateContext(sluice_access* access, const void* bytes, std::size_t size) {
  if (access == nullptr || (bytes == nullptr && size != 0)) return 0;
  return GuardedOr<std::uint32_t>(0, [&] {
    return access->access.AllocateContext(absl::string_view(static_cast<const char*>(bytes), size));
  });
}

void FreeContext(sluice_access* access, std::uint32_t context) {
  if (access != nullptr) access->access.FreeContext(context);
}

}  // namespace

void AddCallout(sluice_api& table) {
  table.access_query_state = &QueryState;
  table.access_acquire = &Acquire;
  table.access_version = &Version;
  table.access_apply = &Apply;
  table.access_release = &Release;
  table.access_allocate_context = &AllocateContext;
  table.access_free_context = &FreeContext;
}

}  // namespace sluice::capi

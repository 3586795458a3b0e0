// SPDX-License-Identifier: Apache-2.0
#include "sluice/redirect.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/api/impl.h"
#include "engine/api/own_redirector.h"
#include "engine/redirect/none/none_redirector.h"

namespace sluice {
namespace {

absl::Status CheckWfp(const WfpRedirectOptions& options) {
  for (const std::uint32_t first : {options.records_first, options.context_first}) {
    if (first >= 1 && first <= redirect::kReplyMax) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("redirect: records_first and context_first: ", first, " is not between 1 and ",
                     redirect::kReplyMax));
  }
  for (const std::unique_ptr<ContextCodec>& codec : options.codecs) {
    if (codec == nullptr) return absl::InvalidArgumentError("redirect: codecs: one is null");
  }
  if (options.codecs.empty() && !options.standard_codecs) {
    return absl::InvalidArgumentError(
        "redirect: codecs: none given and standard_codecs is false, so no context could be read");
  }
  return absl::OkStatus();
}

redirect::ContextCodecs CodecsOf(WfpRedirectOptions& options) {
  redirect::ContextCodecs codecs;
  for (std::unique_ptr<ContextCodec>& codec : options.codecs) codecs.Add(std::move(codec));
  if (!options.standard_codecs) return codecs;
  codecs.Add(SluiceLayout());
  codecs.Add(SockaddrLayout());
  codecs.Add(SockaddrPairLayout());
  return codecs;
}

}  // namespace

Redirect::Redirect() = default;
Redirect::Redirect(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Redirect::~Redirect() = default;
Redirect::Redirect(Redirect&& other) noexcept = default;
Redirect& Redirect::operator=(Redirect&& other) noexcept = default;

Redirect Redirect::To(const Address& upstream) {
  auto impl = std::make_unique<Impl>();
  if (upstream.empty() || upstream.tcp_port() == 0) {
    impl->problem = absl::InvalidArgumentError(
        absl::StrCat("redirect: To: the upstream needs an address and a TCP port, e.g. "
                     "127.0.0.1:80; it is ",
                     upstream.empty() ? "empty" : upstream.ToString()));
  }
  impl->redirector = std::make_unique<redirect::NoneRedirector>(upstream);
  return Redirect(std::move(impl));
}

Redirect Redirect::Wfp(WfpRedirectOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->problem = CheckWfp(options);
  if (!impl->problem.ok()) return Redirect(std::move(impl));
  redirect::WfpOptions inside;
  inside.codecs = CodecsOf(options);
  inside.records_first = options.records_first;
  inside.context_first = options.context_first;
  if (options.without_context != nullptr) {
    inside.user = options.without_context;
    inside.origin_without_context = [](void* user, const io::Socket& accepted,
                                       FoundOrigin* origin) {
      return static_cast<OwnRedirect*>(user)->Find(accepted.peer(), accepted.local(), origin);
    };
  }
  auto wfp = std::make_unique<redirect::WfpRedirector>(std::move(inside));
  impl->wfp = wfp.get();
  impl->redirector = std::move(wfp);
  return Redirect(std::move(impl));
}

Redirect Redirect::Own(OwnRedirect* platform) {
  auto impl = std::make_unique<Impl>();
  if (platform == nullptr) {
    impl->problem = absl::InvalidArgumentError("redirect: Own: the platform is null");
    return Redirect(std::move(impl));
  }
  impl->redirector = std::make_unique<api::OwnRedirector>(*platform);
  return Redirect(std::move(impl));
}

}  // namespace sluice

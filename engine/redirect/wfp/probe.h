// SPDX-License-Identifier: Apache-2.0
//
// Probe: is there a redirect service behind this kind of port, and may this process use it? Asked
// once at start-up, before anything is armed: a records query on a throw-away loopback connection
// (which no callout redirected, so "absent" is the good answer) and a SET of a blob that cannot be
// right.
#ifndef SLUICE_REDIRECT_WFP_PROBE_H_
#define SLUICE_REDIRECT_WFP_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/io/port.h"
#include "engine/redirect/normalise.h"

namespace sluice::redirect {

struct ProbeResult {
  Meaning query = Meaning::kFailed;
  Meaning set = Meaning::kFailed;
  OsError query_error;
  OsError set_error;

  // The service is there and lets us in. A rejected blob is what is hoped for but proves little,
  // since it may be parsed before privileges are checked: the first real SET decides.
  bool Armed() const;
  // One line for people: what was found, and what to do about it.
  std::string ToString() const;
};

// Blocks for a moment (at most about three seconds), on a port of its own made with `options`; any
// thread that runs no port. Fails when not even a loopback connection can be made or when it does
// not arrive, because something redirects it.
absl::StatusOr<ProbeResult> ProbeRedirectService(const io::PortOptions& options);

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_WFP_PROBE_H_

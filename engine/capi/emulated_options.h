// SPDX-License-Identifier: Apache-2.0
//
// Options of the emulated platform, from C and to C.
#ifndef SLUICE_CAPI_EMULATED_OPTIONS_H_
#define SLUICE_CAPI_EMULATED_OPTIONS_H_

#include "absl/status/status.h"
#include "sluice/emulated.h"
#include "sluice/sluice.h"

namespace sluice::capi {

sluice_knobs ToC(const emulated::Knobs& knobs);
// NULL: the defaults. `name` is the place in messages.
absl::Status Convert(const sluice_knobs* given, absl::string_view name, emulated::Knobs* out);
absl::Status Convert(const sluice_platform_options* given, emulated::PlatformOptions* out);
absl::Status Convert(const sluice_process_options* given, emulated::ProcessOptions* out);
absl::Status Convert(const sluice_vendor_options* given, emulated::VendorOptions* out);
absl::Status Convert(const sluice_filter_options* given, emulated::FilterOptions* out);

// callout.cc: valid as long as `values`.
sluice_classify_values ToC(const emulated::ClassifyValues& values);
void ConvertCallout(const sluice_filter_options& options, emulated::FilterOptions* out);

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_EMULATED_OPTIONS_H_

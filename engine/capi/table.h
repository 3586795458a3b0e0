// SPDX-License-Identifier: Apache-2.0
//
// Each file of the room fills in its functions.
#ifndef SLUICE_CAPI_TABLE_H_
#define SLUICE_CAPI_TABLE_H_

#include "sluice/sluice.h"

namespace sluice::capi {

void AddBase(sluice_api& table);
void AddOptions(sluice_api& table);
void AddRuntime(sluice_api& table);
void AddEngine(sluice_api& table);
void AddRedirect(sluice_api& table);
void AddWfp(sluice_api& table);
void AddInspector(sluice_api& table);
void AddBytes(sluice_api& table);
void AddBlocking(sluice_api& table);
void AddEmulatedOptions(sluice_api& table);
void AddEmulated(sluice_api& table);
void AddCallout(sluice_api& table);

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_TABLE_H_

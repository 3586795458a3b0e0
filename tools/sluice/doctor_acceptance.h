// SPDX-License-Identifier: Apache-2.0
//
// Acceptance: what a machine answers to the open questions about redirection, Q1 to Q16, and to the
// rows of the test matrix that a real Windows must pass. Without a driver most stay open; those say
// how to close them. Main thread.
#ifndef SLUICE_TOOLS_DOCTOR_ACCEPTANCE_H_
#define SLUICE_TOOLS_DOCTOR_ACCEPTANCE_H_

#include "nlohmann/json.hpp"
#include "tools/sluice/doctor.h"

namespace sluice::tool {

// Adds "label" and "acceptance" (questions, matrix, attached, raw) to the document. An attachment
// that cannot be read is recorded as such. REQUIRES: each attachment has a '='.
void AddAcceptance(const DoctorOptions& options, const DoctorReport& report,
                   nlohmann::ordered_json* document);

nlohmann::ordered_json AnswerQuestions(const DoctorReport& report);
nlohmann::ordered_json AnswerMatrix(const DoctorReport& report);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_DOCTOR_ACCEPTANCE_H_

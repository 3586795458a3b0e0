// SPDX-License-Identifier: Apache-2.0
//
// The reading half of sluice/wfp.h: blocking calls with growing buffers and normalised outcomes.
#include "engine/redirect/control_codes.h"
#include "engine/redirect/normalise.h"
#include "sluice/wfp.h"

namespace sluice::wfp {

static_assert(kQueryRecordsCode == redirect::kQueryRedirectRecords);
static_assert(kQueryContextCode == redirect::kQueryRedirectContext);
static_assert(kSetRecordsCode == redirect::kSetRedirectRecords);
static_assert(kRecordsOption == redirect::kOptionRedirectRecords);
static_assert(kContextOption == redirect::kOptionRedirectContext);
static_assert(kRecordsFirst == redirect::kRecordsFirst);
static_assert(kReplyMax == redirect::kReplyMax);

namespace {

using Query = Answer (*)(NativeSocket accepted, void* out, std::uint32_t size);

Outcome OutcomeOf(const Answer& answer) {
  if (answer.ok()) return Outcome::Done(answer.bytes);
  // The number decides; a code of ours would only be asked for numbers that mean nothing here.
  return Outcome{answer.bytes, OsError{ErrorCode::kOther, static_cast<std::int32_t>(answer.error)}};
}

Verdict VerdictOf(redirect::Meaning meaning) {
  switch (meaning) {
    case redirect::Meaning::kOk:
      return Verdict::kOk;
    case redirect::Meaning::kEmpty:
    case redirect::Meaning::kAbsent:
      return Verdict::kAbsent;
    case redirect::Meaning::kDenied:
      return Verdict::kDenied;
    case redirect::Meaning::kUnsupported:
      return Verdict::kUnsupported;
    case redirect::Meaning::kGone:
      return Verdict::kGone;
    case redirect::Meaning::kRejected:
      return Verdict::kRejected;
    case redirect::Meaning::kGrow:
    case redirect::Meaning::kFailed:
      break;
  }
  return Verdict::kFailed;
}

// Ends: the capacity at least doubles each time, and at kReplyMax nothing grows or is ambiguous.
Reply Read(Query query, NativeSocket accepted, std::uint32_t capacity) {
  Reply reply;
  for (;;) {
    reply.bytes.assign(capacity, '\0');
    const Answer answer = query(accepted, reply.bytes.data(), capacity);
    const redirect::QueryMeaning meaning = redirect::NormaliseQuery(OutcomeOf(answer), capacity);
    const bool grow = meaning.meaning == redirect::Meaning::kGrow;
    if (grow || meaning.ambiguous) {
      capacity = grow ? meaning.capacity : kReplyMax;
      continue;
    }
    reply.verdict = VerdictOf(meaning.meaning);
    reply.error = answer.error;
    reply.bytes.resize(reply.verdict == Verdict::kOk ? answer.bytes : 0);
    return reply;
  }
}

}  // namespace

const char* VerdictText(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kAbsent:
      return "absent";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kUnsupported:
      return "unsupported";
    case Verdict::kGone:
      return "gone";
    case Verdict::kRejected:
      return "rejected";
    case Verdict::kFailed:
      return "failed";
  }
  return "unknown";
}

Reply ReadRecords(NativeSocket accepted) {
  return Read(&QueryRecords, accepted, redirect::kRecordsFirst);
}

Reply ReadContext(NativeSocket accepted) {
  return Read(&QueryContext, accepted, redirect::kContextFirst);
}

Verdict CarryRecords(NativeSocket onward, absl::string_view records) {
  if (records.size() > kReplyMax) return Verdict::kRejected;
  const Answer answer =
      SetRecords(onward, records.data(), static_cast<std::uint32_t>(records.size()));
  return VerdictOf(redirect::NormaliseSet(OutcomeOf(answer)));
}

}  // namespace sluice::wfp

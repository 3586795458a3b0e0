// SPDX-License-Identifier: Apache-2.0
//
// Redirector: where an accepted connection was going, and what its onward connection must carry.
//
// A Redirector belongs to one engine, is set up before workers start and is then immutable but for
// its counters; its methods run on many workers at once, each with that worker's own port and pool.
// What is in flight lives in the caller's QueryOp and CarryOp (embedded in the flow, like io
// operations): their handlers run from Port::RunOnce, exactly once for each start, never inside the
// start call.
#ifndef SLUICE_REDIRECT_REDIRECTOR_H_
#define SLUICE_REDIRECT_REDIRECTOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/io/operation.h"
#include "engine/io/port.h"
#include "engine/memory/buffer_pool.h"
#include "engine/redirect/normalise.h"
#include "engine/redirect/origin.h"
#include "sluice/address.h"

namespace sluice::redirect {

// The outcome of a query or a carry as its owner sees it.
enum class Verdict : std::uint8_t {
  kOk,           // query: `origin` and `records` are valid. carry: the socket carries the records
  kAbsent,       // not delivered by redirection, or its record was lost
  kDenied,       // not elevated: a configuration fault
  kUnsupported,  // the provider lacks the code
  kGone,         // peer or socket gone, or cancelled: ordinary teardown
  kRejected,     // SET only: the blob was refused
  kBadContext,   // records fine, but the context is missing or not one of ours
  kFailed,       // anything else; `error` says what
};
// Static text. Any thread.
const char* VerdictText(Verdict verdict);
// kEmpty is kAbsent; kGrow has no verdict and must not be given.
Verdict VerdictOf(Meaning meaning);

// What a redirector may use of the worker that calls it.
struct WorkerView {
  io::Port* port = nullptr;
  memory::BufferPool* buffers = nullptr;
};

class Redirector;

// REQUIRES for both operations: bound before started, not destroyed before idle.
class QueryOp {
 public:
  using Handler = void (*)(void* owner);

  QueryOp() = default;
  QueryOp(const QueryOp&) = delete;
  QueryOp& operator=(const QueryOp&) = delete;
  ~QueryOp();

  void Bind(void* owner, Handler handler) {
    SLUICE_CHECK(!running_);
    owner_ = owner;
    handler_ = handler;
  }
  // True while no io operation of it is in flight.
  bool idle() const { return !running_; }
  // Asks that a running query end soon, with kGone. Its handler still runs, once. Harmless when
  // idle.
  void Cancel();
  // Drops records and context; for the next use. REQUIRES: idle.
  void Reset();

  // Valid from the handler on.
  Verdict verdict() const { return verdict_; }
  OsError error() const { return error_; }
  // On a verdict other than kOk it may still be filled, when the context was readable but the
  // records were not to be had; empty otherwise.
  const Origin& origin() const { return origin_; }
  // The callout's bytes, as they came; also when no codec knew them. Empty if there are none, and
  // on kGone. Valid until Reset, as is a path in `origin`.
  absl::Span<const std::byte> context() const {
    return absl::MakeConstSpan(context_.buffer.data(), context_bytes_);
  }
  // The opaque blob to carry, size() bytes of it; false when there is none to carry (`none`).
  const memory::Buffer& records() const { return records_.buffer; }

 private:
  friend class Redirector;
  friend class WfpRedirector;

  // One of the two control codes on its way.
  struct Lane {
    io::ControlOp op;
    memory::Buffer buffer;  // the kernel's while `op` is armed
    OsError error;
    Meaning meaning = Meaning::kFailed;
    bool ambiguous = false;  // the last answer may have meant "too small"; never at kReplyMax
  };

  void DropContext();

  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  Redirector* redirector_ = nullptr;
  WorkerView worker_;
  io::Socket* socket_ = nullptr;
  Lane records_;
  Lane context_;
  io::DeferOp defer_op_;
  Origin origin_;
  std::uint32_t context_bytes_ = 0;  // of context_.buffer
  Verdict verdict_ = Verdict::kFailed;
  OsError error_;
  std::uint8_t pending_ = 0;  // io operations not yet heard of; nonzero exactly while running_
  bool running_ = false;
  bool cancelled_ = false;
};

class CarryOp {
 public:
  using Handler = void (*)(void* owner);

  CarryOp() = default;
  CarryOp(const CarryOp&) = delete;
  CarryOp& operator=(const CarryOp&) = delete;
  ~CarryOp();

  void Bind(void* owner, Handler handler) {
    SLUICE_CHECK(!running_);
    owner_ = owner;
    handler_ = handler;
  }
  bool idle() const { return !running_; }
  // As QueryOp::Cancel; whatever became of the SET, the verdict is then kGone.
  void Cancel();

  // Valid from the handler on.
  Verdict verdict() const { return verdict_; }
  OsError error() const { return error_; }

 private:
  friend class Redirector;
  friend class WfpRedirector;

  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  Redirector* redirector_ = nullptr;
  WorkerView worker_;
  io::ControlOp set_op_;
  io::DeferOp defer_op_;
  memory::Buffer records_;  // keeps the blob alive until the outcome
  Verdict verdict_ = Verdict::kFailed;
  OsError error_;
  bool running_ = false;
  bool cancelled_ = false;
};

class Redirector {
 public:
  virtual ~Redirector() = default;

  // "none", "wfp", ...: static text for logs.
  virtual const char* name() const = 0;
  // Whether the OS may take a connection elsewhere than it was going, so that one to any address of
  // this machine may come back to its own process.
  virtual bool redirects() const { return true; }
  // What records and contexts of one flow may come to hold in the worker's pool, which keeps every
  // size once asked for: two replies that grow from the smallest to the largest.
  virtual std::size_t QueryBytesMax() const { return 2 * 2 * memory::BufferPool::kSizeMax; }
  // Asks where `accepted` was going. `accepted` stays open until the outcome (if it is closed, or
  // the port cancels, the verdict is kGone).
  virtual void Query(QueryOp& operation, const WorkerView& worker, io::Socket& accepted) = 0;
  // Puts what `query` found onto `onward`: an open socket, neither bound nor connecting. Must have
  // completed before connect is posted; on anything but kOk the socket must not be used. The
  // accepted socket stays open until the outcome of every Carry made from its query. A query that
  // found no records is carried at once, as nothing.
  virtual void Carry(CarryOp& operation, const WorkerView& worker, io::Socket& onward,
                     const QueryOp& query) = 0;

 protected:
  // For implementations. Begin marks the operation as running; End makes it idle and runs its
  // handler, so call it from an io handler only. EndLater answers through the worker's port: what a
  // redirector does that knows its answer at once.
  static void Begin(QueryOp& operation, Redirector* self, const WorkerView& worker,
                    io::Socket& accepted);
  static void End(QueryOp& operation, Verdict verdict, OsError error);
  // Before an end: the context is known, and it is the first `bytes` of the context's buffer.
  static void NoteContext(QueryOp& operation, std::uint32_t bytes) {
    operation.context_bytes_ = bytes;
  }
  // The same for a redirector that has no kernel to ask: keeps copies of a context and of a process
  // path, which becomes the origin's. False when they are larger than a buffer, or when there is no
  // memory: nothing is kept. REQUIRES: begun, with `buffers`.
  static bool KeepContext(QueryOp& operation, absl::string_view context,
                          absl::string_view process_path, Origin* origin);
  static void EndLater(QueryOp& operation, Verdict verdict, OsError error, const Origin& origin);
  static void Begin(CarryOp& operation, Redirector* self, const WorkerView& worker);
  static void End(CarryOp& operation, Verdict verdict, OsError error);
  static void EndLater(CarryOp& operation, Verdict verdict, OsError error);
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_REDIRECTOR_H_
